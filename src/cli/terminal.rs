//! A person and a program on a host: both ends of a terminal, or of pipes.

use std::io::IsTerminal as _;
use std::sync::{Mutex, Once, PoisonError};

use futures_util::StreamExt as _;
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::signal::unix::{SignalKind, signal};

use super::{Failure, Kind};
use crate::transport::{Program, Source, Terminal, Window};

/// What the terminal was before it was ours.
static BEFORE: Mutex<Option<Termios>> = Mutex::new(None);

/// Our own terminal, for a program that is to have one; none where stdin or stdout is a pipe or a file.
pub fn own() -> Option<Terminal> {
    let both = std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
    both.then(|| Terminal {
        kind: std::env::var("TERM").unwrap_or_else(|_| "xterm".to_owned()),
        window: window(),
    })
}

fn window() -> Window {
    let size = tcgetwinsize(std::io::stdout()).ok();
    let size = size.filter(|size| size.ws_col > 0 && size.ws_row > 0);
    size.map_or(
        Window {
            columns: 80,
            rows: 24,
        },
        |size| Window {
            columns: size.ws_col,
            rows: size.ws_row,
        },
    )
}

/// Every key goes to the program, until this is dropped.
struct Raw;

impl Raw {
    fn enter() -> std::io::Result<Self> {
        static HOOK: Once = Once::new();
        let before = tcgetattr(std::io::stdin())?;
        let mut raw = before.clone();
        raw.make_raw();
        *BEFORE.lock().unwrap_or_else(PoisonError::into_inner) = Some(before);
        HOOK.call_once(|| {
            let hook = std::panic::take_hook();
            // Nothing is dropped after a panic that aborts.
            std::panic::set_hook(Box::new(move |panic| {
                restore();
                hook(panic);
            }));
        });
        tcsetattr(std::io::stdin(), OptionalActions::Now, &raw)?;
        Ok(Self)
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        restore();
    }
}

/// Makes the terminal what it was, if it is not.
pub fn restore() {
    let before = BEFORE.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(before) = before {
        // There is nothing else to be done about it.
        let _ = tcsetattr(std::io::stdin(), OptionalActions::Drain, &before);
    }
}

/// What a program said last, for judging why it could not be started.
const BEGINNING: usize = 4096;

/// How a program ended.
#[derive(Debug, PartialEq, Eq)]
pub struct Ended {
    pub status: i32,
    /// The beginning of what it said.
    pub said: Vec<u8>,
}

/// Lets a person talk to a program until it ends. `None` when nobody reads any more what it says.
pub async fn attend(program: Program, has_terminal: bool) -> Result<Option<Ended>, Failure> {
    let Program {
        mut output,
        mut input,
        window: windows,
        ended,
    } = program;
    let failed = |error: std::io::Error| {
        Failure::new(Kind::Ours, format!("cannot use this terminal: {error}"))
    };
    let raw = has_terminal.then(Raw::enter).transpose().map_err(failed)?;
    let resized = tokio::spawn(async move {
        let Ok(mut changes) = signal(SignalKind::window_change()) else {
            return;
        };
        while has_terminal && changes.recv().await.is_some() {
            if windows.send(window()).is_err() {
                return;
            }
        }
        // Kept, since its end is that of the program's terminal.
        std::future::pending::<()>().await;
    });
    let typed = tokio::spawn(async move {
        let mut stdin = tokio::io::stdin();
        let mut bytes = vec![0; 16 * 1024];
        while let Ok(read) = stdin.read(&mut bytes).await
            && read > 0
        {
            // A program may end without reading all of it.
            if input.write_all(&bytes[..read]).await.is_err() || input.flush().await.is_err() {
                return;
            }
        }
        let _ = input.shutdown().await;
        // Dropped, it would close the other direction as well.
        std::future::pending::<()>().await;
    });
    let shown = show(&mut output).await;
    typed.abort();
    resized.abort();
    drop(raw);
    let Some(said) = shown? else {
        return Ok(None);
    };
    let status = ended.await.map_err(|error| lost(&error))?;
    Ok(Some(Ended { status, said }))
}

async fn show(
    output: &mut (impl futures_util::Stream<Item = std::io::Result<(Source, bytes::Bytes)>> + Unpin),
) -> Result<Option<Vec<u8>>, Failure> {
    let (mut stdout, mut stderr) = (tokio::io::stdout(), tokio::io::stderr());
    let mut beginning = Vec::new();
    while let Some(said) = output.next().await {
        let (source, bytes) = said.map_err(|error| lost(&error))?;
        let room = BEGINNING.saturating_sub(beginning.len());
        beginning.extend_from_slice(&bytes[..bytes.len().min(room)]);
        let written = match source {
            Source::Stdout => write(&mut stdout, &bytes).await,
            Source::Stderr => write(&mut stderr, &bytes).await,
        };
        if written.is_err() {
            return Ok(None);
        }
    }
    Ok(Some(beginning))
}

async fn write(
    out: &mut (impl tokio::io::AsyncWrite + Unpin),
    bytes: &[u8],
) -> std::io::Result<()> {
    out.write_all(bytes).await?;
    out.flush().await
}

fn lost(error: &(dyn std::error::Error + 'static)) -> Failure {
    Failure::of(Kind::Unreachable, error)
}
