//! An instance's memory grows with the arguments and results of a call, not with the number of
//! requests that the call makes.
//!
//! Linear memory never shrinks, so its size after a call is the peak of that call.

use crate::fixture::{Settings, Store, first_write, own_engine, set_of};
use dapr_wasm_host::InstanceOptions;
use dapr_wasm_host::types::{SetOptions, SetRequest};

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;
/// The maximum size of the items in one BatchGetItem response.
const ANSWER: usize = 16 * MIB;
/// An allowance for free space between allocations, in bytes.
const SLACK: usize = MIB;

/// Returns the bytes by which `call` grows the memory of an instance after `init`.
async fn taken(settings: &Settings, call: impl AsyncFnOnce(&mut Store)) -> usize {
    let mut store = settings.store().await;
    let idle = store.memory();
    call(&mut store).await;
    store.memory() - idle
}

/// Returns a store with this memory limit.
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
async fn bulk_get_needs_memory_for_results_and_one_response() {
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
async fn bulk_set_needs_at_most_twice_the_memory_of_its_requests() {
    let settings = Settings::new().await;
    for count in [1_000, 10_000] {
        let sets = sets(count, KIB, None);
        let taken = taken(&settings, async |store| set_all(store, &sets).await).await;
        let bound = 2 * count * KIB + SLACK;
        assert!(taken <= bound, "{count} requests: {taken} of {bound}");
    }
}

/// Each conditional set is a request of its own, and 8 are in flight at a time.
#[tokio::test]
async fn conditional_bulk_set_needs_no_more_memory() {
    let settings = Settings::new().await;
    let sets = sets(5_000, KIB, first_write());
    let taken = taken(&settings, async |store| set_all(store, &sets).await).await;
    let bound = 2 * sets.len() * KIB + SLACK;
    assert!(taken <= bound, "{taken} of {bound}");
}

/// 100 of these items exceed one response, so DynamoDB leaves keys unprocessed.
#[tokio::test]
async fn hundred_mb_are_set_in_192_mib_and_read_in_128_mib() {
    const SIZE: usize = 200 * KIB;
    let (_engine, settings) = own_engine().await;
    // 40 MB are in flight at a time, and each request waits as long as all of them together.
    let settings = settings.with("requestTimeout", "150s");
    let sets = sets(500, SIZE, None);
    set_all(&mut limited(&settings, 192 * MIB).await, &sets).await;
    let keys = keys(500);
    get_all(&mut limited(&settings, 128 * MIB).await, &keys, SIZE).await;
    // A call may return more than 128 MiB, wasmtime's default limit for the results of a call.
    let more = [&keys[..], &keys[..250]].concat();
    let taken = taken(&settings, async |store| get_all(store, &more, SIZE).await).await;
    let bound = more.len() * (SIZE + 512) + ANSWER + SLACK;
    assert!(taken <= bound, "{taken} of {bound}");
}
