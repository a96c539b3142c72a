//! `terraform show -json PLAN | terraform-provider-pve explain`: a plan in words, for whoever reviews it.

mod copies;
mod picture;
mod plan;
mod told;

use std::process::ExitCode;

use serde_json::Value as Json;

use super::{read_plan, say, wrong};
use crate::provider::PveProvider;
use plan::Plan;

/// What a gate looks for was found.
const TRIPPED: u8 = 3;

const USAGE: &str = "\
usage: terraform show -json PLAN | terraform-provider-pve explain [--markdown | --svg] [--fail-on WHAT,...] [FILE]

  --markdown       for a merge request
  --svg            a picture of hosts, OSDs and where copies may lie, before and after
  --fail-on WHAT   ends with 3 if the plan does that: destroy (replacing counts), erase, replace, move, root (needs the login
                   of root@pam); several are separated by commas";

/// How the plan is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Text,
    Markdown,
    Svg,
}

/// What a gate can look for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gate {
    Destroy,
    Erase,
    Replace,
    Move,
    Root,
}

impl Gate {
    const ALL: [(&'static str, Self); 5] = [
        ("destroy", Self::Destroy),
        ("erase", Self::Erase),
        ("replace", Self::Replace),
        ("move", Self::Move),
        ("root", Self::Root),
    ];
}

#[derive(Debug, PartialEq)]
struct Arguments {
    form: Form,
    gates: Vec<(&'static str, Gate)>,
    file: Option<String>,
}

fn parse(words: &[String]) -> Result<Arguments, String> {
    let mut parsed = Arguments { form: Form::Text, gates: Vec::new(), file: None };
    let mut words = words.iter().map(String::as_str);
    while let Some(word) = words.next() {
        let (option, value) = word.split_once('=').map_or((word, None), |(option, value)| (option, Some(value)));
        match option {
            "--markdown" | "--svg" if parsed.form != Form::Text => {
                return Err(format!("--markdown and --svg exclude each other\n\n{USAGE}"));
            }
            "--markdown" => parsed.form = Form::Markdown,
            "--svg" => parsed.form = Form::Svg,
            "--fail-on" => {
                let named = value.or_else(|| words.next()).unwrap_or_default();
                for name in named.split(',') {
                    let known = Gate::ALL.into_iter().find(|(known, _)| *known == name.trim());
                    let known = known.ok_or_else(|| format!("--fail-on knows no {name:?}\n\n{USAGE}"))?;
                    parsed.gates.push(known);
                }
            }
            "-" => {}
            _ if word.starts_with('-') => return Err(format!("unknown option {word}\n\n{USAGE}")),
            _ if parsed.file.is_some() => return Err(format!("one plan at a time\n\n{USAGE}")),
            _ => parsed.file = Some(word.to_owned()),
        }
    }
    Ok(parsed)
}

/// Ends with 0, with 2 when the words or the plan make no sense, with 3 when a gate has tripped.
pub fn run(words: &[String]) -> ExitCode {
    if words.iter().any(|word| word == "--help" || word == "-h") {
        say(USAGE);
        return ExitCode::SUCCESS;
    }
    let read = parse(words).and_then(|arguments| Ok((read_plan(arguments.file.as_deref())?, arguments)));
    let (plan, arguments) = match read {
        Ok(read) => read,
        Err(why) => return wrong(&why),
    };
    let docs = terraform_plugin::docs_json::<PveProvider>();
    let (text, tripped) = explain(&plan, &docs, &arguments);
    say(text.trim_end());
    for line in &tripped {
        eprintln!("{line}");
    }
    if tripped.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(TRIPPED) }
}

/// What is told, and which gates have tripped.
fn explain(plan: &Json, docs: &Json, arguments: &Arguments) -> (String, Vec<String>) {
    let plan = Plan::read(plan, docs);
    let text = match arguments.form {
        Form::Svg => picture::svg(&plan),
        Form::Text => told::sections(&plan).iter().map(told::Section::as_text).collect::<Vec<_>>().join("\n"),
        Form::Markdown => told::sections(&plan).iter().map(told::Section::as_markdown).collect::<Vec<_>>().join("\n"),
    };
    let tripped = arguments.gates.iter().filter_map(|(name, gate)| {
        let by = plan.trips(*gate);
        (!by.is_empty()).then(|| format!("--fail-on {name}: {}", by.join(", ")))
    });
    (text, tripped.collect())
}

#[cfg(test)]
mod tests;
