//! The figures with their goals.

use anyhow::Result;
use serde_json::{Value, json};

use super::refresh::{self, Refresh, Refreshed};
use super::startup::Startup;

/// What should be reached on two cores, release build.
const HANDSHAKE_MS: f64 = 3.0;
const SCHEMA_MS: f64 = 8.0;
const IDLE_MIB: f64 = 10.0;
const REFRESHED_MIB: f64 = 20.0;
const BINARY_MIB: f64 = 16.0;
const KIB_A_MACHINE: f64 = 30.0;
const CONNECTIONS: usize = 4;
/// Share of the floor that a plan may take at 5 ms a request: over objects that lists tell, and over machines, each of which
/// has a request of its own.
const OVER_FLOOR: f64 = 1.3;
const OVER_FLOOR_EACH: f64 = 1.5;

/// Everything that was measured.
pub(super) struct Report {
    pub(super) startup: Startup,
    pub(super) binary_mib: f64,
    /// None for a provider that does not know the objects.
    pub(super) refreshed: Option<Refreshed>,
}

impl Report {
    /// A line a figure.
    pub(super) fn print(&self) {
        line("spawn to handshake line", self.startup.handshake_ms, HANDSHAKE_MS, "ms");
        line("connect and first schema", self.startup.schema_ms, SCHEMA_MS, "ms");
        line("resident when idle", self.startup.idle_mib, IDLE_MIB, "MiB");
        println!("{:<44} {:>8} MiB", "resident after the first schema", round(self.startup.schema_mib));
        if let Some(refreshed) = &self.refreshed {
            line("resident after a refresh of all objects", refreshed.memory_mib(), REFRESHED_MIB, "MiB");
            if let Some(kib) = refreshed.kib_a_machine() {
                line("more for each further machine", kib, KIB_A_MACHINE, "KiB");
            }
        }
        line("binary", self.binary_mib, BINARY_MIB, "MiB");
        for plan in self.refreshed.iter().flat_map(|refreshed| &refreshed.plans) {
            println!("plan over {} {}, {} ms a request:", plan.n, plan.objects, plan.latency_ms);
            line("    requests", plan.requests as f64, plan.scene.request_limit() as f64, "");
            line("    connections", plan.connections as f64, connections_allowed(plan) as f64, "");
            let (wall, floor) = (plan.wall_ms, plan.floor_ms);
            println!("    {:<40} {wall:>8.0} ms, {floor:.0} ms of it without a provider's work", "time");
            let goal = if plan.scene.vms > 0 { OVER_FLOOR_EACH } else { OVER_FLOOR };
            line("    time over that floor", wall / floor, goal, "times");
        }
        if self.refreshed.is_none() {
            println!("no plans: the provider does not know the objects");
        }
    }

    /// As scripts want it.
    pub(super) fn json(&self) -> Result<Value> {
        Ok(json!({
            "spawn_to_handshake_ms": round(self.startup.handshake_ms),
            "schema_ms": round(self.startup.schema_ms),
            "rss_idle_mib": round(self.startup.idle_mib),
            "rss_after_schema_mib": round(self.startup.schema_mib),
            "rss_after_500_mib": self.refreshed.as_ref().map(|refreshed| round(refreshed.memory_mib())),
            "kib_a_machine": self.refreshed.as_ref().and_then(Refreshed::kib_a_machine).map(round),
            "binary_mib": round(self.binary_mib),
            "refresh": refresh::json(self.refreshed.as_ref())?,
        }))
    }

    /// How many times as much of everything it needs as the other one, by the names of the JSON; what only one of them was
    /// measured for is left out.
    pub(super) fn ratios(&self, other: &Self) -> Vec<(String, f64)> {
        let mut all = vec![
            ("spawn_to_handshake_ms".to_owned(), self.startup.handshake_ms, other.startup.handshake_ms),
            ("schema_ms".to_owned(), self.startup.schema_ms, other.startup.schema_ms),
            ("rss_idle_mib".to_owned(), self.startup.idle_mib, other.startup.idle_mib),
            ("rss_after_schema_mib".to_owned(), self.startup.schema_mib, other.startup.schema_mib),
            ("binary_mib".to_owned(), self.binary_mib, other.binary_mib),
        ];
        if let (Some(ours), Some(theirs)) = (&self.refreshed, &other.refreshed) {
            all.push(("rss_after_500_mib".to_owned(), ours.memory_mib(), theirs.memory_mib()));
            for plan in &ours.plans {
                let same = |other: &&Refresh| other.scene == plan.scene && other.latency_ms == plan.latency_ms;
                if let Some(other) = theirs.plans.iter().find(same) {
                    let of =
                        |what: &str| format!("refresh {} {} at {} ms: {what}", plan.n, plan.objects, plan.latency_ms);
                    all.push((of("wall_ms"), plan.wall_ms, other.wall_ms));
                    all.push((of("requests"), plan.requests as f64, other.requests as f64));
                }
            }
        }
        all.into_iter().map(|(what, ours, theirs)| (what, (ours / theirs * 1000.0).round() / 1000.0)).collect()
    }

    /// Whether no plan needed more requests than it may.
    pub(super) fn within_request_limits(&self) -> bool {
        let mut plans = self.refreshed.iter().flat_map(|refreshed| &refreshed.plans);
        plans.all(|plan| plan.requests <= plan.scene.request_limit())
    }
}

/// PVE closes a connection after 100 requests, and another takes its place.
fn connections_allowed(plan: &Refresh) -> usize {
    CONNECTIONS + plan.requests / 100
}

fn line(what: &str, value: f64, goal: f64, unit: &str) {
    let verdict = if value <= goal { "reached" } else { "MISSED" };
    println!("{what:<44} {:>8} {unit:<6} goal {goal} {verdict}", round(value));
}

fn round(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use acceptance_tests::Scene;

    use super::*;

    fn report(factor: f64, scenes: &[Scene]) -> Report {
        let plan = |scene: &Scene| Refresh {
            scene: *scene,
            objects: scene.kinds(),
            n: scene.objects(),
            latency_ms: 5,
            requests: 10,
            connections: 4,
            wall_ms: 300.0 * factor,
            floor_ms: 200.0,
        };
        let startup =
            Startup { handshake_ms: 2.0 * factor, schema_ms: 4.0 * factor, idle_mib: 7.0, schema_mib: 11.0 * factor };
        let plans: Vec<_> = scenes.iter().map(plan).collect();
        let refreshed =
            (!plans.is_empty()).then(|| Refreshed::of(plans, scenes.iter().map(|scene| (*scene, 13.0)).collect()));
        Report { startup, binary_mib: 13.0 * factor, refreshed }
    }

    #[test]
    fn two_providers_are_compared_in_what_both_were_measured_for() {
        let ours = report(1.0, &[Scene::LISTED, Scene::MIXED]);
        let ratios: std::collections::BTreeMap<_, _> = ours.ratios(&report(4.0, &[Scene::MIXED])).into_iter().collect();
        assert_eq!((ratios["schema_ms"], ratios["rss_idle_mib"], ratios["rss_after_500_mib"]), (0.25, 1.0, 1.0));
        let plans: Vec<_> = ratios.iter().filter(|(what, _)| what.starts_with("refresh")).collect();
        let of = |what: &str| format!("refresh 75 {} at 5 ms: {what}", Scene::MIXED.kinds());
        assert_eq!(plans, [(&of("requests"), &1.0), (&of("wall_ms"), &0.25)]);
        assert_eq!(report(3.0, &[]).ratios(&ours).len(), 5, "one that knows none of the objects");
    }

    #[test]
    fn what_a_machine_costs_is_the_slope() {
        let memory = vec![(Scene::LISTED, 13.0), (Scene::MACHINES, 12.0), (Scene::FLEET, 30.0)];
        let refreshed = Refreshed::of(Vec::new(), memory);
        assert_eq!((refreshed.memory_mib(), refreshed.kib_a_machine()), (13.0, Some(20.48)));
        assert_eq!(Refreshed::of(Vec::new(), vec![(Scene::LISTED, 13.0)]).kib_a_machine(), None);
    }
}
