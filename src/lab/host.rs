//! One lab host: its container, its files before the first boot, and knowing when it is up.

use std::collections::{BTreeMap, HashMap};
use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use bollard::Docker;
use bollard::container::LogOutput;
use bollard::exec::{CreateExecOptions, StartExecOptions, StartExecResults};
use bollard::models::{
    ContainerCreateBody, EndpointSettings, HostConfig, HostConfigCgroupnsModeEnum,
    NetworkingConfig, PortBinding,
};
use bollard::query_parameters::{
    CreateContainerOptionsBuilder, RemoveContainerOptionsBuilder, StartContainerOptions,
    UploadToContainerOptionsBuilder,
};
use bytes::Bytes;
use futures_util::StreamExt;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokio::io::AsyncReadExt;

use super::error::LabError;
use super::event::{Events, LabEvent};

/// Ports of a host that this machine can reach, besides SSH.
pub const PUBLISHED: [u16; 5] = [80, 443, 8000, 8080, 5000];

const READY_WITHIN: Duration = Duration::from_secs(90);

/// A disposable host, and how to reach it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LabHost {
    /// `web1`; also its host name, and how the other hosts of the lab find it.
    pub name: String,
    pub address: String,
    pub ssh_port: u16,
    pub user: String,
    /// The private key to log in with.
    pub identity: PathBuf,
    /// Holds the host's public keys.
    pub known_hosts: PathBuf,
    /// Port on the host to port of 127.0.0.1.
    pub ports: BTreeMap<u16, u16>,
    /// Name of its container in the local engine.
    pub container: String,
}

impl LabHost {
    /// The command that logs in, with the host key checked, as it can be pasted into a shell.
    pub fn ssh_command(&self) -> String {
        self.ssh_arguments()
            .iter()
            .map(|word| shell_word(word))
            .collect::<Vec<_>>()
            .join(" ")
    }

    /// The same as an argument vector; a remote command may follow.
    pub fn ssh_arguments(&self) -> Vec<String> {
        let words = [
            "ssh",
            "-i",
            &self.identity.display().to_string(),
            "-o",
            &format!("UserKnownHostsFile={}", self.known_hosts.display()),
            "-o",
            "StrictHostKeyChecking=yes",
            "-o",
            "IdentitiesOnly=yes",
            "-p",
            &self.ssh_port.to_string(),
            &format!("{}@{}", self.user, self.address),
        ];
        words.map(str::to_owned).to_vec()
    }
}

/// What a host's container is made from.
pub(super) struct HostSpec<'a> {
    pub image: &'a str,
    /// What its engine keeps.
    pub volume: &'a str,
    pub network: &'a str,
    pub labels: HashMap<String, String>,
    /// A line for the user's authorized_keys.
    pub public_key: &'a str,
    /// Content of `/etc/docker/daemon.json`.
    pub daemon_json: Option<String>,
}

/// Creates and starts the container of a host; its volume exists.
pub(super) async fn start_new(
    docker: &Docker,
    host: &LabHost,
    spec: &HostSpec<'_>,
) -> Result<(), LabError> {
    // All capabilities at first; where the machine itself lacks SYS_RESOURCE, no container can have it.
    let mut refused = None;
    for cap_drop in [None, Some(vec!["SYS_RESOURCE".to_owned()])] {
        let failed = || LabError::engine(format!("start host {}", host.name));
        let options = CreateContainerOptionsBuilder::default()
            .name(&host.container)
            .build();
        docker
            .create_container(Some(options), create_body(host, spec, cap_drop))
            .await
            .map_err(failed())?;
        upload_settings(docker, host, spec).await?;
        match docker
            .start_container(&host.container, None::<StartContainerOptions>)
            .await
        {
            Ok(()) => return Ok(()),
            Err(error) => {
                let force = RemoveContainerOptionsBuilder::default().force(true).build();
                docker
                    .remove_container(&host.container, Some(force))
                    .await
                    .map_err(failed())?;
                refused = Some(failed()(error));
            }
        }
    }
    refused.map_or(Ok(()), Err)
}

fn create_body(
    host: &LabHost,
    spec: &HostSpec<'_>,
    cap_drop: Option<Vec<String>>,
) -> ContainerCreateBody {
    let published = |port: u16| {
        Some(vec![PortBinding {
            host_ip: Some(host.address.clone()),
            host_port: Some(port.to_string()),
        }])
    };
    let mut bindings = HashMap::from([("22/tcp".to_owned(), published(host.ssh_port))]);
    for (inside, outside) in &host.ports {
        bindings.insert(format!("{inside}/tcp"), published(*outside));
    }
    let text = str::to_owned;
    ContainerCreateBody {
        image: Some(spec.image.to_owned()),
        hostname: Some(host.name.clone()),
        labels: Some(spec.labels.clone()),
        exposed_ports: Some(bindings.keys().cloned().collect()),
        host_config: Some(HostConfig {
            port_bindings: Some(bindings),
            network_mode: Some(spec.network.to_owned()),
            cap_add: Some(vec![text("ALL")]),
            cap_drop,
            security_opt: Some(vec![
                text("seccomp=unconfined"),
                text("apparmor=unconfined"),
            ]),
            // Empty, not absent: nothing of /proc and /sys is hidden, as nested containers need.
            masked_paths: Some(Vec::new()),
            readonly_paths: Some(Vec::new()),
            device_cgroup_rules: Some(vec![text("a *:* rwm")]),
            cgroupns_mode: Some(HostConfigCgroupnsModeEnum::PRIVATE),
            tmpfs: Some(HashMap::from([
                (text("/run"), text("exec,mode=755")),
                (text("/run/lock"), text("mode=1777")),
                (text("/tmp"), text("exec,mode=1777")),
            ])),
            // Overlay on overlay is refused by the kernel.
            binds: Some(vec![format!("{}:/var/lib/docker", spec.volume)]),
            ..HostConfig::default()
        }),
        networking_config: Some(NetworkingConfig {
            endpoints_config: Some(HashMap::from([(
                spec.network.to_owned(),
                EndpointSettings {
                    aliases: Some(vec![host.name.clone()]),
                    ..EndpointSettings::default()
                },
            )])),
        }),
        ..ContainerCreateBody::default()
    }
}

/// Writes what differs between hosts into the container before its first boot, and never again: afterwards these
/// files are the host's, and whoever provisions it may change them.
async fn upload_settings(
    docker: &Docker,
    host: &LabHost,
    spec: &HostSpec<'_>,
) -> Result<(), LabError> {
    let tar = settings_tar(spec).map_err(LabError::file("pack the settings of", &host.name))?;
    let options = UploadToContainerOptionsBuilder::default().path("/").build();
    docker
        .upload_to_container(
            &host.container,
            Some(options),
            bollard::body_full(Bytes::from(tar)),
        )
        .await
        .map_err(LabError::engine(format!(
            "write the settings of {}",
            host.name
        )))
}

fn settings_tar(spec: &HostSpec<'_>) -> std::io::Result<Vec<u8>> {
    /// The first ordinary user of a Debian system.
    const UBUNTU: u64 = 1000;
    let mut archive = tar::Builder::new(Vec::new());
    let mut add = |path: &str, content: &str, mode: u32, owner: u64| {
        let mut header = tar::Header::new_gnu();
        if path.ends_with('/') {
            header.set_entry_type(tar::EntryType::Directory);
        }
        header.set_size(content.len() as u64);
        header.set_mode(mode);
        header.set_uid(owner);
        header.set_gid(owner);
        archive.append_data(&mut header, path, content.as_bytes())
    };
    let keys = format!("{}\n", spec.public_key);
    add("home/ubuntu/.ssh/authorized_keys", &keys, 0o600, UBUNTU)?;
    if let Some(daemon_json) = &spec.daemon_json {
        add("etc/docker/", "", 0o755, 0)?;
        add("etc/docker/daemon.json", daemon_json, 0o644, 0)?;
    }
    archive.into_inner()
}

/// Waits until systemd has booted and sshd answers on the published port; returns the host's public keys.
pub(super) async fn wait_until_up(
    docker: &Docker,
    host: &LabHost,
) -> Result<(String, Option<LabEvent>), LabError> {
    let deadline = Instant::now() + READY_WITHIN;
    let mut reason = "systemd does not answer".to_owned();
    let mut warning = None;
    loop {
        let booted = match exec(docker, &host.container, &["systemctl", "is-system-running"]).await
        {
            Ok((_, state)) if state.trim() == "running" => true,
            Ok((_, state)) if state.trim() == "degraded" => {
                let list = [
                    "systemctl",
                    "list-units",
                    "--failed",
                    "--plain",
                    "--no-legend",
                ];
                let (_, failed) = exec(docker, &host.container, &list).await?;
                let units: Vec<_> = failed
                    .lines()
                    .filter_map(|line| line.split_whitespace().next())
                    .collect();
                warning = Some(LabEvent::Warning(format!(
                    "{}: failed units: {}",
                    host.name,
                    units.join(" ")
                )));
                true
            }
            Ok((_, state)) => {
                reason = format!("systemd says {:?}", state.trim());
                false
            }
            // The container is not up yet, or has ended: the deadline decides.
            Err(error) => {
                reason = error.to_string();
                false
            }
        };
        if booted && sshd_answers(host).await {
            let cat = [
                "cat",
                "/etc/ssh/ssh_host_ed25519_key.pub",
                "/etc/ssh/ssh_host_ecdsa_key.pub",
                "/etc/ssh/ssh_host_rsa_key.pub",
            ];
            let (code, keys) = exec(docker, &host.container, &cat).await?;
            if code == 0 {
                return Ok((keys, warning));
            }
            reason = format!("its host keys cannot be read: {}", keys.trim());
        } else if booted {
            reason = format!("sshd does not answer on port {}", host.ssh_port);
        }
        if Instant::now() >= deadline {
            return Err(LabError::NotReady {
                host: host.name.clone(),
                container: host.container.clone(),
                seconds: READY_WITHIN.as_secs(),
                reason,
            });
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
}

/// Emits that a host is ready.
pub(super) fn announce(host: &LabHost, warning: Option<LabEvent>, events: Events<'_>) {
    if let Some(warning) = warning {
        events(warning);
    }
    events(LabEvent::HostReady {
        name: host.name.clone(),
        ssh_command: host.ssh_command(),
    });
}

/// A published port accepts before anyone listens behind it, so only a banner counts.
async fn sshd_answers(host: &LabHost) -> bool {
    let greet = async {
        let mut stream =
            tokio::net::TcpStream::connect((host.address.as_str(), host.ssh_port)).await?;
        let mut banner = [0; 4];
        stream.read_exact(&mut banner).await?;
        Ok::<_, std::io::Error>(&banner == b"SSH-")
    };
    matches!(
        tokio::time::timeout(Duration::from_secs(3), greet).await,
        Ok(Ok(true))
    )
}

/// Runs a command in a container; returns its exit code and output.
pub(super) async fn exec(
    docker: &Docker,
    container: &str,
    command: &[&str],
) -> Result<(i64, String), LabError> {
    let failed = || LabError::engine(format!("run {} in {container}", command[0]));
    let options = CreateExecOptions {
        attach_stdout: Some(true),
        attach_stderr: Some(true),
        cmd: Some(command.to_vec()),
        ..CreateExecOptions::default()
    };
    let id = docker
        .create_exec(container, options)
        .await
        .map_err(failed())?
        .id;
    let mut text = String::new();
    let started = docker
        .start_exec(&id, None::<StartExecOptions>)
        .await
        .map_err(failed())?;
    if let StartExecResults::Attached { mut output, .. } = started {
        while let Some(item) = output.next().await {
            if let LogOutput::StdOut { message } | LogOutput::StdErr { message } =
                item.map_err(failed())?
            {
                text.push_str(&String::from_utf8_lossy(&message));
            }
        }
    }
    let ended = docker.inspect_exec(&id).await.map_err(failed())?;
    Ok((ended.exit_code.unwrap_or(-1), text))
}

/// Free ports of 127.0.0.1, from a start that depends on `seed`, so that labs seldom meet. Below the range that
/// outgoing connections take theirs from: a reboot must find its ports free again.
pub(super) fn free_ports(seed: &str, count: usize) -> Vec<u16> {
    let digest = Sha256::digest(seed);
    choose_ports(u16::from_be_bytes([digest[0], digest[1]]), count, |port| {
        TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
    })
}

fn choose_ports(start: u16, count: usize, is_free: impl Fn(u16) -> bool) -> Vec<u16> {
    const FIRST: u16 = 20_000;
    const RANGE: u16 = 12_000;
    let offset = start % RANGE;
    (0..RANGE)
        .map(|step| FIRST + (offset + step) % RANGE)
        .filter(|port| is_free(*port))
        .take(count)
        .collect()
}

fn shell_word(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=@:+,".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_free_distinct_and_below_the_ephemeral_range() {
        let ports = choose_ports(11_999, 3, |port| port != 20_000);
        assert_eq!(ports, [31_999, 20_001, 20_002]);
    }

    #[test]
    fn the_ssh_command_survives_a_folder_with_a_space() {
        let host = LabHost {
            name: "web1".to_owned(),
            address: "127.0.0.1".to_owned(),
            ssh_port: 20_022,
            user: "ubuntu".to_owned(),
            identity: "/home/a b/id".into(),
            known_hosts: "/h/known_hosts".into(),
            ports: BTreeMap::new(),
            container: "c".to_owned(),
        };
        assert_eq!(
            host.ssh_command(),
            "ssh -i '/home/a b/id' -o UserKnownHostsFile=/h/known_hosts -o StrictHostKeyChecking=yes -o IdentitiesOnly=yes -p 20022 ubuntu@127.0.0.1"
        );
    }
}
