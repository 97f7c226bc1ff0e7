use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use proptest::prelude::*;

use super::keys::{Shape, Table};
use super::*;
use crate::model::{
    App, AppSource, BuildPlace, Hook, HookHosts, HookWork, Listen, Moment, ServiceKind,
};

fn around() -> Surroundings {
    Surroundings {
        base: PathBuf::from("/srv/names"),
        home: Some(PathBuf::from("/home/ada")),
    }
}

/// What `full.yaml` brings in.
const COMPOSE: &str = "services:\n  cache: {image: 'redis:7', ports: ['6379:6379'], restart: always, profiles: [caches]}\n";

fn read(text: &str) -> Result<Stack, ConfigErrors> {
    let name = "stackctl.yaml";
    let compose = ("/srv/names/compose.yaml".into(), COMPOSE.to_owned());
    let sql = ("/srv/names/books.sql".into(), "SELECT 1;\n".to_owned());
    let files: BTreeMap<PathBuf, String> = [compose, sql].into();
    let elsewhere = Elsewhere {
        files: &files,
        variables: BTreeMap::new(),
    };
    let read = super::read(&SourceText { name, text }, None, &around(), &elsewhere);
    read.map(|read| read.stack)
}

pub(super) fn good(text: &str) -> Stack {
    read(text).unwrap_or_else(|errors| panic!("{}", errors.render(false, 100)))
}

fn app<'s>(stack: &'s Stack, name: &str) -> &'s App {
    stack.services[&name.parse().unwrap()].app().unwrap()
}

/// Each error as `line:column underlined: code: message | hint`.
pub(super) fn lines(text: &str) -> String {
    let errors = read(text).expect_err("it should not be accepted");
    let json = errors.to_json();
    let body = text.trim_start_matches('\u{feff}');
    let line = |error: &serde_json::Value| {
        let number = |key: &str| error[key].as_u64().unwrap() as usize;
        let line = body.split('\n').nth(number("line") - 1).unwrap_or("");
        let length = number("end_column") - number("column");
        let marked: String = line
            .chars()
            .skip(number("column") - 1)
            .take(length)
            .collect();
        let (code, message) = (
            error["code"].as_str().unwrap(),
            error["message"].as_str().unwrap(),
        );
        let place = format!("{}:{} [{marked}]", number("line"), number("column"));
        match error["hint"].as_str() {
            Some(hint) => format!("{place} {code}: {message} | {hint}"),
            None => format!("{place} {code}: {message}"),
        }
    };
    let all: Vec<String> = json.as_array().unwrap().iter().map(line).collect();
    all.join("\n")
}

#[track_caller]
pub(super) fn check(text: &str, expected: &str) {
    assert_eq!(lines(text), expected, "for:\n{text}");
}

/// A stack with one app, to which `rest` of the service `a` (indented by four) and `tail` are added.
pub(super) fn with(rest: &str, tail: &str) -> String {
    format!(
        "stack: s\nhosts: {{h: 10.0.0.1}}\nservices:\n  db: {{mysql: {{}}}}\n  a:\n    build: .\n{rest}{tail}"
    )
}

const FULL: &str = include_str!("full.yaml");

#[test]
fn the_starter_parses() {
    let stack = good(STARTER);
    assert_eq!(stack.services.len(), 3);
    assert!(STARTER.starts_with("# yaml-language-server: $schema="));
}

#[test]
fn everything_can_be_said() {
    let stack = good(FULL);
    let web2 = &stack.hosts[&"web2".parse().unwrap()];
    assert_eq!(
        web2.ssh.identity.as_deref(),
        Some(Path::new("/home/ada/.ssh/key.pem"))
    );
    assert_eq!(
        web2.ssh.known_hosts.as_deref(),
        Some(Path::new("/srv/names/known_hosts"))
    );
    assert_eq!(
        (web2.ssh.port, web2.public.as_str()),
        (Some(2222), "shop.example.com:8443")
    );
    let web1 = &stack.hosts[&"web1".parse().unwrap()];
    assert_eq!(
        (web1.ssh.user.as_deref(), web1.public.as_str()),
        (Some("ubuntu"), "203.0.113.10")
    );

    let backend = app(&stack, "backend");
    assert_eq!(backend.listen, Listen::Socket);
    assert_eq!(
        (backend.health.deadline, backend.health.interval),
        (120, 250)
    );
    assert_eq!((backend.stop_grace, backend.memory), (90, Some(1024)));
    let times = [
        backend.release_deadline,
        backend.bake,
        backend.warm,
        backend.drain,
    ];
    assert_eq!(times, [300, 20, 3600, 120]);
    assert_eq!(
        backend.stop_signal.as_ref().map(|signal| signal.as_str()),
        Some("SIGQUIT")
    );
    let keep = |name: &str| stack.services[&name.parse().unwrap()].keep(&stack);
    assert_eq!((keep("backend"), keep("worker")), (7, 5));
    let env: BTreeMap<&str, &str> = backend
        .env
        .iter()
        .map(|(k, v)| (k.as_str(), v.as_str()))
        .collect();
    assert_eq!(
        env,
        BTreeMap::from([("DEBUG", "yes"), ("MODE", "0644"), ("RATE", "1.50")])
    );
    let AppSource::Build(build) = &backend.source else {
        panic!()
    };
    assert_eq!(build.context, Path::new("/srv/names/python"));
    assert!(build.base.is_some() && build.dockerfile.is_none());

    let AppSource::Build(worker) = &app(&stack, "worker").source else {
        panic!()
    };
    assert_eq!(
        worker.dockerfile.as_deref(),
        Some(Path::new("docker/Dockerfile"))
    );
    assert_eq!(
        (build.place, worker.place),
        (BuildPlace::Host, BuildPlace::Local)
    );
    let pushed = worker.push.as_ref().map(ToString::to_string);
    assert_eq!(pushed.as_deref(), Some("registry.example.com/team/built"));
    assert_eq!(app(&stack, "shop").listen, Listen::Port(8080));

    let ServiceKind::Static(page) = &stack.services[&"page".parse().unwrap()].kind else {
        panic!()
    };
    assert_eq!(page.fill[Path::new("js/app.js")].len(), 1);
    let db = stack.services[&"db".parse().unwrap()].database().unwrap();
    assert_eq!(
        (db.database.as_str(), db.user.as_str(), db.memory),
        ("names_shop", "names_shop", Some(512))
    );

    let site = &stack.sites[&"names".parse().unwrap()];
    let prefixes: Vec<&str> = site
        .routes
        .iter()
        .map(|route| route.prefix.as_str())
        .collect();
    assert_eq!(prefixes, ["/names/old", "/names", "/gone", "/"]);
    assert_eq!((site.body_limit, stack.keep), (25, 5));
    assert!(stack.firewall);
}

#[test]
fn an_image_is_built_on_its_hosts_or_here() {
    check(
        "stack: s\nhosts: {h: 10.0.0.1}\nservices:\n  a:\n    build: {context: ., on: locale}\n",
        "5:29 [locale] wrong-type: `on`: expected `host` or `local`, found `locale` | did you mean `local`?",
    );
    let with = |build: &str| {
        format!(
            "stack: s\nhosts: {{h: 10.0.0.1}}\nservices:\n  a:\n    build: {{context: ., {build}}}\n"
        )
    };
    check(
        &with("push: r.example.com/a"),
        "5:25 [push] not-here: `push` has no effect where hosts build their images | add `on: local`: the engine of this machine then builds the image, pushes it, and hosts pull it",
    );
    for bad in ["a:1", "r.example.com:5000/a:1", "r.example.com/a@sha256:0"] {
        assert_ne!(
            lines(&with(&format!("on: local, push: '{bad}'"))),
            "",
            "{bad}"
        );
    }
    good(&with("on: local, push: 'r.example.com:5000/a'"));
}

#[test]
fn hooks_in_every_spelling() {
    let stack = good(FULL);
    let here = |words: &[&str], timeout| Hook {
        work: HookWork::Here(words.iter().map(|word| (*word).to_owned()).collect()),
        timeout,
    };
    let there = |script: &str, args: &[&str], hosts, timeout| Hook {
        work: HookWork::OnHosts {
            script: Path::new("/srv/names/hooks").join(script),
            args: args.iter().map(|word| (*word).to_owned()).collect(),
            hosts,
        },
        timeout,
    };
    let web1 = HookHosts::Named(vec!["web1".parse().unwrap()]);
    assert_eq!(
        stack.hooks[&Moment::BeforeDeploy],
        [
            here(&["hooks/check"], 300),
            here(&["hooks/check", "--strict"], 300),
            here(&["hooks/backup"], 900),
            there("prepare.sh", &["now"], web1, 90),
        ]
    );
    assert_eq!(
        stack.hooks[&Moment::AfterDeploy],
        [there("purge.sh", &[], HookHosts::All, 300)]
    );
    assert_eq!(
        stack.hooks[&Moment::OnFailure],
        [here(&["hooks/tell"], 300)]
    );
    assert!(stack.hooks[&Moment::AfterRollback].is_empty());
    assert_eq!(stack.hooks.len(), Moment::ALL.len());
}

#[test]
fn hooks_that_cannot_be_meant_so() {
    let hooks = |text: &str| with("", &format!("hooks: {{{text}}}\n"));
    check(
        &hooks("before_deploy: python check.py"),
        "7:24 [python check.py] hook: `python check.py` is no program's name | no shell reads it; write a list for each command: `before_deploy: [[python, check.py]]`",
    );
    check(
        &hooks("before_deploy: [./check, --strict]"),
        "7:34 [--strict] hook: `--strict` is no program's name | each element of `before_deploy` is an entry of its own; a program with arguments is a list in the list: `[[program, --strict]]`",
    );
    check(
        &hooks("after_deploy: {run: [./x], on: h}"),
        "7:24 [run] hook: what runs on a host is a `script`, not `run` | write the command into a file of the project: `script: hooks/x.sh`",
    );
    check(
        &hooks("after_deploy: {script: x.sh}"),
        "7:24 [script] hook: `script` needs `on`: the hosts that run it | `on: all`, or a host's name; a program on this machine is `run`",
    );
    check(
        &hooks("after_deploy: {script: x.sh, on: web9}"),
        "7:42 [web9] unknown-host: there is no host `web9` | the hosts are: h",
    );
    check(
        &hooks("after_deploy: {timeout: 5s}"),
        "7:9 [after_deploy] hook: an entry of `after_deploy` has either `run` or `script` | `run` is a program on this machine, `script` a file that is run on hosts",
    );
    check(
        &hooks("after_deploi: ./x"),
        "7:9 [after_deploi] unknown-key: unknown key `after_deploi` | did you mean `after_deploy`?",
    );
}

#[test]
fn defaults() {
    let stack = good(
        "stack: a-b\nhosts: {h: '::1'}\nservices: {d: {mysql: }, x: {build: ./p}}\nsites: {s: {routes: {/: x}}}\n",
    );
    let db = stack.services[&"d".parse().unwrap()].database().unwrap();
    assert_eq!(
        (db.image().unwrap().as_str(), db.database.as_str()),
        ("mysql:8.4", "a_b")
    );
    let x = app(&stack, "x");
    assert_eq!(
        (
            x.health.path.as_str(),
            x.health.deadline,
            x.health.passes,
            x.health.interval
        ),
        ("/", 60, 3, 500)
    );
    assert_eq!((x.stop_grace, x.listen), (10, Listen::Socket));
    let site = &stack.sites[&"s".parse().unwrap()];
    assert_eq!(
        (site.listen, site.body_limit, site.hosts.len()),
        (80, 10, 1)
    );
    assert_eq!((stack.keep, stack.firewall), (3, false));
    assert_eq!(stack.hosts[&"h".parse().unwrap()].public, "[::1]");
}

#[test]
fn keys_that_are_unknown_missing_or_of_later_versions() {
    check(
        &with("    helth: /h\n", ""),
        "7:5 [helth] unknown-key: unknown key `helth` | did you mean `health`?",
    );
    check(
        &with("    depends_on: [db]\n", ""),
        "7:5 [depends_on] unknown-key: unknown key `depends_on` | did you mean `needs`?",
    );
    check(
        &with("    build2:\n", "kep: 4\nx-mine: 1\n"),
        "7:5 [build2] unknown-key: unknown key `build2` | did you mean `build`?\n8:1 [kep] unknown-key: unknown key `kep` | did you mean `keep`?",
    );
    check(
        &with("", "  r: {external: {}}\n"),
        "7:7 [external] not-yet: `external` is not supported in this version yet | remove it; `stackctl schema` shows what this version takes",
    );
    assert!(lines("stack: s\n").contains("`hosts` is missing in the stack"));
    assert!(lines("stack: s\nhosts: {}\nservices: {}\n").contains("at least one host"));
    assert!(lines("stack: s\nhosts: {}\nservices: {}\n").contains("at least one service"));
    assert!(
        lines("stack: s\nhosts:\nservices: {a: {static: .}}\n").starts_with("2:1 [hosts] no-value")
    );
    check(
        &with("", "  n: {on: [h]}\n"),
        "7:3 [n] kind: service `n` does not say what it is | give it one of `build`, `image`, `unit`, `static`, `mysql`, `mongodb` or `redis`",
    );
    check(
        &with("    static: .\n", ""),
        "7:5 [static] kind: service `a` has `build` and `static`: a service is one thing | keep one of them, or make it two services",
    );
    check(
        &with("", "  m: {mysql: {}, env: {A: 1}}\n"),
        "7:18 [env] not-here: `env` does not apply to a `mysql` service | it is for services with `build`, `image` or `unit`",
    );
    check(
        &with("", "  m: {mongodb: , seed: [load], memory: 1G}\n"),
        "7:18 [seed] not-here: `seed` does not apply to a `mongodb` service | it is for services with `build`, `image` or `unit`\n\
         7:32 [memory] not-here: `memory` does not apply to a `mongodb` service | write it below `mongodb:`",
    );
    check(
        &with("", "  m: {mongodb: {install: package}}\n"),
        "7:17 [install] unknown-key: unknown key `install` | a mongodb has: image, database, user, port, memory, url_file",
    );
    check(
        &with("", "  m: {mongodb: {url_file: /etc/m, port: 1}}\n"),
        "7:35 [port] not-here: `port` has no effect beside `url_file` | it is for a server in a container: remove one of the two",
    );
    check(
        &with(
            "",
            "  m: {mysql: {host: db, password_file: /etc/m, memory: 1G}}\n",
        ),
        "7:48 [memory] not-here: `memory` has no effect beside `host` | it is for a server in a container: remove one of the two",
    );
    check(
        &with("", "  m: {mysql: {port: 1, ca_file: /etc/m}}\n"),
        "7:15 [port] not-here: `port` has no effect without `host` | `host` says where a server is that somebody else looks after\n\
         7:24 [ca_file] not-here: `ca_file` has no effect without `host` | `host` says where a server is that somebody else looks after",
    );
    check(
        &with("", "  m: {mysql: {host: \"mysql://db/x\"}}\n"),
        "7:15 [host] missing: `host` needs `password_file` | name the file on each host, for root alone, that holds the user's password\n\
         7:21 [\"mysql://db/x\"] invalid: `mysql://db/x` is no name or address of a server | write it as in `host: db.example.com`; its port goes into `port`",
    );
    check(
        &with(
            "",
            "  m: {mysql: {host: db, password_file: /etc/m, admin: {user: \"a'b\"}}}\n",
        ),
        "7:48 [admin] missing-key: `password_file` is missing in `admin` | expected a path on the hosts: The file on each host, for root alone, that holds the administrator's password.\n\
         7:62 [\"a'b\"] invalid: `a'b` is no name of a user | use letters, digits and `._@-`",
    );
    check(
        &with(
            "",
            "  m: {mysql: {host: \"db.test:3307\", password_file: /etc/m}}\n",
        ),
        "7:21 [\"db.test:3307\"] invalid: `db.test:3307` is no name or address of a server | write it as in `host: db.example.com`; its port goes into `port`",
    );
    check(
        &with("", "  r: {redis: {database: 1}}\n"),
        "7:15 [database] unknown-key: unknown key `database` | a redis has: image, port, memory, maxmemory, policy, url_file",
    );
    check(
        &with("", "  r: {redis: {url_file: /etc/r, memory: 1G}}\n"),
        "7:33 [memory] not-here: `memory` has no effect beside `url_file` | it is for a server in a container: remove one of the two",
    );
    check(
        &with("", "  r: {redis: {policy: allkeys-lru}}\n"),
        "7:15 [policy] not-here: `policy` has no effect without `maxmemory` | `maxmemory` says how much the server holds",
    );
    check(
        &with("", "  r: {redis: {maxmemory: 1G, policy: all-keys-lru}}\n"),
        "7:38 [all-keys-lru] invalid: `policy`: `all-keys-lru` is none of Redis | did you mean `allkeys-lru`?",
    );
    check(
        &with("", "  r: {redis: {maxmemory: 1G, memory: 1G}}\n"),
        "7:15 [maxmemory] invalid: `maxmemory` must be less than `memory` | the server needs room beside its data: half as much again, while it writes that to disk",
    );
    check(
        &with("", "  m: {mongodb: {url_file: m}}\n"),
        "7:27 [m] invalid: `m` is not a usable path on a host: it must be absolute, without `..`, made of letters, digits and `._@+-/`",
    );
    check(
        &with("    seed: []\n", ""),
        "7:5 [seed] invalid: `seed` names no program | for example `seed: [python, main.py]`",
    );
    check(
        &with(
            "    needs: [m]\n    env: {M_URL_FILE: x}\n",
            "  m: {mongodb: {port: 99999}}\n",
        ),
        "8:11 [M_URL_FILE] reserved-env: `M_URL_FILE` is reserved | `needs: [m]` sets it; remove it here\n\
         9:23 [99999] out-of-range: `port`: `99999` is out of range | from 1 to 65535",
    );
}

#[test]
fn values_of_the_wrong_kind() {
    check(
        &with("    command: gunicorn main:app\n", ""),
        "7:14 [gunicorn main:app] wrong-type: `command`: expected a list, one element for each argument, found `gunicorn main:app` | write it as a list: `command: [gunicorn, main:app]`",
    );
    check(
        &with("    env: [A]\n", ""),
        "7:5 [env] wrong-type: `env`: expected a map, found a list",
    );
    check(
        &with("    listen: 0644\n", ""),
        "7:13 [0644] wrong-type: `listen`: expected a whole number from 1 to 65535, found `0644` | remove the leading zero: some yaml readers take such a number as octal",
    );
    check(
        &with("    listen: 70000\n", ""),
        "7:13 [70000] out-of-range: `listen`: `70000` is out of range | from 1 to 65535",
    );
    check(
        &with("    listen: sockt\n", ""),
        "7:13 [sockt] wrong-type: `listen`: expected `socket` or a TCP port, found `sockt` | did you mean `socket`?",
    );
    check(
        &with("    listen: 80:8080\n", ""),
        "7:13 [80:8080] wrong-type: `listen`: expected `socket` or a TCP port, found `80:8080` | the port in the container alone: `8080`; sites decide what visitors reach",
    );
    check(
        &with("    stop_grace: 10\n", ""),
        "7:17 [10] wrong-type: `stop_grace`: expected a time such as `10s` or `500ms`, found `10` | add the unit: `10s`",
    );
    check(
        &with("    memory: 512\n", ""),
        "7:13 [512] wrong-type: `memory`: expected a size such as `512M` or `1G`, found `512` | add the unit: `512M`",
    );
    check(
        &with("", "keep: many\n"),
        "7:7 [many] wrong-type: `keep`: expected a whole number from 1 to 50, found `many`",
    );
    check(
        &with("", "firewall: yes\n"),
        "7:11 [yes] wrong-type: `firewall`: expected `on` or `off`, found `yes` | write `on`",
    );
    check(
        &with("", "keep: 51\n"),
        "7:7 [51] out-of-range: `keep`: `51` is out of range | from 1 to 50",
    );
    check(
        &with("", "  i: {image: x}\n"),
        "7:3 [i] missing-key: `listen` is missing in service `i` | say where the app in this image answers HTTP: a TCP port such as `listen: 8080`, or `listen: socket` if it listens on the Unix socket that LISTEN_SOCKET names",
    );
    assert!(
        lines(&with("", "  B_x: {static: .}\n"))
            .starts_with("7:3 [B_x] invalid: `B_x` is not a service name")
    );
    check(
        &with("    env: {A: }\n", ""),
        "7:11 [A] no-value: `A` has no value | write \"\" for an empty one",
    );
    check(
        &with("    env: {A: \"x\\0\"}\n", ""),
        "7:14 [\"x\\0\"] control-character: the value holds the control character U+0000",
    );
    check(
        &with(
            "    env: {LISTEN_SOCKET: x, DB_HOST: y, DB_X: z}\n    needs: [db]\n",
            "",
        ),
        "7:11 [LISTEN_SOCKET] reserved-env: `LISTEN_SOCKET` is reserved | stackctl sets it when `listen` is `socket`; remove it here\n7:29 [DB_HOST] reserved-env: `DB_HOST` is reserved | `needs: [db]` sets it; remove it here",
    );
    assert!(
        lines("stack: s\nhosts: {h: 'ssh://x'}\nservices: {a: {static: .}}\n")
            .contains("leave the scheme out")
    );
    assert!(
        lines("stack: sys\nhosts: {h: x}\nservices: {a: {mysql: }}\n")
            .contains("the database `sys` belongs to the server itself")
    );
    assert!(
        lines("stack: root\nhosts: {h: x}\nservices: {a: {mysql: }}\n")
            .contains("the user `root` belongs to the server itself")
    );
    for (stack, says) in [
        ("admin", "the database `admin` belongs to the server itself"),
        ("root", "the user `root` belongs to the server itself"),
    ] {
        let text = format!("stack: {stack}\nhosts: {{h: x}}\nservices: {{a: {{mongodb: }}}}\n");
        assert!(lines(&text).contains(says), "{}", lines(&text));
    }
    assert!(
        lines("stack: s\nhosts: {h: x}\nservices: {a: {mysql: {database: a-b}}}\n")
            .contains("`a-b` is not a database's name")
    );
    assert!(
        lines(&with("    health: {interval: 10s, deadline: 20s}\n", ""))
            .contains("do not fit into the deadline")
    );
}

#[test]
fn names_of_several_lines() {
    let message = lines(&with("", "sites: {\"a\\nb\": {routes: {/: a}}}\n"));
    assert!(
        message.contains("is not a site name: use 1 to 32"),
        "{message}"
    );
    assert_eq!(message.lines().count(), 1, "{message}");
    let names = "sites: {s: {names: [\"x.org;\\n}\"], routes: {/: a}}}\n";
    let message = lines(&with("", names));
    assert!(message.starts_with("7:21 "), "{message}");
    assert_eq!(message.lines().count(), 1, "{message}");
}

#[test]
fn yaml_itself() {
    check(
        "stack: s\n\thosts: {}\n",
        "2:1 [\t] syntax: a tab where yaml wants spaces | indent with two spaces",
    );
    assert!(lines("stack: s: t\n").contains("a value that holds `: ` needs quotes"));
    assert!(lines("stack: [a\n").contains("syntax"));
    check(
        &with("    build: x\n", ""),
        "7:5 [build] duplicate-key: `build` is written twice",
    );
    check(
        &with("", "sites: {s: {names: *.example.com, routes: {/: a}}}\n"),
        "7:20 [*.example.com] unknown-alias: no anchor `&.example.com` stands before this | if it is meant as text, put it in quotes: \"*.example.com\"",
    );
    check(
        "",
        "1:1 [] empty: the file is empty | `stackctl init` writes a commented one to begin with",
    );
    assert!(lines("a: 1\n---\nb: 2\n").contains("several-documents"));
    assert!(lines("stack: !x s\n").contains("the tag `!x` is not supported"));
    assert!(lines("stack: s\u{1b}[2J\n").contains("U+001B"));
    assert!(lines(&with("    env: {A: {{ host.public }}}\n", "")).contains("put it in quotes"));
    assert!(lines(&" ".repeat(super::tree::TEXT_LIMIT + 1)).contains("too-large"));
    assert!(lines(&format!("a: {}", "[".repeat(100))).contains("syntax"));
    let laughs = "a: &a [x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d]\n";
    assert!(lines(laughs).contains("too-large"));
    good("\u{feff}stack: s\r\nhosts:\r\n  h: x\r\nservices:\r\n  a: {static: .}\r\n");
    let merged = good(
        "x-app: &app {build: ., memory: 64M}\nstack: s\nhosts: {h: x}\nservices:\n  a: {<<: *app, memory: 128M}\n  b: *app\n",
    );
    assert_eq!(
        (app(&merged, "a").memory, app(&merged, "b").memory),
        (Some(128), Some(64))
    );
}

#[test]
fn what_the_parts_say_of_each_other() {
    check(
        &with("    needs: [bd]\n", ""),
        "7:13 [bd] unknown-service: there is no service `bd` | did you mean `db`?",
    );
    check(
        &with("    on: [k]\n", ""),
        "7:10 [k] unknown-host: there is no host `k` | did you mean `h`?",
    );
    check(
        &with("", "sites: {s: {routes: {/: db, /x: nothing}}}\n"),
        "7:25 [db] route-to-database: `/` leads to the database `db` | a route leads to an app or to static files\n7:33 [nothing] unknown-service: there is no service `nothing` | the services are: db, a",
    );
    check(
        &with(
            "    needs: [b]\n",
            "  b: {build: ., needs: [c]}\n  c: {build: ., needs: [a]}\n",
        ),
        "9:25 [a] cycle: services need each other: a → b → c → a | none of them could start first; remove one of these needs",
    );
    check(
        &with("    needs: [a]\n", ""),
        "7:13 [a] cycle: services need each other: a → a | none of them could start first; remove one of these needs",
    );
    check(
        &with("", "sites: {s: {listen: 22, routes: {/: a}}}\n"),
        "7:21 [22] port-taken: port 22 of `h` is its SSH port | give the site another, such as 80",
    );
    check(
        &with("", "sites:\n  s: {routes: {/: a}}\n  t: {routes: {/: a}}\n"),
        "9:3 [t] same-site: sites `s` and `t` both answer to every name on port 80 | give one of them `names` or another `listen`",
    );
    check(
        &with(
            "",
            "sites:\n  s: {names: [x.org, Y.org], routes: {/: a}}\n  t: {names: y.org, routes: {/: a}}\n",
        ),
        "9:14 [y.org] same-site: sites `s` and `t` both answer to `y.org` on port 80 | a name belongs to one site; routes of one site may lead to several services",
    );
    good(&with(
        "",
        "sites:\n  s: {names: [x.org], routes: {/: a}}\n  t: {routes: {/: a}}\n  u: {listen: 81, routes: {/: a}}\n",
    ));
    check(
        &with("", "sites: {s: {routes: {/x: a, /x/: a}}}\n"),
        "7:29 [/x/] duplicate-route: the route `/x/` is there already | a final `/` makes no difference",
    );
    let two = "stack: s\nhosts: {h: x, i: y}\nservices:\n  a: {static: ., on: [h]}\n  b: {static: .}\nsites: {s: {routes: {/: a}, on: [i]}}\n";
    check(
        two,
        "5:3 [b] missing-key: `on` is missing in service `b` | there are several hosts, so say which: `on: [h, i]`\n6:25 [a] other-host: site `s` is on `i`, where `a` does not run | add `i` to `on` of `a`: files are served by the site's own host",
    );
    check(
        "stack: s\nhosts: {h: x, i: y}\nservices:\n  d: {mysql: , on: [h, i]}\n",
        "4:3 [d] database-hosts: database `d` runs on 2 hosts | each would hold other data: name one host with `on`",
    );
}

#[test]
fn paths_and_placeholders() {
    let page = |inner: &str| with("", &format!("  p: {{static: {{{inner}}}}}\n"));
    check(
        &page("include: [../x]"),
        "7:26 [../x] path-outside: `../x` leads out of `root` | write a path relative to `root`, without `..`",
    );
    check(
        &page("include: [a], fill: {b: {X: 1}}"),
        "7:37 [b] fill-not-included: `b` is not among `include` | add it to `include`, or remove it here",
    );
    check(
        &page("fill: {b: {X: '{{ host.pubic }}'}}"),
        "7:30 ['{{ host.pubic }}'] template: `{{ host.pubic }}` is not known here | did you mean `{{ host.public }}`?",
    );
    check(
        &with("", "  d: {build: {dockerfile: /etc/passwd}}\n"),
        "7:27 [/etc/passwd] path-outside: `/etc/passwd` leads out of the context | write a path relative to the context, without `..`",
    );
    good(&with("", "  d: {build: ../other, on: [h]}\n"));
}

#[test]
fn an_overlay_keeps_its_places() {
    let base = SourceText {
        name: "stackctl.yaml",
        text: &with("    env: {A: 1, B: 2}\n    command: [x, y]\n", ""),
    };
    let stack = |text: &str| {
        let elsewhere = Elsewhere {
            files: &BTreeMap::<PathBuf, String>::new(),
            variables: BTreeMap::new(),
        };
        let overlay = SourceText {
            name: "stackctl.prod.yaml",
            text,
        };
        let read = super::read(&base, Some(&overlay), &around(), &elsewhere);
        read.map(|read| read.stack)
    };
    let stack_ok =
        stack("services:\n  a:\n    env: {B: 3}\n    command: [z]\nhosts: {h: 10.0.0.9}\n")
            .unwrap();
    let a = app(&stack_ok, "a");
    assert_eq!(a.env.values().collect::<Vec<_>>(), ["1", "3"]);
    assert_eq!(a.command.as_deref(), Some(&["z".to_owned()][..]));
    assert_eq!(
        stack_ok.hosts[&"h".parse().unwrap()].ssh.address,
        "10.0.0.9"
    );
    // A server of one's own here, and of somebody else there.
    let text = with(
        "",
        "  m: {mysql: {image: mysql:8.4, memory: 1G, user: u}}\n",
    );
    let base = SourceText {
        name: "stackctl.yaml",
        text: &text,
    };
    let over = SourceText {
        name: "stackctl.staging.yaml",
        text: "services: {m: {mysql: {host: db.example.com, password_file: /etc/m}}}\n",
    };
    let elsewhere = Elsewhere {
        files: &BTreeMap::<PathBuf, String>::new(),
        variables: BTreeMap::new(),
    };
    let read = super::read(&base, Some(&over), &around(), &elsewhere).unwrap();
    let server = read.stack.services[&"m".parse().unwrap()]
        .external()
        .unwrap();
    let server = server.mysql().unwrap();
    assert_eq!(
        (server.host.as_str(), server.port, server.user.as_str()),
        ("db.example.com", 3306, "u")
    );
    let errors = stack("services:\n  a:\n    memory: lots\n    helth: /\n").unwrap_err();
    assert_eq!(
        errors.to_string(),
        "2 errors in stackctl.yaml and stackctl.prod.yaml\nstackctl.prod.yaml:3:13: `memory`: expected a size such as `512M` or `1G`, found `lots`\nstackctl.prod.yaml:4:5: unknown key `helth` (did you mean `health`?)"
    );
    let errors = stack("services: {a: {static: .}}\n").unwrap_err();
    assert!(
        errors
            .render(false, 100)
            .contains("and this: stackctl.yaml, line 6"),
        "{}",
        errors.render(false, 100)
    );
}

/// Rewrite with `STACKCTL_BLESS=1 cargo test config`.
#[test]
fn the_full_picture() {
    let picture = read(include_str!("wrong.yaml"))
        .unwrap_err()
        .render(false, 90);
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/config/wrong.txt");
    if std::env::var_os("STACKCTL_BLESS").is_some() {
        std::fs::write(&golden, &picture).unwrap();
    }
    assert_eq!(picture, std::fs::read_to_string(&golden).unwrap());
    assert!(
        read(include_str!("wrong.yaml"))
            .unwrap_err()
            .render(true, 90)
            .contains('\u{1b}')
    );
    assert!(
        !picture.contains('\u{1b}')
            && picture
                .lines()
                .all(|line| line.trim_end().chars().count() <= 90)
    );
}

#[test]
fn hosts_are_replaced_in_place() {
    let text =
        "# a\nstack: s # b\nhosts:\n  # old\n  h: x # c\n\n# d\nservices:\n  a: {static: .}\n";
    let new = replace_hosts(text, "hosts:\n  lab: 127.0.0.1:2222").unwrap();
    assert_eq!(
        new,
        "# a\nstack: s # b\nhosts:\n  lab: 127.0.0.1:2222\n\n# d\nservices:\n  a: {static: .}\n"
    );
    let flow = replace_hosts("hosts: {a: x,\n  b: y}\nstack: s\n", "hosts: {c: z}\n").unwrap();
    assert_eq!(flow, "hosts: {c: z}\nstack: s\n");
    assert_eq!(
        replace_hosts("stack: s\nhosts:\n  h: x", "hosts: {c: z}").unwrap(),
        "stack: s\nhosts: {c: z}\n"
    );
    assert_eq!(replace_hosts("stack: s\n", "hosts: {c: z}\n"), None);
    assert_eq!(
        replace_hosts("{hosts: {a: b}, stack: s}\n", "hosts: {c: z}\n"),
        None
    );
    assert_eq!(
        replace_hosts("hosts: &h {a: b}\nx-y: *h\n", "hosts: {c: z}\n"),
        None
    );
    good(&replace_hosts(STARTER, "hosts:\n  lab: root@127.0.0.1:2222\n").unwrap());
}

#[test]
fn what_a_database_begins_with_is_read_here() {
    let yaml = |files: &str| {
        format!("stack: s\nhosts: {{h: x}}\nservices:\n  d:\n    mysql: {{init: {files}}}\n")
    };
    let stack = good(&yaml("[books.sql, ./books.sql]"));
    let init = stack.services[&"d".parse().unwrap()].init();
    let names: Vec<&str> = init.iter().map(|file| file.name.as_str()).collect();
    assert_eq!(names, ["books.sql", "./books.sql"]);
    assert_eq!(init[0].contents.reveal(), "SELECT 1;\n");
    check(
        &yaml("books.sql"),
        "5:19 [books.sql] wrong-type: `init`: expected a list of files of SQL, found `books.sql` | write it as a list: `init: [books.sql]`",
    );
    check(
        &yaml("[more.sql]"),
        "5:20 [more.sql] no-file: there is no file `more.sql` | paths are relative to the folder of this file",
    );
}

/// Every key of the tables is in `full.yaml`, which parses: so the reader reads all that the schema shows.
#[test]
fn reader_and_schema_know_the_same_keys() {
    fn walk(
        table: &'static Table,
        node: &serde_json::Value,
        schema: &serde_json::Value,
        missing: &mut Vec<String>,
    ) {
        let named = schema["properties"].as_object().unwrap();
        assert_eq!(named.len(), table.keys.len());
        for key in table.keys {
            assert!(named.contains_key(key.name) && !key.about.is_empty());
            if !node.to_string().contains(&format!("\"{}\":", key.name)) {
                missing.push(format!("{}.{}", table.name, key.name));
            }
            inner(&key.shape, node, &named[key.name], missing);
        }
    }
    fn inner(
        shape: &'static Shape,
        node: &serde_json::Value,
        schema: &serde_json::Value,
        missing: &mut Vec<String>,
    ) {
        match shape {
            Shape::Map(table) => walk(table, node, schema, missing),
            Shape::Named { each, .. } => {
                inner(each, node, &schema["additionalProperties"], missing)
            }
            Shape::Any(shapes) => {
                for (at, shape) in shapes.iter().enumerate() {
                    inner(shape, node, &schema["anyOf"][at], missing);
                }
            }
            _ => {}
        }
    }
    let full: serde_json::Value = serde_yaml::from_str(FULL).unwrap();
    let mut missing = Vec::new();
    walk(&keys::STACK, &full, &schema(), &mut missing);
    assert_eq!(missing, Vec::<String>::new());
}

#[test]
fn times_and_sizes_in_the_tables_read_as_their_defaults() {
    let bare = good(
        "stack: s\nhosts: {h: x}\nservices: {a: {build: {}, health: {}}, p: {static: {}}, d: {mysql: {}}}\n",
    );
    let AppSource::Build(build) = &app(&bare, "a").source else {
        panic!()
    };
    assert_eq!(build.context, Path::new("/srv/names"));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,120}|[ -~\\n\\t]{0,200}|[a-c:\\[\\]{}&*<#'\"|>%@!?,\\n -]{0,80}") {
        if let Err(errors) = read(&text) {
            prop_assert!(!errors.is_empty());
            errors.render(true, 80);
            errors.to_json();
        }
        let _ = replace_hosts(&text, "hosts: {}\n");
    }

    #[test]
    fn no_damage_makes_it_panic(at in 0..FULL.len(), cut in 0usize..30, put in "[ -~\\n\\té]{0,6}") {
        let mut bytes = FULL.as_bytes().to_vec();
        bytes.splice(at..(at + cut).min(FULL.len()), put.bytes());
        let text = String::from_utf8_lossy(&bytes);
        if let Err(errors) = read(&text) {
            errors.render(false, 40);
            prop_assert!(errors.iter().all(|error| error.line <= text.split('\n').count()));
        }
        let _ = replace_hosts(&text, "hosts: {}\n");
    }
}
