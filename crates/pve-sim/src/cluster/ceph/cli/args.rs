//! How the `ceph` tool reads its arguments: each command has a signature, positional and named
//! arguments are matched against it, and complaints quote the usage line.

use std::collections::BTreeMap;

use super::Reply;
use crate::cluster::ceph::{Ceph, Time};

/// What an argument may be.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    Str,
    /// Only `[A-Za-z0-9-_.]`.
    Name,
    Int,
    /// A number from 0 to 1.
    Share,
    Float,
    Choice(&'static [&'static str]),
    OsdId,
    Uuid,
    Flag,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Param {
    name: &'static str,
    kind: Kind,
    required: bool,
    many: bool,
}

/// A required argument.
pub(super) const fn req(name: &'static str, kind: Kind) -> Param {
    Param { name, kind, required: true, many: false }
}

/// An optional argument.
pub(super) const fn opt(name: &'static str, kind: Kind) -> Param {
    Param { name, kind, required: false, many: false }
}

/// One or more arguments.
pub(super) const fn many(name: &'static str, kind: Kind) -> Param {
    Param { name, kind, required: true, many: true }
}

/// Any number of arguments.
pub(super) const fn any(name: &'static str, kind: Kind) -> Param {
    Param { name, kind, required: false, many: true }
}

/// A switch `--name`.
pub(super) const fn flag(name: &'static str) -> Param {
    opt(name, Kind::Flag)
}

pub(super) struct Command {
    pub(super) prefix: &'static [&'static str],
    pub(super) params: &'static [Param],
    pub(super) help: &'static str,
    pub(super) run: fn(&mut Ceph, Time, &Args) -> Reply,
}

/// The command line, split into words and options of the tool itself.
pub(super) struct Line {
    pub(super) words: Vec<String>,
    json: bool,
    pub(super) version: bool,
    /// Words from here on are positional whatever they look like.
    literal_from: usize,
}

/// Arguments by parameter name.
pub(super) struct Args {
    values: BTreeMap<&'static str, Vec<String>>,
    /// `-f json`.
    pub(super) json: bool,
}

impl Args {
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).and_then(|v| v.first()).map(String::as_str)
    }

    /// A required argument; the parser has seen to its presence.
    pub(super) fn word(&self, name: &str) -> &str {
        self.get(name).unwrap_or_default()
    }

    pub(super) fn all(&self, name: &str) -> Vec<&str> {
        self.values.get(name).map(|v| v.iter().map(String::as_str).collect()).unwrap_or_default()
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.values.contains_key(name)
    }

    pub(super) fn number(&self, name: &str) -> Option<f64> {
        self.get(name).and_then(|v| v.parse().ok())
    }
}

impl Line {
    pub(super) fn read(argv: &[&str]) -> Self {
        let mut line = Line { words: vec![], json: false, version: false, literal_from: usize::MAX };
        let mut rest = argv.iter();
        while let Some(word) = rest.next() {
            match *word {
                "-f" | "--format" => line.json |= rest.next().is_some_and(|f| f.starts_with("json")),
                "--format=json" | "--format=json-pretty" => line.json = true,
                "-v" | "--version" => line.version = true,
                "-s" | "--status" if line.words.is_empty() => line.words.push("status".into()),
                "--" => {
                    line.literal_from = line.words.len();
                    line.words.extend(rest.by_ref().map(|w| (*w).to_string()));
                }
                other => line.words.push(other.into()),
            }
        }
        line
    }
}

impl Command {
    pub(super) fn fits(&self, words: &[String]) -> bool {
        words.len() >= self.prefix.len() && self.prefix.iter().zip(words).all(|(p, w)| p == w)
    }

    /// `osd pool delete <pool> [<pool2>] [--sure] :  delete pool`.
    pub(super) fn usage(&self) -> String {
        let mut parts: Vec<String> = self.prefix.iter().map(|p| (*p).to_string()).collect();
        parts.extend(self.params.iter().map(Param::usage));
        format!("{} :  {}", parts.join(" "), self.help)
    }

    /// Matches the words against the signature; the error is Ceph's complaint without the usage.
    pub(super) fn parse(&self, line: &Line) -> Result<Args, String> {
        let mut args = Args { values: BTreeMap::new(), json: line.json };
        let literal = line.literal_from.saturating_sub(self.prefix.len());
        let mut words = self.take_named(&line.words[self.prefix.len()..], literal, &mut args)?;
        words.reverse();
        let mut skipped: Option<String> = None;
        for param in self.params.iter().filter(|p| !args.values.contains_key(p.name)).collect::<Vec<_>>() {
            if let Kind::Flag = param.kind {
                if let Some(word) = words.last() {
                    skipped = Some(format!("{word} not valid:  {word} not one of 'true', 'false'"));
                }
                continue;
            }
            let mut taken = vec![];
            while let Some(word) = words.pop() {
                match param.check(&word) {
                    Ok(()) => taken.push(word),
                    Err(complaint) if param.required && taken.is_empty() => {
                        return Err(format!("Invalid command: {complaint}"));
                    }
                    Err(complaint) => {
                        skipped = Some(format!("{word} not valid:  {complaint}"));
                        words.push(word);
                        break;
                    }
                }
                if !param.many {
                    break;
                }
            }
            if param.required && taken.is_empty() {
                return Err(param.missing());
            }
            if !taken.is_empty() {
                args.values.insert(param.name, taken);
            }
        }
        if words.is_empty() {
            return Ok(args);
        }
        words.reverse();
        let unused: Vec<String> = words.iter().map(|w| format!("'{w}'")).collect();
        let first = skipped.map(|s| s + "\n").unwrap_or_default();
        Err(format!("{first}Invalid command: unused arguments: [{}]", unused.join(", ")))
    }

    /// Takes `--name value`, `--name=value` and switches out of the words.
    fn take_named(&self, words: &[String], literal: usize, args: &mut Args) -> Result<Vec<String>, String> {
        let mut rest = vec![];
        let mut at = 0;
        while at < words.len() {
            let word = &words[at];
            at += 1;
            let named = word.strip_prefix("--").filter(|_| at <= literal).and_then(|body| {
                let (key, value) = body.split_once('=').map_or((body, None), |(k, v)| (k, Some(v.to_string())));
                let key = key.replace('-', "_");
                self.params.iter().find(|p| p.name.replace('-', "_") == key).map(|p| (p, value))
            });
            let Some((param, value)) = named else {
                rest.push(word.clone());
                continue;
            };
            let value = match (param.kind, value) {
                (Kind::Flag, value) => value.unwrap_or_else(|| "true".into()),
                (_, Some(value)) => value,
                (_, None) => {
                    at += 1;
                    words.get(at - 1).cloned().ok_or_else(|| param.missing())?
                }
            };
            if !matches!(param.kind, Kind::Flag) {
                param.check(&value).map_err(|complaint| format!("Invalid command: {complaint}"))?;
            }
            args.values.insert(param.name, vec![value]);
        }
        Ok(rest)
    }
}

impl Param {
    fn usage(&self) -> String {
        let name = self.name;
        let body = match self.kind {
            Kind::Choice(words) => words.join("|"),
            Kind::Flag => format!("--{}", name.replace('_', "-")),
            Kind::Int => format!("<{name}:int>"),
            Kind::Share | Kind::Float => format!("<{name}:float>"),
            Kind::OsdId => "<id|osd.id>".to_string(),
            Kind::Str | Kind::Name | Kind::Uuid => format!("<{name}>"),
        };
        let dots = if self.many { "..." } else { "" };
        if self.required { format!("{body}{dots}") } else { format!("[{body}{dots}]") }
    }

    fn missing(&self) -> String {
        let kind = match self.kind {
            Kind::Name => "<string(goodchars [A-Za-z0-9-_.])>".to_string(),
            Kind::Str => "<string>".to_string(),
            Kind::Choice(words) => words.join("|"),
            Kind::Int => "<int>".to_string(),
            Kind::Share => "<float[0.0-1.0]>".to_string(),
            Kind::Float => "<float>".to_string(),
            Kind::OsdId => "<id|osd.id>".to_string(),
            Kind::Uuid => "<uuid>".to_string(),
            Kind::Flag => "<bool>".to_string(),
        };
        if self.many {
            return format!("Invalid command: saw 0 of {}({kind})..., expected at least 1", self.name);
        }
        format!("Invalid command: missing required parameter {}({kind})", self.name)
    }

    fn check(&self, word: &str) -> Result<(), String> {
        let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        match self.kind {
            Kind::Str | Kind::Flag => Ok(()),
            Kind::Name => {
                let mut bad: Vec<char> = word.chars().filter(|c| !good(*c)).collect();
                bad.dedup();
                match bad.as_slice() {
                    [] => Ok(()),
                    bad => Err(format!("invalid chars {} in {word}", bad.iter().collect::<String>())),
                }
            }
            Kind::Int => match word.parse::<i64>() {
                Ok(n) if n >= 0 => Ok(()),
                Ok(n) => Err(format!("{n} not in range [0]")),
                Err(_) => Err(format!("{word} doesn't represent an int")),
            },
            Kind::Share => match word.parse::<f64>() {
                Ok(n) if (0.0..=1.0).contains(&n) => Ok(()),
                Ok(n) => Err(format!("{n:?} not in range [0.0, 1.0]")),
                Err(_) => Err(format!("{word} doesn't represent a float")),
            },
            Kind::Float => word.parse::<f64>().map(|_| ()).map_err(|_| format!("{word} doesn't represent a float")),
            Kind::Choice(words) if words.contains(&word) => Ok(()),
            Kind::Choice(words) => Err(format!("{word} not in {}", words.join("|"))),
            Kind::OsdId => match super::osd_id(word) {
                Some(_) => Ok(()),
                None => Err(format!("osd id {word} not integer")),
            },
            Kind::Uuid => match uuid::Uuid::parse_str(word) {
                Ok(_) => Ok(()),
                Err(_) => Err(format!("invalid UUID {word}: badly formed hexadecimal UUID string")),
            },
        }
    }
}
