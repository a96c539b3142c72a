use acceptance_tests::{Program, Terraform, Workspace, or_skip};

use super::*;

fn fake(folder: &Path, text: &str) -> PathBuf {
    let path = folder.join("built");
    fs::write(&path, text).unwrap();
    path
}

/// Every file below a folder, with what is in it, its rights and its time.
fn all(folder: &Path) -> Vec<(PathBuf, String, u32, std::time::SystemTime)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(all(&path));
        } else {
            let about = fs::metadata(&path).unwrap();
            let mode = about.permissions().mode() & 0o777;
            found.push((path.clone(), sha256(&path).unwrap(), mode, about.modified().unwrap()));
        }
    }
    found.sort();
    found
}

#[test]
fn the_same_twice_is_the_same_and_another_is_refused_untouched() {
    let folder = tempfile::tempdir().unwrap();
    let mirror = folder.path().join("mirror");
    let built = fake(folder.path(), "one");
    assert_eq!(install(&built, &mirror, "0.1.0", false).unwrap(), Done::New);
    let first = all(&mirror);
    let name = format!("homelab/pve/0.1.0/{}/terraform-provider-pve_v0.1.0", platform().unwrap());
    let paths: Vec<_> = first.iter().map(|(path, ..)| path.clone()).collect();
    let there = ["registry.opentofu.org", "registry.terraform.io"].map(|host| mirror.join(host).join(&name));
    assert_eq!(paths, there, "one program for each, and nothing beside it");
    assert!(first.iter().all(|(_, _, mode, _)| *mode == 0o755));

    assert_eq!(install(&built, &mirror, "0.1.0", false).unwrap(), Done::Same);
    assert_eq!(all(&mirror), first);

    let built = fake(folder.path(), "two");
    let error = install(&built, &mirror, "0.1.0", false).unwrap_err().to_string();
    assert!(error.contains("Nothing was written") && error.contains("--as 0.1.0-dev.1"), "{error}");
    assert_eq!(all(&mirror), first);

    assert_eq!(install(&built, &mirror, "0.1.0-dev.1", false).unwrap(), Done::New);
    assert_eq!(next_version(&mirror, "0.1.0"), "0.1.0-dev.2");
    assert_eq!(next_version(&mirror, "0.1.0-dev.1"), "0.1.0-dev.2");
    assert_eq!(install(&built, &mirror, "0.1.0", true).unwrap(), Done::Replaced);
    assert!(all(&mirror).iter().all(|(_, hash, ..)| *hash == sha256(&built).unwrap()));
}

#[test]
fn a_file_beside_the_program_makes_it_another_package() {
    let folder = tempfile::tempdir().unwrap();
    let mirror = folder.path().join("mirror");
    let built = fake(folder.path(), "one");
    install(&built, &mirror, "0.1.0", false).unwrap();
    let package = mirror.join("registry.terraform.io/homelab/pve/0.1.0").join(platform().unwrap());
    fs::write(package.join("README"), "").unwrap();
    assert!(install(&built, &mirror, "0.1.0", false).is_err());
    assert_eq!(install(&built, &mirror, "0.1.0", true).unwrap(), Done::Replaced);
    assert_eq!(install(&built, &mirror, "0.1.0", false).unwrap(), Done::Same);
}

#[test]
fn only_rules_of_ones_own_need_more_of_them() {
    assert!(has_rules("# mine\n  provider_installation {\n"));
    assert!(!has_rules("# provider_installation {\nplugin_cache_dir = \"x\"\n"));
    let text = configuration(Path::new("/a \"b\"/${c}"));
    assert!(text.contains("path    = \"/a \\\"b\\\"/${c}\"\n"), "{text}");
}

/// A working directory whose Terraform knows nothing but a home directory, or a CLI configuration that is given.
fn working_directory(home: &Path, rules: &str, version: &str) -> anyhow::Result<Option<Workspace>> {
    let Some(terraform) = or_skip(Terraform::find()) else { return Ok(None) };
    let mut work = Workspace::new(terraform, &Program::provider()?)?;
    work.write("own.tfrc", rules)?;
    let file = work.path().join("own.tfrc").display().to_string();
    work.set("TF_CLI_CONFIG_FILE", &file);
    work.set("HOME", &home.display().to_string());
    let provider = format!("    pve = {{\n      source  = \"homelab/pve\"\n      version = \"{version}\"\n    }}\n");
    work.write(
        "main.tf",
        &format!("terraform {{\n  required_providers {{\n{provider}  }}\n}}\n\nprovider \"pve\" {{}}\n"),
    )?;
    Ok(Some(work))
}

/// The real program, or the same with something behind its end, as another build would be.
fn program(folder: &Path, behind: &str) -> anyhow::Result<PathBuf> {
    let path = folder.join(format!("built{behind}"));
    fs::copy(Program::provider()?.path, &path)?;
    let mut file = fs::OpenOptions::new().append(true).open(&path)?;
    std::io::Write::write_all(&mut file, behind.as_bytes())?;
    Ok(path)
}

#[test]
fn terraform_finds_it_at_home_and_keeps_its_lock() -> anyhow::Result<()> {
    let home = tempfile::tempdir()?;
    let mirror = home.path().join(".terraform.d/plugins");
    let Some(work) = working_directory(home.path(), "", "~> 0.1.0")? else { return Ok(()) };
    let first = program(home.path(), "")?;
    install(&first, &mirror, "0.1.0", false)?;
    work.init()?.succeeded()?;
    let lock = fs::read_to_string(work.path().join(".terraform.lock.hcl"))?;
    let hash = lock_hash(&file_name("0.1.0"), &sha256(&first)?);
    assert!(lock.contains(&hash), "{hash} is not in\n{lock}");

    // Again: nothing changes for a directory that has locked it, neither with nor without another init.
    assert_eq!(install(&first, &mirror, "0.1.0", false)?, Done::Same);
    assert_eq!(work.validate()?["valid"], true);
    work.init()?.succeeded()?;
    assert_eq!(fs::read_to_string(work.path().join(".terraform.lock.hcl"))?, lock);

    // In its place: what is said of the lock file is so, and so is the cure.
    let second = program(home.path(), "2")?;
    assert!(install(&second, &mirror, "0.1.0", false).is_err());
    assert_eq!(work.validate()?["valid"], true);
    assert_eq!(install(&second, &mirror, "0.1.0", true)?, Done::Replaced);
    let refused = work.init()?;
    assert!(refused.code != Some(0) && refused.stderr.contains("checksums"), "{}", refused.told());
    fs::remove_file(work.path().join(".terraform.lock.hcl"))?;
    work.init()?.succeeded()?;
    assert_eq!(work.validate()?["valid"], true);
    Ok(())
}

#[test]
fn another_build_beside_it_is_found_by_its_own_version_only() -> anyhow::Result<()> {
    let home = tempfile::tempdir()?;
    let mirror = home.path().join("a \"mirror\" of ${x}");
    let rules = configuration(&mirror);
    // `init` starts no provider: any file will do.
    install(&fake(home.path(), "one"), &mirror, "0.1.0", false)?;
    install(&fake(home.path(), "two"), &mirror, "0.1.0-dev.1", false)?;
    for version in ["~> 0.1.0", "0.1.0-dev.1"] {
        let Some(work) = working_directory(home.path(), &rules, version)? else { return Ok(()) };
        let told = work.init()?.succeeded()?;
        let chosen = version.trim_start_matches("~> ");
        assert!(told.stdout.contains(&format!("v{chosen} ")), "{}", told.told());
    }
    Ok(())
}
