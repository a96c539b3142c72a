//! `POST /nodes/{node}/ceph/pool` with `erasure-coding`: a pool for the data and one, which keeps copies, for what RBD
//! cannot keep in such a pool.
//!
//! The task's log, its order and what is there afterwards are held to a recording.

use super::super::{Need, ceph, ceph_on, refused, secs};
use super::settings::{Settings, apply, complete};
use super::storages;
use crate::cluster::ceph::{EC_OVERWRITES, NewPool};
use crate::kernel::tasks::Steps;
use crate::kernel::{Call, PveError};

/// What a call asks for.
pub(super) struct Erasure {
    /// A profile that is there, else what a new one says.
    profile: Result<String, Vec<String>>,
}

impl Erasure {
    /// Of a call, if it asks for such a pool.
    pub(super) fn of(call: &mut Call<'_>) -> Result<Option<Self>, PveError> {
        let Some(text) = call.params.text("erasure-coding").map(str::to_owned) else { return Ok(None) };
        let said = |key: &str| {
            text.split(',')
                .filter_map(|part| part.split_once('='))
                .find(|(name, _)| *name == key)
                .map(|(_, value)| value)
        };
        if let Some(profile) = said("profile") {
            if !ceph(call, Need::Monitors)?.profiles.contains_key(profile) {
                return Err(PveError::new(format!("Erasure code profile '{profile}' does not exist.")));
            }
            return Ok(Some(Self { profile: Ok(profile.to_owned()) }));
        }
        let mut words = vec![format!("crush-failure-domain={}", said("failure-domain").unwrap_or("host"))];
        words.extend(["k", "m"].map(|key| format!("{key}={}", said(key).unwrap_or_default())));
        words.extend(said("device-class").map(|class| format!("crush-device-class={class}")));
        Ok(Some(Self { profile: Err(words) }))
    }
}

/// What is made one after another; what was made before a failure stays.
pub(super) fn create(node: String, name: String, erasure: Erasure, said: Settings, add_storages: bool) -> Steps {
    let (data, metadata) = (format!("{name}-data"), format!("{name}-metadata"));
    let profile = erasure.profile.clone().unwrap_or_else(|_| format!("pve_ec_{name}"));
    let words = erasure.profile.err();
    let mut of_metadata = said.clone();
    complete(&mut of_metadata);
    // Belief: the other settings of the call are for both pools (PVE's source).
    of_metadata.insert("pg_num", "32".to_owned());
    let mut of_data = said;
    complete(&mut of_data);
    of_data.retain(|key, _| !["size", "min_size", "crush_rule"].contains(key));
    of_data.insert(EC_OVERWRITES, "true".to_owned());
    let number = |settings: &Settings| settings["pg_num"].parse().ok();
    let new_data = NewPool { pg_num: number(&of_data), profile: Some(profile.clone()), ..NewPool::default() };
    let new_metadata = NewPool { pg_num: number(&of_metadata), ..NewPool::default() };
    let mut steps = Steps::new().wait(secs(1)).run({
        let node = node.clone();
        move |t| {
            let Some(words) = words else { return Ok(()) };
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            let ceph = ceph_on(t.cluster, &node, Need::Monitors)?;
            ceph.set_profile(&profile, &words, false)
                .map_err(|refusal| refused("osd erasure-code-profile set", refusal))?;
            t.log(format!("created new erasure code profile '{profile}'"));
            Ok(())
        }
    });
    for (pool, new, settings) in [(data.clone(), new_data, of_data), (metadata.clone(), new_metadata, of_metadata)] {
        steps = steps.wait(secs(1)).run({
            let node = node.clone();
            move |t| {
                let now = t.now().seconds();
                let made = ceph_on(t.cluster, &node, Need::Monitors)?.create_pool(&pool, new, now);
                made.map_err(|refusal| refused("osd pool create", refusal))?;
                apply(t, &node, &pool, &settings)
            }
        });
    }
    steps.run(move |t| if add_storages { storages::add(t, &name, &metadata, Some(&data)) } else { Ok(()) })
}
