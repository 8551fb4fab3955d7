//! A value comes back byte for byte, and a deleted item is absent without an error.

use super::*;
use dapr_wasm_host::types::{DeleteOptions, GetOptions, SetOptions};

pub const GROUP: Group = Group {
    name: "reads and writes",
    interface: Interface::State,
    cases: cases!(
        [],
        [
            absent_key_is_none_and_not_an_error,
            any_value_comes_back_unchanged,
            value_of_200_kilobytes_comes_back_or_is_too_large,
            empty_value_is_not_an_absent_item,
            content_type_comes_back_with_the_value,
            set_without_content_type_removes_the_earlier_one,
            deleted_item_is_absent_and_can_be_set_again,
            deleting_an_absent_key_without_a_condition_is_ok,
            options_without_fields_have_no_effect,
            get_works_with_either_consistency,
            empty_key_is_an_invalid_argument,
        ]
    ),
};

/// Returns every kind of value that Dapr's conformance suite sets, and more that a byte-exact store
/// must keep.
fn values() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("int", b"123".to_vec()),
        ("bool", b"true".to_vec()),
        ("one-byte", vec![0x01]),
        ("string-with-json", br#""{\"a\":\"b\"}""#.to_vec()),
        ("string", b"\"hello world\"".to_vec()),
        ("bare-string", b"hello world".to_vec()),
        ("empty-json-string", b"\"\"".to_vec()),
        ("empty", Vec::new()),
        (
            "object",
            br#"{"product":{"value":15},"status":"ACTIVE"}"#.to_vec(),
        ),
        (
            "protobuf",
            vec![
                0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01,
            ],
        ),
        ("every-byte", (0..=255).collect()),
        ("truncated-utf8", vec![b'a', 0xe2, 0x82]),
        ("lone-surrogate", vec![0xed, 0xa0, 0x80]),
        ("emoji", "⏱️ 日本語".as_bytes().to_vec()),
        ("control-characters", (0..0x20).collect()),
        ("nul-in-text", b"a\0b".to_vec()),
        (
            "line-separators",
            "a\u{2028}b\u{feff}c\u{fffd}".as_bytes().to_vec(),
        ),
        ("quotes-and-backslashes", br#"\"\\/\u0041"#.to_vec()),
        ("not-a-number", b"NaN".to_vec()),
    ]
}

async fn absent_key_is_none_and_not_an_error(scene: &Scene) -> Checked {
    let mut store = scene.store().await?;
    equal("a key that nobody set", store.get("never-set").await?, None)
}

async fn any_value_comes_back_unchanged(scene: &Scene) -> Checked {
    let mut store = scene.store().await?;
    for (name, value) in values() {
        store.set(name, &value, None).await?;
    }
    for (name, value) in values() {
        equal(name, store.item(name).await?.value, value)?;
    }
    Ok(())
}

async fn value_of_200_kilobytes_comes_back_or_is_too_large(scene: &Scene) -> Checked {
    let mut store = scene.store().await?;
    let value = vec![0x9f; 200_000];
    match store.set("k", &value, None).await {
        Ok(_) => equal("the value", store.value("k").await?, Some(value)),
        refusal => {
            refused(refusal, "too-large")?;
            equal("the refused item", store.value("k").await?, None)
        }
    }
}

async fn empty_value_is_not_an_absent_item(scene: &Scene) -> Checked {
    let mut store = scene.store().await?;
    store.set("k", b"", None).await?;
    equal("the value", store.value("k").await?, Some(Vec::new()))
}

async fn content_type_comes_back_with_the_value(scene: &Scene) -> Checked {
    let mut store = scene.store().await?;
    let json = "application/json; charset=utf-8";
    store.set("k", b"{}", content_type(json)).await?;
    let item = store.item("k").await?;
    equal("the content type", item.content_type.as_deref(), Some(json))
}

async fn set_without_content_type_removes_the_earlier_one(scene: &Scene) -> Checked {
    let mut store = scene.store().await?;
    for without in [None, content_type("")] {
        store
            .set("k", b"{}", content_type("application/json"))
            .await?;
        store.set("k", b"{}", without).await?;
        let item = store.item("k").await?;
        equal("the content type", item.content_type, None)?;
    }
    Ok(())
}

async fn deleted_item_is_absent_and_can_be_set_again(scene: &Scene) -> Checked {
    let mut store = scene.store().await?;
    store.set("k", b"v", None).await?;
    store.delete("k", None).await?;
    equal("a deleted item", store.get("k").await?, None)?;
    store.set("k", b"again", None).await?;
    equal("the value", store.item("k").await?.value, b"again")
}

async fn deleting_an_absent_key_without_a_condition_is_ok(scene: &Scene) -> Checked {
    let mut store = scene.store().await?;
    store.delete("never-set", None).await?;
    let none = Some(DeleteOptions::default());
    Ok(store.delete("never-set", none).await?)
}

async fn options_without_fields_have_no_effect(scene: &Scene) -> Checked {
    let mut store = scene.store().await?;
    let none = Some(SetOptions::default());
    store.set("k", b"1", none.clone()).await?;
    store.set("k", b"2", none).await?;
    let item = store.item("k").await?;
    equal("the value", item.value, b"2")?;
    equal("the time to live", item.expires_at, None)?;
    equal("the content type", item.content_type, None)
}

/// An eventual read may miss the latest write, but it must not return anything else.
async fn get_works_with_either_consistency(scene: &Scene) -> Checked {
    use dapr_wasm_host::types::Consistency::{Eventual, Strong};
    let mut store = scene.store().await?;
    store.set("k", b"v", None).await?;
    let read = |consistency| Some(GetOptions { consistency });
    for how in [None, read(None), read(Some(Eventual)), read(Some(Strong))] {
        let found = store.get_with("k", how).await?.map(|item| item.value);
        let may_miss = how != read(Some(Strong));
        holds(
            found.as_deref() == Some(b"v") || (may_miss && found.is_none()),
            format_args!("a get with {how:?} returned {found:?}"),
        )?;
    }
    Ok(())
}

async fn empty_key_is_an_invalid_argument(scene: &Scene) -> Checked {
    let mut store = scene.store().await?;
    refused(store.get("").await, "invalid-argument")?;
    refused(store.set("", b"v", None).await, "invalid-argument")?;
    refused(store.delete("", None).await, "invalid-argument")
}
