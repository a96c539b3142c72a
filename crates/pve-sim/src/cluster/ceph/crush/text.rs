//! The decompiled map, as `crushtool -d` writes it and `GET ceph/crush` returns it.

use std::fmt::Write as _;

use super::rules::ERASURE_TRIES;
use super::{CrushMap, Step, TYPES};
use crate::cluster::ceph::Release;

impl CrushMap {
    /// The map as text.
    pub fn decompile(&self, release: &Release) -> String {
        let mut out = String::from(
            "# begin crush map\ntunable choose_local_tries 0\ntunable choose_local_fallback_tries 0\n\
             tunable choose_total_tries 50\ntunable chooseleaf_descend_once 1\ntunable chooseleaf_vary_r 1\n\
             tunable chooseleaf_stable 1\ntunable straw_calc_version 1\ntunable allowed_bucket_algs 54\n\n# devices\n",
        );
        for osd in self.devices() {
            let class = self.class_of(osd).map(|c| format!(" class {c}")).unwrap_or_default();
            line(&mut out, format_args!("device {osd} osd.{osd}{class}"));
        }
        out.push_str("\n# types\n");
        for (id, name) in TYPES.iter().enumerate() {
            line(&mut out, format_args!("type {id} {name}"));
        }
        out.push_str("\n# buckets\n");
        let mut done = vec![];
        for bucket in self.buckets.values().rev().filter(|b| !b.is_shadow()).map(|b| b.id) {
            self.decompile_bucket(bucket, release, &mut done, &mut out);
        }
        out.push_str("\n# rules\n");
        for rule in self.rules.values() {
            let (kind, way) = if rule.chunks.is_some() { ("erasure", "indep") } else { ("replicated", "firstn") };
            line(&mut out, format_args!("rule {} {{\n\tid {}\n\ttype {kind}", rule.name, rule.id));
            if release.rules_have_sizes() {
                let (min, max) = rule.sizes();
                line(&mut out, format_args!("\tmin_size {min}\n\tmax_size {max}"));
            }
            for (step, tries) in ERASURE_TRIES.iter().filter(|_| rule.chunks.is_some()) {
                line(&mut out, format_args!("\tstep {step} {tries}"));
            }
            for step in &rule.steps {
                match step {
                    Step::Take(item) => self.decompile_take(*item, &mut out),
                    Step::Choose { type_id, leaf } => {
                        let op = if *leaf { "chooseleaf" } else { "choose" };
                        line(&mut out, format_args!("\tstep {op} {way} 0 type {}", TYPES[*type_id]));
                    }
                    Step::Emit => out.push_str("\tstep emit\n"),
                }
            }
            out.push_str("}\n");
        }
        out.push_str("\n# end crush map\n");
        out
    }

    /// Every OSD that is in the tree or has a class.
    pub(crate) fn devices(&self) -> Vec<u32> {
        let in_tree =
            self.buckets.values().flat_map(|b| b.items.iter()).filter(|(i, _)| *i >= 0).map(|(i, _)| *i as u32);
        let mut all: Vec<u32> = in_tree.chain(self.device_class.keys().copied()).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    fn decompile_take(&self, item: i32, out: &mut String) {
        let shadow = self.bucket(item).and_then(|b| Some((b, self.shadow_class(b)?)));
        match shadow {
            Some((bucket, class)) => {
                let name = bucket.name.split('~').next().unwrap_or_default();
                line(out, format_args!("\tstep take {name} class {class}"));
            }
            None => line(out, format_args!("\tstep take {}", self.name_of(item))),
        }
    }

    /// Children come before their parent.
    fn decompile_bucket(&self, id: i32, release: &Release, done: &mut Vec<i32>, out: &mut String) {
        let Some(bucket) = self.buckets.get(&id).filter(|_| !done.contains(&id)) else { return };
        done.push(id);
        for (item, _) in bucket.items.iter().filter(|(i, _)| *i < 0) {
            self.decompile_bucket(*item, release, done, out);
        }
        let fixed = |w: u32| release.map_weight(f64::from(w) / 65536.0);
        line(
            out,
            format_args!("{} {} {{\n\tid {id}\t\t# do not change unnecessarily", TYPES[bucket.type_id], bucket.name),
        );
        for (class, name) in &self.classes {
            if let Some(shadow) = self.shadows.get(&(id, *class)) {
                line(out, format_args!("\tid {shadow} class {name}\t\t# do not change unnecessarily"));
            }
        }
        line(out, format_args!("\t# weight {}\n\talg straw2\n\thash 0\t# rjenkins1", fixed(bucket.weight())));
        for (item, weight) in &bucket.items {
            line(out, format_args!("\titem {} weight {}", self.name_of(*item), fixed(*weight)));
        }
        out.push_str("}\n");
    }
}

fn line(out: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a String cannot fail.
    let _ = writeln!(out, "{text}");
}
