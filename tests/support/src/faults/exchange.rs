//! One request from its arrival to the departure of its answer. It takes its course even where the
//! client has gone meanwhile, as it would in a network.

use std::sync::Arc;

use bytes::Bytes;

use super::{
    Answer, Arrived, Forward, Reply, Shared,
    delivery::Departure,
    partition,
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
        Forward::OnePartition => {
            let answer = forward(&shared, &arrived, None).await;
            Some(partition::cut(&arrived.operation, &arrived.body, answer))
        }
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
    let Some(split) = split else {
        return send(shared, arrived, arrived.body.clone()).await;
    };
    let answer = match split.passed_on.clone() {
        Some(body) => Some(send(shared, arrived, body).await),
        None => None,
    };
    split.joined(answer)
}

async fn send(shared: &Shared, arrived: &Arrived, body: Bytes) -> Reply {
    shared.traffic.forwarded(&arrived.operation);
    let answer = shared.upstream.send(arrived, body).await;
    shared.director.answered(arrived, &answer).await;
    answer
}
