//! Bulk calls answer by position; transactions do all or nothing.

use dapr_wasm_host::{
    State,
    types::{DeleteRequest, Item, Operation, SetOptions, SetRequest},
};

use super::{value_is, where_etag_is};
use crate::program::demo::{
    Stopped,
    report::{Report, holds, is_refused},
};

/// Items of the bulk calls: more than two of DynamoDB's own batches of 100 to read, and ten of 25
/// to write.
const BULK: usize = 250;

pub(super) async fn bulk(store: &mut State<'_>, report: &mut Report<'_>) -> Result<(), Stopped> {
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
                "{found} found, {} absent, in the order asked",
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

pub(super) async fn transactions(
    store: &mut State<'_>,
    report: &mut Report<'_>,
) -> Result<(), Stopped> {
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
        |_| "all of it happened".to_owned(),
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
        |_| "1 and 3 are there, 2 and 4 are not: none of the refused was written".to_owned(),
    );
    report
        .call("bulk-get order-1 to order-4", get, as_before)
        .await?;
    Ok(())
}

fn count_ok<T, E>(answers: &[Result<T, E>]) -> usize {
    answers.iter().filter(|answer| answer.is_ok()).count()
}
