//! What lies on the shelf is listed, written down, and taken over.

use super::shelf::Shelf;

const THINGS: &str = "resource \"toy_note\" \"a\" {\n  name = \"a\"\n  text = \"one $${two}\\n\\\"three\\\"\"\n}\n\
     resource \"toy_note\" \"b\" {\n  name = \"b\"\n  text = \"x\"\n}\n\
     resource \"toy_cabinet\" \"c\" {\n  room = \"r\"\n  name = \"c\"\n  tags = [\"red\"]\n  top  = { label = \"nails\", locked = true }\n\
       by_content = { \"two words\" = { label = \"z\" } }\n}\n";

#[test]
fn what_lies_on_the_shelf_is_found_and_taken_over() {
    let Some(shelf) = Shelf::with(THINGS) else { return };
    shelf.applied();
    // OpenTofu and older versions of Terraform know no lists, and see nothing different.
    if !shelf.schemas().unwrap().to_string().contains("list_resource_schemas") {
        return;
    }
    let before: Vec<_> =
        ["note.a.json", "cabinet.r.c.json"].map(|file| std::fs::read(shelf.file(file)).unwrap()).into();
    std::fs::remove_file(shelf.path().join("terraform.tfstate")).unwrap();
    shelf.configure("");
    let list = |ty: &str, name: &str, more: &str| {
        format!("list \"{ty}\" \"{name}\" {{\n  provider = toy\n  include_resource = true\n{more}}}\n")
    };
    let one =
        list("toy_note", "some", "  limit = 1\n") + &list("toy_cabinet", "none", "  config {\n    room = \"s\"\n  }\n");
    shelf.write("shelf.tfquery.hcl", &one).unwrap();
    let told = shelf.run(&["query", "-json"]).unwrap().succeeded().unwrap();
    let found = told.told().matches("\"type\":\"list_resource_found\"").count();
    assert_eq!(found, 1, "{}", told.told());
    assert!(!told.says("error"), "whoever stops listening is told no error: {}", told.told());

    let all = list("toy_note", "all", "") + &list("toy_cabinet", "all", "");
    shelf.write("shelf.tfquery.hcl", &all).unwrap();
    shelf.run(&["query", "-no-color", "-generate-config-out=found.tf"]).unwrap().succeeded().unwrap();
    let output = shelf.apply().unwrap().succeeded().unwrap();
    assert!(output.says("3 imported, 0 added, 0 changed, 0 destroyed"), "{}", output.told());
    shelf.nothing_left();
    let after: Vec<_> = ["note.a.json", "cabinet.r.c.json"].map(|file| std::fs::read(shelf.file(file)).unwrap()).into();
    assert_eq!(before, after);

    // A list that is short says so.
    std::fs::write(shelf.file("note.broken.json"), "no note").unwrap();
    std::fs::remove_file(shelf.path().join("found.tf")).unwrap();
    shelf.run(&["query", "-no-color"]).unwrap().failed("The shelf refuses").unwrap();
}
