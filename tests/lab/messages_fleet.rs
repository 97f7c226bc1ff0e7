//! The message board on three hosts behind the first, by its README: MySQL and a registry belong to somebody else.

use std::fs;

use stackctl::lab::{LabHost, network_address, reboot};
use stackctl::load::Request;

use super::data::SERVER;
use super::example::{Readme, Stack};
use super::fleet::cut_power;
use super::load::Load;
use super::messages::{Bucket, NAME, fill};
use super::registry::{Built, Forwarded, PASSWORD, free_address, served, stand_in};
use super::scenario::{Lab, PATIENCE, block_on, eventually, quote};
use super::tls::{LAB_ACME, OWN_ADDRESS, authority, leads};

/// In the order of the lab's hosts, after the first; the last one is somebody else's.
const APPS: [&str; 3] = ["app1", "app2", "app3"];

/// The MySQL of the overlays.
const ELSEWHERE: &str = "messages.abc123.eu-central-1.rds.amazonaws.com";

struct Board<'a> {
    lab: &'a Lab,
    machines: &'a [LabHost],
    stack: Stack<'a>,
}

impl Board<'_> {
    /// Has the overlay tell of this lab's hosts, registry and MySQL.
    fn overlay(&self, registry: &str, mysql: &str) {
        let text = self.stack.read("stackctl.fleet.yaml");
        let (before, rest) = text.split_once("hosts:\n").expect("hosts");
        let (_, after) = rest.split_once("\ngroups:").expect("groups");
        let mut hosts = String::new();
        let names = ["web1"].into_iter().chain(APPS);
        for (name, machine) in names.zip(self.machines) {
            hosts += &format!(
                "  {name}: {{address: {}, port: {}, user: {}, identity: {:?}, known_hosts: {:?}, private: {}, public: {}}}\n",
                machine.address,
                machine.ssh_port,
                machine.user,
                machine.identity,
                machine.known_hosts,
                self.address(machine),
                NAME,
            );
        }
        let text = format!("{before}hosts:\n{hosts}\ngroups:{after}");
        assert!(text.contains(ELSEWHERE) && text.contains("registry.example.com"));
        let text = text
            .replace(ELSEWHERE, mysql)
            .replace("  registry.example.com:", &format!("  \"{registry}\":"))
            .replace("registry.example.com/", &format!("{registry}/"));
        self.stack.write("stackctl.fleet.yaml", &text);
    }

    fn address(&self, machine: &LabHost) -> String {
        let address = block_on(network_address(machine));
        address.expect("an engine").expect("an address").to_string()
    }

    /// Each of the three holds connections on which the first host asks it.
    fn all_take_load(&self) {
        let asked = "ss -Htn state established '( sport = :7480 )'";
        for (name, machine) in APPS.into_iter().zip(&self.machines[1..]) {
            eventually(&format!("{name} is asked"), PATIENCE, || {
                let open = self.lab.root_on(machine, asked);
                (!open.is_empty()).then_some(()).ok_or(open)
            });
        }
    }

    fn here(&self) -> String {
        format!("127.0.0.1:{}", self.lab.host().ports[&443])
    }

    /// The highest rate that is held, as the README says to find it.
    fn held(&self) -> String {
        let root = self.lab.path("root.pem");
        let url = format!("https://{NAME}/messages");
        let (here, root) = (self.here(), root.display().to_string());
        let mut words = vec!["load", &url, "--search", "--connect", &here, "--ca", &root];
        words.extend(["--rate", "60", "--duration", "1s", "--json"]);
        let ran = self.lab.stackctl(words);
        ran.expect_ok().json()["held"].to_string()
    }
}

#[test]
#[ignore = "needs docker"]
fn the_board_on_three_hosts_loses_no_visitor_when_one_of_them_goes() {
    let mut lab = Lab::planned("messages-fleet");
    let name = lab.name.clone();
    let up = [
        "lab", "up", "--hosts", "5", "--base", "bookworm", "--ready", "--yes", "--name", &name,
    ];
    lab.stackctl(up).expect_ok();
    lab.found();
    let (lab, machines) = (&lab, lab.machines());
    let bucket = Bucket::start();
    let stack = Stack::unpack(lab, "messages", "stackctl.yaml", |yaml| {
        let lets_encrypt = "    tls: acme\n";
        assert!(yaml.contains(lets_encrypt), "{yaml}");
        yaml.replace(lets_encrypt, &format!("    tls: {{acme: {LAB_ACME}}}\n"))
    });
    fill(lab, &stack, &bucket);
    let board = Board {
        lab,
        machines: &machines,
        stack,
    };
    let mut readme = Readme::of(lab, "messages", "fleet");
    authority(lab, &lab.path("messages/lab-ca.pem"));
    leads(lab, NAME, OWN_ADDRESS);

    lab.step("somebody has a MySQL and a registry");
    let somebody = &machines[4];
    let server = SERVER
        .replace("shop", "messages")
        .replace("clerk", "messages");
    let said = lab.root_on(somebody, &server);
    let mysql = said.lines().last().expect("an address");
    let ca = lab.root_on(somebody, "cat /etc/mysql/tls/ca.pem");
    let registry = free_address();
    let port = registry.rsplit(':').next().expect("a port");
    lab.root_on(somebody, &served(&format!("0.0.0.0:{port}"), "messages"));
    for machine in &machines[..4] {
        lab.root_on(
            machine,
            &format!(
                "mkdir -p /etc/messages && printf %s {} >/etc/messages/rds.pem && cd /etc/messages && \
                 printf %s {} >db-password && chmod 600 db-password && \
                 systemd-run --quiet --unit=registry --socket-property=ListenStream={registry} /lib/systemd/systemd-socket-proxyd {mysql}:{port}",
                quote(&ca),
                quote("hunt\"er2"),
            ),
        );
    }
    let _way = Forwarded::to(somebody, &registry);
    let _built = Built("stackctl/messages-board");
    board.overlay(&registry, mysql);
    // The engine here has no mirror.
    board
        .stack
        .edit("board/Dockerfile", "python:3.12-slim", &stand_in());

    lab.step("four hosts make one board");
    let mut with_password = |beginning: &str| {
        let line = readme.take(beginning);
        let mut words: Vec<&str> = line.split_whitespace().skip(1).collect();
        words.extend(["-c", board.stack.config(), "--yes"]);
        let mut command = lab.command(words);
        command.env("REGISTRY_PASSWORD", PASSWORD);
        lab.finish(command)
    };
    with_password("stackctl -e fleet provision").expect_ok();
    board.stack.write("board/VERSION", "version one");
    let deploy = with_password("stackctl -e fleet deploy");
    deploy.expect_ok();
    let seen = with_password("stackctl -e fleet status");
    for app in APPS {
        let asked = format!("web1  ok  board    {app}");
        assert!(seen.expect_ok().stdout.contains(&asked), "{seen}");
    }
    let root = lab.root("cat /root/root.pem");
    fs::write(lab.path("root.pem"), &root).expect("write");
    let post = format!(
        "curl -sS --fail --cacert {} --connect-to {NAME}:443:{} -F text='A seal!' https://{NAME}/messages",
        lab.path("root.pem").display(),
        board.here()
    );
    let mut shell = std::process::Command::new("sh");
    shell.args(["-ec", &post]).env("no_proxy", "*");
    assert_eq!(lab.finish(shell).expect_ok().json()["text"], "A seal!");

    lab.step("a deploy and a rollback, one host first, lose no request");
    let load = Load::by_name(
        NAME,
        board.here(),
        &root,
        vec![Request::get("/"), Request::get("/messages")],
    );
    board.stack.write("board/VERSION", "version two");
    let words = ["-e", "fleet", "deploy", "-c", board.stack.config(), "--yes"];
    let mut command = lab.command(words);
    command.env("REGISTRY_PASSWORD", PASSWORD);
    lab.finish(command).expect_ok();
    with_password("stackctl -e fleet rollback").expect_ok();
    load.lost_nothing();
    board.all_take_load();

    lab.step("a host that loses its power costs no visitor an answer");
    let before = load.good();
    cut_power(&machines[3]);
    eventually("visitors are answered", PATIENCE, || {
        (load.good() > before + 300)
            .then_some(())
            .ok_or_else(|| load.good().to_string())
    });
    load.lost_nothing();

    lab.step("when it is back, it takes load without anybody doing anything");
    block_on(reboot(&machines[3])).expect("the host comes back");
    board.all_take_load();
    load.lost_nothing();
    lab.step(&format!("{} requests, none lost", load.good()));
    drop(load);

    lab.step("the highest rate held by one, two and three hosts");
    let mut held = vec![board.held()];
    for app in [APPS[2], APPS[1]] {
        board
            .stack
            .with(&["stop", "-e", "fleet", "board", "--host", app, "--yes"])
            .expect_ok();
        held.push(board.held());
    }
    lab.step(&format!(
        "on one machine's processors, requests a second with three, two and one: {}",
        held.join(", ")
    ));
    readme.is_followed();

    lab.step("the first host alone, with the same MySQL");
    let stack = &board.stack;
    stack.edit("stackctl.external.yaml", ELSEWHERE, mysql);
    stack.edit("board/Dockerfile", &stand_in(), "python:3.12-slim");
    for command in ["provision", "deploy"] {
        stack
            .with(&[command, "-e", "external", "--yes"])
            .expect_ok();
    }
    assert!(
        lab.root("docker ps --format '{{.Names}}'")
            .starts_with("messages-board-")
    );
    let ask = format!(
        "curl -sS --fail --cacert {} --connect-to {NAME}:443:{} https://{NAME}/messages",
        lab.path("root.pem").display(),
        board.here()
    );
    let mut shell = std::process::Command::new("sh");
    shell.args(["-ec", &ask]).env("no_proxy", "*");
    lab.finish(shell).expect_ok().json();
    let seen = stack.with(&[
        "db",
        "-e",
        "external",
        "db",
        "--",
        "-N",
        "-e",
        "SELECT text FROM messages",
    ]);
    assert!(seen.expect_ok().stdout.contains("A seal!"), "{seen}");
}
