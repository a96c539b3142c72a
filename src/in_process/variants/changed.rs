//! An example with as many other values as its schema tells of.

use std::collections::BTreeMap;

use acceptance_tests::Beside;
use terraform_core::{Config, Path};

use super::description::{Attribute, arguments};
use super::{Attributes, culprit, values};
use crate::in_process::lives::{Example, bench_of, example_of};

/// The example of a resource with another value of each attribute that can be changed where it is, as far as its schema or
/// its `values.hcl` tells of one. None if there is no such attribute.
pub(in crate::in_process) async fn changed(name: &str) -> Option<Config> {
    let (example, beside) = (example_of(name), Beside::of(name).unwrap());
    let mut left: BTreeMap<String, Vec<String>> = BTreeMap::new();
    // What is local is not sent, and what is written only shows no change by itself; and what must not be destroyed could not be tried further.
    // An empty list of values: with any other it is another object, or refused.
    let changeable = |attribute: &Attribute| {
        let fixed = beside.values(&attribute.name).is_some_and(<[String]>::is_empty);
        !fixed && !["local", "replace", "write_only"].iter().any(|flag| attribute.is_flagged(flag))
    };
    let arguments: Vec<Attribute> = arguments(name).into_iter().filter(changeable).collect();
    for attribute in &arguments {
        // Some of several parts are enough here.
        let some = beside.values(&attribute.name).map(<[String]>::to_vec);
        if let Some(values) = some.or_else(|| values::for_attribute(&beside, attribute)) {
            left.insert(attribute.name.clone(), values);
        }
    }
    let mut refused = Vec::new();
    let found = search(name, &example, left, &mut refused).await;
    assert_eq!(found.is_none(), arguments.is_empty(), "{name}: what of it can be changed? {}", refused.join("; "));
    found
}

/// Tries the first value of each; what an error is about is tried with its next one, or not at all.
async fn search(
    name: &str,
    example: &Example,
    mut left: BTreeMap<String, Vec<String>>,
    refused: &mut Vec<String>,
) -> Option<Config> {
    let config = Config::from_hcl(&example.text).unwrap();
    let mut bench = bench_of(name).await;
    bench.core.apply(&config).await.unwrap_or_else(|said| panic!("{name}: {said}"));
    loop {
        left.retain(|_, values| !values.is_empty());
        let wanted: Attributes = left.iter().map(|(name, values)| (name.clone(), values[0].clone())).collect();
        let changed = example.with(&wanted);
        let plan = match bench.core.plan(&changed).await {
            Ok(plan) => plan,
            Err(said) => {
                refused.push(next(&mut left, &said));
                continue;
            }
        };
        if left.is_empty() {
            return None;
        }
        let change = plan.change(&example.address).unwrap().clone();
        // What is as it was before says nothing.
        let same = |name: &String| change.before.get(name) == change.after.get(name);
        let same: Vec<String> = left.keys().filter(|name| same(name)).cloned().collect();
        for name in &same {
            left.get_mut(name).unwrap().remove(0);
        }
        if !same.is_empty() {
            continue;
        }
        if change.action.is_replace() {
            let mut replaces = change.replace_paths.iter().filter_map(|path| path.0.first().cloned());
            let paths: Vec<_> = change.replace_paths.iter().map(ToString::to_string).collect();
            refused.push(format!("another one by {}", paths.join(", ")));
            left.retain(|name, _| !replaces.clone().any(|step| Path(vec![step]) == Path::ROOT.attribute(name)));
            assert!(replaces.next().is_some(), "{name}: why is it replaced?");
            continue;
        }
        match bench.core.apply_plan(plan).await {
            Ok(_) => {
                let again = bench.core.plan(&changed).await.unwrap();
                assert!(again.is_empty(), "{name} with {wanted:?}: {:?}", again.actions());
                return Some(changed);
            }
            Err(said) => {
                refused.push(next(&mut left, &said));
                bench = bench_of(name).await;
                bench.core.apply(&config).await.unwrap_or_else(|said| panic!("{name}: {said}"));
            }
        }
    }
}

/// Drops the value that the errors are about, and tells it.
fn next(left: &mut BTreeMap<String, Vec<String>>, said: &terraform_core::Diagnostics) -> String {
    let names: Vec<String> = left.keys().cloned().collect();
    let which = culprit(said, names.iter().map(String::as_str)).unwrap_or_else(|| panic!("{left:?}: {said}"));
    let value = left.get_mut(&names[which]).unwrap().remove(0);
    format!("{} = {value}: {said}", names[which])
}

/// The search comes to an end, and a value that is refused is followed by the next one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_value_that_is_refused_is_followed_by_the_next() {
    let left = [("mode".to_owned(), vec!["\"no-such\"".to_owned(), "\"ldap\"".to_owned()])];
    let mut refused = Vec::new();
    let found =
        search("pve_realm_ldap", &example_of("pve_realm_ldap"), BTreeMap::from(left), &mut refused).await.unwrap();
    assert!(refused.len() == 1 && refused[0].contains("no-such"), "{refused:?}");
    let mut bench = bench_of("pve_realm_ldap").await;
    bench.core.apply(&found).await.unwrap();
    assert_eq!(bench.core.state.get("pve_realm_ldap.directory").unwrap().get("mode"), "ldap".into());
    let fixed = search("pve_group", &example_of("pve_group"), BTreeMap::new(), &mut refused).await;
    assert!(fixed.is_none());
}
