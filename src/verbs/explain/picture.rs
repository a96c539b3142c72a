//! Hosts, their OSDs, and where copies may lie, before and after: as SVG.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::copies::Layout;
use super::plan::Plan;

const OSD: (usize, usize) = (96, 26);
const HOST: usize = 128;
const GAP: usize = 16;
const HEAD: usize = 64;
/// As wide as a letter may be.
const LETTER: usize = 8;

/// Colours of pools' copies, in their order.
const COLOURS: [&str; 6] = ["#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#ff7f0e", "#17becf"];

/// The picture: one half before, one after.
pub fn svg(plan: &Plan<'_>) -> String {
    let halves = [("Before", Layout::of(&plan.before)), ("After", Layout::of(&plan.after))];
    let hosts: BTreeSet<&str> = halves.iter().flat_map(|(_, layout)| layout.hosts.keys()).map(String::as_str).collect();
    let rows = halves.iter().flat_map(|(_, layout)| layout.hosts.values()).map(Vec::len).max().unwrap_or(0).max(1);
    let pools: BTreeSet<&str> =
        halves.iter().flat_map(|(_, layout)| &layout.pools).map(|pool| pool.name.as_str()).collect();
    let legends: Vec<String> = pools.iter().map(|pool| legend(pool, &halves[0].1, &halves[1].1)).collect();
    let tall = HEAD + 28 + rows * (OSD.1 + 6) + pools.len() * 18 + GAP;
    let longest = legends.iter().map(|legend| legend.chars().count()).max().unwrap_or(0);
    let width = (GAP + hosts.len().max(2) * (HOST + GAP)).max(2 * GAP + longest * LETTER);
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{}\" height=\"{}\" font-family=\"sans-serif\" font-size=\"12\">\n",
        width,
        2 * tall + pools.len() * 20 + GAP
    );
    for (half, (title, layout)) in halves.iter().enumerate() {
        let top = half * tall;
        let _ =
            writeln!(text, "<text x=\"{GAP}\" y=\"{}\" font-size=\"16\" font-weight=\"bold\">{title}</text>", top + 26);
        if layout.hosts.is_empty() {
            let _ = writeln!(text, "<text x=\"{GAP}\" y=\"{}\">no OSDs in this configuration</text>", top + HEAD);
            continue;
        }
        for (column, host) in hosts.iter().enumerate() {
            host_box(&mut text, layout, host, (GAP + column * (HOST + GAP), top + HEAD - 20), rows, &pools);
        }
    }
    for (at, legend) in legends.iter().enumerate() {
        let y = 2 * tall + 14 + at * 20;
        let _ = writeln!(
            text,
            "<circle cx=\"{}\" cy=\"{}\" r=\"5\" fill=\"{}\"/><text x=\"{}\" y=\"{}\">{}</text>",
            GAP + 5,
            y - 4,
            COLOURS[at % COLOURS.len()],
            GAP + 16,
            y,
            escaped(legend)
        );
    }
    text.push_str("</svg>\n");
    text
}

/// What a pool bears, in a line.
fn legend(name: &str, before: &Layout, after: &Layout) -> String {
    let tell = |layout: &Layout| match layout.pools.iter().find(|known| known.name == name) {
        None => "not there".to_owned(),
        Some(pool) => layout.bears(pool).map_or_else(|| "not told".to_owned(), |bears| bears.to_string()),
    };
    format!("{name}: before: {}; after: {}", tell(before), tell(after))
}

/// A host with its OSDs, and as many dots of a pool's colour as it may hold copies of one object.
fn host_box(
    text: &mut String,
    layout: &Layout,
    host: &str,
    (x, y): (usize, usize),
    rows: usize,
    pools: &BTreeSet<&str>,
) {
    let height = 28 + rows * (OSD.1 + 6) + pools.len() * 18;
    let none = Vec::new();
    let osds = layout.hosts.get(host).unwrap_or(&none);
    let there = if osds.is_empty() { "#bbbbbb" } else { "#333333" };
    let _ = writeln!(
        text,
        "<rect x=\"{x}\" y=\"{y}\" width=\"{HOST}\" height=\"{height}\" rx=\"6\" fill=\"none\" stroke=\"{there}\"/><text x=\"{}\" \
         y=\"{}\" fill=\"{there}\">{}</text>",
        x + 10,
        y + 18,
        escaped(host)
    );
    for (row, osd) in osds.iter().enumerate() {
        let (x, y) = (x + GAP, y + 26 + row * (OSD.1 + 6));
        let _ = writeln!(
            text,
            "<rect x=\"{x}\" y=\"{y}\" width=\"{}\" height=\"{}\" rx=\"3\" fill=\"#eef3f8\" stroke=\"#8899aa\"/><text x=\"{}\" \
             y=\"{}\">{}</text>",
            OSD.0,
            OSD.1,
            x + 6,
            y + 17,
            escaped(&osd.name)
        );
    }
    for (at, name) in pools.iter().enumerate() {
        let Some(pool) = layout.pools.iter().find(|pool| pool.name == *name) else { continue };
        let copies = layout.worst(pool).and_then(|worst| worst.get(host).copied()).unwrap_or(0);
        let y = y + 30 + rows * (OSD.1 + 6) + at * 18 + 6;
        for dot in 0..copies {
            let _ = writeln!(
                text,
                "<circle cx=\"{}\" cy=\"{y}\" r=\"5\" fill=\"{}\"/>",
                x + GAP + 6 + dot * 14,
                COLOURS[at % COLOURS.len()]
            );
        }
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
