//! Schemas as the protocol's messages. The same schema always gives the same bytes.

use tfplugin6::resource_identity_schema::IdentityAttribute;
use tfplugin6::schema as proto;
use tfplugin6::{ResourceIdentitySchema, StringKind};

use super::{Attribute, Kind, Nesting, Rule, Schema};

impl Schema {
    /// The schema as Terraform asks for it.
    pub fn to_proto(&self) -> tfplugin6::Schema {
        let block = proto::Block {
            attributes: attributes(&self.attributes),
            description: self.description.clone(),
            description_kind: StringKind::Markdown.into(),
            deprecated: self.deprecated.is_some(),
            deprecation_message: self.deprecated.clone().unwrap_or_default(),
            ..proto::Block::default()
        };
        tfplugin6::Schema { version: self.version, block: Some(block) }
    }

    /// The same of what is configured and never answered, as an action: nothing in it is computed, so that what has a default
    /// is simply optional.
    pub(crate) fn to_proto_of_what_is_only_configured(&self) -> tfplugin6::Schema {
        fn settle(attributes: &mut [proto::Attribute]) {
            for attribute in attributes {
                attribute.computed = false;
                if let Some(object) = &mut attribute.nested_type {
                    settle(&mut object.attributes);
                }
            }
        }
        let mut schema = self.to_proto();
        if let Some(block) = &mut schema.block {
            settle(&mut block.attributes);
        }
        schema
    }
}

fn attributes(attributes: &[Attribute]) -> Vec<proto::Attribute> {
    attributes.iter().map(attribute).collect()
}

fn attribute(attribute: &Attribute) -> proto::Attribute {
    let (ty, nested_type) = match &attribute.kind {
        Kind::Plain(ty) => (ty.to_json().into(), None),
        Kind::Nested(nesting, nested) => {
            let nesting = match nesting {
                Nesting::Single => proto::object::NestingMode::Single,
                Nesting::List => proto::object::NestingMode::List,
                Nesting::Set => proto::object::NestingMode::Set,
                Nesting::Map => proto::object::NestingMode::Map,
            };
            let object =
                proto::Object { attributes: attributes(nested), nesting: nesting.into(), ..proto::Object::default() };
            (Default::default(), Some(object))
        }
    };
    // What is left alone or defaulted when unset is, to Terraform, a value that the provider may choose.
    let (required, optional, computed) = match attribute.rule {
        Rule::Required => (true, false, false),
        Rule::Optional => (false, true, false),
        Rule::Keep | Rule::Default(_) => (false, true, true),
        Rule::Computed => (false, false, true),
    };
    proto::Attribute {
        name: attribute.name.clone(),
        r#type: ty,
        nested_type,
        description: attribute.about(),
        description_kind: StringKind::Markdown.into(),
        required,
        optional,
        computed,
        sensitive: attribute.sensitive,
        write_only: attribute.write_only,
        deprecated: attribute.deprecated.is_some(),
        deprecation_message: attribute.deprecated.clone().unwrap_or_default(),
    }
}

/// The schema of an identity: which attributes name an object, and which of them an import must give
/// ([`Rule::Required`]) or may give (any other rule).
pub fn identity_to_proto(version: i64, attributes: &[Attribute]) -> ResourceIdentitySchema {
    let identity_attributes = attributes.iter().map(|attribute| {
        let required = attribute.rule == Rule::Required;
        IdentityAttribute {
            name: attribute.name.clone(),
            r#type: attribute.ty().to_json().into(),
            required_for_import: required,
            optional_for_import: !required,
            description: attribute.description.clone(),
        }
    });
    ResourceIdentitySchema { version, identity_attributes: identity_attributes.collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::{Type, Value};

    fn plain(name: &str, rule: Rule) -> Attribute {
        Attribute::new(name, Kind::Plain(Type::String), rule)
    }

    #[test]
    fn rules_are_flags() {
        let default = Rule::Default(Value::from("x"));
        for (rule, flags) in [
            (Rule::Required, (true, false, false)),
            (Rule::Optional, (false, true, false)),
            (Rule::Keep, (false, true, true)),
            (Rule::Computed, (false, false, true)),
            (default, (false, true, true)),
        ] {
            let message = attribute(&plain("a", rule));
            assert_eq!((message.required, message.optional, message.computed), flags);
        }
    }

    #[test]
    fn everything_that_terraform_shows() {
        let secret = Attribute {
            sensitive: true,
            write_only: true,
            description: "Shown *nowhere*.".to_owned(),
            deprecated: Some("use `b`".to_owned()),
            ..plain("a", Rule::Optional)
        };
        for (nesting, number) in [(Nesting::Single, 1), (Nesting::List, 2), (Nesting::Set, 3), (Nesting::Map, 4)] {
            let outer = Attribute::new("outer", Kind::Nested(nesting, vec![secret.clone()]), Rule::Keep);
            let schema = Schema { version: 3, attributes: vec![outer], ..Schema::default() };
            let message = schema.to_proto();
            assert_eq!(message, schema.clone().to_proto(), "deterministic");
            assert_eq!(message.version, 3);
            let outer = message.block.unwrap().attributes.remove(0);
            assert!(outer.r#type.is_empty() && outer.optional && outer.computed);
            let object = outer.nested_type.unwrap();
            assert_eq!(object.nesting, number);
            let inner = &object.attributes[0];
            assert!(inner.sensitive && inner.write_only && inner.deprecated);
            assert_eq!((inner.description.as_str(), inner.description_kind), ("Shown *nowhere*.", 1));
            assert_eq!((inner.deprecation_message.as_str(), &inner.r#type[..]), ("use `b`", &b"\"string\""[..]));
        }
    }

    #[test]
    fn an_identity_says_what_an_import_needs() {
        let message = identity_to_proto(1, &[plain("node", Rule::Required), plain("vmid", Rule::Keep)]);
        let flags: Vec<_> =
            message.identity_attributes.iter().map(|a| (a.required_for_import, a.optional_for_import)).collect();
        assert_eq!(flags, [(true, false), (false, true)]);
        assert_eq!(&message.identity_attributes[0].r#type[..], b"\"string\"");
    }
}
