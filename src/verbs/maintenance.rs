//! `terraform-provider-pve maintenance NODE [--end]`: guests leave a node, and come back; `pve_node_maintenance` from a shell.

use std::process::ExitCode;

use super::{act, wrong};

/// Ends as `act` does.
pub fn run(words: &[String]) -> ExitCode {
    match as_act(words) {
        Some(words) => act::run(&words),
        None => wrong(
            "usage: terraform-provider-pve maintenance NODE [--end] [--without-noout]\n  --end            guests come back\n  \
             --without-noout  Ceph's OSDs of the node are left as they are",
        ),
    }
}

/// The words for `act`.
fn as_act(words: &[String]) -> Option<Vec<String>> {
    let (options, nodes): (Vec<&String>, Vec<&String>) = words.iter().partition(|word| word.starts_with('-'));
    let [node] = nodes[..] else { return None };
    if options.iter().any(|option| !["--end", "--without-noout"].contains(&option.as_str())) {
        return None;
    }
    let has = |option: &str| options.iter().any(|one| *one == option);
    let operation = if has("--end") { "end" } else { "begin" };
    let mut words = vec!["node_maintenance".to_owned(), format!("node={node}"), format!("operation={operation}")];
    if has("--without-noout") {
        words.push("noout=false".to_owned());
    }
    Some(words)
}

#[cfg(test)]
mod tests {
    use terraform_plugin::Act;

    use super::*;
    use crate::provider::PveProvider;

    #[test]
    fn its_words_are_those_of_the_action() {
        let words = |all: &[&str]| as_act(&all.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>());
        for all in [&["pve1"][..], &["--end", "pve1"], &["pve1", "--end", "--without-noout"]] {
            let words = words(all).unwrap();
            assert!(Act::<PveProvider>::parse(&words[0], &words[1..]).is_ok(), "{words:?}");
            assert_eq!(words.contains(&"operation=end".to_owned()), all.contains(&"--end"));
        }
        for wrong in [&[][..], &["pve1", "pve2"], &["pve1", "--begin"], &["--end"]] {
            assert_eq!(words(wrong), None, "{wrong:?}");
        }
    }
}
