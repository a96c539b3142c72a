//! What is remembered of a file beside its attributes: by what it is known to be as it was written here.
//!
//! Of a content that stands in the state it is a digest. Of a secret nothing is kept that depends on it: a digest, salted or
//! not, would let whoever reads the state try weak ones. There it is the time of the file's last change.

use pve_client::shell::files::Found;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use terraform_plugin::Private;

const WRITTEN: &str = "written";
/// Whether somebody else has changed it since.
const CHANGED: &str = "changed";

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Written {
    modified: String,
    digest: Option<String>,
}

impl Written {
    /// What is remembered, if anything is.
    pub(super) fn of(private: &Private) -> Option<Self> {
        private.get(WRITTEN)
    }

    /// Remembers that it is ours as it is now. `content`: where it may stand in the state.
    pub(super) fn by_us(private: &Private, modified: String, content: Option<&str>) {
        private.set(WRITTEN, Self { modified, digest: content.map(|content| digest(content.as_bytes())) });
        private.remove(CHANGED);
    }

    /// Whether what was found, with its content where that is shown, is what was written.
    pub(super) fn fits(&self, found: &Found) -> bool {
        match &self.digest {
            Some(written) => *written == digest(&found.content),
            None => self.modified == found.modified,
        }
    }

    /// Whether somebody else has changed it, as far as the last look tells.
    pub(super) fn is_changed(private: &Private) -> bool {
        private.get::<bool>(CHANGED) == Some(true)
    }

    pub(super) fn set_changed(private: &Private, changed: bool) {
        match changed {
            true => private.set(CHANGED, true),
            false => private.remove(CHANGED),
        }
    }
}

fn digest(content: &[u8]) -> String {
    Sha256::digest(content).iter().map(|byte| format!("{byte:02x}")).collect()
}
