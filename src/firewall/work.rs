//! How a list of rules is brought to another, with calls that know rules by their position only.

use pve_client::{Lock, Request, Writing};
use serde::Deserialize;
use serde::de::IgnoredAny;
use terraform_plugin::{Cx, Path};

use super::AREA;
use super::place::{self, nowhere};
use super::rules::{RULES, Rule};
use crate::ground::error::{During, Problem};
use crate::ground::pve::Pve;
use crate::section::ordered::{Edit, edits};

/// A rule as PVE shows it.
#[derive(Deserialize)]
struct Live {
    #[serde(flatten)]
    rule: Rule,
    /// That of the whole list.
    digest: Option<String>,
}

/// A place in the list that what is there and what is wanted make together.
struct Slot {
    rule: Rule,
    /// Which of the wanted rules it is; none if it goes.
    wanted: Option<usize>,
    /// Whether it is in PVE's list.
    there: bool,
    /// Whether it has been put in here.
    new: bool,
}

/// A list in work, within one turn of the queue.
struct Work<'a> {
    cx: &'a Cx<Pve>,
    turn: Writing,
    doing: String,
    path: String,
    /// What is there of it has to be PVE's list after each step.
    slots: Vec<Slot>,
    digest: Option<String>,
}

/// Brings the rules of a place to what is wanted. Where a rule is refused, those that came before it are taken out again.
///
/// Rules that differ only in being on are the same: that is switched in its place. So what a run has put in that was cut off
/// stays, and the next one goes on from there.
pub async fn bring(cx: &Cx<Pve>, place: &str, want: &[Rule]) -> Result<(), Problem> {
    let doing = format!("Cannot write the firewall rules of {place}");
    let path = place::rules(cx, place).await?.ok_or_else(|| nowhere(place, RULES))?;
    let turn = cx.client.begin_write(Lock::File("firewall"), &[AREA]).await.during(&doing)?;
    let mut work = Work { cx, turn, doing, path, slots: Vec::new(), digest: None };
    let is = work.read().await?;
    work.slots = slots(is, want);

    if let Err(problem) = work.insert_all().await {
        // What is known to have been refused is told apart from what was lost: only then is it known what is there.
        let refused = problem.is_refused();
        return Err(match refused && work.take_out_again().await.is_ok() {
            true => problem.unsent(),
            false => problem.halfway(),
        });
    }
    work.switch_and_end(want).await.map_err(Problem::halfway)
}

/// Both lists in one.
fn slots(is: Vec<Rule>, want: &[Rule]) -> Vec<Slot> {
    let alike = |rules: &[Rule]| rules.iter().map(|rule| rule.off().folded()).collect::<Vec<_>>();
    // Better to move what is off, and is to be on, than to touch anything else for it.
    let settled = |rule: &Rule| rule.enable || want.iter().any(|one| one.folded() == rule.folded());
    let edits = edits(&alike(&is), &alike(want), |at| if settled(&is[at]) { is.len() + 1 } else { 1 });
    let (mut is, mut wanted) = (is.into_iter(), 0..);
    let slot = |edit: Edit| {
        let wanted = if edit == Edit::Delete { None } else { wanted.next() };
        Some(match edit {
            Edit::Keep | Edit::Delete => Slot { rule: is.next()?, wanted, there: true, new: false },
            Edit::Insert(of) => Slot { rule: want[of].off(), wanted, there: false, new: false },
        })
    };
    edits.into_iter().filter_map(slot).collect()
}

impl Work<'_> {
    /// Switches on what is to be on, and takes away what goes.
    async fn switch_and_end(&mut self, want: &[Rule]) -> Result<(), Problem> {
        let on = |slot: &Slot| slot.wanted.is_some_and(|of| want[of].enable);
        for at in 0..self.slots.len() {
            if on(&self.slots[at]) && !self.slots[at].rule.enable {
                self.switch(at, true).await?;
            }
        }
        for at in (0..self.slots.len()).rev() {
            match self.slots[at].wanted {
                None => self.take_out(at).await?,
                Some(_) if self.slots[at].rule.enable && !on(&self.slots[at]) => self.switch(at, false).await?,
                Some(_) => {}
            }
        }
        Ok(())
    }

    /// The rules, with the digest for the next step.
    async fn read(&mut self) -> Result<Vec<Rule>, Problem> {
        let live: Vec<Live> = self.cx.client.call(Request::get(self.path.clone())).await.during(&self.doing)?;
        self.digest = live.first().and_then(|first| first.digest.clone());
        Ok(live.into_iter().map(|live| live.rule).collect())
    }

    /// Sends one step and sees that the list is what it has to be then, so that the next one meets the right rule. `first`
    /// comes before what is in its place.
    async fn step(&mut self, request: Request, first: Option<&Rule>) -> Result<(), Problem> {
        self.turn.send::<IgnoredAny>(request).await.during(&self.doing)?;
        let is = self.read().await?;
        let there = self.slots.iter().filter(|slot| slot.there).map(|slot| &slot.rule);
        match is.iter().map(Rule::folded).eq(first.into_iter().chain(there).map(Rule::folded)) {
            true => Ok(()),
            false => Err(Problem::new(
                self.doing.clone(),
                "Somebody else has changed the list meanwhile, or PVE has stored a rule otherwise than it was sent. It is left as \
                 it is now. Look at it and apply again.",
            )),
        }
    }

    /// How many rules of PVE's list come before a slot.
    fn position(&self, at: usize) -> usize {
        self.slots[..at].iter().filter(|slot| slot.there).count()
    }

    /// The request about the rule at a position, if the list is still what was read.
    fn about(&self, request: fn(String) -> Request, position: usize) -> Request {
        request(format!("{}/{position}", self.path)).opt("digest", self.digest.as_ref())
    }

    /// Puts all that is new in its place, switched off: from the last to the first, since PVE puts a new rule first.
    async fn insert_all(&mut self) -> Result<(), Problem> {
        for at in (0..self.slots.len()).rev() {
            let Slot { rule, wanted: Some(of), there: false, .. } = &self.slots[at] else { continue };
            let (rule, of, position) = (rule.clone(), *of, self.position(at));
            let (from, to) = match self.left_over(&rule) {
                Some(left) => {
                    let from = self.position(left);
                    self.slots[left].there = false;
                    (from, position)
                }
                None => {
                    let sent = self.step(rule.onto(Request::post(self.path.clone())), Some(&rule)).await;
                    sent.map_err(|problem| of_rule(problem, of))?;
                    self.slots[at].new = true;
                    // What comes before it stands behind it now.
                    (0, position + 1)
                }
            };
            self.slots[at].there = true;
            // It goes before the one that stands there now.
            if to != from && to != from + 1 {
                self.step(self.about(Request::put, from).param("moveto", to), None).await?;
            }
        }
        Ok(())
    }

    /// A rule that is switched off and would go, and is the same: a run that was cut off has put it in, and not in its place
    /// yet. While it is off, it may stand anywhere.
    fn left_over(&self, rule: &Rule) -> Option<usize> {
        let is = |slot: &Slot| slot.there && slot.wanted.is_none() && slot.rule.folded() == rule.folded();
        self.slots.iter().position(is)
    }

    async fn switch(&mut self, at: usize, on: bool) -> Result<(), Problem> {
        self.slots[at].rule.enable = on;
        self.step(self.about(Request::put, self.position(at)).flag("enable", on), None).await
    }

    async fn take_out(&mut self, at: usize) -> Result<(), Problem> {
        if !self.slots[at].there {
            return Ok(());
        }
        let position = self.position(at);
        self.slots[at].there = false;
        self.step(self.about(Request::delete, position), None).await
    }

    /// Takes out what has been put in, from the last to the first.
    async fn take_out_again(&mut self) -> Result<(), Problem> {
        for at in (0..self.slots.len()).rev() {
            if self.slots[at].new {
                self.take_out(at).await?;
            }
        }
        Ok(())
    }
}

/// A refusal of a rule, at the attribute of that rule that PVE names.
fn of_rule(problem: Problem, n: usize) -> Problem {
    let Some(pve_client::Error::Parameter(refusal)) = problem.pve() else { return problem };
    let rule = Path::attr("rules").index(n);
    const NAMES: [&str; 11] =
        ["type", "action", "comment", "dest", "dport", "iface", "log", "macro", "proto", "source", "sport"];
    let told = refusal.fields.iter().next();
    let (path, text) = match told {
        Some((name, text)) if name == "icmp-type" => (rule.at("icmp_type"), text.as_str()),
        Some((name, text)) if NAMES.contains(&name.as_str()) => (rule.at(name), text.as_str()),
        _ => (rule, refusal.message.as_str()),
    };
    let doing = problem.doing().to_owned();
    Problem::new(doing, format!("PVE refuses this value: {}. The list is as it was.", text.trim())).at(path).unsent()
}
