//! Where a request comes from: its peer, or, behind proxies that are believed, the last hop that is none of theirs.

use std::net::{IpAddr, SocketAddr};

use http::{HeaderMap, HeaderName};

use super::Peer;
use crate::auth::Network;

pub const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
pub const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// Each proxy appends the address that it was called from, so the list is read from its end, as long as who wrote an
/// entry is believed. What cannot be read leaves the nearest hop that could be.
pub fn address(peer: Peer, headers: &HeaderMap, trusted: &[Network]) -> IpAddr {
    let mut nearest = peer.address.to_canonical();
    if !is_trusted(nearest, trusted) {
        return nearest;
    }
    for value in headers.get_all(FORWARDED_FOR).iter().rev() {
        let Ok(text) = value.to_str() else {
            return nearest;
        };
        for hop in text.rsplit(',') {
            let Some(address) = read(hop.trim()) else {
                return nearest;
            };
            nearest = address;
            if !is_trusted(nearest, trusted) {
                return nearest;
            }
        }
    }
    nearest
}

/// Whether the client speaks TLS, as it knows it: to us, or to a proxy that is believed.
pub fn is_https(peer: Peer, headers: &HeaderMap, trusted: &[Network]) -> bool {
    match headers.get(FORWARDED_PROTO) {
        Some(protocol) if is_trusted(peer.address, trusted) => protocol.as_bytes().eq_ignore_ascii_case(b"https"),
        _ => peer.is_tls,
    }
}

fn is_trusted(address: IpAddr, trusted: &[Network]) -> bool {
    trusted.iter().any(|network| network.contains(address))
}

/// An address, with or without brackets and a port: proxies differ.
fn read(hop: &str) -> Option<IpAddr> {
    let bare = hop.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    bare.unwrap_or(hop)
        .parse()
        .ok()
        .or_else(|| hop.parse::<SocketAddr>().ok().map(|socket| socket.ip()))
        .map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(peer: &str, hops: &[&str], trusted: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for hop in hops {
            headers.append(FORWARDED_FOR, hop.parse().unwrap());
        }
        let trusted: Vec<Network> = trusted.iter().map(|network| network.parse().unwrap()).collect();
        let peer = Peer {
            address: peer.parse().unwrap(),
            is_tls: false,
        };
        address(peer, &headers, &trusted).to_string()
    }

    #[test]
    fn nobody_is_believed_unless_said_so() {
        assert_eq!(seen("203.0.113.7", &["10.0.0.1"], &[]), "203.0.113.7");
        assert_eq!(seen("203.0.113.7", &["10.0.0.1"], &["10.0.0.0/8"]), "203.0.113.7");
    }

    #[test]
    fn a_believed_proxy_tells_its_caller() {
        assert_eq!(
            seen("10.0.0.1", &["198.51.100.1, 203.0.113.7"], &["10.0.0.0/8"]),
            "203.0.113.7"
        );
        assert_eq!(
            seen("10.0.0.1", &["198.51.100.1", "203.0.113.7"], &["10.0.0.0/8"]),
            "203.0.113.7"
        );
        assert_eq!(
            seen("::ffff:10.0.0.1", &["2001:db8::7"], &["10.0.0.0/8"]),
            "2001:db8::7"
        );
    }

    #[test]
    fn a_chain_of_believed_proxies_is_followed_to_its_end() {
        let hops = ["198.51.100.1, 203.0.113.7, 10.0.0.9"];
        assert_eq!(seen("10.0.0.1", &hops, &["10.0.0.0/8"]), "203.0.113.7");
        assert_eq!(seen("10.0.0.1", &["10.0.0.2, 10.0.0.3"], &["10.0.0.0/8"]), "10.0.0.2");
        assert_eq!(seen("10.0.0.1", &[], &["10.0.0.0/8"]), "10.0.0.1");
    }

    #[test]
    fn what_a_caller_invents_before_the_proxy_changes_nothing() {
        let invented = ["10.0.0.5, nonsense, 203.0.113.7"];
        assert_eq!(seen("10.0.0.1", &invented, &["10.0.0.0/8"]), "203.0.113.7");
        assert_eq!(
            seen("10.0.0.1", &["198.51.100.1, unknown"], &["10.0.0.0/8"]),
            "10.0.0.1"
        );
    }

    #[test]
    fn the_protocol_is_that_of_a_believed_proxy_or_our_own() {
        let mut headers = HeaderMap::new();
        headers.insert(FORWARDED_PROTO, "https".parse().unwrap());
        let peer = |is_tls| Peer {
            address: "10.0.0.1".parse().unwrap(),
            is_tls,
        };
        let trusted = ["10.0.0.0/8".parse().unwrap()];
        assert!(is_https(peer(false), &headers, &trusted));
        assert!(!is_https(peer(false), &headers, &[]));
        assert!(is_https(peer(true), &HeaderMap::new(), &trusted));
        headers.insert(FORWARDED_PROTO, "http".parse().unwrap());
        assert!(!is_https(peer(true), &headers, &trusted));
    }

    #[test]
    fn ports_and_brackets_are_read() {
        assert_eq!(seen("10.0.0.1", &["203.0.113.7:5511"], &["10.0.0.0/8"]), "203.0.113.7");
        assert_eq!(
            seen("10.0.0.1", &["[2001:db8::7]:5511"], &["10.0.0.0/8"]),
            "2001:db8::7"
        );
        assert_eq!(seen("10.0.0.1", &["[2001:db8::7]"], &["10.0.0.0/8"]), "2001:db8::7");
    }
}
