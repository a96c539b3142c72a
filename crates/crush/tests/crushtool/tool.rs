//! Ceph's `crushtool`, as a process.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A map that `crushtool` has compiled.
pub struct Tool {
    // Removed with it.
    _folder: tempfile::TempDir,
    compiled: PathBuf,
}

/// Whether it is installed.
pub fn is_there() -> bool {
    Command::new("crushtool").arg("--version").output().is_ok()
}

impl Tool {
    /// Compiles a map's text.
    pub fn of(text: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (source, compiled) = (folder.path().join("map.txt"), folder.path().join("map"));
        std::fs::write(&source, text).unwrap();
        run(Command::new("crushtool").arg("-c").arg(&source).arg("-o").arg(&compiled), &source);
        Self { _folder: folder, compiled }
    }

    fn test(&self, rule: usize, size: usize, values: u32, weights: &[f64], show: &str) -> String {
        let mut command = Command::new("crushtool");
        command.arg("-i").arg(&self.compiled).args(["--test", "--min-x", "0", show]);
        command.args([
            "--rule",
            &rule.to_string(),
            "--num-rep",
            &size.to_string(),
            "--max-x",
            &(values - 1).to_string(),
        ]);
        for (osd, weight) in weights.iter().enumerate().filter(|(_, weight)| **weight < 1.0) {
            command.args(["--weight", &osd.to_string(), &weight.to_string()]);
        }
        run(&mut command, &self.compiled)
    }

    /// The OSDs of each value from 0 on; `None` is a hole.
    pub fn mappings(&self, rule: usize, size: usize, values: u32, weights: &[f64]) -> Vec<Vec<Option<u32>>> {
        let out = self.test(rule, size, values, weights, "--show-mappings");
        let lines = out.lines().filter(|line| line.starts_with("CRUSH rule"));
        let osds = |line: &str| {
            let list = line.rsplit_once('[').unwrap().1.trim_end_matches(']');
            list.split(',').filter(|osd| !osd.is_empty()).map(|osd| osd.parse().ok().filter(|n| *n < 1 << 30)).collect()
        };
        lines.map(osds).collect()
    }

    /// How many of so many values have fewer copies than they should.
    pub fn bad(&self, rule: usize, size: usize, values: u32) -> usize {
        let out = self.test(rule, size, values, &[], "--show-bad-mappings");
        out.lines().filter(|line| line.starts_with("bad mapping")).count()
    }

    /// How many copies of so many values lie on each OSD.
    pub fn stored(&self, rule: usize, size: usize, values: u32) -> BTreeMap<u32, u64> {
        let out = self.test(rule, size, values, &[], "--show-utilization");
        let device = |line: &str| {
            let (osd, rest) = line.trim().strip_prefix("device ")?.split_once(':')?;
            let stored = rest.split_once("stored :")?.1.split_whitespace().next()?;
            Some((osd.parse().ok()?, stored.parse().ok()?))
        };
        out.lines().filter_map(device).collect()
    }
}

fn run(command: &mut Command, about: &Path) -> String {
    let out = command.output().unwrap();
    let text = String::from_utf8_lossy(&out.stdout).into_owned() + &String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success(), "{about:?}: {text}");
    text
}
