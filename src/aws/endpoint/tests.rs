//! Tests of configured endpoints and of the endpoints of regions.

use super::*;

#[test]
fn region_endpoint_has_the_suffix_of_its_partition() {
    for (region, url) in [
        ("eu-west-1", "https://dynamodb.eu-west-1.amazonaws.com/"),
        (
            "cn-north-1",
            "https://dynamodb.cn-north-1.amazonaws.com.cn/",
        ),
        (
            "us-gov-west-1",
            "https://dynamodb.us-gov-west-1.amazonaws.com/",
        ),
        (
            "us-isob-east-1",
            "https://dynamodb.us-isob-east-1.sc2s.sgov.gov/",
        ),
    ] {
        assert_eq!(Endpoint::of_region("dynamodb", region).unwrap().url(), url);
    }
}

#[test]
fn invalid_region_name_has_no_endpoint() {
    for region in ["", "eu west", "x.evil.example/", "EU-WEST-1", "-a", "a@b"] {
        assert!(
            Endpoint::of_region("dynamodb", region).is_none(),
            "{region}"
        );
    }
}

#[test]
fn endpoint_keeps_path_and_port_except_default_port() {
    for (given, url) in [
        ("http://localhost:8000", "http://localhost:8000/"),
        ("http://LocalHost:80/", "http://localhost/"),
        ("https://db.example:443/base/", "https://db.example/base/"),
        ("http://[::1]:8000", "http://[::1]:8000/"),
        ("http://[::1]", "http://[::1]/"),
    ] {
        assert_eq!(Endpoint::parse(given).unwrap().url(), url);
    }
}

#[test]
fn invalid_endpoint_url_is_refused() {
    for given in [
        "localhost:8000",
        "ftp://localhost",
        "http://",
        "http://user:c4n4ry@localhost",
        "http://localhost:99999",
        "http://localhost:0",
        "http://localhost/?a=b",
        "http://localhost/#a",
        "http://local host",
        "http://name[::1]:8000",
        "http://[::1]name",
        "http://[name]",
    ] {
        assert!(Endpoint::parse(given).is_err(), "{given}");
    }
}
