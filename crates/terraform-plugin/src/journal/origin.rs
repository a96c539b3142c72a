//! Which state an entry is for. Workspaces share one folder of Terraform's data.

use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Workspace and backend.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Origin {
    workspace: String,
    /// A digest of where the state is kept, as `terraform init` has written it down; empty for local files.
    backend: String,
}

impl Origin {
    /// Reads what Terraform has written down: the workspace in `environment`, the backend in `terraform.tfstate`.
    pub(super) fn read(data_dir: &Path) -> Self {
        let named = std::env::var("TF_WORKSPACE").ok().filter(|name| !name.is_empty());
        let chosen = || std::fs::read_to_string(data_dir.join("environment")).ok();
        let workspace = named.or_else(chosen).map(|name| name.trim().to_owned()).filter(|name| !name.is_empty());
        Self { workspace: workspace.unwrap_or_else(|| "default".to_owned()), backend: backend(data_dir) }
    }
}

fn backend(data_dir: &Path) -> String {
    #[derive(Deserialize)]
    struct Stored {
        backend: Option<Backend>,
    }
    #[derive(Deserialize)]
    struct Backend {
        #[serde(rename = "type")]
        kind: String,
        config: serde_json::Value,
    }
    let stored = std::fs::read(data_dir.join("terraform.tfstate")).unwrap_or_default();
    match serde_json::from_slice::<Stored>(&stored) {
        Ok(Stored { backend: Some(Backend { kind, config }) }) => {
            hex::encode(Sha256::digest(format!("{kind} {}", lasting(config))))
        }
        _ => String::new(),
    }
}

/// Where the state is kept, without what opens the door: credentials change from run to run, and are no business of a journal.
fn lasting(config: serde_json::Value) -> serde_json::Value {
    const SECRET: [&str; 7] = ["password", "token", "secret", "access_key", "sas", "credentials", "username"];
    match config {
        serde_json::Value::Object(config) => config
            .into_iter()
            .filter(|(name, value)| !value.is_null() && !SECRET.iter().any(|secret| name.contains(secret)))
            .map(|(name, value)| (name, lasting(value)))
            .collect(),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workspaces_and_backends_are_told_apart() {
        let dir = tempfile::tempdir().unwrap();
        let plain = Origin::read(dir.path());
        std::fs::write(dir.path().join("environment"), "staging").unwrap();
        let staging = Origin::read(dir.path());
        let state = r#"{"version":3,"backend":{"type":"s3","config":{"bucket":"a"},"hash":1}}"#;
        std::fs::write(dir.path().join("terraform.tfstate"), state).unwrap();
        let remote = Origin::read(dir.path());
        assert!(plain != staging && staging != remote);
        assert_eq!((staging.workspace.as_str(), staging.backend.as_str()), ("staging", ""));
        let opened = state.replace("\"bucket\":\"a\"", "\"bucket\":\"a\",\"secret_key\":\"s3cr3t\",\"region\":null");
        std::fs::write(dir.path().join("terraform.tfstate"), opened).unwrap();
        assert_eq!(Origin::read(dir.path()), remote, "credentials say nothing of the place");
    }
}
