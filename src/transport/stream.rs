//! What is long or large: a channel of its own, output as it comes, ended on the host when we are gone.
//!
//! `supervise.pl` runs the script in a process group and ends the group when sshd stops reading: that is so when our
//! process dies, when the connection is lost, and when the future is dropped, which closes the channel.

use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;

use super::channel::{Event, Inbox, Outbox};
use super::session::{BOOT, FENCED, READY, find, frame};
use super::ssh::SshConnection;
use super::wire::{Cut, PIECE};
use super::{Output, Source, TransportError, Upload};
use crate::script::Script;

const SUPERVISE: &str = include_str!("supervise.pl");
pub(super) const PERL: &str = include_str!("perl.sh");

/// What is kept of each output, and the longest line.
const TAIL_BYTES: usize = 64 << 10;

pub(super) async fn stream(
    connection: &SshConnection,
    script: &Script,
    input: Option<Upload>,
    line: &mut (dyn FnMut(Source, &str) + Send),
) -> Result<Output, TransportError> {
    let link = connection.link();
    connection.session().ready(link).await?;
    let supervise = Script {
        name: "supervise",
        body: PERL,
        args: [SUPERVISE, "/bin/sh", "-c", BOOT].map(str::to_owned).into(),
    };
    let (mut inbox, outbox) = link.open_root(&supervise.text()).await?;
    let ready = String::from_utf8_lossy(READY);
    let fence = connection
        .fence()
        .map_or_else(String::new, |fence| fence.text());
    let text = format!("{fence}echo {ready}{}", script.text());
    let sending = send(frame(&text), input, &outbox, &link.cut);
    let receiving = receive(&mut inbox, line);
    tokio::pin!(sending, receiving);
    let mut sent = false;
    let received = loop {
        tokio::select! {
            // The script may end without reading all its input, so this one decides.
            received = &mut receiving => break received,
            result = &mut sending, if !sent => {
                sent = true;
                if let Err(source) = result {
                    return Err(TransportError::Upload { host: link.host.clone(), source });
                }
            }
        }
    };
    match received {
        Received {
            status: Some(status),
            ready: true,
            stdout,
            stderr,
        } => Ok(Output {
            status,
            stdout: stdout.bytes(),
            stderr: stderr.bytes(),
        }),
        Received {
            status: Some(FENCED),
            ready: false,
            ..
        } => Err(TransportError::Fenced {
            host: link.host.clone(),
        }),
        Received {
            status: Some(status),
            stdout,
            stderr,
            ..
        } => Err(TransportError::Protocol {
            host: link.host.clone(),
            what: script.name.to_owned(),
            reason: format!(
                "it ended with status {status} before it began: {}",
                String::from_utf8_lossy(&[stdout.bytes(), stderr.bytes()].concat()).trim()
            ),
        }),
        Received { status: None, .. } => Err(link.lost()),
    }
}

/// Errors are those of `input`; when the channel is gone, `receive` has more to say.
async fn send(
    script: Bytes,
    input: Option<Upload>,
    outbox: &Outbox,
    cut: &Cut,
) -> std::io::Result<()> {
    if outbox.data_bytes(script).await.is_err() {
        return Ok(());
    }
    if let Some(mut input) = input {
        while let Some(chunk) = input.next().await {
            let mut chunk = chunk?;
            while !chunk.is_empty() {
                let piece = chunk.split_to(chunk.len().min(PIECE));
                cut.room(piece.len()).await;
                if outbox.data_bytes(piece).await.is_err() {
                    return Ok(());
                }
            }
        }
    }
    let _ = outbox.eof().await;
    Ok(())
}

struct Received {
    status: Option<i32>,
    ready: bool,
    stdout: Tail,
    stderr: Tail,
}

async fn receive(inbox: &mut Inbox, line: &mut (dyn FnMut(Source, &str) + Send)) -> Received {
    let mut received = Received {
        status: None,
        ready: false,
        stdout: Tail::default(),
        stderr: Tail::default(),
    };
    while let Some(event) = inbox.next().await {
        match event {
            Event::Stdout(data) if received.ready => {
                received.stdout.add(&data, Source::Stdout, line)
            }
            Event::Stdout(data) => {
                // What a login shell prints before the script begins is not the script's.
                received.stdout.whole.extend_from_slice(&data);
                if let Some(at) = find(&received.stdout.whole, READY) {
                    received.ready = true;
                    let rest = received.stdout.whole.split_off(at + READY.len());
                    received.stdout = Tail::default();
                    received.stdout.add(&rest, Source::Stdout, line);
                } else {
                    received.stdout.trim();
                }
            }
            Event::Stderr(data) => received.stderr.add(&data, Source::Stderr, line),
            Event::Exit(status) => received.status = Some(status),
            Event::Eof => {}
        }
    }
    received.stdout.flush(Source::Stdout, line);
    received.stderr.flush(Source::Stderr, line);
    received
}

/// The end of an output, and the line that is not complete yet.
#[derive(Default)]
struct Tail {
    whole: BytesMut,
    partial: Vec<u8>,
}

impl Tail {
    fn add(&mut self, data: &[u8], source: Source, line: &mut (dyn FnMut(Source, &str) + Send)) {
        self.whole.extend_from_slice(data);
        self.trim();
        for piece in data.split_inclusive(|&b| b == b'\n') {
            self.partial.extend_from_slice(piece);
            if piece.ends_with(b"\n") || self.partial.len() > TAIL_BYTES {
                self.flush(source, line);
            }
        }
    }

    fn flush(&mut self, source: Source, line: &mut (dyn FnMut(Source, &str) + Send)) {
        if self.partial.is_empty() {
            return;
        }
        let text = String::from_utf8_lossy(&self.partial);
        // Progress bars write over their line: the last state counts.
        let text = text.trim_end_matches(['\n', '\r']);
        line(source, text.rsplit('\r').next().unwrap_or(text));
        self.partial.clear();
    }

    /// Twice as much is kept, so that bytes are not moved for every packet.
    fn trim(&mut self) {
        if self.whole.len() > 2 * TAIL_BYTES {
            let _ = self.whole.split_to(self.whole.len() - TAIL_BYTES);
        }
    }

    fn bytes(&self) -> Vec<u8> {
        let from = self.whole.len().saturating_sub(TAIL_BYTES);
        self.whole[from..].to_vec()
    }
}
