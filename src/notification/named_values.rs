//! How PVE writes what is arbitrary text: in base64, alone or as `name=NAME,value=BASE64`.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value as Json;
use terraform_plugin::value::Value;

use crate::section::Spelling;

/// A text in base64.
pub const BASE64: Spelling = Spelling {
    texts: |value| value.as_str().map(|text| STANDARD.encode(text)).into_iter().collect(),
    value: |json| match json {
        Json::Null => Ok(Value::Null),
        Json::String(text) => Ok(Value::string(decoded(text))),
        other => Err(format!("expected a text, got {other}")),
    },
};

/// Texts by name, as a list.
pub const NAMED: Spelling = Spelling {
    texts: |value| match value {
        Value::Map(of) => {
            let item = |(name, value): (&String, &Value)| {
                Some(format!("name={name},value={}", STANDARD.encode(value.as_str()?)))
            };
            of.iter().filter_map(item).collect()
        }
        _ => Vec::new(),
    },
    value: |json| {
        let items = match json {
            Json::Null => return Ok(Value::Null),
            Json::Array(items) => items.as_slice(),
            one => std::slice::from_ref(one),
        };
        let mut of = BTreeMap::new();
        for item in items {
            let text = item.as_str().unwrap_or_default();
            let (name, value) = text
                .strip_prefix("name=")
                .and_then(|rest| rest.split_once(",value="))
                .ok_or_else(|| format!("expected `name=NAME,value=BASE64`, got {item}"))?;
            of.insert(name.to_owned(), Value::string(decoded(value)));
        }
        Ok(if of.is_empty() { Value::Null } else { Value::Map(of) })
    },
};

/// PVE takes what is no base64, and shows it again: it is no text of ours, and differs from all of them.
fn decoded(text: &str) -> String {
    let bytes = STANDARD.decode(text).ok();
    bytes.and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_else(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let map = Value::Map(BTreeMap::from([
            ("Content-Type".to_owned(), Value::string("application/json")),
            ("k".to_owned(), Value::string("a=b,c")),
        ]));
        let texts = (NAMED.texts)(&map);
        assert_eq!(texts, ["name=Content-Type,value=YXBwbGljYXRpb24vanNvbg==", "name=k,value=YT1iLGM="]);
        assert_eq!((NAMED.value)(&json!(texts)), Ok(map));
        assert_eq!((NAMED.value)(&json!([])), Ok(Value::Null));
        assert!((NAMED.value)(&json!(["k"])).is_err());
        assert_eq!((BASE64.texts)(&Value::string("{}")), ["e30="]);
        assert_eq!((BASE64.value)(&json!("e30=")), Ok(Value::string("{}")));
        assert_eq!((BASE64.value)(&json!("not base64!")), Ok(Value::string("not base64!")));
    }
}
