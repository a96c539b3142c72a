//! What the guest agent in a VM says.

use serde::Deserialize;

use super::Qemu;
use crate::{Error, Request};

/// An interface as the guest sees it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct Interface {
    /// Its name in the guest.
    pub name: String,
    /// MAC address, usually in lower case.
    pub hardware_address: Option<String>,
    /// Its addresses, loopback and link-local ones included.
    pub ip_addresses: Vec<Address>,
}

/// An address of an interface.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct Address {
    /// The address, without a prefix.
    pub ip_address: String,
    /// `ipv4` or `ipv6`.
    pub ip_address_type: String,
}

/// What came back when the agent was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer<T> {
    /// The guest's answer.
    Told(T),
    /// The guest does not do what was asked: its own words.
    Refused(String),
}

/// PVE wraps whatever the guest said, errors as well, and calls both a success.
#[derive(Deserialize)]
struct Wrapped<T> {
    result: Result_<T>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Result_<T> {
    Error { error: GuestError },
    Told(T),
}

#[derive(Deserialize)]
struct GuestError {
    #[serde(default)]
    class: String,
    #[serde(default)]
    desc: String,
}

impl<T> From<Wrapped<T>> for Answer<T> {
    fn from(wrapped: Wrapped<T>) -> Self {
        match wrapped.result {
            Result_::Told(told) => Answer::Told(told),
            Result_::Error { error } if error.desc.is_empty() => Answer::Refused(error.class),
            Result_::Error { error } => Answer::Refused(error.desc),
        }
    }
}

impl Qemu<'_> {
    /// The guest's interfaces. PVE first waits three seconds for the agent, and refuses where it does not answer, is not
    /// configured, or the VM does not run. `GET agent/network-get-interfaces`
    pub async fn interfaces(&self) -> Result<Answer<Vec<Interface>>, Error> {
        let request = self.request(Request::get, "agent/network-get-interfaces");
        Ok(self.client.call::<Wrapped<Vec<Interface>>>(request).await?.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Answer<Vec<Interface>> {
        serde_json::from_str::<Wrapped<Vec<Interface>>>(text).unwrap().into()
    }

    #[test]
    fn errors_of_the_guest_come_as_answers() {
        let text =
            r#"{"result":{"error":{"class":"CommandNotFound","desc":"The command guest-x has not been found"}}}"#;
        assert_eq!(read(text), Answer::Refused("The command guest-x has not been found".to_owned()));
        assert_eq!(
            read(r#"{"result":{"error":{"class":"GenericError"}}}"#),
            Answer::Refused("GenericError".to_owned())
        );
    }

    #[test]
    fn interfaces_without_addresses_are_interfaces() {
        let text = r#"{"result":[{"name":"lo"},{"name":"eth0","hardware-address":"bc:24:11:00:00:01","ip-addresses":
            [{"ip-address":"192.0.2.5","ip-address-type":"ipv4","prefix":24}],"statistics":{"rx-bytes":1}}]}"#;
        let Answer::Told(all) = read(text) else { panic!() };
        assert_eq!((all[0].ip_addresses.len(), all[1].ip_addresses[0].ip_address.as_str()), (0, "192.0.2.5"));
    }
}
