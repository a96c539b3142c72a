use std::sync::atomic::AtomicUsize;

use super::*;
use crate::schema::Rule;
use crate::value::Type;

fn journal(dir: &Path, scope: &'static str) -> Arc<Journal> {
    by(dir, scope, None).0
}

/// One whose provider was configured with this, and how often it has asked for the scope.
fn by(dir: &Path, scope: &'static str, way: Option<&str>) -> (Arc<Journal>, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let scope = Box::new(move || -> BoxFuture<'static, String> {
        count.fetch_add(1, Ordering::Relaxed);
        Box::pin(async move { scope.to_owned() })
    });
    let ask = Ask { scope, way: way.map(str::to_owned), clock: Box::new(|| 7) };
    (Arc::new(Journal::new(dir, "test", ask)), asked)
}

fn attributes() -> Vec<Attribute> {
    let plain = |name: &str| Attribute::new(name, Kind::Plain(Type::String), Rule::Optional);
    vec![plain("name"), Attribute { local: true, ..plain("note") }, Attribute { sensitive: true, ..plain("password") }]
}

fn planned(name: &str, note: &str, password: &str) -> Attributes {
    [("name", name), ("note", note), ("password", password)].map(|(k, v)| (k.to_owned(), v.into())).into()
}

fn intent(journal: &Arc<Journal>, name: &str) -> Intent {
    journal.intent(Verb::Create, "thing", &attributes(), &planned(name, "n", "p"))
}

fn place(name: &str) -> Option<String> {
    Some(name.to_owned())
}

/// As a process that was killed leaves it: written, and unlocked.
async fn killed(journal: &Arc<Journal>, name: &str) {
    let written = intent(journal, name);
    written.write(place(name)).await.unwrap();
}

#[tokio::test]
async fn what_a_killed_run_was_about_to_make_is_known_by_the_next() {
    let dir = tempfile::tempdir().unwrap();
    let first = journal(dir.path(), "lab");
    assert_eq!(intent(&first, "a").former(Some("a")).await, None);
    killed(&first, "a").await;

    let next = journal(dir.path(), "lab");
    assert_eq!(intent(&next, "b").former(Some("b")).await, None, "another plan");
    assert_eq!(intent(&next, "a").former(Some("b")).await, None, "another place");
    let taken = intent(&next, "a");
    assert_eq!(taken.former(None).await.unwrap().place, place("a"));
    assert_eq!(intent(&next, "a").former(None).await, None, "it is given away once");
    // Not ours after all: the note stays. Made anew, and nothing came of it: it goes.
    taken.strike();
    drop(taken);
    let again = intent(&next, "a");
    assert!(again.former(None).await.is_some());
    again.write(place("a")).await.unwrap();
    again.strike();
    assert_eq!(intent(&next, "a").former(None).await, None);
}

#[tokio::test]
async fn another_cluster_another_state_and_another_type_are_somebody_elses() {
    let dir = tempfile::tempdir().unwrap();
    killed(&journal(dir.path(), "lab"), "a").await;
    assert_eq!(intent(&journal(dir.path(), "other lab"), "a").former(None).await, None);
    let next = journal(dir.path(), "lab");
    let other = next.intent(Verb::Create, "other", &attributes(), &planned("a", "n", "p"));
    assert_eq!(other.former(None).await, None);
    std::fs::write(dir.path().join("environment"), "staging").unwrap();
    assert_eq!(intent(&journal(dir.path(), "lab"), "a").former(None).await, None);
}

#[tokio::test(start_paused = true)]
async fn an_entry_is_its_process_as_long_as_that_lives() {
    let dir = tempfile::tempdir().unwrap();
    let (one, alias) = (journal(dir.path(), "lab"), journal(dir.path(), "lab"));
    let working = intent(&one, "a");
    working.write(place("a")).await.unwrap();
    assert_eq!(intent(&alias, "a").former(None).await, None);
    working.answered(None);
    drop(working);
    assert_eq!(intent(&alias, "a").former(None).await, None, "answered, and its process lives");
    drop(one);
    // Terraform may have died before it stored the answer.
    assert!(intent(&alias, "a").former(None).await.is_some());
}

#[tokio::test]
async fn what_a_living_process_is_making_is_told_from_what_a_killed_one_was() {
    let dir = tempfile::tempdir().unwrap();
    let (theirs, ours) = (journal(dir.path(), "lab"), journal(dir.path(), "lab"));
    let making = intent(&theirs, "a");
    making.write(place("a")).await.unwrap();
    assert!(ours.is_being_made("thing", "a").await);
    assert!(!theirs.is_being_made("thing", "a").await, "what one does oneself is nobody else's doing");
    assert!(!ours.is_being_made("thing", "b").await && !ours.is_being_made("other", "a").await);
    assert!(!journal(dir.path(), "elsewhere").is_being_made("thing", "a").await);
    // Told, and still alive: Terraform may not have written it down.
    making.answered(place("a"));
    assert!(ours.is_being_made("thing", "a").await);
    drop((making, theirs));
    assert!(!ours.is_being_made("thing", "a").await);
    assert!(intent(&ours, "a").former(Some("a")).await.is_some(), "and looking has taken nothing");
}

#[tokio::test]
async fn what_the_state_holds_by_now_is_struck_out() {
    let dir = tempfile::tempdir().unwrap();
    let first = journal(dir.path(), "lab");
    killed(&first, "a").await;
    killed(&first, "b").await;
    let next = journal(dir.path(), "lab");
    next.arrived("thing", "a").await;
    next.arrived("other", "b").await;
    assert_eq!(intent(&next, "a").former(None).await, None);
    assert!(intent(&next, "b").former(None).await.is_some());
}

#[tokio::test]
async fn nobody_is_asked_where_the_entry_came_the_same_way() {
    for (way, left, asked) in [(Some("https://a pinned AA"), 0, 0), (Some("https://b pinned BB"), 0, 1), (None, 0, 1)] {
        let dir = tempfile::tempdir().unwrap();
        killed(&by(dir.path(), "lab", Some("https://a pinned AA")).0, "a").await;
        let (next, times) = by(dir.path(), "lab", way);
        next.arrived("thing", "a").await;
        next.arrived("thing", "b").await;
        let entries = entry::fitting(&next.dir, |_| false, |_| true);
        assert_eq!((entries.len(), times.load(Ordering::Relaxed)), (left, asked), "{way:?}");
    }
}

#[tokio::test]
async fn another_way_to_another_cluster_strikes_nothing() {
    for way in [Some("https://a pinned AA"), None] {
        let dir = tempfile::tempdir().unwrap();
        killed(&by(dir.path(), "lab", way).0, "a").await;
        by(dir.path(), "other lab", Some("https://b pinned BB")).0.arrived("thing", "a").await;
        by(dir.path(), "other lab", None).0.arrived("thing", "a").await;
        assert_eq!(entry::fitting(&dir.path().join("test-journal"), |_| false, |_| true).len(), 1);
    }
}

#[tokio::test]
async fn what_began_before_it_had_a_name_is_known_by_the_way() {
    let (here, there) = (Some("https://a pinned AA"), Some("https://b pinned BB"));
    for (scope, way, known) in [("lab", here, true), ("lab", there, false), ("lab", None, false), ("", None, true)] {
        let dir = tempfile::tempdir().unwrap();
        let first = by(dir.path(), "", here).0;
        let making = intent(&first, "a");
        making.write(place("a")).await.unwrap();
        let next = by(dir.path(), scope, way).0;
        assert_eq!(next.is_being_made("thing", "a").await, known, "{scope} {way:?}");
        drop((making, first));
        assert_eq!(intent(&next, "a").former(Some("a")).await.is_some(), known, "{scope} {way:?}");
    }
}

#[tokio::test]
async fn a_name_that_could_not_be_told_is_asked_for_again() {
    let dir = tempfile::tempdir().unwrap();
    let told = ["", "", "lab", "other lab"];
    let count = AtomicUsize::new(0);
    let scope = Box::new(move || -> BoxFuture<'static, String> {
        let told = told[count.fetch_add(1, Ordering::Relaxed)];
        Box::pin(async move { told.to_owned() })
    });
    let journal = Arc::new(Journal::new(dir.path(), "test", Ask { scope, way: None, clock: Box::new(|| 7) }));
    for name in ["a", "b", "c", "d"] {
        killed(&journal, name).await;
    }
    let mut scopes: Vec<_> = entry::fitting(&journal.dir, |_| false, |_| true)
        .into_iter()
        .map(|(_, entry)| (entry.place.unwrap(), entry.scope))
        .collect();
    scopes.sort();
    let pairs = [("a", ""), ("b", ""), ("c", "lab"), ("d", "lab")];
    assert_eq!(scopes, pairs.map(|(place, scope)| (place.to_owned(), scope.to_owned())));
}

#[tokio::test]
async fn a_removal_that_was_cut_off_is_known_until_it_is_over() {
    let dir = tempfile::tempdir().unwrap();
    let first = journal(dir.path(), "lab");
    let removal = first.intent(Verb::Remove, "thing", &attributes(), &planned("a", "n", "p"));
    removal.write(place("a")).await.unwrap();
    drop(removal);
    let next = journal(dir.path(), "lab");
    assert!(next.was_removing("thing", "a").await && !next.was_removing("thing", "b").await);
    assert_eq!(intent(&next, "a").former(None).await, None, "a removal is no creation");
    // The removal that goes on knows it as well: the entry is its own by then.
    let again = next.intent(Verb::Remove, "thing", &attributes(), &planned("a", "n", "p"));
    assert!(!again.carries_on(Verb::Remove, "thing"));
    again.write(place("a")).await.unwrap();
    assert!(again.carries_on(Verb::Remove, "thing") && !again.carries_on(Verb::Create, "thing"));
    drop(again);
    let next = journal(dir.path(), "lab");
    next.over("thing", "a").await;
    assert!(!next.was_removing("thing", "a").await);
}

#[test]
fn neither_local_values_nor_secrets_are_in_the_digest() {
    let of = |name, note, password| digest(&attributes(), &planned(name, note, password));
    assert_eq!(of("a", "n", "p"), of("a", "other", "other"));
    assert_ne!(of("a", "n", "p"), of("b", "n", "p"));
}

#[tokio::test]
async fn a_torn_entry_is_left_aside() {
    let dir = tempfile::tempdir().unwrap();
    let first = journal(dir.path(), "lab");
    killed(&first, "a").await;
    std::fs::write(first.dir.join("thing-0-0-0.json"), "{\"verb\": \"cre").unwrap();
    assert!(intent(&journal(dir.path(), "lab"), "a").former(None).await.is_some());
}

#[tokio::test]
async fn a_folder_that_cannot_be_written_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("test-journal"), "a file").unwrap();
    assert!(intent(&journal(dir.path(), "lab"), "a").write(None).await.is_err());
}

#[tokio::test]
async fn what_one_cluster_holds_says_nothing_of_anothers() {
    let dir = tempfile::tempdir().unwrap();
    killed(&journal(dir.path(), "lab"), "a").await;
    journal(dir.path(), "other lab").arrived("thing", "a").await;
    assert!(intent(&journal(dir.path(), "lab"), "a").former(None).await.is_some());
}

#[tokio::test]
async fn a_place_that_the_api_chose_is_noted_with_the_answer() {
    let dir = tempfile::tempdir().unwrap();
    let first = journal(dir.path(), "lab");
    let made = intent(&first, "a");
    made.write(None).await.unwrap();
    made.answered(place("101"));
    drop((made, first));
    let next = journal(dir.path(), "lab");
    next.arrived("thing", "101").await;
    assert_eq!(intent(&next, "a").former(None).await, None, "the state holds it: it is not to be taken twice");
}

#[test]
fn a_mark_that_was_cut_off_leaves_the_entry_readable() {
    let dir = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let first = journal(dir.path(), "lab");
    runtime.block_on(killed(&first, "a"));
    let (path, _) = entry::fitting(&first.dir, |_| false, |_| true).pop().unwrap();
    let text = std::fs::read_to_string(&path).unwrap().replace("\"answered\":false}", "\"answered\":true}}");
    std::fs::write(&path, text).unwrap();
    assert_eq!(entry::fitting(&first.dir, |_| false, |entry| entry.answered).len(), 1);
}
