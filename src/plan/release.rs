//! Releases: one immutable version of a service, named by the digest of all that it is made of.

use std::path::Path;

use super::container;
use super::host::HostPlan;
use super::secret::ReleaseSecrets;
use crate::facts::{GivenToService, SourceEntry, SourceTree, sha256};
use crate::model::{
    App, AppSource, Build, Composed, Container, Filling, Host, HostName, ReleaseId, RemoteFile,
    Service, ServiceKind, ServiceName, Stack, StaticBuild, StaticFiles, Unit,
};
use crate::render::{self, FillView, Project, RenderError, Templates};

/// One service's release for one host, complete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    pub service: ServiceName,
    pub host: HostName,
    pub id: ReleaseId,
    /// The id that its content gives; `id` is another where it was made again on the host.
    pub content: ReleaseId,
    /// What is built, or served as it is; none for an image that is pulled.
    pub tree: Option<SourceTree>,
    /// The Dockerfile we rendered because the service has none.
    pub dockerfile: Option<String>,
    /// What is filled into files once they are built.
    pub fill: Vec<Filling>,
    /// What this machine gives it that nobody may see.
    pub secrets: ReleaseSecrets,
}

/// Makes a release of `service` for `host` from what its folder holds now.
///
/// `tree` is the build context or the static folder; `None` for a service that pulls its image. `given` are the values of its
/// secrets; `None` where nothing is sent.
pub fn prepare(
    stack: &Stack,
    service: &Service,
    host: &Host,
    tree: Option<&SourceTree>,
    given: Option<&GivenToService>,
    templates: &Templates,
) -> Result<Release, RenderError> {
    let secrets = ReleaseSecrets::of(stack, service, given)?;
    let (tree, dockerfile, id) = match &service.kind {
        ServiceKind::Static(files) => {
            if let (Some(build), Some(tree)) = (&files.build, tree) {
                let fill = fillings(stack, host, files)?;
                let id = built_id(service, files, build, tree, &fill)?;
                return Ok(Release {
                    service: service.name.clone(),
                    host: host.name.clone(),
                    content: id.clone(),
                    id,
                    tree: Some(tree.clone()),
                    dockerfile: None,
                    fill,
                    secrets,
                });
            }
            let tree = fill(stack, host, files, tree)?;
            let id = id(&[
                "static",
                &tree.as_ref().map(SourceTree::digest).unwrap_or_default(),
            ]);
            (tree, None, id)
        }
        ServiceKind::App(app) => {
            let dockerfile = match (&app.source, tree) {
                (AppSource::Build(build), _) if build.inline.is_some() => build.inline.clone(),
                (AppSource::Build(build), Some(tree)) if build.dockerfile.is_none() => {
                    Some(render::dockerfile(templates, app, build, &project(tree))?)
                }
                _ => None,
            };
            let id = match (&app.source, tree) {
                (AppSource::Unit(unit), Some(tree)) => {
                    unit_id(templates, stack, service, (app, unit), (tree, &secrets))?
                }
                _ => app_id(stack, service, app, (tree, &secrets), dockerfile.as_deref()),
            };
            (tree.cloned(), dockerfile, id)
        }
        ServiceKind::Container(container) => {
            let id = container_id(stack, service, container, (tree, &secrets));
            let dockerfile = match &container.source {
                AppSource::Build(build) => build.inline.clone(),
                AppSource::Image(_) | AppSource::Unit(_) => None,
            };
            (tree.cloned(), dockerfile, id)
        }
        ServiceKind::Database(_) | ServiceKind::External(_) => {
            unreachable!("databases have no releases")
        }
    };
    Ok(Release {
        service: service.name.clone(),
        host: host.name.clone(),
        content: id.clone(),
        id,
        tree,
        dockerfile,
        fill: Vec::new(),
        secrets,
    })
}

impl Release {
    /// How often one content can be made again on a host before its ids are used anew.
    pub(super) const AGAIN: u32 = 99;

    /// The id of the same content made again for the `count`th time.
    pub(super) fn again(content: &ReleaseId, count: u32) -> ReleaseId {
        match count {
            0 => content.clone(),
            _ => id(&["again", content.as_str(), &count.to_string()]),
        }
    }
}

impl HostPlan<'_> {
    /// A release as this host has it: made again there, its content goes by another id.
    pub(super) fn as_here(&self, release: &Release) -> Release {
        let Some(service) = self.stack.services.get(&release.service) else {
            return release.clone();
        };
        let again = |count| Release::again(&release.content, count);
        let served = self.served(service);
        let serving = self.serving(service);
        let mut ids = (0..=Release::AGAIN).rev().map(again);
        let id = ids
            .clone()
            .find(|id| serving.as_ref() == Some(id))
            .or_else(|| ids.find(|id| served.contains_key(id)));
        Release {
            id: id.unwrap_or_else(|| release.content.clone()),
            ..release.clone()
        }
    }

    /// The id under which a release is made again: none that the host knows of.
    pub(super) fn next_again(&self, service: &Service, release: &Release) -> ReleaseId {
        let served = self.served(service);
        let is_known = |id: &ReleaseId| served.contains_key(id) || self.has_release(service, id);
        let again = |count: u32| Release::again(&release.content, count);
        let last = (1..=Release::AGAIN)
            .rev()
            .find(|count| is_known(&again(*count)));
        let last = last.unwrap_or(0);
        // Once the numbers are used up they begin anew, but not with that of one that is still here.
        let next = (0..Release::AGAIN).map(|step| again((last + step) % Release::AGAIN + 1));
        let mut next = next.skip_while(is_known);
        next.next().unwrap_or_else(|| again(1))
    }

    /// Whether a release of a service has served here.
    pub(super) fn has_served(&self, service: &Service, id: &ReleaseId) -> bool {
        let served = self.layout.served(&service.name);
        let marks = self.facts.entries.get(served.as_str());
        marks.is_some_and(|marks| marks.contains_key(id.as_str()))
    }

    pub(super) fn has_socket_folder(&self, service: &Service, id: &ReleaseId) -> bool {
        let entries = self.facts.entries.get(self.layout.run().as_str());
        let name = format!("{}.{id}", service.name);
        entries.is_some_and(|names| names.contains_key(&name))
    }
}

fn app_id(
    stack: &Stack,
    service: &Service,
    app: &App,
    (tree, secrets): (Option<&SourceTree>, &ReleaseSecrets),
    dockerfile: Option<&str>,
) -> ReleaseId {
    // The container as it would be, under names that do not depend on the id that is being made.
    let nameless = id(&[""]);
    let spec = container::app(stack, service, app, &nameless, String::new(), Some(0)).digest();
    let source = source_words(&app.source);
    let command = app.release.as_deref().unwrap_or_default().join("\0");
    let tree = tree.map(SourceTree::digest).unwrap_or_default();
    let files = app.composed.as_ref().map(|composed| digests(composed));
    let files = files.unwrap_or_default();
    let mut parts = vec![
        "app",
        &spec,
        &source,
        &command,
        &tree,
        dockerfile.unwrap_or_default(),
    ];
    let secrets = secrets.digests();
    parts.extend(files.iter().chain(&secrets).map(String::as_str));
    id(&parts)
}

/// Of a container that is replaced in its place: another definition, image or content of a file is another id.
fn container_id(
    stack: &Stack,
    service: &Service,
    container: &Container,
    (tree, secrets): (Option<&SourceTree>, &ReleaseSecrets),
) -> ReleaseId {
    // As it would be under names that do not depend on the id that is being made.
    let nameless = id(&[""]);
    let spec = container::in_place(stack, service, container, &nameless, String::new()).digest();
    let inline = match &container.source {
        AppSource::Build(build) => build.inline.clone().unwrap_or_default(),
        AppSource::Image(_) | AppSource::Unit(_) => String::new(),
    };
    let tree = tree.map(SourceTree::digest).unwrap_or_default();
    let source = source_words(&container.source);
    let files = digests(&container.composed);
    let mut parts = vec!["container", &spec, &source, &tree, &inline];
    let secrets = secrets.digests();
    parts.extend(files.iter().chain(&secrets).map(String::as_str));
    id(&parts)
}

fn source_words(source: &AppSource) -> String {
    match source {
        AppSource::Image(image) => image.to_string(),
        AppSource::Build(Build {
            dockerfile,
            args,
            target,
            ..
        }) => {
            let target = target.as_ref().map(|stage| format!(" {stage:?}"));
            format!("{dockerfile:?} {args:?}{}", target.unwrap_or_default())
        }
        AppSource::Unit(unit) => format!("{unit:?}"),
    }
}

/// What stands for the files that a container gets: what is in them, and who may read it.
fn digests(composed: &Composed) -> Vec<String> {
    let files = composed.files.iter();
    files
        .map(|file| {
            let contents = sha256(file.contents.reveal().as_bytes());
            format!("{:o} {} {} {contents}", file.mode, file.user, file.group)
        })
        .collect()
}

fn unit_id(
    templates: &Templates,
    stack: &Stack,
    service: &Service,
    (app, unit): (&App, &Unit),
    (tree, secrets): (&SourceTree, &ReleaseSecrets),
) -> Result<ReleaseId, RenderError> {
    render::check_unit_source(service, unit, &project(tree))?;
    let unit_install = unit.install;
    // As they would be under names that do not depend on the id that is being made.
    let nameless = id(&[""]);
    let files = super::unit::files(templates, stack, service, (app, unit), &nameless, Some(0))?;
    let text = |file: &RemoteFile| String::from_utf8_lossy(&file.contents).into_owned();
    let (unit, environment) = (text(&files.unit), text(&files.environment));
    let release = app.release.as_deref().unwrap_or_default().join("\0");
    let (install, tree) = (format!("{:?}", unit_install), tree.digest());
    let mut parts = vec!["unit", &unit, &environment, &release, &install, &tree];
    let secrets = secrets.digests();
    parts.extend(secrets.iter().map(String::as_str));
    Ok(id(&parts))
}

/// Of what it is built from, and what must come out: nobody knows what does before it is built.
fn built_id(
    service: &Service,
    files: &StaticFiles,
    build: &StaticBuild,
    tree: &SourceTree,
    fill: &[Filling],
) -> Result<ReleaseId, RenderError> {
    render::check_build_source(service, build, &project(tree))?;
    Ok(id(&[
        "built",
        &tree.digest(),
        &build.command.join("\0"),
        &format!("{:?} {:?} {:?}", build.install, build.output, build.env),
        &format!("{:?}", files.fallback),
        &format!("{fill:?}"),
    ]))
}

fn id(parts: &[&str]) -> ReleaseId {
    let digest = sha256(parts.join("\n\0").as_bytes());
    digest[..12].parse().expect("hex digits")
}

fn view<'a>(stack: &'a Stack, host: &'a Host) -> FillView<'a> {
    FillView {
        host_public: &host.public,
        host_name: host.name.as_str(),
        stack: stack.name.as_str(),
    }
}

fn fillings(stack: &Stack, host: &Host, files: &StaticFiles) -> Result<Vec<Filling>, RenderError> {
    let fill = files.fill.iter();
    fill.map(|(path, values)| render::filling(path, values, view(stack, host)))
        .collect()
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
    let view = view(stack, host);
    for (path, values) in &files.fill {
        let key = path.to_string_lossy().replace('\\', "/");
        if let Some(SourceEntry::File(file)) = tree.entries.get_mut(&key) {
            let raw = file.contents.take().unwrap_or_default();
            let filled = render::static_file(&raw, Path::new(&key), values, view)?;
            file.digest = sha256(&filled);
            file.size = filled.len() as u64;
            file.contents = Some(filled);
            // What was compressed before holds the placeholder still.
            tree.entries.remove(&format!("{key}.gz"));
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
