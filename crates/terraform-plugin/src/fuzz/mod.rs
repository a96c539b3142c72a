//! Whatever bytes arrive: no panic, no endless work, and what was understood is written back as the same value.
//!
//! The kept inputs in `__fuzz__/` run in every test, with some random ones. `cargo xtask fuzz` goes on from them for as
//! long as it is told to, led by which branches an input reaches.

use bolero::check;

use crate::Private;
use crate::value::{Type, Value, json, msgpack};

/// Random inputs beside the kept ones in a test run.
const RANDOM: usize = 2000;

/// A type constraint as JSON, a line feed, and a value of it.
fn typed(input: &[u8]) -> Option<(Type, &[u8])> {
    let at = input.iter().position(|byte| *byte == b'\n')?;
    Some((Type::from_json(&input[..at]).ok()?, &input[at + 1..]))
}

/// A type that was read is written so that it is read again.
fn type_comes_back(ty: &Type) {
    assert_eq!(Type::from_json(ty.to_json().as_bytes()).as_ref(), Ok(ty));
}

/// Whether JSON can say the value.
fn in_json(value: &Value) -> bool {
    match value {
        Value::Unknown => false,
        Value::Number(number) => !number.is_infinite(),
        Value::Null | Value::Bool(_) | Value::String(_) => true,
        Value::List(elements) => elements.iter().all(in_json),
        Value::Map(elements) | Value::Object(elements) => elements.values().all(in_json),
        Value::Dynamic(_, value) => in_json(value),
    }
}

#[test]
fn messagepack() {
    check!(name = "messagepack").with_iterations(RANDOM).for_each(|input: &[u8]| {
        let Some((ty, bytes)) = typed(input) else { return };
        type_comes_back(&ty);
        let Ok(value) = msgpack::decode(bytes, &ty) else { return };
        let written = msgpack::encode(&value, &ty).expect("what was decoded is of the type");
        assert_eq!(msgpack::decode(&written, &ty), Ok(value.clone()));
        let canonical = value.canonical(&ty);
        assert_eq!(canonical.canonical(&ty), canonical);
        assert!(Value::equal(&ty, &value, &canonical));
        if in_json(&value) {
            let text = json::encode(&value, &ty).expect("JSON can say it");
            assert_eq!(json::decode(text.as_bytes(), &ty), Ok(value));
        }
    });
}

#[test]
fn json_state() {
    check!(name = "json_state").with_iterations(RANDOM).for_each(|input: &[u8]| {
        let private = Private::decode(input);
        assert_eq!(Private::decode(&private.encode()).encode(), private.encode());
        let Some((ty, text)) = typed(input) else { return };
        let Ok(value) = json::decode(text, &ty) else { return };
        match in_json(&value) {
            true => {
                let written = json::encode(&value, &ty).expect("what was decoded is of the type");
                assert_eq!(json::decode(written.as_bytes(), &ty), Ok(value.clone()));
            }
            false => assert!(json::encode(&value, &ty).is_err()),
        }
        let packed = msgpack::encode(&value, &ty).expect("MessagePack can say all of it");
        assert_eq!(msgpack::decode(&packed, &ty), Ok(value));
    });
}
