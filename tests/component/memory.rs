//! An instance's memory grows with what one call is given and returns, not with the requests that the call takes.
//!
//! Linear memory never shrinks: what an instance has after a call is the most that it had during the call.

use crate::fixture::{Settings, Store, first_write, own_engine, set_of};
use dapr_wasm_host::InstanceOptions;
use dapr_wasm_host::types::{SetOptions, SetRequest};

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;
/// The most that the items of one BatchGetItem answer have.
const ANSWER: usize = 16 * MIB;
/// The bytes that the allocator keeps in pieces between what is in use.
const SLACK: usize = MIB;

/// Bytes that an instance took for `call`, beside those that it has after `init`.
async fn taken(settings: &Settings, call: impl AsyncFnOnce(&mut Store)) -> usize {
    let mut store = settings.store().await;
    let idle = store.memory();
    call(&mut store).await;
    store.memory() - idle
}

/// A store that may have this much memory and no more.
async fn limited(settings: &Settings, bytes: usize) -> Store {
    let limit = |options: InstanceOptions| options.memory_limit(bytes);
    let mut store = settings.blank_with(limit).await;
    store.state().init(&settings.metadata).await.unwrap();
    store
}

fn keys(count: usize) -> Vec<String> {
    (0..count).map(|i| format!("order-{i:05}")).collect()
}

fn sets(count: usize, size: usize, options: Option<SetOptions>) -> Vec<SetRequest> {
    let value = vec![b'x'; size];
    let keys = keys(count);
    let sets = keys.iter().map(|key| set_of(key, &value, options.clone()));
    sets.collect()
}

async fn set_all(store: &mut Store, sets: &[SetRequest]) {
    let written = store.state().bulk_set(sets).await.unwrap();
    assert!(written.iter().all(Result::is_ok));
}

async fn get_all(store: &mut Store, keys: &[String], size: usize) {
    let read = store.state().bulk_get(keys, None).await.unwrap();
    assert_eq!(read.len(), keys.len());
    for item in read {
        assert_eq!(item.unwrap().unwrap().value.len(), size);
    }
}

#[tokio::test]
async fn a_bulk_get_takes_memory_for_its_results_and_one_answer() {
    let settings = Settings::new().await;
    set_all(&mut settings.store().await, &sets(10_000, KIB, None)).await;
    for count in [1_000, 10_000] {
        let keys = keys(count);
        let taken = taken(&settings, async |store| get_all(store, &keys, KIB).await).await;
        let results = count * (KIB + 512);
        let bound = results + 100 * KIB + SLACK;
        assert!(taken <= bound, "{count} keys: {taken} of {bound}");
    }
}

#[tokio::test]
async fn a_bulk_set_takes_memory_for_its_requests_twice() {
    let settings = Settings::new().await;
    for count in [1_000, 10_000] {
        let sets = sets(count, KIB, None);
        let taken = taken(&settings, async |store| set_all(store, &sets).await).await;
        let bound = 2 * count * KIB + SLACK;
        assert!(taken <= bound, "{count} requests: {taken} of {bound}");
    }
}

/// Each of them is a request of its own, of which 8 are under way.
#[tokio::test]
async fn conditional_requests_of_a_bulk_set_take_no_more_than_others() {
    let settings = Settings::new().await;
    let sets = sets(5_000, KIB, first_write());
    let taken = taken(&settings, async |store| set_all(store, &sets).await).await;
    let bound = 2 * sets.len() * KIB + SLACK;
    assert!(taken <= bound, "{taken} of {bound}");
}

/// 100 of these items exceed one answer, so that DynamoDB leaves keys unprocessed.
#[tokio::test]
async fn a_hundred_mb_are_set_within_192_mib_and_read_within_128() {
    const SIZE: usize = 200 * KIB;
    let (_engine, settings) = own_engine().await;
    // 40 MB are under way at a time, and each request has the time of all of them.
    let settings = settings.with("requestTimeout", "150s");
    let sets = sets(500, SIZE, None);
    set_all(&mut limited(&settings, 192 * MIB).await, &sets).await;
    let keys = keys(500);
    get_all(&mut limited(&settings, 128 * MIB).await, &keys, SIZE).await;
    // What a call returns may be more than the 128 MiB that wasmtime lets it be by default.
    let more = [&keys[..], &keys[..250]].concat();
    let taken = taken(&settings, async |store| get_all(store, &more, SIZE).await).await;
    let bound = more.len() * (SIZE + 512) + ANSWER + SLACK;
    assert!(taken <= bound, "{taken} of {bound}");
}
