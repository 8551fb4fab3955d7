//! The endpoint of a service: the configured one, or AWS's own for the region.
//! The table of partitions stands in for the SDK's endpoint rules, which would
//! add 0.36 MB; a native test holds it against them.

use http::Uri;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use std::net::Ipv6Addr;

/// DNS suffixes by the beginning of the region's name; none of them begins
/// another, so their order does not matter.
/// Source: the partitions of the AWS SDK for Rust.
const SUFFIXES: &[(&str, &str)] = &[
    ("cn-", "amazonaws.com.cn"),
    ("eusc-", "amazonaws.eu"),
    ("us-iso-", "c2s.ic.gov"),
    ("us-isob-", "sc2s.sgov.gov"),
    ("eu-isoe-", "cloud.adc-e.uk"),
    ("us-isof-", "csp.hci.ic.gov"),
];

/// The suffix of all other partitions.
const SUFFIX: &str = "amazonaws.com";

/// Characters that forms and the segments of a signed path percent-encode: all but RFC
/// 3986's unreserved characters. A `%` of a path is encoded once more.
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
    /// AWS's own endpoint of a service in a region; none where the name cannot be
    /// that of a region.
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

    /// An endpoint given as a URL.
    ///
    /// # Errors
    ///
    /// Why it is none: what follows "it is not usable, ".
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
            return Err("it holds a user name; credentials go into `accessKey` and `secretKey`");
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
        // The scheme's own port is not signed and so must not be sent either.
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

    /// Host, and port where it is not the scheme's own.
    #[must_use]
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// Absolute path.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The path as it is signed: without empty and dot segments, and encoded.
    #[must_use]
    pub fn canonical_path(&self) -> &str {
        &self.canonical_path
    }

    /// The whole as a URL.
    #[must_use]
    pub fn url(&self) -> String {
        let scheme = if self.tls { "https" } else { "http" };
        format!("{scheme}://{}{}", self.authority, self.path)
    }
}

/// Returns true if brackets, where there are any, hold an address of IPv6 and are all there
/// is: `http` splits an authority that has others in the middle of them.
fn is_host(host: &str) -> bool {
    let brackets = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    match brackets {
        Some(address) => address.parse::<Ipv6Addr>().is_ok(),
        None => !host.contains(['[', ']']),
    }
}

/// An absolute path that ends with a slash, normalized (RFC 3986, section 5.2.4)
/// and encoded.
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
