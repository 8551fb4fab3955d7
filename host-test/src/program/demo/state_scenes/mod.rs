//! The state store's promises, one call each: ETags, first write, time to live, bulk, transactions.

mod many_items;
mod one_item;

use dapr_wasm_host::{
    State,
    types::{FeatureSet, Item, SetOptions},
};

use super::{
    Stage, Stopped,
    report::{Report, goes_well, holds},
};
use crate::embedded::Embedded;

pub(super) async fn play(
    mut store: State<'_>,
    stage: &Stage,
    embedded: &Embedded,
    report: &mut Report<'_>,
) -> Result<(), Stopped> {
    let init = store.init(&stage.metadata);
    let told = format!("table {}", stage.table);
    let ready = report.call("init", init, goes_well(|()| told)).await?;
    if ready.is_none() {
        // Every other call would say the same.
        return Ok(());
    }
    let all = FeatureSet::ETAG | FeatureSet::TRANSACTIONAL | FeatureSet::TTL;
    let named = |_: &FeatureSet| "ETags, transactions, TTL".to_owned();
    let features = store.features();
    report
        .call("features", features, holds(|found| *found == all, named))
        .await?;

    one_item::etags(&mut store, report).await?;
    one_item::first_write(&mut store, report).await?;
    one_item::time_to_live(&mut store, stage, embedded, report).await?;
    many_items::bulk(&mut store, report).await?;
    many_items::transactions(&mut store, report).await
}

fn where_etag_is(etag: &str) -> Option<SetOptions> {
    Some(SetOptions {
        etag: Some(etag.to_owned()),
        ..SetOptions::default()
    })
}

fn etag(etag: &String) -> String {
    format!("ETag {etag}")
}

fn item(item: &Option<Item>) -> String {
    let Some(item) = item else {
        return "absent".to_owned();
    };
    let mut told = String::from_utf8_lossy(&item.value).into_owned();
    if let Some(expires_at) = item.expires_at {
        told.push_str(&format!(", expires at {expires_at}"));
    }
    if let Some(etag) = &item.etag {
        told.push_str(&format!(", ETag {etag}"));
    }
    told
}

fn value_is(item: &Option<Item>, value: &str) -> bool {
    item.as_ref()
        .is_some_and(|item| item.value == value.as_bytes())
}
