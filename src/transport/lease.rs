//! The lock of a stack on a host, as a lease: `lease.pl` holds it for as long as it hears from us, in a channel of its
//! own. When it does not, it ends all that this connection left running, takes back what was not confirmed, and frees the
//! lock, without us.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::sync::{mpsc, watch};
use tokio::task::AbortHandle;
use tokio::time::{Instant, MissedTickBehavior};

use super::channel::{Event, Inbox, Outbox};
use super::link::Link;
use super::session::{READY, find};
use super::stream::PERL;
use super::wire::Cut;
use super::{LeaseAnswer, LeaseEvent, LeaseRequest, LeaseTimes, TransportError};
use crate::script::{self, Script};

const LEASE: &str = include_str!("lease.pl");
/// Heartbeats without an answer after which we take the host for unreachable.
const UNANSWERED: u32 = 3;
/// For `lease.pl` to be there; the host may be busy.
const BEGINS_WITHIN: Duration = Duration::from_secs(30);
/// For the host to say that it has let go: who comes next finds the lock free then, also where the host is busy.
const FAREWELL: Duration = Duration::from_secs(5);

/// A lease that was asked for. Dropped without [`Lease::end`], it is one of a client that is gone.
pub(super) struct Lease {
    leaving: Arc<AtomicBool>,
    leave: mpsc::Sender<()>,
    ended: watch::Receiver<bool>,
    tending: AbortHandle,
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.tending.abort();
    }
}

impl Lease {
    /// Says good-bye: the lock is free, and nothing is taken back.
    pub(super) async fn end(mut self) {
        self.leaving.store(true, Ordering::SeqCst);
        let _ = self.leave.send(()).await;
        let ended = self.ended.wait_for(|ended| *ended);
        // When there is no answer, the host finds out by itself.
        let _ = tokio::time::timeout(FAREWELL, ended).await;
    }
}

/// A name that nobody can guess.
pub fn random_name() -> std::io::Result<String> {
    use std::io::Read as _;
    let mut bytes = [0; 16];
    std::fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Asks for the lease and waits for the verdict. One that was refused is to be kept until the root shell knows of it.
pub(super) async fn take(
    link: &Link,
    request: &LeaseRequest,
    token: &str,
    tell: &(dyn Fn(LeaseEvent) + Send + Sync),
) -> Result<(LeaseAnswer, Lease), TransportError> {
    let script = Script {
        name: "lease",
        body: PERL,
        args: vec![
            LEASE.to_owned(),
            request.lock.clone(),
            request.hold.clone(),
            request.pending.clone(),
            request.history.clone(),
            link.connection.clone(),
        ],
    };
    let (inbox, outbox) = link.open_root(&script.text()).await?;
    let times = link.times;
    let recover = script::recover("", "", "").body;
    let hello = format!(
        "{token} {:.3} {:.3} {} {}\n{}{recover}",
        request.wait.as_secs_f64(),
        times.silence.as_secs_f64(),
        request.owner.len(),
        recover.len(),
        request.owner,
    );
    if outbox.data_bytes(Bytes::from(hello)).await.is_err() {
        return Err(link.lost());
    }
    let (words, mut heard) = mpsc::unbounded_channel();
    let (leave, leaves) = mpsc::channel(1);
    let (ended, has_ended) = watch::channel(false);
    let leaving = Arc::new(AtomicBool::new(false));
    let tending = Tending {
        inbox,
        outbox,
        times,
        cut: link.cut.clone(),
        words,
        leaves,
        leaving: leaving.clone(),
        held: false,
    };
    let tending = tokio::spawn(async move {
        tending.run().await;
        ended.send_replace(true);
    });
    let lease = Lease {
        leaving,
        leave,
        ended: has_ended,
        tending: tending.abort_handle(),
    };
    let mut holder = None;
    let mut said = Vec::new();
    while let Some(word) = heard.recv().await {
        match word {
            Word::Line(line) => {
                if let Some(answer) = verdict(&line, &mut holder, tell) {
                    return Ok((answer, lease));
                }
            }
            Word::Noise(text) => said.push(text),
            Word::End(status) => {
                let Some(status) = status else { break };
                return Err(TransportError::Protocol {
                    host: link.host.clone(),
                    what: "lease".to_owned(),
                    reason: match status {
                        127 => "there is no perl on the host".to_owned(),
                        _ => format!("it ended with status {status}: {}", said.join(" ").trim()),
                    },
                });
            }
        }
    }
    Err(link.lost())
}

/// What a line of `lease.pl` decides; what it only tells is passed on.
fn verdict(
    line: &str,
    holder: &mut Option<(String, u64)>,
    tell: &(dyn Fn(LeaseEvent) + Send + Sync),
) -> Option<LeaseAnswer> {
    let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
    match word {
        "busy" => {
            let (seconds, owner) = rest.split_once(' ').unwrap_or(("0", rest));
            let seconds = seconds.parse().unwrap_or(0);
            *holder = Some((owner.to_owned(), seconds));
            tell(LeaseEvent::Busy {
                holder: owner.to_owned(),
                seconds,
            });
            None
        }
        "recovering" => {
            tell(LeaseEvent::Recovering {
                run: rest.to_owned(),
            });
            None
        }
        "said" => {
            tell(LeaseEvent::Recovered {
                line: rest.to_owned(),
            });
            None
        }
        "recovered" => {
            tell(LeaseEvent::RecoveryEnded {
                complete: rest == "0",
            });
            None
        }
        "held" => Some(LeaseAnswer::Held {
            generation: rest.parse().unwrap_or(0),
        }),
        "refused" => {
            let (holder, seconds) = holder.take().unwrap_or_default();
            Some(LeaseAnswer::Busy { holder, seconds })
        }
        "hold" => Some(LeaseAnswer::OnHold {
            hold: rest.to_owned(),
        }),
        "broken" => Some(LeaseAnswer::Broken {
            reason: rest.to_owned(),
        }),
        _ => None,
    }
}

enum Word {
    Line(String),
    /// What a login shell or sudo said instead.
    Noise(String),
    End(Option<i32>),
}

/// The task that beats and listens.
struct Tending {
    inbox: Inbox,
    outbox: Outbox,
    times: LeaseTimes,
    cut: Arc<Cut>,
    words: mpsc::UnboundedSender<Word>,
    leaves: mpsc::Receiver<()>,
    leaving: Arc<AtomicBool>,
    held: bool,
}

impl Tending {
    async fn run(mut self) {
        let begun = Instant::now();
        let mut beats = tokio::time::interval_at(Instant::now() + self.times.beat, self.times.beat);
        beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut sent, mut answered) = (0_u64, 0_u64);
        let mut buffer = BytesMut::new();
        let mut ready = false;
        let mut status = None;
        loop {
            tokio::select! {
                // Not before it has begun to count.
                _ = beats.tick(), if ready => {
                    let silent = self.times.beat * UNANSWERED;
                    // An answer may be behind megabytes; but then something does come.
                    if sent - answered >= u64::from(UNANSWERED) && self.cut.is_silent(silent) {
                        self.cut.cut(format!("it has not answered for {} s", silent.as_secs_f64()));
                        break;
                    }
                    sent += 1;
                    self.send(format!("beat {sent}\n")).await;
                }
                () = tokio::time::sleep_until(begun + BEGINS_WITHIN), if !ready => {
                    let words = format!("it did not begin within {} s", BEGINS_WITHIN.as_secs());
                    let _ = self.words.send(Word::Noise(words));
                    status.get_or_insert(0);
                    break;
                }
                Some(()) = self.leaves.recv() => self.send("bye\n".to_owned()).await,
                event = self.inbox.next() => match event {
                    Some(Event::Stdout(data)) => {
                        buffer.extend_from_slice(&data);
                        if !ready {
                            let Some(at) = find(&buffer, READY) else { continue };
                            let _ = buffer.split_to(at + READY.len());
                            ready = true;
                            beats.reset();
                        }
                        while let Some(end) = buffer.iter().position(|&byte| byte == b'\n') {
                            let line = buffer.split_to(end + 1);
                            let line = String::from_utf8_lossy(&line[..end]);
                            match line.strip_prefix("beat ") {
                                Some(number) => answered = number.parse().unwrap_or(answered),
                                None => self.hear(&line),
                            }
                        }
                    }
                    Some(Event::Stderr(data)) => {
                        let text = String::from_utf8_lossy(&data).into_owned();
                        tracing::debug!(text = text.trim_end(), "lease");
                        let _ = self.words.send(Word::Noise(text));
                    }
                    Some(Event::Exit(code)) => status = Some(code),
                    Some(Event::Eof) => {}
                    None => break,
                },
            }
        }
        if self.held && !self.leaving.load(Ordering::SeqCst) {
            // Nothing may be changed any more by who does not hold the lock.
            self.cut.cut("its lock ended".to_owned());
        }
        // The verdict may be out already.
        let _ = self.words.send(Word::End(status));
    }

    fn hear(&mut self, line: &str) {
        tracing::debug!(line, "lease");
        self.held |= line.starts_with("held ");
        let _ = self.words.send(Word::Line(line.to_owned()));
    }

    /// Gives up after the time of a beat: what cannot be sent is not answered either.
    async fn send(&self, text: String) {
        let sending = self.outbox.data_bytes(Bytes::from(text));
        let _ = tokio::time::timeout(self.times.beat, sending).await;
    }
}
