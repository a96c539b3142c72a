//! The type of processor, and whether QEMU knows it: PVE refuses a name that it does not know, and a plan can tell before.

use std::collections::BTreeSet;
use std::sync::Arc;

use pve_client::{Area, Request};
use serde::Deserialize;
use terraform_plugin::{Cx, Findings, Nested};

use super::{Vm, worded};
use crate::ground::error::{During, Problem};
use crate::ground::pve::Pve;

/// What of the processor is not its type.
#[derive(Nested, Clone, Debug, Default, PartialEq)]
pub struct CpuOptions {
    /// Features, each with `+` or `-` before it, such as `+aes`.
    #[attr(keep, each = flag)]
    pub flags: Option<BTreeSet<String>>,
    /// The guest does not see that it is a virtual machine.
    #[attr(keep, usual = false)]
    pub hidden: Option<bool>,
    /// The vendor of the hypervisor that Windows sees.
    #[attr(keep, api = "hv-vendor-id", regex = "[A-Za-z0-9]{1,12}", says = "1 to 12 letters and digits")]
    pub hv_vendor_id: Option<String>,
    /// How many bits a physical address has in the guest's eyes: 8 to 64, or `host`.
    #[attr(keep, api = "phys-bits", check = phys_bits)]
    pub phys_bits: Option<String>,
    /// How many of them the guest can use.
    #[attr(keep, api = "guest-phys-bits", range = 32..=64)]
    pub guest_phys_bits: Option<u32>,
}

fn flag(text: &String) -> Result<(), String> {
    let named = |name: &str| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
    match text.strip_prefix(['+', '-']).is_some_and(named) {
        true => Ok(()),
        false => Err("must be `+` or `-` and the name of a feature, such as `+aes`".to_owned()),
    }
}

fn phys_bits(text: &String) -> Result<(), String> {
    match text == "host" || text.parse::<u8>().is_ok_and(|bits| (8..=64).contains(&bits)) {
        true => Ok(()),
        false => Err("must be `host`, or from 8 to 64".to_owned()),
    }
}

/// `GET /nodes/NODE/capabilities/qemu/cpu`.
#[derive(Deserialize)]
struct Model {
    name: String,
}

/// Looks for the type in a `cpu` that is new or changes. Any node knows the built-in ones; a type of one's own (`custom-...`) is
/// shown to some only, so that PVE alone can tell.
pub async fn look(cx: &Cx<Pve>, want: &Vm, is: Option<&str>, node: Option<&str>, found: &mut Findings<Vm>) {
    let Some(text) = want.cpu.as_deref().filter(|text| Some(*text) != is) else { return };
    let Some(name) = model(text).filter(|name| !name.starts_with("custom-")) else { return };
    if is.is_some_and(|is| model(is).as_ref() == Some(&name)) {
        return;
    }
    // Who cannot tell is no hindrance: PVE looks for itself.
    let Ok(known) = models(cx, node).await else { return };
    if known.is_empty() || known.iter().any(|model| model.name == *name) {
        return;
    }
    let alike: Vec<&str> =
        known.iter().map(|model| model.name.as_str()).filter(|known| is_like(known, &name)).collect();
    let alike = if alike.is_empty() { String::new() } else { format!(" Did you mean {}?", alike.join(", ")) };
    found.mendable(
        Problem::new(
            format!("There is no processor type \"{name}\""),
            format!(
                "QEMU has no such type.{alike} Nothing was written. Usual ones are `host`, `x86-64-v2-AES`, `x86-64-v3` and `max`; \
                 one of your own is called `custom-NAME`."
            ),
        )
        .at("cpu"),
    );
}

/// The type in `host`, `host,flags=+aes` or `cputype=host`.
fn model(text: &str) -> Option<String> {
    worded::word(text, "cputype")
}

async fn models(cx: &Cx<Pve>, node: Option<&str>) -> Result<Arc<Vec<Model>>, Problem> {
    let doing = "Cannot list the types of processors";
    let node = match node {
        Some(node) => node.to_owned(),
        None => {
            let nodes = cx.client.nodes().list().await.during(doing)?;
            nodes.iter().find(|node| node.is_online()).map(|node| node.node.clone()).unwrap_or_default()
        }
    };
    let request = Request::get(format!("nodes/{node}/capabilities/qemu/cpu"));
    cx.client.shared(Area::Nodes, request).await.during(doing)
}

/// Whether they differ in case or in one letter only.
fn is_like(known: &str, name: &str) -> bool {
    let (known, name) = (known.to_lowercase(), name.to_lowercase());
    let (known, name): (Vec<char>, Vec<char>) = (known.chars().collect(), name.chars().collect());
    let begins = known.iter().zip(&name).take_while(|(a, b)| a == b).count();
    let ends = |a: &[char], b: &[char]| a.iter().rev().eq(b.iter().rev());
    let rest = |letters: &[char], by: usize| letters.get(begins + by..).unwrap_or_default().to_vec();
    ends(&rest(&known, 0), &rest(&name, 1))
        || ends(&rest(&known, 1), &rest(&name, 0))
        || ends(&rest(&known, 1), &rest(&name, 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_type_is_found_with_and_without_its_key() {
        for (text, name) in [
            ("host", Some("host")),
            ("host,flags=+aes;-pcid", Some("host")),
            ("hidden=1,cputype=max", Some("max")),
            ("flags=+aes", None),
        ] {
            assert_eq!(model(text).as_deref(), name, "{text}");
        }
    }

    #[test]
    fn slips_of_the_pen_are_alike() {
        for name in ["hosst", "hst", "hosd", "Host", "ost"] {
            assert!(is_like("host", name), "{name}");
        }
        for name in ["guest", "ho", "hostname"] {
            assert!(!is_like("host", name), "{name}");
        }
    }
}
