//! How far a task is that moves data, from what it writes into its log.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::time::Duration;

use super::log_line::{Reading, Told, UNITS};

/// How far back the rate looks.
const WINDOW: Duration = Duration::from_secs(60);

/// Watches the lines of a task. What it does one after the other, it tells one after the other; disks that are copied at
/// once it tells together.
#[derive(Debug, Default)]
pub struct Meter {
    last: Option<Last>,
    /// How far each of the disks is that are copied at once.
    disks: BTreeMap<String, Reading>,
    /// How large a download is.
    size: Option<f64>,
    samples: VecDeque<(Duration, f64)>,
    begun: bool,
    words: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Last {
    Bytes(Reading),
    Percent(f64),
}

impl Meter {
    /// The watch begins together with the task, of which nothing was done by then.
    pub fn begun(&mut self) {
        self.begun = true;
    }

    /// Takes in lines that were new at `elapsed` since the watch began.
    pub fn saw(&mut self, elapsed: Duration, lines: &[String]) {
        if let Some(line) = lines.iter().rev().find(|line| !line.trim().is_empty()) {
            self.words = Some(line.clone());
        }
        let disks = self.disks.len();
        let mut now = None;
        for told in lines.iter().filter_map(|line| super::log_line::read(line)) {
            now = match told {
                Told::Disk(key, reading) => {
                    self.disks.insert(key, reading);
                    Some(Last::Bytes(together(self.disks.values())))
                }
                Told::Whole(reading) => {
                    self.disks.clear();
                    Some(Last::Bytes(reading))
                }
                Told::Size(size) => {
                    self.size = Some(size);
                    now
                }
                Told::Share(percent) => Some(match self.size {
                    Some(total) => Last::Bytes(Reading { done: total * percent / 100.0, total, percent }),
                    None => Last::Percent(percent),
                }),
            };
        }
        let Some(now) = now else { return };
        let before = self.last.replace(now);
        let Last::Bytes(reading) = now else { return };
        match before {
            // Something else has begun: another disk, or the memory after the disks. What a running machine writes meanwhile
            // makes the whole larger, and is nothing else.
            Some(Last::Bytes(before)) if reading.done < before.done || self.disks.len() != disks => {
                self.samples.clear()
            }
            None if self.begun => self.samples.push_back((Duration::ZERO, 0.0)),
            _ => {}
        }
        self.samples.push_back((elapsed, reading.done));
        while self.samples.len() > 2 && self.samples.front().is_some_and(|(at, _)| *at + WINDOW < elapsed) {
            self.samples.pop_front();
        }
    }

    /// Whether the log has told anything about progress yet.
    pub fn knows(&self) -> bool {
        self.last.is_some()
    }

    /// How far it is, if the log tells, else its last words.
    pub fn how(&self) -> Option<String> {
        if self.knows() { Some(self.to_string()) } else { self.words.clone() }
    }

    /// Bytes a second over the last minute; none until something was seen to move.
    fn rate(&self) -> Option<f64> {
        let ((from, before), (to, after)) = (self.samples.front()?, self.samples.back()?);
        let seconds = to.checked_sub(*from)?.as_secs_f64();
        (seconds > 0.0 && after > before).then(|| (after - before) / seconds)
    }
}

/// What is copied at once, as one. Of one alone its own percent holds.
fn together<'a>(all: impl Iterator<Item = &'a Reading> + Clone) -> Reading {
    let (done, total): (f64, f64) = (all.clone().map(|one| one.done).sum(), all.clone().map(|one| one.total).sum());
    let mut each = all;
    let percent = match (each.next(), each.next()) {
        (Some(one), None) => one.percent,
        _ if total > 0.0 => done * 100.0 / total,
        _ => 100.0,
    };
    Reading { done, total, percent }
}

/// `45 %, 14.4 of 32 GiB, 4.9 MiB/s, 1 h 01 min left`
impl fmt::Display for Meter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Reading { done, total, percent } = match self.last {
            None => return f.write_str("no progress told yet"),
            Some(Last::Percent(percent)) => return write!(f, "{percent:.0} %"),
            Some(Last::Bytes(reading)) => reading,
        };
        let (unit, factor) = unit(total);
        write!(f, "{percent:.0} %, {} of {} {unit}", short(done / factor), short(total / factor))?;
        if let Some(rate) = self.rate() {
            let (unit, factor) = self::unit(rate);
            write!(f, ", {} {unit}/s, {} left", short(rate / factor), left((total - done).max(0.0) / rate))?;
        }
        Ok(())
    }
}

fn unit(bytes: f64) -> (&'static str, f64) {
    UNITS.into_iter().find(|(_, factor)| bytes >= *factor).unwrap_or(("B", 1.0))
}

/// One decimal, unless it is a zero.
fn short(number: f64) -> String {
    let text = format!("{number:.1}");
    text.strip_suffix(".0").map(str::to_owned).unwrap_or(text)
}

/// A time as people say it: `1 h 07 min`.
pub fn left(seconds: f64) -> String {
    // A move that needs longer than that has stalled.
    let seconds = seconds.min(f64::from(u32::MAX)) as u64;
    match (seconds / 3600, seconds / 60 % 60) {
        (0, 0) => format!("{seconds} s"),
        (0, minutes) => format!("{minutes} min"),
        (hours, minutes) => format!("{hours} h {minutes:02} min"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(all: &[&str]) -> Vec<String> {
        all.iter().map(|line| (*line).to_owned()).collect()
    }

    #[test]
    fn tells_percent_rate_and_time_left() {
        let mut meter = Meter::default();
        assert_eq!((meter.to_string().as_str(), meter.knows()), ("no progress told yet", false));
        meter.saw(Duration::ZERO, &lines(&["transferred 14.3 GiB of 32.0 GiB (44.70%)"]));
        assert_eq!((meter.to_string().as_str(), meter.knows()), ("45 %, 14.3 of 32 GiB", true));
        meter.saw(Duration::from_secs(21), &lines(&["x", "transferred 14.4 GiB of 32.0 GiB (45.00%)", "y"]));
        assert_eq!(meter.to_string(), "45 %, 14.4 of 32 GiB, 4.9 MiB/s, 1 h 01 min left");
    }

    #[test]
    fn a_move_that_grows_backwards_has_no_rate() {
        let mut meter = Meter::default();
        meter.saw(Duration::ZERO, &lines(&["transferred 2.0 GiB of 4.0 GiB (50.00%)"]));
        meter.saw(Duration::from_secs(5), &lines(&["transferred 2.0 GiB of 5.0 GiB (40.00%)"]));
        assert_eq!(meter.to_string(), "40 %, 2 of 5 GiB");
    }

    #[test]
    fn disks_that_are_copied_at_once_are_told_together_and_what_follows_for_itself() {
        let mut meter = Meter::default();
        let mut saw = |seconds: u64, all: &[&str]| {
            meter.saw(Duration::from_secs(seconds), &lines(all));
            meter.to_string()
        };
        let mirror = |key: &str, done: &str, percent: u8| {
            format!("mirror-{key}: transferred {done} GiB of 4.0 GiB ({percent}.00%) in 9s")
        };
        assert_eq!(saw(0, &[&mirror("scsi0", "1.0", 25)]), "25 %, 1 of 4 GiB");
        assert_eq!(saw(1, &[&mirror("scsi1", "1.0", 25), &mirror("scsi0", "2.0", 50)]), "38 %, 3 of 8 GiB");
        let both = [mirror("scsi0", "3.0", 75), mirror("scsi1", "2.0", 50)];
        assert!(saw(2, &[&both[0], &both[1]]).starts_with("62 %, 5 of 8 GiB, 2 GiB/s"));
        let memory = |done: &str| {
            format!("2026-11-29 20:33:24 migration active, transferred {done} GiB of 2.0 GiB VM-state, 1.0 GiB/s")
        };
        assert_eq!(saw(3, &[&memory("0.5")]), "25 %, 0.5 of 2 GiB", "the memory has a rate of its own");
        assert_eq!(saw(4, &[&memory("1.0")]), "50 %, 1 of 2 GiB, 512 MiB/s, 2 s left");
    }

    #[test]
    fn a_download_tells_its_size_first() {
        let mut meter = Meter::default();
        meter.saw(
            Duration::ZERO,
            &lines(&["Length: 104857600 (100M) [application/x-iso]", "     0K ........  32% 4.90M 14s"]),
        );
        assert_eq!(meter.to_string(), "32 %, 32 of 100 MiB");
        let mut meter = Meter::default();
        meter.saw(Duration::ZERO, &lines(&["     0K ........  32% 4.90M 14s"]));
        assert_eq!(meter.to_string(), "32 %", "of which size, nobody has said");
    }

    #[test]
    fn who_tells_nothing_of_progress_has_last_words() {
        let mut meter = Meter::default();
        assert_eq!(meter.how(), None);
        meter.saw(Duration::ZERO, &lines(&["a", "b", " "]));
        assert_eq!(meter.how().as_deref(), Some("b"));
        meter.saw(Duration::ZERO, &lines(&["transferred 2.0 GiB of 4.0 GiB (50.00%)", "c"]));
        assert_eq!(meter.how().as_deref(), Some("50 %, 2 of 4 GiB"));
    }
}
