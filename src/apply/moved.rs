//! Images that this machine's engine builds, once for all hosts, and that go to each of them without the layers it has.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::StreamExt as _;
use tempfile::NamedTempFile;
use tokio::sync::{Mutex, OnceCell};

use super::action::{Target, report};
use super::engine::{MOVED, build_with, tried};
use super::image::{Parcel, SavedImage, Way};
use super::offer::Offer;
use super::{ApplyError, Tell};
use crate::plan::{Event, ImageBuild};
use crate::runtime::docker::{DockerError, Engine, LayersThere, Progress};
use crate::transport::{TransportError, random_name};

/// Images that were built while a plan is applied, by their tags. `None`: it failed.
#[derive(Default)]
pub(super) struct Images(Mutex<BTreeMap<String, Arc<Once>>>);

type Once = OnceCell<Option<Arc<Made>>>;

/// An image that was built here, and how hosts get it.
enum Made {
    Saved(Arc<SavedImage>),
    /// By its digest, from a registry.
    Pushed(String),
}

impl Target {
    pub(super) async fn build_image_here(
        &self,
        build: &ImageBuild,
        step: usize,
        tell: Tell<'_>,
    ) -> Result<(), ApplyError> {
        let mut images = self.built.images.0.lock().await;
        let once = Arc::clone(images.entry(build.tag.clone()).or_default());
        drop(images);
        let mut failed = None;
        let image = once
            .get_or_init(|| async {
                let image = self.made_here(build, step, tell).await;
                let image = image.map_err(|error| failed = Some(error)).ok();
                image.map(Arc::new)
            })
            .await;
        match (failed, image) {
            (Some(error), _) => Err(error),
            // The host that came first says why.
            (None, None) => Err(ApplyError::Cancelled),
            (None, Some(made)) => match made.as_ref() {
                Made::Saved(image) => self.send_image(image, &build.tag, step, tell).await,
                Made::Pushed(image) => self.pull_as(image, &build.tag, step, tell).await,
            },
        }
    }

    async fn pull_as(
        &self,
        image: &str,
        tag: &str,
        step: usize,
        tell: Tell<'_>,
    ) -> Result<(), ApplyError> {
        self.pull(image, step, tell).await?;
        Ok(self.rename(image, tag).await?)
    }

    /// Gives an image a name, which then is its only one: an image with another would stay when that goes.
    async fn rename(&self, image: &str, tag: &str) -> Result<(), DockerError> {
        let engine = self.engine().await?;
        engine.tag_image(image, tag).await?;
        engine.remove_image(image).await
    }

    /// Pushes what was built, again when the registry or the way to it failed.
    async fn push_image(
        &self,
        engine: &Engine,
        image: &str,
        repository: &str,
        step: usize,
        tell: Tell<'_>,
    ) -> Result<String, ApplyError> {
        let tag = image.rsplit(':').next().unwrap_or(image);
        let pushed = tried(step, tell, async || {
            let mut told = |progress: Progress<'_>| report(progress, step, tell);
            let pushing = engine.push_image(image, repository, tag, &mut told);
            let ended = tokio::time::timeout(MOVED, pushing).await;
            ended.unwrap_or_else(|_| {
                Err(DockerError::Deadline {
                    what: format!("push {repository}:{tag}"),
                    deadline: MOVED,
                })
            })
        });
        let reference = pushed.await?;
        // It stays here under its other name, as all that was built here does.
        engine.remove_image(&format!("{repository}:{tag}")).await?;
        tell(Event::Line {
            step,
            text: format!("pushed {reference}"),
        });
        Ok(reference)
    }

    async fn made_here(
        &self,
        build: &ImageBuild,
        step: usize,
        tell: Tell<'_>,
    ) -> Result<Made, ApplyError> {
        let engine = Engine::local(self.here.docker_host.as_deref()).await?;
        let engine = engine.with_logins(Arc::clone(&self.here.logins));
        // The tag names all that it is made of.
        if !engine.has(&build.tag).await? {
            build_with(&engine, build, step, tell).await?;
        }
        if let Some(repository) = &build.push {
            let pushed = self.push_image(&engine, &build.tag, repository, step, tell);
            return Ok(Made::Pushed(pushed.await?));
        }
        let wrong = |source: io::Error| ApplyError::Folder {
            path: "/tmp".into(),
            done: "used for the image",
            source,
        };
        let file = NamedTempFile::new().map_err(wrong)?;
        let copy = file.reopen().map_err(wrong)?;
        engine.save_image(&build.tag, copy).await?;
        let tag = build.tag.clone();
        let read = tokio::task::spawn_blocking(move || SavedImage::read(file, &tag)).await;
        let read = read.unwrap_or_else(|error| Err(io::Error::other(error)));
        Ok(Made::Saved(Arc::new(read.map_err(wrong)?)))
    }

    /// Brings the image to the host, one way after the other, until it is whole there.
    async fn send_image(
        &self,
        image: &Arc<SavedImage>,
        tag: &str,
        step: usize,
        tell: Tell<'_>,
    ) -> Result<(), ApplyError> {
        let engine = self.engine().await?;
        let (architecture, there) = tokio::join!(engine.architecture(), engine.layers_there());
        let (architecture, there) = (architecture?, there?);
        if architecture != image.architecture {
            return Err(ApplyError::OtherProcessor {
                image: image.architecture.clone(),
                host: architecture,
            });
        }
        let sending = Sending {
            target: self,
            engine,
            image,
            there,
            tag,
            step,
            tell,
        };
        let mut way = Way::Lacking;
        loop {
            let error = match sending.by(way).await {
                Ok(()) => return Ok(()),
                Err(error) => error,
            };
            let next = match &error {
                ApplyError::Docker(error) => way.next(error),
                _ => None,
            };
            if let Some(next) = next {
                let text = format!("{:#}; {}", anyhow::Error::new(error), next.words());
                tell(Event::Notice { step, text });
                way = next;
                continue;
            }
            return Err(match (way, &error) {
                (Way::Pulled, ApplyError::Transport(TransportError::NotForwarded { .. })) => {
                    sending.not_whole(error)
                }
                (Way::Pulled, ApplyError::Docker(why)) if why.is_answer() => {
                    sending.not_whole(error)
                }
                _ => error,
            });
        }
    }
}

/// An image on its way to a host.
struct Sending<'a> {
    target: &'a Target,
    engine: &'a Engine,
    image: &'a Arc<SavedImage>,
    there: LayersThere,
    tag: &'a str,
    step: usize,
    tell: Tell<'a>,
}

impl Sending<'_> {
    async fn by(&self, way: Way) -> Result<(), ApplyError> {
        let brought = self.bring(way).await;
        if matches!(&brought, Err(ApplyError::Docker(error)) if error.is_answer()) {
            // One store names what is not whole, and the next run would take the name for the image.
            let _ = self.engine.remove_image(self.tag).await;
        }
        brought
    }

    async fn bring(&self, way: Way) -> Result<(), ApplyError> {
        match way {
            Way::Lacking => self.send(&self.image.parcel(&self.there)).await?,
            Way::Whole => self.send(&self.image.all()).await?,
            Way::Pulled => self.offer().await?,
        }
        self.verify().await
    }

    async fn send(&self, parcel: &Parcel) -> Result<(), ApplyError> {
        let done = Arc::new(AtomicU64::new(0));
        let wire = Arc::new(AtomicU64::new(0));
        // Seen from here: the engine tells nothing of what comes.
        let (counted, reading) = (Arc::clone(&wire), Arc::clone(&done));
        let archive = self.image.archive(parcel, &done).inspect(move |chunk| {
            if let Ok(chunk) = chunk {
                counted.fetch_add(chunk.len() as u64, Ordering::Relaxed);
            }
        });
        let loading = self.engine.load_image(self.tag, archive.boxed());
        let mut loading = std::pin::pin!(loading);
        let mut tick = tokio::time::interval(std::time::Duration::from_millis(500));
        loop {
            tokio::select! {
                loaded = &mut loading => break loaded?,
                _ = tick.tick() => (self.tell)(Event::Progress {
                    step: self.step,
                    done: reading.load(Ordering::Relaxed),
                    total: parcel.size,
                }),
            }
        }
        let text = format!(
            "sent {} of {} layers in {} bytes",
            parcel.layers,
            parcel.of,
            wire.load(Ordering::Relaxed)
        );
        (self.tell)(Event::Line {
            step: self.step,
            text,
        });
        Ok(())
    }

    /// Has the host's engine pull the image from here. It asks for each part by its digest, and looks at it.
    async fn offer(&self) -> Result<(), ApplyError> {
        let name = random_name().map_err(DockerError::Upload)?;
        let mut listener = self.target.transport.listen().await?;
        let offer = Arc::new(Offer::new(Arc::clone(self.image), name));
        let reference = offer.reference(listener.port);
        let pulling = self.target.pull_once(&reference, self.step, self.tell);
        let pulled = tokio::select! {
            pulled = pulling => pulled,
            never = offer.serve(&mut listener) => match never {},
        };
        listener.close().await;
        pulled?;
        Ok(self.target.rename(&reference, self.tag).await?)
    }

    /// That an engine took an image does not say that the image is whole.
    async fn verify(&self) -> Result<(), ApplyError> {
        let (identity, in_containerd) = (self.image.identity(), self.there.in_containerd);
        let seen = self.engine.is_whole(self.tag, &identity, in_containerd);
        match seen.await? {
            true => Ok(()),
            false => Err(ApplyError::Docker(DockerError::Failed {
                what: format!("load {}", self.tag),
                why: "it is not whole there".into(),
            })),
        }
    }

    fn not_whole(&self, error: ApplyError) -> ApplyError {
        ApplyError::NotWhole {
            image: self.tag.to_owned(),
            source: Box::new(error),
        }
    }
}

#[cfg(test)]
mod tests;
