//! `pve_notification_test`: a target is sent a notification, to see whether it arrives.

use pve_client::{Request, segment};
use terraform_plugin::{Action, Cx, Error, Model, Need, Progress};

use crate::ground::error::During;
use crate::ground::pve::Pve;

/// Has PVE send a test to a notification target. That it was handed over is success; whether it arrives, its reader sees.
///
/// It is sent by the node that answers, also to a target that is switched off, and whatever matchers say.
#[derive(Model, Clone, Debug, PartialEq)]
#[model(name = "notification_test", area = "Notifications")]
pub struct NotificationTest {
    /// The target's name.
    #[attr(required, length = 1..)]
    pub name: String,
}

impl Action<Pve> for NotificationTest {
    fn needs() -> Vec<Need> {
        vec![Need::to_apply("/mapping/notifications", &["Mapping.Use", "Mapping.Audit", "Mapping.Modify"])]
    }

    async fn invoke(cx: &Cx<Pve>, config: Self, progress: &Progress) -> Result<(), Error> {
        let name = &config.name;
        let request = Request::post(format!("cluster/notifications/targets/{}/test", segment(name)));
        let sent = cx.client.call::<()>(request).await;
        match sent.during(format!("The test did not go to notification target {name}")) {
            Err(problem) if problem.is_absent() => Err(problem.at("name").into()),
            Err(problem) => Err(problem.into()),
            Ok(()) => {
                progress.say(format!("Notification target {name} has taken a test"));
                Ok(())
            }
        }
    }
}
