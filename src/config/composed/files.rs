//! What a container sees of files: volumes, folders of the host, memory, secrets, configs, and copies of files of this machine.

use std::path::Path;

use super::super::reader::Reader;
use super::Composition;
use crate::compose::{FileObject, Mount, MountKind, Service};
use crate::model::{ComposedFile, ComposedMount, Secret};

/// As swarms and Kubernetes give secrets: whoever is in the container may read, nobody may write.
const READABLE: u32 = 0o444;
/// Of a script.
const EXECUTABLE: u32 = 0o555;

impl Composition<'_> {
    /// Whether a path leads to what this machine has, and hosts have not.
    pub(super) fn is_here(&self, path: &str) -> bool {
        let path = Path::new(path);
        let home = self.home.as_ref();
        path.starts_with(&self.folder) || home.is_some_and(|home| path.starts_with(home))
    }

    pub(super) fn mounts(
        &self,
        reader: &mut Reader<'_>,
        name: &str,
        service: &Service,
    ) -> (Vec<ComposedMount>, Vec<ComposedFile>) {
        let mut mounts = Vec::new();
        let mut files = Vec::new();
        for mount in &service.volumes {
            match mount.kind {
                MountKind::Volume => mounts.push(self.volume(reader, name, mount)),
                MountKind::Tmpfs => {
                    let options = mount.tmpfs.clone().unwrap_or_default();
                    mounts.push(ComposedMount::Memory {
                        to: plain(&mount.target),
                        size: Some(options.size.0).filter(|size| *size > 0),
                        mode: Some(options.mode).filter(|mode| *mode > 0),
                    });
                }
                MountKind::Bind if self.is_here(&mount.source) => {
                    files.extend(self.copy(reader, name, mount));
                }
                MountKind::Bind => mounts.push(bind(mount)),
            }
        }
        self.named(reader, name, service, &mut files);
        (mounts, files)
    }

    fn volume(&self, reader: &mut Reader<'_>, name: &str, mount: &Mount) -> ComposedMount {
        let options = mount.volume.clone().unwrap_or_default();
        if !options.subpath.is_empty() {
            let span = self.span_of_item(&["services", name, "volumes"], &mount.target);
            let message = format!("`subpath` of a volume of `{name}` is not supported");
            reader
                .report("not-supported", span, message)
                .hint("mount the whole volume, or make another one");
        }
        let volumes = &self.loaded.project.volumes;
        let known = volumes.get(&mount.source).map(|known| known.name.clone());
        ComposedMount::Volume {
            name: known,
            to: plain(&mount.target),
            read_only: mount.read_only,
            copies: !options.nocopy,
        }
    }

    /// A file of this machine, of which the host gets a copy.
    fn copy(&self, reader: &mut Reader<'_>, name: &str, mount: &Mount) -> Option<ComposedFile> {
        let span = self.span_of_item(&["services", name, "volumes"], &mount.target);
        let shown = self.shown(&mount.source);
        let (message, hint) = match self.files.read(Path::new(&mount.source)) {
            Ok(Some(text)) => {
                let mode = match text.starts_with("#!") {
                    true => EXECUTABLE,
                    false => READABLE,
                };
                return Some(ComposedFile {
                    to: mount.target.clone(),
                    contents: Secret::new(text),
                    // It may as well be a key.
                    is_secret: true,
                    mode,
                    user: 0,
                    group: 0,
                    read_only: mount.read_only,
                });
            }
            Ok(None) => (
                format!("`{name}` mounts `{shown}`, and there is no such file here"),
                "hosts get copies of files; for data, name a volume and declare it under the top-level `volumes`",
            ),
            Err(why) => (
                format!(
                    "`{name}` mounts `{shown}` of this machine, which is no file of text: {why}"
                ),
                "for data, name a volume and declare it under the top-level `volumes`; for what is the same in each container, copy it into the image; a folder of the host has an absolute path outside of the project",
            ),
        };
        reader.report("not-on-hosts", span, message).hint(hint);
        None
    }

    /// Secrets and configs.
    fn named(
        &self,
        reader: &mut Reader<'_>,
        name: &str,
        service: &Service,
        files: &mut Vec<ComposedFile>,
    ) {
        let project = &self.loaded.project;
        let secrets = service.secrets.iter().map(|mount| (mount, true));
        let configs = service.configs.iter().map(|mount| (mount, false));
        for (mount, is_secret) in secrets.chain(configs) {
            let (section, objects, folder) = match is_secret {
                true => ("secrets", &project.secrets, "/run/secrets/"),
                false => ("configs", &project.configs, "/"),
            };
            let Some(object) = objects.get(&mount.source) else {
                continue;
            };
            let Some(contents) = self.contents(reader, section, &mount.source, object) else {
                continue;
            };
            let to = match mount.target.as_str() {
                "" => format!("{folder}{}", mount.source),
                absolute if absolute.starts_with('/') => absolute.to_owned(),
                relative => format!("{folder}{relative}"),
            };
            let mut number = |text: &str, key: &str| match text {
                "" => 0,
                text => text.parse().unwrap_or_else(|_| {
                    let span = self.span_of_item(&["services", name, section], &mount.source);
                    let message = format!("`{key}` of `{}`: `{text}` is no number", mount.source);
                    reader
                        .report("invalid", span, message)
                        .hint("the host does not know the names that the image has for users");
                    0
                }),
            };
            files.push(ComposedFile {
                to,
                contents: Secret::new(contents),
                // What is filled in from variables may hold a password.
                is_secret: is_secret || object.file.is_empty(),
                mode: mount.mode.unwrap_or(READABLE),
                user: number(&mount.uid, "uid"),
                group: number(&mount.gid, "gid"),
                read_only: true,
            });
        }
    }

    /// What a secret or a config holds.
    fn contents(
        &self,
        reader: &mut Reader<'_>,
        section: &str,
        key: &str,
        object: &FileObject,
    ) -> Option<String> {
        let one = section.trim_end_matches('s');
        let span = self.span(&[section, key]);
        if object.external {
            let message = format!("{one} `{key}` is `external`, which is not supported");
            reader
                .report("not-supported", span, message)
                .hint("external ones are in swarms: write `file` or `environment`");
            return None;
        }
        if !object.environment.is_empty() {
            let value = self.loaded.variables.get(&object.environment);
            if value.is_none() {
                let message = format!(
                    "{one} `{key}`: the variable `{}` has no value",
                    object.environment
                );
                let hint = format!(
                    "set `{}` in the environment or in `.env` beside the compose file",
                    object.environment
                );
                reader.report("variable", span, message).hint(hint);
            }
            return value.cloned();
        }
        if object.file.is_empty() {
            return Some(object.content.clone());
        }
        let shown = self.shown(&object.file);
        let why = match self.files.read(Path::new(&object.file)) {
            Ok(Some(text)) => return Some(text),
            Ok(None) => format!("{one} `{key}`: there is no file `{shown}`"),
            Err(why) => format!("{one} `{key}`: `{shown}` cannot be read: {why}"),
        };
        reader
            .report("no-file", self.span(&[section, key, "file"]), why)
            .hint("paths are relative to the project's folder; it must hold text");
        None
    }
}

/// A path as engines tell it.
fn plain(path: &str) -> String {
    match path.trim_end_matches('/') {
        "" => "/".to_owned(),
        plain => plain.to_owned(),
    }
}

fn bind(mount: &Mount) -> ComposedMount {
    let options = mount.bind.clone().unwrap_or_default();
    ComposedMount::Bind {
        from: plain(&mount.source),
        to: plain(&mount.target),
        read_only: mount.read_only,
        create: options.create_host_path,
        propagation: Some(options.propagation).filter(|text| !text.is_empty()),
    }
}

/// Whether two of a container's files or mounts are seen at one place.
pub(super) fn same_place<'a>(
    mounts: &'a [ComposedMount],
    files: &'a [ComposedFile],
) -> Option<&'a str> {
    let mounts = mounts.iter().map(ComposedMount::place);
    let places: Vec<&str> = mounts
        .chain(files.iter().map(|file| file.to.as_str()))
        .collect();
    let is_again = |at: usize| places[..at].contains(&places[at]);
    (0..places.len())
        .find(|at| is_again(*at))
        .map(|at| places[at])
}
