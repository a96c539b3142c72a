//! The copies that its two pools keep: as for any pool, under other names.

use pve_client::api::ceph::pool::Pool as LivePool;
use terraform_plugin::{Cx, Error, Findings};

use super::{CephFilesystem, CephFilesystemPlan, find};
use crate::ceph::pool::parts::Part;
use crate::ceph::pool::{Pool, PoolPlan, bring_part, own, placing};
use crate::ground::error::Problem;
use crate::ground::pve::Pve;

impl Part {
    /// Its pool in a new file system.
    pub(super) fn pool(self, filesystem: &str) -> String {
        format!("{filesystem}_{}", self.word())
    }

    /// What is planned for the pool.
    pub(super) fn planned(self, plan: &CephFilesystemPlan) -> PoolPlan {
        let allow_single_copy = plan.allow_single_copy;
        match self {
            Self::Data => PoolPlan {
                size: plan.data_size,
                min_size: plan.data_min_size,
                crush_rule: plan.data_crush_rule.clone(),
                allow_single_copy,
                ..PoolPlan::default()
            },
            Self::Metadata => PoolPlan {
                size: plan.metadata_size,
                min_size: plan.metadata_min_size,
                crush_rule: plan.metadata_crush_rule.clone(),
                allow_single_copy,
                ..PoolPlan::default()
            },
        }
    }

    /// The pool as the model tells it.
    fn of(self, model: &CephFilesystem) -> Pool {
        let (size, min_size, rule, pg_num) = match self {
            Self::Data => (model.data_size, model.data_min_size, &model.data_crush_rule, model.data_pg_num),
            Self::Metadata => (model.metadata_size, model.metadata_min_size, &model.metadata_crush_rule, None),
        };
        Pool { size, min_size, crush_rule: rule.clone(), pg_num, ..Pool::default() }
    }

    /// Whether its copies find a place, and whether there are enough.
    pub(super) async fn check(
        self,
        cx: &Cx<Pve>,
        filesystem: &str,
        want: &CephFilesystemPlan,
        prior: Option<&CephFilesystem>,
        found: &mut Findings<CephFilesystem>,
    ) -> Result<(), Error> {
        let (plan, was) = (self.planned(want), prior.map(|prior| self.of(prior)));
        let loses = "files of the whole file system";
        if let Some(error) = placing::single_copy(&plan, was.as_ref(), self.names(), loses) {
            found.certain(error);
            return Ok(());
        }
        if let Some(error) = placing::contradiction(&plan, was.as_ref(), self.names()) {
            found.certain(error);
        }
        let pool = match (self, prior) {
            (Self::Data, Some(prior)) => prior.data_pool.clone(),
            (Self::Metadata, Some(prior)) => prior.metadata_pool.clone(),
            (_, None) => None,
        };
        let pool = pool.unwrap_or_else(|| self.pool(filesystem));
        Ok(placing::check(cx, &pool, &plan, was.as_ref(), self.names(), found).await?)
    }

    /// What the pool has to become; nothing else about it is touched.
    fn wanted(self, want: &CephFilesystem, live: &LivePool) -> Pool {
        let Pool { size, min_size, crush_rule, pg_num, .. } = self.of(want);
        Pool { size, min_size, crush_rule, pg_num, ..own::untouched(live) }
    }
}

/// Has both pools keep what is wanted.
pub(super) async fn bring(cx: &Cx<Pve>, want: &CephFilesystem) -> Result<CephFilesystem, Problem> {
    let gone = || {
        Problem::new(
            format!("File system \"{}\" is gone", want.name),
            "Somebody removed it meanwhile. Apply again to make it anew.",
        )
    };
    let live = find(cx, &want.name).await?.ok_or_else(gone)?;
    for part in Part::BOTH {
        let pool = if part == Part::Data { &live.data } else { &live.metadata };
        let Some(pool) = pool else { continue };
        let wanted = part.wanted(want, pool);
        if pool.kind != "erasure" {
            bring_part(cx, &wanted, part.attribute()).await?;
        } else if [wanted.size, wanted.min_size] != [Some(pool.size), Some(pool.min_size)] {
            return Err(Problem::new(
                format!("Pool \"{}\" is erasure coded", pool.name),
                "PVE sets no number of copies of such a pool. Nothing was written to it. Leave its size out.",
            )
            .at(part.called("size")));
        }
    }
    let live = find(cx, &want.name).await?.ok_or_else(gone)?;
    Ok(CephFilesystem::from_live(&live, Some(want)))
}
