//! What a write of one item may depend on: its ETag, its absence, its time.

use std::time::{Duration, Instant};

use dapr_wasm_host::{
    State,
    types::{Concurrency, DeleteOptions, Item, SetOptions},
};
use serde_json::json;

use super::{etag, item, value_is, where_etag_is};
use crate::{
    command_line::Failure,
    embedded::Embedded,
    program::demo::{
        Stage, Stopped,
        report::{Report, goes_well, holds, is_refused},
    },
};

/// How long an item with a time to live of a second may take to be gone: times are whole seconds.
const PATIENCE: Duration = Duration::from_secs(3);

pub(super) async fn etags(store: &mut State<'_>, report: &mut Report<'_>) -> Result<(), Stopped> {
    let new = json!({ "customer": "Ada", "status": "new" }).to_string();
    let paid = json!({ "customer": "Ada", "status": "paid" }).to_string();
    let typed = SetOptions {
        content_type: Some("application/json".to_owned()),
        ..SetOptions::default()
    };
    let set = store.set("order-1", new.as_bytes(), Some(typed));
    let first = report.call("set order-1", set, goes_well(etag)).await?;
    let old = first.unwrap_or_default();

    let get = store.get("order-1", None);
    let is_new = |item: &Option<Item>| value_is(item, &new);
    report.call("get order-1", get, holds(is_new, item)).await?;

    let set = store.set("order-1", paid.as_bytes(), where_etag_is(&old));
    report
        .call("set order-1, its ETag given", set, goes_well(etag))
        .await?;

    let set = store.set("order-1", new.as_bytes(), where_etag_is(&old));
    let mismatch = is_refused("etag-mismatch");
    report
        .call("set order-1, old ETag given", set, mismatch)
        .await?;

    let get = store.get("order-1", None);
    let is_paid = |item: &Option<Item>| value_is(item, &paid);
    report
        .call("get order-1", get, holds(is_paid, item))
        .await?;

    let delete = store.delete(
        "order-1",
        Some(DeleteOptions {
            etag: Some(old),
            ..DeleteOptions::default()
        }),
    );
    let mismatch = is_refused("etag-mismatch");
    report
        .call("delete order-1, old ETag given", delete, mismatch)
        .await?;
    Ok(())
}

pub(super) async fn first_write(
    store: &mut State<'_>,
    report: &mut Report<'_>,
) -> Result<(), Stopped> {
    let first = SetOptions {
        concurrency: Some(Concurrency::FirstWrite),
        ..SetOptions::default()
    };
    let set = store.set("order-2", b"first", Some(first.clone()));
    report
        .call("set order-2, first write", set, goes_well(etag))
        .await?;
    let set = store.set("order-2", b"second", Some(first));
    let mismatch = is_refused("etag-mismatch");
    report
        .call("set order-2, first write", set, mismatch)
        .await?;
    Ok(())
}

pub(super) async fn time_to_live(
    store: &mut State<'_>,
    stage: &Stage,
    embedded: &Embedded,
    report: &mut Report<'_>,
) -> Result<(), Stopped> {
    let short = SetOptions {
        ttl: Some(1),
        ..SetOptions::default()
    };
    let set = store.set("session-1", b"here for a second", Some(short));
    report
        .call("set session-1, time to live 1 s", set, goes_well(etag))
        .await?;
    let get = store.get("session-1", None);
    let expires = |item: &Option<Item>| item.as_ref().is_some_and(|i| i.expires_at.is_some());
    report
        .call("get session-1", get, holds(expires, item))
        .await?;

    let began = Instant::now();
    while began.elapsed() < PATIENCE {
        tokio::time::sleep(Duration::from_millis(25)).await;
        if matches!(store.get("session-1", None).await, Ok(None)) {
            break;
        }
    }
    report.fact("wait until it has expired", began.elapsed(), "")?;
    let key = json!({ "key": { "S": "session-1" } });
    let stored = embedded
        .get_item(&stage.table, key)
        .await
        .map_err(Failure::here)?;
    let still = match stored {
        Some(_) => "absent, although the table still holds the item",
        None => "absent",
    };
    let get = store.get("session-1", None);
    let absent = holds(Option::is_none, |found| match found {
        None => still.to_owned(),
        Some(_) => item(found),
    });
    report.call("get session-1", get, absent).await?;
    Ok(())
}
