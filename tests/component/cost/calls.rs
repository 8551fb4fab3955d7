//! The calls of the bill: calls for one item, then bulk calls and transactions.

use super::bill::{Bill, VALUE, key};
use crate::fixture::{
    EXPIRES_AT, Store, delete_if_etag, delete_of, expiring, first_write, if_etag, set_of,
};
use dapr_wasm_host::types::{Consistency, DeleteRequest, GetOptions, Operation, SetRequest};
use std::ops::Range;

/// The bytes of an item besides its value: names, key and ETag.
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
            assert_eq!(store.get(&key(0)).await, None);
        })
        .await;
        self.row("`set`", async |store| {
            store.set(&key(0), &VALUE).await;
        })
        .await;
        self.row("`set` of 985 bytes", async |store| {
            let value = LARGEST_VALUE_OF_ONE_UNIT;
            assert_eq!(value.len(), 985);
            store.set(&key(1), value).await;
        })
        .await;
        self.row("`set` of bytes that are no text", async |store| {
            let value = [0xff; 1024];
            store.set(&key(1), &value).await;
        })
        .await;
        self.row("`get`", async |store| {
            store.get(&key(0)).await.unwrap();
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
            store.set(&key(99_997), &value).await;
        })
        .await;
        self.row("`get` of 10 KiB", async |store| {
            store.get(&key(99_997)).await.unwrap();
        })
        .await;
        self.conditional_calls().await;
        self.row("`delete`", async |store| {
            store.delete(&key(0)).await;
        })
        .await;
        self.row("`delete` of an absent key", async |store| {
            store.delete(&key(0)).await;
        })
        .await;
        let init = async |store: &mut Store| store.binding().init(&metadata).await.unwrap();
        self.row("`init` of the binding", init).await;
        self.row("`create`, one field of 1 KiB", async |store| {
            let field = "x".repeat(1024);
            let item = serde_json::json!({ "key": key(0), "field": field }).to_string();
            store.create(item).await.unwrap();
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

    /// Adds calls with a time to live. A condition treats an expired item as absent.
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

impl Bill {
    pub async fn bulk_calls_of_a_few(&mut self) {
        self.set("`bulk-set` of 25", sets(0..25)).await;
        self.set("`bulk-set` of 26", sets(0..26)).await;
        let mut one_conditional = sets(0..24);
        one_conditional.push(set_of(&key(30), &VALUE, first_write()));
        self.set("`bulk-set` of 25, one first-write", one_conditional)
            .await;
        let one_repeated = [sets(0..24), sets(0..1)].concat();
        self.set("`bulk-set` of 25, one key twice", one_repeated)
            .await;
        self.stock().await;
        self.delete("`bulk-delete` of 25", deletes(0..25)).await;
        self.stock().await;
        self.delete("`bulk-delete` of 26", deletes(0..26)).await;
        self.stock().await;
        let etag = self.etag(&key(0)).await;
        let mut one_conditional = deletes(1..25);
        one_conditional.push(delete_of(&key(0), delete_if_etag(&etag)));
        self.delete("`bulk-delete` of 25, one with an ETag", one_conditional)
            .await;
        self.stock().await;
        let one_repeated = [deletes(0..24), deletes(0..1)].concat();
        self.delete("`bulk-delete` of 25, one key twice", one_repeated)
            .await;
    }

    pub async fn bulk_calls_of_many(&mut self) {
        self.set("`bulk-set` of 10,000", sets(0..10_000)).await;
        self.get("`bulk-get` of 1", keys(0..1)).await;
        self.get("`bulk-get` of 100", keys(0..100)).await;
        self.get("`bulk-get` of 101", keys(0..101)).await;
        self.get("`bulk-get` of 10,000", keys(0..10_000)).await;
        let each_twice = [keys(0..5_000), keys(0..5_000)].concat();
        self.get("`bulk-get` of 10,000, each key twice", each_twice)
            .await;
    }

    pub async fn transactions(&mut self) {
        for (call, operations) in [
            ("`transact` of 1", sets(0..1)),
            ("`transact` of 10", sets(0..10)),
            ("`transact` of 100", sets(0..100)),
        ] {
            let operations: Vec<_> = operations.into_iter().map(Operation::Set).collect();
            self.row(call, async |store| {
                store.state().transact(&operations).await.unwrap();
            })
            .await;
        }
    }

    /// Sets the items that the next call deletes. Adds no row.
    async fn stock(&mut self) {
        self.set("", sets(0..26)).await;
        self.rows.pop();
    }

    async fn set(&mut self, call: &'static str, requests: Vec<SetRequest>) {
        self.row(call, async |store| {
            let written = store.state().bulk_set(&requests).await.unwrap();
            assert!(written.iter().all(Result::is_ok), "{call}");
        })
        .await;
    }

    async fn get(&mut self, call: &'static str, keys: Vec<String>) {
        self.row(call, async |store| {
            let read = store.state().bulk_get(&keys, None).await.unwrap();
            assert!(
                read.iter().all(|item| matches!(item, Ok(Some(_)))),
                "{call}"
            );
        })
        .await;
    }

    async fn delete(&mut self, call: &'static str, requests: Vec<DeleteRequest>) {
        self.row(call, async |store| {
            let deleted = store.state().bulk_delete(&requests).await.unwrap();
            assert!(deleted.iter().all(Result::is_ok), "{call}");
        })
        .await;
    }
}

fn keys(numbers: Range<usize>) -> Vec<String> {
    numbers.map(key).collect()
}

fn sets(numbers: Range<usize>) -> Vec<SetRequest> {
    numbers.map(|n| set_of(&key(n), &VALUE, None)).collect()
}

fn deletes(numbers: Range<usize>) -> Vec<DeleteRequest> {
    numbers.map(|n| delete_of(&key(n), None)).collect()
}
