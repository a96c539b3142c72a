//! One log line, from its parts.

use std::fmt::{self, Write as _};

use serde_json::{Map, Value};
use tracing::Level;
use tracing::field::{Field, Visit};

/// go-plugin cuts lines of 64 KiB and more in pieces that are no JSON any more; this leaves room for escapes.
const LONGEST_TEXT: usize = 8 << 10;
/// Texts are cut by themselves; beyond so many bytes in one line, further fields are left out.
const LONGEST_LINE: usize = 48 << 10;

/// For whom the line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// hclog's JSON, for Terraform.
    Json,
    /// Text for a developer's terminal.
    Text,
}

impl Form {
    /// The line, with its newline.
    pub(super) fn line(self, at: jiff::Timestamp, level: Level, target: &str, fields: Fields) -> String {
        let module = target.replace("::", ".");
        match self {
            Self::Json => json(at, level, &module, fields),
            Self::Text => text(at, level, &module, &fields),
        }
    }
}

/// Exactly six fractional digits, and the zone as `Z`: in any other form the line counts as plain text.
fn timestamp(at: jiff::Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S%.6fZ").to_string()
}

/// `@message`, `@level` and `@timestamp` are strings whatever happens: anything else crashes Terraform itself.
fn json(at: jiff::Timestamp, level: Level, module: &str, fields: Fields) -> String {
    let mut line = Map::new();
    let level = level.as_str().to_ascii_lowercase();
    let texts = [
        ("@level", level),
        ("@message", fields.message),
        ("@module", module.to_owned()),
        ("@timestamp", timestamp(at)),
    ];
    line.extend(texts.map(|(name, text)| (name.to_owned(), Value::String(text))));
    let mut left = LONGEST_LINE;
    for (name, value) in fields.others {
        let size = name.len() + value.as_str().map_or(24, str::len);
        if size > left {
            continue;
        }
        left -= size;
        line.insert(name, value);
    }
    format!("{}\n", Value::Object(line))
}

fn text(at: jiff::Timestamp, level: Level, module: &str, fields: &Fields) -> String {
    let mut line = format!("{} [{level}] {module}: {}", timestamp(at), fields.message);
    for (name, value) in &fields.others {
        // Writing to a string cannot fail.
        let _ = write!(line, " {name}={value}");
    }
    line.push('\n');
    line
}

/// The fields of an event or of a span.
#[derive(Debug, Default)]
pub(super) struct Fields {
    message: String,
    others: Map<String, Value>,
}

impl Fields {
    /// Adds those of another; the later ones win.
    pub(super) fn extend(&mut self, other: &Self) {
        self.others.extend(other.others.clone());
    }

    fn insert(&mut self, field: &Field, value: Value) {
        if field.name() == "message" {
            self.message = match value {
                Value::String(text) => text,
                other => other.to_string(),
            };
        } else {
            // Names with @ are hclog's own.
            self.others.insert(field.name().trim_start_matches('@').to_owned(), value);
        }
    }

    fn insert_text(&mut self, field: &Field, mut text: String) {
        if text.len() > LONGEST_TEXT {
            let whole = text.len();
            text.truncate(text.floor_char_boundary(LONGEST_TEXT));
            let _ = write!(text, "... ({whole} bytes)");
        }
        self.insert(field, Value::String(text));
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.insert_text(field, format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.insert_text(field, value.to_owned());
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.insert_text(field, value.to_string());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.insert(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.insert(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.insert(field, value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        // Infinities have no number in JSON.
        self.insert(field, serde_json::Number::from_f64(value).map_or_else(|| value.to_string().into(), Value::Number));
    }
}
