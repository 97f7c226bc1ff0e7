//! Images: pull, build, remove.

use std::collections::BTreeMap;

use bollard::body_try_stream;
use bollard::query_parameters::{
    BuildImageOptions, CreateImageOptions, PushImageOptions, RemoveImageOptions, TagImageOptions,
};
use futures_util::StreamExt as _;

use super::stream::whole;
use super::{DockerError, Engine, has_status};
use crate::facts::is_bare;
use crate::plan::ImageBuild;
use crate::transport::Upload;

/// What is said while an image is pulled or built.
pub enum Progress<'a> {
    Line(&'a str),
    /// Bytes of all layers known so far.
    Bytes {
        done: u64,
        total: u64,
    },
}

impl Engine {
    pub async fn pull_image(
        &self,
        image: &str,
        tell: &mut (dyn for<'a> FnMut(Progress<'a>) + Send),
    ) -> Result<(), DockerError> {
        let options = CreateImageOptions {
            from_image: Some(image.to_owned()),
            tag: is_bare(image).then(|| "latest".to_owned()),
            ..Default::default()
        };
        let what = format!("pull {image}");
        let answer = self
            .docker
            .create_image(Some(options), None, self.credentials(image));
        let mut stream = std::pin::pin!(whole(answer));
        let mut layers: BTreeMap<String, (u64, u64)> = BTreeMap::new();
        while let Some(info) = stream.next().await {
            let info = info.map_err(DockerError::refused(&what))?;
            if let Some(error) = info.error_detail {
                return Err(DockerError::Failed {
                    what,
                    why: error.message.unwrap_or_default(),
                });
            }
            let (Some(id), Some(detail)) = (info.id, info.progress_detail) else {
                continue;
            };
            let (Some(done), Some(total)) = (detail.current, detail.total) else {
                continue;
            };
            // Only downloads count: unpacking reports the same bytes a second time.
            if info.status.as_deref() == Some("Downloading") {
                let number = |value: i64| u64::try_from(value).unwrap_or(0);
                layers.insert(id, (number(done), number(total)));
                let (done, total) = layers
                    .values()
                    .fold((0, 0), |sum, layer| (sum.0 + layer.0, sum.1 + layer.1));
                tell(Progress::Bytes { done, total });
            }
        }
        Ok(())
    }

    /// Builds an image from a context that comes as a tar.
    pub async fn build_image(
        &self,
        build: &ImageBuild,
        context: Upload,
        tell: &mut (dyn for<'a> FnMut(Progress<'a>) + Send),
    ) -> Result<(), DockerError> {
        let options = BuildImageOptions {
            dockerfile: build.dockerfile.clone(),
            t: Some(build.tag.clone()),
            // What serves on the host comes first; a container has 1024 of these.
            cpushares: Some(128),
            target: build.target.clone().unwrap_or_default(),
            rm: true,
            forcerm: true,
            buildargs: Some(build.args.clone().into_iter().collect()),
            labels: Some(build.labels.clone().into_iter().collect()),
            ..Default::default()
        };
        let what = format!("build {}", build.tag);
        let context = Some(body_try_stream(context));
        let answer = self
            .docker
            .build_image(options, self.all_credentials(), context);
        let mut stream = std::pin::pin!(whole(answer));
        while let Some(info) = stream.next().await {
            let info = info.map_err(DockerError::in_stream(&what))?;
            if let Some(error) = info.error_detail {
                return Err(DockerError::Failed {
                    what,
                    why: error.message.unwrap_or_default(),
                });
            }
            let text = info.stream.or(info.status).unwrap_or_default();
            for line in text.lines().filter(|line| !line.trim().is_empty()) {
                tell(Progress::Line(line));
            }
        }
        Ok(())
    }

    /// Pushes an image to a repository; its name there, by its digest.
    pub async fn push_image(
        &self,
        image: &str,
        repository: &str,
        tag: &str,
        tell: &mut (dyn for<'a> FnMut(Progress<'a>) + Send),
    ) -> Result<String, DockerError> {
        let name = format!("{repository}:{tag}");
        self.tag_image(image, &name).await?;
        let what = format!("push {name}");
        let options = PushImageOptions {
            tag: Some(tag.to_owned()),
            ..Default::default()
        };
        let answer =
            self.docker
                .push_image(repository, Some(options), self.credentials(repository));
        let mut stream = std::pin::pin!(whole(answer));
        let mut digest = None;
        while let Some(info) = stream.next().await {
            let info = info.map_err(DockerError::in_stream(&what))?;
            let status = info.status.unwrap_or_default();
            // The last line: `TAG: digest: sha256:… size: NUMBER`.
            let told = status.split_once("digest: ");
            let told = told.and_then(|(_, rest)| rest.split_whitespace().next());
            digest = told.map(str::to_owned).or(digest);
            // Of which layer the bytes are is not told, so that they cannot be added up.
            let counts = info
                .progress_detail
                .is_some_and(|told| told.current.is_some());
            if !status.is_empty() && !counts {
                tell(Progress::Line(&status));
            }
        }
        match digest {
            Some(digest) => Ok(format!("{repository}@{digest}")),
            None => Err(DockerError::Failed {
                what,
                why: "the engine did not tell its digest".into(),
            }),
        }
    }

    /// Gives an image a name, which means no other image from then on.
    pub async fn tag_image(&self, image: &str, name: &str) -> Result<(), DockerError> {
        // A colon before the last slash is a registry's port.
        let (repo, tag) = match name.rsplit_once(':') {
            Some((repo, tag)) if !tag.contains('/') => (repo, tag),
            _ => (name, "latest"),
        };
        let options = TagImageOptions {
            repo: Some(repo.to_owned()),
            tag: Some(tag.to_owned()),
        };
        let tagged = self.docker.tag_image(image, Some(options)).await;
        tagged.map_err(DockerError::refused(format!("tag {image} as {name}")))
    }

    /// One that is not there, or that a container still uses, stays without an error.
    pub async fn remove_image(&self, tag: &str) -> Result<(), DockerError> {
        let removed = self
            .docker
            .remove_image(tag, None::<RemoveImageOptions>, None)
            .await;
        match removed {
            Err(error) if has_status(&error, 404) || has_status(&error, 409) => Ok(()),
            result => result
                .map(drop)
                .map_err(DockerError::refused(format!("remove image {tag}"))),
        }
    }
}
