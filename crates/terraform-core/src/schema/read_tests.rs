use super::*;

fn attribute(name: &str) -> tf::schema::Attribute {
    tf::schema::Attribute {
        name: name.to_owned(),
        r#type: (&b"\"string\""[..]).into(),
        optional: true,
        ..Default::default()
    }
}

fn of(attributes: Vec<tf::schema::Attribute>, blocks: Vec<tf::schema::NestedBlock>) -> Result<Schema, String> {
    let block = tf::schema::Block { attributes, block_types: blocks, ..Default::default() };
    schema(&tf::Schema { version: 0, block: Some(block) }, Allowed { write_only: true })
}

fn nested(nesting: ObjectNesting, inner: tf::schema::Attribute) -> tf::schema::Attribute {
    let object = tf::schema::Object { attributes: vec![inner], nesting: nesting.into(), ..Default::default() };
    tf::schema::Attribute { r#type: bytes::Bytes::new(), nested_type: Some(object), ..attribute("n") }
}

fn block(name: &str, nesting: BlockNesting, min_items: i64, max_items: i64) -> tf::schema::NestedBlock {
    let inner = tf::schema::Block { attributes: vec![attribute("x")], ..Default::default() };
    tf::schema::NestedBlock {
        type_name: name.to_owned(),
        block: Some(inner),
        nesting: nesting.into(),
        min_items,
        max_items,
    }
}

#[test]
fn what_is_no_schema() {
    let flags = |required, optional, computed| tf::schema::Attribute { required, optional, computed, ..attribute("a") };
    let write_only = tf::schema::Attribute { write_only: true, ..attribute("x") };
    let in_write_only = tf::schema::Attribute { write_only: true, ..nested(ObjectNesting::Single, attribute("x")) };
    let both =
        tf::schema::Attribute { r#type: (&b"\"string\""[..]).into(), ..nested(ObjectNesting::List, attribute("x")) };
    let broken = tf::schema::Attribute { r#type: (&b"\"text\""[..]).into(), ..attribute("a") };
    let open = tf::schema::Attribute { r#type: (&b"\"dynamic\""[..]).into(), ..attribute("x") };
    for (attribute, told) in [
        (flags(false, false, false), "a: must set Optional, Required or Computed"),
        (flags(true, true, false), "a: cannot set both Optional and Required"),
        (flags(true, false, true), "a: cannot set both Computed and Required"),
        (attribute("A"), "A: name may contain only lowercase"),
        (nested(ObjectNesting::Set, write_only), "n.x: no write-only attributes in sets"),
        (in_write_only, "n: what is inside a write-only attribute is write-only"),
        (both, "n: Type and NestedType cannot both be set"),
        (broken, "a: \"text\" is no type"),
        (nested(ObjectNesting::Invalid, attribute("x")), "n: a nested type without nesting"),
        (nested(ObjectNesting::List, open), "n: types that are left open"),
    ] {
        let error = of(vec![attribute], vec![]).unwrap_err();
        assert!(error.starts_with(told), "{error}");
    }
    for (blocks, told) in [
        (vec![block("B", BlockNesting::List, 0, 0)], "B: name may contain only"),
        (vec![block("a", BlockNesting::List, 0, 0)], "a: name defined as both"),
        (vec![block("b", BlockNesting::Invalid, 0, 0)], "b: a block without nesting"),
        (vec![block("b", BlockNesting::Single, 0, 1)], "b: 0 to 1 are no limits"),
        (vec![block("b", BlockNesting::List, 2, 1)], "b: 2 to 1 are no limits"),
        (vec![block("b", BlockNesting::Map, 1, 0)], "b: 1 to 0 are no limits"),
        (vec![block("b", BlockNesting::List, 0, 0), block("b", BlockNesting::List, 0, 0)], "b: there is a block"),
    ] {
        let error = of(vec![attribute("a")], blocks).unwrap_err();
        assert!(error.starts_with(told), "{error}");
    }
    assert!(schema(&tf::Schema { version: 0, block: None }, Allowed { write_only: true }).is_err());
    assert!(of(vec![attribute("a")], vec![block("b", BlockNesting::Set, 1, 2)]).is_ok());
}

#[test]
fn write_only_is_for_resources() {
    let attributes = vec![tf::schema::Attribute { write_only: true, ..attribute("x") }];
    let block = tf::schema::Block { attributes, ..Default::default() };
    let proto = tf::Schema { version: 0, block: Some(block) };
    assert!(schema(&proto, Allowed { write_only: true }).is_ok());
    assert!(schema(&proto, Allowed { write_only: false }).is_err());
}

#[test]
fn what_is_no_identity() {
    let part =
        |ty: &'static str, required_for_import, optional_for_import| tf::resource_identity_schema::IdentityAttribute {
            name: "id".to_owned(),
            r#type: ty.into(),
            required_for_import,
            optional_for_import,
            ..Default::default()
        };
    let of = |identity_attributes| identity(&tf::ResourceIdentitySchema { version: 0, identity_attributes });
    assert!(of(vec![part("\"string\"", true, false), part("[\"list\",\"number\"]", false, true)]).is_ok());
    assert!(of(vec![]).is_err());
    assert!(of(vec![part("\"string\"", true, true)]).is_err());
    assert!(of(vec![part("\"string\"", false, false)]).is_err());
    assert!(of(vec![part("[\"map\",\"string\"]", true, false)]).is_err());
}
