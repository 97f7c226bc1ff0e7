//! The examples that come inside the program, for `stackctl init --example`.

/// A file of an example: its path relative to the example's folder, and its bytes.
pub type Bundled = (&'static str, &'static [u8]);

macro_rules! files {
    ($folder:literal: $($path:literal),+ $(,)?) => {
        &[$(($path, include_bytes!(concat!("../../examples/", $folder, "/", $path)))),+]
    };
}

const NAMES: &[Bundled] = files!("names":
    "README.md",
    "css/style.css",
    "index.html",
    "js/app.js",
    "python/main.py",
    "python/requirements.txt",
    "python/tables.py",
    "python/test_main.py",
    "stackctl.yaml",
    "units.yaml",
);

/// The names of the examples.
pub fn examples() -> impl Iterator<Item = &'static str> {
    ["names"].into_iter()
}

/// The files of an example, sorted by path.
pub fn example(name: &str) -> Option<&'static [Bundled]> {
    (name == "names").then_some(NAMES)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(folder: &std::path::Path, below: &str, found: &mut Vec<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            if name == "__pycache__" {
                continue;
            }
            let path = format!("{below}{name}");
            if entry.file_type().unwrap().is_dir() {
                list(&entry.path(), &format!("{path}/"), found);
            } else {
                found.push(path);
            }
        }
    }

    #[test]
    fn every_file_of_an_example_is_bundled() {
        for name in examples() {
            let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
                .join("examples")
                .join(name);
            let mut found = Vec::new();
            list(&root, "", &mut found);
            found.sort();
            let bundled: Vec<&str> = example(name)
                .unwrap()
                .iter()
                .map(|(path, _)| *path)
                .collect();
            assert_eq!(bundled, found);
        }
        assert!(example("none").is_none());
    }
}
