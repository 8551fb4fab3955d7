//! `create`: a JSON object becomes an item, each member an attribute. It
//! replaces an item with the same key.

use super::{Binding, Response, json};
use crate::aws::CallInput;
use crate::aws::operation::PutItem;
use crate::error::Error;
use crate::limits::{check_item_size, item_size};
use crate::platform::Platform;
use aws_sdk_dynamodb::operation::put_item::PutItemInput;

/// The operation's name.
pub(super) const NAME: &str = "create";

impl<P: Platform> Binding<P> {
    pub(super) async fn create(&self, data: &[u8]) -> Result<Response, Error> {
        let item = json::item(data)?;
        check_item_size(item_size(&item))?;
        let input = PutItemInput::builder()
            .table_name(&self.table.name)
            .set_item(Some(item))
            .build()
            .map_err(Error::unbuilt)?;
        let (repeat, input) = (self.unconfirmed_writes, CallInput::Fixed(input));
        match self.client.call_write::<PutItem>(repeat, input).await {
            Ok(_) => Ok(Response::default()),
            Err(failure) => Err(failure.of_write(&self.table.name, self.client.endpoint_url())),
        }
    }
}
