//! Values as complaints show them: in the words of Terraform's own library, which is what providers' authors search for.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::{Refinement, Value};
use crate::types::Type;

/// A value of a type: `cty.StringVal("x")`.
pub(crate) fn shown(value: &Value, ty: &Type) -> String {
    let of = |inner: &Type, elements: &[Value]| {
        let elements: Vec<String> = elements.iter().map(|element| shown(element, inner)).collect();
        format!("[]cty.Value{{{}}}", elements.join(", "))
    };
    let by_name = |elements: &BTreeMap<String, Value>, inner: &dyn Fn(&str) -> Type| {
        let one = |(name, value): (&String, &Value)| format!("{}:{}", quoted(name), shown(value, &inner(name)));
        format!("map[string]cty.Value{{{}}}", elements.iter().map(one).collect::<Vec<_>>().join(", "))
    };
    match (value, ty) {
        (Value::Null, _) => format!("cty.NullVal({ty})"),
        (Value::Unknown(None), Type::Dynamic) => "cty.DynamicVal".to_owned(),
        (Value::Unknown(None), _) => format!("cty.UnknownVal({ty})"),
        (Value::Unknown(Some(known)), _) => format!("cty.UnknownVal({ty}){}", refinement(known)),
        (Value::Dynamic(inner), _) => shown(&inner.1, &inner.0),
        (Value::Bool(value), _) => format!("cty.{}", if *value { "True" } else { "False" }),
        (Value::String(text), _) => format!("cty.StringVal({})", quoted(text)),
        (Value::Number(number), _) => {
            if number.is_whole() {
                format!("cty.NumberIntVal({number})")
            } else if let Some(float) = number.as_exact_f64() {
                format!("cty.NumberFloatVal({float:?})")
            } else {
                format!("cty.MustParseNumberVal(\"{number}\")")
            }
        }
        (Value::List(elements), Type::Tuple(types)) => {
            if elements.is_empty() {
                return "cty.EmptyTupleVal".to_owned();
            }
            let one = |(n, element): (usize, &Value)| shown(element, types.get(n).unwrap_or(&Type::Dynamic));
            let elements: Vec<String> = elements.iter().enumerate().map(one).collect();
            format!("cty.TupleVal([]cty.Value{{{}}})", elements.join(", "))
        }
        (Value::List(elements), Type::List(inner)) if elements.is_empty() => format!("cty.ListValEmpty({inner})"),
        (Value::List(elements), Type::List(inner)) => format!("cty.ListVal({})", of(inner, elements)),
        (Value::Set(elements), Type::Set(inner)) if elements.is_empty() => format!("cty.SetValEmpty({inner})"),
        (Value::Set(elements), Type::Set(inner)) => format!("cty.SetVal({})", of(inner, elements)),
        (Value::Map(elements), Type::Map(inner)) if elements.is_empty() => format!("cty.MapValEmpty({inner})"),
        (Value::Map(elements), Type::Map(inner)) => {
            format!("cty.MapVal({})", by_name(elements, &|_| (**inner).clone()))
        }
        (Value::Object(attributes), _) if attributes.is_empty() => "cty.EmptyObjectVal".to_owned(),
        (Value::Object(attributes), Type::Object(types)) => {
            let inner = |name: &str| types.get(name).cloned().unwrap_or(Type::Dynamic);
            format!("cty.ObjectVal({})", by_name(attributes, &inner))
        }
        (value, ty) => format!("{value:?} (not {ty})"),
    }
}

/// Text in quotes, as Go quotes it.
pub(crate) fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            control if control.is_control() => {
                let _ = write!(quoted, "\\x{:02x}", u32::from(control));
            }
            other => quoted.push(other),
        }
    }
    quoted + "\""
}

fn refinement(known: &Refinement) -> String {
    if *known == (Refinement { not_null: true, ..Refinement::default() }) {
        return ".RefineNotNull()".to_owned();
    }
    let mut told = String::from(".Refine()");
    if known.not_null {
        told.push_str(".NotNull()");
    }
    if known.null {
        told.push_str(".Null()");
    }
    if let Some(prefix) = &known.prefix {
        let _ = write!(told, ".StringPrefixFull({})", quoted(prefix));
    }
    for (name, bound) in [("NumberLowerBound", &known.lower), ("NumberUpperBound", &known.upper)] {
        if let Some((bound, may)) = bound {
            let _ = write!(told, ".{name}({}, {may})", shown(&Value::Number(bound.clone()), &Type::Number));
        }
    }
    for (name, bound) in [("CollectionLengthLowerBound", known.shortest), ("CollectionLengthUpperBound", known.longest)]
    {
        if let Some(bound) = bound {
            let _ = write!(told, ".{name}({bound})");
        }
    }
    told + ".NewValue()"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_the_library_writes_them() {
        let text = Type::String;
        for (value, ty, told) in [
            (Value::Null, text.clone(), "cty.NullVal(cty.String)"),
            (Value::UNKNOWN, Type::Number, "cty.UnknownVal(cty.Number)"),
            (Value::UNKNOWN, Type::Dynamic, "cty.DynamicVal"),
            ("a\"b".into(), text.clone(), r#"cty.StringVal("a\"b")"#),
            (5.into(), Type::Number, "cty.NumberIntVal(5)"),
            (Value::Number("1.5".parse().unwrap()), Type::Number, "cty.NumberFloatVal(1.5)"),
            (Value::Number("0.1".parse().unwrap()), Type::Number, r#"cty.MustParseNumberVal("0.1")"#),
            (true.into(), Type::Bool, "cty.True"),
            (Value::List(vec![]), Type::list(text.clone()), "cty.ListValEmpty(cty.String)"),
            (
                Value::List(vec!["a".into(), "b".into()]),
                Type::list(text.clone()),
                r#"cty.ListVal([]cty.Value{cty.StringVal("a"), cty.StringVal("b")})"#,
            ),
            (Value::set(["a".into()]), Type::set(text.clone()), r#"cty.SetVal([]cty.Value{cty.StringVal("a")})"#),
            (
                Value::map([("k", "v".into())]),
                Type::map(text.clone()),
                r#"cty.MapVal(map[string]cty.Value{"k":cty.StringVal("v")})"#,
            ),
            (Value::map::<&str>([]), Type::map(text.clone()), "cty.MapValEmpty(cty.String)"),
            (
                Value::object([("a", 1.into()), ("b", Value::Null)]),
                Type::Object([("a".to_owned(), Type::Number), ("b".to_owned(), Type::Bool)].into()),
                r#"cty.ObjectVal(map[string]cty.Value{"a":cty.NumberIntVal(1), "b":cty.NullVal(cty.Bool)})"#,
            ),
        ] {
            assert_eq!(shown(&value, &ty), told);
        }
    }

    #[test]
    fn what_is_known_of_the_unknown() {
        let unknown = |known| shown(&Value::Unknown(Some(Box::new(known))), &Type::String);
        let not_null = Refinement { not_null: true, ..Refinement::default() };
        assert_eq!(unknown(not_null.clone()), "cty.UnknownVal(cty.String).RefineNotNull()");
        assert_eq!(
            unknown(Refinement { prefix: Some("pre-".to_owned()), ..not_null }),
            r#"cty.UnknownVal(cty.String).Refine().NotNull().StringPrefixFull("pre-").NewValue()"#
        );
    }
}
