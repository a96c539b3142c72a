//! `pve_appliance_templates`: PVE's index of container templates.

use std::collections::BTreeMap;

use pve_client::api::content::Appliance;
use terraform_plugin::{Cx, DataSource, Error, Model, Need, Nested};

use super::place::{self, At};
use crate::ground::error::{During, Problem};
use crate::ground::pve::Pve;

/// The container templates of the index that PVE keeps, as `pveam available` shows them.
///
/// A node fetches its index once a day; `pveam update` there does so at once. One that never did tells of none.
#[derive(Model, Clone, Debug, Default, PartialEq)]
#[model(name = "appliance_templates", area = "Storage")]
pub struct ApplianceTemplates {
    /// The node that is asked; any that is online if left out.
    #[attr(optional, length = 1..)]
    pub node: Option<String>,
    /// Only those of this section, such as `system` or `turnkeylinux`.
    #[attr(optional, length = 1..)]
    pub section: Option<String>,
    /// The templates, by what `pve_appliance_template` calls them.
    #[attr(computed)]
    pub templates: Option<BTreeMap<String, Template>>,
}

/// A template.
#[derive(Nested, Clone, Debug, Default, PartialEq)]
pub struct Template {
    /// Its package, without the version: `debian-13-standard`.
    #[attr(computed)]
    pub package: Option<String>,
    /// Its version.
    #[attr(computed)]
    pub version: Option<String>,
    /// What it is, in PVE's words: `debian-13`.
    #[attr(computed)]
    pub os: Option<String>,
    /// Its section.
    #[attr(computed)]
    pub section: Option<String>,
    /// The processors that it is for.
    #[attr(computed)]
    pub architecture: Option<String>,
    /// One line about it.
    #[attr(computed)]
    pub headline: Option<String>,
}

impl From<&Appliance> for Template {
    fn from(of: &Appliance) -> Self {
        let Appliance { package, version, os, section, architecture, headline, .. } = of.clone();
        Self { package, version, os, section, architecture, headline }
    }
}

impl DataSource<Pve> for ApplianceTemplates {
    fn needs() -> Vec<Need> {
        Vec::new()
    }

    async fn read(cx: &Cx<Pve>, config: Self) -> Result<Self, Error> {
        let anywhere = At::new(config.node.as_deref(), "", "", "");
        let node = place::carrier(cx, &anywhere).await?;
        let index = cx
            .client
            .node_storage(&node)
            .appliances()
            .await
            .during(format!("Cannot read the index of templates on {node}"));
        let index = index.map_err(Problem::node_at_fault)?;
        let wanted = index.iter().filter(|one| config.section.is_none() || one.section == config.section);
        let templates = wanted.map(|one| (one.template.clone(), Template::from(one))).collect();
        Ok(Self { templates: Some(templates), ..config })
    }
}
