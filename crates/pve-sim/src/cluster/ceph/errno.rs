//! The error codes Ceph answers with.

/// An errno as Ceph uses it: exit code of the command line and name in its messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Errno {
    /// 1
    Perm,
    /// 2
    NoEnt,
    /// 5
    Io,
    /// 11
    Again,
    /// 16
    Busy,
    /// 17
    Exist,
    /// 22
    Inval,
    /// 34
    Range,
    /// 39
    NotEmpty,
    /// 95
    NotSup,
}

impl Errno {
    /// The number, which is also the exit status of `ceph`.
    pub fn code(self) -> i32 {
        match self {
            Errno::Perm => 1,
            Errno::NoEnt => 2,
            Errno::Io => 5,
            Errno::Again => 11,
            Errno::Busy => 16,
            Errno::Exist => 17,
            Errno::Inval => 22,
            Errno::Range => 34,
            Errno::NotEmpty => 39,
            Errno::NotSup => 95,
        }
    }

    /// The name in `Error EPERM: ...`.
    pub fn name(self) -> &'static str {
        match self {
            Errno::Perm => "EPERM",
            Errno::NoEnt => "ENOENT",
            Errno::Io => "EIO",
            Errno::Again => "EAGAIN",
            Errno::Busy => "EBUSY",
            Errno::Exist => "EEXIST",
            Errno::Inval => "EINVAL",
            Errno::Range => "ERANGE",
            Errno::NotEmpty => "ENOTEMPTY",
            Errno::NotSup => "ENOTSUP",
        }
    }
}

/// A command the monitors (or the manager) refused: the code and the status text without prefix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Why, as a code.
    pub errno: Errno,
    /// Why, in Ceph's words.
    pub text: String,
}

impl Refusal {
    /// A refusal with its text.
    pub fn new(errno: Errno, text: impl Into<String>) -> Self {
        Self { errno, text: text.into() }
    }
}
