//! A directory in which a configuration is applied.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;
use serde_json::Value;
use tempfile::TempDir;

use crate::{Output, Plan, Program, Running, Sim, Terraform};

/// The version under which the provider is installed.
const VERSION: &str = "0.1.0";
const HOSTS: [&str; 2] = ["registry.terraform.io", "registry.opentofu.org"];
/// Everything that could lead a test elsewhere than to its own directory.
const FOREIGN: [&str; 12] = [
    "TF_LOG",
    "TF_LOG_CORE",
    "TF_LOG_PROVIDER",
    "TF_LOG_PATH",
    "TF_DATA_DIR",
    "TF_CLI_ARGS",
    "TF_WORKSPACE",
    "TF_INPUT",
    "TF_REATTACH_PROVIDERS",
    "TF_PLUGIN_CACHE_DIR",
    "TF_DISABLE_PLUGIN_TLS",
    "TF_CLI_CONFIG_FILE",
];

/// A directory of its own with its own offline Terraform, in which exactly one provider is installed.
///
/// Gone when dropped; `ACCEPTANCE_KEEP=1` keeps it, for looking at it afterwards.
#[derive(Debug)]
pub struct Workspace {
    directory: TempDir,
    terraform: &'static Terraform,
    environment: Vec<(String, String)>,
}

impl Workspace {
    /// Makes the directory and installs the provider in a mirror, the way `terraform init` finds it without a network.
    pub fn new(terraform: &'static Terraform, provider: &Program) -> anyhow::Result<Self> {
        let base = crate::target().join("acceptance/work");
        std::fs::create_dir_all(&base)?;
        let mut directory = TempDir::new_in(base.canonicalize()?)?;
        directory.disable_cleanup(std::env::var("ACCEPTANCE_KEEP").is_ok_and(|value| value == "1"));
        let workspace = Self { directory, terraform, environment: Vec::new() };
        workspace.install(provider).with_context(|| format!("installing {}", provider.path.display()))?;
        Ok(workspace)
    }

    /// The same, whose provider talks to this cluster.
    pub fn of(terraform: &'static Terraform, provider: &Program, sim: &Sim) -> anyhow::Result<Self> {
        let mut work = Self::new(terraform, provider)?;
        work.set_all(sim.environment());
        Ok(work)
    }

    /// The directory of the configuration.
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Takes away what the provider has noted in Terraform's data folder.
    pub fn lose_journal(&self) -> anyhow::Result<()> {
        match std::fs::remove_dir_all(self.path().join(".terraform/pve-journal")) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// Sets a variable for every command from now on.
    pub fn set(&mut self, name: &str, value: &str) {
        self.environment.retain(|(known, _)| known != name);
        self.environment.push((name.to_owned(), value.to_owned()));
    }

    /// Sets several of them.
    pub fn set_all<'a>(&mut self, variables: impl IntoIterator<Item = (&'a str, &'a str)>) {
        for (name, value) in variables {
            self.set(name, value);
        }
    }

    /// Writes a file of the configuration, replacing what was there.
    pub fn write(&self, file: &str, text: &str) -> anyhow::Result<()> {
        let path = self.path().join(file);
        std::fs::write(&path, text).with_context(|| path.display().to_string())
    }

    /// Takes over the configuration of `examples/NAME`, without its values of variables.
    pub fn copy_example(&self, name: &str) -> anyhow::Result<()> {
        let example = example(name);
        for entry in std::fs::read_dir(&example).with_context(|| example.display().to_string())? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "tf") {
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                self.write(&name, &std::fs::read_to_string(&path)?)?;
            }
        }
        Ok(())
    }

    /// Starts a command and leaves it running.
    pub fn start(&self, arguments: &[&str]) -> anyhow::Result<Running> {
        Running::start(self.command(arguments), format!("terraform {}", arguments.join(" ")))
    }

    /// Runs a command to its end.
    pub fn run(&self, arguments: &[&str]) -> anyhow::Result<Output> {
        self.start(arguments)?.wait()
    }

    /// `terraform init`; needed once, after the configuration names its provider.
    pub fn init(&self) -> anyhow::Result<Output> {
        self.run(&["init", "-no-color", "-input=false"])
    }

    /// `terraform validate`, as JSON: `valid`, `diagnostics`.
    pub fn validate(&self) -> anyhow::Result<Value> {
        self.run(&["validate", "-json"])?.json()
    }

    /// Makes a plan; an error if it cannot be made.
    pub fn plan(&self) -> anyhow::Result<Plan> {
        self.plan_with(&[])
    }

    /// The same with more options, such as `-refresh=false` or `-destroy`.
    pub fn plan_with(&self, options: &[&str]) -> anyhow::Result<Plan> {
        let output = self.try_plan(options)?;
        anyhow::ensure!(matches!(output.code, Some(0 | 2)), "{}", output.told());
        let json = self.run(&["show", "-json", "plan.bin"])?.succeeded()?.json()?;
        Ok(Plan { output, json })
    }

    /// The plan command alone: 0 = nothing to do, 2 = something to do, 1 = it cannot be planned.
    pub fn try_plan(&self, options: &[&str]) -> anyhow::Result<Output> {
        let mut arguments = vec!["plan", "-no-color", "-input=false", "-detailed-exitcode", "-out=plan.bin"];
        arguments.extend(options);
        self.run(&arguments)
    }

    /// An error that tells what is planned, if anything is.
    pub fn plans_nothing(&self) -> anyhow::Result<()> {
        let output = self.try_plan(&[])?;
        anyhow::ensure!(output.code == Some(0), "something is planned:\n{}", output.told());
        Ok(())
    }

    /// `terraform apply` without questions.
    pub fn apply(&self) -> anyhow::Result<Output> {
        self.start_apply()?.wait()
    }

    /// The same, left running.
    pub fn start_apply(&self) -> anyhow::Result<Running> {
        self.start(&["apply", "-no-color", "-input=false", "-auto-approve"])
    }

    /// The same, with events and diagnostics as JSON; see [`Output::diagnostics`].
    pub fn apply_json(&self) -> anyhow::Result<Output> {
        self.run(&["apply", "-json", "-input=false", "-auto-approve"])
    }

    /// `terraform destroy` without questions.
    pub fn destroy(&self) -> anyhow::Result<Output> {
        self.run(&["destroy", "-no-color", "-input=false", "-auto-approve"])
    }

    /// `terraform import ADDRESS ID`.
    pub fn import(&self, address: &str, id: &str) -> anyhow::Result<Output> {
        self.run(&["import", "-no-color", "-input=false", address, id])
    }

    /// The state as Terraform keeps it; null as long as there is none (the file is empty while a first run is under way, and
    /// stays so when that is killed). `resources[].instances[]` have `attributes`,
    /// `status` (`tainted`), `private`, `identity`.
    pub fn state(&self) -> anyhow::Result<Value> {
        match std::fs::read(self.path().join("terraform.tfstate")) {
            Ok(json) if json.is_empty() => Ok(Value::Null),
            Ok(json) => Ok(serde_json::from_slice(&json)?),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Value::Null),
            Err(error) => Err(error.into()),
        }
    }

    /// The one instance of a resource `TYPE.NAME` in the state; null if it has none.
    pub fn instance(&self, address: &str) -> anyhow::Result<Value> {
        let state = self.state()?;
        let resource = state["resources"].as_array().into_iter().flatten().find(|r| address_of(r) == address);
        Ok(resource.map_or(Value::Null, |resource| resource["instances"][0].clone()))
    }

    /// Takes a resource out of the state, as `terraform state rm` does, but at once.
    pub fn forget(&self, address: &str) -> anyhow::Result<()> {
        let mut state = self.state()?;
        let resources = state["resources"].as_array_mut().context("there is no state")?;
        let before = resources.len();
        resources.retain(|resource| address_of(resource) != address);
        anyhow::ensure!(resources.len() < before, "{address} is not in the state");
        state["serial"] = (state["serial"].as_u64().unwrap_or(0) + 1).into();
        self.write("terraform.tfstate", &state.to_string())
    }

    /// All schemas as `terraform providers schema -json` tells them.
    pub fn schemas(&self) -> anyhow::Result<Value> {
        self.run(&["providers", "schema", "-json"])?.succeeded()?.json()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.terraform.command();
        for name in FOREIGN {
            command.env_remove(name);
        }
        command
            .args(arguments)
            .current_dir(self.path())
            .env("TF_CLI_CONFIG_FILE", self.configuration())
            .env("TF_IN_AUTOMATION", "1")
            .env("CHECKPOINT_DISABLE", "1")
            .envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    fn configuration(&self) -> PathBuf {
        self.path().join("cli.tfrc")
    }

    /// Installs a provider: beside others, if there are some.
    pub fn install(&self, provider: &Program) -> anyhow::Result<()> {
        let mirror = self.path().join("mirror");
        let kind = provider.source.rsplit('/').next().unwrap_or_default();
        let platform = format!("{}_{}", std::env::consts::OS, architecture());
        for host in HOSTS {
            let directory = mirror.join(host).join(provider.source).join(VERSION).join(&platform);
            std::fs::create_dir_all(&directory)?;
            let binary = directory.join(format!("terraform-provider-{kind}_v{VERSION}"));
            // On another file system only a copy is possible.
            if std::fs::hard_link(&provider.path, &binary).is_err() {
                std::fs::copy(&provider.path, &binary)?;
            }
        }
        // Without a `direct` block nothing else is tried.
        let text = format!(
            "provider_installation {{\n  filesystem_mirror {{\n    path = {:?}\n  }}\n}}\ndisable_checkpoint = true\n",
            mirror.display().to_string()
        );
        Ok(std::fs::write(self.configuration(), text)?)
    }
}

/// The folder of an example.
pub fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples").join(name)
}

/// `TYPE.NAME` of a resource in the state, `data.TYPE.NAME` of a data source.
fn address_of(resource: &Value) -> String {
    let word = |key: &str| resource[key].as_str().unwrap_or_default();
    let mode = if word("mode") == "data" { "data." } else { "" };
    format!("{mode}{}.{}", word("type"), word("name"))
}

/// Go's name of this machine's architecture.
fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}
