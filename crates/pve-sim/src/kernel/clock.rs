//! The simulated clock: one for the whole cluster, a factor faster than the real one, or standing still.
//!
//! Everything that PVE measures in seconds (tickets, task times, HA rounds, heartbeats) reads this clock, so that two
//! hours pass in two minutes and a test can put the clock forward by hand.

use std::fmt;
use std::time::{Duration, Instant};

/// A moment of the simulated clock, in microseconds since the Unix epoch.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(u64);

impl Time {
    /// The moment `secs` seconds after the Unix epoch.
    pub const fn from_unix(secs: u64) -> Self {
        Time(secs * 1_000_000)
    }

    /// Whole seconds since the Unix epoch, as PVE writes times.
    pub const fn unix(self) -> u64 {
        self.0 / 1_000_000
    }

    /// Seconds since the Unix epoch with their fraction.
    pub fn seconds(self) -> f64 {
        self.0 as f64 / 1e6
    }

    /// How long ago `earlier` was; zero if it lies ahead.
    pub fn since(self, earlier: Time) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }

    /// The moment this long before.
    pub fn earlier(self, span: Duration) -> Time {
        Time(self.0.saturating_sub(u64::try_from(span.as_micros()).unwrap_or(u64::MAX)))
    }

    /// RFC 1123 in GMT, as the `Date` header has it.
    pub fn http_date(self) -> String {
        self.format("%a, %d %b %Y %H:%M:%S GMT")
    }

    /// Formatted in UTC with `strftime` directives; PVE's own status lines use `%a %b %e %H:%M:%S %Y`.
    pub fn format(self, directives: &str) -> String {
        match jiff::Timestamp::from_second(i64::try_from(self.unix()).unwrap_or(i64::MAX)) {
            Ok(stamp) => stamp.strftime(directives).to_string(),
            Err(_) => String::new(),
        }
    }
}

impl std::ops::Add<Duration> for Time {
    type Output = Time;
    fn add(self, span: Duration) -> Time {
        Time(self.0.saturating_add(u64::try_from(span.as_micros()).unwrap_or(u64::MAX)))
    }
}

impl fmt::Debug for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.format("%Y-%m-%dT%H:%M:%SZ"))
    }
}

/// Translates real time into simulated time.
#[derive(Debug)]
pub struct Clock {
    factor: f64,
    /// The simulated moment at `real`.
    base: Time,
    real: Instant,
}

impl Clock {
    /// A clock that begins at `start` and runs `factor` simulated seconds per real second; 0 stands still.
    pub fn new(start: Time, factor: f64) -> Self {
        Clock { factor: factor.max(0.0), base: start, real: Instant::now() }
    }

    /// The simulated moment now.
    pub fn now(&self) -> Time {
        self.base + self.real.elapsed().mul_f64(self.factor)
    }

    /// Simulated seconds per real second.
    pub fn factor(&self) -> f64 {
        self.factor
    }

    /// Whether the clock moves by [`Clock::advance`] only.
    pub fn stands_still(&self) -> bool {
        self.factor == 0.0
    }

    /// Puts the clock forward.
    pub fn advance(&mut self, span: Duration) {
        self.base = self.base + span;
    }

    /// The real time until `moment`; `None` if only [`Clock::advance`] can bring it about.
    pub fn real_until(&self, moment: Time) -> Option<Duration> {
        let ahead = moment.since(self.now());
        if ahead.is_zero() {
            Some(Duration::ZERO)
        } else if self.stands_still() {
            None
        } else {
            // One microsecond more, so that rounding never wakes a sleeper just before its moment.
            Some(ahead.div_f64(self.factor) + Duration::from_micros(1))
        }
    }
}
