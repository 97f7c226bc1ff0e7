//! CHANGELOG.md keeps to Keep a Changelog and to Cargo.toml's version.

use std::fs;

use crate::golden::root;

/// What is wrong with a changelog of a crate at `version`.
fn problems(text: &str, version: &str) -> Vec<String> {
    const SECTIONS: &[&str] = &[
        "Added",
        "Changed",
        "Deprecated",
        "Removed",
        "Fixed",
        "Security",
    ];
    let mut problems = Vec::new();
    if !text.starts_with("# Changelog\n") {
        problems.push("it does not begin with `# Changelog`".to_owned());
    }
    let releases: Vec<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("## "))
        .collect();
    match releases.first() {
        Some(&"[Unreleased]") => {}
        Some(top) if top.starts_with(&format!("[{version}] - ")) => {}
        top => problems.push(format!(
            "its top is {top:?}, neither Unreleased nor {version}"
        )),
    }
    for release in releases.iter().filter(|name| **name != "[Unreleased]") {
        let date = release.split_once("] - ").map(|(_, date)| date);
        let dated = date.is_some_and(|date| {
            date.len() == 10 && date.bytes().all(|b| b.is_ascii_digit() || b == b'-')
        });
        if !dated || !release.starts_with('[') {
            problems.push(format!("`{release}` is not `[VERSION] - YYYY-MM-DD`"));
        }
    }
    let mut section = None;
    for line in text.lines().skip_while(|line| !line.starts_with("## ")) {
        if let Some(name) = line.strip_prefix("### ") {
            if !SECTIONS.contains(&name) {
                problems.push(format!("`{name}` is not one of {}", SECTIONS.join(", ")));
            }
            section = Some(name);
        } else if line.starts_with("## ") {
            section = None;
        } else if line.starts_with("- ") && section.is_none() {
            problems.push(format!("`{line}` stands in no section"));
        }
    }
    problems
}

#[test]
fn the_changelog_is_in_form() {
    let text = fs::read_to_string(root().join("CHANGELOG.md")).unwrap();
    assert_eq!(problems(&text, env!("CARGO_PKG_VERSION")), [""; 0]);
}

#[test]
fn what_is_out_of_form_is_seen() {
    let check = |text: &str, count: usize| {
        let found = problems(text, "0.2.0");
        assert_eq!(found.len(), count, "{text}\n{found:?}");
    };
    check("# Changelog\n\n## [Unreleased]\n\n### Added\n\n- a\n", 0);
    check(
        "# Changelog\n\n## [0.2.0] - 2026-01-02\n\n### Fixed\n\n- a\n",
        0,
    );
    check("# Changelog\n\n## [0.1.0] - 2026-01-02\n", 1);
    check("# Changelog\n\n## [Unreleased]\n\n### News\n", 1);
    check("# Changelog\n\n## [Unreleased]\n\n- a\n", 1);
    check("# Changelog\n\n## [Unreleased]\n## 0.1.0\n", 1);
}
