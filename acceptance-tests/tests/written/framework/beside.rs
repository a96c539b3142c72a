//! What a provider offers beside resources: functions, actions, ephemeral resources.

use super::shelf::Shelf;

const NOTE: &str = "resource \"toy_note\" \"a\" {\n  name = \"a\"\n  text = \"x y x\"\n";

/// A function in an output, and something ephemeral that is used by nothing that is stored. Every client has both.
const USED: &str = "output \"counted\" {\n  value = provider::toy::count(toy_note.a.text, \"x\").occurs\n}\n\
     output \"lines\" {\n  value = provider::toy::lines(\"- \", \"a\", \"b\")\n}\n\
     ephemeral \"toy_reading\" \"a\" {\n  name = toy_note.a.lines > 0 ? toy_note.a.name : \"none\"\n  breath = 0\n}\n\
     locals {\n  read = ephemeral.toy_reading.a.text\n}\n";

const ACTION: &str = "action \"toy_copy\" \"a\" {\n  config {\n    name = \"a\"\n    copies = 2\n  }\n}\n";

#[test]
fn functions_ephemeral_values_and_actions_in_one_configuration() {
    let Some(shelf) = Shelf::with(&format!("{NOTE}}}\n{USED}")) else { return };
    shelf.apply().unwrap().succeeded().unwrap();
    let outputs = shelf.state().unwrap()["outputs"].clone();
    assert_eq!((&outputs["counted"]["value"], &outputs["lines"]["value"]), (&2.into(), &"- a\n- b\n".into()));
    shelf.nothing_left();
    assert_eq!(std::fs::read_to_string(shelf.file("reading.a.json")).unwrap().trim(), "\"closed\"");
    assert!(!shelf.state().unwrap().to_string().contains("toy_reading"));

    shelf.configure("output \"wrong\" {\n  value = provider::toy::count(\"a\", \"B\")\n}\n");
    let output = shelf.apply().unwrap().failed("lower-case letters").unwrap();
    assert!(output.says("\"word\""), "the argument is named: {}", output.told());

    // OpenTofu has no actions; nothing of them disturbs it.
    if shelf.is_opentofu() {
        return;
    }
    let trigger = "  lifecycle {\n    action_trigger {\n      events  = [after_create]\n      actions = [action.toy_copy.a]\n    }\n  }\n}\n";
    std::fs::remove_file(shelf.file("note.a.json")).unwrap();
    shelf.configure(&format!("{NOTE}{trigger}{ACTION}"));
    let output = shelf.apply().unwrap().succeeded().unwrap();
    for said in ["1 of 2 written", "2 of 2 written", "The ink runs low"] {
        assert!(output.says(said), "{said}: {}", output.told());
    }
    let copy = shelf.file("copy.a.json");
    std::fs::remove_file(&copy).unwrap();
    shelf.run(&["apply", "-auto-approve", "-invoke=action.toy_copy.a"]).unwrap().succeeded().unwrap();
    assert!(copy.exists());
}

#[test]
fn ctrl_c_in_an_action_is_told_where_it_stands() {
    let Some(shelf) = Shelf::with(&format!("{NOTE}}}\n")) else { return };
    if shelf.is_opentofu() {
        return;
    }
    shelf.apply().unwrap().succeeded().unwrap();
    let action = ACTION.replace("copies = 2", "mishap = \"slow\"");
    shelf.configure(&format!("{NOTE}}}\n{action}"));
    let mut running = shelf.start(&["apply", "-auto-approve", "-invoke=action.toy_copy.a"]).unwrap();
    let copy = shelf.file("copy.a.json");
    running.until("the copy is written", || copy.exists()).unwrap();
    running.interrupt().unwrap();
    let output = running.wait().unwrap();
    assert!(output.says("The pen was put down"), "{}", output.told());
}
