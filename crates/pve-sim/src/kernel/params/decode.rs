//! Parameters from the wire: query strings, forms and JSON bodies, with PVE's peculiarities.

use std::collections::BTreeMap;

use serde_json::Value;

/// Parameters as they came, unchecked.
pub(crate) type Raw = BTreeMap<String, Value>;

/// Splits at `&` and `;`, each piece at every `=` (what follows a second one is lost); repeated keys become a list.
pub(crate) fn decode_form(text: &str) -> Raw {
    let mut raw = Raw::new();
    for piece in text.split(['&', ';']).filter(|piece| !piece.is_empty()) {
        let mut halves = piece.split('=');
        let key = decode(halves.next().unwrap_or_default());
        let value = Value::String(decode(halves.next().unwrap_or_default()));
        match raw.get_mut(&key) {
            None => {
                raw.insert(key, value);
            }
            Some(Value::Array(list)) => list.push(value),
            Some(single) => *single = Value::Array(vec![single.take(), value]),
        }
    }
    raw
}

fn decode(text: &str) -> String {
    let spaced = text.replace('+', " ");
    percent_encoding::percent_decode_str(&spaced).decode_utf8_lossy().into_owned()
}

/// The keys of a JSON object.
pub(crate) fn decode_json(body: &[u8]) -> Result<Raw, String> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Ok(Raw::new());
    }
    match serde_json::from_slice(body).map_err(|error| error.to_string())? {
        Value::Object(object) => Ok(object.into_iter().collect()),
        _ => Err("not an object".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn forms_are_read_as_pve_reads_them() {
        let raw = decode_form("a=1&b=x+y%2Bz;c=one=two&d=1&d=2&e");
        let want = json!({ "a": "1", "b": "x y+z", "c": "one", "d": ["1", "2"], "e": "" });
        assert_eq!(serde_json::to_value(raw).unwrap(), want);
    }

    #[test]
    fn json_bodies_are_objects() {
        assert_eq!(decode_json(b"{\"a\": true}").unwrap(), Raw::from([("a".into(), json!(true))]));
        assert!(decode_json(b"[1]").is_err() && decode_json(b"{").is_err());
        assert!(decode_json(b" ").unwrap().is_empty());
    }
}
