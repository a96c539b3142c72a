//! Debug mode: one process that any number of Terraform runs attach to.

use std::path::Path;

use serde_json::json;

use super::Options;

/// The registry that Terraform means when a source names none, and the one that OpenTofu means.
const REGISTRIES: [&str; 2] = ["registry.terraform.io/", "registry.opentofu.org/"];

/// The line that, pasted into a shell, makes Terraform or OpenTofu use this process.
///
/// `Test` keeps Terraform from killing the process and from sending `Shutdown` at the end of each run.
pub(super) fn announcement(options: &Options, socket: &Path, pid: u32) -> String {
    let attach = json!({
        "Protocol": "grpc",
        "ProtocolVersion": 6,
        "Pid": pid,
        "Test": true,
        "Addr": { "Network": "unix", "String": socket.to_string_lossy() },
    });
    let value: serde_json::Map<_, _> = addresses(options.address).map(|address| (address, attach.clone())).collect();
    format!("TF_REATTACH_PROVIDERS='{}'\n", serde_json::Value::Object(value))
}

/// The same provider by every name that `source = "acme/acme"` has: entries for another product are passed over.
fn addresses(address: &str) -> impl Iterator<Item = String> {
    let short = REGISTRIES.iter().find_map(|registry| address.strip_prefix(registry));
    let all = match short {
        Some(short) => REGISTRIES.map(|registry| format!("{registry}{short}")).to_vec(),
        None => vec![address.to_owned()],
    };
    all.into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_the_form_that_terraform_reads() {
        let options =
            Options { name: "terraform-provider-cap", version: "0.1.0", address: "registry.terraform.io/acme/cap" };
        let line = announcement(&options, Path::new("/run/p1"), 123);
        let value = line.strip_prefix("TF_REATTACH_PROVIDERS='").unwrap().strip_suffix("'\n").unwrap();
        let value: serde_json::Value = serde_json::from_str(value).unwrap();
        assert_eq!(value.as_object().unwrap().len(), 2);
        assert_eq!(value["registry.opentofu.org/acme/cap"], value["registry.terraform.io/acme/cap"]);
        let one = &value["registry.terraform.io/acme/cap"];
        assert_eq!(one["Protocol"], "grpc");
        assert_eq!(one["ProtocolVersion"], 6);
        assert_eq!(one["Pid"], 123);
        assert_eq!(one["Test"], true);
        assert_eq!(one["Addr"], json!({"Network": "unix", "String": "/run/p1"}));
    }

    #[test]
    fn a_registry_of_its_own_is_the_only_one() {
        let all = |address| addresses(address).collect::<Vec<_>>();
        assert_eq!(all("registry.acme.example/acme/cap"), ["registry.acme.example/acme/cap"]);
        assert_eq!(
            all("registry.opentofu.org/acme/cap"),
            ["registry.terraform.io/acme/cap", "registry.opentofu.org/acme/cap"]
        );
    }
}
