//! The binding's calls.

use dapr_wasm_host::types::{Metadata, Response};

use super::{Answer, Caller};

impl Caller {
    pub(crate) async fn init_binding(&mut self, metadata: &Metadata) -> Answer<()> {
        let answer = async { self.instance.binding()?.init(metadata).await }.await;
        self.answered(|| "init of the binding".to_owned(), answer)
    }

    pub(crate) async fn operations(&mut self) -> Answer<Vec<String>> {
        let answer = async { self.instance.binding()?.operations().await }.await;
        self.answered(|| "operations".to_owned(), answer)
    }

    pub(crate) async fn ping_binding(&mut self) -> Answer<()> {
        let answer = async { self.instance.binding()?.ping().await }.await;
        self.answered(|| "ping of the binding".to_owned(), answer)
    }

    pub(crate) async fn invoke(
        &mut self,
        operation: &str,
        data: &[u8],
        metadata: Option<&Metadata>,
    ) -> Answer<Response> {
        let answer = async {
            let mut binding = self.instance.binding()?;
            binding.invoke(operation, data, metadata).await
        };
        let answer = answer.await;
        self.answered(|| format!("invoke of {operation:?}"), answer)
    }
}
