//! Which endpoints are used, and what is said of those that are not.

use std::collections::BTreeMap;

use acceptance_tests::{Sim, Workspace, cluster};

const VERSION: &str = "data \"pve_version\" \"v\" {}\n";
const SUMMARY: &str = "An endpoint is not used, because its certificate is another one";

/// `name=value,...`
fn pairs<'a>(all: impl IntoIterator<Item = (&'a String, &'a String)>) -> String {
    all.into_iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(",")
}

fn fingerprints(sim: &Sim) -> BTreeMap<String, String> {
    let text = sim.environment().find(|(name, _)| *name == "PVE_FINGERPRINTS").map_or("", |(_, value)| value);
    text.split(',').filter_map(|pair| pair.split_once('=')).map(|(n, f)| (n.to_owned(), f.to_owned())).collect()
}

fn told(work: &Workspace, arguments: &[&str]) -> anyhow::Result<String> {
    let output = work.run(&[arguments, &["-no-color", "-input=false"]].concat())?;
    assert_eq!(output.code, Some(0), "{}", output.told());
    // Terraform breaks lines as it likes.
    Ok(output.told().split_whitespace().filter(|word| *word != "│").collect::<Vec<_>>().join(" "))
}

#[test]
fn one_wrong_pin_among_several_is_told_in_every_run() -> anyhow::Result<()> {
    let Some((sim, mut work)) = cluster(&[])? else { return Ok(()) };
    work.write("main.tf", VERSION)?;
    assert!(!told(&work, &["plan"])?.contains(SUMMARY));
    let right = fingerprints(&sim);
    // The one that is asked first, and one that nobody would ask.
    for node in ["pve1", "pve3"] {
        let mut pins = right.clone();
        pins.insert(node.to_owned(), ["00"; 32].join(":"));
        work.set("PVE_FINGERPRINTS", &pairs(&pins));
        for _ in 0..2 {
            let told = told(&work, &["plan"])?;
            assert_eq!(told.matches(SUMMARY).count(), 1, "{told}");
            let (endpoint, seen) = (&sim.endpoints()[node], &right[node]);
            assert!(told.contains(endpoint.as_str()) && told.contains(seen.as_str()), "{told}");
        }
    }
    assert!(told(&work, &["apply", "-auto-approve"])?.contains(SUMMARY));
    Ok(())
}

#[test]
fn a_fingerprint_needs_no_name_where_there_is_one_endpoint() -> anyhow::Result<()> {
    let Some((sim, mut work)) = cluster(&["--nodes", "1"])? else { return Ok(()) };
    work.write("main.tf", VERSION)?;
    work.set("PVE_FINGERPRINTS", &fingerprints(&sim)["pve1"]);
    assert!(!told(&work, &["plan"])?.contains("Warning"));
    let url = sim.endpoints()["pve1"].clone();
    work.set("PVE_ENDPOINTS", "");
    work.set("PROXMOX_VE_ENDPOINT", &format!("{url}/"));
    assert!(!told(&work, &["plan"])?.contains("Warning"));
    // Of two nobody knows whose it is.
    work.set("PVE_ENDPOINTS", &format!("pve1={url},pve2={url}"));
    let output = work.try_plan(&[])?.failed("Whose fingerprint is it?")?;
    assert!(output.says("pve1, pve2"), "{}", output.told());
    Ok(())
}

#[test]
fn whoever_checks_no_certificate_is_told_so() -> anyhow::Result<()> {
    let Some((_sim, mut work)) = cluster(&["--nodes", "1"])? else { return Ok(()) };
    work.write("main.tf", VERSION)?;
    work.set("PROXMOX_VE_INSECURE", "true");
    assert!(!told(&work, &["plan"])?.contains("Warning"), "it is pinned");
    work.set("PVE_FINGERPRINTS", "");
    let told = told(&work, &["plan"])?;
    assert_eq!(told.matches("Certificates are not checked").count(), 1, "{told}");
    Ok(())
}
