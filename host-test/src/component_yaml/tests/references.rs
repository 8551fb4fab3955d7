use super::*;

#[test]
fn unset_variable_makes_field_absent_with_a_notice() {
    let component = &parse("store.yaml", COMPLETE).unwrap()[0];
    let secrets = Secrets::parse("secrets.json", SECRETS).unwrap();
    let resolved = component
        .resolve(Sources {
            environment: &nothing,
            secrets: Some(&secrets),
        })
        .unwrap();
    assert_eq!(resolved.metadata[3], ("endpoint".to_owned(), String::new()));
    assert_eq!(
        resolved.notices,
        [
            "store.yaml:21: spec.metadata[3].envRef: the environment variable ENDPOINT is not set, so endpoint counts as absent"
        ]
    );
}

#[test]
fn error_for_missing_secrets_file_names_the_flag() {
    let component = &parse("store.yaml", COMPLETE).unwrap()[0];
    assert_eq!(
        resolve(component, None).unwrap_err(),
        "store.yaml:23: spec.metadata[4].secretKeyRef: refers to the secret \"aws\", but no secrets file is given: pass --secrets FILE"
    );
}

#[test]
fn error_for_absent_secret_lists_names_but_no_values() {
    let component = &parse(
        "store.yaml",
        &COMPLETE.replace("key: accessKey", "key: other"),
    )
    .unwrap()[0];
    let secrets = Secrets::parse("secrets.json", SECRETS).unwrap();
    assert_eq!(
        resolve(component, Some(&secrets)).unwrap_err(),
        "store.yaml:23: spec.metadata[4].secretKeyRef: there is no secret \"aws:other\" in secrets.json, which holds aws:accessKey, aws:list:0, aws:list:1, aws:list:2, aws:list:3, aws:secretKey, top: add it there"
    );
}

#[test]
fn daprd_placeholder_is_refused_from_any_source() {
    let replaced = [
        ("{appID}", "its app ID"),
        ("{namespace}", "its namespace, a dot and its app ID"),
        ("{podName}", "the name of its pod"),
        ("{uuid}", "a random UUID"),
    ];
    for (placeholder, by) in replaced {
        let value = format!("hush-{placeholder}-1");
        let secrets = SECRETS.replace("AKID", &value);
        let secrets = Secrets::parse("secrets.json", &secrets).unwrap();
        let in_table = COMPLETE.replace("orders", &value);
        for (text, place, environment) in [
            (&*in_table, "15: spec.metadata[0].value: table", "x"),
            (COMPLETE, "21: spec.metadata[3].envRef: endpoint", &*value),
            (
                COMPLETE,
                "23: spec.metadata[4].secretKeyRef: accessKey",
                "x",
            ),
        ] {
            let component = &parse("store.yaml", text).unwrap()[0];
            let sources = Sources {
                environment: &|_| Some(environment.to_owned()),
                secrets: Some(&secrets),
            };
            assert_eq!(
                component.resolve(sources).unwrap_err().to_string(),
                format!(
                    "store.yaml:{place} contains {placeholder}, which only daprd replaces (with {by}): write the value itself"
                )
            );
        }
    }
    // daprd does not replace these.
    let text = COMPLETE.replace("orders", "{appid}-{AppID}-{}-{other}");
    let secrets = Secrets::parse("secrets.json", SECRETS).unwrap();
    let resolved = resolve(&parse("store.yaml", &text).unwrap()[0], Some(&secrets)).unwrap();
    assert_eq!(resolved.metadata[0].1, "{appid}-{AppID}-{}-{other}");
}

#[test]
fn secrets_follow_dapr_local_file_store_rules() {
    let secrets = Secrets::parse("secrets.json", SECRETS).unwrap();
    assert_eq!(secrets.get("top", None).unwrap(), "t");
    assert_eq!(secrets.get("top", Some("top")).unwrap(), "t");
    assert_eq!(
        secrets.get("aws:secretKey", Some("aws:secretKey")).unwrap(),
        "hush"
    );
    assert_eq!(secrets.get("aws", Some("secretKey")).unwrap(), "hush");
    assert_eq!(secrets.get("aws:list:0", None).unwrap(), "1");
    assert!(secrets.get("aws", None).is_err());
}

#[test]
fn secret_that_is_not_a_string_is_refused_by_name() {
    let component = &parse(
        "store.yaml",
        &COMPLETE.replace("key: accessKey", "key: \"list:1\""),
    )
    .unwrap()[0];
    let secrets = Secrets::parse("secrets.json", SECRETS).unwrap();
    assert_eq!(
        resolve(component, Some(&secrets)).unwrap_err(),
        "store.yaml:23: spec.metadata[4].secretKeyRef: the secret \"aws:list:1\" in secrets.json is null: write a string, in quotes"
    );
    for (key, told) in [
        ("list:2", "is a number: write a string, in quotes"),
        ("list:3", "is a boolean: write a string, in quotes"),
        ("list", "there is no secret \"aws:list\" in secrets.json"),
    ] {
        let error = secrets.get("aws", Some(key)).unwrap_err().to_string();
        assert!(error.contains(told), "{error}");
    }
}

#[test]
fn byte_order_mark_in_secrets_file_is_ignored() {
    let secrets = Secrets::parse("secrets.json", &format!("\u{feff}{SECRETS}")).unwrap();
    assert_eq!(secrets.get("top", None).unwrap(), "t");
}

#[test]
fn error_for_malformed_secrets_hides_the_text() {
    let sentence = Secrets::parse("secrets.json", "{\n \"a\": hush\n}")
        .unwrap_err()
        .to_string();
    assert_eq!(
        sentence,
        "the secrets file secrets.json:2: not valid JSON: invalid syntax"
    );
    let sentence = Secrets::parse("secrets.json", "[]")
        .unwrap_err()
        .to_string();
    assert_eq!(
        sentence,
        "the secrets file secrets.json: not a JSON object: write an object of names and secrets"
    );
}

#[test]
fn debug_output_shows_no_secrets() {
    let component = &parse("store.yaml", COMPLETE).unwrap()[0];
    let secrets = Secrets::parse("secrets.json", SECRETS).unwrap();
    let resolved = resolve(component, Some(&secrets)).unwrap();
    let printed = format!("{component:?} {secrets:?} {resolved:?}");
    for secret in ["hush", "AKID", "orders"] {
        assert!(!printed.contains(secret), "{printed}");
    }
}
