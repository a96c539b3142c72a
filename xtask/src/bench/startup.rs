//! What Terraform waits for several times in each command: the process, the handshake line, the schema.

use std::path::Path;

use anyhow::Result;

use super::host::{Identity, Plugin};
use super::{median, mib, milliseconds};

/// How often each is measured.
const RUNS: usize = 21;
/// When a process that has printed its line is idle.
const SETTLED: std::time::Duration = std::time::Duration::from_millis(50);

/// Medians.
pub(super) struct Startup {
    pub(super) handshake_ms: f64,
    pub(super) schema_ms: f64,
    /// Before anything was asked.
    pub(super) idle_mib: f64,
    /// After the schema was asked for: what it has read of its own binary by then, and the schema itself.
    pub(super) schema_mib: f64,
}

/// Starts the provider again and again.
pub(super) async fn measure(program: &Path) -> Result<Startup> {
    let (mut handshake, mut schema) = (Vec::new(), Vec::new());
    let (mut idle_mib, mut schema_mib) = (Vec::new(), Vec::new());
    // Terraform makes a certificate for each process; how long that takes is not the provider's time.
    let identity = Identity::new()?;
    // The first start reads the binary from the disk.
    drop(Plugin::start(program, &identity, &[])?);
    for _ in 0..RUNS {
        let plugin = Plugin::start(program, &identity, &[])?;
        handshake.push(milliseconds(plugin.startup));
        // What is left to do after the line is done by then.
        tokio::time::sleep(SETTLED).await;
        idle_mib.push(mib(plugin.resident()?));
        let begun = std::time::Instant::now();
        let connection = plugin.connect(&identity).await?;
        connection.fetch_schema().await?;
        schema.push(milliseconds(begun.elapsed()));
        schema_mib.push(mib(plugin.resident()?));
    }
    Ok(Startup {
        handshake_ms: median(handshake),
        schema_ms: median(schema),
        idle_mib: median(idle_mib),
        schema_mib: median(schema_mib),
    })
}
