//! What can be changed where it is, is: only what its page calls a replacement plans one.

use acceptance_tests::Beside;
use terraform_core::{Config, Path};

use super::description::{Attribute, arguments};
use super::{Attributes, culprit, values};
use crate::in_process::lives::{bench_of, example_of};

/// Whether a change of it, or of something in it, is said to replace.
fn is_said_to_replace(attribute: &Attribute) -> bool {
    attribute.is_flagged("replace") || attribute.attributes.iter().any(is_said_to_replace)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_what_is_said_to_replace_a_machine_does() {
    let name = "pve_vm";
    let (example, beside) = (example_of(name), Beside::of(name).unwrap());
    let mut bench = bench_of(name).await;
    bench.core.apply(&Config::from_hcl(&example.text).unwrap()).await.unwrap_or_else(|said| panic!("{said}"));
    let (mut replacing, mut planned) = (Vec::new(), 0);
    for attribute in arguments(name) {
        let of =
            values::for_attribute(&beside, &attribute).unwrap_or_else(|| panic!("no values of {}", attribute.name));
        let (mut seen, mut refused) = (0, Vec::new());
        // With and without it, and with each of its values.
        for value in of.into_iter().chain(["null".to_owned()]) {
            let wanted = Attributes::from([(attribute.name.clone(), value.clone())]);
            let plan = match bench.core.plan(&example.with(&wanted)).await {
                Ok(plan) => plan,
                Err(said) => {
                    let names = std::iter::once(attribute.name.as_str());
                    assert!(culprit(&said, names).is_some(), "{} = {value}: {said}", attribute.name);
                    refused.push(said.to_string());
                    continue;
                }
            };
            seen += usize::from(value != "null");
            let change = plan.change(&example.address).unwrap();
            assert!(!change.action.is_replace() || is_said_to_replace(&attribute), "{} = {value}", attribute.name);
            if change.action.is_replace() {
                let here = Path::ROOT.attribute(&attribute.name);
                assert!(change.replace_paths.iter().all(|path| path.0.starts_with(&here.0)), "{}", attribute.name);
                replacing.push(attribute.name.clone());
            }
        }
        assert!(seen > 0, "{}: no value can be planned: {}", attribute.name, refused.join("; "));
        planned += seen;
    }
    replacing.dedup();
    assert_eq!(replacing, ["vmid"], "of {planned} values");
}
