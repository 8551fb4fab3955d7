//! The README shows the program that runs.

use host_test::embedded::{Embedded, Storage};

#[path = "../../examples/embed.rs"]
mod embed;

const README: &str = include_str!("../../README.md");
const EMBED: &str = include_str!("../../examples/embed.rs");

#[tokio::test]
async fn the_program_that_embeds_the_component_runs() {
    let engine = Embedded::start(Storage::Memory).await.unwrap();
    engine.create_table("orders", "key").await.unwrap();
    let wasm = host_test::component_path();
    embed::embed(wasm, engine.endpoint()).await.unwrap();
    let items = engine.scan("orders").await.unwrap();
    assert!(items[0].to_string().contains("paid"), "{items:?}");
}

#[test]
fn the_readme_shows_that_program_as_it_is() {
    let start = EMBED
        .find("use ")
        .expect("the program begins with its uses");
    assert!(
        README.contains(&format!("```rust\n{}```", &EMBED[start..])),
        "copy examples/embed.rs from its first `use` on into the README"
    );
}
