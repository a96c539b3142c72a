//! Variants of an example, made out of the schema: each attribute that may be left out is set, changed, taken away and put
//! back as the example has it.
//!
//! The attributes follow each other closely, so that a step sets one, changes the one before and takes away the one before
//! that: n attributes need little more than n steps, and whatever goes wrong concerns one of a few.

use std::collections::BTreeMap;

use acceptance_tests::Output;
use anyhow::{Context as _, ensure};

use super::resource::Subject;
use super::{arguments, values};

/// An attribute on its way through its values.
struct Walk<'a> {
    name: &'a str,
    /// What it is set to, one after the other; `None`: as the example has it.
    stations: Vec<Option<String>>,
    /// How many values were taken, and what was refused.
    taken: usize,
    refused: Vec<String>,
}

/// A value that the schema forbids is refused before anything is sent, and the message names the attribute.
pub(crate) fn refuses_what_is_wrong(subject: &Subject<'_>) -> anyhow::Result<()> {
    let wrong: BTreeMap<&str, String> = arguments(subject.object)
        .filter_map(|attribute| Some((attribute.name.as_str(), values::wrong(attribute)?)))
        .collect();
    if wrong.is_empty() {
        return Ok(());
    }
    configure(subject, &wrong)?;
    subject.sim.forget_requests()?;
    let output = subject.work.run(&["validate", "-json"])?;
    let errors = output.errors();
    for (name, value) in &wrong {
        ensure!(
            errors.iter().any(|error| error.attribute() == Some(name)),
            "{name} = {value} is taken: {}",
            output.told()
        );
    }
    subject.nothing_was_written()
}

pub(crate) fn takes_its_variants(subject: &Subject<'_>) -> anyhow::Result<()> {
    let mut walks = Vec::new();
    for attribute in arguments(subject.object).filter(|attribute| attribute.rule != "required") {
        let values = values::for_attribute(subject.name, attribute)
            .with_context(|| format!("no values for all of {}: give some in special.rs", attribute.name))?;
        let mut stations: Vec<Option<String>> = values.into_iter().map(Some).collect();
        stations.extend([Some("null".to_owned()), None]);
        walks.push(Walk { name: &attribute.name, stations, taken: 0, refused: Vec::new() });
    }
    let steps = walks.iter().enumerate().map(|(start, walk)| start + walk.stations.len()).max().unwrap_or(0);
    let mut current: BTreeMap<&str, String> = BTreeMap::new();
    for step in 0..steps {
        let mut moved = Vec::new();
        for (start, walk) in walks.iter().enumerate() {
            let Some(station) = step.checked_sub(start).and_then(|n| walk.stations.get(n)) else { continue };
            if current.get(walk.name) != station.as_ref() {
                moved.push((start, station.clone()));
            }
        }
        apply_step(subject, &mut walks, &mut current, moved).with_context(|| format!("variant {current:?}"))?;
    }
    ensure!(current.is_empty(), "it could not be made what it was: {current:?}");
    for walk in &walks {
        ensure!(walk.taken > 0, "no value of {} was taken: {}", walk.name, walk.refused.join("; "));
        for refused in &walk.refused {
            eprintln!("{}: {} = {refused}", subject.name, walk.name);
        }
    }
    Ok(())
}

/// Applies a step, without those of its changes that are refused in the way a refusal has to be: with the attribute's
/// name, and before anything was written.
fn apply_step<'a>(
    subject: &Subject<'_>,
    walks: &mut [Walk<'a>],
    current: &mut BTreeMap<&'a str, String>,
    mut moved: Vec<(usize, Option<String>)>,
) -> anyhow::Result<()> {
    while !moved.is_empty() {
        let mut wanted = current.clone();
        for (walk, value) in &moved {
            match value {
                Some(value) => wanted.insert(walks[*walk].name, value.clone()),
                None => wanted.remove(walks[*walk].name),
            };
        }
        configure(subject, &wanted)?;
        subject.sim.forget_requests()?;
        let output = subject.work.apply_json()?;
        if output.code == Some(0) {
            subject.plans_nothing("the plan after it")?;
            for (walk, value) in moved.drain(..) {
                walks[walk].taken += usize::from(value.is_some_and(|value| value != "null"));
            }
            *current = wanted;
            return Ok(());
        }
        let culprit = culprit(walks, &moved, &output).with_context(|| format!("refused: {}", output.told()))?;
        subject
            .nothing_was_written()
            .with_context(|| format!("it was refused after something was written: {}", output.told()))?;
        let (walk, value) = moved.remove(culprit);
        let why = output.errors().into_iter().map(|error| error.summary).collect::<Vec<_>>().join(", ");
        let value = value.unwrap_or_else(|| "what the example says".to_owned());
        walks[walk].refused.push(format!("{value}: {why}"));
    }
    Ok(())
}

/// Which of the changes the errors are about: whose line they point at, else whose name they say.
fn culprit(walks: &[Walk<'_>], moved: &[(usize, Option<String>)], output: &Output) -> Option<usize> {
    let errors = output.errors();
    let pointed = moved.iter().position(|(walk, _)| errors.iter().any(|e| e.attribute() == Some(walks[*walk].name)));
    pointed.or_else(|| moved.iter().position(|(walk, _)| errors.iter().any(|e| e.names(walks[*walk].name))))
}

/// Writes the example with these attributes.
fn configure(subject: &Subject<'_>, attributes: &BTreeMap<&str, String>) -> anyhow::Result<()> {
    subject.work.write("main.tf", &subject.example.with(attributes)?)
}
