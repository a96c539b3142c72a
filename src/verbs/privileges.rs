//! `terraform-provider-pve privileges [PLAN.json]`: the roles that jobs need.

use std::process::ExitCode;

use super::{read_plan, say};
use crate::ground::privileges;
use crate::provider::PveProvider;

pub fn run(words: &[String]) -> ExitCode {
    match lines(words) {
        Ok(lines) => {
            say(lines.trim_end());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn lines(words: &[String]) -> Result<String, String> {
    let plan = match words {
        [] => None,
        [path] => Some(read_plan(Some(path))?),
        _ => return Err("usage: terraform-provider-pve privileges [PLAN.json]".to_owned()),
    };
    let docs = terraform_plugin::docs_json::<PveProvider>();
    Ok(privileges::lines(&docs, plan.as_ref()))
}
