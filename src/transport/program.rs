//! A program on a host that a person talks to, and a shell there.

use std::io;
use std::pin::Pin;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::{self, BoxStream};
use tokio::io::AsyncWrite;
use tokio::sync::{mpsc, oneshot};

use super::channel::{Event, pump};
use super::link::{Link, STEP_DEADLINE};
use super::{Source, TransportError};
use crate::script::{Script, quote};

const ROOT_SHELL: &str = include_str!("root-shell.sh");
const PROGRAM: &str = include_str!("program.sh");

/// A program that runs, with its two ends.
pub struct Program {
    /// What it says; it has ended, or nobody can hear it, when this has.
    pub output: BoxStream<'static, io::Result<(Source, Bytes)>>,
    /// Its stdin; shutting it down is the end of it.
    pub input: Pin<Box<dyn AsyncWrite + Send>>,
    /// Tells it that its terminal has another size.
    pub window: mpsc::UnboundedSender<Window>,
    /// Its exit code, once `output` has ended.
    pub ended: BoxFuture<'static, io::Result<i32>>,
}

/// How large a terminal is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    pub columns: u16,
    pub rows: u16,
}

/// The terminal that a program is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terminal {
    /// `TERM`.
    pub kind: String,
    pub window: Window,
}

/// Whose shell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShellOf {
    /// Who logs in.
    User,
    Root,
}

impl Link {
    /// A login shell in a channel of its own.
    pub(super) async fn open_shell(
        &self,
        whose: ShellOf,
        terminal: Option<&Terminal>,
    ) -> Result<Program, TransportError> {
        let command = match whose {
            ShellOf::User => None,
            ShellOf::Root => Some(format!("exec /bin/sh -c {}", quote(ROOT_SHELL))),
        };
        self.open(command, terminal, "opening a shell").await
    }

    /// A script as root in a channel of its own.
    pub(super) async fn open_program(
        &self,
        script: &Script,
        terminal: Option<&Terminal>,
    ) -> Result<Program, TransportError> {
        self.open(Some(program(script)), terminal, "starting a program")
            .await
    }

    /// `command`, or else a login shell.
    async fn open(
        &self,
        command: Option<String>,
        terminal: Option<&Terminal>,
        what: &'static str,
    ) -> Result<Program, TransportError> {
        let permit = self.session_permit().await?;
        let open = async {
            let channel = self.open_session().await?;
            let (inbox, outbox) = pump(channel, Some(permit));
            if let Some(Terminal { kind, window }) = terminal {
                let (columns, rows) = (u32::from(window.columns), u32::from(window.rows));
                outbox
                    .request_pty(false, kind, columns, rows, 0, 0, &[])
                    .await?;
            }
            match command {
                None => outbox.request_shell(false).await?,
                Some(command) => outbox.exec(false, command).await?,
            }
            Ok((inbox, outbox))
        };
        let (mut inbox, outbox) = self.within(STEP_DEADLINE, what, open).await?;
        let (window, mut windows) = mpsc::unbounded_channel::<Window>();
        let (status, told) = oneshot::channel();
        let input = Box::pin(outbox.make_writer());
        tokio::spawn(async move {
            while let Some(Window { columns, rows }) = windows.recv().await {
                let (columns, rows) = (u32::from(columns), u32::from(rows));
                if outbox.window_change(columns, rows, 0, 0).await.is_err() {
                    return;
                }
            }
        });
        let (sender, output) = mpsc::channel(64);
        tokio::spawn(async move {
            let mut status = Some(status);
            while let Some(event) = inbox.next().await {
                let said = match event {
                    Event::Stdout(data) => (Source::Stdout, data),
                    Event::Stderr(data) => (Source::Stderr, data),
                    Event::Exit(code) => {
                        // Nobody waits for it when that fails.
                        let _ = status.take().map(|status| status.send(code));
                        continue;
                    }
                    Event::Eof => continue,
                };
                if sender.send(Ok(said)).await.is_err() {
                    return;
                }
            }
        });
        let output = stream::unfold(output, |mut output| async move {
            output.recv().await.map(|said| (said, output))
        });
        let host: Arc<str> = self.host.as_str().into();
        Ok(Program {
            output: output.boxed(),
            input,
            window,
            ended: Box::pin(async move {
                told.await
                    .map_err(|_| io::Error::other(format!("the connection to {host} was lost")))
            }),
        })
    }
}

/// What sshd gives to the login shell.
fn program(script: &Script) -> String {
    let words = [script.body, script.name].into_iter();
    let words = words.chain(script.args.iter().map(String::as_str));
    let encoded: Vec<String> = words.map(|word| STANDARD.encode(word)).collect();
    // An empty word is nothing in base64.
    let words: Vec<String> = encoded.iter().map(|word| quote(word)).collect();
    format!(
        "exec /bin/sh -c {} program {}",
        quote(PROGRAM),
        words.join(" ")
    )
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn a_program_gets_its_words_as_they_are() {
        let script = Script {
            name: "probe",
            body: "printf '<%s>' \"$0\" \"$@\"; exit 7\n",
            args: ["it's", "", "a\\b $HOME `x`", "two\nlines\n\n", "ü"]
                .map(str::to_owned)
                .into(),
        };
        let ended = Command::new("sh")
            .args(["-c", &program(&script)])
            .output()
            .unwrap();
        if ended.status.code() != Some(7) {
            // Nobody but root can do without sudo.
            assert_ne!(rustix::process::geteuid().as_raw(), 0, "{ended:?}");
            return;
        }
        let said = String::from_utf8(ended.stdout).unwrap();
        assert_eq!(said, "<probe><it's><><a\\b $HOME `x`><two\nlines\n\n><ü>");
    }
}
