//! What was there before, spelt in any way that PVE takes, and was to be taken over.

use super::{cluster, must_plan_nothing, tell, vm};

/// A report: what was seen, what stands in the machine's file, and what was written to take it over.
type Report = (&'static str, &'static [(&'static str, &'static str)], &'static str);

const REPORTS: &[Report] = &[
    ("an agent that is `1`", &[("agent", "1")], "agent = { enabled = true }"),
    (
        "an agent with its name",
        &[("agent", "enabled=1,type=virtio,fstrim_cloned_disks=0")],
        "agent = { enabled = true, type = \"virtio\" }",
    ),
    ("an agent that is off", &[("agent", "0")], "agent = { enabled = false }"),
    (
        "a processor by its long name",
        &[("cpu", "cputype=host,flags=+aes;-pcid,hidden=0")],
        "cpu = \"host\"\ncpu_options = { flags = [\"-pcid\", \"+aes\"] }",
    ),
    ("a processor as a text", &[("cpu", "flags=+aes,cputype=host")], "cpu = \"host,flags=+aes\""),
    ("the boot order of old", &[("boot", "cdn"), ("bootdisk", "scsi0")], ""),
    ("a boot order by its name", &[("boot", "order=scsi0;net0")], "boot_order = [\"scsi0\", \"net0\"]"),
    (
        "a card by long names",
        &[("net0", "model=virtio,macaddr=BC:24:11:00:00:01,bridge=vmbr0,firewall=1")],
        "networks = { net0 = { bridge = \"vmbr0\", firewall = true } }",
    ),
    (
        "a card in another order",
        &[("net0", "bridge=vmbr0,firewall=0,tag=20,virtio=bc:24:11:00:00:01")],
        "networks = { net0 = { bridge = \"vmbr0\", tag = 20, mac = \"BC:24:11:00:00:01\" } }",
    ),
    (
        "an Intel card",
        &[("net0", "e1000=BC:24:11:00:00:01,bridge=vmbr0,link_down=0,rate=12.50")],
        "networks = { net0 = { model = \"e1000\", bridge = \"vmbr0\", rate = 12.5 } }",
    ),
    ("tags with commas and blanks", &[("tags", "b,a c")], "tags = [\"a\", \"b\", \"c\"]"),
    ("a place in the order in another order", &[("startup", "up=30,order=2")], "startup = { order = 2, up = 30 }"),
    ("a place in the order without a name", &[("startup", "2,down=10")], "startup = { order = 2, down = 10 }"),
    (
        "addresses in another order",
        &[("ipconfig0", "gw=192.0.2.1,ip=192.0.2.10/24")],
        "cloud_init = { ip_config = { net0 = { ip = \"192.0.2.10/24\", gw = \"192.0.2.1\" } } }",
    ),
    (
        "name servers with commas",
        &[("nameserver", "192.0.2.1, 192.0.2.2"), ("searchdomain", "a.example, b.example")],
        "cloud_init = { dns = { servers = [\"192.0.2.1\", \"192.0.2.2\"], domain = \"a.example b.example\" } }",
    ),
    (
        "keys with blank lines",
        &[("sshkeys", "ssh-ed25519%20AAAA%20a%0A%0Assh-ed25519%20BBBB%20b%0A")],
        "cloud_init = { ssh_keys = [\"ssh-ed25519 AAAA a\", \"ssh-ed25519 BBBB b\"] }",
    ),
    (
        "SMBIOS in base64",
        &[("smbios1", "base64=1,serial=UyAx,uuid=6d1ae0c6-9f4c-4dbb-8f3c-3a2f6e2d1c5b")],
        "smbios = { serial = \"S 1\" }",
    ),
    (
        "SMBIOS in plain words",
        &[("smbios1", "uuid=6d1ae0c6-9f4c-4dbb-8f3c-3a2f6e2d1c5b,product=Box")],
        "smbios = { product = \"Box\" }",
    ),
    (
        "an EFI disk of which the storage alone is said",
        &[("bios", "ovmf"), ("efidisk0", "local-lvm:vm-100-disk-1,efitype=4m,pre-enrolled-keys=1,size=4M")],
        "bios = \"ovmf\"\nefi_disk = { storage = \"local-lvm\", type = \"4m\" }",
    ),
    (
        "an EFI disk of Microsoft's newer certificate",
        &[("efidisk0", "local-lvm:vm-100-disk-1,efitype=4m,ms-cert=2023,pre-enrolled-keys=1,size=4M")],
        "efi_disk = { pre_enrolled_keys = true }",
    ),
    ("a TPM of old", &[("tpmstate0", "local-lvm:vm-100-disk-2,size=4M")], "tpm_state = { version = \"v1.2\" }"),
    (
        "a device in words for yes and no",
        &[("hostpci0", "0000:01:00,pcie=on,rombar=off,x-vga=yes")],
        "pci = { hostpci0 = { host = \"0000:01:00\", pcie = true, rombar = false, primary_gpu = true } }",
    ),
    (
        "a device by its long name",
        &[("hostpci0", "host=01:00.0,driver=vfio")],
        "pci = { hostpci0 = { host = \"01:00.0\" } }",
    ),
    (
        "a mapped device with more",
        &[("hostpci0", "mapping=gpu,mdev=nvidia-11,pcie=1")],
        "pci = { hostpci0 = { mapping = \"gpu\", mdev = \"nvidia-11\", pcie = true } }",
    ),
    (
        "NUMA nodes with semicolons",
        &[("numa", "1"), ("numa0", "cpus=0;1,hostnodes=0,memory=512,policy=bind")],
        "numa = true\nnuma_nodes = { numa0 = { cpus = \"0;1\", memory = 512, host_nodes = \"0\", policy = \"bind\" } }",
    ),
    (
        "a machine by its long name",
        &[("machine", "type=q35,viommu=intel")],
        "machine = \"q35\"\nmachine_options = { viommu = \"intel\" }",
    ),
    (
        "a disk whose defaults are spelt out",
        &[("scsi0", "file=local-lvm:vm-100-disk-0,backup=1,cache=none,discard=ignore,iothread=0,replicate=1,size=1G")],
        "disks = { scsi0 = { size = \"1G\" } }",
    ),
    (
        "a disk in words for yes and no",
        &[("scsi0", "local-lvm:vm-100-disk-0,backup=no,discard=on,iothread=on,ssd=yes,size=1024M")],
        "disks = { scsi0 = { size = \"1G\", backup = false, discard = true, iothread = true, ssd = true } }",
    ),
    (
        "a disk with a format and a throttle",
        &[("scsi0", "local-lvm:vm-100-disk-0,format=raw,mbps=10.00,mbps_max=20.50,iops=100,size=1G")],
        "disks = { scsi0 = { throttle = { mbps = 10, mbps_max = 20.5, iops = 100 } } }",
    ),
    ("a disk that was grown by hand", &[("scsi0", "local-lvm:vm-100-disk-0,size=3G")], "disks = { scsi0 = {} }"),
    (
        "an ISO with its size",
        &[("ide2", "local:iso/debian-13.iso,media=cdrom,size=600M")],
        "cdroms = { ide2 = { file = \"local:iso/debian-13.iso\" } }",
    ),
    ("an empty drive in another order", &[("ide2", "media=cdrom,file=none")], "cdroms = { ide2 = {} }"),
    ("a display by its long name", &[("vga", "type=qxl,memory=32")], "vga = { type = \"qxl\", memory = 32 }"),
    ("a display with its memory first", &[("vga", "memory=32,virtio")], "vga = { type = \"virtio\", memory = 32 }"),
    (
        "a USB device by its long name",
        &[("usb0", "host=0x1234:0x5678,usb3=1")],
        "usb = { usb0 = { host = \"0x1234:0x5678\", usb3 = true } }",
    ),
    ("USB of SPICE in capitals", &[("usb0", "SPICE")], "usb = { usb0 = { host = \"SPICE\" } }"),
    ("hotplug that is `1`", &[("hotplug", "1")], "hotplug = [\"network\", \"disk\", \"usb\"]"),
    ("hotplug that is `0`", &[("hotplug", "0")], "hotplug = []"),
    ("memory by its name", &[("memory", "current=2048")], "memory = 2048"),
    (
        "a sound card",
        &[("audio0", "driver=spice,device=ich9-intel-hda")],
        "audio = { device = \"ich9-intel-hda\", driver = \"spice\" }",
    ),
    (
        "randomness by its long name",
        &[("rng0", "max_bytes=1024,period=1000,source=/dev/urandom")],
        "rng = { source = \"/dev/urandom\", max_bytes = 1024, period = 1000 }",
    ),
    (
        "a watchdog by its long name",
        &[("watchdog", "action=reset,model=i6300esb")],
        "watchdog = { model = \"i6300esb\", action = \"reset\" }",
    ),
    (
        "a directory by its long name",
        &[("virtiofs0", "dirid=share,cache=always")],
        "virtiofs = { virtiofs0 = { mapping = \"share\", cache = \"always\" } }",
    ),
    (
        "parts of what nobody models",
        &[
            ("unused0", "local-lvm:vm-100-disk-7"),
            ("vmgenid", "1"),
            ("parent", "before"),
            ("ivshmem", "size=32"),
            ("parallel0", "/dev/parport0"),
        ],
        "cores = 1",
    ),
    (
        "arguments and affinity",
        &[("args", "-cpu host,kvm=off"), ("affinity", "0,2-3")],
        "args = \"-cpu host,kvm=off\"\naffinity = \"0,2-3\"",
    ),
    ("a limit in decimals", &[("cpulimit", "1.50"), ("migrate_downtime", "0.10")], "cpu_limit = 1.5"),
    ("notes with a line break at their end", &[("description", "a\nb\n")], "description = \"a\\nb\""),
    (
        "cloud-init on SATA with snippets",
        &[
            ("sata5", "local-lvm:vm-100-cloudinit,media=cdrom,size=4M"),
            ("cicustom", "vendor=local:snippets/user.yaml,user=local:snippets/user.yaml"),
        ],
        "cloud_init = { storage = \"local-lvm\", custom = { user = \"local:snippets/user.yaml\", vendor = \"local:snippets/user.yaml\" } }",
    ),
    (
        "an upgrade that is off",
        &[("ciupgrade", "0"), ("ciuser", "ops"), ("citype", "nocloud")],
        "cloud_init = { user = \"ops\", upgrade = false, type = \"nocloud\" }",
    ),
    (
        "a script and a storage for states",
        &[("hookscript", "local:snippets/gone.pl"), ("vmstatestorage", "gone")],
        "hook_script = \"local:snippets/gone.pl\"\nvm_state_storage = \"gone\"",
    ),
    ("a processor of one's own", &[("cpu", "custom-mine")], "cpu = \"custom-mine\""),
];

async fn rests((seen, file, text): Report) -> Result<(), String> {
    let mut work = cluster().await;
    work.write(&vm("vmid = 100\nnode = \"pve1\"\nallow_destroy = true\ndisks = { scsi0 = { size = \"1G\", storage = \"local-lvm\" } }"));
    work.apply().await.succeeded();
    work.site.by_hand(|cluster| {
        let values = &mut cluster.guests.get_mut(100).unwrap().config.values;
        values.extend(file.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())));
    });
    work.forget("pve_vm.web");
    // With what is written about it, and with nothing but its number.
    for text in [text, ""] {
        work.write(&vm(&format!("vmid = 100\n{text}")));
        let at = |what: String| format!("{seen}\n{file:?}\n{text}\n{what}");
        let said = work.import("pve_vm.web", "100").await;
        if !said.ok {
            return Err(at(format!("is not imported: {}", said.told())));
        }
        must_plan_nothing(&work, "imported").await.map_err(at)?;
        work.forget("pve_vm.web");
    }
    // And what is changed then is all that changes.
    let before = work.site.by_hand(|cluster| cluster.guests.get_mut(100).unwrap().config.values.clone());
    work.write(&vm(&format!("vmid = 100\nname = \"other\"\n{text}")));
    work.import("pve_vm.web", "100").await.succeeded();
    let said = work.apply().await;
    if !said.ok {
        return Err(format!("{seen}\n{file:?}\n{text}\nis not changed: {}", said.told()));
    }
    let mut after = work.site.by_hand(|cluster| cluster.guests.get_mut(100).unwrap().config.values.clone());
    after.remove("name");
    match before == after {
        true => Ok(()),
        false => Err(format!("{seen}\n{file:?}\n{text}\nmore was changed: {before:?}\n{after:?}")),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn machines_of_reports_are_taken_over_as_they_are_spelt() {
    let mut wrong = Vec::new();
    for report in REPORTS {
        wrong.extend(rests(*report).await.err());
    }
    assert!(REPORTS.len() >= 40);
    tell(wrong);
}

/// What PVE knows nothing of cannot be imported: it is noted by one update, which sends nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_pve_does_not_know_is_noted_without_a_request() {
    let mut work = cluster().await;
    work.write(&vm("vmid = 100\nnode = \"pve1\"\ndisks = { scsi0 = { size = \"1G\", storage = \"local-lvm\" } }"));
    work.apply().await.succeeded();
    work.forget("pve_vm.web");
    let noted = "allow_destroy = true\ndisks = { scsi0 = { when_removed = \"destroy\" } }\nwatchdog = {}\naudio = {}\nstartup = {}\nsmbios = {}";
    work.write(&vm(&format!("vmid = 100\n{noted}")));
    work.import("pve_vm.web", "100").await.succeeded();
    let sent = work.site.sent().len();
    assert_eq!(work.apply().await.succeeded().actions("pve_vm.web"), ["update"]);
    assert_eq!(work.site.sent().len(), sent, "{:?}", work.site.sent());
    must_plan_nothing(&work, "noted").await.unwrap();
}
