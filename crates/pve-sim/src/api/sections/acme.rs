//! `/cluster/acme/plugins`: how it is proved to a certificate authority that a name is ours. Recording 53.

use base64::Engine as _;
use base64::engine::GeneralPurpose;
use base64::engine::general_purpose::GeneralPurposeConfig;
use serde_json::{Value, json};
use sha1::{Digest, Sha1};

use super::{PLAIN, Row};
use crate::cluster::sections::Entry;
use crate::kernel::{Call, PveError, Routes};

const PATH: &str = "/cluster/acme/plugins";

pub(super) static ROWS: &[Row] = &[Row {
    path: PATH,
    file: "priv/acme/plugins.cfg",
    builtin: r#"{"standalone": {"type": "standalone"}}"#,
    named: Some("plugin"),
    digest: Some(|contents| Sha1::digest(contents).iter().map(|byte| format!("{byte:02x}")).collect()),
    digest_in_list: true,
    forgiving: true,
    exists: |name| PveError::new(format!("ACME plugin ID '{name}' already exists")),
    missing: |verb, name| match verb {
        "GET" => PveError::new(format!("ACME plugin '{name}' not defined")),
        _ => PveError::new(format!("ACME plugin ID '{name}' does not exist")),
    },
    lists: list,
    asked,
    deletable: |name| match name {
        "data" | "disable" | "nodes" | "validation-delay" => Ok(()),
        "api" => Err(PveError::new("unable to delete required option 'api'")),
        _ => Err(PveError::new(format!("no such option '{name}'"))),
    },
    stored,
    shows: |_, _, entry, answer, _| {
        if let Some(data) = entry.get("data").and_then(Value::as_str) {
            answer.insert("data".to_owned(), json!(decoded(data)));
        }
    },
    ..PLAIN
}];

pub(super) fn routes(r: &mut Routes) {
    r.get("/cluster/acme", |_| {
        let names = ["account", "tos", "meta", "directories", "plugins", "challenge-schema"];
        Ok(names.iter().map(|name| json!({ "name": name })).collect())
    });
    r.get("/cluster/acme/directories", |_| {
        Ok(json!([
            { "name": "Let's Encrypt V2", "url": "https://acme-v02.api.letsencrypt.org/directory" },
            { "name": "Let's Encrypt V2 Staging", "url": "https://acme-staging-v02.api.letsencrypt.org/directory" },
        ]))
    });
    r.get("/cluster/acme/challenge-schema", |_| {
        // The fields that each wants are left out.
        let dns = APIS.iter().map(|id| json!({ "id": id, "name": id, "type": "dns", "schema": {} }));
        Ok(dns
            .chain([
                json!({ "id": "standalone", "name": "Standalone HTTP Server", "type": "standalone", "schema": {} }),
            ])
            .collect())
    });
}

/// What can be a DNS plugin's `api`.
const APIS: &[&str] = &[
    "1984hosting",
    "acmedns",
    "acmeproxy",
    "active24",
    "ad",
    "ali",
    "anx",
    "arvan",
    "autodns",
    "aws",
    "azure",
    "cf",
    "clouddns",
    "cloudns",
    "cn",
    "conoha",
    "constellix",
    "cx",
    "cyon",
    "da",
    "ddnss",
    "desec",
    "df",
    "dgon",
    "dnsimple",
    "do",
    "doapi",
    "domeneshop",
    "dp",
    "dpi",
    "dreamhost",
    "duckdns",
    "durabledns",
    "dyn",
    "dynu",
    "dynv6",
    "easydns",
    "edgedns",
    "euserv",
    "exoscale",
    "freedns",
    "gandi_livedns",
    "gcloud",
    "gd",
    "gdnsdk",
    "he",
    "hetzner",
    "hexonet",
    "hostingde",
    "huaweicloud",
    "infoblox",
    "infomaniak",
    "internetbs",
    "inwx",
    "ionos",
    "ispconfig",
    "jd",
    "joker",
    "kappernet",
    "kas",
    "kinghost",
    "knot",
    "leaseweb",
    "lexicon",
    "linode",
    "linode_v4",
    "loopia",
    "lua",
    "maradns",
    "me",
    "miab",
    "misaka",
    "myapi",
    "mydevil",
    "mydnsjp",
    "namecheap",
    "namecom",
    "namesilo",
    "nederhost",
    "neodigit",
    "netcup",
    "netlify",
    "nic",
    "njalla",
    "nm",
    "nsd",
    "nsone",
    "nsupdate",
    "nw",
    "one",
    "online",
    "openprovider",
    "openstack",
    "opnsense",
    "ovh",
    "pdns",
    "pleskxml",
    "pointhq",
    "rackcorp",
    "rackspace",
    "rcode0",
    "regru",
    "scaleway",
    "schlundtech",
    "selectel",
    "servercow",
    "simply",
    "tele3",
    "transip",
    "ultra",
    "unoeuro",
    "variomedia",
    "vscale",
    "vultr",
    "world4you",
    "yandex",
    "zilore",
    "zone",
    "zonomi",
];

/// Perl reads what it can: whatever is no letter of base64 is passed over, and bytes become characters one by one.
fn decoded(text: &str) -> String {
    let letters: String =
        text.chars().take_while(|c| *c != '=').filter(|c| c.is_ascii_alphanumeric() || "+/".contains(*c)).collect();
    let whole = letters.len() - usize::from(letters.len() % 4 == 1);
    let lenient = GeneralPurpose::new(
        &base64::alphabet::STANDARD,
        GeneralPurposeConfig::new()
            .with_decode_padding_mode(base64::engine::DecodePaddingMode::Indifferent)
            .with_decode_allow_trailing_bits(true),
    );
    lenient.decode(&letters[..whole]).unwrap_or_default().into_iter().map(char::from).collect()
}

fn asked(call: &Call<'_>) -> Result<(), PveError> {
    match call.params.text("api").filter(|api| !APIS.contains(api)) {
        Some(api) => Err(PveError::param(
            "api",
            format!("value '{api}' does not have a value in the enumeration '{}'", APIS.join(", ")),
        )),
        None => Ok(()),
    }
}

fn stored(_: &Call<'_>, _: Option<&Entry>, entry: &mut Entry) -> Result<(), PveError> {
    let dns = entry.get("type") == Some(&json!("dns"));
    // Belief: PVE/SectionConfig.pm.
    if dns && !entry.contains_key("api") {
        return Err(PveError::new("missing value for required option 'api'"));
    }
    match ["api", "data", "validation-delay"].into_iter().find(|name| !dns && entry.contains_key(*name)) {
        Some(foreign) => Err(PveError::new(format!("unexpected property '{foreign}'"))),
        None => Ok(()),
    }
}

fn list(call: &mut Call<'_>) -> Result<Value, PveError> {
    let mut all = super::list(call)?;
    if let (Some(kind), Some(all)) = (call.params.text("type"), all.as_array_mut()) {
        all.retain(|plugin| plugin["type"] == kind);
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::STANDARD;

    use super::*;
    use crate::bed::Bed;
    use crate::shape::Shape;

    #[tokio::test]
    async fn data_is_told_to_whoever_may_change_it() {
        let bed = Bed::new(Shape::default());
        let data = STANDARD.encode("A=1\nB=2\n");
        bed.ok("POST", PATH, &[("id", "cf"), ("type", "dns"), ("api", "cf"), ("data", &data)]).await;
        assert_eq!(bed.ok("GET", "/cluster/acme/plugins/cf", &[]).await["data"], "A=1\nB=2\n");
        let foreign = [("id", "own"), ("type", "standalone"), ("api", "cf")];
        assert_eq!(bed.refusal("POST", PATH, &foreign).await, (500, "unexpected property 'api'".into()));
        let listed = bed.ok("GET", PATH, &[("type", "standalone")]).await;
        assert_eq!((listed.as_array().unwrap().len(), &listed[0]["plugin"]), (1, &json!("standalone")));
        bed.ok("PUT", "/cluster/acme/plugins/standalone", &[("nodes", "pve1")]).await;
        assert_eq!(bed.ok("GET", "/cluster/acme/plugins/standalone", &[]).await["nodes"], "pve1");
        assert_eq!(decoded("not base64!"), "\u{9e}\u{8b}[j\u{c7}\u{ba}");
    }
}
