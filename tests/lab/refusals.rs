//! Hosts and input that are not as they should be: the right exit code, words that help, and nothing changed.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::scenario::{Lab, PATIENCE, Ran, eventually, quote, same};

#[test]
#[ignore = "needs docker"]
fn a_host_that_is_not_as_it_should_be_is_refused_in_words_and_left_as_it_is() {
    let lab = Lab::boot("refusals", "bookworm");
    let yaml = lab.names_app(|yaml| yaml.replace("mysql:8.4", "mariadb:11"));
    let good = fs::read_to_string(&yaml).expect("the yaml");
    let config = yaml.to_str().expect("a path that is text");
    let host = lab.host();
    let run = |command: &str| lab.stackctl(["-c", config, command, "--yes"]);
    let with = |from: &str, to: &str| -> Ran {
        assert!(good.contains(from), "{good}");
        fs::write(&yaml, good.replace(from, to)).expect("write the yaml");
        let ran = run("provision");
        fs::write(&yaml, &good).expect("write the yaml");
        ran
    };

    lab.step("a port where nothing listens is unreachable, at once");
    let port = TcpListener::bind(("127.0.0.1", 0))
        .and_then(|free| free.local_addr())
        .expect("a free port")
        .port();
    let started = Instant::now();
    let ran = with(
        &format!("port: {}", host.ssh_port),
        &format!("port: {port}"),
    );
    ran.expect(4)
        .says("cannot reach")
        .says(&port.to_string())
        .says("web1");
    assert!(
        started.elapsed() < Duration::from_secs(15),
        "it took {:?}",
        started.elapsed()
    );
    let ran = lab.stackctl(["-c", config, "status", "--json"]);
    assert_eq!(
        ran.expect(7).json()["healthy"],
        false,
        "reachable, and nothing there yet"
    );

    lab.step("a wrong user and a refused key are told apart from an unreachable host");
    with("user: ubuntu", "user: nobody-of-this-name")
        .expect(4)
        .says("accepts no key of ours for user nobody-of-this-name");
    let key = lab.path("other-key");
    let mut keygen = Command::new("ssh-keygen");
    keygen
        .args(["-q", "-t", "ed25519", "-N", "", "-f"])
        .arg(&key);
    lab.finish(keygen).expect_ok();
    let identity = Value::from(host.identity.display().to_string()).to_string();
    with(
        &identity,
        &Value::from(key.display().to_string()).to_string(),
    )
    .expect(4)
    .says("accepts no key of ours for user ubuntu")
    .says("other-key");

    lab.step("an unknown host key is refused, and the command it tells accepts it");
    unknown_key(&lab, &good);

    lab.step("a user who cannot become root is told how to");
    lab.root(
        "useradd --create-home --shell /bin/bash plain && usermod --password '*' plain && \
         install -d -m 0700 -o plain -g plain /home/plain/.ssh && \
         install -m 0600 -o plain -g plain /home/ubuntu/.ssh/authorized_keys /home/plain/.ssh/",
    );
    with("user: ubuntu", "user: plain")
        .expect(4)
        .says("cannot become root")
        .says("NOPASSWD");

    let look = "dpkg-query -W; find /etc /var/lib/stackctl -printf '%p %m %T@\\n' 2>/dev/null | grep -v '^/etc/mtab'; \
        systemctl list-unit-files --plain --no-legend | awk '{print $1, $2}' | grep -v ' transient$'";
    let before = lab.root(look);
    lab.step("a port that another program holds is refused, with that program's name");
    lab.root("systemd-run -q --unit=squatter perl -MIO::Socket::INET -e 'my $kept = IO::Socket::INET->new(LocalPort => 80, Listen => 1) or die; sleep 3600'");
    eventually("the port is taken", PATIENCE, || {
        let seen = lab.root("ss -Hltnp 'sport = :80'");
        (!seen.is_empty()).then_some(()).ok_or(seen)
    });
    run("provision").expect(5).says("port 80").says("perl");
    lab.root("systemctl stop squatter");
    same(&before, &lab.root(look));

    lab.step("a full disk is refused");
    lab.root("mount -t tmpfs -o size=64m full /var/lib");
    let ran = run("provision");
    lab.root("umount /var/lib");
    ran.expect(5).says("MiB are free below /var/lib");
    same(&before, &lab.root(look));

    lab.step("an unsupported system is refused");
    let release = lab.root("readlink -f /etc/os-release");
    lab.root(&format!("cp -a {release} /root/os-release && sed -i 's/^ID=.*/ID=fedora/; s/^PRETTY_NAME=.*/PRETTY_NAME=\"Fedora Linux 42\"/' {release}"));
    let ran = run("provision");
    lab.root(&format!("mv /root/os-release {release}"));
    ran.expect(5)
        .says("Fedora Linux 42")
        .says("Debian and Ubuntu");
    same(&before, &lab.root(look));

    lab.step("without a terminal and without --yes nothing is asked and nothing is done");
    lab.stackctl(["-c", config, "provision"])
        .expect(2)
        .says("--yes");
    same(&before, &lab.root(look));

    lab.step("deploy on a host that was never provisioned is refused");
    run("deploy").expect(5).says("stackctl provision");
    same(&before, &lab.root(look));

    lab.step("while another program holds apt, provision waits, says who, and goes on");
    // fcntl locks, as apt and dpkg take them; struct flock of x86-64 and arm64 alike.
    let holder = "open my $f, \">>\", \"/var/lib/dpkg/lock-frontend\" or die; \
        my $lock = pack \"ssx4qqlx4\", 1, 0, 0, 0, 0; fcntl $f, 6, $lock or die $!; \
        open my $up, \">\", \"/run/held\"; select undef, undef, undef, 0.1 until -e \"/run/let-go\"";
    lab.root(&format!(
        "systemd-run -q --unit=holder perl -e {}",
        quote(holder)
    ));
    eventually("apt is held", PATIENCE, || {
        let ran = lab.try_root("test -e /run/held");
        (ran.code == Some(0)).then_some(()).ok_or(ran.stderr)
    });
    let mut provision = lab.start(["-c", config, "provision", "--yes"]);
    eventually("provision says who holds apt", PATIENCE, || {
        assert!(!provision.has_ended(), "it waits: {}", provision.said());
        let said = provision.said();
        said.contains("held by perl").then_some(()).ok_or(said)
    });
    lab.root("touch /run/let-go");
    provision.wait(&lab).expect_ok();
    run("provision").expect_ok();

    lab.step("data whose password is gone is refused");
    let secret = "/var/lib/stackctl/names/secrets/db-root";
    lab.root(&format!("mv {secret} /root/kept"));
    run("provision").expect(5).says(secret).says("names-db");
    lab.root(&format!("mv /root/kept {secret}"));
    let ran = run("provision");
    assert!(ran.expect_ok().stdout.contains("no changes"), "{ran}");

    lab.step("a password whose data is gone is refused, and what it says to do helps");
    lab.root("docker rm -f names-db && docker volume rm names-db");
    let marker = "/var/lib/stackctl/names/databases/db";
    run("provision")
        .expect(5)
        .says("its data (volume names-db) is gone")
        .says(marker);
    assert_eq!(lab.root("docker ps -aq"), "", "no empty database was made");
    lab.root(&format!("rm {marker}"));
    run("provision").expect_ok();

    lab.step("a held port and a misspelt image are refused at once, before anything is changed");
    lab.root("systemctl stop nginx && systemd-run -q --unit=squatter perl -MIO::Socket::INET -e 'my $kept = IO::Socket::INET->new(LocalPort => 80, Listen => 1, ReuseAddr => 1) or die; sleep 3600'");
    eventually("the port is taken", PATIENCE, || {
        let seen = lab.root("ss -Hltnp 'sport = :80'");
        seen.contains("perl").then_some(()).ok_or(seen)
    });
    let before = lab.root(look);
    with("mariadb:11", "registry:5000/library/mariadbb:11")
        .expect(5)
        .says("port 80 of site `names` is held by perl")
        .says("image registry:5000/library/mariadbb:11 of `db` is not in its registry");
    same(&before, &lab.root(look));
    lab.root("systemctl stop squatter && systemctl start nginx");

    lab.step("after all of that a deploy works");
    run("deploy").expect_ok();
    lab.stackctl(["-c", config, "status"]).expect_ok();
}

/// With a home of its own, whose known_hosts is empty.
fn unknown_key(lab: &Lab, good: &str) {
    let home = lab.path("home");
    fs::create_dir(&home).expect("a folder");
    fs::set_permissions(&home, fs::Permissions::from_mode(0o700)).expect("a private folder");
    let lines = good
        .lines()
        .filter(|line| !line.trim_start().starts_with("known_hosts:"));
    let yaml = lab.path("names/unknown.yaml");
    fs::write(&yaml, lines.collect::<Vec<_>>().join("\n")).expect("write the yaml");
    let status = || {
        let mut command = lab.command(["-c"]);
        command
            .arg(&yaml)
            .args(["status", "--json"])
            .env("HOME", &home);
        lab.finish(command)
    };
    let ran = status();
    ran.expect(4)
        .says("the host key of")
        .says("is not known")
        .says("SHA256:");
    let words: Vec<&str> = ran.stderr.split('`').collect();
    let accept = words
        .iter()
        .find(|word| word.contains("ssh-keyscan"))
        .unwrap_or_else(|| panic!("no command that accepts the key: {ran}"));
    let mut command = Command::new("sh");
    command
        .args(["-c", accept])
        .env("HOME", &home)
        .stdin(Stdio::null());
    lab.finish(command).expect_ok();
    // Reached, and nothing there yet.
    status().expect(7);

    lab.step("a host key that has changed is refused");
    let mut keygen = Command::new("ssh-keygen");
    keygen
        .args(["-q", "-t", "ed25519", "-N", "", "-f"])
        .arg(lab.path("imposter"));
    lab.finish(keygen).expect_ok();
    let imposter = fs::read_to_string(lab.path("imposter.pub")).expect("a public key");
    let line = format!("[127.0.0.1]:{} {imposter}", lab.host().ssh_port);
    fs::write(home.join(".ssh/known_hosts"), line).expect("write known_hosts");
    status().expect(4).says("has changed").says("ssh-keygen -R");
}
