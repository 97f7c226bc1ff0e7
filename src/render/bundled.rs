//! The examples that come inside the program, for `stackctl init --example`.

/// A file of an example: its path relative to the example's folder, and its bytes.
pub type Bundled = (&'static str, &'static [u8]);

macro_rules! files {
    ($folder:literal: $($path:literal),+ $(,)?) => {
        &[$(($path, include_bytes!(concat!("../../examples/", $folder, "/", $path)))),+]
    };
}

const MAP: &[Bundled] = files!("map":
    "README.md",
    "api/app.py",
    "api/requirements.txt",
    "api/schema.py",
    "api/store.py",
    "api/test_app.py",
    "page/css/style.css",
    "page/index.html",
    "page/js/map.js",
    "stackctl.yaml",
);

const MESSAGES: &[Bundled] = files!("messages":
    ".env.example",
    ".gitignore",
    "README.md",
    "board/.dockerignore",
    "board/Dockerfile",
    "board/main.py",
    "board/requirements.txt",
    "board/tables.py",
    "board/test_main.py",
    "page/board.js",
    "page/index.html",
    "page/style.css",
    "stackctl.external.yaml",
    "stackctl.fleet.yaml",
    "stackctl.yaml",
);

const NAMES: &[Bundled] = files!("names":
    "README.md",
    "css/style.css",
    "index.html",
    "js/app.js",
    "python/main.py",
    "python/requirements.txt",
    "python/tables.py",
    "python/test_main.py",
    "stackctl.ports.yaml",
    "stackctl.yaml",
    "units.yaml",
);

const BOOKS: &[Bundled] = files!("books":
    ".dockerignore",
    "Dockerfile",
    "README.md",
    "client/.gitignore",
    "client/index.html",
    "client/package-lock.json",
    "client/package.json",
    "client/src/App.vue",
    "client/src/BookEditor.vue",
    "client/src/books.js",
    "client/src/main.js",
    "client/src/style.css",
    "client/vite.config.js",
    "container.yaml",
    "container/nginx.conf",
    "container/start.sh",
    "server/.stackctlignore",
    "server/books.json",
    "server/load.py",
    "server/main.py",
    "server/requirements.txt",
    "server/test_main.py",
    "stackctl.yaml",
);

const STARWARS: &[Bundled] = files!("starwars":
    ".gitignore",
    "README.md",
    "docker-compose.yml",
    "server/Dockerfile",
    "server/main.py",
    "server/requirements.txt",
    "server/setup_database.py",
    "server/test_main.py",
    "stackctl.second.yaml",
    "stackctl.yaml",
);

const EXAMPLES: [(&str, &[Bundled]); 5] = [
    ("books", BOOKS),
    ("map", MAP),
    ("messages", MESSAGES),
    ("names", NAMES),
    ("starwars", STARWARS),
];

/// The names of the examples.
pub fn examples() -> impl Iterator<Item = &'static str> {
    EXAMPLES.into_iter().map(|(name, _)| name)
}

/// The files of an example, sorted by path.
pub fn example(name: &str) -> Option<&'static [Bundled]> {
    let found = EXAMPLES.into_iter().find(|(own, _)| *own == name);
    found.map(|(_, files)| files)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(folder: &std::path::Path, below: &str, found: &mut Vec<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            if ["__pycache__", "node_modules", "dist"].contains(&name.as_str()) {
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
