//! Having an image: from the cache, else pulled, else bootstrapped, else built.

use std::collections::HashMap;
use std::time::Duration;

use bollard::Docker;
use bollard::models::{BuildInfo, CreateImageInfo};
use bollard::query_parameters::{
    BuildImageOptionsBuilder, CreateImageOptionsBuilder, TagImageOptionsBuilder,
};
use bytes::Bytes;
use futures_util::StreamExt;

use super::Base;
use super::engine::{Tail, ensure_mmdebstrap, run_script};
use super::error::LabError;
use super::event::{Events, LabEvent, lines};
use super::machine::Machine;
use super::recipe::{self, ROOTFS, Recipe, STAND_IN_LABEL};

/// How long to wait for a public registry before bootstrapping from packages. A registry that is there starts to
/// answer within a second or two; where there is none, everyone waits for this once.
const PULL_ANSWERS_WITHIN: Duration = Duration::from_secs(12);

/// Label of a root file system that came from a public registry, so public images can be had there too.
const PULLED_LABEL: &str = "pulled";

/// Whether this image is in the engine.
pub async fn exists(docker: &Docker, tag: &str) -> Result<bool, LabError> {
    match docker.inspect_image(tag).await {
        Ok(_) => Ok(true),
        Err(bollard::errors::Error::DockerResponseServerError {
            status_code: 404, ..
        }) => Ok(false),
        Err(error) => Err(LabError::engine(format!("look up the image {tag}"))(error)),
    }
}

/// The tag of the base image of a suite, which exists afterwards.
pub async fn ensure_base(
    docker: &Docker,
    base: Base,
    machine: &Machine,
    may_install: bool,
    events: Events<'_>,
) -> Result<String, LabError> {
    let rootfs = recipe::rootfs_tag(base, machine);
    let recipe = recipe::base_recipe(base, &rootfs, machine);
    if !exists(docker, &recipe.tag).await? {
        if !exists(docker, &rootfs).await? {
            ensure_rootfs(docker, base, &rootfs, machine, may_install, events).await?;
        }
        ensure(docker, &recipe, events).await?;
    }
    Ok(recipe.tag)
}

/// Whether the root file system of this suite was pulled, which means that a public registry answers this machine.
pub async fn was_pulled(docker: &Docker, base: Base, machine: &Machine) -> Result<bool, LabError> {
    exists(docker, &pulled_tag(&recipe::rootfs_tag(base, machine))).await
}

/// Builds the image of this recipe unless it is there.
pub async fn ensure(docker: &Docker, recipe: &Recipe, events: Events<'_>) -> Result<(), LabError> {
    if exists(docker, &recipe.tag).await? {
        return Ok(());
    }
    events(LabEvent::Phase {
        name: format!("image {}", recipe.title),
    });
    let context = recipe
        .context()
        .map_err(LabError::file("pack the build context of", &recipe.tag))?;
    let arguments: HashMap<&str, &str> = recipe
        .arguments
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    let labels: HashMap<&str, &str> = recipe
        .really
        .iter()
        .map(|really| (STAND_IN_LABEL, *really))
        .collect();
    let options = BuildImageOptionsBuilder::default()
        .dockerfile("Dockerfile")
        .t(&recipe.tag)
        .rm(true)
        .forcerm(true)
        .buildargs(&arguments)
        .labels(&labels)
        .build();
    let body = bollard::body_full(Bytes::from(context));
    let mut stream = docker.build_image(options, None, Some(body));
    let mut tail = Tail::default();
    let mut failure = None;
    while let Some(item) = stream.next().await {
        match item {
            Ok(BuildInfo {
                stream: Some(text), ..
            }) => {
                lines(events, &text);
                tail.push(&text);
            }
            Ok(_) => {}
            Err(error) => failure = Some(error),
        }
    }
    match failure {
        None => Ok(()),
        Some(error) => Err(LabError::Build {
            image: recipe.title.clone(),
            reason: error.to_string(),
            tail: tail.text(),
        }),
    }
}

async fn ensure_rootfs(
    docker: &Docker,
    base: Base,
    tag: &str,
    machine: &Machine,
    may_install: bool,
    events: Events<'_>,
) -> Result<(), LabError> {
    events(LabEvent::Phase {
        name: format!("root file system of Debian {base}"),
    });
    match pull(docker, base, events).await {
        Ok(pulled) => {
            add_tag(docker, &pulled, tag).await?;
            return add_tag(docker, &pulled, &pulled_tag(tag)).await;
        }
        Err(reason) => events(LabEvent::Line(format!(
            "no registry ({reason}), so from packages instead"
        ))),
    }
    bootstrap(docker, base, tag, machine, may_install, events).await
}

/// Pulls `debian:<suite>`; an error is the reason in words, since not to have a registry is nothing unusual.
async fn pull(docker: &Docker, base: Base, events: Events<'_>) -> Result<String, String> {
    let reference = format!("debian:{base}");
    let options = CreateImageOptionsBuilder::default()
        .from_image("debian")
        .tag(&base.to_string())
        .build();
    let mut stream = std::pin::pin!(docker.create_image(Some(options), None, None));
    let mut answered = false;
    loop {
        let item = if answered {
            stream.next().await
        } else {
            tokio::time::timeout(PULL_ANSWERS_WITHIN, stream.next())
                .await
                .map_err(|_| "no answer".to_owned())?
        };
        match item {
            None => return Ok(reference),
            Some(Err(error)) => return Err(error.to_string()),
            Some(Ok(CreateImageInfo { status, .. })) => {
                answered = true;
                lines(events, &status.unwrap_or_default());
            }
        }
    }
}

async fn bootstrap(
    docker: &Docker,
    base: Base,
    tag: &str,
    machine: &Machine,
    may_install: bool,
    events: Events<'_>,
) -> Result<(), LabError> {
    ensure_mmdebstrap(&base.to_string(), may_install, &mut *events).await?;
    let dir = tempfile::tempdir().map_err(LabError::file("make", "a temporary folder"))?;
    let apt_conf = dir.path().join("apt.conf");
    let out = dir.path().join("rootfs.tar");
    std::fs::write(&apt_conf, &machine.apt_conf).map_err(LabError::file("write", &apt_conf))?;
    let suite = base.to_string();
    let arguments = [
        suite.as_ref(),
        machine.mirror.as_ref(),
        machine.security.as_ref(),
        apt_conf.as_os_str(),
        out.as_os_str(),
    ];
    let (code, tail) = run_script(ROOTFS, &arguments, events).await?;
    if code != 0 {
        return Err(LabError::Build {
            image: format!("root file system of Debian {base}"),
            reason: format!("mmdebstrap failed (exit {code})"),
            tail,
        });
    }
    // In memory, 90 to 140 MB: this machine is about to run systemd hosts with databases in them.
    let tar = tokio::fs::read(&out)
        .await
        .map_err(LabError::file("read", &out))?;
    let (repository, hash) = tag.rsplit_once(':').unwrap_or((tag, "latest"));
    let options = CreateImageOptionsBuilder::default()
        .from_src("-")
        .repo(repository)
        .tag(hash)
        .build();
    let body = bollard::body_full(Bytes::from(tar));
    let mut stream = std::pin::pin!(docker.create_image(Some(options), Some(body), None));
    let mut result = Ok(());
    while let Some(item) = stream.next().await {
        if let Err(error) = item {
            result = Err(LabError::engine(format!("import {tag}"))(error));
        }
    }
    result
}

/// Gives an image one more name.
pub async fn add_tag(docker: &Docker, image: &str, tag: &str) -> Result<(), LabError> {
    let (repository, version) = tag.rsplit_once(':').unwrap_or((tag, "latest"));
    let options = TagImageOptionsBuilder::default()
        .repo(repository)
        .tag(version)
        .build();
    docker
        .tag_image(image, Some(options))
        .await
        .map_err(LabError::engine(format!("tag {image} as {tag}")))
}

fn pulled_tag(rootfs: &str) -> String {
    format!("{rootfs}-{PULLED_LABEL}")
}
