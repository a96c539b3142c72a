//! Ctrl-C, time limits and a killed Terraform in the middle of a create.

use super::shelf::Shelf;

const WET: &str = "resource \"toy_note\" \"a\" {\n  name = \"a\"\n  text = \"x\"\n  mishap = \"wet_ink\"\n}\n";

#[test]
fn ctrl_c_in_a_create_taints_nothing_and_the_next_apply_carries_on() {
    let Some(shelf) = Shelf::with(WET) else { return };
    let mut running = shelf.start_apply().unwrap();
    let note = shelf.file("note.a.json");
    running.until("the note is written", || note.exists()).unwrap();
    assert_eq!(running.providers().unwrap().len(), 1);
    running.interrupt().unwrap();
    let output = running.wait().unwrap();
    assert!(output.says("Interrupt received."), "{}", output.told());
    assert!(output.says("Note a is still wet"), "{}", output.told());
    assert_eq!(shelf.untainted("toy_note.a")["ready"], false);

    let plan = shelf.plan().unwrap();
    assert_eq!(plan.actions("toy_note.a"), ["update"]);
    assert_eq!(plan.change("toy_note.a")["after_unknown"]["ready"], true);
    shelf.dry("a");
    shelf.applied();
    assert_eq!(shelf.untainted("toy_note.a")["ready"], true);
}

#[test]
fn a_postcondition_on_ready_holds_dependents_back_and_taints_nothing() {
    let gated = "resource \"toy_note\" \"a\" {\n  name = \"a\"\n  text = \"x\"\n  mishap = \"wet_ink\"\n\
                   timeouts = { create = \"1s\", update = \"1s\" }\n\
                   lifecycle {\n    postcondition {\n      condition = self.ready\n\
                   error_message = \"The note is not dry.\"\n    }\n  }\n}\n\
                 resource \"toy_note\" \"b\" {\n  name = \"b\"\n  text = toy_note.a.text\n}\n";
    let Some(shelf) = Shelf::with(gated) else { return };
    // The create, and then the resuming update, which may end unfinished as well.
    for _ in 0..2 {
        shelf.apply().unwrap().failed("The note is not dry.").unwrap();
        assert_eq!(shelf.untainted("toy_note.a")["ready"], false);
        assert!(shelf.instance("toy_note.b").unwrap().is_null());
        assert_eq!(shelf.plan().unwrap().actions("toy_note.a"), ["update"]);
    }
    shelf.dry("a");
    shelf.applied();
    assert_eq!(shelf.untainted("toy_note.b")["text"], "x");
}

#[test]
fn without_a_postcondition_dependents_go_on() {
    let open = WET.replace("mishap", "timeouts = { create = \"1s\" }\n  mishap");
    let dependent = "resource \"toy_note\" \"b\" {\n  name = \"b\"\n  text = toy_note.a.text\n}\n";
    let Some(shelf) = Shelf::with(&format!("{open}{dependent}")) else { return };
    let output = shelf.apply().unwrap().succeeded().unwrap();
    assert!(output.says("Warning: Note a is still wet"), "{}", output.told());
    assert_eq!(shelf.untainted("toy_note.b")["ready"], true);
    assert_eq!(shelf.untainted("toy_note.a")["ready"], false);
    shelf.dry("a");
    shelf.applied();
}

#[test]
fn a_provider_leaves_when_its_terraform_was_killed() {
    let Some(shelf) = Shelf::with(WET) else { return };
    let mut running = shelf.start_apply().unwrap();
    let note = shelf.file("note.a.json");
    running.until("the note is written", || note.exists()).unwrap();
    let providers = running.providers().unwrap();
    assert_eq!(providers.len(), 1);
    running.kill().unwrap();
    assert_eq!(running.wait().unwrap().code, None);
    let process = std::path::PathBuf::from(format!("/proc/{}/exe", providers[0]));
    for _ in 0..600 {
        if std::fs::read_link(&process).is_err() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    panic!("the provider is still there");
}
