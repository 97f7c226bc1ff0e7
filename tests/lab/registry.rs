//! Images that come from a registry with a login, and images that this machine builds and sends.

use std::collections::BTreeSet;
use std::fs;
use std::process::{Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use stackctl::lab::LabHost;

use super::scenario::{Lab, PATIENCE, Ran, eventually, http, quote};

pub const PASSWORD: &str = "correct-horse-7261";
/// Of whoever deploys, in the scenario's folder.
const HOME: &str = "home";
const CONFIG: &str = "\
version: 0.1
storage: {filesystem: {rootdirectory: /srv/lab-registry}}
http: {addr: \"REGISTRY\"}
auth: {htpasswd: {realm: lab, path: /etc/lab-registry/htpasswd}}
";
const DOCKERFILE: &str = "\
WORKDIR /srv
COPY . .
USER 65534
EXPOSE 8080
CMD [\"python\", \"-m\", \"http.server\", \"8080\"]
";

/// A loopback address, since these need no TLS, for every engine. It is free here too, where it is to lead to the same registry.
pub fn free_address() -> String {
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    free.local_addr().expect("its address").to_string()
}

/// Shell text that has a host serve a registry at an address of its own, with a login.
pub fn served(address: &str, user: &str) -> String {
    let config = CONFIG.replace("REGISTRY", address);
    format!(
        "DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends docker-registry >&2 && \
         mkdir -p /etc/lab-registry && printf %s '{config}' >/etc/lab-registry/config.yml && \
         perl -e 'print \"{user}:\", crypt($ARGV[0], q($2y$05$abcdefghijklmnopqrstuu)), \"\\n\"' {PASSWORD} >/etc/lab-registry/htpasswd && \
         systemd-run --unit=lab-registry docker-registry serve /etc/lab-registry/config.yml"
    )
}

/// Deploys with `password` in the variable that the yaml names; without one it is not set. Whoever deploys has nothing at home.
fn deploy(lab: &Lab, password: Option<&str>, more: &[&str]) -> Ran {
    let mut command = lab.command(["deploy", "--yes"].iter().chain(more));
    command.env("HOME", lab.path(HOME));
    match password {
        Some(password) => command.env("REGISTRY_PASSWORD", password),
        None => command.env_remove("REGISTRY_PASSWORD"),
    };
    lab.finish(command)
}

/// Neither the host nor whoever deploys has a file with logins, where Docker's command has it.
#[track_caller]
fn has_no_logins(lab: &Lab) {
    let there = lab.root("ls -d /root/.docker /home/*/.docker 2>/dev/null || true");
    assert_eq!(there, "");
    assert!(!lab.path(HOME).join(".docker").exists());
}

fn serves(lab: &Lab, version: &str) {
    answers(&lab.url(80), version);
}

fn answers(site: &str, version: &str) {
    let url = format!("{site}/version.txt");
    eventually(&format!("{version} serves"), PATIENCE, || {
        match http("GET", &url, None) {
            Ok((200, body)) if body.trim() == version => Ok(()),
            other => Err(format!("{other:?}")),
        }
    });
}

#[test]
#[ignore = "needs docker"]
fn an_image_of_a_registry_with_a_login_is_pulled_by_its_digest_and_the_password_stays_nowhere() {
    let lab = Lab::ready("registry", "bookworm");
    let registry = free_address();
    let text = format!(
        "stack: shop\nhosts:\n{}services:\n  app:\n    image: {registry}/team/app:1\n    listen: 8080\n    \
         health: /version.txt\nsites:\n  main:\n    routes: {{/: app}}\nregistries:\n  \"{registry}\": \
         {{user: ada, password: {{env: REGISTRY_PASSWORD}}}}\n",
        lab.host_yaml()
    );
    fs::write(lab.path("stackctl.yaml"), text).expect("write");
    let mut provision = lab.command(["provision", "--yes"]);
    provision.env("REGISTRY_PASSWORD", PASSWORD);
    lab.finish(provision).expect_ok();

    fs::create_dir(lab.path(HOME)).expect("a folder");

    lab.step("somebody has a registry that wants a login, and pushes an image to it");
    lab.root("apt-get update -q");
    lab.root(&served(&registry, "ada"));
    let push = |version: &str| {
        eventually("the push", PATIENCE, || {
            let image = format!("{registry}/team/app:1");
            let ran = lab.try_root(&format!(
                "set -e; rm -rf /tmp/app; mkdir /tmp/app; cd /tmp/app; printf 'FROM python:3.12-slim\\n%s' '{DOCKERFILE}' >Dockerfile; \
                 echo {version} >version.txt; docker build -q -t {image} .; \
                 echo {PASSWORD} | docker --config /tmp/push login -u ada --password-stdin {registry}; \
                 docker --config /tmp/push push -q {image}; docker rmi {image}; rm -r /tmp/push /tmp/app"
            ));
            (ran.code == Some(0)).then_some(()).ok_or(ran.to_string())
        });
    };
    push("one");

    lab.step("without the right password nothing is changed");
    let before = lab.containers();
    deploy(&lab, None, &[]).expect(3).says(&format!(
        "registries.{registry}.password: the variable REGISTRY_PASSWORD is not set"
    ));
    let refused = deploy(&lab, Some("wrong-horse-9"), &[]);
    refused
        .expect(5)
        .says(&format!("{registry} does not let `ada` in"));
    assert!(!refused.to_string().contains("wrong-horse-9"), "{refused}");
    assert_eq!(lab.containers(), before);

    lab.step("with it the image is pulled and serves, while every command line is watched");
    lab.root(
        "printf '%s\\n' 'while :; do for f in /proc/[0-9]*/cmdline /proc/[0-9]*/environ; do tr \"\\0\" \" \" <$f; echo; done; done 2>/dev/null >>/tmp/seen' >/tmp/watch.sh && \
         systemd-run --unit=watch sh /tmp/watch.sh",
    );
    let said = deploy(&lab, Some(PASSWORD), &["--verbose"]);
    said.expect_ok();
    lab.root("systemctl stop watch");
    serves(&lab, "one");
    assert!(!said.to_string().contains(PASSWORD));
    let seen = lab.root("wc -l </tmp/seen; grep -c dockerd /tmp/seen");
    assert!(seen.lines().all(|count| count != "0"), "{seen}");
    // As it is, and as Docker's command keeps it.
    let kept = STANDARD.encode(format!("ada:{PASSWORD}"));
    assert!(!said.to_string().contains(&kept));
    for word in [PASSWORD, &kept] {
        let hidden: String = word.chars().rev().collect();
        // Reversed on the way, so that the search does not find itself.
        let search = format!(
            "word=$(perl -e 'print scalar reverse shift' {hidden}); \
             ! grep -qF \"$word\" /tmp/seen && ! grep -rqF \"$word\" /root /home /etc /var/lib/stackctl && \
             ! {{ docker ps -aq; docker images -aq; }} | xargs docker inspect | grep -qF \"$word\""
        );
        lab.try_root(&search).expect_ok();
    }
    has_no_logins(&lab);
    let again = deploy(&lab, Some(PASSWORD), &[]);
    assert!(again.expect_ok().stdout.contains("no changes"), "{again}");

    lab.step("a tag that was pushed again is a new release, and the one before comes back");
    push("two");
    deploy(&lab, Some(PASSWORD), &[]).expect_ok();
    serves(&lab, "two");
    let run = lab.root(
        "docker inspect -f '{{.Config.Image}}' $(docker ps -aq --filter label=stackctl.stack=shop)",
    );
    lab.step(&format!("they run {run}"));
    let digests = run.lines().map(|image| {
        let digest = image.strip_prefix(&format!("{registry}/team/app:1@sha256:"));
        digest.unwrap_or_else(|| panic!("{image} has no digest"))
    });
    assert_eq!(digests.collect::<BTreeSet<_>>().len(), 2, "{run}");
    lab.stackctl(["rollback", "--yes"]).expect_ok();
    serves(&lab, "one");
    deploy(&lab, Some(PASSWORD), &[]).expect_ok();
    serves(&lab, "two");

    lab.step("an image that is built here is pushed to it, and the host pulls that very image");
    let yaml = fs::read_to_string(lab.path("stackctl.yaml")).expect("the yaml");
    let image = format!("image: {registry}/team/app:1");
    let build = format!(
        "build: {{context: web, dockerfile: Dockerfile, on: local, push: \"{registry}/team/pushed\"}}"
    );
    assert!(yaml.contains(&image), "{yaml}");
    fs::write(lab.path("stackctl.yaml"), yaml.replace(&image, &build)).expect("write");
    fs::create_dir(lab.path("web")).expect("a folder");
    fs::write(lab.path("web/Dockerfile"), from_stand_in()).expect("write");
    fs::write(lab.path("web/version.txt"), "three").expect("write");
    let _built = Built("stackctl/shop-app");
    deploy(&lab, Some(PASSWORD), &[])
        .expect(6)
        .says(&format!("push {registry}/team/pushed:"));
    serves(&lab, "two");
    let way = Forwarded::to(lab.host(), &registry);
    deploy(&lab, Some("wrong-horse-9"), &[]).expect(6);
    serves(&lab, "two");
    for version in ["three", "four"] {
        fs::write(lab.path("web/version.txt"), version).expect("write");
        let pushed = deploy(&lab, Some(PASSWORD), &["--verbose"]);
        pushed.expect_ok();
        assert!(
            pushed
                .to_string()
                .contains(&format!("pushed {registry}/team/pushed@sha256:")),
            "{pushed}"
        );
        serves(&lab, version);
        let again = deploy(&lab, Some(PASSWORD), &[]);
        assert!(again.expect_ok().stdout.contains("no changes"), "{again}");
    }
    drop(way);
    has_no_logins(&lab);
    let names = |host: String| -> BTreeSet<String> {
        let named = host
            .lines()
            .filter(|line| line.contains("team/pushed") || line.contains("stackctl/shop-app"));
        named.map(|line| line.trim().to_owned()).collect()
    };
    let there = names(
        lab.root("docker images --digests --format '{{.Repository}} {{.Tag}} {{.ID}} {{.Digest}}'"),
    );
    assert!(
        there.len() == 2 && there.iter().all(|line| line.starts_with("stackctl/")),
        "{there:?}"
    );
    let here = names(docker(&["images", "--format", "{{.Repository}} {{.ID}}"]));
    for line in &there {
        let id = line.split(' ').nth(2).expect("an id");
        assert!(
            here.contains(&format!("stackctl/shop-app {id}")),
            "{here:?} {there:?}"
        );
    }
    lab.stackctl(["rollback", "--yes"]).expect_ok();
    serves(&lab, "three");
    fs::write(lab.path("stackctl.yaml"), yaml).expect("write");
    deploy(&lab, Some(PASSWORD), &[]).expect_ok();
    serves(&lab, "two");

    lab.step("an image that is not there, and a registry that is away, are told before anything is changed");
    let before = lab.containers();
    let yaml = fs::read_to_string(lab.path("stackctl.yaml")).expect("the yaml");
    fs::write(lab.path("stackctl.yaml"), yaml.replace("app:1", "app:9")).expect("write");
    deploy(&lab, Some(PASSWORD), &[])
        .expect(5)
        .says("is not in its registry");
    fs::write(lab.path("stackctl.yaml"), yaml).expect("write");
    lab.root("systemctl stop lab-registry");
    deploy(&lab, Some(PASSWORD), &[])
        .expect(5)
        .says("its registry does not answer the host");
    assert_eq!(lab.containers(), before);
    serves(&lab, "two");
}

/// The hosts of a lab, below `hosts:`.
fn hosts_yaml(lab: &Lab) -> String {
    let machines = lab.machines();
    let hosts = machines.iter().map(|host| host_yaml(&host.name, host));
    hosts.collect()
}

/// One of them, by a name.
pub fn host_yaml(name: &str, host: &LabHost) -> String {
    let text = |path: &std::path::Path| Value::from(path.display().to_string()).to_string();
    format!(
        "  {name}: {{address: {}, port: {}, user: {}, identity: {}, known_hosts: {}}}\n",
        host.address,
        host.ssh_port,
        host.user,
        text(&host.identity),
        text(&host.known_hosts)
    )
}

fn all_serve(lab: &Lab, version: &str) {
    for host in lab.machines() {
        let site = format!("http://127.0.0.1:{}", host.ports[&80]);
        answers(&site, version);
    }
}

/// Asks this machine's engine.
fn docker(arguments: &[&str]) -> String {
    let ran = Command::new("docker").args(arguments).output();
    let ran = ran.expect("docker runs here");
    String::from_utf8_lossy(&ran.stdout).trim().to_owned()
}

/// The engine here has no mirror: the stand-in goes by its own name.
pub fn stand_in() -> String {
    let images = docker(&["images", "--format", "{{.Repository}}:{{.Tag}}"]);
    let base = images
        .lines()
        .find(|image| image.starts_with("stackctl-lab/python-3.12-slim:"))
        .expect("the stand-in");
    base.to_owned()
}

fn from_stand_in() -> String {
    format!("FROM {}\n{DOCKERFILE}", stand_in())
}

/// An address of a host that is one of this machine, too.
pub struct Forwarded(std::process::Child);

impl Forwarded {
    pub fn to(host: &LabHost, address: &str) -> Self {
        let arguments = host.ssh_arguments();
        let mut command = Command::new(&arguments[0]);
        command.args(["-N", "-o", "ExitOnForwardFailure=yes", "-L"]);
        command.arg(format!("{address}:{address}"));
        command.args(&arguments[1..]).stdin(Stdio::null());
        let way = Self(command.spawn().expect("ssh starts"));
        eventually("the way is open", PATIENCE, || {
            std::net::TcpStream::connect(address).map_err(|error| error.to_string())
        });
        way
    }
}

impl Drop for Forwarded {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What this machine's engine keeps of a scenario.
pub struct Built(pub &'static str);

impl Drop for Built {
    fn drop(&mut self) {
        let all = docker(&["images", "--format", "{{.Repository}}:{{.Tag}}", self.0]);
        for image in all.lines() {
            docker(&["rmi", image]);
        }
    }
}

/// Layers sent, layers of the image, and bytes, of each host.
pub fn sent(ran: &Ran) -> Vec<[u64; 3]> {
    let said = format!("{}\n{}", ran.stdout, ran.stderr);
    let lines = said.lines().filter(|line| line.contains(" layers in "));
    let numbers = lines.map(|line| {
        let line = &line[line.find("sent ").expect("what was sent")..];
        let words = line.split(' ').filter_map(|word| word.parse().ok());
        let numbers: Vec<u64> = words.collect();
        numbers.try_into().expect("three numbers")
    });
    numbers.collect()
}

#[test]
#[ignore = "needs docker"]
fn an_image_that_is_built_here_goes_to_two_hosts_without_the_layers_that_they_have() {
    let lab = Lab::boot("moved", "bookworm");
    let grow = ["lab", "up", "--hosts", "2", "--yes", "--name", &lab.name];
    lab.stackctl(grow).expect_ok();
    let _built = Built("stackctl/moved-web");
    fs::create_dir(lab.path("web")).expect("a folder");
    fs::write(lab.path("web/Dockerfile"), from_stand_in()).expect("write");
    fs::write(lab.path("web/version.txt"), "one").expect("write");
    let text = format!(
        "stack: moved\nhosts:\n{}services:\n  web:\n    build: {{context: web, dockerfile: Dockerfile, on: local}}\n    \
         listen: 8080\n    health: /version.txt\n    on: [web1, web2]\nsites:\n  main: {{on: [web1, web2], routes: {{/: web}}}}\n",
        hosts_yaml(&lab)
    );
    fs::write(lab.path("stackctl.yaml"), text).expect("write");
    lab.stackctl(["provision", "--yes"]).expect_ok();

    lab.step("without an engine here nothing is changed");
    let mut nowhere = lab.command(["deploy", "--yes"]);
    nowhere.env("DOCKER_HOST", "unix:///nowhere/docker.sock");
    lab.finish(nowhere)
        .expect(5)
        .says("no Docker engine answers on this machine, at /nowhere/docker.sock");

    lab.step("the first time all of it goes to both");
    let first = lab.stackctl(["deploy", "--yes", "--verbose"]);
    first.expect_ok();
    all_serve(&lab, "one");
    let all = sent(&first);
    assert_eq!(all.len(), 2, "{first}");
    assert!(all.iter().all(|[sent, of, _]| sent == of), "{all:?}");
    let again = lab.stackctl(["deploy", "--yes", "--verbose"]);
    assert!(again.expect_ok().stdout.contains("no changes"), "{again}");

    lab.step("the second time only the layer that has changed");
    fs::write(lab.path("web/version.txt"), "two").expect("write");
    let second = lab.stackctl(["deploy", "--yes", "--verbose"]);
    second.expect_ok();
    all_serve(&lab, "two");
    let few = sent(&second);
    lab.step(&format!("at first {all:?}, then {few:?}"));
    assert_eq!(few.len(), 2, "{second}");
    for ([layers, _, bytes], [_, _, before]) in few.iter().zip(&all) {
        assert_eq!(*layers, 1);
        assert!(*bytes < 20_000 && *before > 20_000_000, "{few:?}, {all:?}");
    }
    lab.stackctl(["rollback", "--yes"]).expect_ok();
    all_serve(&lab, "one");
}

/// Stands before an engine: as many as a file says of the images that are loaded next are damaged on the way, or not pulled.
const DAMAGE: &str = r#"use IO::Socket::UNIX; use IO::Select;
my ($listen, $real, $left) = @ARGV;
$SIG{CHLD} = "IGNORE";
my $server = IO::Socket::UNIX->new(Local => $listen, Listen => 64) or die "$listen: $!";
sub is_due {
    open my $file, "+<", $left or return 0;
    my $count = <$file>;
    return 0 if $count < 1;
    seek $file, 0, 0; print $file $count - 1, "\n";
    return 1;
}
while (my $client = $server->accept) {
    fork and next;
    my $engine = IO::Socket::UNIX->new(Peer => $real) or exit;
    my %towards = ($client => $engine, $engine => $client);
    my $open = IO::Select->new($client, $engine);
    my ($harm, $passed) = (0, 0);
    while ($open->count) {
        for my $from ($open->can_read) {
            my $data;
            if (not sysread $from, $data, 65536) {
                $open->remove($from);
                shutdown $towards{$from}, 1;
                next;
            }
            if ($from == $client) {
                $harm = 1 if $data =~ m{^POST \S*/images/load} and is_due();
                if ($data =~ m{^POST \S*/images/create} and is_due()) {
                    syswrite $client, "HTTP/1.1 500 No\r\nContent-Type: application/json\r\nContent-Length: 21\r\nConnection: close\r\n\r\n{\"message\":\"damaged\"}";
                    exit;
                }
                # In what is packed, behind the heads of the request and of the archive.
                $passed += length $data if $harm;
                if ($harm and $passed > 900 and length $data > 100) {
                    substr($data, length($data) / 2, 1) ^= "\x55";
                    $harm = 0;
                }
            }
            my $done = 0;
            $done += syswrite($towards{$from}, $data, length($data) - $done, $done) || exit while $done < length $data;
        }
    }
    exit;
}"#;

#[test]
#[ignore = "needs docker"]
fn an_image_that_comes_damaged_is_sent_again_then_pulled_and_the_one_before_serves_when_neither_helps()
 {
    let lab = Lab::boot("damaged", "bookworm");
    let _built = Built("stackctl/damaged-web");
    fs::create_dir(lab.path("web")).expect("a folder");
    fs::write(lab.path("web/Dockerfile"), from_stand_in()).expect("write");
    let text = format!(
        "stack: damaged\nhosts:\n{}services:\n  web:\n    build: {{context: web, dockerfile: Dockerfile, on: local}}\n    \
         listen: 8080\n    health: /version.txt\nsites:\n  main: {{routes: {{/: web}}}}\n",
        lab.host_yaml()
    );
    fs::write(lab.path("stackctl.yaml"), text).expect("write");
    lab.stackctl(["provision", "--yes"]).expect_ok();
    lab.root(&format!(
        "mv /run/docker.sock /run/docker-real.sock && printf %s {} >/root/damage.pl && \
         systemd-run --quiet --unit=damage perl /root/damage.pl /run/docker.sock /run/docker-real.sock /tmp/left",
        quote(DAMAGE)
    ));
    let deploy = |version: &str, damaged: usize| {
        lab.root(&format!("echo {damaged} >/tmp/left"));
        fs::write(lab.path("web/version.txt"), version).expect("write");
        lab.stackctl(["deploy", "--yes", "--verbose"])
    };
    let again = "; sending all of its layers";
    let pulled = "; having the host pull it from here, through the SSH connection";
    let is_that_of_here = || {
        let name = lab.root(
            "docker inspect -f '{{.Config.Image}}' $(docker ps -q --filter label=stackctl.stack=damaged | head -n 1)",
        );
        let id = ["inspect", "-f", "{{.Id}}"];
        let there = lab.root(&format!("docker inspect -f '{{{{.Id}}}}' {name}"));
        assert_eq!(docker(&[&id[..], &[&name]].concat()), there);
        let names = lab.root(&format!(
            "docker inspect -f '{{{{.RepoTags}}}} {{{{.RepoDigests}}}}' {name}"
        ));
        assert_eq!(names, format!("[{name}] []"));
    };

    lab.step("what comes damaged is sent again, also when it was sent whole");
    for (version, layers) in [("one", "all"), ("two", "one")] {
        let ran = deploy(version, 1);
        ran.expect_ok();
        let said = ran.to_string();
        assert!(said.contains(again) && !said.contains(pulled), "{ran}");
        serves(&lab, version);
        lab.step(&format!("with {layers} lacking: {:?}", sent(&ran)));
    }

    lab.step("what comes damaged again is pulled through the connection");
    let ran = deploy("three", 2);
    ran.expect_ok();
    let said = ran.to_string();
    assert!(said.contains(again) && said.contains(pulled), "{ran}");
    serves(&lab, "three");
    is_that_of_here();
    let listening = lab.root("ss -Hlntp 'src 127.0.0.1' | grep sshd || true");
    assert_eq!(listening, "", "the port is free");

    lab.step("what never comes whole is an error, and the release before serves");
    let before = lab.containers();
    let ran = deploy("four", 9);
    ran.expect(6)
        .says("did not arrive whole")
        .says("df /var/lib/docker");
    assert_eq!(lab.containers(), before);
    serves(&lab, "three");
    deploy("four", 0).expect_ok();
    serves(&lab, "four");
    is_that_of_here();
}
