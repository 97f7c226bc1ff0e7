//! What an engine has, in a few calls sent at once.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use bollard::models::{ContainerInspectResponse, ContainerSummary, MountPoint, PortBinding};
use bollard::query_parameters::{
    InspectContainerOptions, ListContainersOptions, ListImagesOptions, ListNetworksOptions,
    ListVolumesOptions,
};
use futures_util::future::{join_all, try_join_all};

use super::{DockerError, Engine, has_status};
use crate::facts::{
    ContainerDetails, ContainerFacts, ContainerSettings, DatabaseFacts, DockerFacts, ImageFacts,
    MountFacts, NetworkFacts, SchemaFacts,
};
use crate::model::ServiceName;
use crate::plan::DatabaseTarget;
use crate::plan::container::label;
use crate::runtime::database;

impl Engine {
    /// Observes the engine: containers, networks, volumes, images, and what each database answers.
    ///
    /// The containers named in `known` are inspected with the same batch; with `details`, all others of ours are as well
    /// (one more round trip).
    pub async fn facts(
        &self,
        stack: &str,
        databases: &[(ServiceName, DatabaseTarget)],
        known: &BTreeSet<String>,
        details: bool,
    ) -> Result<DockerFacts, DockerError> {
        let containers = self.docker.list_containers(Some(ListContainersOptions {
            all: true,
            ..Default::default()
        }));
        let networks = self.docker.list_networks(None::<ListNetworksOptions>);
        let volumes = self.docker.list_volumes(None::<ListVolumesOptions>);
        let images = self.docker.list_images(None::<ListImagesOptions>);
        let version = self.docker.version();
        let asked = join_all(databases.iter().map(|(service, target)| async move {
            (service.clone(), self.database(target).await)
        }));
        let inspected = self.inspect(known.iter().cloned().collect());
        let (containers, networks, volumes, images, version, asked, inspected) = tokio::join!(
            containers, networks, volumes, images, version, asked, inspected
        );
        let listing = |what: &'static str| DockerError::refused(format!("list its {what}"));

        let mut facts = DockerFacts {
            api: self.api.clone(),
            ..Default::default()
        };
        facts.engine = version
            .map_err(listing("version"))?
            .version
            .unwrap_or_default();
        for summary in containers.map_err(listing("containers"))? {
            let (name, container) = container(summary);
            facts.containers.insert(name, container);
        }
        for network in networks.map_err(listing("networks"))? {
            let internal = network.internal.unwrap_or(false);
            let name = network.name.unwrap_or_default();
            if is_of(stack, network.labels.as_ref()) {
                facts.owned_networks.insert(name.clone());
            }
            let labels = network.labels.as_ref();
            let definition = labels.and_then(|labels| labels.get(label::SPEC)).cloned();
            let there = NetworkFacts {
                internal,
                definition,
            };
            facts.networks.insert(name, there);
        }
        for volume in volumes
            .map_err(listing("volumes"))?
            .volumes
            .unwrap_or_default()
        {
            if is_of(stack, Some(&volume.labels)) {
                facts.owned_volumes.insert(volume.name.clone());
            }
            facts.volumes.insert(volume.name);
        }
        for image in images.map_err(listing("images"))? {
            facts.digests.extend(image.repo_digests);
            let told = ImageFacts {
                id: image.id,
                created: image.created,
                labels: image.labels.into_iter().collect(),
            };
            facts
                .images
                .extend(image.repo_tags.into_iter().map(|tag| (tag, told.clone())));
        }
        facts.databases = asked
            .into_iter()
            .filter_map(|(service, told)| Some((service, told?)))
            .collect();
        detail(&mut facts, inspected?);
        if details {
            let ours = |there: &ContainerFacts| {
                there.labels.get(label::STACK).map(String::as_str) == Some(stack)
            };
            let others = facts
                .containers
                .iter()
                .filter(|(name, there)| ours(there) && !known.contains(*name));
            let others = others.map(|(name, _)| name.clone()).collect();
            let inspected = self.inspect(others).await?;
            detail(&mut facts, inspected);
        }
        Ok(facts)
    }

    /// What an inspection tells of each of these containers that is there.
    async fn inspect(
        &self,
        names: Vec<String>,
    ) -> Result<Vec<(String, ContainerDetails)>, DockerError> {
        let asked = try_join_all(names.into_iter().map(|name| async move {
            let told = self
                .docker
                .inspect_container(&name, None::<InspectContainerOptions>)
                .await;
            match told {
                Err(error) if has_status(&error, 404) => Ok(None),
                told => told.map(|told| Some((name, container_details(told)))),
            }
        }));
        let told = asked
            .await
            .map_err(DockerError::refused("inspect our containers"))?;
        Ok(told.into_iter().flatten().collect())
    }

    /// A real query in the database's own container; `None` when no such container runs.
    async fn database(&self, target: &DatabaseTarget) -> Option<DatabaseFacts> {
        let container = target.process.container()?;
        match self
            .exec_said(container, database::facts_script(target).argv())
            .await
        {
            Ok((_, said)) => Some(SchemaFacts::parse(&said)),
            Err(_) => None,
        }
    }

    /// What a database says now.
    pub async fn ask_database(&self, target: &DatabaseTarget) -> DatabaseFacts {
        let silent = || DatabaseFacts::Silent("its container is not running".into());
        self.database(target).await.unwrap_or_else(silent)
    }

    /// Makes the database and its user.
    pub async fn ensure_database(&self, target: &DatabaseTarget) -> Result<(), DockerError> {
        let ensure = database::ensure_script(target);
        let container = target.process.name();
        let (status, said) = self.exec(container, ensure.argv()).await?;
        if status == 0 {
            return Ok(());
        }
        Err(DockerError::Failed {
            what: format!("make database {} in {container}", target.database),
            why: said.trim().to_owned(),
        })
    }
}

pub(super) fn container(summary: ContainerSummary) -> (String, ContainerFacts) {
    let names = summary.names.unwrap_or_default();
    // A name without a further slash is the container's own; others are links to it.
    let name = names
        .iter()
        .map(|name| name.trim_start_matches('/'))
        .find(|name| !name.contains('/'));
    let networks = summary
        .network_settings
        .and_then(|settings| settings.networks)
        .unwrap_or_default();
    let facts = ContainerFacts {
        id: summary.id.unwrap_or_default(),
        state: summary
            .state
            .map(|state| state.to_string())
            .unwrap_or_default(),
        labels: summary
            .labels
            .unwrap_or_default()
            .into_iter()
            .collect::<BTreeMap<_, _>>(),
        image_id: summary.image_id.unwrap_or_default(),
        image: summary.image.unwrap_or_default(),
        created: summary.created.unwrap_or(0),
        networks: networks.into_keys().collect(),
        published: summary
            .ports
            .unwrap_or_default()
            .into_iter()
            .filter_map(|port| port.public_port)
            .collect(),
        writes_to: summary
            .mounts
            .unwrap_or_default()
            .into_iter()
            .map(mount)
            .filter(|(_, mounted)| !mounted.read_only)
            .map(|(_, mounted)| mounted.source)
            .collect(),
        details: None,
    };
    (name.unwrap_or_default().to_owned(), facts)
}

fn is_of(stack: &str, labels: Option<&HashMap<String, String>>) -> bool {
    let told = labels.and_then(|labels| labels.get(label::STACK));
    told.map(String::as_str) == Some(stack)
}

fn detail(facts: &mut DockerFacts, inspected: Vec<(String, ContainerDetails)>) {
    for (name, details) in inspected {
        if let Some(container) = facts.containers.get_mut(&name) {
            container.details = Some(details);
        }
    }
}

fn container_details(there: ContainerInspectResponse) -> ContainerDetails {
    let state = there.state.unwrap_or_default();
    let config = there.config.unwrap_or_default();
    let host = there.host_config.unwrap_or_default();
    let restart = host.restart_policy.and_then(|policy| policy.name);
    let variables = config.env.unwrap_or_default();
    let variables = variables.iter().filter_map(|line| line.split_once('='));
    let mounts = there.mounts.unwrap_or_default().into_iter();
    let log = host.log_config.unwrap_or_default();
    let bindings = host.port_bindings.unwrap_or_default().into_iter();
    let settings = ContainerSettings {
        image: config.image.unwrap_or_default(),
        memory: host.memory.unwrap_or(0),
        cpus: host.nano_cpus.unwrap_or(0),
        pids_limit: host.pids_limit,
        restart: restart.map(|name| name.to_string()).unwrap_or_default(),
        env: variables
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect(),
        command: config.cmd.unwrap_or_default(),
        user: config.user.unwrap_or_default(),
        mounts: mounts.map(mount).collect(),
        privileged: host.privileged.unwrap_or(false),
        read_only: host.readonly_rootfs.unwrap_or(false),
        dropped_capabilities: host.cap_drop.unwrap_or_default().into_iter().collect(),
        added_capabilities: host.cap_add.unwrap_or_default().into_iter().collect(),
        publish: bindings
            .map(|(port, places)| (port, places.into_iter().flatten().map(place).collect()))
            .collect(),
        security_options: host.security_opt.unwrap_or_default().into_iter().collect(),
        log_driver: log.typ.unwrap_or_default(),
        log_options: log.config.unwrap_or_default().into_iter().collect(),
        stop_signal: config.stop_signal.unwrap_or_default(),
        init: host.init,
    };
    ContainerDetails {
        started_at: state.started_at.unwrap_or_default(),
        restarts: there
            .restart_count
            .and_then(|count| u32::try_from(count).ok())
            .unwrap_or(0),
        exit_code: state.exit_code.unwrap_or(0),
        out_of_memory: state.oom_killed.unwrap_or(false),
        pid: state.pid.unwrap_or(0),
        health: state
            .health
            .and_then(|health| health.status)
            .map(|status| status.to_string())
            .filter(|status| status != "none")
            .unwrap_or_default(),
        settings,
    }
}

/// `127.0.0.1:8080`; without an address it is all of the host's.
fn place(binding: PortBinding) -> String {
    let address = binding.host_ip.filter(|address| !address.is_empty());
    let address = address.unwrap_or_else(|| "0.0.0.0".into());
    format!("{address}:{}", binding.host_port.unwrap_or_default())
}

fn mount(point: MountPoint) -> (String, MountFacts) {
    let facts = MountFacts {
        // A volume's source is where the engine keeps it; its name is what we know.
        source: point
            .name
            .filter(|name| !name.is_empty())
            .or(point.source)
            .unwrap_or_default(),
        read_only: !point.rw.unwrap_or(true),
    };
    (point.destination.unwrap_or_default(), facts)
}
