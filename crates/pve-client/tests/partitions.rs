//! Tables of partitions: the very commands that go to a node, run by the real `sfdisk` and `sgdisk` on files, and by the
//! simulated node. Both have to answer the same and leave the same table, and what was there stays as it was, bit for bit.
//!
//! `partx` and `udevadm`, which tell the kernel, have nothing to tell here and do nothing.

use std::fs;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Command;

use pve_client::shell::partitions::{LOCK, NewPartition, NoRoom, PartitionCommands, Table, make, read, remove};
use pve_client::shell::{NodeShell, Output};
use pve_client::{Client, Config};
use pve_sim::shape::Shape;
use pve_sim::{Options, Running, Sim};

const MIB: u64 = 1 << 20;

/// Whether the real programs are here. Loud where they are not; where nothing may be skipped, a failure.
fn real() -> bool {
    let there =
        ["sgdisk", "sfdisk", "flock"].iter().all(|program| Command::new(program).arg("--version").output().is_ok());
    if !there {
        let why = "partitions are held to the real sgdisk and sfdisk (Debian: gdisk, fdisk)";
        let must_not = std::env::var("ACCEPTANCE_MUST_NOT_SKIP").is_ok_and(|value| value == "1");
        assert!(!must_not, "must not be skipped: {why}");
        let _ = writeln!(io::stderr(), "SKIPPED partitions: {why}");
    }
    there
}

/// A disk as a file.
struct Image {
    folder: tempfile::TempDir,
    path: PathBuf,
}

impl Image {
    fn new(mib: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sdb");
        fs::File::create(&path).unwrap().set_len(mib * MIB).unwrap();
        let programs = folder.path().join("bin");
        fs::create_dir(&programs).unwrap();
        for name in ["partx", "udevadm"] {
            let program = programs.join(name);
            fs::write(&program, "#!/bin/sh\nexit 0\n").unwrap();
            fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        }
        Self { folder, path }
    }

    /// Runs a command on it that is meant for `/dev/sdb`.
    fn run(&self, argv: &[String]) -> Output {
        let lock = self.folder.path().join("lock");
        let here =
            |word: &String| word.replace("/dev/sdb", self.path.to_str().unwrap()).replace(LOCK, lock.to_str().unwrap());
        let argv: Vec<String> = argv.iter().map(here).collect();
        let path = format!("{}:{}", self.folder.path().join("bin").display(), std::env::var("PATH").unwrap());
        let out = Command::new(&argv[0]).args(&argv[1..]).env("PATH", path).env("LC_ALL", "C").output().unwrap();
        Output { status: out.status.code().unwrap(), stdout: out.stdout, stderr: out.stderr }
    }

    /// The same with words of one's own.
    fn runs(&self, words: &[&str]) {
        let out = self.run(&words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>());
        assert!(out.success(), "{words:?}: {}", out.stderr_text());
    }

    fn table(&self) -> Table {
        let out = self.run(&read("/dev/sdb"));
        assert!(out.success() && out.stderr.is_empty(), "{}", out.stderr_text());
        Table::read(&out.stdout_text()).unwrap()
    }

    fn at(&self, place: u64, length: usize) -> Vec<u8> {
        let mut file = fs::File::open(&self.path).unwrap();
        file.seek(SeekFrom::Start(place)).unwrap();
        let mut bytes = vec![0; length];
        file.read_exact(&mut bytes).unwrap();
        bytes
    }

    fn put(&self, place: u64, bytes: &[u8]) {
        let mut file = fs::OpenOptions::new().write(true).open(&self.path).unwrap();
        file.seek(SeekFrom::Start(place)).unwrap();
        file.write_all(bytes).unwrap();
    }
}

/// A simulated node with one disk, of this shape.
async fn simulated(disk: &str) -> (Running, Client) {
    let shape =
        format!("nodes: [{{name: pve1, disks: [{{path: /dev/sdb, serial: S1, {disk}}}]}}]\nceph: {{stage: none}}\n");
    let options = Options { shape: Shape::from_yaml(&shape).unwrap(), seed: Some(7), ..Options::default() };
    let sim = Sim::start(options).await.unwrap();
    let (node, url) = &sim.endpoints[0];
    let config = Config::default().endpoint(node, url).fingerprint(node, &sim.fingerprints[node]);
    let client = Client::new(config.login(&sim.username, sim.password.as_str())).unwrap();
    (sim, client)
}

fn new(number: u32, start: u64, size: u64) -> NewPartition {
    let uuid = format!("AAAAAAAA-2222-4333-8444-{number:04}{start:04}{size:04}");
    NewPartition { number, start, size, uuid, label: format!("osd-{number}") }
}

/// Runs a command on both; status and complaints have to be the same, and the tables.
async fn both(image: &Image, client: &Client, argv: &[String]) -> i32 {
    let shell = client.shell("pve1");
    let (real, simulated) = (image.run(argv), shell.run(argv, std::time::Duration::from_secs(60)).await.unwrap());
    let told = |output: &Output| output.stderr_text().replace(image.path.to_str().unwrap(), "/dev/sdb");
    assert_eq!((real.status, told(&real)), (simulated.status, told(&simulated)), "{argv:?}");
    let table = PartitionCommands::new(client, &shell).table("/dev/sdb").await.unwrap();
    assert_eq!(image.table(), table, "{argv:?}");
    real.status
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn real_programs_and_simulated_ones_make_the_same_table() {
    if !real() {
        return;
    }
    let image = Image::new(100);
    let (_sim, client) = simulated("size: 100M").await;
    // On a disk without a table the first partition brings it.
    let first = new(1, 1, 10);
    assert_eq!(both(&image, &client, &make("/dev/sdb", &first)).await, 0);
    let table = image.table();
    assert_eq!(
        (table.usable, table.entries),
        (Table::fresh(100 * MIB).usable, 128),
        "what was counted on is what came"
    );
    let made = table.of_uuid(&first.uuid).unwrap();
    assert_eq!((made.number, made.start, made.size, made.label.as_deref()), (1, MIB, 10 * MIB, Some("osd-1")));
    // What comes once more is refused: the same command, its number, its place, a part of it, or beyond the end.
    for again in [first.clone(), new(1, 50, 10), new(2, 1, 10), new(2, 5, 20), new(2, 95, 10), new(129, 50, 10)] {
        assert_eq!(both(&image, &client, &make("/dev/sdb", &again)).await, 4, "{again:?}");
    }
    // Another one with the same name is not: names are looked at before.
    let twin = NewPartition { label: "osd-1".to_owned(), ..new(2, 20, 30) };
    assert_eq!(both(&image, &client, &make("/dev/sdb", &twin)).await, 0);
    assert_eq!(image.table().labelled("osd-1").len(), 2);
    // The gaps: 11 to 20, 50 to 99.
    assert_eq!(image.table().gaps(), [(11, 9), (50, 49)]);
    assert_eq!(image.table().room(9), Ok((3, 11)));
    assert_eq!(image.table().room(49), Ok((3, 50)));
    assert_eq!(image.table().room(50), Err(NoRoom::Gap(49 * MIB)));
    for mib in [9, 49] {
        let (number, start) = image.table().room(mib).unwrap();
        assert_eq!(both(&image, &client, &make("/dev/sdb", &new(number, start, mib))).await, 0);
    }
    assert_eq!(image.table().room(1), Err(NoRoom::Gap(0)));
    assert_eq!(both(&image, &client, &remove("/dev/sdb", 2)).await, 0);
    // Nobody has it any more: no complaint where there are others behind it, and one where there are none.
    assert_eq!(both(&image, &client, &remove("/dev/sdb", 2)).await, 0);
    assert_eq!(both(&image, &client, &remove("/dev/sdb", 7)).await, 4);
    assert_eq!(image.table().room(30), Ok((2, 20)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_mbr_stays_as_it_is() {
    if !real() {
        return;
    }
    let image = Image::new(50);
    image.runs(&["sh", "-c", "printf 'label: dos\\n2048,20480,83\\n' | sfdisk --quiet /dev/sdb"]);
    let (_sim, client) = simulated("size: 50M, mbr: true, partitions: [{number: 1, size: 10M}]").await;
    let before = fs::read(&image.path).unwrap();
    for argv in [make("/dev/sdb", &new(2, 20, 10)), remove("/dev/sdb", 1)] {
        assert_eq!(both(&image, &client, &argv).await, 3);
    }
    assert!(before == fs::read(&image.path).unwrap());
    assert_eq!(image.table().kind, "dos");
}

#[test]
fn what_others_have_made_stays_bit_for_bit() {
    if !real() {
        return;
    }
    // As an installer lays it out, with a first partition that is not aligned, an attribute, and a table of few entries.
    let image = Image::new(200);
    image.runs(&[
        "sgdisk",
        "--resize-table=8",
        "--set-alignment=1",
        "--new=1:34:2047",
        "--typecode=1:EF02",
        "--new=2:2048:+20M",
        "--typecode=2:EF00",
        "--attributes=2:set:2",
        "--new=5:60M:+33333",
        "--change-name=5:odd one",
        "/dev/sdb",
    ]);
    let contents: Vec<u8> = (0..=255).cycle().take(4096).collect();
    let places = [34 * 512, MIB, 20 * MIB, 60 * MIB];
    for place in places {
        image.put(place, &contents);
    }
    let entries = |image: &Image| {
        let bytes = image.at(2 * 512, 8 * 128);
        bytes.chunks(128).map(<[u8]>::to_vec).collect::<Vec<_>>()
    };
    let (before, was) = (image.table(), entries(&image));
    assert_eq!(before.entries, 8);
    let (number, start) = before.room(30).unwrap();
    assert_eq!((number, start), (3, 21));
    let ours = new(number, start, 30);
    assert!(image.run(&make("/dev/sdb", &ours)).success());
    let after = image.table();
    for old in &before.partitions {
        assert!(after.partitions.contains(old), "{old:?}");
    }
    assert_eq!(after.partitions.len(), before.partitions.len() + 1);
    let now = entries(&image);
    for (index, entry) in was.iter().enumerate().filter(|(index, _)| *index != 2) {
        assert!(now[index] == *entry, "entry {} is another one", index + 1);
    }
    assert!(image.run(&remove("/dev/sdb", 3)).success());
    assert!(entries(&image) == was, "and all is as it was once ours is gone");
    assert_eq!(image.table(), before);
    for place in places {
        assert!(image.at(place, contents.len()) == contents, "what lies at {place} is another thing");
    }
    // A full table is told from one without room.
    for number in [3, 4, 6, 7, 8] {
        let (free, start) = image.table().room(1).unwrap();
        assert_eq!(free, number);
        assert!(image.run(&make("/dev/sdb", &new(free, start, 1))).success());
    }
    assert_eq!(image.table().room(1), Err(NoRoom::Entries));
    assert_eq!(image.run(&make("/dev/sdb", &new(9, 150, 1))).status, 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_table_is_not_mended_by_the_way() {
    if !real() {
        return;
    }
    let image = Image::new(50);
    assert!(image.run(&make("/dev/sdb", &new(1, 1, 10))).success());
    image.put(512 + 24, &[0; 16]);
    let out = image.run(&read("/dev/sdb"));
    assert!(out.success(), "it is read all the same");
    assert!(out.stderr_text().contains("corrupt"), "{}", out.stderr_text());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pves_lock_is_waited_for() {
    if !real() {
        return;
    }
    let image = Image::new(50);
    let argv: Vec<String> = make("/dev/sdb", &new(1, 1, 10))
        .into_iter()
        .map(|word| if word == "60" { "0".to_owned() } else { word })
        .collect();
    let lock = image.folder.path().join("lock");
    let held = fs::File::create(&lock).unwrap();
    held.lock().unwrap();
    assert_eq!(image.run(&argv).status, 75);
    drop(held);
    assert_eq!(image.run(&argv).status, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_open_is_not_given_up() {
    let disk = "size: 50M, partitions: [{number: 1, size: 10M, used: ext4, mounted: true}]";
    let (_sim, client) = simulated(disk).await;
    let shell = client.shell("pve1");
    let commands = PartitionCommands::new(&client, &shell);
    let refused = commands.remove("/dev/sdb", 1).await.unwrap_err();
    assert!(refused.refused(), "{refused}");
    assert_eq!(commands.table("/dev/sdb").await.unwrap().partitions.len(), 1);
    assert!(commands.table("/dev/sdx").await.unwrap_err().refused());
}
