//! Optional values and collections.

use std::collections::{BTreeMap, BTreeSet};

use super::{Attr, Fault, Typed, attr};
use crate::path::Step;
use crate::schema::{Check, Kind, Nesting};
use crate::value::{Type, Value};

impl<T: Typed> Typed for Option<T> {
    type Known = T::Known;

    fn kind() -> Kind {
        T::kind()
    }

    fn from_value(value: &Value) -> Result<Self, Fault> {
        match value {
            Value::Null | Value::Unknown => Ok(None),
            known => T::from_value(known).map(Some),
        }
    }

    fn to_value(&self) -> Value {
        self.as_ref().map_or(Value::Null, T::to_value)
    }

    fn known_from_value(value: &Value) -> Result<T::Known, Fault> {
        T::known_from_value(value)
    }

    fn known_to_value(known: &T::Known) -> Value {
        T::known_to_value(known)
    }

    fn absent() -> Option<Self> {
        Some(None)
    }

    fn same() -> Option<fn(&Value, &Value) -> bool> {
        T::same()
    }

    fn sensible(value: &Value) -> Result<(), String> {
        T::sensible(value)
    }

    fn checks() -> Vec<Check> {
        T::checks()
    }

    fn says() -> Option<String> {
        T::says()
    }
}

/// A collection of `kind`: nested objects become nested attributes, all else a plain type.
fn collection(element: Kind, nesting: Nesting, plain: fn(Box<Type>) -> Type) -> Kind {
    match element {
        Kind::Nested(Nesting::Single, attributes) => Kind::Nested(nesting, attributes),
        other => Kind::Plain(plain(Box::new(other.ty()))),
    }
}

fn elements(value: &Value) -> Result<&[Value], Fault> {
    match value {
        Value::List(elements) => Ok(elements),
        other => Err(Fault::kind("a list or set", other)),
    }
}

fn entries(value: &Value) -> Result<&BTreeMap<String, Value>, Fault> {
    match value {
        Value::Map(entries) | Value::Object(entries) => Ok(entries),
        other => Err(Fault::kind("a map", other)),
    }
}

fn by_index<T, C: FromIterator<T>>(value: &Value, one: impl Fn(&Value) -> Result<T, Fault>) -> Result<C, Fault> {
    elements(value)?.iter().enumerate().map(|(i, v)| one(v).map_err(|fault| fault.inside(Step::Index(i)))).collect()
}

fn each_says<T: Typed>() -> Option<String> {
    T::says().map(|says| format!("each {says}"))
}

/// Two lists whose elements mean the same, one by one.
fn same_list<T: Typed>(a: &Value, b: &Value) -> bool {
    let (Ok(a), Ok(b)) = (elements(a), elements(b)) else { return false };
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same_element::<T>(a, b))
}

/// Two sets whose elements mean the same, in any order.
fn same_set<T: Typed>(a: &Value, b: &Value) -> bool {
    let (Ok(a), Ok(b)) = (elements(a), elements(b)) else { return false };
    let within = |a: &[Value], b: &[Value]| a.iter().all(|a| b.iter().any(|b| same_element::<T>(a, b)));
    within(a, b) && within(b, a)
}

/// Two maps whose elements mean the same, key by key.
fn same_map<T: Typed>(a: &Value, b: &Value) -> bool {
    let (Ok(a), Ok(b)) = (entries(a), entries(b)) else { return false };
    a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| same_element::<T>(a, b)))
}

fn same_element<T: Typed>(a: &Value, b: &Value) -> bool {
    let settled = |v: &Value| !matches!(v, Value::Null | Value::Unknown);
    a == b || (settled(a) && settled(b) && T::same().is_some_and(|same| same(a, b)))
}

/// Lists and sets differ in how they are compared. Both are known as a `Vec` in a plan: several elements of a set may be unknown
/// at once.
macro_rules! elements {
    ($collection:ident: $($bound:ident)*, $kind:ident, $same:ident) => {
        impl<T: Typed $(+ $bound)*> Typed for $collection<T> {
            type Known = Vec<Attr<T::Known>>;

            fn kind() -> Kind {
                collection(T::kind(), Nesting::$kind, Type::$kind)
            }

            fn from_value(value: &Value) -> Result<Self, Fault> {
                by_index(value, T::from_value)
            }

            fn to_value(&self) -> Value {
                Value::List(self.iter().map(T::to_value).collect())
            }

            fn known_from_value(value: &Value) -> Result<Self::Known, Fault> {
                by_index(value, attr::from_value::<T>)
            }

            fn known_to_value(known: &Self::Known) -> Value {
                Value::List(known.iter().map(attr::to_value::<T>).collect())
            }

            fn same() -> Option<fn(&Value, &Value) -> bool> {
                T::same().map(|_| $same::<T> as fn(&Value, &Value) -> bool)
            }

            fn checks() -> Vec<Check> {
                T::checks().into_iter().map(Check::each).collect()
            }

            fn says() -> Option<String> {
                each_says::<T>()
            }
        }
    };
}
elements!(Vec: , List, same_list);
elements!(BTreeSet: Ord, Set, same_set);

impl<T: Typed> Typed for BTreeMap<String, T> {
    type Known = BTreeMap<String, Attr<T::Known>>;

    fn kind() -> Kind {
        collection(T::kind(), Nesting::Map, Type::Map)
    }

    fn from_value(value: &Value) -> Result<Self, Fault> {
        let one = |(key, v): (&String, &Value)| match T::from_value(v) {
            Ok(v) => Ok((key.clone(), v)),
            Err(fault) => Err(fault.inside(Step::Key(key.clone()))),
        };
        entries(value)?.iter().map(one).collect()
    }

    fn to_value(&self) -> Value {
        Value::Map(self.iter().map(|(key, v)| (key.clone(), v.to_value())).collect())
    }

    fn known_from_value(value: &Value) -> Result<Self::Known, Fault> {
        let one = |(key, v): (&String, &Value)| match attr::from_value::<T>(v) {
            Ok(v) => Ok((key.clone(), v)),
            Err(fault) => Err(fault.inside(Step::Key(key.clone()))),
        };
        entries(value)?.iter().map(one).collect()
    }

    fn known_to_value(known: &Self::Known) -> Value {
        Value::Map(known.iter().map(|(key, v)| (key.clone(), attr::to_value::<T>(v))).collect())
    }

    fn same() -> Option<fn(&Value, &Value) -> bool> {
        T::same().map(|_| same_map::<T> as fn(&Value, &Value) -> bool)
    }

    fn checks() -> Vec<Check> {
        T::checks().into_iter().map(Check::each).collect()
    }

    fn says() -> Option<String> {
        each_says::<T>()
    }
}
