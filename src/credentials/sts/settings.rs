//! Where STS is: what the environment says, else AWS's own endpoint of the
//! region. What is wrong with that matters to those alone who need STS.

use super::SERVICE;
use crate::aws::endpoint::Endpoint;
use crate::config::Fields;
use crate::credentials::http::Patience;

/// How STS is reached.
#[derive(Clone, Debug)]
pub(in crate::credentials) struct Settings {
    /// Or why there is none.
    pub(super) endpoint: Result<Endpoint, String>,
    /// The region that is signed for.
    pub(super) region: String,
    pub(super) patience: Patience,
}

impl Settings {
    /// For the region that DynamoDB is used in.
    pub(in crate::credentials) fn new(
        fields: &Fields<'_>,
        region: &str,
        patience: Patience,
    ) -> Self {
        let given = fields
            .environment("AWS_ENDPOINT_URL_STS")
            .or_else(|| fields.environment("AWS_ENDPOINT_URL"));
        let endpoint = match given {
            Some(url) => Endpoint::parse(&url.value).map_err(|why| {
                format!(
                    "`{}` is not usable, {why}: give a URL such as `https://sts.eu-west-1.amazonaws.com`",
                    url.name
                )
            }),
            None => Endpoint::of_region(SERVICE, region).ok_or_else(|| {
                "no AWS region is configured that STS could be asked in: give `region`, or set AWS_ENDPOINT_URL_STS"
                    .to_owned()
            }),
        };
        Self {
            endpoint,
            region: region.to_owned(),
            patience,
        }
    }
}
