//! What faults leave behind for a while: endpoints out of reach, clocks that are wrong.

use std::collections::BTreeMap;
use std::time::Duration;

use super::effect::OutageKind;
use crate::cluster::Cluster;
use crate::kernel::clock::Time;
use crate::shape::parse_duration;

/// By how much a clock is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Skew {
    /// It is ahead.
    Ahead(Duration),
    /// It is behind.
    Behind(Duration),
}

impl Skew {
    /// From `1h` or `-1h`.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        match text.strip_prefix('-') {
            Some(span) => parse_duration(span).map(Skew::Behind),
            None => parse_duration(text).map(Skew::Ahead),
        }
    }

    fn applied(self, now: Time) -> Time {
        match self {
            Skew::Ahead(span) => now + span,
            Skew::Behind(span) => now.earlier(span),
        }
    }
}

/// How an endpoint is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Not at all: its port refuses connections.
    Refuses,
    /// As it should be.
    Well,
    /// Somebody else's certificate is shown.
    Impostor,
    /// What listens there does not speak TLS.
    Garbage,
}

/// What is out of order, by node.
#[derive(Debug, Default)]
pub(crate) struct Lasting {
    /// With the number of the outage, so that the end of an earlier one does not end a later one.
    outages: BTreeMap<String, (OutageKind, u64)>,
    begun: u64,
    skews: BTreeMap<String, Skew>,
}

impl Lasting {
    pub(super) fn skew(&mut self, node: &str, skew: Skew) {
        self.skews.insert(node.to_owned(), skew);
    }

    /// Puts everything in order again.
    pub(crate) fn clear(&mut self) {
        self.outages.clear();
        self.skews.clear();
    }
}

impl Cluster {
    /// The time that a node's clock shows.
    pub(crate) fn clock_of(&self, node: &str) -> Time {
        self.lasting.skews.get(node).map_or(self.now, |skew| skew.applied(self.now))
    }

    /// How a node's endpoint is reached now.
    pub(crate) fn reach(&self, node: &str) -> Reach {
        match self.lasting.outages.get(node) {
            _ if !self.is_on(node) => Reach::Refuses,
            None => Reach::Well,
            Some((OutageKind::Refused, _)) => Reach::Refuses,
            Some((OutageKind::Certificate, _)) => Reach::Impostor,
            Some((OutageKind::Garbage, _)) => Reach::Garbage,
        }
    }

    /// How all endpoints are reached, to see whether something has changed.
    pub(crate) fn reaches(&self) -> Vec<Reach> {
        let singles = self.singles.names();
        let members = self.nodes.iter().map(|node| &node.name);
        members.chain(singles).map(|node| self.reach(node)).collect()
    }

    /// Puts endpoints out of reach for a while.
    pub(crate) fn begin_outage(&mut self, nodes: Vec<String>, kind: OutageKind, span: Duration) {
        self.lasting.begun += 1;
        let number = self.lasting.begun;
        for node in &nodes {
            self.lasting.outages.insert(node.clone(), (kind, number));
        }
        self.after(span, move |cluster| cluster.lasting.outages.retain(|_, (_, known)| *known != number));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outage_ends_and_a_later_one_is_not_ended_with_it() {
        let mut cluster = Cluster::for_tests();
        let pass = |cluster: &mut Cluster, seconds| cluster.run_until(cluster.now + Duration::from_secs(seconds));
        cluster.begin_outage(vec!["pve1".to_owned()], OutageKind::Refused, Duration::from_secs(10));
        assert_eq!((cluster.reach("pve1"), cluster.reach("pve2")), (Reach::Refuses, Reach::Well));
        pass(&mut cluster, 5);
        cluster.begin_outage(vec!["pve1".to_owned()], OutageKind::Garbage, Duration::from_secs(10));
        pass(&mut cluster, 8);
        assert_eq!(cluster.reach("pve1"), Reach::Garbage);
        pass(&mut cluster, 8);
        assert_eq!(cluster.reach("pve1"), Reach::Well);
        cluster.begin_outage(vec!["pve1".to_owned()], OutageKind::Certificate, Duration::from_secs(10));
        cluster.set_power("pve1", false);
        assert_eq!(cluster.reach("pve1"), Reach::Refuses);
        cluster.set_power("pve1", true);
        assert_eq!(cluster.reach("pve1"), Reach::Impostor);
        cluster.lasting.clear();
        assert_eq!(cluster.reach("pve1"), Reach::Well);
    }

    #[test]
    fn clocks_are_wrong_in_both_directions() {
        let mut cluster = Cluster::for_tests();
        for (text, expected) in [("1h", 3600), ("-1h", -3600)] {
            cluster.lasting.skew("pve2", Skew::parse(text).unwrap());
            let unix = |time: Time| i64::try_from(time.unix()).unwrap();
            assert_eq!(unix(cluster.clock_of("pve2")) - unix(cluster.now), expected);
            assert_eq!(cluster.clock_of("pve1"), cluster.now);
        }
    }
}
