//! What is handed out: the provider's program under the name, version and platform by which Terraform looks for it.

use std::env::consts;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};
use base64::Engine as _;
use sha2::{Digest as _, Sha256};

use crate::cargo::{cargo, workspace_root};

/// The program, and the package that makes it.
pub(crate) const PROGRAM: &str = "terraform-provider-pve";
/// Namespace and type, as in `required_providers`.
pub(crate) const SOURCE: &str = "homelab/pve";
/// The version of the whole workspace.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Which program is packed.
#[derive(clap::Args, Default)]
pub(crate) struct Which {
    /// The debug build instead of the release build: seconds instead of minutes, large and slow
    #[arg(long)]
    debug: bool,
    /// A program that is built already
    #[arg(long, value_name = "FILE", conflicts_with = "debug")]
    binary: Option<PathBuf>,
}

impl Which {
    /// The program, built if need be; for `target` (a triple of rustc's) or for this machine.
    pub(crate) fn program(&self, target: Option<&str>) -> Result<PathBuf> {
        if let Some(binary) = &self.binary {
            ensure!(binary.is_file(), "{} is no file", binary.display());
            return Ok(binary.clone());
        }
        let mut arguments = vec!["build", "--package", PROGRAM, "--bin", PROGRAM];
        if !self.debug {
            println!("Building the release (with link-time optimisation: some minutes)");
            arguments.push("--release");
        }
        arguments.extend(target.into_iter().flat_map(|target| ["--target", target]));
        let status = cargo(&arguments).status()?;
        ensure!(status.success(), "cargo {}: {status}", arguments.join(" "));
        let folder = std::env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into());
        let folder = workspace_root().join(folder).join(target.unwrap_or_default());
        Ok(folder.join(if self.debug { "debug" } else { "release" }).join(PROGRAM))
    }
}

/// The program's name within a package.
pub(crate) fn file_name(version: &str) -> String {
    format!("{PROGRAM}_v{version}")
}

/// Go's name of this machine, as Terraform names platforms: `linux_amd64`.
pub(crate) fn platform() -> Result<String> {
    named(consts::OS, consts::ARCH)
}

/// The same of a target of rustc's: `aarch64-unknown-linux-musl` is `linux_arm64`.
pub(crate) fn platform_of(target: &str) -> Result<String> {
    let arch = target.split('-').next().unwrap_or_default();
    let os = if target.contains("-linux-") {
        "linux"
    } else if target.ends_with("-apple-darwin") {
        "macos"
    } else if target.ends_with("-freebsd") {
        "freebsd"
    } else {
        bail!("{target}: the provider runs on Unix systems; for this one Terraform's name is not known here")
    };
    named(os, arch)
}

fn named(os: &str, arch: &str) -> Result<String> {
    let os = match os {
        "macos" => "darwin",
        other => other,
    };
    let arch = match arch {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "x86" | "i586" | "i686" => "386",
        "arm" | "armv6" | "armv7" => "arm",
        other => bail!("Terraform has no platform for {other}"),
    };
    Ok(format!("{os}_{arch}"))
}

/// A version as Terraform reads the name of its folder: three numbers, and perhaps `-` with a word of one's own.
pub(crate) fn version(text: &str) -> Result<String> {
    let (numbers, rest) = text.split_once('-').map_or((text, None), |(numbers, rest)| (numbers, Some(rest)));
    let parts: Vec<&str> = numbers.split('.').collect();
    let number = |part: &&str| {
        part.bytes().all(|c| c.is_ascii_digit()) && part.parse::<u32>().is_ok_and(|number| number.to_string() == **part)
    };
    let word = |word: &str| {
        word.split('.').all(|part| !part.is_empty() && part.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-'))
    };
    ensure!(
        parts.len() == 3 && parts.iter().all(number) && rest.is_none_or(word),
        "\"{text}\" is no version that Terraform reads: write it as 0.1.0 or 0.1.0-dev.2"
    );
    Ok(text.to_owned())
}

/// A file's SHA-256 in hexadecimal digits.
pub(crate) fn sha256(path: &Path) -> Result<String> {
    let mut file = std::fs::File::open(path).with_context(|| path.display().to_string())?;
    let mut hash = Sha256::new();
    std::io::copy(&mut file, &mut HashWriter(&mut hash))?;
    Ok(hex::encode(hash.finalize()))
}

struct HashWriter<'a>(&'a mut Sha256);

impl std::io::Write for HashWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// What a lock file (`.terraform.lock.hcl`) notes of a package that holds one file: Go's `h1:` hash of its folder.
pub(crate) fn lock_hash(name: &str, sha256: &str) -> String {
    let listing = format!("{sha256}  {name}\n");
    format!("h1:{}", base64::engine::general_purpose::STANDARD.encode(Sha256::digest(listing)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_those_that_terraform_reads() {
        for good in ["0.1.0", "10.20.30", "0.1.0-dev.2", "1.0.0-rc-1"] {
            assert_eq!(version(good).unwrap(), good);
        }
        for bad in
            ["", "1", "1.2", "1.2.3.4", "v1.2.3", "1.02.3", "1.+2.3", "1.2.3-", "1.2.3-a..b", "1.2.3+b", "../1.2.3"]
        {
            assert!(version(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn platforms_have_gos_names() {
        assert_eq!(platform_of("x86_64-unknown-linux-gnu").unwrap(), "linux_amd64");
        assert_eq!(platform_of("armv7-unknown-linux-gnueabihf").unwrap(), "linux_arm");
        assert_eq!(platform_of("aarch64-apple-darwin").unwrap(), "darwin_arm64");
        assert_eq!(platform_of("x86_64-unknown-freebsd").unwrap(), "freebsd_amd64");
        assert!(platform_of("x86_64-pc-windows-msvc").is_err());
        assert!(platform_of("riscv64gc-unknown-linux-gnu").is_err());
    }
}
