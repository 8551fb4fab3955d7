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

/// The interfaces of the host that [`binding_that_uses`] imports, and the use that its `invoke` makes of them.
#[derive(Clone, Copy)]
pub(crate) enum Uses {
    /// Returns the SHA-256 of the data, as text for an operation of four letters, such as `text`.
    Digest,
    /// Sends the data to the host and port that the operation names. Returns the body of the response, or one byte: the
    /// number of the failure's case.
    Send,
    /// The same, with `start` and `wait-any`.
    Start,
    /// The same as [`Send`](Self::Send), but returns the SHA-256 of the body. Makes and drops headers of `wasi:http` before.
    All,
}

/// A binding that imports only the interfaces that it uses. Its other calls succeed.
///
/// A SHA-256 is four numbers of 64 bits, in little-endian bytes.
pub(crate) fn binding_that_uses(uses: Uses) -> Vec<u8> {
    let digest: &[&str] = &["dapr-wasm:host/digest@0.1.0"];
    let client: &[&str] = &["dapr-wasm:host/http-client@0.1.0"];
    let http: &[&str] = &["wasi:http/types@0.2.0"];
    let (interfaces, imports, body) = match uses {
        Uses::Digest => (digest.to_vec(), SHA256.to_owned(), DIGEST.to_owned()),
        Uses::Send => (
            client.to_vec(),
            SEND.to_owned(),
            RESPOND_AFTER_SEND.to_owned(),
        ),
        Uses::Start => (
            client.to_vec(),
            START.to_owned(),
            RESPOND_AFTER_START.to_owned(),
        ),
        Uses::All => (
            [digest, client, http].concat(),
            [SHA256, SEND, FIELDS].concat(),
            DIGEST_AFTER_SEND.to_owned(),
        ),
    };
    let lines = interfaces.iter().map(|name| format!("import {name};"));
    let wit = OVER_HOST_WIT.replace("// imports", &lines.collect::<String>());
    let core = OVER_HOST.replace("(; imports ;)", &imports);
    let core = core.replace("(; body ;)", &body);
    let core = core.replace("(; request ;)", REQUEST);
    by_hand("over-host", &wit, &core)
}

const OVER_HOST_WIT: &str = "
    package test:over-host;

    package wasi:http@0.2.0 {
        interface types {
            resource fields { constructor(); }
        }
    }

    world over-host {
        // imports
        export dapr-wasm:components/binding@0.1.0;
    }
";

const SHA256: &str = r#"
    (import "dapr-wasm:host/digest@0.1.0" "sha256" (func $sha256 (param i32 i32 i32 i32)))
"#;

const SEND: &str = r#"
    (import "dapr-wasm:host/http-client@0.1.0" "send" (func $send
        (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i64 i64 i32)))
"#;

const START: &str = r#"
    (import "dapr-wasm:host/http-client@0.1.0" "start" (func $start
        (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i64 i64) (result i32)))
    (import "dapr-wasm:host/http-client@0.1.0" "wait-any" (func $wait_any
        (param i32 i32 i64 i32)))
    (import "dapr-wasm:host/http-client@0.1.0" "[resource-drop]pending" (func $drop_pending
        (param i32)))
"#;

const FIELDS: &str = r#"
    (import "wasi:http/types@0.2.0" "[constructor]fields" (func $fields (result i32)))
    (import "wasi:http/types@0.2.0" "[resource-drop]fields" (func $drop_fields (param i32)))
"#;

// The parts of a record `request`: the method, the scheme `http`, the authority, the path, no headers, a body of bytes, and two
// limits of a minute.
const REQUEST: &str = "
    (i32.const 64) (i32.const 4)
    (i32.const 0)
    (local.get $operation) (local.get $letters)
    (i32.const 68) (i32.const 1)
    (i32.const 0) (i32.const 0)
    (i32.const 1) (local.get $data) (local.get $length)
    (i64.const 60_000_000_000) (i64.const 60_000_000_000)
";

const DIGEST: &str = "
    (call $sha256
        (i32.ne (local.get $letters) (i32.const 4))
        (local.get $data) (local.get $length)
        (i32.const 704))
    (call $respond (i32.const 704) (i32.const 32))
";

// The result of `send` is at 640: its case, and at 644 a failure or a response, whose body is at 660.
const RESPOND_AFTER_SEND: &str = "
    (call $send (; request ;) (i32.const 640))
    (if (result i32) (i32.load8_u (i32.const 640))
        (then (call $respond (i32.const 644) (i32.const 1)))
        (else (call $respond (i32.load (i32.const 660)) (i32.load (i32.const 664)))))
";

// The result of `wait-any` is at 832: its case, at 836 the index, and at 840 the result of `send`.
const RESPOND_AFTER_START: &str = "
    (local $pending i32)
    (local.set $pending (call $start (; request ;)))
    (i32.store (i32.const 768) (local.get $pending))
    (call $wait_any
        (i32.const 768) (i32.const 1)
        (i64.const 60_000_000_000)
        (i32.const 832))
    (call $drop_pending (local.get $pending))
    (if (i32.eqz (i32.load8_u (i32.const 832))) (then unreachable))
    (if (result i32) (i32.load8_u (i32.const 840))
        (then (call $respond (i32.const 844) (i32.const 1)))
        (else (call $respond (i32.load (i32.const 860)) (i32.load (i32.const 864)))))
";

const DIGEST_AFTER_SEND: &str = "
    (call $drop_fields (call $fields))
    (call $send (; request ;) (i32.const 640))
    (if (i32.load8_u (i32.const 640))
        (then (return (call $respond (i32.const 644) (i32.const 1)))))
    (call $sha256
        (i32.const 1)
        (i32.load (i32.const 660)) (i32.load (i32.const 664))
        (i32.const 704))
    (call $respond (i32.const 704) (i32.const 32))
";

// The `response` of `invoke` is at 512: its case `ok`, then `some` data at 516. The rest stays zero.
const OVER_HOST: &str = r#"
    (module
        (; imports ;)
        (memory (export "memory") 64)
        (global $next (mut i32) (i32.const 4096))
        (data (i32.const 64) "POST/")
        (func (export "cabi_realloc")
            (param i32 i32 i32) (param $size i32) (result i32)
            (local $at i32)
            (local.set $at (i32.and (i32.add (global.get $next) (i32.const 7)) (i32.const -8)))
            (global.set $next (i32.add (local.get $at) (local.get $size)))
            local.get $at)
        (func (export "dapr-wasm:components/binding@0.1.0#init") (param i32 i32) (result i32)
            i32.const 0)
        (func (export "dapr-wasm:components/binding@0.1.0#operations") (result i32) i32.const 0)
        (func (export "dapr-wasm:components/binding@0.1.0#ping") (result i32) i32.const 0)
        (func $respond (param $data i32) (param $length i32) (result i32)
            (i32.store (i32.const 516) (i32.const 1))
            (i32.store (i32.const 520) (local.get $data))
            (i32.store (i32.const 524) (local.get $length))
            i32.const 512)
        (func (export "dapr-wasm:components/binding@0.1.0#invoke")
            (param $operation i32) (param $letters i32) (param $data i32) (param $length i32)
            (param i32 i32 i32) (result i32)
            (; body ;)))
"#;

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
