//! When something happens, in PVE's form: a calendar event, such as `mon..fri 02:30`.

use std::sync::Arc;

use pve_client::{Area, Request};
use serde::de::IgnoredAny;
use terraform_plugin::{Cx, Error, Findings};

use crate::ground::error::Problem;
use crate::ground::pve::Pve;

/// Asks PVE whether it can read a schedule that is new, and when that is.
pub async fn is_read<M>(
    cx: &Cx<Pve>,
    want: Option<&str>,
    before: Option<&str>,
    found: &mut Findings<M>,
) -> Result<(), Error> {
    let Some(want) = want.filter(|want| Some(*want) != before) else { return Ok(()) };
    let request = Request::get("cluster/jobs/schedule-analyze").param("schedule", want).param("iterations", 1);
    let times: Result<Arc<Vec<IgnoredAny>>, _> = cx.client.shared(Area::Version, request).await;
    match times {
        Ok(times) if times.is_empty() && found.is_plan() => found.notice(
            Problem::new("A schedule that never comes", format!("PVE finds no time that \"{want}\" stands for."))
                .at("schedule"),
        ),
        Ok(_) => {}
        Err(pve_client::Error::Parameter(_)) => {
            let what = format!(
                "PVE cannot read \"{want}\". Nothing was written. Write it like `daily`, `02:30`, `*/15` (minutes), `mon..fri 02:30`, \
                 `sat,sun 8..17:0/30` or `*-*-1 4:00` (the first of each month)."
            );
            found.mendable(Problem::new("Not a calendar event", what).at("schedule"));
        }
        // Whoever cannot be asked tells nothing; the write will.
        Err(error) => tracing::debug!(%error, "the schedule cannot be looked at"),
    }
    Ok(())
}
