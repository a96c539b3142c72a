//! The guides in `docs/guides/`: what is configured there is valid, formatted, and does what is said of it.
//!
//! A block that is marked `hcl` is complete, but for the provider, which is added where it is not named; one whose first line
//! is a comment with a file's name goes into that file. Fragments are marked otherwise.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use acceptance_tests::{HEAD, Sim, Workspace, cluster, cluster_of};
use anyhow::{Context as _, ensure};

/// A configuration in a guide.
struct Block {
    guide: String,
    /// The line where it begins.
    line: usize,
    text: String,
}

impl Block {
    /// The name in its first line, if there is one.
    fn file(&self) -> Option<&str> {
        let name = self.text.lines().next()?.strip_prefix("# ")?;
        [".tf", ".tftest.hcl"].iter().any(|end| name.ends_with(end)).then_some(name)
    }

    fn is_test(&self) -> bool {
        self.file().is_some_and(|name| name.ends_with(".tftest.hcl"))
    }

    fn place(&self) -> String {
        format!("{}, line {}", self.guide, self.line)
    }

    fn head(&self) -> &'static str {
        if self.text.contains("required_providers") { "" } else { HEAD }
    }
}

/// The guides' texts by their files' names.
fn guides() -> anyhow::Result<BTreeMap<String, String>> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(root().join("docs/guides"))? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        found.insert(name, std::fs::read_to_string(&path)?);
    }
    Ok(found)
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The complete configurations in a guide.
fn blocks(guide: &str, text: &str) -> anyhow::Result<Vec<Block>> {
    let mut found = Vec::new();
    let mut lines = text.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        let Some(language) = line.strip_prefix("```") else { continue };
        let mut inner = String::new();
        loop {
            let (_, line) = lines.next().with_context(|| format!("{guide}, line {}: no end", number + 1))?;
            if line == "```" {
                break;
            }
            inner.push_str(line);
            inner.push('\n');
        }
        if language == "hcl" {
            found.push(Block { guide: guide.to_owned(), line: number + 1, text: inner });
        }
    }
    Ok(found)
}

fn all_blocks() -> anyhow::Result<Vec<Block>> {
    let mut all = Vec::new();
    for (guide, text) in guides()? {
        all.extend(blocks(&guide, &text)?);
    }
    Ok(all)
}

/// Those of one guide.
fn blocks_of(guide: &str) -> anyhow::Result<Vec<Block>> {
    blocks(guide, guides()?.get(guide).with_context(|| format!("there is no guide {guide}"))?)
}

#[test]
fn blocks_are_found_with_their_files() -> anyhow::Result<()> {
    let text =
        "```hcl\n# main.tf\na = 1\n```\n\n```shell\nls\n```\n```hcl\n# A note\n```\n```hcl\n# x.tftest.hcl\n```\n";
    let found = blocks("a.md", text)?;
    let files: Vec<_> = found.iter().map(|block| (block.line, block.file())).collect();
    assert_eq!(files, [(1, Some("main.tf")), (9, None), (12, Some("x.tftest.hcl"))]);
    assert!(found[2].is_test() && !found[0].is_test());
    assert!(blocks("a.md", "```hcl\n").is_err());
    Ok(())
}

#[test]
fn the_registry_can_show_them_and_what_they_name_is_there() -> anyhow::Result<()> {
    let guides = guides()?;
    assert!(guides.len() >= 9);
    for (name, text) in &guides {
        let front = text.strip_prefix("---\npage_title: \"").with_context(|| format!("{name}: no title"))?;
        ensure!(front.contains("\"\nsubcategory: \"Guides\"\ndescription: |-\n  "), "{name}: its front matter");
        ensure!(text.contains("\n## Tried\n"), "{name} does not say what was tried");
        // Links to other pages, and the tests that are named.
        let links = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        for link in links.filter(|link| !link.contains("://")) {
            let (page, part) = link.split_once('#').map_or((link, None), |(page, part)| (page, Some(part)));
            let page = if page.is_empty() { name } else { page };
            let page = std::fs::read_to_string(root().join("docs/guides").join(page));
            let page = page.with_context(|| format!("{name}: {link} leads nowhere"))?;
            let heading = |line: &str| line.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
            let mut headings = page.lines().filter(|line| line.starts_with('#')).map(heading);
            ensure!(part.is_none_or(|part| headings.any(|heading| heading == part)), "{name}: {link} names no part");
        }
        let quoted = text.split('`').filter(|quoted| quoted.ends_with(".rs"));
        for path in quoted {
            let tests = root().join("acceptance-tests/tests/written").join(path);
            ensure!(root().join(path).is_file() || tests.is_file(), "{name}: {path} is not there");
        }
    }
    Ok(())
}

#[test]
fn every_configuration_is_valid_and_formatted() -> anyhow::Result<()> {
    let Some((_sim, work)) = cluster(&[])? else { return Ok(()) };
    std::fs::create_dir(work.path().join("format"))?;
    let blocks = all_blocks()?;
    assert!(blocks.len() >= 10);
    for (number, block) in blocks.iter().enumerate() {
        let end = if block.is_test() { "tftest.hcl" } else { "tf" };
        let name = format!("format/{}-{number}.{end}", block.guide.trim_end_matches(".md"));
        work.write(&name, &block.text)?;
    }
    work.run(&["fmt", "-check", "-diff", "-recursive", "-no-color", "format"])?.succeeded()?;
    for block in blocks.iter().filter(|block| !block.is_test()) {
        work.write("head.tf", block.head())?;
        work.write("main.tf", &block.text)?;
        let told = work.validate()?;
        ensure!(told["valid"] == true, "{}: {:#}", block.place(), told["diagnostics"]);
    }
    Ok(())
}

#[test]
fn a_modules_test_runs_as_it_stands_in_the_guide() -> anyhow::Result<()> {
    let Some((sim, work)) = cluster(&["--nodes", "3", "--ceph", "ready", "--guest", "101"])? else { return Ok(()) };
    std::fs::remove_file(work.path().join("head.tf"))?;
    for block in blocks_of("testing-modules.md")? {
        work.write(block.file().with_context(|| block.place())?, &block.text)?;
    }
    let output = work.run(&["test", "-no-color"])?.succeeded()?;
    assert!(output.says("3 passed, 0 failed"), "{}", output.told());
    let pools = sim.state()?["ceph"]["pools"].to_string();
    assert!(!pools.contains("\"vm\""), "destroyed in the end: {pools}");
    Ok(())
}

#[test]
fn a_long_move_is_green_and_ha_follows_when_the_disk_has_arrived() -> anyhow::Result<()> {
    let options = ["--ceph", "ready", "--guest", "101", "--bandwidth", "1MiB/s", "--clock", "1"];
    let Some((sim, work)) = cluster(&options)? else { return Ok(()) };
    // What the guide takes as given: the pool and its storage. Made by another configuration.
    work.write(
        "main.tf",
        "resource \"pve_ceph_pool\" \"vm\" {\n  name = \"vm\"\n}\n\nresource \"pve_storage_rbd\" \"vm\" {\n  storage = \
         \"ceph-vm\"\n  pool = pve_ceph_pool.vm.name\n}\n",
    )?;
    work.apply()?.succeeded()?;
    std::fs::remove_file(work.path().join("terraform.tfstate"))?;

    let [block] = &blocks_of("long-moves.md")?[..] else { anyhow::bail!("more than one configuration") };
    ensure!(block.text.contains("detach_after  = \"50m\""), "{}", block.text);
    work.write("main.tf", &block.text.replace("\"50m\"", "\"1s\""))?;
    let output = work.apply()?.succeeded()?;
    assert!(output.says("Warning"), "{}", output.told());
    let moved = |work: &Workspace| work.instance("pve_vm_disk_move.db");
    assert_eq!(moved(&work)?["attributes"]["ready"], false);
    assert_eq!(work.instance("pve_ha_resource.db")?, serde_json::Value::Null);

    // In between: an update in place, and nothing else.
    let plan = work.plan()?;
    assert_eq!(plan.actions("pve_vm_disk_move.db"), ["update"]);
    assert!(plan.actions("pve_ha_resource.db").is_empty(), "{}", plan.output.told());
    work.apply()?.succeeded()?;
    assert_eq!(moved(&work)?["attributes"]["ready"], false);

    sim.advance(40_000)?;
    work.apply()?.succeeded()?;
    work.apply()?.succeeded()?;
    assert_eq!(moved(&work)?["attributes"]["ready"], true);
    assert_ne!(work.instance("pve_ha_resource.db")?, serde_json::Value::Null);
    assert!(work.plan()?.is_empty());
    let moves = sim.mutations()?.iter().filter(|seen| seen.path.ends_with("/move_disk")).count();
    assert_eq!(moves, 1);
    Ok(())
}

/// A pool, its storage, and a machine on it, under HA; and no state that knows of them.
const LOST: &str = r#"
storages:
  - {storage: local, type: dir, path: /var/lib/vz, content: [iso]}
  - {storage: ceph-vm, type: rbd, pool: vm, content: [images]}
guests:
  - {vmid: 101, node: pve2, config: {scsi0: "ceph-vm:8"}}
ceph:
  stage: ready
  pools: [{name: vm, size: 3, application: rbd}]
"#;

fn lost() -> anyhow::Result<Option<(Sim, Workspace)>> {
    let Some((sim, work)) = cluster_of(LOST, &[])? else { return Ok(None) };
    work.write("main.tf", "resource \"pve_ha_resource\" \"db\" {\n  sid = \"vm:101\"\n}\n")?;
    work.apply()?.succeeded()?;
    std::fs::remove_file(work.path().join("terraform.tfstate"))?;
    std::fs::remove_file(work.path().join("main.tf"))?;
    sim.forget_requests()?;
    Ok(Some((sim, work)))
}

#[test]
fn a_lost_state_is_imported_without_a_single_write() -> anyhow::Result<()> {
    let Some((sim, work)) = lost()? else { return Ok(()) };
    let [block] = &blocks_of("lost-state.md")?[..] else { anyhow::bail!("more than one configuration") };
    work.write("main.tf", &block.text)?;
    let output = work.apply()?.succeeded()?;
    assert!(output.says("Resources: 4 imported, 0 added, 0 changed, 0 destroyed."), "{}", output.told());
    assert!(work.plan()?.is_empty());
    assert!(sim.mutations()?.is_empty());
    Ok(())
}

#[test]
fn nor_is_one_needed_where_the_configuration_is_lost_too() -> anyhow::Result<()> {
    let Some((sim, work)) = lost()? else { return Ok(()) };
    let [block] = &blocks_of("lost-state.md")?[..] else { anyhow::bail!("more than one configuration") };
    let imports = block.text.find("import {").context("there are no import blocks")?;
    work.write("imports.tf", &block.text[imports..])?;
    work.run(&["plan", "-no-color", "-input=false", "-generate-config-out=generated.tf"])?.succeeded()?;
    let output = work.apply()?.succeeded()?;
    assert!(output.says("Resources: 4 imported, 0 added, 0 changed, 0 destroyed."), "{}", output.told());
    assert!(work.plan()?.is_empty());
    assert!(sim.mutations()?.is_empty());
    Ok(())
}
