//! A task's log.

use std::sync::LazyLock;

use regex::Regex;
use serde::Deserialize;

use super::Task;
use crate::answer::clip;
use crate::{Error, Request, segment};

/// How many of the last lines an error tells.
const TAIL: usize = 20;

/// Lines asked for at a time while following.
const CHUNK: usize = 500;

/// Requests for lines in one look; what is left comes with the next.
const CHUNKS: usize = 40;

/// How much of a line is kept.
const LINE: usize = 2000;

#[derive(Deserialize)]
struct Line {
    n: usize,
    t: String,
}

impl Task {
    /// The path of the task's own calls.
    pub(super) fn path(&self, what: &str) -> String {
        format!("nodes/{}/tasks/{}/{what}", segment(self.upid.node()), segment(self.upid.as_str()))
    }

    pub(super) fn read(&self, what: &str) -> Request {
        let request = Request::get(self.path(what)).node(self.upid.node());
        if self.root { request.root() } else { request }
    }

    /// The lines that are new since the last call.
    pub(super) async fn new_lines(&mut self) -> Result<Vec<String>, Error> {
        let mut fresh = Vec::new();
        for _ in 0..CHUNKS {
            let request = self.read("log").param("start", self.seen).param("limit", CHUNK);
            let lines: Vec<Line> = self.client.call(request).await?;
            let full = lines.len() >= CHUNK;
            for line in lines.into_iter().take(CHUNK) {
                // What PVE says when there is no line yet.
                if line.n == 1 && line.t == "no content" {
                    continue;
                }
                // Lines that were there already.
                if line.n <= self.seen {
                    continue;
                }
                self.seen = line.n;
                let text = clip(&line.t, LINE);
                self.tail.push_back(text.clone());
                fresh.push(text);
            }
            while self.tail.len() > TAIL {
                self.tail.pop_front();
            }
            if !full {
                break;
            }
        }
        Ok(fresh)
    }
}

/// What a line says about progress: a transfer's line without the clock in it, which ticks even when nothing moves.
pub(super) fn substance(line: &str) -> &str {
    static CLOCK: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r" in (\d+[dhms] ?)+(, \w[\w ]*)?$").ok());
    let clock = CLOCK.as_ref().and_then(|clock| clock.find(line));
    match clock {
        Some(clock) if line.contains("transferred") => &line[..clock.start()],
        _ => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_is_no_progress() {
        let line = "mirror-scsi0: transferred 1.2 GiB of 32.0 GiB (3.86%) in 1m 12s";
        assert_eq!(substance(line), "mirror-scsi0: transferred 1.2 GiB of 32.0 GiB (3.86%)");
        let ready = "drive-scsi0: transferred 32.0 GiB of 32.0 GiB (100.00%) in 9m 19s, ready";
        assert_eq!(substance(ready), "drive-scsi0: transferred 32.0 GiB of 32.0 GiB (100.00%)");
        assert_eq!(substance("waited in 3s"), "waited in 3s");
    }
}
