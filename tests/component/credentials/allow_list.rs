//! What the host does not let the instance reach is named with the port to allow, for that is the whole remedy.

use super::lenders::{Lenders, ROLE, Source};
use super::scene::{Scene, refused};

#[tokio::test]
async fn a_source_that_the_host_does_not_allow_is_named_with_its_host_and_port() {
    let scene = Scene::new().await;
    let lenders = Lenders::of(&scene);
    for (source, endpoint, name) in [
        (
            Source::WebIdentity,
            lenders.sts.endpoint(),
            "STS (web identity)",
        ),
        (
            Source::Container,
            lenders.container.endpoint(),
            "container credentials",
        ),
    ] {
        let guest = lenders.lend(source, scene.guest()).reaching_only_the_gate();
        let authority = format!("`{}`", endpoint.trim_start_matches("http://"));
        let words = [name, authority.as_str(), "allow-list"];
        refused(guest.init().await, "access-denied", &words);
    }
    let guest = lenders.lend(Source::Environment, scene.guest());
    let guest = guest.metadata("assumeRoleArn", ROLE);
    let words = ["`sts.eu-central-1.amazonaws.com:443`", "allow-list"];
    refused(guest.init().await, "access-denied", &words);
    assert_eq!(lenders.sts.count_all() + lenders.container.count_all(), 0);
}

#[tokio::test]
async fn instance_metadata_that_is_configured_and_not_allowed_is_named_likewise() {
    let scene = Scene::new().await;
    let lenders = Lenders::of(&scene);
    let guest = lenders.lend(Source::InstanceMetadata, scene.guest());
    let endpoint = lenders
        .instance_metadata
        .endpoint()
        .trim_start_matches("http://");
    let answer = guest.reaching_only_the_gate().init().await;
    let words = ["EC2 instance metadata", endpoint, "allow-list"];
    refused(answer, "access-denied", &words);
    assert_eq!(lenders.instance_metadata.count_all(), 0);
}
