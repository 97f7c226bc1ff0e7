//! Hosts that are ready for a stack: with what `provision` installs on most, and images that many stacks begin with.
//!
//! The packages are in an image, on which nothing more is to be said. The images of the host's own engine are in a volume, the
//! store, which is filled once by an engine that pulls them. A host gets hard links to their layers: no bytes are copied, and
//! what twenty hosts read is in memory once.

use std::collections::HashMap;
use std::path::Path;

use bollard::Docker;
use bollard::models::{ContainerCreateBody, HostConfig};
use bollard::query_parameters::{ListVolumesOptionsBuilder, RemoveVolumeOptionsBuilder};

use super::Base;
use super::down::{down, gone};
use super::error::LabError;
use super::event::{Events, LabEvent};
use super::host::{self, HostSpec, LabHost};
use super::image;
use super::recipe::{self, REPOSITORY, Recipe};
use super::state::{LabName, StateFolder};
use super::up::{
    Images, daemon_settings, ensure_network, ensure_registry, ensure_volume, labels, new_host,
    object_name, output_of,
};

/// What is in a store: what the apps of the examples are built on, and the database of most.
const IMAGES: [&str; 2] = ["python:3.12-slim", "mysql:8.4"];

const LINK: &str = include_str!("ready-link.sh");
const PULL: &str = include_str!("ready-pull.pl");

/// Label of stores; they are of no lab, and outlive all.
const STORE_LABEL: &str = "stackctl.lab-store";

/// Lab that fills a store.
const FILLING: &str = "store";

/// Of images for bare hosts, those for ready ones, if there are any.
pub(super) async fn find(
    docker: &Docker,
    base: Base,
    bare: &Images,
) -> Result<Option<Images>, LabError> {
    let Names {
        recipe,
        store,
        filled,
    } = Names::of(base, bare);
    if !image::exists(docker, &filled).await? || docker.inspect_volume(&store).await.is_err() {
        return Ok(None);
    }
    Ok(Some(Images {
        host: recipe.tag,
        registry: bare.registry.clone(),
        store: Some(store),
    }))
}

/// As [`find`], and makes them where there are none. One process at a time.
pub(super) async fn ensure(
    docker: &Docker,
    base: Base,
    bare: &Images,
    events: Events<'_>,
) -> Result<Images, LabError> {
    if let Some(there) = find(docker, base, bare).await? {
        return Ok(there);
    }
    let Names {
        recipe,
        store,
        filled,
    } = Names::of(base, bare);
    image::ensure(docker, &recipe, &mut *events).await?;
    let ready = Images {
        host: recipe.tag,
        registry: bare.registry.clone(),
        store: Some(store),
    };
    events(LabEvent::Phase {
        name: format!("images of ready hosts on Debian {base}"),
    });
    let lab: LabName = FILLING.parse()?;
    // Nobody knows what is in one that was cut short.
    down(&lab).await?;
    remove(docker, ready.store.as_deref().unwrap_or_default()).await?;
    let pulled = fill(docker, &lab, &ready, events).await;
    down(&lab).await?;
    pulled?;
    image::add_tag(docker, &ready.host, &filled).await?;
    Ok(ready)
}

/// How what a ready host needs is called.
struct Names {
    recipe: Recipe,
    store: String,
    /// Tag that says that the store is whole.
    filled: String,
}

impl Names {
    fn of(base: Base, bare: &Images) -> Self {
        let recipe = recipe::ready_recipe(base, &bare.host);
        let from = bare.registry.as_deref().unwrap_or("public");
        let hash = recipe::short_hash([recipe.tag.as_str(), from].into_iter().chain(IMAGES));
        Self {
            store: format!("{REPOSITORY}-store-{base}-{hash}"),
            filled: format!("{REPOSITORY}/store-{base}:{hash}"),
            recipe,
        }
    }
}

/// Boots a host whose engine pulls into the store.
async fn fill(
    docker: &Docker,
    lab: &LabName,
    images: &Images,
    events: Events<'_>,
) -> Result<(), LabError> {
    let folder = StateFolder::of(lab)?;
    let public_key = folder.prepare()?;
    let network = object_name(lab, None);
    ensure_network(docker, lab, &network).await?;
    if let Some(registry) = &images.registry {
        ensure_registry(docker, lab, &network, registry).await?;
    }
    let store = images.store.as_deref().unwrap_or_default();
    let label = HashMap::from([(STORE_LABEL.to_owned(), String::new())]);
    ensure_volume(docker, store, &label).await?;
    let machine = new_host(lab, 1, &folder);
    let spec = HostSpec {
        image: &images.host,
        volume: store,
        network: &network,
        labels: labels(lab),
        public_key: &public_key,
        daemon_json: daemon_settings(docker, images).await?,
    };
    host::start_new(docker, &machine, &spec).await?;
    host::wait_until_up(docker, &machine).await?;
    for reference in IMAGES {
        events(LabEvent::Line(format!("pulling {reference}")));
        run(
            docker,
            &machine,
            &format!("pulling {reference}"),
            &["perl", "-e", PULL, reference],
        )
        .await?;
    }
    // What it keeps in memory is on disk then.
    let engine = [
        "systemctl",
        "stop",
        "docker.socket",
        "docker.service",
        "containerd.service",
    ];
    run(docker, &machine, "stopping their engine", &engine).await
}

async fn run(
    docker: &Docker,
    machine: &LabHost,
    what: &str,
    command: &[&str],
) -> Result<(), LabError> {
    match host::exec(docker, &machine.container, command).await? {
        (0, _) => Ok(()),
        (code, said) => Err(LabError::Build {
            image: "images of ready hosts".to_owned(),
            reason: format!("{what} failed (exit {code})"),
            tail: said,
        }),
    }
}

/// Gives the engine of a host, whose volume exists and is empty, the images of the store.
pub(super) async fn link(
    docker: &Docker,
    images: &Images,
    store: &str,
    volume: &str,
    labels: &HashMap<String, String>,
) -> Result<(), LabError> {
    let failed = |why: String| LabError::Build {
        image: format!("images of {volume}"),
        reason: why,
        tail: String::new(),
    };
    let found = docker.inspect_volume(store).await;
    let found = found.map_err(LabError::engine("find the images of ready hosts"))?;
    // `…/volumes/NAME/_data`: links do not cross mounts, so the folder of all volumes is mounted once.
    let volumes = Path::new(&found.mountpoint).ancestors().nth(2);
    let volumes = volumes.ok_or_else(|| failed(format!("{store} is nowhere")))?;
    let place = |name: &str| format!("/volumes/{name}/_data");
    let words = [
        "sh",
        "-c",
        LINK,
        "ready-link",
        &place(store),
        &place(volume),
    ];
    let body = ContainerCreateBody {
        image: Some(images.host.clone()),
        cmd: Some(words.map(str::to_owned).to_vec()),
        labels: Some(labels.clone()),
        host_config: Some(HostConfig {
            binds: Some(vec![format!("{}:/volumes", volumes.display())]),
            network_mode: Some("none".to_owned()),
            // Layers have attributes that nobody else may read.
            cap_add: Some(vec!["SYS_ADMIN".to_owned()]),
            ..HostConfig::default()
        }),
        ..ContainerCreateBody::default()
    };
    match output_of(docker, body, "link the images of a ready host").await? {
        (0, _) => Ok(()),
        (code, said) => Err(failed(format!(
            "linking them failed (exit {code}): {}",
            said.trim()
        ))),
    }
}

/// Removes all stores; those that hosts have links to may go as well.
pub(super) async fn remove_stores(docker: &Docker) -> Result<(), LabError> {
    let filters = HashMap::from([("label", vec![STORE_LABEL])]);
    let options = ListVolumesOptionsBuilder::default()
        .filters(&filters)
        .build();
    let found = docker
        .list_volumes(Some(options))
        .await
        .map_err(LabError::engine("list the images of ready hosts"))?;
    for volume in found.volumes.into_iter().flatten() {
        remove(docker, &volume.name).await?;
    }
    Ok(())
}

async fn remove(docker: &Docker, store: &str) -> Result<(), LabError> {
    let force = RemoveVolumeOptionsBuilder::default().force(true).build();
    let removed = docker.remove_volume(store, Some(force)).await;
    gone(removed, "remove the images of ready hosts")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::recipe::STAND_INS;

    #[test]
    fn a_store_holds_what_a_registry_of_a_lab_has() {
        for reference in IMAGES {
            assert!(
                STAND_INS.iter().any(|row| row.reference == reference),
                "{reference}"
            );
        }
    }

    #[test]
    fn a_store_is_another_when_the_host_or_the_registry_is() {
        let images = |host: &str, registry: Option<&str>| Images {
            host: host.to_owned(),
            registry: registry.map(str::to_owned),
            store: None,
        };
        let store = |images: &Images| Names::of(Base::Bookworm, images).store;
        let one = store(&images("host:1", Some("registry:1")));
        assert_eq!(one, store(&images("host:1", Some("registry:1"))));
        for other in [
            images("host:2", Some("registry:1")),
            images("host:1", Some("registry:2")),
            images("host:1", None),
        ] {
            assert_ne!(one, store(&other));
        }
    }
}
