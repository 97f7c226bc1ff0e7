//! Authentication by keys: from files, and from the agent. There are no passwords here on purpose.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use russh::client::{AuthResult, Handle};
use russh::keys::agent::AgentIdentity;
use russh::keys::agent::client::{AgentClient, AgentStream};
use russh::keys::{HashAlg, PrivateKey, PrivateKeyWithHashAlg, PublicKey, decode_secret_key};
use tokio::net::UnixStream;
use zeroize::Zeroizing;

use super::TransportError;
use super::hop::{Hop, Identity};
use super::reach::Handler;
use super::ssh::Prompt;

/// As `ssh`.
const PASSPHRASE_ATTEMPTS: u32 = 3;
/// An agent may ask a person to confirm.
const AGENT_DEADLINE: Duration = Duration::from_secs(60);

type Agent = AgentClient<Box<dyn AgentStream + Send + Unpin>>;

/// A key file that can be read.
struct KeyFile {
    identity: Identity,
    text: Zeroizing<String>,
    key: Option<PrivateKey>,
    /// Known without the passphrase, in OpenSSH's own format.
    public: Option<PublicKey>,
}

pub(super) async fn authenticate(
    handle: &mut Handle<Handler>,
    hop: &Hop,
    prompt: Option<&Arc<dyn Prompt>>,
) -> Result<(), TransportError> {
    let mut attempts = Attempts {
        handle,
        hop,
        prompt,
        tried: Vec::new(),
        over: false,
        rsa_hash: None,
    };
    let files = attempts.read_files()?;
    if attempts.all(files).await? {
        return Ok(());
    }
    let tried = attempts.tried;
    Err(TransportError::NoKeyAccepted {
        host: hop.label.clone(),
        user: hop.user.clone(),
        tried,
    })
}

struct Attempts<'a> {
    handle: &'a mut Handle<Handler>,
    hop: &'a Hop,
    prompt: Option<&'a Arc<dyn Prompt>>,
    tried: Vec<String>,
    /// The host listens no longer.
    over: bool,
    rsa_hash: Option<HashAlg>,
}

impl Attempts<'_> {
    fn read_files(&mut self) -> Result<Vec<KeyFile>, TransportError> {
        let mut files = Vec::new();
        for identity in &self.hop.identities {
            let name = identity.file.display();
            match read_key_file(identity) {
                Ok(Some(file)) => files.push(file),
                Ok(None) if identity.named => self.tried.push(format!("{name} (no such file)")),
                Ok(None) => {}
                Err(TransportError::Key { reason, .. }) if !identity.required => {
                    self.tried.push(format!("{name} (not used: {reason})"));
                }
                Err(error) => return Err(error),
            }
        }
        Ok(files)
    }

    /// The agent's copies of named files first, then named files without a passphrase, the agent's other keys, other
    /// files, and last what a person must be asked for. Servers stop listening after a few keys.
    async fn all(&mut self, files: Vec<KeyFile>) -> Result<bool, TransportError> {
        let (mut agent, held) = self.agent_keys().await;
        let in_agent = |file: &KeyFile| {
            let public = file.public.as_ref();
            held.iter()
                .find(|key| public.is_some_and(|public| public.key_data() == key.key_data()))
        };
        for key in files.iter().filter_map(in_agent) {
            if self.with_agent(agent.as_mut(), key).await? {
                return Ok(true);
            }
        }
        let (left, _): (Vec<_>, Vec<_>) =
            files.into_iter().partition(|file| in_agent(file).is_none());
        let (named, unnamed): (Vec<_>, Vec<_>) = left
            .into_iter()
            .partition(|file| file.identity.named && file.key.is_some());
        for file in named {
            if self.with_file(file).await? {
                return Ok(true);
            }
        }
        if !self.hop.identities_only {
            for key in &held {
                if self.with_agent(agent.as_mut(), key).await? {
                    return Ok(true);
                }
            }
        }
        let (plain, encrypted): (Vec<_>, Vec<_>) =
            unnamed.into_iter().partition(|file| file.key.is_some());
        for file in plain.into_iter().chain(encrypted) {
            if self.with_file(file).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn agent_keys(&mut self) -> (Option<Agent>, Vec<PublicKey>) {
        let Some(socket) = &self.hop.agent else {
            return (None, Vec::new());
        };
        let ask = async {
            let stream = UnixStream::connect(socket).await?;
            let mut agent = AgentClient::connect(stream).dynamic();
            let held = agent.request_identities().await?;
            Ok::<_, russh::keys::Error>((agent, held))
        };
        match tokio::time::timeout(Duration::from_secs(5), ask).await {
            Ok(Ok((agent, held))) => {
                let keys = held.into_iter().filter_map(|identity| match identity {
                    AgentIdentity::PublicKey { key, .. } => Some(key),
                    AgentIdentity::Certificate { .. } => None,
                });
                (Some(agent), keys.collect())
            }
            Ok(Err(error)) => {
                tracing::debug!(%error, "the agent does not answer");
                (None, Vec::new())
            }
            Err(_) => {
                tracing::debug!("the agent does not answer");
                (None, Vec::new())
            }
        }
    }

    async fn with_agent(
        &mut self,
        agent: Option<&mut Agent>,
        key: &PublicKey,
    ) -> Result<bool, TransportError> {
        let name = format!("{} (agent)", key.fingerprint(HashAlg::Sha256));
        let Some(agent) = agent else {
            return Ok(false);
        };
        if self.over || self.tried.contains(&name) {
            return Ok(false);
        }
        let hash = self.hash_for(key).await?;
        self.tried.push(name);
        let attempt = self.handle.authenticate_publickey_with(
            self.hop.user.as_str(),
            key.clone(),
            hash,
            agent,
        );
        match tokio::time::timeout(AGENT_DEADLINE, attempt).await {
            Ok(Ok(result)) => Ok(self.accepted(&result)),
            Ok(Err(error)) => {
                tracing::debug!(%error, "the agent does not sign");
                Ok(false)
            }
            Err(_) => Err(self.late(AGENT_DEADLINE)),
        }
    }

    async fn with_file(&mut self, file: KeyFile) -> Result<bool, TransportError> {
        if self.over {
            return Ok(false);
        }
        let name = file.identity.file.display().to_string();
        let key = match file.key {
            Some(key) => key,
            None => match self.decrypt(&file).await? {
                Some(key) => key,
                None => {
                    self.tried.push(format!("{name} (needs its passphrase)"));
                    return Ok(false);
                }
            },
        };
        let hash = self.hash_for(key.public_key()).await?;
        self.tried.push(name);
        let key = PrivateKeyWithHashAlg::new(Arc::new(key), hash);
        let attempt = self
            .handle
            .authenticate_publickey(self.hop.user.as_str(), key);
        match tokio::time::timeout(self.hop.deadline, attempt).await {
            Ok(Ok(result)) => Ok(self.accepted(&result)),
            Ok(Err(source)) => Err(TransportError::Lost {
                host: self.hop.label.clone(),
                source: Some(source.into()),
            }),
            Err(_) => Err(self.late(self.hop.deadline)),
        }
    }

    /// RSA signatures are made with SHA-2; a server that knows only SHA-1 is refused by the key it does not get.
    async fn hash_for(&mut self, key: &PublicKey) -> Result<Option<HashAlg>, TransportError> {
        if !key.algorithm().is_rsa() {
            return Ok(None);
        }
        if self.rsa_hash.is_none() {
            let best = self.handle.best_supported_rsa_hash().await;
            self.rsa_hash = Some(match best {
                Ok(Some(Some(hash))) => hash,
                _ => HashAlg::Sha512,
            });
        }
        Ok(self.rsa_hash)
    }

    fn accepted(&mut self, result: &AuthResult) -> bool {
        match result {
            AuthResult::Success => true,
            AuthResult::Failure {
                remaining_methods, ..
            } => {
                self.over = remaining_methods.is_empty() || self.handle.is_closed();
                false
            }
        }
    }

    async fn decrypt(&self, file: &KeyFile) -> Result<Option<PrivateKey>, TransportError> {
        let path = &file.identity.file;
        let Some(prompt) = self.prompt else {
            let named = file.identity.required;
            let error = || TransportError::Key {
                file: path.clone(),
                reason: "it needs a passphrase, and there is no terminal to ask on".to_owned(),
                hint: format!(
                    "add it to the agent first: `ssh-add {}`",
                    crate::script::quote(&path.to_string_lossy())
                ),
            };
            return if named { Err(error()) } else { Ok(None) };
        };
        for attempt in 1..=PASSPHRASE_ATTEMPTS {
            let (prompt, asked) = (prompt.clone(), path.clone());
            let answer = tokio::task::spawn_blocking(move || prompt.passphrase(&asked, attempt));
            let Ok(Some(passphrase)) = answer.await else {
                return Ok(None);
            };
            match decode_secret_key(&file.text, Some(&passphrase)) {
                Ok(key) => return Ok(Some(key)),
                Err(error) => tracing::debug!(%error, "the passphrase does not fit"),
            }
        }
        Ok(None)
    }

    fn late(&self, after: Duration) -> TransportError {
        TransportError::Deadline {
            host: self.hop.label.clone(),
            what: format!("authenticating as {}", self.hop.user),
            after,
        }
    }
}

/// `None` when there is no such file.
fn read_key_file(identity: &Identity) -> Result<Option<KeyFile>, TransportError> {
    let path = &identity.file;
    let quoted = crate::script::quote(&path.to_string_lossy());
    let refuse = |reason: String, hint: &str| TransportError::Key {
        file: path.clone(),
        reason,
        hint: hint.to_owned(),
    };
    let metadata = match std::fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && !identity.required => {
            return Ok(None);
        }
        Err(error) => {
            return Err(refuse(
                error.to_string(),
                "name a private key file in `identity:`",
            ));
        }
    };
    let mode = metadata.permissions().mode() & 0o777;
    // As ssh: a file of somebody else's is that one's business.
    if mode & 0o077 != 0 && own_uid().is_none_or(|uid| uid == metadata.uid()) {
        return Err(refuse(
            format!("mode {mode:04o} lets others read it"),
            &format!("`chmod 600 {quoted}`"),
        ));
    }
    let text = std::fs::read_to_string(path)
        .map(Zeroizing::new)
        .map_err(|error| refuse(error.to_string(), "name a private key file in `identity:`"))?;
    let key = decode_secret_key(&text, None).ok();
    let public = key.as_ref().map(|key| key.public_key().clone());
    let public = public.or_else(|| public_part(path, &text));
    if key.is_none() && !text.contains("PRIVATE KEY") {
        return Err(refuse(
            "it is not a private key".to_owned(),
            "name a private key file in `identity:`",
        ));
    }
    Ok(Some(KeyFile {
        identity: identity.clone(),
        text,
        key,
        public,
    }))
}

fn public_part(path: &Path, text: &str) -> Option<PublicKey> {
    if let Ok(key) = PrivateKey::from_openssh(text) {
        return Some(key.public_key().clone());
    }
    let mut name = path.as_os_str().to_owned();
    name.push(".pub");
    let text = std::fs::read_to_string(name).ok()?;
    PublicKey::from_openssh(&text).ok()
}

fn own_uid() -> Option<u32> {
    Some(std::fs::metadata("/proc/self").ok()?.uid())
}
