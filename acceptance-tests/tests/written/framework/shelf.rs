//! A workspace for the toy provider.

use std::ops::Deref;
use std::path::PathBuf;

use acceptance_tests::{Product, Program, Terraform, Workspace, or_skip};
use serde_json::Value;

/// A workspace whose provider keeps its objects in `shelf/`.
pub(crate) struct Shelf(Workspace);

impl Deref for Shelf {
    type Target = Workspace;

    fn deref(&self) -> &Workspace {
        &self.0
    }
}

impl Shelf {
    /// A new one with that configuration; none without a Terraform.
    pub(crate) fn with(resources: &str) -> Option<Self> {
        let terraform = or_skip(Terraform::find())?;
        let toy = Program::framework_example("toy", "acme/toy").unwrap();
        let mut workspace = Workspace::new(terraform, &toy).unwrap();
        // Users run release builds, where a result that contradicts the plan must not taint.
        workspace.set("TERRAFORM_PLUGIN_STRICT", "0");
        std::fs::create_dir(workspace.path().join("shelf")).unwrap();
        let shelf = Self(workspace);
        shelf.configure(resources);
        shelf.init().unwrap().succeeded().unwrap();
        Some(shelf)
    }

    /// Whether it is OpenTofu that runs here, some of whose words are others.
    pub(crate) fn is_opentofu(&self) -> bool {
        Terraform::find().is_ok_and(|terraform| terraform.product == Product::OpenTofu)
    }

    /// Sets a variable for Terraform and the provider.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.0.set(name, value);
    }

    /// Replaces the configuration.
    pub(crate) fn configure(&self, resources: &str) {
        let provider = "terraform {\n  required_providers {\n    toy = { source = \"acme/toy\" }\n  }\n}\n\
                        provider \"toy\" {\n  shelf = \"${path.module}/shelf\"\n}\n";
        self.write("main.tf", &format!("{provider}{resources}")).unwrap();
    }

    /// Applies, and expects nothing to be left to do.
    pub(crate) fn applied(&self) {
        self.apply().unwrap().succeeded().unwrap();
        self.nothing_left();
    }

    /// Expects an empty plan.
    pub(crate) fn nothing_left(&self) {
        let plan = self.plan().unwrap();
        assert!(plan.is_empty(), "{}", plan.output.told());
    }

    /// The attributes in the state of a resource that must be there and must not be tainted.
    pub(crate) fn untainted(&self, address: &str) -> Value {
        let instance = self.instance(address).unwrap();
        assert!(instance.is_object(), "{address} is not in the state");
        assert_ne!(instance["status"], "tainted", "{address} is tainted");
        instance["attributes"].clone()
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.path().join("shelf").join(name)
    }

    /// Dries the ink of a note.
    pub(crate) fn dry(&self, note: &str) {
        std::fs::write(self.file(&format!("{note}.dry")), "").unwrap();
    }
}
