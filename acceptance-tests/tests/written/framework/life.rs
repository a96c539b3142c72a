//! What goes well: every kind of change, every nesting mode, imports, large values.

use super::shelf::Shelf;

#[test]
fn in_place_and_replacing_changes() {
    let note = |name: &str, text: &str, more: &str| {
        format!("resource \"toy_note\" \"a\" {{\n  name = \"{name}\"\n  text = \"{text}\"\n{more}}}\n")
    };
    let Some(shelf) = Shelf::with(&note("a", "one", "")) else { return };
    let plan = shelf.plan().unwrap();
    assert_eq!(plan.actions("toy_note.a"), ["create"]);
    let change = plan.change("toy_note.a");
    assert_eq!((&change["after_unknown"]["lines"], &change["after_unknown"]["copies"]), (&true.into(), &true.into()));
    shelf.applied();
    let state = shelf.untainted("toy_note.a");
    assert_eq!((&state["copies"], &state["lines"], &state["ready"]), (&2.into(), &1.into(), &true.into()));

    shelf.configure(&note("a", "one\\ntwo", ""));
    let plan = shelf.plan().unwrap();
    assert_eq!(plan.actions("toy_note.a"), ["update"]);
    let change = plan.change("toy_note.a");
    assert_eq!(change["after_unknown"]["lines"], true);
    assert_eq!(change["after"]["copies"], 2, "what is left alone stays known");
    shelf.applied();
    assert_eq!(shelf.untainted("toy_note.a")["lines"], 2);

    shelf.configure(&note("a", "one\\ntwo", "  copies = 5\n"));
    shelf.applied();
    // Taken out of the configuration, it is left as it is.
    shelf.configure(&note("a", "one\\ntwo", ""));
    shelf.nothing_left();
    assert_eq!(shelf.untainted("toy_note.a")["copies"], 5);

    shelf.configure(&note("b", "one\\ntwo", ""));
    assert_eq!(shelf.plan().unwrap().actions("toy_note.a"), ["delete", "create"]);
    shelf.applied();
    assert!(!shelf.file("note.a.json").exists() && shelf.file("note.b.json").exists());

    // Removed by somebody else: made again.
    std::fs::remove_file(shelf.file("note.b.json")).unwrap();
    assert_eq!(shelf.plan().unwrap().actions("toy_note.a"), ["create"]);
    shelf.applied();

    shelf.destroy().unwrap().succeeded().unwrap();
    assert!(!shelf.file("note.b.json").exists());
}

#[test]
fn unknown_values_pass_through_everything() {
    let Some(shelf) = Shelf::with(
        "resource \"toy_note\" \"a\" {\n  name = \"a\"\n  text = \"one\\ntwo\"\n}\n\
         resource \"toy_note\" \"b\" {\n  name = \"b\"\n  text = \"a has ${toy_note.a.lines} lines\"\n  copies = toy_note.a.copies\n}\n\
         resource \"toy_cabinet\" \"c\" {\n  room = \"r\"\n  name = \"n${toy_note.a.lines}\"\n\
           by_content = { for n in [\"x\", \"y\"] : n => { label = n, width = toy_note.a.lines } }\n\
           loose = [{ label = toy_note.b.text }, { label = \"known\" }]\n}\n\
         data \"toy_catalogue\" \"all\" {\n  depends_on = [toy_note.b]\n}\n\
         output \"all\" {\n  value = data.toy_catalogue.all.notes\n}\n",
    ) else {
        return;
    };
    let plan = shelf.plan().unwrap();
    assert_eq!(plan.change("toy_note.b")["after_unknown"]["text"], true);
    assert_eq!(plan.change("toy_cabinet.c")["after_unknown"]["by_content"]["x"]["width"], true);
    shelf.applied();
    assert_eq!(shelf.untainted("toy_note.b")["text"], "a has 2 lines");
    assert_eq!(shelf.untainted("toy_cabinet.c")["by_content"]["y"]["width"], 2);
    assert_eq!(shelf.state().unwrap()["outputs"]["all"]["value"], serde_json::json!(["a", "b"]));
}

#[test]
fn every_nesting_mode() {
    let cabinet =
        |body: &str| format!("resource \"toy_cabinet\" \"c\" {{\n  room = \"attic\"\n  name = \"old\"\n{body}}}\n");
    let Some(shelf) = Shelf::with(&cabinet("")) else { return };
    shelf.applied();
    shelf.configure(&cabinet(
        "  top = { label = \"t\" }\n  row = [{ label = \"a\", width = 5 }, { label = \"b\", locked = true }]\n\
         loose = [{ label = \"x\" }, { label = \"y\", width = 7 }]\n\
         by_content = { pens = { label = \"p\" }, ink = { label = \"i\" } }\n  tags = [\"b\", \"a\"]\n",
    ));
    shelf.applied();
    let state = shelf.untainted("toy_cabinet.c");
    assert_eq!(state["top"]["serial"], "attic/old/t");
    assert_eq!(state["top"]["locked"], false);
    assert_eq!(state["row"][1]["locked"], true);
    assert_eq!(state["loose"].as_array().unwrap().len(), 2);
    assert_eq!(state["by_content"]["ink"]["serial"], "attic/old/i");

    // One element changed, one taken away, one added, in each.
    shelf.configure(&cabinet(
        "  top = { label = \"t2\" }\n  row = [{ label = \"a\", width = 6 }]\n\
         loose = [{ label = \"x\", locked = true }, { label = \"z\" }, { label = \"w\" }]\n\
         by_content = { pens = { label = \"p\", width = 1 }, paper = { label = \"q\" } }\n  tags = [\"c\"]\n",
    ));
    assert_eq!(shelf.plan().unwrap().actions("toy_cabinet.c"), ["update"]);
    shelf.applied();
    let state = shelf.untainted("toy_cabinet.c");
    assert_eq!(state["row"].as_array().unwrap().len(), 1);
    assert_eq!(state["by_content"]["pens"]["width"], 1);
    assert!(state["by_content"]["ink"].is_null());

    // Empty is not the same as absent.
    shelf.configure(&cabinet("  row = []\n  loose = []\n  by_content = {}\n  tags = []\n"));
    shelf.applied();
    let state = shelf.untainted("toy_cabinet.c");
    assert!(state["top"].is_null() && state["row"] == serde_json::json!([]));
    shelf.configure(&cabinet(""));
    shelf.applied();
    assert!(shelf.untainted("toy_cabinet.c")["row"].is_null());
    shelf.destroy().unwrap().succeeded().unwrap();
}

#[test]
fn import_by_id_and_by_identity() {
    let note = "resource \"toy_note\" \"a\" {\n  name = \"a\"\n  text = \"found\"\n}\n";
    let cabinet = "resource \"toy_cabinet\" \"c\" {\n  room = \"attic\"\n  name = \"old\"\n  tags = [\"x\"]\n}\n";
    let Some(shelf) = Shelf::with("") else { return };
    let page = "{\"text\": \"found\", \"copies\": 3, \"finished\": true}";
    std::fs::write(shelf.file("note.a.json"), page).unwrap();
    std::fs::write(shelf.file("cabinet.attic.old.json"), "{\"room\": \"attic\", \"name\": \"old\", \"tags\": [\"x\"]}")
        .unwrap();

    shelf.configure(note);
    shelf.import("toy_note.a", "a").unwrap().succeeded().unwrap();
    shelf.nothing_left();
    let state = shelf.untainted("toy_note.a");
    assert_eq!((&state["ready"], &state["copies"]), (&true.into(), &3.into()));
    assert_eq!(shelf.instance("toy_note.a").unwrap()["identity"]["name"], "a");

    let by_identity =
        "import {\n  to = toy_cabinet.c\n  identity = {\n    room = \"attic\"\n    name = \"old\"\n  }\n}\n";
    shelf.configure(&format!("{note}{cabinet}{by_identity}"));
    let plan = shelf.plan().unwrap();
    assert_eq!(plan.actions("toy_cabinet.c"), ["no-op"]);
    assert!(plan.output.says("1 to import, 0 to add, 0 to change"), "{}", plan.output.told());
    shelf.applied();
    assert_eq!(shelf.instance("toy_cabinet.c").unwrap()["identity"]["room"], "attic");

    // By an id of several parts, and one that is not there.
    shelf.run(&["state", "rm", "toy_cabinet.c"]).unwrap().succeeded().unwrap();
    shelf.configure(&format!("{note}{cabinet}"));
    shelf.import("toy_cabinet.c", "attic/new").unwrap().failed("Cannot import non-existent remote object").unwrap();
    shelf.import("toy_cabinet.c", "attic").unwrap().failed("Error").unwrap();
    shelf.import("toy_cabinet.c", "attic/old").unwrap().succeeded().unwrap();
    shelf.nothing_left();
}

#[test]
fn an_attribute_of_20_megabytes() {
    let Some(shelf) = Shelf::with("resource \"toy_note\" \"a\" {\n  name = \"a\"\n  text = file(\"big.txt\")\n}\n")
    else {
        return;
    };
    let line = "Twenty megabytes of this, and not a byte less or more than that.\n";
    shelf.write("big.txt", &line.repeat(20_000_000 / line.len())).unwrap();
    shelf.applied();
    assert_eq!(
        shelf.untainted("toy_note.a")["text"].as_str().map(str::len),
        Some(20_000_000 / line.len() * line.len())
    );
}

#[test]
fn faults_point_at_the_attribute() {
    let Some(shelf) = Shelf::with(
        "resource \"toy_note\" \"a\" {\n  name = \"A note\"\n  text = \"x\"\n  copies = 10\n}\n\
         resource \"toy_cabinet\" \"c\" {\n  room = \"r\"\n  name = \"n\"\n  row = [{ label = \"a\", width = 500 }]\n}\n",
    ) else {
        return;
    };
    let validated = shelf.validate().unwrap();
    let diagnostics = validated["diagnostics"].as_array().unwrap();
    let at: Vec<_> = diagnostics.iter().filter_map(|d| d["snippet"]["code"].as_str()).map(str::trim).collect();
    assert!(at.contains(&"name = \"A note\"") && at.contains(&"copies = 10"), "{validated:#}");
    // OpenTofu shows the head of the block for what lies within an attribute: there the words have to do.
    assert!(shelf.is_opentofu() || at.iter().any(|code| code.contains("width = 500")), "{validated:#}");
    assert!(diagnostics.iter().any(|d| d["summary"] == "Invalid value for row[0].width"), "{validated:#}");
    assert_eq!(validated["error_count"], 3, "{validated:#}");
}

#[test]
fn what_exists_is_not_taken_over() {
    let Some(shelf) = Shelf::with("resource \"toy_note\" \"a\" {\n  name = \"a\"\n  text = \"mine\"\n}\n") else {
        return;
    };
    let page = "{\"text\": \"theirs\", \"copies\": 3, \"finished\": true}";
    std::fs::write(shelf.file("note.a.json"), page).unwrap();
    shelf.apply().unwrap().failed("Note a exists already").unwrap();
    assert_eq!(std::fs::read_to_string(shelf.file("note.a.json")).unwrap(), page);
    assert!(shelf.instance("toy_note.a").unwrap().is_null());
}
