//! ACME: the accounts that the cluster has with certificate authorities, and those authorities themselves, which are no part of
//! it: they go on knowing an account whatever becomes of its file.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::shape::AuthorityShape;

/// The directory that PVE takes when it is told none.
pub const LETS_ENCRYPT: &str = "https://acme-v02.api.letsencrypt.org/directory";

/// That for tests.
pub const LETS_ENCRYPT_STAGING: &str = "https://acme-staging-v02.api.letsencrypt.org/directory";

/// A certificate authority.
#[derive(Debug, Clone, Default)]
pub struct Authority {
    /// The terms that an account has to agree to.
    pub terms: Option<String>,
    /// Keys for accounts that it knows otherwise, by id; it registers nobody else if there are any.
    pub keys: BTreeMap<String, String>,
    /// Whether it answers.
    pub down: bool,
    /// Whether it shows nobody the contacts of an account, nor keeps them.
    pub forgets_contacts: bool,
    /// Its accounts, by their addresses.
    pub accounts: BTreeMap<String, Registered>,
}

/// An account as its authority knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registered {
    /// `mailto:` and an address each.
    pub contact: Vec<String>,
    /// Whether it was ended, for good.
    pub deactivated: bool,
}

/// A file in `/etc/pve/priv/acme`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// The directory of its authority.
    pub directory: String,
    /// Its address there.
    pub location: String,
    /// The terms that were agreed to.
    pub tos: Option<String>,
    /// What the authority said of it last.
    pub said: Registered,
}

/// The request of a registration.
#[derive(Debug, Clone)]
pub struct Registration {
    /// The directory.
    pub directory: String,
    /// Addresses.
    pub contact: Vec<String>,
    /// The terms.
    pub tos: Option<String>,
    /// The id and the key of external account binding.
    pub binding: Option<(String, String)>,
}

/// All of it.
#[derive(Debug, Default)]
pub struct Acme {
    /// The cluster's accounts, by the names of their files.
    pub accounts: BTreeMap<String, Account>,
    authorities: BTreeMap<String, Authority>,
    registered: u64,
}

impl Registered {
    /// As an authority answers.
    pub fn json(&self, forgets_contacts: bool) -> Value {
        let status = if self.deactivated { "deactivated" } else { "valid" };
        match forgets_contacts {
            true => json!({ "status": status }),
            false => json!({ "status": status, "contact": self.contact }),
        }
    }
}

fn mailed(contact: &[String]) -> Vec<String> {
    contact.iter().map(|address| format!("mailto:{address}")).collect()
}

/// The host of a URL, and its port.
fn host(directory: &str) -> (&str, &str) {
    let (scheme, rest) = directory.split_once("://").unwrap_or(("", directory));
    let authority = rest.split('/').next().unwrap_or_default();
    authority.rsplit_once(':').unwrap_or((authority, if scheme == "http" { "80" } else { "443" }))
}

/// What PVE says of an authority that does not answer. Recording 53: a refused connection.
fn silence(method: &str, url: &str, why: &str) -> String {
    let (host, port) = host(url);
    format!(
        "Error: {method} to {url}\nCan't connect to {host}:{port} ({why})\n\n{why} at /usr/share/perl5/LWP/Protocol/http.pm line 49.\n\n"
    )
}

impl Acme {
    pub(super) fn new(authorities: &[AuthorityShape]) -> Self {
        // Belief: Let's Encrypt's own announcements of its terms, and that it keeps no contacts since 2025.
        let ours = |terms: &str| Authority {
            terms: Some(format!("https://letsencrypt.org/documents/{terms}")),
            forgets_contacts: true,
            ..Authority::default()
        };
        let terms = "LE-SA-v1.6-August-18-2025.pdf";
        let mut acme = Self::default();
        for directory in [LETS_ENCRYPT, LETS_ENCRYPT_STAGING] {
            acme.authorities.insert(directory.to_owned(), ours(terms));
        }
        for told in authorities {
            let authority = Authority {
                terms: told.terms.clone(),
                keys: told.keys.clone(),
                down: told.down,
                forgets_contacts: told.forgets_contacts,
                accounts: BTreeMap::new(),
            };
            acme.authorities.insert(told.directory.clone(), authority);
        }
        acme
    }

    /// The authority of a directory: one that nobody has described has terms of its own and registers anybody.
    pub fn authority(&mut self, directory: &str) -> &mut Authority {
        let (scheme, _) = directory.split_once("://").unwrap_or(("https", ""));
        let terms = format!("{scheme}://{}/terms", host(directory).0);
        let plain = || Authority { terms: Some(terms), ..Authority::default() };
        self.authorities.entry(directory.to_owned()).or_insert_with(plain)
    }

    /// The authority, if it answers; `asked` is the method and the URL of the request. On a node itself there is none.
    fn answers(&mut self, directory: &str, asked: (&str, &str)) -> Result<&mut Authority, String> {
        let (host, _) = host(directory);
        if host == "localhost" || host.starts_with("127.") {
            return Err(silence(asked.0, asked.1, "Connection refused"));
        }
        let dead = host.starts_with("192.0.2.");
        let authority = self.authority(directory);
        match dead || authority.down {
            true => Err(silence(asked.0, asked.1, "Connection timed out")),
            false => Ok(authority),
        }
    }

    /// What a directory says of itself.
    pub fn meta(&mut self, directory: &str) -> Result<Value, String> {
        let authority = self.answers(directory, ("GET", directory))?;
        let mut meta = json!({});
        if let Some(terms) = &authority.terms {
            meta["termsOfService"] = json!(terms);
        }
        if !authority.keys.is_empty() {
            meta["externalAccountRequired"] = json!(true);
        }
        Ok(meta)
    }

    /// Registers an account; the error is what the authority, or the lack of an answer, comes to.
    ///
    /// Belief: what authorities refuse is in RFC 8555, their words differ; the wording of the errors around them is PVE's ACME
    /// library's.
    pub fn register(&mut self, name: &str, asked: Registration) -> Result<String, String> {
        let Registration { directory, contact, tos, binding } = asked;
        self.registered += 1;
        let number = self.registered;
        let authority = self.answers(&directory, ("GET", &directory))?;
        let problem = |kind: &str, detail: &str| {
            Err(format!(
                "Error: POST to {directory}/new-acct\n{{\"type\":\"urn:ietf:params:acme:error:{kind}\",\"detail\":\"{detail}\"}}"
            ))
        };
        if authority.terms.is_some() && authority.terms != tos {
            return problem("userActionRequired", "must agree to terms of service");
        }
        let known = |(id, key): &(String, String)| authority.keys.get(id) == Some(key);
        if !authority.keys.is_empty() && !binding.as_ref().is_some_and(known) {
            return problem("externalAccountRequired", "the account has to be bound to an external account");
        }
        let said = Registered { contact: mailed(&contact), deactivated: false };
        let location = format!("{directory}/acct/{number}");
        authority.accounts.insert(location.clone(), said.clone());
        self.accounts.insert(name.to_owned(), Account { directory, location: location.clone(), tos, said });
        Ok(location)
    }

    /// Changes an account at its authority, or only asks after it; the file holds the answer then.
    pub fn update(&mut self, name: &str, change: impl FnOnce(&mut Registered)) -> Result<(), String> {
        let Some(account) = self.accounts.get(name).cloned() else {
            return Err(format!("ACME account config file '{name}' does not exist."));
        };
        let authority = self.answers(&account.directory, ("POST", &account.location))?;
        let Some(registered) = authority.accounts.get_mut(&account.location) else {
            return Err(format!("Error: POST to {}\naccountDoesNotExist", account.location));
        };
        if registered.deactivated {
            return Err(format!("Error: POST to {}\nunauthorized: the account is deactivated", account.location));
        }
        change(registered);
        let said = registered.clone();
        self.accounts.insert(name.to_owned(), Account { said, ..account });
        Ok(())
    }

    /// The same with other addresses.
    pub fn rename(&mut self, name: &str, contact: &[String]) -> Result<(), String> {
        self.update(name, |registered| registered.contact = mailed(contact))
    }

    /// Ends an account at its authority; its file stays under another name. Belief: PVE/API2/ACMEAccount.pm.
    pub fn deactivate(&mut self, name: &str) -> Result<String, String> {
        self.update(name, |registered| registered.deactivated = true)?;
        let free = (0_u32..).map(|number| format!("_deactivated_{name}_{number}"));
        // There are more numbers than files.
        let stays = free.into_iter().find(|other| !self.accounts.contains_key(other)).unwrap_or_default();
        if let Some(account) = self.accounts.remove(name) {
            self.accounts.insert(stays.clone(), account);
        }
        Ok(stays)
    }

    /// An account as PVE shows it.
    pub fn shown(&mut self, name: &str) -> Option<Value> {
        let account = self.accounts.get(name)?.clone();
        let forgets = self.authority(&account.directory).forgets_contacts;
        let mut shown = json!({
            "account": account.said.json(forgets),
            "directory": account.directory,
            "location": account.location,
        });
        if let Some(tos) = account.tos {
            shown["tos"] = json!(tos);
        }
        Some(shown)
    }

    /// Files that are left of accounts stand apart: there is one more for each account that there was.
    pub(super) fn canonical(&self) -> Value {
        let is_left = |name: &str| name.starts_with("_deactivated_");
        let one = |account: &Account| json!({ "directory": account.directory, "tos": account.tos, "contact": account.said.contact });
        let of = |left: bool| -> Value {
            let those = self.accounts.iter().filter(|(name, _)| is_left(name) == left);
            those.map(|(name, account)| (name.clone(), one(account))).collect()
        };
        json!({ "accounts": of(false), "deactivated": of(true) })
    }
}
