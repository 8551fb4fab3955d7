//! Embeds the component in a program of your own. docs/hosts/rust.md shows this file, the README a part of it;
//! `tests/component` runs it.

use dapr_wasm_host::types::SetOptions;
use dapr_wasm_host::{Egress, InstanceOptions, Plugin};
use std::error::Error;
use std::path::Path;
use std::time::Duration;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(wasm), Some(endpoint)) = (arguments.next(), arguments.next()) else {
        return Err("usage: orders COMPONENT.wasm ENDPOINT".into());
    };
    embed(Path::new(&wasm), &endpoint).await
}

pub async fn embed(wasm: &Path, endpoint: &str) -> Result<(), Box<dyn Error>> {
    let plugin = Plugin::from_file(wasm)?; // compiled once, for any number of instances
    let egress = Egress::builder().allow_url(endpoint).build()?; // no other host can be reached
    let options = InstanceOptions::new()
        .egress(egress)
        .time_limit(Duration::from_secs(10)) // of each call
        .inherit_stderr(); // warnings of the component
    let mut instance = plugin.instantiate(&options).await?;
    let mut store = instance.state()?;

    let table = [("table", "orders"), ("endpoint", endpoint)];
    let credentials = [("accessKey", "id"), ("secretKey", "secret")];
    let timeout = [("requestTimeout", "2s")]; // of each of four attempts: 8 s for a request
    store
        .init(&[&table[..], &credentials, &timeout].concat())
        .await?;

    let etag = store.set("order-1", b"new", None).await?;
    let unchanged = SetOptions {
        etag: Some(etag), // fails with `etag-mismatch` if somebody else has written
        ..SetOptions::default()
    };
    store.set("order-1", b"paid", Some(unchanged)).await?;
    let item = store.get("order-1", None).await?.ok_or("absent")?;
    println!("{}", String::from_utf8(item.value)?);
    Ok(())
}
