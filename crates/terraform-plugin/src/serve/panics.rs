//! A panic's report, in the form that Terraform shows to its user.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::io::Write as _;

/// Reports panics on stderr with the prefix that Terraform looks for: when the command fails, it prints the report as
/// the provider's crash. Any other text would go unseen into its debug log.
pub(super) fn install() {
    std::panic::set_hook(Box::new(|info| {
        let message = info.payload_as_str().unwrap_or("no message");
        let place = info.location().map(ToString::to_string);
        let thread = std::thread::current().name().unwrap_or("unnamed").to_owned();
        let report = report(message, place.as_deref(), &thread, &Backtrace::capture());
        // In one piece, so that no log line gets between; and a failure to write must not panic again.
        let _ = std::io::stderr().lock().write_all(report.as_bytes());
    }));
}

fn report(message: &str, place: Option<&str>, thread: &str, backtrace: &Backtrace) -> String {
    let place = place.unwrap_or("an unknown place");
    let mut report = format!("panic: {message}\n\nat {place}, in thread {thread}\n");
    if backtrace.status() == BacktraceStatus::Captured {
        report.push_str(&format!("\n{backtrace}\n"));
    }
    report
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn begins_with_the_prefix() {
        let text = report("index out of bounds", Some("src/x.rs:3:5"), "worker", &Backtrace::disabled());
        assert_eq!(text, "panic: index out of bounds\n\nat src/x.rs:3:5, in thread worker\n");
    }
}
