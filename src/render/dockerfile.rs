//! The Dockerfile of an app that brings none.

use serde::Serialize;
use serde_json::Value;

use super::{RenderError, Templates};
use crate::model::{App, Build, EnvName, Layout, Listen};

/// What the caller saw in the folder that is built: the texts of the files that say what it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Project {
    /// `requirements.txt`: a Python app.
    pub requirements: Option<String>,
    /// Whether there is a `main.py`, which the default command starts as `main:app`.
    pub has_main_py: bool,
    /// `package.json`: a Node app.
    pub package: Option<String>,
    /// Whether there is a `package-lock.json`.
    pub has_package_lock: bool,
}

#[derive(Serialize)]
struct DockerfileView<'a> {
    base: &'a str,
    args: Vec<&'a EnvName>,
    command: Vec<String>,
    user: u32,
    has_build: bool,
}

const OWN: &str = "write a Dockerfile and name it in stackctl.yaml: `build: {context: …, dockerfile: Dockerfile}`";

/// A Dockerfile for the Python or Node app that `project` shows, in two stages, run as [`Layout::APP_USER`]. It keeps to
/// what both of Docker's builders know.
pub fn dockerfile(
    templates: &Templates,
    app: &App,
    build: &Build,
    project: &Project,
) -> Result<String, RenderError> {
    match (&project.requirements, &project.package) {
        (Some(requirements), None) => python(templates, app, build, project, requirements),
        (None, Some(package)) => node(templates, app, build, project, package),
        (Some(_), Some(_)) => Err(RenderError::new(
            "Dockerfile",
            "the folder has both a requirements.txt and a package.json",
            OWN,
        )),
        (None, None) => Err(RenderError::new(
            "Dockerfile",
            "the folder has neither a requirements.txt (Python) nor a package.json (Node)",
            OWN,
        )),
    }
}

fn render(
    templates: &Templates,
    template: &'static str,
    build: &Build,
    base: &str,
    command: Vec<String>,
    has_build: bool,
) -> Result<String, RenderError> {
    let view = DockerfileView {
        base: build.base.as_ref().map_or(base, |base| base.as_str()),
        args: build.args.keys().collect(),
        command,
        user: Layout::APP_USER,
        has_build,
    };
    templates.render(template, view)
}

fn python(
    templates: &Templates,
    app: &App,
    build: &Build,
    project: &Project,
    requirements: &str,
) -> Result<String, RenderError> {
    let command = match &app.command {
        Some(command) => command.clone(),
        None => gunicorn(app, project, requirements)?,
    };
    let template = "docker/Dockerfile.python";
    render(
        templates,
        template,
        build,
        "python:3.12-slim",
        command,
        false,
    )
}

fn gunicorn(app: &App, project: &Project, requirements: &str) -> Result<Vec<String>, RenderError> {
    let Some(version) = gunicorn_requirement(requirements) else {
        return Err(RenderError::new(
            "requirements.txt",
            "it does not name gunicorn, which would start the app",
            "add a line `gunicorn==…` to it, or give the service a `command`",
        ));
    };
    if !project.has_main_py {
        return Err(RenderError::new(
            "Dockerfile",
            "the folder has no main.py, so `gunicorn main:app` would find nothing",
            "give the service a `command`, for example [gunicorn, --bind, …, \"package:app\"]",
        ));
    }
    let bind = match app.listen {
        // Exec form knows no variables; LISTEN_SOCKET always holds this path.
        Listen::Socket => format!("unix:{}/app.sock", Layout::CONTAINER_RUN),
        Listen::Port(port) => format!("0.0.0.0:{port}"),
        // Of units alone.
        Listen::GivenPort => "127.0.0.1:8080".to_owned(),
    };
    // A little less than the engine waits before it kills.
    let grace = app.stop_grace.saturating_sub(2).max(1).to_string();
    // gunicorn gives the socket its own group, so only the bits for others let nginx in, and a socket needs no more of them than
    // those to read and write; the folder that holds it keeps out everyone else.
    let mut command: Vec<String> = ["gunicorn", "--bind", &bind, "--umask", "0111"]
        .map(str::to_owned)
        .into();
    if !is_before(version, &[25, 1]) {
        // From 25.1 on it would write a control socket below the home folder, which is read-only.
        command.push("--no-control-socket".to_owned());
    }
    let rest = [
        "--worker-tmp-dir",
        "/dev/shm",
        "--threads",
        "4",
        "--graceful-timeout",
        &grace,
        "--access-logfile",
        "-",
        "main:app",
    ];
    command.extend(rest.map(str::to_owned));
    Ok(command)
}

/// What follows the name in the line that asks for gunicorn, for example `==27.0.1`.
fn gunicorn_requirement(requirements: &str) -> Option<&str> {
    requirements.lines().find_map(|line| {
        let line = line.trim();
        let (name, rest) = line.split_at_checked("gunicorn".len())?;
        let ends = !rest.starts_with(|c: char| c.is_ascii_alphanumeric() || "-_.".contains(c));
        (name.eq_ignore_ascii_case("gunicorn") && ends).then_some(rest)
    })
}

/// Whether a requirement holds the version below `limit`: only `==` and `~=` do.
fn is_before(requirement: &str, limit: &[u32]) -> bool {
    let requirement = match requirement.strip_prefix('[') {
        Some(extras) => extras.split_once(']').map_or("", |(_, rest)| rest),
        None => requirement,
    };
    let requirement = requirement.trim_start();
    let pinned = requirement
        .strip_prefix("==")
        .or_else(|| requirement.strip_prefix("~="));
    let Some(version) = pinned else { return false };
    let parts: Vec<u32> = version
        .trim()
        .split(|c: char| !c.is_ascii_digit())
        .map_while(|part| part.parse().ok())
        .collect();
    !parts.is_empty() && parts.as_slice() < limit
}

fn node(
    templates: &Templates,
    app: &App,
    build: &Build,
    project: &Project,
    package: &str,
) -> Result<String, RenderError> {
    if !project.has_package_lock {
        return Err(RenderError::new(
            "package-lock.json",
            "it is missing, so two builds could differ",
            "run `npm install` once and commit package-lock.json; or write a Dockerfile, for example for another package manager",
        ));
    }
    let package: Value = serde_json::from_str(package).map_err(|error| RenderError {
        line: Some(error.line()),
        ..RenderError::new("package.json", error.to_string(), "correct the file")
    })?;
    let command = match &app.command {
        Some(command) => command.clone(),
        None => node_command(&package)?,
    };
    let has_build = package["scripts"]["build"].is_string();
    let template = "docker/Dockerfile.node";
    render(
        templates,
        template,
        build,
        "node:22-slim",
        command,
        has_build,
    )
}

// Not `npm start`: npm stands between the engine's stop signal and the app.
fn node_command(package: &Value) -> Result<Vec<String>, RenderError> {
    let plain = |text: &str| {
        text.bytes()
            .all(|b| b.is_ascii_alphanumeric() || b" ._/:@%+,=-".contains(&b))
    };
    if let Some(start) = package["scripts"]["start"].as_str() {
        if start.starts_with("node ") && plain(start) {
            return Ok(start.split_ascii_whitespace().map(str::to_owned).collect());
        }
    } else if let Some(main) = package["main"].as_str() {
        return Ok(vec!["node".to_owned(), main.to_owned()]);
    }
    Err(RenderError::new(
        "package.json",
        "it does not say in a simple way how to start the app",
        "give the service a `command`, or package.json a `scripts.start` such as `node server.js`",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::{Overrides, sample};

    fn rendered(app: &App, project: &Project) -> Result<String, RenderError> {
        let templates = Templates::new(&Overrides::default()).unwrap();
        let mut build = sample::build();
        build.args.insert("REVISION".parse().unwrap(), "1".into());
        dockerfile(&templates, app, &build, project)
    }

    fn python_with(requirements: &str) -> Project {
        Project {
            requirements: Some(requirements.to_owned()),
            has_main_py: true,
            ..Project::default()
        }
    }

    #[test]
    fn python_starts_gunicorn_on_the_socket() {
        let app = sample::app(Listen::Socket);
        let text = rendered(&app, &python_with("flask==3.1.3\nGunicorn == 27.0.1\n")).unwrap();
        assert!(text.contains("\nFROM python:3.12-slim\n"), "{text}");
        assert!(text.contains("\nARG REVISION\n"), "{text}");
        assert!(text.contains("\nUSER 10001:10001\n"), "{text}");
        assert!(
            text.ends_with(
                "CMD [\"gunicorn\", \"--bind\", \"unix:/run/stackctl/app.sock\", \"--umask\", \"0111\", \"--no-control-socket\", \"--worker-tmp-dir\", \"/dev/shm\", \"--threads\", \"4\", \"--graceful-timeout\", \"28\", \"--access-logfile\", \"-\", \"main:app\"]\n"
            ),
            "{text}"
        );
    }

    #[test]
    fn an_older_gunicorn_is_not_given_an_option_it_lacks() {
        let app = sample::app(Listen::Port(8080));
        let has_option = |line: &str| {
            let text = rendered(&app, &python_with(line)).unwrap();
            assert!(text.contains("\"0.0.0.0:8080\""));
            text.contains("--no-control-socket")
        };
        for line in [
            "gunicorn==23.0.0",
            "gunicorn[gthread]~=25.0",
            "gunicorn==25.0.3",
        ] {
            assert!(!has_option(line), "{line}");
        }
        for line in [
            "gunicorn",
            "gunicorn>=20",
            "gunicorn==25.1",
            "gunicorn==27.0.1 # x",
        ] {
            assert!(has_option(line), "{line}");
        }
    }

    #[test]
    fn a_command_of_ones_own_is_kept_word_for_word() {
        let app = App {
            command: Some(vec!["python".into(), "a \"b\" $HOME\\".into()]),
            ..sample::app(Listen::Socket)
        };
        let text = rendered(&app, &python_with("flask\n")).unwrap();
        assert!(
            text.ends_with("CMD [\"python\", \"a \\\"b\\\" $HOME\\\\\"]\n"),
            "{text}"
        );
    }

    #[test]
    fn node_takes_the_command_from_package_json() {
        let app = sample::app(Listen::Socket);
        let project = |package: &str| Project {
            package: Some(package.to_owned()),
            has_package_lock: true,
            ..Project::default()
        };
        let start = project(
            r#"{"scripts": {"start": "node --enable-source-maps server.js", "build": "tsc"}}"#,
        );
        let text = rendered(&app, &start).unwrap();
        assert!(text.contains("RUN npm run build\n"), "{text}");
        assert!(
            text.ends_with("CMD [\"node\", \"--enable-source-maps\", \"server.js\"]\n"),
            "{text}"
        );
        let main = project(r#"{"main": "index.js"}"#);
        assert!(
            rendered(&app, &main)
                .unwrap()
                .ends_with("CMD [\"node\", \"index.js\"]\n")
        );
        let shell = project(r#"{"scripts": {"start": "node a.js && b"}}"#);
        assert!(rendered(&app, &shell).is_err());
    }

    #[test]
    fn what_cannot_be_guessed_is_asked_for() {
        let app = sample::app(Listen::Socket);
        for (project, word) in [
            (Project::default(), "Dockerfile"),
            (python_with("flask\ngunicorn-extra\n"), "gunicorn"),
            (
                Project {
                    has_main_py: false,
                    ..python_with("gunicorn")
                },
                "command",
            ),
            (
                Project {
                    package: Some("{}".into()),
                    ..Project::default()
                },
                "npm install",
            ),
        ] {
            let error = rendered(&app, &project).unwrap_err();
            assert!(error.help.contains(word), "{error:?}");
        }
    }
}
