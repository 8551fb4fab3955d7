//! At the end every acknowledged write is in the table, which the SDK reads, and every instance of the pool can be lent.

use std::{collections::HashMap, time::Duration};

use aws_sdk_dynamodb::types::AttributeValue;
use dapr_wasm_host::InstancePool;
use tokio::time::timeout;

use super::{
    tally::{COUNTERS, Tally},
    value,
    worker::{Worker, counter},
};
use crate::{
    contenders::Native,
    engine_process::EngineProcess,
    store::{PARTITION_KEY, TABLE},
    tls::Reach,
};
use host_test::command_line::Failure;

/// The attribute that the component keeps a value in.
const VALUE: &str = "value";
/// For lending all instances, some of which have to be started.
const LENDING: Duration = Duration::from_secs(60);

/// What there was.
pub(super) struct Closing {
    /// Keys that were held against what was acknowledged.
    pub(super) keys: usize,
    /// Instances that were lent at once.
    pub(super) instances: usize,
    /// Their linear memory, in bytes.
    pub(super) guests: u64,
    pub(super) broken: Vec<String>,
}

pub(super) async fn look(
    engine: &EngineProcess,
    pool: &InstancePool,
    workers: &[Worker],
    tally: &Tally,
) -> Result<Closing, Failure> {
    let mut broken = Vec::new();
    let stored = stored(engine).await?;
    let mut keys = 0;
    for (key, ledger) in workers.iter().flat_map(|worker| worker.keys.ledgers()) {
        keys += 1;
        let content = stored.get(&key).copied();
        if !ledger.allows(content) {
            broken.push(format!("{key}: {content:?} stands there, and {ledger:?}"));
        }
    }
    for number in 0..COUNTERS {
        keys += 1;
        let end = stored.get(&counter(number)).copied().unwrap_or(0);
        if let Err(sentence) = tally.chains.borrow()[number].ended(end) {
            broken.push(format!("{}: {sentence}", counter(number)));
        }
    }
    let mut lent = Vec::new();
    let lending = async {
        for _ in 0..pool.max_instances().get() {
            match pool.acquire().await {
                Ok(instance) => lent.push(instance),
                Err(error) => broken.push(format!("an instance was not lent: {error}")),
            }
        }
    };
    let in_time = timeout(LENDING, lending).await.is_ok();
    if !in_time {
        broken.push(format!(
            "the pool has lent {} of {} instances",
            lent.len(),
            pool.max_instances()
        ));
    }
    Ok(Closing {
        keys,
        instances: lent.len(),
        guests: lent
            .iter()
            .map(|instance| instance.memory_size() as u64)
            .sum(),
        broken,
    })
}

/// The number of the value under each key.
async fn stored(engine: &EngineProcess) -> Result<HashMap<String, u64>, Failure> {
    let native = Native::new(&Reach {
        endpoint: engine.endpoint().to_owned(),
        root: None,
    })?;
    let scan = native
        .client()
        .scan()
        .table_name(TABLE)
        .consistent_read(true);
    let items = scan
        .into_paginator()
        .items()
        .send()
        .collect::<Result<Vec<_>, _>>();
    let mut stored = HashMap::new();
    for item in items
        .await
        .map_err(|error| Failure::here(format_args!("{error:?}")))?
    {
        let text = |name| match item.get(name) {
            Some(AttributeValue::S(text)) => Some(text.as_str()),
            _ => None,
        };
        let number = text(VALUE).and_then(|value| value::number(value.as_bytes()));
        match (text(PARTITION_KEY), number) {
            (Some(key), Some(number)) => stored.insert(key.to_owned(), number),
            _ => {
                return Err(Failure::here(format_args!(
                    "an item that nobody wrote: {item:?}"
                )));
            }
        };
    }
    Ok(stored)
}
