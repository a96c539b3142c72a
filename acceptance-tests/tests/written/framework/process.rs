//! The provider's process, as far as only a real Terraform can judge it.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use acceptance_tests::Program;

use super::shelf::Shelf;

const NOTE: &str = "resource \"toy_note\" \"a\" {\n  name = \"a\"\n  text = \"x\"\n}\n";

#[test]
fn debug_mode_serves_one_run_after_the_other() {
    let Some(mut shelf) = Shelf::with(NOTE) else { return };
    let toy = Program::framework_example("toy", "acme/toy").unwrap();
    let mut provider =
        Command::new(toy.path).arg("--debug").current_dir(shelf.path()).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(provider.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let (name, value) = line.trim().split_once('=').unwrap();
    shelf.set(name, value.trim_matches('\''));

    shelf.applied();
    // Ctrl-C stops one run and not those after it.
    shelf.configure(&NOTE.replace("text", "mishap = \"wet_ink\"\n  text").replace("\"a\"", "\"b\""));
    let mut running = shelf.start_apply().unwrap();
    let note = shelf.file("note.b.json");
    running.until("the note is written", || note.exists()).unwrap();
    running.interrupt().unwrap();
    assert!(running.wait().unwrap().says("Note b is still wet"));
    shelf.dry("b");
    shelf.applied();
    shelf.destroy().unwrap().succeeded().unwrap();
    assert!(provider.try_wait().unwrap().is_none(), "the provider has left");
    assert!(Command::new("kill").args(["-INT", &provider.id().to_string()]).status().unwrap().success());
    assert!(provider.wait().unwrap().success());
}

#[test]
fn logs_reach_terraforms_log_with_their_level_and_fields() {
    let Some(mut shelf) = Shelf::with(NOTE) else { return };
    let log = shelf.path().join("tf.log");
    shelf.set("TF_LOG", "JSON");
    shelf.set("TF_LOG_PATH", log.to_str().unwrap());
    shelf.applied();
    let log = std::fs::read_to_string(log).unwrap();
    let lines = log.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let ours: Vec<_> = lines.filter(|line| line["@message"] == "leaving").collect();
    assert!(!ours.is_empty(), "no line of the provider in the log");
    for line in ours {
        // A line that Terraform cannot read becomes plain text, with everything in its message.
        assert_eq!((&line["@level"], &line["ending"]), (&"debug".into(), &"Shutdown".into()), "{line}");
    }
}

#[test]
fn without_tls() {
    let Some(mut shelf) = Shelf::with(NOTE) else { return };
    shelf.set("TF_DISABLE_PLUGIN_TLS", "1");
    shelf.applied();
}
