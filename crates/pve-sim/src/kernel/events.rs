//! What happens by itself: a queue of events ordered by (time, order of entry), so that equal inputs give equal runs.

use std::collections::BTreeMap;
use std::time::Duration;

use super::clock::Time;
use crate::cluster::Cluster;

/// Something that happens to the cluster at a moment.
pub type Event = Box<dyn FnOnce(&mut Cluster) + Send>;

/// The events to come.
#[derive(Default)]
pub struct Events {
    queue: BTreeMap<(Time, u64), Event>,
    entered: u64,
}

impl Events {
    /// When the next event is due.
    pub fn next_due(&self) -> Option<Time> {
        self.queue.first_key_value().map(|((time, _), _)| *time)
    }

    fn push(&mut self, time: Time, event: Event) {
        self.entered += 1;
        self.queue.insert((time, self.entered), event);
    }
}

/// Time and what happens in it.
impl Cluster {
    /// Lets `event` happen once, `span` simulated time from now.
    pub fn after(&mut self, span: Duration, event: impl FnOnce(&mut Cluster) + Send + 'static) {
        self.events.push(self.now + span, Box::new(event));
    }

    /// Lets `event` happen in rounds, the first one `period` from now, for as long as the cluster exists.
    pub fn every(&mut self, period: Duration, event: impl FnMut(&mut Cluster) + Send + 'static) {
        fn round(cluster: &mut Cluster, period: Duration, mut event: impl FnMut(&mut Cluster) + Send + 'static) {
            cluster.after(period, move |cluster| {
                event(cluster);
                round(cluster, period, event);
            });
        }
        round(self, period, event);
    }

    /// Carries out what is due until `until`, in order, and sets the cluster's time to it.
    pub fn run_until(&mut self, until: Time) {
        while let Some(entry) = self.events.queue.first_entry() {
            let (time, _) = *entry.key();
            if time > until {
                break;
            }
            let event = entry.remove();
            self.now = self.now.max(time);
            event(self);
        }
        self.now = self.now.max(until);
        self.run_singles(until);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[test]
    fn events_happen_in_order_of_time_then_of_entry_also_when_they_make_new_ones() {
        let mut cluster = Cluster::for_tests();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let note = |name: &'static str| {
            let seen = seen.clone();
            move |c: &mut Cluster| seen.lock().unwrap().push((name, c.now.unix()))
        };
        let start = cluster.now.unix();
        cluster.after(Duration::from_secs(5), note("later"));
        cluster.after(Duration::from_secs(2), note("first"));
        cluster.after(Duration::from_secs(2), note("second"));
        let inner = note("from within");
        cluster.after(Duration::from_secs(2), move |c| c.after(Duration::from_secs(1), inner));
        cluster.run_until(cluster.now + Duration::from_secs(4));
        let want = vec![("first", start + 2), ("second", start + 2), ("from within", start + 3)];
        assert_eq!(*seen.lock().unwrap(), want);
        assert_eq!(cluster.now.unix(), start + 4);
    }

    #[test]
    fn a_round_comes_back_every_period() {
        let mut cluster = Cluster::for_tests();
        let count = Arc::new(Mutex::new(0));
        let counted = count.clone();
        cluster.every(Duration::from_secs(10), move |_| *counted.lock().unwrap() += 1);
        cluster.run_until(cluster.now + Duration::from_secs(35));
        assert_eq!(*count.lock().unwrap(), 3);
    }
}
