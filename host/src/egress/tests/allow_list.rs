//! A rule allows its host, port and scheme in any spelling, and refuses lookalikes.

use crate::egress::allow_list::{AllowList, Rule};
use crate::egress::origin::Origin;
use http::Uri;

/// Checks that a rule allows the first URLs and refuses the others.
fn check(rule: impl Fn() -> Rule, permitted: &[&str], refused: &[&str]) {
    let list = AllowList::new(vec![rule()]);
    let permits = |url: &str| {
        let origin = Origin::of(&url.parse().unwrap());
        origin.is_ok_and(|origin| list.permits(&origin).is_some())
    };
    for url in permitted {
        assert!(permits(url), "{list:?} refuses {url}");
    }
    for url in refused {
        assert!(!permits(url), "{list:?} permits {url}");
    }
}

fn authority(rule: &str, permitted: &[&str], refused: &[&str]) {
    check(|| Rule::from_authority(rule).unwrap(), permitted, refused);
}

fn url(rule: &str, permitted: &[&str], refused: &[&str]) {
    check(|| Rule::from_url(rule).unwrap(), permitted, refused);
}

#[test]
fn nothing_is_allowed_by_default() {
    let origin = Origin::of(&Uri::from_static("http://127.0.0.1/")).unwrap();
    assert_eq!(AllowList::new(Vec::new()).permits(&origin), None);
}

#[test]
fn rule_allows_its_host_and_port_only() {
    let others = ["http://127.0.0.1:8001/", "http://127.0.0.2:8000/"];
    authority("127.0.0.1:8000", &["http://127.0.0.1:8000/"], &others);
}

#[test]
fn missing_port_defaults_to_that_of_the_scheme() {
    let (http, https) = ("http://a.example/", "https://a.example/");
    authority("a.example:443", &[https], &[http]);
    authority("a.example:80", &[http], &[https]);
}

#[test]
fn names_are_case_insensitive() {
    authority("A.example:80", &["http://a.EXAMPLE/"], &[]);
}

#[test]
fn wildcard_matches_exactly_one_label() {
    authority(
        "dynamodb.*.amazonaws.com:443",
        &["https://dynamodb.eu-west-1.amazonaws.com/"],
        &[
            "https://dynamodb.amazonaws.com/",
            "https://dynamodb.a.b.amazonaws.com/",
            "https://s3.eu-west-1.amazonaws.com/",
            "https://dynamodb.eu-west-1.amazonaws.com.evil.example/",
            "https://dynamodb..amazonaws.com/",
        ],
    );
}

#[test]
fn wildcard_never_matches_an_address() {
    let addresses = [
        "http://127.0.0.1/",
        "http://1.2.3.0x7f/",
        "http://127.0.1.1/",
    ];
    authority("*.*.*.*:80", &[], &addresses);
    authority("*:80", &[], &["http://2130706433/", "http://[::1]/"]);
}

#[test]
fn ipv6_address_matches_in_any_spelling() {
    let same = "http://[0:0:0:0:0:0:0:1]:8000/";
    authority("[::1]:8000", &[same], &["http://[::2]:8000/"]);
    authority("127.0.0.1:80", &[], &["http://[::ffff:127.0.0.1]/"]);
}

#[test]
fn other_spellings_of_a_host_do_not_match() {
    let others = [
        "http://127.1/",
        "http://2130706433/",
        "http://0x7f.0.0.1/",
        "http://0177.0.0.1/",
        "http://localhost/",
    ];
    authority("127.0.0.1:80", &[], &others);
    authority("a.example:80", &[], &["http://a.example./"]);
    authority("a.*:80", &[], &["http://a.example./"]);
}

#[test]
fn user_name_does_not_admit_another_host() {
    let with_user = [
        "http://a.example:80@evil.example/",
        "http://evil.example@a.example/",
    ];
    authority("a.example:80", &[], &with_user);
}

#[test]
fn url_allows_its_own_scheme_only() {
    let path = "https://a.example/any/path";
    url("https://a.example", &[path], &["http://a.example:443/"]);
    let address = "http://127.0.0.1:8000/";
    url(address, &[address], &[]);
}

#[test]
fn invalid_rule_is_quoted_in_the_error() {
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
        "127.0.*.1:80",
        "10.0.0.*:80",
        "*.1:80",
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
fn rule_error_does_not_show_the_password() {
    let authority = Rule::from_authority("user:canary@a.example:80").unwrap_err();
    let url = Rule::from_url("http://user:canary@a.example/").unwrap_err();
    for error in [authority.to_string(), url.to_string()] {
        assert!(error.contains("a.example"), "{error}");
        assert!(!error.contains("canary"), "{error}");
    }
}
