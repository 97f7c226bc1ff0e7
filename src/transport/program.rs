//! A program on a host that a person talks to, and a shell there.

use std::io;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::{self, BoxStream};
use tokio::io::AsyncWrite;
use tokio::sync::{mpsc, oneshot};

use super::channel::{Event, pump};
use super::ssh::{Link, STEP_DEADLINE};
use super::{Source, TransportError};
use crate::script::quote;

const ROOT_SHELL: &str = include_str!("root-shell.sh");

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
            match whose {
                ShellOf::User => outbox.request_shell(false).await?,
                ShellOf::Root => {
                    let command = format!("exec /bin/sh -c {}", quote(ROOT_SHELL));
                    outbox.exec(false, command).await?;
                }
            }
            Ok((inbox, outbox))
        };
        let (mut inbox, outbox) = self.within(STEP_DEADLINE, "opening a shell", open).await?;
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
