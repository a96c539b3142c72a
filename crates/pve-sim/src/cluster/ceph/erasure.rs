//! Erasure code profiles, and what is made from them: rules and pools. Held to what a real Ceph answered
//! (`truth/ceph/07-erasure-code.json`).

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::crush::type_id;
use super::errno::{Errno, Refusal};
use super::{Ceph, Pool};

/// The profile that is there by itself.
pub const DEFAULT_PROFILE: &str = "default";

/// How data is cut into chunks and where those go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// What it says, by name.
    pub settings: BTreeMap<String, String>,
}

/// What of a profile its pool goes by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunks {
    /// The profile's name.
    pub profile: String,
    /// Chunks of data.
    pub k: u32,
    /// Chunks of parity.
    pub m: u32,
}

/// What a profile says where nothing is said.
const USUAL: [(&str, &str); 8] = [
    ("crush-device-class", ""),
    ("crush-failure-domain", "host"),
    ("crush-root", "default"),
    ("jerasure-per-chunk-alignment", "false"),
    ("k", "2"),
    ("m", "1"),
    ("plugin", "jerasure"),
    ("technique", "reed_sol_van"),
];

/// Where the monitors look for plugins, and the usual ones.
const PLUGINS: &str = "/usr/lib/x86_64-linux-gnu/ceph/erasure-code";
const KNOWN_PLUGINS: [&str; 5] = ["jerasure", "isa", "lrc", "shec", "clay"];

/// What the usual plugin can do.
const TECHNIQUES: [&str; 7] =
    ["reed_sol_van", "reed_sol_r6_op", "cauchy_orig", "cauchy_good", "liberation", "blaum_roth", "liber8tion"];

impl Default for Profile {
    fn default() -> Self {
        let said = [("k", "2"), ("m", "2"), ("plugin", "jerasure"), ("technique", "reed_sol_van")];
        Self { settings: said.map(|(key, value)| (key.to_owned(), value.to_owned())).into() }
    }
}

impl Profile {
    /// Of words like `k=2`, completed.
    pub fn parse(words: &[&str]) -> Result<Self, Refusal> {
        let mut settings: BTreeMap<String, String> =
            USUAL.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        settings.insert("w".into(), "8".into());
        let mut said = BTreeMap::from([("plugin", "jerasure"), ("technique", "reed_sol_van")]);
        said.extend(words.iter().map(|word| word.split_once('=').unwrap_or((word, ""))));
        settings.extend(said.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())));
        let profile = Self { settings };
        let refuse = |text: String| Err(Refusal::new(Errno::Inval, text));
        let (plugin, technique) = (profile.get("plugin"), profile.get("technique"));
        if !KNOWN_PLUGINS.contains(&plugin) {
            let file = format!("{PLUGINS}/libec_{plugin}.so");
            let text =
                format!("load dlopen({file}): {file}: cannot open shared object file: No such file or directory");
            return Err(Refusal::new(Errno::Io, text));
        }
        if plugin == "jerasure" && !TECHNIQUES.contains(&technique) {
            let all = TECHNIQUES.join(", ");
            let text =
                format!("technique={technique} is not a valid coding technique.  Choose one of the following: {all}");
            return Err(Refusal::new(Errno::NoEnt, text));
        }
        for (key, least) in [("k", 2), ("m", 1)] {
            if profile.number(key) < least {
                return refuse(format!("{key}={} must be >= {least}", profile.number(key)));
            }
        }
        let domain = profile.get("crush-failure-domain");
        if type_id(domain).is_none() {
            let said: Vec<String> = said.iter().map(|(key, value)| format!("{key}={value}")).collect();
            return refuse(format!(
                "erasure-code-profile {{{}}} contains an invalid failure-domain \"{domain}\"",
                said.join(",")
            ));
        }
        Ok(profile)
    }

    fn get(&self, key: &str) -> &str {
        let usual = || USUAL.iter().find(|(usual, _)| *usual == key).map_or("", |(_, value)| value);
        self.settings.get(key).map_or_else(usual, String::as_str)
    }

    fn number(&self, key: &str) -> u32 {
        self.get(key).parse().unwrap_or(0)
    }

    fn text(&self) -> String {
        let all: Vec<String> = self.settings.iter().map(|(key, value)| format!("{key}={value}")).collect();
        format!("{{{}}}", all.join(","))
    }

    /// As JSON.
    pub fn json(&self) -> Value {
        json!(self.settings)
    }
}

impl Ceph {
    /// A profile by name; an unknown one is told as what is not in it.
    fn profile(&self, name: &str) -> Result<&Profile, Refusal> {
        self.profiles.get(name).ok_or_else(|| {
            let text =
                "cannot determine the erasure code plugin because there is no 'plugin' entry in the erasure_code_profile {}";
            Refusal::new(Errno::Inval, text)
        })
    }

    /// `osd erasure-code-profile set`. The same once more is no error.
    pub fn set_profile(&mut self, name: &str, words: &[&str], force: bool) -> Result<(), Refusal> {
        let profile = Profile::parse(words)?;
        if let Some(had) = self.profiles.get(name).filter(|had| **had != profile && !force) {
            let text = format!(
                "will not override erasure code profile {name} because the existing profile {} is different from the proposed \
                 profile {}",
                had.text(),
                profile.text()
            );
            return Err(Refusal::new(Errno::Perm, text));
        }
        self.profiles.insert(name.to_owned(), profile);
        self.noted();
        Ok(())
    }

    /// `osd erasure-code-profile rm`. `Ok(false)`: there is none.
    pub fn remove_profile(&mut self, name: &str) -> Result<bool, Refusal> {
        let users: Vec<&str> = self.pools.values().filter(|p| p.profile() == Some(name)).map(|p| &*p.name).collect();
        if !users.is_empty() {
            let text = format!("{} pool(s) are using the erasure code profile '{name}'", users.join(" "));
            return Err(Refusal::new(Errno::Busy, text));
        }
        self.noted();
        Ok(self.profiles.remove(name).is_some())
    }

    /// `osd crush rule create-erasure`. `Ok(false)`: the name is taken, nothing changed.
    pub fn create_erasure_rule(&mut self, name: &str, profile: &str) -> Result<bool, Refusal> {
        let profile = self.profile(profile)?.clone();
        let class = Some(profile.get("crush-device-class")).filter(|class| !class.is_empty());
        let chunks = Some(profile.number("k") + profile.number("m"));
        let (root, domain) = (profile.get("crush-root"), profile.get("crush-failure-domain"));
        let made = self.crush.create_rule_for(name, root, domain, class, chunks)?;
        self.noted();
        Ok(made)
    }

    /// What a pool of this profile is like, and the rule by which its chunks are placed: one of the pool's name is made if none
    /// is named.
    pub(super) fn chunks(&mut self, pool: &str, profile: &str, rule: Option<&str>) -> Result<(Chunks, u32), Refusal> {
        let (k, m) = {
            let profile = self.profile(profile)?;
            (profile.number("k"), profile.number("m"))
        };
        let name = match rule {
            Some(rule) => rule,
            None => {
                self.create_erasure_rule(pool, profile)?;
                pool
            }
        };
        let missing = || Refusal::new(Errno::NoEnt, format!("specified rule {name} doesn't exist"));
        let rule = self.crush.rule_named(name).ok_or_else(missing)?;
        if rule.chunks.is_none() {
            return Err(Refusal::new(Errno::Inval, "(22) Invalid argument"));
        }
        Ok((Chunks { profile: profile.to_owned(), k, m }, rule.id))
    }
}

impl Pool {
    /// The profile that it was made of, if it is erasure coded.
    pub fn profile(&self) -> Option<&str> {
        self.chunks.as_ref().map(|chunks| chunks.profile.as_str())
    }

    /// `replicated` or `erasure`.
    pub fn kind(&self) -> &'static str {
        if self.chunks.is_some() { "erasure" } else { "replicated" }
    }

    /// Bytes on disks for each byte stored.
    pub fn raw_rate(&self) -> f64 {
        let parts = self.chunks.as_ref().map_or(1, |chunks| chunks.k);
        f64::from(self.size) / f64::from(parts.max(1))
    }
}
