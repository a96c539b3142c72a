//! Checks of values, as data: what is checked is known to the docs and to tests, not only to the code that runs it.

use std::fmt;
use std::ops::{RangeFrom, RangeInclusive, RangeToInclusive};
use std::sync::{Arc, OnceLock};

use regex::Regex;

use crate::value::{Number, Value};

/// A check of a value, with the text that documents it.
#[derive(Clone, Debug)]
pub struct Check {
    /// For the docs: `between 1 and 7`.
    pub says: String,
    /// What is checked.
    pub test: Test,
    /// Whether pages tell it: not where a function's name is all that there is to say.
    pub told: bool,
}

/// What a [`Check`] looks at.
///
/// A test passes values of a kind that it is not about, and whatever is null or not known yet.
#[derive(Clone)]
pub enum Test {
    /// A number between these two, both included; `None` = no limit.
    Range(Option<Number>, Option<Number>),
    /// That many characters of a text, or elements of a collection; both limits included.
    Length(Option<usize>, Option<usize>),
    /// The text as a whole matches.
    Regex(Pattern),
    /// Equal to one of these.
    OneOf(Vec<Value>),
    /// Whatever the function says. Called with wholly known values only.
    Custom(CustomTest),
    /// How attributes of one object go together.
    Together(Relation, Vec<String>),
    /// The check made of each element of a collection.
    Each(Box<Check>),
}

/// The function behind [`Check::new`]: `Err` holds what is wrong and what would be right.
pub type CustomTest = Arc<dyn Fn(&Value) -> Result<(), String> + Send + Sync>;

/// How attributes of one object go together. "Set" means not null.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    /// At most one of them is set.
    Conflicts,
    /// If the first is set, all others are.
    Requires,
    /// Exactly one is set.
    ExactlyOne,
    /// One or more are set.
    AtLeastOne,
}

/// A regular expression that is compiled at its first use: a provider starts several times in each Terraform command,
/// and most starts check nothing.
#[derive(Clone)]
pub struct Pattern {
    text: String,
    compiled: Arc<OnceLock<Result<Regex, String>>>,
}

impl Pattern {
    /// The pattern as written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The compiled pattern; `Err` says why it is not a regular expression.
    pub fn regex(&self) -> Result<&Regex, &str> {
        self.compiled
            .get_or_init(|| Regex::new(&format!(r"\A(?:{})\z", self.text)).map_err(|e| e.to_string()))
            .as_ref()
            .map_err(String::as_str)
    }
}

impl Check {
    /// A check by a function. `says` documents it; the function's `Err` says what is wrong and what would be right.
    /// It is called with wholly known values only.
    pub fn new(says: impl Into<String>, run: impl Fn(&Value) -> Result<(), String> + Send + Sync + 'static) -> Self {
        Self { says: says.into(), test: Test::Custom(Arc::new(run)), told: true }
    }

    /// A number within limits: `Check::range(1..=7)`, `Check::range(0.0..)`, `Check::range(..=100)`.
    pub fn range<T: Limit>(limits: impl Limits<T>) -> Self {
        let (low, high) = limits.limits();
        let (low, high) = (low.map(Limit::number), high.map(Limit::number));
        Self { says: between(low.as_ref(), high.as_ref()), test: Test::Range(low, high), told: true }
    }

    /// A text of that many characters, or a collection of that many elements: `Check::length(1..=40)`.
    pub fn length(limits: impl Limits<usize>) -> Self {
        let (low, high) = limits.limits();
        Self { says: format!("length {}", between(low, high)), test: Test::Length(low, high), told: true }
    }

    /// A text that matches the regular expression as a whole. `says` tells it in words: `lower-case letters`.
    /// A pattern that does not compile is found by [`Schema::self_check`](super::Schema::self_check).
    pub fn regex<'a>(pattern: &str, says: impl Into<Option<&'a str>>) -> Self {
        let says = says.into().map_or_else(|| format!("text that matches `{pattern}`"), str::to_owned);
        Self { says, test: Test::Regex(Pattern { text: pattern.to_owned(), compiled: Arc::default() }), told: true }
    }

    /// One of these values: `Check::one_of(["on", "off", "warn"])`.
    pub fn one_of<V: Into<Value>>(words: impl IntoIterator<Item = V>) -> Self {
        let words: Vec<Value> = words.into_iter().map(Into::into).collect();
        let quoted =
            words.iter().map(|word| word.as_str().map_or_else(|| word.to_string(), |word| format!("`{word}`")));
        Self { says: format!("one of {}", quoted.collect::<Vec<_>>().join(", ")), test: Test::OneOf(words), told: true }
    }

    /// The check made of each element of a list, set or map.
    #[must_use]
    pub fn each(self) -> Self {
        Self { says: format!("each {}", self.says), told: self.told, test: Test::Each(Box::new(self)) }
    }

    /// At most one of these attributes is set.
    pub fn conflicts<N: Into<String>>(names: impl IntoIterator<Item = N>) -> Self {
        Self::together(Relation::Conflicts, names)
    }

    /// If the first is set, all others are as well.
    pub fn requires<N: Into<String>>(names: impl IntoIterator<Item = N>) -> Self {
        Self::together(Relation::Requires, names)
    }

    /// Exactly one of these attributes is set.
    pub fn exactly_one<N: Into<String>>(names: impl IntoIterator<Item = N>) -> Self {
        Self::together(Relation::ExactlyOne, names)
    }

    /// One or more of these attributes are set.
    pub fn at_least_one<N: Into<String>>(names: impl IntoIterator<Item = N>) -> Self {
        Self::together(Relation::AtLeastOne, names)
    }

    /// A check of how attributes of one object go together.
    pub fn together<N: Into<String>>(relation: Relation, names: impl IntoIterator<Item = N>) -> Self {
        let names: Vec<String> = names.into_iter().map(Into::into).collect();
        let quoted = |names: &[String], word| list(names.iter().map(|n| format!("`{n}`")), word);
        let says = match (relation, names.split_first()) {
            (Relation::Conflicts, _) => format!("at most one of {}", quoted(&names, "and")),
            (Relation::Requires, Some((first, rest))) => {
                format!("`{first}` only together with {}", quoted(rest, "and"))
            }
            (Relation::Requires, None) => String::new(),
            (Relation::ExactlyOne, _) => format!("exactly one of {}", quoted(&names, "and")),
            (Relation::AtLeastOne, _) => format!("at least one of {}", quoted(&names, "and")),
        };
        Self { says, test: Test::Together(relation, names), told: true }
    }
}

/// `between 1 and 7`, and what there is to say with one limit or none.
pub(super) fn between<T: fmt::Display>(low: Option<T>, high: Option<T>) -> String {
    match (low, high) {
        (Some(low), Some(high)) => format!("between {low} and {high}"),
        (Some(low), None) => format!("at least {low}"),
        (None, Some(high)) => format!("at most {high}"),
        (None, None) => "any".to_owned(),
    }
}

/// `a, b or c`.
pub(super) fn list<T: fmt::Display>(items: impl IntoIterator<Item = T>, word: &str) -> String {
    let items: Vec<String> = items.into_iter().map(|i| i.to_string()).collect();
    match items.as_slice() {
        [] => String::new(),
        [one] => one.clone(),
        [firsts @ .., last] => format!("{} {word} {last}", firsts.join(", ")),
    }
}

impl fmt::Debug for Test {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Range(low, high) => f.debug_tuple("Range").field(low).field(high).finish(),
            Self::Length(low, high) => f.debug_tuple("Length").field(low).field(high).finish(),
            Self::Regex(pattern) => f.debug_tuple("Regex").field(&pattern.text).finish(),
            Self::OneOf(words) => f.debug_tuple("OneOf").field(words).finish(),
            Self::Custom(_) => f.write_str("Custom"),
            Self::Each(check) => f.debug_tuple("Each").field(check).finish(),
            Self::Together(relation, names) => f.debug_tuple("Together").field(relation).field(names).finish(),
        }
    }
}

/// What a limit of [`Check::range`] can be written as.
pub trait Limit {
    /// The limit, exactly as written.
    fn number(self) -> Number;
}

macro_rules! whole_limits {
    ($($t:ty),*) => {$(
        impl Limit for $t {
            fn number(self) -> Number {
                Number::from(self)
            }
        }
    )*};
}
whole_limits!(i8, i16, i32, i64, u8, u16, u32, u64, usize);

impl Limit for f64 {
    /// # Panics
    /// If it is not a number: a limit is a constant in the provider's code.
    fn number(self) -> Number {
        Number::from_f64(self).expect("the limit of a range is a number")
    }
}

impl Limit for Number {
    fn number(self) -> Number {
        self
    }
}

/// The ranges that a limit can be given as: `a..=b`, `a..`, `..=b`.
#[diagnostic::on_unimplemented(message = "a range is written `a..=b`, `a..` or `..=b`, in the type of the attribute")]
pub trait Limits<T> {
    /// Lowest and highest, both included.
    fn limits(self) -> (Option<T>, Option<T>);
}

impl<T> Limits<T> for RangeInclusive<T> {
    fn limits(self) -> (Option<T>, Option<T>) {
        let (low, high) = self.into_inner();
        (Some(low), Some(high))
    }
}

impl<T> Limits<T> for RangeFrom<T> {
    fn limits(self) -> (Option<T>, Option<T>) {
        (Some(self.start), None)
    }
}

impl<T> Limits<T> for RangeToInclusive<T> {
    fn limits(self) -> (Option<T>, Option<T>) {
        (None, Some(self.end))
    }
}
