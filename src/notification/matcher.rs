//! `pve_notification_matcher`: which notifications go where.

use std::collections::BTreeSet;
use std::sync::Arc;

use pve_client::{Area, Request};
use regex::Regex;
use serde::Deserialize;
use terraform_plugin::{Attr, Cx, Error, Findings, Model, Timeouts};

use crate::ground::error::{During, Problem};
use crate::ground::pve::Pve;
use crate::ground::texts;
use crate::section::{self, Builtin, Family, Section, plain};

use super::gotify::NotificationGotify;
use super::sendmail::NotificationSendmail;
use super::smtp::NotificationSmtp;
use super::webhook::NotificationWebhook;
use super::{AREA, DEFAULT_MATCHER, ENTITY, KINDS, NAME, builtin, matchers};

/// Sends notifications that match to targets. One without rules (`match_field`, `match_severity`, `match_calendar`) sends all.
///
/// `default-matcher` is always there: creating it changes it, and destroying it gives it PVE's own settings back.
#[derive(Model, Clone, Debug, Default, PartialEq)]
#[model(name = "notification_matcher", area = "Notifications", key(name))]
pub struct NotificationMatcher {
    /// Its name, unique among targets and matchers.
    #[attr(required, replace, regex = NAME, says = "at least two characters: a letter, then letters, digits, `_`, `-`")]
    pub name: String,
    /// The targets, by name: `pve_notification_gotify.phone.name`, `mail-to-root`. Unset: nothing is sent.
    #[attr(optional, repeated, length = 1.., regex = NAME, says = "at least two characters: a letter, then letters, digits, `_`, `-`")]
    pub target: Option<BTreeSet<String>>,
    /// What notifications carry, each as `exact:FIELD=VALUE,VALUE` or `regex:FIELD=PATTERN`. PVE's own fields are `type`
    /// (`vzdump`, `fencing`, `replication`, `package-updates`, `system-mail`), `hostname` and `job-id`. A pattern may match
    /// anywhere: begin it with `^` and end it with `$` to have it match the whole.
    #[attr(optional, repeated, api = "match-field", length = 1.., each = match_field)]
    pub match_field: Option<BTreeSet<String>>,
    /// How severe: `info`, `notice`, `warning`, `error`, `unknown`, or several of them in one text with commas between
    /// (`warning,error`): any of those.
    #[attr(optional, repeated, api = "match-severity", length = 1.., each = severities)]
    pub match_severity: Option<BTreeSet<String>>,
    /// When, such as `mon..fri 8-17` or `8:30-12`.
    #[attr(optional, repeated, api = "match-calendar", length = 1.., each = texts::one_tidy_line)]
    pub match_calendar: Option<BTreeSet<String>>,
    /// Whether `all` rules have to match, or `any` of them.
    #[attr(keep, usual = "all", one_of = ["all", "any"])]
    pub mode: Option<String>,
    /// Whether what does not match is sent instead. One without rules sends all in any case.
    #[attr(keep, usual = false, api = "invert-match")]
    pub invert_match: Option<bool>,
    /// Whether it sends nothing.
    #[attr(keep, usual = false)]
    pub disable: Option<bool>,
    /// A note.
    #[attr(optional, length = 1.., check = texts::one_tidy_line)]
    pub comment: Option<String>,
    /// How long operations may take.
    #[attr(timeouts(create = "5m", update = "5m", delete = "5m"))]
    pub timeouts: Timeouts,
}

const SEVERITIES: &[&str] = &["info", "notice", "warning", "error", "unknown"];

fn severities(text: &String) -> Result<(), String> {
    match text.split(',').find(|word| !SEVERITIES.contains(word)) {
        None => Ok(()),
        Some(word) => Err(format!(
            "\"{word}\" is no severity; there are {}, with commas and no blanks between",
            SEVERITIES.join(", ")
        )),
    }
}

/// How a field is looked at, its name, and what for.
fn rule(text: &str) -> Option<(&str, &str, &str)> {
    let (how, rest) = text.split_once(':')?;
    let (field, value) = rest.split_once('=')?;
    Some((how, field, value))
}

fn match_field(text: &String) -> Result<(), String> {
    const FORM: &str = "must read `exact:FIELD=VALUE,VALUE` or `regex:FIELD=PATTERN`, such as `exact:type=vzdump`";
    let (how, field, value) = rule(text).ok_or(FORM)?;
    if field.is_empty() || field.trim() != field || value.trim().is_empty() || text.contains(['\n', '\r']) {
        return Err(FORM.to_owned());
    }
    match how {
        "exact" => match value.split(',').find(|value| value.is_empty() || value.trim() != *value) {
            None => Ok(()),
            Some(_) => Err("must have values with commas and no blanks between: PVE cuts those off".to_owned()),
        },
        "regex" => Regex::new(value).map(drop).map_err(|why| {
            let why = why.to_string();
            format!(
                "is no regular expression: {}",
                why.lines().last().unwrap_or_default().trim_start_matches("error: ")
            )
        }),
        _ => Err(FORM.to_owned()),
    }
}

/// `GET /cluster/notifications/matcher-field-values`.
#[derive(Deserialize)]
struct Carried {
    field: String,
    value: String,
}

impl Section for NotificationMatcher {
    const FAMILY: Family = Family {
        what: "Notification matcher",
        path: "cluster/notifications/matchers",
        blames: &[
            ("could not parse schedule", "match_calendar"),
            ("invalid match-field", "match_field"),
            ("invalid severity", "match_severity"),
        ],
        ..ENTITY
    };

    const UNLIKE: &'static [(&'static str, &'static str)] = &[("target", "PVE has a format for each of them")];

    fn builtin(key: &NotificationMatcherKey) -> Builtin {
        builtin(&key.name, DEFAULT_MATCHER)
    }

    async fn possible(
        cx: &Cx<Pve>,
        want: &NotificationMatcherPlan,
        prior: Option<&Self>,
        found: &mut Findings<Self>,
    ) -> Result<(), Error> {
        let texts = |set: Option<&Vec<Attr<String>>>| -> BTreeSet<String> {
            set.into_iter().flatten().filter_map(|item| item.text().map(str::to_owned)).collect()
        };
        let was = prior.and_then(|prior| prior.target.clone()).unwrap_or_default();
        let targets = texts(want.target.known());
        if targets.difference(&was).next().is_some() {
            targets_exist(cx, targets.difference(&was), found).await?;
        }
        let looked_for = prior.and_then(|prior| prior.match_field.clone()).unwrap_or_default();
        let rules = texts(want.match_field.known());
        if found.is_plan() && rules.difference(&looked_for).next().is_some() {
            types_are_known(cx, rules.difference(&looked_for), found).await?;
        }
        // What is not known yet may be what was there.
        let all_known = want.target.known().is_none_or(|set| set.len() == targets.len()) && !want.target.is_unknown();
        if found.is_plan() && all_known && was.difference(&targets).next().is_some() {
            left_alone(cx, want.name.text().unwrap_or_default(), was.difference(&targets), found).await?;
        }
        Ok(())
    }

    async fn removable(cx: &Cx<Pve>, was: &Self, found: &mut Findings<Self>) -> Result<(), Error> {
        // Who destroys everything is told nothing: the targets go too, and are planned after it.
        if found.is_plan() && was.name != DEFAULT_MATCHER && cx.refreshed() {
            let targets = was.target.clone().unwrap_or_default();
            // Targets that are managed here may go with it, and are planned after it.
            let managed = managed(cx.held(), cx.held(), cx.held(), cx.held());
            left_alone(cx, &was.name, targets.difference(&managed), found).await?;
        }
        Ok(())
    }
}

async fn targets_exist(
    cx: &Cx<Pve>,
    named: impl Iterator<Item = &String>,
    found: &mut Findings<NotificationMatcher>,
) -> Result<(), Error> {
    let there = section::ids(cx, "cluster/notifications/targets", AREA, "name").await?;
    for target in named.filter(|target| !there.contains(*target)) {
        let problem = Problem::new(
            format!("Notification target \"{target}\" does not exist"),
            format!("Nothing was written. There are: {}.", section::listed(&there)),
        );
        found.missing(KINDS.iter().any(|kind| cx.comes(kind, target)), problem.at("target"));
    }
    Ok(())
}

/// PVE takes any type; one that nothing sends is a slip of the pen.
async fn types_are_known(
    cx: &Cx<Pve>,
    rules: impl Iterator<Item = &String>,
    found: &mut Findings<NotificationMatcher>,
) -> Result<(), Error> {
    let request = Request::get("cluster/notifications/matcher-field-values");
    let doing = "Cannot list what notifications carry";
    let carried: Arc<Vec<Carried>> = cx.client.shared(Area::Cluster, request).await.during(doing)?;
    let types: BTreeSet<String> =
        carried.iter().filter(|carried| carried.field == "type").map(|carried| carried.value.clone()).collect();
    for text in rules {
        let Some(("exact", "type", values)) = rule(text) else { continue };
        for value in values.split(',').filter(|value| !types.contains(*value)) {
            let problem = Problem::new(
                "A notification matcher looks for a type that PVE does not send",
                format!("`{text}`: PVE knows no type \"{value}\". There are: {}.", section::listed(&types)),
            );
            found.notice(problem.at("match_field"));
        }
    }
    Ok(())
}

/// Tells of targets to which no other matcher sends anything.
async fn left_alone(
    cx: &Cx<Pve>,
    by: &str,
    targets: impl Iterator<Item = &String>,
    found: &mut Findings<NotificationMatcher>,
) -> Result<(), Error> {
    let matchers = matchers(cx).await?;
    let going = managed(cx.going(), cx.going(), cx.going(), cx.going());
    let used = |target: &String| {
        matchers.iter().any(|other| other.name != by && !other.disable && other.target.contains(target))
    };
    for target in targets.filter(|target| !going.contains(*target) && !used(target)) {
        let problem = Problem::new(
            "A notification target that no matcher uses gets nothing",
            format!("No other enabled matcher names \"{target}\": nothing will be sent there any more."),
        );
        found.notice(problem.at("target"));
    }
    Ok(())
}

/// The names of these targets.
fn managed(
    gotify: Vec<NotificationGotify>,
    sendmail: Vec<NotificationSendmail>,
    smtp: Vec<NotificationSmtp>,
    webhook: Vec<NotificationWebhook>,
) -> BTreeSet<String> {
    let names = gotify.into_iter().map(|target| target.name).chain(sendmail.into_iter().map(|target| target.name));
    let names = names.chain(smtp.into_iter().map(|target| target.name));
    names.chain(webhook.into_iter().map(|target| target.name)).collect()
}

plain!(NotificationMatcher, "notification_matchers");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_in_pves_form() {
        for good in ["exact:type=vzdump", "exact:type=vzdump,fencing", "regex:hostname=^pve\\d+$", "exact:job-id=a=b"] {
            assert_eq!(match_field(&good.to_owned()), Ok(()), "{good}");
        }
        for bad in [
            "type=vzdump",
            "exact:type",
            "exact:=a",
            "exact:type=",
            "exact:type=a, b",
            "exact:type=a,,b",
            "glob:type=a",
        ] {
            assert!(match_field(&bad.to_owned()).is_err(), "{bad}");
        }
        let told = match_field(&"regex:hostname=(".to_owned()).unwrap_err();
        assert_eq!(told, "is no regular expression: unclosed group");
        assert_eq!(severities(&"warning,error".to_owned()), Ok(()));
        assert!(severities(&"warning, error".to_owned()).is_err() && severities(&"fatal".to_owned()).is_err());
    }
}
