//! Making a lab, or more of it, and seeing what is there.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use bollard::Docker;
use bollard::models::{
    ContainerCreateBody, EndpointSettings, HostConfig, NetworkCreateRequest, NetworkingConfig,
    VolumeCreateRequest,
};
use bollard::query_parameters::{
    CreateContainerOptionsBuilder, InspectContainerOptions, InspectNetworkOptions,
    LogsOptionsBuilder, RemoveContainerOptionsBuilder, StartContainerOptions, WaitContainerOptions,
};
use futures_util::StreamExt;
use futures_util::future::join_all;
use serde::{Deserialize, Serialize};

use super::error::LabError;
use super::event::{Events, LabEvent};
use super::host::{self, HostSpec, LabHost, PUBLISHED, free_ports};
use super::machine::Machine;
use super::state::{Alone, Lab, LabName, StateFolder, alone};
use super::{Base, LABEL, engine, image, ready, recipe, registry};

/// The most hosts of one lab.
const MOST_HOSTS: u8 = 9;

/// What lab to have.
#[derive(Debug, Clone)]
pub struct UpOptions {
    pub name: LabName,
    /// 1 to 9; a lab that has more already keeps them.
    pub hosts: u8,
    pub base: Base,
    /// Whether new hosts have what `provision` installs on most, and images that many stacks begin with.
    pub ready: bool,
    /// Whether packages may be installed on this machine, the Docker engine among them.
    pub may_install: bool,
}

/// How a host of a lab is now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HostState {
    Running,
    Paused,
    Stopped,
    Missing,
}

/// A host and its state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostStatus {
    pub host: LabHost,
    pub state: HostState,
}

/// A lab and the state of each of its hosts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LabStatus {
    pub name: LabName,
    pub base: Base,
    pub hosts: Vec<HostStatus>,
}

/// Makes the lab, or what is missing of it; hosts that run are left alone. Returns when every host answers over SSH.
pub async fn up(options: UpOptions, events: Events<'_>) -> Result<Lab, LabError> {
    if !(1..=MOST_HOSTS).contains(&options.hosts) {
        return Err(LabError::BadCount(options.hosts));
    }
    let folder = StateFolder::of(&options.name)?;
    let mut lab = folder.load()?.unwrap_or_else(|| Lab {
        name: options.name.clone(),
        base: options.base,
        hosts: Vec::new(),
    });
    if lab.base != options.base {
        return Err(LabError::OtherBase {
            name: lab.name.to_string(),
            has: lab.base.to_string(),
            wanted: options.base.to_string(),
        });
    }
    let docker = engine::ensure_engine(options.may_install, &mut *events).await?;
    let images = ensure_images(&docker, &options, &mut *events).await?;

    events(LabEvent::Phase {
        name: format!("lab {}", lab.name),
    });
    let public_key = folder.prepare()?;
    let network = object_name(&lab.name, None);
    ensure_network(&docker, &lab.name, &network).await?;
    if let Some(image) = &images.registry {
        ensure_registry(&docker, &lab.name, &network, image).await?;
    }
    let wanted = lab.hosts.len().max(usize::from(options.hosts));
    for number in lab.hosts.len()..wanted {
        lab.hosts.push(new_host(&lab.name, number + 1, &folder));
        // Before its container exists: what is on disk must never know less than the engine.
        folder.save(&lab)?;
    }

    let mut daemon_json = None;
    for host in &lab.hosts {
        match container_state(&docker, &host.container).await? {
            HostState::Running => {}
            HostState::Paused => docker
                .unpause_container(&host.container)
                .await
                .map_err(LabError::engine(format!("resume {}", host.name)))?,
            HostState::Stopped => start(&docker, &host.container).await?,
            HostState::Missing => {
                events(LabEvent::Line(format!("starting {}", host.name)));
                if daemon_json.is_none() {
                    daemon_json = daemon_settings(&docker, &images).await?;
                }
                let labels = labels(&lab.name);
                ensure_volume(&docker, &host.container, &labels).await?;
                if let Some(store) = &images.store {
                    ready::link(&docker, &images, store, &host.container, &labels).await?;
                }
                let spec = HostSpec {
                    image: &images.host,
                    volume: &host.container,
                    network: &network,
                    labels,
                    public_key: &public_key,
                    daemon_json: daemon_json.clone(),
                };
                host::start_new(&docker, host, &spec).await?;
            }
        }
    }

    let mut keys = BTreeMap::new();
    let waits = lab
        .hosts
        .iter()
        .map(|host| host::wait_until_up(&docker, host));
    let mut ready = Vec::new();
    for (host, result) in lab.hosts.iter().zip(join_all(waits).await) {
        let (public_keys, warning) = result?;
        keys.insert(host.ssh_port, public_keys);
        ready.push((host, warning));
    }
    folder.save_known_hosts(&keys)?;
    for (host, warning) in ready {
        host::announce(host, warning, &mut *events);
    }
    Ok(lab)
}

/// The lab as it is now; an error if there is none.
pub async fn status(name: &LabName) -> Result<LabStatus, LabError> {
    let lab = StateFolder::of(name)?
        .load()?
        .ok_or_else(|| LabError::NoLab {
            name: name.to_string(),
        })?;
    let docker = engine::connect().await?;
    let mut hosts = Vec::new();
    for host in lab.hosts {
        let state = container_state(&docker, &host.container).await?;
        hosts.push(HostStatus { host, state });
    }
    Ok(LabStatus {
        name: lab.name,
        base: lab.base,
        hosts,
    })
}

/// Where the other hosts of its lab reach a host; it may be another after a reboot.
pub async fn network_address(host: &LabHost) -> Result<Option<IpAddr>, LabError> {
    let docker = engine::connect().await?;
    let found = docker
        .inspect_container(&host.container, None::<InspectContainerOptions>)
        .await
        .map_err(LabError::engine(format!("look at {}", host.name)))?;
    let settings = found.network_settings.unwrap_or_default();
    let networks = settings.networks.unwrap_or_default();
    let mut addresses = networks.values().filter_map(|there| {
        let address = there.ip_address.as_ref()?;
        address.to_string().parse().ok()
    });
    Ok(addresses.next())
}

/// What hosts of a lab are made from.
pub(super) struct Images {
    pub host: String,
    /// None where a public registry answers: then the hosts use that, and the images are the real ones.
    pub registry: Option<String>,
    /// The volume with the images that a ready host begins with; none for a bare one.
    pub store: Option<String>,
}

async fn ensure_images(
    docker: &Docker,
    options: &UpOptions,
    events: Events<'_>,
) -> Result<Images, LabError> {
    let (base, may_install) = (options.base, options.may_install);
    let machine = Machine::read();
    let host = recipe::host_recipe(base, &recipe::base_tag(base, &machine));
    let bare = |registry| Images {
        host: host.tag.clone(),
        registry,
        store: None,
    };
    let filled = registry::tag(&machine);
    let is_public = image::was_pulled(docker, base, &machine).await?;
    let has_host = image::exists(docker, &host.tag).await?;
    if has_host && (is_public || image::exists(docker, &filled).await?) {
        let bare = bare((!is_public).then_some(filled));
        if !options.ready {
            return Ok(bare);
        }
        if let Some(ready) = ready::find(docker, base, &bare).await? {
            return Ok(ready);
        }
    }

    let _lock = alone(Alone::BuildImages).await?;
    image::ensure_base(docker, base, &machine, may_install, &mut *events).await?;
    image::ensure(docker, &host, &mut *events).await?;
    let registry = if image::was_pulled(docker, base, &machine).await? {
        None
    } else {
        Some(registry::ensure(docker, &machine, may_install, &mut *events).await?)
    };
    let bare = bare(registry);
    if options.ready {
        return ready::ensure(docker, base, &bare, events).await;
    }
    Ok(bare)
}

pub(super) fn new_host(lab: &LabName, number: usize, folder: &StateFolder) -> LabHost {
    let name = format!("web{number}");
    let container = object_name(lab, Some(&name));
    let mut ports = free_ports(&container, PUBLISHED.len() + 1).into_iter();
    LabHost {
        ssh_port: ports.next().unwrap_or_default(),
        ports: PUBLISHED.into_iter().zip(ports).collect(),
        address: "127.0.0.1".to_owned(),
        user: "ubuntu".to_owned(),
        identity: folder.identity(),
        known_hosts: folder.known_hosts(),
        name,
        container,
    }
}

pub(super) fn object_name(lab: &LabName, part: Option<&str>) -> String {
    match part {
        Some(part) => format!("stackctl-lab-{lab}-{part}"),
        None => format!("stackctl-lab-{lab}"),
    }
}

pub(super) fn labels(lab: &LabName) -> HashMap<String, String> {
    HashMap::from([(LABEL.to_owned(), lab.to_string())])
}

pub(super) async fn ensure_network(
    docker: &Docker,
    lab: &LabName,
    network: &str,
) -> Result<(), LabError> {
    if docker
        .inspect_network(network, None::<InspectNetworkOptions>)
        .await
        .is_ok()
    {
        return Ok(());
    }
    let request = NetworkCreateRequest {
        name: network.to_owned(),
        driver: Some("bridge".to_owned()),
        labels: Some(labels(lab)),
        ..NetworkCreateRequest::default()
    };
    docker
        .create_network(request)
        .await
        .map_err(LabError::engine(format!("make the network {network}")))?;
    Ok(())
}

/// The engine keeps an existing volume of that name as it is.
pub(super) async fn ensure_volume(
    docker: &Docker,
    name: &str,
    labels: &HashMap<String, String>,
) -> Result<(), LabError> {
    let request = VolumeCreateRequest {
        name: Some(name.to_owned()),
        labels: Some(labels.clone()),
        ..VolumeCreateRequest::default()
    };
    docker
        .create_volume(request)
        .await
        .map_err(LabError::engine(format!("make the volume {name}")))?;
    Ok(())
}

pub(super) async fn ensure_registry(
    docker: &Docker,
    lab: &LabName,
    network: &str,
    image: &str,
) -> Result<(), LabError> {
    let container = object_name(lab, Some("registry"));
    match container_state(docker, &container).await? {
        HostState::Running => return Ok(()),
        HostState::Missing => {}
        HostState::Paused | HostState::Stopped => return start(docker, &container).await,
    }
    let body = ContainerCreateBody {
        image: Some(image.to_owned()),
        hostname: Some("registry".to_owned()),
        labels: Some(labels(lab)),
        host_config: Some(HostConfig {
            network_mode: Some(network.to_owned()),
            ..HostConfig::default()
        }),
        networking_config: Some(NetworkingConfig {
            endpoints_config: Some(HashMap::from([(
                network.to_owned(),
                EndpointSettings {
                    aliases: Some(vec!["registry".to_owned()]),
                    ..EndpointSettings::default()
                },
            )])),
        }),
        ..ContainerCreateBody::default()
    };
    let options = CreateContainerOptionsBuilder::default()
        .name(&container)
        .build();
    docker
        .create_container(Some(options), body)
        .await
        .map_err(LabError::engine("make the lab's registry"))?;
    start(docker, &container).await
}

async fn start(docker: &Docker, container: &str) -> Result<(), LabError> {
    docker
        .start_container(container, None::<StartContainerOptions>)
        .await
        .map_err(LabError::engine(format!("start {container}")))
}

async fn container_state(docker: &Docker, container: &str) -> Result<HostState, LabError> {
    match docker
        .inspect_container(container, None::<InspectContainerOptions>)
        .await
    {
        Ok(found) => {
            let state = found.state.unwrap_or_default();
            Ok(match (state.paused, state.running) {
                (Some(true), _) => HostState::Paused,
                (_, Some(true)) => HostState::Running,
                _ => HostState::Stopped,
            })
        }
        Err(bollard::errors::Error::DockerResponseServerError {
            status_code: 404, ..
        }) => Ok(HostState::Missing),
        Err(error) => Err(LabError::engine(format!("look at {container}"))(error)),
    }
}

/// `/etc/docker/daemon.json` of a host: the lab's registry as mirror of docker.io, and name servers that nested
/// containers can reach. The host's own resolver is the engine's, on a loopback address that ends at the host.
/// None where there is no registry.
pub(super) async fn daemon_settings(
    docker: &Docker,
    images: &Images,
) -> Result<Option<String>, LabError> {
    if images.registry.is_none() {
        return Ok(None);
    }
    let servers = name_servers(&resolv_conf(docker, &images.host).await?);
    let mirror = format!("registry:{}", registry::PORT);
    let mut settings = serde_json::json!({
        "registry-mirrors": [format!("http://{mirror}")],
        "insecure-registries": [mirror],
    });
    if !servers.is_empty() {
        settings["dns"] = servers.into();
    }
    Ok(Some(format!("{settings:#}\n")))
}

/// `resolv.conf` as the engine gives it to a container on its default network: with name servers that containers
/// reach, whatever the machine around the engine uses.
async fn resolv_conf(docker: &Docker, image: &str) -> Result<String, LabError> {
    let body = ContainerCreateBody {
        image: Some(image.to_owned()),
        cmd: Some(vec!["cat".to_owned(), "/etc/resolv.conf".to_owned()]),
        ..ContainerCreateBody::default()
    };
    let (_, text) = output_of(docker, body, "find the name servers of containers").await?;
    Ok(text)
}

/// Runs a container to its end and removes it; returns its exit code and what it printed.
pub(super) async fn output_of(
    docker: &Docker,
    body: ContainerCreateBody,
    what: &str,
) -> Result<(i64, String), LabError> {
    use bollard::errors::Error::DockerContainerWaitError;
    let failed = || LabError::engine(what);
    let id = docker
        .create_container(None, body)
        .await
        .map_err(failed())?
        .id;
    let read = async {
        docker
            .start_container(&id, None::<StartContainerOptions>)
            .await?;
        let mut exits = docker.wait_container(&id, None::<WaitContainerOptions>);
        let mut code = 0;
        while let Some(exit) = exits.next().await {
            code = match exit {
                Ok(ended) => ended.status_code,
                Err(DockerContainerWaitError { code, .. }) => code,
                Err(error) => return Err(error),
            };
        }
        let options = LogsOptionsBuilder::default()
            .stdout(true)
            .stderr(true)
            .build();
        let mut logs = docker.logs(&id, Some(options));
        let mut text = String::new();
        while let Some(item) = logs.next().await {
            text.push_str(&item?.to_string());
        }
        Ok((code, text))
    };
    let output = read.await;
    let force = RemoveContainerOptionsBuilder::default().force(true).build();
    docker
        .remove_container(&id, Some(force))
        .await
        .map_err(failed())?;
    output.map_err(failed())
}

fn name_servers(resolv_conf: &str) -> Vec<String> {
    resolv_conf
        .lines()
        .filter_map(|line| line.strip_prefix("nameserver"))
        .map(|server| server.trim().to_owned())
        .filter(|server| !server.starts_with("127."))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nested_containers_get_servers_they_can_reach() {
        let text = "# made\nnameserver 10.0.0.2\nnameserver 127.0.0.11\noptions ndots:0\n";
        assert_eq!(name_servers(text), ["10.0.0.2"]);
    }
}
