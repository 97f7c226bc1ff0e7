//! A byte stream that can be cut: whoever waits in it then gets an error at once, whatever the network does.
//!
//! russh writes in the same loop that watches for silence, so a peer that takes nothing any more would stall both. And it
//! takes in whatever the peer's windows allow, megabytes for each channel, in the order in which it came: on a slow link a
//! heartbeat would wait for all of that. So whoever sends much asks [`Cut::poll_room`] first.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Duration, Instant};

/// Cuts the stream that it was given to.
#[derive(Debug, Default)]
pub(super) struct Cut(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    reason: Option<String>,
    reader: Option<Waker>,
    writer: Option<Waker>,
    /// Bytes that were given to russh and not yet to the network, as far as can be seen from here.
    queued: usize,
    /// Who waits for room.
    waiting: Vec<Waker>,
    /// When anything came last.
    heard: Option<Instant>,
    #[cfg(test)]
    slow: Option<Slow>,
}

/// A link that takes [`Slow::PACKET`] at a time, and no more bytes a second than that.
#[cfg(test)]
#[derive(Debug)]
struct Slow {
    rate: u64,
    due: Instant,
}

#[cfg(test)]
impl Slow {
    const PACKET: usize = 4096;
    /// What a processor that came late may make up for.
    const BURST: Duration = Duration::from_millis(50);
}

/// How much may be queued before another piece is let in. Little, since russh reads one packet at most for each time that it
/// has written all it has; the kernel's own buffer keeps the network busy.
const QUEUE: usize = 32 << 10;
/// What to ask room for at a time.
pub(super) const PIECE: usize = 32 << 10;

#[derive(Clone, Copy)]
enum Side {
    Read,
    Write,
}

impl Cut {
    /// Cuts for `reason`; the first one counts.
    pub(super) fn cut(&self, reason: String) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.reason.get_or_insert(reason);
        let waiting = [state.reader.take(), state.writer.take()];
        let senders = std::mem::take(&mut state.waiting);
        drop(state);
        waiting
            .into_iter()
            .flatten()
            .chain(senders)
            .for_each(Waker::wake);
    }

    /// Waits until more may be sent, and counts `bytes` in.
    pub(super) fn poll_room(&self, cx: &Context<'_>, bytes: usize) -> Poll<()> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // One that was cut takes anything: who sends finds out by that.
        if state.queued >= QUEUE && state.reason.is_none() {
            state.waiting.push(cx.waker().clone());
            return Poll::Pending;
        }
        state.queued += bytes;
        Poll::Ready(())
    }

    pub(super) async fn room(&self, bytes: usize) {
        std::future::poll_fn(|cx| self.poll_room(cx, bytes)).await;
    }

    /// From now on, as a link of `rate` bytes a second would take it. Kernels are no help here: on the loopback interface they
    /// drop what a small buffer has no room for, and then wait.
    #[cfg(test)]
    pub(super) fn slow_down(&self, rate: u64) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let due = Instant::now();
        state.slow = Some(Slow { rate, due });
    }

    /// How much of `bytes` may be written now.
    #[cfg(test)]
    fn poll_slow(&self, cx: &Context<'_>, bytes: usize) -> Poll<usize> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(slow) = &mut state.slow else {
            return Poll::Ready(bytes);
        };
        let (now, due) = (Instant::now(), slow.due);
        if due > now {
            let waker = cx.waker().clone();
            tokio::spawn(async move {
                tokio::time::sleep_until(due).await;
                waker.wake();
            });
            return Poll::Pending;
        }
        let bytes = bytes.min(Slow::PACKET);
        let takes = Duration::from_micros(bytes as u64 * 1_000_000 / slow.rate);
        slow.due = due.max(now - Slow::BURST) + takes;
        Poll::Ready(bytes)
    }

    fn heard(&self) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.heard = Some(Instant::now());
    }

    /// Whether nothing came for as long as `silence`.
    pub(super) fn is_silent(&self, silence: Duration) -> bool {
        let state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.heard.is_none_or(|heard| heard.elapsed() >= silence)
    }

    /// The network took `bytes`, packets and all, so that the count errs towards less.
    fn sent(&self, bytes: usize) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.queued = state.queued.saturating_sub(bytes);
        if state.queued < QUEUE {
            let senders = std::mem::take(&mut state.waiting);
            drop(state);
            senders.into_iter().for_each(Waker::wake);
        }
    }

    pub(super) fn reason(&self) -> Option<String> {
        let state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.reason.clone()
    }

    fn check(&self, side: Side, cx: &Context<'_>) -> io::Result<()> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(reason) = &state.reason {
            return Err(io::Error::new(io::ErrorKind::TimedOut, reason.clone()));
        }
        let waker = match side {
            Side::Read => &mut state.reader,
            Side::Write => &mut state.writer,
        };
        match waker {
            Some(waker) => waker.clone_from(cx.waker()),
            None => *waker = Some(cx.waker().clone()),
        }
        Ok(())
    }
}

/// `stream`, until it is cut.
pub(super) struct Wire<S> {
    stream: S,
    cut: Arc<Cut>,
}

impl<S> Wire<S> {
    pub(super) fn new(stream: S, cut: Arc<Cut>) -> Self {
        Self { stream, cut }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Wire<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.cut.check(Side::Read, cx)?;
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buf))?;
        if buf.filled().len() > before {
            self.cut.heard();
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Wire<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.cut.check(Side::Write, cx)?;
        #[cfg(test)]
        let buf = &buf[..ready!(self.cut.poll_slow(cx, buf.len()))];
        let written = ready!(Pin::new(&mut self.stream).poll_write(cx, buf))?;
        self.cut.sent(written);
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.cut.check(Side::Write, cx)?;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.cut.check(Side::Write, cx)?;
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
