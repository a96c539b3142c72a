//! `ceph fs ...`, as far as PVE has no call for it.

use super::args::{Command, Kind, req};

pub(super) const COMMANDS: &[Command] = &[
    Command {
        prefix: &["fs", "fail"],
        params: &[req("fs_name", Kind::Str)],
        help: "bring the named file system down and all of its ranks",
        run: |ceph, now, args| ceph.fail_fs(args.word("fs_name"), now).into(),
    },
    Command {
        prefix: &["fs", "set"],
        // Of some fourteen.
        params: &[req("fs_name", Kind::Str), req("var", Kind::Choice(&["joinable"])), req("val", Kind::Str)],
        help: "set fs parameter <var> to <val>",
        run: |ceph, now, args| {
            let on = matches!(args.word("val"), "true" | "yes" | "1");
            ceph.set_fs_joinable(args.word("fs_name"), on, now).into()
        },
    },
];
