//! A Terraform command that is still running.

use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};

use crate::Output;

/// A command in a process group of its own. Dropped, it and its providers are killed.
#[derive(Debug)]
pub struct Running {
    child: Child,
    command: String,
    stdout: Option<JoinHandle<String>>,
    stderr: Option<JoinHandle<String>>,
}

impl Running {
    pub(crate) fn start(mut command: Command, told: String) -> anyhow::Result<Self> {
        use std::os::unix::process::CommandExt as _;
        let mut child = command
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| told.clone())?;
        let stdout = child.stdout.take().map(collect);
        let stderr = child.stderr.take().map(collect);
        Ok(Self { child, command: told, stdout, stderr })
    }

    /// Terraform's process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Process ids of the providers that Terraform runs at this moment.
    pub fn providers(&self) -> anyhow::Result<Vec<u32>> {
        let mut found = Vec::new();
        for entry in std::fs::read_dir("/proc")? {
            let Some(pid) = entry?.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
            // Processes may end while they are looked at.
            let Ok(stat) = std::fs::read_to_string(format!("/proc/{pid}/stat")) else { continue };
            if parent(&stat) == Some(self.pid()) {
                found.push(pid);
            }
        }
        Ok(found)
    }

    /// Ctrl-C: SIGINT to Terraform and everything it has started, as a terminal does it.
    pub fn interrupt(&self) -> anyhow::Result<()> {
        signal("INT", &format!("-{}", self.pid()))
    }

    /// SIGKILL to Terraform alone.
    pub fn kill(&mut self) -> anyhow::Result<()> {
        Ok(self.child.kill()?)
    }

    /// Whether the command has ended.
    pub fn has_ended(&mut self) -> anyhow::Result<bool> {
        Ok(self.child.try_wait()?.is_some())
    }

    /// Waits until the condition holds, for at most a minute, and fails when the command ends before.
    pub fn until(&mut self, what: &str, mut condition: impl FnMut() -> bool) -> anyhow::Result<()> {
        let begun = Instant::now();
        while !condition() {
            if let Some(status) = self.child.try_wait()? {
                bail!("`{}` ended ({status}) before {what}", self.command);
            }
            ensure!(begun.elapsed() < Duration::from_secs(60), "`{}`: waited in vain for {what}", self.command);
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// Waits for the end.
    pub fn wait(mut self) -> anyhow::Result<Output> {
        let code = self.child.wait()?.code();
        let text = |reader: Option<JoinHandle<String>>| reader.and_then(|r| r.join().ok()).unwrap_or_default();
        let (stdout, stderr) = (text(self.stdout.take()), text(self.stderr.take()));
        Ok(Output { command: self.command.clone(), code, stdout, stderr })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            // The whole group, providers included: it is ours alone.
            let _ = signal("KILL", &format!("-{}", self.pid()));
            let _ = self.child.wait();
        }
    }
}

/// Reads to the end beside everything else, so that the process never waits for a full pipe.
fn collect(mut from: impl std::io::Read + Send + 'static) -> JoinHandle<String> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = from.read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

fn signal(name: &str, to: &str) -> anyhow::Result<()> {
    let status = Command::new("kill").args([&format!("-{name}"), "--", to]).status()?;
    ensure!(status.success(), "kill -{name} {to}: {status}");
    Ok(())
}

/// The fourth field of /proc/PID/stat; the second is a name in parentheses that may hold anything.
fn parent(stat: &str) -> Option<u32> {
    stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parent_is_found_behind_any_name() {
        assert_eq!(parent("42 (a) b) S 7 42 42 0"), Some(7));
        assert_eq!(parent(""), None);
    }
}
