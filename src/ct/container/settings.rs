//! The whole of a `pve_container`'s mapping to and from PVE.

use pve_client::api::lxc::config::Config;
use pve_client::api::params::Params;
use terraform_plugin::Path;

use super::options::Options;
use super::{Container, Placement, env, mounts};
use crate::guest;

impl Container {
    /// The container as it is. `asked` is what the state or the plan says: where that means the same as what is there, it
    /// stands.
    pub(super) fn from_live(vmid: u32, node: &str, config: &Config, started: bool, asked: Option<&Self>) -> Self {
        let settings = &config.settings;
        let environment = settings.get("env").map(|text| env::read(text));
        let unprivileged = settings.get("unprivileged").is_some_and(|flag| flag == "1");
        let pinned = asked.is_some_and(|asked| asked.placement == Placement::Pinned);
        let its_node = asked.and_then(|asked| asked.node.clone()).filter(|_| !pinned);
        let mut options: Options = guest::read(settings, asked.map(|asked| &asked.options));
        options.networks.get_or_insert_default();
        options.devices.get_or_insert_default();
        options.tags.get_or_insert_default();
        Self {
            vmid: Some(vmid),
            node: Some(its_node.unwrap_or_else(|| node.to_owned())),
            unprivileged: Some(unprivileged),
            rootfs: mounts::root_from_live(config, asked.and_then(|asked| asked.rootfs.as_ref())),
            mount_points: mounts::from_live(config, asked.and_then(|asked| asked.mount_points.as_ref())),
            options,
            env: Some(environment.unwrap_or_default()),
            started: Some(started),
            ready: true,
            // What PVE is never told, or told once.
            placement: asked.map(|asked| asked.placement).unwrap_or_default(),
            pool: asked.and_then(|asked| asked.pool.clone()),
            template_file: asked.and_then(|asked| asked.template_file.clone()),
            clone: asked.and_then(|asked| asked.clone.clone()),
            restore: asked.and_then(|asked| asked.restore.clone()),
            password: None,
            password_version: asked.and_then(|asked| asked.password_version),
            ssh_keys: asked.and_then(|asked| asked.ssh_keys.clone()),
            reboot: asked.map(|asked| asked.reboot).unwrap_or_default(),
            allow_destroy: asked.is_some_and(|asked| asked.allow_destroy),
            timeouts: asked.map(|asked| asked.timeouts.clone()).unwrap_or_default(),
        }
    }

    /// What PVE is to be told so that `live` (nothing: a container to be made) becomes what is wanted.
    pub(super) fn params(&self, prior: Option<&Self>, live: Option<&Config>) -> Params {
        let settings = live.map(|live| &live.settings);
        let params = guest::params(&self.options, prior.map(|prior| &prior.options), settings, Params::new());
        let params = mounts::params(self, prior, live, params);
        let params = match (&self.unprivileged, live) {
            (Some(unprivileged), None) => params.flag("unprivileged", *unprivileged),
            _ => params,
        };
        let text = settings.and_then(|settings| settings.get("env"));
        match &self.env {
            Some(wanted) if wanted.is_empty() && text.is_some() => params.remove("env"),
            Some(wanted) if !wanted.is_empty() && text.map(|text| env::read(text)).as_ref() != Some(wanted) => {
                params.set("env", env::print(wanted))
            }
            _ => params,
        }
    }

    /// Whether everything that this one says is so in `live`.
    pub(super) fn agrees_with(&self, live: &Config, started: bool) -> bool {
        self.params(None, Some(live)).is_empty()
            && self.started.is_none_or(|wanted| wanted == started)
            && mounts::to_grow(self, live).is_empty()
    }
}

/// The attribute that a parameter of PVE belongs to.
pub fn attribute(parameter: &str) -> Option<Path> {
    let own = ["rootfs", "env", "vmid", "pool", "unprivileged", "password"];
    match parameter {
        "ostemplate" => Some(Path::attr("template_file")),
        "ssh-public-keys" => Some(Path::attr("ssh_keys")),
        "storage" => Some(Path::attr("rootfs").at("storage")),
        _ if own.contains(&parameter) => Some(Path::attr(parameter)),
        _ if guest::number(parameter, "mp").is_some() => Some(Path::attr("mount_points").key(parameter)),
        _ => guest::attribute::<Options>(parameter),
    }
}
