//! Files of a node: looked at, written and removed by a script each, so that each is one step over there, however far away.
//!
//! Nothing is ever half written: the content goes to a file beside the place, is counted and synced, and takes the place by
//! one rename. The content is the script's standard input, never part of a command line.

use std::time::Duration;

use super::Output;
use super::commands::CommandError;
use super::ssh::SshShell;

/// Each is a matter of a moment; a disk that is busy may take longer.
const PATIENCE: Duration = Duration::from_secs(120);

/// What is there. Arguments: the path, how much of the content, the folder. Says: the path without links, whether the folder is
/// one, and of what is there its raw mode, owner, group, size, time of change and content.
const LOOK: &str = r#"printf '%s\0' "$(realpath -m -- "$1")"
{ test -d "$3" && printf 'd\0'; } || printf 'n\0'
{ test ! -e "$1" && test ! -L "$1"; } || { stat --printf '%f\0%U\0%G\0%s\0%.9Y\0' -- "$1" && { test ! -f "$1" || head -c "$2" -- "$1"; }; }"#;

/// Writes. Arguments: the path, the file beside it, `owner:group`, the mode, how long the content is, the folder, and `new`
/// (nothing may be there) or `over`. What fails leaves the place as it was. Says the time of the change.
pub(super) const WRITE: &str = r#"umask 077
rm -f -- "$2" && set -C && cat > "$2" &&
{ test "$(stat -c %s -- "$2")" -eq "$5" || { echo 'the content did not arrive whole' >&2; false; }; } &&
chown -- "$3" "$2" && chmod -- "$4" "$2" && sync -- "$2" &&
{ { test "$7" = over && test ! -L "$1" && test ! -d "$1" && mv -f -T -- "$2" "$1"; } ||
{ test "$7" = new && mv -n -T -- "$2" "$1" && { test ! -e "$2" || { echo 'it exists by now' >&2; false; }; }; }; } ||
{ rm -f -- "$2"; exit 9; }
sync -- "$6"
stat --printf '%.9Y\0' -- "$1""#;

/// Gives a file another owner and mode. Arguments: the path, `owner:group`, the mode.
const GIVE: &str = r#"test -f "$1" && test ! -L "$1" && chown -- "$2" "$1" && chmod -- "$3" "$1""#;

/// Removes what nobody has changed. Arguments: the path, the time of the last change, the file beside it.
const REMOVE: &str = r#"rm -f -- "$3"
{ test ! -e "$1" && test ! -L "$1"; } || { test ! -L "$1" && test "$(stat -c %.9Y -- "$1")" = "$2" && rm -f -- "$1"; } || exit 9"#;

/// The files of the node that a shell leads to.
#[derive(Debug, Clone, Copy)]
pub struct Files<'a>(&'a SshShell);

/// What was found at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The path with every link followed: another one than asked for if a link is on the way.
    pub real: String,
    /// Whether its folder is there.
    pub folder: bool,
    /// What is there; a link is not followed.
    pub found: Option<Found>,
}

/// Something that lies at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// `st_mode`: kind and permissions.
    pub mode: u32,
    /// Its owner; `UNKNOWN` for a number without a name.
    pub owner: String,
    /// Its group.
    pub group: String,
    /// Bytes.
    pub size: u64,
    /// When its content was changed last, in seconds since 1970 with nine decimals.
    pub modified: String,
    /// As much of the content as was asked for.
    pub content: Vec<u8>,
}

impl Found {
    /// Whether it is a plain file.
    pub fn is_file(&self) -> bool {
        self.mode & 0o170_000 == 0o100_000
    }

    /// What it is, in a word.
    pub fn kind(&self) -> &'static str {
        match self.mode & 0o170_000 {
            0o100_000 => "a file",
            0o040_000 => "a directory",
            0o120_000 => "a symbolic link",
            _ => "no plain file",
        }
    }

    /// Its permissions: `0644`.
    pub fn permissions(&self) -> String {
        format!("{:04o}", self.mode & 0o7777)
    }

    /// Whether everybody on the node may read it.
    pub fn is_public(&self) -> bool {
        self.mode & 0o004 != 0
    }
}

/// A file as it is to be.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// Where.
    pub path: &'a str,
    /// Whose.
    pub owner: &'a str,
    /// Its group.
    pub group: &'a str,
    /// Its permissions: `0644`.
    pub mode: &'a str,
}

impl Wanted<'_> {
    fn whose(&self) -> String {
        format!("{}:{}", self.owner, self.group)
    }
}

/// Where a file's content is put before it takes its place: beside it, so that it is on the same file system.
pub fn beside(path: &str) -> String {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    format!("{folder}/.{name}.terraform")
}

/// The folder that a path lies in.
pub fn folder(path: &str) -> &str {
    match path.rsplit_once('/') {
        Some(("", _)) | None => "/",
        Some((folder, _)) => folder,
    }
}

impl<'a> Files<'a> {
    /// By this shell.
    pub fn new(shell: &'a SshShell) -> Self {
        Self(shell)
    }

    /// Looks at a path; `content`: how much of it is wanted.
    pub async fn look(&self, path: &str, content: u64) -> Result<Place, CommandError> {
        let called = format!("Looking at {path}");
        let out = self.script(LOOK, &[path, &content.to_string(), folder(path)], &[], &called).await?;
        if !out.success() {
            return Err(self.refused(called, &out));
        }
        read(&out.stdout).ok_or_else(|| CommandError::Unreadable {
            command: called,
            node: self.node(),
            message: String::from_utf8_lossy(&out.stdout).chars().take(200).collect(),
        })
    }

    /// Writes a file; `new`: nothing may be there. The time of its change.
    pub async fn write(&self, want: Wanted<'_>, content: &[u8], new: bool) -> Result<String, CommandError> {
        let (called, path) = (format!("Writing {}", want.path), want.path);
        let (beside, whose, length) = (beside(path), want.whose(), content.len().to_string());
        let how = if new { "new" } else { "over" };
        let arguments = [path, &beside, &whose, want.mode, &length, folder(path), how];
        let out = self.script(WRITE, &arguments, content, &called).await?;
        match out.status {
            0 => Ok(out.stdout_text().trim_end_matches('\0').to_owned()),
            9 => Err(self.unchanged(called, &out)),
            _ => Err(self.refused(called, &out)),
        }
    }

    /// Gives a file another owner and mode.
    pub async fn give(&self, want: Wanted<'_>) -> Result<(), CommandError> {
        let called = format!("Changing owner and mode of {}", want.path);
        let out = self.script(GIVE, &[want.path, &want.whose(), want.mode], &[], &called).await?;
        if out.success() { Ok(()) } else { Err(self.refused(called, &out)) }
    }

    /// Removes a file that is as it was at `modified`, if it is there.
    pub async fn remove(&self, path: &str, modified: &str) -> Result<(), CommandError> {
        let called = format!("Removing {path}");
        let out = self.script(REMOVE, &[path, modified, &beside(path)], &[], &called).await?;
        match out.status {
            0 => Ok(()),
            9 => Err(self.unchanged(called, &Output { stderr: b"somebody has changed it".to_vec(), ..out })),
            _ => Err(self.refused(called, &out)),
        }
    }

    async fn script(
        &self,
        script: &str,
        arguments: &[&str],
        input: &[u8],
        called: &str,
    ) -> Result<Output, CommandError> {
        let argv: Vec<String> =
            [&["sh", "-c", script, "sh"], arguments].concat().into_iter().map(str::to_owned).collect();
        Ok(self.0.feed(&argv, input, &format!("{called} on {}", self.node()), PATIENCE).await?)
    }

    fn refused(&self, command: String, out: &Output) -> CommandError {
        CommandError::Refused { command, node: self.node(), status: out.status, message: out.stderr_text() }
    }

    fn unchanged(&self, command: String, out: &Output) -> CommandError {
        CommandError::Unchanged { command, node: self.node(), status: out.status, message: out.stderr_text() }
    }

    fn node(&self) -> String {
        use super::NodeShell as _;
        self.0.node().to_owned()
    }
}

/// What [`LOOK`] says.
fn read(said: &[u8]) -> Option<Place> {
    let (real, said) = field(said)?;
    let (folder, said) = field(said)?;
    let folder = folder == "d";
    if said.is_empty() {
        return Some(Place { real, folder, found: None });
    }
    let (mode, said) = field(said)?;
    let (owner, said) = field(said)?;
    let (group, said) = field(said)?;
    let (size, said) = field(said)?;
    let (modified, content) = field(said)?;
    let mode = u32::from_str_radix(&mode, 16).ok()?;
    let found = Found { mode, owner, group, size: size.parse().ok()?, modified, content: content.to_vec() };
    Some(Place { real, folder, found: Some(found) })
}

/// What stands before the first NUL, and the rest.
fn field(said: &[u8]) -> Option<(String, &[u8])> {
    let end = said.iter().position(|byte| *byte == 0)?;
    Some((String::from_utf8(said[..end].to_vec()).ok()?, &said[end + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_found_is_read_to_the_last_byte() {
        let read = |said: &str| read(said.replace('|', "\0").as_bytes());
        let place = read("/etc/a|d|81a4|root|adm|3|1795.5|x|y").unwrap();
        let found = place.found.clone().unwrap();
        assert_eq!((found.kind(), found.permissions().as_str(), found.is_public()), ("a file", "0644", true));
        assert_eq!((found.owner.as_str(), found.group.as_str(), found.size), ("root", "adm", 3));
        assert_eq!((found.modified.as_str(), &found.content[..]), ("1795.5", &b"x\0y"[..]));
        assert_eq!(read("/etc/b|n|"), Some(Place { real: "/etc/b".to_owned(), folder: false, found: None }));
        for broken in ["", "/etc/a", "/etc/a|d|81a4|root|", "/etc/a|d|zz|r|r|1|1.0|"] {
            assert_eq!(read(broken), None);
        }
    }

    #[test]
    fn content_waits_beside_its_place() {
        assert_eq!(beside("/etc/wireguard/wg0.conf"), "/etc/wireguard/.wg0.conf.terraform");
        assert_eq!((beside("/a").as_str(), folder("/a"), folder("/a/b")), ("/.a.terraform", "/", "/a"));
    }
}
