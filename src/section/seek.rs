//! Finding all objects of a kind, for `terraform query`.

use std::collections::BTreeMap;

use terraform_plugin::schema::Rule;
use terraform_plugin::value::Value;
use terraform_plugin::{Cx, Error, Key, Queried, Seen};

use super::{Made, Section, Sight, Told, family, must_see_all};
use crate::ground::error::During;
use crate::ground::pve::Pve;

/// All sections of a family's file, as far as its list tells; of what there is one of, that one, or that of each node.
pub async fn seek<S: Section + Queried<Pve>>(cx: &Cx<Pve>) -> Result<Vec<Seen<S>>, Error> {
    if S::FAMILY.made == Made::Already {
        return match S::Key::FIELDS {
            ["node"] => on_each_node(cx, |node| one::<S>("node", node.into())).await,
            _ => Ok(the_only_one::<S>().into_iter().map(Seen::there).collect()),
        };
    }
    let name = format!("pve_{}", S::NAME);
    must_see_all(cx, S::FAMILY.sight, &name).await?;
    let entries = family::entries_of_kind::<S>(cx).await.during(format!("Cannot list what `{name}` could manage"))?;
    let one = |(key, live)| match S::FAMILY.told {
        Told::InTheList => match family::from_live::<S>(&live, &key) {
            Ok(model) => Seen::whole(model),
            Err(problem) => Seen::Missed(problem.into()),
        },
        Told::ByItself => Seen::there(key),
    };
    Ok(entries.into_iter().map(one).collect())
}

/// What each node has one of. A node that does not answer is told of, not left out.
async fn on_each_node<S: Section>(cx: &Cx<Pve>, key: impl Fn(&str) -> Option<S::Key>) -> Result<Vec<Seen<S>>, Error> {
    let nodes = cx.client.nodes().list().await.during("Cannot list the cluster's nodes")?;
    let one = |node: &str, online: bool| match online {
        true => key(node).map(Seen::there),
        false => Some(Seen::Missed(offline(node))),
    };
    Ok(nodes.iter().filter_map(|node| one(&node.node, node.is_online())).collect())
}

/// Why a node is missing from a list.
pub fn offline(node: &str) -> Error {
    Error::new(
        format!("Node {node} is offline"),
        "What is there is missing from this list. List again when it answers.",
    )
}

/// The key of what has a default for it.
fn the_only_one<S: Section>() -> Option<S::Key> {
    let attributes = S::attributes();
    let [field] = S::Key::FIELDS else { return None };
    let attribute = attributes.into_iter().find(|attribute| attribute.name == *field)?;
    match attribute.rule {
        Rule::Default(only) => one::<S>(field, only),
        _ => None,
    }
}

fn one<S: Section>(field: &str, value: Value) -> Option<S::Key> {
    S::Key::decode(&BTreeMap::from([(field.to_owned(), value)])).ok()
}

/// An error unless everything is seen whose rights lie below that path.
pub async fn sees_all(cx: &Cx<Pve>, path: &'static str, any: &'static [&'static str], of: &str) -> Result<(), Error> {
    must_see_all(cx, Sight::With(super::Right { path, any }), of).await
}

/// Makes a section be found by the list of its family.
macro_rules! sought {
    ($section:ty) => {
        impl terraform_plugin::Queried<crate::ground::pve::Pve> for $section {
            async fn seek(
                cx: &terraform_plugin::Cx<crate::ground::pve::Pve>,
            ) -> Result<Vec<terraform_plugin::Seen<Self>>, terraform_plugin::Error> {
                crate::section::seek(cx).await
            }
        }
    };
}
pub(crate) use sought;
