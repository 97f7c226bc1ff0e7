use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::super::{ConfigErrors, Elsewhere, Read, SourceText, Surroundings, read};
use crate::compose::Files;
use crate::model::{
    App, AppSource, BuildPlace, ComposedMount, Condition, Container, Listen, Restart, Service,
    Stack,
};

/// The files of this machine; what others are below of is a folder.
struct Here(BTreeMap<PathBuf, String>);

impl Files for Here {
    fn read(&self, path: &Path) -> Result<Option<String>, String> {
        let mut others = self.0.keys();
        match self.0.get(path) {
            None if others.any(|other| other.starts_with(path)) => Err("it is a folder".to_owned()),
            text => Ok(text.cloned()),
        }
    }
}

const SITES: &str = "sites: {s: {routes: {/: server}}}\n";

fn with(yaml: &str, compose: &str, more: &[(&str, &str)]) -> Result<Read, ConfigErrors> {
    let text = format!("stack: shop\nhosts: {{h: 10.0.0.1}}\ncompose: app/compose.yaml\n{yaml}");
    let mut files: BTreeMap<PathBuf, String> =
        [("/src/app/compose.yaml".into(), compose.to_owned())].into();
    let more = more
        .iter()
        .map(|(path, text)| (format!("/src/app/{path}").into(), (*text).to_owned()));
    files.extend(more);
    let files = Here(files);
    let around = Surroundings {
        base: "/src".into(),
        home: Some("/home/ada".into()),
    };
    let elsewhere = Elsewhere {
        files: &files,
        variables: BTreeMap::from([("TOKEN".to_owned(), "t0ken".to_owned())]),
    };
    let name = "stackctl.yaml";
    read(&SourceText { name, text: &text }, None, &around, &elsewhere)
}

#[track_caller]
fn good(yaml: &str, compose: &str) -> Stack {
    let read = with(yaml, compose, &[]);
    read.unwrap_or_else(|errors| panic!("{errors}")).stack
}

#[track_caller]
fn check(yaml: &str, compose: &str, expected: &[&str]) {
    let errors = with(yaml, compose, &[]).expect_err("it should not be accepted");
    let told: Vec<String> = errors.iter().map(ToString::to_string).collect();
    assert_eq!(told, expected, "for:\n{yaml}{compose}");
}

fn service<'s>(stack: &'s Stack, name: &str) -> &'s Service {
    &stack.services[&name.parse().unwrap()]
}

fn app<'s>(stack: &'s Stack, name: &str) -> &'s App {
    service(stack, name).app().expect("a route leads to it")
}

fn container<'s>(stack: &'s Stack, name: &str) -> &'s Container {
    service(stack, name)
        .container()
        .expect("no route leads to it")
}

const SHOP: &str = "\
services:
  server:
    build: ./server
    environment: {DB: db, EMPTY: '', GONE: }
    ports: ['5003:5003']
    networks: [front, back]
    depends_on: {db: {condition: service_healthy}, setup: {condition: service_completed_successfully}}
    stop_grace_period: 1m30s
  setup:
    build: ./server
    command: python setup.py
    networks: [back]
    depends_on: [db]
  db:
    image: mysql:8.4
    hostname: shop-db
    restart: unless-stopped
    environment: {MYSQL_ROOT_PASSWORD: s3cret}
    healthcheck: {test: mysqladmin ping, interval: 5s, retries: 10}
    volumes: ['data:/var/lib/mysql:rw']
    networks: {back: {aliases: [sql]}}
    deploy: {resources: {limits: {memory: 512m, cpus: '0.5', pids: 200}}}
    ports: ['3306:3306', '127.0.0.1:33060:33060']
networks: {front: , back: {internal: true}}
volumes: {data: }
";

#[test]
fn a_service_with_a_route_is_an_app_and_one_without_is_replaced_in_its_place() {
    let yaml = format!(
        "services: {{server: {{health: /health, release: [python, setup.py], bake: 2s}}}}\n{SITES}"
    );
    let stack = good(&yaml, SHOP);
    let server = app(&stack, "server");
    assert_eq!(server.listen, Listen::Port(5003));
    assert_eq!(server.health.path, "/health");
    assert_eq!((server.bake, server.stop_grace), (2, 90));
    assert_eq!(server.release.as_ref().unwrap(), &["python", "setup.py"]);
    let AppSource::Build(build) = &server.source else {
        panic!("it is built")
    };
    assert_eq!(build.context, PathBuf::from("/src/app/server"));
    assert_eq!(build.dockerfile, Some("Dockerfile".into()));
    let composed = server.composed.as_ref().unwrap();
    // What leads out comes first: the host reaches it there.
    let networks: Vec<&str> = composed
        .networks
        .iter()
        .map(|place| place.network.as_str())
        .collect();
    assert_eq!(networks, ["shop_front", "shop_back"]);
    assert_eq!(composed.environment["DB"].as_deref(), Some("db"));
    assert_eq!(composed.environment["EMPTY"].as_deref(), Some(""));
    assert_eq!(composed.options.unset, ["GONE"]);
    assert!(
        composed.options.ports.is_empty(),
        "its site is where it is reached"
    );
    let needs: Vec<&str> = service(&stack, "server")
        .needs
        .iter()
        .map(|name| name.as_str())
        .collect();
    assert_eq!(needs, ["db", "setup"]);

    let db = container(&stack, "db");
    assert!(!db.is_job && container(&stack, "setup").is_job);
    let options = &db.composed.options;
    assert_eq!(options.restart, Restart::UnlessStopped);
    assert_eq!(options.memory_limit, Some(512 << 20));
    assert_eq!(
        (options.cpus, db.composed.pids),
        (Some(500_000_000), Some(200))
    );
    let check = options.healthcheck.as_ref().unwrap();
    assert_eq!(check.test, ["CMD-SHELL", "mysqladmin ping"]);
    assert_eq!((check.interval, check.retries), (5_000_000_000, 10));
    assert_eq!(db.composed.networks[0].aliases, ["db", "shop-db", "sql"]);
    let [ComposedMount::Volume { name, to, .. }] = &options.mounts[..] else {
        panic!("{:?}", options.mounts)
    };
    assert_eq!(
        (name.as_deref(), to.as_str()),
        (Some("shop_data"), "/var/lib/mysql")
    );
    let waits: Vec<Condition> = composed.after.iter().map(|after| after.condition).collect();
    assert_eq!(waits, [Condition::Healthy, Condition::Completed]);
    assert!(stack.networks["shop_back"].internal && !stack.networks["shop_front"].internal);
    assert!(stack.volumes.contains_key("shop_data"));
}

#[test]
fn a_port_for_everybody_is_for_the_host_alone_unless_the_yaml_insists() {
    let read = with(SITES, SHOP, &[]).unwrap();
    let places = |stack: &Stack| {
        let ports = &container(stack, "db").composed.options.ports;
        let ports = ports
            .iter()
            .map(|port| format!("{}:{}", port.address, port.outside));
        ports.collect::<Vec<_>>()
    };
    assert_eq!(places(&read.stack), ["127.0.0.1:3306", "127.0.0.1:33060"]);
    let notes: Vec<String> = read
        .notes
        .iter()
        .map(|note| format!("{}:{}: {}", note.file, note.line, note.message))
        .collect();
    assert_eq!(
        notes,
        [
            "compose.yaml:23: port 3306 of `db` is published on 127.0.0.1 alone; `services: {db: {publish: open}}` would open it to all"
        ]
    );
    assert_eq!(read.stack.open_ports(&"h".parse().unwrap()), [80].into());
    let open = good(
        &format!("services: {{db: {{publish: open}}}}\n{SITES}"),
        SHOP,
    );
    assert_eq!(places(&open), ["0.0.0.0:3306", "127.0.0.1:33060"]);
    assert_eq!(open.open_ports(&"h".parse().unwrap()), [80, 3306].into());
}

#[test]
fn secrets_configs_and_files_are_a_part_of_the_definition() {
    let compose = "\
services:
  cache:
    image: redis:7
    restart: always
    env_file: cache.env
    secrets: [password, {source: token, target: /etc/token, uid: '999', mode: 0400}]
    configs: [{source: settings, target: /etc/redis.conf}]
    volumes: ['./start.sh:/start.sh:ro', '/srv/cache:/data']
secrets: {password: {file: ./password.txt}, token: {environment: TOKEN}}
configs: {settings: {content: 'port 6379'}}
";
    let more = [
        ("cache.env", "SIZE=3\n"),
        ("password.txt", "s3cret\n"),
        ("start.sh", "#!/bin/sh\n"),
    ];
    let stack = with("", compose, &more).unwrap().stack;
    let composed = &container(&stack, "cache").composed;
    assert_eq!(composed.environment["SIZE"].as_deref(), Some("3"));
    let files: Vec<(&str, &str, u32, u32, bool)> = composed
        .files
        .iter()
        .map(|file| {
            let text = file.contents.reveal();
            (file.to.as_str(), text, file.mode, file.user, file.is_secret)
        })
        .collect();
    assert_eq!(
        files,
        [
            ("/start.sh", "#!/bin/sh\n", 0o555, 0, true),
            ("/run/secrets/password", "s3cret\n", 0o444, 0, true),
            ("/etc/token", "t0ken", 0o400, 999, true),
            ("/etc/redis.conf", "port 6379", 0o444, 0, true),
        ]
    );
    assert!(
        matches!(&composed.options.mounts[..], [ComposedMount::Bind { from, .. }] if from == "/srv/cache")
    );
}

#[test]
fn names_images_profiles_and_several_files() {
    let compose = "\
services:
  Celery_Worker: {image: app, restart: always, networks: {default: }}
  server: {build: ., image: app, expose: [8000]}
  tools: {image: busybox, profiles: [debug]}
";
    let stack = good(SITES, compose);
    let worker = container(&stack, "celery-worker");
    assert!(
        matches!(&worker.source, AppSource::Build(_)),
        "`app` is what `server` is built as"
    );
    assert_eq!(worker.composed.networks[0].aliases, ["Celery_Worker"]);
    assert_eq!(app(&stack, "server").listen, Listen::Port(8000));
    assert!(!stack.services.contains_key(&"tools".parse().unwrap()));
}

#[test]
fn errors_of_the_compose_file_have_its_name_and_place() {
    check(
        SITES,
        "services:\n  server:\n    imag: x\n",
        &[
            "compose.yaml:2:3: `server` has neither `image` nor `build` (name the image to run, or the folder to build it from)",
            "compose.yaml:3:5: unknown key `imag` (did you mean `image`?)",
        ],
    );
    let errors = with("", "services: {}", &[]).unwrap_err();
    assert!(
        errors.to_string().contains("there are no services"),
        "{errors}"
    );
    let text = "stack: s\nhosts: {h: x}\ncompose: nowhere.yaml\n";
    let around = Surroundings {
        base: "/src".into(),
        home: None,
    };
    let errors = super::super::parse(
        &SourceText {
            name: "stackctl.yaml",
            text,
        },
        &around,
    )
    .unwrap_err();
    assert!(
        errors
            .to_string()
            .contains("there is no file `nowhere.yaml`"),
        "{errors}"
    );
}

#[test]
fn what_is_not_supported_is_an_error_with_its_key_and_line() {
    check(
        "",
        "\
services:
  a:
    image: x
    restart: always
    platform: linux/arm64
    pull_policy: always
    mac_address: 02:42:ac:11:65:43
    depends_on: {b: {condition: service_started, restart: true}}
    deploy: {replicas: 3, update_config: {order: start-first}, placement: {constraints: [x]}}
  b:
    build: {context: ., no_cache: true, tags: [x]}
    restart: always
    volumes: ['./data:/data', 'named:/x']
    ports: ['80', '3000-3001:90']
    network_mode: container:x
volumes: {named: {driver_opts: {type: none, o: bind, device: ./here}, driver: local}}
",
        &[
            "compose.yaml:5:5: `platform` of `a` is not supported (remove it: the host's own is taken)",
            "compose.yaml:6:5: `pull_policy` of `a` is not supported (remove it: an image is pulled where the host does not have it; another version has another tag)",
            "compose.yaml:7:5: `mac_address` of `a` is not supported (remove it)",
            "compose.yaml:8:50: `depends_on.b.restart` of `a` is not supported (remove it, and have the service connect again by itself)",
            "compose.yaml:9:14: `deploy.replicas` of `a` is not supported (remove it: one container runs)",
            "compose.yaml:9:27: `deploy.update_config` of `a` is not supported (remove it: it is for swarms)",
            "compose.yaml:9:64: `deploy.placement` of `a` is not supported (remove it: `services: {NAME: {on: [HOST]}}` of stackctl.yaml says where it runs)",
            "compose.yaml:11:25: `build.no_cache` of `b` is not supported (remove it)",
            "compose.yaml:11:41: `build.tags` of `b` is not supported (remove it)",
            "compose.yaml:13:15: `b` mounts `./data`, and there is no such file here (hosts get copies of files; for data, name a volume and declare it under the top-level `volumes`)",
            "compose.yaml:14:13: port 80 of `b` has no port of the host (name one, such as `127.0.0.1:80:80`; services of one network reach each other without it)",
            "compose.yaml:14:19: port 90 of `b`: a port out of `3000-3001` is not supported (name one, such as `127.0.0.1:90:90`; services of one network reach each other without it)",
            "compose.yaml:15:5: `network_mode` of `b` is not supported (write `networks`, or `host` or `none`)",
            "compose.yaml:16:19: volume `named`: `./here` is a folder of this machine, which hosts do not have (remove `driver_opts`: the engine keeps the volume)",
        ],
    );
}

#[test]
fn every_refusal_of_a_compose_file_has_its_key_and_line() {
    let compose = "\
services:
  a:
    image: x
    restart: always
    annotations: {a: b}
    ipc: service:b
    scale: 2
    links: ['b:db']
    networks: {own: {ipv4_address: 10.9.0.2, mac_address: 02:42:ac:11:65:43, link_local_ips: [169.254.0.2]}}
    deploy:
      mode: global
      labels: {a: b}
      rollback_config: {order: stop-first}
      endpoint_mode: dnsrr
      resources: {reservations: {cpus: '1'}}
  b:
    image: y
    deploy: {restart_policy: {condition: any, delay: 5s, window: 9s}}
    tmpfs: ['/run:exec', '/tmp:size=x']
    ports: ['0.0.0.0:53:53/udp']
    volumes: ['data:/data', {type: volume, source: data, target: /x, volume: {subpath: y}}]
  c:
    restart: always
    build:
      context: .
      additional_contexts: {a: .}
      cache_from: [a]
      cache_to: [a]
      extra_hosts: ['a:10.0.0.1']
      labels: {a: b}
      network: host
      platforms: [linux/arm64]
      pull: true
      secrets: [kept]
      shm_size: 1m
  d: {build: {context: 'https://example.com/d.git'}, restart: always}
  e: {build: {context: ., dockerfile: ../Dockerfile}, restart: always}
  f:
    image: x
    restart: always
    secrets: [{source: kept, target: /etc/kept, uid: app, gid: app}, outside, unset, absent, pictures]
    configs: [theirs, {source: own, target: /etc/kept}]
    volumes: ['./pictures:/pictures']
  g_h: {image: x, restart: always}
  g.h: {image: x, restart: always}
networks:
  own: {driver: overlay, attachable: true, ipam: {driver: swarm}}
volumes: {data: }
secrets:
  kept: {file: ./kept}
  outside: {external: true}
  unset: {environment: UNSET}
  absent: {file: ./absent}
  pictures: {file: ./pictures}
configs: {theirs: {external: true}, own: {content: x}}
";
    let yaml = "services: {b: {publish: open}}\nfirewall: on\n";
    let more = [("kept", "k\n"), ("pictures/a.png", "a picture")];
    let errors = with(yaml, compose, &more).expect_err("it should not be accepted");
    let told: Vec<String> = errors.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "compose.yaml:5:5: `annotations` of `a` is not supported (write `labels`)",
            "compose.yaml:6:5: `ipc` of `a` is not supported (remove it)",
            "compose.yaml:7:5: `scale` of `a` is not supported (remove it: one container runs)",
            "compose.yaml:8:5: `links` of `a` is not supported (put both on one network)",
            "compose.yaml:9:16: `a` has an address of its own in `own`, which has no `subnet` (give the network `ipam: {config: [{subnet: …}]}`)",
            "compose.yaml:9:46: `networks.own.mac_address` of `a` is not supported (remove it)",
            "compose.yaml:9:78: `networks.own.link_local_ips` of `a` is not supported (remove it)",
            "compose.yaml:10:5: `deploy.replicas` of `a` is not supported (remove it: one container runs)",
            "compose.yaml:11:7: `deploy.mode` of `a` is not supported (remove it: it is for swarms)",
            "compose.yaml:12:7: `deploy.labels` of `a` is not supported (write `labels` of the service)",
            "compose.yaml:13:7: `deploy.rollback_config` of `a` is not supported (remove it: it is for swarms)",
            "compose.yaml:14:7: `deploy.endpoint_mode` of `a` is not supported (remove it: it is for swarms)",
            "compose.yaml:15:19: `deploy.resources.reservations` of `a` is not supported (keep `memory` alone: the engine reserves nothing else)",
            "compose.yaml:18:47: `deploy.restart_policy.delay` of `b` is not supported (remove it: the engine waits longer each time)",
            "compose.yaml:18:58: `deploy.restart_policy.window` of `b` is not supported (remove it: the engine waits longer each time)",
            "compose.yaml:19:5: `tmpfs` of `b`: the option `exec` is not supported (write `size=64m` or `mode=1777`, or remove it)",
            "compose.yaml:19:5: `tmpfs` of `b`: the option `size=x` is not supported (write `size=64m` or `mode=1777`, or remove it)",
            "compose.yaml:20:13: port 53/udp of `b` is open to all, and the firewall opens TCP alone (leave `firewall` out, or have the port on 127.0.0.1)",
            "compose.yaml:21:30: `subpath` of a volume of `b` is not supported (mount the whole volume, or make another one)",
            "compose.yaml:26:7: `build.additional_contexts` of `c` is not supported (remove it)",
            "compose.yaml:27:7: `build.cache_from` of `c` is not supported (remove it)",
            "compose.yaml:28:7: `build.cache_to` of `c` is not supported (remove it)",
            "compose.yaml:29:7: `build.extra_hosts` of `c` is not supported (remove it)",
            "compose.yaml:30:7: `build.labels` of `c` is not supported (remove it)",
            "compose.yaml:31:7: `build.network` of `c` is not supported (remove it)",
            "compose.yaml:32:7: `build.platforms` of `c` is not supported (remove it)",
            "compose.yaml:33:7: `build.pull` of `c` is not supported (remove it)",
            "compose.yaml:34:7: `build.secrets` of `c` is not supported (remove it)",
            "compose.yaml:35:7: `build.shm_size` of `c` is not supported (remove it)",
            "compose.yaml:36:7: `d` is built from `https://example.com/d.git` (clone it, and name its folder: what is built must be the same for each host)",
            "compose.yaml:37:27: the Dockerfile of `e` is not in its context (make `context` the folder that holds both)",
            "compose.yaml:38:3: `f` has two things at `/etc/kept` (keep one of them)",
            "compose.yaml:41:16: `uid` of `kept`: `app` is no number (the host does not know the names that the image has for users)",
            "compose.yaml:41:16: `gid` of `kept`: `app` is no number (the host does not know the names that the image has for users)",
            "compose.yaml:43:15: `f` mounts `./pictures` of this machine, which is no file of text: it is a folder (for data, name a volume and declare it under the top-level `volumes`; for what is the same in each container, copy it into the image; a folder of the host has an absolute path outside of the project)",
            "compose.yaml:44:3: two services are called `g-h` in the stack; the other one is here (compose.yaml:45) (`_` and `.` become `-`: give one of them another name)",
            "compose.yaml:47:9: network `own`: the driver `overlay` is not supported (remove it: hosts have networks of their own, by the driver `bridge`)",
            "compose.yaml:47:26: network `own`: `attachable` is not supported (remove it: it is for swarms)",
            "compose.yaml:47:44: network `own`: the address driver `swarm` is not supported (remove it)",
            "compose.yaml:51:3: secret `outside` is `external`, which is not supported (external ones are in swarms: write `file` or `environment`)",
            "compose.yaml:52:3: secret `unset`: the variable `UNSET` has no value (set `UNSET` in the environment or in `.env` beside the compose file)",
            "compose.yaml:53:12: secret `absent`: there is no file `./absent` (paths are relative to the project's folder; it must hold text)",
            "compose.yaml:54:14: secret `pictures`: `./pictures` cannot be read: it is a folder (paths are relative to the project's folder; it must hold text)",
            "compose.yaml:55:11: config `theirs` is `external`, which is not supported (external ones are in swarms: write `file` or `environment`)",
        ]
    );
}

#[test]
fn what_has_no_effect_is_noted() {
    let compose = "\
services:
  db:
    image: mysql:8.4
    restart: always
    container_name: shop-mysql
    volumes:
      - /srv/a:/a:Z
      - {type: bind, source: /srv/b, target: /b, bind: {selinux: z}}
      - /srv/c:/c:cached
      - {type: volume, source: data, target: /d, consistency: delegated}
  cache: {image: 'redis:7', restart: always, container_name: shop-cache}
volumes: {data: }
";
    let read = with("", compose, &[]).unwrap();
    let notes = read.notes.iter();
    let mut notes: Vec<String> = notes
        .map(|note| format!("{}:{}: {}", note.file, note.line, note.message))
        .collect();
    notes.sort();
    assert_eq!(
        notes,
        [
            "compose.yaml:10: `consistency` has no meaning any more and is not read",
            "compose.yaml:5: `container_name` of `db` is a name in its networks alone; its container is `shop-db`",
            "compose.yaml:7: `Z` of a volume of `db` has no effect: hosts have no SELinux",
            "compose.yaml:8: `z` of a volume of `db` has no effect: hosts have no SELinux",
            "compose.yaml:9: `cached` has no meaning any more and is not read",
        ]
    );
    let stack = read.stack;
    let aliases = &container(&stack, "db").composed.networks[0].aliases;
    assert_eq!(aliases, &["db", "shop-mysql"]);
}

#[test]
fn what_two_releases_cannot_both_have_is_refused() {
    check(
        SITES,
        "\
services:
  server:
    image: x
    ports: ['8080:80', '9000:9000']
    networks: {back: {ipv4_address: 10.9.0.2}}
  job:
    image: x
    depends_on: {server: {condition: service_completed_successfully}}
networks: {back: {internal: true, ipam: {config: [{subnet: 10.9.0.0/24}]}}}
",
        &[
            "compose.yaml:2:3: a route leads to `server`, and others wait until it has ended (wait for `service_healthy`, or lead the route elsewhere)",
            "compose.yaml:2:3: a route leads to `server`, which tells several ports (say where it answers HTTP, in stackctl.yaml: `services: {server: {listen: 80}}`)",
            "compose.yaml:5:5: a route leads to `server`, and all its networks are internal: the host cannot reach it there (put it on a network that is not `internal` as well; the others stay as they are)",
            "compose.yaml:5:16: `networks.back` of `server`: an address of its own is not supported (remove it: two releases run beside each other)",
        ],
    );
    let yaml = format!("services: {{server: {{listen: 80}}}}\n{SITES}");
    check(
        &yaml,
        "services: {server: {image: x, ports: ['8080:80', '9000:9000']}}",
        &[
            "compose.yaml:1:50: port 9000 of `server` cannot be published: a route leads to it, so two releases run beside each other (remove it; services of one network reach each other without it)",
        ],
    );
}

#[test]
fn services_adds_only_what_compose_cannot_say() {
    let compose = "services: {server: {image: x, expose: [80]}, db: {image: y, restart: always}}";
    let yaml = format!(
        "services:\n  server: {{env: {{A: b}}, publish: open, stop_grace: 3s}}\n  db: {{health: /, image: z}}\n  other: {{health: /}}\n{SITES}"
    );
    check(
        &yaml,
        compose,
        &[
            "stackctl.yaml:5:12: `env` of `server` is said in its compose file (write it there, as `environment`)",
            "stackctl.yaml:5:25: `publish` has no effect on `server`, to which a route leads (remove it: visitors reach it through its site)",
            "stackctl.yaml:5:40: `stop_grace` of `server` is said in its compose file (write it there, as `stop_grace_period`)",
            "stackctl.yaml:6:8: `health` does not apply to `db`, to which no route leads (it is for what answers visitors: lead a route there, or remove it)",
            "stackctl.yaml:6:19: service `db` is one of the compose file, which says what it is (give the other one another name)",
            "stackctl.yaml:7:3: service `other` does not say what it is (give it one of `build`, `image`, `unit`, `static`, `mysql`, `mongodb` or `redis`)",
        ],
    );
    check(
        "sites: {s: {routes: {/: serverr}}}\n",
        compose,
        &["stackctl.yaml:4:25: there is no service `serverr` (did you mean `server`?)"],
    );
}

#[test]
fn a_port_of_the_host_is_taken_once() {
    check(
        SITES,
        "services: {server: {image: x, expose: [80]}, a: {image: x, restart: always, ports: ['80:1']}, b: {image: x, restart: always, ports: ['80:2']}}",
        &[
            "stackctl.yaml:4:9: port 80 of site `s` is published by `a` of the compose file (give one of them another, or lead a route to that service instead)",
            "stackctl.yaml:4:9: port 80 of site `s` is published by `b` of the compose file (give one of them another, or lead a route to that service instead)",
            "compose.yaml:1:134: port 80 of the host is published by `a` and `b` (give one of them another port)",
        ],
    );
}

#[test]
fn secrets_of_the_stack_come_beside_what_compose_says() {
    let compose = "services: {server: {image: x, expose: [80], environment: {KEY: dev}}, db: {image: y, restart: always}}";
    let declared = "secrets: {KEY: {env: KEY}, MADE: {generated: 32}}\n";
    let yaml = format!(
        "services:\n  server: {{env: {{KEY: {{secret: KEY}}}}, secrets: [MADE]}}\n  db: {{secrets: [KEY]}}\n{declared}{SITES}"
    );
    let stack = good(&yaml, compose);
    let given = |name: &str| &service(&stack, name).secrets;
    assert_eq!(given("server").env.len(), 1);
    assert_eq!(
        (given("server").files.len(), given("db").files.len()),
        (1, 1)
    );
    let yaml = format!(
        "services:\n  server: {{env: {{KEY: {{secret: MADE}}}}, env_file: .env}}\n  db: {{env: {{A: b, C: {{secret: KEY}}}}}}\n{declared}{SITES}"
    );
    check(
        &yaml,
        compose,
        &[
            "stackctl.yaml:5:18: `MADE` is made on its host and never leaves it, so a container cannot have it as a variable (write `secrets: [MADE]`: the app reads it from the file that MADE_FILE names)",
            "stackctl.yaml:5:40: `env_file` of `server` is said in its compose file (write it there, as `env_file`)",
            "stackctl.yaml:6:8: `env` of `db` is said in its compose file (write it there, as `environment`)",
        ],
    );
}

#[test]
fn what_is_built_here_is_built_here_for_whoever_has_its_image() {
    let compose = "services:\n  server: {build: ./server, image: api, expose: [80]}\n  setup: {image: api, restart: always}\n  page: {build: ./page, restart: always}\n";
    let places = |yaml: &str| {
        let stack = good(&format!("services: {yaml}\n{SITES}"), compose);
        let build = |source: &AppSource| match source {
            AppSource::Build(build) => (build.place, build.push.as_ref().map(ToString::to_string)),
            _ => panic!("it is built"),
        };
        [
            build(&app(&stack, "server").source),
            build(&container(&stack, "setup").source),
            build(&container(&stack, "page").source),
        ]
    };
    let (host, local) = ((BuildPlace::Host, None), (BuildPlace::Local, None));
    let unsaid = places("{server: {health: /}}");
    assert_eq!(unsaid, [host.clone(), host.clone(), host.clone()]);
    let server = places("{server: {build: {on: local}}}");
    assert_eq!(server, [local.clone(), local.clone(), host.clone()]);
    let page = places("{page: {build: {on: local}}}");
    assert_eq!(page, [host.clone(), host.clone(), local]);
    let pushed = (
        BuildPlace::Local,
        Some("registry.example.com/api".to_owned()),
    );
    let server = places("{server: {build: {on: local, push: registry.example.com/api}}}");
    assert_eq!(server, [pushed.clone(), pushed, host]);
    check(
        &format!(
            "services:\n  server: {{build: {{context: ., on: local}}}}\n  setup: {{build: {{on: local}}}}\n  page: {{build: ./page}}\n{SITES}"
        ),
        compose,
        &[
            "stackctl.yaml:5:20: `context` of `build` is said in the compose file (write it there; here are only `on` and `push`)",
            "stackctl.yaml:6:11: `build` of `setup`, which its compose file does not build (say it of the service that builds the image, or write `build` in the compose file)",
            "stackctl.yaml:7:10: `build` of `page` is said in its compose file (write it there; here it may say where: `build: {on: local}`)",
        ],
    );
}
