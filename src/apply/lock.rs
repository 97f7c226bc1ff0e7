//! One run at a time: the lock of a stack on each host, as a lease that lives and dies with our connection.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::ApplyError;
use super::action::{SHORT, succeeded};
use crate::model::{HostName, Layout, StackName};
use crate::script::{self, Script};
use crate::transport::{LeaseAnswer, LeaseEvent, LeaseRequest, Transport, TransportError};

#[derive(Debug, thiserror::Error)]
pub enum LockError {
    #[error("{host} is locked by {holder}")]
    Held { host: HostName, holder: Box<Holder> },
    #[error("{host} is on hold by {holder}")]
    OnHold { host: HostName, holder: Box<Holder> },
    #[error("cannot take the lock on {host}")]
    Transport {
        host: HostName,
        #[source]
        source: TransportError,
    },
    #[error("cannot take the lock on {host}: {reason}")]
    Broken { host: HostName, reason: String },
}

/// Who holds a lock, or has put a stack on hold; written by us, with what only the host knows added there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Holder {
    /// `user@machine`.
    pub who: String,
    /// What the run is, such as the address of a CI job.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// `deploy`, …
    pub command: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// By the host's clock.
    #[serde(alias = "began", skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// For so many seconds when it was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seconds: Option<u64>,
    /// Why the host takes this run for gone; it is taking back what the run did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ending: Option<String>,
}

impl Holder {
    /// What is on a host; somebody unknown when it cannot be read.
    fn read(json: &str) -> Self {
        serde_json::from_str(json).unwrap_or_default()
    }

    fn written(&self) -> String {
        serde_json::to_string(self).expect("text is JSON")
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.who.as_str() {
            "" => f.write_str("another program")?,
            who => f.write_str(who)?,
        }
        if !self.command.is_empty() {
            write!(f, " running `stackctl {}`", self.command)?;
        }
        if let Some(from) = &self.from {
            write!(f, " from {from}")?;
        }
        if let Some(since) = &self.since {
            write!(f, " since {since}")?;
        }
        if let Some(seconds) = self.seconds {
            write!(f, " ({seconds} s)")?;
        }
        if let Some(reason) = &self.reason {
            write!(f, ": {reason}")?;
        }
        if let Some(ending) = &self.ending {
            write!(f, "; {ending}, and the host is taking back what it did")?;
        }
        Ok(())
    }
}

/// What happens before the lock is ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LockEvent {
    /// Another has it; we wait.
    Waiting {
        holder: Box<Holder>,
    },
    /// An earlier run was left unfinished, and is taken back first.
    Recovering {
        run: Box<Holder>,
    },
    Undone {
        words: String,
    },
    NotUndone {
        words: String,
        reason: String,
    },
}

/// Takes the lock of `stack` on one host, until the connection is closed or ends. Waits for up to `wait` while another
/// has it.
pub async fn lock(
    host: &HostName,
    transport: &dyn Transport,
    stack: &StackName,
    owner: &Holder,
    wait: Duration,
    tell: &(dyn Fn(LockEvent) + Send + Sync),
) -> Result<(), LockError> {
    let layout = Layout::new(stack);
    let request = LeaseRequest {
        lock: layout.lock().to_string(),
        hold: layout.hold().to_string(),
        pending: layout.pending().to_string(),
        history: layout.history().to_string(),
        owner: owner.written(),
        wait,
    };
    let pass_on = |event| {
        if let Some(event) = event_of(event) {
            tell(event);
        }
    };
    let answer = transport.lock(&request, &pass_on).await;
    match answer.map_err(|source| LockError::Transport {
        host: host.clone(),
        source,
    })? {
        LeaseAnswer::Held { generation } => {
            tracing::debug!(%host, generation, "locked");
            Ok(())
        }
        LeaseAnswer::Busy { holder, seconds } => Err(LockError::Held {
            host: host.clone(),
            holder: holder_for(&holder, seconds),
        }),
        LeaseAnswer::OnHold { hold } => Err(LockError::OnHold {
            host: host.clone(),
            holder: Box::new(Holder::read(&hold)),
        }),
        LeaseAnswer::Broken { reason } => Err(LockError::Broken {
            host: host.clone(),
            reason,
        }),
    }
}

fn holder_for(json: &str, seconds: u64) -> Box<Holder> {
    let mut holder = Holder::read(json);
    holder.seconds = Some(seconds);
    Box::new(holder)
}

fn event_of(event: LeaseEvent) -> Option<LockEvent> {
    match event {
        LeaseEvent::Busy { holder, seconds } => Some(LockEvent::Waiting {
            holder: holder_for(&holder, seconds),
        }),
        LeaseEvent::Recovering { run } => Some(LockEvent::Recovering {
            run: Box::new(Holder::read(&run)),
        }),
        // As recover.sh prints it.
        LeaseEvent::Recovered { line } => {
            let mut columns = line.split('\t').map(str::to_owned);
            match (columns.next().as_deref(), columns.next(), columns.next()) {
                (Some("undone"), Some(words), _) => Some(LockEvent::Undone { words }),
                (Some("failed"), Some(words), reason) => Some(LockEvent::NotUndone {
                    words,
                    reason: reason.unwrap_or_default(),
                }),
                _ => None,
            }
        }
        LeaseEvent::RecoveryEnded { complete } => {
            tracing::debug!(complete, "recovered");
            None
        }
    }
}

/// How a stack's lock stands on a host.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct LockState {
    /// The run that has it.
    pub held: Option<Holder>,
    /// Who put the stack on hold.
    pub hold: Option<Holder>,
    /// The run that was left unfinished; the next one takes it back first.
    pub unfinished: Option<Holder>,
}

/// Looks without taking it.
pub async fn lock_state(
    transport: &dyn Transport,
    stack: &StackName,
) -> Result<LockState, ApplyError> {
    let layout = Layout::new(stack);
    let script = script::lock_status(layout.lock(), layout.hold(), layout.pending());
    let said = said(transport, &script, b"").await?;
    let mut state = LockState::default();
    for line in said.lines() {
        let columns: Vec<&str> = line.split('\t').collect();
        match columns[..] {
            ["held", seconds, owner] => {
                state.held = Some(*holder_for(owner, seconds.parse().unwrap_or(0)));
            }
            ["hold", owner] => state.hold = Some(Holder::read(owner)),
            ["unfinished", run] => state.unfinished = Some(Holder::read(run)),
            _ => {}
        }
    }
    // Whoever holds the lock is not finished, of course.
    if state.held.is_some() {
        state.unfinished = None;
    }
    Ok(state)
}

/// Lets no run begin any more, until [`release`].
pub async fn hold(
    transport: &dyn Transport,
    stack: &StackName,
    owner: &Holder,
) -> Result<(), ApplyError> {
    let script = script::lock_hold(Layout::new(stack).hold());
    said(transport, &script, owner.written().as_bytes()).await?;
    Ok(())
}

/// Ends a [`hold`], whoever began it.
pub async fn release(transport: &dyn Transport, stack: &StackName) -> Result<(), ApplyError> {
    let script = script::remove(Layout::new(stack).hold());
    said(transport, &script, b"").await?;
    Ok(())
}

async fn said(
    transport: &dyn Transport,
    script: &Script,
    input: &[u8],
) -> Result<String, ApplyError> {
    let output = transport.run(script, input, SHORT).await?;
    succeeded(script, output.status, &output.stderr)?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
