//! What a run that was cut off leaves behind.

use super::*;

fn config() -> Value {
    thing(&[("name", "a".into()), ("allow_destroy", true.into())])
}

/// Entries of the journal.
fn entries(harness: &Harness) -> Vec<String> {
    let dir = std::fs::read_dir(harness.data.path().join("test-journal")).into_iter().flatten();
    dir.map(|entry| std::fs::read_to_string(entry.unwrap().path()).unwrap()).collect()
}

/// Makes the thing in a run whose answer nobody has stored.
async fn forgotten(world: &'static str) -> Arc<tempfile::TempDir> {
    let harness = Harness::with(world, true).await;
    harness.created(&config()).await;
    Arc::clone(&harness.data)
}

#[tokio::test]
async fn what_this_state_was_about_to_make_is_taken_over_and_nothing_else_is() {
    let data = forgotten("journal take over").await;
    // Another folder, as another configuration has: somebody else's.
    let other = Harness::with("journal take over", true).await;
    assert_eq!(errors(&other.apply(&Value::Null, &config(), b"").await.diagnostics), ["error: It exists"]);
    // Another plan than the one that was cut off.
    let next = Harness::beside("journal take over", true, data).await;
    let changed = changed(&config(), &[("note", "n".into())]);
    assert_eq!(errors(&next.apply(&Value::Null, &changed, b"").await.diagnostics), ["error: It exists"]);
    let taken = next.apply(&Value::Null, &config(), b"").await;
    assert_eq!(errors(&taken.diagnostics), [""; 0]);
    assert_eq!(get(&next.value(&taken.new_state), "ready"), &true.into());
}

#[tokio::test]
async fn an_entry_goes_when_the_state_holds_the_object() {
    let data = forgotten("journal sweep").await;
    let next = Harness::beside("journal sweep", true, data).await;
    assert_eq!(entries(&next).len(), 1);
    let state = thing(&[("name", "a".into()), ("allow_destroy", true.into()), ("ready", true.into())]);
    next.read(&state, b"").await;
    next.apply(&Value::Null, &thing(&[("name", "b".into())]), b"").await;
    let left = entries(&next);
    assert!(left.len() == 1 && left[0].contains("\"place\":\"b\""), "{left:?}");
}

#[tokio::test]
async fn a_create_that_made_nothing_leaves_no_entry() {
    let harness = Harness::with("journal refused", true).await;
    for mishap in ["refused", "undo", "panic before"] {
        harness.world.goes_wrong(mishap);
        harness.apply(&Value::Null, &config(), b"").await;
        assert_eq!(entries(&harness), [""; 0], "{mishap}");
    }
}

#[tokio::test]
async fn a_removal_leaves_an_entry_only_while_it_is_not_over() {
    let harness = Harness::with("journal removal", true).await;
    let (state, private) = harness.created(&config()).await;
    harness.world.goes_wrong("delete fails");
    harness.apply(&state, &Value::Null, &private).await;
    let removals = |harness: &Harness| entries(harness).iter().filter(|text| text.contains("remove")).count();
    assert_eq!(removals(&harness), 0);
    harness.world.goes_wrong("delete unfinished");
    harness.apply(&state, &Value::Null, &private).await;
    assert_eq!(removals(&harness), 1);
    let data = Arc::clone(&harness.data);
    drop(harness);
    let next = Harness::beside("journal removal", true, data).await;
    next.world.goes_wrong("");
    next.apply(&state, &Value::Null, &private).await;
    assert_eq!(entries(&next), [""; 0]);
}
