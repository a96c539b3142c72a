//! What is said about certificates before the first request.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use pve_client::config::{Ca, EndpointConfig};
use pve_client::error::Error as Pve;
use pve_client::{Client, Config};
use terraform_plugin::{Diagnostic, Error, Notices};
use tokio::task::JoinSet;

/// How long the configuration waits for the endpoints' certificates: a node that is off does not refuse, it says nothing.
/// What is found out later is told later.
const PATIENCE: Duration = Duration::from_millis(500);

/// Adds the fingerprints of the environment. Without a name one can only be that of a single endpoint: a pin that pins
/// nothing would be a silent loss of safety.
pub(super) fn pinned(mut config: Config, fingerprints: &[(Option<String>, String)]) -> Result<Config, Error> {
    for (name, fingerprint) in fingerprints {
        let name = match (name, &config.endpoints[..], fingerprints) {
            (Some(name), ..) => name.clone(),
            (None, [only], [_]) => only.node.clone().unwrap_or_else(|| only.url.clone()),
            (None, endpoints, _) => {
                let names: Vec<&str> = endpoints.iter().map(|e| e.node.as_deref().unwrap_or(&e.url)).collect();
                let detail = format!(
                    "PVE_FINGERPRINTS holds {fingerprint} and does not say whose it is; that works with one endpoint and one \
                     fingerprint only. Write `NAME={fingerprint}`, with the name out of: {}.",
                    names.join(", ")
                );
                return Err(Error::new("Whose fingerprint is it?", detail));
            }
        };
        config = config.fingerprint(name, fingerprint);
    }
    Ok(config)
}

/// The way to the cluster, if no other one can be at its end: each endpoint has to prove what it is, by its pin or by a
/// certificate. An address alone is nothing of that kind: tomorrow it may be a tunnel to another cluster.
pub(super) fn way(config: &Config) -> Option<String> {
    let pin = |endpoint: &EndpointConfig| {
        let name = endpoint.node.as_ref().filter(|name| config.fingerprints.contains_key(*name));
        config.fingerprints.get(name.unwrap_or(&endpoint.url))
    };
    let mut ways = Vec::new();
    for endpoint in &config.endpoints {
        let proof = match (pin(endpoint), &config.ca) {
            (Some(pin), _) => pin.clone(),
            (None, _) if config.insecure => return None,
            (None, Some(Ca::File(file))) => file.display().to_string(),
            (None, Some(Ca::Pem(pem))) => pem.clone(),
            (None, None) => "any authority".to_owned(),
        };
        ways.push(format!("{} {proof}", endpoint.url));
    }
    ways.sort();
    Some(ways.join("\n"))
}

/// Says that certificates are not checked, if there is one that is not.
pub(super) fn unchecked(config: &Config) -> Option<Diagnostic> {
    let pinned = |name: &str| config.fingerprints.contains_key(name);
    let mut open = config.endpoints.iter().filter(|e| !e.node.as_deref().is_some_and(pinned) && !pinned(&e.url));
    let told = |endpoint: &EndpointConfig| endpoint.node.clone().unwrap_or_else(|| endpoint.url.clone());
    if !config.insecure {
        return None;
    }
    let first = told(open.next()?);
    let names = open.map(told).fold(first, |names, name| format!("{names}, {name}"));
    Some(Diagnostic::warning(
        "Certificates are not checked",
        format!(
            "`insecure` (PVE_INSECURE) is set, so whoever is between here and {names} can read everything, the password \
             included. Set `fingerprints` (PVE_FINGERPRINTS) instead, as `pvenode cert info` shows them on the nodes, or \
             `ca_file` (PVE_CA_FILE)."
        ),
    ))
}

/// Connects to every endpoint, and warns of those whose certificate is not the right one: requests pass over them, so that
/// nobody would know before the others are down.
///
/// `proved`: whether each of the other endpoints has to prove what it is, so that it can vouch for one.
pub(super) async fn look(client: &Client, notices: &Notices, proved: bool) {
    let (client, notices) = (client.clone(), notices.clone());
    let looking = tokio::spawn(async move {
        let telling = Mutex::new(JoinSet::new());
        let tell = |error: Pve| {
            let (client, notices) = (client.clone(), notices.clone());
            let told = async move {
                let node = if proved { vouched(&client, &error).await } else { None };
                notices.warn(node.map_or_else(|| untrusted(&error), |node| renewed(&error, &node)));
            };
            telling.lock().unwrap_or_else(PoisonError::into_inner).spawn(told);
        };
        client.untrusted_endpoints(tell).await;
        telling.into_inner().unwrap_or_else(PoisonError::into_inner).join_all().await;
    });
    // Dropping the handle ends nothing.
    let _ = tokio::time::timeout(PATIENCE, looking).await;
}

/// The node that has this certificate, if the cluster says so: by an endpoint that is trusted itself.
async fn vouched(client: &Client, error: &Pve) -> Option<String> {
    let Pve::Tls { seen: Some(seen), .. } = error else { return None };
    let nodes = client.nodes().list().await.ok()?;
    let known = |print: &String| print.eq_ignore_ascii_case(seen);
    nodes.iter().find(|node| node.ssl_fingerprint.as_ref().is_some_and(known)).map(|node| node.node.clone())
}

/// The certificate is another one, and is the node's.
fn renewed(error: &Pve, node: &str) -> Diagnostic {
    let (endpoint, seen) = match error {
        Pve::Tls { endpoint, seen: Some(seen), .. } => (endpoint.as_str(), seen.as_str()),
        _ => ("its endpoint", "another one"),
    };
    Diagnostic::warning(
        "An endpoint is not used, because its certificate is another one",
        format!(
            "{endpoint} shows a certificate with the SHA-256 fingerprint {seen}, and the cluster itself tells, by an endpoint that is \
             trusted, that this is node {node}'s: a node has another one since it has joined a cluster, or since it was renewed. Set \
             it in `fingerprints` (PVE_FINGERPRINTS); until then nothing is sent there, and the other endpoints are used."
        ),
    )
}

fn untrusted(error: &Pve) -> Diagnostic {
    let detail = match error {
        Pve::Tls { endpoint, seen: Some(seen), message } => format!(
            "{endpoint} shows a certificate that is not trusted: {message}. Its SHA-256 fingerprint is {seen}. Nothing is \
             sent there, and the other endpoints are used as long as one of them answers.\nIf that is your node's \
             (`pvenode cert info` there), set it in `fingerprints` (PVE_FINGERPRINTS); if not, find out who answers there."
        ),
        Pve::Tls { endpoint, seen: None, message } => format!(
            "{endpoint} does not speak TLS as it should: {message}. Nothing is sent there, and the other endpoints are used \
             as long as one of them answers.\nCheck that `endpoints` (PVE_ENDPOINTS) leads to PVE's own port, usually 8006."
        ),
        other => other.to_string(),
    };
    Diagnostic::warning("An endpoint is not used, because it is not trusted", detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pins(endpoints: Config, fingerprints: &[(Option<&str>, &str)]) -> Result<Vec<(String, String)>, String> {
        let given: Vec<_> =
            fingerprints.iter().map(|(name, value)| (name.map(str::to_owned), (*value).to_owned())).collect();
        match pinned(endpoints, &given) {
            Ok(config) => Ok(config.fingerprints.into_iter().collect()),
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn a_fingerprint_without_a_name_is_that_of_the_only_endpoint() {
        let told = |name: &str| Ok(vec![(name.to_owned(), "AA".to_owned())]);
        assert_eq!(pins(Config::default().endpoint("pve1", "https://a:8006"), &[(None, "AA")]), told("pve1"));
        assert_eq!(pins(Config::default().url("https://a:8006"), &[(None, "AA")]), told("https://a:8006"));
        let two = || Config::default().endpoint("pve1", "https://a:8006").url("https://b:8006");
        assert_eq!(pins(two(), &[(Some("pve1"), "AA")]), told("pve1"));

        let error = pins(two(), &[(None, "AA")]).unwrap_err();
        assert!(error.contains("NAME=AA") && error.contains("pve1, https://b:8006"), "{error}");
        let one = Config::default().endpoint("pve1", "https://a:8006");
        assert!(pins(one, &[(None, "AA"), (None, "BB")]).is_err());
    }

    #[test]
    fn only_what_is_proved_tells_the_cluster() {
        let lab = || Config::default().endpoint("pve1", "https://a:8006");
        let pinned = way(&lab().fingerprint("pve1", "AA"));
        assert!(pinned.is_some() && way(&lab()).is_some() && way(&lab()) != pinned);
        assert_eq!(way(&lab().insecure(true)), None, "anybody may be there");
        assert_eq!(way(&lab().insecure(true).fingerprint("pve1", "AA")), pinned);
        assert_eq!(way(&lab().fingerprint("https://a:8006", "AA")), pinned, "the same, said otherwise");
        assert_ne!(way(&lab().fingerprint("pve1", "BB")), pinned, "another cluster at the same address");
        let (one, two) =
            (lab().url("https://b:8006"), Config::default().url("https://b:8006").endpoint("x", "https://a:8006"));
        assert_eq!(way(&one), way(&two), "in any order, by any name");
        assert!(way(&one.insecure(true).fingerprint("pve1", "AA")).is_none(), "one of two");
    }

    #[test]
    fn what_is_not_checked_is_named() {
        let config = Config::default().endpoint("pve1", "https://a").url("https://b").endpoint("pve3", "https://c");
        assert_eq!(unchecked(&config), None);
        let config = config.insecure(true).fingerprint("pve1", "AA");
        let warning = unchecked(&config).unwrap();
        assert!(warning.detail.contains("between here and https://b, pve3 can"), "{}", warning.detail);
        let config = config.fingerprint("https://b", "AA").fingerprint("pve3", "AA");
        assert_eq!(unchecked(&config), None, "everything is pinned");
    }
}
