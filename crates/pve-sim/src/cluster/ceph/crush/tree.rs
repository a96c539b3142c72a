//! The order in which `osd tree`, `osd df` and `crush tree` walk the map.

use super::{Bucket, CrushMap, TYPES};

/// A node of the walk.
#[derive(Debug, Clone)]
pub struct TreeNode {
    /// Bucket (< 0) or OSD id.
    pub id: i32,
    /// `default`, `pve1`, `osd.0`.
    pub name: String,
    /// Index into the CRUSH types.
    pub type_id: usize,
    /// Device class of an OSD or shadow bucket.
    pub class: Option<String>,
    /// 16.16 CRUSH weight.
    pub weight: u32,
    /// 0 for roots.
    pub depth: usize,
    /// Ids of the children in the order in which Ceph lists them (reverse of the walk).
    pub children: Vec<i32>,
}

impl TreeNode {
    /// `root`, `host`, `osd`.
    pub fn kind(&self) -> &'static str {
        TYPES[self.type_id]
    }
}

impl CrushMap {
    /// All nodes, depth first; with `shadows` the shadow trees of the device classes too.
    pub fn walk(&self, shadows: bool) -> Vec<TreeNode> {
        let mut roots = self.roots();
        if shadows {
            roots = self.buckets.values().filter(|b| self.is_top(b)).map(|b| b.id).collect();
        }
        let mut out = vec![];
        for root in roots {
            let weight = self.bucket(root).map_or(0, Bucket::weight);
            self.visit(root, weight, 0, &mut out);
        }
        out
    }

    fn is_top(&self, bucket: &Bucket) -> bool {
        !self.buckets.values().any(|b| b.items.iter().any(|(i, _)| *i == bucket.id))
    }

    fn visit(&self, id: i32, weight: u32, depth: usize, out: &mut Vec<TreeNode>) {
        if id >= 0 {
            let class = self.class_of(id as u32).map(str::to_string);
            out.push(TreeNode { id, name: self.name_of(id), type_id: 0, class, weight, depth, children: vec![] });
            return;
        }
        let Some(bucket) = self.bucket(id) else { return };
        let mut sorted: Vec<(String, i32, u32)> =
            bucket.items.iter().map(|(item, weight)| (self.sort_key(*item), *item, *weight)).collect();
        sorted.sort();
        out.push(TreeNode {
            id,
            name: bucket.name.clone(),
            type_id: bucket.type_id,
            class: self.shadow_class(bucket).map(str::to_string),
            weight,
            depth,
            children: sorted.iter().rev().map(|(_, id, _)| *id).collect(),
        });
        for (_, item, weight) in sorted {
            self.visit(item, weight, depth + 1, out);
        }
    }

    /// OSDs by class, then id; buckets by name.
    fn sort_key(&self, id: i32) -> String {
        if id >= 0 {
            format!("{}_osd.{id:08}", self.class_of(id as u32).unwrap_or_default())
        } else {
            format!("_{}", self.name_of(id))
        }
    }
}
