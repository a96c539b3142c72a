//! `pve_mapping_dir`: a name for folders of nodes.

use std::collections::BTreeMap;

use pve_client::Area;
use terraform_plugin::{Cx, Error, Findings, Model, Nested, Path, Say, Timeouts};

use crate::ground::pve::Pve;
use crate::ground::texts;
use crate::section::{Family, Right, Section, Sight, nodes, plain};

use super::{MAPPING, SEE, in_use, write};

/// The part of a virtual machine's setting that names one.
pub const KEY: &str = "dirid";

/// A name for folders of the nodes, by which virtual machines share one with their node through virtiofs.
///
/// PVE demands that the folder is there on the node that answers the provider, if it is among them; those of other nodes it
/// does not look at. It may be removed while virtual machines name it, who do not start then; destroying it here is refused
/// as long as one does that can be seen.
#[derive(Model, Clone, Debug, Default, PartialEq)]
#[model(name = "mapping_dir", area = "Mappings", key(id))]
pub struct MappingDir {
    /// Its id.
    #[attr(required, replace, regex = texts::CONFIGURATION_ID, says = texts::CONFIGURATION_ID_SAYS)]
    pub id: String,
    /// The folders, one of each node at most.
    #[attr(required, repeated, length = 1..)]
    pub map: Vec<Folder>,
    /// A note.
    #[attr(optional, length = 1..=4096, check = texts::one_tidy_line)]
    pub description: Option<String>,
    /// How long operations may take.
    #[attr(timeouts(create = "5m", update = "5m", delete = "5m"))]
    pub timeouts: Timeouts,
}

/// A folder of a node.
#[derive(Nested, Clone, Debug, Default, PartialEq)]
pub struct Folder {
    /// The node.
    #[attr(required, check = texts::one_word)]
    pub node: String,
    /// The folder: `/srv/share`.
    #[attr(required, regex = "^/[^;,=()]+$", says = "a path that begins with `/`, without `;`, `,`, `=`, `(`, `)`", check = texts::one_tidy_line)]
    pub path: String,
}

impl Section for MappingDir {
    const FAMILY: Family = Family {
        path: "cluster/mapping/dir",
        file: "mapping/directory.cfg",
        area: Area::File("mapping/directory.cfg"),
        write: write("/mapping/dir"),
        also: &[write("/mapping/dir/{id}")],
        removal: Some(write("/mapping/dir")),
        sight: Sight::With(Right { path: "/mapping/dir/{id}", any: SEE }),
        blames: &[("Path ", "map")],
        ..MAPPING
    };

    fn validate(config: &MappingDirPlan, say: &mut Say<Self>) {
        let mut seen = BTreeMap::new();
        for (n, folder) in config.map.known().into_iter().flatten().enumerate() {
            let Some(node) = folder.known().and_then(|folder| folder.node.text()) else { continue };
            if let Some(first) = seen.insert(node.to_owned(), n) {
                say.error(
                    Path::attr("map").index(n).at("node"),
                    "A node has one folder of a mapping",
                    format!("{node} is named by `map[{first}]` already, and PVE takes one for each node."),
                );
            }
        }
    }

    async fn possible(
        cx: &Cx<Pve>,
        want: &MappingDirPlan,
        prior: Option<&Self>,
        found: &mut Findings<Self>,
    ) -> Result<(), Error> {
        let named = want.map.known().into_iter().flatten().filter_map(|of| of.known()?.node.text());
        let before = prior.into_iter().flat_map(|prior| &prior.map).map(|of| of.node.as_str());
        nodes::told_if_missing(cx, named, before, "A mapping", "map", found).await
    }

    async fn removable(cx: &Cx<Pve>, was: &Self, found: &mut Findings<Self>) -> Result<(), Error> {
        in_use(cx, "virtiofs", KEY, &was.id, found).await
    }
}

plain!(MappingDir, "mappings_dir");
