//! Tests of the locations of the shared files, and of unreadable files. The cases are those of
//! the SDK (`file-location-tests.json` of smithy-rs), and those of the directories that a host
//! grants.

use super::profiles::{FILES, keys, on, server, with};
use super::stage::stage;
use crate::config::Config;
use crate::test_support::assert_tells;
use std::io::ErrorKind;

#[tokio::test(start_paused = true)]
async fn credentials_file_overrides_the_config_file() {
    let config = format!(
        "[default]\n{}[profile named]\n{}",
        keys("OLD"),
        keys("NAMED")
    );
    let credentials = format!(
        "[default]\n{}",
        keys("NEW")
            .to_uppercase()
            .replace("SECRET-C4N4RY", "s-c4n4ry")
    );
    let (id, _) = with(&config, &credentials, &[]).await;
    assert_eq!(id, Ok("NEW".to_owned()));
    let (id, _) = with(&config, &credentials, &[("AWS_PROFILE", "named")]).await;
    assert_eq!(id, Ok("NAMED".to_owned()));
    let (id, _) = with(&config, &credentials, &[("AWS_PROFILE", "nobody")]).await;
    let error = id.expect_err("there is none").to_string();
    assert_tells(&error, &["\"nobody\"", "AWS_PROFILE"]);
}

#[tokio::test(start_paused = true)]
async fn files_are_in_the_home_directory_or_where_variables_say() {
    for (home, path, variable) in [
        ("/home/u", "/home/u/.aws/credentials", None),
        ("/home/u/", "/home/u/.aws/credentials", None),
        ("/home/u", "/home/u/x", Some("~/x")),
        ("/home/u", "~u/x", Some("~u/x")),
        ("/home/u", "x", Some("x")),
    ] {
        let stage = stage(server);
        stage
            .folder
            .write(path, format!("[default]\n{}", keys("A")));
        let mut environment = vec![("HOME", home)];
        environment.extend(variable.map(|value| ("AWS_SHARED_CREDENTIALS_FILE", value)));
        let (id, _) = on(&stage, &environment).await;
        assert_eq!(id, Ok("A".to_owned()), "{path}");
    }
}

#[tokio::test(start_paused = true)]
async fn only_a_file_that_a_variable_names_must_exist() {
    for (variable, path) in FILES.iter().filter(|(_, path)| path.starts_with('/')) {
        for (broken, words) in [
            (ErrorKind::NotFound, "does not exist"),
            (
                ErrorKind::PermissionDenied,
                "the host does not allow the component to read",
            ),
            (ErrorKind::FileTooLarge, "exceeds the size limit"),
        ] {
            let stage = stage(server);
            stage.folder.break_with(path, broken);
            let (id, _) = on(&stage, &[(variable, path)]).await;
            let error = id.expect_err("no file").to_string();
            assert!(error.starts_with("invalid-configuration"), "{error}");
            let told = [variable, path, words]
                .iter()
                .all(|word| error.contains(word));
            assert!(told, "{error}");
        }
    }
    let stage = stage(server);
    let (id, _) = on(&stage, &[("HOME", "/home/u")]).await;
    assert_eq!(id, Ok("ROLEOFTHEINSTANCE".to_owned()));
    let (id, _) = with(
        "[default]\nregion = x",
        "",
        &[("AWS_EC2_METADATA_DISABLED", "true")],
    )
    .await;
    let error = id.expect_err("no source").to_string();
    assert_tells(&error, &["profile \"default\" has no credentials"]);
}

#[tokio::test(start_paused = true)]
async fn malformed_line_fails_only_those_who_use_its_profile() {
    let config = format!(
        "[default]\n{}[profile broken]\n{}no property\n[profile by]\nrole_arn = R\nsource_profile = broken\n",
        keys("A"),
        keys("B")
    );
    let (id, _) = with(&config, "", &[]).await;
    assert_eq!(id, Ok("A".to_owned()));
    for profile in ["broken", "by"] {
        let (id, _) = with(&config, "", &[("AWS_PROFILE", profile)]).await;
        let error = id.expect_err("it uses the line").to_string();
        assert!(error.starts_with("invalid-configuration"), "{error}");
        assert_tells(&error, &["/lent/config", "line 7 has no `=`"]);
    }
}

#[tokio::test(start_paused = true)]
async fn line_outside_sections_is_reported_for_a_missing_profile() {
    for (config, why) in [
        (
            &b"[default\naws_access_key_id = A\n"[..],
            "line 1 starts a section",
        ),
        (b"aws_access_key_id = A\n", "line 1 is before the first"),
        (
            b"\xff\xfe[\0d\0",
            "line 1 contains bytes that are not UTF-8",
        ),
    ] {
        for (variable, profile) in [("AWS_PROFILE", "x"), ("HOME", "/")] {
            let stage = stage(server);
            stage.folder.write("/lent/config", config);
            let environment = [("AWS_CONFIG_FILE", "/lent/config"), (variable, profile)];
            let (id, sent) = on(&stage, &environment).await;
            let error = id.expect_err("no profile").to_string();
            assert!(error.starts_with("invalid-configuration"), "{error}");
            assert!(error.contains(why), "{error}");
            assert_eq!(sent.len(), 0, "no other source replaces it");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn invalid_file_is_reported_if_the_region_is_missing() {
    let stage = stage(server);
    stage.folder.write("/lent/config", "[default]\nregion");
    let environment = |name: &str| (name == "AWS_CONFIG_FILE").then(|| "/lent/config".to_owned());
    let table = [("table".to_owned(), "t".to_owned())];
    let error = Config::parse(&table, &environment, &stage.folder)
        .unwrap_err()
        .to_string();
    assert_tells(&error, &["/lent/config", "line 2"]);
}
