//! Debug mode: one process that any number of Terraform runs attach to.

use std::path::Path;

use serde_json::json;

use super::Options;

/// The line that, pasted into a shell, makes Terraform use this process.
///
/// `Test` keeps Terraform from killing the process and from sending `Shutdown` at the end of each run.
pub(super) fn announcement(options: &Options, socket: &Path, pid: u32) -> String {
    let value = json!({
        options.address: {
            "Protocol": "grpc",
            "ProtocolVersion": 6,
            "Pid": pid,
            "Test": true,
            "Addr": { "Network": "unix", "String": socket.to_string_lossy() },
        }
    });
    format!("TF_REATTACH_PROVIDERS='{value}'\n")
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
        let one = &value["registry.terraform.io/acme/cap"];
        assert_eq!(one["Protocol"], "grpc");
        assert_eq!(one["ProtocolVersion"], 6);
        assert_eq!(one["Pid"], 123);
        assert_eq!(one["Test"], true);
        assert_eq!(one["Addr"], json!({"Network": "unix", "String": "/run/p1"}));
    }
}
