//! Calls that name many items: bulk calls and transactions.

use std::ops::Range;

use dapr_wasm_host::types::{DeleteRequest, Operation, SetRequest};

use super::bill::{Bill, VALUE, key};
use crate::fixture::{delete_if_etag, delete_of, first_write, set_of};

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

    /// Sets what the next call deletes; no row of its own.
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
