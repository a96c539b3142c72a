//! The command line: `pve-sim serve`, `pve-sim run -- CMD`, and the verbs against a simulator that runs.

mod remote;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::str::FromStr;
use std::time::Duration;

use anyhow::Context;
use clap::{Args, Parser, Subcommand};
use pve_sim::shape::{CephStage, GuestShape, NodeShape, PartitionShape, Shape, Size, parse_duration};
use pve_sim::{Options, Running, Sim};
use tokio::signal::unix::{SignalKind, signal};

#[derive(Parser)]
#[command(name = "pve-sim", about = "A whole Proxmox VE cluster in one process, over HTTPS")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve until SIGINT or SIGTERM; prints one line of JSON when it answers
    Serve(ClusterArgs),
    /// Serve, run a command with the cluster in its environment, exit with its code
    Run {
        #[command(flatten)]
        cluster: ClusterArgs,
        /// The command and its arguments
        #[arg(last = true, required = true)]
        command: Vec<String>,
    },
    #[command(flatten)]
    Remote(remote::Verb),
}

#[derive(Args)]
struct ClusterArgs {
    /// Nodes pve1..pveN
    #[arg(long, default_value_t = 3)]
    nodes: usize,
    /// Empty data disks per node besides the system disk
    #[arg(long, default_value_t = 2)]
    disks: usize,
    /// Size of each
    #[arg(long, default_value = "64G")]
    disk_size: Size,
    /// The cluster's shape as YAML, instead of the three above
    #[arg(long, value_name = "FILE", conflicts_with_all = ["nodes", "disks", "disk_size"])]
    cluster: Option<PathBuf>,
    /// How far Ceph is set up: none, installed, initialised, monitors, ready [default: monitors]
    #[arg(long, value_name = "STAGE")]
    ceph: Option<CephStage>,
    /// A running VM with a cloud-init drive and a disk on local-lvm, of 32G on the first node unless said; repeatable
    #[arg(long, value_name = "VMID[@NODE][:SIZE]")]
    guest: Vec<GuestArg>,
    /// An empty partition on the system disk of each node, behind the three that PVE makes; repeatable
    #[arg(long, value_name = "NUMBER:SIZE", conflicts_with = "cluster")]
    partition: Vec<PartitionArg>,
    /// An API token root@pam!NAME that has this role on / and nothing else; repeatable
    #[arg(long, value_name = "NAME=ROLE")]
    token: Vec<TokenArg>,
    /// A host that nodes reach, and where it answers, in plain HTTP on a loopback address; `*` stands for all others; repeatable
    #[arg(long, value_name = "HOST=ADDR")]
    web: Vec<WebArg>,
    /// Version of PVE: 9.2, or 8.4 as far as it differs in what is simulated [default: what the cluster's file says, else 9.2]
    #[arg(long, value_name = "VERSION")]
    pve: Option<String>,
    /// Simulated seconds per real second; 0 stands still [default: 60]
    #[arg(long, value_name = "FACTOR")]
    clock: Option<f64>,
    /// What a disk move reaches, as 5MiB/s [default: unlimited]
    #[arg(long, value_name = "RATE", value_parser = parse_rate)]
    bandwidth: Option<u64>,
    /// Added to each request
    #[arg(long, default_value = "0ms", value_parser = parse_duration)]
    latency: Duration,
    /// Loopback address; each node listens on a port of its own
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
}

/// `101`, `101@pve2`, `101:8G`, `101@pve2:8G`.
#[derive(Clone)]
struct GuestArg {
    vmid: u32,
    node: Option<String>,
    size: Option<Size>,
}

impl FromStr for GuestArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (rest, size) = match text.split_once(':') {
            Some((rest, size)) => (rest, Some(size.parse()?)),
            None => (text, None),
        };
        let (vmid, node) = match rest.split_once('@') {
            Some((vmid, node)) => (vmid, Some(node.to_owned())),
            None => (rest, None),
        };
        let vmid = vmid.parse().map_err(|_| format!("'{vmid}' is no VM's number: expected as in 101@pve2:8G"))?;
        Ok(GuestArg { vmid, node, size })
    }
}

/// `registry.example=127.0.0.1:5000`.
#[derive(Clone)]
struct WebArg(String, SocketAddr);

impl FromStr for WebArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text
            .split_once('=')
            .and_then(|(host, address)| Some((host.to_owned(), address.parse::<SocketAddr>().ok()?)));
        match parts.filter(|(_, address)| address.ip().is_loopback()) {
            Some((host, address)) => Ok(WebArg(host, address)),
            None => Err(format!("'{text}' is no host on a loopback address: expected as in a.example=127.0.0.1:80")),
        }
    }
}

/// `4:100G`.
#[derive(Clone)]
struct PartitionArg(PartitionShape);

impl FromStr for PartitionArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let expected = || format!("'{text}' is no partition: expected as in 4:100G");
        let (number, size) = text.split_once(':').ok_or_else(expected)?;
        let number = number.parse().map_err(|_| expected())?;
        let size = size.parse()?;
        Ok(PartitionArg(PartitionShape {
            number,
            size,
            used: None,
            mounted: false,
            held: false,
            start: None,
            label: None,
            uuid: None,
        }))
    }
}

/// `plan=PVEAuditor`.
#[derive(Clone)]
struct TokenArg(String, String);

impl FromStr for TokenArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let pair = text.split_once('=').filter(|(name, role)| !name.is_empty() && !role.is_empty());
        let (name, role) = pair.ok_or_else(|| format!("'{text}' is no token: expected as in plan=PVEAuditor"))?;
        Ok(TokenArg(name.to_owned(), role.to_owned()))
    }
}

fn parse_rate(text: &str) -> Result<u64, String> {
    text.trim_end_matches("/s").parse::<Size>().map(|size| size.0)
}

impl ClusterArgs {
    fn options(self) -> anyhow::Result<Options> {
        let mut shape = match &self.cluster {
            Some(file) => {
                let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
                Shape::from_yaml(&text).map_err(|error| anyhow::anyhow!("{}: {error}", file.display()))?
            }
            None => {
                let nodes = (1..=self.nodes).map(|n| NodeShape::numbered(n, self.disks, self.disk_size));
                Shape { nodes: nodes.collect(), ..Shape::default() }
            }
        };
        anyhow::ensure!(!shape.nodes.is_empty(), "a cluster needs at least one node");
        if let Some(stage) = self.ceph {
            shape.ceph.stage = stage;
        }
        if let Some(factor) = self.clock {
            shape.clock.factor = Some(factor);
        }
        for GuestArg { vmid, node, size } in self.guest {
            let node = node.unwrap_or_else(|| shape.nodes[0].name.clone());
            let mut guest = GuestShape::ready(vmid, &node);
            if let Some(size) = size {
                // PVE takes GiB, with a fraction if need be.
                let gib = size.0 as f64 / f64::from(1 << 30);
                guest.config.insert("scsi0".to_owned(), format!("local-lvm:{gib},discard=on,iothread=1").into());
            }
            shape.guests.push(guest);
        }
        for node in &mut shape.nodes {
            node.partitions.extend(self.partition.iter().map(|partition| partition.0.clone()));
        }
        shape.web.extend(self.web.into_iter().map(|WebArg(host, address)| (host, address)));
        // What the options added is held to the same rules as a file.
        shape.check().map_err(anyhow::Error::msg)?;
        let tokens = self.token.into_iter().map(|TokenArg(name, role)| (name, role)).collect();
        let (pve, bandwidth, latency, listen) = (self.pve, self.bandwidth, self.latency, self.listen);
        Ok(Options { shape, pve, bandwidth, latency, listen, tokens, ..Options::default() })
    }
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Serve(cluster) => serve(cluster).await,
        Command::Run { cluster, command } => run(cluster, &command).await,
        Command::Remote(verb) => remote::run(&verb).map(|()| ExitCode::SUCCESS),
    };
    result.unwrap_or_else(|error| {
        eprintln!("pve-sim: {error:#}");
        ExitCode::from(1)
    })
}

async fn serve(cluster: ClusterArgs) -> anyhow::Result<ExitCode> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let running = Sim::start(cluster.options()?).await?;
    announce(&running)?;
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    running.stop().await;
    Ok(ExitCode::SUCCESS)
}

/// The one line on stdout. Whoever started us may have gone meanwhile: that is an error, not a panic.
fn announce(running: &Running) -> anyhow::Result<()> {
    use std::io::Write as _;
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", running.announcement())?;
    out.flush()?;
    Ok(())
}

async fn run(cluster: ClusterArgs, command: &[String]) -> anyhow::Result<ExitCode> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let running = Sim::start(cluster.options()?).await?;
    let (program, arguments) = command.split_first().context("no command given")?;
    let mut child = tokio::process::Command::new(program)
        .args(arguments)
        .envs(running.environment())
        .spawn()
        .with_context(|| format!("cannot run {program}"))?;
    let status = loop {
        tokio::select! {
            status = child.wait() => break status?,
            // A terminal sends its interrupt to the command as well; we wait for what it makes of it.
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {
                if let Some(pid) = child.id() {
                    pve_sim::terminate(pid);
                }
            }
        }
    };
    running.stop().await;
    let killed = std::os::unix::process::ExitStatusExt::signal(&status).map(|signal| 128 + signal);
    let code = status.code().or(killed).unwrap_or(1);
    Ok(ExitCode::from(u8::try_from(code).unwrap_or(1)))
}
