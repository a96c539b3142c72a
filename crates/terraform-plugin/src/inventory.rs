//! What a provider finds, for commands of its own: the same lists and the same configurations that Terraform gets.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use futures_util::StreamExt;

use crate::diagnostics::Diagnostics;
use crate::error::Error;
use crate::provider::Provider;
use crate::registry::Attributes;
use crate::schema::{Attribute, Rule};
use crate::server::{Asked, Server, configured, short};
use crate::stop::StopToken;
use crate::value::Value;

/// A provider that is asked what there is.
#[derive(Debug)]
pub struct Inventory<P: Provider>(Server<P>);

/// An object that was found.
#[derive(Clone, Debug)]
pub struct Item {
    /// Its type, with the provider's prefix.
    pub type_name: String,
    /// What it is imported by.
    pub id: String,
    /// What people call it.
    pub title: String,
    /// As an import would have it.
    pub state: BTreeMap<String, Value>,
    /// What would have to be written for it to stay as it is, in the order of the schema: what is set.
    pub config: Vec<(String, Value)>,
    /// Attributes that have to be written and are not in `config`: secrets, which the API tells to nobody, or which should stand in
    /// no file.
    pub untold: Vec<Attribute>,
}

impl<P: Provider> Inventory<P> {
    /// With a provider whose block says this. `stop` ends what it asks for.
    pub async fn open(config: Attributes, stop: StopToken) -> Result<Self, Diagnostics> {
        let server = Server::<P>::beside(stop, PathBuf::from(".terraform"));
        let said = server.configured_with(config).await;
        if said.has_errors() { Err(said) } else { Ok(Self(server)) }
    }

    /// What the objects work with.
    pub fn api(&self) -> Result<Arc<P::Api>, Error> {
        self.0.at_hand()
    }

    /// The types that can be listed, with the provider's prefix, and the chapter of each.
    pub fn types(&self) -> Vec<(String, &'static str)> {
        self.0.listed_types()
    }

    /// All objects of a type, and what there is to say about the list. With an error in it, the list is short.
    pub async fn all(&self, type_name: &str) -> (Vec<Item>, Diagnostics) {
        let mut said = Diagnostics::default();
        let mut all = Vec::new();
        if let Err(error) = self.fill(type_name, &mut all, &mut said).await {
            said.extend(error.into_diagnostics());
        }
        (all, said)
    }

    async fn fill(&self, type_name: &str, all: &mut Vec<Item>, said: &mut Diagnostics) -> Result<(), Error> {
        self.0.forget_what_was_told();
        let cx = self.0.cx_for_list(type_name)?;
        let object = self.0.resource(type_name)?;
        let attributes = &object.info().schema().attributes;
        let mut hits = self.0.find(type_name, &cx, Asked { whole: true, ..Asked::default() }).await?;
        while let Some(hit) = hits.next().await {
            match hit {
                Ok(Some(hit)) => {
                    let state = hit.state.unwrap_or_default();
                    let mut config = configured(object.as_ref(), &state);
                    let secret = |a: &&Attribute| {
                        let is_set = a.sensitive && config.get(&a.name).is_some_and(|value| !value.is_null());
                        is_set || (a.rule == Rule::Required && a.write_only)
                    };
                    let untold: Vec<Attribute> = attributes.iter().filter(secret).cloned().collect();
                    untold.iter().for_each(|a| drop(config.remove(&a.name)));
                    all.push(Item {
                        type_name: type_name.to_owned(),
                        id: hit.id,
                        title: hit.title,
                        state,
                        untold,
                        config: attributes
                            .iter()
                            .filter_map(|a| Some((a.name.clone(), config.remove(&a.name)?)))
                            .filter(|(_, value)| !value.is_null())
                            .collect(),
                    });
                }
                Ok(None) => {}
                Err(error) => said.extend(error.into_diagnostics()),
            }
        }
        said.extend(short(&cx));
        said.extend(cx.take_warnings());
        Ok(())
    }
}
