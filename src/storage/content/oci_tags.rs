//! `pve_oci_tags`: the tags of a repository of container images.

use terraform_plugin::{Cx, DataSource, Error, Model, Need};

use super::place::{self, At};
use crate::ground::error::{During, Problem};
use crate::ground::pve::Pve;

/// The tags of a repository of container images, as its registry tells a node (PVE 9.1).
#[derive(Model, Clone, Debug, Default, PartialEq)]
#[model(name = "oci_tags", area = "Storage")]
pub struct OciTags {
    /// The repository, without a tag: `docker.io/library/nginx`.
    #[attr(required, check = without_tag)]
    pub reference: String,
    /// The node that asks; any that is online if left out.
    #[attr(optional, length = 1..)]
    pub node: Option<String>,
    /// The tags, in the registry's order.
    #[attr(computed)]
    pub tags: Option<Vec<String>>,
}

/// A repository as PVE takes it: small letters, and a host before it if it names one.
fn repository(text: &str) -> bool {
    let (host, path) = match text.split_once('/') {
        Some((host, path)) if host.contains(['.', ':']) || host == "localhost" => (Some(host), path),
        _ => (None, text),
    };
    let of_a_host = |host: &str| {
        let (name, port) = host.split_once(':').unwrap_or((host, "0"));
        let label = |part: &str| {
            !part.is_empty()
                && !part.starts_with('-')
                && !part.ends_with('-')
                && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
        };
        name.split('.').all(label) && !port.is_empty() && port.chars().all(|c| c.is_ascii_digit())
    };
    let part = |part: &str| {
        let ends = |c: Option<char>| c.is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
        let inner = part.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-".contains(c));
        let doubled = ["..", "___", "._", "_.", "-.", ".-", "-_", "_-"].iter().any(|two| part.contains(two));
        ends(part.chars().next()) && ends(part.chars().last()) && inner && !doubled
    };
    host.is_none_or(of_a_host) && path.split('/').all(part)
}

/// A repository without a tag.
fn without_tag(text: &String) -> Result<(), String> {
    match repository(text) {
        true => Ok(()),
        false => {
            Err("must be a repository without a tag, in small letters, such as `docker.io/library/nginx`".to_owned())
        }
    }
}

/// A repository with a tag.
pub(super) fn with_tag(text: &str) -> Result<(), String> {
    let parts = text.rsplit_once(':').filter(|(_, tag)| !tag.contains('/'));
    let Some((before, tag)) = parts else {
        return Err("must name a tag, as in `docker.io/library/nginx:1.29`".to_owned());
    };
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let fits = tag.len() <= 128 && tag.starts_with(word) && tag.chars().all(|c| word(c) || c == '.' || c == '-');
    match fits && repository(before) {
        true => Ok(()),
        false => {
            Err("must be a repository in small letters and a tag, such as `docker.io/library/nginx:1.29`".to_owned())
        }
    }
}

impl DataSource<Pve> for OciTags {
    fn needs() -> Vec<Need> {
        vec![Need::to_plan("/nodes/{node}", &["Sys.AccessNetwork"])]
    }

    async fn read(cx: &Cx<Pve>, config: Self) -> Result<Self, Error> {
        let anywhere = At::new(config.node.as_deref(), "", "", "");
        let node = place::carrier(cx, &anywhere).await?;
        let doing = format!("Cannot list the tags of {}", config.reference);
        let tags = cx.client.node_storage(&node).tags(&config.reference).await.during(doing);
        let tags = tags.map_err(Problem::node_at_fault)?;
        Ok(Self { tags: Some(tags), ..config })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_those_that_pve_takes() {
        for good in
            ["nginx:1", "docker.io/library/nginx:latest", "ghcr.io/a/b-c:v1.2", "localhost:5000/x:y", "a/b__c:1"]
        {
            assert_eq!(with_tag(good), Ok(()), "{good}");
        }
        for bad in
            ["nginx", "Nginx:1", "docker.io/nginx", "a//b:1", "a:", "-a:1", "a/b:1/2", "host:5000/x", "a b:1", "a:-1"]
        {
            assert!(with_tag(bad).is_err(), "{bad}");
        }
        assert!(without_tag(&"docker.io/library/nginx".to_owned()).is_ok());
        assert!(without_tag(&"docker.io/library/nginx:1".to_owned()).is_err());
    }
}
