//! One request from its arrival to the departure of its answer. It takes its course even where the
//! client has gone meanwhile, as it would in a network.

use std::sync::Arc;

use super::{
    Answer, Arrived, Forward, Reply, Shared,
    delivery::Departure,
    unprocessed::{self, Split},
};

pub(super) async fn exchange(shared: Arc<Shared>, arrived: Arrived) -> Departure {
    let action = shared.director.decide(&arrived).await;
    if !action.delay.is_zero() {
        tokio::time::sleep(action.delay).await;
    }
    let of_upstream = match action.forward {
        Forward::Nothing => None,
        Forward::Whole => Some(forward(&shared, &arrived, None).await),
        Forward::First(first) => {
            let split = unprocessed::split(&arrived.operation, &arrived.body, first);
            Some(forward(&shared, &arrived, split).await)
        }
    };
    let reply = match action.answer {
        Answer::Upstreams => of_upstream,
        Answer::Instead(reply) => Some(reply),
    };
    action.delivery.of(reply)
}

async fn forward(shared: &Shared, arrived: &Arrived, split: Option<Split>) -> Reply {
    let body = match &split {
        Some(split) => split.passed_on.clone(),
        None => Some(arrived.body.clone()),
    };
    let answer = match body {
        Some(body) => {
            shared.traffic.forwarded(&arrived.operation);
            let answer = shared.upstream.send(arrived, body).await;
            shared.director.answered(arrived, &answer).await;
            Some(answer)
        }
        None => None,
    };
    match (split, answer) {
        (Some(split), answer) => split.joined(answer),
        (None, Some(answer)) => answer,
        // Without a split there is a body, and with it an answer.
        (None, None) => Reply::json(http::StatusCode::OK, &serde_json::json!({})),
    }
}
