//! A provider over the wire types. It is honest, but for what a test changes in its answers.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use tfplugin6 as tf;
use tfplugin6::provider_server::Provider as Service;
use tfplugin6::schema::nested_block::NestingMode as BlockNesting;
use tfplugin6::schema::object::NestingMode;
use tonic::{Request, Response, Status, async_trait};

use crate::schemas::Schemas;
use crate::types::Type;
use crate::value::{Value, write_msgpack};
use crate::walk::decode;
use crate::{Config, Core, Diagnostics, Provider};

type Lie<Q, A> = Option<Box<dyn Fn(&Q, &mut A) -> Result<(), Status> + Send + Sync>>;

macro_rules! lies {
    ($($rpc:ident),* $(,)?) => {
        /// What is changed in each kind of answer, and what was asked.
        #[derive(Default)]
        pub(super) struct Fake {
            pub asked: Asked,
            /// The types of which the last object was destroyed.
            gone: Mutex<std::collections::BTreeSet<String>>,
            /// What its lists tell; without it there are none.
            pub listed: Option<Vec<tf::list_resource::Event>>,
            $(pub $rpc: Lie<tf::$rpc::Request, tf::$rpc::Response>,)*
        }

        /// All requests.
        #[derive(Default)]
        pub(super) struct Asked {
            $(pub $rpc: Mutex<Vec<tf::$rpc::Request>>,)*
        }

        impl Fake {
            $(fn $rpc(&self, request: &tf::$rpc::Request, mut answer: tf::$rpc::Response) -> Result<Response<tf::$rpc::Response>, Status> {
                self.asked.$rpc.lock().unwrap().push(request.clone());
                if let Some(lie) = &self.$rpc {
                    lie(request, &mut answer)?;
                }
                Ok(Response::new(answer))
            })*
        }
    };
}

lies!(
    get_provider_schema,
    get_resource_identity_schemas,
    validate_provider_config,
    configure_provider,
    validate_resource_config,
    validate_data_resource_config,
    upgrade_resource_state,
    upgrade_resource_identity,
    read_resource,
    plan_resource_change,
    apply_resource_change,
    import_resource_state,
    move_resource_state,
    read_data_source,
    get_metadata,
    get_functions,
    stop_provider,
    call_function,
    validate_list_resource_config,
    generate_resource_config,
);

/// An attribute: its name, its type and its flags.
pub(super) fn attribute(name: &str, ty: &str, flags: &str) -> tf::schema::Attribute {
    let has = |flag| flags.split(' ').any(|given| given == flag);
    tf::schema::Attribute {
        name: name.to_owned(),
        r#type: ty.to_owned().into(),
        required: has("required"),
        optional: has("optional"),
        computed: has("computed"),
        sensitive: has("sensitive"),
        write_only: has("write_only"),
        ..Default::default()
    }
}

fn nested(name: &str, nesting: NestingMode) -> tf::schema::Attribute {
    let attributes = vec![attribute("size", "\"number\"", "required"), attribute("path", "\"string\"", "computed")];
    let object = tf::schema::Object { attributes, nesting: nesting.into(), ..Default::default() };
    tf::schema::Attribute { nested_type: Some(object), ..attribute(name, "", "optional") }
}

fn block(name: &str, nesting: BlockNesting) -> tf::schema::NestedBlock {
    let attributes = vec![attribute("to", "\"string\"", "required"), attribute("id", "\"string\"", "computed")];
    let content = tf::schema::Block { attributes, ..Default::default() };
    tf::schema::NestedBlock {
        type_name: name.to_owned(),
        block: Some(content),
        nesting: nesting.into(),
        ..Default::default()
    }
}

fn schema(
    version: i64,
    attributes: Vec<tf::schema::Attribute>,
    block_types: Vec<tf::schema::NestedBlock>,
) -> tf::Schema {
    tf::Schema { version, block: Some(tf::schema::Block { attributes, block_types, ..Default::default() }) }
}

/// What the provider says of itself: `t_thing` has everything, `t_part` nearly nothing, `t_facts` is a data source.
fn schemas() -> tf::get_provider_schema::Response {
    let text = "\"string\"";
    let thing = vec![
        attribute("name", text, "required"),
        attribute("id", text, "computed"),
        attribute("note", text, "optional"),
        attribute("kept", text, "optional computed"),
        attribute("size", "\"number\"", "optional"),
        attribute("secret", text, "optional write_only"),
        attribute("password", text, "optional sensitive"),
        attribute("tags", "[\"set\",\"string\"]", "optional"),
        attribute("labels", "[\"map\",\"string\"]", "optional"),
        attribute("any", "\"dynamic\"", "optional"),
        nested("disk", NestingMode::Single),
        nested("list", NestingMode::List),
        nested("set", NestingMode::Set),
        nested("map", NestingMode::Map),
    ];
    let blocks = vec![
        block("rule", BlockNesting::List),
        block("each", BlockNesting::Set),
        block("by_key", BlockNesting::Map),
        block("one", BlockNesting::Single),
    ];
    let part = vec![attribute("of", text, "optional"), attribute("id", text, "computed")];
    let facts = vec![attribute("name", text, "required"), attribute("id", text, "computed")];
    tf::get_provider_schema::Response {
        provider: Some(schema(0, vec![attribute("endpoint", text, "optional")], vec![])),
        resource_schemas: BTreeMap::from([
            ("t_thing".to_owned(), schema(1, thing, blocks)),
            ("t_part".to_owned(), schema(0, part, vec![])),
        ]),
        data_source_schemas: BTreeMap::from([("t_facts".to_owned(), schema(0, facts, vec![]))]),
        server_capabilities: Some(tf::ServerCapabilities {
            plan_destroy: true,
            move_resource_state: true,
            ..Default::default()
        }),
        ..Default::default()
    }
}

fn identities() -> tf::get_resource_identity_schemas::Response {
    let part = tf::resource_identity_schema::IdentityAttribute {
        name: "id".to_owned(),
        r#type: "\"string\"".into(),
        required_for_import: true,
        ..Default::default()
    };
    let schema = tf::ResourceIdentitySchema { version: 1, identity_attributes: vec![part] };
    tf::get_resource_identity_schemas::Response {
        identity_schemas: BTreeMap::from([("t_thing".to_owned(), schema)]),
        ..Default::default()
    }
}

pub(super) fn ty(name: &str) -> Type {
    let all = schemas();
    let of = if name == "t_facts" { &all.data_source_schemas } else { &all.resource_schemas };
    crate::schema::schema(&of[name], crate::schema::Allowed { write_only: true }).unwrap().block.ty()
}

pub(super) fn sent(value: &Value, name: &str) -> Option<tf::DynamicValue> {
    Some(tf::DynamicValue { msgpack: write_msgpack(value, &ty(name)).into(), json: Bytes::new() })
}

pub(super) fn got(message: Option<&tf::DynamicValue>, name: &str) -> Value {
    // What makes no sense is nothing to lie about.
    decode(message, &ty(name)).unwrap_or(Value::Null)
}

/// Changes an object in an answer: `edit(&mut answer.new_state, "t_thing", &[("name", "x".into())])`.
pub(super) fn edit(message: &mut Option<tf::DynamicValue>, name: &str, changes: &[(&str, Value)]) {
    let Value::Object(mut object) = got(message.as_ref(), name) else { return };
    object.extend(changes.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
    *message = sent(&Value::Object(object), name);
}

pub(super) fn identity(id: &Value) -> Option<tf::ResourceIdentityData> {
    let ty = Type::Object([("id".to_owned(), Type::String)].into());
    let value = Value::object([("id", id.clone())]);
    Some(tf::ResourceIdentityData {
        identity_data: Some(tf::DynamicValue { msgpack: write_msgpack(&value, &ty).into(), json: Bytes::new() }),
    })
}

/// What an honest provider says of what makes no sense.
fn nonsense(name: &str, values: &[&Option<tf::DynamicValue>]) -> Vec<tf::Diagnostic> {
    let all = schemas();
    let known = all.resource_schemas.contains_key(name) || all.data_source_schemas.contains_key(name);
    if known && values.iter().all(|value| decode(value.as_ref(), &ty(name)).is_ok()) {
        return Vec::new();
    }
    vec![tf::Diagnostic { severity: 1, summary: "That makes no sense".to_owned(), ..Default::default() }]
}

macro_rules! sense {
    ($self:ident, $rpc:ident, $asked:expr, $name:expr $(, $value:expr)*) => {
        let diagnostics = nonsense($name, &[$($value),*]);
        if !diagnostics.is_empty() {
            // Of some answers the diagnostics are all there is.
            #[allow(clippy::needless_update)]
            let answer = tf::$rpc::Response { diagnostics, ..Default::default() };
            return $self.$rpc($asked, answer);
        }
    };
}

/// Without what is only for the provider's ears.
fn without_secret(value: Value) -> Value {
    let Value::Object(mut object) = value else { return value };
    object.entry("secret".to_owned()).and_modify(|secret| *secret = Value::Null);
    Value::Object(object)
}

#[async_trait]
impl Service for Fake {
    async fn get_provider_schema(
        &self,
        request: Request<tf::get_provider_schema::Request>,
    ) -> Result<Response<tf::get_provider_schema::Response>, Status> {
        self.get_provider_schema(request.get_ref(), schemas())
    }

    async fn get_resource_identity_schemas(
        &self,
        request: Request<tf::get_resource_identity_schemas::Request>,
    ) -> Result<Response<tf::get_resource_identity_schemas::Response>, Status> {
        self.get_resource_identity_schemas(request.get_ref(), identities())
    }

    async fn validate_provider_config(
        &self,
        request: Request<tf::validate_provider_config::Request>,
    ) -> Result<Response<tf::validate_provider_config::Response>, Status> {
        self.validate_provider_config(request.get_ref(), Default::default())
    }

    async fn configure_provider(
        &self,
        request: Request<tf::configure_provider::Request>,
    ) -> Result<Response<tf::configure_provider::Response>, Status> {
        self.configure_provider(request.get_ref(), Default::default())
    }

    async fn validate_resource_config(
        &self,
        request: Request<tf::validate_resource_config::Request>,
    ) -> Result<Response<tf::validate_resource_config::Response>, Status> {
        sense!(
            self,
            validate_resource_config,
            request.get_ref(),
            &request.get_ref().type_name,
            &request.get_ref().config
        );
        self.validate_resource_config(request.get_ref(), Default::default())
    }

    async fn validate_data_resource_config(
        &self,
        request: Request<tf::validate_data_resource_config::Request>,
    ) -> Result<Response<tf::validate_data_resource_config::Response>, Status> {
        sense!(
            self,
            validate_data_resource_config,
            request.get_ref(),
            &request.get_ref().type_name,
            &request.get_ref().config
        );
        self.validate_data_resource_config(request.get_ref(), Default::default())
    }

    async fn upgrade_resource_state(
        &self,
        request: Request<tf::upgrade_resource_state::Request>,
    ) -> Result<Response<tf::upgrade_resource_state::Response>, Status> {
        sense!(self, upgrade_resource_state, request.get_ref(), &request.get_ref().type_name);
        let asked = request.get_ref();
        let json = asked.raw_state.clone().unwrap_or_default().json;
        let Ok(serde_json::Value::Object(mut attributes)) = serde_json::from_slice(&json) else {
            let said = tf::Diagnostic { severity: 1, summary: "That is no object".to_owned(), ..Default::default() };
            let answer = tf::upgrade_resource_state::Response { diagnostics: vec![said], ..Default::default() };
            return self.upgrade_resource_state(asked, answer);
        };
        let Type::Object(types) = ty(&asked.type_name) else { panic!() };
        for name in types.into_keys() {
            attributes.entry(name).or_insert(serde_json::Value::Null);
        }
        let json = serde_json::Value::Object(attributes).to_string().into();
        let upgraded_state = Some(tf::DynamicValue { msgpack: Bytes::new(), json });
        self.upgrade_resource_state(
            asked,
            tf::upgrade_resource_state::Response { upgraded_state, ..Default::default() },
        )
    }

    async fn upgrade_resource_identity(
        &self,
        request: Request<tf::upgrade_resource_identity::Request>,
    ) -> Result<Response<tf::upgrade_resource_identity::Response>, Status> {
        sense!(self, upgrade_resource_identity, request.get_ref(), &request.get_ref().type_name);
        let json = request.get_ref().raw_identity.clone().unwrap_or_default().json;
        if serde_json::from_slice::<serde_json::Value>(&json).is_err() {
            let said = tf::Diagnostic { severity: 1, summary: "That is no object".to_owned(), ..Default::default() };
            let answer = tf::upgrade_resource_identity::Response { diagnostics: vec![said], ..Default::default() };
            return self.upgrade_resource_identity(request.get_ref(), answer);
        }
        let upgraded_identity = identity(&"upgraded".into());
        self.upgrade_resource_identity(
            request.get_ref(),
            tf::upgrade_resource_identity::Response { upgraded_identity, ..Default::default() },
        )
    }

    async fn read_resource(
        &self,
        request: Request<tf::read_resource::Request>,
    ) -> Result<Response<tf::read_resource::Response>, Status> {
        sense!(self, read_resource, request.get_ref(), &request.get_ref().type_name, &request.get_ref().current_state);
        let asked = request.get_ref();
        let gone = self.gone.lock().unwrap().contains(&asked.type_name);
        let answer = tf::read_resource::Response {
            new_state: asked.current_state.clone().filter(|_| !gone),
            private: asked.private.clone(),
            new_identity: asked.current_identity.clone(),
            ..Default::default()
        };
        self.read_resource(asked, answer)
    }

    async fn plan_resource_change(
        &self,
        request: Request<tf::plan_resource_change::Request>,
    ) -> Result<Response<tf::plan_resource_change::Response>, Status> {
        sense!(
            self,
            plan_resource_change,
            request.get_ref(),
            &request.get_ref().type_name,
            &request.get_ref().prior_state,
            &request.get_ref().config,
            &request.get_ref().proposed_new_state
        );
        let asked = request.get_ref();
        let mut planned = without_secret(got(asked.proposed_new_state.as_ref(), &asked.type_name));
        let creates = got(asked.prior_state.as_ref(), &asked.type_name).is_null();
        if let Value::Object(object) = &mut planned
            && creates
        {
            for name in ["id", "kept"] {
                object.entry(name.to_owned()).and_modify(|value| {
                    if value.is_null() {
                        *value = Value::UNKNOWN
                    }
                });
            }
        }
        let name = |name: &str| tf::AttributePath {
            steps: vec![tf::attribute_path::Step {
                selector: Some(tf::attribute_path::step::Selector::AttributeName(name.to_owned())),
            }],
        };
        let answer = tf::plan_resource_change::Response {
            planned_state: sent(&planned, &asked.type_name),
            requires_replace: if asked.type_name == "t_thing" { vec![name("name")] } else { Vec::new() },
            planned_private: if planned.is_null() { asked.prior_private.clone() } else { "planned".into() },
            planned_identity: asked.prior_identity.clone(),
            ..Default::default()
        };
        self.plan_resource_change(asked, answer)
    }

    async fn apply_resource_change(
        &self,
        request: Request<tf::apply_resource_change::Request>,
    ) -> Result<Response<tf::apply_resource_change::Response>, Status> {
        sense!(
            self,
            apply_resource_change,
            request.get_ref(),
            &request.get_ref().type_name,
            &request.get_ref().prior_state,
            &request.get_ref().config,
            &request.get_ref().planned_state
        );
        let asked = request.get_ref();
        let planned = got(asked.planned_state.as_ref(), &asked.type_name);
        let mut gone = self.gone.lock().unwrap();
        let _ = if planned.is_null() { gone.insert(asked.type_name.clone()) } else { gone.remove(&asked.type_name) };
        drop(gone);
        let made = planned.map_all(&mut |value| if value.is_known() { value } else { "made".into() });
        let answer = tf::apply_resource_change::Response {
            new_state: sent(&made, &asked.type_name),
            private: "applied".into(),
            new_identity: if asked.type_name == "t_thing" && !made.is_null() {
                identity(&made.attribute("id"))
            } else {
                None
            },
            ..Default::default()
        };
        self.apply_resource_change(asked, answer)
    }

    async fn import_resource_state(
        &self,
        request: Request<tf::import_resource_state::Request>,
    ) -> Result<Response<tf::import_resource_state::Response>, Status> {
        sense!(self, import_resource_state, request.get_ref(), &request.get_ref().type_name);
        let asked = request.get_ref();
        let block = Schemas::of(&Provider::in_process(Self::default())).await.unwrap().resources[&asked.type_name]
            .block
            .clone();
        let mut state = sent(&block.empty(), &asked.type_name);
        self.gone.lock().unwrap().remove(&asked.type_name);
        let by = asked.identity.as_ref().map(|identity| {
            let ty = Type::Object([("id".to_owned(), Type::String)].into());
            decode(identity.identity_data.as_ref(), &ty).unwrap().get("id")
        });
        let id = by.unwrap_or_else(|| asked.id.as_str().into());
        edit(&mut state, &asked.type_name, &[("id", id.clone()), ("name", "n".into())]);
        let one = tf::import_resource_state::ImportedResource {
            type_name: asked.type_name.clone(),
            state,
            private: "imported".into(),
            identity: identity(&id),
        };
        self.import_resource_state(
            asked,
            tf::import_resource_state::Response { imported_resources: vec![one], ..Default::default() },
        )
    }

    async fn move_resource_state(
        &self,
        request: Request<tf::move_resource_state::Request>,
    ) -> Result<Response<tf::move_resource_state::Response>, Status> {
        sense!(self, move_resource_state, request.get_ref(), &request.get_ref().target_type_name);
        let asked = request.get_ref();
        let block = Schemas::of(&Provider::in_process(Self::default())).await.unwrap().resources
            [&asked.target_type_name]
            .block
            .clone();
        let mut target_state = sent(&block.empty(), &asked.target_type_name);
        edit(&mut target_state, &asked.target_type_name, &[("id", "moved".into()), ("name", "n".into())]);
        let answer = tf::move_resource_state::Response {
            target_state,
            target_private: asked.source_private.clone(),
            target_identity: identity(&"moved".into()),
            ..Default::default()
        };
        self.move_resource_state(asked, answer)
    }

    async fn get_metadata(
        &self,
        request: Request<tf::get_metadata::Request>,
    ) -> Result<Response<tf::get_metadata::Response>, Status> {
        let all = schemas();
        let resource = |type_name: &String| tf::get_metadata::ResourceMetadata { type_name: type_name.clone() };
        let data = |type_name: &String| tf::get_metadata::DataSourceMetadata { type_name: type_name.clone() };
        let list = tf::get_metadata::ListResourceMetadata { type_name: "t_thing".to_owned() };
        let answer = tf::get_metadata::Response {
            resources: all.resource_schemas.keys().map(resource).collect(),
            data_sources: all.data_source_schemas.keys().map(data).collect(),
            list_resources: self.listed.iter().map(|_| list.clone()).collect(),
            ..Default::default()
        };
        self.get_metadata(request.get_ref(), answer)
    }

    async fn stop_provider(
        &self,
        request: Request<tf::stop_provider::Request>,
    ) -> Result<Response<tf::stop_provider::Response>, Status> {
        self.stop_provider(request.get_ref(), Default::default())
    }

    /// It has none.
    async fn get_functions(
        &self,
        request: Request<tf::get_functions::Request>,
    ) -> Result<Response<tf::get_functions::Response>, Status> {
        self.get_functions(request.get_ref(), Default::default())
    }

    async fn call_function(
        &self,
        request: Request<tf::call_function::Request>,
    ) -> Result<Response<tf::call_function::Response>, Status> {
        let error = tf::FunctionError { text: "there is none".to_owned(), ..Default::default() };
        self.call_function(request.get_ref(), tf::call_function::Response { result: None, error: Some(error) })
    }

    async fn validate_list_resource_config(
        &self,
        request: Request<tf::validate_list_resource_config::Request>,
    ) -> Result<Response<tf::validate_list_resource_config::Response>, Status> {
        if self.listed.is_none() {
            return Err(Status::unimplemented("no lists"));
        }
        let asked = request.get_ref();
        let diagnostics = match decode(asked.config.as_ref(), &Type::Object(BTreeMap::new())) {
            Ok(_) if asked.type_name == "t_thing" => Vec::new(),
            _ => nonsense("", &[]),
        };
        self.validate_list_resource_config(asked, tf::validate_list_resource_config::Response { diagnostics })
    }

    async fn list_resource(
        &self,
        request: Request<tf::list_resource::Request>,
    ) -> Result<Response<tonic::codegen::BoxStream<tf::list_resource::Event>>, Status> {
        let Some(mut events) = self.listed.clone() else { return Err(Status::unimplemented("no lists")) };
        let sound = decode(request.get_ref().config.as_ref(), &Type::Object(BTreeMap::new())).is_ok();
        if request.get_ref().type_name != "t_thing" || !sound {
            events = vec![tf::list_resource::Event { diagnostic: nonsense("", &[]), ..Default::default() }];
        }
        if !request.get_ref().include_resource_object {
            events.iter_mut().for_each(|event| event.resource_object = None);
        }
        Ok(Response::new(Box::pin(futures_util::stream::iter(events.into_iter().map(Ok)))))
    }

    /// What is only for the provider to say is left out.
    async fn generate_resource_config(
        &self,
        request: Request<tf::generate_resource_config::Request>,
    ) -> Result<Response<tf::generate_resource_config::Response>, Status> {
        sense!(
            self,
            generate_resource_config,
            request.get_ref(),
            &request.get_ref().type_name,
            &request.get_ref().state
        );
        let asked = request.get_ref();
        let mut config = asked.state.clone();
        edit(&mut config, &asked.type_name, &[("id", Value::Null)]);
        self.generate_resource_config(asked, tf::generate_resource_config::Response { config, diagnostics: Vec::new() })
    }

    async fn read_data_source(
        &self,
        request: Request<tf::read_data_source::Request>,
    ) -> Result<Response<tf::read_data_source::Response>, Status> {
        sense!(self, read_data_source, request.get_ref(), &request.get_ref().type_name, &request.get_ref().config);
        let asked = request.get_ref();
        let mut state = asked.config.clone();
        edit(&mut state, "t_facts", &[("id", "read".into())]);
        self.read_data_source(asked, tf::read_data_source::Response { state, ..Default::default() })
    }
}

/// Terraform with a fake, and the fake itself.
pub(super) async fn core(lie: impl Fn(&mut Fake)) -> (Core, Arc<Fake>) {
    let mut fake = Fake::default();
    lie(&mut fake);
    let fake = Arc::new(fake);
    let shared = fake.clone();
    let core = Core::new(move || Provider::shared(shared.clone()), serde_json::json!({"endpoint": "e"})).await;
    (core.unwrap().named("registry.terraform.io/acme/t"), fake)
}

/// Terraform with an honest provider, a state that it has made of a configuration, and from now on a fake that lies.
pub(super) async fn after(config: &Config, lie: impl Fn(&mut Fake)) -> (Core, Arc<Fake>) {
    let mut honest = core(|_| {}).await.0;
    honest.apply(config).await.unwrap();
    let (mut core, fake) = core(lie).await;
    core.state = honest.state;
    (core, fake)
}

/// It can be listed, and this is what is told of the only one.
pub(super) fn lists(fake: &mut Fake, attributes: &[(&str, Value)]) {
    fake.get_provider_schema = Some(Box::new(|_, answer| {
        answer.list_resource_schemas.insert("t_thing".to_owned(), schema(0, vec![], vec![]));
        answer.server_capabilities =
            answer.server_capabilities.map(|able| tf::ServerCapabilities { generate_resource_config: true, ..able });
        Ok(())
    }));
    let all = schemas();
    let block = crate::schema::schema(&all.resource_schemas["t_thing"], crate::schema::Allowed { write_only: true });
    let mut object = sent(&block.unwrap().block.empty(), "t_thing");
    edit(&mut object, "t_thing", attributes);
    let id = attributes.iter().find(|(name, _)| *name == "id").map_or(Value::Null, |(_, id)| id.clone());
    let event = tf::list_resource::Event { identity: identity(&id), resource_object: object, ..Default::default() };
    fake.listed = Some(vec![event]);
}

/// What was said, as far as it failed.
pub(super) fn failed<T: std::fmt::Debug>(result: Result<T, Diagnostics>) -> Diagnostics {
    result.unwrap_err()
}
