//! `stackctl.yaml` → [`Stack`], or everything that is wrong with it, each with its place.
//!
//! The text becomes a tree that knows places (`tree`), hand-written readers walk it by the tables in `keys` and go on
//! after an error, and `relations` settles what the parts say of each other. Nothing here reads a file, the
//! environment, a clock or a network.

mod error;
mod hooks;
mod hosts;
mod hosts_block;
mod keys;
mod reader;
mod relations;
mod schema;
mod services;
mod sites;
#[cfg(test)]
mod tests;
mod tree;
mod unit;

pub use error::{ConfigError, ConfigErrors};
pub use hosts_block::replace_hosts;
pub use schema::schema;

use std::path::PathBuf;

use crate::model::{Stack, StackName};
use error::Problems;
use reader::{Fields, Reader};
use relations::Relations;
use tree::Node;

/// A commented `stackctl.yaml` to begin with; it parses.
pub const STARTER: &str = include_str!("starter.yaml");

/// A yaml text and what to call it in messages.
#[derive(Debug, Clone, Copy)]
pub struct SourceText<'a> {
    /// As the user named it, usually a path.
    pub name: &'a str,
    pub text: &'a str,
}

impl<'a> SourceText<'a> {
    /// Without the mark that some editors put first.
    fn body(&self) -> &'a str {
        self.text.strip_prefix('\u{feff}').unwrap_or(self.text)
    }
}

/// What a yaml's paths are relative to.
#[derive(Debug, Clone)]
pub struct Surroundings {
    /// The yaml's folder, absolute.
    pub base: PathBuf,
    /// What `~` stands for.
    pub home: Option<PathBuf>,
}

/// Reads a stack, or reports everything that is wrong with it.
pub fn parse(source: &SourceText<'_>, around: &Surroundings) -> Result<Stack, ConfigErrors> {
    parse_with_overlay(source, None, around)
}

/// As [`parse`], with an environment's yaml laid over the stack's: maps merge by key, everything else replaces.
pub fn parse_with_overlay(
    base: &SourceText<'_>,
    overlay: Option<&SourceText<'_>>,
    around: &Surroundings,
) -> Result<Stack, ConfigErrors> {
    let sources: Vec<SourceText<'_>> = std::iter::once(*base).chain(overlay.copied()).collect();
    let mut problems = Problems::default();
    let trees: Vec<Option<Node>> = sources
        .iter()
        .enumerate()
        .map(|(file, source)| tree::build(file, source.body(), &mut problems))
        .collect();
    let whole: Option<Vec<Node>> = trees.into_iter().collect();
    let stack = whole
        .and_then(|trees| trees.into_iter().reduce(tree::overlay))
        .and_then(|tree| {
            let mut reader = Reader {
                problems: &mut problems,
                around,
            };
            stack(&mut reader, &tree)
        });
    match stack {
        Some(stack) if problems.is_empty() => Ok(stack),
        _ => Err(problems.into_errors(&sources)),
    }
}

fn stack(reader: &mut Reader<'_>, tree: &Node) -> Option<Stack> {
    let fields = reader.fields("the stack", tree, &keys::STACK)?;
    let name = fields.parsed::<StackName>(reader, "stack");
    let keep = fields.number(reader, "keep");
    let firewall = firewall(reader, &fields);
    let hosts = fields.node("hosts").map(|node| hosts::read(reader, node));
    let hosts = hosts.unwrap_or_default();
    let services = fields.node("services");
    let services = services.map(|node| services::read(reader, node, name.as_ref()));
    let services = services.unwrap_or_default();
    let sites = fields.node("sites").map(|node| sites::read(reader, node));
    let sites = sites.unwrap_or_default();
    let relations = Relations {
        hosts: &hosts,
        services: &services,
        sites: &sites,
    };
    let resolved = relations.services(reader);
    let sites = relations.sites(reader);
    let hooks = fields.node("hooks");
    let hooks = hooks.map(|node| hooks::read(reader, node, &relations));
    Some(Stack {
        name: name?,
        keep: keep?,
        firewall: firewall?,
        hosts: hosts.hosts,
        services: resolved,
        sites,
        hooks: hooks.unwrap_or_default(),
    })
}

fn firewall(reader: &mut Reader<'_>, fields: &Fields<'_>) -> Option<bool> {
    let text = fields.text(reader, "firewall")?;
    match text.value {
        "on" => Some(true),
        "off" => Some(false),
        other => {
            let message = format!("`firewall`: expected `on` or `off`, found `{other}`");
            reader.report("wrong-type", text.span, message);
            None
        }
    }
}
