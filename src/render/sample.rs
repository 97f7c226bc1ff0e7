//! The stack that the tests of this module render: the bundled example, and what it leaves out.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::model::{
    App, AppSource, Build, BuildPlace, Database, DatabaseServer, Dialect, EnvName, Health, Host,
    HostName, Listen, ReleaseId, Route, RouteOptions, RouteTarget, Service, ServiceKind,
    ServiceName, Site, SshTarget, Stack, StaticFiles,
};

pub(super) fn name(text: &str) -> ServiceName {
    text.parse().unwrap()
}

pub(super) fn id() -> ReleaseId {
    "0123456789ab".parse().unwrap()
}

pub(super) fn build() -> Build {
    Build {
        context: PathBuf::from("/src/names/python"),
        dockerfile: None,
        inline: None,
        target: None,
        base: None,
        args: BTreeMap::new(),
        place: BuildPlace::Host,
        push: None,
    }
}

pub(super) fn app(listen: Listen) -> App {
    App {
        source: AppSource::Build(build()),
        listen,
        health: Health {
            path: "/healthz".into(),
            deadline: 60,
            passes: 3,
            interval: 500,
        },
        env: BTreeMap::from([(
            "GREETING".parse::<EnvName>().unwrap(),
            "yes, $5 \"each\"".to_owned(),
        )]),
        command: None,
        release: Some(vec!["python".into(), "tables.py".into()]),
        seed: None,
        release_deadline: 600,
        bake: 5,
        warm: 600,
        drain: 30,
        stop_grace: 30,
        stop_signal: None,
        memory: Some(256),
        composed: None,
    }
}

pub(super) fn service(text: &str, needs: &[&str], kind: ServiceKind) -> Service {
    Service {
        name: name(text),
        hosts: vec!["web1".parse().unwrap()],
        needs: needs.iter().map(|text| name(text)).collect(),
        keep: None,
        secrets: Default::default(),
        kind,
    }
}

pub(super) fn site(text: &str, listen: u16, names: &[&str], routes: &[(&str, &str)]) -> Site {
    Site {
        name: text.parse().unwrap(),
        hosts: vec!["web1".parse().unwrap()],
        listen,
        server_names: names.iter().map(|text| text.parse().unwrap()).collect(),
        routes: routes
            .iter()
            .map(|(prefix, service)| Route {
                prefix: prefix.parse().unwrap(),
                to: RouteTarget::Service(name(service)),
                options: RouteOptions::default(),
            })
            .collect(),
        body_limit: 1,
        tls: None,
    }
}

pub(super) fn stack() -> Stack {
    let web1: HostName = "web1".parse().unwrap();
    let host = Host {
        name: web1.clone(),
        ssh: SshTarget {
            address: "203.0.113.10".into(),
            port: None,
            user: Some("ubuntu".into()),
            identity: None,
            known_hosts: None,
            jump: None,
            host_key: None,
        },
        public: "203.0.113.10".into(),
        private: None,
    };
    let database = Database {
        init: Vec::new(),
        server: DatabaseServer::Container("mysql:8.4".parse().unwrap()),
        dialect: Dialect::Mysql,
        database: "names".into(),
        user: "names".into(),
        local_port: 3306,
        bound: None,
        memory: None,
    };
    let page = StaticFiles {
        root: PathBuf::from("/src/names"),
        include: vec!["index.html".into(), "css".into(), "js".into()],
        ..StaticFiles::default()
    };
    let services = [
        service("db", &[], ServiceKind::Database(database)),
        service(
            "backend",
            &["db"],
            ServiceKind::App(Box::new(app(Listen::Socket))),
        ),
        service(
            "reports",
            &[],
            ServiceKind::App(Box::new(App {
                source: AppSource::Image("example/reports:1.2".parse().unwrap()),
                release: None,
                env: BTreeMap::new(),
                ..app(Listen::Port(3000))
            })),
        ),
        service("page", &[], ServiceKind::Static(page)),
    ];
    let main = [
        ("/names", "backend"),
        ("/healthz", "backend"),
        ("/", "page"),
    ];
    let sites = [
        site("names", 80, &[], &main),
        site(
            "reports",
            8080,
            &["*.example.com", "2001:db8::1"],
            &[("/static", "page"), ("/", "reports")],
        ),
    ];
    Stack {
        hooks: BTreeMap::new(),
        secrets: BTreeMap::new(),
        name: "names".parse().unwrap(),
        hosts: BTreeMap::from([(web1, host)]),
        services: services.map(|s| (s.name.clone(), s)).into(),
        sites: sites.map(|s| (s.name.clone(), s)).into(),
        keep: 2,
        firewall: true,
        registries: BTreeMap::new(),
        rollout: None,
        networks: BTreeMap::new(),
        volumes: BTreeMap::new(),
    }
}
