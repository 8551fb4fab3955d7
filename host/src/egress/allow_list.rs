//! The allow-list. A request is allowed only if a rule matches its origin.

use super::origin::{self, Host, Origin, Scheme};
use crate::error::HostError;
use http::Uri;

/// The rules of one [`Egress`](super::Egress). Without a rule, every request is refused.
#[derive(Debug)]
pub(super) struct AllowList(Vec<Rule>);

impl AllowList {
    pub(super) fn new(rules: Vec<Rule>) -> Self {
        Self(rules)
    }

    /// Returns the kind of rule that allows requests to `origin`, or `None` if no rule does.
    pub(super) fn permits(&self, origin: &Origin) -> Option<Permission> {
        let permitting = self.0.iter().filter(|rule| rule.permits(origin));
        permitting.map(|rule| rule.host.permission()).min()
    }
}

/// The kind of rule that allows a request. If several rules match, the most explicit one applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Permission {
    /// A rule names the host exactly.
    Exact,
    /// Only rules with a `*` match the host.
    Wildcard,
}

/// One `host:port`, for one scheme or for both.
#[derive(Debug)]
pub(super) struct Rule {
    scheme: Option<Scheme>,
    host: HostPattern,
    port: u16,
}

#[derive(Debug)]
enum HostPattern {
    Exact(Host),
    /// The labels of a name from left to right. `None` matches any label.
    Labels(Vec<Option<String>>),
}

impl Rule {
    /// Parses `host:port`.
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

    /// Parses an absolute `http` or `https` URL.
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
        if is_meant_as_address(&labels) {
            return Err("has a * within an address; write a rule for each address, without a *");
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

/// Returns the origin of an absolute `http` or `https` URL.
pub(super) fn origin(url: &str) -> Result<Origin, HostError> {
    url.parse::<Uri>()
        .ok()
        .and_then(|uri| Origin::of(&uri).ok())
        .ok_or_else(|| HostError::EgressRule {
            rule: without_user(url),
                        reason: "is not a valid http or https URL; write one such as http://127.0.0.1:8000, without a user name",
        })
}

/// Returns the rule for error messages, without the user name and password.
pub(super) fn without_user(rule: &str) -> String {
    match rule.rsplit_once('@') {
        Some((before, host)) => match before.split_once("://") {
            Some((scheme, _)) => format!("{scheme}://…@{host}"),
            None => format!("…@{host}"),
        },
        None => rule.to_owned(),
    }
}

/// Returns true for letters, digits, hyphens and underscores. Names in private networks may have underscores.
fn is_label(label: &str) -> bool {
    !label.is_empty()
        && label
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

/// Returns true for `127.0.*.1` and `10.0.*.*`. A `*` stands for labels of names only, so such a rule would match nothing.
fn is_meant_as_address(labels: &[&str]) -> bool {
    let is_number = |label: &&str| label.bytes().all(|b| b.is_ascii_digit());
    let mut fixed = labels.iter().filter(|label| **label != "*").peekable();
    may_be_an_address(labels) || (fixed.peek().is_some() && fixed.all(is_number))
}

/// Returns true if a resolver might read the name as an IPv4 address, such as `127.1`, `0x7f.1` or `2130706433`.
///
/// No top-level domain begins with a digit.
fn may_be_an_address(labels: &[&str]) -> bool {
    labels
        .last()
        .is_some_and(|last| last.starts_with(|c: char| c.is_ascii_digit()))
}
