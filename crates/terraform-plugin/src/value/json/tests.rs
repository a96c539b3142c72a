use proptest::prelude::*;

use super::*;
use crate::path::Path;
use crate::value::arbitrary;

#[test]
fn numbers_keep_every_digit() {
    for text in ["12345678901234567890123", "0.1", "-1.5", "3.14159265358979323846264338327950288"] {
        let value = Value::Number(text.parse().unwrap());
        assert_eq!(decode(text.as_bytes(), &Type::Number), Ok(value.clone()));
        assert_eq!(encode(&value, &Type::Number).unwrap(), text);
    }
    assert_eq!(decode(b" 1E2 ", &Type::Number), Ok(100.into()));
}

#[test]
fn states_of_other_versions() {
    let ty = Type::object([("a", Type::String), ("new", Type::list(Type::Bool))]);
    let state = b"{\n  \"a\": \"x\",\n  \"gone\": {\"deep\": [1, 2]}\n}";
    assert_eq!(decode(state, &ty), Ok(Value::object([("a", "x".into()), ("new", Value::Null)])));
}

#[test]
fn plain_values_stand_in_for_each_other() {
    assert_eq!(decode(b"12.50", &Type::String), Ok("12.50".into()));
    assert_eq!(decode(b"true", &Type::String), Ok("true".into()));
    assert_eq!(decode(b"\"7\"", &Type::Number), Ok(7.into()));
    assert_eq!(decode(b"\"false\"", &Type::Bool), Ok(false.into()));
    assert!(decode(b"\"yes\"", &Type::Bool).is_err());
    assert!(decode(b"true", &Type::Number).is_err());
    assert!(decode(b"[]", &Type::String).is_err());
}

#[test]
fn dynamic_values_in_either_order() {
    let value = Value::Dynamic(Type::list(Type::Number), Box::new(Value::list([1])));
    for text in [r#"{"value":[1],"type":["list","number"]}"#, r#"{"type":["list","number"],"value":[1]}"#] {
        assert_eq!(decode(text.as_bytes(), &Type::Dynamic), Ok(value.clone()));
    }
    assert_eq!(encode(&value, &Type::Dynamic).unwrap(), r#"{"value":[1],"type":["list","number"]}"#);
}

#[test]
fn errors_name_the_place_and_never_the_value() {
    let ty = Type::object([("disks", Type::map(Type::list(Type::Number)))]);
    let error = decode(br#"{"disks":{"k":[1,"secret"]}}"#, &ty).unwrap_err();
    assert_eq!(error.path, Path::attr("disks").key("k").index(1));
    assert_eq!(error.what, "number is required (a string given)");
    let error = decode(br#"{"disks":"secret"}"#, &ty).unwrap_err();
    assert_eq!(error.to_string(), "disks: object is required (a string given)");
}

#[test]
fn what_is_no_json() {
    for text in ["", "{", "[1,]", "nul", "tru", "1 2", "01", "--1", "\"\\x\"", "[1] x"] {
        for ty in [Type::String, Type::Number, Type::Bool, Type::list(Type::Number), Type::object([("a", Type::Bool)])]
        {
            assert!(decode(text.as_bytes(), &ty).is_err(), "{text:?} as {ty}");
        }
    }
    assert!(decode(b"\"\xff\"", &Type::String).is_err());
}

#[test]
fn endless_nesting_is_refused() {
    let nested =
        |levels: usize| format!("{}null{}", r#"{"type":"dynamic","value":"#.repeat(levels), "}".repeat(levels));
    assert!(decode(nested(50).as_bytes(), &Type::Dynamic).is_ok());
    assert!(decode(nested(2_000).as_bytes(), &Type::Dynamic).is_err());
    let unread = format!(r#"{{"gone":{}{},"a":true}}"#, "[".repeat(100_000), "]".repeat(100_000));
    let ty = Type::object([("a", Type::Bool)]);
    assert_eq!(decode(unread.as_bytes(), &ty), Ok(Value::object([("a", true.into())])));
}

#[test]
fn what_json_cannot_say() {
    assert!(encode(&Value::Unknown, &Type::String).is_err());
    let infinite = Value::Number("-Infinity".parse().unwrap());
    assert!(encode(&Value::list([infinite]), &Type::list(Type::Number)).is_err());
}

proptest! {
    #[test]
    fn round_trip((ty, value) in arbitrary::typed_value(false)) {
        let text = encode(&value, &ty).unwrap();
        prop_assert_eq!(decode(text.as_bytes(), &ty), Ok(value));
    }

    #[test]
    fn random_text_never_panics(ty in arbitrary::ty(), text in "[\\[\\]{}\",:0-9a-z\\\\. -]{0,60}") {
        let _ = decode(text.as_bytes(), &ty);
    }

    #[test]
    fn mutated_text_never_panics(
        (ty, value) in arbitrary::typed_value(false),
        at in any::<prop::sample::Index>(),
        byte: u8,
        cut in any::<prop::sample::Index>(),
    ) {
        let mut bytes = encode(&value, &ty).unwrap().into_bytes();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        let _ = decode(&bytes[..cut.index(bytes.len() + 1)], &ty);
        let _ = decode(&bytes, &ty);
    }
}
