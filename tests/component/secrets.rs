//! No secret leaves the component, neither in an error nor on stderr. A warning about an unknown
//! field names the field but not its value.

use crate::fixture::{
    SECRET_KEY, Settings, Table, assert_no_secret, assert_refused, first_write, reaching,
    refusing_server, whole,
};
use dapr_wasm_host::CapturedStderr;
use http::StatusCode;
use test_support::faults::{Action, FaultProxy, Reply};

const TOKEN: &str = "test-session-token-never-to-be-shown";

/// Returns the error of `init` with these settings, and the output on standard error.
async fn init_heard(settings: &Settings) -> (Option<String>, String) {
    let heard = CapturedStderr::new();
    let mut store = settings.blank_with(|options| options.stderr(&heard)).await;
    let refused = store.state().init(&settings.metadata).await.err();
    let heard = heard.contents();
    assert_no_secret(&heard);
    (refused.map(|error| error.to_string()), heard)
}

#[tokio::test]
async fn unknown_field_is_named_on_stderr_and_ignored() {
    let settings = Settings::new().await;
    let settings = settings.with("tabel", "a-value-in-a-misspelt-field");
    let (refused, heard) = init_heard(&settings).await;
    assert_eq!(refused, None);
    assert!(heard.contains("tabel"), "{heard:?}");
    assert!(!heard.contains("a-value-in-a-misspelt-field"), "{heard:?}");
}

#[tokio::test]
async fn unknown_field_is_named_even_if_init_fails() {
    let settings = Settings::new().await;
    let settings = settings.without("table").with("tableName", "a-value");
    let (refused, heard) = init_heard(&settings).await;
    let refused = refused.expect("there is no table");
    assert!(refused.contains("`table` is missing"), "{refused}");
    assert!(heard.contains("\"tableName\" is unknown"), "{heard:?}");
    assert!(!heard.contains("a-value"), "{heard:?}");
}

#[tokio::test]
async fn secret_used_as_a_field_name_is_not_shown() {
    let settings = Settings::new().await;
    let settings = settings.with(SECRET_KEY, "secretKey");
    let (refused, heard) = init_heard(&settings).await;
    assert_eq!(refused, None);
    assert!(heard.contains("\"***\" is unknown"), "{heard:?}");
}

#[tokio::test]
async fn encryption_keys_of_dapr_are_refused() {
    let settings = Settings::new().await;
    for name in ["primaryEncryptionKey", "SECONDARYENCRYPTIONKEY"] {
        let settings = settings.with(name, TOKEN);
        let (refused, heard) = init_heard(&settings).await;
        let refused = refused
            .expect("values would be in plain text")
            .to_lowercase();
        assert!(refused.starts_with("invalid-configuration"), "{refused}");
        assert!(refused.contains(&name.to_lowercase()), "{refused}");
        assert!(
            !refused.contains(TOKEN) && !heard.contains(TOKEN),
            "{refused}"
        );
        let binding = settings
            .blank()
            .await
            .binding()
            .init(&settings.metadata)
            .await;
        assert_refused(binding, "invalid-configuration", &["before `init`"]);
    }
}

/// The token is longer than the part of a field that errors quote.
#[tokio::test]
async fn session_token_repeated_by_a_server_is_not_shown() {
    let token = format!("{TOKEN}-{}", "x".repeat(900));
    let page = |body: &str| {
        let body = body.replace("{TOKEN}", &token);
        Reply::text(StatusCode::BAD_REQUEST, "text/plain", &body)
    };
    let error = page(r#"{"__type":"SomethingNew","message":"no"}"#);
    for reply in [
        error.with("x-amzn-requestid", &token),
        page("no").with("content-type", &token),
        page("no").with("content-encoding", &token),
        page(r#"{"__type":"{TOKEN}","message":"no"}"#),
        page(r#"{"__type":"SomethingNew","message":"it is {TOKEN}"}"#),
    ] {
        let server = FaultProxy::stub(Action::answer(reply)).unwrap();
        let endpoint = server.endpoint();
        let settings = Settings::new().await;
        let settings = settings
            .with("sessionToken", &token)
            .with("maxAttempts", "1");
        let (refused, heard) = init_heard(&settings.through(endpoint)).await;
        let refused = refused.expect("the server refuses");
        let more = [
            ("AWS_SESSION_TOKEN", token.as_str()),
            ("AWS_MAX_ATTEMPTS", "1"),
        ];
        let environment = whole("t", endpoint, &more);
        let mut store = reaching(endpoint, &environment).await;
        let of_a_key = store.get_in_bulk("k").await.unwrap_err().to_string();
        assert!(
            of_a_key.contains("***") && !of_a_key.contains(TOKEN),
            "{of_a_key}"
        );
        assert!(refused.contains("***"), "{refused}");
        assert!(
            !refused.contains(TOKEN) && !heard.contains(TOKEN),
            "{refused}"
        );
    }
}

#[tokio::test]
async fn known_and_input_binding_fields_cause_no_warning() {
    let settings = Settings::new().await;
    let settings = settings
        .with("direction", "output")
        .with("route", "/orders")
        .with("AWSREGION", "x");
    let (refused, heard) = init_heard(&settings).await;
    assert_eq!((refused, heard.as_str()), (None, ""));
}

#[tokio::test]
async fn fields_of_daprs_runtime_are_named_on_stderr_and_ignored() {
    let names = ["keyPrefix", "actorStateStore", "outboxPublishTopic"];
    let settings = Settings::new().await;
    let with = |settings: Settings, name: &&str| settings.with(name, "true");
    let (refused, heard) = init_heard(&names.iter().fold(settings, with)).await;
    assert_eq!(refused, None);
    for name in names {
        let told = format!(
            "dapr-dynamodb: the metadata field \"{name}\" is for Dapr's runtime and is ignored: "
        );
        assert!(heard.contains(&told), "{heard:?}");
    }
    assert_eq!(heard.lines().count(), names.len(), "{heard:?}");
}

#[tokio::test]
async fn no_error_or_warning_shows_a_secret() {
    let table = Table::new().await;
    let settings = table
        .settings()
        .await
        .with("sessionToken", TOKEN)
        .with("maxAttempts", "1");
    let html = Action::answer(Reply::html(StatusCode::FORBIDDEN));
    let forbidding = FaultProxy::stub(html).unwrap();
    let dead = refusing_server().await;
    for broken in [
        settings.without("table"),
        settings.without("accessKey"),
        settings.with("table", "no-such-table"),
        settings.without("endpoint").with("region", SECRET_KEY),
        settings.without("endpoint").with("region", TOKEN),
        settings.with("table", SECRET_KEY),
        settings.with("partitionKey", SECRET_KEY),
        settings.with("consistency", SECRET_KEY),
        settings.with("maxAttempts", SECRET_KEY),
        settings.with("connectTimeout", SECRET_KEY),
        settings.with("consistency", "x"),
        settings.with("partitionKey", "other"),
        settings.through(dead.endpoint()),
        settings.through(forbidding.endpoint()),
        settings.with(
            "endpoint",
            &format!("http://user:{SECRET_KEY}@127.0.0.1:1/"),
        ),
    ] {
        let (refused, heard) = init_heard(&broken).await;
        let refused = refused.expect("the configuration is broken");
        for secret in [SECRET_KEY, TOKEN] {
            assert!(!refused.contains(secret), "{refused}");
            assert!(!heard.contains(secret), "{heard}");
        }
    }
}

#[tokio::test]
async fn ordinary_calls_write_nothing_to_stderr() {
    let settings = Settings::new().await;
    let heard = CapturedStderr::new();
    let mut store = settings.blank_with(|options| options.stderr(&heard)).await;
    store.state().init(&settings.metadata).await.unwrap();
    store.set("k", b"v").await;
    let refused = store.state().set("k", b"v", first_write()).await;
    assert!(refused.is_err());
    assert!(store.state().get("", None).await.is_err());
    assert_eq!(heard.contents(), "");
}
