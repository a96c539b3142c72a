//! The command line: `pve-sim serve` and `pve-sim run -- CMD`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use clap::{Args, Parser, Subcommand};
use pve_sim::shape::{CephStage, GuestShape, NodeShape, Shape, Size, parse_duration};
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
    /// A running VM with a cloud-init drive and a 32 GiB disk on local-lvm of the first node; repeatable
    #[arg(long, value_name = "VMID")]
    guest: Vec<u32>,
    /// Version of PVE
    #[arg(long, default_value = "9.2")]
    pve: String,
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
        for vmid in self.guest {
            shape.guests.push(GuestShape::ready(vmid, &shape.nodes[0].name));
        }
        let (pve, bandwidth, latency, listen) = (self.pve, self.bandwidth, self.latency, self.listen);
        Ok(Options { shape, pve, bandwidth, latency, listen, ..Options::default() })
    }
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Serve(cluster) => serve(cluster).await,
        Command::Run { cluster, command } => run(cluster, &command).await,
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
