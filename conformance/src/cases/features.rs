//! A store supports the features that it declares, and refuses the others.

use super::*;
use dapr_wasm_host::types::FeatureSet;

pub const GROUP: Group = Group {
    name: "features",
    interface: Interface::State,
    cases: cases!(
        [],
        [
            a_configured_store_answers_ping,
            max_transaction_size_matches_the_declared_feature,
            without_etag_set_returns_an_empty_string(NoEtag),
            without_etag_conditions_are_unsupported(NoEtag),
            without_transactional_a_transaction_is_unsupported(NoTransactional),
            without_ttl_a_time_to_live_is_an_invalid_argument(NoTtl),
        ]
    ),
};

async fn a_configured_store_answers_ping(scene: &Scene) -> Checked {
    Ok(scene.store().await?.ping().await?)
}

async fn max_transaction_size_matches_the_declared_feature(scene: &Scene) -> Checked {
    let before = scene.bare().await?.max_transaction_size().await?;
    let mut store = scene.store().await?;
    let size = store.max_transaction_size().await?;
    let declared = store.features().await?.contains(FeatureSet::TRANSACTIONAL);
    equal("max-transaction-size > 0", size > 0, declared)?;
    equal("max-transaction-size before init", before, size)
}

async fn without_etag_set_returns_an_empty_string(scene: &Scene) -> Checked {
    let mut store = scene.store().await?;
    equal("the ETag", store.set("k", b"v", None).await?, "")?;
    store.set("k", b"v", if_etag("")).await?;
    equal("the ETag of get", store.item("k").await?.etag, None)
}

async fn without_etag_conditions_are_unsupported(scene: &Scene) -> Checked {
    let mut store = scene.store().await?;
    refused(store.set("k", b"v", if_etag("1")).await, "unsupported")?;
    refused(store.set("k", b"v", first_write()).await, "unsupported")?;
    refused(store.delete("k", delete_if_etag("1")).await, "unsupported")?;
    equal("the refused item", store.get("k").await?, None)
}

async fn without_transactional_a_transaction_is_unsupported(scene: &Scene) -> Checked {
    let mut store = scene.store().await?;
    store.set("old", b"v", None).await?;
    let operations = [set("new", b"v", None), delete("old", None)];
    refused(store.transact(&operations).await, "unsupported")?;
    equal("the refused item", store.get("new").await?, None)?;
    let old = store.get("old").await?;
    holds(old.is_some(), "a delete that was refused was done")
}

async fn without_ttl_a_time_to_live_is_an_invalid_argument(scene: &Scene) -> Checked {
    let mut store = scene.store().await?;
    for seconds in [1, 3600] {
        let answer = store.set("k", b"v", expiring(seconds)).await;
        refused(answer, "invalid-argument")?;
        equal("the refused item", store.get("k").await?, None)?;
    }
    for never in [0, -1] {
        store.set("k", b"v", expiring(never)).await?;
        equal("the expiry", store.item("k").await?.expires_at, None)?;
    }
    Ok(())
}
