//! The files that AWS's tools share: which profile is read, and what it may ask for. The cases are those of the SDK's own test
//! data (aws-config, `default-credential-provider-chain`, `profile-provider`, `assume-role-tests.json`).

use std::fs;

use test_support::aws::sts::{ASSUME_ROLE, Form, WITH_WEB_IDENTITY};

use super::lenders::{Lenders, ROLE, Source, lent, section, write};
use super::scene::{Guest, LENT, Scene, works};

const CONFIG: &str = "AWS_CONFIG_FILE";
const CREDENTIALS: &str = "AWS_SHARED_CREDENTIALS_FILE";

/// With these two files, and STS within reach.
fn with_files(scene: &Scene, lenders: &Lenders, config: &str, credentials: &str) -> Guest {
    write(lenders.folder.path(), "config", config);
    write(lenders.folder.path(), "credentials", credentials);
    let guest = lenders
        .reaching_sts(scene.guest())
        .lend(lenders.folder.path());
    guest
        .env(CONFIG, &lent("config"))
        .env(CREDENTIALS, &lent("credentials"))
}

/// Whose key is used with these files, where two keys are at hand: `ONE` or `TWO`.
async fn chosen(
    files: impl FnOnce(&str, &str) -> (String, String),
    more: impl FnOnce(Guest) -> Guest,
) -> Vec<String> {
    let scene = Scene::new().await;
    let lenders = Lenders::of(&scene);
    let keys = ["ONE", "TWO"].map(|label| {
        let text = section("x", &scene.account.user(label));
        text.replacen("[x]\n", "", 1)
    });
    let [one, two] = &keys;
    let (config, credentials) = files(one, two);
    more(with_files(&scene, &lenders, &config, &credentials))
        .works()
        .await;
    scene.signers()
}

#[tokio::test]
async fn the_default_profile_is_read_and_another_where_it_is_named() {
    let name = "some-thing:long/the_one%only.foo@bar+";
    let files = |one: &str, two: &str| {
        let credentials = format!("[default]\n{one}[{name}]\n{two}");
        (String::new(), credentials)
    };
    assert_eq!(chosen(files, |guest| guest).await, ["ONE"]);
    assert_eq!(
        chosen(files, |guest| guest.env("AWS_PROFILE", name)).await,
        ["TWO"]
    );
}

#[tokio::test]
async fn profile_has_any_name_as_the_aws_cli_writes_it() {
    let name = "it's my profile, très bien";
    let config = |one: &str, two: &str| {
        let text = format!("\u{feff}[profile \"{name}\"]\n{one}[profile 'other one']\n{two}");
        (text, "[broken]\nno property\n".to_owned())
    };
    let credentials =
        |one: &str, two: &str| (String::new(), format!("[other one]\n{two}[{name}]\n{one}"));
    let named = |name| move |guest: Guest| guest.env("AWS_PROFILE", name);
    assert_eq!(chosen(config, named(name)).await, ["ONE"]);
    assert_eq!(chosen(config, named("other one")).await, ["TWO"]);
    assert_eq!(chosen(credentials, named(name)).await, ["ONE"]);
}

#[tokio::test]
async fn of_a_profile_in_both_files_the_credentials_file_stands() {
    let files = |one: &str, two: &str| (format!("[default]\n{one}"), format!("[default]\n{two}"));
    assert_eq!(chosen(files, |guest| guest).await, ["TWO"]);
    let files =
        |one: &str, two: &str| (format!("[profile p]\n{one}"), format!("[profile p]\n{two}"));
    assert_eq!(
        chosen(files, |guest| guest.env("AWS_PROFILE", "p")).await,
        ["ONE"]
    );
}

#[tokio::test]
async fn names_of_properties_are_read_in_any_case_and_lines_may_end_with_cr_lf() {
    let files = |one: &str, _: &str| {
        let text = format!("# comment\n[default] ; of mine\n{one}").replace('\n', "\r\n");
        (
            String::new(),
            text.replace("aws_access_key_id", "AWS_ACCESS_KEY_ID"),
        )
    };
    assert_eq!(chosen(files, |guest| guest).await, ["ONE"]);
}

#[tokio::test]
async fn without_names_the_files_are_those_of_the_home_directory() {
    let scene = Scene::new().await;
    let lenders = Lenders::of(&scene);
    let folder = lenders.folder.path().join(".aws");
    fs::create_dir(&folder).unwrap();
    write(
        &folder,
        "credentials",
        &section("default", &scene.account.user("HOME")),
    );
    let guest = scene.guest().lend(lenders.folder.path());
    let guest = guest.env("HOME", LENT);
    guest.clone().works().await;
    assert_eq!(scene.signers(), ["HOME"]);
    fs::rename(folder.join("credentials"), folder.join("elsewhere")).unwrap();
    guest.env(CREDENTIALS, "~/.aws/elsewhere").works().await;
    assert_eq!(scene.signers(), ["HOME"]);
}

#[tokio::test]
async fn a_profile_that_only_configures_leaves_credentials_to_the_next_source() {
    for config in [
        "",
        "[default]\nmax_attempts = 1\n",
        "[profile other]\nregion = x\n",
    ] {
        let scene = Scene::new().await;
        let lenders = Lenders::of(&scene);
        let guest = with_files(&scene, &lenders, config, "");
        lenders
            .lend(Source::InstanceMetadata, guest)
            .env(CREDENTIALS, "")
            .works()
            .await;
        assert_eq!(scene.signers(), ["IMDS"]);
    }
}

#[tokio::test]
async fn roles_are_assumed_one_with_the_credentials_of_the_other() {
    let scene = Scene::new().await;
    let lenders = Lenders::of(&scene);
    let config = format!(
        "[default]\nrole_arn = {ROLE}-a\nsource_profile = b\nrole_session_name = mine\nexternal_id = id-1\n[profile b]\nrole_arn = {ROLE}-b\nsource_profile = c\n"
    );
    let credentials = section("c", &scene.account.user("BASE"));
    with_files(&scene, &lenders, &config, &credentials)
        .works()
        .await;
    let asked = lenders.sts.asked(ASSUME_ROLE);
    let forms: Vec<Form> = asked.iter().map(|asked| Form::read(&asked.body)).collect();
    let roles: Vec<&str> = forms.iter().map(|form| form.text("RoleArn")).collect();
    assert_eq!(roles, [format!("{ROLE}-b"), format!("{ROLE}-a")]);
    assert_eq!(forms[1].text("RoleSessionName"), "mine");
    assert_eq!(forms[1].text("ExternalId"), "id-1");
    let by: Vec<bool> = asked
        .iter()
        .map(|asked| asked.access_key().unwrap().starts_with("AKIABASE"))
        .collect();
    assert_eq!(by, [true, false]);
    assert_eq!(scene.gate.passed().len(), 1);
}

/// A source profile's own keys go before its role, and a profile's keys are no use beside its role.
#[tokio::test]
async fn keys_of_a_source_profile_are_where_its_roles_begin() {
    let files = |own: &str, base: &str| {
        let config = format!("[default]\nrole_arn = {ROLE}\nsource_profile = b\n{own}");
        (config, format!("[b]\nrole_arn = {ROLE}-not\n{base}"))
    };
    let scene = Scene::new().await;
    let lenders = Lenders::of(&scene);
    let (own, base) = (scene.account.user("OWN"), scene.account.user("BASE"));
    let without_head = |text: String| text.replacen("[x]\n", "", 1);
    let (config, credentials) = files(
        &without_head(section("x", &own)),
        &without_head(section("x", &base)),
    );
    with_files(&scene, &lenders, &config, &credentials)
        .works()
        .await;
    let asked = lenders.sts.asked(ASSUME_ROLE);
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].access_key(), Some(base.id.as_str()));
}

#[tokio::test]
async fn a_profile_may_be_its_own_source() {
    let scene = Scene::new().await;
    let lenders = Lenders::of(&scene);
    let own = section("a", &scene.account.user("OWN"));
    let text = format!("{own}role_arn = {ROLE}\nsource_profile = a\n");
    with_files(&scene, &lenders, "", &text)
        .env("AWS_PROFILE", "a")
        .works()
        .await;
    let asked = lenders.sts.asked(ASSUME_ROLE);
    assert!(asked[0].access_key().unwrap().starts_with("AKIAOWN"));
}

#[tokio::test]
async fn a_role_may_begin_at_a_source_that_the_profile_names() {
    for (name, source, label) in [
        ("EcsContainer", Source::Container, "ASIAEKS"),
        ("ec2instancemetadata", Source::InstanceMetadata, "ASIAIMDS"),
    ] {
        let scene = Scene::new().await;
        let lenders = Lenders::of(&scene);
        let config = format!("[default]\nrole_arn = {ROLE}\ncredential_source = {name}\n");
        let guest = with_files(&scene, &lenders, &config, "");
        lenders.lend(source, guest).works().await;
        let asked = lenders.sts.asked(ASSUME_ROLE);
        assert!(asked[0].access_key().unwrap().starts_with(label));
        assert_eq!(scene.signers(), ["STS"]);
    }
}

#[tokio::test]
async fn a_profile_may_have_a_web_identity_and_a_role_over_it() {
    let scene = Scene::new().await;
    let lenders = Lenders::of(&scene);
    let token_file = lent("web-identity-token");
    let config = format!(
        "[default]\nrole_arn = {ROLE}-a\nsource_profile = b\n[profile b]\nrole_arn = {ROLE}-b\nweb_identity_token_file = {token_file}\nrole_session_name = of-b\n"
    );
    with_files(&scene, &lenders, &config, "").works().await;
    let first = lenders.sts.asked(WITH_WEB_IDENTITY);
    let form = Form::read(&first[0].body);
    assert_eq!(form.text("RoleSessionName"), "of-b");
    assert_eq!(lenders.sts.count(ASSUME_ROLE), 1);
}

#[tokio::test]
async fn a_region_of_the_profile_is_used_where_no_other_is_given() {
    let scene = Scene::new().await;
    let lenders = Lenders::of(&scene);
    let config = format!("[default]\nregion = us-west-17\nrole_arn = {ROLE}\nsource_profile = b\n");
    let credentials = section("b", &scene.account.user("BASE"));
    let guest = with_files(&scene, &lenders, &config, &credentials);
    let guest = guest.without_metadata("region");
    guest.clone().works().await;
    guest.env("AWS_REGION", "us-east-2").works().await;
    let asked = lenders.sts.asked(ASSUME_ROLE);
    let scopes = asked
        .iter()
        .map(|asked| asked.headers["authorization"].to_str().unwrap());
    for (scope, region) in scopes.zip(["/us-west-17/sts/aws4_request", "/us-east-2/sts/"]) {
        assert!(scope.contains(region), "not {region}");
    }
}

#[tokio::test]
async fn keys_that_another_tool_replaced_are_read_when_the_old_ones_are_refused() {
    let scene = Scene::new().await;
    let lenders = Lenders::of(&scene);
    let old = scene.account.user("OLD");
    let guest = with_files(&scene, &lenders, "", &section("default", &old));
    let mut store = guest.store().await;
    let new = section("default", &scene.account.user("NEW"));
    write(lenders.folder.path(), "credentials", &new);
    scene.account.expire(&old.id);
    works(&mut store).await;
    assert_eq!(scene.signers(), ["NEW", "OLD"]);
    assert_eq!(scene.gate.refused(), ["ExpiredTokenException"]);
}
