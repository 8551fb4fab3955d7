//! Shared files that ask for what there is not, or for nothing sensible: told with the profile or file at fault, never with a
//! line of it, and no other source is asked instead.

use super::lenders::{Lenders, ROLE, Source, lent, section, write};
use super::scene::{Guest, Scene, refused};

const CONFIG: &str = "AWS_CONFIG_FILE";
const CREDENTIALS: &str = "AWS_SHARED_CREDENTIALS_FILE";

/// With this file; the sources after it are ready.
fn with_config(scene: &Scene, lenders: &Lenders, config: &str) -> Guest {
    write(lenders.folder.path(), "config", config);
    let guest = lenders.lend(Source::Container, scene.guest());
    guest.env(CONFIG, &lent("config"))
}

/// A profile `A`, and words of what is said of it.
fn profiles() -> Vec<(String, &'static [&'static str])> {
    let role = format!("[profile A]\nrole_arn = {ROLE}\n");
    let over = |base: &str| format!("{role}source_profile = B\n[profile B]\n{base}");
    vec![
        (
            role.clone(),
            &[r#""A""#, "source_profile", "credential_source"],
        ),
        (
            format!("{role}source_profile = B\ncredential_source = Environment\n"),
            &[r#""A""#, "source_profile", "credential_source"],
        ),
        (format!("{role}source_profile = B\n"), &[r#""A""#, r#""B""#]),
        (over(""), &[r#""B""#]),
        (
            over("aws_access_key_id = A\n"),
            &[r#""B""#, "`aws_secret_access_key`"],
        ),
        (
            over("aws_secret_access_key = S\n"),
            &[r#""B""#, "`aws_access_key_id`"],
        ),
        (
            over(&format!("role_arn = {ROLE}\nsource_profile = A\n")),
            &[r#""A""#],
        ),
        (
            over("web_identity_token_file = /t\n"),
            &[r#""B""#, "web_identity_token_file", "role_arn"],
        ),
        (
            format!("{role}credential_source = Nobody\n"),
            &[r#""A""#, "credential_source"],
        ),
        (
            format!("{role}credential_source = Environment\n"),
            &[r#""A""#, "Environment", "AWS_ACCESS_KEY_ID"],
        ),
        (
            format!("{role}credential_source = Ec2InstanceMetadata\n"),
            &[r#""A""#, "Ec2InstanceMetadata"],
        ),
        (
            "[profile A]\nsso_session = s\n".to_owned(),
            &[r#""A""#, "sso_session"],
        ),
        (
            "[profile A]\ncredential_process = /bin/p\n".to_owned(),
            &[r#""A""#, "credential_process"],
        ),
        ("[profile other]\nregion = x\n".to_owned(), &[r#""A""#]),
        ("[profile A\n".to_owned(), &["/lent/config", "line 1"]),
        (
            "[profile A]\n= us-east-1\n".to_owned(),
            &["/lent/config", "line 2"],
        ),
    ]
}

#[tokio::test]
async fn a_profile_that_cannot_give_what_it_is_asked_for_is_told() {
    for (config, words) in profiles() {
        let scene = Scene::new().await;
        let lenders = Lenders::of(&scene);
        let guest = with_config(&scene, &lenders, &config).env("AWS_PROFILE", "A");
        let answer = guest.init().await;
        refused(answer, "invalid-configuration", words);
        assert_eq!(lenders.container.count_all(), 0, "{words:?}");
    }
}

/// DC-25 of the SDK: the environment does not mend a profile.
#[tokio::test]
async fn a_role_of_the_environment_is_not_mixed_with_a_token_file_of_a_profile() {
    let scene = Scene::new().await;
    let lenders = Lenders::of(&scene);
    let config = "[default]\nweb_identity_token_file = /lent/web-identity-token\n";
    let guest = with_config(&scene, &lenders, config).env("AWS_ROLE_ARN", ROLE);
    let words = [r#""default""#, "web_identity_token_file", "role_arn"];
    refused(guest.init().await, "invalid-configuration", &words);
}

/// DC-19 of the SDK.
#[tokio::test]
async fn a_web_identity_of_the_environment_does_not_stand_in_for_a_profile_that_was_named() {
    let scene = Scene::new().await;
    let lenders = Lenders::of(&scene);
    let config = format!("[profile A]\nrole_arn = {ROLE}\ncredential_source = Environment\n");
    let guest = with_config(&scene, &lenders, &config).env("AWS_PROFILE", "A");
    let guest = lenders.lend(Source::WebIdentity, guest);
    refused(guest.init().await, "invalid-configuration", &[r#""A""#]);
    assert_eq!(lenders.sts.count_all(), 0);
}

#[tokio::test]
async fn a_file_that_was_named_and_cannot_be_read_is_told() {
    let scene = Scene::new().await;
    let lenders = Lenders::of(&scene);
    let guest = lenders.lend(Source::Container, scene.guest());
    std::fs::write(lenders.folder.path().join("binary"), [0xff, 0xfe]).unwrap();
    for variable in [CONFIG, CREDENTIALS] {
        for (path, why) in [
            (lent("missing"), "is not there"),
            (
                "/elsewhere/config".to_owned(),
                "in no directory that the host lends",
            ),
            (lent("binary"), "not UTF-8"),
        ] {
            let answer = guest.clone().env(variable, &path).init().await;
            refused(answer, "invalid-configuration", &[path.as_str(), why]);
        }
    }
    let answer = guest.env("AWS_PROFILE", "A").init().await;
    refused(answer, "invalid-configuration", &["AWS_PROFILE", r#""A""#]);
    assert_eq!(lenders.container.count_all(), 0);
}

#[tokio::test]
async fn a_line_with_a_secret_that_is_no_line_of_such_a_file_is_not_told() {
    let scene = Scene::new().await;
    let lenders = Lenders::of(&scene);
    let key = scene.account.user("");
    for text in [
        format!("{}\n", key.secret.replace('=', "")),
        format!("[default]\n{}\n", key.secret.replace('=', "")),
        section("default", &key).replace("aws_secret_access_key", "  \t"),
        section("default", &key).replace("secret+", "secret +"),
    ] {
        let answer = with_config(&scene, &lenders, &text).init().await;
        refused(answer, "invalid-configuration", &[]);
    }
}

#[tokio::test]
async fn a_sources_failure_within_a_profile_is_that_of_the_source() {
    let scene = Scene::new().await;
    let lenders = Lenders::of(&scene);
    let role = format!("[default]\nrole_arn = {ROLE}\ncredential_source = Ec2InstanceMetadata\n");
    let guest = with_config(&scene, &lenders, &role);
    let guest = lenders.lend(Source::InstanceMetadata, guest);
    lenders.instance_metadata.service().set_role(None);
    let words = [r#""default""#, "the instance has no role"];
    refused(guest.init().await, "invalid-configuration", &words);
}
