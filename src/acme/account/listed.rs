//! All accounts, for the data source and the list.

use terraform_plugin::{Cx, Error, Listed};

use super::{AcmeAccount, calls};
use crate::ground::error::Problem;
use crate::ground::pve::Pve;

impl Listed<Pve> for AcmeAccount {
    const PLURAL: &'static str = "acme_accounts";

    async fn list(cx: &Cx<Pve>) -> Result<Vec<Self>, Error> {
        let names = calls::names(cx).await?;
        if !names.is_empty() && !cx.client.reaches_root() {
            let what = format!(
                "There are: {}. What they are like PVE tells root@pam alone: set `username = \"root@pam\"` and `password` on the \
                 provider (PVE_USERNAME, PVE_PASSWORD), or `ssh`.",
                names.join(", ")
            );
            return Err(Problem::new("ACME accounts are shown to root@pam alone", what).into());
        }
        let mut all = Vec::new();
        for name in names {
            if let Some(live) = calls::find(cx, &name).await? {
                all.push(Self::from_live(&name, live, None));
            }
        }
        Ok(all)
    }
}
