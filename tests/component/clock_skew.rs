//! A clock that goes wrong while an instance runs costs each request one more attempt and no call its success.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use test_support::faults::{Action, Arrived, AwsError, Count, Decision, Director, FaultProxy};
use tokio::sync::Barrier;

use crate::fixture::{Table, engine, if_etag, set_of};

const PARALLEL: usize = 8;

/// Refuses the first requests, which are on their way together, for their time.
struct Clock {
    all_are_there: Barrier,
}

impl Director for Clock {
    fn decide<'a>(&'a self, arrived: &'a Arrived) -> Decision<'a, Action> {
        Box::pin(async {
            if arrived.operation != "PutItem" || arrived.nth > PARALLEL as u64 {
                return Action::pass();
            }
            self.all_are_there.wait().await;
            let mut error = AwsError::named("InvalidSignatureException").unwrap();
            let ahead = SystemTime::now() + Duration::from_secs(3_600);
            error.date = Some(httpdate::fmt_http_date(ahead));
            Action::error(&error)
        })
    }
}

#[tokio::test]
async fn requests_that_are_refused_together_for_their_time_are_all_sent_again() {
    let table = Table::new().await;
    let director = Arc::new(Clock {
        all_are_there: Barrier::new(PARALLEL),
    });
    let proxy = FaultProxy::start(engine().await.endpoint(), director).unwrap();
    let settings = table.settings().await.through(proxy.endpoint());
    let mut store = settings.store().await;
    let keys: Vec<String> = (0..PARALLEL).map(|n| format!("k-{n}")).collect();
    let mut sets = Vec::new();
    for key in &keys {
        table
            .put(serde_json::json!({ "key": { "S": key }, "value": { "S": "1" }, "etag": { "S": "e" } }))
            .await;
        sets.push(set_of(key, b"2", if_etag("e")));
    }
    for written in store.state().bulk_set(&sets).await.unwrap() {
        assert!(written.is_ok(), "{written:?}");
    }
    let twice = 2 * PARALLEL as u64;
    let forwarded = PARALLEL as u64;
    assert_eq!(
        proxy.count("PutItem"),
        Count {
            arrived: twice,
            forwarded
        }
    );
}
