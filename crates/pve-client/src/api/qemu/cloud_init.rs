//! Cloud-init values that are more than a text: `ipconfig0`, `sshkeys`.

use std::fmt;
use std::str::FromStr;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use crate::property_string::{BadPropertyString, PropertyString};

/// `ipconfigN`: the addresses of `netN`. Each is kept as PVE has it: `dhcp`, `auto` (IPv6 only), or a CIDR.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct IpConfig {
    /// IPv4: `dhcp` or `192.0.2.5/24`.
    pub ip: Option<String>,
    /// IPv4 gateway.
    pub gateway: Option<String>,
    /// IPv6: `dhcp`, `auto` or a CIDR.
    pub ip6: Option<String>,
    /// IPv6 gateway.
    pub gateway6: Option<String>,
}

impl FromStr for IpConfig {
    type Err = BadPropertyString;

    fn from_str(text: &str) -> Result<Self, BadPropertyString> {
        let mut string: PropertyString = text.parse()?;
        let parsed = Self {
            ip: string.take("ip"),
            gateway: string.take("gw"),
            ip6: string.take("ip6"),
            gateway6: string.take("gw6"),
        };
        match string
            .take_default()
            .map(|value| ("value".to_owned(), value))
            .or_else(|| string.into_items().into_iter().next())
        {
            Some((key, value)) => Err(BadPropertyString::Value { key, value }),
            None => Ok(parsed),
        }
    }
}

impl fmt::Display for IpConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        PropertyString::new()
            .set_opt("ip", self.ip.as_ref())
            .set_opt("gw", self.gateway.as_ref())
            .set_opt("ip6", self.ip6.as_ref())
            .set_opt("gw6", self.gateway6.as_ref())
            .fmt(f)
    }
}

/// What stays as it is within `sshkeys`; the same set as JavaScript's `encodeURIComponent`, which PVE's web interface uses.
const KEPT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// SSH public keys, one a line, as PVE wants them in `sshkeys`: percent-encoded inside the value.
pub fn encode_ssh_keys(keys: &str) -> String {
    utf8_percent_encode(keys.trim(), KEPT).to_string()
}

/// The keys back from `sshkeys`, which PVE returns percent-encoded.
pub fn decode_ssh_keys(value: &str) -> String {
    percent_decode_str(value).decode_utf8_lossy().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ip_configs_read_and_print() {
        let config: IpConfig = "gw=192.0.2.1,ip=192.0.2.5/24,ip6=auto".parse().unwrap();
        assert_eq!(config.gateway.as_deref(), Some("192.0.2.1"));
        assert_eq!(config.to_string(), "gw=192.0.2.1,ip=192.0.2.5/24,ip6=auto");
        assert!("dhcp".parse::<IpConfig>().is_err());
        assert!("ip=dhcp,dns=1".parse::<IpConfig>().is_err());
    }

    #[test]
    fn keys_are_encoded_inside_the_value() {
        let keys = "ssh-ed25519 AAAA+/= me@home\nssh-rsa BBBB x";
        let encoded = encode_ssh_keys(keys);
        assert_eq!(encoded, "ssh-ed25519%20AAAA%2B%2F%3D%20me%40home%0Assh-rsa%20BBBB%20x");
        assert_eq!(decode_ssh_keys(&encoded), keys);
    }
}
