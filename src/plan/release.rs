//! Releases: one immutable version of a service, named by the digest of all that it is made of.

use std::path::Path;

use super::container;
use crate::facts::{SourceEntry, SourceTree, sha256};
use crate::model::{
    App, Build, Host, HostName, ImageSource, ReleaseId, Service, ServiceKind, ServiceName, Stack,
    StaticFiles,
};
use crate::render::{self, FillView, Project, RenderError, Templates};

/// One service's release for one host, complete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    pub service: ServiceName,
    pub host: HostName,
    pub id: ReleaseId,
    /// What is built, or served as it is; none for an image that is pulled.
    pub tree: Option<SourceTree>,
    /// The Dockerfile we rendered because the service has none.
    pub dockerfile: Option<String>,
}

/// Makes a release of `service` for `host` from what its folder holds now.
///
/// `tree` is the build context or the static folder; `None` for a service that pulls its image.
pub fn prepare(
    stack: &Stack,
    service: &Service,
    host: &Host,
    tree: Option<&SourceTree>,
    templates: &Templates,
) -> Result<Release, RenderError> {
    let (tree, dockerfile, id) = match &service.kind {
        ServiceKind::Static(files) => {
            let tree = fill(stack, host, files, tree)?;
            let id = id(&[
                "static",
                &tree.as_ref().map(SourceTree::digest).unwrap_or_default(),
            ]);
            (tree, None, id)
        }
        ServiceKind::App(app) => {
            let dockerfile = match (&app.source, tree) {
                (ImageSource::Build(build), Some(tree)) if build.dockerfile.is_none() => {
                    Some(render::dockerfile(templates, app, build, &project(tree))?)
                }
                _ => None,
            };
            let id = app_id(stack, service, app, tree, dockerfile.as_deref());
            (tree.cloned(), dockerfile, id)
        }
        ServiceKind::Mysql(_) => unreachable!("databases have no releases"),
    };
    Ok(Release {
        service: service.name.clone(),
        host: host.name.clone(),
        id,
        tree,
        dockerfile,
    })
}

fn app_id(
    stack: &Stack,
    service: &Service,
    app: &App,
    tree: Option<&SourceTree>,
    dockerfile: Option<&str>,
) -> ReleaseId {
    // The container as it would be, under names that do not depend on the id that is being made.
    let nameless = id(&[""]);
    let spec = container::app(stack, service, app, &nameless, String::new(), None).digest();
    let source = match &app.source {
        ImageSource::Image(image) => image.to_string(),
        ImageSource::Build(Build {
            dockerfile, args, ..
        }) => format!("{dockerfile:?} {args:?}"),
    };
    let command = app.release.as_deref().unwrap_or_default().join("\0");
    let tree = tree.map(SourceTree::digest).unwrap_or_default();
    id(&[
        "app",
        &spec,
        &source,
        &command,
        &tree,
        dockerfile.unwrap_or_default(),
    ])
}

fn id(parts: &[&str]) -> ReleaseId {
    let digest = sha256(parts.join("\n\0").as_bytes());
    digest[..12].parse().expect("hex digits")
}

fn fill(
    stack: &Stack,
    host: &Host,
    files: &StaticFiles,
    tree: Option<&SourceTree>,
) -> Result<Option<SourceTree>, RenderError> {
    let Some(mut tree) = tree.cloned() else {
        return Ok(None);
    };
    let view = FillView {
        host_public: &host.public,
        host_name: host.name.as_str(),
        stack: stack.name.as_str(),
    };
    for (path, values) in &files.fill {
        let key = path.to_string_lossy().replace('\\', "/");
        if let Some(SourceEntry::File(file)) = tree.entries.get_mut(&key) {
            let raw = file.contents.take().unwrap_or_default();
            let filled = render::static_file(&raw, Path::new(&key), values, view)?;
            file.digest = sha256(&filled);
            file.size = filled.len() as u64;
            file.contents = Some(filled);
        }
    }
    Ok(Some(tree))
}

/// What a context folder tells about the program in it.
fn project(tree: &SourceTree) -> Project {
    let text = |path: &str| match tree.entries.get(path) {
        Some(SourceEntry::File(file)) => file
            .contents
            .as_deref()
            .map(|bytes| String::from_utf8_lossy(bytes).into_owned()),
        _ => None,
    };
    Project {
        requirements: text("requirements.txt"),
        has_main_py: tree.has_file("main.py"),
        package: text("package.json"),
        has_package_lock: tree.has_file("package-lock.json"),
    }
}
