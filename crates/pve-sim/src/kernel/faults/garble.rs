//! PVE's own answers, spoilt.

use serde_json::Value;

/// The first half of an answer.
pub(super) fn cut(body: &str) -> String {
    let middle = (0..=body.len() / 2).rev().find(|at| body.is_char_boundary(*at));
    body[..middle.unwrap_or(0)].to_owned()
}

/// The answer with its outer shape, and in it a list for every value: PVE itself is not to be relied on for the difference
/// between a number and its text, and for nothing else.
pub(super) fn wrong_types(body: &str) -> String {
    match serde_json::from_str::<Value>(body) {
        Ok(mut answer) => {
            if let Some(data) = answer.get_mut("data") {
                spoil(data);
            }
            answer.to_string()
        }
        Err(_) => body.to_owned(),
    }
}

fn spoil(value: &mut Value) {
    match value {
        Value::Array(values) => values.iter_mut().for_each(spoil),
        Value::Object(fields) => fields.values_mut().for_each(spoil),
        _ => *value = Value::from(vec![4711]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_ends_in_the_middle() {
        assert_eq!(cut(r#"{"data":[1,2,3]}"#), r#"{"data":"#);
        assert_eq!((cut(""), cut("\u{e9}")), (String::new(), String::new()));
    }

    #[test]
    fn the_shape_stays_and_the_types_do_not() {
        let spoilt = wrong_types(r#"{"data":[{"name":"x","size":3,"on":true}],"total":1}"#);
        assert_eq!(spoilt, r#"{"data":[{"name":[4711],"on":[4711],"size":[4711]}],"total":1}"#);
        assert_eq!(wrong_types(r#"{"data":null}"#), r#"{"data":[4711]}"#);
        assert_eq!(wrong_types("no JSON"), "no JSON");
    }
}
