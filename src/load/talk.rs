//! WebSockets that stay open: https://www.rfc-editor.org/rfc/rfc6455

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::{Bytes, BytesMut};
use http_body_util::Full;
use hyper::Request;
use hyper::header::{
    CONNECTION, HOST, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use sha1::{Digest as _, Sha1};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::connection::{Connection, Failed};
use super::frame::{self, Frame};
use super::record::{Outcome, Part, Record, Route, Stream, StreamEnd, lost_stream};
use super::{Context, Talkers, micros};

/// Before another try, where the last one was cut.
const PAUSE: Duration = Duration::from_millis(500);

/// Talks until the load is stopped; opens another WebSocket when one has ended.
pub(super) async fn talk(
    talkers: Talkers,
    number: usize,
    (place, route): (usize, Route),
    mut context: Context,
) -> Part {
    let mut part = Part::default();
    while !context.is_stopped() {
        let mut stream = begin(place, number, &context);
        let mut talk = Talk {
            talkers: &talkers,
            stream: &mut stream,
            part: &mut part,
            context: context.clone(),
            sent: 0,
        };
        stream.end = match talk.run().await {
            Ok(end) => end,
            Err(failed) => {
                stream.status = failed.status.max(stream.status);
                StreamEnd::Cut(failed.outcome)
            }
        };
        stream.ended = context.now();
        part.streams.push(stream);
        if matches!(stream.end, StreamEnd::Cut(_)) {
            let counters = &context.counters;
            counters.lose(|| lost_stream(&route, &stream));
            pause(&mut context).await;
        }
    }
    part
}

/// A stream that begins now.
pub(super) fn begin(route: usize, number: usize, context: &Context) -> Stream {
    Stream {
        route: u16::try_from(route).unwrap_or(u16::MAX),
        number: u32::try_from(number).unwrap_or(u32::MAX),
        began: context.now(),
        ended: 0,
        amount: 0,
        status: 0,
        version: 0,
        end: StreamEnd::Open,
    }
}

pub(super) async fn pause(context: &mut Context) {
    tokio::select! {
        () = sleep(PAUSE) => {}
        () = context.stop() => {}
    }
}

struct Talk<'a> {
    talkers: &'a Talkers,
    stream: &'a mut Stream,
    part: &'a mut Part,
    context: Context,
    sent: u32,
}

/// A message that is waited for.
struct Awaited {
    text: Vec<u8>,
    due: Instant,
}

impl Talk<'_> {
    async fn run(&mut self) -> Result<StreamEnd, Failed> {
        let opened = timeout(self.context.timeout, self.open()).await;
        let mut socket = opened.map_err(|_| Outcome::Timeout)??;
        // Spread over the interval, so that they do not all speak at once.
        let share = self.stream.number as f64 / self.talkers.count.max(1) as f64;
        let mut next = Instant::now() + self.talkers.every.mul_f64(share);
        let mut buffer = BytesMut::new();
        let mut awaited: Option<Awaited> = None;
        loop {
            while let Some(frame) = frame::take(&mut buffer).map_err(|_| Outcome::Malformed)? {
                match frame {
                    Frame::Message(text) => match awaited.take() {
                        Some(sent) if sent.text == text => {
                            self.note(&sent, Outcome::Ok);
                            self.stream.amount += 1;
                        }
                        // Servers may greet, or tell others' messages.
                        other => awaited = other,
                    },
                    Frame::Ping(payload) => {
                        let pong = frame::write(frame::PONG, &payload, self.mask());
                        socket.write_all(&pong).await.map_err(|_| Outcome::Reset)?;
                    }
                    Frame::Pong => {}
                    Frame::Close(code) => {
                        let answer = frame::write(frame::CLOSE, &code_bytes(code), self.mask());
                        let _ = socket.write_all(&answer).await;
                        // What was on its way to a server that has said good-bye is not answered, and was not due.
                        return Ok(StreamEnd::Closed(code));
                    }
                }
            }
            let wake = match &awaited {
                Some(sent) => sent.due + self.context.timeout,
                None => next,
            };
            tokio::select! {
                read = socket.read_buf(&mut buffer) => match read {
                    Ok(0) => return self.lose(awaited, Outcome::Eof),
                    Ok(_) => {}
                    Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
                        return self.lose(awaited, Outcome::Eof);
                    }
                    Err(_) => return self.lose(awaited, Outcome::Reset),
                },
                () = sleep_until(wake) => {
                    if awaited.is_some() {
                        return self.lose(awaited, Outcome::Timeout);
                    }
                    self.sent += 1;
                    let text = format!("{} {}", self.stream.number, self.sent).into_bytes();
                    let message = frame::write(frame::TEXT, &text, self.mask());
                    let sent = Awaited { text, due: next };
                    next = (next + self.talkers.every).max(Instant::now());
                    if socket.write_all(&message).await.is_err() {
                        return self.lose(Some(sent), Outcome::Reset);
                    }
                    awaited = Some(sent);
                }
                () = self.context.stop(), if awaited.is_none() => {
                    let bye = frame::write(frame::CLOSE, &code_bytes(1000), self.mask());
                    let _ = socket.write_all(&bye).await;
                    return Ok(StreamEnd::Open);
                }
            }
        }
    }

    /// Connects and agrees on the protocol.
    async fn open(&mut self) -> Result<TokioIo<Upgraded>, Failed> {
        let target = &self.talkers.target;
        let mut connection = Connection::open(target).await?;
        let mut key = [0; 16];
        key[..8].copy_from_slice(&self.context.now().to_be_bytes());
        key[8..12].copy_from_slice(&self.stream.number.to_be_bytes());
        let key = STANDARD.encode(key);
        let request = Request::get(&self.talkers.path)
            .header(HOST, &target.host)
            .header(CONNECTION, "Upgrade")
            .header(UPGRADE, "websocket")
            .header(SEC_WEBSOCKET_VERSION, "13")
            .header(SEC_WEBSOCKET_KEY, &key)
            .body(Full::<Bytes>::default())
            .map_err(|_| Outcome::Malformed)?;
        let response = connection.send(request).await?;
        let status = response.status().as_u16();
        self.stream.status = status;
        if status != 101 {
            return Err(Failed {
                outcome: Outcome::Status,
                status,
            });
        }
        let version = self.context.version_header.as_ref().and_then(|name| {
            let value = response.headers().get(name)?;
            Some(value.to_str().ok()?.to_owned())
        });
        self.stream.version = self.part.version(version.as_deref());
        let accepted = response.headers().get(SEC_WEBSOCKET_ACCEPT);
        if accepted.map(|value| value.as_bytes()) != Some(accept(&key).as_bytes()) {
            return Err(Outcome::Malformed.into());
        }
        let upgraded = hyper::upgrade::on(response).await;
        Ok(TokioIo::new(upgraded.map_err(|_| Outcome::Eof)?))
    }

    /// The connection is gone; so is the message that was waited for.
    fn lose(&mut self, awaited: Option<Awaited>, outcome: Outcome) -> Result<StreamEnd, Failed> {
        if let Some(sent) = awaited {
            self.note(&sent, outcome);
        }
        Ok(StreamEnd::Cut(outcome))
    }

    fn note(&mut self, sent: &Awaited, outcome: Outcome) {
        // One that was lost is counted with its connection.
        if outcome.is_ok() {
            self.context.counters.gain();
        }
        self.part.records.push(Record {
            at: micros(sent.due - self.context.began),
            took: u32::try_from(sent.due.elapsed().as_micros()).unwrap_or(u32::MAX),
            ticket: self.stream.number,
            route: self.stream.route,
            status: 0,
            version: self.stream.version,
            outcome,
        });
    }

    /// Only proxies that guess at what passes them need masks to be random, and none of those is here.
    fn mask(&self) -> [u8; 4] {
        (self.context.now() as u32)
            .wrapping_mul(0x9e37_79b9)
            .to_be_bytes()
    }
}

/// A code as it goes back; 1005 stands for none and is never sent.
fn code_bytes(code: u16) -> Vec<u8> {
    match code {
        1005 => Vec::new(),
        code => code.to_be_bytes().to_vec(),
    }
}

/// What a server must answer to a key.
pub(super) fn accept(key: &str) -> String {
    let digest = Sha1::digest(format!("{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11"));
    STANDARD.encode(digest)
}
