//! A provider process as Terraform sees it: started, spoken to over mutual TLS, and ended.
//!
//! This program starts itself as the provider. Its stdout is then the provider's, which is why it has no test harness.

mod client;
mod provider;
mod tests;

use std::io::Write as _;
use std::process::ExitCode;

fn main() -> ExitCode {
    if std::env::var_os(client::AS_PROVIDER).is_some() {
        return provider::main();
    }
    let only: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let chosen = |name: &str| only.is_empty() || only.iter().any(|part| name.contains(part.as_str()));
    let (mut passed, mut failed) = (0, 0);
    for (name, test) in tests::ALL.iter().filter(|(name, _)| chosen(name)) {
        let ok = std::panic::catch_unwind(test).is_ok();
        if ok {
            passed += 1
        } else {
            failed += 1
        }
        tell(&format!("test {name} ... {}", if ok { "ok" } else { "FAILED" }));
    }
    let filtered = tests::ALL.len() - passed - failed;
    let verdict = if failed == 0 { "ok" } else { "FAILED" };
    // In the words of the usual harness, for whoever counts.
    tell(&format!("\ntest result: {verdict}. {passed} passed; {failed} failed; 0 ignored; {filtered} filtered out\n"));
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn tell(line: &str) {
    writeln!(std::io::stdout(), "{line}").expect("stdout takes a line");
}
