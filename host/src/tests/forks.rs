//! Tests of forks: a process that was forked after a plugin was loaded gets an error, and can load the plugin itself.

use super::components::{Spins, binding_by_hand, binding_that_spins};
use super::own_process::in_own_process;
use super::{assert_matches, number, runtime};
use crate::{CallError, HostError, Instance, InstanceOptions, Plugin};
use rustix::process::{Pid, WaitOptions, waitpid};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

fn load(component: &[u8], interruptible: bool) -> Plugin {
    let plugin = Plugin::builder().without_cache();
    let plugin = plugin.interruptible(interruptible).max_instances(number(2));
    plugin.from_bytes(component).unwrap()
}

/// Runs `work` in a forked process, and waits until it succeeds.
#[allow(unsafe_code, reason = "the standard library does not fork")]
fn in_forked_process(work: impl FnOnce()) {
    // SAFETY: the child has only this thread, and a copy of all memory. A lock that another thread holds at this moment stays
    // held in the child. That can only make the child wait, and then `in_own_process` kills it. C libraries give the child a
    // usable allocator.
    match unsafe { libc::fork() } {
        0 => {
            let done = catch_unwind(AssertUnwindSafe(work));
            // Does not return to the test harness, whose threads exist only in the parent.
            std::process::exit(done.is_err().into());
        }
        child => {
            let child = Pid::from_raw(child).expect("no process can be forked");
            let (_, status) = waitpid(Some(child), WaitOptions::empty()).unwrap().unwrap();
            assert_eq!(status.exit_status(), Some(0));
        }
    }
}

async fn is_refused(plugin: &Plugin, instance: &mut Instance) {
    let refused = plugin.instantiate(&InstanceOptions::new()).await;
    let refused = refused.unwrap_err();
    assert_matches!(refused, HostError::ForkedProcess);
    for _ in 0..2 {
        let refused = instance.binding().unwrap().operations().await.unwrap_err();
        assert_matches!(refused, CallError::ForkedProcess);
        let remedy = "load the plugin in this process";
        assert!(refused.to_string().contains(remedy), "{refused}");
    }
}

#[test]
fn forked_process_is_refused_and_may_load_the_plugin_itself() {
    if !in_own_process("tests::forks::forked_process_is_refused_and_may_load_the_plugin_itself") {
        return;
    }
    let of_parent = runtime();
    let mut loaded = [true, false].map(|interruptible| {
        let plugin = load(&binding_by_hand(), interruptible);
        let started = of_parent.block_on(plugin.instantiate(&InstanceOptions::new()));
        (plugin, started.unwrap())
    });
    in_forked_process(|| {
        runtime().block_on(async {
            for (plugin, instance) in &mut loaded {
                is_refused(plugin, instance).await;
            }
            // A component that computes forever is interrupted by this process's own thread.
            let plugin = load(&binding_that_spins(Spins::InInvoke), true);
            let limit = Duration::from_millis(100);
            let options = InstanceOptions::new().time_limit(limit);
            let mut instance = plugin.instantiate(&options).await.unwrap();
            let spun = instance.binding().unwrap().invoke("spin", b"", None).await;
            assert_matches!(spun, Err(CallError::TimeLimit { .. }));
        });
    });
    for (_, instance) in &mut loaded {
        of_parent.block_on(async { instance.binding().unwrap().operations().await.unwrap() });
    }
}
