//! What was tried: a line for each fault, in a file for each area that is kept with the sources.
//!
//! `VERDICT<TAB>DATE<TAB>FAULT<TAB>NOTE`, sorted by the fault. The verdicts: `caught`, with the test that failed;
//! `mended`, which survived until that test was written; `missed`, with the reason why no test has to notice it, or
//! without one as long as nobody has looked; `unviable`, which does not build.

use std::collections::{BTreeMap, HashSet};
use std::fmt::Write as _;
use std::fs;

use anyhow::{Context as _, Result, bail, ensure};

use super::area::Area;
use super::judge::Verdict;
use super::machine::Fault;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Word {
    Caught,
    Mended,
    Missed,
    Unviable,
}

/// What is known of a fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) word: Word,
    date: String,
    pub(super) note: String,
}

/// All that was tried in an area, by the faults' lasting names.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Record(pub(super) BTreeMap<String, Line>);

/// How many came to which end.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Count {
    pub(super) caught: usize,
    pub(super) mended: usize,
    pub(super) excused: usize,
    pub(super) open: usize,
    pub(super) unviable: usize,
}

impl Word {
    const ALL: [(Self, &str); 4] =
        [(Self::Caught, "caught"), (Self::Mended, "mended"), (Self::Missed, "missed"), (Self::Unviable, "unviable")];

    fn text(self) -> &'static str {
        Self::ALL.iter().find(|(word, _)| *word == self).map_or("", |(_, text)| text)
    }
}

impl Line {
    /// Survived, and nobody has said why it may.
    pub(super) fn is_open(&self) -> bool {
        self.word == Word::Missed && self.note.is_empty()
    }
}

impl Record {
    pub(super) fn load(area: Area) -> Result<Self> {
        let file = area.record();
        match fs::read_to_string(&file) {
            Ok(text) => Self::parse(&text).with_context(|| file.display().to_string()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(error).with_context(|| file.display().to_string()),
        }
    }

    pub(super) fn store(&self, area: Area) -> Result<()> {
        let file = area.record();
        fs::create_dir_all(file.parent().context("no folder")?)?;
        fs::write(&file, self.text()).with_context(|| file.display().to_string())
    }

    /// Forgets what cannot be made any more, since its lines have gone.
    pub(super) fn keep(&mut self, faults: &[Fault]) {
        let keys: HashSet<&str> = faults.iter().map(|fault| fault.key.as_str()).collect();
        self.0.retain(|key, _| keys.contains(key.as_str()));
    }

    /// Notes what became of a fault. What had survived before and is caught now is mended.
    pub(super) fn note(&mut self, fault: &Fault, verdict: &Verdict) {
        let before = self.0.get(&fault.key);
        let had_survived = before.is_some_and(|line| matches!(line.word, Word::Missed | Word::Mended));
        let (word, note) = match verdict {
            Verdict::Caught(by) if had_survived => (Word::Mended, by.clone()),
            Verdict::Caught(by) => (Word::Caught, by.clone()),
            // A reason stays.
            Verdict::Missed => {
                let reason = before.filter(|line| line.word == Word::Missed).map(|line| line.note.clone());
                (Word::Missed, reason.unwrap_or_default())
            }
            Verdict::Unviable => (Word::Unviable, String::new()),
            Verdict::Untried => return,
        };
        let date = jiff::Zoned::now().date().to_string();
        self.0.insert(fault.key.clone(), Line { word, date, note });
    }

    pub(super) fn count<'a>(lines: impl IntoIterator<Item = &'a Line>) -> Count {
        let mut count = Count::default();
        for line in lines {
            *match line.word {
                Word::Caught => &mut count.caught,
                Word::Mended => &mut count.mended,
                Word::Missed if line.is_open() => &mut count.open,
                Word::Missed => &mut count.excused,
                Word::Unviable => &mut count.unviable,
            } += 1;
        }
        count
    }

    fn parse(text: &str) -> Result<Self> {
        let mut lines = BTreeMap::new();
        for (number, text) in text.lines().enumerate() {
            let fields: Vec<&str> = text.split('\t').collect();
            let [word, date, key, note] = fields[..] else { bail!("line {}: not four fields", number + 1) };
            let word = Word::ALL.iter().find(|(_, text)| *text == word);
            let (word, _) = word.with_context(|| format!("line {}: no such verdict", number + 1))?;
            let line = Line { word: *word, date: date.to_owned(), note: note.to_owned() };
            ensure!(lines.insert(key.to_owned(), line).is_none(), "line {}: {key} for the second time", number + 1);
        }
        Ok(Self(lines))
    }

    fn text(&self) -> String {
        self.0.iter().fold(String::new(), |mut text, (key, Line { word, date, note })| {
            let _ = writeln!(text, "{}\t{date}\t{key}\t{note}", word.text());
            text
        })
    }
}

impl Count {
    /// All that could be caught.
    pub(super) fn viable(&self) -> usize {
        self.caught + self.mended + self.excused + self.open
    }

    /// How many of a hundred were caught at once.
    pub(super) fn share(&self) -> f64 {
        if self.viable() == 0 { 100.0 } else { self.caught as f64 * 100.0 / self.viable() as f64 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(key: &str) -> Fault {
        let mut fault: Fault = serde_json::from_str(r#"{"name": "n", "package": "p"}"#).unwrap();
        fault.key = key.to_owned();
        fault
    }

    #[test]
    fn what_is_written_is_what_is_read() {
        let mut record = Record::default();
        record.note(&fault("a: b"), &Verdict::Caught("t::x".into()));
        record.note(&fault("a: b (2)"), &Verdict::Missed);
        record.note(&fault("c"), &Verdict::Unviable);
        record.note(&fault("d"), &Verdict::Untried);
        assert_eq!(record.0.len(), 3);
        assert_eq!(Record::parse(&record.text()).unwrap(), record);
        for bad in ["caught\t2026-01-01\tx", "lost\t2026-01-01\tx\t", "caught\td\tx\t\nmissed\td\tx\t"] {
            assert!(Record::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_survived_once_is_mended_and_a_reason_stays() {
        let (one, two) = (fault("one"), fault("two"));
        let mut record = Record::parse("missed\td\tone\t\nmissed\td\ttwo\tthe same by both roads\n").unwrap();
        assert!(record.0["one"].is_open() && !record.0["two"].is_open());
        record.note(&one, &Verdict::Caught("t".into()));
        record.note(&two, &Verdict::Missed);
        record.note(&one, &Verdict::Caught("u".into()));
        assert_eq!((record.0["one"].word, record.0["two"].note.as_str()), (Word::Mended, "the same by both roads"));
        let count = Record::count(record.0.values());
        assert_eq!(count, Count { mended: 1, excused: 1, ..Count::default() });
        assert_eq!((count.viable(), count.share()), (2, 0.0));
        record.keep(&[two]);
        assert_eq!(record.0.keys().collect::<Vec<_>>(), ["two"]);
    }

    #[test]
    fn whatever_survived_has_a_reason() {
        for area in Area::ALL {
            let record = Record::load(area).unwrap();
            let open: Vec<&String> = record.0.iter().filter(|(_, line)| line.is_open()).map(|(key, _)| key).collect();
            assert!(open.is_empty(), "a test or a reason is missing: {open:#?}");
        }
    }
}
