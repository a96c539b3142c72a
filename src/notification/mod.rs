//! Notifications: where they go (targets), and which (matchers).

pub mod gotify;
pub mod matcher;
mod named_values;
pub mod sendmail;
pub mod smtp;
mod trial;
pub mod webhook;

use std::collections::BTreeSet;
use std::sync::Arc;

use pve_client::{Area, Request};
use serde::Deserialize;
use terraform_plugin::{Cx, Error, Findings, Registry};

use crate::ground::error::{During, Problem};
use crate::ground::pve::Pve;
use crate::section::{Builtin, Family, Right, Sight, Unset};

/// What this area offers.
pub fn offer(registry: Registry<Pve>) -> Registry<Pve> {
    registry
        .object::<gotify::NotificationGotify>()
        .query::<gotify::NotificationGotify>()
        .listed::<matcher::NotificationMatcher>()
        .object::<sendmail::NotificationSendmail>()
        .query::<sendmail::NotificationSendmail>()
        .object::<smtp::NotificationSmtp>()
        .query::<smtp::NotificationSmtp>()
        .object::<webhook::NotificationWebhook>()
        .query::<webhook::NotificationWebhook>()
        .action::<trial::NotificationTest>()
}

const AREA: Area = Area::File("notifications.cfg");

/// What lies in `notifications.cfg`. Lists show everything but secrets, or are refused; those of some types to whoever has
/// nothing but `Mapping.Modify`.
const ENTITY: Family = Family {
    file: "notifications.cfg",
    area: AREA,
    write: Right { path: "/mapping/notifications", any: &["Mapping.Modify"] },
    sight: Sight::With(Right { path: "/mapping/notifications", any: &["Mapping.Audit"] }),
    unset: Unset::DeleteEach,
    digest: true,
    ..Family::PLAIN
};

/// Where notifications go.
const TARGET: Family = Family {
    what: "Notification target",
    also: &[Right { path: "/", any: &["Sys.AccessNetwork", "Sys.Audit and Sys.Modify"] }],
    blames: &[("at least provide one recipient", "mailto"), ("'url': value does not match", "url")],
    ..ENTITY
};

/// The form of the name of a target or matcher.
const NAME: &str = "^[A-Za-z][A-Za-z0-9_-]+$";

/// The target that PVE brings along, of the type sendmail.
const MAIL_TO_ROOT: &str = "mail-to-root";

/// The matcher that PVE brings along.
const DEFAULT_MATCHER: &str = "default-matcher";

/// The types of resources for targets.
const KINDS: &[&str] = &["notification_gotify", "notification_sendmail", "notification_smtp", "notification_webhook"];

/// A matcher, as far as others care.
#[derive(Deserialize)]
struct Matcher {
    name: String,
    #[serde(default)]
    target: Vec<String>,
    #[serde(default, deserialize_with = "pve_client::wire::boolean")]
    disable: bool,
}

async fn matchers(cx: &Cx<Pve>) -> Result<Arc<Vec<Matcher>>, Problem> {
    let request = Request::get("cluster/notifications/matchers");
    cx.client.shared(AREA, request).await.during("Cannot list the notification matchers")
}

/// Whether PVE brings along the object of that name.
fn builtin(name: &str, brought: &str) -> Builtin {
    if name == brought { Builtin::Resets } else { Builtin::No }
}

/// Tells at plan if no matcher sends anything to a target that is changed: nobody would notice until something is missed. Of a
/// new one nothing can be told: the matcher that names it by a reference is planned after it, and made after it.
async fn unmatched<M>(cx: &Cx<Pve>, name: Option<&str>, is_new: bool, found: &mut Findings<M>) -> Result<(), Error> {
    let Some(name) = name.filter(|_| found.is_plan() && !is_new) else { return Ok(()) };
    let matchers = matchers(cx).await?;
    let names = |matcher: &&Matcher| matcher.target.iter().any(|target| target == name);
    if matchers.iter().filter(names).any(|matcher| !matcher.disable) {
        return Ok(());
    }
    let disabled = match matchers.iter().find(names) {
        Some(matcher) => format!(" Matcher \"{}\" names it and is disabled.", matcher.name),
        None => String::new(),
    };
    found.notice(Problem::new(
        "A notification target that no matcher uses gets nothing",
        format!(
            "No enabled matcher of the cluster names \"{name}\".{disabled} Nothing will be sent there until a matcher names it as a \
             target (`pve_notification_matcher`)."
        ),
    ));
    Ok(())
}

/// PVE removes no target that a matcher names, but puts its own back as it was at any time.
async fn in_use<M>(cx: &Cx<Pve>, name: &str, found: &mut Findings<M>) -> Result<(), Error> {
    if name == MAIL_TO_ROOT {
        return Ok(());
    }
    let matchers = matchers(cx).await?;
    let users: BTreeSet<&str> = matchers
        .iter()
        .filter(|matcher| matcher.target.iter().any(|target| target == name))
        .map(|matcher| matcher.name.as_str())
        .collect();
    if users.is_empty() {
        return Ok(());
    }
    let going = cx.going::<matcher::NotificationMatcher>();
    let all_go = users.iter().all(|user| going.iter().any(|matcher| matcher.name == *user));
    let users = users.into_iter().collect::<Vec<_>>().join(", ");
    let problem = Problem::new(
        format!("Notification target \"{name}\" is in use"),
        format!(
            "PVE removes no target that a matcher names. Nothing was written. Take it out of: {users}. Where it is replaced by \
             one of another name, `lifecycle {{ create_before_destroy = true }}` has the matchers changed in between."
        ),
    );
    found.missing(all_go, problem);
    Ok(())
}

/// Makes a model the targets of one type.
macro_rules! target {
    ($target:ty, $plan:ty, $key:ty, $path:literal, unlike: $unlike:expr $(, $field:ident: $value:expr)*) => {
        impl crate::section::Section for $target {
            const FAMILY: crate::section::Family = crate::section::Family {
                path: concat!("cluster/notifications/endpoints/", $path),
                $($field: $value,)*
                ..super::TARGET
            };

            const UNLIKE: &'static [(&'static str, &'static str)] = $unlike;

            fn builtin(key: &$key) -> crate::section::Builtin {
                match $path {
                    "sendmail" => super::builtin(&key.name, super::MAIL_TO_ROOT),
                    _ => crate::section::Builtin::No,
                }
            }

            async fn possible(
                cx: &terraform_plugin::Cx<crate::ground::pve::Pve>,
                want: &$plan,
                prior: Option<&Self>,
                found: &mut terraform_plugin::Findings<Self>,
            ) -> Result<(), terraform_plugin::Error> {
                super::unmatched(cx, want.name.text(), prior.is_none(), found).await
            }

            async fn removable(
                cx: &terraform_plugin::Cx<crate::ground::pve::Pve>,
                was: &Self,
                found: &mut terraform_plugin::Findings<Self>,
            ) -> Result<(), terraform_plugin::Error> {
                super::in_use(cx, &was.name, found).await
            }
        }

        crate::section::plain!($target);
    };
}
use target;
