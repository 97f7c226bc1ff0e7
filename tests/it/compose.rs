//! Compose files: each case of `tests/compose` is equal in meaning to what `docker compose config` made of it
//! (`tests/compose/oracle.sh` asks it), and each of `tests/compose/bad` is refused with its places.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use stackctl::compose::{Files, Loaded, Request, load};
use stackctl::config::{self, ConfigError, ConfigErrors, Elsewhere, SourceText, Surroundings};
use stackctl::render::{Overrides, Templates};

use crate::golden::{check, root};

/// The case's folder as if it stood at [`FOLDER`], so that no path of this machine is in what is expected.
struct Case<'a>(&'a Path);

const FOLDER: &str = "/project";
const HOME: &str = "/home/tester";

impl Files for Case<'_> {
    fn read(&self, path: &Path) -> Result<Option<String>, String> {
        let Ok(below) = path.strip_prefix(FOLDER) else {
            return Ok(None);
        };
        let path = self.0.join(below);
        match fs::read_to_string(&path) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.to_string()),
        }
    }
}

fn folders() -> Vec<PathBuf> {
    let entries = fs::read_dir(root().join("tests/compose")).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let mut folders: Vec<PathBuf> = paths
        .filter(|path| path.is_dir() && !path.ends_with("bad"))
        .collect();
    folders.sort();
    folders
}

fn read(folder: &Path, name: &str, files: &[&str]) -> Result<Loaded, ConfigErrors> {
    let request = Request {
        folder: Path::new(FOLDER).join(name),
        files: files.iter().map(PathBuf::from).collect(),
        home: Some(HOME.into()),
        variables: BTreeMap::from([("HOME".to_owned(), HOME.to_owned())]),
        ..Request::default()
    };
    load(&request, &Case(folder.parent().unwrap()))
}

fn read_case(folder: &Path) -> Result<Loaded, ConfigErrors> {
    let name = folder.file_name().unwrap().to_str().unwrap();
    let mut files = vec!["compose.yaml"];
    if folder.join("compose.override.yaml").exists() {
        files.push("compose.override.yaml");
    }
    read(folder, name, &files)
}

/// Where two values differ in meaning. `docker compose config` writes each dollar twice, for who reads its output again.
fn differences(path: &str, ours: Option<&Value>, theirs: Option<&Value>, found: &mut Vec<String>) {
    match (ours, theirs) {
        (Some(Value::Object(ours)), Some(Value::Object(theirs))) => {
            let keys: BTreeSet<&String> = ours.keys().chain(theirs.keys()).collect();
            for key in keys {
                let path = format!("{path}.{key}");
                differences(&path, ours.get(key), theirs.get(key), found);
            }
        }
        (Some(Value::Array(ours)), Some(Value::Array(theirs))) => {
            for at in 0..ours.len().max(theirs.len()) {
                let path = format!("{path}[{at}]");
                differences(&path, ours.get(at), theirs.get(at), found);
            }
        }
        (Some(Value::String(ours)), Some(Value::String(theirs)))
            if *ours == theirs.replace("$$", "$") => {}
        (Some(Value::Number(ours)), Some(Value::Number(theirs)))
            if ours.as_f64() == theirs.as_f64() => {}
        (ours, theirs) if ours == theirs => {}
        (ours, theirs) => {
            let show = |value: Option<&Value>| value.map_or("absent".to_owned(), Value::to_string);
            found.push(format!(
                "{path}: ours {}, theirs {}",
                show(ours),
                show(theirs)
            ));
        }
    }
}

#[test]
fn every_compose_file_means_what_compose_says() {
    let folders = folders();
    assert!(folders.len() >= 30, "{} cases", folders.len());
    let mut problems = Vec::new();
    for folder in folders {
        let name = folder.file_name().unwrap().to_str().unwrap().to_owned();
        let expected = fs::read_to_string(folder.join("expected.json"))
            .unwrap_or_else(|error| panic!("{name}: {error}: run tests/compose/oracle.sh"));
        let expected: Value = serde_json::from_str(&expected).unwrap();
        match read_case(&folder) {
            Ok(loaded) => {
                let ours = serde_json::to_value(&loaded.project).unwrap();
                differences(&name, Some(&ours), Some(&expected), &mut problems);
            }
            Err(errors) => problems.push(format!("{name}: {errors}")),
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn every_wrong_compose_file_is_refused_with_its_places() {
    let folder = root().join("tests/compose/bad");
    let mut wanted = BTreeMap::new();
    let mut inputs = Vec::new();
    for path in crate::golden::files(&folder) {
        let name = path.display().to_string();
        if path.extension().is_some_and(|end| end == "txt") {
            continue;
        }
        if path.extension().is_some_and(|end| end == "yaml") && !name.contains("part-") {
            let errors = read(&folder, "bad", &[&name]).map(|loaded| loaded.project.name);
            let errors = errors.expect_err(&name);
            assert!(errors.iter().all(|error| error.line > 0), "{name}");
            // What to do is a hint, or plain from what was expected or written twice.
            let told = |message: &str| message.contains("expected") || message.contains("twice");
            let untold = |error: &&ConfigError| error.hint.is_none() && !told(&error.message);
            let untold = errors.iter().find(untold).map(ToString::to_string);
            assert_eq!(untold, None, "{name} does not say what to do");
            wanted.insert(name.replace(".yaml", ".txt"), format!("{errors}\n"));
        }
        inputs.push(name);
    }
    assert!(wanted.len() >= 30, "{} wrong files", wanted.len());
    let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
    let problems = check(&folder, &inputs, &wanted);
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn what_works_but_may_not_be_meant_is_noted() {
    let files = BTreeMap::from([(
        PathBuf::from("/p/compose.yaml"),
        "version: '3'\nservices:\n  a:\n    image: a:$TAG\n    command: b && c\n".to_owned(),
    )]);
    let request = Request {
        folder: "/p".into(),
        files: vec!["compose.yaml".into()],
        ..Request::default()
    };
    let loaded = load(&request, &files).unwrap();
    let notes = loaded.notes.iter();
    let notes: Vec<String> = notes
        .map(|note| format!("{}:{} {}", note.file, note.line, note.message))
        .collect();
    let beginnings = [
        "compose.yaml:1 `version` has no meaning",
        "compose.yaml:4 the variable `TAG` is not set",
        "compose.yaml:5 `command`: compose leaves out all from `&` on",
    ];
    let begins = |expected: &&str| notes.iter().any(|note| note.starts_with(*expected));
    assert!(beginnings.iter().all(begins), "{notes:?}");
    assert_eq!(notes.len(), beginnings.len());
    assert_eq!(loaded.project.services["a"].image, "a:");
}

#[test]
fn only_services_of_active_profiles_are_there() {
    let text =
        "services: {a: {image: a}, b: {image: b, profiles: [x]}, c: {image: c, profiles: [y]}}";
    let files = BTreeMap::from([(PathBuf::from("/p/compose.yaml"), text.to_owned())]);
    let names = |profiles: &[&str]| {
        let request = Request {
            folder: "/p".into(),
            files: vec!["compose.yaml".into()],
            profiles: profiles.iter().map(|name| (*name).to_owned()).collect(),
            ..Request::default()
        };
        let project = load(&request, &files).unwrap().project;
        project.services.into_keys().collect::<Vec<_>>().join("")
    };
    assert_eq!(
        [names(&[]), names(&["x"]), names(&["*"])],
        ["a", "ab", "abc"]
    );
}

/// The example's stack, written as one compose file and read again: equal in what matters, and nothing that is refused.
#[test]
fn a_composed_stack_is_rendered_as_a_compose_file_of_the_same_meaning() {
    let example = root().join("examples/starwars");
    let variables = ["MYSQL_PASSWORD", "MYSQL_ROOT_PASSWORD", "REDIS_PASSWORD"];
    let elsewhere = Elsewhere {
        files: &Disk,
        variables: variables
            .map(|name| (name.to_owned(), "pa$word".to_owned()))
            .into(),
    };
    let text = fs::read_to_string(example.join("stackctl.yaml")).unwrap();
    let source = SourceText {
        name: "stackctl.yaml",
        text: &text,
    };
    let around = Surroundings {
        base: example.clone(),
        home: None,
    };
    let stack = config::read(&source, None, &around, &elsewhere)
        .unwrap()
        .stack;
    let templates = Templates::new(&Overrides::default()).unwrap();
    let rendered = stackctl::render::compose(&templates, &stack, &BTreeMap::new()).unwrap();
    assert!(
        !rendered.contains("pa$"),
        "a password is in it:\n{rendered}"
    );
    let reads = |folder: PathBuf, name: &str, files: &dyn Files| {
        let request = Request {
            folder,
            files: vec![name.into()],
            variables: elsewhere.variables.clone(),
            name: Some("starwars".into()),
            ..Request::default()
        };
        let loaded = load(&request, files);
        let project = loaded
            .unwrap_or_else(|errors| panic!("{errors}\n{rendered}"))
            .project;
        serde_json::to_value(project).unwrap()
    };
    let again = BTreeMap::from([(PathBuf::from("/out/compose.yaml"), rendered.clone())]);
    let ours = reads("/out".into(), "compose.yaml", &again);
    let own = reads(example, "docker-compose.yml", &Disk);
    for name in ["server", "setup", "mysql", "redis"] {
        for key in [
            "command",
            "environment",
            "healthcheck",
            "hostname",
            "stop_grace_period",
            "depends_on",
        ] {
            let (ours, own) = (&ours["services"][name][key], &own["services"][name][key]);
            let is_default = own.is_null() && key == "stop_grace_period";
            assert!(
                ours == own || is_default,
                "{name}.{key}: {ours} and {own}\n{rendered}"
            );
        }
    }
    let services = &ours["services"];
    assert!(
        rendered.contains("redis sees it at /etc/redis/redis.conf"),
        "{rendered}"
    );
    assert_eq!(services["server"]["restart"], "unless-stopped");
    assert_eq!(services["mysql"]["image"], "mysql:8.4");
    assert_eq!(services["mysql"]["restart"], "unless-stopped");
    assert_eq!(
        services["server"]["build"],
        own["services"]["server"]["build"]
    );
    assert_eq!(
        services["mysql"]["volumes"][0]["source"],
        "starwars_mysql-data"
    );
    assert_eq!(
        services["mysql"]["secrets"][0]["target"],
        "/run/secrets/mysql-password"
    );
    assert_eq!(
        ours["networks"]["starwars_internal-network"]["internal"],
        true
    );
    let of = |name: &str| {
        services[name]["networks"]
            .as_object()
            .unwrap()
            .keys()
            .cloned()
            .collect::<Vec<_>>()
    };
    assert_eq!(of("redis"), ["starwars_internal-network"]);
    assert!(of("web-nginx").contains(&"starwars_service-network".to_owned()));
}

/// The files of this machine.
struct Disk;

impl Files for Disk {
    fn read(&self, path: &Path) -> Result<Option<String>, String> {
        match fs::read_to_string(path) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.to_string()),
        }
    }
}
