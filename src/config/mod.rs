//! `stackctl.yaml` → [`Stack`], or everything that is wrong with it, each with its place.
//!
//! The text becomes a tree that knows places ([`crate::yaml`]), hand-written readers walk it by the tables in `keys` and go on
//! after an error, and `relations` settles what the parts say of each other. Nothing here reads a file, the
//! environment, a clock or a network.

mod composed;
mod database;
mod edges;
mod groups;
mod hooks;
mod hosts;
mod hosts_block;
mod keys;
mod reader;
mod registries;
mod relations;
mod rollout;
mod routes;
mod schema;
mod secret_source;
mod secrets;
mod services;
mod sites;
mod static_files;
#[cfg(test)]
mod tests;
mod tls;
mod unit;

pub use crate::yaml::{ConfigError, ConfigErrors, SourceText};
pub use hosts_block::replace_hosts;
pub use schema::schema;

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::compose::{self, Files, Note};
use crate::model::{Stack, StackName};
use crate::yaml::{error, tree};
use composed::Composition;
use error::{Problems, Span};
use reader::Reader;
use relations::Relations;
use routes::RawRoute;
use tree::{Entry, Node};

/// A commented `stackctl.yaml` to begin with; it parses.
pub const STARTER: &str = include_str!("starter.yaml");

const WHEN_EMPTY: &str = "`stackctl init` writes a commented one to begin with";

/// What a yaml's paths are relative to.
#[derive(Debug, Clone)]
pub struct Surroundings {
    /// The yaml's folder, absolute.
    pub base: PathBuf,
    /// What `~` stands for.
    pub home: Option<PathBuf>,
}

/// What files that the yaml names are read from.
#[derive(Clone)]
pub struct Elsewhere<'a> {
    pub files: &'a dyn Files,
    /// Variables, which count more than those of `.env`.
    pub variables: BTreeMap<String, String>,
}

/// What was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Read {
    pub stack: Stack,
    /// What works but may not be meant, in compose files.
    pub notes: Vec<Note>,
}

/// Reads a stack that names no other files, or reports everything that is wrong with it.
pub fn parse(source: &SourceText<'_>, around: &Surroundings) -> Result<Stack, ConfigErrors> {
    let elsewhere = Elsewhere {
        files: &BTreeMap::<PathBuf, String>::new(),
        variables: BTreeMap::new(),
    };
    read(source, None, around, &elsewhere).map(|read| read.stack)
}

/// Reads a stack, with an environment's yaml laid over the stack's (maps merge by key, everything else replaces) and with the
/// services of its compose file; or reports everything that is wrong with them.
pub fn read(
    base: &SourceText<'_>,
    overlay: Option<&SourceText<'_>>,
    around: &Surroundings,
    elsewhere: &Elsewhere<'_>,
) -> Result<Read, ConfigErrors> {
    let mut sources: Vec<SourceText<'_>> = std::iter::once(*base).chain(overlay.copied()).collect();
    let mut problems = Problems::default();
    let trees: Vec<Option<Node>> = sources
        .iter()
        .enumerate()
        .map(|(file, source)| tree::build(file, source.body(), WHEN_EMPTY, &mut problems))
        .collect();
    let whole: Option<Vec<Node>> = trees.into_iter().collect();
    let tree = whole.and_then(|trees| trees.into_iter().reduce(tree::overlay));
    let request = tree.as_ref().and_then(|tree| {
        let mut reader = Reader {
            problems: &mut problems,
            around,
            files: elsewhere.files,
        };
        composed::request(&mut reader, tree, elsewhere)
    });
    // Nothing can be said of what refers to services that nobody could read.
    let loaded = match &request {
        Some(request) => Some(compose::load(request, elsewhere.files)?),
        None => None,
    };
    let mut notes = Vec::new();
    let stack = tree.as_ref().and_then(|tree| {
        let mut composition = loaded
            .as_ref()
            .zip(request.as_ref())
            .map(|(loaded, request)| Composition::new(loaded, request, elsewhere, sources.len()));
        let mut reader = Reader {
            problems: &mut problems,
            around,
            files: elsewhere.files,
        };
        let mut unused = Vec::new();
        let stack = stack(&mut reader, tree, composition.as_mut(), &mut unused);
        notes = composition.map(|all| all.notes).unwrap_or_default();
        notes.extend(unused.into_iter().map(|told| note(&sources, told)));
        stack
    });
    let texts = loaded.iter().flat_map(|loaded| &loaded.texts);
    sources.extend(texts.map(|(name, text)| SourceText { name, text }));
    match stack {
        Some(stack) if problems.is_empty() => Ok(Read { stack, notes }),
        _ => Err(problems.into_errors(&sources)),
    }
}

/// Something to tell that is written at `span`.
fn note(sources: &[SourceText<'_>], (span, message): (Span, String)) -> Note {
    let source = &sources[span.file];
    let before = source.body().get(..span.start).unwrap_or_default();
    Note {
        file: source.name.to_owned(),
        line: before.matches('\n').count() + 1,
        message,
    }
}

fn stack(
    reader: &mut Reader<'_>,
    tree: &Node,
    composition: Option<&mut Composition<'_>>,
    unused: &mut Vec<(Span, String)>,
) -> Option<Stack> {
    let fields = reader.fields("the stack", tree, &keys::STACK)?;
    let name = fields.parsed::<StackName>(reader, "stack");
    let keep = fields.number(reader, "keep");
    let firewall = fields.switch(reader, "firewall");
    let rollout = fields.node("rollout");
    let rollout = rollout.and_then(|node| rollout::read(reader, node));
    let hosts = fields.node("hosts").map(|node| hosts::read(reader, node));
    let mut hosts = hosts.unwrap_or_default();
    if let Some(node) = fields.node("groups") {
        groups::read(reader, node, &mut hosts);
    }
    let registries = fields
        .node("registries")
        .map(|node| registries::read(reader, node));
    let sites = fields.node("sites").map(|node| sites::read(reader, node));
    let sites = sites.unwrap_or_default();
    if !fields.has("services") && !fields.has("compose") {
        reader
            .report(
                "missing-key",
                tree.span,
                "`services` is missing in the stack".into(),
            )
            .hint("write the parts of the stack there, or name a compose file in `compose`");
    }
    let known = composition.as_deref();
    let is_composed = |name: &str| known.is_some_and(|all| all.service(name).is_some());
    let written = fields.node("services");
    let own = written.map(|node| services::read(reader, node, name.as_ref(), &is_composed));
    let mut services = own.unwrap_or_default();
    let (mut networks, mut volumes) = (BTreeMap::new(), BTreeMap::new());
    if let Some(composition) = composition {
        let routes = sites.iter().flat_map(|site| &site.routes);
        let targets = routes.filter_map(RawRoute::service);
        composition.prepare(targets.cloned(), firewall == Some(true));
        let added: Vec<&Entry> = written.map_or(Vec::new(), |node| {
            let entries = node.entries().iter();
            entries.collect()
        });
        let more;
        (more, networks, volumes) = composition.services(reader, &added);
        services.extend(more);
    } else if services.is_empty() && written.is_some_and(|node| node.entries().is_empty()) {
        let span = fields.key_span("services");
        services::none(reader, span);
    }
    let relations = Relations {
        hosts: &hosts,
        services: &services,
        sites: &sites,
    };
    let resolved = relations.services(reader);
    let declared = fields.node("secrets");
    let declared = declared.map(|node| secrets::read(reader, node));
    let declared = declared.unwrap_or_default();
    declared.check(reader, &services);
    *unused = declared.unused(&services);
    let sites = relations.sites(reader);
    let hooks = fields.node("hooks");
    let hooks = hooks.map(|node| hooks::read(reader, node, &relations));
    Some(Stack {
        name: name?,
        keep: keep?,
        firewall: firewall?,
        registries: registries.unwrap_or_default(),
        rollout,
        hosts: hosts.hosts,
        services: resolved,
        sites,
        secrets: declared.origins(),
        hooks: hooks.unwrap_or_default(),
        networks,
        volumes,
    })
}
