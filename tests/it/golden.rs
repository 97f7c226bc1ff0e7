//! Files that a test compares with and, when `UPDATE=1` is set, rewrites.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The crate's own folder.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every file below `folder`, sorted, relative to it.
pub fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        let entries = fs::read_dir(&next)
            .unwrap_or_else(|error| panic!("cannot list {}: {error}", next.display()));
        for entry in entries {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_dir() {
                folders.push(entry.path());
            } else {
                found.push(entry.path().strip_prefix(folder).unwrap().to_owned());
            }
        }
    }
    found.sort();
    found
}

/// Holds `folder` to exactly these files (by path relative to it) beside `inputs`: another text, a missing file and a
/// file that nobody owns are all told at once.
pub fn check(folder: &Path, inputs: &[&str], wanted: &BTreeMap<String, String>) -> Vec<String> {
    let there: Vec<String> = if folder.is_dir() {
        let paths = files(folder).into_iter();
        paths.map(|path| path.display().to_string()).collect()
    } else {
        Vec::new()
    };
    let mut problems = Vec::new();
    let update = std::env::var_os("UPDATE").is_some_and(|value| value == "1");
    for name in &there {
        let is_input = inputs.contains(&name.as_str());
        if !is_input && !wanted.contains_key(name) {
            let path = folder.join(name);
            if update {
                fs::remove_file(&path).unwrap();
            } else {
                problems.push(format!("{} belongs to no test", path.display()));
            }
        }
    }
    for (name, text) in wanted {
        let path = folder.join(name);
        let old = fs::read_to_string(&path).ok();
        if old.as_deref() == Some(text) {
            continue;
        }
        if update {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, text).unwrap();
        } else {
            let change = stackctl::plan::diff(old.as_deref().unwrap_or_default(), text);
            problems.push(format!(
                "{} differs (UPDATE=1 rewrites it):\n{change}",
                path.display()
            ));
        }
    }
    problems
}
