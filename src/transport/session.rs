//! The root shell of a connection: one channel, many requests, each answered with one round trip.
//!
//! Requests are sent as they come and answered in order, so several callers share the round trip. What takes long
//! goes through `stream`. Limits on the host are kept by `timeout`, so that one request cannot hold the others for
//! longer than its own deadline, whether or not we are still there.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;

use super::channel::{Event, Inbox, Outbox};
use super::link::{Link, STEP_DEADLINE};
use super::{Output, TransportError};
use crate::script::{Script, quote};

const SESSION: &str = include_str!("../script/session.sh");
const LAUNCH: &str = include_str!("launch.sh");
pub(super) const BOOT: &str = include_str!("boot.sh");

/// What a root shell prints when it is one; whatever a login shell printed before it is passed over.
pub(super) const READY: &[u8] = b"stackctl-ready\n";
/// How much a login shell may print before that.
const NOISE_BYTES: usize = 64 << 10;
/// For the answer of a script that the host ended at its deadline.
const GRACE: Duration = Duration::from_secs(3);
/// `timeout`'s status when it ended the script, by TERM and by KILL.
const TIMED_OUT: [i32; 2] = [124, 137];
/// `fence.sh`: the lock is another's.
pub(super) const FENCED: i32 = 76;
/// For a run that has to be taken back before the lock is ours; longer than `lease.pl` lets it take.
const RECOVERY: Duration = Duration::from_secs(180);
/// `launch.sh` found no sudo.
const NO_SUDO: i32 = 92;
/// `session.sh` could not make its folder.
const NO_FOLDER: i32 = 94;

/// `session.sh` could not write a request down.
const NO_ROOM: i32 = 95;

/// What sshd gives to the login shell: a root shell that reads its script from stdin, under the name `connection`.
pub(super) fn command_line(connection: &str) -> String {
    format!(
        "exec /bin/sh -c {} launch {} {}",
        quote(LAUNCH),
        quote(BOOT),
        quote(connection)
    )
}

/// A script as `boot.sh` reads it.
pub(super) fn frame(text: &str) -> Bytes {
    Bytes::from(format!("{}\n{text}", text.len()))
}

/// What `session.sh` reads: it runs nothing of what does not end as this does.
fn request(id: u64, text: &str, input: &[u8], rest: &str) -> Bytes {
    let head = format!("{id} {} {} {rest}\n", text.len(), input.len());
    [head.as_bytes(), text.as_bytes(), input, b"whole\n"]
        .concat()
        .into()
}

#[derive(Debug, Clone)]
enum State {
    Starting,
    Ready,
    Ended(Ended),
}

#[derive(Debug, Clone)]
struct Ended {
    /// It never was ready.
    early: bool,
    status: Option<i32>,
    /// The last that it said.
    words: String,
    /// Why there is no channel, when that is the reason.
    unopened: Option<Arc<TransportError>>,
}

struct Request {
    bytes: Bytes,
    id: u64,
}

/// An answer; none when the lock is another's by now, and nothing was run.
type Answer = Option<Output>;

type Waiting = Arc<Mutex<VecDeque<(u64, oneshot::Sender<Answer>)>>>;

pub(super) struct Session {
    requests: Mutex<Option<(mpsc::UnboundedSender<Request>, u64)>>,
    waiting: Waiting,
    state: watch::Receiver<State>,
    /// Since when requests are answered; none while the lock before them is not decided.
    open_since: watch::Sender<Option<Instant>>,
    /// Relays that live as long as this shell: target path to the socket that reaches it.
    pub(super) relays: tokio::sync::Mutex<HashMap<String, String>>,
}

/// Starts a root shell; returns at once.
pub(super) fn start(link: &Arc<Link>) -> Arc<Session> {
    let (requests, queue) = mpsc::unbounded_channel();
    let (state, watched) = watch::channel(State::Starting);
    let waiting = Waiting::default();
    let session = Session {
        requests: Mutex::new(Some((requests, 1))),
        waiting: waiting.clone(),
        state: watched,
        open_since: watch::Sender::new(Some(Instant::now())),
        relays: tokio::sync::Mutex::default(),
    };
    let link = link.clone();
    tokio::spawn(async move {
        let opened = link.open_root(SESSION).await;
        // The task must not keep a connection alive that everybody else has let go.
        drop(link);
        let ended = match opened {
            Ok((inbox, outbox)) => {
                let sending = tokio::spawn(send(queue, outbox));
                let ended = receive(inbox, &waiting, &state).await;
                sending.abort();
                ended
            }
            Err(error) => Ended {
                early: true,
                status: None,
                words: String::new(),
                unopened: Some(Arc::new(error)),
            },
        };
        state.send_replace(State::Ended(ended));
        // Whoever still waits learns from this that no answer will come.
        waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    });
    Arc::new(session)
}

async fn send(mut queue: mpsc::UnboundedReceiver<Request>, outbox: Outbox) {
    while let Some(request) = queue.recv().await {
        tracing::trace!(id = request.id, "sending");
        // An error means that the channel is gone; `receive` says so.
        if outbox.data_bytes(request.bytes).await.is_err() {
            return;
        }
    }
    let _ = outbox.eof().await;
}

async fn receive(mut inbox: Inbox, waiting: &Waiting, state: &watch::Sender<State>) -> Ended {
    let mut buffer = BytesMut::new();
    let mut ready = false;
    let mut status = None;
    let mut errors = String::new();
    while let Some(event) = inbox.next().await {
        match event {
            Event::Stdout(data) => buffer.extend_from_slice(&data),
            Event::Stderr(data) => {
                let text = String::from_utf8_lossy(&data);
                tracing::debug!(text = text.trim_end(), "root shell");
                if errors.len() < NOISE_BYTES {
                    errors.push_str(&text);
                }
                continue;
            }
            Event::Exit(code) => {
                status = Some(code);
                continue;
            }
            Event::Eof => continue,
        }
        if !ready {
            let Some(at) = find(&buffer, READY) else {
                if buffer.len() > NOISE_BYTES {
                    break;
                }
                continue;
            };
            let _ = buffer.split_to(at + READY.len());
            ready = true;
            state.send_replace(State::Ready);
        }
        while let Some((id, output)) = take_answer(&mut buffer) {
            let mut queue = waiting.lock().unwrap_or_else(PoisonError::into_inner);
            // Answers come in order; an id that is missing here belongs to nobody.
            while let Some((waiting_id, _)) = queue.front() {
                if *waiting_id > id {
                    break;
                }
                if let Some((waiting_id, answer)) = queue.pop_front()
                    && waiting_id == id
                {
                    // The caller may have given up.
                    let _ = answer.send(output);
                    break;
                }
            }
        }
    }
    let said = if errors.trim().is_empty() && !ready {
        String::from_utf8_lossy(&buffer).into_owned()
    } else {
        errors
    };
    Ended {
        early: !ready,
        status,
        words: last_line(&said),
        unopened: None,
    }
}

fn last_line(text: &str) -> String {
    text.trim_end()
        .rsplit('\n')
        .next()
        .unwrap_or_default()
        .trim()
        .to_owned()
}

pub(super) fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack
        .windows(needle.len())
        .position(|window| window == needle)
}

/// Takes one whole answer from the front of `buffer`.
fn take_answer(buffer: &mut BytesMut) -> Option<(u64, Answer)> {
    let end = buffer.iter().position(|&b| b == b'\n')?;
    let head = std::str::from_utf8(&buffer[..end]).ok()?;
    let mut numbers = head.split(' ');
    let id = numbers.next()?.parse().ok()?;
    let status = match numbers.next()? {
        "fenced" => None,
        status => Some(status.parse().ok()?),
    };
    let out_bytes: usize = numbers.next()?.parse().ok()?;
    let err_bytes: usize = numbers.next()?.parse().ok()?;
    if buffer.len() < end + 1 + out_bytes + err_bytes {
        return None;
    }
    let mut answer = buffer.split_to(end + 1 + out_bytes + err_bytes).freeze();
    let stderr = answer.split_off(end + 1 + out_bytes);
    let stdout = answer.split_off(end + 1);
    let output = status.map(|status| Output {
        status,
        stdout: stdout.into(),
        stderr: stderr.into(),
    });
    Some((id, output))
}

impl Session {
    /// Runs one script in the shell.
    pub(super) async fn run(
        &self,
        link: &Link,
        script: &Script,
        input: &[u8],
        deadline: Duration,
    ) -> Result<Output, TransportError> {
        let text = script.text();
        let Some(answer) = self.submit(&text, input, deadline, None) else {
            return Err(self.error(link));
        };
        let asked = Instant::now();
        let late = || link.late(&format!("`{}`", script.name), deadline);
        let mut open_since = self.open_since.subscribe();
        let too_late = async {
            // The sender is ours.
            let _ = open_since.wait_for(Option::is_some).await;
            tokio::time::sleep(deadline + GRACE).await;
        };
        let answer = tokio::select! {
            biased;
            answer = answer => answer,
            () = too_late => return Err(late()),
        };
        let began = self
            .open_since
            .borrow()
            .map_or(asked, |open| open.max(asked));
        match answer {
            Ok(Some(output))
                if TIMED_OUT.contains(&output.status) && began.elapsed() >= deadline =>
            {
                Err(late())
            }
            Ok(Some(output)) => Ok(output),
            Ok(None) => Err(TransportError::Fenced {
                host: link.host.clone(),
            }),
            Err(_) => Err(self.error(link)),
        }
    }

    /// Lets all later requests wait until the lease that was asked for with `token` is held, and run only while it is.
    /// Returns whether it is. [`Session::lock_decided`] has to follow.
    pub(super) fn lock(
        &self,
        link: &Link,
        lock: &str,
        token: &str,
        wait: Duration,
    ) -> impl Future<Output = Result<bool, TransportError>> {
        let text = crate::script::lock(token).text();
        let limit = wait.saturating_add(RECOVERY);
        self.open_since.send_replace(None);
        let answer = self.submit(&text, b"", limit, Some((lock, token)));
        async move {
            match answer {
                None => Err(self.error(link)),
                Some(answer) => match answer.await {
                    Ok(answer) => Ok(answer.is_some_and(|output| output.status == 0)),
                    Err(_) => Err(self.error(link)),
                },
            }
        }
    }

    pub(super) fn lock_decided(&self) {
        self.open_since.send_replace(Some(Instant::now()));
    }

    fn submit(
        &self,
        text: &str,
        input: &[u8],
        deadline: Duration,
        lock: Option<(&str, &str)>,
    ) -> Option<oneshot::Receiver<Answer>> {
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        let (sender, next) = requests.as_mut()?;
        let id = *next;
        *next += 1;
        let seconds = deadline.as_secs_f64().max(0.1);
        let lock = lock.map_or_else(String::new, |(lock, token)| format!(" {lock} {token}"));
        let request = Request {
            bytes: request(id, text, input, &format!("{seconds:.1}{lock}")),
            id,
        };
        let (answer, answered) = oneshot::channel();
        self.waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push_back((id, answer));
        if sender.send(request).is_err() || matches!(*self.state.borrow(), State::Ended(_)) {
            return None;
        }
        Some(answered)
    }

    /// Waits until the shell is known to be root's.
    pub(super) async fn ready(&self, link: &Link) -> Result<(), TransportError> {
        let mut state = self.state.clone();
        let wait = state.wait_for(|state| !matches!(state, State::Starting));
        let ready = match tokio::time::timeout(STEP_DEADLINE, wait).await {
            Ok(Ok(state)) => matches!(*state, State::Ready),
            Ok(Err(_)) => false,
            Err(_) => return Err(link.late("starting a root shell", STEP_DEADLINE)),
        };
        if ready { Ok(()) } else { Err(self.error(link)) }
    }

    /// It worked once and has ended.
    pub(super) fn can_be_replaced(&self) -> bool {
        matches!(&*self.state.borrow(), State::Ended(ended) if !ended.early)
    }

    /// Lets the shell end and clear up.
    pub(super) async fn close(&self) {
        self.requests
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let mut state = self.state.clone();
        let ended = state.wait_for(|state| matches!(state, State::Ended(_)));
        // A script that still runs is not waited for; the shell clears up after it.
        let _ = tokio::time::timeout(Duration::from_secs(1), ended).await;
    }

    fn error(&self, link: &Link) -> TransportError {
        let state = self.state.borrow().clone();
        let State::Ended(ended) = state else {
            return link.lost();
        };
        if let Some(error) = &ended.unopened {
            return error.repeated();
        }
        if ended.status.is_none() || (link.is_closed() && !ended.early) {
            return link.lost();
        }
        let status = ended.status.unwrap_or_default();
        let no_root = |reason: String| TransportError::NoRoot {
            host: link.host.clone(),
            user: link.user.clone(),
            reason,
        };
        match (ended.early, status) {
            (true, NO_SUDO) => no_root("there is no `sudo` on the host".to_owned()),
            (_, NO_FOLDER) => TransportError::Protocol {
                host: link.host.clone(),
                what: "session".to_owned(),
                reason: format!("no folder can be made in /run or /tmp: {}", ended.words),
            },
            (_, NO_ROOM) => TransportError::Protocol {
                host: link.host.clone(),
                what: "session".to_owned(),
                reason: format!(
                    "{}; what was asked was not done: `df -h` there shows what is full",
                    ended.words
                ),
            },
            (true, _) if !ended.words.is_empty() => no_root(ended.words),
            (true, status) => no_root(format!("the shell ended with status {status}")),
            (false, status) => TransportError::Lost {
                host: link.host.clone(),
                source: Some(format!("the root shell ended with status {status}").into()),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::process::{Command, Stdio};

    use super::*;

    /// What a shell says to these bytes, and how it ends.
    fn told(arguments: &[&str], bytes: &[u8]) -> (String, Option<i32>) {
        let mut shell = Command::new("sh")
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a shell");
        // One that has ended does not read the rest.
        let _ = shell.stdin.take().expect("a pipe").write_all(bytes);
        let ended = shell.wait_with_output().expect("its end");
        (
            String::from_utf8_lossy(&ended.stdout).into_owned(),
            ended.status.code(),
        )
    }

    #[test]
    fn a_request_that_is_cut_on_its_way_is_not_run() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("file");
        let text = format!("cat >{}", quote(file.to_str().expect("text")));
        let whole = request(7, &text, b"contents\n", "5.0");
        for length in 0..whole.len() {
            let (said, _) = told(&["-c", SESSION], &whole[..length]);
            assert_eq!(said, "stackctl-ready\n", "{length} bytes");
            assert!(!file.exists(), "{length} bytes of {}", whole.len());
        }
        let (said, status) = told(&["-c", SESSION], &whole);
        assert_eq!(
            (said.as_str(), status),
            ("stackctl-ready\n7 0 0 0\n", Some(0))
        );
        assert_eq!(std::fs::read(&file).expect("written"), b"contents\n");
    }

    #[test]
    fn a_script_that_is_cut_on_its_way_is_not_run() {
        let text = "cat\necho said ü\n\n";
        let whole = [&frame(text)[..], b"input\n"].concat();
        for length in 0..frame(text).len() {
            let (said, status) = told(&["-c", BOOT, "name"], &whole[..length]);
            assert_eq!(said, "", "{length} bytes");
            assert_ne!(status, Some(0), "{length} bytes");
        }
        let (said, status) = told(&["-c", BOOT, "name"], &whole);
        assert_eq!((said.as_str(), status), ("input\nsaid ü\n", Some(0)));
    }
}
