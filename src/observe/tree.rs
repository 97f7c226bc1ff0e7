//! What this machine's folders hold: build contexts and static files.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};
use walkdir::WalkDir;

use crate::facts::{SourceEntry, SourceFile, SourceTree};
use crate::model::{ImageSource, Service, ServiceKind};
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
    match &service.kind {
        ServiceKind::App(app) => match &app.source {
            ImageSource::Build(build) => {
                let dockerfile = build.dockerfile.as_deref().map(slashed);
                context(&build.context, dockerfile.as_deref()).map(Some)
            }
            ImageSource::Image(_) => Ok(None),
        },
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
            for path in files.fill.keys() {
                let key = slashed(path);
                if let Some(SourceEntry::File(file)) = tree.entries.get_mut(&key) {
                    file.contents = Some(read(&files.root.join(path))?);
                }
            }
            not_empty(tree).map(Some)
        }
        ServiceKind::Mysql(_) => Ok(None),
    }
}

/// A build context as `docker build` would send it.
fn context(root: &Path, dockerfile: Option<&str>) -> Result<SourceTree, TreeError> {
    let mut tree = SourceTree {
        root: root.to_owned(),
        entries: BTreeMap::new(),
    };
    // Docker prefers `<Dockerfile>.dockerignore`: https://docs.docker.com/build/concepts/context/#filename-and-location
    let own = dockerfile.map(|name| root.join(format!("{name}.dockerignore")));
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
    for path in ignored {
        tree.entries.remove(&path);
    }
    // What a Dockerfile of ours is written from.
    for name in ["requirements.txt", "package.json"] {
        if let Some(SourceEntry::File(file)) = tree.entries.get_mut(name) {
            file.contents = Some(read(&root.join(name))?);
        }
    }
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
    let digest = hash
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
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
