//! Redis for a container and a unit: what it holds outlives all that happens to the server, and nobody else gets in.

use std::fs;

use super::scenario::{Lab, PATIENCE, Ran, block_on, eventually, http, quote};
use super::secrets::{SAMPLER, sampled};

/// Counts its visits, by whichever way it is told where its cache is.
const APP: &str = r#"
import http.server, os, pathlib, socket, urllib.parse

def place():
    url = pathlib.Path(os.environ["CACHE_URL_FILE"]).read_text()
    url = urllib.parse.urlsplit(url)
    password = pathlib.Path(os.environ["CACHE_PASSWORD_FILE"]).read_text().strip()
    assert urllib.parse.unquote(url.password) == password and url.path == "/0"
    host, port = os.environ["CACHE_HOST"], int(os.environ["CACHE_PORT"])
    assert (url.hostname, url.port) == (host, port)
    return host, port, password

def ask(*commands):
    host, port, password = place()
    with socket.create_connection((host, port), 3) as there:
        lines = there.makefile("r")
        for command in [("AUTH", password), *commands]:
            words = "".join("$%d\r\n%s\r\n" % (len(word), word) for word in command)
            there.sendall(("*%d\r\n%s" % (len(command), words)).encode())
            said = lines.readline().strip()
            assert said[0] in "+:", "refused"
    return said[1:]

class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        try:
            told, code = ask(("INCR", "visits") if self.path.endswith("visit") else ("PING",)), 200
        except (OSError, AssertionError, IndexError) as problem:
            told, code = str(problem), 503
        self.send_response(code)
        self.send_header("Content-Length", str(len(told)))
        self.end_headers()
        self.wfile.write(told.encode())

port = os.environ.get("LISTEN_PORT")
at = ("127.0.0.1", int(port)) if port else ("0.0.0.0", 8080)
http.server.ThreadingHTTPServer(at, Answer).serve_forever()
"#;

const STATE: &str = "/var/lib/stackctl/shop";
const URL: &str = "/etc/other/redis-url";

#[test]
#[ignore = "needs docker"]
fn what_redis_holds_outlives_its_server_and_only_the_stack_gets_in() {
    let lab = Lab::ready("redis", "bookworm");
    for (path, text) in [
        ("shop/code/main.py", APP),
        ("shop/code/requirements.txt", ""),
        (
            "shop/code/Dockerfile",
            "FROM python:3.12-slim\nCOPY main.py /\nCMD [\"python\", \"/main.py\"]\n",
        ),
    ] {
        fs::create_dir_all(lab.path("shop/code")).expect("a folder");
        fs::write(lab.path(path), text).expect("write");
    }
    let yaml = lab.path("shop/stackctl.yaml");
    let write = |redis: &str| {
        let text = format!(
            "stack: shop\nhosts:\n{}services:\n  cache: {{redis: {redis}}}\n  \
             api: {{build: {{context: ./code, dockerfile: Dockerfile}}, listen: 8080, health: /healthz, needs: [cache]}}\n  \
             feed:\n    unit: {{source: ./code, install: python}}\n    command: [python, main.py]\n    \
             listen: tcp\n    health: /healthz\n    needs: [cache]\n\
             sites:\n  shop: {{routes: {{/: api, /feed/: feed}}}}\n",
            lab.host_yaml()
        );
        fs::write(&yaml, text).expect("write the yaml");
    };
    write("{}");
    let config = yaml.display().to_string();
    let said = std::cell::RefCell::new(String::new());
    let run = |arguments: &[&str]| -> Ran {
        let ran = lab.stackctl(["-c", &config].iter().chain(arguments));
        said.borrow_mut().push_str(&ran.to_string());
        ran
    };
    let visited = std::cell::Cell::new(0);
    let visit = || {
        for path in ["visit", "feed/visit"] {
            let url = format!("{}/{path}", lab.url(80));
            let next = (visited.get() + 1).to_string();
            eventually(&format!("{path} counts {next}"), PATIENCE, || {
                let answer = http("GET", &url, None);
                (answer == Ok((200, next.clone())))
                    .then_some(())
                    .ok_or(format!("{answer:?}"))
            });
            visited.set(visited.get() + 1);
        }
    };

    lab.step("a fresh host, with every command line on it watched");
    lab.root(&format!(
        "systemd-run -q --unit=sampler perl -e {}",
        quote(SAMPLER)
    ));
    run(&["provision", "--yes", "-vv"]).expect_ok();
    run(&["deploy", "--yes", "-vv"]).expect_ok();
    visit();
    let counted = run(&["db", "cache", "--", "GET", "visits"]);
    assert_eq!(counted.expect_ok().stdout.trim(), "2");
    let lines = sampled(&lab);
    for seen in ["redis-server *:6379", "redis-cli", "main.py"] {
        assert!(
            lines.contains(seen),
            "`{seen}` would have been seen: {lines}"
        );
    }
    run(&["plan", "--exit-code"]).expect_ok();

    lab.step("the password is nowhere");
    let password = lab.root(&format!("cat {STATE}/secrets/cache-password"));
    let modes = format!("cd {STATE}/secrets && stat -c '%a %u %n' cache*");
    assert_eq!(lab.root(&modes), "600 0 cache-password\n400 999 cache.conf");
    let places = [
        ("command lines", lines),
        (
            "docker inspect",
            lab.root(
                "docker ps -aq | xargs docker inspect; docker images -q | xargs docker inspect",
            ),
        ),
        (
            "journal",
            lab.root("journalctl --no-pager -o json --output-fields=MESSAGE,_CMDLINE"),
        ),
        (
            "logs",
            lab.root("for id in $(docker ps -aq); do docker logs $id 2>&1; done"),
        ),
        (
            "environments",
            lab.root("cat /proc/[0-9]*/environ 2>/dev/null | tr '\\0' '\\n' || true"),
        ),
    ];
    assert!(password.len() >= 16, "long enough to be looked for");
    for (place, text) in &places {
        assert!(text.len() > 50, "{place} could be read");
        assert!(!text.contains(&password), "the password is in {place}");
    }

    lab.step("nobody else reaches it, and nobody gets in without the password");
    let ports = lab.root("ss -Hlnt | awk '{print $4}' | grep ':6379$'");
    assert_eq!(ports, "127.0.0.1:6379");
    let ask = "timeout 5 redis-cli -h";
    let elsewhere = lab.root(&format!(
        "for at in $(docker inspect -f '{{{{range .NetworkSettings.Networks}}}}{{{{.IPAddress}}}} {{{{.Gateway}}}} {{{{end}}}}' shop-cache); do \
         docker run --rm --entrypoint sh redis:7 -c \"{ask} $at ping 2>&1; echo tried\"; done"
    ));
    assert_eq!(
        elsewhere.matches("tried").count(),
        4,
        "two networks: {elsewhere}"
    );
    assert!(
        !elsewhere.contains("PONG") && !elsewhere.contains("NOAUTH"),
        "{elsewhere}"
    );
    let beside = "docker run --rm --network shop-data --entrypoint sh redis:7 -c";
    let beside = lab.root(&format!("{beside} \"{ask} cache ping 2>&1\""));
    assert!(beside.contains("NOAUTH"), "{beside}");
    let within = lab.root(&format!(
        "docker exec shop-cache {ask} 127.0.0.1 get visits"
    ));
    assert!(within.contains("NOAUTH"), "{within}");

    lab.step(
        "a changed definition makes its container again and nothing else, and keeps what it holds",
    );
    let apps = || {
        lab.root("docker ps -q --no-trunc --filter name=shop-api; systemctl show -P MainPID 'shop-feed@*'")
    };
    let (before, server) = (apps(), lab.root("docker inspect -f '{{.Id}}' shop-cache"));
    write("{maxmemory: 64M, policy: allkeys-lru}");
    let plan = run(&["plan"]);
    assert!(plan.stdout.contains("its definition changed"), "{plan}");
    run(&["provision", "--yes"]).expect_ok();
    let limit = run(&["db", "cache", "--", "CONFIG", "GET", "maxmemory"]);
    assert!(limit.expect_ok().stdout.contains("67108864"), "{limit}");
    assert_ne!(lab.root("docker inspect -f '{{.Id}}' shop-cache"), server);
    assert_eq!(apps(), before);
    visit();
    run(&["plan", "--exit-code"]).expect_ok();
    run(&["backup", "cache"]).expect(2).says("makes no backups");
    let saved = run(&["db", "cache", "--", "--rdb", "-"]);
    assert!(saved.expect_ok().stdout.starts_with("REDIS"), "{saved}");

    lab.step("another password and other settings are found, and taken back");
    run(&[
        "db",
        "cache",
        "--",
        "CONFIG",
        "SET",
        "requirepass",
        "another-one",
    ])
    .expect_ok();
    assert_ne!(run(&["status"]).code, Some(0));
    let plan = run(&["plan"]);
    assert!(
        plan.stdout
            .contains("it does not ask for the password on the host"),
        "{plan}"
    );
    run(&["provision", "--yes"]).expect_ok();
    visit();
    lab.root(&format!("echo 'save 1 1' >>{STATE}/secrets/cache.conf"));
    let plan = run(&["plan"]);
    assert!(
        plan.stdout.contains("its settings were edited on the host"),
        "{plan}"
    );
    run(&["provision", "--yes"]).expect_ok();
    run(&["plan", "--exit-code"]).expect_ok();
    visit();

    lab.step("it goes on after a reboot");
    block_on(stackctl::lab::reboot(lab.host())).expect("the host comes back");
    visit();
    run(&["plan", "--exit-code"]).expect_ok();

    lab.step("the same server as one of somebody else, for another stack");
    fs::create_dir_all(lab.path("other")).expect("a folder");
    let other = lab.path("other/stackctl.yaml").display().to_string();
    let text = format!(
        "stack: other\nhosts:\n{}services:\n  cache: {{redis: {{url_file: {URL}}}}}\n  page: {{static: .}}\n",
        lab.host_yaml()
    );
    fs::write(&other, text).expect("write the yaml");
    let put = |url: &str| {
        let script = format!("install -D -m 600 /dev/stdin {URL} <<'URL'\n{url}\nURL");
        lab.root(&script);
    };
    let begun = "ls -d /var/lib/stackctl/other 2>&1; true";
    for (url, why) in [
        (
            "redis://:hunter2@127.0.0.1:6379/0",
            "does not take the login in the URL",
        ),
        (
            "redis://:hunter2@127.0.0.1:6380/0",
            "127.0.0.1:6380 cannot be reached",
        ),
    ] {
        put(url);
        let ran = lab.stackctl(["-c", &other, "provision", "--yes"]);
        ran.expect(5).says(why);
        assert!(!ran.to_string().contains("hunter2"), "a password was told");
        assert!(lab.root(begun).contains("No such file"), "it has begun");
    }
    put(&format!("redis://:{password}@127.0.0.1:6379/0"));
    lab.stackctl(["-c", &other, "provision", "--yes"])
        .expect_ok();
    lab.stackctl(["-c", &other, "destroy", "--confirm", "other"])
        .expect_ok();

    lab.step("it goes, and nothing is left");
    run(&["destroy", "--volumes", "--confirm", "shop"]).expect_ok();
    let left = "docker ps -aq; docker volume ls -q; docker network ls -q --filter name=shop; \
                ls -d /var/lib/stackctl/shop /run/stackctl/shop 2>/dev/null; \
                ls /etc/systemd/system /etc/tmpfiles.d | grep shop; true";
    assert_eq!(lab.root(left), "");
    assert!(
        !said.into_inner().contains(&password),
        "the password was told"
    );
}
