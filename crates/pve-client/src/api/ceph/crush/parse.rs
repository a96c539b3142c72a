//! Reads the text form of a CRUSH map, line by line.

use super::{Bucket, CrushMap, Device, Item, Rule, Step};

/// What an opening brace belongs to.
enum Open {
    Bucket(Bucket),
    Rule(Rule),
    /// A block of a kind not known here, and how deep it is nested.
    Other(usize),
}

pub(super) fn parse(text: &str) -> CrushMap {
    let mut map = CrushMap::default();
    let mut open: Option<Open> = None;
    for raw in text.lines() {
        // A comment runs to the end of the line; names cannot hold a '#'.
        let line = raw.split('#').next().unwrap_or_default().trim();
        if line.is_empty() {
            continue;
        }
        open = match open {
            None => top_level(&mut map, line),
            Some(Open::Bucket(bucket)) if line == "}" => {
                map.buckets.push(bucket);
                None
            }
            Some(Open::Rule(rule)) if line == "}" => {
                map.rules.push(rule);
                None
            }
            Some(Open::Bucket(mut bucket)) => {
                if in_bucket(&mut bucket, line).is_none() {
                    map.unread.push(line.to_owned());
                }
                Some(Open::Bucket(bucket))
            }
            Some(Open::Rule(mut rule)) => {
                if in_rule(&mut rule, line).is_none() {
                    map.unread.push(line.to_owned());
                }
                Some(Open::Rule(rule))
            }
            Some(Open::Other(depth)) => {
                map.unread.push(line.to_owned());
                let opened = depth.saturating_add(line.matches(['{', '[']).count());
                match opened.saturating_sub(line.matches(['}', ']']).count()) {
                    0 => None,
                    depth => Some(Open::Other(depth)),
                }
            }
        };
    }
    // A text that ends in the middle of a block: what was read of it is still true.
    match open {
        Some(Open::Bucket(bucket)) => map.buckets.push(bucket),
        Some(Open::Rule(rule)) => map.rules.push(rule),
        _ => {}
    }
    map
}

fn top_level(map: &mut CrushMap, line: &str) -> Option<Open> {
    if let Some(head) = line.strip_suffix('{') {
        let head = head.trim();
        let (kind, name) = head.split_once(char::is_whitespace).map_or((head, ""), |(kind, name)| (kind, name.trim()));
        return Some(match kind {
            "rule" => Open::Rule(Rule { name: name.to_owned(), ..Rule::default() }),
            _ if map.types.values().any(|known| known == kind) => {
                Open::Bucket(Bucket { kind: kind.to_owned(), name: name.to_owned(), ..Bucket::default() })
            }
            _ => {
                map.unread.push(line.to_owned());
                Open::Other(1)
            }
        });
    }
    if simple(map, line).is_none() {
        map.unread.push(line.to_owned());
    }
    None
}

/// `tunable`, `device` and `type` lines.
fn simple(map: &mut CrushMap, line: &str) -> Option<()> {
    let words: Vec<_> = line.split_whitespace().collect();
    match words[..] {
        ["tunable", name, value] => {
            map.tunables.insert(name.to_owned(), value.parse().ok()?);
        }
        ["device", id, name, ref rest @ ..] => {
            let class = match rest {
                ["class", class, ..] => Some((*class).to_owned()),
                _ => None,
            };
            map.devices.push(Device { id: id.parse().ok()?, name: name.to_owned(), class });
        }
        ["type", id, name] => {
            map.types.insert(id.parse().ok()?, name.to_owned());
        }
        _ => return None,
    }
    Some(())
}

fn in_bucket(bucket: &mut Bucket, line: &str) -> Option<()> {
    let words: Vec<_> = line.split_whitespace().collect();
    match words[..] {
        ["id", id] => bucket.id = id.parse().ok()?,
        ["id", id, "class", class] => {
            bucket.shadow_ids.insert(class.to_owned(), id.parse().ok()?);
        }
        ["alg", algorithm] => bucket.algorithm = algorithm.to_owned(),
        ["hash", ..] => {}
        ["item", name, ref rest @ ..] => {
            // `weight W` and, for old algorithms, `pos N`.
            let weight = rest.iter().position(|word| *word == "weight").and_then(|at| rest.get(at + 1));
            let weight = match weight {
                Some(weight) => weight.parse().ok().filter(|w: &f64| w.is_finite())?,
                None => 0.0,
            };
            bucket.items.push(Item { name: name.to_owned(), weight });
        }
        _ => return None,
    }
    Some(())
}

fn in_rule(rule: &mut Rule, line: &str) -> Option<()> {
    let words: Vec<_> = line.split_whitespace().collect();
    match words[..] {
        // Before Ceph 12 the number was called ruleset.
        ["id" | "ruleset", id] => rule.id = id.parse().ok()?,
        ["type", kind] => rule.kind = kind.to_owned(),
        // Gone since Ceph 17; without meaning before.
        ["min_size" | "max_size", _] => {}
        ["step", ref step @ ..] => rule.steps.push(read_step(step)),
        _ => return None,
    }
    Some(())
}

fn read_step(words: &[&str]) -> Step {
    match words {
        ["emit"] => Step::Emit,
        ["take", root] => Step::Take { root: (*root).to_owned(), class: None },
        ["take", root, "class", class] => Step::Take { root: (*root).to_owned(), class: Some((*class).to_owned()) },
        [verb @ ("choose" | "chooseleaf"), mode @ ("firstn" | "indep"), count, "type", kind] => match count.parse() {
            Ok(count) => Step::Choose {
                leaf: *verb == "chooseleaf",
                independent: *mode == "indep",
                count,
                kind: (*kind).to_owned(),
            },
            Err(_) => Step::Other(words.join(" ")),
        },
        _ => Step::Other(words.join(" ")),
    }
}
