//! The few programs that are there besides `ceph`, each as far as scripts over a terminal use it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::on_files;
use super::run::{Printed, Shell, complain};

/// Runs a program; `None` if there is no such.
pub(super) fn run(
    shell: &mut Shell<'_, '_>,
    name: &str,
    arguments: &[String],
    input: &[u8],
    out: &mut Printed,
) -> Option<i32> {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let name = name.rsplit('/').next().unwrap_or(name);
    let mut print = |bytes: Vec<u8>| out.push((1, bytes));
    Some(match (name, &words[..]) {
        ("true" | ":" | "umask" | "export" | "cd" | "set", _) => 0,
        ("false", _) => 1,
        ("stty", words) => {
            for word in words {
                match *word {
                    "-echo" => shell.memory.echo_off = true,
                    "echo" | "sane" => shell.memory.echo_off = false,
                    _ => {}
                }
            }
            0
        }
        ("unset", names) => {
            for name in names {
                shell.memory.vars.remove(*name);
            }
            0
        }
        ("echo", ["-n", rest @ ..]) => {
            print(rest.join(" ").into_bytes());
            0
        }
        ("echo", words) => {
            print(format!("{}\n", words.join(" ")).into_bytes());
            0
        }
        ("printf", [format, rest @ ..]) => {
            print(printf(format, rest));
            0
        }
        ("hostname" | "uname", _) => {
            print(format!("{}\n", shell.node).into_bytes());
            0
        }
        ("whoami", _) => {
            print(b"root\n".to_vec());
            0
        }
        ("id", ["-u"]) => {
            print(b"0\n".to_vec());
            0
        }
        ("mktemp", _) => {
            shell.memory.directories += 1;
            print(format!("/tmp/tmp.{:010}\n", shell.memory.directories).into_bytes());
            0
        }
        ("rm", words) => {
            let folders = words.iter().filter(|word| !word.starts_with('-'));
            for folder in folders {
                shell.memory.files.remove(folder);
            }
            0
        }
        ("cat", []) => {
            print(input.to_vec());
            0
        }
        ("cat", [path]) => match shell.memory.files.read(path) {
            Some(bytes) => {
                print(bytes.clone());
                0
            }
            None => complain(out, &format!("cat: {path}: No such file or directory"), 1),
        },
        ("wc", ["-c"]) => {
            print(format!("{}\n", input.len()).into_bytes());
            0
        }
        ("base64", ["-d" | "--decode"]) => {
            let text: Vec<u8> = input.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
            match STANDARD.decode(text) {
                Ok(bytes) => {
                    print(bytes);
                    0
                }
                Err(_) => complain(out, "base64: invalid input", 1),
            }
        }
        ("base64", _) => {
            let width = if words.contains(&"-w0") { usize::MAX } else { 76 };
            let text = STANDARD.encode(input);
            let mut lines = Vec::new();
            for line in text.as_bytes().chunks(width) {
                lines.extend_from_slice(line);
                if width < usize::MAX {
                    lines.push(b'\n');
                }
            }
            print(lines);
            0
        }
        ("sed", [script]) => match prefix(script) {
            Some(prefix) => {
                let text = String::from_utf8_lossy(input);
                print(text.lines().map(|line| format!("{prefix}{line}\n")).collect::<String>().into_bytes());
                0
            }
            // Only what puts something before each line is simulated.
            None => complain(out, &format!("sed: -e expression #1: '{script}' is not simulated"), 1),
        },
        _ => return on_files::run(shell, name, &words, out),
    })
}

/// `X` of `s/^/X/`.
fn prefix(script: &str) -> Option<&str> {
    let rest = script.strip_prefix('s')?;
    let mark = rest.chars().next()?;
    let prefix = rest.strip_prefix(mark)?.strip_prefix('^')?.strip_prefix(mark)?.strip_suffix(mark)?;
    (!prefix.contains(['\\', '&', mark])).then_some(prefix)
}

/// `printf FORMAT ARGUMENT...`: the format is used again until all arguments are.
fn printf(format: &str, arguments: &[&str]) -> Vec<u8> {
    let mut rest = arguments.iter();
    let mut out = Vec::new();
    loop {
        let before = rest.len();
        let mut chars = format.chars().peekable();
        while let Some(c) = chars.next() {
            match c {
                '%' => match chars.next() {
                    Some('%') => out.push(b'%'),
                    Some('d') => out.extend(rest.next().unwrap_or(&"0").bytes()),
                    Some(_) => out.extend(rest.next().unwrap_or(&"").bytes()),
                    None => out.push(b'%'),
                },
                '\\' => match chars.next() {
                    Some('n') => out.push(b'\n'),
                    Some('t') => out.push(b'\t'),
                    Some('r') => out.push(b'\r'),
                    Some('\\') => out.push(b'\\'),
                    Some(first @ '0'..='7') => {
                        let mut value = first as u32 - '0' as u32;
                        for _ in 0..2 {
                            match chars.next_if(|c| ('0'..='7').contains(c)) {
                                Some(c) => value = value * 8 + (c as u32 - '0' as u32),
                                None => break,
                            }
                        }
                        out.push((value & 0xff) as u8);
                    }
                    Some(other) => out.extend(format!("\\{other}").bytes()),
                    None => out.push(b'\\'),
                },
                c => out.extend(c.to_string().bytes()),
            }
        }
        if rest.len() == 0 || rest.len() == before {
            return out;
        }
    }
}
