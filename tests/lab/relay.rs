//! A TCP relay before a host's sshd which makes the way longer, and counts the round trips of what goes through it: the
//! answers that were waited for.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

/// Counts from when it is started until it is finished.
pub struct Relay {
    port: u16,
    delay: Duration,
    seen: Arc<Mutex<Vec<Piece>>>,
    swallows: Arc<AtomicBool>,
    runtime: tokio::runtime::Runtime,
}

/// Bytes that were read at once.
#[derive(Debug, Clone, Copy)]
struct Piece {
    at: Duration,
    from_client: bool,
    bytes: usize,
}

/// KEXINIT is larger than this; a banner is not.
const KEYS: usize = 500;
/// An encrypted packet of one byte: its length, a block, and the tag.
const SUCCESS: usize = 36;

/// What was counted.
pub struct Talk {
    pieces: Vec<Piece>,
    /// One way.
    delay: Duration,
}

impl Relay {
    pub fn start(target: u16) -> Self {
        Self::with_delay(target, Duration::ZERO)
    }

    /// Each byte arrives `delay` after it was sent, in each direction.
    pub fn with_delay(target: u16, delay: Duration) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let listener = runtime
            .block_on(TcpListener::bind(("127.0.0.1", 0)))
            .expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let pieces = Arc::clone(&seen);
        let swallows = Arc::new(AtomicBool::new(false));
        let swallowing = Arc::clone(&swallows);
        let started = Instant::now();
        runtime.spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let Ok(server) = TcpStream::connect(("127.0.0.1", target)).await else {
                    continue;
                };
                let _ = client.set_nodelay(true);
                let _ = server.set_nodelay(true);
                let (from_client, to_client) = client.into_split();
                let (from_server, to_server) = server.into_split();
                let watch = |from_client| Watch {
                    from_client,
                    pieces: Arc::clone(&pieces),
                    started,
                    swallows: Arc::clone(&swallowing),
                };
                tokio::spawn(pump(from_client, to_server, watch(true), delay));
                tokio::spawn(pump(from_server, to_client, watch(false), delay));
            }
        });
        Self {
            port,
            delay,
            seen,
            swallows,
            runtime,
        }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// From now on nothing gets through, and nobody is told.
    pub fn swallow(&self) {
        self.swallows.store(true, Ordering::SeqCst);
    }

    /// What was said until now.
    pub fn so_far(&self) -> Talk {
        Talk {
            pieces: self.seen.lock().expect("no pump panics").clone(),
            delay: self.delay,
        }
    }

    pub fn finish(self) -> Talk {
        let talk = self.so_far();
        self.runtime.shutdown_background();
        talk
    }
}

/// What a direction knows of the whole.
struct Watch {
    from_client: bool,
    pieces: Arc<Mutex<Vec<Piece>>>,
    started: Instant,
    swallows: Arc<AtomicBool>,
}

impl Watch {
    fn see(&self, bytes: usize) {
        let Ok(mut pieces) = self.pieces.lock() else {
            return;
        };
        pieces.push(Piece {
            at: self.started.elapsed(),
            from_client: self.from_client,
            bytes,
        });
    }
}

async fn pump(
    mut from: tokio::net::tcp::OwnedReadHalf,
    mut to: tokio::net::tcp::OwnedWriteHalf,
    watch: Watch,
    delay: Duration,
) {
    // What is on its way: reading goes on meanwhile, as on a long line.
    let (sent, mut under_way) = mpsc::unbounded_channel::<(Instant, Vec<u8>)>();
    tokio::spawn(async move {
        while let Some((due, bytes)) = under_way.recv().await {
            tokio::time::sleep_until(due.into()).await;
            if to.write_all(&bytes).await.is_err() {
                return;
            }
        }
        let _ = to.shutdown().await;
    });
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(bytes) = from.read(&mut buffer).await {
        if watch.swallows.load(Ordering::SeqCst) {
            // The end of a side would be news to the other.
            std::future::pending::<()>().await;
        }
        if bytes == 0 {
            break;
        }
        watch.see(bytes);
        if sent
            .send((Instant::now() + delay, buffer[..bytes].to_vec()))
            .is_err()
        {
            break;
        }
    }
}

impl Talk {
    /// Answers that the client waited for, one after the other, without those of the login, which depend on the SSH server
    /// and not on what is done afterwards. What is said sooner than a round trip after something else was said without an
    /// answer to that; so this is for a way that is long beside what a computer needs.
    pub fn after_login(&self) -> usize {
        assert!(
            !self.delay.is_zero(),
            "without a way there is nothing to count"
        );
        let login = self
            .login()
            .unwrap_or_else(|| panic!("a login is in it:\n{self}"));
        let last_answer = self.pieces.iter().rfind(|piece| !piece.from_client);
        let last_answer = last_answer.map_or(Duration::ZERO, |piece| piece.at);
        let (mut count, mut next) = (0, self.pieces[login].at);
        for said in self.pieces[login..].iter().filter(|p| p.from_client) {
            if said.at >= next && said.at + self.delay <= last_answer {
                count += 1;
                next = said.at + self.delay * 2;
            }
        }
        count
    }

    /// The login ends with the server's smallest packet, USERAUTH_SUCCESS, after the keys were exchanged.
    fn login(&self) -> Option<usize> {
        let mut answers = self
            .pieces
            .iter()
            .enumerate()
            .filter(|(_, piece)| !piece.from_client);
        answers.find(|(_, piece)| piece.bytes > KEYS)?;
        let success = answers.find(|(_, piece)| piece.bytes <= SUCCESS)?;
        Some(success.0)
    }
}

impl fmt::Display for Talk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for piece in &self.pieces {
            let arrow = if piece.from_client { "->" } else { "<-" };
            writeln!(
                f,
                "{:>8.1} ms {arrow} {:>7} bytes",
                piece.at.as_secs_f64() * 1e3,
                piece.bytes
            )?;
        }
        Ok(())
    }
}
