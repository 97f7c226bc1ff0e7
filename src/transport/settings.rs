//! From the yaml's `ssh` and the `ssh_config` files to what connecting needs. Reads files, decides nothing else.

use std::path::{Path, PathBuf};

use super::TransportError;
use super::hop::Identity;
use super::ssh::ConnectOptions;
use super::ssh_config::{Asker, ConfigText, Settings, Tokens, resolve, select};
use crate::model::SshTarget;

/// What OpenSSH tries when nothing is named, but for keys on hardware, which need a person's touch.
pub const DEFAULT_IDENTITIES: [&str; 3] = ["id_ed25519", "id_ecdsa", "id_rsa"];

/// What the config files say of `target`.
pub(super) fn read(
    target: &SshTarget,
    options: &ConnectOptions,
) -> Result<Settings, TransportError> {
    let asker = Asker {
        host: &target.address,
        user: target.user.as_deref(),
        local_user: &options.local_user,
    };
    let user_folder = options.home.as_ref().map(|home| home.join(".ssh"));
    let user_file = user_folder.as_ref().map(|folder| folder.join("config"));
    let refuse = |reason: String| TransportError::Settings {
        host: target.address.clone(),
        reason,
    };
    let mut texts = Vec::new();
    for file in user_file
        .into_iter()
        .chain([options.system.join("ssh_config")])
    {
        match std::fs::read(&file) {
            Ok(bytes) => texts.push(ConfigText {
                file,
                text: String::from_utf8_lossy(&bytes).into_owned(),
            }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(refuse(format!("cannot read {}: {error}", file.display()))),
        }
    }
    let include = |word: &str, from: &ConfigText| {
        let base = match &user_folder {
            Some(folder) if !from.file.starts_with(&options.system) => folder.as_path(),
            _ => options.system.as_path(),
        };
        let pattern = match (word.strip_prefix("~/"), &options.home) {
            (Some(rest), Some(home)) => home.join(rest),
            _ => base.join(word),
        };
        included(&pattern)
    };
    let settings = resolve(&asker, &texts, &include).map_err(refuse)?;
    for note in &settings.notes {
        tracing::debug!("{note}");
    }
    Ok(settings)
}

/// The files that a pattern with `*` and `?` in any part of it names.
fn included(pattern: &Path) -> Vec<ConfigText> {
    let mut found = vec![PathBuf::from("/")];
    for part in pattern.iter().skip(1) {
        let part = part.to_string_lossy();
        let wild = part.contains(['*', '?']);
        found = found
            .into_iter()
            .flat_map(|folder| {
                if !wild {
                    return vec![folder.join(part.as_ref())];
                }
                let names: Vec<String> = std::fs::read_dir(&folder)
                    .into_iter()
                    .flatten()
                    .flatten()
                    .map(|entry| entry.file_name().to_string_lossy().into_owned())
                    .collect();
                let chosen = select(&part, &names);
                chosen.iter().map(|name| folder.join(name)).collect()
            })
            .collect();
    }
    found
        .into_iter()
        .filter_map(|file| {
            // As OpenSSH, which passes over what it cannot read here.
            let text = std::fs::read(&file).ok()?;
            Some(ConfigText {
                file,
                text: String::from_utf8_lossy(&text).into_owned(),
            })
        })
        .collect()
}

pub(super) fn tokens<'a>(
    target: &'a SshTarget,
    options: &'a ConnectOptions,
    port: u16,
    user: &'a str,
) -> Tokens<'a> {
    Tokens {
        home: options
            .home
            .as_deref()
            .and_then(Path::to_str)
            .unwrap_or_default(),
        original_host: &target.address,
        host: &target.address,
        port,
        remote_user: user,
        local_user: &options.local_user,
        host_key_alias: None,
    }
}

pub(super) fn known_hosts_files(
    target: &SshTarget,
    read: &Settings,
    options: &ConnectOptions,
    tokens: &Tokens<'_>,
) -> Result<Vec<PathBuf>, String> {
    if let Some(file) = &target.known_hosts {
        return Ok(vec![file.clone()]);
    }
    let mut files = Vec::new();
    match &read.user_known_hosts {
        Some(named) => {
            for name in named.iter().filter(|name| *name != "none") {
                files.push(tokens.path(name)?);
            }
        }
        None => {
            if let Some(home) = &options.home {
                files.push(home.join(".ssh/known_hosts"));
                files.push(home.join(".ssh/known_hosts2"));
            }
        }
    }
    match &read.global_known_hosts {
        Some(named) => {
            for name in named.iter().filter(|name| *name != "none") {
                files.push(tokens.path(name)?);
            }
        }
        None => {
            files.push(options.system.join("ssh_known_hosts"));
            files.push(options.system.join("ssh_known_hosts2"));
        }
    }
    Ok(files)
}

/// The key files to try. `jumped`: for a jump host, the yaml's key comes in addition to what is configured.
pub(super) fn identities(
    target: &SshTarget,
    read: &Settings,
    options: &ConnectOptions,
    tokens: &Tokens<'_>,
    jumped: bool,
) -> Result<Vec<Identity>, String> {
    let mut identities = Vec::new();
    if let Some(file) = &target.identity {
        let text = file.to_string_lossy();
        let file = match (text.strip_prefix("~/"), &options.home) {
            (Some(rest), Some(home)) => home.join(rest),
            _ => file.clone(),
        };
        identities.push(Identity {
            file,
            required: !jumped,
            named: true,
        });
        if !jumped {
            return Ok(identities);
        }
    }
    for name in read.identity_files.iter().filter(|name| *name != "none") {
        identities.push(Identity {
            file: tokens.path(name)?,
            required: false,
            named: true,
        });
    }
    if let (true, Some(home)) = (read.identity_files.is_empty(), &options.home) {
        identities.extend(DEFAULT_IDENTITIES.map(|name| Identity {
            file: home.join(".ssh").join(name),
            required: false,
            named: false,
        }));
    }
    Ok(identities)
}

pub(super) fn agent(
    read: &Settings,
    options: &ConnectOptions,
    tokens: &Tokens<'_>,
) -> Result<Option<PathBuf>, String> {
    match read.identity_agent.as_deref() {
        None | Some("SSH_AUTH_SOCK") => Ok(options.agent.clone()),
        Some("none") => Ok(None),
        Some(variable) if variable.starts_with('$') => {
            Ok(std::env::var_os(variable.trim_start_matches('$')).map(PathBuf::from))
        }
        Some(path) => tokens.path(path).map(Some),
    }
}

/// `[user@]host[:port]`, also `ssh://[user@]host[:port]`.
pub(super) fn parse_jump(text: &str) -> Result<SshTarget, String> {
    let wrong = || format!("`{text}` is not a jump host: write `[user@]host[:port]`");
    let rest = text.trim();
    let rest = rest.strip_prefix("ssh://").unwrap_or(rest);
    let (user, rest) = match rest.rsplit_once('@') {
        Some((user, rest)) => (Some(user.to_owned()), rest),
        None => (None, rest),
    };
    let (address, port) = if let Some(inner) = rest.strip_prefix('[') {
        let (address, after) = inner.split_once(']').ok_or_else(wrong)?;
        (address, after.strip_prefix(':'))
    } else {
        match rest.split_once(':') {
            // More than one colon: an IPv6 address.
            Some((_, port)) if port.contains(':') => (rest, None),
            Some((address, port)) => (address, Some(port)),
            None => (rest, None),
        }
    };
    let port = port
        .map(|port| port.parse().map_err(|_| wrong()))
        .transpose()?;
    if address.is_empty() || user.as_deref() == Some("") {
        return Err(wrong());
    }
    Ok(SshTarget {
        address: address.to_owned(),
        port,
        user,
        identity: None,
        known_hosts: None,
        jump: None,
        host_key: None,
    })
}
