//! Other values for what an example says.

use terraform_core::Config;

/// The example of a resource with other values.
pub(super) async fn changed(_: &str) -> Option<Config> {
    None
}
