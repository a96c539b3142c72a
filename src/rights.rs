//! What the apply will need, said at plan: who may only look can plan, and is told what is missing.

use terraform_plugin::{Change, Cx, Object, Path, Say};

use crate::pve::Pve;

/// Warns when something is to be written and the user or token lacks `privilege` on `path` of PVE's permission tree.
/// Says nothing when that cannot be found out.
pub async fn warn<M: Object>(cx: &Cx<Pve>, change: &Change<M>, say: &mut Say<M>, path: &str, privilege: &str) {
    if change.is_no_op() {
        return;
    }
    if let Ok(ours) = cx.client.access().on(path).await
        && !ours.has(privilege)
    {
        say.warning(
            Path::root(),
            format!("The apply needs {privilege}"),
            format!(
                "The user or token that plans lacks it on {path}; planning needs less. Apply with another one, or give it a role \
                 with that privilege (Datacenter, Permissions)."
            ),
        );
    }
}
