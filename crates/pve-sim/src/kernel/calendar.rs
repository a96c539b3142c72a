//! Calendar events: when jobs run. `mon..fri 02:30`, `*/15`, `*-*-1 4:00`, `weekly`.
//!
//! Belief: the documentation of PVE's calendar events; a few were recorded. All nodes are in UTC.

use std::ops::RangeInclusive;

use jiff::civil::{Date, Weekday};
use jiff::{Timestamp, tz::TimeZone};

/// One value, a range, or a beginning and a step, of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Part {
    from: i16,
    to: i16,
    step: i16,
}

/// A field's parts; none means any value.
type Field = Vec<Part>;

/// A calendar event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Calendar {
    /// By number from Monday; none means any.
    days: Vec<i16>,
    years: Field,
    months: Field,
    month_days: Field,
    hours: Field,
    minutes: Field,
    seconds: Field,
}

/// How far ahead is looked for the next time.
const DAYS_AHEAD: usize = 366 * 12;

const DAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

impl Calendar {
    /// Reads one; none if it is none.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim().to_ascii_lowercase();
        let text = text.strip_suffix("utc").map_or(text.as_str(), str::trim_end);
        let written = match text {
            "minutely" => "*:*:0",
            "hourly" => "*:0:0",
            "daily" => "0:0:0",
            "weekly" => "mon 0:0:0",
            "monthly" => "*-*-1 0:0:0",
            "quarterly" => "*-1,4,7,10-1 0:0:0",
            "semiannually" | "semi-annually" => "*-1,7-1 0:0:0",
            "yearly" | "annually" => "*-1-1 0:0:0",
            other => other,
        };
        let mut words = written.split_whitespace().peekable();
        words.peek()?;
        let exactly = |n: i16| vec![Part { from: n, to: n, step: 0 }];
        let mut event = Self {
            days: Vec::new(),
            years: Field::new(),
            months: Field::new(),
            month_days: Field::new(),
            hours: exactly(0),
            minutes: exactly(0),
            seconds: exactly(0),
        };
        if let Some(days) = words.peek().filter(|word| word.starts_with(|c: char| c.is_ascii_alphabetic())) {
            event.days = week_days(days)?;
            words.next();
        }
        if let Some(date) = words.peek().filter(|word| word.contains('-')) {
            let fields: Vec<&str> = date.split('-').collect();
            let (years, months, days) = match fields[..] {
                [months, days] => ("*", months, days),
                [years, months, days] => (years, months, days),
                _ => return None,
            };
            event.years = field(years, 1970..=9999)?;
            event.months = field(months, 1..=12)?;
            event.month_days = field(days, 1..=31)?;
            words.next();
        }
        if let Some(time) = words.next() {
            let fields: Vec<&str> = time.split(':').collect();
            let (hours, minutes, seconds) = match fields[..] {
                // What stands alone are minutes, of every hour.
                [minutes] => ("*", minutes, "0"),
                [hours, minutes] => (hours, minutes, "0"),
                [hours, minutes, seconds] => (hours, minutes, seconds),
                _ => return None,
            };
            event.hours = field(hours, 0..=23)?;
            event.minutes = field(minutes, 0..=59)?;
            event.seconds = field(seconds, 0..=59)?;
        }
        words.next().is_none().then_some(event)
    }

    /// The first time after this one, both in seconds since 1970.
    pub fn next_after(&self, time: i64) -> Option<i64> {
        let after = Timestamp::from_second(time + 1).ok()?.to_zoned(TimeZone::UTC);
        let first = after.date();
        let begun = i64::from(after.hour()) * 3600 + i64::from(after.minute()) * 60 + i64::from(after.second());
        let mut date = first;
        for _ in 0..DAYS_AHEAD {
            if self.is_on(date) {
                let begun = if date == first { begun } else { 0 };
                if let Some(second) = self.second_of_day(begun) {
                    let midnight = date.to_zoned(TimeZone::UTC).ok()?.timestamp().as_second();
                    return Some(midnight + second);
                }
            }
            date = date.tomorrow().ok()?;
        }
        None
    }

    fn is_on(&self, date: Date) -> bool {
        let weekday = i16::from(date.weekday().since(Weekday::Monday));
        (self.days.is_empty() || self.days.contains(&weekday))
            && has(&self.years, date.year())
            && has(&self.months, date.month().into())
            && has(&self.month_days, date.day().into())
    }

    /// The first second of a day that is not before `begun`.
    fn second_of_day(&self, begun: i64) -> Option<i64> {
        let of =
            |field: &Field, most: i16| -> Vec<i64> { (0..=most).filter(|n| has(field, *n)).map(i64::from).collect() };
        let (minutes, seconds) = (of(&self.minutes, 59), of(&self.seconds, 59));
        let times = of(&self.hours, 23).into_iter().flat_map(|hour| {
            let (minutes, seconds) = (&minutes, &seconds);
            minutes.iter().flat_map(move |minute| seconds.iter().map(move |second| hour * 3600 + minute * 60 + second))
        });
        // In order, since each field is.
        times.into_iter().find(|second| *second >= begun)
    }
}

fn has(field: &Field, value: i16) -> bool {
    let is = |part: &Part| {
        (part.from..=part.to).contains(&value) && (part.step == 0 || (value - part.from) % part.step == 0)
    };
    field.is_empty() || field.iter().any(is)
}

fn field(text: &str, range: RangeInclusive<i16>) -> Option<Field> {
    let number = |text: &str| {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse::<i16>().ok().filter(|number| digits && range.contains(number))
    };
    let mut parts = Field::new();
    for item in text.split(',') {
        let (value, step) = match item.split_once('/') {
            Some((value, step)) => (value, step.parse::<i16>().ok().filter(|step| *step > 0)?),
            None => (item, 0),
        };
        let (from, to) = match (value, value.split_once("..")) {
            ("*", _) if step == 0 => return Some(Field::new()),
            ("*", _) => (*range.start(), *range.end()),
            (_, Some((from, to))) => (number(from)?, number(to)?),
            (_, None) if step > 0 => (number(value)?, *range.end()),
            (_, None) => (number(value)?, number(value)?),
        };
        if from > to {
            return None;
        }
        parts.push(Part { from, to, step: if from < to { step.max(1) } else { 0 } });
    }
    Some(parts)
}

fn week_days(text: &str) -> Option<Vec<i16>> {
    let day = |text: &str| {
        let short = text.len() == 3;
        let at = DAYS.iter().position(|day| *day == text || (short && day.starts_with(text)))?;
        i16::try_from(at).ok()
    };
    let mut found = Vec::new();
    for item in text.split(',') {
        match item.split_once("..") {
            Some((from, to)) => {
                let (from, to) = (day(from)?, day(to)?);
                if from > to {
                    return None;
                }
                found.extend(from..=to);
            }
            None => found.push(day(item)?),
        }
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(event: &str, after: i64) -> Option<i64> {
        Calendar::parse(event).and_then(|event| event.next_after(after))
    }

    #[test]
    fn times_are_those_that_were_recorded() {
        // The first two from `schedule-analyze`, the others from the list of jobs, on 2026-11-29 at 21:30.
        assert_eq!(next("mon..fri 02:00", 1_700_000_000), Some(1_700_013_600));
        assert_eq!(next("mon..fri 02:00", 1_700_013_600), Some(1_700_100_000));
        let now = 1_795_983_900;
        for (event, at) in [("daily", 1_795_996_800), ("sat 02:00", 1_796_436_000), ("mon,tue 02:00", 1_796_004_000)] {
            assert_eq!(next(event, now), Some(at), "{event}");
        }
        assert_eq!(next("*:0/30", 1_795_983_100), Some(1_795_984_200));
    }

    #[test]
    fn forms_are_those_of_the_documentation() {
        let midnight = 1_700_006_400; // A Wednesday.
        for (event, after) in [
            ("*/15", 900),
            ("30/10", 1800),
            ("8..17,22:0/15", 8 * 3600),
            ("fri 12..13:5/20", 2 * 86_400 + 12 * 3600 + 300),
            ("12,14,16,18,20,22:5", 12 * 3600 + 300),
            ("*:*:7", 7),
            ("minutely", 60),
            ("hourly", 3600),
            ("weekly", 5 * 86_400),
            ("*-*-1 4:00", 16 * 86_400 + 4 * 3600),
            ("12-24", 39 * 86_400),
            ("wednesday 1:00 UTC", 3600),
        ] {
            assert_eq!(next(event, midnight), Some(midnight + after), "{event}");
        }
        assert_eq!(next("2020-1-1", midnight), None, "it has been");
        for bad in ["", "bogus", "25:00", "fri..mon", "mon..", "1:2:3:4", "daily x", "*/0", "13-1", "5..2", "mo 1:00"] {
            assert_eq!(Calendar::parse(bad), None, "{bad}");
        }
    }
}
