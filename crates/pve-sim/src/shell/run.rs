//! Carries out what [`super::parse`] has read.

use std::collections::BTreeMap;

use super::files::Files;
use super::parse::{Command, Piece, Redirect, Simple, Target, Word, parse};
use super::programs;

/// What was printed: on 1 or on 2, in order.
pub(super) type Printed = Vec<(u8, Vec<u8>)>;

/// How a program outside of the shell is run: its words and its standard input.
pub(super) type External<'a> = dyn FnMut(&[String]) -> Option<crate::cluster::ceph::Output> + 'a;

/// What a shell remembers between two lines.
#[derive(Debug, Default)]
pub(super) struct Memory {
    pub(super) vars: BTreeMap<String, String>,
    functions: BTreeMap<String, Command>,
    /// A file system of its own: nothing of the machine below is ever touched.
    pub(super) files: Files,
    pub(super) directories: u32,
    status: i32,
    pub(super) echo_off: bool,
    /// `exit` was typed.
    pub(super) ended: bool,
    returning: bool,
}

/// How deep functions and substitutions may nest.
const DEPTH: u32 = 64;

pub(super) struct Shell<'a, 'b> {
    pub(super) memory: &'a mut Memory,
    pub(super) external: &'a mut External<'b>,
    pub(super) node: &'a str,
    arguments: Vec<String>,
    /// The status of the last substitution in this command.
    substituted: i32,
    depth: u32,
}

impl<'a, 'b> Shell<'a, 'b> {
    pub(super) fn new(memory: &'a mut Memory, external: &'a mut External<'b>, node: &'a str) -> Self {
        Self { memory, external, node, arguments: Vec::new(), substituted: 0, depth: 0 }
    }

    pub(super) fn run(&mut self, command: &Command, input: &[u8], out: &mut Printed) -> i32 {
        if self.memory.ended || self.memory.returning {
            return self.memory.status;
        }
        let status = match command {
            Command::Simple(simple) => self.simple(simple, input, out),
            Command::List(all) => {
                let mut status = self.memory.status;
                for one in all {
                    status = self.run(one, input, out);
                }
                status
            }
            Command::And(left, right) => match self.run(left, input, out) {
                0 => self.run(right, input, out),
                failed => failed,
            },
            Command::Or(left, right) => match self.run(left, input, out) {
                0 => 0,
                _ => self.run(right, input, out),
            },
            Command::Pipe(all) => self.pipe(all, input, out),
            Command::Function(name, body) => {
                self.memory.functions.insert(name.clone(), (**body).clone());
                0
            }
            Command::For(name, words, body) => {
                let values: Vec<_> = words.iter().flat_map(|word| self.expand(word, out)).collect();
                let mut status = 0;
                for value in values {
                    self.memory.vars.insert(name.clone(), value);
                    status = self.run(body, input, out);
                }
                status
            }
            Command::Group(body, redirects) => {
                self.redirected(redirects, input, out, |shell, input, out| shell.run(body, input, out))
            }
        };
        self.memory.status = status;
        status
    }

    fn pipe(&mut self, all: &[Command], input: &[u8], out: &mut Printed) -> i32 {
        let mut passed = input.to_vec();
        let mut status = 0;
        for (i, one) in all.iter().enumerate() {
            let mut printed = Printed::new();
            status = self.run(one, &passed, &mut printed);
            if i + 1 == all.len() {
                out.append(&mut printed);
                break;
            }
            passed.clear();
            for (fd, bytes) in printed {
                if fd == 1 { passed.extend(bytes) } else { out.push((fd, bytes)) }
            }
        }
        status
    }

    fn simple(&mut self, simple: &Simple, input: &[u8], out: &mut Printed) -> i32 {
        self.substituted = 0;
        let words: Vec<_> = simple.words.iter().flat_map(|word| self.expand(word, out)).collect();
        for (name, word) in &simple.assigns {
            let value = self.text(word, out);
            self.memory.vars.insert(name.clone(), value);
        }
        if words.is_empty() {
            return self.substituted;
        }
        self.redirected(&simple.redirects, input, out, |shell, input, out| shell.call(&words, input, out))
    }

    fn call(&mut self, words: &[String], input: &[u8], out: &mut Printed) -> i32 {
        let Some((name, arguments)) = words.split_first() else { return 0 };
        if let Some(body) = self.memory.functions.get(name).cloned() {
            return self.deeper(out, |shell, out| {
                let outer = std::mem::replace(&mut shell.arguments, arguments.to_vec());
                let status = shell.run(&body, input, out);
                shell.arguments = outer;
                shell.memory.returning = false;
                status
            });
        }
        match name.as_str() {
            "eval" => match parse(&arguments.join(" ")) {
                Ok(command) => self.deeper(out, |shell, out| shell.run(&command, input, out)),
                Err(_) => complain(out, "sh: Syntax error", 2),
            },
            "return" => {
                self.memory.returning = true;
                arguments.first().and_then(|n| n.parse().ok()).unwrap_or(self.memory.status)
            }
            // The shell that takes the place of this one begins with nothing.
            "exec"
                if matches!(arguments.first().map(String::as_str), Some("/bin/sh" | "sh" | "/bin/bash" | "bash")) =>
            {
                let files = std::mem::take(&mut self.memory.files);
                *self.memory = Memory { files, directories: self.memory.directories, ..Memory::default() };
                0
            }
            "sh" if arguments.first().is_some_and(|first| first == "-c") => {
                let Some(Ok(script)) = arguments.get(1).map(|script| parse(script)) else {
                    return complain(out, "sh: Syntax error", 2);
                };
                let arguments = arguments.get(3..).unwrap_or_default().to_vec();
                self.deeper(out, |shell, out| {
                    let outer = std::mem::replace(&mut shell.arguments, arguments);
                    let status = shell.run(&script, input, out);
                    shell.arguments = outer;
                    status
                })
            }
            "exec" | "exit" => {
                let status = match name.as_str() {
                    "exec" => self.call(arguments, input, out),
                    _ => arguments.first().and_then(|n| n.parse().ok()).unwrap_or(self.memory.status),
                };
                self.memory.ended = true;
                status
            }
            _ => match (self.external)(words) {
                Some(output) => {
                    out.push((1, output.stdout.into_bytes()));
                    out.push((2, output.stderr.into_bytes()));
                    output.status
                }
                None => programs::run(self, name, arguments, input, out)
                    .unwrap_or_else(|| complain(out, &format!("sh: 1: {name}: not found"), 127)),
            },
        }
    }

    fn deeper(&mut self, out: &mut Printed, run: impl FnOnce(&mut Self, &mut Printed) -> i32) -> i32 {
        if self.depth >= DEPTH {
            return complain(out, "sh: too deep", 2);
        }
        self.depth += 1;
        let status = run(self, out);
        self.depth -= 1;
        status
    }

    fn redirected(
        &mut self,
        redirects: &[Redirect],
        input: &[u8],
        out: &mut Printed,
        run: impl FnOnce(&mut Self, &[u8], &mut Printed) -> i32,
    ) -> i32 {
        let mut input = input.to_vec();
        // Where 1 and 2 go: on as they are, or to a file.
        let mut places = [Place::Fd(1), Place::Fd(2)];
        for redirect in redirects {
            let place = match &redirect.to {
                Target::Read(word) => {
                    let path = self.text(word, out);
                    match self.memory.files.read(&path) {
                        Some(bytes) => input = bytes.clone(),
                        None if path == "/dev/null" => input.clear(),
                        None => return complain(out, &format!("sh: 1: cannot open {path}: No such file"), 2),
                    }
                    continue;
                }
                Target::Fd(fd) => places[usize::from(*fd) - 1].clone(),
                Target::Write(word) => {
                    let path = self.text(word, out);
                    if let Err(why) = self.memory.files.write(&path, b"", false) {
                        return complain(out, &format!("sh: 1: cannot create {path}: {why}"), 2);
                    }
                    Place::File(path)
                }
                Target::Append(word) => Place::File(self.text(word, out)),
            };
            if let Some(slot) = usize::from(redirect.fd).checked_sub(1).and_then(|i| places.get_mut(i)) {
                *slot = place;
            }
        }
        let mut printed = Printed::new();
        let status = run(self, &input, &mut printed);
        for (fd, bytes) in printed {
            match &places[usize::from(fd) - 1] {
                Place::Fd(fd) => out.push((*fd, bytes)),
                // That it can be written was found out above.
                Place::File(path) => drop(self.memory.files.write(path, &bytes, true)),
            }
        }
        self.memory.files.remove("/dev/null");
        status
    }

    /// A word as one text, without cutting it into fields.
    fn text(&mut self, word: &Word, out: &mut Printed) -> String {
        let pieces: Vec<_> = word.iter().map(|piece| self.piece(piece, out)).collect();
        pieces.concat()
    }

    fn piece(&mut self, piece: &Piece, out: &mut Printed) -> String {
        match piece {
            Piece::Text(text) => text.clone(),
            Piece::Var { name, .. } => self.value(name),
            Piece::Sub { command, .. } => {
                let mut printed = Printed::new();
                let mut bytes = Vec::new();
                let before = self.memory.status;
                self.substituted = self.deeper(&mut printed, |shell, printed| shell.run(command, b"", printed));
                self.memory.status = before;
                for (fd, more) in printed {
                    if fd == 1 { bytes.extend(more) } else { out.push((fd, more)) }
                }
                String::from_utf8_lossy(&bytes).trim_end_matches('\n').to_owned()
            }
        }
    }

    fn value(&self, name: &str) -> String {
        match name {
            "?" => self.memory.status.to_string(),
            "@" | "*" => self.arguments.join(" "),
            "#" => self.arguments.len().to_string(),
            "$" => "1".to_owned(),
            _ => match name.parse::<usize>() {
                Ok(0) => "sh".to_owned(),
                Ok(n) => self.arguments.get(n - 1).cloned().unwrap_or_default(),
                Err(_) => self.memory.vars.get(name).cloned().unwrap_or_default(),
            },
        }
    }

    /// A word as fields: what stands unquoted is cut at blanks, and `"$@"` is each argument for itself.
    fn expand(&mut self, word: &Word, out: &mut Printed) -> Vec<String> {
        let mut fields: Vec<String> = Vec::new();
        let mut open = false;
        for piece in word {
            match piece {
                Piece::Var { name, quoted: true } if name == "@" => {
                    for (i, argument) in self.arguments.clone().into_iter().enumerate() {
                        match fields.last_mut().filter(|_| open && i == 0) {
                            Some(last) => last.push_str(&argument),
                            None => fields.push(argument),
                        }
                    }
                    open = !self.arguments.is_empty();
                }
                Piece::Var { quoted: false, .. } | Piece::Sub { quoted: false, .. } => {
                    let value = self.piece(piece, out);
                    for (i, field) in value.split([' ', '\t', '\n']).enumerate() {
                        open &= i == 0;
                        if !field.is_empty() {
                            match fields.last_mut().filter(|_| open) {
                                Some(last) => last.push_str(field),
                                None => fields.push(field.to_owned()),
                            }
                            open = true;
                        }
                    }
                }
                piece => {
                    let value = self.piece(piece, out);
                    match fields.last_mut().filter(|_| open) {
                        Some(last) => last.push_str(&value),
                        None => fields.push(value),
                    }
                    open = true;
                }
            }
        }
        fields
    }
}

#[derive(Clone)]
enum Place {
    Fd(u8),
    File(String),
}

pub(super) fn complain(out: &mut Printed, text: &str, status: i32) -> i32 {
    out.push((2, format!("{text}\n").into_bytes()));
    status
}
