//! `cargo xtask install`: the provider where `terraform init` and `tofu init` find it without a registry.
//!
//! Both look into a folder of the user's home by themselves. A working directory then holds a link to that very folder, and
//! its lock file a hash of what was in it: to put another program there under the same version would make every locked
//! working directory refuse to start. So what is there already stays as it is; another build gets a version of its own, or
//! replaces it when that is asked for.

#[cfg(test)]
mod tests;

use std::fs;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};

use crate::package::{PROGRAM, SOURCE, VERSION, Which, file_name, lock_hash, platform, sha256, version};

/// Where Terraform and where OpenTofu think that the provider comes from.
const HOSTS: [&str; 2] = ["registry.terraform.io", "registry.opentofu.org"];

/// What to install, and where.
#[derive(clap::Args, Default)]
pub(crate) struct Args {
    #[command(flatten)]
    which: Which,
    /// A mirror of one's own instead of the folder in the home directory
    #[arg(long, value_name = "DIR")]
    into: Option<PathBuf>,
    /// Another version to install it as, such as 0.1.0-dev.2; one with `-` must be asked for exactly
    #[arg(long = "as", value_name = "VERSION")]
    version: Option<String>,
    /// Replaces another build of the same version; lock files that know the other one refuse this one
    #[arg(long)]
    replace: bool,
}

/// Builds, installs, and says what is left to do.
pub(crate) fn run(args: &Args) -> Result<bool> {
    let version = version(args.version.as_deref().unwrap_or(VERSION))?;
    let mirror = match &args.into {
        Some(folder) => std::path::absolute(folder)?,
        None => implied_mirror()?,
    };
    let program = args.which.program(None)?;
    let done = install(&program, &mirror, &version, args.replace)?;
    println!("{}", done.told(&mirror, &version));
    println!("A lock file notes it as {}", lock_hash(&file_name(&version), &sha256(&program)?));
    if version.contains('-') {
        println!("\nIn `required_providers`: pve = {{ source = \"{SOURCE}\", version = \"{version}\" }}");
    }
    if args.into.is_some() {
        println!("\nFor `~/.terraformrc` or `~/.tofurc`, or a file that TF_CLI_CONFIG_FILE names:\n");
        println!("{}", configuration(&mirror));
    } else if let Some(file) = own_rules() {
        println!(
            "\n{} says itself where providers come from, so this folder is only used if it says:\n",
            file.display()
        );
        println!("{}", configuration(&mirror));
    }
    Ok(true)
}

/// What became of an installation.
#[derive(Debug, PartialEq, Eq)]
enum Done {
    New,
    Same,
    Replaced,
}

impl Done {
    fn told(&self, mirror: &Path, version: &str) -> String {
        let mirror = mirror.display();
        match self {
            Self::New => format!("{PROGRAM} {version} is installed in {mirror}"),
            Self::Same => format!("{PROGRAM} {version} was in {mirror} already, the very same; nothing was changed"),
            Self::Replaced => format!(
                "Another build of {PROGRAM} {version} in {mirror} was replaced. Working directories that have locked it say that \
                 it does not match the checksums: take the block `provider \".../{SOURCE}\"` out of their .terraform.lock.hcl \
                 and run `init` again."
            ),
        }
    }
}

/// Puts a program into a mirror, for Terraform and for OpenTofu.
fn install(program: &Path, mirror: &Path, version: &str, replace: bool) -> Result<Done> {
    let name = file_name(version);
    let platform = platform()?;
    let folders = HOSTS.map(|host| mirror.join(host).join(SOURCE).join(version).join(&platform));
    let mut found = Vec::new();
    for folder in &folders {
        found.push(look(folder, &name, program)?);
    }
    let other = found.contains(&Found::Other);
    if other && !replace {
        bail!(
            "another build of version {version} is installed in {}. Nothing was written: a working directory that has locked it \
             would refuse this one, since its checksum is another. Install this one beside it with `--as {}`, or in its place \
             with `--replace`, and run `init` anew in every working directory that uses it, without its block in \
             .terraform.lock.hcl.",
            mirror.display(),
            next_version(mirror, version)
        );
    }
    for (folder, found) in folders.iter().zip(&found) {
        if *found != Found::Same {
            put(program, mirror, folder, &name).with_context(|| folder.display().to_string())?;
        }
    }
    Ok(if other {
        Done::Replaced
    } else if found.contains(&Found::Nothing) {
        Done::New
    } else {
        Done::Same
    })
}

/// What is in the folder of a package.
#[derive(Debug, PartialEq, Eq)]
enum Found {
    Nothing,
    Same,
    Other,
}

fn look(folder: &Path, name: &str, program: &Path) -> Result<Found> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries.map(|entry| Ok(entry?.file_name())).collect::<Result<Vec<_>>>()?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Found::Nothing),
        Err(error) => return Err(error).with_context(|| folder.display().to_string()),
    };
    Ok(match entries.as_slice() {
        [] => Found::Nothing,
        // Any further file counts for the hash.
        [only] if only == name && same(&folder.join(name), program)? => Found::Same,
        _ => Found::Other,
    })
}

/// Whether two files hold the same.
fn same(one: &Path, other: &Path) -> Result<bool> {
    let (mut one, mut other) = (fs::File::open(one)?, fs::File::open(other)?);
    if one.metadata()?.len() != other.metadata()?.len() {
        return Ok(false);
    }
    let (mut left, mut right) = (vec![0; 1 << 16], vec![0; 1 << 16]);
    loop {
        let length = one.read(&mut left)?;
        if length == 0 {
            return Ok(true);
        }
        other.read_exact(&mut right[..length])?;
        if left[..length] != right[..length] {
            return Ok(false);
        }
    }
}

/// Whatever reads the folder meanwhile, or runs the program that was there, sees the old one or the new one, and no half.
fn put(program: &Path, mirror: &Path, folder: &Path, name: &str) -> Result<()> {
    fs::create_dir_all(folder)?;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name() != name {
            ensure!(entry.file_type()?.is_file(), "{} is not of a provider's package", entry.path().display());
            fs::remove_file(entry.path())?;
        }
    }
    // Not in the folder itself, all of whose files count for its hash.
    let mut new = tempfile::Builder::new().prefix(".new-").tempfile_in(mirror)?;
    std::io::copy(&mut fs::File::open(program)?, &mut new)?;
    new.as_file().set_permissions(fs::Permissions::from_mode(0o755))?;
    new.as_file().sync_all()?;
    new.persist(folder.join(name))?;
    Ok(())
}

/// The first version of the kind `0.1.0-dev.N` that the mirror does not hold.
fn next_version(mirror: &Path, version: &str) -> String {
    let base = version.split_once("-dev.").map_or(version, |(base, _)| base);
    let taken = |version: &str| HOSTS.iter().any(|host| mirror.join(host).join(SOURCE).join(version).exists());
    (1..).map(|number| format!("{base}-dev.{number}")).find(|version| !taken(version)).unwrap_or_default()
}

/// The folder that both look into by themselves.
fn implied_mirror() -> Result<PathBuf> {
    let home = std::env::home_dir().filter(|home| home.is_absolute()).context("HOME is not set: use --into DIR")?;
    Ok(home.join(".terraform.d/plugins"))
}

/// The file with which the user has said where providers come from: no folder is then looked into unasked.
fn own_rules() -> Option<PathBuf> {
    let home = std::env::home_dir()?;
    let named = std::env::var_os("TF_CLI_CONFIG_FILE").map(PathBuf::from);
    let files = named.into_iter().chain([".terraformrc", ".tofurc"].map(|name| home.join(name)));
    files.into_iter().find(|file| fs::read_to_string(file).is_ok_and(|text| has_rules(&text)))
}

fn has_rules(text: &str) -> bool {
    text.lines().any(|line| line.trim_start().starts_with("provider_installation"))
}

/// What the CLI's configuration has to say for a mirror that it does not look into by itself.
fn configuration(mirror: &Path) -> String {
    // The CLI's configuration knows no templates: `${` stays what it is.
    let path = mirror.display().to_string().replace('\\', "\\\\").replace('"', "\\\"");
    // Where a namespace is named, the host has to be, too.
    let ours = HOSTS.map(|host| format!("\"{host}/{SOURCE}\"")).join(", ");
    format!(
        "provider_installation {{\n  filesystem_mirror {{\n    path    = \"{path}\"\n    include = [{ours}]\n  }}\n  direct {{\n    \
         exclude = [{ours}]\n  }}\n}}\n"
    )
}
