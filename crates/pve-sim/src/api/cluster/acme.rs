//! `/cluster/acme`: accounts with certificate authorities. Recording 53 for what needs none; of the tasks that talk to one, only
//! the first line was ever recorded.

use std::time::Duration;

use serde_json::{Value, json};

use crate::cluster::acme::{LETS_ENCRYPT, Registration};
use crate::kernel::tasks::Steps;
use crate::kernel::{Call, PveError, Routes};

/// How long a new key takes.
const KEY: Duration = Duration::from_secs(1);

/// How long an authority takes.
const AUTHORITY: Duration = Duration::from_secs(2);

const ONE: &str = "/cluster/acme/account/{name}";

pub(super) fn routes(r: &mut Routes) {
    r.get("/cluster/acme/account", |call| {
        Ok(call.cluster.acme.accounts.keys().map(|name| json!({ "name": name })).collect())
    });
    r.post("/cluster/acme/account", register);
    r.get(ONE, read);
    r.put(ONE, update);
    r.delete(ONE, deactivate);
    r.get("/cluster/acme/meta", meta);
    r.get("/cluster/acme/tos", |call| Ok(meta(call)?["termsOfService"].take()));
}

fn meta(call: &mut Call<'_>) -> Result<Value, PveError> {
    let directory = directory(call);
    call.cluster.acme.meta(&directory).map_err(PveError::new)
}

fn directory(call: &Call<'_>) -> String {
    call.params.text("directory").unwrap_or(LETS_ENCRYPT).to_owned()
}

fn name(call: &Call<'_>) -> String {
    call.params.text("name").unwrap_or("default").to_owned()
}

fn contact(call: &Call<'_>) -> Vec<String> {
    call.params.list("contact")
}

/// The name, if there is an account of it.
fn existing(call: &Call<'_>) -> Result<String, PveError> {
    let name = name(call);
    match call.cluster.acme.accounts.contains_key(&name) {
        true => Ok(name),
        false => Err(PveError::param("name", format!("ACME account config file '{name}' does not exist."))),
    }
}

fn read(call: &mut Call<'_>) -> Result<Value, PveError> {
    let name = existing(call)?;
    Ok(call.cluster.acme.shown(&name).unwrap_or_default())
}

fn register(call: &mut Call<'_>) -> Result<Value, PveError> {
    call.need_quorum()?;
    let name = name(call);
    let exists = format!("ACME account config file '{name}' already exists.");
    if call.cluster.acme.accounts.contains_key(&name) {
        return Err(PveError::param("name", exists));
    }
    let text = |name: &str| call.params.text(name).map(str::to_owned);
    let asked = Registration {
        directory: directory(call),
        contact: contact(call),
        tos: text("tos_url"),
        binding: text("eab-kid").zip(text("eab-hmac-key")),
    };
    // Belief: all lines but the first.
    let steps = Steps::new()
        .run(|t| {
            t.log("Generating ACME account key..");
            Ok(())
        })
        .wait(KEY)
        .run(|t| {
            t.log("Registering ACME account..");
            Ok(())
        })
        .wait(AUTHORITY)
        .run(move |t| {
            if t.cluster.acme.accounts.contains_key(&name) {
                return Err(exists);
            }
            let registered = t.cluster.acme.register(&name, asked);
            let location = registered.map_err(|why| format!("Registration failed: {why}"))?;
            t.log(format!("Registration successful, account URL: '{location}'"));
            Ok(())
        });
    Ok(call.task("acmeregister", "", steps))
}

fn update(call: &mut Call<'_>) -> Result<Value, PveError> {
    call.need_quorum()?;
    let name = existing(call)?;
    let contact = call.params.has("contact").then(|| contact(call));
    let kind = if contact.is_some() { "acmeupdate" } else { "acmerefresh" };
    let steps = Steps::new().wait(AUTHORITY).run(move |t| match contact {
        Some(contact) => t.cluster.acme.rename(&name, &contact),
        None => t.cluster.acme.update(&name, |_| {}),
    });
    Ok(call.task(kind, "", steps))
}

fn deactivate(call: &mut Call<'_>) -> Result<Value, PveError> {
    call.need_quorum()?;
    let name = existing(call)?;
    let steps = Steps::new().wait(AUTHORITY).run(move |t| {
        let stays = t.cluster.acme.deactivate(&name)?;
        t.log(format!("Renaming account file from '{name}' to '{stays}'"));
        Ok(())
    });
    Ok(call.task("acmedeactivate", "", steps))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bed::Bed;
    use crate::shape::Shape;

    const ACCOUNT: &str = "/cluster/acme/account";
    const CA: &str = "https://ca.example.com/acme/directory";
    const TERMS: &str = "https://ca.example.com/terms";

    async fn registered(bed: &Bed, params: &[(&str, &str)]) -> String {
        let upid = bed.ok("POST", ACCOUNT, params).await;
        bed.task(&upid)
    }

    #[tokio::test]
    async fn an_account_lives_at_its_authority() {
        let bed = Bed::new(Shape::default());
        let terms = bed.ok("GET", "/cluster/acme/tos", &[("directory", CA)]).await;
        assert_eq!(terms, TERMS);
        let disagrees =
            [("name", "ours"), ("contact", "a@lab.example"), ("directory", CA), ("tos_url", "https://other")];
        let why = registered(&bed, &disagrees).await;
        assert!(why.starts_with("Registration failed: Error: POST to") && why.contains("userActionRequired"), "{why}");
        let agrees =
            [("name", "ours"), ("contact", "a@lab.example,b@lab.example"), ("directory", CA), ("tos_url", TERMS)];
        assert_eq!(registered(&bed, &agrees).await, "OK");
        let one = format!("{ACCOUNT}/ours");
        let shown = bed.ok("GET", &one, &[]).await;
        let contact = json!(["mailto:a@lab.example", "mailto:b@lab.example"]);
        assert_eq!(
            (&shown["account"]["contact"], &shown["tos"], &shown["directory"]),
            (&contact, &json!(TERMS), &json!(CA))
        );
        assert_eq!(bed.refusal("POST", ACCOUNT, &agrees).await.0, 400);
        let upid = bed.ok("PUT", &one, &[("contact", "c@lab.example")]).await;
        assert_eq!(bed.task(&upid), "OK");
        assert_eq!(bed.ok("GET", &one, &[]).await["account"]["contact"], json!(["mailto:c@lab.example"]));

        // Without the authority nothing of it can be ended.
        bed.world.with(|c| c.acme.authority(CA).down = true);
        let upid = bed.ok("DELETE", &one, &[]).await;
        assert!(bed.task(&upid).contains("Can't connect to ca.example.com:443"));
        bed.world.with(|c| c.acme.authority(CA).down = false);
        let upid = bed.ok("DELETE", &one, &[]).await;
        assert_eq!(bed.task(&upid), "OK");
        assert_eq!(bed.ok("GET", ACCOUNT, &[]).await, json!([{ "name": "_deactivated_ours_0" }]));
        assert!(bed.world.with(|c| c.acme.accounts["_deactivated_ours_0"].said.deactivated));
    }

    #[tokio::test]
    async fn some_authorities_want_to_know_whom_they_register() {
        let shape = "{authorities: [{directory: 'https://ca.example.com/eab', keys: {kid-1: c2VjcmV0}}]}";
        let bed = Bed::new(Shape::from_yaml(shape).unwrap());
        let directory = ("directory", "https://ca.example.com/eab");
        assert_eq!(bed.ok("GET", "/cluster/acme/meta", &[directory]).await, json!({ "externalAccountRequired": true }));
        let plain = [("contact", "a@lab.example"), directory];
        assert!(registered(&bed, &plain).await.contains("externalAccountRequired"));
        let with = |key: &'static str| [plain[0], plain[1], ("eab-kid", "kid-1"), ("eab-hmac-key", key)];
        assert!(registered(&bed, &with("bm9uZQ")).await.contains("externalAccountRequired"));
        assert_eq!(registered(&bed, &with("c2VjcmV0")).await, "OK");
        assert_eq!(bed.ok("GET", ACCOUNT, &[]).await, json!([{ "name": "default" }]));
    }

    #[tokio::test]
    async fn lets_encrypt_keeps_no_contacts() {
        let bed = Bed::new(Shape::default());
        let terms = bed.ok("GET", "/cluster/acme/tos", &[]).await;
        let params = [("contact", "a@lab.example"), ("tos_url", terms.as_str().unwrap())];
        assert_eq!(registered(&bed, &params).await, "OK");
        let shown = bed.ok("GET", "/cluster/acme/account/default", &[]).await;
        assert_eq!((&shown["account"], &shown["directory"]), (&json!({ "status": "valid" }), &json!(LETS_ENCRYPT)));
    }
}
