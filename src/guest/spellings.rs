//! Ways in which PVE writes settings that their types do not tell.

use serde_json::Value as Json;
use terraform_plugin::value::Value;

use crate::ground::texts::items;
use crate::ground::wire::Spelling;

fn joined(value: &Value, separator: &str) -> Vec<String> {
    match value {
        Value::List(words) => vec![words.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(separator)],
        _ => Vec::new(),
    }
}

fn words<'a>(words: impl IntoIterator<Item = &'a str>) -> Value {
    Value::List(words.into_iter().map(Value::string).collect())
}

/// Words with semicolons between them; PVE takes any separator.
#[cfg_attr(not(test), allow(dead_code, reason = "tags of containers; a VM's are older than the kit"))]
pub const SEMICOLONS: Spelling =
    Spelling { texts: |value| joined(value, ";"), value: |json| Ok(words(json.as_str().into_iter().flat_map(items))) };

/// What a guest boots from: `order=scsi0;net0`, and one blank for nothing. The old form (`cdn`) names no devices.
pub const BOOT_ORDER: Spelling = Spelling {
    texts: |value| match joined(value, ";").pop() {
        Some(devices) if !devices.is_empty() => vec![format!("order={devices}")],
        _ => Vec::new(),
    },
    value: |json| {
        let text = json.as_str().unwrap_or_default();
        let order = text.split(',').find_map(|part| part.trim().strip_prefix("order="));
        Ok(order.map_or(Value::Null, |order| words(items(order))))
    },
};

/// What can be plugged into a running VM: a list with commas, `0` for nothing, `1` for PVE's own choice.
pub const HOTPLUG: Spelling = Spelling {
    texts: |value| match value {
        Value::List(all) if all.is_empty() => vec!["0".to_owned()],
        value => joined(value, ","),
    },
    value: |json| {
        Ok(match text(json).as_str() {
            "0" => words([]),
            "1" => words(HOTPLUG_USUAL),
            list => words(items(list)),
        })
    },
};

/// What PVE plugs when nothing is said.
pub const HOTPLUG_USUAL: [&str; 3] = ["disk", "network", "usb"];

fn text(json: &Json) -> String {
    json.as_str().map_or_else(|| json.to_string(), str::to_owned)
}
