//! The files that AWS's tools share: the profile that is read, and the settings that it may have.
//! The cases come from the SDK's own test data (aws-config, `default-credential-provider-chain`,
//! `profile-provider`, `assume-role-tests.json`). An error names the profile or file at fault,
//! never a line of it, and no other source is asked instead.

use super::scene::{
    Guest, LENT, Lenders, ROLE, Scene, Source, lending, lent, refused, section, works, write,
};
use std::fs;
use test_support::aws::sts::{ASSUME_ROLE, Form, WITH_WEB_IDENTITY};

const CONFIG: &str = "AWS_CONFIG_FILE";
const CREDENTIALS: &str = "AWS_SHARED_CREDENTIALS_FILE";

/// Returns a guest with these two files, which can reach STS.
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

/// Returns the labels of the keys that are used with these files. Two keys are available: `ONE` and
/// `TWO`.
async fn chosen(
    files: impl FnOnce(&str, &str) -> (String, String),
    more: impl FnOnce(Guest) -> Guest,
) -> Vec<String> {
    let (scene, lenders) = lending().await;
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
async fn default_profile_is_read_unless_another_is_named() {
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
async fn profile_may_have_any_name_that_the_aws_cli_writes() {
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
async fn credentials_file_overrides_the_same_profile_in_config() {
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
async fn property_case_and_crlf_line_ends_are_ignored() {
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
async fn files_default_to_those_in_the_home_directory() {
    let (scene, lenders) = lending().await;
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
async fn profile_without_credentials_is_skipped() {
    for config in [
        "",
        "[default]\nmax_attempts = 1\n",
        "[profile other]\nregion = x\n",
    ] {
        let (scene, lenders) = lending().await;
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
async fn chained_roles_are_assumed_one_after_another() {
    let (scene, lenders) = lending().await;
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

/// A source profile's own keys take precedence over its role. The keys of a profile that assumes a
/// role are not used.
#[tokio::test]
async fn role_is_assumed_with_the_keys_of_its_source_profile() {
    let files = |own: &str, base: &str| {
        let config = format!("[default]\nrole_arn = {ROLE}\nsource_profile = b\n{own}");
        (config, format!("[b]\nrole_arn = {ROLE}-not\n{base}"))
    };
    let (scene, lenders) = lending().await;
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
async fn profile_may_be_its_own_source_profile() {
    let (scene, lenders) = lending().await;
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
async fn role_may_use_the_profiles_credential_source() {
    for (name, source, label) in [
        ("EcsContainer", Source::Container, "ASIAEKS"),
        ("ec2instancemetadata", Source::InstanceMetadata, "ASIAIMDS"),
    ] {
        let (scene, lenders) = lending().await;
        let config = format!("[default]\nrole_arn = {ROLE}\ncredential_source = {name}\n");
        let guest = with_files(&scene, &lenders, &config, "");
        lenders.lend(source, guest).works().await;
        let asked = lenders.sts.asked(ASSUME_ROLE);
        assert!(asked[0].access_key().unwrap().starts_with(label));
        assert_eq!(scene.signers(), ["STS"]);
    }
}

#[tokio::test]
async fn role_may_be_assumed_over_a_profiles_web_identity() {
    let (scene, lenders) = lending().await;
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
async fn profile_region_is_used_if_no_other_is_set() {
    let (scene, lenders) = lending().await;
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
async fn replaced_keys_are_read_when_the_old_ones_expire() {
    let (scene, lenders) = lending().await;
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

/// Returns a guest with this config file. The sources that come after the file are ready too.
fn with_config(scene: &Scene, lenders: &Lenders, config: &str) -> Guest {
    write(lenders.folder.path(), "config", config);
    let guest = lenders.lend(Source::Container, scene.guest());
    guest.env(CONFIG, &lent("config"))
}

/// Returns configurations of a profile `A`, each with words of the resulting error.
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
async fn unusable_profile_is_reported() {
    for (config, words) in profiles() {
        let (scene, lenders) = lending().await;
        let guest = with_config(&scene, &lenders, &config).env("AWS_PROFILE", "A");
        let answer = guest.init().await;
        refused(answer, "invalid-configuration", words);
        assert_eq!(lenders.container.count_all(), 0, "{words:?}");
    }
}

/// Case DC-25 of the SDK: environment variables do not complete a profile.
#[tokio::test]
async fn role_from_the_environment_does_not_complete_a_profile() {
    let (scene, lenders) = lending().await;
    let config = "[default]\nweb_identity_token_file = /lent/web-identity-token\n";
    let guest = with_config(&scene, &lenders, config).env("AWS_ROLE_ARN", ROLE);
    let words = [r#""default""#, "web_identity_token_file", "role_arn"];
    refused(guest.init().await, "invalid-configuration", &words);
}

/// Case DC-19 of the SDK.
#[tokio::test]
async fn web_identity_variables_do_not_replace_a_profile() {
    let (scene, lenders) = lending().await;
    let config = format!("[profile A]\nrole_arn = {ROLE}\ncredential_source = Environment\n");
    let guest = with_config(&scene, &lenders, &config).env("AWS_PROFILE", "A");
    let guest = lenders.lend(Source::WebIdentity, guest);
    refused(guest.init().await, "invalid-configuration", &[r#""A""#]);
    assert_eq!(lenders.sts.count_all(), 0);
}

#[tokio::test]
async fn named_file_that_cannot_be_read_is_reported() {
    let (scene, lenders) = lending().await;
    let guest = lenders.lend(Source::Container, scene.guest());
    std::fs::write(lenders.folder.path().join("binary"), [0xff, 0xfe]).unwrap();
    for variable in [CONFIG, CREDENTIALS] {
        for (path, why) in [
            (lent("missing"), "does not exist"),
            (
                "/elsewhere/config".to_owned(),
                "outside the directories that the host grants",
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
async fn error_about_a_malformed_line_shows_no_secret() {
    let (scene, lenders) = lending().await;
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
async fn failure_of_a_profiles_credential_source_is_reported() {
    let (scene, lenders) = lending().await;
    let role = format!("[default]\nrole_arn = {ROLE}\ncredential_source = Ec2InstanceMetadata\n");
    let guest = with_config(&scene, &lenders, &role);
    let guest = lenders.lend(Source::InstanceMetadata, guest);
    lenders.instance_metadata.service().set_role(None);
    let words = [r#""default""#, "the instance has no role"];
    refused(guest.init().await, "invalid-configuration", &words);
}
