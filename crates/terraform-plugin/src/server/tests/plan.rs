//! PlanResourceChange.

use super::*;
use crate::private::Private;

#[tokio::test]
async fn a_create_plans_what_is_open_and_names_what_it_will_be() {
    let harness = Harness::with("plan create", true).await;
    let planned = harness.plan(&Value::Null, &thing(&[("name", "a".into()), ("token", "t".into())]), b"").await;
    assert_eq!(said(&planned.diagnostics), [""; 0]);
    let state = harness.value(&planned.planned_state);
    assert_eq!(
        (get(&state, "size"), get(&state, "ready"), get(&state, "token")),
        (&Value::Unknown, &Value::Unknown, &Value::Null)
    );
    assert_eq!(harness.identity(&planned.planned_identity), Value::object([("name", Value::from("a"))]));
    assert_eq!(Private::decode(&planned.planned_private).get::<bool>("planned"), Some(true));
    let open = harness.plan(&Value::Null, &thing(&[("name", Value::Unknown)]), b"").await;
    assert!(open.planned_identity.is_none());
}

#[tokio::test]
async fn an_update_carries_private_data_and_identity() {
    let harness = Harness::with("plan update", true).await;
    let (state, private) = harness.created(&thing(&[("name", "a".into())])).await;
    let unchanged = harness.plan(&state, &thing(&[("name", "a".into())]), &private).await;
    assert_eq!(harness.value(&unchanged.planned_state), state);
    let planned = harness.plan(&state, &thing(&[("name", "a".into()), ("note", "n".into())]), &private).await;
    assert_eq!(planned.planned_private, private);
    assert_eq!(harness.identity(&planned.planned_identity), Value::object([("name", Value::from("a"))]));
    assert!(planned.requires_replace.is_empty());
}

#[tokio::test]
async fn a_replacement_is_planned_anew_without_the_old_objects_memory() {
    let harness = Harness::with("plan replace", true).await;
    let (state, private) = harness.created(&thing(&[("name", "a".into())])).await;
    assert!(Private::decode(&private).get::<String>("fsid").is_some());
    let config = thing(&[("name", "b".into())]);
    let first = harness.plan(&state, &config, &private).await;
    assert_eq!(first.requires_replace.len(), 1);
    let second = harness.plan(&Value::Null, &config, &first.planned_private).await;
    assert_eq!(get(&harness.value(&second.planned_state), "size"), &Value::Unknown);
    assert_eq!(Private::decode(&second.planned_private).get::<String>("fsid"), None);

    harness.world.goes_wrong("plan replaces");
    let asked = harness.plan(&state, &thing(&[("name", "a".into()), ("note", "n".into())]), &private).await;
    assert_eq!(asked.requires_replace.len(), 1);
}

#[tokio::test]
async fn a_destroy_plans_null_and_asks_the_object() {
    let harness = Harness::with("plan destroy", true).await;
    let (state, private) = harness.created(&thing(&[("name", "a".into())])).await;
    let planned = harness.plan(&state, &Value::Null, &private).await;
    assert_eq!(harness.value(&planned.planned_state), Value::Null);
    assert_eq!(planned.planned_private, private);
    assert_eq!(said(&planned.diagnostics), ["warning at 1 steps: Still protected"]);
}

#[tokio::test]
async fn faults_of_the_objects_own_plan_are_found_before_terraform_finds_them() {
    let harness = Harness::with("plan faults", true).await;
    harness.world.goes_wrong("plan contradicts");
    let planned = harness.plan(&Value::Null, &thing(&[("name", "a".into())]), b"").await;
    let said = errors(&planned.diagnostics);
    assert!(said[0].starts_with("error at 1 steps: The provider has a bug: its plan for note is invalid"), "{said:?}");
    harness.world.goes_wrong("plan panics");
    let planned = harness.plan(&Value::Null, &thing(&[("name", "a".into())]), b"").await;
    assert!(errors(&planned.diagnostics)[0].contains("planning broke"));
}

#[tokio::test]
async fn a_plan_tells_what_the_apply_would_say() {
    let harness = Harness::with("plan ahead", true).await;
    let plan = async |note: &str| {
        harness.configure("plan ahead".into()).await;
        let config = thing(&[("name", "a".into()), ("note", note.into())]);
        said(&harness.plan(&Value::Null, &config, b"").await.diagnostics)
    };
    let early = "warning at 1 steps: The apply of a test_thing would fail as things are now (note) Too early";
    assert_eq!(plan("early").await, [early]);
    assert_eq!(plan("impossible").await, ["error at 1 steps: Never"]);
    assert_eq!(plan("fine").await, [""; 0]);
    harness.world.goes_wrong("cannot look");
    let unseen =
        "warning: What the apply of a test_thing depends on cannot be looked at now The world cannot be looked at";
    assert_eq!(plan("fine").await, [unseen]);
    harness.world.goes_wrong("");

    let response = harness.apply(&Value::Null, &thing(&[("name", "a".into()), ("note", "early".into())]), b"").await;
    assert_eq!(errors(&response.diagnostics), ["error at 1 steps: Too early"]);
}

#[tokio::test]
async fn nothing_is_looked_at_where_nothing_is_to_be_written() {
    let harness = Harness::with("plan no-op", true).await;
    let (state, private) = harness.created(&thing(&[("name", "a".into())])).await;
    harness.world.calls();
    harness.plan(&state, &thing(&[("name", "a".into())]), &private).await;
    harness.plan(&state, &thing(&[("name", "a".into()), ("allow_destroy", true.into())]), &private).await;
    assert_eq!(harness.world.calls(), ["plan", "plan"]);
    harness.plan(&state, &thing(&[("name", "a".into()), ("note", "n".into())]), &private).await;
    assert_eq!(harness.world.calls(), ["plan", "possible change"]);
}

#[tokio::test]
async fn a_removal_is_looked_at_when_it_is_planned_and_when_a_replacement_is() {
    let harness = Harness::with("plan removal", true).await;
    let config = thing(&[("name", "a".into()), ("note", "precious".into()), ("allow_destroy", true.into())]);
    let (state, private) = harness.created(&config).await;
    let destroyed = harness.plan(&state, &Value::Null, &private).await;
    assert_eq!(said(&destroyed.diagnostics), ["error: It is precious"]);
    let replaced = harness.plan(&state, &changed(&config, &[("name", "b".into())]), &private).await;
    let why = "It would be replaced, because `name` is \"a\" and is to be \"b\".";
    assert_eq!(said(&replaced.diagnostics), [format!("error: It is precious {why}")]);
    let unknown = harness.plan(&state, &changed(&config, &[("name", Value::Unknown)]), &private).await;
    assert!(said(&unknown.diagnostics)[0].ends_with("`name` is \"a\" and is to be (known after apply)."));
    let full = changed(&state, &[("note", "full".into())]);
    assert_eq!(
        said(&harness.plan(&full, &Value::Null, &private).await.diagnostics),
        ["warning: The removal of a test_thing would fail as things are now It is full"]
    );
    let response = harness.apply(&full, &Value::Null, &private).await;
    assert_eq!(errors(&response.diagnostics), ["error: It is full"]);
}

#[tokio::test]
async fn what_this_state_holds_does_not_exist_already() {
    let harness = Harness::with("plan held", true).await;
    let config = thing(&[("name", "a".into()), ("allow_destroy", true.into())]);
    let (state, private) = harness.created(&config).await;
    // Somebody else's, as far as this process knows.
    let fresh = Harness::with("plan held", true).await;
    assert_eq!(
        said(&fresh.plan(&Value::Null, &config, b"").await.diagnostics),
        ["warning: A test_thing that is to be made exists already It exists"]
    );
    // A tainted object, or the second plan of a replacement: no prior, and known from the refresh.
    fresh.configure("plan held".into()).await;
    fresh.read(&state, &private).await;
    assert_eq!(said(&fresh.plan(&Value::Null, &config, b"").await.diagnostics), [""; 0]);
    // Destroyed in one block and made in another.
    let going = fresh.plan(&state, &Value::Null, &private).await;
    let told = said(&going.diagnostics);
    assert!(told.iter().any(|text| text.contains("moved {") && text.contains("from = test_thing.OLD")), "{told:?}");
}

#[tokio::test]
async fn two_blocks_for_one_object_are_told_at_plan() {
    let harness = Harness::with("plan twice", true).await;
    let config = thing(&[("name", "a".into()), ("allow_destroy", true.into())]);
    let plan = async |prior: &Value, config: &Value| said(&harness.plan(prior, config, b"").await.diagnostics);
    assert_eq!(plan(&Value::Null, &config).await, [""; 0]);
    assert_eq!(plan(&Value::Null, &thing(&[("name", "b".into())])).await, [""; 0]);
    let told = plan(&Value::Null, &config).await;
    assert!(told.len() == 1 && told[0].starts_with("warning: Two blocks name one test_thing"), "{told:?}");

    // One of them has it already.
    harness.configure("plan twice".into()).await;
    let (state, _) = harness.created(&config).await;
    harness.configure("plan twice".into()).await;
    harness.read(&state, b"").await;
    assert_eq!(plan(&Value::Null, &config).await, [""; 0], "it may be tainted");
    let told = plan(&state, &config).await;
    assert!(told.len() == 1 && told[0].starts_with("warning: Two blocks name one test_thing"), "{told:?}");

    // `-replace`: planned as it is, then as a create. And a replacement that the object itself asks for.
    harness.configure("plan twice".into()).await;
    harness.read(&state, b"").await;
    assert_eq!(plan(&state, &config).await, [""; 0]);
    assert_eq!(plan(&Value::Null, &config).await, [""; 0]);
    harness.configure("plan twice".into()).await;
    let other = changed(&config, &[("name", "b".into())]);
    assert_eq!([plan(&state, &other).await, plan(&Value::Null, &other).await], [[""; 0]; 2]);
}

#[tokio::test]
async fn what_this_state_holds_is_not_to_be_imported() {
    let harness = Harness::with("plan held twice", true).await;
    let config = thing(&[("name", "a".into())]);
    harness.created(&config).await;
    let second = harness.apply(&Value::Null, &config, b"").await;
    let told = errors(&second.diagnostics);
    assert!(told.len() == 1 && told[0].contains("It exists This state holds it already"), "{told:?}");
}

#[tokio::test]
async fn what_no_plan_mends_fails_it_and_is_told_once() {
    let harness = Harness::with("plan lasting", true).await;
    harness.world.goes_wrong("locked out");
    let plan =
        async |name: &str| said(&harness.plan(&Value::Null, &thing(&[("name", name.into())]), b"").await.diagnostics);
    assert_eq!(plan("a").await, ["error: Locked out"]);
    assert_eq!(plan("b").await, [""; 0]);
    let (first, state) = (thing(&[("name", "a".into())]), thing(&[("name", "b".into())]));
    assert_eq!(said(&harness.read(&first, b"").await.diagnostics), [""; 0]);
    harness.configure("plan lasting".into()).await;
    assert_eq!(said(&harness.read(&first, b"").await.diagnostics), ["error: Locked out"]);
    let answer = harness.read(&state, b"").await;
    assert_eq!((said(&answer.diagnostics), harness.value(&answer.new_state)), (vec![], state.clone()));
    let imported = harness.read(&state, &Private::imported().encode()).await;
    assert_eq!(said(&imported.diagnostics), ["error: Locked out"], "or it would count as imported");
}

#[tokio::test]
async fn without_the_api_nothing_is_promised_of_what_the_provider_says() {
    let Harness { world, data, .. } = Harness::new("plan blind").await;
    let harness = Harness::beside("plan blind", true, Arc::clone(&data)).await;
    let port = |id: Value| Value::map([("x", Value::object([("number", 1.into()), ("id", id)]))]);
    let config = thing(&[("name", "a".into()), ("ports", port(Value::Null))]);
    let (state, private) = harness.created(&config).await;
    // Terraform does not configure a provider whose own configuration is not known yet.
    let blind = Harness { server: Server::with(StopToken::new(), true, data.path().to_owned()), world, data };
    let same = blind.plan(&state, &config, &private).await;
    assert_eq!(blind.value(&same.planned_state), state, "nothing changes");
    let other = changed(&config, &[("note", "n".into())]);
    let planned = blind.plan(&state, &other, &private).await;
    assert_eq!(said(&planned.diagnostics), [""; 0]);
    let planned = blind.value(&planned.planned_state);
    assert_eq!((get(&planned, "name"), get(&planned, "ports")), (&"a".into(), &port(Value::Unknown)));
}
