//! Containers, networks and volumes.

use std::collections::HashMap;
use std::time::Duration;

use bollard::container::LogOutput;
use bollard::exec::StartExecResults;
use bollard::models::{
    ContainerCreateBody, ContainerUpdateBody, EndpointSettings, ExecConfig, HostConfig,
    HostConfigLogConfig, Mount as ApiMount, MountType, NetworkConnectRequest, NetworkCreateRequest,
    NetworkingConfig, PortBinding, RestartPolicy, RestartPolicyNameEnum, VolumeCreateRequest,
};
use bollard::query_parameters::{
    CreateContainerOptions, InspectContainerOptions, LogsOptions, RemoveContainerOptions,
    RemoveVolumeOptions, StartContainerOptions, StopContainerOptions, WaitContainerOptions,
};
use futures_util::StreamExt as _;

use super::{DockerError, Engine, composed, has_status};
use crate::model::{Network, Volume};
use crate::plan::container::{
    ContainerSpec, Mount, PUBLISHED_AT, SECURITY_OPTIONS, label, logging,
};
use crate::runtime::State;

/// What a one-off container said, and its exit code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    pub exit_code: i64,
}

impl Engine {
    /// Makes sure that a container of this spec runs: one that is there with another spec is an error, since the
    /// plan removes it first.
    pub async fn run_container(&self, spec: &ContainerSpec) -> Result<(), DockerError> {
        self.create_container(spec, body(spec)).await?;
        let what = || format!("start container {}", spec.name);
        let started = self
            .docker
            .start_container(&spec.name, None::<StartContainerOptions>)
            .await;
        started.map_err(DockerError::refused(what()))
    }

    /// Starts a container that is there as it is.
    pub async fn resume_container(&self, name: &str) -> Result<(), DockerError> {
        let started = self
            .docker
            .start_container(name, None::<StartContainerOptions>)
            .await;
        started.map_err(DockerError::refused(format!("start container {name}")))
    }

    /// Starts a container that is there, and has the engine start it again after a crash or a reboot.
    pub async fn start_container(&self, name: &str) -> Result<(), DockerError> {
        let policy = RestartPolicy {
            name: Some(RestartPolicyNameEnum::UNLESS_STOPPED),
            maximum_retry_count: None,
        };
        let update = ContainerUpdateBody {
            restart_policy: Some(policy),
            ..Default::default()
        };
        let (updated, started) = tokio::join!(
            self.docker.update_container(name, update),
            self.docker
                .start_container(name, None::<StartContainerOptions>)
        );
        let what = || format!("start container {name}");
        updated.map_err(DockerError::refused(what()))?;
        started.map_err(DockerError::refused(what()))
    }

    /// Makes a container of this spec, from what the engine is to be told of it.
    pub(super) async fn create_container(
        &self,
        spec: &ContainerSpec,
        body: ContainerCreateBody,
    ) -> Result<(), DockerError> {
        let options = CreateContainerOptions {
            name: Some(spec.name.clone()),
            ..Default::default()
        };
        let created = self.docker.create_container(Some(options), body).await;
        match created {
            Ok(_) => {}
            // Made by a run that died before it started it; the same spec, or the plan would have removed it.
            Err(error) if has_status(&error, 409) => {
                let there = self
                    .docker
                    .inspect_container(&spec.name, None::<InspectContainerOptions>)
                    .await;
                let there = there.map_err(DockerError::refused(format!(
                    "inspect container {}",
                    spec.name
                )))?;
                let labels = there
                    .config
                    .and_then(|config| config.labels)
                    .unwrap_or_default();
                if labels.get(label::SPEC) != spec.labels.get(label::SPEC) {
                    return Err(DockerError::Failed {
                        what: format!("create container {}", spec.name),
                        why: "another container has this name; run the command again".into(),
                    });
                }
            }
            Err(error) => {
                return Err(DockerError::refused(format!(
                    "create container {}",
                    spec.name
                ))(error));
            }
        }
        // Before API 1.44 a container can be made on one network only.
        for (network, aliases) in spec.networks.iter().skip(1) {
            let request = NetworkConnectRequest {
                container: spec.name.clone(),
                endpoint_config: Some(endpoint(spec, network, aliases)),
            };
            let joined = self.docker.connect_network(network, request).await;
            match joined {
                Err(error) if has_status(&error, 403) => {}
                other => other.map_err(DockerError::refused(format!(
                    "join {} to network {network}",
                    spec.name
                )))?,
            }
        }
        Ok(())
    }

    /// Sends the stop signal, waits `grace` seconds, then kills. One that is not there counts as stopped.
    pub async fn stop_container(&self, name: &str, grace: u32) -> Result<(), DockerError> {
        let options = StopContainerOptions {
            t: i32::try_from(grace).ok(),
            ..Default::default()
        };
        let what = format!("stop container {name}");
        let deadline = Duration::from_secs(u64::from(grace) + 60);
        let stopped =
            tokio::time::timeout(deadline, self.docker.stop_container(name, Some(options))).await;
        match stopped {
            Err(_) => Err(DockerError::Deadline { what, deadline }),
            Ok(Err(error)) if has_status(&error, 404) || has_status(&error, 304) => Ok(()),
            Ok(result) => result.map_err(DockerError::refused(what)),
        }
    }

    /// Removes a container, running or not, and its anonymous volumes. One that is not there counts as removed.
    pub async fn remove_container(&self, name: &str) -> Result<(), DockerError> {
        let options = RemoveContainerOptions {
            force: true,
            v: true,
            ..Default::default()
        };
        match self.docker.remove_container(name, Some(options)).await {
            Err(error) if has_status(&error, 404) => Ok(()),
            result => result.map_err(DockerError::refused(format!("remove container {name}"))),
        }
    }

    /// Runs a container to its end, tells each line it says, and removes it.
    pub async fn run_once(
        &self,
        spec: &ContainerSpec,
        line: &mut (dyn FnMut(&str) + Send),
    ) -> Result<Ended, DockerError> {
        self.remove_container(&spec.name).await?;
        self.run_container(spec).await?;
        let options = LogsOptions {
            follow: true,
            stdout: true,
            stderr: true,
            tail: "all".into(),
            ..Default::default()
        };
        let mut logs = self.docker.logs(&spec.name, Some(options));
        while let Some(chunk) = logs.next().await {
            let Ok(chunk) = chunk else { break };
            for text in String::from_utf8_lossy(&bytes_of(chunk)).lines() {
                line(text);
            }
        }
        drop(logs);
        let mut waiting = self
            .docker
            .wait_container(&spec.name, None::<WaitContainerOptions>);
        let exit_code = match waiting.next().await {
            Some(Ok(ended)) => ended.status_code,
            Some(Err(bollard::errors::Error::DockerContainerWaitError { code, .. })) => code,
            Some(Err(error)) => {
                return Err(DockerError::refused(format!("wait for {}", spec.name))(
                    error,
                ));
            }
            None => {
                return Err(DockerError::Failed {
                    what: format!("wait for {}", spec.name),
                    why: "its answer was cut".into(),
                });
            }
        };
        drop(waiting);
        self.remove_container(&spec.name).await?;
        Ok(Ended { exit_code })
    }

    /// Runs a program in a running container as root; returns its exit code and what it said.
    pub async fn exec(
        &self,
        container: &str,
        argv: Vec<String>,
    ) -> Result<(i64, String), DockerError> {
        let (exec, said) = self.exec_said(container, argv).await?;
        let ended = self.docker.inspect_exec(&exec).await;
        let ended = ended.map_err(DockerError::refused(format!(
            "say how a program in {container} ended"
        )))?;
        Ok((ended.exit_code.unwrap_or(-1), said))
    }

    /// The same for a program whose words tell all: the exec's id and what it said, a round trip less.
    pub(super) async fn exec_said(
        &self,
        container: &str,
        argv: Vec<String>,
    ) -> Result<(String, String), DockerError> {
        let what = format!("run a program in {container}");
        let config = ExecConfig {
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            cmd: Some(argv),
            user: Some("0".into()),
            ..Default::default()
        };
        let exec = self
            .docker
            .create_exec(container, config)
            .await
            .map_err(DockerError::refused(&what))?;
        let started = self
            .docker
            .start_exec(&exec.id, None)
            .await
            .map_err(DockerError::refused(&what))?;
        let mut said = Vec::new();
        if let StartExecResults::Attached { mut output, .. } = started {
            while let Some(chunk) = output.next().await {
                said.extend_from_slice(&bytes_of(chunk.map_err(DockerError::refused(&what))?));
            }
        }
        Ok((exec.id, String::from_utf8_lossy(&said).into_owned()))
    }

    /// `None` when there is no such container.
    pub async fn state(&self, name: &str) -> Result<Option<State>, DockerError> {
        let there = match self
            .docker
            .inspect_container(name, None::<InspectContainerOptions>)
            .await
        {
            Err(error) if has_status(&error, 404) => return Ok(None),
            other => other.map_err(DockerError::refused(format!("inspect container {name}")))?,
        };
        let state = there.state.unwrap_or_default();
        Ok(Some(State {
            running: state.running.unwrap_or(false) && !state.restarting.unwrap_or(false),
            restarting: state.restarting.unwrap_or(false),
            restarts: there.restart_count.unwrap_or(0),
            exit_code: state.exit_code.unwrap_or(0),
            out_of_memory: state.oom_killed.unwrap_or(false),
            health: state
                .health
                .and_then(|health| health.status)
                .map(|status| status.to_string())
                .filter(|status| status != "none")
                .unwrap_or_default(),
        }))
    }

    /// Returns once the engine answers, or is known not to.
    pub async fn answers(&self) {
        let _ = self.docker.ping().await;
    }

    /// The last lines that a container said.
    pub async fn last_lines(&self, name: &str, lines: u32) -> Vec<String> {
        let options = LogsOptions {
            stdout: true,
            stderr: true,
            tail: lines.to_string(),
            ..Default::default()
        };
        let mut logs = self.docker.logs(name, Some(options));
        let mut said = Vec::new();
        while let Some(Ok(chunk)) = logs.next().await {
            said.extend_from_slice(&bytes_of(chunk));
        }
        String::from_utf8_lossy(&said)
            .lines()
            .map(str::to_owned)
            .collect()
    }

    pub async fn create_network(
        &self,
        name: &str,
        internal: bool,
        stack: &str,
        of_file: Option<&Network>,
    ) -> Result<(), DockerError> {
        let mut request = NetworkCreateRequest {
            name: name.to_owned(),
            driver: Some("bridge".into()),
            internal: Some(internal),
            labels: Some(HashMap::from([(label::STACK.to_owned(), stack.to_owned())])),
            ..Default::default()
        };
        if let Some(network) = of_file {
            composed::network(&mut request, network);
        }
        match self.docker.create_network(request).await {
            Err(error) if has_status(&error, 409) => Ok(()),
            result => result
                .map(drop)
                .map_err(DockerError::refused(format!("create network {name}"))),
        }
    }

    /// One that is not there counts as removed.
    pub async fn remove_network(&self, name: &str) -> Result<(), DockerError> {
        match self.docker.remove_network(name).await {
            Err(error) if has_status(&error, 404) => Ok(()),
            result => result.map_err(DockerError::refused(format!("remove network {name}"))),
        }
    }

    /// One that is not there counts as removed.
    pub async fn remove_volume(&self, name: &str) -> Result<(), DockerError> {
        let removed = self.docker.remove_volume(name, None::<RemoveVolumeOptions>);
        match removed.await {
            Err(error) if has_status(&error, 404) => Ok(()),
            result => result.map_err(DockerError::refused(format!("remove volume {name}"))),
        }
    }

    /// Volumes of one name are one volume, so this may be repeated.
    pub async fn create_volume(
        &self,
        name: &str,
        stack: &str,
        of_file: Option<&Volume>,
    ) -> Result<(), DockerError> {
        let mut request = VolumeCreateRequest {
            name: Some(name.to_owned()),
            labels: Some(HashMap::from([(label::STACK.to_owned(), stack.to_owned())])),
            ..Default::default()
        };
        if let Some(volume) = of_file {
            composed::volume(&mut request, volume);
        }
        let created = self.docker.create_volume(request).await;
        created
            .map(drop)
            .map_err(DockerError::refused(format!("create volume {name}")))
    }
}

fn bytes_of(chunk: LogOutput) -> bytes::Bytes {
    chunk.into_bytes()
}

fn endpoint(spec: &ContainerSpec, network: &str, aliases: &[String]) -> EndpointSettings {
    EndpointSettings {
        aliases: Some(aliases.to_vec()),
        ipam_config: composed::address(spec, network),
        ..Default::default()
    }
}

fn owned(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

pub(super) fn body(spec: &ContainerSpec) -> ContainerCreateBody {
    let mounts = spec.mounts.iter().map(|mount| match mount {
        Mount::Bind {
            from,
            to,
            read_only,
        } => ApiMount {
            typ: Some(MountType::BIND),
            source: Some(from.to_string()),
            target: Some(to.clone()),
            read_only: Some(*read_only),
            ..Default::default()
        },
        Mount::Volume { name, to } => ApiMount {
            typ: Some(MountType::VOLUME),
            source: Some(name.clone()),
            target: Some(to.clone()),
            ..Default::default()
        },
    });
    let bindings = spec.publish.iter().map(|(inside, outside)| {
        let binding = PortBinding {
            host_ip: Some(PUBLISHED_AT.into()),
            host_port: Some(outside.to_string()),
        };
        (format!("{inside}/tcp"), Some(vec![binding]))
    });
    let memory = spec.memory.map(|mib| i64::from(mib) * 1024 * 1024);
    let policy = if spec.restart {
        RestartPolicyNameEnum::UNLESS_STOPPED
    } else {
        RestartPolicyNameEnum::NO
    };
    let (driver, options) = logging(spec);
    let host_config = HostConfig {
        mounts: Some(mounts.collect()),
        port_bindings: Some(bindings.collect()),
        restart_policy: Some(RestartPolicy {
            name: Some(policy),
            maximum_retry_count: None,
        }),
        memory,
        // Equal to `memory`: no swap on top of it.
        memory_swap: memory,
        pids_limit: Some(spec.pids_limit),
        init: Some(spec.init),
        readonly_rootfs: Some(spec.read_only),
        tmpfs: spec.read_only.then(|| {
            HashMap::from([(
                "/tmp".to_owned(),
                "rw,noexec,nosuid,nodev,size=64m".to_owned(),
            )])
        }),
        cap_drop: spec.drop_capabilities.then(|| vec!["ALL".to_owned()]),
        security_opt: Some(owned(SECURITY_OPTIONS)),
        log_config: Some(HostConfigLogConfig {
            typ: Some(driver),
            config: Some(options.into_iter().collect()),
        }),
        network_mode: spec.networks.first().map(|(name, _)| name.clone()),
        ..Default::default()
    };
    let first = spec
        .networks
        .first()
        .map(|(name, aliases)| (name.clone(), endpoint(spec, name, aliases)));
    let body = ContainerCreateBody {
        image: Some(spec.image.clone()),
        env: Some(
            spec.env
                .iter()
                .map(|(key, value)| format!("{key}={value}"))
                .collect(),
        ),
        cmd: spec.command.clone(),
        user: spec.user.clone(),
        labels: Some(spec.labels.clone().into_iter().collect()),
        exposed_ports: Some(
            spec.publish
                .keys()
                .map(|port| format!("{port}/tcp"))
                .collect(),
        ),
        stop_signal: spec.stop_signal.clone(),
        stop_timeout: Some(i64::from(spec.stop_grace)),
        host_config: Some(host_config),
        networking_config: Some(NetworkingConfig {
            endpoints_config: Some(first.into_iter().collect()),
        }),
        ..Default::default()
    };
    match &spec.options {
        Some(options) => composed::body(body, options),
        None => body,
    }
}
