//! A version of the stack as git has it, in a folder of its own. Nothing in the repository is touched.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Failure, Kind};

/// The files of a commit.
#[derive(Debug)]
pub struct Revision {
    /// `d9a7f65 Drop two unused dependencies`.
    pub words: String,
    /// The stack's yaml in it.
    pub config: PathBuf,
    /// How many files of the working tree are not as in the last commit.
    pub changed: usize,
    /// Removed when dropped.
    _folder: tempfile::TempDir,
}

/// The files of commit `name` (`HEAD` without one) around the stack's yaml `config`. `Err` in the inner result says why
/// git has none, where none was asked for by name.
pub fn check_out(config: &Path, name: Option<&str>) -> Result<Result<Revision, String>, Failure> {
    let base = config.parent().unwrap_or(Path::new("/"));
    if !base.ancestors().any(|folder| folder.join(".git").exists()) {
        return absent(name, "this folder is not in a git repository".to_owned());
    }
    let asked = name.unwrap_or("HEAD");
    let commit = format!("{asked}^{{commit}}");
    // `--end-of-options`: a name that begins with a dash is no option.
    let found = git(
        base,
        &["rev-parse", "--verify", "--end-of-options", &commit],
    );
    let commit = match found {
        Ok(commit) => commit,
        Err(Failed::NoGit(why)) => return absent(name, why),
        Err(Failed::Said(said)) => return absent(name, format!("git has no {asked}: {said}")),
    };
    let failed = |error: Failed| Failure::new(Kind::Ours, error.text());
    let top = PathBuf::from(git(base, &["rev-parse", "--show-toplevel"]).map_err(failed)?);
    let prefix = git(base, &["rev-parse", "--show-prefix"]).map_err(failed)?;
    let file = config.file_name().unwrap_or_default();

    let folder = tempfile::Builder::new()
        .prefix("stackctl-rehearse-")
        .tempdir()
        .map_err(|error| Failure::new(Kind::Ours, format!("no temporary folder: {error}")))?;
    // An index of its own, since `git stash`, `checkout` and `worktree` would change what the person sees; and not
    // `git archive`, which leaves out what is marked `export-ignore`.
    let index = folder.path().join("index");
    let tree = format!("{}/", folder.path().join("tree").display());
    let with_index = |arguments: &[&str]| {
        let mut command = command(&top, arguments);
        command.env("GIT_INDEX_FILE", &index);
        finish(command).map_err(failed)
    };
    with_index(&["read-tree", &commit])?;
    with_index(&["checkout-index", "--all", "--prefix", &tree])?;
    let config = Path::new(&tree).join(&prefix).join(file);
    if !config.is_file() {
        let path = Path::new(&prefix).join(file);
        return absent(name, format!("{asked} has no {}", path.display()));
    }
    let words = git(base, &["log", "-1", "--format=%h %s", &commit]).map_err(failed)?;
    let changed = git(base, &["status", "--porcelain"]).map_err(failed)?;
    Ok(Ok(Revision {
        words,
        config,
        changed: changed.lines().count(),
        _folder: folder,
    }))
}

/// Nothing to fall back on is needed where a commit was asked for by name.
fn absent(name: Option<&str>, why: String) -> Result<Result<Revision, String>, Failure> {
    match name {
        None => Ok(Err(why)),
        Some(_) => Err(Failure::new(Kind::Usage, why).hint(
            "--from takes any name of a commit that git knows, such as HEAD~1, v1.2 or origin/main",
        )),
    }
}

enum Failed {
    NoGit(String),
    Said(String),
}

impl Failed {
    fn text(self) -> String {
        match self {
            Failed::NoGit(text) => text,
            Failed::Said(said) => format!("git failed: {said}"),
        }
    }
}

fn git(folder: &Path, arguments: &[&str]) -> Result<String, Failed> {
    finish(command(folder, arguments))
}

fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new("git");
    command.arg("-C").arg(folder).args(arguments);
    // Set while git runs a hook; they would point to another index or folder.
    for name in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX"] {
        command.env_remove(name);
    }
    command
}

fn finish(mut command: Command) -> Result<String, Failed> {
    let ended = command
        .output()
        .map_err(|error| Failed::NoGit(format!("git cannot be run: {error}")))?;
    if ended.status.success() {
        let said = String::from_utf8_lossy(&ended.stdout);
        return Ok(said.trim_end_matches('\n').to_owned());
    }
    let said = String::from_utf8_lossy(&ended.stderr);
    let line = said.lines().next().unwrap_or("it said nothing");
    Err(Failed::Said(line.to_owned()))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn run(folder: &Path, arguments: &[&str]) {
        let mut command = command(folder, arguments);
        for (name, value) in [
            ("GIT_AUTHOR_NAME", "a"),
            ("GIT_AUTHOR_EMAIL", "a@example.com"),
            ("GIT_COMMITTER_NAME", "a"),
            ("GIT_COMMITTER_EMAIL", "a@example.com"),
            ("GIT_CONFIG_GLOBAL", "/dev/null"),
        ] {
            command.env(name, value);
        }
        let ended = command.output().unwrap();
        assert!(ended.status.success(), "{arguments:?}: {ended:?}");
    }

    #[test]
    fn a_commit_is_checked_out_beside_what_is_being_worked_on() {
        let folder = tempfile::tempdir().unwrap();
        let app = folder.path().join("app");
        fs::create_dir(&app).unwrap();
        let config = app.join("stackctl.yaml");
        fs::write(&config, "one").unwrap();
        assert!(
            check_out(&config, None)
                .unwrap()
                .unwrap_err()
                .contains("git repository")
        );
        assert!(check_out(&config, Some("HEAD")).is_err());

        run(folder.path(), &["init", "-q"]);
        assert!(
            check_out(&config, None)
                .unwrap()
                .unwrap_err()
                .contains("no HEAD")
        );
        fs::write(app.join(".gitattributes"), "kept export-ignore\n").unwrap();
        fs::write(app.join("kept"), "kept").unwrap();
        run(folder.path(), &["add", "."]);
        run(folder.path(), &["commit", "-qm", "first: it's one"]);
        fs::write(&config, "two").unwrap();
        run(folder.path(), &["add", "."]);
        fs::write(&config, "three").unwrap();

        let revision = check_out(&config, None).unwrap().unwrap();
        assert!(revision.words.ends_with(" first: it's one"), "{revision:?}");
        assert_eq!(revision.changed, 1);
        assert_eq!(fs::read_to_string(&revision.config).unwrap(), "one");
        assert!(revision.config.with_file_name("kept").is_file());
        assert_eq!(fs::read_to_string(&config).unwrap(), "three");
        let staged = git(&app, &["show", ":./stackctl.yaml"]).ok().unwrap();
        assert_eq!(staged, "two", "the index is as it was");
        let gone = revision.config.clone();
        drop(revision);
        assert!(!gone.exists());

        for name in ["nosuch", "--output=x"] {
            let failure = check_out(&config, Some(name)).unwrap_err();
            assert_eq!(failure.kind, Kind::Usage, "{failure:?}");
        }
        let other = app.join("other.yaml");
        fs::write(&other, "").unwrap();
        let failure = check_out(&other, Some("HEAD")).unwrap_err();
        assert!(failure.chain[0].contains("app/other.yaml"), "{failure:?}");
    }
}
