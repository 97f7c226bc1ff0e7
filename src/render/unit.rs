//! An app that systemd runs: its unit, and the file that holds its variables.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Project, RenderError, Templates, escape, public_file};
use crate::model::{
    Allowance, App, HostPath, Install, Layout, Listen, ReleaseId, RemoteFile, Service, Stack,
    StaticBuild, Unit,
};

/// What a release of such an app consists of, beside its source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppUnit {
    pub unit: RemoteFile,
    pub environment: RemoteFile,
    /// Where its programs are found, as in PATH.
    pub path: String,
    /// The command, that of its release phase and that of its seed, as they are run.
    pub command: Vec<String>,
    pub release: Option<Vec<String>>,
    pub seed: Option<Vec<String>>,
}

/// What services and secrets provide for an app.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Provided {
    pub variables: BTreeMap<String, String>,
    /// Files of the host with variables, which count less than those of the app's own.
    pub files: Vec<HostPath>,
}

#[derive(Serialize)]
struct AppView<'a> {
    stack: &'a str,
    service: &'a str,
    id: &'a str,
    user: &'a str,
    source: &'a str,
    environment: &'a str,
    secrets: Vec<&'a str>,
    command: &'a [String],
    writable: Option<&'a str>,
    /// As systemd takes it: below /var/lib.
    state: Option<&'a str>,
    stop_signal: Option<String>,
    stop_grace: u32,
    memory: Option<u32>,
    allow: BTreeMap<&'static str, Option<&'a str>>,
}

/// The programs of the distribution, and what the host's owner added.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The unit of release `id`. `port` is where an app on TCP
/// listens.
pub fn app_unit(
    templates: &Templates,
    stack: &Stack,
    service: &Service,
    (app, unit): (&App, &Unit),
    id: &ReleaseId,
    provided: &Provided,
    port: Option<u16>,
) -> Result<AppUnit, RenderError> {
    let layout = Layout::new(&stack.name);
    let (socket, folder) = (
        layout.socket(&service.name, id),
        layout.socket_folder(&service.name, id),
    );
    let port = port.map(|port| port.to_string()).unwrap_or_default();
    let state = layout.state_of(&service.name);
    let fill = |text: &String| filled(text, socket.as_str(), &port, state.as_str());
    let filled_words = |words: &Vec<String>| words.iter().map(fill).collect();
    let command: Vec<String> = app.command.iter().flatten().map(fill).collect();
    let environment = layout.environment(&service.name, id);
    let path = path(&layout, service, unit, id);
    let mut variables = provided.variables.clone();
    variables.insert("PATH".into(), path.clone());
    // The home folder of its user is none; what programs put there is their own and short-lived.
    variables.insert("HOME".into(), "/tmp".into());
    if unit.install == Some(Install::Python) {
        // What it prints comes to the journal at once.
        variables.insert("PYTHONUNBUFFERED".into(), "1".into());
        variables.insert("PYTHONDONTWRITEBYTECODE".into(), "1".into());
    }
    match app.listen {
        Listen::Socket => variables.insert("LISTEN_SOCKET".into(), socket.to_string()),
        Listen::Port(_) | Listen::GivenPort => variables.insert("LISTEN_PORT".into(), port.clone()),
    };
    for (name, value) in &app.env {
        variables.insert(name.to_string(), fill(value));
    }
    let allow = Allowance::ALL.map(|allowance| {
        let reason = unit.allow.get(&allowance).map(String::as_str);
        let compiles = unit.install == Some(Install::Node);
        let by_itself = (compiles && allowance == Allowance::ExecutableMemory)
            .then_some("Node compiles while it runs");
        (allowance.name(), reason.or(by_itself))
    });
    let (source, user) = (
        layout.source(&service.name, id),
        layout.user_name(&service.name),
    );
    let view = AppView {
        stack: stack.name.as_str(),
        service: service.name.as_str(),
        id: id.as_str(),
        user: &user,
        source: source.as_str(),
        environment: environment.as_str(),
        secrets: provided.files.iter().map(HostPath::as_str).collect(),
        command: &command,
        writable: (app.listen == Listen::Socket).then_some(folder.as_str()),
        state: state
            .as_str()
            .strip_prefix("/var/lib/")
            .filter(|_| unit.state),
        stop_signal: app.stop_signal.as_ref().map(ToString::to_string),
        // systemd takes 0 for "for ever".
        stop_grace: app.stop_grace.max(1),
        memory: app.memory,
        allow: allow.into(),
    };
    let text = templates.render("systemd/app.service", view)?;
    let name = layout.release_unit(&service.name, id);
    Ok(AppUnit {
        unit: public_file(layout.unit(&name), text),
        environment: RemoteFile {
            mode: 0o600,
            ..public_file(environment, own_environment(&variables)?)
        },
        path,
        release: app.release.as_ref().map(filled_words),
        seed: app.seed.as_ref().map(filled_words),
        command,
    })
}

/// Whether the folder holds what `install` names, and `install` names what the folder holds.
pub fn check_unit_source(
    service: &Service,
    unit: &Unit,
    project: &Project,
) -> Result<(), RenderError> {
    let has_requirements = project.requirements.is_some();
    let missing = |file: &str, hint: &str| {
        let what = format!(
            "`{}` is to have it installed, and it is missing",
            service.name
        );
        Err(RenderError::new(file, what, hint))
    };
    let (found, wanted) = match unit.install {
        None if has_requirements => ("a requirements.txt", "python"),
        None if project.package.is_some() => ("a package.json", "node"),
        Some(Install::Python) if !has_requirements => {
            return missing("requirements.txt", "write it, or remove `install: python`");
        }
        Some(Install::Node) if !project.has_package_lock => {
            return missing(
                "package-lock.json",
                "run `npm install` once and commit it, or remove `install: node`",
            );
        }
        _ => return Ok(()),
    };
    Err(RenderError::new(
        "unit",
        format!(
            "the folder of `{}` has {found}, and nothing says whether to install it",
            service.name
        ),
        format!("write `unit: {{source: …, install: {wanted}}}`, or `install: nothing`"),
    ))
}

/// The variables of what builds static files.
pub fn build_environment(path: HostPath, build: &StaticBuild) -> Result<RemoteFile, RenderError> {
    // The home folder of its user is none; what programs put there is their own and short-lived.
    let given = [("PATH", PATH), ("HOME", "/tmp")];
    let mut variables: BTreeMap<String, String> = given
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
    let own = build.env.iter();
    variables.extend(own.map(|(name, value)| (name.to_string(), value.clone())));
    Ok(RemoteFile {
        mode: 0o600,
        ..public_file(path, own_environment(&variables)?)
    })
}

/// Whether the source has what `install` goes by.
pub fn check_build_source(
    service: &Service,
    build: &StaticBuild,
    project: &Project,
) -> Result<(), RenderError> {
    let (is_there, file, hint) = match build.install {
        Install::Node => (
            project.has_package_lock,
            "package-lock.json",
            "run `npm install` once and commit it; with another package manager write `install: nothing`, and have `command` install as well",
        ),
        Install::Python => (
            project.requirements.is_some(),
            "requirements.txt",
            "write it, or write `install: nothing`",
        ),
        Install::Nothing => return Ok(()),
    };
    if is_there {
        return Ok(());
    }
    let what = format!(
        "the build of `{}` goes by it, and it is missing",
        service.name
    );
    Err(RenderError::new(file, what, hint))
}

fn path(layout: &Layout, service: &Service, unit: &Unit, id: &ReleaseId) -> String {
    let installed = layout.installed_link(&service.name, id);
    match unit.install {
        Some(Install::Python) => format!("{installed}/venv/bin:{PATH}"),
        Some(Install::Node) => format!("{installed}/node_modules/.bin:{PATH}"),
        Some(Install::Nothing) | None => PATH.to_owned(),
    }
}

/// With what stands for `{{ socket }}`, `{{ port }}` and `{{ state }}`.
fn filled(text: &str, socket: &str, port: &str, state: &str) -> String {
    let mut parts = text.split("{{");
    let mut filled = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        // `config` takes no other name, and no `{{` without its end.
        match part.split_once("}}") {
            Some((name, rest)) => {
                let value = match name.trim() {
                    "port" => port,
                    "state" => state,
                    _ => socket,
                };
                filled.push_str(value);
                filled.push_str(rest);
            }
            None => filled.push_str(part),
        }
    }
    filled
}

fn own_environment(variables: &BTreeMap<String, String>) -> Result<String, RenderError> {
    let own = variables.iter();
    environment_file(own.map(|(name, value)| (name.as_str(), value.as_str())))
}

/// Variables as `EnvironmentFile=` takes them. No error tells a value.
pub fn environment_file<'a>(
    variables: impl Iterator<Item = (&'a str, &'a str)>,
) -> Result<String, RenderError> {
    let mut text = String::from("# Written by stackctl; edits here are seen as drift.\n");
    for (name, value) in variables {
        let line = escape::environment_file(name, value).map_err(|why| {
            RenderError::new(
                "environment",
                format!("the variable {name} cannot be written: {why}"),
                "change its value, in `env` or where `env_file` and `secrets` have it from",
            )
        })?;
        text.push_str(&line);
        text.push('\n');
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{AppSource, ServiceKind};
    use crate::render::{Overrides, sample};

    fn rendered(edit: impl FnOnce(&mut App, &mut Unit)) -> AppUnit {
        let mut unit = Unit {
            source: "/src/names/python".into(),
            install: Some(Install::Python),
            state: false,
            allow: BTreeMap::new(),
        };
        let mut app = sample::app(Listen::Socket);
        app.command = Some(vec![
            "gunicorn".into(),
            "unix:{{ socket }}".into(),
            "100% $HOME \"a\\b\"\nc".into(),
        ]);
        edit(&mut app, &mut unit);
        app.source = AppSource::Unit(unit.clone());
        let stack = sample::stack();
        let service = sample::service("api", &[], ServiceKind::App(Box::new(app.clone())));
        let templates = Templates::new(&Overrides::default()).unwrap();
        let provided = Provided {
            variables: BTreeMap::from([("DB_HOST".to_owned(), "127.0.0.1".to_owned())]),
            files: Vec::new(),
        };
        let id = sample::id();
        app_unit(
            &templates,
            &stack,
            &service,
            (&app, &unit),
            &id,
            &provided,
            Some(20001),
        )
        .unwrap()
    }

    fn text(file: &RemoteFile) -> &str {
        std::str::from_utf8(&file.contents).unwrap()
    }

    #[test]
    fn a_value_stays_a_value() {
        let files = rendered(|app, _| {
            app.env = BTreeMap::from([("A".parse().unwrap(), "50% of $5 `x` \"y\" \\".to_owned())]);
        });
        let socket = "/run/stackctl/names/api.0123456789ab/app.sock";
        let start = format!(
            "ExecStart=/usr/bin/env \"gunicorn\" \"unix:{socket}\" \"100%% $$HOME \\\"a\\\\b\\\"\\nc\"\n"
        );
        assert!(text(&files.unit).contains(&start), "{}", text(&files.unit));
        let environment = text(&files.environment);
        assert!(
            environment.contains("A=\"50% of \\$5 \\`x\\` \\\"y\\\" \\\\\"\n"),
            "{environment}"
        );
        assert!(environment.contains(&format!("LISTEN_SOCKET=\"{socket}\"\n")));
        assert_eq!(files.environment.mode, 0o600);
        assert!(!text(&files.unit).contains("Environment="));
    }

    #[test]
    fn what_is_allowed_is_allowed_with_its_reason_and_nothing_else() {
        let strict = rendered(|_, _| {});
        let loose = rendered(|_, unit| {
            unit.allow.insert(
                Allowance::ExecutableMemory,
                "V8 compiles at run time".into(),
            );
        });
        assert!(text(&strict.unit).contains("\nMemoryDenyWriteExecute=yes\n"));
        assert!(!text(&loose.unit).contains("MemoryDenyWriteExecute"));
        assert!(text(&loose.unit).contains(" executed: V8 compiles at run time\n"));
        let lines = |unit: &AppUnit| text(&unit.unit).lines().count();
        assert_eq!(lines(&strict), lines(&loose));
    }

    #[test]
    fn an_app_on_tcp_is_told_its_port_and_writes_nowhere() {
        let files = rendered(|app, _| {
            app.listen = Listen::GivenPort;
            app.command = Some(vec!["serve".into(), "127.0.0.1:{{port}}".into()]);
        });
        let unit = text(&files.unit);
        assert!(unit.contains("\"127.0.0.1:20001\""), "{unit}");
        assert!(text(&files.environment).contains("LISTEN_PORT=\"20001\"\n"));
        assert!(!unit.contains("ReadWritePaths") && !unit.contains("@chown"));
    }

    #[test]
    fn a_folder_that_outlives_releases_is_the_services_own() {
        let without = rendered(|_, _| {});
        assert!(!text(&without.unit).contains("StateDirectory"));
        let files = rendered(|app, unit| {
            unit.state = true;
            app.release = Some(vec!["copy".into(), "{{ state }}/x".into()]);
            app.env = BTreeMap::from([("DATA".parse().unwrap(), "{{state}}".to_owned())]);
        });
        let unit = text(&files.unit);
        assert!(
            unit.contains("\nStateDirectory=stackctl/names/state/api\nStateDirectoryMode=0700\n"),
            "{unit}"
        );
        let folder = "/var/lib/stackctl/names/state/api";
        assert_eq!(files.release.unwrap()[1], format!("{folder}/x"));
        assert!(text(&files.environment).contains(&format!("DATA=\"{folder}\"\n")));
    }

    #[test]
    fn the_longest_names_still_make_a_path_that_a_socket_can_have() {
        let long = "a".repeat(32);
        let layout = Layout::new(&long.parse().unwrap());
        let socket = layout.socket(&long.parse().unwrap(), &sample::id());
        // sun_path of unix(7) has 108 bytes, the last of which is NUL.
        assert!(socket.as_str().len() <= 107, "{socket}");
    }
}
