//! Tests that the table of partitions gives the same endpoints as the SDK's endpoint rules.
//! The tests cover every region that the SDK knows, and one unknown region of each
//! partition.

use crate::aws::endpoint::Endpoint;
use crate::dynamodb::SERVICE;
use aws_sdk_dynamodb::config::endpoint::{DefaultResolver, Params, ResolveEndpoint};

/// The regions by partition, as `endpoint_lib.rs` of aws-sdk-dynamodb lists them. Each list
/// ends with an invented region that matches the partition's pattern.
const REGIONS: &[&[&str]] = &[
    &[
        "af-south-1",
        "ap-east-1",
        "ap-east-2",
        "ap-northeast-1",
        "ap-northeast-2",
        "ap-northeast-3",
        "ap-south-1",
        "ap-south-2",
        "ap-southeast-1",
        "ap-southeast-2",
        "ap-southeast-3",
        "ap-southeast-4",
        "ap-southeast-5",
        "ap-southeast-6",
        "ap-southeast-7",
        "aws-global",
        "ca-central-1",
        "ca-west-1",
        "eu-central-1",
        "eu-central-2",
        "eu-north-1",
        "eu-south-1",
        "eu-south-2",
        "eu-west-1",
        "eu-west-2",
        "eu-west-3",
        "il-central-1",
        "me-central-1",
        "me-south-1",
        "mx-central-1",
        "sa-east-1",
        "us-east-1",
        "us-east-2",
        "us-west-1",
        "us-west-2",
        "us-moon-9",
        "mx-moon-9",
    ],
    &["cn-north-1", "cn-northwest-1", "cn-moon-9"],
    &["eusc-de-east-1", "eusc-de-moon-9"],
    &["us-iso-east-1", "us-iso-west-1", "us-iso-moon-9"],
    &["us-isob-east-1", "us-isob-west-1", "us-isob-moon-9"],
    &["eu-isoe-west-1", "eu-isoe-moon-9"],
    &["us-isof-east-1", "us-isof-south-1", "us-isof-moon-9"],
    &["us-gov-east-1", "us-gov-west-1", "us-gov-moon-9"],
    &["mars-north-1", "nowhere"],
];

/// Returns the endpoint that the SDK finds, or `None` if the SDK rejects the region.
async fn sdk(region: &str) -> Option<String> {
    let params = Params::builder()
        .region(region)
        .use_fips(false)
        .use_dual_stack(false)
        .build()
        .ok()?;
    let resolver = DefaultResolver::new();
    let endpoint = resolver.resolve_endpoint(&params).await.ok()?;
    Some(format!("{}/", endpoint.url()))
}

/// Returns the endpoint that the pipeline finds.
fn ours(region: &str) -> Option<String> {
    Endpoint::of_region(SERVICE, region).map(|endpoint| endpoint.url())
}

#[tokio::test]
async fn every_region_has_the_same_endpoint_as_in_the_sdk() {
    for region in REGIONS.iter().copied().flatten() {
        let ours = ours(region);
        assert!(ours.is_some(), "{region}");
        assert_eq!(ours, sdk(region).await, "{region}");
    }
}

/// The SDK's rules also accept names that are not regions of DynamoDB. These are `local`,
/// for which the component has `endpoint`, and the global names of the partitions.
#[tokio::test]
async fn global_names_and_local_are_not_regions_on_purpose() {
    let local = sdk("local").await;
    assert_eq!(local.as_deref(), Some("http://localhost:8000/"));
    assert_ne!(ours("local"), local);
    for global in ["aws-cn-global", "aws-iso-global", "aws-iso-b-global"] {
        assert_ne!(ours(global), sdk(global).await, "{global}");
    }
}

#[tokio::test]
async fn region_with_invalid_host_characters_is_refused_by_both() {
    for region in [
        "",
        "eu west",
        "x.evil.example/",
        "-a",
        "a@b",
        "a#",
        "eu/west",
        "a:80",
        "é",
    ] {
        assert_eq!(ours(region), None, "{region}");
        assert_eq!(sdk(region).await, None, "{region}");
    }
}
