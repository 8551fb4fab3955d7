//! Tests of the time limit: a call ends at its limit, whatever the component does, and does not block other tasks.

use super::components::{Spins, binding_that_spins, that_traps};
use super::{load, load_for, runtime, start};
use crate::tests::assert_matches;
use crate::types::Metadata;
use crate::{CallError, HostError, Instance, InstanceOptions, InstancePool, Plugin, PoolError};
use std::num::NonZeroUsize;
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// A time limit for tests. A component that works needs less than a thousandth of it; one that spins never ends.
const LIMIT: Duration = Duration::from_secs(2);

fn plugin(when: Spins) -> Plugin {
    // With one instance, a lost instance must be freed before the next one can start.
    load_for(1, &binding_that_spins(when))
}

fn limited() -> InstanceOptions {
    InstanceOptions::new().time_limit(LIMIT)
}

/// Starts an instance with a time limit.
async fn started(when: Spins) -> Instance {
    plugin(when).instantiate(&limited()).await.unwrap()
}

fn is_over<T>(called: Result<T, CallError>) -> bool {
    matches!(called, Err(CallError::TimeLimit { limit: LIMIT }))
}

#[tokio::test]
async fn computing_call_is_cancelled_at_its_limit() {
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
async fn waiting_call_is_cancelled_at_its_limit() {
    let mut instance = started(Spins::InInvoke).await;
    assert!(is_over(instance.binding().unwrap().ping().await));
    assert!(instance.is_lost());
}

#[tokio::test]
async fn computing_while_passing_arguments_is_cancelled() {
    let mut instance = started(Spins::TakingArguments).await;
    let mut binding = instance.binding().unwrap();
    assert!(is_over(binding.invoke("create", b"{}", None).await));
}

#[tokio::test]
async fn cancelled_start_frees_its_slot() {
    let plugin = plugin(Spins::AtStart);
    for _ in 0..2 {
        let over = plugin.instantiate(&limited()).await.unwrap_err();
        assert_matches!(over, HostError::TimeLimit { limit: LIMIT });
    }
}

#[tokio::test]
async fn pool_survives_inits_that_exceed_the_limit() {
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
async fn pool_replaces_an_instance_after_a_timeout() {
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

// This test runs on one thread, so the other task runs only if the component yields.
#[tokio::test]
async fn computing_call_yields_and_can_be_dropped() {
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
async fn outer_timeout_ends_a_computing_call() {
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
async fn uninterruptible_component_is_cancelled_while_waiting() {
    let plugin = Plugin::builder().without_cache().interruptible(false);
    let component = binding_that_spins(Spins::InInvoke);
    let plugin = plugin.from_bytes(&component).unwrap();
    let mut instance = plugin.instantiate(&limited()).await.unwrap();
    let mut binding = instance.binding().unwrap();
    binding.operations().await.unwrap();
    assert!(is_over(binding.ping().await));
}

#[tokio::test(start_paused = true)]
async fn call_limit_overrides_the_instance_limit() {
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
async fn handle_limit_applies_only_to_its_calls() {
    let mut instance = started(Spins::InInvoke).await;
    let mut binding = instance.binding().unwrap().time_limit(Duration::MAX);
    binding.ping().await.unwrap();
    binding.ping().await.unwrap();
    assert!(is_over(instance.binding().unwrap().ping().await));
}

#[tokio::test]
async fn call_limit_ends_a_computing_call() {
    let mut instance = start(&plugin(Spins::InInvoke)).await;
    let mut binding = instance.binding().unwrap().time_limit(LIMIT);
    assert!(is_over(binding.invoke("spin", b"", None).await));
}

#[tokio::test]
async fn zero_time_limit_does_not_lose_the_instance() {
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
async fn call_limit_applies_to_state_stores() {
    let mut instance = start(&load(&that_traps("dynamodb"))).await;
    let mut late = instance.state().unwrap().time_limit(Duration::ZERO);
    let over = late.get("key", None).await.unwrap_err();
    assert_matches!(over, CallError::TimeLimit { .. });
    let mut in_time = instance.state().unwrap().time_limit(LIMIT);
    let trap = in_time.get("key", None).await.unwrap_err();
    assert_matches!(trap, CallError::Trap(_));
}
