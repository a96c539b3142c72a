//! What Terraform would refuse in a schema, or take and then misbehave: found in a unit test of the provider.

use std::collections::BTreeSet;

use super::{Attribute, Check, Kind, Nesting, Rule, Schema, Test};
use crate::path::Path;
use crate::value::{Type, Value, msgpack};

/// Names that the language keeps for itself in the body of a resource or data source.
const RESERVED: [&str; 7] = ["count", "for_each", "provider", "depends_on", "lifecycle", "connection", "provisioner"];

/// Names that it keeps in a provider's configuration.
const RESERVED_IN_PROVIDER: [&str; 2] = ["alias", "version"];

/// What a schema describes: not everything is allowed everywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SchemaOf {
    /// The provider's own configuration.
    Provider,
    /// A managed resource.
    Resource,
    /// A data source.
    DataSource,
    /// An action: configured, and never answered.
    Action,
    /// An ephemeral resource.
    Ephemeral,
}

impl Schema {
    /// Everything that is wrong with the schema, one line each with the attribute's path; empty if it is fine.
    ///
    /// For a test over all objects of a provider: Terraform itself reports some of these with every command, others
    /// not until a user runs into them.
    pub fn self_check(&self, of: SchemaOf) -> Vec<String> {
        let mut wrong = Wrong(Vec::new());
        if self.version < 0 {
            wrong.0.push("the version is below zero".to_owned());
        }
        if of == SchemaOf::Provider && self.version != 0 {
            wrong.0.push("a provider's configuration has version 0".to_owned());
        }
        for attribute in &self.attributes {
            let name = attribute.name.as_str();
            if RESERVED.contains(&name) || of == SchemaOf::Provider && RESERVED_IN_PROVIDER.contains(&name) {
                wrong.say(&Path::attr(name), "the name is reserved by the language");
            }
        }
        let above = Above { of, set: false, write_only: false, computed: false };
        wrong.attributes(&self.attributes, &Path::root(), above);
        wrong.checks(&self.checks, &self.attributes, &Path::root());
        wrong.0
    }
}

/// What holds of an attribute because of those around it.
#[derive(Clone, Copy)]
struct Above {
    of: SchemaOf,
    set: bool,
    write_only: bool,
    computed: bool,
}

struct Wrong(Vec<String>);

impl Wrong {
    fn say(&mut self, path: &Path, what: &str) {
        self.0.push(if path.is_root() { what.to_owned() } else { format!("{path}: {what}") });
    }

    fn attributes(&mut self, attributes: &[Attribute], path: &Path, above: Above) {
        let mut names = BTreeSet::new();
        for attribute in attributes {
            let path = path.at(&attribute.name);
            if !names.insert(&attribute.name) {
                self.say(&path, "the name is there twice");
            }
            self.attribute(attribute, &path, above);
        }
    }

    fn attribute(&mut self, attribute: &Attribute, path: &Path, above: Above) {
        let computed = attribute.rule == Rule::Computed;
        for (is_wrong, what) in [
            (!is_name(&attribute.name), "a name has lower-case letters, digits and _, and begins with a letter"),
            (attribute.write_only && above.of != SchemaOf::Resource, "only resources have write-only attributes"),
            (attribute.write_only && above.set, "write-only is not possible inside a set"),
            (
                attribute.write_only && matches!(attribute.kind, Kind::Nested(Nesting::Set, _)),
                "a set of objects cannot be write-only",
            ),
            (
                attribute.write_only && !matches!(attribute.rule, Rule::Required | Rule::Optional),
                "write-only goes with required or optional only: there is nothing to keep, compute or default",
            ),
            (!attribute.write_only && above.write_only, "below a write-only attribute everything is write-only"),
            (!computed && above.computed, "below a computed attribute everything is computed"),
            (attribute.replace && computed, "a computed attribute does not change by itself: nothing to replace for"),
            (attribute.local && computed, "a local attribute comes from the configuration, a computed one never"),
            (
                above.of == SchemaOf::Provider && !matches!(attribute.rule, Rule::Required | Rule::Optional),
                "a provider's configuration is not stored: required or optional only",
            ),
            (
                above.of == SchemaOf::Action && matches!(attribute.rule, Rule::Computed | Rule::Keep),
                "an action answers nothing: required, optional or with a default",
            ),
            (
                matches!(&attribute.kind, Kind::Plain(ty) if dynamic_in_collection(ty)),
                "a collection of dynamic values: Terraform wants one type for all elements",
            ),
            (attribute.deprecated.as_deref() == Some(""), "deprecated without a word of what to use instead"),
        ] {
            if is_wrong {
                self.say(path, what);
            }
        }
        if let Rule::Default(default) = &attribute.rule {
            self.default(attribute, default, path);
        }
        if let Kind::Nested(nesting, nested) = &attribute.kind {
            if *nesting == Nesting::Set && nested.iter().any(|a| has_dynamic(&a.ty())) {
                self.say(path, "dynamic values are not possible inside a set");
            }
            let below = Above {
                set: above.set || *nesting == Nesting::Set,
                write_only: above.write_only || attribute.write_only,
                computed: above.computed || computed,
                ..above
            };
            self.attributes(nested, path, below);
        }
        self.checks(&attribute.checks, attribute.nested().unwrap_or_default(), path);
    }

    fn default(&mut self, attribute: &Attribute, default: &Value, path: &Path) {
        if let Err(why) = msgpack::encode(default, &attribute.ty()) {
            self.say(path, &format!("the default is not of the attribute's type: {why}"));
        }
        if default.is_null() || !default.is_fully_known() {
            self.say(path, "the default is not a known value");
        }
        for check in &attribute.checks {
            if let Err(why) = check.run(default) {
                self.say(path, &format!("the default fails the attribute's own check: {why}"));
            }
        }
    }

    /// `attributes`: those of the object that the checks look at.
    fn checks(&mut self, checks: &[Check], attributes: &[Attribute], path: &Path) {
        for check in checks {
            match &check.test {
                Test::Each(check) => self.checks(std::slice::from_ref(&**check), attributes, path),
                Test::Regex(pattern) => {
                    if let Err(why) = pattern.regex() {
                        self.say(path, &format!("`{}` is not a regular expression: {why}", pattern.as_str()));
                    }
                }
                Test::Range(Some(low), Some(high)) if low > high => self.say(path, "the range is empty"),
                Test::Length(Some(low), Some(high)) if low > high => self.say(path, "the range of lengths is empty"),
                Test::OneOf(words) if words.is_empty() => self.say(path, "one of no words at all"),
                Test::Together(_, names) => {
                    if names.len() < 2 {
                        self.say(path, &format!("{}: two attributes or more are needed", check.says));
                    }
                    for name in names.iter().filter(|name| !attributes.iter().any(|a| a.name == **name)) {
                        self.say(path, &format!("{}: there is no `{name}`", check.says));
                    }
                }
                Test::Range(..) | Test::Length(..) | Test::OneOf(_) | Test::Custom(_) => {}
            }
        }
    }
}

fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

fn has_dynamic(ty: &Type) -> bool {
    match ty {
        Type::Dynamic => true,
        Type::String | Type::Number | Type::Bool => false,
        Type::List(of) | Type::Set(of) | Type::Map(of) => has_dynamic(of),
        Type::Tuple(types) => types.iter().any(has_dynamic),
        Type::Object(attributes) => attributes.values().any(has_dynamic),
    }
}

fn dynamic_in_collection(ty: &Type) -> bool {
    match ty {
        Type::String | Type::Number | Type::Bool | Type::Dynamic => false,
        Type::List(of) | Type::Set(of) | Type::Map(of) => has_dynamic(of),
        Type::Tuple(types) => types.iter().any(dynamic_in_collection),
        Type::Object(attributes) => attributes.values().any(dynamic_in_collection),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(name: &str, rule: Rule) -> Attribute {
        Attribute::new(name, Kind::Plain(Type::String), rule)
    }

    fn nested(nesting: Nesting, rule: Rule, attributes: Vec<Attribute>) -> Attribute {
        Attribute::new("outer", Kind::Nested(nesting, attributes), rule)
    }

    fn write_only(rule: Rule) -> Attribute {
        Attribute { write_only: true, ..plain("a", rule) }
    }

    #[test]
    fn a_fine_schema() {
        let checks = vec![Check::one_of(["x", "y"]), Check::regex("[a-z]+", None)];
        let attributes = vec![
            Attribute { checks, ..plain("a", Rule::Default("x".into())) },
            write_only(Rule::Required).renamed("b_wo"),
            nested(Nesting::Set, Rule::Computed, vec![plain("c", Rule::Computed)]),
            Attribute::new("any", Kind::Plain(Type::Dynamic), Rule::Optional),
        ];
        let schema = Schema { attributes, checks: vec![Check::conflicts(["a", "outer"])], ..Schema::default() };
        assert_eq!(schema.self_check(SchemaOf::Resource), [""; 0]);
    }

    impl Attribute {
        fn renamed(self, name: &str) -> Self {
            Self { name: name.to_owned(), ..self }
        }
    }

    #[test]
    fn each_fault_is_named_with_its_path() {
        use Rule::{Computed, Default, Keep, Optional, Required};
        let checked = |check| Attribute { checks: vec![check], ..plain("a", Optional) };
        let list_of_any = Attribute::new("a", Kind::Plain(Type::list(Type::Dynamic)), Optional);
        let any = Attribute::new("any", Kind::Plain(Type::Dynamic), Optional);
        let wrong_default = Attribute::new("a", Kind::Plain(Type::Bool), Default("x".into()));
        let failing_default = Attribute { checks: vec![Check::length(2..)], ..plain("a", Default("x".into())) };
        let related = Attribute {
            checks: vec![Check::conflicts(["a", "gone"]).each()],
            ..nested(Nesting::Map, Optional, vec![plain("a", Optional)])
        };
        for (attribute, text) in [
            (plain("count", Optional), "count: the name is reserved"),
            (plain("Name", Optional), "Name: a name has lower-case"),
            (plain("1st", Optional), "1st: a name has lower-case"),
            (write_only(Keep), "a: write-only goes with required or optional"),
            (
                nested(Nesting::Set, Optional, vec![write_only(Optional)]),
                "outer.a: write-only is not possible inside a set",
            ),
            (
                Attribute { write_only: true, ..nested(Nesting::Single, Optional, vec![plain("a", Optional)]) },
                "outer.a: below a write-only attribute",
            ),
            (nested(Nesting::List, Computed, vec![plain("a", Required)]), "outer.a: below a computed attribute"),
            (Attribute { replace: true, ..plain("a", Computed) }, "a: a computed attribute does not change"),
            (Attribute { local: true, ..plain("a", Computed) }, "a: a local attribute"),
            (list_of_any, "a: a collection of dynamic values"),
            (nested(Nesting::Set, Optional, vec![any]), "outer: dynamic values are not possible inside a set"),
            (wrong_default, "a: the default is not of the attribute's type"),
            (failing_default, "a: the default fails the attribute's own check"),
            (plain("a", Default(Value::Null)), "a: the default is not a known value"),
            (checked(Check::regex("(", None)), "a: `(` is not a regular expression"),
            (checked(Check::range(std::ops::RangeInclusive::new(7, 1))), "a: the range is empty"),
            (related, "outer: at most one of `a` and `gone`: there is no `gone`"),
            (Attribute { deprecated: Some(String::new()), ..plain("a", Optional) }, "a: deprecated without"),
        ] {
            let schema = Schema { attributes: vec![attribute], ..Schema::default() };
            let found = schema.self_check(SchemaOf::Resource);
            assert!(found.len() == 1 && found[0].starts_with(text), "{text}: {found:?}");
        }
        let twice = Schema { attributes: vec![plain("a", Optional), plain("a", Optional)], ..Schema::default() };
        assert_eq!(twice.self_check(SchemaOf::Resource), ["a: the name is there twice"]);
    }

    #[test]
    fn not_everything_is_allowed_everywhere() {
        let of = |attribute: Attribute, of| Schema { attributes: vec![attribute], ..Schema::default() }.self_check(of);
        assert_eq!(of(write_only(Rule::Optional), SchemaOf::DataSource).len(), 1);
        assert_eq!(of(plain("a", Rule::Keep), SchemaOf::Provider).len(), 1);
        assert_eq!(of(plain("a", Rule::Computed), SchemaOf::Action).len(), 1);
        assert_eq!(of(plain("a", Rule::Computed), SchemaOf::Ephemeral), [""; 0]);
        assert_eq!(of(plain("alias", Rule::Optional), SchemaOf::Provider).len(), 1);
        assert_eq!(of(plain("alias", Rule::Optional), SchemaOf::Resource), [""; 0]);
    }
}
