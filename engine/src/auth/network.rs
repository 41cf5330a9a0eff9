//! Networks in CIDR notation (RFC 4632, RFC 4291 §2.3): where a key may be used from, and which proxies are believed.

use std::net::IpAddr;
use std::str::FromStr;

use serde::{Deserialize, Deserializer};

/// Addresses that share their first bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Network {
    V4 { base: u32, mask: u32 },
    V6 { base: u128, mask: u128 },
}

impl Network {
    /// An IPv4 caller that a listener for both protocols sees as a mapped address is an IPv4 caller.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self, address.to_canonical()) {
            (Self::V4 { base, mask }, IpAddr::V4(v4)) => u32::from(v4) & mask == *base,
            (Self::V6 { base, mask }, IpAddr::V6(v6)) => u128::from(v6) & mask == *base,
            _ => false,
        }
    }
}

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("'{text}' is no network; write an address and its prefix, such as 10.0.0.0/8");
        let (address, prefix) = text.split_once('/').ok_or_else(wrong)?;
        let prefix: u32 = prefix.parse().map_err(|_| wrong())?;
        match address.parse().map_err(|_| wrong())? {
            IpAddr::V4(v4) if prefix <= u32::BITS => {
                let mask = u32::MAX.checked_shl(u32::BITS - prefix).unwrap_or(0);
                Ok(Self::V4 {
                    base: u32::from(v4) & mask,
                    mask,
                })
            }
            IpAddr::V6(v6) if prefix <= u128::BITS => {
                let mask = u128::MAX.checked_shl(u128::BITS - prefix).unwrap_or(0);
                Ok(Self::V6 {
                    base: u128::from(v6) & mask,
                    mask,
                })
            }
            _ => Err(wrong()),
        }
    }
}

impl<'de> Deserialize<'de> for Network {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(network: &str, address: &str) -> bool {
        network.parse::<Network>().unwrap().contains(address.parse().unwrap())
    }

    #[test]
    fn an_address_is_in_its_network_alone() {
        for (network, inside, outside) in [
            ("10.0.0.0/8", "10.255.255.255", "11.0.0.0"),
            ("203.0.113.7/32", "203.0.113.7", "203.0.113.6"),
            ("192.168.4.0/22", "192.168.7.255", "192.168.8.0"),
            ("2001:db8::/32", "2001:db8:ffff::1", "2001:db9::"),
            ("::1/128", "::1", "::2"),
        ] {
            assert!(holds(network, inside), "{inside} in {network}");
            assert!(!holds(network, outside), "{outside} in {network}");
        }
    }

    #[test]
    fn an_empty_prefix_holds_every_address_of_its_protocol() {
        assert!(holds("0.0.0.0/0", "255.255.255.255") && !holds("0.0.0.0/0", "2001:db8::1"));
        assert!(holds("::/0", "2001:db8::1") && !holds("::/0", "10.0.0.1"));
    }

    #[test]
    fn a_mapped_address_is_an_ipv4_address() {
        assert!(holds("10.0.0.0/8", "::ffff:10.1.2.3"));
        assert!(!holds("::ffff:0:0/96", "::ffff:10.1.2.3"));
    }

    #[test]
    fn what_is_no_network_is_named() {
        for text in [
            "",
            "10.0.0.0",
            "10.0.0.0/33",
            "::/129",
            "10.0.0.0/-1",
            "10.0.0/8",
            "host/8",
            "10.0.0.0/8/8",
        ] {
            assert!(text.parse::<Network>().unwrap_err().contains(text), "{text}");
        }
    }
}
