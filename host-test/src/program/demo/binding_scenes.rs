//! The binding's promises: `create` writes what it is given, and refuses what is no item.

use std::time::Instant;

use dapr_wasm_host::{Binding, types::Response};
use serde_json::json;

use super::{
    Stage, Stopped,
    report::{Report, goes_well, holds, is_refused},
};
use crate::{command_line::Failure, embedded::Embedded};

/// More digits than a double holds; DynamoDB keeps 38.
const ENTRY: &str = r#"{"key": "entry-1", "amount": 12345678901234567890.123456789, "tags": ["a", "b"], "paid": true}"#;

pub(super) async fn play(
    mut binding: Binding<'_>,
    stage: &Stage,
    embedded: &Embedded,
    report: &mut Report<'_>,
) -> Result<(), Stopped> {
    let init = binding.init(&stage.metadata);
    let told = format!("table {}", stage.table);
    let ready = report.call("init", init, goes_well(|()| told)).await?;
    if ready.is_none() {
        // Every other call would say the same.
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
    let stored = embedded
        .get_item(&stage.table, key)
        .await
        .map_err(Failure::here)?;
    let found = stored.map_or("nothing".to_owned(), |item| item["amount"].to_string());
    report.fact(
        "look into the table",
        began.elapsed(),
        &format!("amount is {found}"),
    )?;

    for (what, data) in [
        ("invoke create with a list", "[1, 2]"),
        ("invoke create with half a JSON", "{\"id\": "),
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
