//! Small components for tests, with or without the contract, made without building a real one.

use std::path::Path;
use wit_component::{ComponentEncoder, StringEncoding, dummy_module, embed_component_metadata};
use wit_parser::{LiftLowerAbi, ManglingAndAbi, PackageId, Resolve};

/// A component with the exports of `world` that traps in every call.
pub(crate) fn that_traps(world: &str) -> Vec<u8> {
    let (resolve, package) = contract();
    encode(&resolve, package, world, None)
}

/// A binding written by hand:
///
/// - `init` fails,
/// - `ping` waits for a quarter of an hour,
/// - `operations` returns no names,
/// - `invoke` returns an empty response.
pub(crate) fn binding_by_hand() -> Vec<u8> {
    by_hand("by-hand", BY_HAND_WIT, BY_HAND)
}

/// A binding with one page of memory, whose state shows if it is the same instance as before:
///
/// - `init` succeeds without fields, fails with one field, and takes an hour with two fields,
/// - `operations` returns one empty name for each `init` that succeeded,
/// - `ping` waits for a quarter of an hour,
/// - `invoke` traps for an operation of four letters, such as `trap`,
/// - for other operations, `invoke` grows memory by a page for each byte of data, and traps if that fails.
pub(crate) fn binding_that_counts() -> Vec<u8> {
    by_hand("by-hand", BY_HAND_WIT, COUNTING)
}

/// [`binding_by_hand`] with a second memory, a table with more elements than any component of the contract needs, and two more
/// tables.
pub(crate) fn binding_with_large_parts() -> Vec<u8> {
    let parts = "(memory $second 3) (table 300_000 funcref) (table 1 funcref) (table 2 funcref)";
    let core = BY_HAND.trim_end().strip_suffix(')').unwrap();
    by_hand("by-hand", BY_HAND_WIT, &format!("{core}{parts})"))
}

/// A binding that computes forever at the point that `when` names. Its other calls succeed, and `ping` waits for a quarter of
/// an hour.
pub(crate) fn binding_that_spins(when: Spins) -> Vec<u8> {
    let spin = "(loop $forever (br $forever))";
    let mut core = BY_HAND.replacen(
        "\n            i32.const 64)",
        "\n            i32.const 0)",
        1,
    );
    core = match when {
        Spins::InInvoke => core.replacen("i32.const 0))", &format!("{spin} i32.const 0))"), 1),
        Spins::InInit => core.replacen("i32.const 0)", &format!("{spin} i32.const 0)"), 1),
        Spins::TakingArguments => {
            core.replacen("i32.const 1024)", &format!("{spin} i32.const 0)"), 1)
        }
        Spins::AtStart => {
            let core = core.trim_end().strip_suffix(')').unwrap();
            format!("{core} (func $spin {spin}) (start $spin))")
        }
    };
    by_hand("by-hand", BY_HAND_WIT, &core)
}

/// A binding that writes to standard error:
///
/// - at its start it writes "started", and then traps if `traps_at_start`,
/// - `init` writes "not configured" and fails,
/// - `invoke` writes its data, at most 4,096 bytes, and traps for an operation of four letters.
pub(crate) fn binding_that_writes(traps_at_start: bool) -> Vec<u8> {
    let after = if traps_at_start { "unreachable" } else { "" };
    let core = WRITING.replace("(; after start ;)", after);
    by_hand("writing", WRITING_WIT, &core)
}

#[derive(Clone, Copy)]
pub(crate) enum Spins {
    InInvoke,
    InInit,
    TakingArguments,
    AtStart,
}

/// [`binding_by_hand`], whose `operations` opens a lease of seven uses at `acme:secrets/vault`, drops it, and returns an empty
/// name for each use that the lease had.
#[cfg(feature = "wasmtime")]
pub(crate) fn binding_that_imports() -> Vec<u8> {
    let wit = BY_HAND_WIT.replacen(
        "world by-hand {",
        &format!("{VAULT_WIT} world by-hand {{ import acme:secrets/vault@1.0.0;"),
        1,
    );
    let core = BY_HAND
        .replacen("(memory", &format!("{VAULT_IMPORTS} (memory"), 1)
        .replacen(
            "(result i32) i32.const 0)",
            &format!("(result i32) {VAULT_CALLS})"),
            1,
        );
    by_hand("by-hand", &wit, &core)
}

#[cfg(feature = "wasmtime")]
const VAULT_WIT: &str = "
    package acme:secrets@1.0.0 {
        interface vault {
            resource lease { uses: func() -> u32; }
            open: func(uses: u32) -> lease;
        }
    }
";

#[cfg(feature = "wasmtime")]
const VAULT_IMPORTS: &str = r#"
    (import "acme:secrets/vault@1.0.0" "open" (func $open (param i32) (result i32)))
    (import "acme:secrets/vault@1.0.0" "[method]lease.uses" (func $uses (param i32) (result i32)))
    (import "acme:secrets/vault@1.0.0" "[resource-drop]lease" (func $drop (param i32)))
"#;

// The list of names is at address 512: first the address of the names, which are pairs of zeros, then their number.
#[cfg(feature = "wasmtime")]
const VAULT_CALLS: &str = "
    (local $lease i32)
    (local.set $lease (call $open (i32.const 7)))
    (i32.store (i32.const 512) (i32.const 2048))
    (i32.store (i32.const 516) (call $uses (local.get $lease)))
    (call $drop (local.get $lease))
    i32.const 512
";

/// Makes a component of this world from a core module in text format.
fn by_hand(world: &str, wit: &str, core: &str) -> Vec<u8> {
    let (mut resolve, _) = contract();
    let package = resolve.push_str("by-hand.wit", wit).unwrap();
    let core = wat::parse_str(core).unwrap();
    encode(&resolve, package, world, Some(core))
}

fn contract() -> (Resolve, PackageId) {
    let mut resolve = Resolve::default();
    let wit = Path::new(env!("CARGO_MANIFEST_DIR")).join("wit");
    let (package, _) = resolve.push_dir(wit).unwrap();
    (resolve, package)
}

fn encode(resolve: &Resolve, package: PackageId, world: &str, core: Option<Vec<u8>>) -> Vec<u8> {
    let world = resolve.select_world(&[package], Some(world)).unwrap();
    let mut core = core.unwrap_or_else(|| {
        dummy_module(resolve, world, ManglingAndAbi::Legacy(LiftLowerAbi::Sync))
    });
    embed_component_metadata(&mut core, resolve, world, StringEncoding::UTF8).unwrap();
    ComponentEncoder::default()
        .module(&core)
        .unwrap()
        .encode()
        .unwrap()
}

const BY_HAND_WIT: &str = "
    package test:by-hand;

    package wasi:io@0.2.0 {
        interface poll {
            resource pollable { block: func(); }
        }
    }

    package wasi:clocks@0.2.0 {
        interface monotonic-clock {
            use wasi:io/poll@0.2.0.{pollable};
            subscribe-duration: func(nanoseconds: u64) -> pollable;
        }
    }

    world by-hand {
        import wasi:clocks/monotonic-clock@0.2.0;
        export dapr-wasm:components/binding@0.1.0;
    }
";

// Each function returns the address of its result. Zeros are an empty `ok`. Address 64 has an `error` of case 3,
// `etag-mismatch`, whose text is the two bytes at 96.
const BY_HAND: &str = r#"
    (module
        (import "wasi:clocks/monotonic-clock@0.2.0" "subscribe-duration"
            (func $subscribe (param i64) (result i32)))
        (import "wasi:io/poll@0.2.0" "[method]pollable.block" (func $block (param i32)))
        (memory (export "memory") 1)
        (data (i32.const 64) "\01\00\00\00\03\00\00\00\60\00\00\00\02\00\00\00")
        (data (i32.const 96) "no")
        (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) i32.const 1024)
        (func (export "dapr-wasm:components/binding@0.1.0#init") (param i32 i32) (result i32)
            i32.const 64)
        (func (export "dapr-wasm:components/binding@0.1.0#operations") (result i32) i32.const 0)
        (func (export "dapr-wasm:components/binding@0.1.0#ping") (result i32)
            (call $block (call $subscribe (i64.const 900_000_000_000)))
            i32.const 0)
        (func $take_an_operation (export "dapr-wasm:components/binding@0.1.0#invoke")
            (param i32 i32 i32 i32 i32 i32 i32) (result i32)
            i32.const 0))
"#;

const COUNTING: &str = r#"
    (module
        (import "wasi:clocks/monotonic-clock@0.2.0" "subscribe-duration"
            (func $subscribe (param i64) (result i32)))
        (import "wasi:io/poll@0.2.0" "[method]pollable.block" (func $block (param i32)))
        (memory (export "memory") 1)
        (global $inits (mut i32) (i32.const 0))
        (data (i32.const 64) "\01\00\00\00\03\00\00\00\60\00\00\00\02\00\00\00")
        (data (i32.const 96) "no")
        (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) i32.const 1024)
        (func (export "dapr-wasm:components/binding@0.1.0#init")
            (param $metadata i32) (param $fields i32) (result i32)
            (if (i32.eq (local.get $fields) (i32.const 1)) (then (return (i32.const 64))))
            (if (i32.eq (local.get $fields) (i32.const 2))
                (then (call $block (call $subscribe (i64.const 3_600_000_000_000)))))
            (global.set $inits (i32.add (global.get $inits) (i32.const 1)))
            i32.const 0)
        (func (export "dapr-wasm:components/binding@0.1.0#operations") (result i32)
            (i32.store (i32.const 512) (i32.const 2048))
            (i32.store (i32.const 516) (global.get $inits))
            i32.const 512)
        (func (export "dapr-wasm:components/binding@0.1.0#ping") (result i32)
            (call $block (call $subscribe (i64.const 900_000_000_000)))
            i32.const 0)
        (func (export "dapr-wasm:components/binding@0.1.0#invoke")
            (param $operation i32) (param $length i32) (param $data i32) (param $pages i32)
            (param i32 i32 i32) (result i32)
            (if (i32.eq (local.get $length) (i32.const 4)) (then unreachable))
            (if (i32.eq (memory.grow (local.get $pages)) (i32.const -1)) (then unreachable))
            i32.const 0))
"#;

const WRITING_WIT: &str = "
    package test:writing;

    package wasi:io@0.2.0 {
        interface error { resource error; }
        interface streams {
            use error.{error};
            variant stream-error { last-operation-failed(error), closed }
            resource output-stream {
                blocking-write-and-flush: func(contents: list<u8>) -> result<_, stream-error>;
            }
        }
    }

    package wasi:cli@0.2.0 {
        interface stderr {
            use wasi:io/streams@0.2.0.{output-stream};
            get-stderr: func() -> output-stream;
        }
    }

    world writing {
        import wasi:cli/stderr@0.2.0;
        export dapr-wasm:components/binding@0.1.0;
    }
";

const WRITING: &str = r#"
    (module
        (import "wasi:cli/stderr@0.2.0" "get-stderr" (func $stderr (result i32)))
        (import "wasi:io/streams@0.2.0" "[method]output-stream.blocking-write-and-flush"
            (func $write_to (param i32 i32 i32 i32)))
        (memory (export "memory") 16)
        (global $next (mut i32) (i32.const 0))
        (data (i32.const 64) "\01\00\00\00\03\00\00\00\60\00\00\00\02\00\00\00")
        (data (i32.const 96) "no")
        (data (i32.const 128) "started\nnot configured\n")
        (func $write (param $text i32) (param $length i32)
            (call $write_to (call $stderr) (local.get $text) (local.get $length) (i32.const 512)))
        (func (export "_initialize")
            (call $write (i32.const 128) (i32.const 8)) (; after start ;))
        (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
            (global.set $next (i32.add (global.get $next) (i32.const 8192)))
            global.get $next)
        (func (export "dapr-wasm:components/binding@0.1.0#init") (param i32 i32) (result i32)
            (call $write (i32.const 136) (i32.const 15))
            i32.const 64)
        (func (export "dapr-wasm:components/binding@0.1.0#operations") (result i32) i32.const 0)
        (func (export "dapr-wasm:components/binding@0.1.0#ping") (result i32) i32.const 0)
        (func (export "dapr-wasm:components/binding@0.1.0#invoke")
            (param $operation i32) (param $letters i32) (param $data i32) (param $length i32)
            (param i32 i32 i32) (result i32)
            (call $write (local.get $data) (local.get $length))
            (if (i32.eq (local.get $letters) (i32.const 4)) (then unreachable))
            i32.const 0))
"#;
