//! A provider process as Terraform sees it: started, spoken to over mutual TLS, and ended.
//!
//! This program starts itself as the provider. Its stdout is then the provider's, which is why it has no test harness.

mod client;
mod provider;
mod tests;

use std::process::ExitCode;

fn main() -> ExitCode {
    if std::env::var_os(client::AS_PROVIDER).is_some() {
        return provider::main();
    }
    let only: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    for (name, test) in tests::ALL {
        if only.is_empty() || only.iter().any(|part| name.contains(part.as_str())) {
            eprint!("test {name} ... ");
            test();
            eprintln!("ok");
        }
    }
    ExitCode::SUCCESS
}
