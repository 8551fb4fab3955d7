//! A store that many instances share and that breaks its promises is found out as well: here conditional writes and
//! transactions are acknowledged and not done.

use ::conformance::{Outcome, Ran, cases, run};
use futures_util::StreamExt;
use http::StatusCode;
use serde_json::json;
use test_support::faults::{Action, Arrived, Decision, Director, FaultProxy, Reply};

use super::ours;
use crate::fixture::{Table, engine};

/// Says that a write was done that was not.
struct Losing;

impl Director for Losing {
    fn decide<'a>(&'a self, arrived: &'a Arrived) -> Decision<'a, Action> {
        let body = String::from_utf8_lossy(&arrived.body);
        let action = match arrived.operation.as_str() {
            "TransactWriteItems" => Action::answer(done()),
            "PutItem" if body.contains("ConditionExpression") => Action::answer(done()),
            _ => Action::pass(),
        };
        Box::pin(async { action })
    }
}

fn done() -> Reply {
    Reply::json(StatusCode::OK, &json!({}))
}

#[tokio::test]
async fn a_shared_store_that_loses_writes_is_found_by_the_instances_that_race_for_them() {
    let proxy = FaultProxy::start(engine().await.endpoint(), Losing).expect("the proxy starts");
    let settings = Table::new().await.settings().await;
    let subject = ours(&settings.through(proxy.endpoint()));
    let ran: Vec<Ran> = run(subject, cases::matching("instances: ")).collect().await;
    let failed: Vec<_> = ran
        .iter()
        .filter(|ran| matches!(ran.outcome, Outcome::Failed(_)))
        .map(|ran| ran.case.as_str())
        .collect();
    assert_eq!(
        failed,
        [
            "of instances that race on one etag exactly one wins",
            "of instances that race for the first write exactly one wins",
            "of transactions that race for the first write exactly one applies as a whole",
            "a counter that instances raise by etag loses no step",
        ],
        "{ran:#?}"
    );
}
