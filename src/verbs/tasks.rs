//! `terraform-provider-pve tasks [--follow] [--all]`: what PVE is doing for us just now, how far it is, and how long it will take.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::Duration;

use pve_client::api::nodes::TaskEntry;
use pve_client::{Area, Client, Error, Request, Upid, segment};
use serde::Deserialize;
use terraform_plugin::StopToken;

use super::{INTERRUPTED, WRONG, block_on, pve, say, wrong};
use crate::ground::meter::Meter;

/// Between two looks.
const PAUSE: Duration = Duration::from_secs(5);

/// Lines of a log asked for at a time.
const CHUNK: usize = 500;

/// Ends with 0 when nothing of what was followed failed, 1 when something did or nobody answers, 2 when the words or the
/// environment are wrong, 130 after Ctrl-C.
pub fn run(words: &[String]) -> ExitCode {
    let known = ["--follow", "--all"];
    if let Some(word) = words.iter().find(|word| !known.contains(&word.as_str())) {
        return wrong(&format!(
            "there is no {word}\nusage: terraform-provider-pve tasks [--follow] [--all]\n  --follow  until all of them have ended\n  --all     \
             everybody's, as far as we may see them"
        ));
    }
    let asked = |word: &str| words.iter().any(|one| one == word);
    let (follow, all) = (asked("--follow"), asked("--all"));
    let stop = StopToken::new();
    block_on(&stop, async {
        let Some(pve) = pve(&stop).await else { return WRONG };
        let mut board = Board::new(all);
        loop {
            match board.look(&pve.client).await {
                Ok(lines) => lines.iter().for_each(|line| say(line)),
                Err(error) => {
                    eprintln!("Error: Cannot see what runs: {error}");
                    return 1;
                }
            }
            if !follow || board.is_empty() {
                return u8::from(board.failed);
            }
            tokio::select! {
                () = stop.cancelled() => return INTERRUPTED,
                () = tokio::time::sleep(PAUSE) => {}
            }
        }
    })
}

/// The tasks that are watched.
pub struct Board {
    all: bool,
    begun: bool,
    watched: BTreeMap<String, Watched>,
    /// Whether one of them failed.
    pub failed: bool,
}

/// A task that runs.
struct Watched {
    upid: Upid,
    meter: Meter,
    /// Lines of its log that were read.
    seen: usize,
    told: String,
}

impl Board {
    /// For our own tasks, or everybody's.
    pub fn new(all: bool) -> Self {
        Self { all, begun: false, watched: BTreeMap::new(), failed: false }
    }

    /// Whether nothing runs.
    pub fn is_empty(&self) -> bool {
        self.watched.is_empty()
    }

    /// Looks once, and tells what is new.
    pub async fn look(&mut self, client: &Client) -> Result<Vec<String>, Error> {
        client.changed(&[Area::Tasks]);
        let listed = client.cluster().tasks().await?;
        let ours = |task: &&TaskEntry| self.all || client.is_us(&user(task));
        let (running, ended): (Vec<&TaskEntry>, Vec<&TaskEntry>) =
            listed.iter().filter(ours).partition(|task| task.is_running());
        let mut lines = Vec::new();
        for task in ended {
            if self.watched.remove(&task.upid).is_some() {
                self.failed |= !task.is_success();
                lines.push(format!("{}: ended: {}", name(task), task.status.as_deref().unwrap_or("without a result")));
            }
        }
        // What is not listed any more has ended as well: how, its own node knows.
        let gone: Vec<String> =
            self.watched.keys().filter(|upid| !running.iter().any(|task| task.upid == **upid)).cloned().collect();
        for upid in gone {
            let Some(watched) = self.watched.get(&upid) else { continue };
            // As long as its node does not answer, or says that it runs, nobody knows an end.
            let status = match client.node(watched.upid.node()).task_status(&watched.upid).await {
                Ok(Some(status)) => status,
                Err(error) if error.is_absent() => error.to_string(),
                _ => continue,
            };
            let Some(watched) = self.watched.remove(&upid) else { continue };
            self.failed |= status != "OK" && !status.starts_with("WARNINGS");
            lines.push(format!(
                "{} {} {}: ended: {status}",
                watched.upid.node(),
                watched.upid.kind(),
                watched.upid.id()
            ));
        }
        if running.is_empty() && !self.begun {
            lines.push(if self.all { "Nothing runs." } else { "Nothing of ours runs." }.to_owned());
        }
        let now = client.server_time().unwrap_or_default();
        for task in running {
            let Ok(upid) = task.upid.parse::<Upid>() else { continue };
            let since = Duration::from_secs(u64::try_from(now - task.starttime).unwrap_or_default());
            let watched = self.watched.entry(task.upid.clone()).or_insert_with(|| Watched::new(upid));
            let how = watched.how(client, since).await;
            if how != watched.told {
                lines.push(format!("{}: {how}", name(task)));
                watched.told = how;
            }
        }
        self.begun = true;
        Ok(lines)
    }
}

impl Watched {
    fn new(upid: Upid) -> Self {
        let mut meter = Meter::default();
        // One look is enough to tell a rate: that since its beginning.
        meter.begun();
        Self { upid, meter, seen: 0, told: String::new() }
    }

    /// How far it is, if its log tells, else its last words.
    async fn how(&mut self, client: &Client, since: Duration) -> String {
        match self.new_lines(client).await {
            Ok(lines) => self.meter.saw(since, &lines),
            Err(error) => return format!("runs, and its log cannot be read ({error})"),
        }
        self.meter.how().unwrap_or_else(|| "runs".to_owned())
    }

    async fn new_lines(&mut self, client: &Client) -> Result<Vec<String>, Error> {
        #[derive(Deserialize)]
        struct Line {
            n: usize,
            t: String,
        }
        let (node, upid) = (self.upid.node(), segment(self.upid.as_str()));
        let mut fresh = Vec::new();
        loop {
            let request = Request::get(format!("nodes/{node}/tasks/{upid}/log")).node(node);
            let lines: Vec<Line> = client.call(request.param("start", self.seen).param("limit", CHUNK)).await?;
            let full = lines.len() >= CHUNK;
            for line in lines.into_iter().filter(|line| !(line.n == 1 && line.t == "no content")) {
                // Lines that were there already.
                if line.n > self.seen {
                    self.seen = line.n;
                    fresh.push(line.t);
                }
            }
            if !full {
                return Ok(fresh);
            }
        }
    }
}

/// `pve1 qmmove 101`
fn name(task: &TaskEntry) -> String {
    format!("{} {} {}", task.node, task.kind, task.id).trim_end().to_owned()
}

/// `user@realm`, or `user@realm!token`.
fn user(task: &TaskEntry) -> String {
    match &task.tokenid {
        Some(token) if !task.user.contains('!') => format!("{}!{token}", task.user),
        _ => task.user.clone(),
    }
}
