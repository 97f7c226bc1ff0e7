//! Connecting: one russh connection per host, through its jump hosts, with a root shell and a lock.

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use russh::Disconnect;
use russh::client::Handle;
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

use super::hop::hops;
use super::lease::{self, Lease};
use super::link::{Link, SESSION_CHANNELS, STEP_DEADLINE};
use super::reach::{Handler, Reached, reach};
use super::session::{self, Session};
use super::wire::Cut;
use super::{
    Connection, Endpoint, LeaseAnswer, LeaseEvent, LeaseRequest, LeaseTimes, Listener, Output,
    Program, ShellOf, Source, Terminal, Transport, TransportError, Upload, auth, dial, listener,
    stream,
};
use crate::model::SshTarget;
use crate::script::Script;

const FENCE: &str = include_str!("fence.sh");

/// Asks a person for the passphrase of a key file. Only given when there is a terminal.
pub trait Prompt: Send + Sync {
    /// `attempt` counts from 1; `None` when the person gives up.
    fn passphrase(&self, key_file: &Path, attempt: u32) -> Option<Zeroizing<String>>;
}

/// What of this machine matters for connecting.
#[derive(Debug, Clone)]
pub struct ConnectOptions {
    /// For reaching one host and agreeing on keys.
    pub deadline: Duration,
    /// Where `.ssh` is.
    pub home: Option<PathBuf>,
    /// `/etc/ssh`: `ssh_config` and `ssh_known_hosts`.
    pub system: PathBuf,
    /// The agent's socket.
    pub agent: Option<PathBuf>,
    pub local_user: String,
    pub lease: LeaseTimes,
}

impl ConnectOptions {
    /// As `ssh` would see them from this process.
    pub fn from_environment() -> Self {
        let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty());
        let local_user = ["USER", "LOGNAME"].into_iter().find_map(variable);
        Self {
            deadline: Duration::from_secs(10),
            home: variable("HOME").map(PathBuf::from),
            system: PathBuf::from("/etc/ssh"),
            agent: variable("SSH_AUTH_SOCK").map(PathBuf::from),
            local_user: local_user.map_or_else(
                || "root".to_owned(),
                |user| user.to_string_lossy().into_owned(),
            ),
            lease: LeaseTimes::default(),
        }
    }
}

/// One connection to a host, shared by all that talk to it.
pub struct SshConnection {
    link: Arc<Link>,
    session: Mutex<Arc<Session>>,
    /// Set when a lock was asked for.
    locked: OnceLock<Locked>,
    lease: Mutex<Option<Lease>>,
    /// For another connection like this one.
    again: (SshTarget, ConnectOptions, Option<Arc<dyn Prompt>>),
}

/// Asks a person for each passphrase only once.
struct Remembering {
    prompt: Arc<dyn Prompt>,
    told: Mutex<HashMap<PathBuf, Zeroizing<String>>>,
}

impl Prompt for Remembering {
    fn passphrase(&self, key_file: &Path, attempt: u32) -> Option<Zeroizing<String>> {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if attempt == 1
            && let Some(known) = told.get(key_file)
        {
            return Some(known.clone());
        }
        let passphrase = self.prompt.passphrase(key_file, attempt)?;
        told.insert(key_file.to_owned(), passphrase.clone());
        Some(passphrase)
    }
}

/// What shows that the lock is ours.
struct Locked {
    file: String,
    token: String,
}

impl fmt::Debug for SshConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SshConnection")
            .field("host", &self.link.host)
            .finish_non_exhaustive()
    }
}

/// Connects and authenticates; the root shell is started but not waited for.
pub async fn connect(
    target: &SshTarget,
    options: &ConnectOptions,
    prompt: Option<Arc<dyn Prompt>>,
) -> Result<SshConnection, TransportError> {
    let prompt = prompt.map(|prompt| {
        let told = Mutex::default();
        Arc::new(Remembering { prompt, told }) as Arc<dyn Prompt>
    });
    let hops = hops(target, options)?;
    let name = lease::random_name().map_err(|error| TransportError::Settings {
        host: target.address.clone(),
        reason: format!("no random numbers: {error}"),
    })?;
    let mut through: Vec<Handle<Handler>> = Vec::new();
    let mut below: Option<Arc<Cut>> = None;
    let mut reached = None;
    let count = hops.len();
    for (index, hop) in hops.iter().enumerate() {
        let cut = Arc::new(Cut::default());
        let mut hop_reached = reach(hop, through.last().zip(below.as_ref()), &cut).await?;
        auth::authenticate(&mut hop_reached.handle, hop, prompt.as_ref()).await?;
        tracing::debug!(
            host = hop.label,
            port = hop.port,
            user = hop.user,
            "connected"
        );
        if index + 1 == count {
            reached = Some((hop_reached, cut));
        } else {
            through.push(hop_reached.handle);
            below = Some(cut);
        }
    }
    let Some((reached, cut)) = reached else {
        return Err(TransportError::Settings {
            host: target.address.clone(),
            reason: "there is no host to connect to".to_owned(),
        });
    };
    let user = hops.last().map_or_else(String::new, |hop| hop.user.clone());
    let Reached {
        handle,
        lost,
        forwarded,
    } = reached;
    let link = Arc::new(Link {
        handle,
        through,
        host: target.address.clone(),
        user,
        connection: format!("stackctl-{name}"),
        times: options.lease,
        cut,
        leased: AtomicBool::new(false),
        sessions: Arc::new(Semaphore::new(SESSION_CHANNELS)),
        lost,
        forwarded,
    });
    let session = Mutex::new(session::start(&link));
    Ok(SshConnection {
        link,
        session,
        locked: OnceLock::new(),
        lease: Mutex::default(),
        again: (target.clone(), options.clone(), prompt),
    })
}

impl SshConnection {
    /// The root shell; a new one when the last has ended for a reason of its own. One that held a lock is not
    /// replaced: the lock is gone with it, and nothing may be changed any more.
    pub(super) fn session(&self) -> Arc<Session> {
        let mut session = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        let locked = self.locked.get().is_some();
        if session.can_be_replaced() && !locked && !self.link.is_closed() {
            tracing::debug!(host = self.link.host, "starting another root shell");
            *session = session::start(&self.link);
        }
        session.clone()
    }

    /// What a script in a channel of its own begins with, once there is a lock.
    pub(super) fn fence(&self) -> Option<Script> {
        let locked = self.locked.get()?;
        Some(Script {
            name: "fence",
            body: FENCE,
            args: vec![locked.file.clone(), locked.token.clone()],
        })
    }

    async fn take_lock(
        &self,
        request: &LeaseRequest,
        tell: &(dyn Fn(LeaseEvent) + Send + Sync),
    ) -> Result<LeaseAnswer, TransportError> {
        let broken = |reason: String| TransportError::Protocol {
            host: self.link.host.clone(),
            what: "lock".to_owned(),
            reason,
        };
        let token = lease::random_name().map_err(|error| broken(error.to_string()))?;
        let session = self.session();
        let locked = Locked {
            file: request.lock.clone(),
            token: token.clone(),
        };
        if self.locked.set(locked).is_err() {
            return Err(broken("this connection has one already".to_owned()));
        }
        // Submitted before anything is waited for: what is asked next has to come after it.
        let waiting = session.lock(&self.link, &request.lock, &token, request.wait);
        let leased = lease::take(&self.link, request, &token, tell).await;
        let (answer, lease) = match leased {
            Ok(leased) => leased,
            Err(error) => {
                session.lock_decided();
                // When nobody can be root there, the shell knows why.
                session.ready(&self.link).await?;
                return Err(error);
            }
        };
        let is_held = matches!(answer, LeaseAnswer::Held { .. });
        if is_held {
            *self.lease.lock().unwrap_or_else(PoisonError::into_inner) = Some(lease);
            self.link.leased.store(true, Ordering::SeqCst);
        }
        // Also when it was refused: what lets the root shell know ends when we let go of it.
        let told = tokio::time::timeout(STEP_DEADLINE, waiting).await;
        session.lock_decided();
        if is_held {
            match told {
                Ok(Ok(true)) => {}
                Ok(Ok(false)) => {
                    return Err(broken("the root shell knows nothing of it".to_owned()));
                }
                Ok(Err(error)) => return Err(error),
                Err(_) => return Err(self.link.late("taking the lock", STEP_DEADLINE)),
            }
        }
        Ok(answer)
    }

    pub(super) fn link(&self) -> &Arc<Link> {
        &self.link
    }
}

impl SshConnection {
    async fn disconnect(&self) {
        let all = std::iter::once(&self.link.handle).chain(self.link.through.iter().rev());
        for handle in all {
            // An error means that it is closed already.
            let _ = handle.disconnect(Disconnect::ByApplication, "", "en").await;
        }
    }
}

impl Transport for SshConnection {
    fn run<'a>(
        &'a self,
        script: &'a Script,
        input: &'a [u8],
        deadline: Duration,
    ) -> BoxFuture<'a, Result<Output, TransportError>> {
        Box::pin(async move {
            tracing::debug!(host = self.link.host, script = script.name, args = ?script.args, "run");
            self.session()
                .run(&self.link, script, input, deadline)
                .await
        })
    }

    fn stream<'a>(
        &'a self,
        script: &'a Script,
        input: Option<Upload>,
        line: &'a mut (dyn FnMut(Source, &str) + Send),
        deadline: Duration,
    ) -> BoxFuture<'a, Result<Output, TransportError>> {
        Box::pin(async move {
            tracing::debug!(host = self.link.host, script = script.name, args = ?script.args, "stream");
            let work = stream::stream(self, script, input, line);
            match tokio::time::timeout(deadline, work).await {
                Ok(result) => result,
                Err(_) => Err(self.link.late(&format!("`{}`", script.name), deadline)),
            }
        })
    }

    fn lock<'a>(
        &'a self,
        request: &'a LeaseRequest,
        tell: &'a (dyn Fn(LeaseEvent) + Send + Sync),
    ) -> BoxFuture<'a, Result<LeaseAnswer, TransportError>> {
        Box::pin(async move {
            tracing::debug!(host = self.link.host, lock = request.lock, "lock");
            self.take_lock(request, tell).await
        })
    }

    fn prepare<'a>(&'a self, endpoint: &'a Endpoint) -> BoxFuture<'a, bool> {
        Box::pin(dial::prepare(self, endpoint))
    }

    fn dial<'a>(
        &'a self,
        endpoint: &'a Endpoint,
    ) -> BoxFuture<'a, Result<Box<dyn Connection>, TransportError>> {
        Box::pin(async move {
            tracing::debug!(host = self.link.host, %endpoint, "dial");
            dial::dial(self, endpoint).await
        })
    }

    fn listen(&self) -> BoxFuture<'_, Result<Listener, TransportError>> {
        Box::pin(async move {
            tracing::debug!(host = self.link.host, "listen");
            listener::listen(&self.link).await
        })
    }

    fn shell<'a>(
        &'a self,
        whose: ShellOf,
        terminal: Option<&'a Terminal>,
    ) -> BoxFuture<'a, Result<Program, TransportError>> {
        Box::pin(async move {
            tracing::debug!(host = self.link.host, ?whose, "shell");
            self.link.open_shell(whose, terminal).await
        })
    }

    fn program<'a>(
        &'a self,
        script: &'a Script,
        terminal: Option<&'a Terminal>,
    ) -> BoxFuture<'a, Result<Program, TransportError>> {
        Box::pin(async move {
            tracing::debug!(host = self.link.host, script = script.name, "program");
            self.link.open_program(script, terminal).await
        })
    }

    fn probe(&self) -> BoxFuture<'_, Result<(), TransportError>> {
        Box::pin(async move {
            let (target, options, prompt) = &self.again;
            let new = connect(target, options, prompt.clone()).await?;
            let ready = new.session().ready(&new.link).await;
            new.close().await;
            ready
        })
    }

    fn broken(&self) -> Option<TransportError> {
        let leased = self.link.leased.load(Ordering::SeqCst);
        (leased && self.link.is_closed()).then(|| self.link.lost())
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            let session = self
                .session
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .clone();
            let lease = self
                .lease
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take();
            let leaving = async {
                if let Some(lease) = lease
                    && !self.link.is_closed()
                {
                    lease.end().await;
                }
            };
            // The lock is free once the session has ended; the host sees to that.
            tokio::join!(session.close(), leaving);
            self.disconnect().await;
        })
    }

    fn leave(&self) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            // Not to say good-bye later.
            drop(
                self.lease
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .take(),
            );
            self.disconnect().await;
        })
    }
}
