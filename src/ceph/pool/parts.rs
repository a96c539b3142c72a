//! The two pools of a model that has one for data and one for metadata, and what its attributes are called.

use terraform_plugin::Path;

use super::placing::Names;

/// One of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::ceph) enum Part {
    Data,
    Metadata,
}

impl Part {
    pub(in crate::ceph) const BOTH: [Self; 2] = [Self::Data, Self::Metadata];

    /// What an attribute of a pool is called there.
    pub(in crate::ceph) fn called(self, attribute: &'static str) -> &'static str {
        self.names()(attribute)
    }

    pub(in crate::ceph) fn names(self) -> Names {
        match self {
            Self::Data => |attribute| match attribute {
                "min_size" => "data_min_size",
                "crush_rule" => "data_crush_rule",
                "pg_num" => "data_pg_num",
                _ => "data_size",
            },
            Self::Metadata => |attribute| match attribute {
                "min_size" => "metadata_min_size",
                "crush_rule" => "metadata_crush_rule",
                _ => "metadata_size",
            },
        }
    }

    /// The attribute that PVE's parameter is.
    pub(in crate::ceph) fn attribute(self) -> fn(&str) -> Option<Path> {
        match self {
            Self::Data => |parameter| Some(Path::attr(format!("data_{parameter}"))),
            Self::Metadata => |parameter| Some(Path::attr(format!("metadata_{parameter}"))),
        }
    }

    /// `data` or `metadata`, as in the names of the pools.
    pub(in crate::ceph) fn word(self) -> &'static str {
        match self {
            Self::Data => "data",
            Self::Metadata => "metadata",
        }
    }
}
