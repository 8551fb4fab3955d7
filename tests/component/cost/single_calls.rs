//! Calls that name one item.

use dapr_wasm_host::types::{Consistency, GetOptions};

use super::bill::{Bill, VALUE, key};
use crate::fixture::{EXPIRES_AT, Store, delete_if_etag, expiring, first_write, if_etag};

/// What an item has beside its value: names, key and ETag.
const BESIDE_THE_VALUE: usize =
    "key".len() + "order-00000".len() + "value".len() + "etag".len() + 16;
/// The largest value with which an item is 1 KB.
const LARGEST_VALUE_OF_ONE_UNIT: &[u8] = VALUE.split_at(1024 - BESIDE_THE_VALUE).0;

impl Bill {
    pub async fn single_calls(&mut self) {
        let metadata = self.settings.metadata.clone();
        let init = async |store: &mut Store| store.state().init(&metadata).await.unwrap();
        self.row("`init`", init).await;
        self.row("`ping`", async |store| store.state().ping().await.unwrap())
            .await;
        self.row("`get` of an absent key", async |store| {
            assert_eq!(store.state().get(&key(0), None).await.unwrap(), None);
        })
        .await;
        self.row("`set`", async |store| {
            store.state().set(&key(0), &VALUE, None).await.unwrap();
        })
        .await;
        self.row("`set` of 985 bytes", async |store| {
            let value = LARGEST_VALUE_OF_ONE_UNIT;
            assert_eq!(value.len(), 985);
            store.state().set(&key(1), value, None).await.unwrap();
        })
        .await;
        self.row("`set` of bytes that are no text", async |store| {
            let value = [0xff; 1024];
            store.state().set(&key(1), &value, None).await.unwrap();
        })
        .await;
        self.row("`get`", async |store| {
            store.state().get(&key(0), None).await.unwrap().unwrap();
        })
        .await;
        self.row("`get`, strong", async |store| {
            let consistency = Some(Consistency::Strong);
            let strong = Some(GetOptions { consistency });
            store.state().get(&key(0), strong).await.unwrap().unwrap();
        })
        .await;
        self.row("`set` of 10 KiB", async |store| {
            let value = VALUE.repeat(10);
            store.state().set(&key(99_997), &value, None).await.unwrap();
        })
        .await;
        self.row("`get` of 10 KiB", async |store| {
            store
                .state()
                .get(&key(99_997), None)
                .await
                .unwrap()
                .unwrap();
        })
        .await;
        self.conditional_calls().await;
        self.row("`delete`", async |store| {
            store.state().delete(&key(0), None).await.unwrap();
        })
        .await;
        self.row("`delete` of an absent key", async |store| {
            store.state().delete(&key(0), None).await.unwrap();
        })
        .await;
        let init = async |store: &mut Store| store.binding().init(&metadata).await.unwrap();
        self.row("`init` of the binding", init).await;
        self.row("`create`, one field of 1 KiB", async |store| {
            let field = "x".repeat(1024);
            let item = serde_json::json!({ "key": key(0), "field": field }).to_string();
            let answer = store
                .binding()
                .invoke("create", item.as_bytes(), None)
                .await;
            answer.unwrap();
        })
        .await;
    }

    async fn conditional_calls(&mut self) {
        let etag = self.etag(&key(0)).await;
        self.row("`set` with an ETag", async |store| {
            let matching = if_etag(&etag);
            store.state().set(&key(0), &VALUE, matching).await.unwrap();
        })
        .await;
        self.row("`set`, first-write", async |store| {
            let absent = first_write();
            store.state().set(&key(2), &VALUE, absent).await.unwrap();
        })
        .await;
        self.row("`set`, first-write, that is refused", async |store| {
            let answer = store.state().set(&key(0), &VALUE, first_write()).await;
            answer.unwrap_err();
        })
        .await;
        let etag = self.etag(&key(2)).await;
        self.row("`delete` with an ETag", async |store| {
            let matching = delete_if_etag(&etag);
            store.state().delete(&key(2), matching).await.unwrap();
        })
        .await;
    }

    /// Where items may have expired, a condition holds for an expired item as for none.
    pub async fn calls_with_time_to_live(&mut self) {
        let settings = self.settings.with("ttlAttributeName", EXPIRES_AT);
        let metadata = settings.metadata;
        self.store.state().init(&metadata).await.unwrap();
        self.row("`set` with a time to live", async |store| {
            let hour = expiring(3_600);
            store.state().set(&key(99_998), &VALUE, hour).await.unwrap();
        })
        .await;
        let etag = self.etag(&key(99_998)).await;
        self.row(
            "`set` with an ETag, `ttlAttributeName` given",
            async |store| {
                let matching = if_etag(&etag);
                store
                    .state()
                    .set(&key(99_998), &VALUE, matching)
                    .await
                    .unwrap();
            },
        )
        .await;
        self.row(
            "`set`, first-write, `ttlAttributeName` given",
            async |store| {
                let absent = first_write();
                store
                    .state()
                    .set(&key(99_999), &VALUE, absent)
                    .await
                    .unwrap();
            },
        )
        .await;
    }
}
