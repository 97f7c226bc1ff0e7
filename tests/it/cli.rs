//! The real binary, as a person or a CI job meets it.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use clap::CommandFactory as _;
use tempfile::TempDir;

use crate::golden;

const STACKCTL: &str = env!("CARGO_BIN_EXE_stackctl");
const PAGE: &str = "stack: page\nhosts: {web1: ubuntu@203.0.113.10}\nservices: {page: {static: .}}\n\
    sites: {page: {routes: {/: page}}}\n";

/// A folder to run in, which is also the home of whoever runs: no key, no known host.
struct Desk {
    folder: TempDir,
    variables: Vec<(&'static str, &'static str)>,
}

/// How a run ended.
#[derive(Debug)]
struct Ended {
    status: i32,
    stdout: String,
    stderr: String,
}

impl Desk {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            variables: Vec::new(),
        }
    }

    fn with(files: &[(&str, &str)]) -> Self {
        let desk = Self::new();
        for (path, text) in files {
            fs::write(desk.path().join(path), text).unwrap();
        }
        desk
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn read(&self, path: &str) -> String {
        fs::read_to_string(self.path().join(path)).unwrap()
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(STACKCTL);
        command.args(args).current_dir(self.path()).env_clear();
        command
            .env("HOME", self.path())
            .envs(self.variables.iter().copied());
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    fn run_with(&self, args: &[&str], input: &str) -> Ended {
        let mut child = self.command(args).stdin(Stdio::piped()).spawn().unwrap();
        child
            .stdin
            .take()
            .unwrap()
            .write_all(input.as_bytes())
            .unwrap();
        let output = child.wait_with_output().unwrap();
        Ended {
            status: output.status.code().expect("it was not killed"),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Runs and holds the exit code and parts of stderr to what they should be.
    #[track_caller]
    fn check(&self, args: &[&str], status: i32, told: &[&str]) -> Ended {
        let ended = self.run_with(args, "");
        assert_eq!(ended.status, status, "{args:?}: {ended:#?}");
        for part in told {
            assert!(
                ended.stderr.contains(part),
                "{args:?}: no `{part}` in {}",
                ended.stderr
            );
        }
        ended
    }
}

/// Every command, `lab up` and its like included, as words to type.
fn commands() -> Vec<Vec<String>> {
    fn below(command: &clap::Command, words: &[String], all: &mut Vec<Vec<String>>) {
        for sub in command.get_subcommands() {
            let words = [words, &[sub.get_name().to_owned()]].concat();
            below(sub, &words, all);
            all.push(words);
        }
    }
    let mut all = Vec::new();
    below(&stackctl::cli::args::Cli::command(), &[], &mut all);
    all
}

#[test]
fn every_command_explains_itself_by_example() {
    let desk = Desk::new();
    let commands = commands();
    assert!(commands.len() > 10, "{commands:?}");
    for words in commands.iter().chain([&Vec::new()]) {
        let args: Vec<&str> = words.iter().map(String::as_str).chain(["--help"]).collect();
        let help = desk.check(&args, 0, &[]).stdout;
        let typed = format!("  stackctl {}", words.join(" "));
        let example = help
            .split_once("Example")
            .is_some_and(|(_, examples)| examples.contains(&typed));
        assert!(
            example,
            "`stackctl {}` has no example in its help:\n{help}",
            words.join(" ")
        );
        assert!(!help.contains('\x1b'), "a pipe gets no colours");
    }
}

#[test]
fn wrong_usage_ends_with_2() {
    let desk = Desk::with(&[("stackctl.yaml", PAGE)]);
    desk.check(&["--nonsense"], 2, &["--nonsense"]);
    desk.check(&["deplyo"], 2, &["deplyo", "deploy"]);
    desk.check(&[], 2, &["Usage: stackctl"]);
    desk.check(
        &["plan", "--host", "web9"],
        2,
        &["the stack has no host `web9`", "it has: web1"],
    );
    desk.check(
        &["plan", "--service", "x"],
        2,
        &["the stack has no service `x`", "it has: page"],
    );
    desk.check(&["provision", "--service", "page"], 2, &["--service"]);
    let examples = &["nothing", "map, messages, names"];
    desk.check(&["init", "--example", "nothing"], 2, examples);
    let unknown = &["the stack has no service `x`", "it has: page"];
    for words in [
        &["logs", "x"][..],
        &["exec", "x", "ls"],
        &["run", "x", "ls"],
        &["shell", "x"],
    ] {
        desk.check(words, 2, unknown);
    }
    for command in ["restart", "stop", "start"] {
        desk.check(&[command], 2, &["SERVICE"]);
        desk.check(&[command, "x"], 2, unknown);
    }
    desk.check(&["destroy"], 2, &["without a terminal", "--confirm page"]);
    desk.check(&["destroy", "--yes"], 2, &["--confirm page"]);
    desk.check(&["destroy", "--confirm", "pgae"], 2, &["is called page"]);
    desk.check(&["destroy", "--service", "page"], 2, &["whole stacks"]);
    desk.check(&["exec", "page"], 2, &["COMMAND"]);
    desk.check(&["run", "page"], 2, &["COMMAND"]);
    desk.check(&["logs", "--since", "yesterday"], 2, &["yesterday", "10m"]);
    desk.check(&["logs", "--tail", "few"], 2, &["few", "all"]);
    desk.check(&["-q", "-v", "plan"], 2, &["--quiet", "--verbose"]);
}

#[test]
fn a_saved_plan_is_read_with_care() {
    let desk = Desk::with(&[("stackctl.yaml", PAGE), ("other", "no json")]);
    desk.check(&["apply"], 2, &["FILE"]);
    desk.check(
        &["apply", "gone.plan"],
        3,
        &["gone.plan", "stackctl plan --out"],
    );
    desk.check(&["apply", "other"], 3, &["other: is no saved plan"]);
    let saved = |version: &str, schema: u32| {
        let part = r#"{"digest": "", "steps": [], "notes": []}"#;
        format!(
            r#"{{"schema": {schema}, "stackctl": "{version}", "stack": "page", "config": "/gone/stackctl.yaml",
            "environment": null, "hosts": ["web1"], "services": [], "overwrite_drift": false, "no_hooks": false, "yaml": "", "hooks": "",
            "releases": {{}}, "standing": {{}}, "provision": {part}, "deploy": {part}}}"#
        )
    };
    let put = |name: &str, text: String| fs::write(desk.path().join(name), text).unwrap();
    let own = env!("CARGO_PKG_VERSION");
    put("old.plan", saved("0.0.1", 1));
    desk.check(&["apply", "old.plan"], 5, &["made by stackctl 0.0.1", own]);
    put("later.plan", saved(own, 2));
    desk.check(&["apply", "later.plan"], 3, &["format 1"]);
    put("page.plan", saved(own, 1));
    desk.check(
        &["apply", "page.plan"],
        3,
        &["/gone/stackctl.yaml, which is not there", "--config"],
    );
    let chosen = [
        "apply",
        "page.plan",
        "-c",
        "stackctl.yaml",
        "--host",
        "web1",
    ];
    desk.check(&chosen, 2, &["--host is part of the saved plan"]);
    let ended = desk.run_with(&["plan", "--out", "x.plan", "-c", "-"], PAGE);
    assert_eq!(ended.status, 2, "{ended:#?}");
    assert!(ended.stderr.contains("stdin"), "{ended:#?}");
    put("names.yaml", PAGE.replace("stack: page", "stack: names"));
    desk.check(
        &["apply", "page.plan", "-c", "names.yaml"],
        5,
        &["for the stack page", "describes names"],
    );
}

#[test]
fn doctor_looks_at_this_machine_with_and_without_a_yaml() {
    let mut desk = Desk::new();
    desk.variables.push(("PATH", "/usr/bin:/bin"));
    let ended = desk.check(&["doctor"], 7, &[]);
    for part in ["no stackctl.yaml", "ssh-keygen", "1 problem"] {
        assert!(
            ended.stdout.contains(part),
            "no `{part}` in {}",
            ended.stdout
        );
    }
    fs::create_dir(desk.path().join(".ssh")).unwrap();
    fs::write(desk.path().join(".ssh/id_ed25519"), "key").unwrap();
    let ended = desk.check(&["doctor"], 0, &[]);
    assert!(ended.stdout.contains("chmod 600"), "{}", ended.stdout);

    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let yaml = PAGE.replace("203.0.113.10", &format!("127.0.0.1:{port}"));
    fs::write(desk.path().join("stackctl.yaml"), yaml).unwrap();
    fs::write(desk.path().join("stackctl.test.yaml"), "keep: 3\nkep: 4\n").unwrap();
    let told = desk.check(&["doctor", "--json"], 7, &[]).stdout;
    let told: serde_json::Value = serde_json::from_str(&told).unwrap();
    let failed: Vec<(&str, &str)> = told["checks"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|check| check["level"] == "fail")
        .map(|check| {
            (
                check["name"].as_str().unwrap(),
                check["text"].as_str().unwrap(),
            )
        })
        .collect();
    let [("overlay", overlay), ("reachable", reachable)] = failed[..] else {
        panic!("{failed:?}");
    };
    assert!(
        overlay.contains("stackctl.test.yaml:2:1: unknown key `kep`"),
        "{overlay}"
    );
    assert!(reachable.contains("cannot reach 127.0.0.1"), "{reachable}");
    assert_eq!(
        (&told["schema"], &told["healthy"]),
        (&1.into(), &false.into())
    );

    fs::write(desk.path().join("stackctl.yaml"), "stack: page\n").unwrap();
    let ended = desk.check(&["doctor"], 7, &[]);
    assert!(
        ended.stdout.contains("✗ config: stackctl.yaml"),
        "{}",
        ended.stdout
    );
}

#[test]
fn a_question_without_a_terminal_is_wrong_usage() {
    let ended = Desk::new().check(&["demo"], 2, &["without a terminal", "--yes"]);
    assert_eq!(ended.stdout, "");
}

#[test]
fn a_config_error_ends_with_3_and_has_a_place() {
    let desk = Desk::new();
    desk.check(&["plan"], 3, &["no stackctl.yaml", "stackctl init"]);
    desk.check(&["plan", "-c", "gone.yaml"], 3, &["gone.yaml"]);
    let wrong = PAGE
        .replace("routes", "rutes")
        .replace("static: .", "statik: .");
    let desk = Desk::with(&[("stackctl.yaml", &wrong)]);
    for command in ["plan", "render", "deploy", "provision", "status"] {
        desk.check(
            &[command],
            3,
            &[
                "stackctl.yaml:3",
                "statik",
                "stackctl.yaml:4",
                "rutes",
                "did you mean",
            ],
        );
    }
    let told = desk.check(&["plan", "--json"], 3, &[]).stdout;
    let told: serde_json::Value = serde_json::from_str(&told).unwrap();
    assert!(told.to_string().contains("statik"), "{told}");
    let desk = Desk::with(&[("stackctl.yaml", PAGE)]);
    desk.check(&["plan", "-e", "staging"], 3, &["stackctl.staging.yaml"]);
    let missing = PAGE.replace("static: .", "static: ./gone");
    Desk::with(&[("stackctl.yaml", &missing)]).check(&["render"], 3, &["gone"]);
}

#[test]
fn colours_follow_the_flag_and_no_color() {
    let mut desk = Desk::new();
    let coloured = |desk: &Desk, args: &[&str]| desk.check(args, 3, &[]).stderr.contains('\x1b');
    assert!(!coloured(&desk, &["plan"]), "a pipe gets none");
    assert!(coloured(&desk, &["plan", "--color", "always"]));
    assert!(!coloured(&desk, &["plan", "--color", "never"]));
    desk.variables.push(("NO_COLOR", "1"));
    assert!(!coloured(&desk, &["plan"]));
    assert!(
        coloured(&desk, &["plan", "--color", "always"]),
        "what was typed wins"
    );
}

#[test]
fn init_writes_a_starter_and_never_overwrites() {
    let desk = Desk::new();
    desk.check(&["init"], 0, &[]);
    let starter = desk.read("stackctl.yaml");
    assert_eq!(starter, stackctl::config::STARTER);
    fs::write(desk.path().join("stackctl.yaml"), "mine").unwrap();
    desk.check(&["init"], 5, &["stackctl.yaml is there already"]);
    assert_eq!(desk.read("stackctl.yaml"), "mine");
    // One file in the way, and nothing of the example is written.
    desk.check(
        &["init", "--example", "names"],
        5,
        &["stackctl.yaml is there already"],
    );
    assert_eq!(golden::files(desk.path()), [Path::new("stackctl.yaml")]);
}

#[test]
fn each_yaml_of_the_examples_renders() {
    let desk = Desk::new();
    for name in stackctl::render::examples() {
        desk.check(&["init", "--example", name, name], 0, &[]);
    }
    for (words, expected) in [
        (
            &["-c", "map/stackctl.yaml"][..],
            &[
                "server_name map.example.com;",
                "server_name _;",
                "StateDirectory=stackctl/map/state/api",
            ][..],
        ),
        (
            &["-c", "names/stackctl.yaml"],
            &["listen 80 default_server;"],
        ),
        (
            &["-c", "names/stackctl.yaml", "-e", "ports"],
            &["listen 8000 default_server;", "listen 8080 default_server;"],
        ),
        (
            &["-c", "names/units.yaml", "-e", "ports"],
            &[
                "listen 8080 default_server;",
                "ExecStart=/usr/bin/env \"gunicorn\"",
            ],
        ),
    ] {
        let rendered = desk.check(&[words, &["render"]].concat(), 0, &[]);
        for text in expected {
            assert!(rendered.stdout.contains(text), "{words:?}: {text}");
        }
    }
}

#[test]
fn the_example_can_be_unpacked_rendered_and_planned() {
    let desk = Desk::new();
    desk.check(&["init", "--example", "names", "app"], 0, &[]);
    for (path, contents) in stackctl::render::example("names").unwrap() {
        assert_eq!(
            fs::read(desk.path().join("app").join(path)).unwrap(),
            *contents
        );
    }
    // From a folder below the yaml, as with git.
    let render = desk
        .command(&["render", "--out", "../../out"])
        .current_dir(desk.path().join("app/python"))
        .output()
        .unwrap();
    assert!(
        render.status.success(),
        "{}",
        String::from_utf8_lossy(&render.stderr)
    );
    let site = desk.read("out/web1/etc/nginx/sites-available/names.conf");
    assert!(
        site.contains("listen 80") && site.contains("names/backend.sock"),
        "{site}"
    );
    assert!(desk.read("out/compose.yaml").contains("mysql:8.4"));
    assert!(desk.read("out/web1/Dockerfile.backend").starts_with("# "));

    // Nobody listens on a port that was just given back.
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let yaml = desk
        .read("app/stackctl.yaml")
        .replace("203.0.113.10", &format!("127.0.0.1:{port}"));
    fs::write(desk.path().join("app/stackctl.yaml"), yaml).unwrap();
    let started = Instant::now();
    for command in ["plan", "provision", "deploy", "status"] {
        let ended = desk.check(
            &[command, "--yes", "-c", "app/stackctl.yaml"],
            4,
            &["error: host web1", "127.0.0.1", &port.to_string(), "hint: "],
        );
        assert_eq!(
            ended.stderr.matches("error: ").count(),
            1,
            "{}",
            ended.stderr
        );
    }
    assert!(
        started.elapsed() < Duration::from_secs(20),
        "{:?}",
        started.elapsed()
    );
    let told = desk
        .check(&["status", "--json", "-c", "app/stackctl.yaml"], 4, &[])
        .stdout;
    let told: serde_json::Value = serde_json::from_str(&told).unwrap();
    assert_eq!(told["healthy"], false);
    assert_eq!(told["hosts"][0]["reachable"], false);
}

#[test]
fn a_host_that_says_nothing_does_not_hold_us_up() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap();
    let yaml = PAGE.replace("203.0.113.10", &address.to_string());
    let desk = Desk::with(&[("stackctl.yaml", &yaml)]);
    fs::create_dir(desk.path().join(".ssh")).unwrap();
    fs::write(desk.path().join(".ssh/config"), "ConnectTimeout 1\n").unwrap();
    let started = Instant::now();
    desk.check(
        &["status"],
        4,
        &["error: host web1", "no answer from 127.0.0.1 within 1 s"],
    );
    assert!(
        started.elapsed() < Duration::from_secs(20),
        "{:?}",
        started.elapsed()
    );
}

#[test]
fn a_stack_can_come_from_stdin() {
    let desk = Desk::with(&[("index.html", "<p>hello</p>")]);
    let ended = desk.run_with(&["render", "-c", "-", "--json"], PAGE);
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    let told: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
    let places: Vec<&str> = told["files"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|file| file["place"].as_str())
        .collect();
    assert_eq!(places[0], "/etc/nginx/sites-available/page.conf");
    let wrong = desk.run_with(&["render", "--config", "-"], "stack: page\n");
    assert_eq!(wrong.status, 3);
    assert!(wrong.stderr.contains("<stdin>"), "{}", wrong.stderr);
}

#[test]
fn a_command_that_looks_twice_at_stdin_has_its_yaml() {
    let yaml = "stack: shop\nhosts: {web1: ubuntu@127.0.0.1:1}\nservices: {db: {mysql: {}}}\n";
    for args in [
        &["backup", "db", "-o", "x"][..],
        &["db", "db"],
        &["exec", "db", "true"],
    ] {
        let ended = Desk::new().run_with(&[&["-c", "-"], args].concat(), yaml);
        assert_eq!(ended.status, 4, "{args:?}: {}", ended.stderr);
        assert!(ended.stderr.contains("host web1"), "{}", ended.stderr);
    }
}

#[test]
fn an_empty_variable_is_none() {
    let mut desk = Desk::with(&[("stackctl.yaml", PAGE), ("index.html", "hello")]);
    desk.variables.push(("STACKCTL_ENVIRONMENT", ""));
    desk.check(&["render"], 0, &[]);
}

#[test]
fn a_mistake_beside_secrets_shows_none_of_them() {
    let env = "DB_PASSWORD=hunter2\nMAIL KEY=swordfish\nAPI_TOKEN=\"tok-s3cr3t\n";
    let compose = "services: {web: {image: nginx, env_file: mail.env}}\n";
    let stack = "stack: shop\nhosts: {web1: ubuntu@203.0.113.10}\ncompose: compose.yaml\n";
    let with_file = |path| {
        [
            ("stackctl.yaml", stack),
            ("compose.yaml", compose),
            (path, env),
        ]
    };
    let login = "stack: shop\nhosts: {web1: ubuntu@203.0.113.10}\nservices: {a: {image: nginx}}\nregistries:\n  ghcr.io:\n    user: ada\n    password: hunter2\n";
    for (files, places) in [
        (&with_file(".env")[..], &[".env:2:"][..]),
        (&with_file("mail.env"), &["mail.env:2:"]),
        (
            &[("stackctl.yaml", login)],
            &["stackctl.yaml:7:15", "cannot stand in the yaml"],
        ),
    ] {
        let desk = Desk::with(files);
        for args in [&["render"][..], &["render", "--json"]] {
            let ended = desk.check(args, 3, places);
            let told = format!("{}{}", ended.stdout, ended.stderr);
            for secret in ["hunter2", "swordfish", "tok-s3cr3t"] {
                assert!(!told.contains(secret), "{told}");
            }
        }
    }
}

#[test]
fn folders_that_are_not_there_are_told_all_at_once() {
    let yaml = "stack: shop\nhosts: {web1: ubuntu@203.0.113.10}\nservices:\n  a: {build: ./backnd}\n  p: {static: ./pgae}\n  u: {unit: ./unti, command: [x]}\n";
    let told = [
        "backnd is not there, though `build` of `a` names it",
        "pgae is not there, though `static` of `p` names it",
        "unti is not there, though `unit` of `u` names it",
        "relative to the yaml's folder",
    ];
    Desk::with(&[("stackctl.yaml", yaml)]).check(&["render"], 3, &told);
}

#[test]
fn a_place_that_cannot_be_written_is_wrong_usage() {
    let desk = Desk::with(&[("stackctl.yaml", PAGE), ("file", "text")]);
    desk.check(&["render", "--out", "file/x"], 2, &["cannot write file/x"]);
    desk.check(&["init", "file/y"], 2, &["cannot write file/y"]);
}

#[test]
fn init_tells_programs_too() {
    let desk = Desk::new();
    for (args, files) in [
        (&["init", "--json", "a"][..], 1),
        (&["init", "--json", "--example", "names", "b"], 2),
    ] {
        let told = desk.check(args, 0, &[]).stdout;
        let told: serde_json::Value = serde_json::from_str(&told).unwrap();
        assert!(told["files"].as_u64() >= Some(files), "{told}");
        assert!(desk.path().join(told["folder"].as_str().unwrap()).is_dir());
    }
}

#[test]
fn the_schema_is_json_and_knows_the_starters_keys() {
    let schema = Desk::new().check(&["schema"], 0, &[]).stdout;
    let schema: serde_json::Value = serde_json::from_str(&schema).unwrap();
    for key in ["stack", "hosts", "services", "sites", "keep"] {
        assert!(schema["properties"][key].is_object(), "{key}");
    }
}

#[test]
fn a_reader_that_stops_early_is_no_fault() {
    let mut child = Desk::new()
        .command(&["completions", "bash"])
        .spawn()
        .unwrap();
    let mut first = [0];
    let mut stdout = child.stdout.take().unwrap();
    stdout.read_exact(&mut first).unwrap();
    drop(stdout);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

#[test]
fn completions_are_those_that_are_committed() {
    let desk = Desk::new();
    let shells = [
        ("bash", "stackctl.bash"),
        ("zsh", "_stackctl"),
        ("fish", "stackctl.fish"),
        ("elvish", "stackctl.elv"),
        ("powershell", "_stackctl.ps1"),
    ];
    let wanted: BTreeMap<String, String> = shells
        .iter()
        .map(|(shell, file)| {
            (
                (*file).to_owned(),
                desk.check(&["completions", shell], 0, &[]).stdout,
            )
        })
        .collect();
    let problems = golden::check(&golden::root().join("completions"), &[], &wanted);
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

/// No host is asked before.
#[test]
fn what_stackctl_cannot_save_is_refused_with_the_program_that_can() {
    let yaml = PAGE.replace(
        "services: {page: {static: .}}",
        "services: {page: {static: .}, docs: {mongodb: }}",
    );
    let desk = Desk::with(&[("stackctl.yaml", &yaml)]);
    let commands: [(&[&str], &str); 2] = [
        (&["backup", "docs"], "mongodump"),
        (&["restore", "docs", "missing"], "mongorestore"),
    ];
    for (args, program) in commands {
        let ended = desk.run_with(args, "");
        assert_eq!(ended.status, 2, "{ended:?}");
        assert_eq!(
            ended.stderr,
            format!(
                "error: `docs` is a MongoDB, of which stackctl makes no backups\n\
                 hint: its own programs do, where the image has them: `stackctl exec docs {program} …`\n"
            )
        );
    }
    let left = fs::read_dir(desk.path()).unwrap().count();
    assert_eq!(left, 1, "nothing was written");
}

#[test]
fn only_a_whole_backup_of_a_database_is_restored() {
    let yaml = PAGE.replace(
        "services: {page: {static: .}}",
        "services: {page: {static: .}, db: {mysql: {image: mysql}}}",
    );
    let desk = Desk::with(&[
        ("stackctl.yaml", &yaml),
        ("notes.txt", "DROP DATABASE names;\n"),
    ]);
    for (args, code, says) in [
        (["restore", "db", "missing"], 2, "cannot read missing"),
        (["restore", "db", "."], 5, "it cannot be read"),
        (
            ["restore", "db", "notes.txt"],
            5,
            "it is not a backup of stackctl",
        ),
        (["restore", "page", "notes.txt"], 2, "the stack has: db"),
        (
            ["restore", "cache", "notes.txt"],
            2,
            "the stack has no service `cache`",
        ),
        (["backup", "page", "--yes"], 2, "`page` is no database"),
        (["db", "page", "--yes"], 2, "`page` is no database"),
    ] {
        let ended = desk.run_with(&args, "");
        assert_eq!(ended.status, code, "{args:?}: {ended:?}");
        assert!(ended.stderr.contains(says), "{args:?}: {ended:?}");
        assert!(ended.stderr.contains("hint:") || code == 2, "{ended:?}");
    }
    let left = fs::read_dir(desk.path()).unwrap().count();
    assert_eq!(left, 2, "nothing was written");
}
