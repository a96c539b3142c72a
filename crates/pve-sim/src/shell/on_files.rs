//! The programs that look at files and change them, each as far as the provider's scripts use it.

use super::files::{Files, Inode, Kind};
use super::run::{Printed, Shell, complain};

/// Users and groups that a node has.
const USERS: [&str; 5] = ["root", "nobody", "www-data", "ceph", "systemd-network"];
const GROUPS: [&str; 6] = ["root", "nogroup", "www-data", "ceph", "systemd-network", "adm"];

const MISSING: &str = "No such file or directory";

/// Runs a program; `None` if it is none of these.
pub(super) fn run(shell: &mut Shell<'_, '_>, name: &str, words: &[&str], out: &mut Printed) -> Option<i32> {
    let files = &mut shell.memory.files;
    let mut print = |bytes: Vec<u8>| out.push((1, bytes));
    Some(match (name, words) {
        ("test", words) => i32::from(!holds(files, words)),
        ("sync", _) => 0,
        ("realpath", ["-m", "--", path]) => {
            print(format!("{}\n", files.real(path)).into_bytes());
            0
        }
        ("stat", ["-c" | "--printf", format, "--", path]) => match files.at_path(path) {
            Some(inode) => {
                let end = if words[0] == "-c" { "\n" } else { "" };
                print(format!("{}{end}", told(inode, format)).into_bytes());
                0
            }
            None => complain(out, &format!("stat: cannot statx '{path}': {MISSING}"), 1),
        },
        ("head", ["-c", length, "--", path]) => match files.read(path) {
            Some(content) => {
                let length = length.parse::<usize>().unwrap_or_default().min(content.len());
                print(content[..length].to_vec());
                0
            }
            None => complain(out, &format!("head: cannot open '{path}' for reading: {MISSING}"), 1),
        },
        ("chown", ["--", whose, path]) => {
            let known = |(user, group): &(&str, &str)| USERS.contains(user) && GROUPS.contains(group);
            let Some((owner, group)) = whose.split_once(':').filter(known) else {
                return Some(complain(out, &format!("chown: invalid user: '{whose}'"), 1));
            };
            match files.at_path_mut(path) {
                Some(inode) => {
                    (inode.owner, inode.group) = (owner.to_owned(), group.to_owned());
                    0
                }
                None => complain(out, &format!("chown: cannot access '{path}': {MISSING}"), 1),
            }
        }
        ("chmod", ["--", mode, path]) => match (files.at_path_mut(path), u32::from_str_radix(mode, 8)) {
            (Some(inode), Ok(mode)) => {
                inode.mode = mode;
                0
            }
            _ => complain(out, &format!("chmod: cannot access '{path}': {MISSING}"), 1),
        },
        ("mv", ["-n", "-T", "--", _, to]) if files.at_path(to).is_some() => 0,
        ("mv", [_, "-T", "--", from, to]) => match files.rename(from, to) {
            Ok(()) => 0,
            Err(why) => complain(out, &format!("mv: cannot move '{from}' to '{to}': {why}"), 1),
        },
        _ => return None,
    })
}

/// What `test` finds.
fn holds(files: &Files, words: &[&str]) -> bool {
    match words {
        ["!", rest @ ..] => !holds(files, rest),
        ["-L", path] => files.at_path(path).is_some_and(|inode| matches!(inode.kind, Kind::Link(_))),
        [what, path] if ["-e", "-f", "-d"].contains(what) => {
            let kind = files.at_path(&files.real(path)).map(|inode| &inode.kind);
            match *what {
                "-f" => matches!(kind, Some(Kind::File(_))),
                "-d" => matches!(kind, Some(Kind::Folder)),
                _ => kind.is_some(),
            }
        }
        [left, "=", right] => left == right,
        [left, "-eq", right] => left.parse::<u64>().is_ok_and(|left| right.parse() == Ok(left)),
        _ => false,
    }
}

/// What `stat` says in this format.
fn told(inode: &Inode, format: &str) -> String {
    let size = inode.content().map_or(4096, Vec::len);
    format
        .replace("\\0", "\0")
        .replace("%f", &format!("{:x}", inode.st_mode()))
        .replace("%U", &inode.owner)
        .replace("%G", &inode.group)
        .replace("%s", &size.to_string())
        .replace("%.9Y", &format!("{}.{:09}", inode.modified.0, inode.modified.1))
}
