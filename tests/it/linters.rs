//! What is rendered for the bundled examples, and what they bring themselves, is taken without a word by the linters of its
//! kind: Dockerfiles by hadolint, nginx's files by gixy. They are no part of this crate; `tests/run` installs those that
//! `tests/linters.txt` names. By hand, with both on the PATH: `cargo test --test it linters:: -- --ignored`.
//! Compose files are taken by `docker compose` itself, which `tests/compose/oracle.sh` downloads.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::{cases, golden};

/// The configuration around a site's file, which a host has from its distribution. It has nothing to be found.
const AROUND: &str =
    "worker_rlimit_nofile 4096;\nevents { worker_connections 768; }\nhttp { include site.conf; }\n";

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Dockerfile,
    /// What nginx includes within `http`.
    Site,
    /// A whole nginx.conf.
    Nginx,
}

/// Where a text is from, and the text.
type Texts = BTreeMap<(Kind, String), String>;

#[test]
#[ignore = "needs hadolint and gixy, which tests/run installs"]
fn all_that_is_rendered_for_the_examples_passes_its_linter() {
    let folder = tempfile::tempdir().unwrap();
    let mut texts = Texts::new();
    for (example, out) in rendered_examples(folder.path()) {
        rendered(&out, &example, &mut texts);
    }
    for example in stackctl::render::examples() {
        let at = folder.path().join(example);
        // What was rendered is below folders of its own.
        let is_own = |path: &&PathBuf| !path.starts_with(OUT);
        for path in golden::files(&at).iter().filter(is_own) {
            if let Some(kind) = kind_of(path) {
                let text = fs::read_to_string(at.join(path)).unwrap();
                texts.insert((kind, format!("{example}/{}", path.display())), text);
            }
        }
    }
    let of = |kind| texts.keys().filter(|(other, _)| *other == kind).count();
    let counts = [Kind::Dockerfile, Kind::Site, Kind::Nginx].map(of);
    assert!(
        counts
            .iter()
            .zip([5, 12, 1])
            .all(|(is, least)| *is >= least),
        "{:#?}",
        texts.keys()
    );
    let found = findings(&texts);
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// Where stacks are rendered to, below their own folders.
const OUT: &str = "rendered";

/// Unpacks each example and renders it in each way that it can be laid: what it is called, and where it is.
fn rendered_examples(folder: &Path) -> Vec<(String, PathBuf)> {
    let mut all = Vec::new();
    for example in stackctl::render::examples() {
        let at = folder.join(example);
        stackctl(&["init", "--example", example, example], folder);
        if example == "starwars" {
            let names = ["MYSQL_PASSWORD", "MYSQL_ROOT_PASSWORD", "REDIS_PASSWORD"];
            let passwords = names.map(|name| format!("{name}=a-password-of-a-test\n"));
            fs::write(at.join(".env"), passwords.concat()).unwrap();
        }
        for path in golden::files(&at) {
            let name = path.display().to_string();
            if name.ends_with(".yaml") && !name.contains('/') {
                let out = format!("{OUT}/{name}");
                let way: &[&str] = match environment(&name) {
                    Some(environment) => &["-e", environment],
                    None => &["-c", &name],
                };
                stackctl(&[way, &["render", "--out", &out]].concat(), &at);
                all.push((format!("{example}, {name}"), at.join(out)));
            }
        }
    }
    all
}

/// Renders the stack of each folder of `tests/cases`.
fn rendered_cases(folder: &Path) -> Vec<(String, PathBuf)> {
    let mut all = Vec::new();
    for (case, text) in cases::composed() {
        let out = folder.join(&case);
        fs::create_dir_all(&out).unwrap();
        fs::write(out.join("compose.yaml"), text).unwrap();
        all.push((case, out));
    }
    all
}

/// Debian's plugin, and those that are installed here: each has rules of its version.
fn plugins() -> Vec<PathBuf> {
    let oracle = golden::root().join("tests/compose/oracle.sh");
    let told = Command::new("sh").arg(oracle).arg("--plugin").output();
    let told = told.unwrap();
    assert!(told.status.success(), "{told:?}");
    let mut plugins = vec![PathBuf::from(
        String::from_utf8(told.stdout).unwrap().trim(),
    )];
    let home = std::env::var_os("HOME").map(|home| Path::new(&home).join(".docker"));
    let places = [
        "/usr/libexec/docker",
        "/usr/lib/docker",
        "/usr/local/lib/docker",
    ];
    let folders = home.into_iter().chain(places.map(PathBuf::from));
    let others = folders.map(|folder| folder.join("cli-plugins/docker-compose"));
    plugins.extend(others.filter(|plugin| plugin.exists()));
    plugins
}

/// Before anybody made the files that a rendered compose file asks for, `docker compose` takes it.
#[test]
#[ignore = "downloads docker compose, as tests/run does"]
fn docker_compose_takes_every_rendered_compose_file() {
    let folder = tempfile::tempdir().unwrap();
    let mut all = rendered_examples(folder.path());
    all.extend(rendered_cases(&folder.path().join("cases")));
    let bare = folder.path().join("bare");
    fs::create_dir(&bare).unwrap();
    fs::write(bare.join("stackctl.yaml"), WITHOUT_CONTAINERS).unwrap();
    fs::write(bare.join("main.py"), "").unwrap();
    stackctl(&["render", "--out", OUT], &bare);
    all.push(("a stack without containers".to_owned(), bare.join(OUT)));
    assert!(all.len() > 90, "{} stacks", all.len());
    let mut refused = Vec::new();
    for plugin in plugins() {
        for (stack, out) in &all {
            let mut command = Command::new(&plugin);
            command.arg("-f").arg(out.join("compose.yaml"));
            // `version: …` and other words are told on stderr, and are no refusal.
            let ended = command.args(["config", "-q"]).output().unwrap();
            if !ended.status.success() {
                let why = String::from_utf8_lossy(&ended.stderr);
                refused.push(format!("{}: {stack}: {why}", plugin.display()));
            }
        }
    }
    assert!(refused.is_empty(), "{}", refused.join("\n"));
}

/// No site, and one program, which systemd runs.
const WITHOUT_CONTAINERS: &str = "\
stack: bare
hosts: {one: 10.0.0.1}
services:
  worker:
    unit: {source: ., install: nothing}
    command: [python3, main.py, '{{ port }}']
    listen: tcp
";

/// What `expected.json` holds is still what `docker compose config` says, so nobody wrote it by hand.
#[test]
#[ignore = "downloads docker compose, as tests/run does"]
fn the_oracle_of_compose_files_says_what_is_expected() {
    let folder = tempfile::tempdir().unwrap();
    let tests = golden::root().join("tests/compose");
    let mut oracle = Command::new("sh");
    oracle.arg(tests.join("oracle.sh")).arg("--to");
    let ended = oracle.arg(folder.path()).output().unwrap();
    let why = String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.success(), "{why}");
    let told = golden::files(folder.path());
    assert!(told.len() >= 35, "{told:?}");
    for path in told {
        let case = path.file_stem().unwrap();
        let expected = fs::read_to_string(tests.join(case).join("expected.json")).unwrap();
        let told = fs::read_to_string(folder.path().join(&path)).unwrap();
        assert_eq!(told, expected, "{}", path.display());
    }
}

/// The same linters find what there is to be found, or the test above would tell nothing.
#[test]
#[ignore = "needs hadolint and gixy, which tests/run installs"]
fn the_linters_find_what_is_wrong() {
    let bad = [
        (Kind::Dockerfile, "FROM python:latest\nRUN cd /srv\n"),
        (
            Kind::Site,
            "server { listen 80; location /files { alias /srv/files/; } }",
        ),
        (
            Kind::Nginx,
            "events { }\nhttp { server { location / { proxy_set_header Host $http_host; } } }",
        ),
    ];
    for (kind, text) in bad {
        let one = Texts::from([((kind, "bad".to_owned()), text.to_owned())]);
        assert!(!findings(&one).is_empty(), "{text}");
    }
}

/// Files of an example that are its own, and not rendered.
fn kind_of(path: &Path) -> Option<Kind> {
    let name = path.file_name()?.to_str()?;
    match name {
        "nginx.conf" => Some(Kind::Nginx),
        _ if name.starts_with("Dockerfile") => Some(Kind::Dockerfile),
        _ => None,
    }
}

/// The environment whose overlay a file is.
fn environment(name: &str) -> Option<&str> {
    name.strip_prefix("stackctl.")?.strip_suffix(".yaml")
}

/// Adds all that was rendered to a folder, also what the compose file holds.
fn rendered(folder: &Path, way: &str, texts: &mut Texts) {
    for path in golden::files(folder) {
        let text = fs::read_to_string(folder.join(&path)).unwrap();
        let name = format!("{way}: {}", path.display());
        if path.components().any(|part| part.as_os_str() == "nginx") {
            texts.insert((Kind::Site, name), text);
        } else if let Some(kind) = kind_of(&path) {
            texts.insert((kind, name), text);
        } else if path == Path::new("compose.yaml") {
            let compose: Value = serde_yaml::from_str(&text).unwrap();
            let mut add = |kind, inline: &Value| {
                let Some(inline) = inline.as_str() else {
                    return;
                };
                // Compose would replace variables.
                let inline = inline.replace("$$", "$");
                let count = texts.len();
                texts.insert((kind, format!("{name}, {count}")), inline);
            };
            for service in compose["services"].as_object().into_iter().flatten() {
                add(Kind::Dockerfile, &service.1["build"]["dockerfile_inline"]);
            }
            for config in compose["configs"].as_object().into_iter().flatten() {
                add(Kind::Site, &config.1["content"]);
            }
        }
    }
}

/// The one finding that we do not follow: that a server of HTTPS, or of what edges ask for, should be `default_server`. Stacks
/// share the port of a host, and nginx does not start with two of them; without any it takes the first, which shows no
/// certificate and answers nothing (site.conf).
fn is_on_purpose(finding: &Value) -> bool {
    let says = finding["description"].as_str().unwrap_or_default();
    finding["plugin"] == "default_server_flag"
        && [":443. ", ":7480. "].iter().any(|port| says.contains(port))
}

/// Each finding, with where it is.
fn findings(texts: &Texts) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    let mut found = Vec::new();
    for ((kind, name), text) in texts {
        let program: &[&str] = match kind {
            Kind::Dockerfile => {
                write("Dockerfile", text);
                &["hadolint", "--format", "json", "Dockerfile"]
            }
            Kind::Site => {
                write("site.conf", text);
                write("nginx.conf", AROUND);
                &["gixy", "--format", "json", "nginx.conf"]
            }
            Kind::Nginx => {
                write("nginx.conf", text);
                &["gixy", "--format", "json", "nginx.conf"]
            }
        };
        let ended = Command::new(program[0])
            .args(&program[1..])
            .current_dir(folder.path())
            .output();
        let ended = ended.unwrap_or_else(|error| panic!("{}: {error}", program[0]));
        let said = String::from_utf8_lossy(&ended.stdout);
        let told: Value = serde_json::from_str(&said)
            .unwrap_or_else(|error| panic!("{name}: {error}: {ended:?}"));
        let told = told.as_array().expect("a list of findings");
        // It ends well when it has nothing to tell, and only then.
        assert_eq!(ended.status.success(), told.is_empty(), "{name}: {ended:?}");
        let told = told.iter().filter(|finding| !is_on_purpose(finding));
        found.extend(told.map(|finding| format!("{name}: {finding}")));
    }
    found
}

fn stackctl(arguments: &[&str], at: &Path) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stackctl"));
    let ended = command.args(arguments).current_dir(at).output().unwrap();
    let told = String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.success(), "{arguments:?}: {told}");
}
