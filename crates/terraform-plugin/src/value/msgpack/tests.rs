use proptest::prelude::*;

use super::*;
use crate::path::Path;
use crate::value::{Number, Type, Value, arbitrary};

fn number(text: &str) -> Value {
    Value::Number(text.parse().unwrap())
}

/// As Terraform 1.15 was seen to send them.
#[test]
fn numbers_as_terraform_sends_them() {
    for (bytes, text) in [
        (&b"\x05"[..], "5"),
        (b"\xfb", "-5"),
        (b"\xe0", "-32"),
        (b"\xcc\x80", "128"),
        (b"\xcd\x01\x00", "256"),
        (b"\xce\x00\x01\x00\x00", "65536"),
        (b"\xd0\x80", "-128"),
        (b"\xd1\xff\x00", "-256"),
        (b"\xd2\xff\xff\x00\x00", "-65536"),
        (b"\xd3\x80\x00\x00\x00\x00\x00\x00\x00", "-9223372036854775808"),
        (b"\xcb\x3f\xf8\x00\x00\x00\x00\x00\x00", "1.5"),
        (b"\xa30.1", "0.1"),
        (b"\xb418446744073709551615", "18446744073709551615"),
        (b"\xcb\x7f\xf0\x00\x00\x00\x00\x00\x00", "Infinity"),
        (b"\xcb\xff\xf0\x00\x00\x00\x00\x00\x00", "-Infinity"),
    ] {
        assert_eq!(decode(bytes, &Type::Number), Ok(number(text)), "{text}");
        assert_eq!(encode(&number(text), &Type::Number).unwrap(), bytes, "{text}");
    }
    let huge = [&b"\xd9\x65"[..], format!("1{}", "0".repeat(100)).as_bytes()].concat();
    assert_eq!(decode(&huge, &Type::Number), Ok(number("1e100")));
    assert_eq!(encode(&number("1e100"), &Type::Number).unwrap(), huge);
}

/// Forms that others may choose.
#[test]
fn numbers_in_other_forms() {
    for (bytes, text) in [
        (&b"\xa51.250"[..], "1.25"),
        (b"\xa3-0.", "0"),
        (b"\xca\x3f\x00\x00\x00", "0.5"),
        (b"\xcb\x40\x14\x00\x00\x00\x00\x00\x00", "5"),
        (b"\xcf\xff\xff\xff\xff\xff\xff\xff\xff", "18446744073709551615"),
        (b"\xd3\x00\x00\x00\x00\x00\x00\x00\x07", "7"),
        (b"\xc4\x017", "7"),
    ] {
        assert_eq!(decode(bytes, &Type::Number), Ok(number(text)), "{text}");
    }
    for bytes in [&b"\xa3abc"[..], b"\xc3", b"\xcb\x7f\xf8\x00\x00\x00\x00\x00\x00", b"\xa0"] {
        assert!(decode(bytes, &Type::Number).is_err(), "{bytes:x?}");
    }
}

#[test]
fn every_extension_in_every_position_is_unknown() {
    let refined = b"\xc7\x09\x0c\x82\x01\xc2\x02\xa4pre-";
    let extensions: [&[u8]; 9] = [
        b"\xd4\x00\x00",
        refined,
        b"\xd5\x0c\x00\x00",
        b"\xd6\x07\x00\x00\x00\x00",
        b"\xd7\x00\x00\x00\x00\x00\x00\x00\x00\x00",
        b"\xd8\xff\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00",
        b"\xc7\x00\x00",
        b"\xc8\x00\x01\x0c\x80",
        b"\xc9\x00\x00\x00\x01\x0c\x80",
    ];
    let types = [
        Type::String,
        Type::Number,
        Type::Bool,
        Type::Dynamic,
        Type::list(Type::String),
        Type::map(Type::Bool),
        Type::Tuple(vec![Type::Bool]),
        Type::object([("a", Type::Bool)]),
    ];
    for bytes in extensions {
        for ty in &types {
            assert_eq!(decode(bytes, ty), Ok(Value::Unknown), "{bytes:x?} {ty}");
            let inside = [b"\x81\xa1k", bytes].concat();
            assert_eq!(decode(&inside, &Type::map(ty.clone())), Ok(Value::map([("k", Value::Unknown)])));
        }
    }
    assert_eq!(encode(&Value::Unknown, &Type::String).unwrap(), b"\xd4\x00\x00");
}

#[test]
fn dynamic_values() {
    let typed = |value| Value::Dynamic(Type::String, Box::new(value));
    for (bytes, value) in [
        (&b"\x92\xc4\x08\"string\"\xa1x"[..], typed("x".into())),
        (b"\x92\xc4\x08\"string\"\xd4\x00\x00", typed(Value::Unknown)),
        (b"\x92\xc4\x08\"string\"\xc0", typed(Value::Null)),
        (b"\xd4\x00\x00", Value::Unknown),
        (b"\xc0", Value::Null),
    ] {
        assert_eq!(decode(bytes, &Type::Dynamic), Ok(value.clone()));
        assert_eq!(encode(&value, &Type::Dynamic).unwrap(), bytes);
    }
    for bytes in [&b"\xa1x"[..], b"\x91\xc0", b"\x93\xc0\xc0\xc0", b"\x92\xc4\x03\"x\"\xc0", b"\x92\x05\xc0"] {
        assert!(decode(bytes, &Type::Dynamic).is_err(), "{bytes:x?}");
    }
}

#[test]
fn objects_hold_every_attribute_and_no_other() {
    let ty = Type::object([("a", Type::Bool), ("b", Type::String)]);
    let value = Value::object([("a", true.into()), ("b", Value::Null)]);
    assert_eq!(decode(b"\x82\xa1b\xc0\xa1a\xc3", &ty), Ok(value.clone()));
    assert_eq!(encode(&value, &ty).unwrap(), b"\x82\xa1a\xc3\xa1b\xc0");
    for (bytes, text) in [
        (&b"\x81\xa1a\xc3"[..], "b: missing"),
        (b"\x83\xa1a\xc3\xa1b\xc0\xa1c\xc0", "there is no attribute \"c\""),
        (b"\x82\xa1a\xc3\xa1a\xc3", "a: given twice"),
        (b"\x82\xa1a\xa1x\xa1b\xc0", "a: bool is required (a string given)"),
        (b"\x82\xa1a\xc3\xc0\xc0", "a string is required as key (null given)"),
    ] {
        assert_eq!(decode(bytes, &ty).unwrap_err().to_string(), text);
    }
    let short = Value::object([("a", true)].map(|(n, v)| (n, v.into())));
    assert_eq!(encode(&short, &ty).unwrap_err().to_string(), "b: missing");
    let wrong = Value::object([("a", "x".into()), ("b", Value::Null)]);
    assert_eq!(encode(&wrong, &ty).unwrap_err().to_string(), "a: bool is required (a string given)");
}

#[test]
fn errors_name_the_place_and_never_the_value() {
    let ty = Type::object([("disks", Type::map(Type::list(Type::Number)))]);
    let error = decode(b"\x81\xa5disks\x81\xa1k\x92\x01\xa6secret", &ty).unwrap_err();
    assert_eq!(error.path, Path::attr("disks").key("k").index(1));
    assert!(!error.to_string().contains("secret"));
}

#[test]
fn texts_come_out_composed() {
    assert_eq!(decode(b"\xa3e\xcc\x81", &Type::String), Ok(Value::String("\u{e9}".to_owned())));
    assert_eq!(decode(b"\x81\xa3e\xcc\x81\xc3", &Type::map(Type::Bool)), Ok(Value::map([("\u{e9}", true.into())])));
    assert!(decode(b"\xa2\xff\xfe", &Type::String).is_err(), "not UTF-8");
}

#[test]
fn lengths_that_lie() {
    for bytes in
        [&b"\xdd\xff\xff\xff\xff"[..], b"\xdb\xff\xff\xff\xff", b"\xdf\xff\xff\xff\xff", b"\xc9\xff\xff\xff\xff\x00"]
    {
        for ty in [Type::String, Type::list(Type::String), Type::map(Type::Bool), Type::Dynamic] {
            assert!(decode(bytes, &ty).is_err());
        }
    }
    assert!(decode(b"", &Type::String).is_err());
    assert!(decode(b"\xc3\xc3", &Type::Bool).is_err(), "bytes left over");
}

#[test]
fn endless_nesting_is_refused() {
    let level = b"\x92\xc4\x09\"dynamic\"";
    assert!(decode(&[&level.repeat(100)[..], b"\xc0"].concat(), &Type::Dynamic).is_ok());
    let error = decode(&[&level.repeat(100_000)[..], b"\xc0"].concat(), &Type::Dynamic).unwrap_err();
    assert_eq!(error.what, "nested too deeply");
}

#[test]
fn large_text() {
    let value = Value::from("ü".repeat(10_000_000));
    let bytes = encode(&value, &Type::String).unwrap();
    assert_eq!(bytes.len(), 20_000_005);
    assert_eq!(decode(&bytes, &Type::String), Ok(value));
}

proptest! {
    #[test]
    fn round_trip((ty, value) in arbitrary::typed_value(true)) {
        let bytes = encode(&value, &ty).unwrap();
        prop_assert_eq!(decode(&bytes, &ty), Ok(value));
    }

    #[test]
    fn infinities_too(negative: bool) {
        let float = if negative { f64::NEG_INFINITY } else { f64::INFINITY };
        let value = Value::from(Number::from_f64(float).unwrap());
        prop_assert_eq!(decode(&encode(&value, &Type::Number).unwrap(), &Type::Number), Ok(value));
    }

    #[test]
    fn random_bytes_never_panic(ty in arbitrary::ty(), bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(value) = decode(&bytes, &ty) {
            prop_assert!(encode(&value, &ty).is_ok());
        }
    }

    #[test]
    fn mutated_bytes_never_panic(
        (ty, value) in arbitrary::typed_value(true),
        edits in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut bytes = encode(&value, &ty).unwrap();
        for (at, byte) in edits {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let _ = decode(&bytes[..cut.index(bytes.len() + 1)], &ty);
        if let Ok(value) = decode(&bytes, &ty) {
            prop_assert!(encode(&value, &ty).is_ok());
        }
    }

    #[test]
    fn another_type_never_panics((_, value) in arbitrary::typed_value(true), other in arbitrary::ty()) {
        let _ = encode(&value, &other);
    }
}
