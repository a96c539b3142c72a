//! What is known of an object's type without knowing the type.

use std::collections::BTreeMap;
use std::sync::OnceLock;
use std::time::Duration;

use crate::model::{Key, Keyed, Model, Object, Operation};
use crate::resource::Need;
use crate::schema::{Attribute, Schema};
use crate::value::{Type, Value};

/// An object's attributes by name.
pub(crate) type Attributes = BTreeMap<String, Value>;

/// What is known of an object's type without knowing the type. The schema is made at its first use: most processes
/// that Terraform starts need a few of them only.
pub(crate) struct ObjectInfo {
    pub(crate) name: &'static str,
    pub(crate) area: &'static str,
    pub(crate) version: i64,
    pub(crate) ready: Option<&'static str>,
    pub(crate) timeouts: Option<&'static str>,
    /// Whether an update of a finished object can end unfinished.
    pub(crate) updates_settle: bool,
    /// Whether its life is told once for all of its kind.
    pub(crate) plain: bool,
    /// What somebody has to be allowed to do.
    pub(crate) needs: fn() -> Vec<Need>,
    /// What of the API is left out, with the reasons.
    pub(crate) left_out: &'static [(&'static str, &'static str)],
    /// The names of the key's fields; none for a data source.
    pub(crate) key: &'static [&'static str],
    make_schema: fn() -> Schema,
    make_identity: fn() -> Vec<Attribute>,
    timeout: fn(Operation) -> Duration,
    schema: OnceLock<Schema>,
    ty: OnceLock<Type>,
}

impl ObjectInfo {
    pub(crate) fn of<M: Model>() -> Self {
        Self {
            name: M::NAME,
            area: M::AREA,
            version: M::VERSION,
            ready: M::READY,
            timeouts: M::TIMEOUTS,
            updates_settle: false,
            plain: false,
            needs: Vec::new,
            left_out: &[],
            key: &[],
            make_schema: M::schema,
            make_identity: Vec::new,
            timeout: M::timeout,
            schema: OnceLock::new(),
            ty: OnceLock::new(),
        }
    }

    /// The provider's own configuration.
    pub(crate) fn of_provider<C: Object>() -> Self {
        Self {
            name: "",
            area: "",
            version: 0,
            ready: None,
            timeouts: None,
            updates_settle: false,
            plain: false,
            needs: Vec::new,
            left_out: &[],
            key: &[],
            make_schema: provider_schema::<C>,
            make_identity: Vec::new,
            timeout: Operation::usual_timeout,
            schema: OnceLock::new(),
            ty: OnceLock::new(),
        }
    }

    pub(crate) fn keyed<M: Keyed>() -> Self {
        Self { key: M::Key::FIELDS, make_identity: M::Key::attributes, ..Self::of::<M>() }
    }

    pub(crate) fn schema(&self) -> &Schema {
        self.schema.get_or_init(self.make_schema)
    }

    /// The type of the object as a whole.
    pub(crate) fn ty(&self) -> &Type {
        self.ty.get_or_init(|| self.schema().implied_type())
    }

    /// The type of the identity as a whole.
    pub(crate) fn identity_type(&self) -> Type {
        Type::Object(self.identity().into_iter().map(|a| (a.name.clone(), a.ty())).collect())
    }

    /// The attributes of the identity.
    pub(crate) fn identity(&self) -> Vec<Attribute> {
        (self.make_identity)()
    }

    /// The time allowed for an operation: what `timeouts` says in `attributes`, or the object's default.
    pub(crate) fn timeout(&self, operation: Operation, attributes: Option<&Attributes>) -> Duration {
        let configured = self.timeouts.zip(attributes).and_then(|(name, attributes)| match attributes.get(name) {
            Some(Value::Object(timeouts)) => timeouts.get(operation.word()),
            _ => None,
        });
        match configured {
            Some(Value::String(text)) => text.parse::<crate::model::Duration>().map(|d| d.get()).ok(),
            _ => None,
        }
        .unwrap_or_else(|| (self.timeout)(operation))
    }
}

fn provider_schema<C: Object>() -> Schema {
    Schema {
        description: C::DESCRIPTION.to_owned(),
        attributes: C::attributes(),
        checks: C::checks(),
        ..Schema::default()
    }
}
