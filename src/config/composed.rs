//! `compose:`: the services of a compose file become services of the stack, and `services:` adds what compose cannot say.

mod app;
mod container;
mod files;
mod options;
mod place;
mod resources;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::Elsewhere;
use super::error::Span;
use super::keys::COMPOSE;
use super::reader::{At, Reader};
use super::services::RawService;
use super::tree::{Entry, Kind, Node};
use crate::compose::{self, Loaded, Note, Request};
use crate::model::{Network, ServiceName, StackName, Volume};
use place::Place;

/// A project that was read, and what surrounds it.
pub(super) struct Composition<'a> {
    pub loaded: &'a Loaded,
    pub files: &'a dyn compose::Files,
    /// The project's folder, absolute.
    folder: PathBuf,
    home: Option<PathBuf>,
    /// How many texts come before the project's own, where places are told.
    offset: usize,
    /// The services that a route leads to.
    routed: BTreeSet<ServiceName>,
    /// Ports of the host that are taken, and the service that does.
    published: BTreeMap<(u16, String), String>,
    /// Whether the stack's hosts have a firewall.
    is_firewalled: bool,
    /// Where images are built, by the names in the project of the services that do, where something is said of it.
    places: BTreeMap<String, Place>,
    /// What works but may not be meant.
    pub notes: Vec<Note>,
}

/// What is to be read, as `compose:` says.
pub(super) fn request(
    reader: &mut Reader<'_>,
    tree: &Node,
    elsewhere: &Elsewhere<'_>,
) -> Option<Request> {
    let node = &tree.get("compose")?.value;
    let (files, profiles) = match &node.kind {
        Kind::Map(_) => {
            let fields = reader.fields("`compose`", node, &COMPOSE)?;
            let files = paths(reader, fields.node("files")?)?;
            let profiles = fields.node("profiles");
            let profiles = profiles.and_then(|node| reader.list("profiles", node, "a list"));
            (files, profiles.unwrap_or_default())
        }
        _ => (paths(reader, node)?, Vec::new()),
    };
    let name = match &tree.get("stack")?.value.kind {
        Kind::Scalar(name) => name.parse::<StackName>().ok()?,
        _ => return None,
    };
    let folder = files.first()?.parent()?.to_owned();
    Some(Request {
        folder,
        files,
        home: reader.around.home.clone(),
        variables: elsewhere.variables.clone(),
        profiles: profiles.into_iter().map(|profile| profile.value).collect(),
        name: Some(name.to_string()),
    })
}

fn paths(reader: &mut Reader<'_>, node: &Node) -> Option<Vec<PathBuf>> {
    let texts = match &node.kind {
        Kind::Scalar(text) => vec![At {
            value: text.clone(),
            span: node.span,
        }],
        _ => reader.list("compose", node, "a compose file or a list of them")?,
    };
    if texts.is_empty() {
        reader.wrong("compose", node, "a compose file or a list of them");
        return None;
    }
    let path = |reader: &mut Reader<'_>, text: &At<String>| {
        let text = At {
            value: text.value.as_str(),
            span: text.span,
        };
        reader.path(&text)
    };
    texts.iter().map(|text| path(reader, text)).collect()
}

impl<'a> Composition<'a> {
    pub fn new(
        loaded: &'a Loaded,
        request: &Request,
        elsewhere: &Elsewhere<'a>,
        offset: usize,
    ) -> Self {
        Self {
            loaded,
            files: elsewhere.files,
            folder: request.folder.clone(),
            home: request.home.clone(),
            offset,
            routed: BTreeSet::new(),
            published: BTreeMap::new(),
            is_firewalled: false,
            places: BTreeMap::new(),
            notes: loaded.notes.clone(),
        }
    }

    /// Which of the services a route leads to must be known before they are read.
    pub fn prepare(&mut self, routed: impl Iterator<Item = ServiceName>, is_firewalled: bool) {
        self.routed.extend(routed);
        self.is_firewalled = is_firewalled;
    }

    /// The name in the stack of a service of the project: what stackctl makes names of has no `_` and no `.`.
    fn name_of(name: &str) -> String {
        name.to_ascii_lowercase().replace(['_', '.'], "-")
    }

    /// The project's service of this name in the stack.
    pub fn service(&self, name: &str) -> Option<&'a str> {
        let mut names = self.loaded.project.services.keys();
        names
            .find(|known| Self::name_of(known) == name)
            .map(String::as_str)
    }

    /// All services of the project, each with what `services:` adds to it.
    pub fn services(
        &mut self,
        reader: &mut Reader<'_>,
        added: &[&Entry],
    ) -> (
        Vec<RawService>,
        BTreeMap<String, Network>,
        BTreeMap<String, Volume>,
    ) {
        let loaded = self.loaded;
        let mut services: Vec<RawService> = Vec::new();
        // A service may have the image that another one builds.
        for entry in added {
            if let Some(name) = self.service(&entry.key)
                && let Some(place) = self.place(reader, name, entry)
            {
                self.places.insert(name.to_owned(), place);
            }
        }
        for name in loaded.project.services.keys() {
            let span = self.span(&["services", name]);
            let ours = Self::name_of(name);
            let Some(parsed) = reader.parse::<ServiceName>(&ours, span) else {
                continue;
            };
            if let Some(other) = services.iter().find(|other| other.name == parsed) {
                let message = format!("two services are called `{parsed}` in the stack");
                reader
                    .report("duplicate-key", span, message)
                    .also(other.span, "the other one is here")
                    .hint("`_` and `.` become `-`: give one of them another name");
                continue;
            }
            let entry = added.iter().find(|entry| entry.key == ours);
            services.extend(self.read(reader, name, parsed, entry.copied()));
        }
        let networks = self.networks(reader);
        let volumes = self.volumes(reader);
        (services, networks, volumes)
    }

    /// Where something stands: the keys that lead to it, with numbers for elements of lists. The nearest that is there.
    fn span(&self, keys: &[&str]) -> Span {
        let mut node = &self.loaded.tree;
        let mut span = node.span;
        for key in keys {
            match &node.kind {
                Kind::Map(_) => {
                    let Some(entry) = node.get(key) else { break };
                    (span, node) = (entry.span, &entry.value);
                }
                Kind::List(items) => {
                    let Some(item) = key.parse().ok().and_then(|at: usize| items.get(at)) else {
                        break;
                    };
                    (span, node) = (item.span, item);
                }
                _ => break,
            }
        }
        Span {
            file: span.file + self.offset,
            ..span
        }
    }

    /// Whether something is written there.
    fn is_written(&self, keys: &[&str]) -> bool {
        let mut node = &self.loaded.tree;
        for key in keys {
            match node.get(key) {
                Some(entry) => node = &entry.value,
                None => return false,
            }
        }
        true
    }

    /// The element of a list whose text holds `part`.
    fn span_of_item(&self, keys: &[&str], part: &str) -> Span {
        let mut node = &self.loaded.tree;
        for key in keys {
            match node.get(key) {
                Some(entry) => node = &entry.value,
                None => return self.span(keys),
            }
        }
        let holds = |item: &Node| match &item.kind {
            Kind::Scalar(text) => text.contains(part),
            Kind::Map(entries) => entries.iter().any(
                |entry| matches!(&entry.value.kind, Kind::Scalar(text) if text.contains(part)),
            ),
            _ => false,
        };
        let items: &[Node] = match &node.kind {
            Kind::List(items) => items,
            _ => &[],
        };
        match items.iter().find(|item| holds(item)) {
            Some(item) => Span {
                file: item.span.file + self.offset,
                ..item.span
            },
            None => self.span(keys),
        }
    }

    /// Tells what works but may not be meant.
    fn note(&mut self, span: Span, message: String) {
        let (file, text) = &self.loaded.texts[span.file - self.offset];
        let before = text.get(..span.start).unwrap_or_default();
        self.notes.push(Note {
            file: file.clone(),
            line: before.matches('\n').count() + 1,
            message,
        });
    }

    /// What a path of this machine is called in messages.
    fn shown(&self, path: &str) -> String {
        let path = Path::new(path);
        match path.strip_prefix(&self.folder) {
            Ok(below) => format!("./{}", below.display()),
            Err(_) => path.display().to_string(),
        }
    }
}
