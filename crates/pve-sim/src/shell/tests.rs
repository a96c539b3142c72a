use super::*;

fn session() -> Session {
    let (mut session, shown) = Session::login("pve1");
    assert!(String::from_utf8(shown).unwrap().ends_with("root@pve1:~# "));
    type_in(&mut session, "exec /bin/sh\nstty -echo; PS1=; PS2=\n");
    session
}

fn type_in(session: &mut Session, text: &str) -> String {
    let mut ceph = |words: &[String]| {
        (words[0] == "ceph").then(|| Output {
            status: 16,
            stdout: format!("{}\n", words[1..].join("|")),
            stderr: "Error EBUSY\n".to_owned(),
        })
    };
    String::from_utf8(session.typed(text.as_bytes(), &mut ceph)).unwrap().replace("\r\n", "\n")
}

#[test]
fn what_scripts_are_made_of() {
    let mut session = session();
    for (typed, shown) in [
        ("echo 'a\n", ""),
        ("\u{3}", "\n"),
        ("echo a  'b  c' d\\ e\n", "a b  c d e\n"),
        ("x=1; y=\"$x 2\"; printf '%s-%s\\n' $y \"$y\" 3\n", "1-2\n1 2-3\n"),
        ("ceph osd 'a b'; echo $?\n", "osd|a b\nError EBUSY\n16\n"),
        ("ceph x >/dev/null 2>&1 || echo failed && true; echo $?\n", "failed\n0\n"),
        ("z=$(ceph x 2>/dev/null); echo \"$z:$?\"\n", "x:16\n"),
        ("f() { echo \"$#:$2\"; return 3; echo never; }; f a 'b c'; echo $?\n", "2:b c\n3\n"),
        ("for i in a b; do echo $i; done | sed 's/^/> /'\n", "> a\n> b\n"),
        ("for i in a b\ndo\necho $i; done\n", "a\nb\n"),
        (
            "d=$(mktemp -d); echo text >$d/f; wc -c <\"$d/f\"; rm -rf $d; cat $d/f\n",
            "5\ncat: /tmp/tmp.0000000001/f: No such file or directory\n",
        ),
        ("printf %s hello | base64; echo aGVsbG8= | base64 -d\n", "aGVsbG8=\nhello"),
        ("eval \"echo $(printf %s 'one two')\" # remark\n", "one two\n"),
        ("nonsense; echo $?\n", "sh: 1: nonsense: not found\n127\n"),
        ("echo )\n", "sh: 1: Syntax error: \")\" unexpected\n"),
    ] {
        assert_eq!(type_in(&mut session, typed), shown, "{typed}");
    }
}

#[test]
fn arguments_arrive_as_they_were_given() {
    let mut session = session();
    type_in(&mut session, "run() { \"$@\"; }\n");
    assert_eq!(type_in(&mut session, "run ceph '' 'it'\\''s' \"a\n\u{e9}\"\n"), "|it's|a\n\u{e9}\nError EBUSY\n");
}

#[test]
fn a_terminal_echoes_until_it_is_told_not_to_and_cuts_long_lines() {
    let (mut session, _) = Session::login("pve1");
    assert_eq!(type_in(&mut session, "echo a\n"), "echo a\na\nroot@pve1:~# ");
    assert_eq!(type_in(&mut session, "exec /bin/sh\n"), "exec /bin/sh\n# ");
    type_in(&mut session, "stty -echo; PS1=\n");
    let long = "x".repeat(5000);
    assert_eq!(type_in(&mut session, &format!("echo {long}\n")).len(), 4095 - 5 + 1);
    assert!(!session.ended());
    type_in(&mut session, "exit\n");
    assert!(session.ended());
}
