//! The harness itself, with Terraform's built-in `terraform_data` and no provider of ours.

use std::path::PathBuf;

use acceptance_tests::{Program, Sim, Terraform, Version, Workspace, or_skip};

fn workspace() -> Option<Workspace> {
    let terraform = or_skip(Terraform::find())?;
    // Never started: nothing in these configurations needs it.
    let program = Program { path: PathBuf::from("/bin/true"), source: "acme/unused" };
    Some(Workspace::new(terraform, &program).unwrap())
}

#[test]
fn a_whole_life() {
    let Some(work) = workspace() else { return };
    work.write("main.tf", "resource \"terraform_data\" \"a\" {\n  input = \"one\"\n}\n").unwrap();
    work.init().unwrap().succeeded().unwrap();
    assert_eq!(work.validate().unwrap()["valid"], true);
    let plan = work.plan().unwrap();
    assert!(!plan.is_empty());
    assert_eq!(plan.actions("terraform_data.a"), ["create"]);
    assert!(plan.actions("terraform_data.b").is_empty());
    work.apply().unwrap().succeeded().unwrap();
    assert!(work.plan().unwrap().is_empty());
    assert_eq!(work.instance("terraform_data.a").unwrap()["attributes"]["output"]["value"], "one");
    work.write("main.tf", "resource \"terraform_data\" \"a\" {\n  input = \"two\"\n}\n").unwrap();
    let plan = work.plan().unwrap();
    assert_eq!(plan.actions("terraform_data.a"), ["update"]);
    assert_eq!(plan.change("terraform_data.a")["after"]["input"], "two");
    work.destroy().unwrap().succeeded().unwrap();
    assert!(work.instance("terraform_data.a").unwrap().is_null());
}

#[test]
fn errors_are_told() {
    let Some(work) = workspace() else { return };
    work.write("main.tf", "resource \"terraform_data\" \"a\" {\n  nonsense = 1\n}\n").unwrap();
    assert_eq!(work.validate().unwrap()["valid"], false);
    work.apply().unwrap().failed("An argument named \"nonsense\" is not expected here.").unwrap();
    assert!(work.plan().is_err());
}

#[test]
fn ctrl_c_reaches_terraform() {
    let Some(work) = workspace() else { return };
    work.write(
        "main.tf",
        "resource \"terraform_data\" \"a\" {\n  provisioner \"local-exec\" {\n    command = \"touch begun; sleep 60\"\n  }\n}\n",
    )
    .unwrap();
    let mut running = work.start_apply().unwrap();
    let begun = work.path().join("begun");
    running.until("the provisioner has begun", || begun.exists()).unwrap();
    running.interrupt().unwrap();
    let output = running.wait().unwrap();
    assert!(output.says("Interrupt received."), "{}", output.told());
    assert_eq!(output.code, Some(1), "{}", output.told());
}

#[test]
fn what_is_found_is_new_enough() {
    let Some(terraform) = or_skip(Terraform::find()) else { return };
    if std::env::var_os("TF_CLI").is_none() {
        assert!(terraform.version >= Version { major: 1, minor: 12, patch: 0 }, "{}", terraform.version);
    }
}

#[test]
fn a_cluster_is_simulated() {
    let sim = Sim::start(&["--nodes", "2"]).unwrap();
    assert_eq!(sim.endpoints().keys().collect::<Vec<_>>(), ["pve1", "pve2"]);
    let control = sim.control().strip_prefix("http://").unwrap();
    let apis = sim.endpoints().values().map(|endpoint| endpoint.strip_prefix("https://").unwrap());
    for address in apis.chain([control]) {
        std::net::TcpStream::connect(address).unwrap_or_else(|error| panic!("{address}: {error}"));
    }
    let fingerprints = sim.environment().find(|(name, _)| *name == "PVE_FINGERPRINTS").unwrap().1;
    assert!(fingerprints.starts_with("pve1="), "{fingerprints}");
}
