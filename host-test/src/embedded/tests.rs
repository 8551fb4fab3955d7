use super::*;
use crate::raw_call::raw_call;
use serde_json::json;

#[tokio::test]
async fn item_written_over_http_can_be_read_directly() {
    let embedded = Embedded::start(Storage::Memory).await.unwrap();
    embedded.create_table("state", "key").await.unwrap();
    let item =
        json!({ "key": { "S": "a" }, "n": { "N": "1234567890123456789012345678901234567" } });
    let put = json!({ "TableName": "state", "Item": item });
    let (status, _) = raw_call(embedded.endpoint(), "PutItem", &put)
        .await
        .unwrap();
    assert_eq!(status, 200);
    let key = json!({ "key": { "S": "a" } });
    assert_eq!(
        embedded.get_item("state", key).await.unwrap(),
        Some(item.clone())
    );
    assert_eq!(embedded.scan("state").await.unwrap(), [item]);
}

#[tokio::test]
async fn data_in_a_folder_survives_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let storage = Storage::Folder(folder.path().join("made/on/demand"));
    let item = json!({ "key": { "S": "kept" }, "value": { "S": "v" } });
    let first = Embedded::start(storage.clone()).await.unwrap();
    assert!(first.create_table_if_absent("state", "key").await.unwrap());
    first.put_item("state", item.clone()).await.unwrap();
    drop(first);

    let second = Embedded::start(storage).await.unwrap();
    assert!(!second.create_table_if_absent("state", "key").await.unwrap());
    assert_eq!(second.scan("state").await.unwrap(), [item]);
}

#[tokio::test]
async fn data_in_memory_is_lost_on_restart() {
    let first = Embedded::start(Storage::Memory).await.unwrap();
    first.create_table("state", "key").await.unwrap();
    drop(first);
    let second = Embedded::start(Storage::Memory).await.unwrap();
    assert!(second.table_names().await.unwrap().is_empty());
}

#[tokio::test]
async fn dropping_the_handle_closes_the_port() {
    let embedded = Embedded::start(Storage::Memory).await.unwrap();
    let endpoint = embedded.endpoint().to_owned();
    let address = endpoint.trim_start_matches("http://").to_owned();
    assert!(tokio::net::TcpStream::connect(&address).await.is_ok());
    drop(embedded);
    assert!(tokio::net::TcpStream::connect(&address).await.is_err());
}

#[tokio::test]
async fn unfinished_request_does_not_block_drop() {
    use tokio::io::AsyncWriteExt;
    let embedded = Embedded::start(Storage::Memory).await.unwrap();
    let address = embedded.endpoint().trim_start_matches("http://").to_owned();
    let mut half = tokio::net::TcpStream::connect(&address).await.unwrap();
    half.write_all(b"POST / HTTP/1.1\r\ncontent-length: 10\r\n\r\n{")
        .await
        .unwrap();
    let began = std::time::Instant::now();
    drop(embedded);
    assert!(began.elapsed() < Duration::from_secs(30));
}

#[tokio::test]
async fn sweep_deletes_only_expired_items() {
    let embedded = Embedded::start(Storage::Memory).await.unwrap();
    embedded.create_table("state", "key").await.unwrap();
    embedded.enable_ttl("state", "expiresAt").await.unwrap();
    embedded.enable_ttl("state", "expiresAt").await.unwrap();
    let expired = json!({ "key": { "S": "old" }, "expiresAt": { "N": "1000000000" } });
    let lasting = json!({ "key": { "S": "new" }, "expiresAt": { "N": "99999999999" } });
    embedded.put_item("state", expired).await.unwrap();
    embedded.put_item("state", lasting.clone()).await.unwrap();
    assert_eq!(embedded.scan("state").await.unwrap().len(), 2);
    assert_eq!(embedded.sweep_ttl().await.unwrap(), 1);
    assert_eq!(embedded.scan("state").await.unwrap(), [lasting]);
}

#[tokio::test]
async fn absent_item_is_none_and_absent_table_is_an_error() {
    let embedded = Embedded::start(Storage::Memory).await.unwrap();
    embedded.create_table("state", "key").await.unwrap();
    let key = json!({ "key": { "S": "a" } });
    assert_eq!(embedded.get_item("state", key.clone()).await.unwrap(), None);
    let error = embedded.get_item("other", key).await.unwrap_err();
    assert!(error.to_string().contains("GetItem"), "{error}");
}

#[tokio::test]
async fn error_names_the_folder_that_cannot_be_created() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let error = Embedded::start(Storage::Folder(file.clone()))
        .await
        .err()
        .unwrap();
    assert!(
        error.to_string().contains(&file.display().to_string()),
        "{error}"
    );
}

#[test]
fn concurrent_opens_of_a_folder_create_one_table() {
    const WHO: usize = 8;
    for _ in 0..5 {
        let folder = tempfile::tempdir().unwrap();
        let open = || {
            let runtime = tokio::runtime::Runtime::new().unwrap();
            runtime.block_on(async {
                let storage = Storage::Folder(folder.path().join("fresh"));
                let embedded = Embedded::start(storage).await?;
                embedded.create_table_if_absent("state", "key").await
            })
        };
        let opened: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..WHO).map(|_| scope.spawn(open)).collect();
            threads.into_iter().map(|one| one.join().unwrap()).collect()
        });
        let created: Vec<bool> = opened.into_iter().map(|one| one.unwrap()).collect();
        let creators = created.iter().filter(|created| **created).count();
        assert_eq!(creators, 1, "{created:?}");
    }
}

#[tokio::test]
async fn table_is_found_beyond_the_first_page_of_names() {
    let embedded = Embedded::start(Storage::Memory).await.unwrap();
    let names: Vec<String> = (0..101)
        .map(|number| format!("table-{number:03}"))
        .collect();
    for name in &names {
        assert!(embedded.create_table_if_absent(name, "key").await.unwrap());
    }
    assert_eq!(embedded.table_names().await.unwrap(), names);
    for name in &names {
        assert!(!embedded.create_table_if_absent(name, "key").await.unwrap());
    }
}
