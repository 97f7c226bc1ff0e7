//! Against a real sshd on a free port, started by the test and ended with it.
//!
//! `STACKCTL_TEST_LOGIN` names a user with `sudo` without a password, to go the way of relays; without it, the one
//! that runs the tests logs in, which has to be root.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::StreamExt as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;
use crate::model::SshTarget;

#[cfg(test)]
mod lease;

const DEADLINE: Duration = Duration::from_secs(20);

/// A private sshd, its keys and a client's settings, in a folder that is removed at the end.
struct Sshd {
    folder: tempfile::TempDir,
    port: u16,
    process: Child,
    login: String,
}

impl Drop for Sshd {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn keygen(args: &[&str]) {
    let done = Command::new("ssh-keygen")
        .args(args)
        .stdout(Stdio::null())
        .status()
        .expect("ssh-keygen is there");
    assert!(done.success(), "ssh-keygen {args:?}");
}

fn make_key(path: &Path, kind: &str, passphrase: &str) {
    let path = path.to_str().expect("a plain path");
    keygen(&["-q", "-t", kind, "-N", passphrase, "-C", "", "-f", path]);
}

impl Sshd {
    fn start(extra: &str) -> Self {
        Self::start_with("ed25519", extra)
    }

    fn start_with(host_key_kind: &str, extra: &str) -> Self {
        let folder = tempfile::Builder::new()
            .prefix("stackctl-sshd-")
            .tempdir()
            .expect("a folder");
        let root = folder.path().to_owned();
        // sshd, as another user, reads the authorized keys below it.
        std::fs::set_permissions(&root, std::fs::Permissions::from_mode(0o755)).expect("chmod");
        make_key(&root.join("host_key"), host_key_kind, "");
        std::fs::create_dir_all(root.join("home/.ssh")).expect("a folder");
        make_key(&root.join("home/.ssh/id_ed25519"), "ed25519", "");
        std::fs::copy(
            root.join("home/.ssh/id_ed25519.pub"),
            root.join("authorized"),
        )
        .expect("copy");
        let login = std::env::var("STACKCTL_TEST_LOGIN").unwrap_or_else(|_| "root".to_owned());
        let _ = std::fs::create_dir_all("/run/sshd");
        let port = std::net::TcpListener::bind("127.0.0.1:0")
            .and_then(|socket| socket.local_addr())
            .expect("a free port")
            .port();
        let config = format!(
            "{extra}\nPort {port}\nListenAddress 127.0.0.1\nHostKey {0}/host_key\n\
             AuthorizedKeysFile {0}/authorized\nPidFile none\nUsePAM no\nStrictModes no\n\
             PermitRootLogin prohibit-password\nPasswordAuthentication no\nLogLevel VERBOSE\n\
             SetEnv SHLVL=5\nMaxStartups 100\n",
            root.display()
        );
        std::fs::write(root.join("sshd_config"), config).expect("write");
        let log = std::fs::File::create(root.join("log")).expect("a file");
        let process = Command::new("/usr/sbin/sshd")
            .args(["-D", "-e", "-f"])
            .arg(root.join("sshd_config"))
            .stderr(log)
            .spawn()
            .expect("sshd starts");
        let sshd = Self {
            folder,
            port,
            process,
            login,
        };
        sshd.trust_host();
        let until = Instant::now() + Duration::from_secs(5);
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < until, "sshd does not listen");
            std::thread::sleep(Duration::from_millis(10));
        }
        sshd
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn public(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).expect("a public key")
    }

    fn trust_host(&self) {
        self.known_hosts(&format!(
            "[127.0.0.1]:{} {}",
            self.port,
            self.public("host_key.pub")
        ));
    }

    fn known_hosts(&self, text: &str) {
        std::fs::write(self.path("home/.ssh/known_hosts"), text).expect("write");
    }

    fn target(&self) -> SshTarget {
        SshTarget {
            address: "127.0.0.1".to_owned(),
            port: Some(self.port),
            user: Some(self.login.clone()),
            identity: None,
            known_hosts: None,
            jump: None,
            host_key: None,
        }
    }

    fn options(&self) -> ConnectOptions {
        ConnectOptions {
            deadline: Duration::from_secs(10),
            home: Some(self.path("home")),
            system: self.path("etc"),
            agent: None,
            local_user: "somebody".to_owned(),
            lease: LeaseTimes::default(),
        }
    }

    async fn connect(&self) -> Result<SshConnection, TransportError> {
        connect(&self.target(), &self.options(), None).await
    }
}

fn sh(body: &'static str, args: &[&str]) -> Script {
    Script {
        name: "test",
        body,
        args: args.iter().map(|&arg| arg.to_owned()).collect(),
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        text = format!("{text}: {source}");
        next = source.source();
    }
    text
}

async fn run(connection: &SshConnection, body: &'static str) -> Output {
    connection
        .run(&sh(body, &[]), b"", DEADLINE)
        .await
        .unwrap_or_else(|error| panic!("{}", chain(&error)))
}

async fn eventually(what: &str, mut check: impl AsyncFnMut() -> bool) {
    let until = Instant::now() + Duration::from_secs(4);
    while !check().await {
        assert!(Instant::now() < until, "still not: {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn quiet(_: Source, _: &str) {}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs sshd"]
async fn runs_scripts_as_root_with_their_input() {
    let sshd = Sshd::start("");
    let connection = sshd.connect().await.expect("connects");
    let script = sh(
        "id -u; cat; printf '%s' \"$1\"; echo oops >&2; exit 7\n",
        &["it's $HOME"],
    );
    let output = connection
        .run(&script, b"in\0put\n", DEADLINE)
        .await
        .expect("runs");
    assert_eq!(output.status, 7);
    assert_eq!(output.stdout, b"0\nin\0put\nit's $HOME");
    assert_eq!(output.stderr, b"oops\n");
    assert_eq!(run(&connection, "kill -9 $$\n").await.status, 137);
    let environment = run(
        &connection,
        "umask; echo $LC_ALL $PATH $DEBIAN_FRONTEND; pwd\n",
    )
    .await;
    assert_eq!(
        String::from_utf8_lossy(&environment.stdout),
        "0077\nC /usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin noninteractive\n/\n"
    );
    let big = vec![7; 5 << 20];
    let output = connection
        .run(
            &sh("wc -c; head -c 3000000 /dev/zero\n", &[]),
            &big,
            DEADLINE,
        )
        .await;
    assert_eq!(
        output.expect("runs").stdout.len(),
        3_000_000 + "5242880\n".len()
    );
    connection.close().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs sshd"]
async fn answers_many_callers_and_keeps_each_deadline() {
    let sshd = Sshd::start("");
    let connection = Arc::new(sshd.connect().await.expect("connects"));
    let callers = (0..40).map(|n| {
        let connection = connection.clone();
        async move {
            let script = sh("echo \"$1\"\n", &[&n.to_string()]);
            let output = connection.run(&script, b"", DEADLINE).await.expect("runs");
            assert_eq!(output.stdout, format!("{n}\n").as_bytes());
        }
    });
    futures_util::future::join_all(callers).await;
    let slow = connection
        .run(&sh("sleep 60\n", &[]), b"", Duration::from_millis(300))
        .await;
    assert!(
        matches!(slow, Err(TransportError::Deadline { .. })),
        "{slow:?}"
    );
    assert_eq!(
        run(&connection, "echo still here\n").await.stdout,
        b"still here\n"
    );
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs sshd"]
async fn streams_lines_and_uploads() {
    let sshd = Sshd::start("");
    let connection = sshd.connect().await.expect("connects");
    let mut lines = Vec::new();
    let chunk = Bytes::from(vec![b'x'; 1 << 20]);
    let input = futures_util::stream::iter((0..64).map(move |_| Ok(chunk.clone()))).boxed();
    let output = connection
        .stream(
            &sh(
                "echo begin; wc -c; echo warn >&2; printf end; exit 3\n",
                &[],
            ),
            Some(input),
            &mut |source, line| lines.push((source, line.to_owned())),
            DEADLINE,
        )
        .await
        .expect("streams");
    assert_eq!(output.status, 3);
    assert_eq!(output.stdout, b"begin\n67108864\nend");
    let stdout: Vec<_> = lines
        .iter()
        .filter(|l| l.0 == Source::Stdout)
        .map(|l| l.1.as_str())
        .collect();
    assert_eq!(stdout, ["begin", "67108864", "end"]);
    assert!(lines.contains(&(Source::Stderr, "warn".to_owned())));
    // One that reads none of its input, and one that prints more than is kept.
    let input = futures_util::stream::repeat_with(|| Ok(Bytes::from(vec![0; 1 << 16]))).boxed();
    let output = connection
        .stream(&sh("exit 5\n", &[]), Some(input), &mut quiet, DEADLINE)
        .await;
    assert_eq!(output.expect("streams").status, 5);
    let output = connection
        .stream(&sh("seq 1 100000\n", &[]), None, &mut quiet, DEADLINE)
        .await;
    let output = output.expect("streams");
    assert_eq!(output.stdout.len(), 64 << 10);
    assert!(output.stdout.ends_with(b"\n100000\n"));
}

fn alive(marker: &str) -> bool {
    let found = Command::new("pgrep")
        .args(["-f", marker])
        .output()
        .expect("pgrep is there");
    !found.stdout.is_empty()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs sshd"]
async fn a_dropped_stream_ends_on_the_host() {
    let sshd = Sshd::start("");
    let connection = sshd.connect().await.expect("connects");
    let script = sh("sleep 1041; echo never\n", &[]);
    let late = connection
        .stream(&script, None, &mut quiet, Duration::from_millis(700))
        .await;
    assert!(
        matches!(late, Err(TransportError::Deadline { .. })),
        "{late:?}"
    );
    eventually("sleep is gone", async || !alive("sleep 1041")).await;
    // Also with an upload that is still under way.
    let script = sh("sleep 1042; echo never\n", &[]);
    let input = futures_util::stream::pending().boxed();
    let late = connection
        .stream(&script, Some(input), &mut quiet, Duration::from_millis(700))
        .await;
    assert!(
        matches!(late, Err(TransportError::Deadline { .. })),
        "{late:?}"
    );
    eventually("sleep is gone", async || !alive("sleep 1042")).await;
    assert_eq!(run(&connection, "echo fine\n").await.stdout, b"fine\n");
}

/// Is killed by the test below.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "is run by another test"]
async fn victim() {
    let Ok(port) = std::env::var("STACKCTL_TEST_VICTIM_PORT") else {
        return;
    };
    let home = PathBuf::from(std::env::var("STACKCTL_TEST_VICTIM_HOME").expect("a home"));
    let target = SshTarget {
        address: "127.0.0.1".to_owned(),
        port: port.parse().ok(),
        user: Some(std::env::var("STACKCTL_TEST_LOGIN").unwrap_or_else(|_| "root".to_owned())),
        identity: None,
        known_hosts: None,
        jump: None,
        host_key: None,
    };
    let options = ConnectOptions {
        deadline: DEADLINE,
        system: home.join("etc"),
        home: Some(home),
        agent: None,
        local_user: String::new(),
        lease: LeaseTimes::default(),
    };
    let connection = connect(&target, &options, None).await.expect("connects");
    let folder = run(&connection, "printf %s \"$STACKCTL_SESSION\"\n")
        .await
        .stdout;
    println!("folder {}", String::from_utf8_lossy(&folder));
    let _ = connection
        .dial(&Endpoint::Unix(
            std::env::var("STACKCTL_TEST_VICTIM_SOCKET").expect("a socket"),
        ))
        .await;
    let script = sh("sleep 1043; echo never\n", &[]);
    let _ = connection.stream(&script, None, &mut quiet, DEADLINE).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs sshd"]
async fn nothing_is_left_when_the_client_is_killed() {
    let sshd = Sshd::start("");
    let socket = sshd.path("echo.sock");
    let _listener = tokio::net::UnixListener::bind(&socket).expect("listens");
    let mut victim = Command::new(std::env::current_exe().expect("a path"))
        .args([
            "--ignored",
            "--exact",
            "transport::tests::victim",
            "--nocapture",
        ])
        .env("STACKCTL_TEST_VICTIM_PORT", sshd.port.to_string())
        .env("STACKCTL_TEST_VICTIM_HOME", sshd.path("home"))
        .env("STACKCTL_TEST_VICTIM_SOCKET", &socket)
        .stdout(Stdio::piped())
        .spawn()
        .expect("starts");
    let mut printed = tokio::process::ChildStdout::from_std(victim.stdout.take().expect("a pipe"))
        .expect("a pipe");
    eventually("sleep runs", async || alive("sleep 1043")).await;
    victim.kill().expect("kills");
    victim.wait().expect("waits");
    let mut text = String::new();
    printed.read_to_string(&mut text).await.expect("reads");
    let folder = text
        .split("folder ")
        .nth(1)
        .and_then(|rest| rest.lines().next())
        .expect("a folder");
    let killed = Instant::now();
    eventually("sleep is gone", async || !alive("sleep 1043")).await;
    println!("sleep ended {:?} after the kill", killed.elapsed());
    eventually("the session's folder is gone", async || {
        !Path::new(folder).exists()
    })
    .await;
    let target = socket.to_str().expect("a plain path").to_owned();
    eventually("relays are gone", async || {
        !alive(&format!("relay {target}"))
    })
    .await;
}

async fn echo_server(path: &Path) -> tokio::task::JoinHandle<()> {
    let listener = tokio::net::UnixListener::bind(path).expect("listens");
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                // Answers only when the other side has ended its half: what a relay has to pass on.
                let mut all = Vec::new();
                let _ = stream.read_to_end(&mut all).await;
                let _ = stream
                    .write_all(format!("{} bytes", all.len()).as_bytes())
                    .await;
            });
        }
    })
}

async fn dials(sshd: &Sshd) {
    let connection = sshd.connect().await.expect("connects");
    let path = sshd.path("it's a socket");
    let _server = echo_server(&path).await;
    let endpoint = Endpoint::Unix(path.to_str().expect("a plain path").to_owned());
    for size in [0, 1, 3_000_000] {
        let mut stream = connection
            .dial(&endpoint)
            .await
            .unwrap_or_else(|e| panic!("{}", chain(&e)));
        stream.write_all(&vec![1; size]).await.expect("writes");
        stream.shutdown().await.expect("ends its half");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("reads");
        assert_eq!(answer, format!("{size} bytes"));
    }
    let nowhere = Endpoint::Unix(
        sshd.path("nowhere")
            .to_str()
            .expect("a plain path")
            .to_owned(),
    );
    let error = connection
        .dial(&nowhere)
        .await
        .err()
        .expect("no connection");
    assert!(
        chain(&error).contains("there is no such socket"),
        "{}",
        chain(&error)
    );
    let tcp = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("listens");
    let port = tcp.local_addr().expect("an address").port();
    let server = tokio::spawn(async move {
        let (mut stream, _) = tcp.accept().await.expect("accepts");
        stream.write_all(b"hello").await.expect("writes");
    });
    let mut stream = connection
        .dial(&Endpoint::Loopback(port))
        .await
        .expect("dials");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("reads");
    assert_eq!(answer, "hello");
    server.await.expect("ends");
    let error = connection
        .dial(&Endpoint::Loopback(1))
        .await
        .err()
        .expect("no connection");
    assert!(
        chain(&error).contains("nobody listens there"),
        "{}",
        chain(&error)
    );
    connection.close().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs sshd"]
async fn dials_sockets() {
    dials(&Sshd::start("")).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs sshd"]
async fn dials_sockets_where_nothing_is_forwarded() {
    dials(&Sshd::start(
        "AllowStreamLocalForwarding no\nAllowTcpForwarding no",
    ))
    .await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs sshd"]
async fn a_port_of_the_host_leads_here_until_it_is_freed() {
    let sshd = Sshd::start("");
    let connection = sshd.connect().await.expect("connects");
    let mut listeners = Vec::new();
    for _ in 0..2 {
        listeners.push(connection.listen().await.expect("listens"));
    }
    assert_ne!(listeners[0].port, listeners[1].port);
    for listener in &mut listeners {
        let there = tokio::net::TcpStream::connect(("127.0.0.1", listener.port));
        let mut there = there.await.expect("connects");
        let mut here = listener.accept().await.expect("somebody comes");
        let size = 3_000_000;
        there.write_all(b"more").await.expect("writes");
        there.shutdown().await.expect("ends its half");
        let mut asked = String::new();
        here.read_to_string(&mut asked).await.expect("reads");
        assert_eq!(asked, "more");
        let sending = async {
            here.write_all(&vec![1; size]).await.expect("writes");
            here.shutdown().await.expect("ends its half");
        };
        let mut came = Vec::new();
        let (_, read) = tokio::join!(sending, there.read_to_end(&mut came));
        assert_eq!(read.expect("reads"), size);
    }
    for listener in listeners {
        let port = listener.port;
        listener.close().await;
        let again = tokio::net::TcpStream::connect(("127.0.0.1", port)).await;
        assert!(again.is_err(), "{port} is free");
    }
    connection.close().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs sshd"]
async fn a_host_that_forwards_nothing_says_so() {
    let sshd = Sshd::start("AllowTcpForwarding no");
    let connection = sshd.connect().await.expect("connects");
    let refused = connection.listen().await.err().expect("no port");
    assert!(
        matches!(refused, TransportError::NotForwarded { .. }),
        "{refused:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs sshd"]
async fn a_connection_nobody_reads_stalls_no_other() {
    let sshd = Sshd::start("");
    let connection = sshd.connect().await.expect("connects");
    let path = sshd.path("flood");
    let listener = tokio::net::UnixListener::bind(&path).expect("listens");
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("accepts");
        let data = vec![0; 1 << 16];
        for _ in 0..64 {
            let _ = stream.write_all(&data).await;
        }
        std::future::pending::<()>().await;
    });
    let endpoint = Endpoint::Unix(path.to_str().expect("a plain path").to_owned());
    let _unread = connection.dial(&endpoint).await.expect("dials");
    tokio::time::sleep(Duration::from_millis(500)).await;
    for _ in 0..20 {
        assert_eq!(run(&connection, "echo fine\n").await.stdout, b"fine\n");
    }
}

async fn refusal(sshd: &Sshd, change: impl FnOnce(&mut SshTarget)) -> TransportError {
    let mut target = sshd.target();
    change(&mut target);
    match connect(&target, &sshd.options(), None).await {
        Ok(_) => panic!("it was let in"),
        Err(error) => error,
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs sshd"]
async fn host_keys_are_checked() {
    let sshd = Sshd::start("");
    let right = sshd.public("host_key.pub");
    make_key(&sshd.path("other"), "ed25519", "");
    let other = sshd.public("other.pub");
    let name = format!("[127.0.0.1]:{}", sshd.port);
    sshd.known_hosts("");
    let error = refusal(&sshd, |_| {}).await;
    assert!(
        matches!(error, TransportError::HostKeyUnknown { .. }),
        "{error}"
    );
    let hints = error.hints().join("\n");
    let accept = hints
        .split('`')
        .find(|part| part.starts_with("ssh-keyscan"))
        .expect("a command");
    // What the hint says works as it stands.
    let ran = Command::new("sh")
        .args(["-c", accept])
        .stderr(Stdio::null())
        .status()
        .expect("sh");
    assert!(ran.success(), "{accept}");
    let connection = sshd
        .connect()
        .await
        .unwrap_or_else(|e| panic!("{}", chain(&e)));
    connection.close().await;

    sshd.known_hosts(&format!("{name} {other}"));
    let error = refusal(&sshd, |_| {}).await;
    assert!(
        matches!(error, TransportError::HostKeyChanged { .. }),
        "{error}"
    );
    let remove = error.hints()[1]
        .split('`')
        .nth(1)
        .expect("a command")
        .to_owned();
    let ran = Command::new("sh")
        .args(["-c", &remove])
        .output()
        .expect("sh");
    assert!(ran.status.success(), "{remove}");
    let error = refusal(&sshd, |_| {}).await;
    assert!(
        matches!(error, TransportError::HostKeyUnknown { .. }),
        "{error}"
    );

    sshd.known_hosts(&format!("{name} {right}@revoked * {right}"));
    let error = refusal(&sshd, |_| {}).await;
    assert!(
        matches!(error, TransportError::HostKeyRevoked { .. }),
        "{error}"
    );

    sshd.known_hosts("");
    let key = russh::keys::PublicKey::from_openssh(&right).expect("a key");
    let pin = known_hosts::fingerprint(&key);
    let mut target = sshd.target();
    target.host_key = Some(pin.parse().expect("a fingerprint"));
    let connection = connect(&target, &sshd.options(), None).await;
    connection.expect("the pin fits").close().await;
    let wrong = russh::keys::PublicKey::from_openssh(&other).expect("a key");
    let wrong = known_hosts::fingerprint(&wrong);
    let error = refusal(&sshd, |t| {
        t.host_key = Some(wrong.parse().expect("a fingerprint"))
    })
    .await;
    assert!(
        matches!(error, TransportError::HostKeyNotPinned { .. }),
        "{error}"
    );

    std::fs::write(sshd.path("elsewhere"), format!("{name} {right}")).expect("write");
    let mut target = sshd.target();
    target.known_hosts = Some(sshd.path("elsewhere"));
    let connection = connect(&target, &sshd.options(), None).await;
    connection.expect("it is in the named file").close().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs sshd"]
async fn host_certificates_are_checked() {
    let mut verdicts = Vec::new();
    for (principals, validity, authority) in [
        ("127.0.0.1", "-1h:+1h", true),
        ("127.0.0.2", "-1h:+1h", true),
        ("127.0.0.1", "-2h:-1h", true),
        ("127.0.0.1", "-1h:+1h", false),
    ] {
        let mut sshd = Sshd::start("");
        for name in ["ca", "other"] {
            make_key(&sshd.path(name), "ed25519", "");
        }
        let path = |name: &str| sshd.path(name).to_str().expect("a plain path").to_owned();
        keygen(&[
            "-q",
            "-s",
            &path("ca"),
            "-I",
            "it",
            "-h",
            "-n",
            principals,
            "-V",
            validity,
            &path("host_key.pub"),
        ]);
        let config = std::fs::read_to_string(sshd.path("sshd_config")).expect("reads");
        let config = format!("{config}HostCertificate {}\n", path("host_key-cert.pub"));
        std::fs::write(sshd.path("sshd_config"), config).expect("write");
        let ca = sshd.public(if authority { "ca.pub" } else { "other.pub" });
        sshd.known_hosts(&format!("@cert-authority * {ca}"));
        sshd.restart();
        verdicts.push(match sshd.connect().await {
            Ok(_) => "accepted".to_owned(),
            Err(error) => error
                .to_string()
                .rsplit(": ")
                .next()
                .unwrap_or_default()
                .to_owned(),
        });
    }
    assert_eq!(
        verdicts,
        [
            "accepted",
            "it is for 127.0.0.2, not for 127.0.0.1",
            "it is expired, not valid yet, or wrongly signed",
            "it is not signed by a recorded authority",
        ]
    );
}

struct Answers(&'static [&'static str]);

impl Prompt for Answers {
    fn passphrase(&self, _: &Path, attempt: u32) -> Option<zeroize::Zeroizing<String>> {
        let answer = self.0.get(attempt as usize - 1)?;
        Some(zeroize::Zeroizing::new((*answer).to_owned()))
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs sshd"]
async fn keys_of_every_kind_are_offered() {
    let sshd = Sshd::start_with("rsa", "");
    let mut authorized = String::new();
    for (name, kind, passphrase) in [
        ("rsa", "rsa", ""),
        ("ecdsa", "ecdsa", ""),
        ("locked", "ed25519", "open sesame"),
        ("agent", "rsa", ""),
    ] {
        make_key(&sshd.path(name), kind, passphrase);
        authorized += &sshd.public(&format!("{name}.pub"));
    }
    std::fs::write(sshd.path("authorized"), authorized).expect("write");
    let error = refusal(&sshd, |_| {}).await;
    assert!(
        matches!(error, TransportError::NoKeyAccepted { .. }),
        "{}",
        chain(&error)
    );
    let with = async |name: &str, prompt: Option<Arc<dyn Prompt>>| {
        let mut target = sshd.target();
        target.identity = Some(sshd.path(name));
        connect(&target, &sshd.options(), prompt).await
    };
    with("rsa", None).await.expect("rsa").close().await;
    with("ecdsa", None).await.expect("ecdsa").close().await;
    let error = with("locked", None).await.expect_err("no passphrase");
    assert!(error.to_string().contains("needs a passphrase"), "{error}");
    let answers = Arc::new(Answers(&["wrong", "open sesame"]));
    with("locked", Some(answers))
        .await
        .expect("unlocked")
        .close()
        .await;
    let error = with("locked", Some(Arc::new(Answers(&["wrong"]))))
        .await
        .expect_err("locked");
    assert!(
        matches!(error, TransportError::NoKeyAccepted { .. }),
        "{error}"
    );
    std::fs::set_permissions(sshd.path("rsa"), std::fs::Permissions::from_mode(0o644))
        .expect("chmod");
    let error = with("rsa", None).await.expect_err("too open");
    assert!(error.hints()[0].contains("chmod 600"), "{error}");

    let socket = sshd.path("agent.sock");
    let mut agent = Command::new("ssh-agent")
        .arg("-D")
        .arg("-a")
        .arg(&socket)
        .stdout(Stdio::null())
        .spawn()
        .expect("ssh-agent");
    eventually("the agent listens", async || socket.exists()).await;
    let added = Command::new("ssh-add")
        .arg("-q")
        .arg(sshd.path("agent"))
        .env("SSH_AUTH_SOCK", &socket)
        .status();
    assert!(added.expect("ssh-add").success());
    let mut options = sshd.options();
    options.agent = Some(socket);
    let connection = connect(&sshd.target(), &options, None).await;
    let _ = agent.kill();
    let _ = agent.wait();
    connection
        .unwrap_or_else(|e| panic!("{}", chain(&e)))
        .close()
        .await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs sshd"]
async fn jumps_over_hosts_each_of_them_checked() {
    let (first, second, last) = (Sshd::start(""), Sshd::start(""), Sshd::start(""));
    let mut known = String::new();
    for sshd in [&first, &second, &last] {
        known += &format!("[127.0.0.1]:{} {}", sshd.port, sshd.public("host_key.pub"));
        let ours = last.public("home/.ssh/id_ed25519.pub");
        std::fs::write(sshd.path("authorized"), ours).expect("write");
    }
    last.trust_host();
    let all = format!(
        "{0}@127.0.0.1:{1},{0}@127.0.0.1:{2}",
        first.login, first.port, second.port
    );
    let error = refusal(&last, |target| target.jump = Some(all.clone())).await;
    assert!(
        matches!(error, TransportError::HostKeyUnknown { .. }),
        "{error}"
    );
    last.known_hosts(&known);
    let mut target = last.target();
    target.jump = Some(all);
    let connection = connect(&target, &last.options(), None).await;
    let connection = connection.unwrap_or_else(|e| panic!("{}", chain(&e)));
    assert_eq!(
        run(&connection, "echo through\n").await.stdout,
        b"through\n"
    );
    connection.close().await;
    // The same from a config file, by aliases.
    let config = format!(
        "Host a\nHostName 127.0.0.1\nPort {}\nHost b\nHostName 127.0.0.1\nPort {}\nProxyJump a\n\
         Host c\nHostName 127.0.0.1\nPort {}\nProxyJump b\nHost *\nUser {}\n",
        first.port, second.port, last.port, last.login
    );
    std::fs::write(last.path("home/.ssh/config"), config).expect("write");
    let mut target = last.target();
    target.address = "c".to_owned();
    target.port = None;
    target.user = None;
    let connection = connect(&target, &last.options(), None).await;
    let connection = connection.unwrap_or_else(|e| panic!("{}", chain(&e)));
    assert_eq!(
        run(&connection, "echo through\n").await.stdout,
        b"through\n"
    );
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs sshd"]
async fn a_lost_connection_is_told() {
    let mut sshd = Sshd::start("");
    let connection = sshd.connect().await.expect("connects");
    run(&connection, "true\n").await;
    let script = sh(
        "kill -9 $(echo \"$1\" | tr , ' '); sleep 30\n",
        &[&sshd.children()],
    );
    let started = Instant::now();
    let error = connection
        .run(&script, b"", DEADLINE)
        .await
        .expect_err("lost");
    assert!(
        matches!(error, TransportError::Lost { .. }),
        "{}",
        chain(&error)
    );
    assert!(started.elapsed() < Duration::from_secs(3));
    let error = connection
        .run(&script, b"", DEADLINE)
        .await
        .expect_err("lost");
    assert!(
        matches!(error, TransportError::Lost { .. }),
        "{}",
        chain(&error)
    );
    let _ = sshd.process.kill();
    let _ = sshd.process.wait();
    let error = refusal(&sshd, |_| {}).await;
    assert!(
        matches!(error, TransportError::Unreachable { .. }),
        "{}",
        chain(&error)
    );
}

impl Sshd {
    fn restart(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        self.process = Command::new("/usr/sbin/sshd")
            .args(["-D", "-e", "-f"])
            .arg(self.path("sshd_config"))
            .stderr(Stdio::null())
            .spawn()
            .expect("sshd starts");
        let until = Instant::now() + Duration::from_secs(5);
        while std::net::TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(Instant::now() < until, "sshd does not listen");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// The processes that serve the one connection, sshd's unprivileged half included.
    fn children(&self) -> String {
        let children = |parents: &str| {
            let found = Command::new("pgrep").args(["-d,", "-P", parents]).output();
            let found = found.expect("pgrep is there").stdout;
            String::from_utf8_lossy(&found).trim().to_owned()
        };
        let first = children(&self.process.id().to_string());
        format!("{first},{}", children(&first))
    }
}

/// `STACKCTL_TEST_LOGIN_NO_ROOT` names a user that may not use sudo.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs sshd"]
async fn says_when_it_cannot_become_root() {
    let Ok(login) = std::env::var("STACKCTL_TEST_LOGIN_NO_ROOT") else {
        return;
    };
    let mut sshd = Sshd::start("");
    sshd.login = login;
    let connection = sshd.connect().await.expect("connects");
    let mut errors = vec![
        connection
            .run(&sh("true\n", &[]), b"", DEADLINE)
            .await
            .expect_err("no root"),
    ];
    let streamed = connection
        .stream(&sh("true\n", &[]), None, &mut quiet, DEADLINE)
        .await;
    errors.push(streamed.expect_err("no root"));
    let socket = Endpoint::Unix("/run/some.sock".to_owned());
    errors.push(connection.dial(&socket).await.err().expect("no root"));
    for error in errors {
        println!("{}\n  {}", chain(&error), error.hints().join("\n  "));
        assert!(
            matches!(error, TransportError::NoRoot { .. }),
            "{}",
            chain(&error)
        );
    }
}
