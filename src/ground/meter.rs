//! How far a task is that moves data, from what it writes into its log.

use std::collections::VecDeque;
use std::fmt;
use std::sync::LazyLock;
use std::time::Duration;

use regex::Regex;

/// A line of a live move (`mirror-scsi0: transferred ...`; `drive-scsi0` on machines older than 10.0) or an offline one.
static TRANSFERRED: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"^(?:(?:mirror|drive)-\w+: )?transferred ([\d.]+) ([KMGTPE]?i?B) of ([\d.]+) ([KMGTPE]?i?B) \(([\d.]+)%\)",
    )
    .ok()
});

/// How far back the rate looks.
const WINDOW: Duration = Duration::from_secs(60);

/// Watches the lines of a task.
#[derive(Debug, Default)]
pub struct Meter {
    last: Option<Reading>,
    samples: VecDeque<(Duration, f64)>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Reading {
    done: f64,
    total: f64,
    percent: f64,
}

impl Meter {
    /// The watch begins together with the task, of which nothing was done by then.
    pub fn begun(&mut self) {
        self.samples.push_back((Duration::ZERO, 0.0));
    }

    /// Takes in lines that were new at `elapsed` since the watch began.
    pub fn saw(&mut self, elapsed: Duration, lines: &[String]) {
        let Some(reading) = lines.iter().rev().find_map(|line| read(line)) else { return };
        self.last = Some(reading);
        self.samples.push_back((elapsed, reading.done));
        while self.samples.len() > 2 && self.samples.front().is_some_and(|(at, _)| *at + WINDOW < elapsed) {
            self.samples.pop_front();
        }
    }

    /// Whether the log has told anything about progress yet.
    pub fn knows(&self) -> bool {
        self.last.is_some()
    }

    /// Bytes a second over the last minute; none until something was seen to move.
    fn rate(&self) -> Option<f64> {
        let ((from, before), (to, after)) = (self.samples.front()?, self.samples.back()?);
        let seconds = to.checked_sub(*from)?.as_secs_f64();
        (seconds > 0.0 && after > before).then(|| (after - before) / seconds)
    }
}

/// `45 %, 14.4 of 32 GiB, 4.9 MiB/s, 1 h 01 min left`
impl fmt::Display for Meter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(Reading { done, total, percent }) = self.last else { return f.write_str("no progress told yet") };
        let (unit, factor) = unit(total);
        write!(f, "{percent:.0} %, {} of {} {unit}", short(done / factor), short(total / factor))?;
        if let Some(rate) = self.rate() {
            let (unit, factor) = self::unit(rate);
            write!(f, ", {} {unit}/s, {} left", short(rate / factor), left((total - done).max(0.0) / rate))?;
        }
        Ok(())
    }
}

fn read(line: &str) -> Option<Reading> {
    let found = TRANSFERRED.as_ref()?.captures(line)?;
    let bytes = |number: usize, unit: usize| Some(found[number].parse::<f64>().ok()? * scale(&found[unit])?);
    Some(Reading { done: bytes(1, 2)?, total: bytes(3, 4)?, percent: found[5].parse().ok()? })
}

const UNITS: [(&str, f64); 6] = [
    ("PiB", 1_125_899_906_842_624.0),
    ("TiB", 1_099_511_627_776.0),
    ("GiB", 1_073_741_824.0),
    ("MiB", 1_048_576.0),
    ("KiB", 1024.0),
    ("B", 1.0),
];

fn scale(unit: &str) -> Option<f64> {
    UNITS.iter().find(|(name, _)| *name == unit).map(|(_, factor)| *factor)
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
    fn reads_live_and_offline_lines() {
        let gib = 1_073_741_824.0;
        for (line, done) in [
            ("mirror-scsi0: transferred 16.0 GiB of 32.0 GiB (50.00%) in 9m 19s", 16.0 * gib),
            ("drive-virtio1: transferred 32.0 GiB of 32.0 GiB (100.00%) in 1h 2m, ready", 32.0 * gib),
            ("transferred 327.7 MiB of 32.0 GiB (1.00%)", 327.7 * 1_048_576.0),
            ("mirror-scsi0: transferred 0.0 B of 32.0 GiB (0.00%) in 0s", 0.0),
        ] {
            assert_eq!(read(line).map(|r| (r.done, r.total)), Some((done, 32.0 * gib)), "{line}");
        }
        assert_eq!(read("Removing image: 10% complete..."), None);
        assert_eq!(read("mirror-scsi0: Completed successfully."), None);
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
}
