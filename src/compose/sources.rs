//! The files of a project: read, filled in, extended, included and laid over each other, to one tree.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};
use std::rc::Rc;

use super::interpolate::substitute;
use super::{Files, Note, dotenv, merge};
use crate::yaml::SourceText;
use crate::yaml::error::{Problem, Problems, Span};
use crate::yaml::nearest;
use crate::yaml::tree::{self, Entry, Kind, Node};

const WHEN_EMPTY: &str = "a compose file has at least `services:`";
const SECTIONS: [&str; 5] = ["services", "networks", "volumes", "secrets", "configs"];

/// What variables stand for.
pub(super) type Variables = BTreeMap<String, String>;

/// A text that was read, and what holds for what stands in it.
#[derive(Debug)]
pub(super) struct Source {
    pub name: String,
    pub text: String,
    pub context: Context,
}

/// What relative paths and variables of a file mean.
#[derive(Debug, Clone)]
pub(super) struct Context {
    /// What its paths are relative to.
    pub base: PathBuf,
    /// Where a build without `context` happens.
    pub build: PathBuf,
    pub variables: Rc<Variables>,
}

/// Reads files and keeps what was read.
pub(super) struct Loader<'a> {
    pub files: &'a dyn Files,
    /// What names of files are shown relative to.
    folder: PathBuf,
    pub sources: Vec<Source>,
    pub problems: Problems,
    pub notes: Vec<Note>,
    /// Files that services are extended from, by path and by the variables that they were filled in with.
    extended: BTreeMap<(PathBuf, PathBuf), Option<Node>>,
    /// Services of circles that were told.
    circles: BTreeSet<(PathBuf, String)>,
}

/// A path as written, and where.
type NamedFile = (String, Span);

/// A file whose services can be extended.
struct Scope {
    path: PathBuf,
    services: Node,
    context: Context,
}

impl<'a> Loader<'a> {
    pub fn new(files: &'a dyn Files, folder: &Path) -> Self {
        Self {
            files,
            folder: folder.to_owned(),
            sources: Vec::new(),
            problems: Problems::default(),
            notes: Vec::new(),
            extended: BTreeMap::new(),
            circles: BTreeSet::new(),
        }
    }

    pub fn texts(&self) -> Vec<SourceText<'_>> {
        self.sources
            .iter()
            .map(|source| SourceText {
                name: &source.name,
                text: &source.text,
            })
            .collect()
    }

    fn report(&mut self, code: &'static str, span: Span, message: String) -> &mut Problem {
        self.problems.report(code, span, message)
    }

    /// A name for messages.
    fn shown(&self, path: &Path) -> String {
        let path = path.strip_prefix(&self.folder).unwrap_or(path);
        path.display().to_string()
    }

    /// The text at `path`, registered under its number. `asked` is where the file is named.
    fn register(&mut self, path: &Path, text: String, context: &Context) -> usize {
        self.sources.push(Source {
            name: self.shown(path),
            text: text
                .strip_prefix('\u{feff}')
                .map_or(text.clone(), str::to_owned),
            context: context.clone(),
        });
        self.sources.len() - 1
    }

    /// The text of a file that must be there.
    fn text(&mut self, path: &Path, asked: Option<Span>) -> Option<String> {
        let problem = match self.files.read(path) {
            Ok(Some(text)) => return Some(text),
            Ok(None) => format!("there is no file `{}`", self.shown(path)),
            Err(error) => format!("cannot read `{}`: {error}", self.shown(path)),
        };
        let span = match asked {
            Some(span) => span,
            None => {
                let context = Context {
                    base: PathBuf::new(),
                    build: PathBuf::new(),
                    variables: Rc::default(),
                };
                Span::new(self.register(path, String::new(), &context), 0, 0)
            }
        };
        self.report("no-file", span, problem)
            .hint("paths are relative to the file that names them");
        None
    }

    /// `files` laid over each other, with what they extend and include.
    pub fn load(
        &mut self,
        files: &[PathBuf],
        context: &Context,
        asked: Option<Span>,
        including: &[PathBuf],
    ) -> Option<Node> {
        let mut whole: Option<Node> = None;
        for path in files {
            let mut tree = self.tree(path, context, asked)?;
            self.extend_all(&mut tree, path, context);
            self.include(&mut tree, context, including);
            whole = Some(match whole {
                Some(base) => merge::files(base, tree, &mut self.problems),
                None => tree,
            });
        }
        whole
    }

    /// The tree of one file, filled in.
    fn tree(&mut self, path: &Path, context: &Context, asked: Option<Span>) -> Option<Node> {
        let text = self.text(path, asked)?;
        let file = self.register(path, text, context);
        let body = self.sources[file].text.clone();
        let mut tree = tree::build(file, &body, WHEN_EMPTY, &mut self.problems)?;
        if !matches!(tree.kind, Kind::Map(_)) {
            let message = format!("a compose file is a map, found {}", tree.describe());
            self.report("wrong-type", tree.span, message)
                .hint(WHEN_EMPTY);
            return None;
        }
        self.fill(&mut tree, &context.variables);
        if let Some(version) = tree.get("version") {
            let span = version.span;
            self.note(span, "`version` has no meaning any more and is not read");
        }
        Some(tree)
    }

    fn fill(&mut self, node: &mut Node, variables: &Variables) {
        match &mut node.kind {
            Kind::List(items) => items.iter_mut().for_each(|item| self.fill(item, variables)),
            Kind::Map(entries) => entries
                .iter_mut()
                .for_each(|entry| self.fill(&mut entry.value, variables)),
            Kind::Scalar(text) if text.contains('$') => {
                let mut missing = Vec::new();
                let lookup = |name: &str| variables.get(name).cloned();
                let filled = substitute(text, &lookup, &mut missing);
                match filled {
                    Ok(filled) => *text = filled,
                    Err(fault) => {
                        let (message, hint) = super::describe(&fault);
                        self.report("variable", node.span, message).hint(hint);
                    }
                }
                node.plain = false;
                for name in missing {
                    let message = format!("the variable `{name}` is not set; it is taken as empty");
                    self.note(node.span, &message);
                }
            }
            Kind::Scalar(_) | Kind::Null => {}
        }
    }

    pub fn note(&mut self, span: Span, message: &str) {
        let Some(source) = self.sources.get(span.file) else {
            return;
        };
        let before = source.text.get(..span.start).unwrap_or_default();
        let note = Note {
            file: source.name.clone(),
            line: before.matches('\n').count() + 1,
            message: message.to_owned(),
        };
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    fn extend_all(&mut self, tree: &mut Node, path: &Path, context: &Context) {
        let Some(services) = tree.get("services").map(|entry| entry.value.clone()) else {
            return;
        };
        let scope = Scope {
            path: path.to_owned(),
            services,
            context: context.clone(),
        };
        let Kind::Map(entries) = &mut tree.kind else {
            return;
        };
        let Some(Kind::Map(services)) = entries
            .iter_mut()
            .find(|entry| entry.key == "services")
            .map(|entry| &mut entry.value.kind)
        else {
            return;
        };
        for service in services {
            service.value = self.extend(&scope, service, &mut Vec::new());
        }
    }

    /// The service `entry` laid over those that it extends. `chain` holds who asked for it.
    fn extend(&mut self, scope: &Scope, entry: &Entry, chain: &mut Vec<(PathBuf, String)>) -> Node {
        let mut own = entry.value.clone();
        let Some(extends) = own.get("extends").cloned() else {
            return own;
        };
        if let Kind::Map(entries) = &mut own.kind {
            entries.retain(|entry| entry.key != "extends");
        }
        let Some((service, file)) = self.extended_name(&extends) else {
            return own;
        };
        let here = (scope.path.clone(), entry.key.clone());
        if let Some(at) = chain.iter().position(|asked| *asked == here) {
            self.report_circle(&chain[at..], &here, extends.span);
            return own;
        }
        chain.push(here);
        let base = match file {
            None => self.base(scope, &service, &extends, chain),
            Some(file) => {
                let other = self.scope(scope, &file.0, file.1);
                other.and_then(|other| self.base(&other, &service, &extends, chain))
            }
        };
        chain.pop();
        match base {
            Some(base) => merge::services(base, own, &mut self.problems),
            None => own,
        }
    }

    /// Tells a circle of `extends` once, whichever of its services was asked for first.
    fn report_circle(
        &mut self,
        circle: &[(PathBuf, String)],
        again: &(PathBuf, String),
        span: Span,
    ) {
        if circle.iter().any(|service| self.circles.contains(service)) {
            return;
        }
        self.circles.extend(circle.iter().cloned());
        let names = circle.iter().chain(std::iter::once(again));
        let names: Vec<&str> = names.map(|(_, name)| name.as_str()).collect();
        let message = format!("`{}` extends itself: {}", again.1, names.join(" → "));
        self.report("cycle", span, message)
            .hint("remove one `extends` of these");
    }

    fn base(
        &mut self,
        scope: &Scope,
        service: &str,
        extends: &Entry,
        chain: &mut Vec<(PathBuf, String)>,
    ) -> Option<Node> {
        if let Some(base) = scope.services.get(service) {
            return Some(self.extend(scope, &base.clone(), chain));
        }
        let names = scope
            .services
            .entries()
            .iter()
            .map(|entry| entry.key.as_str());
        let hint = match nearest(service, names.clone()) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("it has: {}", names.collect::<Vec<_>>().join(", ")),
        };
        let file = self.shown(&scope.path);
        let message = format!("`extends`: there is no service `{service}` in {file}");
        self.report("unknown-service", extends.span, message)
            .hint(hint);
        None
    }

    /// The service that `extends` names, and its file.
    fn extended_name(&mut self, extends: &Entry) -> Option<(String, Option<NamedFile>)> {
        let (mut service, mut file) = (None, None);
        match &extends.value.kind {
            Kind::Scalar(name) => service = Some(name.clone()),
            Kind::Map(entries) => {
                for entry in entries {
                    match (entry.key.as_str(), &entry.value.kind) {
                        ("service", Kind::Scalar(name)) => service = Some(name.clone()),
                        ("file", Kind::Null) => {}
                        ("file", Kind::Scalar(path)) => {
                            file = Some((path.clone(), entry.value.span))
                        }
                        _ => {
                            let message = format!("`extends` has no `{}` of this form", entry.key);
                            self.report("unknown-key", entry.span, message)
                                .hint("it has: service, file; both are text");
                        }
                    }
                }
            }
            _ => {}
        }
        if service.is_none() {
            let message = "`extends` names no service".to_owned();
            self.report("missing-key", extends.span, message)
                .hint("write `extends: {service: NAME, file: PATH}`; without `file`, of this file");
        }
        Some((service?, file))
    }

    fn scope(&mut self, scope: &Scope, file: &str, asked: Span) -> Option<Scope> {
        let path = clean(&scope.context.base.join(file));
        let folder = path.parent().unwrap_or(&path).to_owned();
        let context = Context {
            base: folder,
            ..scope.context.clone()
        };
        let key = (path.clone(), context.build.clone());
        if !self.extended.contains_key(&key) {
            let tree = self.tree(&path, &context, Some(asked));
            self.extended.insert(key.clone(), tree);
        }
        let tree = self.extended.get(&key)?.as_ref()?;
        let services = tree.get("services").map(|entry| entry.value.clone());
        Some(Scope {
            services: services.unwrap_or_else(|| tree.clone()),
            path,
            context,
        })
    }

    fn include(&mut self, tree: &mut Node, context: &Context, including: &[PathBuf]) {
        let Kind::Map(entries) = &mut tree.kind else {
            return;
        };
        let Some(at) = entries.iter().position(|entry| entry.key == "include") else {
            return;
        };
        let include = entries.remove(at);
        let Kind::List(items) = &include.value.kind else {
            let message = format!(
                "`include`: expected a list, found {}",
                include.value.describe()
            );
            self.report("wrong-type", include.span, message)
                .hint("write each file on a line of its own, after `- `");
            return;
        };
        for item in items {
            if let Some(included) = self.included(item, context, including) {
                self.import(tree, included, item.span);
            }
        }
    }

    fn included(&mut self, item: &Node, context: &Context, including: &[PathBuf]) -> Option<Node> {
        let (mut paths, mut folder, mut env_files) = (Vec::new(), None, Vec::new());
        match &item.kind {
            Kind::Scalar(path) => paths.push(path.clone()),
            Kind::Map(entries) => {
                for entry in entries {
                    match entry.key.as_str() {
                        "path" => paths = texts(&entry.value),
                        "env_file" => env_files = texts(&entry.value),
                        "project_directory" => folder = texts(&entry.value).pop(),
                        key => {
                            let message = format!("`include` has no `{key}`");
                            self.report("unknown-key", entry.span, message)
                                .hint("it has: path, project_directory, env_file");
                        }
                    }
                }
            }
            _ => {}
        }
        let paths: Vec<PathBuf> = paths
            .iter()
            .map(|path| clean(&context.base.join(path)))
            .collect();
        let Some(first) = paths.first().cloned() else {
            let message = "`include` names no file".to_owned();
            self.report("missing-key", item.span, message)
                .hint("write the path of a compose file");
            return None;
        };
        if including.contains(&first) {
            let names: Vec<String> = including.iter().map(|path| self.shown(path)).collect();
            let message = format!(
                "a file includes itself: {} → {}",
                names.join(" → "),
                self.shown(&first)
            );
            self.report("cycle", item.span, message)
                .hint("remove one `include` of these");
            return None;
        }
        let folder = match folder {
            Some(folder) => clean(&context.base.join(folder)),
            None => first.parent().unwrap_or(&first).to_owned(),
        };
        let mut variables = (*context.variables).clone();
        if env_files.is_empty() {
            let own = self.env_file(&folder.join(".env"), None, context)?;
            add(&mut variables, own);
        }
        for file in env_files {
            let path = clean(&context.base.join(file));
            let own = self.env_file(&path, Some(item.span), context)?;
            add(&mut variables, own);
        }
        let context = Context {
            base: folder.clone(),
            build: folder,
            variables: Rc::new(variables),
        };
        let mut chain = including.to_vec();
        chain.push(first);
        self.load(&paths, &context, Some(item.span), &chain)
    }

    /// The variables of a file; one that is not there is empty unless `asked` names it.
    pub fn env_file(
        &mut self,
        path: &Path,
        asked: Option<Span>,
        context: &Context,
    ) -> Option<Variables> {
        let text = match asked {
            Some(_) => self.text(path, asked)?,
            None => match self.files.read(path) {
                Ok(None) => return Some(Variables::new()),
                _ => self.text(path, asked)?,
            },
        };
        let lookup = |name: &str| context.variables.get(name).cloned();
        match dotenv::parse(&text, &lookup) {
            Ok(variables) => Some(variables),
            Err(error) => {
                let file = self.register(path, text, context);
                let span = Span::new(file, error.at, error.at);
                self.report("env-file", span, error.message)
                    .hint(error.hint)
                    .secret();
                None
            }
        }
    }

    fn import(&mut self, tree: &mut Node, included: Node, asked: Span) {
        let Kind::Map(entries) = &mut tree.kind else {
            return;
        };
        for section in SECTIONS {
            let Some(from) = included.get(section) else {
                continue;
            };
            let to = match entries.iter().position(|entry| entry.key == section) {
                Some(at) => &mut entries[at],
                None => {
                    let kind = Kind::Map(Vec::new());
                    let value = Node {
                        kind,
                        ..from.value.clone()
                    };
                    entries.push(Entry {
                        value,
                        ..from.clone()
                    });
                    let last = entries.len() - 1;
                    &mut entries[last]
                }
            };
            if to.value.kind == Kind::Null {
                to.value.kind = Kind::Map(Vec::new());
            }
            let Kind::Map(own) = &mut to.value.kind else {
                continue;
            };
            for new in from.value.entries() {
                match own.iter().find(|entry| entry.key == new.key) {
                    None => own.push(new.clone()),
                    Some(old) if merge::same(&old.value, &new.value) => {}
                    Some(old) => {
                        let span = if old.span.file == asked.file {
                            old.span
                        } else {
                            asked
                        };
                        let message =
                            format!("`{section}.{}` is also in a file that is included", new.key);
                        self.problems
                            .report("duplicate-key", span, message)
                            .hint("give one of them another name")
                            .also(new.span, "the other one is here");
                    }
                }
            }
        }
    }
}

/// A text or a list of texts.
fn texts(node: &Node) -> Vec<String> {
    match &node.kind {
        Kind::Scalar(text) => vec![text.clone()],
        Kind::List(items) => items.iter().flat_map(texts).collect(),
        _ => Vec::new(),
    }
}

fn add(variables: &mut Variables, more: Variables) {
    for (name, value) in more {
        variables.entry(name).or_insert(value);
    }
}

/// `path` without `.` and with each `..` taking one folder away, as compose writes paths.
pub(super) fn clean(path: &Path) -> PathBuf {
    let mut cleaned = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if cleaned.parent().is_some() => drop(cleaned.pop()),
            Component::ParentDir => {}
            part => cleaned.push(part),
        }
    }
    cleaned
}
