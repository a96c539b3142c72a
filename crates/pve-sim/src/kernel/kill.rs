//! SIGKILL to a process, and what else a signal is needed for.

use std::process::{Command, Stdio};

/// Ends a process at once. One that is gone already is none of our business.
pub(crate) fn kill(pid: u32) {
    signal(pid, "-KILL");
}

/// Asks a process to end.
pub fn terminate(pid: u32) {
    signal(pid, "-TERM");
}

fn signal(pid: u32, name: &str) {
    // The shell's own command, which every system has: Rust's library cannot send signals to what is no child.
    let sent = Command::new("sh").args(["-c", &format!("kill {name} {pid}")]).stderr(Stdio::null()).status();
    if let Err(error) = sent {
        eprintln!("pve-sim: cannot send a signal to process {pid}: {error}");
    }
}
