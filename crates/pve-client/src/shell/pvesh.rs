//! What PVE reserves to root@pam, by SSH: on a node `pvesh` is root@pam and asks for no password, nor for a second factor.
//!
//! The command does what the call does, and answers in the same words. It does not begin a task and go: it ends when the task
//! has. It runs in a session of its own and writes to a file, so that a connection which breaks does not end it midway; what
//! became of it is then found as it is for any answer that is lost.
//!
//! Belief: that the last line it prints is the answer in JSON, behind what a task has said; known is that it carries the task
//! out by itself and that it ends with 255 if that has failed.

use std::time::Duration;

use futures_util::future::BoxFuture;
use http::HeaderMap;
use percent_encoding::percent_decode_str;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::kept::no_shell;
use super::ssh::SshShell;
use super::{NodeShell as _, Output};
use crate::answer;
use crate::connection::Answer;
use crate::{Error, Request, Upid};

/// As long as the longest task: an OSD on a disk that has to be wiped before.
const PATIENCE: Duration = Duration::from_secs(3600);

/// Runs `pvesh` with these arguments to its end, whoever listens. Says the last line, and what was said of errors.
const SCRIPT: &str = r#"out=$(mktemp) || exit 75
setsid -w pvesh "$@" --output-format json </dev/null >"$out" 2>"$out.err"
status=$?
tail -n 1 -- "$out"
tail -c 8000 -- "$out.err" >&2
rm -f -- "$out" "$out.err"
exit $status"#;

/// The types of tasks that are begun so: nobody but root@pam begins them at all.
const TASKS: [&str; 6] =
    ["acmedeactivate", "acmeregister", "acmeupdate", "cephcreateosd", "cephdestroyosd", "wipedisk"];

/// Whether a task is of those that a call by `pvesh` begins.
pub(crate) fn begins(upid: &Upid) -> bool {
    upid.user() == "root@pam" && TASKS.contains(&upid.kind())
}

/// Makes a call.
pub(crate) async fn call<T: DeserializeOwned>(shell: &SshShell, request: &Request) -> Result<T, Error> {
    let words = ["sh", "-c", SCRIPT, "sh"].map(str::to_owned).into_iter().chain(arguments(request));
    let argv: Vec<String> = words.collect();
    let out = run(shell, argv, request.describe()).await?;
    match out.status {
        75 | 126 | 127 => Err(no_shell(shell.node(), request.describe(), &out.stderr_text())),
        _ => answer::parse(&answered(&out), request),
    }
}

/// Boxed, since a shell is opened by calls of its own.
fn run(shell: &SshShell, argv: Vec<String>, called: String) -> BoxFuture<'_, Result<Output, Error>> {
    Box::pin(async move { shell.feed(&argv, &[], &called, PATIENCE).await })
}

/// `create /nodes/pve1/ceph/osd --dev=/dev/sdb`: no shell and no `pvesh` takes anything of it for something else.
fn arguments(request: &Request) -> Vec<String> {
    let verb = match request.method().as_str() {
        "POST" => "create",
        "PUT" => "set",
        "DELETE" => "delete",
        _ => "get",
    };
    let (described, params) = request.spelt();
    let path = described.split_once(' ').map_or("", |(_, path)| path);
    let path = percent_decode_str(path).decode_utf8_lossy().into_owned();
    let params = params.into_iter().map(|(name, value)| format!("--{name}={value}"));
    [verb.to_owned(), path].into_iter().chain(params).collect()
}

/// What it said, as PVE's server would have.
fn answered(out: &Output) -> Answer {
    let (status, body) = match out.status {
        0 => {
            let said = out.stdout_text();
            let data = if said.is_empty() { "null" } else { &said };
            (200, format!("{{\"data\":{data}}}"))
        }
        _ => refused(&out.stderr_text()),
    };
    Answer { status, reason: String::new(), headers: HeaderMap::new(), body: body.into() }
}

/// `400 Parameter verification failed.` with a line for each parameter, `403 Permission check failed`, or words alone, behind
/// what the programs of a task have said.
fn refused(said: &str) -> (u16, String) {
    let status = |line: &str| {
        let (number, words) = line.split_once(' ')?;
        let number = number.parse::<u16>().ok().filter(|number| (400..600).contains(number))?;
        Some((number, words.to_owned()))
    };
    let lines: Vec<&str> = said.lines().collect();
    let begins = lines.iter().position(|line| status(line).is_some());
    let (status, message) = begins.and_then(|at| status(lines[at])).unwrap_or_else(|| {
        let last = lines.iter().rev().find(|line| !line.trim().is_empty());
        (500, last.copied().unwrap_or("pvesh has failed without a word").to_owned())
    });
    let errors: Map<String, Value> = begins
        .into_iter()
        .flat_map(|at| &lines[at + 1..])
        .filter_map(|line| line.split_once(": "))
        .filter(|(name, _)| !name.contains(' '))
        .map(|(name, text)| (name.to_owned(), text.into()))
        .collect();
    (status, json!({ "message": message, "errors": errors }).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn out(status: i32, stdout: &str, stderr: &str) -> Output {
        Output { status, stdout: stdout.into(), stderr: stderr.into() }
    }

    #[test]
    fn a_call_is_words_that_nothing_takes_apart() {
        let request = Request::post(format!("nodes/pve1/ceph/osd/{}", crate::segment("a b")))
            .param("dev", "/dev/disk/by-id/x y;`id`")
            .param("crush-device-class", "-x")
            .flag("cleanup", true);
        let expected = [
            "create",
            "/nodes/pve1/ceph/osd/a b",
            "--dev=/dev/disk/by-id/x y;`id`",
            "--crush-device-class=-x",
            "--cleanup=1",
        ];
        assert_eq!(arguments(&request), expected);
        assert_eq!(arguments(&Request::delete("nodes/pve1/ceph/osd/3"))[0], "delete");
        assert_eq!(arguments(&Request::put("nodes/pve1/disks/wipedisk"))[0], "set");
    }

    #[test]
    fn answers_and_errors_are_those_of_the_api() {
        let request = Request::post("nodes/pve1/ceph/osd");
        let read = |out: Output| answer::parse::<String>(&answered(&out), &request);
        let upid = "UPID:pve1:0000291F:00070B01:6B032D7F:cephcreateosd:sdb:root@pam:";
        assert_eq!(read(out(0, &format!("\"{upid}\"\n"), "")).unwrap(), upid);
        assert!(begins(&upid.parse().unwrap()));
        assert!(!begins(&upid.replace("cephcreateosd", "qmcreate").parse().unwrap()));
        assert!(!begins(&upid.replace("root@pam", "root@pam!t").parse().unwrap()));
        answer::parse::<()>(&answered(&out(0, "", "")), &request).unwrap();
        let Err(Error::Parameter(refused)) = read(out(
            255,
            "",
            "400 Parameter verification failed.\ndev: type check ('string') failed\npvesh create ...\n",
        )) else {
            panic!("no parameter is named")
        };
        assert_eq!(refused.fields["dev"], "type check ('string') failed");
        assert!(matches!(
            read(out(255, "", "403 Permission check failed (/, Sys.Modify)\n")),
            Err(Error::Permission(_))
        ));
        // What a task says of its failure is no proof that nothing was done.
        let failed =
            read(out(255, "", "--> Zapping: /dev/sdb\ncommand 'ceph-volume' failed: exit code 1\n")).unwrap_err();
        assert!(!failed.refused() && failed.to_string().contains("exit code 1"), "{failed}");
        assert!(!read(out(255, "", "")).unwrap_err().refused());
    }
}
