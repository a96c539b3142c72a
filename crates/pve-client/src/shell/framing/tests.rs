use super::*;
use proptest::prelude::*;
use std::io::{Read, Write};
use std::process::{Command, Stdio};

/// Types into a real shell on a pipe and returns all it prints.
fn talk(program: &str, typed: &[u8]) -> Vec<u8> {
    let mut child = Command::new(program)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap_or_else(|why| panic!("{program}: {why}"));
    let mut stdin = child.stdin.take().unwrap();
    let mut stdout = child.stdout.take().unwrap();
    let typed = typed.to_vec();
    let writer = std::thread::spawn(move || {
        // A shell that has gone shows in what it printed.
        let _ = stdin.write_all(&typed);
    });
    let mut out = Vec::new();
    stdout.read_to_end(&mut out).unwrap();
    writer.join().unwrap();
    child.wait().unwrap();
    out
}

/// Feeds a terminal's bytes in odd pieces and returns whether it was ready, and the answer.
fn read(bytes: &[u8], ready: &Token, token: &Token) -> (bool, Option<Result<Output, Garbled>>) {
    let mut screen = Screen::default();
    for piece in bytes.chunks(7) {
        screen.feed(piece);
    }
    let shown = screen.shows(ready);
    let mut answer = Answer::to(token);
    (shown, std::iter::from_fn(|| screen.next_line()).find_map(|line| answer.line(&line)))
}

fn through(program: &str, argv: &[&str]) -> Output {
    let (ready, token) = (Token::random(), Token::random());
    let typed = [prepare(&ready), command(&token, argv), b"exit\n".to_vec()].concat();
    let printed = talk(program, &typed);
    let (shown, answer) = read(&printed, &ready, &token);
    assert!(shown, "{}", String::from_utf8_lossy(&printed));
    answer.unwrap_or_else(|| panic!("{}", String::from_utf8_lossy(&printed))).unwrap()
}

#[test]
fn a_real_shell_on_a_pipe() {
    let out = through("sh", &["sh", "-c", "printf 'out\\0\\377'; printf err >&2; exit 17"]);
    assert_eq!(out, Output { status: 17, stdout: b"out\0\xff".to_vec(), stderr: b"err".to_vec() });
}

#[test]
fn nothing_to_print_and_no_such_program() {
    assert_eq!(through("sh", &["true"]), Output::default());
    let out = through("sh", &["no-such-program-here"]);
    assert_eq!(out.status, 127);
    assert!(out.stderr_text().contains("no-such-program-here"));
}

#[test]
fn standard_input_is_empty_and_later_lines_are_not_eaten() {
    assert_eq!(through("sh", &["cat"]), Output::default());
}

#[test]
fn a_big_output_arrives_whole() {
    let out = through("sh", &["seq", "1", "20000"]);
    assert_eq!(out.stdout.iter().filter(|b| **b == b'\n').count(), 20000);
}

#[test]
fn typed_lines_are_short_and_the_token_is_never_echoed() {
    let token = Token::random();
    let typed = [prepare(&token), command(&token, &["y".repeat(50_000)])].concat();
    assert!(typed.split(|b| *b == b'\n').all(|line| line.len() < 1024));
    assert!(!String::from_utf8(typed).unwrap().contains(&token.0));
}

#[test]
fn frames_carry_their_length_in_bytes() {
    assert_eq!(input("é\n".as_bytes()), vec!["0:3:é\n".as_bytes().to_vec()]);
    assert_eq!(resize(500, 50), b"1:500:50:");
    let long = vec![b'x'; FRAME + 5];
    let frames = input(&long);
    assert_eq!(frames.len(), 2);
    assert!(frames[0].starts_with(b"0:16384:x"));
    assert_eq!(frames[1], b"0:5:xxxxx");
}

#[test]
fn escapes_are_taken_out_of_lines() {
    let mut screen = Screen::default();
    screen.feed(b"\x1b[?2004h\x1b]0;root@pve1: ~\x07\x1b[01;32mroot\x1b[0m# \x1b(Bls\r\nlast");
    assert_eq!(screen.next_line().as_deref(), Some("root# ls"));
    assert_eq!(screen.next_line(), None);
    assert_eq!(screen.tail(), "last");
}

#[test]
fn others_may_write_between_the_lines_but_not_into_them() {
    let token = Token("abcd".into());
    let feed = |lines: &[&str]| {
        let mut answer = Answer::to(&token);
        lines.iter().find_map(|line| answer.line(line))
    };
    let hello = Output { status: 0, stdout: b"hello".to_vec(), stderr: vec![] };
    assert_eq!(feed(&["Broadcast message", "abcd:o:aGVsbG8=", "at 10:00", "abcd:x:0:5:0:"]), Some(Ok(hello.clone())));
    assert_eq!(feed(&["prompt# abcd:o:aGVsbG8=", "abcd:x:0:5:0:"]), Some(Ok(hello)));
    assert_eq!(feed(&["abcd:o:aGVBroadcast", "abcd:x:0:5:0:"]), Some(Err(Garbled::Damaged)));
    assert_eq!(feed(&["abcd:x:0:5:0:"]), Some(Err(Garbled::Damaged)));
    assert_eq!(feed(&["abcd:f:"]), Some(Err(Garbled::NoTemporaryDirectory)));
    assert_eq!(feed(&["t=ab''cd; eval", "efgh:x:0:0:0:"]), None);
}

#[test]
fn little_is_kept_of_much() {
    let mut screen = Screen::default();
    screen.feed(&vec![b'x'; 10 * LINE]);
    screen.feed(b"\n");
    assert_eq!(screen.next_line().map(|line| line.len()), Some(LINE));
    // Nobody takes the lines: the newest are there.
    let lines = SHOWN / 8;
    for n in 0..lines {
        screen.feed(format!("{n}\n").as_bytes());
    }
    assert!(screen.kept <= SHOWN && screen.lines.len() < SHOWN / LINE_ITSELF, "{}", screen.lines.len());
    assert_eq!(screen.lines.back(), Some(&(lines - 1).to_string()));
    while screen.next_line().is_some() {}
    assert_eq!(screen.kept, 0);
}

#[test]
fn an_output_without_end_is_left() {
    let token = Token("ab".into());
    let mut answer = Answer::to(&token);
    let line = format!("ab:o:{}", "A".repeat(1 << 20));
    let told = (0..100).find_map(|n| answer.line(&line).map(|told| (n, told)));
    assert_eq!(told, Some((32, Err(Garbled::TooLong))));
}

proptest! {
    #[test]
    fn hostile_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let token = Token("ab".into());
        let _ = read(&bytes, &token, &token);
        let mut answer = Answer::to(&token);
        let _ = answer.line(&format!("ab:x:{}", String::from_utf8_lossy(&bytes)));
    }

    #[test]
    fn frames_join_to_what_was_typed(data in proptest::collection::vec(any::<u8>(), 0..70_000)) {
        let mut back = Vec::new();
        for frame in input(&data) {
            let header = frame.iter().enumerate().filter(|(_, b)| **b == b':').nth(1).unwrap().0;
            back.extend_from_slice(&frame[header + 1..]);
        }
        prop_assert_eq!(back, data);
    }
}
