//! Chooses the DynamoDB to call, and so the hosts that the component may reach: either one endpoint
//! or AWS's own hosts.
//!
//! The arguments come first, then a component file. Without either, it is the embedded DynamoDB, so
//! nothing leaves the machine unless the user asks for it.

use super::arguments::Connection;
use super::configuration::{Configuration, field};
use super::credentials;
use crate::embedded::Storage;
use dapr_wasm_host::{Egress, EgressBuilder, HostError};

/// The DynamoDB to call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Destination {
    Embedded(Storage),
    /// The configured endpoint.
    Endpoint(String),
    /// AWS's own, in the configured region. If no region is set, the component reports that.
    Aws,
}

/// The environment variables that the component may see if it does not call the embedded DynamoDB:
/// those of its configuration. The variables of its credentials are added to them.
const VARIABLES: [&str; 10] = [
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_MAX_ATTEMPTS",
    "DYNAMODB_TABLE",
    "DYNAMODB_PARTITION_KEY",
    "DYNAMODB_TTL_ATTRIBUTE_NAME",
    "DYNAMODB_CONSISTENCY",
    "DYNAMODB_CONNECT_TIMEOUT",
    "DYNAMODB_REQUEST_TIMEOUT",
    "DYNAMODB_UNCONFIRMED_WRITES",
];
/// The variables that name an endpoint, the more specific one first. The component receives the
/// chosen endpoint as metadata.
const ENDPOINT_VARIABLES: [&str; 2] = ["AWS_ENDPOINT_URL_DYNAMODB", ENDPOINT_OF_EVERY_SERVICE];
/// The variable that sets the endpoint of every service, so it affects STS too.
pub(super) const ENDPOINT_OF_EVERY_SERVICE: &str = "AWS_ENDPOINT_URL";

/// DynamoDB and STS in every region of every partition of AWS. The component has its own table of
/// hosts by region; a test of the component compares the two.
pub const AWS_HOSTS: [&str; 14] = [
    "dynamodb.*.amazonaws.com:443",
    "dynamodb.*.amazonaws.com.cn:443",
    "dynamodb.*.amazonaws.eu:443",
    "dynamodb.*.c2s.ic.gov:443",
    "dynamodb.*.sc2s.sgov.gov:443",
    "dynamodb.*.cloud.adc-e.uk:443",
    "dynamodb.*.csp.hci.ic.gov:443",
    "sts.*.amazonaws.com:443",
    "sts.*.amazonaws.com.cn:443",
    "sts.*.amazonaws.eu:443",
    "sts.*.c2s.ic.gov:443",
    "sts.*.sc2s.sgov.gov:443",
    "sts.*.cloud.adc-e.uk:443",
    "sts.*.csp.hci.ic.gov:443",
];

type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

impl Destination {
    /// Chooses the DynamoDB. `configuration` holds the settings of both the component file and the
    /// arguments.
    pub(super) fn new(
        connection: &Connection,
        configuration: &Configuration,
        environment: Environment<'_>,
    ) -> Self {
        let of_arguments = Configuration::of_arguments(connection);
        if let Some(folder) = &connection.data {
            return Self::Embedded(Storage::Folder(folder.clone()));
        }
        if connection.aws {
            return Self::Aws;
        }
        if let Some(endpoint) = of_arguments.get(field::ENDPOINT) {
            return Self::Endpoint(endpoint.to_owned());
        }
        if connection.component_yaml.is_none() {
            return Self::Embedded(Storage::Memory);
        }
        let endpoint = configuration.get(field::ENDPOINT).map(str::to_owned);
        match endpoint.or_else(|| first(&ENDPOINT_VARIABLES, environment)) {
            Some(endpoint) => Self::Endpoint(endpoint),
            None => Self::Aws,
        }
    }

    /// Returns the environment variables of the component.
    pub(super) fn environment(&self, environment: Environment<'_>) -> Vec<(&'static str, String)> {
        let of_every_service: &[&str] = match self {
            Self::Embedded(_) => return Vec::new(),
            // DynamoDB's endpoint is set as metadata, so here the variable affects STS alone.
            Self::Endpoint(_) => &[ENDPOINT_OF_EVERY_SERVICE],
            // No endpoint is set as metadata, so here the variable would affect DynamoDB.
            Self::Aws => &[],
        };
        let set = |name: &&'static str| Some((*name, environment(name)?));
        let own = VARIABLES.iter().chain(&credentials::VARIABLES);
        own.chain(of_every_service).filter_map(set).collect()
    }

    /// Returns the hosts that the component may reach: DynamoDB and the sources of credentials. An
    /// invalid URL is ignored here; the component reports the error in its configuration.
    pub(super) fn egress(
        &self,
        endpoint: Option<&str>,
        environment: &[(&'static str, String)],
    ) -> Result<Egress, HostError> {
        let hosts = self.hosts().into_iter();
        let open = hosts.fold(Egress::builder(), EgressBuilder::allow);
        let urls = credentials::urls(environment).chain(endpoint);
        let sound = urls.filter(|url| is_sound(url));
        sound.fold(open, EgressBuilder::allow_url).build()
    }

    /// Returns the hosts that are always allowed. An endpoint without TLS is a local one; then no
    /// host of AWS is allowed.
    fn hosts(&self) -> Vec<&'static str> {
        let services = |prefix: &str| {
            let of_aws = AWS_HOSTS.iter().filter(|host| host.starts_with(prefix));
            let hosts = of_aws.chain(&credentials::METADATA_HOSTS);
            hosts.copied().collect::<Vec<_>>()
        };
        match self {
            Self::Aws => services(""),
            Self::Endpoint(url) if url.starts_with("https://") => services("sts."),
            Self::Endpoint(_) | Self::Embedded(_) => Vec::new(),
        }
    }
}

fn is_sound(url: &str) -> bool {
    Egress::builder().allow_url(url).build().is_ok()
}

fn first(variables: &[&str], environment: Environment<'_>) -> Option<String> {
    let set = variables.iter().filter_map(|name| environment(name));
    set.into_iter().find(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nothing(_: &str) -> Option<String> {
        None
    }

    fn chosen(
        connection: &Connection,
        file: &[(&str, &str)],
        environment: Environment<'_>,
    ) -> Destination {
        let file = file
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let configuration = Configuration::new(file.collect())
            .overridden_by(Configuration::of_arguments(connection));
        Destination::new(connection, &configuration, environment)
    }

    #[test]
    fn default_is_embedded_in_memory_in_any_environment() {
        let environment = |name: &str| Some(format!("http://{name}"));
        let chosen = chosen(&Connection::default(), &[], &environment);
        assert_eq!(chosen, Destination::Embedded(Storage::Memory));
        assert!(chosen.environment(&environment).is_empty());
    }

    #[test]
    fn data_folder_overrides_endpoint_of_component_file() {
        let connection = Connection {
            data: Some("d".into()),
            component_yaml: Some("c.yaml".into()),
            ..Connection::default()
        };
        assert_eq!(
            chosen(&connection, &[("endpoint", "http://h")], &nothing),
            Destination::Embedded(Storage::Folder("d".into()))
        );
    }

    #[test]
    fn component_file_endpoint_then_environment_then_aws() {
        let connection = Connection {
            component_yaml: Some("c.yaml".into()),
            ..Connection::default()
        };
        let environment = |name: &str| (name == "AWS_ENDPOINT_URL").then(|| "http://e".to_owned());
        let file = [("endpoint", "http://h"), ("region", "eu-west-1")];
        let endpoint = |url: &str| Destination::Endpoint(url.to_owned());
        assert_eq!(
            chosen(&connection, &file, &environment),
            endpoint("http://h")
        );
        assert_eq!(
            chosen(&connection, &file[1..], &environment),
            endpoint("http://e")
        );
        assert_eq!(chosen(&connection, &file[1..], &nothing), Destination::Aws);
    }

    #[test]
    fn aws_flag_calls_aws_with_its_variables() {
        let connection = Connection {
            aws: true,
            ..Connection::default()
        };
        let environment = |name: &str| (name == "AWS_REGION").then(|| "eu-west-1".to_owned());
        let chosen = chosen(&connection, &[], &environment);
        assert_eq!(chosen, Destination::Aws);
        assert!(chosen.egress(None, &[]).is_ok());
        let seen = chosen.environment(&environment);
        assert_eq!(seen, [("AWS_REGION", "eu-west-1".to_owned())]);
    }

    #[test]
    fn only_tls_endpoint_also_opens_aws_credential_hosts() {
        let hosts = |url: &str| Destination::Endpoint(url.to_owned()).hosts();
        assert!(hosts("http://127.0.0.1:8000").is_empty());
        let beside = hosts("https://vpce-1.dynamodb.example");
        assert!(beside.contains(&"sts.*.amazonaws.com:443"));
        assert!(beside.contains(&"169.254.169.254:80"));
        assert!(!beside.contains(&"dynamodb.*.amazonaws.com:443"));
        let all = AWS_HOSTS.len() + credentials::METADATA_HOSTS.len();
        assert_eq!(Destination::Aws.hosts().len(), all);
    }

    #[test]
    fn endpoint_of_all_services_is_passed_only_with_endpoint() {
        let environment = |name: &str| (name == "AWS_ENDPOINT_URL").then(|| "http://e".to_owned());
        let endpoint = Destination::Endpoint("http://h".to_owned());
        let handed_on = endpoint.environment(&environment);
        assert_eq!(handed_on, [("AWS_ENDPOINT_URL", "http://e".to_owned())]);
        assert!(Destination::Aws.environment(&environment).is_empty());
    }

    #[test]
    fn invalid_url_is_not_sound() {
        for url in ["", "localhost", "http://", "ftp://h", "http://user:word@h"] {
            assert!(!is_sound(url), "{url}");
        }
        assert!(is_sound("http://h:1/path"));
    }
}
