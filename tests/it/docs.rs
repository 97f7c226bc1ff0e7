//! README.md says nothing that is not so: its commands exist, its example is the bundled one, its promises of exit codes
//! are the program's. What needs a host is run by the lab suite, from the same commands.

use std::collections::BTreeMap;
use std::process::Command;

use clap::Parser as _;
use stackctl::cli::Kind;
use stackctl::cli::args::Cli;

const README: &str = include_str!("../../README.md");

/// The fenced blocks of one language, in order.
fn blocks(language: &str) -> Vec<&'static str> {
    let fence = format!("```{language}\n");
    let rest = README.split(fence.as_str()).skip(1);
    rest.map(|block| block.split("```").next().unwrap_or_default())
        .collect()
}

/// Each `stackctl …` line of the shell blocks, as words, without its comment.
fn commands() -> Vec<Vec<&'static str>> {
    let lines = blocks("sh").into_iter().flat_map(str::lines);
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
