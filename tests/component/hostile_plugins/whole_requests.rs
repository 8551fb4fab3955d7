//! Harms through `dapr-wasm:host`: whole requests, requests that nobody waits for, and hashes.

use super::scene::{CROWDS, MEMORY, REQUESTS, REQUESTS_OF_PLUGIN, Scene, misbehaving};
use super::{
    authority, each_of_a_crowd, each_of_a_crowd_is_cancelled, engine_authority, in_scene, in_time,
    page, server,
};
use dapr_wasm_host::{CallError, Egress, Instance, InstanceOptions};
use http::StatusCode;
use std::time::Duration;
use test_support::faults::{Action, Delivery, FaultProxy, Reply};

/// The length of a response of which two fit into the memory of an instance, but not three.
const TWO_FIT: usize = 6 << 20;

/// Returns a server that reads requests and never responds.
fn silent() -> FaultProxy {
    FaultProxy::stub(Action::deliver(Delivery::Withheld)).unwrap()
}

/// Returns the maximum number of requests that a crowd may have in flight.
fn in_flight(crowd: usize) -> usize {
    (crowd * REQUESTS).min(REQUESTS_OF_PLUGIN)
}

/// Returns an instance that may reach this server, with the memory limit of the scene.
async fn reaching(server: &FaultProxy) -> Instance {
    let egress = Egress::builder().allow_url(server.endpoint());
    let options = InstanceOptions::new()
        .egress(egress.build().unwrap())
        .memory_limit(MEMORY);
    misbehaving().instantiate(&options).await.unwrap()
}

async fn does(instance: &mut Instance, harm: &str) -> String {
    let told = instance.state().unwrap().get(harm, None).await;
    String::from_utf8(told.unwrap().unwrap().value).unwrap()
}

#[tokio::test]
async fn crowd_cannot_send_whole_requests_to_a_forbidden_host() {
    let other = server(page());
    each_of_a_crowd(
        &format!("send-whole {}", authority(&other)),
        |told| matches!(told, Ok(told) if told == "Failure::Denied(\"http request denied\")"),
    )
    .await;
    assert_eq!(other.connections(), 0);
}

#[tokio::test]
async fn every_odd_whole_request_of_a_crowd_is_refused() {
    let harm = format!("send-odd-whole-requests {}", engine_authority().await);
    each_of_a_crowd(
        &harm,
        |told| matches!(told, Ok(told) if told == "ordinary: 200, ordinary: 200"),
    )
    .await;
}

#[tokio::test]
async fn crowd_that_traps_in_the_http_client_loses_only_itself() {
    for (harm, reason) in [
        ("start-without-end", "resource table has no free keys"),
        ("wait-for-a-long-list", "handle limit exceeded"),
    ] {
        each_of_a_crowd(harm, |told| is_trap(told, reason)).await;
    }
}

fn is_trap(told: &Result<String, CallError>, reason: &str) -> bool {
    matches!(told, Err(trap @ CallError::Trap(_)) if trap.to_string().contains(reason))
}

#[tokio::test]
async fn lost_crowd_releases_its_started_requests() {
    let server = silent();
    let harm = format!("start-without-end {}", authority(&server));
    for crowd in CROWDS {
        let scene = Scene::reaching(&server).await;
        for told in scene.during(&harm, crowd).await {
            let full = is_trap(&told, "resource table has no free keys");
            assert!(full, "{crowd} at once: {told:?}");
        }
        assert!(server.most_connections() <= in_flight(crowd));
        // The scene is still there, but its lost instances are not.
        in_time(server.closed_connections()).await;
    }
}

#[tokio::test]
async fn crowd_that_keeps_started_requests_stays_in_its_limit() {
    for crowd in CROWDS {
        let server = silent();
        let scene = Scene::reaching(&server).await;
        let harm = format!("start-many {}", authority(&server));
        for told in scene.during(&harm, crowd).await {
            // On a busy machine, a request with a permit may lack the time to connect.
            let told = told.unwrap();
            let full = "Failure::NoConnection(\"connection limit reached\")";
            let late = "Failure::ConnectTimeout";
            assert!([full, late].contains(&told.as_str()), "{crowd}: {told}");
        }
        let most = server.most_connections();
        assert!((1..=in_flight(crowd)).contains(&most), "{crowd}: {most}");
        drop(scene);
        in_time(server.closed_connections()).await;
    }
}

/// The ways to give up a started request.
enum End {
    PendingIsDropped,
    InstanceIsDropped,
    InstanceTraps,
}

#[tokio::test]
async fn given_up_request_closes_its_connection() {
    let server = silent();
    let harm = format!("start-one {}", authority(&server));
    for end in [
        End::PendingIsDropped,
        End::InstanceIsDropped,
        End::InstanceTraps,
    ] {
        let mut instance = reaching(&server).await;
        server.reset_counts();
        assert_eq!(does(&mut instance, &harm).await, "started");
        in_time(async {
            while server.count_all().arrived == 0 {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        })
        .await;
        match end {
            End::PendingIsDropped => assert_eq!(does(&mut instance, "give-up").await, "1"),
            End::InstanceIsDropped => drop(instance),
            End::InstanceTraps => {
                let trap = instance.state().unwrap().get("trap", None).await;
                trap.unwrap_err();
                drop(instance);
            }
        }
        // In the first case, the instance is still there.
        in_time(server.closed_connections()).await;
    }
}

/// The host reserves no memory for an announced length.
#[tokio::test]
async fn response_larger_than_the_memory_limit_is_refused() {
    let announced = "HTTP/1.1 200 OK\r\nContent-Length: 4294967296\r\n\r\n{}";
    let server = FaultProxy::stub(Action::bytes(announced)).unwrap();
    let harm = format!("send-whole {}", authority(&server));
    let refused = format!("Failure::Damaged(\"longer than {MEMORY} bytes\")");
    in_scene(
        Scene::reaching(&server).await,
        &harm,
        |told| matches!(told, Ok(told) if *told == refused),
    )
    .await;
}

#[tokio::test]
async fn endless_response_ends_at_the_memory_limit() {
    let endless = Action {
        delivery: Delivery::Endless,
        ..Action::answer(page())
    };
    let server = FaultProxy::stub(endless).unwrap();
    let mut instance = reaching(&server).await;
    let harm = format!("send-whole {}", authority(&server));
    let told = does(&mut instance, &harm).await;
    assert!(told.starts_with("Failure::Damaged(\"longer than"), "{told}");
    in_time(server.closed_connections()).await;
}

#[tokio::test]
async fn responses_that_nobody_takes_fill_the_room() {
    let reply = Reply::text(StatusCode::OK, "text/plain", &"x".repeat(TWO_FIT));
    let server = server(reply);
    let mut instance = reaching(&server).await;
    let told = does(&mut instance, &format!("fill-room {}", authority(&server))).await;
    let full = format!(
        "Failure::Damaged(\"longer than {MEMORY} bytes, together with the responses that the component has not taken\")"
    );
    assert_eq!(told, format!("{full}, 200, 200, 200"));
}

#[tokio::test]
async fn crowd_that_waits_for_no_request_is_cancelled() {
    each_of_a_crowd_is_cancelled("wait-for-nothing").await;
}

#[tokio::test]
async fn crowd_that_asks_for_outcomes_endlessly_is_cancelled() {
    each_of_a_crowd_is_cancelled("wait-without-end").await;
}

#[tokio::test]
async fn crowd_that_hashes_endlessly_is_cancelled() {
    each_of_a_crowd_is_cancelled("hash-without-end").await;
}
