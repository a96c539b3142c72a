//! How a list of rules is brought to another, with calls that know rules by their position only.

use pve_client::{Lock, Request, Writing};
use serde::Deserialize;
use serde::de::IgnoredAny;
use terraform_plugin::{Cx, Path};

use super::AREA;
use super::place;
use super::rules::{Rule, nowhere};
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

/// A list in work, within one turn of the queue.
struct Work<'a> {
    cx: &'a Cx<Pve>,
    turn: Writing,
    doing: String,
    path: String,
    /// As it is by now: after each step it is read again, and has to be that.
    rules: Vec<Rule>,
    digest: Option<String>,
    /// Which of them are new.
    new: Vec<bool>,
}

/// Brings the rules of a place to what is wanted. Where a rule is refused, those that came before it are taken out again.
pub async fn bring(cx: &Cx<Pve>, place: &str, want: &[Rule]) -> Result<(), Problem> {
    let doing = format!("Cannot write the firewall rules of {place}");
    let path = place::path(cx, place).await?.ok_or_else(|| nowhere(place))?;
    let turn = cx.client.begin_write(Lock::File("firewall"), &[AREA]).await.during(&doing)?;
    let mut work = Work { cx, turn, doing, path, rules: Vec::new(), digest: None, new: Vec::new() };
    work.rules = work.read().await?;
    work.new = vec![false; work.rules.len()];
    let folded = |rules: &[Rule]| rules.iter().map(Rule::folded).collect::<Vec<_>>();
    let edits = edits(&folded(&work.rules), &folded(want));

    if let Err(problem) = work.insert_all(&edits, want).await {
        // What is known to have been refused is told apart from what was lost: only then is it known what is there.
        let refused = problem.is_refused();
        return Err(match refused && work.take_out(|new| new).await.is_ok() {
            true => problem.unsent(),
            false => problem,
        });
    }
    for (at, edit) in edits.iter().enumerate() {
        if let Edit::Insert(of) = edit
            && want[*of].enable
        {
            work.enable(at).await?;
        }
    }
    work.new = edits.iter().map(|edit| *edit == Edit::Delete).collect();
    work.take_out(|goes| goes).await
}

impl Work<'_> {
    /// The rules, with the digest for the next step.
    async fn read(&mut self) -> Result<Vec<Rule>, Problem> {
        let live: Vec<Live> = self.cx.client.call(Request::get(self.path.clone())).await.during(&self.doing)?;
        self.digest = live.first().and_then(|first| first.digest.clone());
        Ok(live.into_iter().map(|live| live.rule).collect())
    }

    /// Sends one step and sees that the list is what it has to be then, so that the next one meets the right rule.
    async fn step(&mut self, request: Request) -> Result<(), Problem> {
        self.turn.send::<IgnoredAny>(request).await.during(&self.doing)?;
        let is = self.read().await?;
        match is.iter().map(Rule::folded).eq(self.rules.iter().map(Rule::folded)) {
            true => Ok(()),
            false => Err(Problem::new(
                self.doing.clone(),
                "Somebody else has changed the list meanwhile, or PVE has stored a rule otherwise than it was sent. It is left as \
                 it is now. Look at it and apply again.",
            )),
        }
    }

    fn at(&self, position: usize) -> String {
        format!("{}/{position}", self.path)
    }

    /// Puts all that is new in its place, switched off: from the last to the first, since PVE puts a new rule first.
    async fn insert_all(&mut self, edits: &[Edit], want: &[Rule]) -> Result<(), Problem> {
        for (at, edit) in edits.iter().enumerate().rev() {
            let Edit::Insert(of) = edit else { continue };
            // What comes before it as well is not there yet.
            let before = edits[..at].iter().filter(|edit| !matches!(edit, Edit::Insert(_))).count();
            let rule = want[*of].off();
            self.rules.insert(0, rule.clone());
            self.new.insert(0, true);
            let sent = self.step(rule.onto(Request::post(self.path.clone()))).await;
            if let Err(problem) = sent {
                if problem.is_refused() {
                    self.rules.remove(0);
                    self.new.remove(0);
                }
                return Err(of_rule(problem, *of));
            }
            if before > 0 {
                self.rules.remove(0);
                self.rules.insert(before, rule);
                self.new.remove(0);
                self.new.insert(before, true);
                // Before what stands there now.
                let request = Request::put(self.at(0)).param("moveto", before + 1).opt("digest", self.digest.as_ref());
                self.step(request).await?;
            }
        }
        Ok(())
    }

    async fn enable(&mut self, at: usize) -> Result<(), Problem> {
        self.rules[at].enable = true;
        let request = Request::put(self.at(at)).flag("enable", true).opt("digest", self.digest.as_ref());
        self.step(request).await
    }

    /// Takes out those that are marked, from the last to the first.
    async fn take_out(&mut self, which: impl Fn(bool) -> bool) -> Result<(), Problem> {
        for at in (0..self.rules.len()).rev().filter(|at| which(self.new[*at])).collect::<Vec<_>>() {
            self.rules.remove(at);
            let request = Request::delete(self.at(at)).opt("digest", self.digest.as_ref());
            self.step(request).await?;
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
