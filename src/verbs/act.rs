//! `terraform-provider-pve act NAME key=value ...`: an action from a shell, for OpenTofu, which has none, and for hands.

use std::process::ExitCode;

use terraform_plugin::{Act, Progress, StopToken};

use super::{INTERRUPTED, WRONG, block_on, pve, say, tell, wrong};
use crate::provider::PveProvider;

/// Ends with 0 when it is done, 1 when it failed, 2 when the words or the environment are wrong (nothing was done then), 130
/// after Ctrl-C.
pub fn run(words: &[String]) -> ExitCode {
    let Some((name, words)) = words.split_first().filter(|(name, _)| !name.starts_with('-')) else {
        let actions = Act::<PveProvider>::usage();
        let lines: String = actions.iter().map(|line| format!("  {line}\n")).collect();
        return wrong(&format!(
            "usage: terraform-provider-pve act NAME key=value ...\n\nWhere the cluster is and who asks is read from the environment \
             (PVE_ENDPOINTS, PVE_API_TOKEN, PVE_USERNAME, PVE_PASSWORD, ...).\n\n{}",
            lines.trim_end()
        ));
    };
    let act = match Act::<PveProvider>::parse(name, words) {
        Ok(act) => act,
        Err(error) => return wrong(&error.to_string()),
    };
    let stop = StopToken::new();
    block_on(&stop, async {
        let Some(pve) = pve(&stop).await else { return WRONG };
        let said = act.invoke(pve, stop.clone(), Progress::to(|line| say(&line))).await;
        let failed = said.has_errors();
        tell(said);
        match (failed, stop.is_cancelled()) {
            (false, _) => 0,
            (true, false) => 1,
            (true, true) => INTERRUPTED,
        }
    })
}
