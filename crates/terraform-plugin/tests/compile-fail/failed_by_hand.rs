//! A `Failed` has no public parts.

use terraform_plugin::{Error, Failed};

fn main() {
    let _ = Failed { error: Error::new("a", "b") };
}
