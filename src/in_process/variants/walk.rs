//! Each attribute of an example that may be left out is set, changed, taken away and put back as the example has it; and
//! what the schema forbids is refused.
//!
//! The attributes follow each other closely, so that a step sets one, changes the one before and takes away the one before
//! that: n attributes need little more than n steps, and whatever goes wrong concerns one of a few.

use acceptance_tests::Beside;
use terraform_core::Config;
use tokio::task::JoinSet;

use super::description::arguments;
use super::{Attributes, culprit, points_at, values};
use crate::in_process::lives::{Bench, Example, bench_of, example_of, named};
use crate::in_process::resources;

/// An attribute on its way through its values.
struct Walk {
    name: String,
    /// What it is set to, one after the other; `None`: as the example has it.
    stations: Vec<Option<String>>,
    /// How many values were taken, and what was refused.
    taken: usize,
    refused: Vec<String>,
}

/// A resource that is being tried.
struct Subject {
    name: String,
    example: Example,
    bench: Bench,
}

/// A value that the schema forbids is refused before anything is sent, and the error points at the attribute.
async fn refuses_what_is_wrong(name: String) {
    let of = |attribute| Some((attribute, values::wrong(attribute)?));
    let arguments = arguments(&name);
    let wrong: Attributes = arguments.iter().filter_map(of).map(|(of, value)| (of.name.clone(), value)).collect();
    let bench = bench_of(&name).await;
    let before = bench.sim.world.with(|cluster| cluster.requests().len());
    let said = match bench.core.validate(&example_of(&name).with(&wrong)).await {
        Ok(_) => Vec::new(),
        Err(said) => said.errors,
    };
    for (attribute, value) in &wrong {
        assert!(
            said.iter().any(|error| points_at(error, attribute)),
            "{name}: {attribute} = {value} is taken: {said:?}"
        );
    }
    assert_eq!(bench.sim.world.with(|cluster| cluster.requests().len()), before, "{name}");
}

#[test]
fn what_stands_beside_examples_is_about_their_resources() {
    let mut beside_examples = 0;
    for name in named("resources") {
        let (beside, arguments) = (Beside::of(&name).unwrap_or_else(|error| panic!("{error:#}")), arguments(&name));
        for attribute in beside.attributes() {
            assert!(arguments.iter().any(|of| of.name == attribute), "{name} has no argument `{attribute}`");
            beside_examples += 1;
        }
    }
    assert!(beside_examples > 0, "nothing was read");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_resource_refuses_what_its_schema_forbids() {
    let all: JoinSet<()> = named("resources").into_iter().map(refuses_what_is_wrong).collect();
    all.join_all().await;
}

/// Those of plain objects are tried with their lives.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_resource_takes_its_variants() {
    let all: JoinSet<()> = resources(false).into_iter().map(takes_its_variants).collect();
    all.join_all().await;
}

async fn takes_its_variants(name: String) {
    let (mut walks, beside) = (Vec::new(), Beside::of(&name).unwrap());
    // An empty list of values: there is none that goes with the rest of the example.
    let alone = |name: &str| beside.values(name).is_some_and(<[String]>::is_empty);
    for attribute in arguments(&name).iter().filter(|of| of.rule != "required" && !alone(&of.name)) {
        let values = values::for_attribute(&beside, attribute).unwrap_or_else(|| {
            panic!("no values for all of {} of {name}: give some in its values.hcl", attribute.name)
        });
        let mut stations: Vec<Option<String>> = values.into_iter().map(Some).collect();
        stations.extend([Some("null".to_owned()), None]);
        walks.push(Walk { name: attribute.name.clone(), stations, taken: 0, refused: Vec::new() });
    }
    let (example, mut bench) = (example_of(&name), bench_of(&name).await);
    bench.core.apply(&Config::from_hcl(&example.text).unwrap()).await.unwrap_or_else(|said| panic!("{name}: {said}"));
    let mut subject = Subject { name, example, bench };
    let steps = walks.iter().enumerate().map(|(start, walk)| start + walk.stations.len()).max().unwrap_or(0);
    let mut current = Attributes::new();
    for step in 0..steps {
        let mut moved = Vec::new();
        for (start, walk) in walks.iter().enumerate() {
            let Some(station) = step.checked_sub(start).and_then(|n| walk.stations.get(n)) else { continue };
            if current.get(&walk.name) != station.as_ref() {
                moved.push((start, station.clone()));
            }
        }
        subject.step(&mut walks, &mut current, moved).await;
    }
    let name = &subject.name;
    assert!(current.is_empty(), "{name} could not be made what it was: {current:?}");
    for walk in &walks {
        assert!(walk.taken > 0, "{name}: no value of {} was taken: {}", walk.name, walk.refused.join("; "));
    }
    let example = Config::from_hcl(&subject.example.text).unwrap();
    subject.bench.core.destroy(&example).await.unwrap_or_else(|said| panic!("{name}: {said}"));
}

impl Subject {
    /// Applies a step, without those of its changes that are refused in the way a refusal has to be: with the attribute's
    /// name, and before anything was written.
    async fn step(&mut self, walks: &mut [Walk], current: &mut Attributes, mut moved: Vec<(usize, Option<String>)>) {
        let name = &self.name;
        while !moved.is_empty() {
            let mut wanted = current.clone();
            for (walk, value) in &moved {
                match value {
                    Some(value) => wanted.insert(walks[*walk].name.clone(), value.clone()),
                    None => wanted.remove(&walks[*walk].name),
                };
            }
            let config = self.example.with(&wanted);
            let written = self.bench.writes().len();
            let Err(said) = self.bench.core.apply(&config).await else {
                let plan =
                    self.bench.core.plan(&config).await.unwrap_or_else(|said| panic!("{name}, {wanted:?}: {said}"));
                assert!(plan.is_empty(), "{name}, {wanted:?}: {:?}", plan.actions());
                for (walk, value) in moved.drain(..) {
                    walks[walk].taken += usize::from(value.is_some_and(|value| value != "null"));
                }
                *current = wanted;
                return;
            };
            let names = moved.iter().map(|(walk, _)| walks[*walk].name.as_str());
            let which = culprit(&said, names).unwrap_or_else(|| panic!("{name}, {wanted:?} is refused: {said}"));
            assert_eq!(self.bench.writes().len(), written, "{name}, {wanted:?} is refused after a write: {said}");
            let (walk, value) = moved.remove(which);
            let value = value.unwrap_or_else(|| "what the example says".to_owned());
            walks[walk].refused.push(format!("{value}: {said}"));
        }
    }
}
