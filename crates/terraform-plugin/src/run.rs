//! The `main` of a provider.

use std::io::Write;
use std::process::ExitCode;

use crate::docs::docs_json;
use crate::provider::Provider;
use crate::serve::{Options, serve};
use crate::server::Server;

/// Everything that the binary of a provider does: `fn main() -> ExitCode { run::<Acme>(OPTIONS) }`.
///
/// Started by Terraform, it serves. With the one argument `docs-json` it prints what [`docs_json`] says. For the rest see
/// [`serve`].
pub fn run<P: Provider>(options: Options) -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    if arguments.len() == 1 && arguments[0] == "docs-json" {
        return match writeln!(std::io::stdout(), "{:#}", docs_json::<P>()) {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::FAILURE,
        };
    }
    serve(options, Server::<P>::new)
}
