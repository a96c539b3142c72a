//! `cargo xtask dist`: what a registry serves, in `target/dist`.
//!
//! A zip a platform, the manifest that tells the protocol, and the checksums of all of them. The signature is made by whoever
//! holds the key. The zips have neither times nor other traces of the machine: the same program makes the same zip, and its
//! hash in a lock file is that of an installation by `cargo xtask install`.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use zip::write::SimpleFileOptions;

use crate::cargo::workspace_root;
use crate::package::{PROGRAM, VERSION, Which, file_name, lock_hash, platform, platform_of, sha256, version};

/// What to pack.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    which: Which,
    /// A target of rustc's to build for (repeatable); its toolchain must be there. Default: this machine
    #[arg(long = "target", value_name = "TRIPLE", conflicts_with = "binary")]
    targets: Vec<String>,
    /// Where to put it [default: target/dist]
    #[arg(long, value_name = "DIR")]
    into: Option<PathBuf>,
}

/// Builds and packs, and says what is left to do.
pub(crate) fn run(args: &Args) -> Result<bool> {
    let version = version(VERSION)?;
    let folder = args.into.clone().unwrap_or_else(|| workspace_root().join("target/dist"));
    let mut programs = Vec::new();
    if args.targets.is_empty() {
        programs.push((platform()?, args.which.program(None)?));
    }
    for target in &args.targets {
        programs.push((platform_of(target)?, args.which.program(Some(target))?));
    }
    for name in make(&programs, &folder, &version)? {
        println!("{}", folder.join(name).display());
    }
    for (platform, program) in &programs {
        println!("A lock file notes {platform} as {}", lock_hash(&file_name(&version), &sha256(program)?));
    }
    let sums = format!("{PROGRAM}_{version}_SHA256SUMS");
    println!(
        "\nA registry wants it signed, beside it as {sums}.sig:\n    gpg --detach-sign {}",
        folder.join(&sums).display()
    );
    Ok(true)
}

/// Makes the artifacts in a folder, in which nothing else of this version may be; their names, the checksums last.
fn make(programs: &[(String, PathBuf)], folder: &Path, version: &str) -> Result<Vec<String>> {
    fs::create_dir_all(folder)?;
    let base = format!("{PROGRAM}_{version}_");
    // What is left of an earlier run, a signature above all, does not belong to what is made now.
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(&base) {
            fs::remove_file(entry.path())?;
        }
    }
    let mut names = Vec::new();
    for (platform, program) in programs {
        let name = format!("{base}{platform}.zip");
        ensure!(!names.contains(&name), "{platform} is made by two of the targets");
        pack(program, &folder.join(&name), &file_name(version)).with_context(|| name.clone())?;
        names.push(name);
    }
    let name = format!("{base}manifest.json");
    let manifest = serde_json::json!({ "version": 1, "metadata": { "protocol_versions": ["6.0"] } });
    fs::write(folder.join(&name), format!("{manifest:#}\n"))?;
    names.push(name);
    names.sort();
    let mut sums = String::new();
    for name in &names {
        sums.push_str(&format!("{}  {name}\n", sha256(&folder.join(name))?));
    }
    let name = format!("{base}SHA256SUMS");
    fs::write(folder.join(&name), sums)?;
    names.push(name);
    Ok(names)
}

/// A zip with one program in it.
fn pack(program: &Path, to: &Path, name: &str) -> Result<()> {
    let mut zip = zip::ZipWriter::new(fs::File::create(to)?);
    // The time is the first that a zip can tell, whenever it is made.
    let options = SimpleFileOptions::default()
        .compression_method(zip::CompressionMethod::Deflated)
        .last_modified_time(zip::DateTime::default())
        .unix_permissions(0o755);
    zip.start_file(name, options)?;
    std::io::copy(&mut fs::File::open(program).with_context(|| program.display().to_string())?, &mut zip)?;
    zip.finish()?.flush()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;
    use std::time::{Duration, SystemTime};

    use super::*;

    #[test]
    fn the_same_program_makes_the_same_artifacts() {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("built");
        let texts = ["one", "two"].map(|into| {
            // Another time of the program, and of the zip.
            fs::write(&program, "a program ".repeat(1000)).unwrap();
            let before = SystemTime::now() - Duration::from_secs(if into == "one" { 0 } else { 1_000_000 });
            fs::File::options().append(true).open(&program).unwrap().set_modified(before).unwrap();
            let into = folder.path().join(into);
            let programs = [("linux_amd64", &program), ("darwin_arm64", &program)];
            let programs = programs.map(|(platform, program)| (platform.to_owned(), program.clone()));
            let names = make(&programs, &into, "0.1.0").unwrap();
            names.into_iter().map(|name| (name.clone(), fs::read(into.join(name)).unwrap())).collect::<Vec<_>>()
        });
        assert_eq!(texts[0], texts[1]);
        let names: Vec<&str> = texts[0].iter().map(|(name, _)| name.as_str()).collect();
        let expected = ["darwin_arm64.zip", "linux_amd64.zip", "manifest.json", "SHA256SUMS"];
        assert_eq!(names, expected.map(|end| format!("terraform-provider-pve_0.1.0_{end}")));
        let sums = String::from_utf8(texts[0][3].1.clone()).unwrap();
        for name in &names[..3] {
            let sum = sha256(&folder.path().join("one").join(name)).unwrap();
            assert!(sums.contains(&format!("{sum}  {name}\n")), "{sums}");
        }
    }

    #[test]
    fn what_is_packed_comes_out_executable_under_the_name_that_terraform_starts() {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("built");
        fs::write(&program, "a program").unwrap();
        let stale = folder.path().join("terraform-provider-pve_0.1.0_SHA256SUMS.sig");
        fs::write(&stale, "of another one").unwrap();
        make(&[("linux_amd64".to_owned(), program)], folder.path(), "0.1.0").unwrap();
        assert!(!stale.exists(), "a signature of what was made before");
        let zip = fs::File::open(folder.path().join("terraform-provider-pve_0.1.0_linux_amd64.zip")).unwrap();
        let mut zip = zip::ZipArchive::new(zip).unwrap();
        assert_eq!(zip.len(), 1);
        let mut file = zip.by_index(0).unwrap();
        assert_eq!(file.name().unwrap(), "terraform-provider-pve_v0.1.0");
        assert_eq!(file.unix_mode().map(|mode| mode & 0o777), Some(0o755));
        let mut text = String::new();
        file.read_to_string(&mut text).unwrap();
        assert_eq!(text, "a program");
    }
}
