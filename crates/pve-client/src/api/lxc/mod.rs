//! Containers.

pub mod config;
pub mod power;
pub mod roots;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;

use crate::api::params::Params;
use crate::api::qemu::PendingEntry;
use crate::size::Size;
use crate::{Area, Client, Error, Lock, Request, Task, wire};
use config::Config;

/// `/nodes/{node}/lxc/{vmid}`.
///
/// PVE knows a container only on the node that owns it now ([`crate::api::cluster::Cluster::guest`] says which); any other
/// answers that its configuration file does not exist.
#[derive(Clone, Copy)]
pub struct Lxc<'a> {
    client: &'a Client,
    node: &'a str,
    vmid: u32,
}

/// A network interface of a running container, as it is inside.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Interface {
    /// `eth0`, `lo`.
    pub name: String,
    /// Its MAC address.
    #[serde(default, rename = "hardware-address")]
    pub mac: Option<String>,
    /// Its addresses.
    #[serde(default, rename = "ip-addresses")]
    pub addresses: Vec<Address>,
}

/// An address of an interface.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Address {
    /// `inet` or `inet6`.
    #[serde(default, rename = "ip-address-type")]
    pub kind: String,
    /// The address.
    #[serde(rename = "ip-address")]
    pub address: String,
    /// How many of its bits are the network's.
    #[serde(default, deserialize_with = "wire::opt_number")]
    pub prefix: Option<u32>,
}

/// A clone that is to be made.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Clone {
    /// Its number.
    pub newid: u32,
    /// Its name.
    pub hostname: Option<String>,
    /// Whether volumes are copied; unset: unless it is a template's.
    pub full: Option<bool>,
    /// The storage that copies are put on.
    pub storage: Option<String>,
    /// The node that it is to belong to.
    pub target: Option<String>,
    /// The resource pool.
    pub pool: Option<String>,
}

impl<'a> Lxc<'a> {
    pub(super) fn new(client: &'a Client, node: &'a str, vmid: u32) -> Self {
        Self { client, node, vmid }
    }

    fn request(&self, make: fn(String) -> Request, rest: &str) -> Request {
        let separator = if rest.is_empty() { "" } else { "/" };
        make(format!("nodes/{}/lxc/{}{separator}{rest}", self.node, self.vmid)).node(self.node)
    }

    fn lock(&self) -> Lock {
        Lock::Vm(self.vmid)
    }

    fn areas(&self) -> [Area; 4] {
        [Area::Guests, Area::GuestConfig(self.vmid), Area::Content, Area::Ha]
    }

    /// The configuration as it will be after the next start (pending changes applied). `GET config`
    pub async fn config(&self) -> Result<Arc<Config>, Error> {
        self.client.shared(Area::GuestConfig(self.vmid), self.request(Request::get, "config")).await
    }

    /// The configuration the running container has. `GET config?current=1`
    pub async fn current_config(&self) -> Result<Arc<Config>, Error> {
        let request = self.request(Request::get, "config").flag("current", true);
        self.client.shared(Area::GuestConfig(self.vmid), request).await
    }

    /// Settings with what is still to be applied. `GET pending`
    pub async fn pending(&self) -> Result<Vec<PendingEntry>, Error> {
        self.client.call(self.request(Request::get, "pending")).await
    }

    /// Makes the container on this node. Its number is taken when the call answers (`lock: create`); if the task fails it is
    /// free again. `POST /nodes/{node}/lxc`
    pub async fn create(&self, params: &Params) -> Result<Task, Error> {
        let request = Request::post(format!("nodes/{}/lxc", self.node)).node(self.node).param("vmid", self.vmid);
        let request = if roots::roots(params, &BTreeMap::new()).is_empty() { request } else { request.root() };
        self.client.write_task(self.lock(), &self.areas(), params.onto(request)).await
    }

    /// Makes a clone of this container. Its number is taken when the call answers. `POST clone`
    pub async fn clone_to(&self, to: &Clone) -> Result<Task, Error> {
        let request = self
            .request(Request::post, "clone")
            .param("newid", to.newid)
            .opt("hostname", to.hostname.as_deref())
            .opt("full", to.full.map(wire::flag))
            .opt("storage", to.storage.as_deref())
            .opt("target", to.target.as_deref())
            .opt("pool", to.pool.as_deref());
        let areas = [Area::Guests, Area::GuestConfig(self.vmid), Area::GuestConfig(to.newid), Area::Content];
        // Whoever clones one container several times does so one after the other: PVE refuses the second meanwhile.
        self.client.write_task(self.lock(), &areas, request).await
    }

    /// Changes settings at once, all or none. What a running container cannot take stays pending. What root@pam alone may
    /// change, given what is there now, is sent as root@pam. `PUT config`
    pub async fn update(&self, params: &Params, live: &BTreeMap<String, String>) -> Result<(), Error> {
        let request = params.onto(self.request(Request::put, "config"));
        let request = if roots::roots(params, live).is_empty() { request } else { request.root() };
        let areas = [Area::GuestConfig(self.vmid), Area::Guests, Area::Content];
        self.client.write(self.lock(), &areas, request).await
    }

    /// Destroys the container with all volumes that its configuration names. It has to be stopped. `DELETE`
    pub async fn delete(&self, purge: bool) -> Result<Task, Error> {
        let request = self.request(Request::delete, "").flag("purge", purge);
        self.client.write_task(self.lock(), &self.areas(), request).await
    }

    /// Makes the container a template. The answer is nothing: a task `vztemplate` works on it, outside of the container's lock.
    /// `POST template`
    pub async fn to_template(&self) -> Result<(), Error> {
        let areas = [Area::GuestConfig(self.vmid), Area::Guests, Area::Content];
        self.client.write(self.lock(), &areas, self.request(Request::post, "template")).await
    }

    /// Grows a volume to a size. PVE cannot shrink one, and refuses an equal size. `PUT resize`
    pub async fn resize(&self, mount: &str, size: Size) -> Result<Task, Error> {
        let request = self.request(Request::put, "resize").param("disk", mount).param("size", size.bytes());
        let areas = [Area::GuestConfig(self.vmid), Area::Content];
        self.client.write_task(self.lock(), &areas, request).await
    }

    /// Copies a volume of a stopped container to another storage. Without `delete` the old one stays as `unusedN`.
    /// `POST move_volume`
    pub async fn move_volume(&self, mount: &str, storage: &str, delete: bool) -> Result<Task, Error> {
        let request = self
            .request(Request::post, "move_volume")
            .param("volume", mount)
            .param("storage", storage)
            .flag("delete", delete);
        let areas = [Area::GuestConfig(self.vmid), Area::Content];
        self.client.write_task(self.lock(), &areas, request).await
    }

    /// Brings the container to another node; one that runs is ended here and started there. Of a container in HA the task
    /// only hands in the request. `POST migrate`
    pub async fn migrate(&self, target: &str) -> Result<Task, Error> {
        let request = self.request(Request::post, "migrate").param("target", target).flag("restart", true);
        self.client.write_task(self.lock(), &self.areas(), request).await
    }

    /// Its network interfaces as they are inside; none while it does not run. `GET interfaces`
    pub async fn interfaces(&self) -> Result<Vec<Interface>, Error> {
        let found: Option<Vec<Interface>> = self.client.call(self.request(Request::get, "interfaces")).await?;
        Ok(found.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_interfaces() {
        let answer = r#"[{"name":"eth0","hwaddr":"bc:24:11:00:00:01","hardware-address":"bc:24:11:00:00:01","inet":"192.0.2.5/24",
            "ip-addresses":[{"ip-address-type":"inet","ip-address":"192.0.2.5","prefix":"24"}]}]"#;
        let found: Vec<Interface> = serde_json::from_str(answer).unwrap();
        assert_eq!((found[0].addresses[0].address.as_str(), found[0].addresses[0].prefix), ("192.0.2.5", Some(24)));
    }
}
