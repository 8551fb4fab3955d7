//! A call ends when its time is over, whatever the component does meanwhile, and no task is kept waiting by another's.

use super::components::{Spins, binding_that_spins, that_traps};
use super::{load, load_for, runtime, start};
use crate::tests::assert_matches;
use crate::types::Metadata;
use crate::{CallError, HostError, Instance, InstanceOptions, InstancePool, Plugin, PoolError};
use std::num::NonZeroUsize;
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// No component of these tests takes a thousandth of it where it is well, and where it is not it takes for ever.
const LIMIT: Duration = Duration::from_secs(2);

fn plugin(when: Spins) -> Plugin {
    // One instance: what a lost one leaves must be free before the next one starts.
    load_for(1, &binding_that_spins(when))
}

fn limited() -> InstanceOptions {
    InstanceOptions::new().time_limit(LIMIT)
}

/// A limited instance.
async fn started(when: Spins) -> Instance {
    plugin(when).instantiate(&limited()).await.unwrap()
}

fn is_over<T>(called: Result<T, CallError>) -> bool {
    matches!(called, Err(CallError::TimeLimit { limit: LIMIT }))
}

#[tokio::test]
async fn a_call_that_computes_past_its_limit_is_cancelled_and_loses_the_instance() {
    let plugin = plugin(Spins::InInvoke);
    let mut instance = plugin.instantiate(&limited()).await.unwrap();
    let mut binding = instance.binding().unwrap();
    binding.operations().await.unwrap();
    let over = binding.invoke("spin", b"", None).await.unwrap_err();
    assert!(over.to_string().contains("time limit of 2s"), "{over}");
    assert!(is_over::<()>(Err(over)));
    let lost = binding.operations().await.unwrap_err();
    assert_matches!(lost, CallError::InstanceLost);
    drop(instance);
    plugin.instantiate(&limited()).await.unwrap();
}

#[tokio::test]
async fn a_call_that_waits_past_its_limit_is_cancelled() {
    let mut instance = started(Spins::InInvoke).await;
    assert!(is_over(instance.binding().unwrap().ping().await));
    assert!(instance.is_lost());
}

#[tokio::test]
async fn a_component_that_computes_while_it_takes_its_arguments_is_cancelled() {
    let mut instance = started(Spins::TakingArguments).await;
    let mut binding = instance.binding().unwrap();
    assert!(is_over(binding.invoke("create", b"{}", None).await));
}

#[tokio::test]
async fn a_component_that_computes_when_it_starts_gives_its_room_back() {
    let plugin = plugin(Spins::AtStart);
    for _ in 0..2 {
        let over = plugin.instantiate(&limited()).await.unwrap_err();
        assert_matches!(over, HostError::TimeLimit { limit: LIMIT });
    }
}

#[tokio::test]
async fn a_pool_whose_instances_compute_when_they_are_configured_stays_whole() {
    let pool = InstancePool::builder(&plugin(Spins::InInit))
        .options(limited())
        .binding(Metadata::new())
        .retry_pause(Duration::ZERO)
        .max_instances(NonZeroUsize::MIN)
        .build();
    for _ in 0..2 {
        let over = pool.acquire().await.unwrap_err();
        let PoolError::Init(cause) = over else {
            panic!("{over}");
        };
        assert!(matches!(*cause, CallError::TimeLimit { limit: LIMIT }));
    }
}

#[tokio::test]
async fn a_pool_replaces_an_instance_whose_call_took_too_long() {
    let pool = InstancePool::builder(&plugin(Spins::InInvoke))
        .options(limited())
        .max_instances(NonZeroUsize::MIN)
        .build();
    for _ in 0..2 {
        let mut instance = pool.acquire().await.unwrap();
        let mut binding = instance.binding().unwrap();
        assert!(is_over(binding.invoke("spin", b"", None).await));
    }
}

// On one thread.
#[tokio::test]
async fn a_call_that_computes_without_a_limit_gives_way_and_can_be_abandoned() {
    let mut instance = start(&plugin(Spins::InInvoke)).await;
    let mut binding = instance.binding().unwrap();
    let others = tokio::spawn(async {
        for _ in 0..10 {
            tokio::task::yield_now().await;
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    });
    tokio::select! {
        biased;
        done = binding.invoke("spin", b"", None) => panic!("did not spin: {done:?}"),
        done = others => done.unwrap(),
    }
    assert!(instance.is_lost());
}

#[tokio::test]
async fn a_timeout_around_a_call_that_computes_is_kept() {
    let mut instance = start(&plugin(Spins::InInvoke)).await;
    let mut binding = instance.binding().unwrap();
    let call = binding.invoke("spin", b"", None);
    assert!(timeout(LIMIT, call).await.is_err());
}

#[cfg(unix)]
#[test]
fn component_is_interrupted_after_its_process_was_idle() {
    if !super::own_process::in_own_process(
        "tests::time_limit::component_is_interrupted_after_its_process_was_idle",
    ) {
        return;
    }
    let runtime = runtime();
    let plugin = plugin(Spins::InInvoke);
    let mut instance = runtime.block_on(plugin.instantiate(&limited())).unwrap();
    let ticker = plugin.loaded.running.ticker.as_ref().unwrap();
    ticker.wait_until_it_rests();
    let over = runtime.block_on(async {
        let mut binding = instance.binding().unwrap();
        binding.invoke("spin", b"", None).await
    });
    assert!(is_over(over));
    ticker.wait_until_it_rests();
}

#[tokio::test]
async fn a_component_that_is_trusted_is_cancelled_while_it_waits() {
    let plugin = Plugin::builder().without_cache().interruptible(false);
    let component = binding_that_spins(Spins::InInvoke);
    let plugin = plugin.from_bytes(&component).unwrap();
    let mut instance = plugin.instantiate(&limited()).await.unwrap();
    let mut binding = instance.binding().unwrap();
    binding.operations().await.unwrap();
    assert!(is_over(binding.ping().await));
}

#[tokio::test(start_paused = true)]
async fn limit_of_a_call_takes_the_place_of_the_instances_own() {
    const SHORTER: Duration = Duration::from_secs(1);
    const LONGER: Duration = Duration::from_secs(1_000);
    // `ping` takes 900 seconds.
    let mut instance = started(Spins::InInvoke).await;
    let begin = Instant::now();
    let binding = instance.binding().unwrap();
    binding.time_limit(LONGER).ping().await.unwrap();
    assert_eq!(begin.elapsed().as_secs(), 900);

    let begin = Instant::now();
    let over = instance.binding().unwrap();
    let over = over.time_limit(SHORTER).ping().await.unwrap_err();
    assert_matches!(over, CallError::TimeLimit { limit: SHORTER });
    assert_eq!(begin.elapsed().as_secs(), 1);
    assert!(instance.is_lost());
}

#[tokio::test(start_paused = true)]
async fn limit_of_a_handle_holds_for_its_calls_alone() {
    let mut instance = started(Spins::InInvoke).await;
    let mut binding = instance.binding().unwrap().time_limit(Duration::MAX);
    binding.ping().await.unwrap();
    binding.ping().await.unwrap();
    assert!(is_over(instance.binding().unwrap().ping().await));
}

#[tokio::test]
async fn limit_of_a_call_ends_one_that_computes() {
    let mut instance = start(&plugin(Spins::InInvoke)).await;
    let mut binding = instance.binding().unwrap().time_limit(LIMIT);
    assert!(is_over(binding.invoke("spin", b"", None).await));
}

#[tokio::test]
async fn call_without_time_does_not_lose_the_instance() {
    let mut instance = started(Spins::InInvoke).await;
    let mut late = instance.binding().unwrap().time_limit(Duration::ZERO);
    let over = late.invoke("spin", b"", None).await.unwrap_err();
    assert_matches!(
        over,
        CallError::TimeLimit {
            limit: Duration::ZERO
        }
    );
    instance.binding().unwrap().operations().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn limit_of_a_call_of_a_store_is_kept() {
    let mut instance = start(&load(&that_traps("dynamodb"))).await;
    let mut late = instance.state().unwrap().time_limit(Duration::ZERO);
    let over = late.get("key", None).await.unwrap_err();
    assert_matches!(over, CallError::TimeLimit { .. });
    let mut in_time = instance.state().unwrap().time_limit(LIMIT);
    let trap = in_time.get("key", None).await.unwrap_err();
    assert_matches!(trap, CallError::Trap(_));
}
