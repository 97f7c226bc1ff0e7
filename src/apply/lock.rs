//! One run at a time: a lock on each host that lives and dies with our connection.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::model::{HostName, Layout, StackName};
use crate::script;
use crate::transport::{Source, Transport, TransportError};

/// Held until dropped, or until we die: `flock` on the host is held by a process that reads from our channel.
#[derive(Debug)]
pub struct Lock {
    holder: JoinHandle<()>,
}

#[derive(Debug, thiserror::Error)]
pub enum LockError {
    #[error("{host} is locked by {holder}")]
    Held { host: HostName, holder: String },
    #[error("cannot take the lock on {host}")]
    Transport {
        host: HostName,
        #[source]
        source: TransportError,
    },
    #[error("cannot take the lock on {host}: exit {status}: {said}")]
    Script {
        host: HostName,
        status: i32,
        said: String,
    },
}

/// lock.sh: another has it.
const HELD: i32 = 75;
/// No run takes longer.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

impl Lock {
    /// Takes the lock of `stack` on one host. `owner` says who we are, for whoever finds it taken.
    pub async fn take(
        host: &HostName,
        transport: Arc<dyn Transport>,
        stack: &StackName,
        owner: &str,
    ) -> Result<Self, LockError> {
        let file = Layout::new(stack).lock();
        let script = script::lock(file, owner);
        let (told, answer) = oneshot::channel();
        let mut told = Some(told);
        let holder = tokio::spawn(async move {
            let mut said = String::new();
            let mut line = |source: Source, text: &str| {
                if source == Source::Stdout && text == "locked" {
                    if let Some(told) = told.take() {
                        let _ = told.send(None);
                    }
                } else {
                    said.push_str(text);
                }
            };
            let ended = transport.stream(&script, None, &mut line, LONGEST).await;
            if let Some(told) = told {
                let _ = told.send(Some((ended, said)));
            }
        });
        match answer.await {
            Ok(None) => Ok(Self { holder }),
            Ok(Some((Err(source), _))) => Err(LockError::Transport {
                host: host.clone(),
                source,
            }),
            Ok(Some((Ok(output), said))) if output.status == HELD => Err(LockError::Held {
                host: host.clone(),
                holder: said,
            }),
            Ok(Some((Ok(output), said))) => Err(LockError::Script {
                host: host.clone(),
                status: output.status,
                said,
            }),
            Err(_) => Err(LockError::Script {
                host: host.clone(),
                status: -1,
                said: "its holder ended".into(),
            }),
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Dropping the stream ends the script on the host, and with it the lock.
        self.holder.abort();
    }
}
