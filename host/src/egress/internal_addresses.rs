//! Internal addresses: those of this machine, of a private network, or of a cloud's metadata service.
//!
//! A plugin may reach any name that a wildcard allows, and the owner of the name chooses its address in DNS. By default such a
//! name must not resolve to an internal address. Internal addresses are all that IANA lists as not globally reachable
//! (<https://www.iana.org/assignments/iana-ipv4-special-registry>,
//! <https://www.iana.org/assignments/iana-ipv6-special-registry>), and multicast.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The names that may resolve to internal addresses, for [`EgressBuilder::internal_addresses`](crate::EgressBuilder::internal_addresses).
///
/// Internal addresses are loopback, link-local (including a cloud's metadata service at 169.254.169.254) and private networks,
/// and all others that IANA lists as not globally reachable.
///
/// The setting applies to the results of DNS lookups. An address that a rule names itself, such as `127.0.0.1:8000`, is always
/// allowed.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use dapr_wasm_host::{Egress, InternalAddresses};
///
/// let egress = Egress::builder()
///     .allow("dynamodb.eu-west-1.amazonaws.com:443")
///     .internal_addresses(InternalAddresses::Deny)
///     .build()?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum InternalAddresses {
    /// Every allowed name may resolve to internal addresses.
    Allow,
    /// A name that a rule writes out may resolve to internal addresses. A name that only a rule with a `*` allows may not.
    /// This is the default.
    #[default]
    DenyForWildcards,
    /// No name may resolve to internal addresses.
    Deny,
}

impl InternalAddresses {
    pub(super) fn allowed(self, by_wildcard: bool) -> bool {
        match self {
            Self::Allow => true,
            Self::DenyForWildcards => !by_wildcard,
            Self::Deny => false,
        }
    }
}

pub(super) fn is_internal(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_internal_v4(address),
        IpAddr::V6(address) => is_internal_v6(address),
    }
}

fn is_internal_v4(address: Ipv4Addr) -> bool {
    match address.octets() {
        // "This network", private, loopback, link-local, private.
        [0 | 10 | 127, ..] | [169, 254, ..] | [172, 16..=31, ..] | [192, 168, ..] => true,
        // Shared by carriers and clouds (RFC 6598). Alibaba Cloud's metadata service is at 100.100.100.200.
        [100, 64..=127, ..] => true,
        // Protocol assignments, except the anycast addresses of PCP and TURN.
        [192, 0, 0, last] => !matches!(last, 9 | 10),
        // Azure's metadata and DNS. It is a public address that leads every virtual machine there to its host.
        [168, 63, 129, 16] => true,
        // Documentation and benchmarking.
        [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] | [198, 18 | 19, ..] => true,
        // Multicast, reserved, broadcast.
        [224..=255, ..] => true,
        _ => false,
    }
}

fn is_internal_v6(address: Ipv6Addr) -> bool {
    if let Some(address) = embedded_v4(address) {
        return is_internal_v4(address);
    }
    match address.segments() {
        // Unspecified, loopback, IPv4-compatible, and local translation (64:ff9b:1::/48).
        [0, 0, 0, 0, 0, 0, ..] | [0x64, 0xff9b, ..] => true,
        // Discard-only and dummy prefixes.
        [0x100, 0, 0, 0..=1, ..] => true,
        // Teredo, benchmarking, documentation, ORCHIDv2 and the other protocol assignments. None is the address of a server.
        [0x2001, 0..=0x1ff, ..] | [0x2001, 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => true,
        // Segment routing.
        [0x5f00, ..] => true,
        // Unique local (with a cloud's metadata at fd00:ec2::254), link-local, site-local, multicast.
        [0xfc00..=0xfdff, ..] | [0xfe80..=0xfeff, ..] | [0xff00..=0xffff, ..] => true,
        _ => false,
    }
}

/// Returns the IPv4 address within a mapped, a translated (SIIT, NAT64) or a 6to4 address.
fn embedded_v4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let v4 = |high: u16, low: u16| {
        let [a, b] = high.to_be_bytes();
        let [c, d] = low.to_be_bytes();
        Ipv4Addr::new(a, b, c, d)
    };
    match address.segments() {
        [0, 0, 0, 0, 0, 0xffff, high, low]
        | [0, 0, 0, 0, 0xffff, 0, high, low]
        | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => Some(v4(high, low)),
        [0x2002, high, low, ..] => Some(v4(high, low)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns each address of the text, with true if it is internal.
    fn classified(text: &str) -> impl Iterator<Item = (&str, bool)> {
        let addresses = text.split_whitespace();
        addresses.map(|address| (address, is_internal(address.parse().unwrap())))
    }

    #[test]
    fn loopback_private_and_metadata_addresses_are_internal() {
        let addresses = "
            0.0.0.0 10.1.2.3 100.100.100.200 127.0.0.1 127.255.255.254 168.63.129.16
            169.254.169.254 169.254.170.2 172.16.0.1 172.31.255.255 192.0.0.8 192.168.1.1
            198.18.0.1 224.0.0.1 240.0.0.1 255.255.255.255
            :: ::1 ::127.0.0.1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:0:10.0.0.1
            64:ff9b::a9fe:a9fe 64:ff9b:1::1 100::1 2001:0:7f00:1::1 2001:db8::1 2002:7f00:1::1
            fc00::1 fd00:ec2::254 fe80::1 fec0::1 ff02::1
        ";
        assert_eq!(classified(addresses).count(), 33);
        for (address, is_internal) in classified(addresses) {
            assert!(is_internal, "{address}");
        }
    }

    #[test]
    fn addresses_of_the_public_internet_are_not_internal() {
        let addresses = "
            1.1.1.1 9.255.255.255 11.0.0.1 52.94.8.10 100.63.255.255 100.128.0.1 169.253.1.1
            172.15.255.255 172.32.0.1 192.169.0.1 223.255.255.255
            ::ffff:1.1.1.1 64:ff9b::101:101 2002:101:101::1 2600:1f18::1 2a05:d018::1
        ";
        assert_eq!(classified(addresses).count(), 16);
        for (address, is_internal) in classified(addresses) {
            assert!(!is_internal, "{address}");
        }
    }
}
