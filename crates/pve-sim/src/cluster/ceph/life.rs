//! What happens by itself as time passes.

use super::crush::ONE;
use super::{Ceph, Time, pools};

/// A started OSD reports itself up.
/// Belief: "a few seconds"; the recordings show 1 to 2 s for a restarted one.
const BOOT: f64 = 2.0;
/// A new OSD takes longer: till then it is nowhere in the tree. Five to ten seconds were observed.
const FIRST_BOOT: f64 = 6.0;
/// A stopped or killed daemon refuses connections, which its peers report at once.
const REFUSED: f64 = 0.7;
/// A frozen or cut-off daemon is noticed by missing heartbeats: the grace (20 s) and the next
/// report; 24 s in the recordings.
const SILENT: f64 = 24.0;
/// A monitor that comes or goes: an election and the lease.
/// Belief: mon_lease 5 s and elections of a second or two.
const ELECTION: f64 = 5.0;

enum Event {
    OsdUp(u32),
    OsdDown(u32),
    OsdOut(u32),
    Mon(usize),
    Mgr(usize),
    Mds(usize),
    PoolStep(u32),
    Recovered,
    Autoscale,
}

impl Ceph {
    /// Lets everything happen that is due by `now`, in order. Going back in time does nothing.
    pub fn advance(&mut self, now: Time) {
        if now < self.now {
            return;
        }
        while let Some((at, event)) = self.next_event().filter(|(at, _)| *at <= now) {
            self.settle_pgs(at);
            self.now = self.now.max(at);
            self.happen(event);
        }
        self.now = now;
        self.settle_pgs(now);
    }

    fn next_event(&self) -> Option<(Time, Event)> {
        let mut next: Option<(Time, Event)> = None;
        let mut offer = |at: Option<Time>, event: Event| {
            if let Some(at) = at
                && next.as_ref().is_none_or(|(first, _)| at < *first)
            {
                next = Some((at, event));
            }
        };
        for (id, osd) in &self.osds {
            if !self.flags.contains("noup") {
                offer(osd.boots_at, Event::OsdUp(*id));
            }
            if !self.flags.contains("nodown") {
                offer(osd.fails_at, Event::OsdDown(*id));
            }
            offer(self.out_due(*id), Event::OsdOut(*id));
        }
        for (i, mon) in self.mons.iter().enumerate() {
            offer(mon.settles_at, Event::Mon(i));
        }
        for (i, mgr) in self.mgrs.iter().enumerate() {
            offer(mgr.settles_at, Event::Mgr(i));
        }
        for (i, mds) in self.mdss.iter().enumerate() {
            offer(mds.daemon.settles_at, Event::Mds(i));
        }
        for (id, pool) in &self.pools {
            offer(pool.next_step, Event::PoolStep(*id));
        }
        if !self.recovery_paused() {
            offer(self.pgs.next_recovery(), Event::Recovered);
        }
        if !self.pools.is_empty() {
            offer(Some(self.next_autoscale), Event::Autoscale);
        }
        next
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::OsdUp(id) => self.osd_boots(id),
            Event::OsdDown(id) => {
                self.mark_down(id);
            }
            Event::OsdOut(id) => self.mark_out_by_itself(id),
            Event::Mon(i) => {
                if let Some(mon) = self.mons.get_mut(i) {
                    mon.settles_at = None;
                    mon.in_quorum = mon.running;
                }
                self.quorum_since = self.now;
            }
            Event::Mgr(i) => {
                if let Some(mgr) = self.mgrs.get_mut(i) {
                    mgr.settles_at = None;
                    mgr.seen = mgr.running;
                }
                self.make_manager_pool();
            }
            Event::Mds(i) => self.mds_settles(i),
            Event::PoolStep(id) => self.pool_step(id),
            Event::Recovered => self.pgs.finish_recovery(self.now),
            Event::Autoscale => {
                if self.manager_answers() {
                    self.autoscale();
                }
                self.next_autoscale = self.now + 60.0;
            }
        }
    }

    fn recovery_paused(&self) -> bool {
        self.flags.contains("norecover") || self.flags.contains("nobackfill")
    }

    fn settle_pgs(&mut self, now: Time) {
        let mut pgs = std::mem::take(&mut self.pgs);
        pgs.settle(self, now);
        self.pgs = pgs;
    }

    // ---- OSDs ----

    /// Starts an OSD's daemon, if it has a disk and a key to start with.
    pub fn start_osd(&mut self, id: u32, now: Time) {
        self.advance(now);
        let able = |osd: &&mut super::Osd| {
            !osd.destroyed && !osd.crippled && osd.device.as_ref().is_none_or(|device| !device.dead)
        };
        if let Some(osd) = self.osds.get_mut(&id).filter(able) {
            osd.running = true;
            osd.fails_at = None;
            if !osd.up {
                osd.boots_at = Some(now + if osd.joins.is_some() { FIRST_BOOT } else { BOOT });
            }
        }
    }

    /// Stops an OSD's daemon in good order: the monitors know within a second.
    pub fn stop_osd(&mut self, id: u32, now: Time) {
        self.lose_osd(id, now, REFUSED);
    }

    /// The daemon freezes or its machine is gone: noticed by missing heartbeats.
    pub fn cut_osd(&mut self, id: u32, now: Time) {
        self.lose_osd(id, now, SILENT);
    }

    fn lose_osd(&mut self, id: u32, now: Time, delay: f64) {
        self.advance(now);
        if let Some(osd) = self.osds.get_mut(&id) {
            osd.running = false;
            osd.boots_at = None;
            osd.fails_at = osd.up.then_some(now + delay);
        }
    }

    fn osd_boots(&mut self, id: u32) {
        self.join_crush(id);
        let (epoch, noin) = (self.epoch + 1, self.flags.contains("noin"));
        let Some(osd) = self.osds.get_mut(&id) else { return };
        let fresh = !osd.booted;
        (osd.boots_at, osd.down_since) = (None, None);
        (osd.up, osd.booted, osd.up_from) = (true, true, epoch);
        if osd.auto_out && !noin {
            osd.auto_out = false;
            osd.reweight = if osd.old_weight == 0 { ONE } else { osd.old_weight };
            self.in_change = self.now;
            self.mapping += 1;
        }
        self.up_change = self.now;
        self.changed();
        if fresh {
            self.make_manager_pool();
        }
    }

    /// Marks an OSD down in the map; false if it was. A running daemon comes back by itself.
    pub(super) fn mark_down(&mut self, id: u32) -> bool {
        let (epoch, now) = (self.epoch + 1, self.now);
        let Some(osd) = self.osds.get_mut(&id).filter(|o| o.up) else { return false };
        osd.up = false;
        osd.fails_at = None;
        osd.down_since = Some(now);
        osd.down_at = epoch;
        if osd.running {
            osd.boots_at = Some(now + BOOT);
        }
        self.up_change = now;
        self.changed();
        true
    }

    /// When a down OSD is marked out, if nothing stands against it.
    fn out_due(&self, id: u32) -> Option<Time> {
        let osd = self.osds.get(&id)?;
        if osd.up || !osd.is_in() || !osd.booted || self.noout(id) {
            return None;
        }
        let interval = self.mon_number("mon_osd_down_out_interval");
        let inside = self.osds.values().filter(|o| o.is_in()).count() as f64;
        if interval <= 0.0 || inside / (self.osds.len() as f64) < self.mon_number("mon_osd_min_in_ratio") {
            return None;
        }
        osd.down_since.map(|since| since + interval)
    }

    fn noout(&self, id: u32) -> bool {
        let own = |f: &str| self.osds.get(&id).is_some_and(|o| o.flags.iter().any(|x| x == f));
        let above = || {
            let names = self.crush.location(id as i32).into_iter().map(|(_, name)| name);
            names.filter_map(|n| self.bucket_flags.get(&n)).any(|f| f.contains("noout"))
        };
        self.flags.contains("noout") || own("noout") || above()
    }

    fn mark_out_by_itself(&mut self, id: u32) {
        if let Some(osd) = self.osds.get_mut(&id) {
            osd.old_weight = osd.reweight;
            osd.reweight = 0;
            osd.auto_out = true;
        }
        self.in_change = self.now;
        self.remapped();
    }

    // ---- nodes ----

    /// A PVE node loses or gets power: its daemons go and come with it.
    pub fn set_power(&mut self, node: &str, on: bool, now: Time) {
        self.advance(now);
        let osds: Vec<u32> = self.osds.iter().filter(|(_, o)| o.node == node).map(|(id, _)| *id).collect();
        for id in osds {
            if on {
                self.start_osd(id, now);
            } else {
                self.cut_osd(id, now);
            }
        }
        for mon in self.mons.iter_mut().filter(|m| m.node == node && m.running != on) {
            mon.running = on;
            mon.settles_at = Some(now + ELECTION);
        }
        for mgr in self.mgrs.iter_mut().filter(|m| m.node == node && m.running != on) {
            mgr.running = on;
            // Belief: mon_mgr_beacon_grace, 30 s.
            mgr.settles_at = Some(now + if on { 2.0 } else { 30.0 });
        }
        for mds in self.mdss.iter_mut().filter(|m| m.daemon.node == node && m.daemon.running != on) {
            mds.daemon.running = on;
            // Belief: mds_beacon_grace, 15 s.
            mds.daemon.settles_at = Some(now + if on { 2.0 } else { 15.0 });
        }
    }

    /// The next step of a pool whose PG numbers are on their way.
    fn pool_step(&mut self, id: u32) {
        let misplaced = self.mon_number("target_max_misplaced_ratio");
        if let Some(pool) = self.pools.get_mut(&id) {
            pools::step(pool, self.now, misplaced);
        }
        self.remapped();
    }
}
