//! Removing labs, and the images that outlive them.

use std::collections::HashMap;

use bollard::query_parameters::{
    ListContainersOptionsBuilder, ListImagesOptionsBuilder, ListNetworksOptionsBuilder,
    ListVolumesOptionsBuilder, RemoveContainerOptionsBuilder, RemoveImageOptionsBuilder,
    RemoveVolumeOptionsBuilder,
};
use serde::{Deserialize, Serialize};

use super::error::LabError;
use super::recipe::{REPOSITORY, STAND_IN_LABEL, STAND_INS};
use super::state::{LabName, StateFolder};
use super::{LABEL, engine};

/// Removes the lab's containers, network, volumes and files, and nothing else. A lab that is half there, or not at
/// all, is no error: afterwards there is none. Images stay, see [`remove_images`].
pub async fn down(name: &LabName) -> Result<(), LabError> {
    let docker = engine::connect().await?;
    let label = format!("{LABEL}={name}");
    let filters = HashMap::from([("label", vec![label.as_str()])]);

    let options = ListContainersOptionsBuilder::default()
        .all(true)
        .filters(&filters)
        .build();
    let containers = docker
        .list_containers(Some(options))
        .await
        .map_err(LabError::engine("list the lab's containers"))?;
    for id in containers.into_iter().filter_map(|container| container.id) {
        let force = RemoveContainerOptionsBuilder::default()
            .force(true)
            .v(true)
            .build();
        gone(
            docker.remove_container(&id, Some(force)).await,
            "remove a container of the lab",
        )?;
    }

    let options = ListNetworksOptionsBuilder::default()
        .filters(&filters)
        .build();
    let networks = docker
        .list_networks(Some(options))
        .await
        .map_err(LabError::engine("list the lab's networks"))?;
    for id in networks.into_iter().filter_map(|network| network.id) {
        gone(docker.remove_network(&id).await, "remove the lab's network")?;
    }

    let options = ListVolumesOptionsBuilder::default()
        .filters(&filters)
        .build();
    let volumes = docker
        .list_volumes(Some(options))
        .await
        .map_err(LabError::engine("list the lab's volumes"))?;
    for volume in volumes.volumes.into_iter().flatten() {
        let force = RemoveVolumeOptionsBuilder::default().force(true).build();
        gone(
            docker.remove_volume(&volume.name, Some(force)).await,
            "remove a volume of the lab",
        )?;
    }
    StateFolder::of(name)?.remove()
}

/// An image that labs keep in the local engine.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LabImage {
    /// Its tag in the local engine.
    pub tag: String,
    /// For a stand-in, the public name it is found under in the lab: `mysql:8.4`.
    pub stands_in_for: Option<String>,
    /// For a stand-in, what it really is.
    pub really: Option<String>,
    pub bytes: u64,
}

/// All images that labs keep, of every checkout.
pub async fn images() -> Result<Vec<LabImage>, LabError> {
    let docker = engine::connect().await?;
    let pattern = format!("{REPOSITORY}/*");
    let filters = HashMap::from([("reference", vec![pattern.as_str()])]);
    let options = ListImagesOptionsBuilder::default()
        .filters(&filters)
        .build();
    let found = docker
        .list_images(Some(options))
        .await
        .map_err(LabError::engine("list the lab's images"))?;
    let mut images = Vec::new();
    for image in found {
        let really = image.labels.get(STAND_IN_LABEL);
        for tag in image
            .repo_tags
            .iter()
            .filter(|tag| tag.starts_with(REPOSITORY))
        {
            images.push(LabImage {
                stands_in_for: really.and_then(|really| {
                    let row = STAND_INS.iter().find(|row| row.really == really);
                    row.map(|row| row.reference.to_owned())
                }),
                really: really.cloned(),
                bytes: u64::try_from(image.size).unwrap_or_default(),
                tag: tag.clone(),
            });
        }
    }
    images.sort();
    Ok(images)
}

/// Removes all images that labs keep; those that a running lab uses make it fail, so `down` comes first.
pub async fn remove_images() -> Result<(), LabError> {
    let docker = engine::connect().await?;
    super::registry::remove_unfinished(&docker).await?;
    super::ready::remove_stores(&docker).await?;
    for image in images().await? {
        let options = RemoveImageOptionsBuilder::default().build();
        let what = format!("remove the image {}", image.tag);
        gone(
            docker.remove_image(&image.tag, Some(options), None).await,
            &what,
        )?;
    }
    Ok(())
}

/// Something that another process removed meanwhile is removed.
pub(super) fn gone<T>(
    result: Result<T, bollard::errors::Error>,
    what: &str,
) -> Result<(), LabError> {
    match result {
        Ok(_)
        | Err(bollard::errors::Error::DockerResponseServerError {
            status_code: 404, ..
        }) => Ok(()),
        Err(error) => Err(LabError::engine(what)(error)),
    }
}
