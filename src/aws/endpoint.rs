//! The endpoint of a service: the configured one, or AWS's own endpoint of the region. A
//! table of partitions replaces the SDK's endpoint rules, which would add 0.36 MB to the
//! component. A native test compares the table with these rules.

use http::Uri;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use std::net::Ipv6Addr;

/// DNS suffixes by the prefix of the region's name. No prefix is the beginning of another
/// one, so their order does not matter.
/// Source: the partitions of the AWS SDK for Rust.
const SUFFIXES: &[(&str, &str)] = &[
    ("cn-", "amazonaws.com.cn"),
    ("eusc-", "amazonaws.eu"),
    ("us-iso-", "c2s.ic.gov"),
    ("us-isob-", "sc2s.sgov.gov"),
    ("eu-isoe-", "cloud.adc-e.uk"),
    ("us-isof-", "csp.hci.ic.gov"),
];

/// The DNS suffix of all other partitions.
const SUFFIX: &str = "amazonaws.com";

/// Characters that are percent-encoded in forms and in the segments of a signed path: all
/// except RFC 3986's unreserved characters. A `%` in a path is encoded again.
/// Source: `CanonicalUri` in <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>.
pub const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// An address that requests go to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    tls: bool,
    authority: String,
    path: String,
    canonical_path: String,
}

impl Endpoint {
    /// Returns AWS's own endpoint of a service in a region, or `None` if `region` cannot be
    /// the name of a region.
    #[must_use]
    pub fn of_region(service: &str, region: &str) -> Option<Self> {
        let is_label = !region.is_empty()
            && region.len() <= 63
            && !region.starts_with('-')
            && !region.ends_with('-')
            && region
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if !is_label {
            return None;
        }
        let suffix = SUFFIXES
            .iter()
            .find(|(prefix, _)| region.starts_with(prefix))
            .map_or(SUFFIX, |(_, suffix)| suffix);
        Some(Self {
            tls: true,
            authority: format!("{service}.{region}.{suffix}"),
            path: "/".to_owned(),
            canonical_path: "/".to_owned(),
        })
    }

    /// Parses the URL of an endpoint.
    ///
    /// # Errors
    ///
    /// The reason, such as "it has no host". Callers put the name of the field before it.
    pub fn parse(url: &str) -> Result<Self, &'static str> {
        let Ok(uri) = url.parse::<Uri>() else {
            return Err("it is not a URL");
        };
        let tls = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            _ => return Err("it starts with neither `http://` nor `https://`"),
        };
        let Some(authority) = uri.authority() else {
            return Err("it has no host");
        };
        if authority.host().is_empty() {
            return Err("it has no host");
        }
        if !is_host(authority.host()) {
            return Err("its host is neither a name nor an address");
        }
        if authority.as_str().contains('@') {
            return Err(
                "it contains a user name (set `accessKey` and `secretKey` for credentials)",
            );
        }
        let port = match (authority.port(), authority.as_str().rsplit_once(':')) {
            (Some(port), _) if port.as_u16() == 0 => return Err("its port is 0"),
            (Some(port), _) => Some(port.as_u16()),
            (None, Some((_, after))) if !after.ends_with(']') => {
                return Err("its port is not a number from 1 to 65535");
            }
            (None, _) => None,
        };
        if uri.query().is_some() || url.contains('#') {
            return Err("it has a query or a fragment");
        }
        let host = authority.host().to_ascii_lowercase();
        // The default port of the scheme is not signed, so it must not be sent either.
        let own_port = if tls { 443 } else { 80 };
        let authority = match port.filter(|port| *port != own_port) {
            Some(port) => format!("{host}:{port}"),
            None => host,
        };
        let path = format!("{}/", uri.path().trim_end_matches('/'));
        Ok(Self {
            tls,
            authority,
            canonical_path: canonical(&path),
            path,
        })
    }

    /// Returns true if requests go over TLS.
    #[must_use]
    pub fn tls(&self) -> bool {
        self.tls
    }

    /// Returns the host, with the port unless it is the default port of the scheme.
    #[must_use]
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// Returns the absolute path.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Returns the path for signing: without empty segments and dot segments, and encoded.
    #[must_use]
    pub fn canonical_path(&self) -> &str {
        &self.canonical_path
    }

    /// Returns the endpoint as a URL.
    #[must_use]
    pub fn url(&self) -> String {
        let scheme = if self.tls { "https" } else { "http" };
        format!("{scheme}://{}{}", self.authority, self.path)
    }
}

/// Returns true if the host has no brackets, or is an IPv6 address in brackets. Brackets in
/// other places are invalid, but the crate `http` accepts them and splits the host there.
fn is_host(host: &str) -> bool {
    let brackets = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    match brackets {
        Some(address) => address.parse::<Ipv6Addr>().is_ok(),
        None => !host.contains(['[', ']']),
    }
}

/// Normalizes (RFC 3986, section 5.2.4) and encodes a path. The result is absolute and
/// ends with a slash.
fn canonical(path: &str) -> String {
    let mut segments = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => drop(segments.pop()),
            name => segments.push(name),
        }
    }
    let mut canonical = "/".to_owned();
    for segment in segments {
        canonical.extend(utf8_percent_encode(segment, RESERVED));
        canonical.push('/');
    }
    canonical
}

#[cfg(test)]
mod tests;
