//! What the derives write calls of: one attribute put together, one field taken out or put in.

use std::collections::BTreeMap;

use super::{Attr, Fault, Object, Operation, Timeouts, Typed, attr, checks};
use crate::path::Step;
use crate::schema::{Attribute, Check, Kind, Nesting, Rule};
use crate::value::Value;

/// An attribute being put together.
#[derive(Debug)]
pub struct Builder(Attribute);

/// Begins an attribute whose field has type `T`.
pub fn attribute<T: Typed>(name: &str, description: &str, rule: Rule) -> Builder {
    let mut attribute = Attribute::new(name, T::kind(), rule);
    attribute.description = description.to_owned();
    attribute.checks = checks::fits::<T>().into_iter().chain(T::checks()).collect();
    attribute.same = T::same();
    Builder(attribute)
}

/// The `timeouts` attribute.
pub fn timeouts(name: &str, description: &str, default: impl Fn(Operation) -> std::time::Duration) -> Attribute {
    let mut attribute = attribute::<Timeouts>(name, description, Rule::Optional).local().done();
    attribute.kind = Kind::Nested(Nesting::Single, Timeouts::attributes(default));
    attribute
}

impl Builder {
    /// A change replaces the object.
    #[must_use]
    pub fn replace(mut self) -> Self {
        self.0.replace = true;
        self
    }

    /// Never sent, never compared.
    #[must_use]
    pub fn local(mut self) -> Self {
        self.0.local = true;
        self
    }

    /// Redacted in Terraform's output.
    #[must_use]
    pub fn sensitive(mut self) -> Self {
        self.0.sensitive = true;
        self
    }

    /// Never stored. So are the attributes nested in it.
    #[must_use]
    pub fn write_only(mut self) -> Self {
        write_only(&mut self.0);
        self
    }

    /// What the API calls it.
    #[must_use]
    pub fn api(mut self, name: &str) -> Self {
        self.0.api = Some(name.to_owned());
        self
    }

    /// One parameter for each element.
    #[must_use]
    pub fn repeated(mut self) -> Self {
        self.0.repeated = true;
        self
    }

    /// What holds when the API stores nothing.
    #[must_use]
    pub fn usual<T: Typed>(mut self, usual: T) -> Self {
        self.0.usual = Some(usual.to_value());
        self
    }

    /// A change calls an update, although the attribute itself is never sent.
    #[must_use]
    pub fn rouses(mut self) -> Self {
        self.0.rouses = true;
        self
    }

    /// Sent again when this other attribute changes.
    #[must_use]
    pub fn version(mut self, attribute: &str) -> Self {
        self.0.version = Some(attribute.to_owned());
        self
    }

    /// Says what to use in its place.
    #[must_use]
    pub fn deprecated(mut self, instead: &str) -> Self {
        self.0.deprecated = Some(instead.to_owned());
        self
    }

    /// When two different values mean the same.
    #[must_use]
    pub fn same(mut self, same: fn(&Value, &Value) -> bool) -> Self {
        self.0.same = Some(same);
        self
    }

    /// One check more.
    #[must_use]
    pub fn check(mut self, check: Check) -> Self {
        self.0.checks.push(check);
        self
    }

    /// Put together.
    pub fn done(self) -> Attribute {
        self.0
    }
}

fn write_only(attribute: &mut Attribute) {
    attribute.write_only = true;
    if let Kind::Nested(_, attributes) = &mut attribute.kind {
        attributes.iter_mut().for_each(write_only);
    }
}

fn get<'a>(attributes: &'a BTreeMap<String, Value>, name: &str) -> &'a Value {
    attributes.get(name).unwrap_or(&Value::Null)
}

fn at(name: &str) -> impl Fn(Fault) -> Fault {
    move |fault| fault.inside(Step::Attribute(name.to_owned()))
}

/// A field that must be there, unless its type says what absent means.
pub fn field<T: Typed>(attributes: &BTreeMap<String, Value>, name: &str) -> Result<T, Fault> {
    match get(attributes, name) {
        value @ (Value::Null | Value::Unknown) => T::absent().ok_or_else(|| Fault::kind("set", value)),
        value => T::from_value(value),
    }
    .map_err(at(name))
}

/// A field that the provider decides on: its default as long as it is absent.
pub fn field_or_default<T: Typed + Default>(attributes: &BTreeMap<String, Value>, name: &str) -> Result<T, Fault> {
    match get(attributes, name) {
        Value::Null | Value::Unknown => Ok(T::default()),
        value => T::from_value(value).map_err(at(name)),
    }
}

/// A field of a plan twin.
pub fn plan_field<T: Typed>(attributes: &BTreeMap<String, Value>, name: &str) -> Result<Attr<T::Known>, Fault> {
    attr::from_value::<T>(get(attributes, name)).map_err(at(name))
}

/// A field of a plan twin as a value.
pub fn plan_value<T: Typed>(attr: &Attr<T::Known>) -> Value {
    attr::to_value::<T>(attr)
}

/// Whether two values mean the same in the eyes of a function of their type.
pub fn same<T: Typed>(a: &Value, b: &Value, same: impl Fn(&T, &T) -> bool) -> bool {
    matches!((T::from_value(a), T::from_value(b)), (Ok(a), Ok(b)) if same(&a, &b))
}

/// A nested object from its value.
pub fn object<T: Object>(value: &Value) -> Result<T, Fault> {
    T::decode(super::attributes_of(value)?)
}

/// A nested object's twin from its value.
pub fn object_plan<T: Object>(value: &Value) -> Result<T::Plan, Fault> {
    T::decode_plan(super::attributes_of(value)?)
}

/// A default as written behind `default =`, as a value of the field's type.
pub fn default_value<T: Typed>(default: T) -> Rule {
    Rule::Default(default.to_value())
}
