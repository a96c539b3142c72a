//! What is kept of an object when something fails.

use serde_json::json;
use tfplugin6 as tf;
use tonic::Status;

use super::fake::{Fake, after, core, edit, failed, identity};
use crate::{Config, Instance, Value};

fn config(note: &str) -> Config {
    Config::new().resource("t_thing.a", json!({"name": "n", "note": note}))
}

type Answer = tf::apply_resource_change::Response;
type Request = tf::apply_resource_change::Request;

fn applied(fake: &mut Fake, lie: fn(&Request, &mut Answer) -> Result<(), Status>) {
    fake.apply_resource_change = Some(Box::new(lie));
}

fn error(answer: &mut Answer) {
    answer.diagnostics.push(tf::Diagnostic { severity: 1, summary: "no".to_owned(), ..Default::default() });
}

/// What is kept after a creation that went wrong.
async fn created(lie: fn(&Request, &mut Answer) -> Result<(), Status>) -> Option<Instance> {
    let mut core = core(|fake| applied(fake, lie)).await.0;
    failed(core.apply(&config("x")).await);
    core.state.get("t_thing.a").cloned()
}

/// What is kept after a change that went wrong.
async fn changed(lie: fn(&Request, &mut Answer) -> Result<(), Status>) -> Instance {
    let mut core = after(&config("old"), |fake| applied(fake, lie)).await.0;
    failed(core.apply(&config("new")).await);
    core.state.get("t_thing.a").cloned().unwrap()
}

/// What is kept after a destruction that went wrong.
async fn destroyed(lie: fn(&Request, &mut Answer) -> Result<(), Status>) -> Instance {
    let mut core = after(&config("old"), |fake| applied(fake, lie)).await.0;
    failed(core.destroy(&config("old")).await);
    core.state.get("t_thing.a").cloned().unwrap()
}

#[tokio::test]
async fn of_a_creation() {
    let partial = created(|_, answer| {
        error(answer);
        answer.private = "partial".into();
        Ok(())
    })
    .await
    .unwrap();
    assert!(partial.tainted, "the next plan replaces it");
    assert_eq!((&partial.private[..], partial.identity_value().get("id")), (&b"partial"[..], "made".into()));
    let nothing = created(|_, answer| {
        error(answer);
        answer.new_state = None;
        Ok(())
    });
    assert_eq!(nothing.await, None);
    assert_eq!(created(|_, _| Err(Status::internal("boom"))).await, None);
    let other = created(|_, answer| {
        edit(&mut answer.new_state, "t_thing", &[("name", "other".into())]);
        Ok(())
    });
    let other = other.await.unwrap();
    assert!(other.tainted && other.get("name") == "other".into());
    let unknown = created(|_, answer| {
        edit(&mut answer.new_state, "t_thing", &[("id", Value::UNKNOWN)]);
        Ok(())
    });
    let unknown = unknown.await.unwrap();
    assert!(unknown.tainted && unknown.get("id") == Value::Null);
    let secret = created(|_, answer| {
        edit(&mut answer.new_state, "t_thing", &[("secret", "s".into())]);
        Ok(())
    });
    assert_eq!(secret.await, None);
    let null = created(|_, answer| {
        answer.new_state = None;
        Ok(())
    });
    assert_eq!(null.await, None);
    let without_identity = created(|_, answer| {
        error(answer);
        answer.new_identity = None;
        Ok(())
    });
    assert_eq!(without_identity.await.unwrap().identity, None, "it is stored as it is given");
}

#[tokio::test]
async fn of_a_change() {
    let said = changed(|_, answer| {
        error(answer);
        edit(&mut answer.new_state, "t_thing", &[("note", "half".into())]);
        answer.private = "half".into();
        Ok(())
    })
    .await;
    assert_eq!((said.get("note"), &said.private[..], said.tainted), ("half".into(), &b"half"[..], false));
    let nothing_said = changed(|_, answer| {
        error(answer);
        *answer = Answer { diagnostics: answer.diagnostics.clone(), ..Answer::default() };
        Ok(())
    })
    .await;
    assert_eq!((nothing_said.get("note"), &nothing_said.private[..]), ("old".into(), &b"applied"[..]));
    assert!(nothing_said.identity.is_some());
    let crashed = changed(|_, _| Err(Status::unavailable("gone"))).await;
    assert_eq!(
        (crashed.get("note"), crashed.private.len(), crashed.identity),
        ("old".into(), 0, None),
        "and what it kept for itself is lost"
    );
    let null = changed(|_, answer| {
        answer.new_state = None;
        Ok(())
    })
    .await;
    assert_eq!((null.get("note"), &null.private[..]), ("old".into(), &b"applied"[..]));
    let secret = changed(|_, answer| {
        edit(&mut answer.new_state, "t_thing", &[("secret", "s".into())]);
        Ok(())
    })
    .await;
    assert_eq!((secret.get("note"), secret.get("secret")), ("old".into(), Value::Null));
}

#[tokio::test]
async fn another_identity_is_taken() {
    let mut core = after(&config("old"), |fake| {
        applied(fake, |_, answer| {
            answer.new_identity = identity(&"another".into());
            Ok(())
        });
    })
    .await
    .0;
    core.apply(&config("new")).await.unwrap();
    assert_eq!(core.state.get("t_thing.a").unwrap().identity_value().get("id"), "another".into());
}

#[tokio::test]
async fn of_a_destruction() {
    let refused = destroyed(|asked, answer| {
        error(answer);
        answer.new_state.clone_from(&asked.prior_state);
        answer.private = asked.planned_private.clone();
        Ok(())
    })
    .await;
    assert_eq!((refused.get("note"), refused.tainted, &refused.private[..]), ("old".into(), false, &b"applied"[..]));
    assert_eq!(refused.identity, None, "only what is returned again is kept");
    let left = destroyed(|asked, answer| {
        answer.new_state.clone_from(&asked.prior_state);
        Ok(())
    })
    .await;
    assert_eq!(left.get("note"), "old".into());
    let crashed = destroyed(|_, _| Err(Status::internal("boom"))).await;
    assert_eq!((crashed.get("note"), &crashed.private[..]), ("old".into(), &b"applied"[..]));
}

#[tokio::test]
async fn of_a_replacement() {
    let renamed = Config::new().resource("t_thing.a", json!({"name": "m"}));
    let mut core = after(&config("old"), |fake| {
        applied(fake, |asked, answer| {
            if super::fake::got(asked.prior_state.as_ref(), "t_thing").is_null() {
                error(answer);
            }
            Ok(())
        });
    })
    .await
    .0;
    failed(core.apply(&renamed).await);
    let kept = core.state.get("t_thing.a").unwrap();
    assert!(kept.tainted && kept.get("name") == "m".into(), "the old one is gone, the new one is half");
}
