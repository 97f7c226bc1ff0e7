//! Builds static files: on a host, as a unit that is shut in, or on this machine, once for all hosts.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt as _;
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;
use tokio::sync::{Mutex, OnceCell, watch};
use walkdir::WalkDir;

use super::action::{Target, kind};
use super::hook::here;
use super::moved::Images;
use super::{ApplyError, Tell};
use crate::facts::{SourceEntry, SourceFile, SourceTree, hex, sha256};
use crate::model::Filling;
use crate::plan::{Event, HostBuild, LocalBuild};
use crate::script;

/// What is done after the command: copying and writing to disk.
const AFTERWARDS: Duration = Duration::from_secs(300);

/// What was built on this machine while a plan is applied, by what it was built from. `None`: it failed.
#[derive(Default)]
pub(super) struct Built {
    folders: Mutex<BTreeMap<String, Arc<Once>>>,
    pub(super) images: Images,
}

type Once = OnceCell<Option<Output>>;

/// Gone with the run.
struct Output {
    _folder: TempDir,
    tree: SourceTree,
}

impl Target {
    pub(super) async fn build_files(
        &self,
        build: &HostBuild,
        step: usize,
        tell: Tell<'_>,
    ) -> Result<(), ApplyError> {
        let run = &build.run;
        let inside = script::build_inside(kind(build.install)).with(&run.command);
        let properties = run.properties.iter();
        // systemd would put variables where it finds a `$`.
        let words = ["/bin/sh", "-c", inside.body, inside.name].map(str::to_owned);
        let words = words.into_iter().chain(inside.args);
        let script = script::build(
            &build.folder,
            &build.downloads,
            build.user,
            &build.output,
            &build.to,
            &run.name,
            run.deadline.as_secs(),
            build.fallback.as_deref().unwrap_or_default(),
        )
        .with(properties.map(|property| format!("--property={property}")))
        .with(["--"])
        .with(words.map(|word| word.replace('$', "$$")));
        let fill = Bytes::from(lines(&build.fill));
        let upload = futures_util::stream::iter([Ok(fill)]).boxed();
        let limit = run.deadline + AFTERWARDS;
        let ended = self.long(&script, Some(upload), limit, step, tell).await;
        ended.map_err(|error| match error {
            ApplyError::Script { tail, .. } => ApplyError::FilesNotBuilt {
                command: run.command.join(" "),
                tail,
            },
            other => other,
        })
    }

    pub(super) async fn build_here(
        &self,
        build: &LocalBuild,
        step: usize,
        tell: Tell<'_>,
    ) -> Result<(), ApplyError> {
        let key = format!(
            "{} {:?} {:?} {:?} {} {:?}",
            build.source.digest(),
            build.install,
            build.command,
            build.env,
            build.output,
            build.fallback
        );
        let once = Arc::clone(self.built.folders.lock().await.entry(key).or_default());
        let mut failed = None;
        let output = once
            .get_or_init(|| async {
                let output = output_of(build, step, tell).await;
                output.map_err(|error| failed = Some(error)).ok()
            })
            .await;
        match (failed, output) {
            (Some(error), _) => Err(error),
            // The host that came first says why.
            (None, None) => Err(ApplyError::Cancelled),
            (None, Some(output)) => {
                let tree = filled(&output.tree, &build.fill, build)?;
                self.push(&tree, &build.to, step, tell).await
            }
        }
    }
}

/// A line for each value, as `build.sh` reads them.
fn lines(fill: &[Filling]) -> String {
    let mut lines = String::new();
    for filling in fill {
        for (placeholder, value) in &filling.values {
            let fields = [&filling.file, placeholder, value].map(|text| hex(text.as_bytes()));
            lines.push_str(&fields.join("\t"));
            lines.push('\n');
        }
    }
    // Without it the host knows that more was to come.
    lines + "whole\n"
}

/// Builds in a copy of the source, so that what is built is what the release is named after, and the source stays as it is.
async fn output_of(build: &LocalBuild, step: usize, tell: Tell<'_>) -> Result<Output, ApplyError> {
    let command = build.command.join(" ");
    let failed = |done: &'static str| {
        move |(path, source): (PathBuf, io::Error)| ApplyError::Folder { path, done, source }
    };
    let source = build.source.clone();
    let folder = tokio::task::spawn_blocking(move || copied(&source))
        .await
        .unwrap_or_else(|error| Err((PathBuf::new(), io::Error::other(error))))
        .map_err(failed("copied"))?;
    let inside = script::build_inside(kind(build.install)).with(&build.command);
    let argv = ["/bin/sh", "-c", inside.body, inside.name].map(str::to_owned);
    let argv: Vec<String> = argv.into_iter().chain(inside.args).collect();
    let seconds = u32::try_from(build.deadline.as_secs()).unwrap_or(u32::MAX);
    let mut tail = std::collections::VecDeque::new();
    let mut line = |text: &str| {
        super::action::keep(&mut tail, text);
        let text = text.to_owned();
        tell(Event::Line { step, text });
    };
    // Whoever drops us ends it.
    let (_sender, cancelled) = watch::channel(false);
    let (work, env) = (folder.path(), &build.env);
    let ended = here(&argv, work, env, seconds, &mut line, cancelled).await;
    let ended = ended.map_err(|source| ApplyError::Here {
        command: command.clone(),
        source,
    })?;
    let why = match ended {
        Some(0) => None,
        Some(status) => Some(format!("it ended with exit code {status}")),
        None => Some(format!(
            "it had not ended after {seconds} s, and was ended; `deadline` gives it longer"
        )),
    };
    let not_built = |why: String| ApplyError::FilesNotBuilt {
        command: command.clone(),
        tail: tail.iter().cloned().chain([why]).collect(),
    };
    if let Some(why) = why {
        return Err(not_built(why));
    }
    let made = folder.path().join(&build.output);
    if !made.is_dir() {
        let name = &build.output;
        return Err(not_built(format!(
            "it ended well, but has made no folder {name}; `output` names another"
        )));
    }
    let tree = tokio::task::spawn_blocking(move || read(&made))
        .await
        .unwrap_or_else(|error| Err((PathBuf::new(), io::Error::other(error))))
        .map_err(failed("read"))?;
    if tree.files().next().is_none() {
        let name = &build.output;
        return Err(not_built(format!(
            "it ended well, but {name} holds no file"
        )));
    }
    if let Some(why) = wrong_with(&tree, build).map_err(failed("read"))? {
        return Err(not_built(why));
    }
    Ok(Output {
        _folder: folder,
        tree,
    })
}

/// Why what was made cannot be served.
fn wrong_with(
    tree: &SourceTree,
    build: &LocalBuild,
) -> Result<Option<String>, (PathBuf, io::Error)> {
    if let Some(fallback) = build.fallback.as_ref().filter(|path| !tree.has_file(path)) {
        let why = format!("`fallback` names {fallback}, which the build has not made");
        return Ok(Some(why));
    }
    let mut tree = tree.clone();
    // Of a file that is filled in, what was compressed before goes anyway.
    for filling in &build.fill {
        tree.entries.remove(&format!("{}.gz", filling.file));
    }
    let stale = tree.stale_compressed(|path| fs::File::open(path));
    let stale = stale.map_err(|error| (tree.root.clone(), error))?;
    Ok(stale.map(|name| {
        format!("{name} is not what the file beside it is when it is compressed; make it again, or remove it")
    }))
}

/// A copy of a tree as it was looked at.
fn copied(tree: &SourceTree) -> Result<TempDir, (PathBuf, io::Error)> {
    let folder = tempfile::tempdir().map_err(|error| (std::path::PathBuf::from("/tmp"), error))?;
    for (path, entry) in &tree.entries {
        let (from, to) = (tree.root.join(path), folder.path().join(path));
        let done = match entry {
            SourceEntry::Folder => fs::create_dir_all(&to),
            SourceEntry::Link(target) => std::os::unix::fs::symlink(target, &to),
            SourceEntry::File(file) => copy(&from, &to, file),
        };
        done.map_err(|error| (from, error))?;
    }
    Ok(folder)
}

fn copy(from: &Path, to: &Path, file: &SourceFile) -> io::Result<()> {
    fs::copy(from, to)?;
    if digest(to)?.1 == file.digest {
        return Ok(());
    }
    let why = "it changed since it was looked at; run the command again";
    Err(io::Error::other(why))
}

/// What visitors get of a folder: through its links, and nothing whose name begins with a dot.
fn read(root: &Path) -> Result<SourceTree, (PathBuf, io::Error)> {
    let mut entries = BTreeMap::new();
    let is_served = |name: &str| !name.starts_with('.') || name == ".well-known";
    let walk = WalkDir::new(root).min_depth(1).follow_links(true);
    let walk = walk
        .into_iter()
        .filter_entry(|entry| entry.file_name().to_str().is_none_or(is_served));
    for entry in walk {
        let entry = entry.map_err(|error| {
            let path = error.path().unwrap_or(root).to_owned();
            (path, error.into())
        })?;
        let failed = |error| (entry.path().to_owned(), error);
        let name = entry.path().strip_prefix(root).ok().and_then(Path::to_str);
        let name = name.ok_or_else(|| failed(io::Error::other("its name is not UTF-8")))?;
        let told = if entry.file_type().is_dir() {
            SourceEntry::Folder
        } else if entry.file_type().is_file() {
            let (size, digest) = digest(entry.path()).map_err(failed)?;
            SourceEntry::File(SourceFile {
                executable: false,
                size,
                digest,
                contents: None,
            })
        } else {
            return Err(failed(io::Error::other("it is neither file nor folder")));
        };
        entries.insert(name.to_owned(), told);
    }
    let root = root.to_owned();
    Ok(SourceTree { root, entries })
}

fn digest(path: &Path) -> io::Result<(u64, String)> {
    let mut file = fs::File::open(path)?;
    let mut hash = Sha256::new();
    let mut size = 0;
    let mut buffer = vec![0; 128 * 1024];
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            return Ok((size, hex(&hash.finalize())));
        }
        hash.update(&buffer[..read]);
        size += read as u64;
    }
}

/// The output as one host gets it.
fn filled(
    tree: &SourceTree,
    fill: &[Filling],
    build: &LocalBuild,
) -> Result<SourceTree, ApplyError> {
    let wrong = |why: String| ApplyError::FilesNotBuilt {
        command: build.command.join(" "),
        tail: vec![why],
    };
    let mut tree = tree.clone();
    for filling in fill {
        let name = &filling.file;
        let path = tree.root.join(name);
        let Some(SourceEntry::File(file)) = tree.entries.get_mut(name) else {
            return Err(wrong(format!(
                "`fill` names {name}, which the build has not made"
            )));
        };
        let text = fs::read_to_string(&path).map_err(|source| ApplyError::Folder {
            path,
            done: "read",
            source,
        })?;
        if let Some(placeholder) = filling.missing(&text) {
            return Err(wrong(format!(
                "{placeholder}, which `fill` names, does not occur in {name}"
            )));
        }
        let contents = filling.fill(&text).into_bytes();
        file.size = contents.len() as u64;
        file.digest = sha256(&contents);
        file.contents = Some(contents);
        // What was compressed before holds the placeholder still.
        tree.entries.remove(&format!("{name}.gz"));
    }
    Ok(tree)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::SourceFile;
    use crate::model::Install;

    /// A build of a folder with `build.sh`, which runs `script`.
    fn build(folder: &Path, script: &str) -> LocalBuild {
        fs::create_dir(folder.join("src")).unwrap();
        fs::write(folder.join("build.sh"), script).unwrap();
        let file = SourceEntry::File(SourceFile {
            executable: false,
            size: script.len() as u64,
            digest: sha256(script.as_bytes()),
            contents: None,
        });
        let entries = [
            ("src".to_owned(), SourceEntry::Folder),
            ("build.sh".to_owned(), file),
        ];
        LocalBuild {
            source: SourceTree {
                root: folder.to_owned(),
                entries: entries.into(),
            },
            install: Install::Nothing,
            command: vec!["sh".into(), "build.sh".into()],
            env: BTreeMap::from([("MODE".into(), "a $b".into())]),
            output: "dist".into(),
            fallback: Some("index.html".into()),
            deadline: Duration::from_secs(20),
            fill: Vec::new(),
            to: "/var/lib/stackctl/s/releases/p/0123456789ab"
                .parse()
                .unwrap(),
        }
    }

    async fn run(script: &str) -> Result<SourceTree, ApplyError> {
        let folder = tempfile::tempdir().unwrap();
        let built = output_of(&build(folder.path(), script), 0, &|_| {}).await?;
        assert!(
            !folder.path().join("dist").exists(),
            "the source stays as it is"
        );
        let mut tree = built.tree.clone();
        // Read while it is there.
        for entry in tree.entries.iter_mut() {
            if let (path, SourceEntry::File(file)) = entry {
                file.contents = fs::read(built.tree.root.join(path)).ok();
            }
        }
        Ok(tree)
    }

    #[tokio::test]
    async fn what_the_command_makes_is_taken_and_what_begins_with_a_dot_is_not() {
        let script = "mkdir -p dist/.cache dist/.well-known dist/js; printf %s \"$MODE\" >dist/js/a.js; \
            touch dist/.env dist/.well-known/x dist/index.html; ln -s js/a.js dist/b.js; [ -d src ]";
        let tree = run(script).await.unwrap();
        let names: Vec<&str> = tree.entries.keys().map(String::as_str).collect();
        assert_eq!(
            names,
            [
                ".well-known",
                ".well-known/x",
                "b.js",
                "index.html",
                "js",
                "js/a.js"
            ]
        );
        for name in ["js/a.js", "b.js"] {
            let SourceEntry::File(file) = &tree.entries[name] else {
                panic!("{name}")
            };
            assert_eq!(file.contents.as_deref(), Some(&b"a $b"[..]));
            assert_eq!(file.digest, sha256(b"a $b"));
        }
    }

    #[tokio::test]
    async fn a_build_that_fails_says_why() {
        for (script, said) in [
            ("echo broken; exit 3", "it ended with exit code 3"),
            (
                "true",
                "it ended well, but has made no folder dist; `output` names another",
            ),
            ("mkdir -p dist/js", "it ended well, but dist holds no file"),
            (
                "mkdir dist; touch dist/app.html",
                "`fallback` names index.html, which the build has not made",
            ),
            (
                "mkdir dist; cd dist; touch index.html; echo 1 >a.js; gzip -k a.js; echo 2 >a.js",
                "a.js.gz is not what the file beside it is when it is compressed; make it again, or remove it",
            ),
        ] {
            let error = run(script).await.unwrap_err();
            assert_eq!(error.to_string(), "`sh build.sh` did not build the files");
            assert_eq!(error.tail().last().map(String::as_str), Some(said));
        }
        let error = run("echo broken; exit 3").await.unwrap_err();
        assert_eq!(error.tail()[0], "broken");
    }

    #[tokio::test]
    async fn a_source_that_changed_is_not_built() {
        let folder = tempfile::tempdir().unwrap();
        let build = build(folder.path(), "mkdir dist; touch dist/index.html");
        fs::write(folder.path().join("build.sh"), "another").unwrap();
        let error = output_of(&build, 0, &|_| {}).await.err().unwrap();
        let error = format!("{:#}", anyhow::Error::new(error));
        assert!(error.contains("changed since it was looked at"), "{error}");
    }

    #[test]
    fn only_named_files_are_filled_and_what_was_compressed_before_goes() {
        let folder = tempfile::tempdir().unwrap();
        let mut build = build(folder.path(), "");
        let filling = |file: &str, name: &str| Filling {
            file: file.into(),
            values: vec![(format!("${{{name}}}"), "x${B}".into())],
        };
        let file = |text: &str| {
            SourceEntry::File(SourceFile {
                executable: false,
                size: text.len() as u64,
                digest: sha256(text.as_bytes()),
                contents: None,
            })
        };
        let mut tree = SourceTree {
            root: folder.path().to_owned(),
            entries: BTreeMap::new(),
        };
        for name in ["a.html", "a.html.gz", "b.html"] {
            fs::write(folder.path().join(name), "${A} ${B} $${A}").unwrap();
            tree.entries
                .insert(name.to_owned(), file("${A} ${B} $${A}"));
        }
        build.fill = vec![filling("a.html", "A")];
        let done = filled(&tree, &build.fill, &build).unwrap();
        let names: Vec<&str> = done.entries.keys().map(String::as_str).collect();
        assert_eq!(names, ["a.html", "b.html"]);
        let SourceEntry::File(filled_file) = &done.entries["a.html"] else {
            panic!()
        };
        assert_eq!(
            filled_file.contents.as_deref(),
            Some(&b"x${B} ${B} $x${B}"[..])
        );
        assert_eq!(done.entries["b.html"], tree.entries["b.html"]);
        for (file, name, said) in [
            (
                "c.html",
                "A",
                "`fill` names c.html, which the build has not made",
            ),
            (
                "a.html",
                "C",
                "${C}, which `fill` names, does not occur in a.html",
            ),
        ] {
            let error = filled(&tree, &[filling(file, name)], &build).unwrap_err();
            assert_eq!(error.tail(), [said]);
        }
    }

    #[test]
    fn values_travel_as_hex() {
        let filling = Filling {
            file: "a.html".into(),
            values: vec![("${A}".into(), "\t\n".into())],
        };
        assert_eq!(lines(&[filling]), "612e68746d6c\t247b417d\t090a\nwhole\n");
    }
}
