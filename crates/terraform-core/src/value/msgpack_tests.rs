use super::*;

fn number(text: &str) -> Value {
    Value::Number(text.parse().unwrap())
}

#[test]
fn numbers_go_as_terraform_sends_them() {
    for (text, bytes) in [
        ("5", vec![0x05]),
        ("-5", vec![0xfb]),
        ("1.5", vec![0xcb, 0x3f, 0xf8, 0, 0, 0, 0, 0, 0]),
        ("0.1", b"\xa30.1".to_vec()),
        ("18446744073709551615", b"\xb418446744073709551615".to_vec()),
    ] {
        assert_eq!(write_msgpack(&number(text), &Type::Number), bytes, "{text}");
        assert_eq!(read_msgpack(&bytes, &Type::Number).unwrap(), number(text), "{text}");
    }
    for bytes in [b"\xa51.250".to_vec(), vec![0xca, 0x3f, 0xa0, 0, 0]] {
        assert_eq!(read_msgpack(&bytes, &Type::Number).unwrap(), number("1.25"));
    }
    let float = [0xcb, 0x3f, 0xb9, 0x99, 0x99, 0x99, 0x99, 0x99, 0x9a];
    assert_ne!(read_msgpack(&float, &Type::Number).unwrap(), number("0.1"), "the float beside a tenth is no tenth");
}

#[test]
fn there_and_back() {
    let ty = br#"["object",{"a":["list","string"],"b":["set","number"],"c":["map","bool"],"d":"dynamic","e":["tuple",["string","number"]],"f":"string","g":"string"}]"#;
    let ty = Type::from_json(ty).unwrap();
    let known = Refinement {
        not_null: true,
        prefix: Some("p".to_owned()),
        lower: Some((1.into(), true)),
        shortest: Some(1),
        longest: Some(2),
        ..Refinement::default()
    };
    let value = Value::object([
        ("a", Value::List(vec!["x".into(), Value::UNKNOWN])),
        ("b", Value::set([2.into(), 1.into(), 2.into()])),
        ("c", Value::map([("k", true.into())])),
        ("d", Value::Dynamic(Box::new((Type::list(Type::String), Value::List(vec!["y".into()]))))),
        ("e", Value::List(vec!["z".into(), 7.into()])),
        ("f", Value::Null),
        ("g", Value::Unknown(Some(Box::new(known)))),
    ]);
    assert_eq!(read_msgpack(&write_msgpack(&value, &ty), &ty).unwrap(), value);
}

#[test]
fn what_does_not_fit_is_told_as_terraform_tells_it() {
    let object = Type::Object([("a".to_owned(), Type::String), ("b".to_owned(), Type::Number)].into());
    let told = |bytes: &[u8], ty: &Type| {
        let fault = read_msgpack(bytes, ty).unwrap_err();
        format!("{}: {}", fault.path, fault.what)
    };
    assert_eq!(told(b"\x81\xa1a\xa1x", &object), ": an object with 2 attributes is required (1 given)");
    assert_eq!(told(b"\x82\xa1a\xa1x\xa1c\x01", &object), ": unsupported attribute \"c\"");
    assert_eq!(told(b"\x82\xa1a\xa1x\xa1a\xa1x", &object), ": an attribute is there twice");
    assert_eq!(told(b"\x82\xa1a\x01\xa1b\x01", &object), ".a: string is required");
    assert_eq!(told(b"\x82\xa1a\xa1x\xa1b\xc2", &object), ".b: number is required");
    assert_eq!(told(b"\xa1x\x01", &Type::String), ": 1 bytes behind the value");
    assert!(told(b"", &Type::String).starts_with(": no MessagePack"));
}

#[test]
fn any_extension_is_unknown() {
    assert_eq!(read_msgpack(&[0xd4, 0, 0], &Type::String).unwrap(), Value::UNKNOWN);
    assert_eq!(read_msgpack(&[0xd5, 99, 1, 2], &Type::String).unwrap(), Value::UNKNOWN);
    let prefixed = [0xc7, 0x09, 0x0c, 0x82, 0x01, 0xc2, 0x02, 0xa4, b'p', b'r', b'e', b'-'];
    let known = Refinement { not_null: true, prefix: Some("pre-".to_owned()), ..Refinement::default() };
    assert_eq!(read_msgpack(&prefixed, &Type::String).unwrap(), Value::Unknown(Some(Box::new(known))));
}

#[test]
fn text_is_composed() {
    let mut bytes = vec![0xa3];
    bytes.extend("e\u{301}".as_bytes());
    assert_eq!(read_msgpack(&bytes, &Type::String).unwrap(), Value::String("\u{e9}".to_owned()));
}
