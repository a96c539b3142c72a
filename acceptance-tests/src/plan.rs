//! What Terraform plans.

use serde_json::Value;

use crate::Output;

/// A plan that was made.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What the command said.
    pub output: Output,
    /// The plan as `terraform show -json` tells it.
    pub json: Value,
}

impl Plan {
    /// Whether nothing is to be done ("No changes.").
    pub fn is_empty(&self) -> bool {
        self.output.code == Some(0)
    }

    /// What is planned for a resource: `create`, `update`, `delete`, `no-op`; replacement is two of them.
    pub fn actions(&self, address: &str) -> Vec<&str> {
        self.change(address)["actions"].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
    }

    /// The `change` of a resource with `before`, `after`, `after_unknown`, `replace_paths`; null if there is none.
    pub fn change(&self, address: &str) -> &Value {
        let changes = self.json["resource_changes"].as_array();
        changes.into_iter().flatten().find(|change| change["address"] == address).map_or(&Value::Null, |c| &c["change"])
    }
}
