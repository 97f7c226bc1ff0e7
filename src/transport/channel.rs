//! Channels that never stall the connection they share.
//!
//! russh's connection loop waits for whoever reads a channel, so one reader that stops would freeze all the others,
//! keepalives included. Each channel therefore has a task of its own that moves what arrives into a queue. A queue
//! that is full does make the connection wait, since memory is finite; a reader that then takes nothing for
//! [`PATIENCE`] loses its channel, and the connection goes on.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, Bytes};
use russh::client::Msg;
use russh::{Channel, ChannelMsg, ChannelReadHalf, ChannelWriteHalf};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use super::wire::{Cut, PIECE};

/// What one channel may hold in memory for a slow reader: eight times the window that was granted.
const QUEUE_BYTES: usize = 16 << 20;
const PATIENCE: Duration = Duration::from_secs(20);

/// What arrives on a channel.
#[derive(Debug)]
pub(super) enum Event {
    Stdout(Bytes),
    Stderr(Bytes),
    Exit(i32),
    /// Nothing more will arrive, though more may be sent.
    Eof,
}

/// The receiving end; dropping it closes the channel.
pub(super) struct Inbox {
    events: mpsc::UnboundedReceiver<Event>,
    space: Arc<Semaphore>,
}

impl Inbox {
    /// `None` when the channel has ended.
    pub(super) async fn next(&mut self) -> Option<Event> {
        let event = self.events.recv().await;
        self.release(event.as_ref());
        event
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        let event = ready!(self.events.poll_recv(cx));
        self.release(event.as_ref());
        Poll::Ready(event)
    }

    fn release(&self, event: Option<&Event>) {
        if let Some(Event::Stdout(data) | Event::Stderr(data)) = event {
            self.space.add_permits(data.len());
        }
    }
}

pub(super) type Outbox = Arc<ChannelWriteHalf<Msg>>;

/// Starts the task that reads `channel`. `permit` is held until the channel has ended.
pub(super) fn pump(channel: Channel<Msg>, permit: Option<OwnedSemaphorePermit>) -> (Inbox, Outbox) {
    let (read, write) = channel.split();
    let write = Arc::new(write);
    let (sender, events) = mpsc::unbounded_channel();
    let space = Arc::new(Semaphore::new(QUEUE_BYTES));
    let inbox = Inbox {
        events,
        space: space.clone(),
    };
    let outbox = write.clone();
    tokio::spawn(async move {
        forward(read, &sender, &space).await;
        // An error means that the connection is gone, and the channel with it.
        let _ = write.close().await;
        drop(permit);
    });
    (inbox, outbox)
}

async fn forward(
    mut read: ChannelReadHalf,
    sender: &mpsc::UnboundedSender<Event>,
    space: &Semaphore,
) {
    loop {
        let message = tokio::select! {
            message = read.wait() => message,
            () = sender.closed() => return,
        };
        let event = match message {
            Some(ChannelMsg::Data { data }) => Event::Stdout(data),
            Some(ChannelMsg::ExtendedData { data, ext: 1 }) => Event::Stderr(data),
            Some(ChannelMsg::ExitStatus { exit_status }) => {
                Event::Exit(i32::try_from(exit_status).unwrap_or(255))
            }
            Some(ChannelMsg::ExitSignal { signal_name, .. }) => {
                Event::Exit(128 + signal_number(&signal_name))
            }
            Some(ChannelMsg::Eof) => Event::Eof,
            Some(_) => continue,
            None => return,
        };
        if let Event::Stdout(data) | Event::Stderr(data) = &event {
            let bytes = u32::try_from(data.len()).unwrap_or(u32::MAX);
            let room = tokio::select! {
                room = tokio::time::timeout(PATIENCE, space.acquire_many(bytes)) => room,
                () = sender.closed() => return,
            };
            match room {
                Ok(Ok(room)) => room.forget(),
                Ok(Err(_)) => return,
                Err(_) => {
                    tracing::warn!("a channel was closed since nobody read it for {PATIENCE:?}");
                    return;
                }
            }
        }
        if sender.send(event).is_err() {
            return;
        }
    }
}

fn signal_number(signal: &russh::Sig) -> i32 {
    match signal {
        russh::Sig::HUP => 1,
        russh::Sig::INT => 2,
        russh::Sig::QUIT => 3,
        russh::Sig::ILL => 4,
        russh::Sig::ABRT => 6,
        russh::Sig::FPE => 8,
        russh::Sig::KILL => 9,
        russh::Sig::SEGV => 11,
        russh::Sig::PIPE => 13,
        russh::Sig::ALRM => 14,
        russh::Sig::TERM => 15,
        russh::Sig::USR1 => 10,
        russh::Sig::Custom(_) => 0,
    }
}

/// A channel's stdin and stdout as one two-way connection.
pub(super) struct Duplex {
    inbox: Inbox,
    rest: Bytes,
    ended: bool,
    writer: Pin<Box<dyn AsyncWrite + Send>>,
    cut: Arc<Cut>,
    /// There is room for so much of the next write.
    room: usize,
}

impl Duplex {
    /// `rest` is what was read already; `cut` is that of the connection below.
    pub(super) fn new(inbox: Inbox, outbox: &Outbox, rest: Bytes, cut: Arc<Cut>) -> Self {
        Self {
            inbox,
            rest,
            ended: false,
            writer: Box::pin(outbox.make_writer()),
            cut,
            room: 0,
        }
    }
}

impl AsyncRead for Duplex {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        while self.rest.is_empty() && !self.ended {
            match ready!(self.inbox.poll_next(cx)) {
                Some(Event::Stdout(data)) => self.rest = data,
                Some(Event::Stderr(_) | Event::Exit(_)) => {}
                Some(Event::Eof) | None => self.ended = true,
            }
        }
        let len = buf.remaining().min(self.rest.len());
        buf.put_slice(&self.rest[..len]);
        self.rest.advance(len);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Duplex {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        // russh takes an empty write for a mistake.
        if buf.is_empty() {
            return Poll::Ready(Ok(0));
        }
        if self.room == 0 {
            let wanted = buf.len().min(PIECE);
            ready!(self.cut.poll_room(cx, wanted));
            self.room = wanted;
        }
        let piece = &buf[..buf.len().min(self.room)];
        let written = ready!(self.writer.as_mut().poll_write(cx, piece))?;
        self.room -= written;
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.writer.as_mut().poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.writer.as_mut().poll_shutdown(cx)
    }
}
