//! What a rule lets pass: its host, its port and its scheme, however they are spelled, and nothing that only looks like them.

use crate::egress::allow_list::{AllowList, Rule};
use crate::egress::origin::Origin;
use http::Uri;

fn permits(rule: &str, url: &str) -> bool {
    let list = AllowList::new(vec![Rule::from_authority(rule).unwrap()]);
    Origin::of(&url.parse().unwrap()).is_ok_and(|origin| list.permits(&origin).is_some())
}

fn url_permits(rule: &str, url: &str) -> bool {
    let list = AllowList::new(vec![Rule::from_url(rule).unwrap()]);
    Origin::of(&url.parse().unwrap()).is_ok_and(|origin| list.permits(&origin).is_some())
}

#[test]
fn nothing_is_allowed_by_default() {
    let origin = Origin::of(&Uri::from_static("http://127.0.0.1/")).unwrap();
    assert_eq!(AllowList::new(Vec::new()).permits(&origin), None);
}

#[test]
fn a_rule_allows_its_host_at_its_port() {
    assert!(permits("127.0.0.1:8000", "http://127.0.0.1:8000/"));
    assert!(!permits("127.0.0.1:8000", "http://127.0.0.1:8001/"));
    assert!(!permits("127.0.0.1:8000", "http://127.0.0.2:8000/"));
}

#[test]
fn a_port_that_the_request_leaves_out_is_that_of_its_scheme() {
    assert!(permits("a.example:443", "https://a.example/"));
    assert!(!permits("a.example:443", "http://a.example/"));
    assert!(permits("a.example:80", "http://a.example/"));
}

#[test]
fn names_compare_without_regard_to_case() {
    assert!(permits("A.example:80", "http://a.EXAMPLE/"));
}

#[test]
fn a_wildcard_stands_for_exactly_one_label() {
    let rule = "dynamodb.*.amazonaws.com:443";
    assert!(permits(rule, "https://dynamodb.eu-west-1.amazonaws.com/"));
    assert!(!permits(rule, "https://dynamodb.amazonaws.com/"));
    assert!(!permits(rule, "https://dynamodb.a.b.amazonaws.com/"));
    assert!(!permits(rule, "https://s3.eu-west-1.amazonaws.com/"));
    assert!(!permits(
        rule,
        "https://dynamodb.eu-west-1.amazonaws.com.evil.example/"
    ));
    assert!(!permits(rule, "https://dynamodb..amazonaws.com/"));
}

#[test]
fn a_wildcard_never_stands_for_an_address() {
    for url in [
        "http://127.0.0.1/",
        "http://1.2.3.0x7f/",
        "http://127.0.1.1/",
    ] {
        assert!(!permits("*.*.*.*:80", url), "{url}");
    }
    assert!(!permits("*:80", "http://2130706433/"));
    assert!(!permits("*:80", "http://[::1]/"));
}

#[test]
fn an_ipv6_address_matches_in_any_spelling() {
    assert!(permits("[::1]:8000", "http://[0:0:0:0:0:0:0:1]:8000/"));
    assert!(!permits("[::1]:8000", "http://[::2]:8000/"));
    assert!(!permits("127.0.0.1:80", "http://[::ffff:127.0.0.1]/"));
}

#[test]
fn what_a_resolver_takes_for_the_same_host_is_another_one() {
    for url in [
        "http://127.1/",
        "http://2130706433/",
        "http://0x7f.0.0.1/",
        "http://0177.0.0.1/",
        "http://localhost/",
    ] {
        assert!(!permits("127.0.0.1:80", url), "{url}");
    }
    assert!(!permits("a.example:80", "http://a.example./"));
    assert!(!permits("a.*:80", "http://a.example./"));
}

#[test]
fn a_user_name_does_not_make_another_host_pass() {
    assert!(!permits(
        "a.example:80",
        "http://a.example:80@evil.example/"
    ));
    assert!(!permits("a.example:80", "http://evil.example@a.example/"));
}

#[test]
fn a_url_allows_its_own_scheme_only() {
    assert!(url_permits(
        "https://a.example",
        "https://a.example/any/path"
    ));
    assert!(!url_permits("https://a.example", "http://a.example:443/"));
    assert!(url_permits(
        "http://127.0.0.1:8000/",
        "http://127.0.0.1:8000/"
    ));
}

#[test]
fn a_rule_that_cannot_be_read_is_named() {
    for rule in [
        "a.example",
        "[::1]",
        "a.example:http",
        "a.example:70000",
        ":80",
        "a..example:80",
        "dyn*.example:80",
        "a.example.:80",
        "http://a.example:80",
        "[zz]:80",
    ] {
        let error = Rule::from_authority(rule).unwrap_err().to_string();
        assert!(error.contains(rule), "{error}");
    }
    for url in [
        "a.example:80",
        "ftp://a.example",
        "http://u@a.example",
        "/",
        "",
    ] {
        assert!(Rule::from_url(url).is_err(), "{url}");
    }
}

#[test]
fn a_rule_with_a_user_name_is_refused_and_its_password_not_repeated() {
    let authority = Rule::from_authority("user:canary@a.example:80").unwrap_err();
    let url = Rule::from_url("http://user:canary@a.example/").unwrap_err();
    for error in [authority.to_string(), url.to_string()] {
        assert!(
            error.contains("a.example") && !error.contains("canary"),
            "{error}"
        );
    }
}
