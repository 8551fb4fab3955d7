//! The allow-list: a request passes only if a rule names its origin.

use super::origin::{self, Host, Origin, Scheme};
use crate::error::HostError;
use http::Uri;

/// The rules of one [`Egress`](super::Egress). Without any, nothing passes.
#[derive(Debug)]
pub(super) struct AllowList(Vec<Rule>);

impl AllowList {
    pub(super) fn new(rules: Vec<Rule>) -> Self {
        Self(rules)
    }

    /// How a request to `origin` is allowed, if it is.
    pub(super) fn permits(&self, origin: &Origin) -> Option<Permission> {
        let permitting = self.0.iter().filter(|rule| rule.permits(origin));
        permitting.map(|rule| rule.host.permission()).min()
    }
}

/// Which kind of rule allows a request. Of several rules the more explicit one counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Permission {
    /// A rule writes the host out.
    Exact,
    /// Only rules with a `*` allow the host.
    Wildcard,
}

/// One `host:port`, of one scheme or of either.
#[derive(Debug)]
pub(super) struct Rule {
    scheme: Option<Scheme>,
    host: HostPattern,
    port: u16,
}

#[derive(Debug)]
enum HostPattern {
    Exact(Host),
    /// The labels of a name from left to right; `None` stands for any one.
    Labels(Vec<Option<String>>),
}

impl Rule {
    /// Reads `host:port`.
    pub(super) fn from_authority(text: &str) -> Result<Self, HostError> {
        let fault = |reason| HostError::EgressRule {
            rule: without_user(text),
            reason,
        };
        let (host, port) = text
            .rsplit_once(':')
            .filter(|(_, port)| !port.ends_with(']'))
            .ok_or_else(|| fault("has no port; write host:port, such as 127.0.0.1:8000"))?;
        let port = origin::port(port).ok_or_else(|| {
            fault("has an invalid port; write a number from 0 to 65535 after the colon, without leading zeros")
        })?;
        let host = HostPattern::parse(host).map_err(fault)?;
        Ok(Self {
            scheme: None,
            host,
            port,
        })
    }

    /// Reads an absolute `http` or `https` URL.
    pub(super) fn from_url(text: &str) -> Result<Self, HostError> {
        let origin = origin(text)?;
        Ok(Self {
            scheme: Some(origin.scheme),
            host: HostPattern::Exact(origin.host),
            port: origin.port,
        })
    }

    fn permits(&self, origin: &Origin) -> bool {
        self.port == origin.port
            && self.scheme.is_none_or(|scheme| scheme == origin.scheme)
            && self.host.matches(&origin.host)
    }
}

impl HostPattern {
    fn parse(text: &str) -> Result<Self, &'static str> {
        let host = Host::parse(text)
            .ok_or("does not have an IPv6 address in its brackets; write one such as [::1]:8000")?;
        let Host::Name(name) = &host else {
            return Ok(Self::Exact(host));
        };
        let labels: Vec<&str> = name.split('.').collect();
        if !labels.iter().all(|label| *label == "*" || is_label(label)) {
            return Err(
                "has an invalid host; write a name, an address (an IPv6 address in […]), or * for one whole label of a name",
            );
        }
        if !labels.contains(&"*") {
            return Ok(Self::Exact(host));
        }
        Ok(Self::Labels(
            labels
                .into_iter()
                .map(|label| (label != "*").then(|| label.to_owned()))
                .collect(),
        ))
    }

    fn permission(&self) -> Permission {
        match self {
            Self::Exact(_) => Permission::Exact,
            Self::Labels(_) => Permission::Wildcard,
        }
    }

    fn matches(&self, host: &Host) -> bool {
        match (self, host) {
            (Self::Exact(allowed), host) => allowed == host,
            (Self::Labels(_), Host::Address(_)) => false,
            (Self::Labels(allowed), Host::Name(name)) => {
                let labels: Vec<&str> = name.split('.').collect();
                labels.len() == allowed.len()
                    && !may_be_an_address(&labels)
                    && labels
                        .iter()
                        .zip(allowed)
                        .all(|(label, allowed)| match allowed {
                            Some(allowed) => allowed == label,
                            None => is_label(label),
                        })
            }
        }
    }
}

/// The origin of an absolute `http` or `https` URL.
pub(super) fn origin(url: &str) -> Result<Origin, HostError> {
    url.parse::<Uri>()
        .ok()
        .and_then(|uri| Origin::of(&uri).ok())
        .ok_or_else(|| HostError::EgressRule {
            rule: without_user(url),
            reason: "is not a valid http or https URL; write one such as http://127.0.0.1:8000, without a user name",
        })
}

/// The rule as errors quote it: a user name may come with a password.
pub(super) fn without_user(rule: &str) -> String {
    match rule.rsplit_once('@') {
        Some((before, host)) => match before.split_once("://") {
            Some((scheme, _)) => format!("{scheme}://…@{host}"),
            None => format!("…@{host}"),
        },
        None => rule.to_owned(),
    }
}

/// Letters, digits, hyphens, and the underscore that names in private networks have.
fn is_label(label: &str) -> bool {
    !label.is_empty()
        && label
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

/// Resolvers take `127.1`, `0x7f.1` and `2130706433` for IPv4 addresses; no top-level domain begins with a digit.
fn may_be_an_address(labels: &[&str]) -> bool {
    labels
        .last()
        .is_some_and(|last| last.starts_with(|c: char| c.is_ascii_digit()))
}
