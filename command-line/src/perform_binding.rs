//! One request to a binding: its call, and what is printed of the answer.

use std::time::Instant;

use super::{
    calls::BindingCalls,
    item_json::ResponseJson,
    output::Output,
    perform_state::{Outcome, Stop},
    print_state,
    requests::BindingRequest,
};

impl BindingRequest {
    /// Makes the call and prints the answer.
    pub async fn perform(
        &self,
        calls: &mut impl BindingCalls,
        output: &mut Output<'_>,
    ) -> Result<Outcome, Stop> {
        match self {
            Self::Invoke {
                operation,
                data,
                parameters,
            } => {
                let response = calls.invoke(operation, data, parameters).await?;
                match (output.is_json(), &response.data) {
                    (true, _) => output.json(&ResponseJson::new(&response))?,
                    (false, Some(data)) => output.value(data)?,
                    (false, None) => {}
                }
            }
            Self::Operations => {
                let operations = calls.operations().await?;
                match output.is_json() {
                    true => output.json(&operations)?,
                    false => operations.iter().try_for_each(|name| output.line(name))?,
                }
            }
            Self::Ping => {
                let began = Instant::now();
                calls.ping().await?;
                print_state::ping(began.elapsed(), output)?;
            }
        }
        Ok(Outcome::Done)
    }
}
