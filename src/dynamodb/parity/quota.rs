//! Tests that the retry quota runs out at the same call as the SDK's.

use super::call::{Call, Site, get};
use super::inputs;
use super::sdk::Stage;
use crate::dynamodb::codec::GetItem;
use crate::http::TransportError;
use crate::test_support::{Scene, Scripted, refusal, success};

/// Makes `calls` calls with one client of the pipeline and one of the SDK. Returns the
/// number of attempts of each call.
async fn attempts(scenes: Vec<Scene>, calls: usize) -> [Vec<usize>; 2] {
    let [builder, _] = inputs::get_item();
    let client = Site::AWS.client(Scripted::new(scenes.clone()), 4);
    let stage = Stage::new(scenes);
    let sdk = stage.client(Site::AWS, 4);
    let [mut ours, mut theirs] = [vec![], vec![]];
    for _ in 0..calls {
        let before = client.platform().attempts();
        let _ = get(&client).await;
        ours.push(client.platform().attempts() - before);
        let before = stage.attempts();
        let _ = GetItem::send(builder.clone(), &sdk).await;
        theirs.push(stage.attempts() - before);
    }
    [ours, theirs]
}

fn lasting(scene: impl Into<Scene>) -> Vec<Scene> {
    vec![scene.into()]
}

#[tokio::test]
async fn quota_runs_out_at_the_same_call_as_in_the_sdk() {
    for (scenes, retries) in [
        (lasting(refusal(500, "InternalServerError")), 35),
        (lasting(TransportError::Timeout), 35),
        (lasting(refusal(400, "ThrottlingException")), 100),
    ] {
        let [ours, theirs] = attempts(scenes, 40).await;
        assert_eq!(ours, theirs);
        assert_eq!(ours.iter().sum::<usize>(), 40 + retries);
        assert_eq!(ours.last(), Some(&1), "an empty quota leaves one attempt");
    }
}

#[tokio::test]
async fn successful_retry_costs_nothing() {
    let pair = || {
        let fault = refusal(500, "InternalServerError");
        [Scene::from(fault), Scene::from(success())]
    };
    let scenes = (0..100).flat_map(|_| pair()).collect();
    let [ours, theirs] = attempts(scenes, 100).await;
    assert_eq!(ours, theirs);
    assert_eq!(ours, vec![2; 100]);
}

/// The SDK keeps one permit for all calls of a client. So the next success of any call
/// returns the tokens that the last retry of a failed call took.
#[tokio::test]
async fn failed_call_loses_its_tokens_on_purpose() {
    let fault = || Scene::from(refusal(500, "InternalServerError"));
    // 35 retries in 12 calls leave 10 tokens. A retry takes 14.
    let mut scenes: Vec<_> = std::iter::repeat_with(fault).take(35 + 12).collect();
    scenes.extend([success().into(), fault()]);
    let [ours, theirs] = attempts(scenes, 14).await;
    assert_eq!(ours[..13], theirs[..13]);
    assert_eq!(ours[11..], [3, 1, 1]);
    assert_eq!(theirs[11..], [3, 1, 2]);
}

#[tokio::test]
async fn unprocessed_items_draw_on_the_same_quota() {
    let client = Site::AWS.client(Scripted::new([success()]).random(u64::MAX), 4);
    let waits = std::iter::from_fn(|| client.backoff(1)).count();
    assert_eq!(waits, 100, "500 tokens at 5 a retry");
    let [builder, _] = inputs::get_item();
    let input = GetItem::input(builder);
    for _ in 0..5 {
        client.call::<GetItem>(input.clone()).await.unwrap();
    }
    assert!(client.backoff(1).is_some(), "five successes make one retry");
    assert!(client.backoff(1).is_none());
}
