//! Holds the source to the table and the rules of `src/ARCHITECTURE.md`. It reads text, not types: comments are taken
//! out, and what follows a file's first `#[cfg(test)]` item is not looked at.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use crate::golden::{files, root};

/// One row of the import table.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Row {
    /// `None`: all.
    imports: Option<BTreeSet<String>>,
    effects: bool,
}

/// A source file: the modules on the way to it, and its text without comments and tests.
#[derive(Debug)]
struct Source {
    path: PathBuf,
    module: Vec<String>,
    code: String,
}

/// What a module without effects must not name, and why.
const IMPURE: &[&str] = &[
    "std::fs",
    "std::env",
    "std::process",
    "std::net::Tcp",
    "std::thread",
    "SystemTime",
    "Instant",
    "tokio",
    "russh",
    "bollard",
    "tracing",
    "HashMap",
    "HashSet",
    "println!",
    "eprintln!",
    "print!",
];
const UNFINISHED: &[&str] = &["todo!", "dbg!", "unimplemented!"];
const VAGUE: &[&str] = &[
    "util", "utils", "helper", "helpers", "common", "manager", "misc",
];

fn table(text: &str) -> BTreeMap<String, Row> {
    let header = "| module | may import | effects | one line |";
    let rows = text.lines().skip_while(|line| *line != header).skip(2);
    rows.take_while(|line| line.starts_with('|'))
        .map(|line| {
            let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
            let [module, imports, effects, _] = cells[..] else {
                panic!("a row of the import table has not 4 cells: {line}");
            };
            let names = imports.split(", ").filter(|name| !name.is_empty());
            let row = Row {
                imports: (imports != "all").then(|| names.map(str::to_owned).collect()),
                effects: effects == "yes",
            };
            (module.to_owned(), row)
        })
        .collect()
}

/// `text` without comments and without its tests.
fn code(text: &str) -> String {
    let mut code = String::new();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        let line = line.trim_start();
        if line == "#[cfg(test)]" {
            // A module in a file of its own is one item; anything longer goes on to the end of the file.
            match lines.next() {
                Some(item) if item.trim_end().ends_with(';') => continue,
                _ => break,
            }
        }
        let end = line
            .match_indices("//")
            .map(|(at, _)| at)
            .find(|at| *at == 0 || line[..*at].ends_with(' '));
        code.push_str(&line[..end.unwrap_or(line.len())]);
        code.push('\n');
    }
    code
}

/// The files that are modules only of tests: `#[cfg(test)]` above `mod name;`.
fn test_files(path: &Path, text: &str) -> Vec<PathBuf> {
    let folder = if path.ends_with("mod.rs") || path.ends_with("lib.rs") {
        path.parent().unwrap().to_owned()
    } else {
        path.with_extension("")
    };
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let declared = lines.windows(2).filter_map(|pair| {
        let name = pair[1].strip_prefix("mod ")?.strip_suffix(';')?;
        (pair[0] == "#[cfg(test)]").then(|| folder.join(format!("{name}.rs")))
    });
    declared.collect()
}

fn sources() -> Vec<Source> {
    let folder = root().join("src");
    let mut tests = BTreeSet::new();
    let mut sources = Vec::new();
    for path in files(&folder) {
        if path.extension().is_none_or(|end| end != "rs") {
            continue;
        }
        let text = fs::read_to_string(folder.join(&path)).unwrap();
        tests.extend(test_files(&path, &text));
        let mut module: Vec<String> = path
            .with_extension("")
            .iter()
            .map(|part| part.to_string_lossy().into_owned())
            .collect();
        module.retain(|part| part != "mod");
        sources.push(Source {
            code: code(&text),
            module,
            path,
        });
    }
    sources.retain(|source| !tests.contains(&source.path));
    sources
}

/// The top-level modules that `code` names after `crate::`, also inside `crate::{…}`.
fn imports(code: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        match rest.strip_prefix('{') {
            None => drop(found.insert(word(rest))),
            Some(list) => {
                let mut depth = 0;
                let mut begins = true;
                for (at, letter) in list.char_indices() {
                    match letter {
                        '{' => depth += 1,
                        '}' if depth == 0 => break,
                        '}' => depth -= 1,
                        ',' if depth == 0 => begins = true,
                        _ if begins && !letter.is_whitespace() => {
                            found.insert(word(&list[at..]));
                            begins = false;
                        }
                        _ => {}
                    }
                }
            }
        }
    }
    found
}

fn word(text: &str) -> String {
    let letter = |c: &char| c.is_alphanumeric() || *c == '_';
    text.chars().take_while(letter).collect()
}

/// Whether `code` names `what` as a whole path, not as part of a longer word.
fn names(code: &str, what: &str) -> bool {
    let inner = |c: char| c.is_alphanumeric() || c == '_';
    code.match_indices(what).any(|(at, _)| {
        let before = code[..at].chars().next_back();
        let after = code[at + what.len()..].chars().next();
        let opens = !before.is_some_and(inner);
        opens && (what.ends_with(['!', 'p']) || !after.is_some_and(inner))
    })
}

/// Every way in which sources break the table.
fn broken(table: &BTreeMap<String, Row>, sources: &[Source]) -> Vec<String> {
    let mut problems = Vec::new();
    let modules: BTreeSet<&String> = sources
        .iter()
        .filter_map(|source| source.module.first())
        .filter(|name| !matches!(name.as_str(), "lib" | "main"))
        .collect();
    for name in &modules {
        if !table.contains_key(*name) {
            problems.push(format!("module `{name}` has no row"));
        }
    }
    for name in table.keys().filter(|name| !modules.contains(name)) {
        problems.push(format!("the row of `{name}` has no module"));
    }
    for (name, row) in table {
        for import in row.imports.iter().flatten() {
            match table.get(import) {
                None => problems.push(format!("`{name}` may import `{import}`, which has no row")),
                Some(imported) if imported.effects && !row.effects => problems.push(format!(
                    "`{name}` has no effects but may import `{import}`, which has"
                )),
                Some(_) => {}
            }
        }
    }
    problems.extend(cycle(table));
    for source in sources {
        let path = source.path.display();
        let Some(row) = source.module.first().and_then(|name| table.get(name)) else {
            continue;
        };
        let own = &source.module[0];
        for import in imports(&source.code) {
            let allowed = row
                .imports
                .as_ref()
                .is_none_or(|imports| imports.contains(&import));
            if import != *own && !allowed {
                problems.push(format!("src/{path}: `{own}` may not import `{import}`"));
            }
        }
        if source.code.contains(&"super::".repeat(source.module.len())) {
            problems.push(format!("src/{path}: reach the crate's root by `crate::`"));
        }
        if !row.effects {
            for what in IMPURE.iter().filter(|what| names(&source.code, what)) {
                problems.push(format!("src/{path}: `{own}` is pure, but names `{what}`"));
            }
        }
        for what in UNFINISHED.iter().filter(|what| names(&source.code, what)) {
            problems.push(format!("src/{path}: `{what}`"));
        }
        for part in source
            .module
            .iter()
            .filter(|part| VAGUE.contains(&part.as_str()))
        {
            problems.push(format!(
                "src/{path}: `{part}` says nothing; name what it is"
            ));
        }
    }
    problems
}

/// A module that reaches itself, by way of the rows.
fn cycle(table: &BTreeMap<String, Row>) -> Option<String> {
    let mut left = table.clone();
    // A module whose imports are all gone stands on nothing that is left; in a cycle there is always something left.
    while !left.is_empty() {
        let free: Vec<String> = left
            .iter()
            .filter(|(name, row)| match &row.imports {
                None => left.keys().all(|other| other == *name),
                Some(imports) => imports.iter().all(|import| !left.contains_key(import)),
            })
            .map(|(name, _)| name.clone())
            .collect();
        if free.is_empty() {
            let names: Vec<&str> = left.keys().map(String::as_str).collect();
            return Some(format!("the table has a cycle among: {}", names.join(", ")));
        }
        for name in free {
            left.remove(&name);
        }
    }
    None
}

fn architecture() -> String {
    fs::read_to_string(root().join("src/ARCHITECTURE.md")).unwrap()
}

#[test]
fn the_source_keeps_to_the_architecture() {
    let table = table(&architecture());
    assert!(table.len() > 10, "the table was not found");
    let sources = sources();
    assert!(sources.len() > 60, "the sources were not found");
    let problems = broken(&table, &sources);
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn the_root_only_lists_modules() {
    let lib = code(&fs::read_to_string(root().join("src/lib.rs")).unwrap());
    for line in lib
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with("#!"))
    {
        assert!(
            line.starts_with("pub mod ") && line.ends_with(';'),
            "src/lib.rs: {line}"
        );
    }
}

/// Each way to break the rules is one that the test above would see.
#[test]
fn what_breaks_the_rules_is_seen() {
    let rows = "| module | may import | effects | one line |\n|---|---|---|---|\n\
        | model | | no | x |\n| plan | model | no | x |\n| apply | plan | yes | x |\n| cli | all | yes | x |\n";
    let source = |path: &str, text: &str| Source {
        path: path.into(),
        module: Path::new(path)
            .with_extension("")
            .iter()
            .map(|part| part.to_string_lossy().into_owned())
            .filter(|part| part != "mod")
            .collect(),
        code: code(text),
    };
    let whole = || {
        ["model", "plan", "apply", "cli"]
            .map(|name| source(&format!("{name}/mod.rs"), ""))
            .into()
    };
    let check = |rows: &str, extra: Option<Source>, expected: &[&str]| {
        let mut sources: Vec<Source> = whole();
        sources.extend(extra);
        assert_eq!(broken(&table(rows), &sources), expected);
    };
    let seen =
        |path: &str, text: &str, expected: &[&str]| check(rows, Some(source(path, text)), expected);

    check(rows, None, &[]);
    seen("plan/a.rs", "use crate::model::X;\nuse super::b;", &[]);
    seen(
        "plan/a.rs",
        "use crate::apply::X;",
        &["src/plan/a.rs: `plan` may not import `apply`"],
    );
    seen(
        "plan/a.rs",
        "use crate::{\n    model::{A, B},\n    apply::{self, C},\n};",
        &["src/plan/a.rs: `plan` may not import `apply`"],
    );
    seen(
        "plan/a.rs",
        "fn f() { crate::cli::main() }",
        &["src/plan/a.rs: `plan` may not import `cli`"],
    );
    seen(
        "plan/a.rs",
        "use super::super::apply;",
        &["src/plan/a.rs: reach the crate's root by `crate::`"],
    );
    seen(
        "plan/a.rs",
        "let now = std::time::Instant::now();",
        &["src/plan/a.rs: `plan` is pure, but names `Instant`"],
    );
    seen(
        "plan/a.rs",
        "println!(\"x\");",
        &["src/plan/a.rs: `plan` is pure, but names `println!`"],
    );
    seen(
        "plan/a.rs",
        "// println! and crate::cli\n#[cfg(test)]\nmod tests { use std::fs; }",
        &[],
    );
    seen(
        "plan/a.rs",
        "#[cfg(test)]\nmod tests;\nuse std::fs;",
        &["src/plan/a.rs: `plan` is pure, but names `std::fs`"],
    );
    seen(
        "apply/a.rs",
        "use tokio::fs;\ntodo!()",
        &["src/apply/a.rs: `todo!`"],
    );
    seen(
        "cli/util.rs",
        "use crate::plan;",
        &["src/cli/util.rs: `util` says nothing; name what it is"],
    );
    seen("extra/mod.rs", "", &["module `extra` has no row"]);
    let more = |row: &str| format!("{rows}{row}\n");
    check(
        &more("| gone | | no | x |"),
        None,
        &["the row of `gone` has no module"],
    );
    check(
        &rows.replace("| model | |", "| model | plan |"),
        None,
        &["the table has a cycle among: apply, cli, model, plan"],
    );
    check(
        &rows.replace("| plan | model |", "| plan | model, apply |"),
        None,
        &[
            "`plan` has no effects but may import `apply`, which has",
            "the table has a cycle among: apply, cli, plan",
        ],
    );
}
