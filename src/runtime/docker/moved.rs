//! Images that go from one engine to another: saved here, and loaded there without what is there already.

use std::collections::{BTreeSet, HashMap};
use std::io::Write;
use std::time::Duration;

use bollard::query_parameters::{ImportImageOptions, ListImagesOptions};
use futures_util::StreamExt as _;

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
        let mut stream = std::pin::pin!(docker.import_image_stream(options, archive, none));
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

    /// Whether an image is there with all its layers. `id` is the digest of its configuration.
    pub async fn is_whole(
        &self,
        image: &str,
        id: &str,
        in_containerd: bool,
    ) -> Result<bool, DockerError> {
        if !in_containerd {
            return match self.docker.inspect_image(image).await {
                Ok(there) => Ok(there.id.as_deref() == Some(id)),
                Err(error) if has_status(&error, 404) => Ok(false),
                Err(error) => Err(DockerError::refused(format!("look at {image}"))(error)),
            };
        }
        let mut numbers = self.api.split('.').filter_map(|number| number.parse().ok());
        let api = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
        if api < TELLS_WHOLE {
            return self.has(image).await;
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
        Ok(manifests.flatten().any(|manifest| manifest.available))
    }
}
