//! An error does not become a `Failed` by itself.

use terraform_plugin::{Error, Failed};

fn converted() -> Failed {
    Error::new("a", "b").into()
}

fn main() {
    let _ = converted;
}
