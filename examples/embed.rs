//! Embeds the component in a program of your own. The README shows this file;
//! `tests/component` runs it.

use dapr_wasm_host::types::SetOptions;
use dapr_wasm_host::{Egress, InstanceOptions, Plugin};
use std::error::Error;
use std::path::Path;

pub async fn embed(wasm: &Path, endpoint: &str) -> Result<(), Box<dyn Error>> {
    let plugin = Plugin::from_file(wasm)?; // compiled once, for any number of instances
    let egress = Egress::builder().allow_url(endpoint).build()?; // one pool, no other way out
    let options = InstanceOptions::new().egress(egress).inherit_stderr();
    let mut instance = plugin.instantiate(&options).await?;
    let mut store = instance.state()?;

    let table = [("table", "orders"), ("endpoint", endpoint)];
    let credentials = [("accessKey", "id"), ("secretKey", "secret")];
    store.init(&[table, credentials].concat()).await?;

    let etag = store.set("order-1", b"new", None).await?;
    let unchanged = SetOptions {
        etag: Some(etag),
        ..SetOptions::default()
    };
    store.set("order-1", b"paid", Some(unchanged)).await?;
    let item = store.get("order-1", None).await?.ok_or("absent")?;
    println!("{}", String::from_utf8(item.value)?);
    Ok(())
}
