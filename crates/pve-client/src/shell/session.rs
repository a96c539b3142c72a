//! A conversation with a root shell on the other end of a terminal, whatever carries it.

use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::time::{Instant, timeout, timeout_at};

use super::Output;
use super::framing::{Answer, ENTER_SH, Garbled, Screen, Token, command, prepare};
use crate::answer::clip;

/// A login shell is taken to wait for input when it has printed something and then nothing for this long.
const QUIET: Duration = Duration::from_millis(300);

/// How long a login may print nothing at all before the first line is typed all the same.
const FIRST_OUTPUT: Duration = Duration::from_secs(5);

/// How long a shell may take to answer before the line is typed again: a login flushes what was typed too early.
const ATTEMPT: Duration = Duration::from_secs(4);

/// Firewalls forget connections on which nothing happens.
const KEEP_ALIVE: Duration = Duration::from_secs(20);

/// How much of what a terminal shows stands in an error.
const SHOWN: usize = 1000;

/// Ends what is being typed, so that half a line left over does not swallow the next.
const CONTROL_C: &[u8] = b"\x03";

/// The bytes to and from a terminal.
pub(super) trait Wire: Send {
    /// Types.
    fn send<'a>(&'a mut self, typed: &'a [u8]) -> BoxFuture<'a, Result<(), Broken>>;
    /// What was printed next; `None` when the terminal was closed. Nothing is lost if the future is dropped.
    fn receive(&mut self) -> BoxFuture<'_, Result<Option<Vec<u8>>, Broken>>;
    /// Tells everybody on the way that the connection is alive.
    fn keep_alive(&mut self) -> BoxFuture<'_, Result<(), Broken>>;
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Broken {
    /// The terminal was closed.
    #[error("the terminal was closed{}", .0.as_ref().map(|shown| format!("; it showed: {shown}")).unwrap_or_default())]
    Closed(Option<String>),
    /// The connection failed.
    #[error("{0}")]
    Connection(String),
    /// Time is up.
    #[error("no answer in time{}", .0.as_ref().map(|shown| format!("; the terminal shows: {shown}")).unwrap_or_default())]
    Timeout(Option<String>),
    /// The answer cannot be used.
    #[error(transparent)]
    Garbled(#[from] Garbled),
}

/// A shell that is ready for commands.
pub(super) struct Session<W> {
    wire: W,
    screen: Screen,
}

impl<W: Wire> Session<W> {
    /// Waits for the login shell and makes it ready. Runs nothing but the preparation.
    pub(super) async fn open(wire: W, deadline: Instant) -> Result<Self, Broken> {
        let mut session = Self { wire, screen: Screen::default() };
        session.until_quiet(FIRST_OUTPUT, deadline).await?;
        let token = Token::random();
        let mut first = true;
        loop {
            if !first {
                session.wire.send(CONTROL_C).await?;
            }
            first = false;
            session.wire.send(ENTER_SH).await?;
            // The new shell sets up its terminal; what is typed meanwhile can get lost.
            session.until_quiet(QUIET, deadline).await?;
            session.wire.send(&prepare(&token)).await?;
            let attempt = deadline.min(Instant::now() + ATTEMPT);
            loop {
                if session.screen.shows(&token) {
                    return Ok(session);
                }
                match session.more(attempt).await {
                    Err(Broken::Timeout(_)) if attempt < deadline => break,
                    other => other?,
                }
            }
        }
    }

    /// Runs one program. After an error the session is of no more use.
    pub(super) async fn run(&mut self, argv: &[String], deadline: Instant) -> Result<Output, Broken> {
        let token = Token::random();
        let mut answer = Answer::to(&token);
        self.wire.send(&command(&token, argv)).await?;
        loop {
            while let Some(line) = self.screen.next_line() {
                if let Some(result) = answer.line(&line) {
                    return Ok(result?);
                }
            }
            self.more(deadline).await?;
        }
    }

    /// Reads until nothing has come for a moment; `first` is how long there may be nothing to begin with.
    async fn until_quiet(&mut self, first: Duration, deadline: Instant) -> Result<(), Broken> {
        let mut patience = first;
        loop {
            match self.more(deadline.min(Instant::now() + patience)).await {
                Err(Broken::Timeout(_)) if Instant::now() < deadline => return Ok(()),
                other => other?,
            }
            patience = QUIET;
        }
    }

    /// Reads the next piece.
    async fn more(&mut self, deadline: Instant) -> Result<(), Broken> {
        let piece = loop {
            // Of a terminal that never stops printing the next piece is always there before the time is looked at.
            if Instant::now() >= deadline {
                return Err(Broken::Timeout(self.shown()));
            }
            let step = timeout(KEEP_ALIVE, timeout_at(deadline, self.wire.receive())).await;
            match step {
                Err(_) => self.wire.keep_alive().await?,
                Ok(Err(_)) => return Err(Broken::Timeout(self.shown())),
                Ok(Ok(received)) => break received?,
            }
        };
        match piece {
            Some(bytes) => self.screen.feed(&bytes),
            None => return Err(Broken::Closed(self.shown())),
        }
        Ok(())
    }

    fn shown(&self) -> Option<String> {
        Some(clip(&self.screen.tail(), SHOWN)).filter(|tail| !tail.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Stdio;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::process::{Child, ChildStdin, ChildStdout, Command};

    /// A real terminal on this machine. `script` is part of every Linux.
    struct Local {
        _child: Child,
        typed: ChildStdin,
        printed: ChildStdout,
    }

    impl Local {
        fn start(command: &str) -> Self {
            Self::spawn("script", &["-qec", command, "/dev/null"])
        }

        fn spawn(program: &str, arguments: &[&str]) -> Self {
            let mut child = Command::new(program)
                .args(arguments)
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .kill_on_drop(true)
                .spawn()
                .unwrap();
            let (typed, printed) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
            Self { _child: child, typed, printed }
        }
    }

    impl Wire for Local {
        fn send<'a>(&'a mut self, typed: &'a [u8]) -> BoxFuture<'a, Result<(), Broken>> {
            Box::pin(async move {
                let sent = async {
                    self.typed.write_all(typed).await?;
                    self.typed.flush().await
                };
                sent.await.map_err(|why| Broken::Connection(why.to_string()))
            })
        }

        fn receive(&mut self) -> BoxFuture<'_, Result<Option<Vec<u8>>, Broken>> {
            Box::pin(async move {
                let mut bytes = vec![0; 1024];
                let n = self.printed.read(&mut bytes).await.map_err(|why| Broken::Connection(why.to_string()))?;
                bytes.truncate(n);
                Ok((n > 0).then_some(bytes))
            })
        }

        fn keep_alive(&mut self) -> BoxFuture<'_, Result<(), Broken>> {
            Box::pin(async { Ok(()) })
        }
    }

    /// A terminal on which something is always printed.
    struct Flood(&'static [u8]);

    impl Wire for Flood {
        fn send<'a>(&'a mut self, _typed: &'a [u8]) -> BoxFuture<'a, Result<(), Broken>> {
            Box::pin(async { Ok(()) })
        }

        fn receive(&mut self) -> BoxFuture<'_, Result<Option<Vec<u8>>, Broken>> {
            Box::pin(async {
                tokio::time::sleep(Duration::from_millis(50)).await;
                Ok(Some(self.0.repeat(1000)))
            })
        }

        fn keep_alive(&mut self) -> BoxFuture<'_, Result<(), Broken>> {
            Box::pin(async { Ok(()) })
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_terminal_that_never_stops_printing_is_left_when_time_is_up() {
        for text in [&b"no end in sight "[..], b"line\n", b"\n", b"\x1b]"] {
            let begun = Instant::now();
            let broken = Session::open(Flood(text), begun + Duration::from_secs(45)).await.err().unwrap();
            assert!(begun.elapsed() <= Duration::from_secs(46), "{:?}", begun.elapsed());
            let Broken::Timeout(shown) = broken else { panic!("{broken:?}") };
            assert!(shown.is_none_or(|shown| shown.len() <= SHOWN + 3));

            let mut session = Session { wire: Flood(text), screen: Screen::default() };
            let begun = Instant::now();
            let broken = session.run(&argv(&["true"]), begun + Duration::from_secs(120)).await.unwrap_err();
            assert!(matches!(broken, Broken::Timeout(_)) && begun.elapsed() <= Duration::from_secs(121));
        }
    }

    fn argv(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(60)
    }

    async fn hard_ones(shell: Local) {
        let mut session = Session::open(shell, soon()).await.unwrap();
        // ^C, ^D, ^U, ^V, ^Z and tabs would be acted upon if they were typed as they are; the long argument is more than
        // a terminal takes in one line.
        let odd = "a'b\x03\x04\x15\x16\x1a\t\n$HOME é";
        let long = "x".repeat(9000);
        let out = session.run(&argv(&["printf", "%s|%s", odd, &long]), soon()).await.unwrap();
        assert_eq!(String::from_utf8_lossy(&out.stdout), format!("{odd}|{long}"));
        assert_eq!((out.status, out.stderr_text()), (0, String::new()));
        let out = session.run(&argv(&["sh", "-c", "printf '\\0\\377'; echo err >&2; exit 17"]), soon()).await.unwrap();
        assert_eq!(out, Output { status: 17, stdout: b"\0\xff".to_vec(), stderr: b"err\n".to_vec() });
        let out = session.run(&argv(&["seq", "1", "20000"]), soon()).await.unwrap();
        assert_eq!(out.stdout_text().lines().count(), 20000);
    }

    #[tokio::test]
    async fn bash_with_line_editor_echo_and_colours() {
        hard_ones(Local::start("bash --norc -i")).await;
    }

    #[tokio::test]
    async fn a_plain_sh_after_a_message_of_the_day() {
        let login = "sh -c 'echo Last login: today; sleep 0.1; echo You have mail.; exec sh -i'";
        hard_ones(Local::start(login)).await;
    }

    #[tokio::test]
    async fn a_shell_without_a_terminal() {
        hard_ones(Local::spawn("sh", &["-c", "echo '# '; exec sh"])).await;
    }

    #[tokio::test]
    async fn a_shell_that_ends_is_told_with_what_it_showed() {
        let broken = Session::open(Local::start("echo pve1 login:; exit 0"), soon()).await.err().unwrap();
        let Broken::Closed(Some(shown)) = &broken else { panic!("{broken:?}") };
        assert!(shown.contains("pve1 login:"), "{shown}");
    }

    #[tokio::test]
    async fn something_that_is_no_shell_is_a_timeout() {
        let deadline = Instant::now() + Duration::from_secs(4);
        let broken =
            Session::open(Local::start("stty raw -echo; printf 'pve1 login: '; exec sleep 60"), deadline).await.err();
        assert_eq!(broken, Some(Broken::Timeout(Some("pve1 login:".into()))));
    }
}
