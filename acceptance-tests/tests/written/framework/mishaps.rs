//! Providers with defects: nothing is orphaned, nothing is tainted.

use super::shelf::Shelf;

fn note(mishap: &str) -> String {
    format!("resource \"toy_note\" \"a\" {{\n  name = \"a\"\n  text = \"x\"\n  mishap = \"{mishap}\"\n}}\n")
}

#[test]
fn a_panic_before_the_write_is_an_error_and_nothing_exists() {
    let Some(shelf) = Shelf::with(&note("panic_before")) else { return };
    let output = shelf.apply().unwrap().failed("the pen broke before a word was written").unwrap();
    // Terraform shows the report of the panic, too; OpenTofu does only for what went down with it.
    let reported = output.says("The terraform-provider-toy_v0.1.0 plugin crashed!");
    assert!(reported || shelf.is_opentofu(), "{}", output.told());
    assert!(shelf.instance("toy_note.a").unwrap().is_null());
    assert!(!shelf.file("note.a.json").exists());
}

#[test]
fn a_panic_after_the_write_orphans_nothing() {
    let Some(shelf) = Shelf::with(&note("panic_after")) else { return };
    let output = shelf.apply().unwrap().succeeded().unwrap();
    assert!(output.says("the pen broke when the note was written"), "{}", output.told());
    assert_eq!(shelf.untainted("toy_note.a")["ready"], false);
    assert_eq!(shelf.plan().unwrap().actions("toy_note.a"), ["update"]);
    shelf.applied();
    assert_eq!(shelf.untainted("toy_note.a")["ready"], true);
}

#[test]
fn a_result_that_contradicts_the_plan_taints_nothing() {
    let Some(shelf) = Shelf::with(&note("contradiction")) else { return };
    let output = shelf.apply().unwrap().succeeded().unwrap();
    assert!(output.says("Warning"), "{}", output.told());
    let state = shelf.untainted("toy_note.a");
    assert_eq!((&state["text"], &state["ready"]), (&"x".into(), &false.into()));
    shelf.apply().unwrap().succeeded().unwrap();
    shelf.nothing_left();
    assert_eq!(shelf.untainted("toy_note.a")["ready"], true);
}

#[test]
fn the_same_is_an_error_for_developers() {
    let Some(mut shelf) = Shelf::with(&note("contradiction")) else { return };
    shelf.set("TERRAFORM_PLUGIN_STRICT", "1");
    shelf.apply().unwrap().failed("text").unwrap();
}
