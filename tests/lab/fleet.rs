//! Several hosts behind an edge: visitors notice neither a deploy nor a host that loses its power, and nobody but the edge
//! gets to what is behind it.

use std::fs;
use std::net::IpAddr;

use bollard::query_parameters::KillContainerOptionsBuilder;
use stackctl::lab::{LabHost, network_address, pause, reboot, unpause};
use stackctl::load::Request;

use super::load::Load;
use super::scenario::{Lab, PATIENCE, Ran, SCAN, block_on, eventually, http, quote};

/// What a server answers to a request for `HOST` that says it comes from elsewhere; nothing when it hangs up.
const ASK: &str = r#"use IO::Socket::IP; my ($address, $name) = @ARGV;
my $server = IO::Socket::IP->new(PeerHost => $address, PeerPort => 7480, Timeout => 3) or do { print "unreachable"; exit };
print $server "GET /whoami HTTP/1.0\r\nHost: $name\r\nX-Forwarded-For: 198.51.100.7\r\n\r\n"; local $/; print <$server> // ''"#;

/// Says which host answered, and what it knows of the visitor; or hangs up, as an app does that breaks while it makes a page.
const WHOAMI: &str = "        if self.path == \"/whoami\":
            told = [self.headers.get(name, \"\") for name in (\"X-Forwarded-For\", \"X-Real-IP\", \"X-Forwarded-Proto\", \"Host\")]
            self.answer(200, \" \".join([socket.gethostname(), *told]))
            return
        if self.path == \"/breaks\":
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True
            return
        Answer.visited = True
";

/// The first host is the edge, the next ones run the app, and what else there is belongs to strangers.
struct Fleet {
    lab: Lab,
    machines: Vec<LabHost>,
    apps: usize,
}

impl Fleet {
    fn boot(scenario: &'static str, base: &str, apps: usize, strangers: usize) -> Self {
        let mut lab = Lab::planned(scenario);
        let count = (1 + apps + strangers).to_string();
        let name = lab.name.clone();
        let mut up = vec![
            "lab", "up", "--name", &name, "--base", base, "--hosts", &count, "--yes",
        ];
        // One of the others is not worth the images for it.
        if base == "bookworm" {
            up.push("--ready");
        }
        lab.stackctl(up).expect_ok();
        lab.found();
        let machines = lab.machines();
        let fleet = Self {
            lab,
            machines,
            apps,
        };
        fleet.write_app();
        fleet.write_yaml("");
        fleet.release("one");
        fleet
    }

    fn write_app(&self) {
        fs::create_dir(self.lab.path("app")).expect("a folder");
        let app = include_str!("../faults/app/app.py");
        let visited = "        Answer.visited = True\n";
        assert_eq!(app.matches(visited).count(), 1);
        let files = [
            ("app/app.py", app.replace(visited, WHOAMI)),
            ("app/behaviour", "good".to_owned()),
            ("app/requirements.txt", String::new()),
        ];
        for (name, text) in files {
            fs::write(self.lab.path(name), text).expect("write the app");
        }
    }

    fn write_yaml(&self, more: &str) {
        let mut text = "stack: shop\nfirewall: on\nkeep: 1\nhosts:\n".to_owned();
        let mut apps = Vec::new();
        for (index, machine) in self.machines.iter().take(1 + self.apps).enumerate() {
            let name = match index {
                0 => "edge".to_owned(),
                number => format!("app{number}"),
            };
            text += &format!(
                "  {name}:\n    address: {}\n    port: {}\n    user: {}\n    identity: {:?}\n    known_hosts: {:?}\n    private: {}\n",
                machine.address,
                machine.ssh_port,
                machine.user,
                machine.identity,
                machine.known_hosts,
                self.address(index),
            );
            apps.extend((index > 0).then_some(name));
        }
        text += &format!("groups:\n  apps: [{}]\n{more}", apps.join(", "));
        text += "services:\n  web:\n    unit: {source: app, install: python}\n    command: [python, app.py]\n    on: [apps]\n    \
            health: {path: /healthz, interval: 100ms, deadline: 20s}\n    bake: 1s\n    warm: 0s\n    stop_grace: 2s\n\
            sites:\n  shop:\n    on: [edge]\n    routes: {/: web}\n";
        fs::write(self.lab.path("stackctl.yaml"), text).expect("write the yaml");
    }

    fn release(&self, version: &str) {
        fs::write(self.lab.path("app/version"), version).expect("write the version");
    }

    /// Where the other hosts reach this one.
    fn address(&self, index: usize) -> IpAddr {
        let address = block_on(network_address(&self.machines[index]));
        address.expect("an engine").expect("an address")
    }

    fn run(&self, command: &str) -> Ran {
        self.lab.stackctl([command, "--yes"])
    }

    /// Runs shell text as root on a host; what it printed, trimmed.
    #[track_caller]
    fn root(&self, index: usize, script: &str) -> String {
        self.lab.root_on(&self.machines[index], script)
    }

    fn perl(&self, index: usize, program: &str, arguments: &str) -> String {
        let script = format!("ulimit -n 5000; perl -e {} {arguments}", quote(program));
        self.root(index, &script)
    }

    /// The site's words for `path`.
    fn get(&self, path: &str) -> String {
        let (status, text) =
            http("GET", &format!("{}{path}", self.lab.url(80)), None).expect("an answer");
        assert_eq!(status, 200, "{text}");
        text
    }

    /// Visitors are answered by this host as well.
    fn takes_load(&self, index: usize) {
        let name = &self.machines[index].name;
        eventually(&format!("{name} answers visitors"), PATIENCE, || {
            let told = self.get("/whoami");
            let is_there = told.split(' ').next() == Some(name.as_str());
            is_there.then_some(()).ok_or(told)
        });
    }

    /// Of hosts: what serves, which releases there are, and what runs did.
    fn state(&self, indexes: &[usize]) -> Vec<String> {
        let told = "cd /var/lib/stackctl/shop; ls -A /run/stackctl/shop releases/* 2>/dev/null; readlink /run/stackctl/shop/*; cat history.jsonl manifest.json; systemctl list-units --plain --no-legend 'shop-*'";
        indexes
            .iter()
            .map(|index| self.root(*index, told))
            .collect()
    }

    /// When and what the host last switched to: each switch is a link that is new.
    fn switched(&self, index: usize) -> String {
        self.root(index, "stat -c '%i %z %N' /run/stackctl/shop/web.sock")
    }

    /// Which processes nginx of the edge consists of: a reload makes others.
    fn workers(&self) -> String {
        self.root(0, "pgrep -x nginx | sort")
    }
}

#[test]
#[ignore = "needs docker"]
fn behind_an_edge_visitors_notice_neither_deploys_nor_a_host_that_loses_its_power() {
    let fleet = Fleet::boot("fleet", "bookworm", 3, 1);
    let lab = &fleet.lab;
    lab.step("provision and deploy make an edge and three hosts behind it");
    fleet.run("provision").expect_ok();
    fleet.run("deploy").expect_ok();
    assert_eq!(fleet.get("/"), "one");
    for index in 1..=3 {
        fleet.takes_load(index);
    }
    for command in ["provision", "deploy"] {
        let again = fleet.run(command);
        assert!(again.expect_ok().stdout.contains("no changes"), "{again}");
    }

    lab.step("status asks each of them from the edge");
    let seen = lab.stackctl(["status", "--json"]);
    let told = seen.expect_ok().json();
    let upstreams = told["upstreams"].as_array().expect("a list");
    assert_eq!(upstreams.len(), 3, "{told}");
    for (upstream, host) in upstreams.iter().zip(["app1", "app2", "app3"]) {
        assert_eq!(upstream["host"], host, "{told}");
        assert_eq!(upstream["healthy"], true, "{told}");
        assert_eq!(upstream["http_status"], 200, "{told}");
    }

    lab.step("the app knows the visitor, and believes nobody who says to be another");
    let told = fleet.get("/whoami");
    let words: Vec<&str> = told.split(' ').collect();
    let port = lab.host().ports[&80];
    assert_eq!(words[3..], ["http", &format!("127.0.0.1:{port}")], "{told}");
    assert_eq!(words[1], words[2], "{told}");
    let inside: Vec<String> = (0..=3).map(|at| fleet.address(at).to_string()).collect();
    assert!(
        words[1].parse::<IpAddr>().is_ok() && !inside.contains(&words[1].to_owned()),
        "{told}"
    );
    let name = fleet.root(
        0,
        "sed -n 's/.*proxy_set_header Host \\(.*internal\\);/\\1/p' /etc/nginx/sites-available/shop.conf",
    );
    let from_edge = fleet.perl(0, ASK, &format!("{} {name}", inside[1]));
    assert!(
        from_edge.contains("web2 198.51.100.7 198.51.100.7"),
        "{from_edge}"
    );
    // From the host itself, where no firewall is in the way, nginx hangs up.
    assert_eq!(fleet.perl(1, ASK, &format!("127.0.0.1 {name}")), "");
    for (from, to) in [(2, 1), (4, 1), (4, 3)] {
        let said = fleet.perl(from, ASK, &format!("{} {name}", inside[to]));
        assert_eq!(said, "unreachable", "from {from} to {to}");
    }

    lab.step("strangers find SSH, and the site's port on the edge");
    let scanned = fleet.perl(4, SCAN, &inside.join(" "));
    let mut scanned: Vec<&str> = scanned.lines().collect();
    scanned.sort_unstable();
    let mut expected: Vec<String> = inside[1..].iter().map(|ip| format!("{ip}: 22")).collect();
    expected.push(format!("{}: 22 80", inside[0]));
    expected.sort_unstable();
    assert_eq!(scanned, expected);

    lab.step("a deploy on all of them loses no request, and the edge is left alone");
    let workers = fleet.workers();
    let load = Load::of(
        &lab.url(80),
        100.0,
        vec![Request::get("/"), Request::post("/", "{id}")],
    );
    for version in ["two", "three"] {
        fleet.release(version);
        let before = load.good();
        fleet.run("deploy").expect_ok();
        assert_eq!(fleet.get("/"), version);
        assert!(load.good() > before + 20, "visitors came meanwhile");
    }
    load.lost_nothing();
    assert_eq!(
        fleet.workers(),
        workers,
        "nginx of the edge was not reloaded"
    );
    lab.step(&format!("{} requests, none lost", load.good()));
    drop(load);

    lab.step("with one host away a deploy changes nothing on the others");
    let before = fleet.state(&[0, 1, 3]);
    fleet.release("four");
    block_on(pause(&fleet.machines[2])).expect("the host freezes");
    let ran = fleet.run("deploy");
    block_on(unpause(&fleet.machines[2])).expect("the host goes on");
    ran.expect(4).says("app2");
    assert_eq!(fleet.state(&[0, 1, 3]), before);
    assert_eq!(fleet.get("/"), "three");

    lab.step("a version that breaks under its visitors is switched to on the canary alone, and costs none an answer");
    fleet.write_yaml("rollout: {canary: 1, batch: 2, pause: 3s}\n");
    fs::write(lab.path("app/behaviour"), "sours").expect("write");
    let load = Load::of(&lab.url(80), 100.0, vec![Request::get("/")]);
    let before = [1, 2, 3].map(|at| fleet.switched(at));
    fleet.run("deploy").expect(6).says("app1");
    let after = [1, 2, 3].map(|at| fleet.switched(at));
    assert_ne!(after[0], before[0], "the canary switched, and back");
    assert_eq!(after[1..], before[1..], "no other did");
    load.lost_nothing();
    drop(load);
    assert_eq!(fleet.get("/"), "three");
    fs::write(lab.path("app/behaviour"), "good").expect("write");
    fleet.release("three");
    fleet.write_yaml("");

    lab.step("an app that is stopped on one host is not noticed");
    let load = Load::of(&lab.url(80), 100.0, vec![Request::get("/")]);
    fleet.root(1, "systemctl stop 'shop-web@*'");
    let before = load.good();
    eventually("visitors are answered", PATIENCE, || {
        (load.good() > before + 300)
            .then_some(())
            .ok_or_else(|| load.good().to_string())
    });
    load.lost_nothing();
    let seen = lab.stackctl(["status"]);
    seen.expect(7);
    assert!(
        seen.stdout.contains("service web on app1, asked from edge"),
        "{seen}"
    );
    fleet.run("deploy").expect_ok();
    fleet.takes_load(1);

    lab.step("a page that breaks is asked for once, and takes no host out");
    for _ in 0..10 {
        let (status, text) =
            http("GET", &format!("{}/breaks", lab.url(80)), None).expect("an answer");
        assert_eq!(status, 502, "{text}");
        fleet.get("/");
    }
    load.lost_nothing();

    lab.step("a host that loses its power costs no visitor an answer");
    let before = load.good();
    cut_power(&fleet.machines[3]);
    eventually("visitors are answered", PATIENCE, || {
        (load.good() > before + 1000)
            .then_some(())
            .ok_or_else(|| load.good().to_string())
    });
    load.lost_nothing();
    lab.stackctl(["status"]).expect(4);

    lab.step("when it is back, it takes load without anybody doing anything");
    block_on(reboot(&fleet.machines[3])).expect("the host comes back");
    assert_eq!(
        fleet.address(3).to_string(),
        inside[3],
        "the lab keeps its address"
    );
    fleet.takes_load(3);
    load.lost_nothing();
    lab.step(&format!("{} requests, none lost", load.good()));
    eventually("all is well", PATIENCE, || {
        let seen = lab.stackctl(["status"]);
        (seen.code == Some(0)).then_some(()).ok_or(seen.stdout)
    });
    assert_eq!(
        fleet.workers(),
        workers,
        "nginx of the edge was not reloaded"
    );
}

#[test]
#[ignore = "needs docker"]
fn a_newer_nginx_takes_the_same_edge() {
    let fleet = Fleet::boot("fleet-new", "trixie", 1, 0);
    fleet.lab.step("one host behind an edge");
    fleet.run("provision").expect_ok();
    fleet.run("deploy").expect_ok();
    assert_eq!(fleet.get("/"), "one");
    fleet.lab.stackctl(["status"]).expect_ok();
    for index in [0, 1] {
        let said = fleet.root(index, "nginx -t 2>&1");
        assert!(!said.contains("warn"), "{said}");
    }
}

/// Ends every process of the host at once.
pub fn cut_power(machine: &LabHost) {
    block_on(async {
        let engine = stackctl::lab::connect().await.expect("an engine");
        let options = KillContainerOptionsBuilder::default()
            .signal("KILL")
            .build();
        let killed = engine.kill_container(&machine.container, Some(options));
        killed.await.expect("the host loses its power");
    });
}
