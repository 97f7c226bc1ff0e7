//! Who is on the way to a host: the yaml, the config files and the defaults, made up into hops.

use std::path::PathBuf;
use std::time::Duration;

use super::known_hosts::{HostName, KnownHosts};
use super::ssh::ConnectOptions;
use super::ssh_config::Settings;
use super::{TransportError, settings};
use crate::model::{Fingerprint, SshTarget};

/// Longer chains are loops.
const MAX_HOPS: usize = 8;

/// One host on the way, its settings made up of the yaml, the config files and the defaults.
#[derive(Debug)]
pub(super) struct Hop {
    /// As written.
    pub(super) label: String,
    pub(super) address: String,
    pub(super) port: u16,
    pub(super) user: String,
    pub(super) identities: Vec<Identity>,
    /// Offer nothing but `identities`.
    pub(super) identities_only: bool,
    pub(super) agent: Option<PathBuf>,
    pub(super) deadline: Duration,
    pub(super) name: HostName,
    pub(super) pinned: Option<Fingerprint>,
    pub(super) known: KnownHosts,
    /// Where a new key would be recorded.
    pub(super) known_file: Option<PathBuf>,
}

#[derive(Debug, Clone)]
pub(super) struct Identity {
    pub(super) file: PathBuf,
    /// Somebody named it, so that it is a mistake if it cannot be used.
    pub(super) required: bool,
    /// Named in a config file.
    pub(super) named: bool,
}

/// The hosts on the way to `target`, itself the last.
pub(super) fn hops(
    target: &SshTarget,
    options: &ConnectOptions,
) -> Result<Vec<Hop>, TransportError> {
    let mut hops = Vec::new();
    let mut wanted = target.clone();
    let mut jumped = false;
    loop {
        let read = settings::read(&wanted, options)?;
        let jump = wanted.jump.clone().or(read.proxy_jump.clone());
        let jump = jump.filter(|jump| jump != "none" && !jump.is_empty());
        if jump.is_none() && read.proxy_command.as_deref().is_some_and(|c| c != "none") {
            return Err(TransportError::Settings {
                host: wanted.address,
                reason: "`ProxyCommand` is not supported: use `ProxyJump`".to_owned(),
            });
        }
        hops.push(hop(&wanted, read, options, jumped)?);
        let Some(jump) = jump else { break };
        let refuse = |reason: String| TransportError::Settings {
            host: target.address.clone(),
            reason,
        };
        if hops.len() > MAX_HOPS {
            return Err(refuse(
                "more than 8 jump hosts, or a loop of them".to_owned(),
            ));
        }
        // The last one named is the nearest to the host; those before it are how to get there.
        let (before, last) = match jump.rsplit_once(',') {
            Some((before, last)) => (Some(before.to_owned()), last),
            None => (None, jump.as_str()),
        };
        let mut next = settings::parse_jump(last).map_err(refuse)?;
        next.jump = before;
        next.known_hosts = target.known_hosts.clone();
        next.identity = target.identity.clone();
        wanted = next;
        jumped = true;
    }
    hops.reverse();
    Ok(hops)
}

fn hop(
    target: &SshTarget,
    read: Settings,
    options: &ConnectOptions,
    jumped: bool,
) -> Result<Hop, TransportError> {
    let refuse = |reason: String| TransportError::Settings {
        host: target.address.clone(),
        reason,
    };
    let user = target.user.clone().or(read.user.clone());
    let user = user.unwrap_or_else(|| options.local_user.clone());
    let port = target.port.or(read.port).unwrap_or(22);
    let mut tokens = settings::tokens(target, options, port, &user);
    let address = match &read.host_name {
        Some(name) => tokens.expand(name).map_err(refuse)?,
        None => target.address.clone(),
    };
    tokens.host = &address;
    tokens.host_key_alias = read.host_key_alias.as_deref();
    let name = match &read.host_key_alias {
        Some(alias) => HostName::alias(alias),
        None => HostName::new(&address, port),
    };
    let files = settings::known_hosts_files(target, &read, options, &tokens).map_err(refuse)?;
    let mut known = KnownHosts::default();
    for file in &files {
        match std::fs::read(file) {
            Ok(bytes) => known.add(file, &String::from_utf8_lossy(&bytes)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(refuse(format!("cannot read {}: {error}", file.display()))),
        }
    }
    let identities =
        settings::identities(target, &read, options, &tokens, jumped).map_err(refuse)?;
    let agent = settings::agent(&read, options, &tokens).map_err(refuse)?;
    let alias = read.host_key_alias.is_some();
    Ok(Hop {
        label: target.address.clone(),
        identities_only: (target.identity.is_some() && !jumped)
            || read.identities_only.unwrap_or(false),
        identities,
        agent,
        deadline: read
            .connect_timeout
            .filter(|&seconds| seconds > 0)
            .map_or(options.deadline, Duration::from_secs),
        name,
        pinned: target.host_key.clone(),
        known,
        known_file: files.into_iter().next().filter(|_| !alias),
        address,
        port,
        user,
    })
}
