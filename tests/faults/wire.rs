//! A TCP relay before a host's sshd that can do what networks do: delay, slow down, go silent, reset, corrupt.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

/// Passes everything on until it is told otherwise.
pub struct Wire {
    port: u16,
    control: Arc<Control>,
    runtime: Option<tokio::runtime::Runtime>,
}

struct Control {
    line: watch::Sender<Line>,
    /// Bytes that clients have sent.
    sent: AtomicU64,
    damage: Mutex<Option<Damage>>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Line {
    /// Nothing gets through, not even the end of a connection.
    silent: bool,
    /// One way.
    delay: Duration,
    /// Bytes a second, each way.
    rate: Option<u64>,
    /// Raised to reset every connection that there is.
    resets: u64,
}

/// What happens to the upload once clients have sent so many bytes more.
#[derive(Debug, Clone, Copy)]
pub enum Damage {
    /// One bit arrives wrong.
    Flip(u64),
    /// The connection is reset.
    Cut(u64),
}

impl Wire {
    pub fn start(target: u16) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let listener = runtime
            .block_on(TcpListener::bind(("127.0.0.1", 0)))
            .expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let control = Arc::new(Control {
            line: watch::Sender::new(Line::default()),
            sent: AtomicU64::new(0),
            damage: Mutex::default(),
        });
        let shared = Arc::clone(&control);
        runtime.spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(carry(client, target, Arc::clone(&shared)));
            }
        });
        Self {
            port,
            control,
            runtime: Some(runtime),
        }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// Nothing gets through any more, in both ways; connections stay.
    pub fn go_silent(&self) {
        self.control.line.send_modify(|line| line.silent = true);
    }

    /// Resets every connection; new ones work.
    pub fn reset(&self) {
        self.control.line.send_modify(|line| line.resets += 1);
    }

    pub fn slow_down(&self, delay: Duration, rate: u64) {
        self.control.line.send_modify(|line| {
            line.delay = delay;
            line.rate = Some(rate);
        });
    }

    pub fn damage(&self, damage: Damage) {
        let now = self.control.sent.load(Ordering::SeqCst);
        let at = match damage {
            Damage::Flip(after) => Damage::Flip(now + after),
            Damage::Cut(after) => Damage::Cut(now + after),
        };
        *self.control.damage.lock().expect("no pump panics") = Some(at);
    }

    /// Whether the damage was done.
    pub fn is_damaged(&self) -> bool {
        self.control
            .damage
            .lock()
            .expect("no pump panics")
            .is_none()
    }

    /// All is well again.
    pub fn mend(&self) {
        *self.control.damage.lock().expect("no pump panics") = None;
        self.control.line.send_modify(|line| {
            *line = Line {
                resets: line.resets,
                ..Line::default()
            }
        });
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

async fn carry(client: TcpStream, target: u16, control: Arc<Control>) {
    let mut line = control.line.subscribe();
    // A silent network does not connect either.
    if line.wait_for(|line| !line.silent).await.is_err() {
        return;
    }
    let Ok(server) = TcpStream::connect(("127.0.0.1", target)).await else {
        return;
    };
    let _ = client.set_nodelay(true);
    let _ = server.set_nodelay(true);
    let born = line.borrow().resets;
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    tokio::spawn(pump(
        from_client,
        to_server,
        true,
        born,
        Arc::clone(&control),
    ));
    tokio::spawn(pump(from_server, to_client, false, born, control));
}

/// A piece on its way, and when it may arrive; `None` is the end of the connection.
type Piece = (Instant, Option<Vec<u8>>);

async fn pump(
    mut from: OwnedReadHalf,
    to: OwnedWriteHalf,
    is_upload: bool,
    born: u64,
    control: Arc<Control>,
) {
    let mut line = control.line.subscribe();
    // As much may be on its way as a network holds.
    let (give, take) = mpsc::channel::<Piece>(64);
    let arrival = tokio::spawn(arrive(take, to, born, Arc::clone(&control)));
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let read = tokio::select! {
            read = from.read(&mut buffer) => read,
            Ok(_) = line.wait_for(|line| line.resets > born) => break reset(from.as_ref()),
        };
        let bytes = read.unwrap_or(0);
        let mut piece = buffer[..bytes].to_vec();
        if is_upload && bytes > 0 {
            let begins = control.sent.fetch_add(bytes as u64, Ordering::SeqCst);
            let mut damage = control.damage.lock().expect("no pump panics");
            let within = |at: u64| (at.checked_sub(begins)).filter(|at| *at < bytes as u64);
            match *damage {
                Some(Damage::Flip(at)) => {
                    if let Some(index) = within(at.max(begins)) {
                        piece[index as usize] ^= 1;
                        *damage = None;
                    }
                }
                Some(Damage::Cut(at)) if within(at.max(begins)).is_some() => {
                    *damage = None;
                    control.line.send_modify(|line| line.resets += 1);
                    continue;
                }
                _ => {}
            }
        }
        let arrives = Instant::now() + line.borrow().delay;
        let piece = (bytes > 0).then_some(piece);
        let is_end = piece.is_none();
        if give.send((arrives, piece)).await.is_err() || is_end {
            break;
        }
    }
    let _ = arrival.await;
}

async fn arrive(
    mut take: mpsc::Receiver<Piece>,
    mut to: OwnedWriteHalf,
    born: u64,
    control: Arc<Control>,
) {
    let mut line = control.line.subscribe();
    loop {
        let piece = tokio::select! {
            piece = take.recv() => piece,
            Ok(_) = line.wait_for(|line| line.resets > born) => return reset(to.as_ref()),
        };
        let Some((arrives, piece)) = piece else {
            return;
        };
        tokio::time::sleep_until(arrives).await;
        let heard = line
            .wait_for(|line| !line.silent || line.resets > born)
            .await;
        let Ok((rate, was_reset)) = heard.map(|line| (line.rate, line.resets > born)) else {
            return;
        };
        if was_reset {
            return reset(to.as_ref());
        }
        let Some(piece) = piece else {
            let _ = to.shutdown().await;
            return;
        };
        if let Some(rate) = rate {
            tokio::time::sleep(Duration::from_secs_f64(piece.len() as f64 / rate as f64)).await;
        }
        let written = tokio::select! {
            written = to.write_all(&piece) => written.is_ok(),
            Ok(_) = line.wait_for(|line| line.resets > born) => {
                reset(to.as_ref());
                false
            }
        };
        if !written {
            return;
        }
    }
}

/// The other end sees a reset instead of an end.
fn reset(stream: &TcpStream) {
    let _ = stream.set_zero_linger();
}
