//! Running, stopped, and the way between.

use std::time::Duration;

use super::Lxc;
use crate::api::qemu::power::{Shutdown, VmStatus};
use crate::{Area, Error, Request, Task};

impl Lxc<'_> {
    /// State of the container. `GET status/current`
    pub async fn status(&self) -> Result<VmStatus, Error> {
        self.client.call(self.request(Request::get, "status/current")).await
    }

    /// Starts it. Of a container in HA the task only hands in the request. `POST status/start`
    pub async fn start(&self) -> Result<Task, Error> {
        self.power(self.request(Request::post, "status/start")).await
    }

    /// Stops it like pulling the plug. Refused of one that does not run. `POST status/stop`
    pub async fn stop(&self) -> Result<Task, Error> {
        self.power(self.request(Request::post, "status/stop")).await
    }

    /// Has it end. Refused of one that does not run. `POST status/shutdown`
    pub async fn shutdown(&self, how: Shutdown) -> Result<Task, Error> {
        let request = self
            .request(Request::post, "status/shutdown")
            .opt("timeout", how.timeout.map(|time| time.as_secs()))
            .flag("forceStop", how.force_stop);
        self.power(request).await
    }

    /// Has it end, by force when the time is over, and starts it again within the same task, whereby pending changes come into
    /// force. `POST status/reboot`
    pub async fn reboot(&self, timeout: Option<Duration>) -> Result<Task, Error> {
        let request = self.request(Request::post, "status/reboot").opt("timeout", timeout.map(|time| time.as_secs()));
        self.power(request).await
    }

    async fn power(&self, request: Request) -> Result<Task, Error> {
        let areas = [Area::Guests, Area::GuestConfig(self.vmid), Area::Ha];
        self.client.write_task(self.lock(), &areas, request).await
    }
}
