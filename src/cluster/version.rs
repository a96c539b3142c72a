//! `pve_version`: what the cluster runs.

use terraform_plugin::{Cx, DataSource, Error, Model};

use crate::ground::error::During;
use crate::ground::pve::Pve;

/// The version of Proxmox VE on the node that answers.
#[derive(Model, Clone, Debug, Default, PartialEq)]
#[model(name = "version", area = "Cluster")]
pub struct Version {
    /// Such as `9.2.11`.
    #[attr(computed)]
    pub version: Option<String>,
    /// Such as `9.2`.
    #[attr(computed)]
    pub release: Option<String>,
    /// Short hash of the build.
    #[attr(computed)]
    pub repoid: Option<String>,
}

impl DataSource<Pve> for Version {
    async fn read(cx: &Cx<Pve>, _config: Self) -> Result<Self, Error> {
        let found = cx.client.version().await.during("Cannot ask for the version")?;
        Ok(Self {
            version: Some(found.version.to_string()),
            release: Some(found.release.clone()),
            repoid: Some(found.repoid.clone()),
        })
    }
}
