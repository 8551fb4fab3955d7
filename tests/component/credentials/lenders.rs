//! All sources at once, the component's own metadata with them: each gives out credentials that its label tells from the others'.

use std::fs;
use std::path::Path;

use tempfile::TempDir;
use test_support::aws::{self, CANARY, Key};

use super::scene::{Guest, LENT, Scene};

pub use test_support::aws::sources::ROLE;

/// Where credentials come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    Metadata,
    Environment,
    SharedFiles,
    WebIdentity,
    Container,
    InstanceMetadata,
}

/// In the order in which they are asked.
pub const SOURCES: [Source; 6] = [
    Source::Metadata,
    Source::Environment,
    Source::SharedFiles,
    Source::WebIdentity,
    Source::Container,
    Source::InstanceMetadata,
];

impl Source {
    /// None: that of the metadata, which is no business of AWS's.
    fn of_aws(self) -> Option<aws::Source> {
        match self {
            Self::Metadata => None,
            Self::Environment => Some(aws::Source::Environment),
            Self::SharedFiles => Some(aws::Source::SharedFiles),
            Self::WebIdentity => Some(aws::Source::WebIdentity),
            Self::Container => Some(aws::Source::Container),
            Self::InstanceMetadata => Some(aws::Source::InstanceMetadata),
        }
    }

    /// What the IDs of its keys say.
    pub fn label(self) -> &'static str {
        self.of_aws().map_or("METADATA", aws::Source::label)
    }
}

/// The sources.
pub struct Lenders {
    pub aws: aws::Sources,
    pub folder: TempDir,
    metadata: Key,
}

impl std::ops::Deref for Lenders {
    type Target = aws::Sources;

    fn deref(&self) -> &aws::Sources {
        &self.aws
    }
}

impl Lenders {
    pub fn of(scene: &Scene) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let aws = aws::Sources::start(&scene.account, folder.path());
        Self {
            aws: aws.expect("the sources start"),
            folder,
            metadata: scene.account.user(Source::Metadata.label()),
        }
    }

    /// The instance is configured for this source as well.
    pub fn lend(&self, source: Source, guest: Guest) -> Guest {
        let guest = guest.lend(self.folder.path());
        let Some(of_aws) = source.of_aws() else {
            let guest = guest.metadata("accessKey", &self.metadata.id);
            return guest.metadata("secretKey", &self.metadata.secret);
        };
        let variables = self.aws.environment(of_aws, LENT);
        let guest = variables
            .iter()
            .fold(guest, |guest, (name, value)| guest.env(name, value));
        match source {
            Source::WebIdentity => self.reaching_sts(guest),
            Source::Container => guest.reaching(self.container.endpoint()),
            Source::InstanceMetadata => guest.reaching(self.instance_metadata.endpoint()),
            Source::Metadata | Source::Environment | Source::SharedFiles => guest,
        }
    }

    pub fn reaching_sts(&self, guest: Guest) -> Guest {
        let endpoint = self.sts.endpoint();
        guest
            .env("AWS_ENDPOINT_URL_STS", endpoint)
            .reaching(endpoint)
    }

    /// How many requests there were to a source.
    pub fn asked(&self, source: Source) -> usize {
        source.of_aws().map_or(0, |source| self.aws.asked(source))
    }
}

/// A text that is secret: that of the web identity token and of the authorization token among them.
pub fn secret(what: &str) -> String {
    format!("{CANARY}.{what}.token")
}

/// As the instance names the file.
pub fn lent(name: &str) -> String {
    format!("{LENT}/{name}")
}

pub fn write(folder: &Path, name: &str, text: &str) {
    fs::write(folder.join(name), text).expect("a file is written");
}

/// The section of a profile in the credentials file.
pub fn section(profile: &str, key: &Key) -> String {
    let Key { id, secret, .. } = key;
    format!("[{profile}]\naws_access_key_id = {id}\naws_secret_access_key = {secret}\n")
}
