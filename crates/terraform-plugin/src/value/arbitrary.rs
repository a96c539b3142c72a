//! Random types, and random values of them, for property tests.

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;

use super::{Number, Type, Value};

/// Numbers of every form that the wire has: small, beyond 64 bits, fractions that a float holds and that it does not,
/// and exponents beyond what is written out.
pub(super) fn number() -> BoxedStrategy<Number> {
    prop_oneof![
        any::<i64>().prop_map(Number::from),
        (-200_i64..200).prop_map(Number::from),
        any::<i128>().prop_map(Number::from),
        any::<f64>().prop_filter_map("NaN", Number::from_f64),
        any::<f64>().prop_filter_map("NaN or infinite", |f| Number::from_f64_exact(f).filter(|n| !n.is_infinite())),
        "-?[0-9]{1,40}(\\.[0-9]{1,40})?(e[+-]?[0-9]{1,5})?".prop_map(|text| text.parse().unwrap()),
    ]
    .prop_filter("infinite", |number| !number.is_infinite())
    .boxed()
}

pub(super) fn ty() -> BoxedStrategy<Type> {
    let plain = prop_oneof![Just(Type::String), Just(Type::Number), Just(Type::Bool), Just(Type::Dynamic)];
    plain
        .prop_recursive(4, 24, 5, |inner| {
            prop_oneof![
                inner.clone().prop_map(Type::list),
                inner.clone().prop_map(Type::set),
                inner.clone().prop_map(Type::map),
                vec(inner.clone(), 0..4).prop_map(Type::Tuple),
                btree_map("[a-z_]{1,8}", inner, 0..5).prop_map(Type::Object),
            ]
        })
        .boxed()
}

fn text() -> BoxedStrategy<String> {
    let long = (0_usize..70_000).prop_map(|length| "x".repeat(length));
    prop_oneof![20 => any::<String>(), 1 => long].prop_map(|text| super::nfc(&text).into_owned()).boxed()
}

/// Values of `ty`; with unknown ones among them if `unknown`.
pub(super) fn value(ty: &Type, unknown: bool) -> BoxedStrategy<Value> {
    let known = match ty {
        Type::String => text().prop_map(Value::String).boxed(),
        Type::Number => number().prop_map(Value::Number).boxed(),
        Type::Bool => any::<bool>().prop_map(Value::Bool).boxed(),
        Type::Dynamic => {
            let inner = prop_oneof![Just(Type::String), Just(Type::Number), Just(Type::map(Type::list(Type::Bool)))];
            inner
                .prop_flat_map(move |ty| {
                    value(&ty, unknown).prop_map(move |value| Value::Dynamic(ty.clone(), Box::new(value)))
                })
                .boxed()
        }
        Type::List(of) | Type::Set(of) => vec(value(of, unknown), 0..20).prop_map(Value::List).boxed(),
        Type::Map(of) => btree_map(text(), value(of, unknown), 0..20).prop_map(Value::Map).boxed(),
        Type::Tuple(types) => {
            types.iter().map(|ty| value(ty, unknown)).collect::<Vec<_>>().prop_map(Value::List).boxed()
        }
        Type::Object(types) => {
            let names: Vec<String> = types.keys().cloned().collect();
            let values: Vec<_> = types.values().map(|ty| value(ty, unknown)).collect();
            values.prop_map(move |values| Value::object(names.iter().zip(values))).boxed()
        }
    };
    prop_oneof![8 => known, 1 => Just(Value::Null), u32::from(unknown) => Just(Value::Unknown)].boxed()
}

pub(super) fn typed_value(unknown: bool) -> BoxedStrategy<(Type, Value)> {
    ty().prop_flat_map(move |ty| value(&ty, unknown).prop_map(move |value| (ty.clone(), value))).boxed()
}
