//! Machines as users of other providers wrote them when they reported that something was wrong: each is made as it is written and
//! plans nothing then, is imported and plans nothing, or is refused before anything is sent. The names tell what the user saw.

mod adopted;
mod made;
mod refused;

use acceptance_tests::given::vm;
use pve_sim::Options;
use pve_sim::shape::Shape;
use terraform_core::Value;

use super::work::Work;

/// What the machines are made of, and what they name.
const CLUSTER: &str = r#"
mappings:
  dir: {share: ["node=pve1,path=/srv/share"]}
  pci: {gpu: ["node=pve1,path=0000:01:00.0,id=10de:1234"]}
  usb: {stick: ["node=pve1,id=1234:5678"]}
storages:
- storage: local
  type: dir
  path: /var/lib/vz
  content: [iso, vztmpl, backup, import, snippets]
  volumes:
  - {name: iso/debian-13.iso, size: 600M}
  - {name: iso/virtio-win.iso, size: 700M}
  - {name: import/debian-13.qcow2, size: 2G}
  - {name: snippets/user.yaml, size: 1K}
  - {name: snippets/hook.pl, size: 1K}
- {storage: local-lvm, type: lvmthin, vgname: pve, thinpool: data, content: [images, rootdir]}
- {storage: other, type: lvmthin, vgname: pve, thinpool: other, content: [images]}
guests:
- vmid: 9000
  node: pve1
  name: template
  config:
    template: 1
    cores: 1
    memory: "512"
    tags: template
    description: from the template
    scsihw: virtio-scsi-pci
    scsi0: "local-lvm:2"
    ide2: "local-lvm:cloudinit"
    net0: "virtio,bridge=vmbr0"
    serial0: socket
    vga: serial0
"#;

/// Somebody's cluster.
async fn cluster() -> Work {
    let shape = Shape::from_yaml(CLUSTER).unwrap();
    Work::with(Options { factor: 600.0, shape, ..Options::default() }).await
}

/// What is planned of the machine, attribute by attribute.
async fn planned(work: &Work) -> String {
    let Ok(plan) = work.bench.core.plan(&work.config()).await else { return "no plan".to_owned() };
    let Some(change) = plan.change("pve_vm.web") else { return "no change".to_owned() };
    let (Value::Object(before), Value::Object(after)) = (&change.before, &change.after) else {
        return format!("{:?}", change.action);
    };
    let differ = before.iter().filter(|(name, value)| after.get(*name) != Some(value));
    differ.map(|(name, value)| format!("{name}: {value:?} -> {:?}", after.get(name))).collect::<Vec<_>>().join("\n")
}

/// What is wrong if something is planned.
async fn must_plan_nothing(work: &Work, when: &str) -> Result<(), String> {
    let said = work.plan().await;
    if said.is_empty() {
        return Ok(());
    }
    Err(format!("{when}, something is planned: {}{}", said.told(), planned(work).await))
}

/// Says all that went wrong.
fn tell(wrong: Vec<String>) {
    assert!(wrong.is_empty(), "{} of them:\n{}", wrong.len(), wrong.join("\n\n"));
}
