//! Which addresses may be called. Asked after the name is resolved and for the very address that is connected to,
//! so that a name that changes its mind between two look-ups gains nothing.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Why `address` may not be called, if so. Cloud metadata services live on link-local addresses: never allowed.
pub fn forbidden(address: IpAddr, private_network: bool) -> Option<&'static str> {
    let address = embedded_v4(address).map_or(address, IpAddr::V4);
    match kind(address) {
        Kind::Public => None,
        Kind::Private if private_network => None,
        Kind::Private => Some("it is a loopback or private address, and this provider is not allowed to use one"),
        Kind::Never => Some("it is a link-local, multicast or reserved address"),
    }
}

enum Kind {
    Public,
    Private,
    Never,
}

fn kind(address: IpAddr) -> Kind {
    match address {
        IpAddr::V4(v4) => kind_v4(v4),
        IpAddr::V6(v6) => kind_v6(v6),
    }
}

/// The blocks of RFC 6890.
fn kind_v4(address: Ipv4Addr) -> Kind {
    /// Metadata services that are not link-local: one among shared addresses, one that looks public.
    const METADATA: [Ipv4Addr; 2] = [Ipv4Addr::new(100, 100, 100, 200), Ipv4Addr::new(168, 63, 129, 16)];
    if METADATA.contains(&address) {
        return Kind::Never;
    }
    let [a, b, c, _] = address.octets();
    match (a, b, c) {
        (127 | 10, _, _) | (172, 16..=31, _) | (192, 168, _) | (100, 64..=127, _) => Kind::Private,
        (0 | 224..=255, _, _)
        | (169, 254, _)
        | (192, 0, 0 | 2)
        | (192, 88, 99)
        | (198, 18..=19, _)
        | (198, 51, 100)
        | (203, 0, 113) => Kind::Never,
        _ => Kind::Public,
    }
}

fn kind_v6(address: Ipv6Addr) -> Kind {
    if address == Ipv6Addr::LOCALHOST {
        return Kind::Private;
    }
    match (address.segments()[0], address.segments()[1]) {
        // Clouds' services for their own machines, metadata among them, within the unique local addresses;
        (0xfd00, 0xec2) | (0xfd20, 0xce)
        // NAT64 within one network (RFC 8215), documentation, special purposes (RFC 2928, with Teredo);
        | (0x64, 0xff9b) | (0x2001, 0xdb8 | 0x0..=0x1ff) | (0x3fff, 0x0..=0xfff)
        // unspecified, discarded, segment routing, link-local, site-local, multicast.
        | (0 | 0x100 | 0x5f00 | 0xfe80..=0xffff, _) => Kind::Never,
        (0xfc00..=0xfdff, _) => Kind::Private,
        _ => Kind::Public,
    }
}

/// The IPv4 address inside a mapped, translated (RFC 7915), compatible, NAT64 (RFC 6052) or 6to4 (RFC 3056) address.
fn embedded_v4(address: IpAddr) -> Option<Ipv4Addr> {
    let IpAddr::V6(v6) = address else {
        return None;
    };
    let [s0, s1, s2, s3, s4, s5, s6, s7] = v6.segments();
    let v4 = |high: u16, low: u16| {
        let [a, b] = high.to_be_bytes();
        let [c, d] = low.to_be_bytes();
        Some(Ipv4Addr::new(a, b, c, d))
    };
    match (s0, s1, s2, s3, s4, s5) {
        (0, 0, 0, 0, 0, 0xffff) | (0, 0, 0, 0, 0xffff, 0) | (0x64, 0xff9b, 0, 0, 0, 0) => v4(s6, s7),
        (0, 0, 0, 0, 0, 0) if s6 != 0 => v4(s6, s7),
        (0x2002, ..) => v4(s1, s2),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `tests/unit/catalog/test_addresses.py` holds the control plane to the same list.
    const ADDRESSES: &str = include_str!("../../tests/golden/addresses.txt");

    fn of_kind(kind: &str) -> Vec<IpAddr> {
        let lines = ADDRESSES.lines().filter(|line| !line.starts_with('#'));
        let words = lines.filter_map(|line| line.split_once(' '));
        let found: Vec<_> = words
            .filter(|(named, _)| *named == kind)
            .map(|(_, address)| address.trim().parse().unwrap())
            .collect();
        assert!(!found.is_empty(), "no {kind} addresses");
        found
    }

    #[test]
    fn private_addresses_need_leave() {
        for address in of_kind("private") {
            assert!(forbidden(address, false).is_some(), "{address}");
            assert!(forbidden(address, true).is_none(), "{address}");
        }
    }

    #[test]
    fn metadata_services_and_what_is_no_host_are_never_called() {
        for address in of_kind("never") {
            assert!(forbidden(address, true).is_some(), "{address}");
        }
    }

    #[test]
    fn public_addresses_pass() {
        for address in of_kind("public") {
            assert!(forbidden(address, false).is_none(), "{address}");
        }
    }
}
