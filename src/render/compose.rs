//! An equivalent `docker-compose.yml`, for those who want to read the stack or run it on one machine without stackctl.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::{Value, json};

use super::{RenderError, Templates, nginx};
use crate::model::{
    App, AppSource, Database, Dialect, Layout, Listen, Service, ServiceKind, ServiceName, Site,
    Stack,
};

#[derive(Default, Serialize)]
struct ComposeView {
    stack: String,
    databases: Vec<Value>,
    apps: Vec<Value>,
    web: Option<Value>,
    data_network: bool,
    volumes: Vec<String>,
    /// Volumes for sockets that nginx reaches.
    run_volumes: Vec<String>,
    secrets: BTreeMap<String, String>,
}

// In the composed nginx, each app's socket folder is mounted under its own name.
struct InCompose;

const SOCKETS: &str = "/run/stackctl";
const FILES: &str = "/srv";

impl nginx::Places for InCompose {
    fn address(&self, service: &ServiceName, app: &App) -> String {
        match app.listen {
            Listen::Socket => format!("unix:{SOCKETS}/{service}/app.sock"),
            Listen::Port(port) => format!("{service}:{port}"),
            // Of units, which are not in the file.
            Listen::GivenPort => format!("unix:{SOCKETS}/{service}/app.sock"),
        }
    }

    fn folder(&self, service: &ServiceName) -> String {
        format!("{FILES}/{service}")
    }
}

/// The stack as a compose file. `dockerfiles` holds the rendered Dockerfile of each service that brings none. Passwords are
/// files under `secrets/`, which the reader makes. What compose cannot do is left out: several hosts, releases beside each
/// other, and the values of `fill` in static files.
pub fn compose(
    templates: &Templates,
    stack: &Stack,
    dockerfiles: &BTreeMap<ServiceName, String>,
) -> Result<String, RenderError> {
    let mut view = ComposeView {
        stack: stack.name.to_string(),
        ..ComposeView::default()
    };
    for service in stack.services.values() {
        match &service.kind {
            ServiceKind::Mysql(database) => add_database(&mut view, service, database),
            ServiceKind::App(app) => add_app(&mut view, stack, service, app, dockerfiles),
            ServiceKind::Static(_) => {}
        }
    }
    if !stack.sites.is_empty() {
        view.web = Some(web(templates, stack)?);
    }
    templates.render("compose/compose.yaml", view)
}

fn password(service: &ServiceName) -> String {
    format!("{service}-password")
}

fn add_database(view: &mut ComposeView, service: &Service, database: &Database) {
    // One of the host's own is not in the file.
    let Some(image) = database.image() else {
        return;
    };
    let name = &service.name;
    let (own, root) = (password(name), format!("{name}-root-password"));
    let (prefix, check) = match database.dialect {
        // Over TCP: while the image sets itself up, the server listens on its socket only.
        Dialect::Mysql => (
            "MYSQL",
            json!(["CMD", "mysqladmin", "ping", "--silent", "--host=127.0.0.1"]),
        ),
        Dialect::Mariadb => (
            "MARIADB",
            json!(["CMD", "healthcheck.sh", "--connect", "--innodb_initialized"]),
        ),
    };
    let environment = BTreeMap::from([
        (format!("{prefix}_DATABASE"), database.database.clone()),
        (format!("{prefix}_USER"), database.user.clone()),
        (format!("{prefix}_PASSWORD_FILE"), secret_path(&own)),
        (format!("{prefix}_ROOT_PASSWORD_FILE"), secret_path(&root)),
        (format!("{prefix}_ROOT_HOST"), "localhost".to_owned()),
    ]);
    view.databases.push(json!({
        "name": name,
        "image": image,
        "environment": environment,
        "secrets": [own, root],
        "volume": format!("{name}:/var/lib/mysql"),
        "memory": database.memory.map(|mib| format!("{mib}m")),
        "check": check,
    }));
    view.data_network = true;
    view.volumes.push(name.to_string());
    for secret in [own, root] {
        let file = format!("./secrets/{secret}");
        view.secrets.insert(secret, file);
    }
}

fn secret_path(name: &str) -> String {
    format!("{}/{name}", Layout::CONTAINER_SECRETS)
}

fn add_app(
    view: &mut ComposeView,
    stack: &Stack,
    service: &Service,
    app: &App,
    dockerfiles: &BTreeMap<ServiceName, String>,
) {
    let name = service.name.to_string();
    let mut environment: BTreeMap<String, String> = BTreeMap::new();
    let mut secrets: Vec<String> = Vec::new();
    let mut depends_on: BTreeMap<String, &str> = BTreeMap::new();
    let mut networks = vec!["default"];
    for needed in &service.needs {
        let database = stack.services.get(needed).and_then(Service::database);
        let Some(database) = database else {
            if stack.services.get(needed).and_then(Service::app).is_some() {
                depends_on.insert(needed.to_string(), "service_started");
            }
            continue;
        };
        let (prefix, secret) = (needed.env_prefix(), password(needed));
        for (key, value) in [
            ("HOST", needed.to_string()),
            ("PORT", "3306".to_owned()),
            ("NAME", database.database.clone()),
            ("USER", database.user.clone()),
            ("PASSWORD_FILE", secret_path(&secret)),
        ] {
            environment.insert(format!("{prefix}_{key}"), value);
        }
        secrets.push(secret);
        depends_on.insert(needed.to_string(), "service_healthy");
        if !networks.contains(&"data") {
            networks.push("data");
        }
    }
    let socket = app.listen == Listen::Socket;
    if socket {
        let path = format!("{}/app.sock", Layout::CONTAINER_RUN);
        environment.insert("LISTEN_SOCKET".to_owned(), path);
    }
    environment.extend(
        app.env
            .iter()
            .map(|(key, value)| (key.to_string(), value.clone())),
    );

    let (image, build) = match &app.source {
        AppSource::Image(image) => (image.to_string(), None),
        AppSource::Build(build) => {
            let inline = match build.dockerfile {
                Some(_) => None,
                None => dockerfiles.get(&service.name),
            };
            let build = json!({
                "context": build.context,
                "dockerfile": build.dockerfile,
                "inline": inline,
                "args": build.args,
            });
            (format!("{}-{name}", stack.name), Some(build))
        }
        // It has no container.
        AppSource::Unit(_) => return,
    };
    let run_volume = format!("{name}-run");
    // What the two containers of a service share: the one that serves, and the one of its release step.
    let mut one = json!({
        "name": name,
        "image": image,
        "build": build,
        "anchor": format!("build-{name}"),
        "same_build": false,
        "command": app.command,
        "restart": "unless-stopped",
        "depends_on": depends_on,
        "environment": environment,
        "secrets": secrets,
        "run_volume": socket.then(|| format!("{run_volume}:{}", Layout::CONTAINER_RUN)),
        "networks": networks,
        "user": format!("{0}:{0}", Layout::APP_USER),
        "memory": app.memory.map(|mib| format!("{mib}m")),
        "stop_grace": format!("{}s", app.stop_grace),
        "stop_signal": app.stop_signal.as_ref().map(ToString::to_string),
    });
    if let Some(command) = &app.release {
        let step_name = format!("{name}-release");
        let mut step = one.clone();
        step["name"] = json!(step_name);
        step["command"] = json!(command);
        step["restart"] = json!("no");
        step["run_volume"] = Value::Null;
        view.apps.push(step);
        one["same_build"] = json!(true);
        one["depends_on"][step_name] = json!("service_completed_successfully");
    }
    view.apps.push(one);
    if socket {
        view.run_volumes.push(run_volume);
    }
}

fn web(templates: &Templates, stack: &Stack) -> Result<Value, RenderError> {
    let sites: Vec<&Site> = stack.sites.values().collect();
    let config = nginx::server_blocks(templates, stack, &sites, &InCompose)?;
    let ports: BTreeSet<u16> = sites.iter().map(|site| site.listen).collect();
    let routed: BTreeSet<&ServiceName> = sites
        .iter()
        .flat_map(|site| site.routes.iter().map(|route| &route.service))
        .collect();
    let mut depends_on: Vec<&ServiceName> = Vec::new();
    let mut volumes: Vec<String> = Vec::new();
    for service in routed
        .into_iter()
        .filter_map(|name| stack.services.get(name))
    {
        let name = &service.name;
        match &service.kind {
            ServiceKind::App(_) if !service.in_container() => {}
            ServiceKind::App(app) => {
                depends_on.push(name);
                if app.listen == Listen::Socket {
                    volumes.push(format!("{name}-run:{SOCKETS}/{name}"));
                }
            }
            ServiceKind::Static(files) if files.include.is_empty() => {
                volumes.push(format!("{}:{FILES}/{name}:ro", files.root.display()));
            }
            ServiceKind::Static(files) => {
                for file in &files.include {
                    let from = files.root.join(file);
                    let to = file.display();
                    volumes.push(format!("{}:{FILES}/{name}/{to}:ro", from.display()));
                }
            }
            ServiceKind::Mysql(_) => {}
        }
    }
    Ok(json!({
        "depends_on": depends_on,
        "ports": ports.iter().map(|port| format!("{port}:{port}")).collect::<Vec<_>>(),
        "volumes": volumes,
        "config": config,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::{Overrides, sample};

    fn parsed() -> (String, Value) {
        let templates = Templates::new(&Overrides::default()).unwrap();
        let inline = BTreeMap::from([(sample::name("backend"), "FROM x\nCMD [\"$A\"]\n".into())]);
        let text = compose(&templates, &sample::stack(), &inline).unwrap();
        let value = serde_yaml::from_str(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        (text, value)
    }

    #[test]
    fn values_survive_yaml_and_interpolation() {
        let (_, file) = parsed();
        let backend = &file["services"]["backend"];
        assert_eq!(backend["environment"]["GREETING"], "yes, $$5 \"each\"");
        assert_eq!(backend["environment"]["DB_PORT"], "3306");
        assert_eq!(
            backend["build"]["dockerfile_inline"],
            "FROM x\nCMD [\"$$A\"]\n"
        );
        assert_eq!(
            backend["depends_on"],
            json!({
                "backend-release": {"condition": "service_completed_successfully"},
                "db": {"condition": "service_healthy"},
            })
        );
    }

    #[test]
    fn passwords_are_files_and_databases_unreachable_from_outside() {
        let (text, file) = parsed();
        assert_eq!(
            file["secrets"]["db-password"]["file"],
            "./secrets/db-password"
        );
        assert_eq!(file["networks"]["data"]["internal"], true);
        assert_eq!(file["services"]["db"]["networks"], json!(["data"]));
        assert!(file["services"]["db"].get("ports").is_none());
        assert!(!text.contains("PASSWORD:"), "{text}");
    }

    #[test]
    fn nginx_finds_sockets_and_files_where_they_are_mounted() {
        let (_, file) = parsed();
        let config = file["configs"]["site"]["content"].as_str().unwrap();
        assert!(config.contains("proxy_pass http://unix:/run/stackctl/backend/app.sock;"));
        let volumes = file["services"]["web-nginx"]["volumes"].as_array().unwrap();
        assert!(
            volumes.contains(&json!("backend-run:/run/stackctl/backend")),
            "{volumes:?}"
        );
        assert!(
            volumes.contains(&json!("/src/names/js:/srv/page/js:ro")),
            "{volumes:?}"
        );
    }
}
