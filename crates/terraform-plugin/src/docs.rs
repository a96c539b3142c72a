//! What documentation is generated from: everything a provider offers, as JSON.

use serde_json::{Value as Json, json};

use crate::look::needs_of_all;
use crate::model::{Duration, Operation};
use crate::moved::Move;
use crate::provider::Provider;
use crate::registry::{AnyFunction, ObjectInfo};
use crate::resource::{Job, Need};
use crate::schema::{Attribute, Check, Kind, Nesting, Rule, Schema};
use crate::server::list_schema;
use crate::value::{Value, json as codec};

/// All schemas of a provider: `{"name", "provider": SCHEMA, "resources": {TYPE: OBJECT}, "data_sources": {TYPE: OBJECT},
/// "lists": {TYPE: OBJECT}, "actions": {TYPE: OBJECT}, "ephemeral": {TYPE: OBJECT}, "functions": {NAME: FUNCTION}}`.
///
/// A `FUNCTION` has `summary`, `description`, `parameters` (each as an attribute), `variadic` (whether the last parameter takes
/// all arguments that are left) and `returns` (as an attribute).
///
/// An `OBJECT` is a `SCHEMA` with `area`, `key` (names of the attributes that the import id joins by `/`), `ready`, `plain` (whether it is one of many alike), `needs` (what
/// somebody has to be allowed to do: `job`, which is `plan` or `apply`, `path`, `only` (an attribute, and how its value begins where it holds), `any`), `left_out` (what of the API it does not
/// manage: `name`, `why`), of a resource `moves` (types whose objects it takes over: `provider`, `from`) and
/// `timeouts` (operation and default). A `SCHEMA` has `version`, `description`, `deprecated`, `checks` (texts),
/// `attributes`. An attribute has `name`, `description`, `type` (as HCL writes it) or `nesting` and `attributes`, `rule`
/// (`required`, `optional`, `keep`, `computed`, `default`), `default` (as JSON), `flags`, `deprecated`, `checks`, `told`
/// (those of the checks that a page tells) and, if it is write-only, `version` (the attribute whose change has it sent again).
pub fn docs_json<P: Provider>() -> Json {
    let registry = P::registry();
    let resources = registry.resources.iter().map(|(n, o)| {
        let mut json = object(o.info());
        json["moves"] = P::moves().iter().filter(|way| way.to == *n).map(way_from).collect();
        (format!("{}_{n}", P::NAME), json)
    });
    let data_sources = registry.data_sources.iter().map(|(n, o)| (format!("{}_{n}", P::NAME), object(o.info())));
    let actions = registry.actions.iter().map(|(n, o)| (format!("{}_{n}", P::NAME), object(o.info())));
    let ephemeral = registry.ephemeral.iter().map(|(n, o)| (format!("{}_{n}", P::NAME), object(o.info())));
    let functions = registry.functions.iter().map(|(name, one)| ((*name).to_owned(), function(one)));
    let lists = registry.lists.keys().filter_map(|name| {
        let info = registry.resources.get(name)?.info();
        let mut list = schema(&list_schema::<P>(&registry, name)?);
        list["area"] = info.area.into();
        list["needs"] = needs_of_all((info.needs)()).iter().map(need).collect();
        Some((format!("{}_{name}", P::NAME), list))
    });
    json!({
        "name": P::NAME,
        "provider": schema(ObjectInfo::of_provider::<P::Config>().schema()),
        "resources": resources.collect::<serde_json::Map<_, _>>(),
        "data_sources": data_sources.collect::<serde_json::Map<_, _>>(),
        "lists": lists.collect::<serde_json::Map<_, _>>(),
        "actions": actions.collect::<serde_json::Map<_, _>>(),
        "ephemeral": ephemeral.collect::<serde_json::Map<_, _>>(),
        "functions": functions.collect::<serde_json::Map<_, _>>(),
    })
}

fn function(function: &AnyFunction) -> Json {
    let returns = Attribute::new("returns", function.returns(), Rule::Computed);
    json!({
        "summary": function.summary(),
        "description": function.description,
        "variadic": function.variadic,
        "parameters": function.parameters().iter().map(attribute).collect::<Vec<_>>(),
        "returns": attribute(&returns),
    })
}

fn object(info: &ObjectInfo) -> Json {
    let mut json = schema(info.schema());
    json["area"] = info.area.into();
    json["key"] = info.key.into();
    json["ready"] = info.ready.into();
    json["plain"] = info.plain.into();
    json["needs"] = (info.needs)().iter().map(need).collect();
    json["left_out"] = info.left_out.iter().map(|(name, why)| json!({ "name": name, "why": why })).collect();
    if info.timeouts.is_some() {
        let default = |o: Operation| (o.word().to_owned(), Duration::from(info.timeout(o, None)).to_string().into());
        json["timeouts"] = Json::Object(Operation::ALL.map(default).into_iter().collect());
    }
    json
}

fn way_from(way: &Move) -> Json {
    json!({ "provider": way.provider, "from": way.from })
}

fn need(need: &Need) -> Json {
    let job = match need.job {
        Job::Plan => "plan",
        Job::Apply => "apply",
    };
    json!({ "job": job, "path": need.path, "only": need.only, "any": need.any })
}

fn schema(schema: &Schema) -> Json {
    json!({
        "version": schema.version,
        "description": schema.description,
        "deprecated": schema.deprecated,
        "checks": checks(&schema.checks),
        "attributes": schema.attributes.iter().map(attribute).collect::<Vec<_>>(),
    })
}

fn checks(checks: &[Check]) -> Vec<&str> {
    checks.iter().map(|check| check.says.as_str()).collect()
}

fn told(checks: &[Check]) -> Vec<&str> {
    checks.iter().filter(|check| check.told).map(|check| check.says.as_str()).collect()
}

fn attribute(attribute: &Attribute) -> Json {
    let (rule, default) = match &attribute.rule {
        Rule::Required => ("required", None),
        Rule::Optional => ("optional", None),
        Rule::Keep => ("keep", None),
        Rule::Computed => ("computed", None),
        Rule::Default(value) => ("default", as_json(value, attribute)),
    };
    let flags = [
        ("replace", attribute.replace),
        ("local", attribute.local),
        ("sensitive", attribute.sensitive),
        ("write_only", attribute.write_only),
    ];
    let flags: Vec<&str> = flags.iter().filter(|(_, set)| *set).map(|(flag, _)| *flag).collect();
    let mut json = json!({
        "name": attribute.name,
        "description": attribute.about(),
        "rule": rule,
        "default": default,
        "flags": flags,
        "deprecated": attribute.deprecated,
        "version": attribute.version,
        "checks": checks(&attribute.checks),
        "told": told(&attribute.checks),
    });
    match &attribute.kind {
        Kind::Plain(ty) => json["type"] = ty.to_string().into(),
        Kind::Nested(nesting, attributes) => {
            json["nesting"] = match nesting {
                Nesting::Single => "single",
                Nesting::List => "list",
                Nesting::Set => "set",
                Nesting::Map => "map",
            }
            .into();
            json["attributes"] = attributes.iter().map(self::attribute).collect();
        }
    }
    json
}

/// A default is a value of the attribute's type; one that JSON has no form for is left out.
fn as_json(value: &Value, attribute: &Attribute) -> Option<Json> {
    serde_json::from_str(&codec::encode(value, &attribute.ty()).ok()?).ok()
}
