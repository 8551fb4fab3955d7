//! Shows the promises of the contract. For the state store: ETags, first write, time to live, bulk
//! calls and transactions. For the binding: `create` writes an item and refuses data that is not an
//! item.

use super::Stage;
use super::report::{Report, goes_well, holds, is_refused};
use crate::command_line::Stop;
use crate::embedded::Embedded;
use dapr_wasm_host::types::{
    Concurrency, DeleteOptions, DeleteRequest, FeatureSet, Item, Operation, Response, SetOptions,
    SetRequest,
};
use dapr_wasm_host::{Binding, State};
use serde_json::json;
use std::time::{Duration, Instant};

/// The time limit for an item with a time to live of one second to expire. Times are whole seconds.
const PATIENCE: Duration = Duration::from_secs(3);
/// The number of items in the bulk calls: more than two of DynamoDB's batches of 100 for reads, and
/// ten batches of 25 for writes.
const BULK: usize = 250;
/// An item with more digits than a double holds; DynamoDB keeps 38.
const ENTRY: &str = r#"{"key": "entry-1", "amount": 12345678901234567890.123456789, "tags": ["a", "b"], "paid": true}"#;

pub(super) async fn state(
    mut store: State<'_>,
    stage: &Stage,
    embedded: &Embedded,
    report: &mut Report<'_>,
) -> Result<(), Stop> {
    let init = store.init(&stage.metadata);
    let told = format!("table {}", stage.table);
    let ready = report.call("init", init, goes_well(|()| told)).await?;
    if ready.is_none() {
        // Every other call would fail with the same error.
        return Ok(());
    }
    let all = FeatureSet::ETAG | FeatureSet::TRANSACTIONAL | FeatureSet::TTL;
    let named = |_: &FeatureSet| "ETags, transactions, TTL".to_owned();
    let features = store.features();
    report
        .call("features", features, holds(|found| *found == all, named))
        .await?;

    etags(&mut store, report).await?;
    first_write(&mut store, report).await?;
    time_to_live(&mut store, stage, embedded, report).await?;
    bulk(&mut store, report).await?;
    transactions(&mut store, report).await
}

async fn etags(store: &mut State<'_>, report: &mut Report<'_>) -> Result<(), Stop> {
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
        .call("set order-1 with its ETag", set, goes_well(etag))
        .await?;

    let set = store.set("order-1", new.as_bytes(), where_etag_is(&old));
    let mismatch = is_refused("etag-mismatch");
    report
        .call("set order-1 with an old ETag", set, mismatch)
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
        .call("delete order-1 with an old ETag", delete, mismatch)
        .await?;
    Ok(())
}

async fn first_write(store: &mut State<'_>, report: &mut Report<'_>) -> Result<(), Stop> {
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

async fn time_to_live(
    store: &mut State<'_>,
    stage: &Stage,
    embedded: &Embedded,
    report: &mut Report<'_>,
) -> Result<(), Stop> {
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
    let stored = embedded.get_item(&stage.table, key).await?;
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

async fn bulk(store: &mut State<'_>, report: &mut Report<'_>) -> Result<(), Stop> {
    let mut keys: Vec<String> = (1..=BULK).map(|n| format!("line-{n}")).collect();
    let requests: Vec<SetRequest> = keys
        .iter()
        .map(|key| SetRequest {
            key: key.clone(),
            value: key.as_bytes().to_vec(),
            options: None,
        })
        .collect();
    let set = store.bulk_set(&requests);
    let all_written = holds(
        |answers: &Vec<Result<String, _>>| count_ok(answers) == BULK,
        |answers| format!("{} written", count_ok(answers)),
    );
    report
        .call(&format!("bulk-set of {BULK} items"), set, all_written)
        .await?;

    keys.push("no-such-line".to_owned());
    let get = store.bulk_get(&keys, None);
    let found = |answers: &Vec<Result<Option<Item>, _>>| {
        answers.iter().filter(|a| matches!(a, Ok(Some(_)))).count()
    };
    let in_order = holds(
        |answers: &Vec<Result<Option<Item>, _>>| {
            let asked = keys.iter().zip(answers).take(BULK);
            let mut right = asked.map(|(key, a)| matches!(a, Ok(item) if value_is(item, key)));
            right.all(|right| right) && matches!(answers.last(), Some(Ok(None)))
        },
        |answers| {
            let found = found(answers);
            format!(
                "{found} found, {} absent, in the order of the request",
                answers.len() - found
            )
        },
    );
    report
        .call(&format!("bulk-get of {} keys", keys.len()), get, in_order)
        .await?;

    let requests: Vec<DeleteRequest> = keys
        .iter()
        .map(|key| DeleteRequest {
            key: key.clone(),
            options: None,
        })
        .collect();
    let delete = store.bulk_delete(&requests);
    let all_gone = holds(
        |answers: &Vec<Result<(), _>>| count_ok(answers) == requests.len(),
        |answers| format!("{} gone", count_ok(answers)),
    );
    report
        .call(
            &format!("bulk-delete of {} keys", keys.len()),
            delete,
            all_gone,
        )
        .await?;
    Ok(())
}

async fn transactions(store: &mut State<'_>, report: &mut Report<'_>) -> Result<(), Stop> {
    let set = |key: &str, options: Option<SetOptions>| {
        Operation::Set(SetRequest {
            key: key.to_owned(),
            value: b"by a transaction".to_vec(),
            options,
        })
    };
    let delete = Operation::Delete(DeleteRequest {
        key: "order-2".to_owned(),
        options: None,
    });
    let operations = [set("order-1", None), set("order-3", None), delete];
    let transact = store.transact(&operations);
    let both = holds(
        |etags: &Vec<Option<String>>| matches!(etags[..], [Some(_), Some(_), None]),
        |_| "all operations applied".to_owned(),
    );
    let what = "transact: set 1 and 3, delete 2";
    report.call(what, transact, both).await?;

    let operations = [set("order-4", None), set("order-1", where_etag_is("stale"))];
    let transact = store.transact(&operations);
    let what = "transact: set 4, set 1, old ETag";
    report
        .call(what, transact, is_refused("etag-mismatch"))
        .await?;

    let keys = ["order-1", "order-2", "order-3", "order-4"].map(str::to_owned);
    let get = store.bulk_get(&keys, None);
    let as_before = holds(
        |answers: &Vec<Result<Option<Item>, _>>| {
            matches!(answers[..], [Ok(Some(_)), Ok(None), Ok(Some(_)), Ok(None)])
        },
        |_| "1 and 3 exist, 2 and 4 do not: the refused transaction wrote nothing".to_owned(),
    );
    report
        .call("bulk-get order-1 to order-4", get, as_before)
        .await?;
    Ok(())
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

fn count_ok<T, E>(answers: &[Result<T, E>]) -> usize {
    answers.iter().filter(|answer| answer.is_ok()).count()
}

pub(super) async fn binding(
    mut binding: Binding<'_>,
    stage: &Stage,
    embedded: &Embedded,
    report: &mut Report<'_>,
) -> Result<(), Stop> {
    let init = binding.init(&stage.metadata);
    let told = format!("table {}", stage.table);
    let ready = report.call("init", init, goes_well(|()| told)).await?;
    if ready.is_none() {
        // Every other call would fail with the same error.
        return Ok(());
    }
    let operations = binding.operations();
    let has_create = holds(
        |names: &Vec<String>| names.iter().any(|name| name == "create"),
        |names| names.join(", "),
    );
    report.call("operations", operations, has_create).await?;

    let create = binding.invoke("create", ENTRY.as_bytes(), None);
    let written = goes_well(|_: &Response| format!("written: {ENTRY}"));
    report.call("invoke create", create, written).await?;
    let key = json!({ "key": { "S": "entry-1" } });
    let began = Instant::now();
    let stored = embedded.get_item(&stage.table, key).await?;
    let found = stored.map_or("nothing".to_owned(), |item| item["amount"].to_string());
    report.fact(
        "look into the table",
        began.elapsed(),
        &format!("amount is {found}"),
    )?;

    for (what, data) in [
        ("invoke create with a list", "[1, 2]"),
        ("invoke create with cut-off JSON", "{\"id\": "),
    ] {
        let create = binding.invoke("create", data.as_bytes(), None);
        report
            .call(what, create, is_refused("invalid-argument"))
            .await?;
    }
    let unknown = binding.invoke("truncate", b"", None);
    report
        .call("invoke truncate", unknown, is_refused("unsupported"))
        .await?;
    Ok(())
}
