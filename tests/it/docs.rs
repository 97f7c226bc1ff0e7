//! README.md says nothing that is not so: its commands exist, its example is the bundled one, its promises of exit codes
//! are the program's. What needs a host is run by the lab suite, from the same commands.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use clap::Parser as _;
use stackctl::cli::Kind;
use stackctl::cli::args::Cli;

use crate::golden;

const README: &str = include_str!("../../README.md");

/// The fenced blocks of one language, in order.
fn blocks(language: &str) -> Vec<&'static str> {
    let fence = format!("```{language}\n");
    let rest = README.split(fence.as_str()).skip(1);
    rest.map(|block| block.split("```").next().unwrap_or_default())
        .collect()
}

/// The README of each bundled example.
fn examples() -> impl Iterator<Item = (&'static str, &'static str)> {
    stackctl::render::examples().map(|name| {
        let files = stackctl::render::example(name).expect("it is bundled");
        let (_, text) = files
            .iter()
            .find(|(path, _)| *path == "README.md")
            .expect("a README");
        (name, std::str::from_utf8(text).expect("text"))
    })
}

/// The scenarios of `tests/lab`, by file name without its end.
fn scenarios() -> BTreeMap<String, String> {
    let folder = golden::root().join("tests/lab");
    let paths = golden::files(&folder).into_iter();
    let sources = paths.filter(|path| path.extension().is_some_and(|end| end == "rs"));
    sources
        .map(|path| {
            let text = std::fs::read_to_string(folder.join(&path)).unwrap();
            (path.with_extension("").display().to_string(), text)
        })
        .collect()
}

/// Each `stackctl …` line of the shell blocks here, and of the READMEs of examples, as words, without its comment.
fn commands() -> Vec<Vec<&'static str>> {
    let of_examples =
        examples().flat_map(|(_, text)| text.lines().filter_map(|line| line.strip_prefix("    ")));
    let lines = blocks("sh").into_iter().flat_map(str::lines);
    let lines = lines.chain(of_examples);
    let words = lines.map(|line| {
        let command = line.split(" #").next().unwrap_or_default();
        let command = command.split(" > ").next().unwrap_or_default();
        let command = command.replace("cargo run --release --", "stackctl");
        let command: &'static str = Box::leak(command.into_boxed_str());
        command.split_whitespace().collect::<Vec<_>>()
    });
    words
        .filter(|words| words.first() == Some(&"stackctl"))
        .collect()
}

#[test]
fn every_command_of_the_readme_exists() {
    let commands = commands();
    assert!(commands.len() >= 15, "the README shows {commands:?}");
    for command in commands {
        if let Err(error) = Cli::try_parse_from(&command) {
            panic!("`{}`: {error}", command.join(" "));
        }
    }
}

/// A scenario follows the commands of one way to run an example, and fails when it leaves one of them out
/// (`tests/lab/example.rs`). So each way must have its scenario.
#[test]
fn the_commands_of_each_example_are_followed_by_a_scenario() {
    let scenarios: String = scenarios().into_values().collect();
    for (example, text) in examples() {
        let lines = text
            .lines()
            .filter_map(|line| line.strip_prefix("    stackctl "));
        let ways = lines.map(|line| {
            let mut words = line.split_whitespace();
            match words.next() {
                Some("-c" | "-e") => words.next().unwrap_or_default(),
                _ => "",
            }
        });
        let ways: BTreeSet<&str> = ways.collect();
        assert!(ways.contains(""), "{example} is run: {ways:?}");
        for way in ways {
            let follows = format!("lab, \"{example}\", \"{way}\")");
            assert!(scenarios.contains(&follows), "nobody follows {follows}");
        }
    }
}

/// What replaces a step of old is shown by a step of a scenario, which is there by that very name.
#[test]
fn what_the_examples_say_is_shown_is_a_step_of_a_scenario() {
    let scenarios = scenarios();
    for (example, text) in examples() {
        let (_, table) = text.split_once("| shown by |\n").expect("the table");
        let rows: Vec<&str> = table
            .lines()
            .skip(1)
            .take_while(|line| line.starts_with('|'))
            .collect();
        assert!(rows.len() > 15, "{example}: {rows:?}");
        for row in rows {
            let shown = row.trim_end_matches(" |").rsplit(" | ").next().unwrap();
            let mut count = 0;
            for part in shown.split("; ") {
                let (scenario, steps) = part.split_once(": ").unwrap_or_else(|| panic!("{row}"));
                let source = scenarios.get(scenario.trim_matches('`'));
                let source = source.unwrap_or_else(|| panic!("there is no {scenario}: {row}"));
                for step in steps.trim_matches('"').split("\", \"") {
                    let is_there = source.contains(&format!("\"{step}\""));
                    assert!(is_there, "{scenario} has no step \"{step}\": {row}");
                    count += 1;
                }
            }
            assert!(count > 0, "{row}");
        }
    }
}

#[test]
fn the_commands_that_need_no_host_do_what_the_readme_says() {
    let folder = tempfile::tempdir().unwrap();
    let run = |args: &[&str], at: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_stackctl"));
        let at = folder.path().join(at);
        std::fs::create_dir_all(&at).unwrap();
        let ended = command.args(args).current_dir(at).output().unwrap();
        let said = String::from_utf8_lossy(&ended.stdout).into_owned();
        assert!(
            ended.status.success(),
            "{args:?}: {}",
            String::from_utf8_lossy(&ended.stderr)
        );
        said
    };
    run(&["init"], "starter");
    assert!(folder.path().join("starter/stackctl.yaml").is_file());
    run(&["init", "--example", "names", "names"], ".");
    let rendered = run(&["render"], "names");
    assert!(rendered.contains("# web1: /etc/nginx/sites-available/names.conf"));
    assert!(run(&["schema"], ".").contains("$schema"));
    assert!(run(&["completions", "bash"], ".").contains("_stackctl"));
}

#[test]
fn the_readme_shows_the_bundled_example() {
    let shown = blocks("yaml");
    let whole = include_str!("../../examples/names/stackctl.yaml");
    let bare: Vec<&str> = whole
        .lines()
        .map(|line| line.split(" #").next().unwrap_or_default().trim_end())
        .filter(|line| !line.is_empty() && !line.trim_start().starts_with('#'))
        .collect();
    let shown: Vec<&str> = shown[0].lines().collect();
    assert_eq!(shown, bare);
}

#[test]
fn the_exit_codes_of_the_readme_are_the_programs() {
    let rows = README.lines().filter_map(|line| {
        let mut cells = line.strip_prefix("| ")?.split(" | ");
        Some((cells.next()?.parse::<u8>().ok()?, cells.next()?))
    });
    let told: BTreeMap<u8, &str> = rows.collect();
    for kind in [
        Kind::Ours,
        Kind::Usage,
        Kind::Config,
        Kind::Unreachable,
        Kind::Refused,
        Kind::Step,
        Kind::Unhealthy,
        Kind::Locked,
        Kind::Interrupted,
    ] {
        assert!(
            told.contains_key(&kind.code()),
            "{kind:?} is not in the README"
        );
    }
    assert_eq!(told.len(), 10, "and done: {told:?}");
}
