//! What guests are made from: fetched, sent, pulled, and what goes wrong with it.

use acceptance_tests::Web;
use serde_json::json;

use super::work::Work;

/// Storages of each node's own and one that all share, an index, and machines that answer by SSH.
const LAB: &str = "
ssh: true
storages:
  - {storage: local, type: dir, path: /var/lib/vz, content: [iso, vztmpl, import, snippets]}
  - {storage: small, type: dir, path: /srv/small, content: [iso], size: 1K}
  - {storage: local-lvm, type: lvmthin, vgname: pve, thinpool: data, content: [images]}
  - {storage: nas, type: nfs, server: 10.0.0.9, export: /vm, content: [iso, vztmpl]}
appliances:
  - {template: debian-13-standard_13.1-2_amd64.tar.zst, section: system, location: 'http://a.example/debian-13.tar.zst'}
";

fn block(kind: &str, attributes: &str) -> String {
    format!("resource \"{kind}\" \"a\" {{\n{attributes}\n}}\n")
}

fn download(attributes: &str) -> String {
    block("pve_storage_download", attributes)
}

const NODE: &str = "node = \"pve1\"\nstorage = \"local\"\n";

/// What a file holds, in the cluster.
fn held(work: &Work, volid: &str) -> Option<Vec<u8>> {
    work.bench.sim.world.with(|cluster| cluster.file("pve1", volid).map(|bytes| bytes.to_vec()))
}

/// Somebody else puts a file there.
fn put(work: &Work, content: &str, name: &str, bytes: &[u8]) {
    let put =
        |cluster: &mut pve_sim::cluster::Cluster| cluster.put_file("pve1", "local", content, name, bytes.to_vec());
    work.bench.sim.world.with(put).unwrap();
}

fn remove(work: &Work, volid: &str) {
    work.bench.sim.world.with(|cluster| cluster.free("pve1", volid)).unwrap();
}

fn sha256(bytes: &[u8]) -> String {
    use sha2::Digest as _;
    sha2::Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// With another provider the size of a file that the server no longer has, or that was decompressed, was compared at each plan,
/// and the image fetched anew under the machines (bpg/proxmox 1516, 1740, 2470).
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_whose_size_differs_from_the_servers_is_not_fetched_again() {
    let mut work = Work::of(LAB).await;
    let compressed = download(&format!(
        "{NODE}content = \"iso\"\nfile_name = \"a.iso\"\nurl = \"https://a.example/size/changing/a.iso\""
    ));
    work.write(&compressed);
    work.apply().await.succeeded();
    assert!(work.plan().await.is_empty(), "the server has something longer by now");
    let packed = format!("{NODE}content = \"iso\"\nfile_name = \"b.iso\"\ncompression = \"gz\"");
    let more = format!("{packed}\nurl = \"https://a.example/size/b.iso.gz\"");
    work.write(&format!("{compressed}{}", download(&more).replace("\"a\"", "\"b\"")));
    work.apply().await.succeeded();
    assert_eq!(held(&work, "local:iso/b.iso"), Some(Web::content("/size/b.iso")), "decompressed");
    assert!(work.plan().await.is_empty());
    // Somebody has put another file in its place: told, and left alone unless asked.
    put(&work, "iso", "a.iso", b"short");
    assert!(work.plan().await.is_empty());
    work.apply().await.succeeded();
    assert_eq!(work.instance("pve_storage_download.a")["attributes"]["size"], 5);
    assert_eq!(Web::fetched("/size/changing/a.iso"), 1);
    let told = compressed.replace("\n}", "\nreplace_if_changed = true\n}");
    work.write(&told);
    assert_eq!(work.plan().await.actions("pve_storage_download.a"), ["delete", "create"]);
    work.apply().await.succeeded();
    assert_eq!(Web::fetched("/size/changing/a.iso"), 2);
    assert!(work.plan().await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_source_or_checksum_fetches_anew_and_so_does_absence() {
    let mut work = Work::of(LAB).await;
    let of = |url: &str, sum: &str| {
        let checksum = format!("checksum = \"{sum}\"\nchecksum_algorithm = \"sha256\"");
        download(&format!("{NODE}content = \"iso\"\nfile_name = \"a.iso\"\nurl = \"{url}\"\n{checksum}"))
    };
    let (first, second) = (Web::content("/anew/1.iso"), Web::content("/anew/2.iso"));
    let wrong = of("https://a.example/anew/1.iso", &sha256(&second));
    work.write(&wrong);
    let told = work.apply().await.failed("Cannot make file \"local:iso/a.iso\" on pve1");
    assert!(told.says("checksum mismatch"), "{}", told.told());
    assert!(work.bench.core.state.is_empty() && held(&work, "local:iso/a.iso").is_none(), "nothing stays");
    let right = of("https://a.example/moved/anew/1.iso", &sha256(&first).to_uppercase());
    work.write(&right);
    work.apply().await.succeeded();
    assert_eq!(held(&work, "local:iso/a.iso"), Some(first));
    assert!(work.plan().await.is_empty());
    work.write(&of("https://a.example/anew/2.iso", &sha256(&second)));
    assert_eq!(work.plan().await.actions("pve_storage_download.a"), ["delete", "create"]);
    work.apply().await.succeeded();
    assert_eq!(held(&work, "local:iso/a.iso"), Some(second));
    remove(&work, "local:iso/a.iso");
    assert_eq!(work.plan().await.actions("pve_storage_download.a"), ["create"]);
    work.apply().await.succeeded();
    assert_eq!(Web::fetched("/anew/2.iso"), 2);
    work.destroy().await.succeeded();
    assert_eq!(held(&work, "local:iso/a.iso"), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_is_told_with_its_cure_and_nothing_is_written() {
    let mut work = Work::of(LAB).await;
    put(&work, "iso", "there.iso", b"theirs");
    work.site.forget_requests();
    let url = "url = \"https://a.example/x.iso\"";
    let rows = [
        (
            format!("{NODE}content = \"import\"\nurl = \"https://a.example/noble-amd64.img\""),
            "A name that PVE does not take",
            "noble-amd64.qcow2",
        ),
        (
            format!("{NODE}content = \"iso\"\nurl = \"https://a.example/there.iso\""),
            "File \"local:iso/there.iso\" on pve1 exists",
            "id = \"pve1/local:iso/there.iso\"",
        ),
        (
            format!("storage = \"local\"\ncontent = \"iso\"\n{url}"),
            "Storage \"local\" is each node's own",
            "Set `node`",
        ),
        (
            format!("node = \"pve1\"\nstorage = \"nas\"\ncontent = \"iso\"\n{url}"),
            "Storage \"nas\" is shared by all nodes",
            "Leave `node` out",
        ),
        (
            "storage = \"nas\"\ncontent = \"import\"\nurl = \"https://a.example/x.raw\"".to_owned(),
            "Storage \"nas\" does not take `import`",
            "Add `import`",
        ),
        (
            format!("node = \"pve1\"\nstorage = \"nope\"\ncontent = \"iso\"\n{url}"),
            "Storage \"nope\" does not exist",
            "Name one that there is",
        ),
        (
            format!("node = \"pve9\"\nstorage = \"local\"\ncontent = \"iso\"\n{url}"),
            "There is no node pve9",
            "Name one of",
        ),
        (
            format!("{NODE}content = \"vztmpl\"\nurl = \"https://a.example/x.tar.gz\"\ncompression = \"gz\""),
            "PVE does not decompress `vztmpl`",
            "pve_storage_file",
        ),
        (
            format!(
                "{NODE}content = \"iso\"\n{url}\nchecksum = \"{}\"\nchecksum_algorithm = \"sha256\"",
                "0".repeat(40)
            ),
            "A checksum of another algorithm",
            "40 digits",
        ),
    ];
    let rows: Vec<(&str, &str, &str)> = rows.iter().map(|(a, b, c)| (a.as_str(), *b, *c)).collect();
    work.refused(download, &rows).await;
    // A full storage is found out by the task, and nothing stays.
    work.write(&download(&format!(
        "node = \"pve1\"\nstorage = \"small\"\ncontent = \"iso\"\nurl = \"https://a.example/{}.iso\"",
        "x".repeat(40)
    )));
    work.apply().await.failed("Cannot make file");
    assert!(work.bench.core.state.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shared_storage_is_filled_by_whichever_node_is_there() {
    let mut work = Work::of(LAB).await;
    work.site.power("pve1", false);
    work.write(&download("storage = \"nas\"\ncontent = \"iso\"\nurl = \"https://a.example/shared/a.iso\""));
    work.apply().await.succeeded();
    assert!(work.plan().await.is_empty());
    assert_eq!(work.instance("pve_storage_download.a")["attributes"]["volid"], "nas:iso/a.iso");
    work.site.power("pve1", true);
    work.forget("pve_storage_download.a");
    work.import("pve_storage_download.a", "nas:iso/a.iso").await.succeeded();
    work.apply().await.succeeded();
    assert!(work.plan().await.is_empty());
    assert_eq!(Web::fetched("/shared/a.iso"), 1);
    work.destroy().await.succeeded();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_answer_is_settled_by_looking_and_nothing_is_fetched_twice() {
    let mut work = Work::of(LAB).await;
    let lost = |path: &str| json!({ "match": { "method": "POST", "path": path }, "when": "after", "effect": { "drop": true } });
    work.site.fault(&lost("/nodes/pve1/storage/local/download-url"));
    work.write(&download(&format!("{NODE}content = \"iso\"\nurl = \"https://a.example/lost/a.iso\"")));
    work.apply().await.succeeded();
    assert!(work.plan().await.is_empty());
    assert_eq!(Web::fetched("/lost/a.iso"), 1);
    work.site.clear_faults();
    work.site.fault(&lost("/nodes/pve1/storage/local/upload"));
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "sent once").unwrap();
    let path = file.path().display();
    work.write(&block(
        "pve_storage_file",
        &format!("{NODE}content = \"iso\"\nfile_name = \"sent.iso\"\npath = \"{path}\""),
    ));
    work.site.forget_requests();
    work.apply().await.succeeded();
    let uploads = work.site.sent().iter().filter(|sent| sent.ends_with("/upload")).count();
    assert_eq!((uploads, held(&work, "local:iso/sent.iso")), (1, Some(b"sent once".to_vec())));
    assert!(work.plan().await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_local_file_is_sent_whole_and_again_when_it_has_changed() {
    let mut work = Work::of(LAB).await;
    let file = tempfile::NamedTempFile::new().unwrap();
    // More than is held at once, and more than a form may have.
    let large: Vec<u8> = (0..3_000_017_u32).map(|n| (n % 251) as u8).collect();
    std::fs::write(file.path(), &large).unwrap();
    let path = file.path().display();
    let text =
        block("pve_storage_file", &format!("{NODE}content = \"import\"\nfile_name = \"a.qcow2\"\npath = \"{path}\""));
    work.write(&text);
    work.apply().await.succeeded();
    assert!(held(&work, "local:import/a.qcow2").is_some_and(|held| held == large));
    assert_eq!(work.instance("pve_storage_file.a")["attributes"]["sha256"], sha256(&large));
    assert!(work.plan().await.is_empty());
    std::fs::write(file.path(), "another").unwrap();
    assert_eq!(work.plan().await.actions("pve_storage_file.a"), ["delete", "create"]);
    work.apply().await.succeeded();
    assert_eq!(held(&work, "local:import/a.qcow2"), Some(b"another".to_vec()));
    // What has another size there by now is another file.
    put(&work, "import", "a.qcow2", b"x");
    assert_eq!(work.plan().await.actions("pve_storage_file.a"), ["delete", "create"]);
    work.apply().await.succeeded();
    // What is there already is not overwritten, though PVE would.
    put(&work, "iso", "theirs.iso", b"theirs");
    work.write(&block(
        "pve_storage_file",
        &format!("{NODE}content = \"iso\"\nfile_name = \"theirs.iso\"\npath = \"{path}\""),
    ));
    work.apply().await.failed("File \"local:iso/theirs.iso\" on pve1 exists");
    assert_eq!(held(&work, "local:iso/theirs.iso"), Some(b"theirs".to_vec()));
    work.write(&text.replace("a.qcow2", "a.img"));
    work.try_plan().await.failed("A name that PVE does not take");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn snippets_are_written_by_ssh_and_in_place() {
    let mut work = Work::of(LAB).await;
    let of = |data: &str| {
        block("pve_storage_file", &format!("{NODE}content = \"snippets\"\nfile_name = \"u.yaml\"\ndata = \"{data}\""))
    };
    work.write(&of("one"));
    work.apply().await.succeeded();
    assert!(work.plan().await.is_empty());
    let file = json!({ "path": "/var/lib/vz/snippets/u.yaml", "content": "two" });
    work.site.file("pve1", &file);
    assert_eq!(
        work.plan().await.actions("pve_storage_file.a"),
        ["update"],
        "somebody has changed it, to the same length"
    );
    work.write(&of("three"));
    work.apply().await.succeeded();
    assert!(work.site.state().to_string().contains("three"));
    assert!(work.plan().await.is_empty());
    work.destroy().await.succeeded();
    assert!(!work.site.state().to_string().contains("u.yaml"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tag_that_moves_is_no_difference_and_two_images_by_one_name_are_told() {
    let mut work = Work::of(LAB).await;
    let of = |reference: &str| block("pve_oci_image", &format!("{NODE}reference = \"{reference}\""));
    work.write(&of("docker.io/library/nginx:latest"));
    work.apply().await.succeeded();
    assert!(work.plan().await.is_empty());
    let attributes = work.instance("pve_oci_image.a")["attributes"].clone();
    assert_eq!(attributes["volid"], "local:vztmpl/nginx_latest.tar");
    let archive = held(&work, "local:vztmpl/nginx_latest.tar").unwrap();
    let text = String::from_utf8_lossy(&archive);
    assert!(text.contains("oci-layout") && text.contains("index.json") && text.contains("MODE=image"));
    work.write(&of("docker.io/library/nginx:1.29"));
    work.apply().await.succeeded();
    assert_eq!(work.instance("pve_oci_image.a")["attributes"]["volid"], "local:vztmpl/nginx_1.29.tar");
    assert!(held(&work, "local:vztmpl/nginx_latest.tar").is_none());
    let two = |of: &str, to: &str| of.replace("\"a\"", to);
    work.write(&format!("{}{}", two(&of("a.example/x/web:1.28"), "\"b\""), two(&of("a.example/y/web:1.28"), "\"c\"")));
    let told = work.try_plan().await.failed("Two images by one name");
    assert!(told.says("a `file_name` of its own"), "{}", told.told());
    work.write(&of(&format!("docker.io/library/nginx@sha256:{}", "0".repeat(64))));
    assert!(work.try_plan().await.failed("PVE takes no digest").says("nginx:TAG"));
    work.write(&of("docker.io/library/nginx:none"));
    work.apply().await.failed("Cannot make file");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_template_that_the_index_does_not_have_is_told_with_those_that_are_like_it() {
    let mut work = Work::of(LAB).await;
    let of = |template: &str| block("pve_appliance_template", &format!("{NODE}template = \"{template}\""));
    work.write(&of("debian-13-standard_13.0-1_amd64.tar.zst"));
    let told = work.apply().await.failed("The index of pve1 has no template");
    assert!(told.says("There are: debian-13-standard_13.1-2_amd64.tar.zst"), "{}", told.told());
    assert!(work.site.sent().is_empty());
    work.write(&of("debian-13-standard_13.1-2_amd64.tar.zst"));
    work.apply().await.succeeded();
    assert!(work.plan().await.is_empty());
    // What the index no longer has stays.
    work.bench.sim.world.with(|cluster| cluster.web.appliances.clear());
    assert!(work.plan().await.is_empty());
    work.destroy().await.succeeded();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_image_in_a_drive_is_told_of_before_it_goes() {
    let mut work = Work::of(LAB).await;
    let text = download(&format!("{NODE}content = \"iso\"\nurl = \"https://a.example/used/a.iso\""));
    work.write(&text);
    work.apply().await.succeeded();
    let vm = "resource \"pve_vm\" \"a\" {\nvmid = 120\nnode = \"pve1\"\nallow_destroy = true\n}\n";
    work.write(&format!("{text}{vm}"));
    work.apply().await.succeeded();
    let guest = |cluster: &mut pve_sim::cluster::Cluster| {
        let guest = cluster.guests.get_mut(120).unwrap();
        guest.config.set("ide2", "local:iso/a.iso,media=cdrom".to_owned(), false);
    };
    work.bench.sim.world.with(guest);
    work.write(vm);
    let plan = work.plan().await;
    assert!(plan.says("An ISO image that is to be removed is in use") && plan.says("vm:120"), "{}", plan.told());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_storage_does_not_show_any_more_is_kept() {
    let mut work = Work::of(LAB).await;
    let text = download(&format!("{NODE}content = \"iso\"\nurl = \"https://a.example/kept/a.iso\""));
    work.write(&text);
    work.apply().await.succeeded();
    let says = |content: &str| {
        let content = content.to_owned();
        move |cluster: &mut pve_sim::cluster::Cluster| {
            let storage = cluster.storage.all.get_mut("local").unwrap();
            storage.options.insert("content".to_owned(), content);
        }
    };
    work.bench.sim.world.with(says("vztmpl"));
    let plan = work.plan().await;
    assert!(plan.is_empty() && plan.says("holds no `iso` any more"), "{}", plan.told());
    work.bench.sim.world.with(says("vztmpl,iso"));
    work.site.power("pve1", false);
    assert!(work.plan().await.is_empty(), "its node is off");
}
