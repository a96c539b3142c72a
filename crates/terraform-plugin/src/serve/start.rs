//! How the process was started: by Terraform, for debugging, or by somebody who wonders what it is.

use std::ffi::OsString;

use super::Options;

/// What a host of plugins sets in the environment to say that it is one. The same in Terraform and OpenTofu.
pub(super) const COOKIE: (&str, &str) =
    ("TF_PLUGIN_MAGIC_COOKIE", "d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2");

/// How the process was started.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Start {
    Plugin,
    Debug,
    Version,
    ByHand,
}

/// What the host says by environment variables, besides the logging levels' meaning, which `logging` knows.
///
/// `PLUGIN_PROTOCOL_VERSIONS` is not among it: there is only version 6 to offer, and a host that lacks it says so best
/// itself. `PLUGIN_MIN_PORT` and `PLUGIN_MAX_PORT` are for hosts without unix sockets.
#[derive(Debug, Default)]
pub(super) struct Environment {
    pub(super) cookie: Option<String>,
    /// Terraform's client certificate as PEM; none when TLS is switched off.
    pub(super) client_certificate: Option<String>,
    /// Where the socket has to be, instead of a private directory.
    pub(super) socket_directory: Option<OsString>,
    /// Group (name or number) that may use the socket.
    pub(super) socket_group: Option<String>,
    /// The host wants to know whether brokered connections can share the main one.
    pub(super) multiplex: bool,
    /// `TF_LOG_PROVIDER`, else `TF_LOG`.
    pub(super) log: Option<String>,
}

impl Environment {
    /// Reads the variables of this process. Empty ones count as not set.
    pub(super) fn of_process() -> Self {
        let raw = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        let text = |name: &str| raw(name).and_then(|value| value.into_string().ok());
        Self {
            cookie: text(COOKIE.0),
            client_certificate: text("PLUGIN_CLIENT_CERT"),
            socket_directory: raw("PLUGIN_UNIX_SOCKET_DIR"),
            socket_group: text("PLUGIN_UNIX_SOCKET_GROUP"),
            multiplex: raw("PLUGIN_MULTIPLEX_GRPC").is_some(),
            log: text("TF_LOG_PROVIDER").or_else(|| text("TF_LOG")),
        }
    }
}

/// Reads the arguments (without the program's name) and the cookie.
pub(super) fn how(arguments: impl Iterator<Item = OsString>, environment: &Environment) -> Start {
    for argument in arguments {
        match argument.to_str() {
            Some("--debug" | "-debug") => return Start::Debug,
            Some("--version" | "-version" | "-V") => return Start::Version,
            _ => {}
        }
    }
    if environment.cookie.as_deref() == Some(COOKIE.1) { Start::Plugin } else { Start::ByHand }
}

/// `terraform-provider-acme 1.2.3`.
pub(super) fn version(options: &Options) -> String {
    format!("{} {}\n", options.name, options.version)
}

/// What somebody reads who starts the binary himself.
pub(super) fn introduction(options: &Options) -> String {
    let Options { name, version, address } = options;
    let short = address.split_once('/').map_or(*address, |(_, rest)| rest);
    format!(
        "This is {name} {version}, a plugin: Terraform and OpenTofu start it by themselves; on its own it does \
         nothing.\nTo use it, write source = \"{short}\" under required_providers and run `terraform init`. To attach \
         a debugger, start it as `{name} --debug`.\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn started(arguments: &[&str], cookie: Option<&str>) -> Start {
        let environment = Environment { cookie: cookie.map(str::to_owned), ..Environment::default() };
        how(arguments.iter().map(OsString::from), &environment)
    }

    #[test]
    fn only_the_right_cookie_makes_a_plugin() {
        assert_eq!(started(&[], Some(COOKIE.1)), Start::Plugin);
        assert_eq!(started(&[], Some("d602")), Start::ByHand);
        assert_eq!(started(&[], None), Start::ByHand);
    }

    #[test]
    fn arguments_come_before_the_cookie() {
        assert_eq!(started(&["--debug"], None), Start::Debug);
        assert_eq!(started(&["--version"], Some(COOKIE.1)), Start::Version);
        assert_eq!(started(&["--unknown"], None), Start::ByHand);
    }

    #[test]
    fn the_introduction_says_how_to_use_it() {
        let options =
            Options { name: "terraform-provider-acme", version: "1.2.3", address: "registry.terraform.io/a/acme" };
        let text = introduction(&options);
        assert!(text.starts_with("This is terraform-provider-acme 1.2.3, a plugin"), "{text}");
        assert!(text.contains("source = \"a/acme\"") && text.contains("--debug"), "{text}");
    }
}
