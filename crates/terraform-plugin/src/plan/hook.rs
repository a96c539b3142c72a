//! Taking over what an object's own `plan` has changed.

use crate::value::Value;

/// What was planned, with the parts replaced that the object has changed: `before` and `after` are its typed plan
/// before and after, as values. What it did not touch stays to the letter what it was, also where its types would
/// write it otherwise.
pub(crate) fn merge(planned: Value, before: &Value, after: Value) -> Value {
    if *before == after {
        return planned;
    }
    match (planned, before, after) {
        (Value::Object(planned), Value::Object(before), Value::Object(after)) => {
            Value::Object(entries(planned, before, after))
        }
        (Value::Map(planned), Value::Map(before), Value::Map(after)) => Value::Map(entries(planned, before, after)),
        (Value::List(planned), Value::List(before), Value::List(after)) if planned.len() == after.len() => {
            let both = planned.into_iter().zip(before).zip(after);
            Value::List(both.map(|((planned, before), after)| merge(planned, before, after)).collect())
        }
        (_, _, after) => after,
    }
}

type Entries = std::collections::BTreeMap<String, Value>;

fn entries(mut planned: Entries, before: &Entries, after: Entries) -> Entries {
    let one = |(key, after): (String, Value)| {
        let value = match (planned.remove(&key), before.get(&key)) {
            (Some(planned), Some(before)) => merge(planned, before, after),
            _ => after,
        };
        (key, value)
    };
    after.into_iter().map(one).collect()
}
