//! An equivalent `docker-compose.yml`, for those who want to read the stack or run it on one machine without stackctl.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::{Value, json};

use super::upstream::OtherHosts;
use super::{Https, RenderError, Templates, composed, nginx};
use crate::model::{
    App, AppSource, Database, Dialect, EnvName, External, Layout, Listen, Route, Service,
    ServiceKind, ServiceName, Site, Stack,
};

#[derive(Default, Serialize)]
struct ComposeView {
    stack: String,
    databases: Vec<Value>,
    apps: Vec<Value>,
    /// Services of a compose file, networks and volumes, whole.
    composed: BTreeMap<String, Value>,
    composed_networks: BTreeMap<String, Value>,
    composed_volumes: BTreeMap<String, Value>,
    web: Option<Value>,
    data_network: bool,
    volumes: Vec<String>,
    /// Volumes for sockets that nginx reaches.
    run_volumes: Vec<String>,
    secrets: BTreeMap<String, String>,
    /// Files that servers read when they begin.
    configs: BTreeMap<String, String>,
    /// Secrets that hold what a service sees as a file → which, and where.
    seen: BTreeMap<String, String>,
    /// Secrets that hold more than a password → what they hold.
    urls: BTreeMap<String, String>,
    /// Secrets that are settings with a password → what they say.
    settings: BTreeMap<String, String>,
    /// Files with the variables of services that hold secrets → which.
    variables: BTreeMap<String, String>,
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

    fn base(&self) -> String {
        FILES.to_owned()
    }

    fn current(&self, service: &ServiceName) -> String {
        service.to_string()
    }

    fn kept(&self, _: &ServiceName) -> Option<String> {
        None
    }

    fn challenges(&self) -> Option<String> {
        None
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
            ServiceKind::Database(database) => add_database(&mut view, service, database),
            ServiceKind::App(app) if app.composed.is_some() => {
                add_composed(&mut view, stack, service, app.release.as_ref());
            }
            ServiceKind::Container(_) => add_composed(&mut view, stack, service, None),
            ServiceKind::App(app) => add_app(&mut view, stack, service, app, dockerfiles),
            ServiceKind::Static(_) | ServiceKind::External(_) => {}
        }
    }
    for (name, network) in &stack.networks {
        let written = composed::network(name, network);
        view.composed_networks.insert(name.clone(), written);
    }
    for (name, volume) in &stack.volumes {
        let written = composed::volume(name, volume);
        view.composed_volumes.insert(name.clone(), written);
    }
    if !stack.sites.is_empty() {
        view.web = Some(web(templates, stack)?);
    }
    templates.render("compose/compose.yaml", view)
}

/// What a service is given of the stack's secrets: variables that say where files are, and files with variables. Those need
/// not be there yet, or compose would take nothing else of the file either.
fn given(view: &mut ComposeView, service: &Service) -> (BTreeMap<String, String>, Vec<Value>) {
    let secrets = &service.secrets;
    let mut told = BTreeMap::new();
    for name in secrets.files.iter().map(ToString::to_string) {
        told.insert(format!("{name}_FILE"), secret_path(&name));
        let file = format!("./secrets/{name}");
        view.secrets.insert(name, file);
    }
    let files = secrets.env_files.iter();
    let mut files: Vec<String> = files.map(|path| path.display().to_string()).collect();
    if !secrets.env.is_empty() {
        let names: Vec<&str> = secrets.env.keys().map(EnvName::as_str).collect();
        let file = format!("./secrets/{}.env", service.name);
        view.variables.insert(file.clone(), names.join(", "));
        files.push(file);
    }
    let files = files.into_iter();
    let files = files.map(|path| json!({"path": path, "required": false}));
    (told, files.collect())
}

/// A service that came from a compose file, and its release step.
fn add_composed(
    view: &mut ComposeView,
    stack: &Stack,
    service: &Service,
    release: Option<&Vec<String>>,
) {
    let (Some(source), Some(composed)) = (service.source(), service.composed()) else {
        return;
    };
    let mut files = composed::Files::default();
    let mut one = composed::service(stack, service, source, composed, &mut files);
    view.configs.extend(files.configs);
    view.secrets.extend(files.secrets);
    view.seen.extend(files.seen);
    let (told, env_files) = given(view, service);
    for (name, value) in told {
        one["environment"][name] = json!(value);
    }
    if !env_files.is_empty() {
        one["env_file"] = json!(env_files);
    }
    if !service.secrets.files.is_empty() {
        let mut mounts = one["secrets"].as_array().cloned().unwrap_or_default();
        mounts.extend(service.secrets.files.iter().map(|name| json!(name)));
        one["secrets"] = json!(mounts);
    }
    // What serves is started again, whatever its compose file says.
    if service.app().is_some() {
        one["restart"] = json!("unless-stopped");
    }
    if let Some(command) = release {
        let name = format!("{}-release", service.name);
        let mut step = one.clone();
        step["command"] = json!(command);
        step["restart"] = json!("no");
        view.composed.insert(name.clone(), step);
        one["depends_on"][name] = json!({"condition": "service_completed_successfully"});
    }
    view.composed.insert(service.name.to_string(), one);
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
    let own = password(name);
    let root = match database.dialect {
        Dialect::Redis => format!("{name}-settings"),
        _ => format!("{name}-root-password"),
    };
    let server = match database.dialect {
        // Over TCP: while the image sets itself up, the server listens on its socket only.
        Dialect::Mysql => {
            let check = json!(["CMD", "mysqladmin", "ping", "--silent", "--host=127.0.0.1"]);
            sql_server("MYSQL", database, &own, &root, check)
        }
        Dialect::Mariadb => {
            let check = json!(["CMD", "healthcheck.sh", "--connect", "--innodb_initialized"]);
            sql_server("MARIADB", database, &own, &root, check)
        }
        Dialect::Mongodb => mongodb_server(view, service, database, &own, &root),
        Dialect::Redis => redis_server(view, database, &own, &root),
    };
    if let Some([before, after]) = database.url(name.as_str(), database.dialect.port()) {
        let url = format!("{before}PASSWORD{after}");
        view.urls.insert(url_file(name), url);
    }
    view.databases.push(json!({
        "name": name,
        "image": image,
        "environment": server.environment,
        "command": server.command,
        "secrets": [own, root],
        "volume": format!("{name}:{}", server.data),
        "memory": database.memory.map(|mib| format!("{mib}m")),
        "init": server.init,
        "check": server.check,
    }));
    view.data_network = true;
    view.volumes.push(name.to_string());
    for secret in [own, root] {
        let file = format!("./secrets/{secret}");
        view.secrets.insert(secret, file);
    }
}

/// What the image of a database's server is told.
struct Server {
    environment: BTreeMap<String, String>,
    command: Option<Vec<String>>,
    data: &'static str,
    /// The config that makes its user, where the image does not.
    init: Option<String>,
    check: Value,
}

fn sql_server(prefix: &str, database: &Database, own: &str, root: &str, check: Value) -> Server {
    let environment = BTreeMap::from([
        (format!("{prefix}_DATABASE"), database.database.clone()),
        (format!("{prefix}_USER"), database.user.clone()),
        (format!("{prefix}_PASSWORD_FILE"), secret_path(own)),
        (format!("{prefix}_ROOT_PASSWORD_FILE"), secret_path(root)),
        (format!("{prefix}_ROOT_HOST"), "localhost".to_owned()),
    ]);
    Server {
        environment,
        command: None,
        data: "/var/lib/mysql",
        init: None,
        check,
    }
}

fn mongodb_server(
    view: &mut ComposeView,
    service: &Service,
    database: &Database,
    own: &str,
    root: &str,
) -> Server {
    let environment = [
        ("MONGO_INITDB_ROOT_USERNAME", "root".to_owned()),
        ("MONGO_INITDB_ROOT_PASSWORD_FILE", secret_path(root)),
        ("MONGO_INITDB_DATABASE", database.database.clone()),
    ];
    // The image makes no user but root. JSON strings are JavaScript strings.
    let login = json!({"user": database.user, "file": secret_path(own), "db": database.database});
    let content = format!(
        "const {{ user, file, db: name }} = {login};\nconst pwd = require('fs').readFileSync(file, 'utf8').trim();\nconst roles = ['readWrite', 'dbAdmin'];\ndb.getSiblingDB(name).createUser({{ user, pwd, roles }});\n"
    );
    let config = format!("{}-user", service.name);
    view.configs.insert(config.clone(), content);
    Server {
        environment: environment
            .map(|(key, value)| (key.to_owned(), value))
            .into(),
        command: None,
        data: "/data/db",
        init: Some(config),
        check: json!([
            "CMD",
            "mongosh",
            "--quiet",
            "--eval",
            "db.runCommand({ping: 1})"
        ]),
    }
}

fn redis_server(view: &mut ComposeView, database: &Database, own: &str, settings: &str) -> Server {
    let said = "requirepass PASSWORD".to_owned();
    view.settings.insert(settings.to_owned(), said);
    let check = format!(
        "REDISCLI_AUTH=$(cat {}) redis-cli ping | grep -q PONG",
        secret_path(own)
    );
    Server {
        environment: BTreeMap::new(),
        command: Some(database.redis_command(&secret_path(settings))),
        data: Database::REDIS_DATA,
        init: None,
        check: json!(["CMD-SHELL", check]),
    }
}

fn url_file(service: &ServiceName) -> String {
    format!("{service}-url")
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
            let other = stack.services.get(needed);
            // Units are not in the file.
            if other.is_some_and(|other| other.app().is_some() && other.in_container()) {
                depends_on.insert(needed.to_string(), "service_started");
            }
            match other.and_then(Service::external) {
                Some(External::Mongodb { .. } | External::Redis { .. }) => {
                    let (name, url) = (needed.env_prefix(), url_file(needed));
                    environment.insert(format!("{name}_URL_FILE"), secret_path(&url));
                    view.secrets.insert(url.clone(), format!("./secrets/{url}"));
                    secrets.push(url);
                }
                Some(External::Mysql(server)) => {
                    let (prefix, secret) = (needed.env_prefix(), password(needed));
                    let mut told = vec![
                        ("HOST", server.host.clone()),
                        ("PORT", server.port.to_string()),
                        ("NAME", server.database.clone()),
                        ("USER", server.user.clone()),
                        ("PASSWORD_FILE", secret_path(&secret)),
                    ];
                    let mut files = vec![secret];
                    if server.ca_file.is_some() {
                        let ca = format!("{needed}-ca.pem");
                        told.push(("CA_FILE", secret_path(&ca)));
                        files.push(ca);
                    }
                    for (key, value) in told {
                        environment.insert(format!("{prefix}_{key}"), value);
                    }
                    for file in files {
                        view.secrets
                            .insert(file.clone(), format!("./secrets/{file}"));
                        secrets.push(file);
                    }
                }
                None => {}
            }
            continue;
        };
        let (prefix, secret) = (needed.env_prefix(), password(needed));
        let mut told = vec![
            ("HOST", needed.to_string()),
            ("PORT", database.dialect.port().to_string()),
            ("PASSWORD_FILE", secret_path(&secret)),
        ];
        if database.dialect.has_names() {
            told.push(("NAME", database.database.clone()));
            told.push(("USER", database.user.clone()));
        }
        for (key, value) in told {
            environment.insert(format!("{prefix}_{key}"), value);
        }
        secrets.push(secret);
        if database.url("", 0).is_some() {
            let url = url_file(needed);
            environment.insert(format!("{prefix}_URL_FILE"), secret_path(&url));
            view.secrets.insert(url.clone(), format!("./secrets/{url}"));
            secrets.push(url);
        }
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
    let (told, env_files) = given(view, service);
    environment.extend(told);
    secrets.extend(service.secrets.files.iter().map(ToString::to_string));
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
        "env_file": env_files,
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
    // All of a stack is on one machine there.
    let others = OtherHosts::default();
    let https = Https::default();
    let config = nginx::server_blocks(templates, stack, &sites, &others, &InCompose, &https)?;
    let ports: BTreeSet<u16> = sites.iter().map(|site| site.listen).collect();
    let routed: BTreeSet<&ServiceName> = sites
        .iter()
        .flat_map(|site| site.routes.iter().filter_map(Route::service))
        .collect();
    let networks = composed::networks_of(stack, routed.iter().copied());
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
                // What is built is there once somebody has built it.
                let output = files
                    .build
                    .as_ref()
                    .map(|build| files.root.join(&build.output));
                let from = output.as_ref().unwrap_or(&files.root);
                volumes.push(format!("{}:{FILES}/{name}:ro", from.display()));
            }
            ServiceKind::Static(files) => {
                for file in &files.include {
                    let from = files.root.join(file);
                    let to = file.display();
                    volumes.push(format!("{}:{FILES}/{name}/{to}:ro", from.display()));
                }
            }
            ServiceKind::Container(_) | ServiceKind::Database(_) | ServiceKind::External(_) => {}
        }
    }
    Ok(json!({
        "depends_on": depends_on,
        "networks": networks,
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
