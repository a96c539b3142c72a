//! Somebody at work with Terraform: a configuration as text, commands one after the other, and what they say. Tests that are
//! moved here from those with a real Terraform read as they did there (`acceptance_tests::Workspace`).

use std::fmt::Write as _;
use std::time::Duration;

use acceptance_tests::{Seen, Web};
use pve_sim::kernel::world::World;
use pve_sim::shape::Shape;
use pve_sim::{Options, Sim};
use serde_json::{Value as Json, json};
use terraform_core::{Action, Address, Config, Diagnostic, Diagnostics, Plan, PlanOptions};
use terraform_plugin::StopReason;

use super::lives::Bench;

/// Whoever waits for something in the cluster gives up after so long.
const PATIENCE: Duration = Duration::from_secs(60);

/// A cluster, and somebody's workspace for it.
pub(super) struct Work {
    pub(super) bench: Bench,
    pub(super) site: Site,
    text: String,
}

/// The cluster, as seen by whoever has it in the next room.
#[derive(Clone)]
pub(super) struct Site(World);

/// What a command said, and whether it did what it was to do.
#[derive(Debug)]
pub(super) struct Said {
    pub(super) ok: bool,
    text: String,
    /// What was done, or is planned.
    done: Vec<(String, Action)>,
    /// Whether there is nothing to do, to take over or to rename.
    empty: bool,
}

impl Work {
    /// A cluster of this shape; an hour takes a minute there.
    pub(super) async fn of(shape: &str) -> Self {
        Self::at(shape, 60.0).await
    }

    /// The same, where time goes so many times as fast as here.
    pub(super) async fn at(shape: &str, factor: f64) -> Self {
        let shape = Shape::from_yaml(shape).unwrap();
        Self::with(Options { shape, factor, ..Options::default() }).await
    }

    /// A cluster with these options.
    pub(super) async fn with(options: Options) -> Self {
        let shape = Shape { web: Web::everywhere(), ..options.shape };
        let sim = Sim::start(Options { seed: Some(1), shape, ..options }).await.unwrap();
        Self::in_front_of(Bench::at(sim.into()).await)
    }

    fn in_front_of(bench: Bench) -> Self {
        Self { site: Site(bench.sim.world.clone()), bench, text: String::new() }
    }

    /// Somebody else, who works with the same cluster.
    pub(super) async fn colleague(&self) -> Self {
        Self::in_front_of(Bench::at(self.bench.sim.clone()).await)
    }

    /// The whole configuration from now on.
    pub(super) fn write(&mut self, text: &str) {
        text.clone_into(&mut self.text);
    }

    pub(super) fn config(&self) -> Config {
        Config::from_hcl(&self.text).unwrap_or_else(|why| panic!("{why}:\n{}", self.text))
    }

    /// The plan; an error if there is none.
    pub(super) async fn try_plan(&self) -> Said {
        match self.bench.core.plan(&self.config()).await {
            Ok(plan) => Said::planned(&plan),
            Err(said) => Said::not_done(&said, Vec::new()),
        }
    }

    /// The plan, which can be made.
    pub(super) async fn plan(&self) -> Said {
        self.try_plan().await.succeeded()
    }

    pub(super) async fn apply(&mut self) -> Said {
        self.carry_out(&PlanOptions::default()).await
    }

    pub(super) async fn destroy(&mut self) -> Said {
        self.carry_out(&PlanOptions { destroy: true, ..PlanOptions::default() }).await
    }

    async fn carry_out(&mut self, options: &PlanOptions) -> Said {
        let plan = match self.bench.core.plan_with(&self.config(), options).await {
            Ok(plan) => plan,
            Err(said) => return Said::not_done(&said, Vec::new()),
        };
        let actions = plan.actions();
        match self.bench.core.apply_plan(plan).await {
            Ok(applied) => Said { empty: false, ok: true, text: told(&[], &applied.warnings), done: applied.done },
            Err(said) => Said::not_done(&said, actions),
        }
    }

    /// Ctrl-C in the terminal of whatever command runs by then.
    pub(super) fn interrupter(&self) -> impl Fn() + use<> {
        let stop = self.bench.stop.clone();
        move || stop.lock().unwrap().stop(StopReason::Asked)
    }

    /// The same as [`Self::apply`], with a provider that is killed as soon as a fault holds one of its requests.
    pub(super) async fn apply_until_killed(&mut self) -> Said {
        let config = self.config();
        let end = self.bench.killed(async |core| core.apply(&config).await).await;
        self.let_go().await;
        Said::of(end.map(|applied| applied.done))
    }

    /// The same as [`Self::destroy`], likewise.
    pub(super) async fn destroy_until_killed(&mut self) -> Said {
        let config = self.config();
        let end = self.bench.killed(async |core| core.destroy(&config).await).await;
        self.let_go().await;
        Said::of(end.map(|applied| applied.done))
    }

    /// Ends the faults. What was held is recorded when it is let go.
    async fn let_go(&self) {
        let held = self.site.control("GET", "/faults", &Json::Null)[0]["held"] == true;
        let before = self.site.requests().len();
        self.site.clear_faults();
        if held {
            self.site.until("what was held is let go", |site| site.requests().len() > before).await;
        }
    }

    pub(super) async fn import(&mut self, address: &str, id: &str) -> Said {
        Said::of(self.bench.core.import(address, id).await.map(|_| Vec::new()))
    }

    /// `terraform state rm`.
    pub(super) fn forget(&mut self, address: &str) {
        let kept = self.bench.core.state.instances.remove(&Address::from(address));
        assert!(kept.is_some(), "{address} is not in the state");
    }

    /// An instance as the state holds it: `attributes`, and `status` if it is tainted; null if it does not.
    pub(super) fn instance(&self, address: &str) -> Json {
        let Some(kept) = self.bench.core.state.get(address) else { return Json::Null };
        let attributes: Json = serde_json::from_str(&kept.attributes).unwrap();
        json!({ "attributes": attributes, "status": kept.tainted.then_some("tainted") })
    }

    /// Takes away what the provider has noted in Terraform's data folder.
    pub(super) fn lose_journal(&self) {
        drop(std::fs::remove_dir_all(self.bench.data.path().join("pve-journal")));
    }

    /// How many entries the journal holds.
    pub(super) fn noted(&self) -> usize {
        std::fs::read_dir(self.bench.data.path().join("pve-journal")).map_or(0, Iterator::count)
    }

    /// Applies a `block` made of each row's attributes: it must fail with the row's summary, tell its cure, and leave nothing in
    /// the state. All together must have written nothing.
    pub(super) async fn refused(&mut self, block: impl Fn(&str) -> String, rows: &[(&str, &str, &str)]) {
        for (attributes, summary, cure) in rows {
            self.write(&block(attributes));
            let output = self.apply().await.failed(summary);
            assert!(output.says(cure), "{attributes}: no word of {cure}:\n{}", output.told());
            assert!(self.bench.core.state.is_empty(), "{attributes}: something is in the state");
        }
        assert!(self.site.sent().is_empty(), "{:?}", self.site.sent());
    }
}

impl Site {
    fn control(&self, method: &str, path: &str, body: &Json) -> Json {
        self.0.control(method, path, body).unwrap_or_else(|why| panic!("{method} {path}: {why}"))
    }

    /// What somebody does in the cluster, not by this provider.
    pub(super) fn by_hand<T>(&self, does: impl FnOnce(&mut pve_sim::cluster::Cluster) -> T) -> T {
        self.0.with(does)
    }

    /// Has something go wrong.
    pub(super) fn fault(&self, fault: &Json) {
        self.control("POST", "/faults", fault);
    }

    pub(super) fn clear_faults(&self) {
        self.control("DELETE", "/faults", &Json::Null);
    }

    /// What was asked since that was forgotten.
    pub(super) fn requests(&self) -> Vec<Seen> {
        serde_json::from_value(self.control("GET", "/requests", &Json::Null)).unwrap()
    }

    /// What of it can have changed something.
    pub(super) fn mutations(&self) -> Vec<Seen> {
        self.requests().into_iter().filter(Seen::mutates).collect()
    }

    /// The same, as `POST /nodes/pve1/qemu`.
    pub(super) fn sent(&self) -> Vec<String> {
        self.mutations().iter().map(|seen| format!("{} {}", seen.method, seen.path)).collect()
    }

    pub(super) fn forget_requests(&self) {
        self.control("DELETE", "/requests", &Json::Null);
    }

    /// The whole cluster in a form for comparing two runs.
    pub(super) fn state(&self) -> Json {
        self.control("GET", "/state", &Json::Null)
    }

    /// A setting of a VM that is in force.
    pub(super) fn setting(&self, vmid: u32, key: &str) -> Option<String> {
        self.0.with(|cluster| cluster.guests.get(vmid)?.config.get(key).map(str::to_owned))
    }

    /// The settings of a VM that wait for its next start.
    pub(super) fn waiting(&self, vmid: u32) -> Vec<String> {
        self.0.with(|cluster| {
            let config = cluster.guests.get(vmid).map(|guest| guest.config.clone()).unwrap_or_default();
            config.pending.into_keys().chain(config.pending_delete.into_keys()).collect()
        })
    }

    /// What somebody at the node does with a file: `content`, `link`, or neither to remove it.
    pub(super) fn file(&self, node: &str, file: &Json) {
        self.control("POST", &format!("/nodes/{node}/file"), file);
    }

    pub(super) fn power(&self, node: &str, on: bool) {
        self.control("POST", &format!("/nodes/{node}/power"), &json!({ "on": on }));
    }

    pub(super) fn kill_disk(&self, node: &str, serial: &str) {
        self.control("POST", &format!("/nodes/{node}/disks/{serial}/kill"), &json!({}));
    }

    /// A disk is put in, written as in the cluster's file.
    pub(super) fn put_in(&self, node: &str, disk: &Json) {
        self.control("POST", &format!("/nodes/{node}/disks"), disk);
    }

    /// Lets simulated time pass at once.
    pub(super) fn advance(&self, seconds: u64) {
        self.0.advance(Duration::from_secs(seconds));
    }

    /// Waits for something to happen in the cluster.
    pub(super) async fn until(&self, what: &str, mut happened: impl FnMut(&Self) -> bool) {
        let waiting = async {
            while !happened(self) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(PATIENCE, waiting).await.unwrap_or_else(|_| panic!("waited in vain: {what}"));
    }
}

impl Said {
    fn planned(plan: &Plan) -> Self {
        Self { ok: true, text: told(&[], &plan.warnings), done: plan.actions(), empty: plan.is_empty() }
    }

    fn not_done(said: &Diagnostics, done: Vec<(String, Action)>) -> Self {
        Self { ok: false, text: told(&said.errors, &said.warnings), done, empty: false }
    }

    fn of(end: Result<Vec<(String, Action)>, Diagnostics>) -> Self {
        match end {
            Ok(done) => Self { ok: true, text: String::new(), done, empty: false },
            Err(said) => Self::not_done(&said, Vec::new()),
        }
    }

    /// Itself, if it did what it was to do.
    pub(super) fn succeeded(self) -> Self {
        assert!(self.ok, "{}", self.text);
        self
    }

    /// Itself, if it failed and said why.
    pub(super) fn failed(self, why: &str) -> Self {
        assert!(!self.ok && self.says(why), "should have failed for {why:?}: {}", self.text);
        self
    }

    /// Whether that is somewhere in what it said, however its lines are broken.
    pub(super) fn says(&self, text: &str) -> bool {
        flat(&self.text).contains(&flat(text))
    }

    pub(super) fn told(&self) -> &str {
        &self.text
    }

    /// Whether nothing is planned.
    pub(super) fn is_empty(&self) -> bool {
        self.empty
    }

    /// What is planned for an instance, or was done with it, as a plan in JSON names it.
    pub(super) fn actions(&self, address: &str) -> &'static [&'static str] {
        let of = self.done.iter().find(|(of, _)| of == address);
        of.map_or(Action::NoOp, |(_, action)| *action).names()
    }
}

/// As Terraform shows it, but for its frames.
fn told(errors: &[Diagnostic], warnings: &[Diagnostic]) -> String {
    let mut text = String::new();
    let all = errors.iter().map(|one| ("Error", one)).chain(warnings.iter().map(|one| ("Warning", one)));
    for (severity, Diagnostic { address, path, summary, detail, .. }) in all {
        let _ = writeln!(text, "{severity}: {summary}\n  with {address}, {path}\n{detail}");
    }
    text
}

fn flat(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
