//! All sources of credentials at once, as a machine would have them: files in a folder, and
//! servers. Each source has its own environment variables, which configure that source only.

use super::{Account, CANARY, Container, InstanceMetadata, Key, StandIn, Sts};
use std::path::Path;
use std::{fs, io};

/// A role that STS issues.
pub const ROLE: &str = "arn:aws:iam::123456789012:role/a-role";

const CONFIG: &str = "config";
const CREDENTIALS: &str = "credentials";
const WEB_IDENTITY_TOKEN: &str = "web-identity-token";
const AUTHORIZATION_TOKEN: &str = "authorization-token";

/// A source. The order is the one in which sources are asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// Keys in environment variables.
    Environment,
    /// The files that AWS's tools share.
    SharedFiles,
    /// A token that STS accepts, as in EKS.
    WebIdentity,
    /// A container's agent, as in EKS with Pod Identity.
    Container,
    /// The metadata of an EC2 instance.
    InstanceMetadata,
}

impl Source {
    /// All sources.
    pub const ALL: [Self; 5] = [
        Self::Environment,
        Self::SharedFiles,
        Self::WebIdentity,
        Self::Container,
        Self::InstanceMetadata,
    ];

    /// Returns the name for file names.
    pub fn name(self) -> &'static str {
        match self {
            Self::Environment => "environment",
            Self::SharedFiles => "shared-files",
            Self::WebIdentity => "web-identity",
            Self::Container => "container",
            Self::InstanceMetadata => "instance-metadata",
        }
    }

    /// Returns the label in the IDs of the source's keys, after `AKIA` or `ASIA`.
    pub fn label(self) -> &'static str {
        match self {
            Self::Environment => "ENV",
            Self::SharedFiles => "FILES",
            Self::WebIdentity => "STS",
            Self::Container => "EKS",
            Self::InstanceMetadata => "IMDS",
        }
    }
}

/// All sources, running.
pub struct Sources {
    /// Issues a role for a web identity, or for the credentials of any other source.
    pub sts: StandIn<Sts>,
    /// EKS's agent.
    pub container: StandIn<Container>,
    /// The metadata of an instance with a role.
    pub instance_metadata: StandIn<InstanceMetadata>,
    environment: Key,
}

impl Sources {
    /// Starts the servers and writes the files to this folder.
    pub fn start(account: &Account, folder: &Path) -> io::Result<Self> {
        let web_identity = format!("{CANARY}.web-identity.token");
        let authorization = format!("{CANARY}.authorization.token");
        let files = account.user(Source::SharedFiles.label());
        let Key { id, secret, .. } = &files;
        let credentials =
            format!("[default]\naws_access_key_id = {id}\naws_secret_access_key = {secret}\n");
        let config = format!(
            "[default]\nregion = eu-central-1\n\n[profile a-role]\nregion = eu-central-1\nrole_arn = {ROLE}\nsource_profile = default\n"
        );
        for (name, text) in [
            (CONFIG, &config),
            (CREDENTIALS, &credentials),
            // With a newline at the end, as Kubernetes and people write it.
            (WEB_IDENTITY_TOKEN, &format!("{web_identity}\n")),
            (AUTHORIZATION_TOKEN, &authorization),
        ] {
            fs::write(folder.join(name), text)?;
        }
        let sts = Sts::of(account);
        sts.trust(&web_identity);
        Ok(Self {
            sts: StandIn::start(sts)?,
            container: StandIn::start(Container::eks(account, &authorization))?,
            instance_metadata: StandIn::start(InstanceMetadata::of(account, "a-role"))?,
            environment: account.user(Source::Environment.label()),
        })
    }

    /// Returns the variables of this source, for a program that sees the folder under this path.
    pub fn environment(&self, source: Source, folder: &str) -> Vec<(&'static str, String)> {
        let file = |name: &str| format!("{folder}/{name}");
        match source {
            Source::Environment => vec![
                ("AWS_ACCESS_KEY_ID", self.environment.id.clone()),
                ("AWS_SECRET_ACCESS_KEY", self.environment.secret.clone()),
            ],
            Source::SharedFiles => vec![
                ("AWS_CONFIG_FILE", file(CONFIG)),
                ("AWS_SHARED_CREDENTIALS_FILE", file(CREDENTIALS)),
            ],
            Source::WebIdentity => vec![
                ("AWS_WEB_IDENTITY_TOKEN_FILE", file(WEB_IDENTITY_TOKEN)),
                ("AWS_ROLE_ARN", ROLE.to_owned()),
            ],
            Source::Container => {
                let agent = &self.container;
                let uri = format!("{}{}", agent.endpoint(), agent.service().path());
                vec![
                    ("AWS_CONTAINER_CREDENTIALS_FULL_URI", uri),
                    (
                        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
                        file(AUTHORIZATION_TOKEN),
                    ),
                ]
            }
            Source::InstanceMetadata => vec![
                (
                    "AWS_EC2_METADATA_SERVICE_ENDPOINT",
                    self.instance_metadata.endpoint().to_owned(),
                ),
                ("AWS_EC2_METADATA_DISABLED", "false".to_owned()),
            ],
        }
    }

    /// Returns the number of requests to the server of this source.
    pub fn asked(&self, source: Source) -> usize {
        match source {
            Source::WebIdentity => self.sts.count_all(),
            Source::Container => self.container.count_all(),
            Source::InstanceMetadata => self.instance_metadata.count_all(),
            Source::Environment | Source::SharedFiles => 0,
        }
    }
}
