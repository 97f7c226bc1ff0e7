//! One run at a time: a lock on each host that lives and dies with our connection.

use crate::model::{HostName, Layout, StackName};
use crate::transport::{Transport, TransportError};

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

/// Takes the lock of `stack` on one host, until the connection ends. `owner` says who we are, for whoever finds it
/// taken.
pub async fn lock(
    host: &HostName,
    transport: &dyn Transport,
    stack: &StackName,
    owner: &str,
) -> Result<(), LockError> {
    let file = Layout::new(stack).lock();
    let taken = transport.lock(file.as_str(), owner).await;
    let output = taken.map_err(|source| LockError::Transport {
        host: host.clone(),
        source,
    })?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    match output.status {
        0 => Ok(()),
        HELD => {
            let holder = Some(text(&output.stdout)).filter(|holder| !holder.is_empty());
            Err(LockError::Held {
                host: host.clone(),
                holder: holder.unwrap_or_else(|| "another run".to_owned()),
            })
        }
        status => Err(LockError::Script {
            host: host.clone(),
            status,
            said: text(&output.stderr),
        }),
    }
}
