//! Where cargo-mutants makes its faults, and which tests judge them, the quick ones first.

use std::path::PathBuf;

use super::machine::Stage;
use crate::cargo::workspace_root;

/// A part of the sources that is sampled by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub(super) enum Area {
    /// The client
    PveClient,
    /// The framework
    TerraformPlugin,
    /// Its derives
    Macros,
    /// The provider
    Src,
}

impl Area {
    pub(super) const ALL: [Self; 4] = [Self::PveClient, Self::TerraformPlugin, Self::Macros, Self::Src];

    pub(super) fn package(self) -> &'static str {
        match self {
            Self::PveClient => "pve-client",
            Self::TerraformPlugin => "terraform-plugin",
            Self::Macros => "terraform-plugin-macros",
            Self::Src => "terraform-provider-pve",
        }
    }

    /// As it is called on the command line.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::PveClient => "pve-client",
            Self::TerraformPlugin => "terraform-plugin",
            Self::Macros => "macros",
            Self::Src => "src",
        }
    }

    /// Tests that take seconds each: they are left out at first, and run for what has survived the others.
    fn slow(self) -> &'static [&'static str] {
        match self {
            Self::PveClient => &[
                "shared::schedules",
                "shell::framing::tests::frames_join",
                "shell::session::tests::a_terminal_that_never_stops",
                "shell::session::tests::something_that_is_no_shell",
                "api::ceph::crush::tests::a_map_of_megabytes",
            ],
            Self::TerraformPlugin => &["value::json::tests", "value::msgpack::tests"],
            // Every object's life.
            Self::Src => &["in_process"],
            Self::Macros => &[],
        }
    }

    /// What was tried in it.
    pub(super) fn record(self) -> PathBuf {
        workspace_root().join(format!("xtask/mutants/{}.tsv", self.name()))
    }

    /// The tests that are nearest to it and quick: they notice most of what any notices.
    pub(super) fn nearest(self) -> Vec<Stage> {
        /// Whatever can be cut off or go wrong, everywhere.
        const LONG: &[&str] =
            &["in_process::matrix", "in_process::faults", "in_process::walks", "in_process::variants"];
        let own = Stage::new(self.package(), "--lib").without(self.slow());
        match self {
            Self::PveClient | Self::TerraformPlugin => vec![own],
            Self::Macros => {
                vec![own, Stage::new(Self::TerraformPlugin.package(), "--lib").without(Self::TerraformPlugin.slow())]
            }
            Self::Src => vec![own, Stage::new(self.package(), "--lib").only(self.slow()).without(LONG)],
        }
    }

    /// The tests in the order in which they are tried. Whatever a crate's own tests leave is the provider's: they hold
    /// every object's life against the simulated cluster, with what Terraform's core does between.
    pub(super) fn stages(self) -> Vec<Stage> {
        let [client, plugin, macros, src] = Self::ALL.map(Self::package);
        let provider = Stage::new(src, "--lib");
        match self {
            Self::PveClient => vec![
                Stage::new(client, "--lib").without(self.slow()),
                Stage::new(client, "--lib").only(self.slow()),
                Stage::new(client, "--test=*"),
                provider,
            ],
            Self::TerraformPlugin => vec![
                Stage::new(plugin, "--lib").without(self.slow()),
                Stage::new(plugin, "--lib").only(self.slow()),
                Stage::new(plugin, "--test=core"),
                provider,
            ],
            Self::Macros => vec![
                Stage::new(macros, "--lib"),
                Stage::new(plugin, "--lib").without(Self::TerraformPlugin.slow()),
                provider,
            ],
            Self::Src => {
                vec![Stage::new(src, "--lib").without(self.slow()), Stage::new(src, "--lib").only(self.slow())]
            }
        }
    }
}
