//! Images that go from one engine to another: saved here, and loaded there without what is there already.

use std::collections::{BTreeSet, HashMap};
use std::io::Write;
use std::time::Duration;

use bollard::query_parameters::{ImportImageOptions, ListImagesOptions};
use futures_util::StreamExt as _;

use super::stream::whole;
use super::{DockerError, Engine, has_status};
use crate::plan::container::label;
use crate::transport::Upload;

/// How long an engine may take to load an image: older ones answer when all of it has come.
const LOAD: Duration = Duration::from_secs(60 * 60);
/// How many images are asked about at once.
const AT_ONCE: usize = 16;
/// The lowest API that tells whether all of an image is there, as numbers.
const TELLS_WHOLE: (u32, u32) = (1, 47);

/// The layers that an engine has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LayersThere {
    /// Each image's `sha256:…` of its layers unpacked, from the lowest up.
    pub images: BTreeSet<Vec<String>>,
    /// Whether containerd keeps them, by what they are packed: those of `images` are then only of images that were sent.
    pub in_containerd: bool,
}

/// By what an engine knows that an image is the one that was meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageIdentity {
    /// `sha256:…` of its configuration.
    pub config: String,
    /// `sha256:…` of its manifest, by which containerd calls it.
    pub manifest: String,
    /// `sha256:…` of each layer unpacked, from the lowest up.
    pub layers: Vec<String>,
}

impl Engine {
    /// `amd64`.
    pub async fn architecture(&self) -> Result<String, DockerError> {
        let version = self.docker.version().await;
        let version = version.map_err(DockerError::refused("tell its version"))?;
        Ok(version.arch.unwrap_or_default())
    }

    pub async fn has(&self, image: &str) -> Result<bool, DockerError> {
        match self.docker.inspect_image(image).await {
            Ok(_) => Ok(true),
            Err(error) if has_status(&error, 404) => Ok(false),
            Err(error) => Err(DockerError::refused(format!("look at {image}"))(error)),
        }
    }

    /// Writes an image to `to`, as a tar with all its layers.
    pub async fn save_image(&self, image: &str, mut to: impl Write) -> Result<(), DockerError> {
        let mut stream = std::pin::pin!(self.docker.export_image(image));
        while let Some(chunk) = stream.next().await {
            let chunk = chunk.map_err(DockerError::refused(format!("save {image}")))?;
            to.write_all(&chunk).map_err(DockerError::Upload)?;
        }
        to.flush().map_err(DockerError::Upload)
    }

    /// What need not be sent.
    pub async fn layers_there(&self) -> Result<LayersThere, DockerError> {
        let (info, images) = tokio::join!(
            self.docker.info(),
            self.docker.list_images(Some(ListImagesOptions {
                all: true,
                ..Default::default()
            }))
        );
        let status = info.ok().and_then(|info| info.driver_status);
        let in_containerd = status.into_iter().flatten().flatten();
        let in_containerd = in_containerd
            .into_iter()
            .any(|word| word.starts_with("io.containerd.snapshotter"));
        let images = images.map_err(DockerError::refused("list its images"))?;
        // What could not be found missing afterwards is sent.
        if in_containerd && !self.tells_whole() {
            return Ok(LayersThere {
                images: BTreeSet::new(),
                in_containerd,
            });
        }
        let ids: BTreeSet<String> = images
            .into_iter()
            .filter(|image| !in_containerd || image.labels.contains_key(label::STACK))
            .map(|image| image.id)
            .collect();
        let layers = futures_util::stream::iter(ids).map(|id| async move {
            // One that was removed meanwhile has nothing to spare.
            let told = self.docker.inspect_image(&id).await.ok()?;
            told.root_fs?.layers
        });
        let layers = layers.buffer_unordered(AT_ONCE);
        Ok(LayersThere {
            images: layers.filter_map(|layers| async { layers }).collect().await,
            in_containerd,
        })
    }

    /// Loads an image from a tar. That it succeeds does not say that the image is whole.
    pub async fn load_image(&self, image: &str, archive: Upload) -> Result<(), DockerError> {
        let docker = self.docker.clone().with_timeout(LOAD);
        let what = format!("load {image}");
        let none = None::<HashMap<String, bollard::auth::DockerCredentials>>;
        let options = ImportImageOptions::default();
        let answer = docker.import_image_stream(options, archive, none);
        let mut stream = std::pin::pin!(whole(answer));
        while let Some(info) = stream.next().await {
            let info = info.map_err(DockerError::in_stream(&what))?;
            // One store tells of what it could not unpack in a line like any other.
            let text = info.stream.unwrap_or_default();
            if text.contains("Error unpacking") {
                let why = text.trim().to_owned();
                return Err(DockerError::Failed { what, why });
            }
        }
        Ok(())
    }

    /// Whether an image is there under a name, with all its layers.
    pub async fn is_whole(
        &self,
        image: &str,
        identity: &ImageIdentity,
        in_containerd: bool,
    ) -> Result<bool, DockerError> {
        if !in_containerd || !self.tells_whole() {
            let there = match self.docker.inspect_image(image).await {
                Ok(there) => there,
                Err(error) if has_status(&error, 404) => return Ok(false),
                Err(error) => {
                    return Err(DockerError::refused(format!("look at {image}"))(error));
                }
            };
            let id = there.id.unwrap_or_default();
            let is_meant = id == identity.config || in_containerd && id == identity.manifest;
            let layers = there.root_fs.and_then(|told| told.layers);
            return Ok(is_meant && layers.unwrap_or_default() == identity.layers);
        }
        let options = ListImagesOptions {
            manifests: true,
            filters: Some(HashMap::from([(
                "reference".to_owned(),
                vec![image.to_owned()],
            )])),
            ..Default::default()
        };
        let listed = self.docker.list_images(Some(options)).await;
        let listed = listed.map_err(DockerError::refused(format!("look at {image}")))?;
        let manifests = listed.into_iter().flat_map(|there| there.manifests);
        Ok(manifests
            .flatten()
            .any(|manifest| manifest.available && manifest.id == identity.manifest))
    }

    /// Whether its API tells that all of an image is there.
    fn tells_whole(&self) -> bool {
        let mut numbers = self.api.split('.').filter_map(|number| number.parse().ok());
        let api = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
        api >= TELLS_WHOLE
    }
}
