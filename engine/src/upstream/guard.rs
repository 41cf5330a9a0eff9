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
    let [a, b, c, _] = address.octets();
    match (a, b, c) {
        (127 | 10, _, _) | (172, 16..=31, _) | (192, 168, _) | (100, 64..=127, _) => Kind::Private,
        (0 | 224..=255, _, _)
        | (169, 254, _)
        | (192, 0, 0 | 2)
        | (198, 18..=19, _)
        | (198, 51, 100)
        | (203, 0, 113) => Kind::Never,
        _ => Kind::Public,
    }
}

fn kind_v6(address: Ipv6Addr) -> Kind {
    /// The metadata service of one cloud has a unique local address.
    const METADATA: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254);
    let first = address.segments()[0];
    if address == Ipv6Addr::LOCALHOST {
        return Kind::Private;
    }
    if address == METADATA || address.is_unspecified() {
        return Kind::Never;
    }
    match first {
        0xfc00..=0xfdff => Kind::Private,
        0xfe80..=0xffff | 0x0100 => Kind::Never,
        0x2001 if address.segments()[1] == 0xdb8 => Kind::Never,
        _ => Kind::Public,
    }
}

/// The IPv4 address inside a mapped, compatible, NAT64 (RFC 6052) or 6to4 (RFC 3056) address.
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
        (0, 0, 0, 0, 0, 0xffff) | (0x64, 0xff9b, 0, 0, 0, 0) => v4(s6, s7),
        (0, 0, 0, 0, 0, 0) if s6 != 0 => v4(s6, s7),
        (0x2002, ..) => v4(s1, s2),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_forbidden(text: &str, private: bool) -> bool {
        forbidden(text.parse().unwrap(), private).is_some()
    }

    #[test]
    fn private_addresses_need_leave() {
        for address in [
            "127.0.0.1",
            "10.1.2.3",
            "192.168.0.1",
            "172.31.0.1",
            "::1",
            "fd12::1",
            "::ffff:10.0.0.1",
            "2002:7f00:1::",
            "64:ff9b::7f00:1",
        ] {
            assert!(is_forbidden(address, false), "{address}");
            assert!(!is_forbidden(address, true), "{address}");
        }
    }

    #[test]
    fn metadata_services_are_never_called() {
        for address in [
            "169.254.169.254",
            "fe80::1",
            "fd00:ec2::254",
            "0.0.0.0",
            "::",
            "::ffff:169.254.169.254",
            "224.0.0.1",
        ] {
            assert!(is_forbidden(address, true), "{address}");
        }
    }

    #[test]
    fn public_addresses_pass() {
        for address in ["1.1.1.1", "172.32.0.1", "2606:4700::1111", "::ffff:8.8.8.8"] {
            assert!(!is_forbidden(address, false), "{address}");
        }
    }
}
