//! What this machine's folders hold: build contexts and static files.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};
use walkdir::WalkDir;

use crate::facts::{SourceEntry, SourceFile, SourceTree, hex};
use crate::model::{AppSource, Build, Service, ServiceKind, StaticFiles};
use crate::render::{DockerIgnore, DockerIgnoreError, dockerignore_default};

/// Why a folder cannot be sent.
#[derive(Debug, thiserror::Error)]
pub enum TreeError {
    #[error("cannot read {path}")]
    Read {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("{path}: only files, folders and links can be sent, and names must be UTF-8")]
    Kind { path: PathBuf },
    #[error("{path} is not there, though `{service}` includes it")]
    Missing { path: PathBuf, service: String },
    #[error("{path} is not there, though `{key}` of `{service}` names it")]
    NotThere {
        path: PathBuf,
        key: &'static str,
        service: String,
    },
    #[error(
        "{path} is not what the file beside it is when it is compressed, and nginx would send it in its place; make it again, or remove it"
    )]
    Stale { path: PathBuf },
    #[error("{path} cannot be used")]
    Ignore {
        path: PathBuf,
        #[source]
        source: DockerIgnoreError,
    },
    #[error("{path} holds no file to send")]
    Empty { path: PathBuf },
}

/// What `service` sends: its build context or its static files; `None` for one that sends nothing.
pub fn tree_of(service: &Service) -> Result<Option<SourceTree>, TreeError> {
    if let Some((key, path)) = named(service).filter(|(_, path)| !path.exists()) {
        return Err(TreeError::NotThere {
            path: path.clone(),
            key,
            service: service.name.to_string(),
        });
    }
    match &service.kind {
        ServiceKind::App(app) => match &app.source {
            AppSource::Unit(unit) => {
                let ignore = unit.source.join(".stackctlignore");
                context(&unit.source, None, Some(ignore)).map(Some)
            }
            AppSource::Build(build) => built(build).map(Some),
            AppSource::Image(_) => Ok(None),
        },
        ServiceKind::Static(files) if files.build.is_some() => source(files).map(Some),
        ServiceKind::Static(files) => {
            let mut tree = SourceTree {
                root: files.root.clone(),
                entries: BTreeMap::new(),
            };
            if files.include.is_empty() {
                walk(&files.root, &files.root, &mut tree, &|path, _| {
                    !is_hidden(path)
                })?;
            }
            for include in &files.include {
                let path = files.root.join(include);
                if !path.exists() {
                    return Err(TreeError::Missing {
                        path,
                        service: service.name.to_string(),
                    });
                }
                walk(&files.root, &path, &mut tree, &|path, _| !is_hidden(path))?;
            }
            sent(service, files, tree).map(Some)
        }
        ServiceKind::Container(container) => match &container.source {
            AppSource::Build(build) => built(build).map(Some),
            AppSource::Image(_) | AppSource::Unit(_) => Ok(None),
        },
        ServiceKind::Database(_) | ServiceKind::External(_) => Ok(None),
    }
}

/// The folder that a service is made from, and the key that names it.
fn named(service: &Service) -> Option<(&'static str, &PathBuf)> {
    let source = match &service.kind {
        ServiceKind::App(app) => &app.source,
        ServiceKind::Container(container) => &container.source,
        ServiceKind::Static(files) => return Some(("static", &files.root)),
        ServiceKind::Database(_) | ServiceKind::External(_) => return None,
    };
    match source {
        AppSource::Unit(unit) => Some(("unit", &unit.source)),
        AppSource::Build(build) => Some(("build", &build.context)),
        AppSource::Image(_) => None,
    }
}

/// Static files as they are sent: with the contents of those that are filled in, and with nothing that visitors must not get.
fn sent(
    service: &Service,
    files: &StaticFiles,
    mut tree: SourceTree,
) -> Result<SourceTree, TreeError> {
    let named = files.fill.keys().map(|path| ("fill", path));
    for (key, path) in named.chain(files.fallback.iter().map(|path| ("fallback", path))) {
        if !tree.has_file(&slashed(path)) {
            return Err(TreeError::NotThere {
                path: files.root.join(path),
                key,
                service: service.name.to_string(),
            });
        }
    }
    for path in files.fill.keys() {
        let key = slashed(path);
        // What was compressed before holds the placeholder still.
        tree.entries.remove(&format!("{key}.gz"));
        if let Some(SourceEntry::File(file)) = tree.entries.get_mut(&key) {
            file.contents = Some(read(&files.root.join(path))?);
        }
    }
    let read = |source| TreeError::Read {
        path: files.root.clone(),
        source,
    };
    if let Some(stale) = tree
        .stale_compressed(|path| fs::File::open(path))
        .map_err(read)?
    {
        let path = tree.root.join(stale);
        return Err(TreeError::Stale { path });
    }
    not_empty(tree)
}

/// The context of an image.
fn built(build: &Build) -> Result<SourceTree, TreeError> {
    let dockerfile = build.dockerfile.as_deref().map(slashed);
    // Docker prefers `<Dockerfile>.dockerignore`: https://docs.docker.com/build/concepts/context/#filename-and-location
    let own = dockerfile
        .as_ref()
        .map(|name| build.context.join(format!("{name}.dockerignore")));
    context(&build.context, dockerfile.as_deref(), own)
}

/// A build context as `docker build` would send it; `own` is preferred to its `.dockerignore`.
fn context(
    root: &Path,
    dockerfile: Option<&str>,
    own: Option<PathBuf>,
) -> Result<SourceTree, TreeError> {
    let mut tree = SourceTree {
        root: root.to_owned(),
        entries: BTreeMap::new(),
    };
    let path = own
        .filter(|path| path.is_file())
        .unwrap_or_else(|| root.join(".dockerignore"));
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            dockerignore_default().to_owned()
        }
        Err(source) => return Err(TreeError::Read { path, source }),
    };
    let ignore = DockerIgnore::parse(&text).map_err(|source| TreeError::Ignore { path, source })?;
    let keep = |path: &str, is_folder: bool| {
        let needed = dockerfile == Some(path) || path == ".dockerignore";
        needed || !ignore.is_ignored(path) || (is_folder && ignore.may_contain_included(path))
    };
    walk(root, root, &mut tree, &keep)?;
    // A folder that was only entered because it might hold something is sent when it does.
    let ignored: Vec<String> = tree
        .entries
        .iter()
        .filter(|(path, entry)| matches!(entry, SourceEntry::Folder) && ignore.is_ignored(path))
        .map(|(path, _)| path.clone())
        .collect();
    // Deepest first: what holds nothing is gone before the folder above is looked at.
    for path in ignored.into_iter().rev() {
        let below = format!("{path}/");
        let mut after = tree.entries.range(below.clone()..);
        if !after
            .next()
            .is_some_and(|(next, _)| next.starts_with(&below))
        {
            tree.entries.remove(&path);
        }
    }
    // What a Dockerfile of ours is written from.
    for name in ["requirements.txt", "package.json"] {
        if let Some(SourceEntry::File(file)) = tree.entries.get_mut(name) {
            file.contents = Some(read(&root.join(name))?);
        }
    }
    not_empty(tree)
}

/// What static files are built from: neither what was built of it here, nor what was installed.
fn source(files: &StaticFiles) -> Result<SourceTree, TreeError> {
    let ignore = files.root.join(".stackctlignore");
    let mut tree = context(&files.root, None, Some(ignore))?;
    let output = files.build.as_ref().map(|build| slashed(&build.output));
    let is_made = |path: &str| {
        let of_output = output
            .iter()
            .any(|output| Path::new(path).starts_with(output));
        of_output || path.split('/').any(|part| part == "node_modules")
    };
    tree.entries.retain(|path, _| !is_made(path));
    not_empty(tree)
}

fn not_empty(tree: SourceTree) -> Result<SourceTree, TreeError> {
    if tree.files().next().is_none() {
        return Err(TreeError::Empty { path: tree.root });
    }
    Ok(tree)
}

fn is_hidden(path: &str) -> bool {
    path.split('/')
        .any(|part| part.starts_with('.') && part != ".well-known")
}

fn walk(
    root: &Path,
    from: &Path,
    tree: &mut SourceTree,
    keep: &dyn Fn(&str, bool) -> bool,
) -> Result<(), TreeError> {
    let relative = |path: &Path| {
        path.strip_prefix(root)
            .ok()
            .map(slashed)
            .unwrap_or_default()
    };
    let entries = WalkDir::new(from)
        .sort_by_file_name()
        .into_iter()
        .filter_entry(|entry| {
            let path = relative(entry.path());
            path.is_empty() || keep(&path, entry.file_type().is_dir())
        });
    for entry in entries {
        let entry = entry.map_err(|error| TreeError::Read {
            path: error.path().unwrap_or(from).to_owned(),
            source: error.into(),
        })?;
        let path = relative(entry.path());
        if path.is_empty() {
            continue;
        }
        if entry.path().to_str().is_none() {
            return Err(TreeError::Kind {
                path: entry.path().to_owned(),
            });
        }
        // The folders on the way to an included file or folder.
        for (at, _) in path.match_indices('/') {
            tree.entries
                .entry(path[..at].to_owned())
                .or_insert(SourceEntry::Folder);
        }
        let kind = entry.file_type();
        let told = if kind.is_dir() {
            SourceEntry::Folder
        } else if kind.is_symlink() {
            let target = fs::read_link(entry.path()).map_err(|source| TreeError::Read {
                path: entry.path().to_owned(),
                source,
            })?;
            SourceEntry::Link(target.to_string_lossy().into_owned())
        } else if kind.is_file() {
            SourceEntry::File(file(entry.path())?)
        } else {
            return Err(TreeError::Kind {
                path: entry.path().to_owned(),
            });
        };
        tree.entries.insert(path, told);
    }
    Ok(())
}

fn file(path: &Path) -> Result<SourceFile, TreeError> {
    let failed = |source| TreeError::Read {
        path: path.to_owned(),
        source,
    };
    let mut file = fs::File::open(path).map_err(failed)?;
    let mode = file.metadata().map_err(failed)?.permissions().mode();
    let mut hash = Sha256::new();
    let mut size = 0;
    let mut buffer = vec![0; 128 * 1024];
    loop {
        let read = file.read(&mut buffer).map_err(failed)?;
        if read == 0 {
            break;
        }
        hash.update(&buffer[..read]);
        size += read as u64;
    }
    let digest = hex(&hash.finalize());
    Ok(SourceFile {
        executable: mode & 0o100 != 0,
        size,
        digest,
        contents: None,
    })
}

fn read(path: &Path) -> Result<Vec<u8>, TreeError> {
    fs::read(path).map_err(|source| TreeError::Read {
        path: path.to_owned(),
        source,
    })
}

fn slashed(path: impl AsRef<Path>) -> String {
    let parts = path.as_ref().components().filter_map(|part| match part {
        std::path::Component::Normal(part) => part.to_str(),
        _ => None,
    });
    parts.collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::config::{self, SourceText, Surroundings};

    /// A folder with these files; a path that ends in `/` is a folder, `a -> b` a link.
    fn folder(paths: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for path in paths {
            if let Some((from, to)) = path.split_once(" -> ") {
                symlink(to, folder.path().join(from)).unwrap();
                continue;
            }
            let (path, is_folder) = (folder.path().join(path), path.ends_with('/'));
            let parent = if is_folder {
                path.as_path()
            } else {
                path.parent().unwrap()
            };
            fs::create_dir_all(parent).unwrap();
            if !is_folder {
                fs::write(&path, path.file_name().unwrap().as_encoded_bytes()).unwrap();
            }
        }
        folder
    }

    /// What the service `s` of a stack sends, with `definition` as its yaml.
    fn tree(folder: &Path, definition: &str) -> Result<SourceTree, TreeError> {
        let text = format!("stack: t\nhosts: {{h: 203.0.113.1}}\nservices: {{s: {definition}}}\n");
        let source = SourceText {
            name: "test",
            text: &text,
        };
        let around = Surroundings {
            base: folder.to_owned(),
            home: None,
        };
        let stack = config::parse(&source, &around).unwrap();
        let service = stack.services.values().next().unwrap();
        tree_of(service).map(|tree| tree.expect("it sends something"))
    }

    const BUILD: &str = "{build: ., listen: socket, health: /}";

    #[track_caller]
    fn check(paths: &[&str], definition: &str, expected: &[&str]) -> SourceTree {
        let folder = folder(paths);
        let tree = tree(folder.path(), definition).unwrap();
        let names: Vec<&str> = tree.entries.keys().map(String::as_str).collect();
        assert_eq!(names, expected);
        tree
    }

    #[test]
    fn a_build_context_goes_by_its_dockerignore() {
        let folder = folder(&[
            "main.py",
            "notes.md",
            "README.md",
            "tmp/a",
            "tmp/keep/b",
            ".env",
        ]);
        let ignore = "*.md\n!README.md\ntmp\n!tmp/keep\n.env\n";
        fs::write(folder.path().join(".dockerignore"), ignore).unwrap();
        let tree = tree(folder.path(), BUILD).unwrap();
        let names: Vec<&str> = tree.entries.keys().map(String::as_str).collect();
        assert_eq!(
            names,
            [
                ".dockerignore",
                "README.md",
                "main.py",
                "tmp",
                "tmp/keep",
                "tmp/keep/b"
            ]
        );
    }

    #[test]
    fn without_a_dockerignore_what_never_belongs_stays_here() {
        check(
            &[
                "main.py",
                ".git/config",
                "__pycache__/x.pyc",
                "requirements.txt",
            ],
            BUILD,
            &["main.py", "requirements.txt"],
        );
    }

    #[test]
    fn static_files_leave_hidden_ones_but_not_well_known() {
        check(
            &[
                "index.html",
                ".env",
                ".git/config",
                "a/.b/c",
                ".well-known/security.txt",
            ],
            "{static: .}",
            &[".well-known", ".well-known/security.txt", "a", "index.html"],
        );
    }

    #[test]
    fn only_what_is_included_is_sent_with_the_folders_on_the_way() {
        check(
            &[
                "index.html",
                "js/app.js",
                "js/.map",
                "python/main.py",
                "a/b/c.txt",
            ],
            "{static: {root: ., include: [index.html, js, a/b]}}",
            &["a", "a/b", "a/b/c.txt", "index.html", "js", "js/app.js"],
        );
    }

    #[test]
    fn links_are_sent_as_links() {
        let tree = check(
            &["main.py", "data/", "link -> main.py", "away -> /etc/passwd"],
            BUILD,
            &["away", "data", "link", "main.py"],
        );
        assert_eq!(tree.entries["link"], SourceEntry::Link("main.py".into()));
        assert_eq!(
            tree.entries["away"],
            SourceEntry::Link("/etc/passwd".into())
        );
        assert_eq!(tree.entries["data"], SourceEntry::Folder);
    }

    #[test]
    fn contents_are_kept_only_where_they_are_needed() {
        let tree = check(
            &["app.js", "other.js"],
            "{static: {root: ., fill: {app.js: {WHO: x}}}}",
            &["app.js", "other.js"],
        );
        let contents: Vec<_> = tree
            .files()
            .map(|(_, file)| file.contents.as_deref())
            .collect();
        assert_eq!(contents, [Some(b"app.js".as_slice()), None]);
        let tree = check(
            &["requirements.txt", "main.py"],
            BUILD,
            &["main.py", "requirements.txt"],
        );
        let contents: Vec<_> = tree
            .files()
            .map(|(_, file)| file.contents.is_some())
            .collect();
        assert_eq!(contents, [false, true]);
    }

    #[test]
    fn files_are_told_by_digest_size_and_execute_bit() {
        let folder = folder(&["run"]);
        fs::set_permissions(folder.path().join("run"), fs::Permissions::from_mode(0o700)).unwrap();
        let tree = tree(folder.path(), BUILD).unwrap();
        let (_, run) = tree.files().next().unwrap();
        assert_eq!((run.size, run.executable), (3, true));
        assert_eq!(run.digest, crate::facts::sha256(b"run"));
    }

    #[test]
    fn what_cannot_be_sent_is_an_error() {
        let missing = tree(
            folder(&["a"]).path(),
            "{static: {root: ., include: [gone]}}",
        );
        assert!(
            matches!(missing, Err(TreeError::Missing { .. })),
            "{missing:?}"
        );
        let empty = tree(folder(&["a/"]).path(), "{static: .}");
        assert!(matches!(empty, Err(TreeError::Empty { .. })), "{empty:?}");
        let folder = folder(&["index.html"]);
        let _socket = std::os::unix::net::UnixListener::bind(folder.path().join("app.sock"));
        let socket = tree(folder.path(), "{static: .}");
        assert!(matches!(socket, Err(TreeError::Kind { .. })), "{socket:?}");
    }
}
