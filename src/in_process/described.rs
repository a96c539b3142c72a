//! PVE's own description of its calls, what it was seen to take, and how a check of ours stands to both.

use std::collections::{BTreeMap, BTreeSet};

use regex::Regex;
use serde_json::{Value as Json, json};
use terraform_plugin::schema::{Attribute, Check, Kind, Pattern, Rule, Test};
use terraform_plugin::value::{Type, Value};

use super::adopted::calls;

/// PVE's own description of its calls.
pub(super) fn api() -> Json {
    let path = format!("{}/crates/pve-sim/truth/api.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// The texts that PVE was seen to take, by parameter; none where nothing was recorded.
pub(super) fn taken(template: &str) -> BTreeMap<String, BTreeSet<String>> {
    let below = |path: &str| {
        let mut segments = path.split('/');
        template.split('/').all(|own| segments.next().is_some_and(|its| own.starts_with('{') || own == its))
    };
    let mut taken = BTreeMap::<String, BTreeSet<String>>::new();
    for (_, call) in calls() {
        let request = &call["request"];
        let writes = request["method"] == "POST" || request["method"] == "PUT";
        if writes && call["status"] == 200 && below(request["path"].as_str().unwrap_or_default()) {
            for (name, value) in request["params"].as_object().into_iter().flatten() {
                let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                if !text.is_empty() {
                    taken.entry(name.clone()).or_default().insert(text);
                }
            }
        }
    }
    taken
}

/// Whether a check refuses a text.
pub(super) fn refuses(test: &Test, text: &str) -> bool {
    forbids(test, &Value::from(text))
}

/// Whether a check refuses a value.
fn forbids(test: &Test, value: &Value) -> bool {
    match (test, value) {
        (Test::Regex(pattern), Value::String(text)) => !pattern.regex().unwrap().is_match(text),
        (Test::Length(least, most), Value::String(text)) => {
            let length = text.chars().count();
            least.is_some_and(|least| length < least) || most.is_some_and(|most| length > most)
        }
        (Test::Range(low, high), Value::Number(number)) => {
            low.as_ref().is_some_and(|low| number < low) || high.as_ref().is_some_and(|high| number > high)
        }
        (Test::OneOf(words), value) => !words.contains(value),
        (Test::Custom(run), value) => run(value).is_err(),
        _ => false,
    }
}

/// What PVE's description forbids and no check of ours, so that it would be told by the apply only.
pub(super) fn let_through(attribute: &Attribute, theirs: &Json) -> Option<String> {
    let refused = |value: &Value| attribute.checks.iter().any(|check| forbids(&check.test, value));
    let number = |name: &str| theirs[name].as_i64().or_else(|| theirs[name].as_str()?.parse().ok());
    let wrong: Vec<Value> = match &attribute.kind {
        Kind::Plain(Type::Number) => {
            let limits = number("minimum").map(|low| low - 1).into_iter().chain(number("maximum").map(|high| high + 1));
            limits.map(|n| Value::Number(n.into())).collect()
        }
        Kind::Plain(Type::String) => {
            let word = theirs["enum"].is_array().then(|| "no-such-word".to_owned());
            let long = number("maxLength").map(|most| "a".repeat(usize::try_from(most + 1).unwrap()));
            let unlike = theirs["pattern"].as_str().and_then(read).into_iter();
            let unlike = unlike.flat_map(|pattern| texts().filter(move |text| !pattern.is_match(text)));
            word.into_iter().chain(long).chain(unlike).map(Value::from).collect()
        }
        _ => return None,
    };
    wrong.iter().find(|value| !refused(value)).map(|value| format!("PVE refuses {value}, and the plan does not"))
}

/// Where a check draws another line than PVE. What PVE calls a format is code, and cannot be compared; nor can a function of
/// ours, except with the words that PVE names.
pub(super) fn differs(test: &Test, theirs: &Json) -> Option<String> {
    let number = ["integer", "number"].contains(&theirs["type"].as_str().unwrap_or_default());
    let limit =
        |name: &str| theirs[name].as_str().map(str::to_owned).or_else(|| theirs[name].as_i64().map(|n| n.to_string()));
    let words = || theirs["enum"].as_array().into_iter().flatten().filter_map(Json::as_str);
    match test {
        Test::Range(low, high) => {
            let ours = (low.as_ref().map(ToString::to_string), high.as_ref().map(ToString::to_string));
            let pves = (limit("minimum"), limit("maximum"));
            (ours != pves).then(|| format!("PVE has {:?} to {:?}", pves.0, pves.1))
        }
        // An empty text is no value to either.
        Test::Length(Some(0 | 1) | None, None) => None,
        Test::Length(least, most) => {
            let least = least.filter(|least| *least > 1).map(|least| least.to_string());
            let same = least == limit("minLength") && limit("maxLength") == most.map(|most| most.to_string());
            (!same).then(|| format!("PVE has {:?} to {:?}", limit("minLength"), limit("maxLength")))
        }
        Test::Regex(_) if theirs["format"].is_string() => None,
        Test::Regex(pattern) => {
            let bare = |text: &str| {
                let text = text.strip_prefix("(?^:").and_then(|text| text.strip_suffix(')')).unwrap_or(text);
                text.trim_start_matches('^').trim_end_matches('$').to_owned()
            };
            let pves = theirs["pattern"].as_str().map(bare);
            let same = pves.as_ref().is_some_and(|pves| *pves == bare(pattern.as_str()) || takes_all_of(pattern, pves));
            (!same).then(|| format!("PVE has the pattern {pves:?}"))
        }
        Test::OneOf(ours) => {
            let missing: Vec<_> = words().filter(|word| !ours.iter().any(|ours| ours.as_str() == Some(word))).collect();
            (!missing.is_empty()).then(|| format!("PVE has {missing:?} too"))
        }
        // The Rust type: so far as anybody may mean a number.
        Test::Custom(run) if number && words().next().is_none() => {
            let low = limit("minimum").map_or(Some(-1), |low| low.parse::<i64>().ok());
            let high = limit("maximum").map_or(Some(i64::from(u32::MAX)), |high| high.parse::<i64>().ok());
            let refused: Vec<i64> =
                low.into_iter().chain(high).filter(|n| run(&Value::Number((*n).into())).is_err()).collect();
            (!refused.is_empty()).then(|| format!("PVE takes {refused:?}"))
        }
        Test::Custom(run) => {
            let refused: Vec<_> = words().filter(|word| run(&Value::from(*word)).is_err()).collect();
            (!refused.is_empty()).then(|| format!("PVE has {refused:?} too"))
        }
        Test::Each(check) => differs(&check.test, theirs),
        Test::Together(..) => None,
    }
}

/// One of PVE's patterns; none if it is not understood.
fn read(pves: &str) -> Option<Regex> {
    // Perl's form for "with no flags but these".
    Regex::new(&format!(r"\A(?:{})\z", pves.replace("(?^i:", "(?i-u:").replace("(?^:", "(?:"))).ok()
}

/// Short texts with each character that there is on a keyboard, in several places.
fn texts() -> impl Iterator<Item = String> {
    const FORMS: [&str; 6] = ["1/second", "10/day", "a=b", "a=b, c=d", "AA:BB:CC", "http://a"];
    let with = |c| [format!("{c}"), format!("a{c}"), format!("{c}a"), format!("a{c}a"), format!("1{c}1")];
    FORMS.map(str::to_owned).into_iter().chain((' '..='~').flat_map(with))
}

/// Whether our pattern takes what PVE's takes, as far as short texts tell.
fn takes_all_of(ours: &Pattern, pves: &str) -> bool {
    let Some(pves) = read(pves) else { return false };
    let mut tried = texts().filter(|text| pves.is_match(text)).peekable();
    tried.peek().is_some() && tried.all(|text| ours.regex().unwrap().is_match(&text))
}

#[test]
fn a_pattern_that_takes_less_is_noticed() {
    let check = |pattern: &str| match Check::regex(pattern, None).test {
        Test::Regex(pattern) => pattern,
        _ => unreachable!("a regular expression"),
    };
    assert!(takes_all_of(&check("^[A-Za-z0-9._-]+$"), r"(?^:[A-Za-z0-9\.\-_]+)"));
    assert!(takes_all_of(&check("^[A-Z._-]+$|^.*$"), "(?^i:[a-z]+)"));
    assert!(!takes_all_of(&check("^[a-z0-9._-]+$"), r"[A-Za-z0-9\.\-_]+"));
    assert!(!takes_all_of(&check("^[A-Za-z0-9]+$"), r"[A-Za-z0-9]+-?"));
    assert!(!takes_all_of(&check("^.*$"), "("), "what is not understood is not taken for the same");
    let number = |test: &str, theirs: Json| {
        let check = Check::new("a number of ours", {
            let high: i64 = test.parse().unwrap();
            move |value: &Value| match value {
                Value::Number(number) if number.as_i64().is_some_and(|n| (0..=high).contains(&n)) => Ok(()),
                _ => Err("no".to_owned()),
            }
        });
        differs(&check.test, &theirs)
    };
    assert_eq!(number("65535", json!({"type": "integer", "minimum": 0, "maximum": 65535})), None);
    assert!(number("65535", json!({"type": "integer", "minimum": 0})).is_some());
    assert!(number("4294967295", json!({"type": "integer"})).is_some(), "-1 is taken where nothing is said");
    let attribute = |ty: Type, check: Check| {
        let mut attribute = Attribute::new("a", Kind::Plain(ty), Rule::Optional);
        attribute.checks = vec![check];
        attribute
    };
    let text = |check: Check, theirs: Json| let_through(&attribute(Type::String, check), &theirs);
    assert_eq!(text(Check::regex("^[a-z]+$", None), json!({"pattern": "[a-z]+"})), None);
    assert!(text(Check::regex("^[a-z0-9]+$", None), json!({"pattern": "[a-z]+"})).is_some());
    assert!(text(Check::length(..=8), json!({"maxLength": 7})).is_some());
    assert!(text(Check::length(..=70), json!({"enum": ["a", "b"]})).unwrap().contains("no-such-word"));
    let number = |check: Check, theirs: Json| let_through(&attribute(Type::Number, check), &theirs);
    assert_eq!(number(Check::range(1..=7), json!({"minimum": 1, "maximum": "7"})), None);
    assert!(number(Check::range(0..=7), json!({"minimum": 1, "maximum": "7"})).unwrap().contains('0'));
}
