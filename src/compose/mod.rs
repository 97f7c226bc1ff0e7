//! Compose files → [`Project`], or everything that is wrong with them, each with its place.
//!
//! Texts become trees ([`crate::yaml`]), whose variables are filled in (`interpolate`, `dotenv`), whose services are laid
//! over those that they extend, and which are laid over each other (`sources`, `merge`). The one tree that is left is
//! read by the tables in `keys`: what compose has and we do not read is an error at its line, never passed over.
//!
//! The measure is `docker compose config --format json`, to whose output [`Project`] as JSON is equal in meaning. Nothing
//! here opens a file: texts come from [`Files`].

mod build;
mod deploy;
mod dotenv;
mod interpolate;
mod keys;
mod merge;
mod model;
mod mounts;
mod quantity;
mod read;
mod relations;
mod resources;
mod scalar;
mod service;
mod sources;
mod words;

pub use model::*;
pub(crate) use quantity::bytes;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use crate::yaml::error::Problems;
use crate::yaml::tree::{self, Kind, Node};
use crate::yaml::{ConfigErrors, SourceText};
use interpolate::Fault;
use read::Reader;
use service::Read;
use sources::{Context, Loader, Variables, clean};

/// Where texts come from.
pub trait Files {
    /// The text at `path`, or nothing when there is no such file. An error is a text that says why it cannot be read.
    fn read(&self, path: &Path) -> Result<Option<String>, String>;
}

/// Files that are all known.
impl Files for BTreeMap<PathBuf, String> {
    fn read(&self, path: &Path) -> Result<Option<String>, String> {
        Ok(self.get(path).cloned())
    }
}

/// What is to be read, and what surrounds it.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// The folder of the project, absolute: what paths are relative to, and where `.env` is looked for.
    pub folder: PathBuf,
    /// The compose files, each laid over those before it; relative to the folder.
    pub files: Vec<PathBuf>,
    /// What `~` stands for.
    pub home: Option<PathBuf>,
    /// Variables; they count more than those of `.env`.
    pub variables: BTreeMap<String, String>,
    /// The profiles that are active; `*` is all. Without any, those of `COMPOSE_PROFILES`.
    pub profiles: Vec<String>,
    /// The project's name; without it `COMPOSE_PROJECT_NAME`, `name:` or the folder's.
    pub name: Option<String>,
}

/// What was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Loaded {
    pub project: Project,
    /// What works but may not be meant.
    pub notes: Vec<Note>,
    /// What variables stand for in the first file: the surroundings' and those of `.env`.
    pub variables: BTreeMap<String, String>,
    /// The one tree that all files came to, for whoever has to say where something stands.
    pub(crate) tree: Node,
    /// The files that were read, by the numbers in the tree's places: what each is called in messages, and its text.
    pub(crate) texts: Vec<(String, String)>,
}

/// Something to tell, and where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    pub file: String,
    /// From 1.
    pub line: usize,
    pub message: String,
}

/// What is wrong with the text of an `env_file`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvFileError {
    /// From 1.
    pub line: usize,
    pub message: String,
    pub hint: String,
}

/// The variables of the text of an `env_file`. Values may name variables: `outer` is asked first, then the lines above.
pub fn env_file(
    text: &str,
    outer: &dyn Fn(&str) -> Option<String>,
) -> Result<BTreeMap<String, String>, EnvFileError> {
    dotenv::parse(text, outer).map_err(|wrong| EnvFileError {
        line: text[..wrong.at].matches('\n').count() + 1,
        message: wrong.message,
        hint: wrong.hint,
    })
}

/// Reads a project, or reports everything that is wrong with its files.
pub fn load(request: &Request, files: &dyn Files) -> Result<Loaded, ConfigErrors> {
    let mut loader = Loader::new(files, &request.folder);
    let project = project(request, &mut loader);
    let problems = std::mem::take(&mut loader.problems);
    match project {
        Some((project, tree, variables)) if problems.is_empty() => Ok(Loaded {
            project,
            notes: loader.notes,
            variables,
            tree,
            texts: loader
                .sources
                .into_iter()
                .map(|source| (source.name, source.text))
                .collect(),
        }),
        _ => Err(problems.into_errors(&loader.texts())),
    }
}

fn project(request: &Request, loader: &mut Loader<'_>) -> Option<(Project, Node, Variables)> {
    let mut context = Context {
        base: request.folder.clone(),
        build: request.folder.clone(),
        variables: Rc::new(request.variables.clone()),
    };
    let mut variables = loader.env_file(&request.folder.join(".env"), None, &context)?;
    variables.extend(request.variables.clone());
    let paths: Vec<PathBuf> = request
        .files
        .iter()
        .map(|path| clean(&request.folder.join(path)))
        .collect();
    let name = project_name(request, &paths, &variables, loader.files);
    variables
        .entry("COMPOSE_PROJECT_NAME".to_owned())
        .or_insert_with(|| name.clone());
    context.variables = Rc::new(variables);
    let tree = loader.load(&paths, &context, None, &paths)?;
    let (mut project, services) = read(request, loader, &tree, name);
    let variable = context.variables.get("COMPOSE_PROFILES").cloned();
    // Without any profile the empty one is active: some files name it for what runs by default.
    let active: Vec<String> = match request.profiles.as_slice() {
        [] => variable
            .unwrap_or_default()
            .split(',')
            .map(|name| name.trim().to_owned())
            .collect(),
        given => given.to_vec(),
    };
    let enabled: BTreeSet<String> = services
        .iter()
        .filter(|(_, read)| {
            let profiles = &read.service.profiles;
            let all = active.iter().any(|name| name == "*");
            profiles.is_empty() || all || profiles.iter().any(|name| active.contains(name))
        })
        .map(|(name, _)| name.clone())
        .collect();
    relations::check(&project, &services, &enabled, &mut loader.problems);
    for (name, read) in services {
        if enabled.contains(&name) {
            let service = with_env_files(loader, read, &context);
            project.services.insert(name, service);
        }
    }
    relations::drop_unused(&mut project);
    let variables = (*context.variables).clone();
    Some((project, tree, variables))
}

/// The project without its services, and these.
fn read(
    request: &Request,
    loader: &mut Loader<'_>,
    tree: &Node,
    name: String,
) -> (Project, BTreeMap<String, Read>) {
    let mut reader = Reader {
        sources: &loader.sources,
        home: request.home.as_deref(),
        problems: &mut loader.problems,
        notes: Vec::new(),
    };
    let mut project = Project {
        name,
        ..Project::default()
    };
    let mut services = BTreeMap::new();
    if project.name.is_empty() {
        let span = tree.get("name").map_or(tree.span, |entry| entry.span);
        let message = "the project has no name that begins with a letter or a digit".to_owned();
        reader
            .report("missing-key", span, message)
            .hint("write `name:` in small letters, digits, `-` and `_`");
    }
    let root = tree::Entry {
        key: "compose file".to_owned(),
        span: tree.span,
        value: tree.clone(),
    };
    for section in reader.fields(&root, &keys::FILE) {
        let name = project.name.clone();
        if matches!(section.key.as_str(), "name" | "version") {
            continue;
        }
        if !matches!(section.value.kind, Kind::Map(_) | Kind::Null) {
            reader.wrong(section, "a map");
        }
        for entry in section.value.entries() {
            let key = entry.key.clone();
            let fits = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
            if key.is_empty() || !key.chars().all(fits) {
                let message = format!("`{key}` cannot be a name under `{}`", section.key);
                reader
                    .report("invalid", entry.span, message)
                    .hint("write letters, digits, `.`, `_` and `-`");
            }
            match section.key.as_str() {
                "services" => drop(services.insert(key, service::read(&mut reader, entry))),
                "networks" => {
                    let network = resources::network(&mut reader, entry, &name);
                    project.networks.insert(key, network);
                }
                "volumes" => {
                    let volume = resources::volume(&mut reader, entry, &name);
                    project.volumes.insert(key, volume);
                }
                "secrets" => {
                    let secret = resources::secret(&mut reader, entry, &name);
                    project.secrets.insert(key, secret);
                }
                _ => {
                    let config = resources::config(&mut reader, entry, &name);
                    project.configs.insert(key, config);
                }
            }
        }
    }
    if services.is_empty() && reader.problems.is_empty() {
        let span = tree.get("services").map_or(tree.span, |entry| entry.span);
        reader
            .report("missing-key", span, "there are no services".to_owned())
            .hint("write them under `services:`, each with an `image` or a `build`");
    }
    for entry in tree
        .entries()
        .iter()
        .filter(|entry| entry.key.starts_with("x-"))
    {
        let value = Reader::any(&entry.value);
        project.extensions.insert(entry.key.clone(), value);
    }
    let default = Network {
        name: format!("{}_default", project.name),
        ..Network::default()
    };
    project
        .networks
        .entry("default".to_owned())
        .or_insert(default);
    for (span, message) in std::mem::take(&mut reader.notes) {
        loader.note(span, &message);
    }
    (project, services)
}

/// The service with the variables of its files, which count less than its own.
fn with_env_files(loader: &mut Loader<'_>, read: Read, context: &Context) -> Service {
    let mut service = read.service;
    let mut from_files = Variables::new();
    for file in read.env_files {
        let mut variables = (*context.variables).clone();
        variables.extend(from_files.clone());
        let context = Context {
            variables: Rc::new(variables),
            ..context.clone()
        };
        let asked = file.required.then_some(file.span);
        let more = loader.env_file(Path::new(&file.path), asked, &context);
        from_files.extend(more.unwrap_or_default());
    }
    for (name, value) in from_files {
        service.environment.entry(name).or_insert(Some(value));
    }
    service
}

/// The name that is given, or that of the last file that has one, or the folder's; in letters that a name may have.
fn project_name(
    request: &Request,
    paths: &[PathBuf],
    variables: &Variables,
    files: &dyn Files,
) -> String {
    let written = |path: &PathBuf| {
        let text = files.read(path).ok()??;
        let source = SourceText {
            name: "",
            text: &text,
        };
        // What is wrong with the text is told when it is read in earnest.
        let tree = tree::build(0, source.body(), "", &mut Problems::default())?;
        let Kind::Scalar(name) = &tree.get("name")?.value.kind else {
            return None;
        };
        let lookup = |name: &str| variables.get(name).cloned();
        interpolate::substitute(name, &lookup, &mut Vec::new()).ok()
    };
    let folder = || {
        let name = request.folder.file_name();
        name.map(|name| name.to_string_lossy().into_owned())
    };
    let given = request.name.clone();
    let name = given
        .or_else(|| variables.get("COMPOSE_PROJECT_NAME").cloned())
        .or_else(|| paths.iter().rev().find_map(written))
        .or_else(folder);
    let lower = name.unwrap_or_default().to_lowercase();
    let allowed = |c: &char| c.is_ascii_lowercase() || c.is_ascii_digit() || "_-".contains(*c);
    let kept: String = lower.chars().filter(allowed).collect();
    kept.trim_start_matches(['_', '-']).to_owned()
}

/// What a fault of interpolation is, and what to do.
fn describe(fault: &Fault) -> (String, String) {
    match fault {
        Fault::Required { name, reason } => {
            let why = match reason.as_str() {
                "" => String::new(),
                reason => format!(": {reason}"),
            };
            let message = format!("the variable `{name}` has no value{why}");
            let hint =
                format!("set `{name}` in the environment or in `.env` beside the compose file");
            (message, hint)
        }
        Fault::Malformed(found) => (
            format!("`{found}` is no variable"),
            "write `${NAME}` or `${NAME:-default}`; a dollar that is meant as text is `$$`"
                .to_owned(),
        ),
        Fault::TooDeep => (
            "variables are nested too deeply".to_owned(),
            "give the inner ones a name of their own".to_owned(),
        ),
    }
}
