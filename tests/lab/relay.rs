//! A TCP relay before a host's sshd which counts how often the talk turns: once for each answer that was waited for.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// Counts from when it is started until it is finished.
pub struct Relay {
    port: u16,
    seen: Arc<Mutex<Vec<Piece>>>,
    swallows: Arc<AtomicBool>,
    runtime: tokio::runtime::Runtime,
}

/// Bytes that came one way before any came the other.
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
pub struct Talk(Vec<Piece>);

impl Relay {
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
                let pieces = (Arc::clone(&pieces), Arc::clone(&pieces));
                let swallows = (Arc::clone(&swallowing), Arc::clone(&swallowing));
                tokio::spawn(pump(
                    from_client,
                    to_server,
                    true,
                    pieces.0,
                    started,
                    swallows.0,
                ));
                tokio::spawn(pump(
                    from_server,
                    to_client,
                    false,
                    pieces.1,
                    started,
                    swallows.1,
                ));
            }
        });
        Self {
            port,
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

    pub fn finish(self) -> Talk {
        self.runtime.shutdown_background();
        let seen = self.seen.lock().expect("no pump panics");
        Talk(seen.clone())
    }
}

async fn pump(
    mut from: tokio::net::tcp::OwnedReadHalf,
    mut to: tokio::net::tcp::OwnedWriteHalf,
    from_client: bool,
    pieces: Arc<Mutex<Vec<Piece>>>,
    started: Instant,
    swallows: Arc<AtomicBool>,
) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(bytes) = from.read(&mut buffer).await {
        if swallows.load(Ordering::SeqCst) {
            // The end of a side would be news to the other.
            std::future::pending::<()>().await;
        }
        if bytes == 0 {
            break;
        }
        if let Ok(mut pieces) = pieces.lock() {
            match pieces.last_mut() {
                Some(last) if last.from_client == from_client => last.bytes += bytes,
                _ => pieces.push(Piece {
                    at: started.elapsed(),
                    from_client,
                    bytes,
                }),
            }
        }
        if to.write_all(&buffer[..bytes]).await.is_err() {
            break;
        }
    }
    let _ = to.shutdown().await;
}

impl Talk {
    /// Answers that the client waited for, one for each time that it speaks after the server did, without those of the
    /// login, which depend on the SSH server and not on what is done afterwards. The login ends with the server's smallest
    /// packet, USERAUTH_SUCCESS, after the keys were exchanged.
    pub fn after_login(&self) -> usize {
        let mut answers = self.0.iter().filter(|piece| !piece.from_client);
        let keys = answers.by_ref().any(|piece| piece.bytes > KEYS);
        let success = answers.by_ref().any(|piece| piece.bytes <= SUCCESS);
        assert!(keys && success, "a login is in it:\n{self}");
        answers.count()
    }
}

impl fmt::Display for Talk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for piece in &self.0 {
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
