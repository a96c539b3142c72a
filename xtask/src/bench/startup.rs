//! What Terraform waits for several times in each command: the process, the handshake line, the schema.

use std::path::Path;

use anyhow::Result;

use super::host::{Identity, Plugin};
use super::{median, mib, milliseconds};

/// How often each is measured.
const RUNS: usize = 21;
/// When a process that has printed its line is idle.
const SETTLED: std::time::Duration = std::time::Duration::from_millis(50);

/// The figures of one start, or the medians of many.
pub(super) struct Startup {
    pub(super) handshake_ms: f64,
    pub(super) schema_ms: f64,
    /// Before anything was asked.
    pub(super) idle_mib: f64,
    /// After the schema was asked for: what it has read of its own binary by then, and the schema itself.
    pub(super) schema_mib: f64,
}

/// Starts the providers again and again, in turn, so that whatever else the machine does meets all of them.
pub(super) async fn measure(programs: &[&Path]) -> Result<Vec<Startup>> {
    // Terraform makes a certificate for each process; how long that takes is not the provider's time.
    let identity = Identity::new()?;
    // The first start reads the binary from the disk.
    for program in programs {
        drop(Plugin::start(program, &identity, &[])?);
    }
    let mut seen: Vec<Vec<Startup>> = programs.iter().map(|_| Vec::new()).collect();
    for _ in 0..RUNS {
        for (program, seen) in programs.iter().zip(&mut seen) {
            seen.push(once(program, &identity).await?);
        }
    }
    let median_of = |runs: Vec<Startup>| {
        let all = |figure: fn(&Startup) -> f64| median(runs.iter().map(figure).collect());
        Startup {
            handshake_ms: all(|run| run.handshake_ms),
            schema_ms: all(|run| run.schema_ms),
            idle_mib: all(|run| run.idle_mib),
            schema_mib: all(|run| run.schema_mib),
        }
    };
    Ok(seen.into_iter().map(median_of).collect())
}

async fn once(program: &Path, identity: &Identity) -> Result<Startup> {
    let plugin = Plugin::start(program, identity, &[])?;
    // What is left to do after the line is done by then.
    tokio::time::sleep(SETTLED).await;
    let idle_mib = mib(plugin.resident()?);
    let begun = std::time::Instant::now();
    let connection = plugin.connect(identity).await?;
    connection.fetch_schema().await?;
    let schema_ms = milliseconds(begun.elapsed());
    let schema_mib = mib(plugin.resident()?);
    Ok(Startup { handshake_ms: milliseconds(plugin.startup), schema_ms, idle_mib, schema_mib })
}
