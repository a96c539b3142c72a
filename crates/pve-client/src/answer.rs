//! Reading PVE's answers.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::connection::Answer;
use crate::error::{Refused, classify};
use crate::{Error, Request};

#[derive(Deserialize)]
struct Envelope<T> {
    data: T,
}

/// The most values in an answer: 32 MiB of empty objects would be gigabytes once they are read.
const VALUES: usize = 3_000_000;

/// How much of PVE's words stands in an error.
const WORDS: usize = 8 << 10;

/// The `data` of a good answer, or the error that the answer means. A type without content (`()`) takes any answer.
pub(crate) fn parse<T: DeserializeOwned>(answer: &Answer, request: &Request) -> Result<T, Error> {
    let unusable = |message: String| Error::Protocol { request: request.describe(), message };
    match answer.status {
        200..=299 => {}
        300..=399 => {
            let target =
                answer.headers.get(http::header::LOCATION).and_then(|value| value.to_str().ok()).unwrap_or("elsewhere");
            return Err(unusable(format!("redirected to {}; is this PVE's own address?", clip(target, 400))));
        }
        _ => return Err(refusal(answer, request)),
    }
    if has_more_than(VALUES, &answer.body) {
        return Err(unusable(format!("the answer has more than {VALUES} values")));
    }
    let not_json = |error: serde_json::Error| match looks_like_html(answer) {
        // Neither the body nor serde's words, which quote from it.
        _ if request.answers_a_secret() => {
            unusable(format!("unexpected answer (line {} column {})", error.line(), error.column()))
        }
        true => unusable(format!("an HTML page came instead of JSON: {}", excerpt(&answer.body))),
        false => unusable(format!("unexpected answer ({}): {}", clip(&error.to_string(), 400), excerpt(&answer.body))),
    };
    if size_of::<T>() == 0 {
        serde_json::from_slice::<Envelope<serde::de::IgnoredAny>>(&answer.body).map_err(not_json)?;
        // What is left is whether the type can be made from nothing; if not, it gets the real data below.
        if let Ok(unit) = serde_json::from_str("null") {
            return Ok(unit);
        }
    }
    serde_json::from_slice::<Envelope<T>>(&answer.body).map(|envelope| envelope.data).map_err(not_json)
}

/// PVE's words in an answer of status 400 and more.
pub(crate) fn message(answer: &Answer) -> String {
    let (message, _) = words(answer);
    message
}

fn refusal(answer: &Answer, request: &Request) -> Error {
    let (message, fields) = words(answer);
    classify(Refused { status: answer.status, message, fields }, request)
}

/// The message and the errors by parameter. The body may be JSON, plain text or nothing.
fn words(answer: &Answer) -> (String, BTreeMap<String, String>) {
    #[derive(Deserialize, Default)]
    struct Told {
        message: Option<String>,
        errors: Option<BTreeMap<String, Value>>,
    }
    let told: Told = serde_json::from_slice(&answer.body).unwrap_or_default();
    let errors = told.errors.unwrap_or_default().into_iter();
    let mut left = WORDS;
    let fields = errors
        .map(|(name, text)| {
            (clip(&name, 200), clip(&text.as_str().map_or_else(|| text.to_string(), str::to_owned), 1000))
        })
        .take_while(|(name, text)| {
            left = left.saturating_sub(name.len() + text.len());
            left > 0
        })
        .collect();
    let message = match told.message {
        Some(message) => message,
        None if !answer.reason.is_empty() => answer.reason.clone(),
        None if answer.body.is_empty() => format!("status {}", answer.status),
        None => format!("status {}: {}", answer.status, excerpt(&answer.body)),
    };
    (clip(message.trim_end(), WORDS), fields)
}

/// Whether a JSON text may hold more than so many values: each but the first comes after one of these.
fn has_more_than(values: usize, body: &[u8]) -> bool {
    body.len() > values && body.iter().filter(|byte| matches!(byte, b',' | b'[' | b'{')).count() > values
}

/// The beginning of a text that somebody else has written, short enough to be shown.
pub(crate) fn clip(text: &str, longest: usize) -> String {
    match text.len() <= longest {
        true => text.to_owned(),
        false => format!("{}...", &text[..text.floor_char_boundary(longest)]),
    }
}

fn looks_like_html(answer: &Answer) -> bool {
    let declared = answer.headers.get(http::header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    declared.is_some_and(|kind| kind.contains("html")) || answer.body.trim_ascii_start().starts_with(b"<")
}

fn excerpt(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(&body[..body.len().min(800)]);
    let words: Vec<&str> = text.split_whitespace().collect();
    let line = words.join(" ");
    match line.char_indices().nth(200) {
        Some((end, _)) => format!("{}...", &line[..end]),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, reason: &str, body: &str) -> Answer {
        let (reason, body) = (reason.to_owned(), bytes::Bytes::from(body.to_owned()));
        Answer { status, reason, headers: http::HeaderMap::new(), body }
    }

    fn read<T: DeserializeOwned>(status: u16, reason: &str, body: &str) -> Result<T, Error> {
        parse(&answer(status, reason, body), &Request::get("x"))
    }

    #[test]
    fn data_is_taken_out() {
        assert_eq!(read::<u8>(200, "OK", r#"{"total":3,"data":7}"#).unwrap(), 7);
        assert_eq!(read::<Option<u8>>(200, "OK", r#"{"data":null}"#).unwrap(), None);
        read::<()>(200, "OK", r#"{"data":{"storage":"x"}}"#).unwrap();
    }

    #[test]
    fn what_is_not_pve_is_told() {
        for (status, body, expected) in [
            (200, "<html><body>Sign in", "HTML"),
            (200, "hello", "hello"),
            (200, "{}", "unexpected"),
            (200, r#"{"data":"text"}"#, "unexpected"),
            (301, "", "redirected"),
        ] {
            let error = read::<u8>(status, "OK", body).unwrap_err();
            assert!(matches!(error, Error::Protocol { .. }) && error.to_string().contains(expected), "{error}");
        }
        assert!(read::<()>(200, "OK", "<html>").is_err());
    }

    #[test]
    fn words_come_from_wherever_they_are() {
        for (reason, body, expected) in [
            ("first line", "{\"data\":null,\"message\":\"first line\\nsecond\\n\"}", "first line\nsecond"),
            ("No ticket", "", "No ticket"),
            ("", "for data too large", "status 500: for data too large"),
            ("", "", "status 500"),
        ] {
            assert_eq!(message(&answer(500, reason, body)), expected);
        }
    }

    #[test]
    fn fields_arrive() {
        let body = r#"{"errors":{"size":"too small","n":5},"message":"Parameter verification failed.\n","data":null}"#;
        let Error::Parameter(error) = read::<()>(400, "Parameter verification failed.", body).unwrap_err() else {
            panic!()
        };
        assert_eq!(error.fields["size"], "too small");
        assert_eq!(error.fields["n"], "5");
    }
}
