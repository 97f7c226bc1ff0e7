//! The lab's own registry: a mirror of docker.io for its hosts, filled with stand-ins, where no public one answers.

use std::collections::HashMap;

use bollard::Docker;
use bollard::models::{ContainerConfig, ContainerCreateBody, HostConfig, PortBinding};
use bollard::query_parameters::{
    CommitContainerOptionsBuilder, CreateContainerOptionsBuilder, ListContainersOptionsBuilder,
    PushImageOptionsBuilder, RemoveContainerOptionsBuilder, RemoveImageOptionsBuilder,
    StartContainerOptions,
};
use futures_util::StreamExt;

use super::Base;
use super::down::gone;
use super::error::LabError;
use super::event::{Events, LabEvent};
use super::host::free_ports;
use super::image;
use super::machine::Machine;
use super::recipe::{self, REPOSITORY, Recipe, STAND_INS};

/// Port that the registry listens on, in its container.
pub const PORT: u16 = 5000;

/// Suite of the registry's own image: Debian has the program there.
const BASE: Base = Base::Bookworm;

/// Tag of the filled registry as this machine would build it.
pub fn tag(machine: &Machine) -> String {
    recipe::filled_registry_tag(&empty(machine), &stand_ins(machine))
}

/// Builds every stand-in and the registry that holds them, as far as they are not there; returns the registry's tag.
pub async fn ensure(
    docker: &Docker,
    machine: &Machine,
    may_install: bool,
    events: Events<'_>,
) -> Result<String, LabError> {
    let filled = tag(machine);
    if image::exists(docker, &filled).await? {
        return Ok(filled);
    }
    image::ensure_base(docker, BASE, machine, may_install, events).await?;
    let empty = empty(machine);
    image::ensure(docker, &empty, events).await?;
    let recipes = stand_ins(machine);
    for (stand_in, recipe) in STAND_INS.iter().zip(&recipes) {
        if !image::exists(docker, &recipe.tag).await? {
            image::ensure_base(docker, stand_in.base(), machine, may_install, events).await?;
            image::ensure(docker, recipe, events).await?;
        }
    }

    events(LabEvent::Phase {
        name: "registry with the stand-ins".to_owned(),
    });
    remove_unfinished(docker).await?;
    let port = free_ports("registry", 1)[0];
    let container = format!("{REPOSITORY}-filling-{port}");
    let result = fill(docker, &empty, &recipes, &container, port, &filled, events).await;
    let force = RemoveContainerOptionsBuilder::default()
        .force(true)
        .v(true)
        .build();
    // A container that was never made is no failure of its own.
    let _ = docker.remove_container(&container, Some(force)).await;
    result.map(|()| filled)
}

/// Registries that somebody stopped us from filling.
pub(super) async fn remove_unfinished(docker: &Docker) -> Result<(), LabError> {
    let name = format!("{REPOSITORY}-filling-");
    let filters = HashMap::from([("name", vec![name.as_str()])]);
    let options = ListContainersOptionsBuilder::default()
        .all(true)
        .filters(&filters)
        .build();
    let left = docker
        .list_containers(Some(options))
        .await
        .map_err(LabError::engine("list registries that were being filled"))?;
    for id in left.into_iter().filter_map(|container| container.id) {
        let force = RemoveContainerOptionsBuilder::default()
            .force(true)
            .v(true)
            .build();
        let what = "remove a registry that was being filled";
        gone(docker.remove_container(&id, Some(force)).await, what)?;
    }
    Ok(())
}

async fn fill(
    docker: &Docker,
    empty: &Recipe,
    recipes: &[Recipe],
    container: &str,
    port: u16,
    filled: &str,
    events: Events<'_>,
) -> Result<(), LabError> {
    let published = PortBinding {
        host_ip: Some("127.0.0.1".to_owned()),
        host_port: Some(port.to_string()),
    };
    let body = ContainerCreateBody {
        image: Some(empty.tag.clone()),
        exposed_ports: Some(vec![format!("{PORT}/tcp")]),
        host_config: Some(HostConfig {
            port_bindings: Some(HashMap::from([(
                format!("{PORT}/tcp"),
                Some(vec![published]),
            )])),
            ..HostConfig::default()
        }),
        ..ContainerCreateBody::default()
    };
    let options = CreateContainerOptionsBuilder::default()
        .name(container)
        .build();
    let failed = || LabError::engine("start the registry to fill it");
    docker
        .create_container(Some(options), body)
        .await
        .map_err(failed())?;
    docker
        .start_container(container, None::<StartContainerOptions>)
        .await
        .map_err(failed())?;

    for (stand_in, recipe) in STAND_INS.iter().zip(recipes) {
        let (name, version) = stand_in
            .reference
            .split_once(':')
            .unwrap_or((stand_in.reference, "latest"));
        // The engine trusts registries on the loopback without TLS, so nothing has to be configured.
        let repository = format!("127.0.0.1:{port}/library/{name}");
        let reference = format!("{repository}:{version}");
        image::add_tag(docker, &recipe.tag, &reference).await?;
        events(LabEvent::Line(format!("pushing {}", stand_in.reference)));
        let pushed = push(docker, &repository, version).await;
        let no_prune = RemoveImageOptionsBuilder::default().noprune(true).build();
        let _ = docker.remove_image(&reference, Some(no_prune), None).await;
        pushed?;
    }

    let (repository, version) = filled.rsplit_once(':').unwrap_or((filled, "latest"));
    let options = CommitContainerOptionsBuilder::default()
        .container(container)
        .repo(repository)
        .tag(version)
        .pause(true)
        .build();
    docker
        .commit_container(options, ContainerConfig::default())
        .await
        .map_err(LabError::engine("keep the filled registry"))?;
    Ok(())
}

/// Pushes, and tries again while the registry is still starting.
async fn push(docker: &Docker, repository: &str, version: &str) -> Result<(), LabError> {
    const ATTEMPTS: u32 = 10;
    let mut attempt = 1;
    loop {
        let options = PushImageOptionsBuilder::default().tag(version).build();
        let mut stream = std::pin::pin!(docker.push_image(repository, Some(options), None));
        let mut result = Ok(());
        while let Some(item) = stream.next().await {
            if let Err(error) = item {
                result = Err(error);
            }
        }
        match result {
            Ok(()) => return Ok(()),
            Err(_) if attempt < ATTEMPTS => {
                attempt += 1;
                tokio::time::sleep(std::time::Duration::from_millis(500)).await;
            }
            Err(error) => {
                return Err(LabError::engine(format!("push {repository}:{version}"))(
                    error,
                ));
            }
        }
    }
}

fn empty(machine: &Machine) -> Recipe {
    recipe::registry_recipe(&recipe::base_tag(BASE, machine))
}

fn stand_ins(machine: &Machine) -> Vec<Recipe> {
    STAND_INS
        .iter()
        .map(|stand_in| stand_in.recipe(&recipe::base_tag(stand_in.base(), machine), machine))
        .collect()
}
