//! Every argument is used unchanged or refused. No argument is truncated, repaired or able to
//! cause a trap.

use super::*;

pub const GROUP: Group = Group {
    name: "hostile arguments",
    interface: Interface::State,
    cases: cases!(
        [],
        [
            keys_that_look_alike_stay_different,
            key_of_a_megabyte_works_or_is_an_invalid_argument,
            value_of_16_megabytes_comes_back_or_is_too_large,
            any_content_type_comes_back_or_is_an_invalid_argument,
            any_text_as_etag_gets_a_result,
            bulk_get_answers_ten_thousand_repeats_of_a_key,
            store_works_after_refusals,
        ]
    ),
};

const MB: usize = 1024 * 1024;

async fn keys_that_look_alike_stay_different(scene: &Scene) -> Checked {
    let mut store = scene.store().await?;
    for text in ODD_TEXTS {
        store.set(text, text.as_bytes(), None).await?;
    }
    let found = store.bulk_get(ODD_TEXTS).await?;
    equal("the number of results", found.len(), ODD_TEXTS.len())?;
    for (text, many) in ODD_TEXTS.iter().zip(found) {
        let one = store.item(text).await?;
        equal(
            format_args!("the value of {text:?}"),
            &one.value[..],
            text.as_bytes(),
        )?;
        let many = there("the item", succeeds("a key of bulk-get", many)?)?;
        equal(format_args!("{text:?} of bulk-get"), many, one)?;
    }
    Ok(())
}

async fn key_of_a_megabyte_works_or_is_an_invalid_argument(scene: &Scene) -> Checked {
    let mut store = scene.store().await?;
    let name = "k".repeat(MB);
    match store.set(&name, b"v", None).await {
        Ok(_) => equal("the value", store.item(&name).await?.value, b"v"),
        refusal => {
            refused(refusal, "invalid-argument")?;
            refused(store.get(&name).await, "invalid-argument")?;
            refused(store.delete(&name, None).await, "invalid-argument")
        }
    }
}

async fn value_of_16_megabytes_comes_back_or_is_too_large(scene: &Scene) -> Checked {
    let mut store = scene.store().await?;
    let value = vec![b'x'; 16 * MB];
    match store.set("k", &value, None).await {
        Ok(_) => equal("the value", store.item("k").await?.value, value),
        refusal => {
            refused(refusal, "too-large")?;
            equal("the refused item", store.get("k").await?, None)
        }
    }
}

async fn any_content_type_comes_back_or_is_an_invalid_argument(scene: &Scene) -> Checked {
    let mut store = scene.store().await?;
    for text in ODD_TEXTS {
        match store.set("k", b"v", content_type(text)).await {
            Ok(_) => {
                let kept = store.item("k").await?.content_type;
                equal("the content type", kept.as_deref(), Some(*text))?;
            }
            refusal => refused(refusal, "invalid-argument")?,
        }
    }
    Ok(())
}

async fn any_text_as_etag_gets_a_result(scene: &Scene) -> Checked {
    let mut store = scene.store().await?;
    store.set("k", b"v", None).await?;
    let long = "e".repeat(MB);
    for text in ODD_TEXTS.iter().copied().chain([long.as_str()]) {
        outcome(store.set("k", b"other", if_etag(text)).await)?;
        outcome(store.delete("k", delete_if_etag(text)).await)?;
        outcome(store.transact(&[set("k", b"other", if_etag(text))]).await)?;
    }
    outcome(store.get("k").await)?;
    Ok(())
}

async fn bulk_get_answers_ten_thousand_repeats_of_a_key(scene: &Scene) -> Checked {
    const TIMES: usize = 10_000;
    let mut store = scene.store().await?;
    store.set("k", b"v", None).await?;
    let item = store.item("k").await?;
    let found = store.bulk_get(&["k"; TIMES]).await?;
    equal("the number of results", found.len(), TIMES)?;
    for found in found {
        equal("a result", found, Ok(Some(item.clone())))?;
    }
    Ok(())
}

async fn store_works_after_refusals(scene: &Scene) -> Checked {
    let mut store = scene.store().await?;
    store.set("k", b"v", None).await?;
    for _ in 0..100 {
        refused(store.set("", b"v", None).await, "invalid-argument")?;
    }
    equal("the value", store.item("k").await?.value, b"v")
}
