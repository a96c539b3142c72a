//! What a line of a task's log tells of how far it is.

use std::sync::LazyLock;

use regex::{Captures, Regex};

/// How far something is, in bytes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Reading {
    pub(super) done: f64,
    pub(super) total: f64,
    pub(super) percent: f64,
}

/// What one line tells.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Told {
    /// Of one disk of several that are copied at once, by its drive's key: `scsi0`.
    Disk(String, Reading),
    /// Of the one thing that is done now.
    Whole(Reading),
    /// A download is this large. How far it is comes in lines of its own.
    Size(f64),
    /// The share of something whose size was told before, or never.
    Share(f64),
}

/// A form that lines of a log have, and how it is read.
struct Form {
    regex: &'static str,
    read: fn(&Captures<'_>) -> Option<Told>,
}

/// A migration's lines begin with the time, those of a backup with their grade.
const FORMS: [Form; 7] = [
    // Disks of a running machine that moves or is migrated; `drive-scsi0` with machine versions below 10.0.
    Form {
        regex: r"^(?:[\d-]+ [\d:]+ )?(?:mirror|drive)-(\w+): transferred ([\d.]+) ([KMGTPE]?i?B) of ([\d.]+) ([KMGTPE]?i?B) \(([\d.]+)%\)",
        read: |found| Some(Told::Disk(found[1].to_owned(), reading(found, 2, Some(6))?)),
    },
    // A disk that is copied by `qemu-img`: a move or a clone of a machine that is off.
    Form {
        regex: r"^transferred ([\d.]+) ([KMGTPE]?i?B) of ([\d.]+) ([KMGTPE]?i?B) \(([\d.]+)%\)",
        read: |found| Some(Told::Whole(reading(found, 1, Some(5))?)),
    },
    // The memory of a machine that is migrated; what it writes meanwhile is transferred again.
    Form {
        regex: r"^(?:[\d-]+ [\d:]+ )?migration active, transferred ([\d.]+) ([KMGTPE]?i?B) of ([\d.]+) ([KMGTPE]?i?B) VM-state",
        read: |found| Some(Told::Whole(reading(found, 1, None)?)),
    },
    // A backup of a machine.
    Form {
        regex: r"^INFO: +(\d+)% \(([\d.]+) ([KMGTPE]?i?B) of ([\d.]+) ([KMGTPE]?i?B)\)",
        read: |found| Some(Told::Whole(reading(found, 2, Some(1))?)),
    },
    // A machine that comes back from a backup.
    Form {
        regex: r"^progress (\d+)% \(read (\d+) bytes",
        read: |found| {
            let (percent, done): (f64, f64) = (found[1].parse().ok()?, found[2].parse().ok()?);
            (percent > 0.0).then(|| Told::Whole(Reading { done, total: done * 100.0 / percent, percent }))
        },
    },
    // A download, by `wget`.
    Form { regex: r"^Length: (\d+)\b", read: |found| Some(Told::Size(found[1].parse().ok()?)) },
    Form { regex: r"^ *\d+K[ .]* (\d+)% +[\d.]+[KMG]?[ =]", read: |found| Some(Told::Share(found[1].parse().ok()?)) },
];

static READ: LazyLock<Vec<(Regex, &'static Form)>> =
    LazyLock::new(|| FORMS.iter().filter_map(|form| Some((Regex::new(form.regex).ok()?, form))).collect());

/// What it tells, if it is a line that tells how far something is.
pub(super) fn read(line: &str) -> Option<Told> {
    READ.iter().find_map(|(regex, form)| (form.read)(&regex.captures(line)?))
}

/// The amount done at this group, the whole two groups further, and the percent where they are told.
fn reading(found: &Captures<'_>, at: usize, percent: Option<usize>) -> Option<Reading> {
    let bytes = |number: usize| Some(found[number].parse::<f64>().ok()? * scale(&found[number + 1])?);
    let (done, total) = (bytes(at)?, bytes(at + 2)?);
    let share = match percent {
        Some(group) => found[group].parse().ok()?,
        None if total > 0.0 => (done * 100.0 / total).min(100.0),
        None => return None,
    };
    Some(Reading { done, total, percent: share })
}

/// The units that logs have, the largest first.
pub(super) const UNITS: [(&str, f64); 6] = [
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

#[cfg(test)]
mod tests {
    use super::*;

    const GIB: f64 = 1_073_741_824.0;

    #[test]
    fn all_forms_can_be_read() {
        assert_eq!(READ.len(), FORMS.len(), "one of them is no regular expression");
    }

    #[test]
    fn disks_that_are_copied_at_once_are_told_apart() {
        for (line, key, done) in [
            ("mirror-scsi0: transferred 16.0 GiB of 32.0 GiB (50.00%) in 9m 19s", "scsi0", 16.0 * GIB),
            ("drive-virtio1: transferred 32.0 GiB of 32.0 GiB (100.00%) in 1h 2m, ready", "virtio1", 32.0 * GIB),
            ("mirror-scsi0: transferred 0.0 B of 32.0 GiB (0.00%) in 0s", "scsi0", 0.0),
            (
                "2026-11-29 20:33:24 mirror-efidisk0: transferred 8.0 GiB of 32.0 GiB (25.00%) in 1s",
                "efidisk0",
                8.0 * GIB,
            ),
        ] {
            let Some(Told::Disk(told, reading)) = read(line) else { panic!("{line}") };
            assert_eq!((told.as_str(), reading.done, reading.total), (key, done, 32.0 * GIB), "{line}");
        }
    }

    #[test]
    fn every_kind_of_long_task_is_read() {
        let whole = |done: f64, total: f64, percent: f64| Some(Told::Whole(Reading { done, total, percent }));
        for (line, told) in [
            ("transferred 327.7 MiB of 32.0 GiB (1.00%)", whole(327.7 * 1_048_576.0, 32.0 * GIB, 1.0)),
            (
                "2026-11-29 20:33:24 migration active, transferred 3.0 GiB of 4.0 GiB VM-state, 112.0 MiB/s",
                whole(3.0 * GIB, 4.0 * GIB, 75.0),
            ),
            (
                "migration active, transferred 6.0 GiB of 4.0 GiB VM-state, 112.0 MiB/s",
                whole(6.0 * GIB, 4.0 * GIB, 100.0),
            ),
            (
                "INFO:  37% (12.0 GiB of 32.0 GiB) in 3m 10s, read: 75.2 MiB/s, write: 70.1 MiB/s",
                whole(12.0 * GIB, 32.0 * GIB, 37.0),
            ),
            ("progress 25% (read 8589934592 bytes, duration 31 sec)", whole(8.0 * GIB, 32.0 * GIB, 25.0)),
            ("Length: 383216640 (365M) [application/octet-stream]", Some(Told::Size(383_216_640.0))),
            ("  51200K ........ ........ ........ ........ 37% 4.90M 64s", Some(Told::Share(37.0))),
            ("     0K                                    100%  652M=0s", Some(Told::Share(100.0))),
        ] {
            assert_eq!(read(line), told, "{line}");
        }
    }

    #[test]
    fn other_lines_tell_nothing() {
        for line in [
            // The end of a move, after all was copied.
            "Removing image: 10% complete...",
            "mirror-scsi0: Completed successfully.",
            "INFO: status = running",
            "progress 0% (read 0 bytes, duration 0 sec)",
            "Length: unspecified [text/html]",
        ] {
            assert_eq!(read(line), None, "{line}");
        }
    }
}
