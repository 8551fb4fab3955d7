//! Which addresses an allowed name may lead to, and how many names are looked up at a time.

use super::server::Server;
use super::{Egress, EgressBuilder, call, post};
use crate::InternalAddresses;
use std::future::pending;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::task::JoinSet;
use wasmtime_wasi_http::{Error, RequestOptions};

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

async fn answers(builder: EgressBuilder, server: &Server) -> Result<bool, Error> {
    let resolving = builder.resolver(|_| async { Ok(vec![LOOPBACK]) });
    let url = format!("http://store.example:{}/", server.address().port());
    let answer = call(&resolving.build().unwrap(), &url).await;
    answer.map(|(_, body)| body == "ok")
}

#[tokio::test]
async fn a_name_by_wildcard_leads_to_no_internal_address() {
    let server = Server::that_answers().await;
    let rule = format!("*.example:{}", server.address().port());
    let builder = Egress::builder().allow(&rule);
    let refused = answers(builder.clone(), &server).await;
    assert!(
        matches!(refused, Err(Error::DestinationIpProhibited)),
        "{refused:?}"
    );
    assert_eq!(server.connections(), 0);
    let allowed = builder.internal_addresses(InternalAddresses::Allow);
    assert!(answers(allowed, &server).await.unwrap());
}

#[tokio::test]
async fn exact_name_may_be_internal_unless_denied() {
    let server = Server::that_answers().await;
    let port = server.address().port();
    // The explicit rule counts, wherever it stands.
    for builder in [
        Egress::builder().allow(format!("store.example:{port}")),
        Egress::builder()
            .allow(format!("*.example:{port}"))
            .allow(format!("store.example:{port}")),
        Egress::builder()
            .allow_url(format!("http://store.example:{port}"))
            .allow(format!("*.example:{port}")),
    ] {
        assert!(answers(builder.clone(), &server).await.unwrap());
        let denied = builder.internal_addresses(InternalAddresses::Deny);
        let refused = answers(denied, &server).await;
        assert!(
            matches!(refused, Err(Error::DestinationIpProhibited)),
            "{refused:?}"
        );
    }
}

#[tokio::test]
async fn an_address_that_a_rule_writes_out_is_allowed_in_any_case() {
    let server = Server::that_answers().await;
    let egress = Egress::builder()
        .allow_url(server.url())
        .internal_addresses(InternalAddresses::Deny);
    let answer = call(&egress.build().unwrap(), &server.url()).await;
    assert_eq!(answer.unwrap().1, "ok");
}

/// A resolver that knows one name, and never comes to an end with any other. It keeps those that it was asked for.
fn resolving_one(builder: EgressBuilder, asked: &Arc<Mutex<Vec<String>>>) -> Egress {
    let asked = Arc::clone(asked);
    let builder = builder.resolver(move |name| {
        let is_known = name == "store.example";
        asked.lock().unwrap().push(name);
        async move {
            if is_known {
                Ok(vec![LOOPBACK])
            } else {
                pending().await
            }
        }
    });
    builder.build().unwrap()
}

#[tokio::test]
async fn slow_wildcard_names_do_not_delay_exact_names() {
    let server = Server::that_answers().await;
    let port = server.address().port();
    let asked = Arc::default();
    let builder = Egress::builder()
        .allow(format!("*.slow.example:{port}"))
        .allow(format!("store.example:{port}"));
    let egress = resolving_one(builder, &asked);
    let mut slow = JoinSet::new();
    for n in 0..100 {
        let (egress, url) = (egress.clone(), format!("http://n{n}.slow.example:{port}/"));
        slow.spawn(async move { call(&egress, &url).await });
    }
    while asked.lock().unwrap().len() < 16 {
        tokio::task::yield_now().await;
    }
    let answer = call(&egress, &format!("http://store.example:{port}/")).await;
    assert_eq!(answer.unwrap().1, "ok");
    assert_eq!(asked.lock().unwrap().len(), 17);
}

#[tokio::test]
async fn lookups_that_were_given_up_do_not_add_up() {
    let asked = Arc::default();
    let egress = resolving_one(Egress::builder().allow("*.example:80"), &asked);
    for n in 0..40 {
        let options = RequestOptions {
            connect_timeout: Some(Duration::from_millis(5)),
            ..RequestOptions::default()
        };
        let url = format!("http://n{}.example/", n % 20);
        let late = post(&egress, &url, Some(options)).await;
        assert!(matches!(late, Err(Error::ConnectionTimeout)), "{late:?}");
    }
    let asked = asked.lock().unwrap().len();
    assert!(asked <= 16, "{asked}");
}
