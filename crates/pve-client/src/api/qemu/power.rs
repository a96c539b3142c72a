//! Running, stopped, and the way between.

use std::time::Duration;

use serde::Deserialize;

use super::Qemu;
use crate::{Area, Error, Request, Task, wire};

/// `GET status/current`. Live.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct VmStatus {
    /// `running`, `stopped`.
    pub status: String,
    /// `running`, `paused`, `prelaunch`, `suspended` ...
    #[serde(default)]
    pub qmpstatus: Option<String>,
    /// Its name.
    #[serde(default)]
    pub name: Option<String>,
    /// `backup`, `create`, `migrate` ... while something works on it. A disk move shows nothing.
    #[serde(default)]
    pub lock: Option<String>,
    /// HA's part in it.
    #[serde(default)]
    pub ha: HaPart,
    /// Seconds since it was started.
    #[serde(default, deserialize_with = "wire::number")]
    pub uptime: u64,
    /// The process of a running VM.
    #[serde(default, deserialize_with = "wire::opt_number")]
    pub pid: Option<u32>,
    /// The machine version it was started with.
    #[serde(default, rename = "running-machine")]
    pub running_machine: Option<String>,
    /// Whether it is a template.
    #[serde(default, deserialize_with = "wire::boolean")]
    pub template: bool,
}

/// HA's part in a guest.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct HaPart {
    /// Whether there is an HA resource for it.
    #[serde(deserialize_with = "wire::boolean")]
    pub managed: bool,
    /// The HA manager's state for it.
    pub state: Option<String>,
}

impl VmStatus {
    /// Whether it runs (also if paused).
    pub fn is_running(&self) -> bool {
        self.status == "running"
    }
}

/// How to shut a guest down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Shutdown {
    /// How long the guest may take.
    pub timeout: Option<Duration>,
    /// Stops it hard when the time is over.
    pub force_stop: bool,
}

impl Qemu<'_> {
    /// State of the VM. `GET status/current`
    pub async fn status(&self) -> Result<VmStatus, Error> {
        self.client.call(self.request(Request::get, "status/current")).await
    }

    /// Starts it. Of a VM in HA the task only hands in the request. `POST status/start`
    pub async fn start(&self) -> Result<Task, Error> {
        self.power(self.request(Request::post, "status/start")).await
    }

    /// Stops it like pulling the plug. Of a VM in HA the task only hands in the request. `POST status/stop`
    pub async fn stop(&self) -> Result<Task, Error> {
        self.power(self.request(Request::post, "status/stop")).await
    }

    /// Asks the guest to shut down. Of a VM in HA the task only hands in the request, and the stop is always forced in the
    /// end. `POST status/shutdown`
    pub async fn shutdown(&self, how: Shutdown) -> Result<Task, Error> {
        let request = self
            .request(Request::post, "status/shutdown")
            .opt("timeout", how.timeout.map(|time| time.as_secs()))
            .flag("forceStop", how.force_stop);
        self.power(request).await
    }

    /// Has the guest shut down and started again, whereby pending changes come into force; `timeout` is how long it may take to
    /// shut down. The task ends when it is down: PVE starts it afterwards. HA is not asked. `POST status/reboot`
    pub async fn reboot(&self, timeout: Option<Duration>) -> Result<Task, Error> {
        let request = self.request(Request::post, "status/reboot").opt("timeout", timeout.map(|time| time.as_secs()));
        self.power(request).await
    }

    async fn power(&self, request: Request) -> Result<Task, Error> {
        // A start may write to the configuration (cloud-init), and HA's state changes with it.
        let areas = [Area::Guests, Area::GuestConfig(self.vmid), Area::Ha];
        self.client.write_task(self.lock(), &areas, request).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_recorded_status() {
        let answer = r#"{"disk":0,"mem":0,"cpu":0,"vmid":110,"name":"ha110","clipboard":null,"pressureiosome":0,"status":"running","qmpstatus":"running",
            "uptime":17,"maxdisk":1073741824,"pid":7505,"cpus":1,"ha":{"state":"started","managed":1},"maxmem":33554432}"#;
        let status: VmStatus = serde_json::from_str(answer).unwrap();
        assert!(status.is_running() && status.ha.managed);
        assert_eq!((status.ha.state.as_deref(), status.pid, status.uptime), (Some("started"), Some(7505), 17));
        let stopped: VmStatus = serde_json::from_str(r#"{"status":"stopped","ha":{"managed":0}}"#).unwrap();
        assert!(!stopped.is_running() && !stopped.ha.managed);
    }
}
