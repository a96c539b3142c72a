//! A picture in Terraform's language.

use std::fmt::{Display, Write as _};

use super::picture::{Disk, Kept, LOCAL, Network, Picture, Vm};
use crate::HEAD;

/// What every configuration begins with. Aliases are further providers.
pub fn head(aliases: &[&str]) -> String {
    let mut text = HEAD.to_owned();
    for alias in aliases {
        // Writing to a string cannot fail.
        let _ = write!(text, "provider \"pve\" {{\n  alias = \"{alias}\"\n}}\n");
    }
    text
}

/// A resource that is being written.
struct Block(String);

impl Block {
    fn new(kind: &str, label: &str, provider: Option<&str>) -> Self {
        let block = Self(format!("\nresource \"pve_{kind}\" \"{label}\" {{\n"));
        match provider {
            Some(alias) => block.line("provider", format!("pve.{alias}")),
            None => block,
        }
    }

    fn line(mut self, name: &str, value: impl Display) -> Self {
        let _ = writeln!(self.0, "  {name} = {value}");
        self
    }

    fn text(self, name: &str, value: &str) -> Self {
        self.line(name, quoted(value))
    }

    fn kept<T>(self, name: &str, kept: &Kept<T>, show: impl Fn(&T) -> String) -> Self {
        if kept.said { self.line(name, show(&kept.value)) } else { self }
    }

    fn opt<T>(self, name: &str, value: Option<&T>, show: impl Fn(&T) -> String) -> Self {
        match value {
            Some(value) => self.line(name, show(value)),
            None => self,
        }
    }

    fn end(self) -> String {
        self.0 + "}\n"
    }
}

fn quoted(text: &str) -> String {
    format!("{text:?}")
}

fn list<S: AsRef<str>>(items: impl IntoIterator<Item = S>) -> String {
    format!("[{}]", items.into_iter().map(|item| quoted(item.as_ref())).collect::<Vec<_>>().join(", "))
}

/// References, which are not quoted.
fn refer(items: impl IntoIterator<Item = String>) -> String {
    format!("[{}]", items.into_iter().collect::<Vec<_>>().join(", "))
}

/// Where something lies: another resource, or the storage that is always there.
fn place(at: &str) -> String {
    if at == LOCAL { quoted(LOCAL) } else { format!("pve_storage_rbd.{at}.storage") }
}

impl Picture {
    /// All resources, made by this alias of the provider.
    pub fn hcl(&self, provider: Option<&str>) -> String {
        let text = |text: &String| quoted(text);
        let word = |word: &&'static str| quoted(word);
        let mut all = String::new();
        for (serial, osd) in &self.osds {
            let block = Block::new("ceph_osd", serial, provider).text("node", &osd.node);
            let block = block.line("device", format!("{{ serial = {} }}", quoted(serial)));
            let block = block.line("allow_destroy", true);
            let block = match &osd.class {
                Some(class) => block.kept("crush_device_class", class, word),
                None => block,
            };
            all += &block.end();
        }
        for (label, rule) in &self.rules {
            let block = Block::new("ceph_crush_rule", label, provider).text("name", label);
            all += &block.text("failure_domain", rule.failure_domain).end();
        }
        let osds = refer(self.osds.keys().map(|serial| format!("pve_ceph_osd.{serial}")));
        for (label, pool) in &self.pools {
            let rule = |rule: &Option<String>| match rule {
                Some(rule) => format!("pve_ceph_crush_rule.{rule}.name"),
                None => quoted("replicated_rule"),
            };
            all += &Block::new("ceph_pool", label, provider)
                .text("name", &pool.name)
                .kept("size", &pool.size, u32::to_string)
                .kept("min_size", &pool.min_size, u32::to_string)
                .kept("crush_rule", &pool.rule, rule)
                .kept("pg_num", &pool.pg_num, u32::to_string)
                .kept("pg_autoscale_mode", &pool.autoscale, word)
                .opt("target_size_ratio", pool.ratio.as_ref(), f64::to_string)
                .line("allow_destroy", pool.allow_destroy)
                .line("depends_on", &osds)
                .end();
        }
        for (label, storage) in &self.storages {
            all += &Block::new("storage_rbd", label, provider)
                .text("storage", &storage.id)
                .line("pool", format!("pve_ceph_pool.{}.name", storage.pool))
                .kept("content", &storage.content, |content| list(content.iter()))
                .opt("nodes", storage.nodes.as_ref(), |nodes| list(nodes))
                .kept("krbd", &storage.krbd, bool::to_string)
                .kept("disable", &storage.disable, bool::to_string)
                .end();
        }
        for (label, vm) in &self.vms {
            all += &self.vm(label, vm, provider);
        }
        for (label, to) in &self.moves {
            all += &Block::new("vm_disk_move", label, provider)
                .line("vmid", format!("pve_vm.{}.vmid", to.vm))
                .text("disk", &to.disk)
                .line("storage", place(&to.storage))
                .line("delete_source", true)
                .end();
        }
        for (vm, ha) in &self.ha {
            let moves = self.moves.iter().filter(|(_, to)| to.vm == *vm);
            all += &Block::new("ha_resource", vm, provider)
                .line("sid", format!("\"vm:${{pve_vm.{vm}.vmid}}\""))
                .kept("state", &ha.state, word)
                .kept("max_restart", &ha.max_restart, u32::to_string)
                .kept("max_relocate", &ha.max_relocate, u32::to_string)
                .kept("failback", &ha.failback, bool::to_string)
                .opt("comment", ha.comment.as_ref(), text)
                .line("depends_on", refer(moves.map(|(label, _)| format!("pve_vm_disk_move.{label}"))))
                .end();
        }
        for (label, group) in &self.groups {
            let block = Block::new("pool", label, provider).text("poolid", &group.id);
            all += &block.opt("comment", group.comment.as_ref(), text).end();
        }
        all
    }

    fn vm(&self, label: &str, vm: &Vm, provider: Option<&str>) -> String {
        let disks = vm.disks.iter().map(|(name, disk)| format!("    {name} = {{ {} }}\n", fields_of(disk)));
        let networks = vm.networks.iter().map(|(name, card)| format!("    {name} = {{ {} }}\n", card_of(card)));
        let (disks, networks): (String, String) = (disks.collect(), networks.collect());
        // On the way down the machine goes first, wherever its disks were brought meanwhile.
        let storages = vm.places().filter(|place| *place != LOCAL).map(|place| format!("pve_storage_rbd.{place}"));
        let storages: std::collections::BTreeSet<String> = storages.collect();
        Block::new("vm", label, provider)
            .opt("vmid", vm.vmid.as_ref(), u32::to_string)
            .text("node", &vm.node)
            .kept("name", &vm.name, |name| quoted(name))
            .kept("cores", &vm.cores, u32::to_string)
            .kept("memory", &vm.memory, u32::to_string)
            .kept("description", &vm.description, |text| quoted(text))
            .kept("tags", &vm.tags, |tags| list(tags))
            .kept("on_boot", &vm.on_boot, bool::to_string)
            .kept("started", &vm.started, bool::to_string)
            .line("disks", format!("{{\n{disks}  }}"))
            .line("networks", format!("{{\n{networks}  }}"))
            .opt("cloud_init", vm.cloud_init.as_ref(), |(user, ip)| {
                let (storage, user, ip) = (quoted(LOCAL), quoted(user), quoted(ip));
                format!("{{ storage = {storage}, user = {user}, ip_config = {{ net0 = {{ ip = {ip} }} }} }}")
            })
            .line("allow_destroy", vm.allow_destroy)
            .line("depends_on", refer(storages))
            .end()
    }
}

fn fields_of(disk: &Disk) -> String {
    let mut fields = vec![format!("size = \"{}G\"", disk.size)];
    match disk.owned {
        true => fields.push(format!("storage = {}", place(&disk.at))),
        false => fields.push(format!("initial_storage = {}", quoted(LOCAL))),
    }
    if disk.discard.said {
        fields.push(format!("discard = {}", disk.discard.value));
    }
    if disk.cache.said {
        fields.push(format!("cache = {}", quoted(disk.cache.value)));
    }
    fields.join(", ")
}

fn card_of(card: &Network) -> String {
    let mut fields = vec!["bridge = \"vmbr0\"".to_owned()];
    if let Some(tag) = card.tag {
        fields.push(format!("tag = {tag}"));
    }
    if card.firewall.said {
        fields.push(format!("firewall = {}", card.firewall.value));
    }
    if card.model.said {
        fields.push(format!("model = {}", quoted(card.model.value)));
    }
    fields.join(", ")
}
