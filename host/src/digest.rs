//! Implements `dapr-wasm:host/digest`: hashes that the host computes for a component.

use crate::egress::entered;
use crate::instance::HostState;
use ring::digest::{Context, SHA256};
use wasmtime::StoreContextMut;
use wasmtime::component::{ComponentType, Lift, Linker, WasmList, WasmStr};

/// The name of the interface, with its version.
const INTERFACE: &str = "dapr-wasm:host/digest@0.1.0";

/// The number of bytes that are hashed before other tasks of the thread may run. They take about a millisecond.
const PIECE: usize = 1 << 20;

/// Bytes in the memory of the component. They are not copied.
#[derive(ComponentType, Lift)]
#[component(variant)]
enum Data {
    #[component(name = "text")]
    Text(WasmStr),
    #[component(name = "bytes")]
    Bytes(WasmList<u8>),
}

/// Defines the interface.
pub(crate) fn add_to_linker(linker: &mut Linker<HostState>) -> wasmtime::Result<()> {
    linker.instance(INTERFACE)?.func_wrap_async(
        "sha256",
        |store: StoreContextMut<'_, HostState>, (data,): (Data,)| {
            let _entered = entered("digest", "sha256");
            Box::new(async move {
                let text;
                let bytes = match &data {
                    Data::Text(data) => {
                        text = data.to_str(&store)?;
                        text.as_bytes()
                    }
                    Data::Bytes(data) => data.as_le_slice(&store),
                };
                Ok((sha256(bytes).await,))
            })
        },
    )
}

async fn sha256(bytes: &[u8]) -> (u64, u64, u64, u64) {
    let mut hash = Context::new(&SHA256);
    let mut pieces = bytes.chunks(PIECE);
    if let Some(first) = pieces.next() {
        hash.update(first);
    }
    for piece in pieces {
        // The call may have been cancelled.
        tokio::task::yield_now().await;
        hash.update(piece);
    }
    let hash = hash.finish();
    let mut words = hash
        .as_ref()
        .chunks_exact(8)
        .map(|word| word.try_into().map(u64::from_be_bytes).unwrap_or_default());
    let mut word = || words.next().unwrap_or_default();
    (word(), word(), word(), word())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the digest in hexadecimal.
    async fn digest(bytes: &[u8]) -> String {
        let (a, b, c, d) = sha256(bytes).await;
        format!("{a:016x}{b:016x}{c:016x}{d:016x}")
    }

    // The last two are from `sha256sum`. The others are examples of FIPS 180-4
    // (<https://csrc.nist.gov/projects/cryptographic-standards-and-guidelines/example-values>).
    #[tokio::test]
    async fn digests_are_those_of_the_standard() {
        let long = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
        let many = vec![b'a'; 3 << 20];
        for (bytes, expected) in [
            (
                &b"abc"[..],
                "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
            ),
            (
                long.as_bytes(),
                "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
            ),
            (
                b"",
                "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            ),
            (
                &many[..],
                "6f850bc94ae6f7de14297c01616c36d712d22864497b28a63b81d776b035e656",
            ),
        ] {
            assert_eq!(digest(bytes).await, expected, "{} bytes", bytes.len());
        }
    }

    #[tokio::test]
    async fn long_digest_lets_other_tasks_run() {
        let others = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let counted = std::sync::Arc::clone(&others);
        let other = tokio::spawn(async move {
            loop {
                counted.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                tokio::task::yield_now().await;
            }
        });
        digest(&vec![0; 4 * PIECE]).await;
        assert!(others.load(std::sync::atomic::Ordering::SeqCst) >= 3);
        other.abort();
    }
}
