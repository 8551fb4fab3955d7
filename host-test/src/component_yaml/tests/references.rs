use super::*;

#[test]
fn a_variable_that_is_not_set_makes_its_field_absent_and_is_noticed() {
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
fn a_secret_without_a_secrets_file_names_the_remedy() {
    let component = &parse("store.yaml", COMPLETE).unwrap()[0];
    assert_eq!(
        resolve(component, None).unwrap_err(),
        "store.yaml:23: spec.metadata[4].secretKeyRef: refers to the secret \"aws\", but there is no secrets file: name one by --secrets FILE"
    );
}

#[test]
fn an_absent_secret_names_what_the_file_holds_but_no_value() {
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
fn placeholder_of_daprd_is_named_whatever_its_source() {
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
                    "store.yaml:{place} holds {placeholder}, which only daprd replaces (by {by}): write the text itself"
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
fn secrets_follow_the_rules_of_daprs_local_file_store() {
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
fn a_secret_that_is_no_string_is_refused_with_its_name_and_key() {
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
fn a_byte_order_mark_before_the_secrets_does_not_matter() {
    let secrets = Secrets::parse("secrets.json", &format!("\u{feff}{SECRETS}")).unwrap();
    assert_eq!(secrets.get("top", None).unwrap(), "t");
}

#[test]
fn a_malformed_secrets_file_names_its_line_and_shows_none_of_it() {
    let sentence = Secrets::parse("secrets.json", "{\n \"a\": hush\n}")
        .unwrap_err()
        .to_string();
    assert_eq!(
        sentence,
        "the secrets file secrets.json:2: not JSON: the syntax is wrong here"
    );
    let sentence = Secrets::parse("secrets.json", "[]")
        .unwrap_err()
        .to_string();
    assert_eq!(
        sentence,
        "the secrets file secrets.json: write a JSON object of names and secrets"
    );
}

#[test]
fn nothing_that_may_be_secret_is_in_a_debug_form() {
    let component = &parse("store.yaml", COMPLETE).unwrap()[0];
    let secrets = Secrets::parse("secrets.json", SECRETS).unwrap();
    let resolved = resolve(component, Some(&secrets)).unwrap();
    let printed = format!("{component:?} {secrets:?} {resolved:?}");
    for secret in ["hush", "AKID", "orders"] {
        assert!(!printed.contains(secret), "{printed}");
    }
}
