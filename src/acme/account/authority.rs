//! What an authority asks of whoever wants an account, as PVE is told by it.

use pve_client::{Error as PveError, Request};
use serde::Deserialize;
use terraform_plugin::{Cx, Error, Findings};

use super::{AcmeAccount, AcmeAccountPlan};
use crate::ground::error::Problem;
use crate::ground::pve::Pve;

/// What a directory says of its authority.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Meta {
    terms_of_service: Option<String>,
    #[serde(deserialize_with = "pve_client::wire::boolean")]
    external_account_required: bool,
}

/// What it says; within, why it does not answer.
async fn meta(cx: &Cx<Pve>, directory: &str) -> Result<Result<Meta, Problem>, Problem> {
    let request = Request::get("cluster/acme/meta").param("directory", directory);
    match cx.client.call(request).await {
        Ok(meta) => Ok(Ok(meta)),
        // PVE has no words of its own for it.
        Err(PveError::Other { refusal, .. }) => {
            let said: Vec<&str> = refusal.message.lines().filter(|line| !line.is_empty()).take(2).collect();
            let what = format!(
                "PVE asked {directory} and says: {}. Nothing was written. See whether `directory` is right, and whether the nodes \
                 reach it (and trust its certificate).",
                said.join(". ")
            );
            Ok(Err(Problem::new("The certificate authority does not answer", what).at("directory")))
        }
        Err(error) => Err(Problem::during("Cannot ask the certificate authority", error)),
    }
}

/// Whether it would register this.
pub(super) async fn takes(
    cx: &Cx<Pve>,
    want: &AcmeAccountPlan,
    found: &mut Findings<AcmeAccount>,
) -> Result<(), Error> {
    let Some(directory) = want.directory.text() else { return Ok(()) };
    let meta = match meta(cx, directory).await? {
        Ok(meta) => meta,
        Err(silent) => {
            found.mendable(silent);
            return Ok(());
        }
    };
    if let Some(terms) = &meta.terms_of_service
        && (want.tos_url.is_null() || want.tos_url.text().is_some_and(|agreed| agreed != terms))
    {
        let agreed = want.tos_url.text().map_or_else(
            || "None are agreed to".to_owned(),
            |agreed| format!("Agreed to is {agreed}, which are others"),
        );
        let what = format!(
            "{directory} has terms, and registers only who agrees to them. {agreed}. Nothing was written. Read them, and if you agree, \
             write:\n\n  tos_url = \"{terms}\""
        );
        found.certain(Problem::new("The authority's terms have to be agreed to", what).at("tos_url"));
    }
    if meta.external_account_required && want.eab_kid.is_null() {
        let what = format!(
            "{directory} registers only whom it knows otherwise (external account binding). Nothing was written. Have it give you a key, \
             and set `eab_kid` and `eab_hmac_key`."
        );
        found.certain(Problem::new("The authority wants to know whom it registers", what).at("eab_kid"));
    }
    Ok(())
}

/// Why an account with it cannot be ended now.
pub(super) async fn is_silent(cx: &Cx<Pve>, directory: &str) -> Result<Option<Problem>, Problem> {
    Ok(meta(cx, directory).await?.err())
}
