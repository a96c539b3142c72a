//! What the apply will need, said at plan: who may only look can plan, and is told what is missing.

use terraform_plugin::{Change, Cx, Object, Path, Say};

use crate::ground::pve::Pve;

/// Warns when something is to be written and the user or token lacks `privilege` on `path` of PVE's permission tree.
/// Says nothing when that cannot be found out.
pub async fn warn<M: Object>(cx: &Cx<Pve>, change: &Change<M>, say: &mut Say<M>, path: &str, privilege: &str) {
    warn_any(cx, change, say, path, &[privilege]).await;
}

/// The same, where any one of these privileges is enough.
pub async fn warn_any<M: Object>(cx: &Cx<Pve>, change: &Change<M>, say: &mut Say<M>, path: &str, privileges: &[&str]) {
    if change.is_no_op() {
        return;
    }
    if let Ok(ours) = cx.client.access().on(path).await
        && !ours.has_any(privileges)
    {
        say.warning(
            Path::root(),
            format!("The apply needs {}", privileges.join(" or ")),
            format!(
                "The user or token that plans lacks it on {path}; planning needs less. Apply with another one, or give it a role \
                 with that privilege (Datacenter, Permissions)."
            ),
        );
    }
}

/// The login of root@pam on the provider.
const LOGIN: &str = "Set `username = \"root@pam\"` and `password` on the provider (PVE_USERNAME, PVE_PASSWORD)";

/// Warns where it takes the login of root@pam itself, which is not given. `why` says so in a sentence.
pub fn warn_root<M: Object>(cx: &Cx<Pve>, say: &mut Say<M>, at: &str, summary: &str, why: &str) {
    if !cx.client.has_root() {
        say.warning(at, summary, format!("{why} {LOGIN} before the apply."));
    }
}

/// The same, where SSH is as good.
pub fn warn_root_or_ssh<M: Object>(cx: &Cx<Pve>, say: &mut Say<M>, at: &str, summary: &str, why: &str) {
    if !cx.client.reaches_root() {
        say.warning(at, summary, format!("{why} {LOGIN}, or `ssh`, before the apply."));
    }
}

/// Warns when commands are to be run on a node, for which neither the login of root@pam nor SSH is given. `what`: things that
/// take it, such as `CRUSH rules`.
pub fn warn_shell<M: Object>(cx: &Cx<Pve>, say: &mut Say<M>, at: &str, what: &str) {
    if cx.client.has_shell() {
        return;
    }
    say.warning(
        at,
        format!("{what} need the login of root@pam, or SSH"),
        format!(
            "The command for it runs on a node: in PVE's terminal, for which no token is enough, or by SSH. {LOGIN}, or `ssh`, \
             before the apply."
        ),
    );
}
