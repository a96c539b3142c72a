//! What a provider says of itself.

use std::collections::BTreeMap;

use tfplugin6 as tf;

use crate::diagnostics::{By, Diagnostics, Rule};
use crate::path::Path;
use crate::provider::{Provider, call};
use crate::schema::{self, Allowed, Block, Identity, Schema};
use crate::types::Type;

/// All schemas of a provider.
#[derive(Clone, Debug)]
pub struct Schemas {
    /// Of its own configuration.
    pub provider: Schema,
    /// Of resources by type.
    pub resources: BTreeMap<String, Schema>,
    /// Of data sources by type.
    pub data_sources: BTreeMap<String, Schema>,
    /// Of ephemeral resources by type.
    pub ephemeral: BTreeMap<String, Schema>,
    /// Of list resources by type.
    pub lists: BTreeMap<String, Schema>,
    /// Of actions by type.
    pub actions: BTreeMap<String, Schema>,
    /// Functions by name.
    pub functions: BTreeMap<String, tf::Function>,
    /// Of the identities of resources by type.
    pub identities: BTreeMap<String, Identity>,
    /// What the provider can do.
    pub able: tf::ServerCapabilities,
}

impl Schemas {
    /// Asks for all of them, as each process of a provider is asked.
    ///
    /// # Errors
    ///
    /// What the provider says, and what is not valid.
    pub async fn of(provider: &Provider) -> Result<Self, Diagnostics> {
        let mut said = Diagnostics::default();
        let request = tf::get_provider_schema::Request {};
        let Some(answer) = call!(provider, &mut said, "", "GetProviderSchema", get_provider_schema(request)) else {
            return Err(said);
        };
        said.said(&answer.diagnostics, "");
        let request = tf::get_resource_identity_schemas::Request {};
        let mut identities = Diagnostics::default();
        let of_identities =
            call!(provider, &mut identities, "", "GetResourceIdentitySchemas", get_resource_identity_schemas(request));
        if !identities.rules().contains(&Rule::RpcNotOffered) {
            said.take(identities);
        }
        let of_identities = of_identities.unwrap_or_default();
        said.said(&of_identities.diagnostics, "");
        let all = Self::read(&answer, &of_identities, &mut said);
        if said.failed() { Err(said) } else { all.ok_or(said) }
    }

    fn read(
        answer: &tf::get_provider_schema::Response,
        identities: &tf::get_resource_identity_schemas::Response,
        said: &mut Diagnostics,
    ) -> Option<Self> {
        let mut invalid = |rule, what: String| {
            said.error(By::Rule(rule), "", Path::ROOT, "Failed to load plugin schemas", what);
        };
        let Some(provider) = &answer.provider else {
            invalid(Rule::NoProviderSchema, "missing provider schema".to_owned());
            return None;
        };
        let plain = Allowed { write_only: false };
        let mut read = |kind: &str, protos: &BTreeMap<String, tf::Schema>, allowed| -> BTreeMap<String, Schema> {
            let mut of = BTreeMap::new();
            for (name, proto) in protos {
                match schema::schema(proto, allowed) {
                    Ok(schema) => {
                        of.insert(name.clone(), schema);
                    }
                    Err(what) => invalid(
                        Rule::InvalidSchema,
                        format!(
                            "the provider has invalid schema for {kind} type \"{name}\", which is a bug in the provider: {what}"
                        ),
                    ),
                }
            }
            of
        };
        let own = read("provider", &BTreeMap::from([("provider".to_owned(), provider.clone())]), plain);
        let resources = read("managed resource", &answer.resource_schemas, Allowed { write_only: true });
        let data_sources = read("data resource", &answer.data_source_schemas, plain);
        let ephemeral = read("ephemeral resource", &answer.ephemeral_resource_schemas, plain);
        let lists = read("list resource", &answer.list_resource_schemas, plain);
        let actions = answer
            .action_schemas
            .iter()
            .map(|(name, action)| (name.clone(), action.schema.clone().unwrap_or_default()));
        let actions = read("action", &actions.collect(), plain);
        let mut of_identities = BTreeMap::new();
        for (name, proto) in &identities.identity_schemas {
            match schema::identity(proto) {
                Ok(identity) => {
                    of_identities.insert(name.clone(), identity);
                }
                Err(what) => invalid(Rule::InvalidIdentitySchema, format!("identity schema of \"{name}\": {what}")),
            }
        }
        for name in lists.keys().filter(|name| !of_identities.contains_key(*name)) {
            invalid(Rule::ListWithoutSchema, format!("Identity schema not found for resource type {name}"));
        }
        for (name, function) in &answer.functions {
            let ty = function.r#return.as_ref().ok_or_else(|| "it returns nothing".to_owned());
            if let Err(what) = ty.and_then(|ty| Type::from_json(&ty.r#type)) {
                invalid(Rule::InvalidSchema, format!("function \"{name}\": {what}"));
            }
        }
        Some(Self {
            provider: own.into_values().next()?,
            resources,
            data_sources,
            ephemeral,
            lists,
            actions,
            functions: answer.functions.clone(),
            identities: of_identities,
            able: answer.server_capabilities.unwrap_or_default(),
        })
    }

    pub(crate) fn resource(&self, ty: &str) -> Option<&Block> {
        self.resources.get(ty).map(|schema| &schema.block)
    }
}
