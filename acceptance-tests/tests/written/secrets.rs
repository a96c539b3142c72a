//! Passwords, tokens and tickets of a whole scenario, looked for in everything that Terraform and the provider leave behind
//! while they log as much as they can.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use acceptance_tests::{Program, Sim, Terraform, Workspace, or_skip};
use anyhow::{Context as _, ensure};

/// How tickets look, which the cluster hands out as it goes: as they are and in a URL. A line of a log that names one is
/// as bad as one that shows it.
const TICKETS: [&str; 6] =
    ["PVE:root@pam:", "PVE%3Aroot", "PVEVNC:", "PVEVNC%3A", "PVEAuthCookie=", "CSRFPreventionToken:"];

/// Where a secret stands in a text, with what stands before it, or nothing.
fn found<'a>(text: &[u8], secrets: impl IntoIterator<Item = &'a str>) -> Option<String> {
    secrets.into_iter().find_map(|secret| {
        let at = text.windows(secret.len()).position(|window| window == secret.as_bytes())?;
        let line = String::from_utf8_lossy(&text[at.saturating_sub(300)..at]).into_owned();
        Some(format!("{secret:?} after ...{line}"))
    })
}

/// All files below a directory but the programs that Terraform is given.
fn files(below: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut all = Vec::new();
    for entry in fs::read_dir(below)? {
        let path = entry?.path();
        match path.is_dir() {
            true if path.ends_with("mirror") || path.ends_with("providers") => {}
            true => all.extend(files(&path)?),
            false => all.push(path),
        }
    }
    Ok(all)
}

#[test]
fn the_search_finds_what_is_there() {
    assert!(found(b"a PVE:root@pam:65::x", TICKETS).is_some_and(|told| told.contains("after ...a ")));
    assert!(found(b"nothing", TICKETS).is_none());
}

#[test]
fn no_secret_is_left_behind() -> anyhow::Result<()> {
    let Some(terraform) = or_skip(Terraform::find()) else { return Ok(()) };
    let sim = Sim::start(&["--disks", "1", "--guest", "101", "--bandwidth", "1GiB/s", "--clock", "120"])?;
    let of = |name: &str| sim.environment().find(|(known, _)| *known == name).map(|(_, value)| value.to_owned());
    let password = of("PVE_PASSWORD").context("the cluster has a password")?;
    let token = of("PVE_API_TOKEN").context("the cluster has a token")?;
    let secret = token.rsplit('=').next().unwrap_or_default().to_owned();
    ensure!(password.len() >= 8 && secret.len() >= 8, "too short to be told from other words");

    let mut work = Workspace::new(terraform, &Program::provider()?)?;
    let elsewhere = ["PVE_PASSWORD", "PVE_API_TOKEN"];
    work.set_all(sim.environment().filter(|(name, _)| !elsewhere.contains(name)));
    // In the configuration, as ephemeral variables: what is not ephemeral Terraform itself writes into the plan.
    work.set("TF_VAR_password", &password);
    work.set("TF_VAR_api_token", &token);
    work.set("TF_LOG", "TRACE");
    work.set("TF_LOG_PATH", &work.path().join("trace.log").display().to_string());
    work.copy_example("ha-vm-on-ceph")?;
    let main = fs::read_to_string(work.path().join("main.tf"))?;
    let block = "provider \"pve\" {}";
    ensure!(main.contains(block), "the example has changed");
    work.write(
        "main.tf",
        &main.replace(block, "provider \"pve\" {\n  password  = var.password\n  api_token = var.api_token\n}"),
    )?;
    work.write(
        "secrets.tf",
        "variable \"password\" {\n  type = string\n  sensitive = true\n  ephemeral = true\n}\n\
         variable \"api_token\" {\n  type = string\n  sensitive = true\n  ephemeral = true\n}\n",
    )?;
    let disks: Vec<String> = (1..=3).map(|n| format!("  pve{n} = [\"SIM{n:02}01\"]")).collect();
    work.write(
        "terraform.tfvars",
        &format!(
            "osd_disks = {{\n{}\n}}\ncopies = {{ size = 3, min_size = 2 }}\nallow_destroy = true\n",
            disks.join("\n")
        ),
    )?;

    let mut outputs = vec![work.init()?.succeeded()?];
    let plan = work.plan()?;
    work.write("plan.json", &plan.json.to_string())?;
    outputs.push(plan.output);
    outputs.push(work.apply()?.succeeded()?);
    outputs.push(work.try_plan(&[])?);
    let plain = work.path().join("plan");
    let unzipped = Command::new("python3")
        .args(["-m", "zipfile", "-e", "plan.bin"])
        .arg(&plain)
        .current_dir(work.path())
        .status()?;
    ensure!(unzipped.success(), "the plan is an archive");
    // The way to the shell has a ticket of its own, and the login one that has to be told as wrong.
    let asked = sim.requests()?;
    for path in ["/access/ticket", "/termproxy", "/vncwebsocket"] {
        ensure!(asked.iter().any(|seen| seen.path.ends_with(path)), "nobody asked for {path}");
    }
    work.set("TF_VAR_password", "wrong-and-secret");
    work.set("TF_VAR_api_token", "u@pve!t=wrong-and-secret-too");
    let refused = work.try_plan(&[])?;
    ensure!(refused.code == Some(1), "{}", refused.told());
    outputs.push(refused);
    work.set("TF_VAR_password", &password);
    work.set("TF_VAR_api_token", &token);
    outputs.push(work.destroy()?.succeeded()?);

    let log = fs::read_to_string(work.path().join("trace.log"))?;
    for line in ["/termproxy", "node shell", "[TRACE]"] {
        ensure!(log.contains(line), "the log is not as long as it should be: {line:?} is not in it");
    }
    let secrets = || TICKETS.into_iter().chain([password.as_str(), secret.as_str(), "wrong-and-secret"]);
    for output in &outputs {
        for text in [&output.stdout, &output.stderr] {
            if let Some(told) = found(text.as_bytes(), secrets()) {
                anyhow::bail!("{}: {told}", output.command);
            }
        }
    }
    let files = files(work.path())?;
    for name in ["trace.log", "terraform.tfstate", "terraform.tfstate.backup", "plan.json", "plan/tfplan"] {
        ensure!(files.iter().any(|path| path.ends_with(name)), "{name} is not there to be searched");
    }
    for path in files {
        if let Some(told) = found(&fs::read(&path)?, secrets()) {
            anyhow::bail!("{}: {told}", path.display());
        }
    }
    Ok(())
}
