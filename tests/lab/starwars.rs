//! The Star Wars API: Flask, MySQL and Redis from a compose file as it is, by the commands of its README.

use std::fs;
use std::time::Duration;

use serde_json::{Value, json};
use stackctl::lab::LabHost;
use stackctl::load::Request;

use super::example::Readme;
use super::load::Load;
use super::registry::{Built, host_yaml, sent, stand_in};
use super::scenario::{Lab, PATIENCE, Ran, block_on, eventually, http};

const PASSWORDS: [(&str, &str); 3] = [
    ("MYSQL_PASSWORD", "tatooine1977users"),
    ("MYSQL_ROOT_PASSWORD", "coruscant1980root"),
    ("REDIS_PASSWORD", "bespin1983tokens"),
];

#[test]
#[ignore = "needs docker"]
fn the_star_wars_api_runs_from_its_compose_file() {
    let lab = Lab::boot("starwars", "bookworm");
    let app = App::new(&lab);

    lab.step("without its passwords nothing is begun");
    let ran = app.run("plan");
    ran.expect(3).says("docker-compose.yml");
    assert!(ran.stderr.contains("REDIS_PASSWORD"), "{ran}");
    app.passwords();

    lab.step("a fresh host serves, by the commands of the README");
    app.version("one");
    app.as_the_readme_says();
    assert_eq!(app.told("/version", ""), (200, json!("one")));
    app.changes_nothing();

    lab.step("the database is set up before the server starts");
    let ended =
        "docker inspect --format '{{.State.Status}} {{.State.ExitCode}} {{.State.FinishedAt}}'";
    let setup = lab.root(&format!("{ended} $(docker ps -aqf name=starwars-setup-)"));
    assert!(setup.starts_with("exited 0 "), "{setup}");
    let begun =
        "docker inspect --format '{{.State.StartedAt}}' $(docker ps -qf name=starwars-server-)";
    let server = lab.root(begun);
    assert!(setup["exited 0 ".len()..] < server[..], "{setup} {server}");

    lab.step("log in, and call what needs the token");
    assert_eq!(app.told("/planets", "").0, 401);
    let (status, _) = app.send("POST", "/users", "", &leia("a new hope"));
    assert_eq!(status, 201);
    assert_eq!(app.send("POST", "/login", "", &leia("another hope")).0, 401);
    let token = app.log_in();
    app.knows(&token);

    app.is_shut_in();
    app.keeps_its_secrets();

    lab.step("only the service that changed is made again");
    let before = app.containers();
    app.edit(
        "another setting",
        "appendonly yes\n",
        "appendonly yes\n      maxmemory 64mb\n",
    );
    let plan = app.run("plan");
    assert!(
        plan.expect_ok().stdout.contains("interrupts: `redis`"),
        "{plan}"
    );
    app.run("deploy").expect_ok();
    let after = app.containers();
    let same = |name: &str| {
        let of = |all: &[String]| {
            all.iter()
                .filter(|line| line.contains(name))
                .cloned()
                .collect::<Vec<_>>()
        };
        of(&before) == of(&after)
    };
    assert!(
        same("starwars-mysql-") && same("starwars-server-"),
        "{before:?} {after:?}"
    );
    assert!(!same("starwars-redis-"), "{after:?}");
    app.knows(&token);
    app.changes_nothing();

    lab.step("what cannot run is taken back, and the one before serves on");
    let compose = app.read("docker-compose.yml");
    app.edit(
        "a setting that there is not",
        "maxmemory 64mb\n",
        "maxmemory lots\n",
    );
    app.run("deploy").expect(6);
    assert_eq!(app.containers(), after, "the one before is back");
    app.knows(&token);
    app.write("docker-compose.yml", &compose);
    app.changes_nothing();

    lab.step("a new version gets the requests under load");
    let visitors = Load::of(
        &app.url(""),
        20.0,
        vec![Request::get("/health"), Request::get("/version")],
    );
    app.version("two");
    app.run("deploy").expect_ok();
    assert_eq!(app.told("/version", ""), (200, json!("two")));
    app.knows(&token);
    visitors.lost_nothing();
    app.changes_nothing();

    lab.step("and back");
    app.run("rollback").expect_ok();
    assert_eq!(app.told("/version", ""), (200, json!("one")));
    app.knows(&token);
    visitors.lost_nothing();
    lab.step(&format!("{} requests, none lost", visitors.good()));
    drop(visitors);

    lab.step("what somebody changed by hand is told, and put right when asked to");
    let redis = "$(docker ps -qf name=starwars-redis-)";
    lab.root(&format!(
        "docker update --memory 100m --memory-swap 200m {redis}"
    ));
    let plan = app.run("plan");
    assert!(
        plan.expect_ok()
            .stdout
            .contains("memory limit was none, is 100 MiB"),
        "{plan}"
    );
    app.with(&["deploy", "--overwrite-drift", "--yes"])
        .expect_ok();
    let limit = lab.root(&format!(
        "docker inspect --format '{{{{.HostConfig.Memory}}}}' {redis}"
    ));
    assert_eq!(limit, "0");
    app.knows(&token);

    lab.step("everyday commands");
    app.with(&["logs", "redis"]).expect_ok();
    let ran = app.with(&["exec", "redis", "--", "redis-cli", "ping"]);
    assert!(
        (ran.stdout.clone() + &ran.stderr).contains("NOAUTH"),
        "{ran}"
    );
    let ran = app.with(&[
        "run",
        "server",
        "--",
        "python",
        "-c",
        "print('hello there')",
    ]);
    assert!(ran.expect_ok().stdout.contains("hello there"), "{ran}");
    app.with(&["stop", "redis", "--yes"]).expect_ok();
    let ran = app.run("status");
    assert!(ran.expect(7).stdout.contains("stopped by"), "{ran}");
    assert_eq!(app.told("/health", "").0, 503);
    app.with(&["start", "redis", "--yes"]).expect_ok();
    app.run("status").expect_ok();
    app.knows(&token);
    app.with(&["restart", "mysql", "--yes"]).expect_ok();
    app.run("status").expect_ok();

    lab.step("it is right after a reboot");
    block_on(stackctl::lab::reboot(lab.host())).expect("the host comes back");
    let within = PATIENCE + Duration::from_secs(90);
    eventually("it serves", within, || {
        let (status, _) = app.told("/health", "");
        (status == 200).then_some(()).ok_or(format!("{status}"))
    });
    app.knows(&token);
    app.run("status").expect_ok();
    app.run("deploy").expect_ok();
    app.changes_nothing();

    lab.step("the data outlives the containers");
    app.with(&["destroy", "--confirm", "starwars"]).expect_ok();
    assert_eq!(lab.containers(), Vec::<String>::new());
    app.run("provision").expect_ok();
    app.run("deploy").expect_ok();
    app.knows(&token);
    assert_ne!(app.log_in(), token);

    lab.step("nothing is left");
    app.with(&["destroy", "--volumes", "--confirm", "starwars"])
        .expect_ok();
    let left = lab.root(
        "ls -d /var/lib/stackctl /run/stackctl/starwars /etc/systemd/system/*starwars* /etc/nginx/sites-*/starwars* \
         /etc/tmpfiles.d/*starwars* 2>/dev/null || true",
    );
    assert_eq!(left, "");
    assert_eq!(lab.containers(), Vec::<String>::new());
    let left = lab.root("docker volume ls -q; docker network ls -q --filter type=custom; docker image ls -q 'stackctl/*'");
    assert_eq!(left, "");
    let ran = app.with(&["destroy", "--confirm", "starwars"]);
    assert!(ran.expect_ok().stdout.contains("no changes"), "{ran}");
}

#[test]
#[ignore = "needs docker"]
fn a_second_host_gets_the_image_that_was_built_here_without_a_registry() {
    let lab = Lab::boot("starwars-second", "bookworm");
    let grow = ["lab", "up", "--hosts", "2", "--yes", "--name", &lab.name];
    lab.stackctl(grow).expect_ok();
    let machines = lab.machines();
    let app = App::new(&lab);
    app.passwords();
    app.version("one");
    let _built = [
        Built("stackctl/starwars-server"),
        Built("stackctl/starwars-setup"),
    ];
    // The engine here has no mirror.
    let dockerfile = app.read("server/Dockerfile");
    app.write(
        "server/Dockerfile",
        &dockerfile.replace("python:3.12-slim", &stand_in()),
    );
    let overlay = app.read("stackctl.second.yaml");
    let on = |machine: &LabHost| {
        let placeholder = "  web1: ubuntu@203.0.113.11\n";
        assert!(overlay.contains(placeholder), "{overlay}");
        let host = host_yaml("web1", machine);
        app.write("stackctl.second.yaml", &overlay.replace(placeholder, &host));
    };
    let tells = |machine: &LabHost, version: &str| {
        let url = format!("http://127.0.0.1:{}/version", machine.ports[&80]);
        eventually(&format!("{version} serves"), PATIENCE, || {
            match http("GET", &url, None) {
                Ok((200, body)) if body.contains(version) => Ok(()),
                other => Err(format!("{other:?}")),
            }
        });
    };
    let deploy = || {
        let second = ["-e", "second", "-c", &app.config, "deploy", "--yes", "-v"];
        let ran = lab.stackctl(second);
        ran.expect_ok();
        ran
    };

    lab.step("a second host has the image without a registry, by the commands of the README");
    on(&machines[1]);
    let mut readme = Readme::of(&lab, "starwars", "second");
    readme.follow("stackctl -e second provision");
    // As on a host where something else is made of it.
    lab.root_on(&machines[1], "docker pull -q python:3.12-slim");
    assert_eq!(
        readme.take("stackctl -e second deploy"),
        "stackctl -e second deploy"
    );
    readme.is_followed();
    let first = sent(&deploy());
    tells(&machines[1], "one");
    // The server's, and that of what sets its database up, which is made of the same layers.
    lab.step(&format!("to a host with the base image: {first:?}"));
    assert_eq!(first.len(), 2, "{first:?}");
    assert!(first[0][0] < first[0][1], "{first:?}");
    assert_eq!(first[1][0], 0, "{first:?}");

    lab.step("another host gets the very image, which is not built again");
    on(&machines[0]);
    lab.stackctl(["-e", "second", "-c", &app.config, "provision", "--yes"])
        .expect_ok();
    let ran = deploy();
    assert!(!ran.to_string().contains("Step 1/"), "{ran}");
    let all = sent(&ran);
    lab.step(&format!("to a bare host: {all:?}"));
    assert_eq!(all[0][0], all[0][1], "{all:?}");
    tells(&machines[0], "one");
    let image = "docker inspect -f '{{.Image}}' $(docker ps -qf name=starwars-server-)";
    let images = [0, 1].map(|at: usize| lab.root_on(&machines[at], image));
    assert_eq!(images[0], images[1]);

    lab.step("a new version is the layer that has changed");
    app.version("two");
    for machine in &machines {
        on(machine);
        let few = sent(&deploy());
        lab.step(&format!("of a new version: {few:?}"));
        assert_eq!(few[0][0], 1, "{few:?}");
        assert!(few[0][2] < 40_000, "{few:?}");
        tells(machine, "two");
    }
}

fn leia(password: &str) -> Value {
    json!({"name": "leia", "password": password})
}

/// The example, and its host.
struct App<'a> {
    lab: &'a Lab,
    config: String,
    source: String,
}

impl<'a> App<'a> {
    fn new(lab: &'a Lab) -> Self {
        lab.stackctl(["init", "--example", "starwars", "starwars"])
            .expect_ok();
        let path = lab.path("starwars").join("stackctl.yaml");
        let text = fs::read_to_string(&path).expect("the example's yaml");
        let placeholder = "  web1: ubuntu@203.0.113.10\n";
        assert!(text.contains(placeholder), "{text}");
        fs::write(&path, text.replace(placeholder, &lab.host_yaml())).expect("write the yaml");
        let source = fs::read_to_string(lab.path("starwars/server/main.py")).expect("the server");
        let config = path.to_str().expect("a path that is text").to_owned();
        Self {
            lab,
            config,
            source,
        }
    }

    fn read(&self, path: &str) -> String {
        fs::read_to_string(self.lab.path("starwars").join(path)).expect("a file of the example")
    }

    fn write(&self, path: &str, text: &str) {
        fs::write(self.lab.path("starwars").join(path), text).expect("write");
    }

    fn passwords(&self) {
        let lines = PASSWORDS.map(|(name, value)| format!("{name}={value}\n"));
        self.write(".env", &lines.concat());
    }

    /// Changes the compose file; `why` is for who reads the scenario.
    fn edit(&self, why: &str, from: &str, to: &str) {
        let text = self.read("docker-compose.yml");
        assert!(text.contains(from), "{why}: {text}");
        self.write("docker-compose.yml", &text.replace(from, to));
    }

    /// Makes the server this version, with a path that tells it.
    fn version(&self, version: &str) {
        let tells = format!(
            "\n\n@app.get(\"/version\")\ndef version():\n    return jsonify(\"{version}\")\n"
        );
        self.write("server/main.py", &(self.source.clone() + &tells));
    }

    fn run(&self, command: &str) -> Ran {
        let yes = (command != "plan" && command != "status").then_some("--yes");
        let arguments = ["-c", &self.config, command];
        self.lab.stackctl(arguments.into_iter().chain(yes))
    }

    /// A command with what belongs to it.
    fn with(&self, words: &[&str]) -> Ran {
        let (command, rest) = words.split_first().expect("a command");
        self.lab
            .stackctl([&[*command, "-c", &self.config], rest].concat())
    }

    /// Follows its README: the host, the API, and all but the line that takes it away, which comes last.
    fn as_the_readme_says(&self) {
        let lab = self.lab;
        let mut readme = Readme::of(lab, "starwars", "");
        for command in ["provision", "deploy", "status"] {
            readme.follow(&format!("stackctl {command}"));
        }
        readme.follow("curl -X POST");
        let told = readme.follow("curl -X POST").json();
        let token = told["token"].as_str().expect("a token");
        let ask = readme.take("curl -H 'Authorization");
        let ask = ask.replace("…", token).replace("http://HOST", &lab.url(80));
        let planets = readme.finish(&ask);
        assert_eq!(planets.expect_ok().json()[0], "Alderaan", "{planets}");
        assert_eq!(
            readme.take("stackctl destroy"),
            "stackctl destroy --confirm starwars"
        );
        readme.is_followed();
    }

    #[track_caller]
    fn changes_nothing(&self) {
        for command in ["provision", "deploy"] {
            let ran = self.run(command);
            assert!(ran.expect_ok().stdout.contains("no changes"), "{ran}");
        }
        self.run("status").expect_ok();
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.lab.url(80))
    }

    fn told(&self, path: &str, token: &str) -> (u16, Value) {
        self.send("GET", path, token, &Value::Null)
    }

    fn send(&self, method: &str, path: &str, token: &str, body: &Value) -> (u16, Value) {
        let client = reqwest::Client::builder()
            .no_proxy()
            .timeout(Duration::from_secs(30))
            .build()
            .expect("a client");
        let method = method.parse().expect("a method");
        let mut request = client.request(method, self.url(path));
        if !token.is_empty() {
            request = request.bearer_auth(token);
        }
        if !body.is_null() {
            request = request.json(body);
        }
        block_on(async {
            let Ok(answer) = request.send().await else {
                return (0, Value::Null);
            };
            let status = answer.status().as_u16();
            let text = answer.text().await.unwrap_or_default();
            (status, serde_json::from_str(&text).unwrap_or(Value::Null))
        })
    }

    fn log_in(&self) -> String {
        let (status, told) = self.send("POST", "/login", "", &leia("a new hope"));
        assert_eq!(status, 200, "{told}");
        told["token"].as_str().expect("a token").to_owned()
    }

    /// The token is good, and whose it is, too; what was just started again has a moment.
    #[track_caller]
    fn knows(&self, token: &str) {
        let me = eventually("the servers answer", PATIENCE, || {
            let (status, told) = self.told("/me", token);
            let answers = status != 503 && status != 0;
            answers
                .then_some((status, told))
                .ok_or(format!("HTTP {status}"))
        });
        assert_eq!(me, (200, json!({"name": "leia"})));
        let (status, planets) = self.told("/planets", token);
        assert_eq!(status, 200, "{planets}");
        let has = |planets: &Vec<Value>| planets.contains(&json!("Hoth"));
        assert!(planets.as_array().is_some_and(has), "{planets}");
    }

    /// Name, id and start of each container of the stack.
    fn containers(&self) -> Vec<String> {
        let list = "docker ps --no-trunc --format '{{.Names}} {{.ID}}' | sort";
        self.lab.root(list).lines().map(str::to_owned).collect()
    }

    fn is_shut_in(&self) {
        let lab = self.lab;
        lab.step("MySQL and Redis are reached by nobody else, and reach nothing");
        let ports = lab.root("ss -Hlnt | awk '{print $4}'");
        for port in [":3306", ":6379", ":5003"] {
            assert!(!ports.contains(port), "{port}: {ports}");
        }
        let networks = "docker inspect --format '{{range $name, $_ := .NetworkSettings.Networks}}{{$name}} {{end}}'";
        for name in ["mysql", "redis"] {
            let own = lab.root(&format!(
                "{networks} $(docker ps -qf name=starwars-{name}-)"
            ));
            assert_eq!(own.trim(), "starwars_internal-network");
        }
        let internal =
            lab.root("docker network inspect --format '{{.Internal}}' starwars_internal-network");
        assert_eq!(internal, "true");
        // The registry that the host's engine pulls from is as near as anything outside can be.
        let address = lab.root("getent hosts registry | cut -d' ' -f1");
        let reaches = |name: &str| {
            let connects = format!("timeout 5 bash -c 'exec 3<>/dev/tcp/{address}/5000'");
            let ran = self.with(&["exec", name, "--", "sh", "-c", &connects]);
            ran.code == Some(0)
        };
        assert!(reaches("server"), "the server may reach out");
        for name in ["mysql", "redis"] {
            assert!(!reaches(name), "{name} reaches {address}");
        }

        lab.step("nobody reaches what is not the site");
        let open = lab.root("cat /etc/stackctl/firewall/stacks/starwars.nft | grep -v '^#'");
        assert!(open.contains("80") && !open.contains("5003"), "{open}");
        assert_eq!(lab.scan(), "22 80");
    }

    fn keeps_its_secrets(&self) {
        let lab = self.lab;
        lab.step("no password is told");
        let told = lab.root(
            "journalctl --no-pager; cat /var/lib/stackctl/starwars/history.jsonl; \
             cat /proc/[0-9]*/cmdline | tr '\\0' ' '; \
             docker ps -aq | xargs docker inspect",
        );
        let plan = self.run("plan").stdout.clone() + &self.with(&["history"]).stdout;
        for (name, password) in PASSWORDS {
            assert!(!told.contains(password), "{name} is told");
            assert!(!plan.contains(password), "{name} is shown");
            let readable = "setpriv --reuid 65534 --regid 65534 --clear-groups \
                grep -rlF -- 'PASSWORD' /var/lib/stackctl /run/stackctl /etc 2>/dev/null || true";
            let files = lab.root(&readable.replace("PASSWORD", password));
            assert_eq!(files, "", "{name} is where others may read it");
        }
    }
}
