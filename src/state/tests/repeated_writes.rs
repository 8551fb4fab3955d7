//! Tests of `unconfirmedWrites: repeat`: a write whose response was lost is sent again, as
//! AWS's SDKs do.

use super::{answering, delete, first_write, leaving, lost_answers, names, set, written};
use crate::dynamodb::Repeat;
use crate::error::Error;
use crate::state::StateStore;
use crate::test_support::{Scene, Scripted, Sent, config, success};
use serde_json::json;

/// Returns a store whose first response is lost. `scene` makes the later ones.
fn repeating(lost: Scene, mut scene: impl FnMut(&Sent) -> Scene + 'static) -> StateStore<Scripted> {
    let mut store = answering(move |number, sent| match number {
        1 => lost.clone(),
        _ => scene(sent),
    });
    store.unconfirmed_writes = Repeat::Always;
    store
}

#[tokio::test]
async fn lost_write_of_one_item_is_sent_again() {
    for lost in lost_answers() {
        let store = repeating(lost, |_| success().into());
        store.set(set("a")).await.unwrap();
        let requests = store.requests();
        assert_eq!(store.operations(), ["PutItem", "PutItem"]);
        assert_eq!(requests[0].body, requests[1].body);
    }
    for lost in lost_answers() {
        let store = repeating(lost, |_| success().into());
        store.delete(delete("a")).await.unwrap();
        assert_eq!(store.operations(), ["DeleteItem", "DeleteItem"]);
    }
}

#[tokio::test]
async fn lost_batch_is_sent_again() {
    for lost in lost_answers() {
        let store = repeating(lost, |sent| leaving(sent, |_| false).into());
        let results = store.bulk_set(vec![set("a"), set("b")]).await;
        assert!(results.iter().all(Result::is_ok), "{results:?}");
        assert_eq!(store.operations(), ["BatchWriteItem", "BatchWriteItem"]);
        let requests = store.requests();
        assert_eq!(written(&requests[0]), written(&requests[1]));
        assert_eq!(written(&requests[1]).len(), names(&["a", "b"]).len());
    }
}

/// The stored item has the ETag of this set, or that of another one.
#[tokio::test]
async fn retried_first_write_recognises_its_own_item() {
    for (foreign, lost) in [false, true].into_iter().zip(lost_answers()) {
        let mut first = None;
        let store = answering(move |number, sent| match number {
            1 => {
                first = Some(sent.json()["Item"].clone());
                lost.clone()
            }
            _ => {
                let mut item = first.clone().unwrap();
                if foreign {
                    item["etag"]["S"] = json!("another");
                }
                super::json(&json!({
                    "__type": "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException",
                    "message": "The conditional request failed",
                    "Item": item,
                }))
                .into()
            }
        });
        let mut store = store;
        store.unconfirmed_writes = Repeat::Always;
        let result = store.set(first_write("a")).await;
        let asks = &store.requests()[0].json()["ReturnValuesOnConditionCheckFailure"];
        assert_eq!(asks, "ALL_OLD");
        assert_eq!(store.operations(), ["PutItem", "PutItem"]);
        match foreign {
            false => assert!(result.is_ok(), "{result:?}"),
            true => assert!(matches!(result, Err(Error::Unavailable(_))), "{result:?}"),
        }
    }
}

#[tokio::test]
async fn set_whose_responses_are_all_lost_is_read_back() {
    let mut config = config();
    config.state.unconfirmed_writes = Repeat::Always;
    let mut etag = json!(null);
    let platform = Scripted::answering(move |sent| match sent.operation() {
        "PutItem" => {
            etag = sent.json()["Item"]["etag"]["S"].clone();
            lost_answers()[1].clone()
        }
        _ => super::json(&json!({"Item": {"etag": {"S": etag}}})).into(),
    });
    let store = config.store(platform);
    assert!(store.set(set("a")).await.is_ok());
    let puts = ["PutItem"; 4];
    assert_eq!(store.operations(), [&puts[..], &["GetItem"]].concat());
}
