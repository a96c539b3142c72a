//! `terraform-provider-pve privileges [PLAN.json]`: the roles that jobs need.

use std::process::ExitCode;

use serde_json::Value as Json;

use super::say;
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
        [path] => {
            let text = std::fs::read_to_string(path).map_err(|error| format!("{path}: {error}"))?;
            let plan: Json = serde_json::from_str(&text).map_err(|error| format!("{path} is no JSON: {error}"))?;
            if !plan["resource_changes"].is_array() {
                return Err(format!("{path} is no plan: give it what `terraform show -json PLAN` prints"));
            }
            Some(plan)
        }
        _ => return Err("usage: terraform-provider-pve privileges [PLAN.json]".to_owned()),
    };
    let docs = terraform_plugin::docs_json::<PveProvider>();
    Ok(privileges::lines(&docs, plan.as_ref()))
}
