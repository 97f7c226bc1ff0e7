//! The lock as a lease: what happens to it, and to what a run left behind, when the run is gone.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use base64::Engine as _;
use tokio::net::{TcpListener, TcpStream};

use super::*;

/// Quick, but not so quick that a busy machine looks like one that is gone.
const TIMES: LeaseTimes = LeaseTimes {
    beat: Duration::from_millis(500),
    silence: Duration::from_millis(2500),
};

/// The files of one stack, in the folder of an sshd.
struct Stack<'a>(&'a Sshd);

impl Stack<'_> {
    fn path(&self, name: &str) -> String {
        let path = self.0.path(name);
        path.to_str().expect("a plain path").to_owned()
    }

    fn request(&self, who: &str, wait: Duration) -> LeaseRequest {
        LeaseRequest {
            lock: self.path("stack.lock"),
            hold: self.path("hold"),
            pending: self.path("pending"),
            history: self.path("history.jsonl"),
            owner: format!("{{\"who\":\"{who}\"}}"),
            wait,
        }
    }

    async fn try_lock(&self, connection: &SshConnection, who: &str, wait: Duration) -> LeaseAnswer {
        let request = self.request(who, wait);
        let answer = connection.lock(&request, &|_| {}).await;
        answer.unwrap_or_else(|error| panic!("{}", chain(&error)))
    }

    async fn lock(&self, connection: &SshConnection, who: &str) {
        let answer = self.try_lock(connection, who, Duration::ZERO).await;
        assert!(matches!(answer, LeaseAnswer::Held { .. }), "{answer:?}");
    }

    fn is_free(&self) -> bool {
        let free = Command::new("flock")
            .args(["-n", &self.path("stack.lock"), "true"])
            .status();
        free.expect("flock is there").success()
    }

    async fn becomes_free(&self) -> Duration {
        let began = Instant::now();
        let until = began + Duration::from_secs(10);
        while !self.is_free() {
            assert!(Instant::now() < until, "still locked");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        began.elapsed()
    }

    /// Leaves an unfinished run: taking it back appends a line to `told`, with what of `markers` still runs then, and
    /// whether the lock is free.
    fn leave_pending(&self, markers: &str) {
        let undo = format!(
            "exec >>{}\nprintf undone\nfor marker in {markers}; do pgrep -f \"sleep $marker\" >/dev/null && printf ' %s' \"$marker\"\ndone\n\
             flock -n {} true && printf ' free'\necho\n",
            self.path("told"),
            self.path("stack.lock")
        );
        let undo = base64::engine::general_purpose::STANDARD.encode(undo);
        let text = format!("{{\"run\":\"1\",\"who\":\"ann\"}}\nswitch back\t{undo}\n");
        std::fs::write(self.path("pending"), text).expect("write");
    }

    fn told(&self) -> String {
        std::fs::read_to_string(self.path("told")).unwrap_or_default()
    }

    fn history(&self) -> String {
        std::fs::read_to_string(self.path("history.jsonl")).unwrap_or_default()
    }
}

async fn connect_through(sshd: &Sshd, port: u16) -> SshConnection {
    connect_with(sshd, port, TIMES).await
}

async fn connect_with(sshd: &Sshd, port: u16, times: LeaseTimes) -> SshConnection {
    let mut target = sshd.target();
    target.port = Some(port);
    let key = russh::keys::PublicKey::from_openssh(&sshd.public("host_key.pub")).expect("a key");
    let pin = known_hosts::fingerprint(&key);
    target.host_key = Some(pin.parse().expect("a fingerprint"));
    let mut options = sshd.options();
    options.lease = times;
    let connected = connect(&target, &options, None).await;
    connected.unwrap_or_else(|error| panic!("{}", chain(&error)))
}

async fn connection(sshd: &Sshd) -> SshConnection {
    connect_through(sshd, sshd.port).await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs sshd"]
async fn a_lock_is_one_runs_until_it_says_good_bye() {
    let sshd = Sshd::start("");
    let stack = Stack(&sshd);
    std::fs::write(stack.path("manifest.json"), "{}").expect("write");
    let (ann, bob) = (connection(&sshd).await, connection(&sshd).await);
    let answer = stack.try_lock(&ann, "ann", Duration::ZERO).await;
    assert_eq!(answer, LeaseAnswer::Held { generation: 1 });
    stack.leave_pending("");

    // What is asked together with the lock is done once it is decided.
    let request = stack.request("bob", Duration::ZERO);
    let script = sh("echo asked\n", &[]);
    let (answer, asked) =
        tokio::join!(bob.lock(&request, &|_| {}), bob.run(&script, b"", DEADLINE));
    let answer = answer.expect("an answer");
    let LeaseAnswer::Busy { holder, .. } = &answer else {
        panic!("{answer:?}");
    };
    assert!(
        holder.starts_with("{\"who\":\"ann\",\"generation\":1,\"since\":\"20"),
        "{holder}"
    );
    assert_eq!(asked.expect("runs").stdout, b"asked\n");
    bob.close().await;

    // One that waits is told who has it, and gets it when that one has ended.
    let bob = connection(&sshd).await;
    let told = Mutex::new(Vec::new());
    let tell = |event| told.lock().expect("no panic").push(event);
    let request = stack.request("bob", Duration::from_secs(20));
    let ends = async {
        eventually("bob waits", async || {
            !told.lock().expect("no panic").is_empty()
        })
        .await;
        assert_eq!(run(&ann, "echo mine\n").await.stdout, b"mine\n");
        let closing = Instant::now();
        ann.close().await;
        closing.elapsed()
    };
    let (answer, took) = tokio::join!(bob.lock(&request, &tell), ends);
    assert_eq!(
        answer.expect("an answer"),
        LeaseAnswer::Held { generation: 2 }
    );
    assert!(took < Duration::from_secs(2), "{took:?}");
    // Ann's good-bye left the rest to her; Bob's run finds it.
    let told = told.into_inner().expect("no panic");
    let undone = LeaseEvent::Recovered {
        line: "undone\tswitch back".to_owned(),
    };
    assert!(told.contains(&undone), "{told:?}");
    assert_eq!(stack.told(), "undone\n");
    assert!(
        stack.history().contains("found by the next run"),
        "{}",
        stack.history()
    );
    bob.close().await;
    assert!(stack.is_free());
    assert_eq!(stack.told(), "undone\n", "once");
    assert!(!Path::new(&stack.path("pending")).exists());
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs sshd"]
async fn a_lock_goes_with_its_stack_and_is_still_one_runs_at_a_time() {
    let sshd = Sshd::start("");
    let stack = Stack(&sshd);
    let ann = connection(&sshd).await;
    stack.lock(&ann, "ann").await;
    let waiting = async |who: &'static str| {
        let connection = connection(&sshd).await;
        let answer = stack
            .try_lock(&connection, who, Duration::from_secs(20))
            .await;
        assert!(matches!(answer, LeaseAnswer::Held { .. }), "{answer:?}");
        let script = sh(
            "echo $1 >>$2; sleep 0.3; echo $1 >>$2",
            &[who, &stack.path("ran")],
        );
        let ended = connection.run(&script, b"", DEADLINE).await;
        assert_eq!(ended.expect("runs").status, 0);
        connection.close().await;
    };
    let ends = async {
        // Both have the file open that goes.
        eventually("both wait", async || {
            let script = sh(
                "ls -l /proc/[0-9]*/fd 2>/dev/null | grep -c -- \"$1\\$\"",
                &[&stack.path("stack.lock")],
            );
            let open = ann.run(&script, b"", DEADLINE).await.expect("runs");
            String::from_utf8_lossy(&open.stdout).trim() == "3"
        })
        .await;
        ann.close().await;
    };
    tokio::join!(waiting("bob"), waiting("eve"), ends);
    let ran = std::fs::read_to_string(stack.path("ran")).expect("they ran");
    assert!(
        ["bob\nbob\neve\neve\n", "eve\neve\nbob\nbob\n"].contains(&ran.as_str()),
        "one after the other: {ran}"
    );
    assert!(!Path::new(&stack.path("stack.lock")).exists());
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs sshd"]
async fn nobody_gets_the_lock_of_a_stack_on_hold() {
    let sshd = Sshd::start("");
    let stack = Stack(&sshd);
    std::fs::write(
        stack.path("hold"),
        "{\"who\":\"ann\",\n\"reason\":\"moving\"}\n",
    )
    .expect("write");
    let bob = connection(&sshd).await;
    let answer = stack.try_lock(&bob, "bob", Duration::from_secs(20)).await;
    let hold = "{\"who\":\"ann\", \"reason\":\"moving\"} ".to_owned();
    assert_eq!(answer, LeaseAnswer::OnHold { hold });
    bob.close().await;
    std::fs::remove_file(stack.path("hold")).expect("remove");
    std::fs::create_dir(stack.path("stack.lock")).expect("a folder");
    let bob = connection(&sshd).await;
    let answer = stack.try_lock(&bob, "bob", Duration::ZERO).await;
    assert!(matches!(answer, LeaseAnswer::Broken { .. }), "{answer:?}");
    assert_eq!(run(&bob, "echo fine\n").await.stdout, b"fine\n");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs sshd"]
async fn who_lost_the_lock_can_change_nothing() {
    let sshd = Sshd::start("");
    let stack = Stack(&sshd);
    let ann = connection(&sshd).await;
    stack.lock(&ann, "ann").await;
    let streamed = async |body| {
        let script = sh(body, &[]);
        ann.stream(&script, None, &mut quiet, DEADLINE).await
    };
    assert_eq!(streamed("exit 76\n").await.expect("streams").status, 76);
    std::fs::write(stack.path("stack.lock"), "2 bob\n{}\n").expect("write");
    let refused = ann.run(&sh("exit 0\n", &[]), b"input", DEADLINE).await;
    assert!(
        matches!(refused, Err(TransportError::Fenced { .. })),
        "{refused:?}"
    );
    let refused = streamed("exit 0\n").await;
    assert!(
        matches!(refused, Err(TransportError::Fenced { .. })),
        "{refused:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs sshd"]
async fn a_slow_link_is_no_silence() {
    // Each channel's window is 2 MiB: at this rate, a heartbeat behind that much would be ten seconds late.
    const RATE: u64 = 200_000;
    let sshd = Sshd::start("");
    let stack = Stack(&sshd);
    let times = LeaseTimes {
        beat: Duration::from_secs(2),
        silence: Duration::from_secs(8),
    };
    let ann = connect_with(&sshd, sshd.port, times).await;
    stack.lock(&ann, "ann").await;
    ann.link().cut.slow_down(RATE);
    let chunk = Bytes::from(vec![b'x'; 1 << 16]);
    let input = futures_util::stream::iter((0..52).map(move |_| Ok(chunk.clone()))).boxed();
    let began = Instant::now();
    let sent = ann
        .stream(&sh("wc -c\n", &[]), Some(input), &mut quiet, DEADLINE * 3)
        .await;
    let sent = sent.unwrap_or_else(|error| panic!("{}", chain(&error)));
    assert_eq!(sent.stdout, b"3407872\n");
    println!("sent in {:?}", began.elapsed());
    assert!(began.elapsed() > times.silence * 2, "{:?}", began.elapsed());
    ann.close().await;
    assert!(stack.is_free());
}

/// Passes bytes on to an sshd until it is told to lose them, or to close both sides.
struct Line {
    port: u16,
    lost: Arc<AtomicBool>,
    passing: tokio::task::JoinHandle<()>,
}

impl Line {
    async fn to(sshd: &Sshd) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let (lost, target) = (Arc::new(AtomicBool::new(false)), sshd.port);
        let is_lost = lost.clone();
        let passing = tokio::spawn(async move {
            let (client, _) = listener.accept().await.expect("accepts");
            let server = TcpStream::connect(("127.0.0.1", target))
                .await
                .expect("connects");
            let (mut from_client, mut to_client) = client.into_split();
            let (mut from_server, mut to_server) = server.into_split();
            let pass = async |from: &mut tokio::net::tcp::OwnedReadHalf,
                              to: &mut tokio::net::tcp::OwnedWriteHalf| {
                let mut buffer = vec![0; 65536];
                while let Ok(n @ 1..) = from.read(&mut buffer).await {
                    if is_lost.load(Ordering::SeqCst) {
                        std::future::pending::<()>().await;
                    }
                    if to.write_all(&buffer[..n]).await.is_err() {
                        return;
                    }
                }
            };
            tokio::select! {
                () = pass(&mut from_client, &mut to_server) => {}
                () = pass(&mut from_server, &mut to_client) => {}
            }
        });
        Self {
            port,
            lost,
            passing,
        }
    }

    fn lose(&self) {
        self.lost.store(true, Ordering::SeqCst);
    }
}

/// A connection that holds the lock and runs a script in the session, and one in a channel of its own.
/// The session's folder comes with it.
async fn in_the_middle(
    sshd: &Sshd,
    port: u16,
    markers: [&'static str; 2],
) -> (Arc<SshConnection>, PathBuf) {
    let connection = Arc::new(connect_through(sshd, port).await);
    let stack = Stack(sshd);
    stack.lock(&connection, "ann").await;
    stack.leave_pending(&markers.join(" "));
    let folder = run(&connection, "printf %s \"$STACKCTL_SESSION\"\n")
        .await
        .stdout;
    let folder = PathBuf::from(String::from_utf8(folder).expect("a path"));
    assert!(folder.exists());
    let session = connection.clone();
    tokio::spawn(async move {
        let script = sh(
            "sleep \"$1\"; echo never >>\"$2\"\n",
            &[markers[0], "/dev/null"],
        );
        let _ = session.run(&script, b"", DEADLINE).await;
    });
    let channel = connection.clone();
    tokio::spawn(async move {
        // One that defends itself.
        let script = sh(
            "trap '' TERM HUP; sleep \"$1\"; sleep \"$1\"\n",
            &[markers[1]],
        );
        let _ = channel.stream(&script, None, &mut quiet, DEADLINE).await;
    });
    for marker in markers {
        eventually("both run", async || alive(&format!("sleep {marker}"))).await;
    }
    (connection, folder)
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs sshd"]
async fn a_run_that_is_cut_off_is_ended_and_taken_back_once() {
    let sshd = Sshd::start("");
    let stack = Stack(&sshd);
    let line = Line::to(&sshd).await;
    let (ann, folder) = in_the_middle(&sshd, line.port, ["2051", "2052"]).await;
    line.passing.abort();
    let took = stack.becomes_free().await;
    println!("free {took:?} after the connection was cut");
    assert!(took < Duration::from_secs(5), "{took:?}");
    assert!(!folder.exists(), "{folder:?}");
    assert_eq!(
        stack.told(),
        "undone\n",
        "after all had ended, before the lock was free"
    );
    assert!(
        stack.history().contains("its connection ended"),
        "{}",
        stack.history()
    );
    let error = ann
        .run(&sh("true\n", &[]), b"", DEADLINE)
        .await
        .expect_err("lost");
    assert!(
        matches!(error, TransportError::LostInRun { .. }),
        "{}",
        chain(&error)
    );
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(stack.told(), "undone\n", "once");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs sshd"]
async fn both_sides_give_up_when_the_network_swallows_everything() {
    let sshd = Sshd::start("");
    let stack = Stack(&sshd);
    let line = Line::to(&sshd).await;
    let (ann, folder) = in_the_middle(&sshd, line.port, ["2053", "2054"]).await;
    // Heartbeats keep it for longer than the silence that ends it.
    tokio::time::sleep(TIMES.silence * 2).await;
    assert!(!stack.is_free());
    // An upload that nobody takes any more: russh is stuck in writing it.
    let uploading = ann.clone();
    tokio::spawn(async move {
        let input = futures_util::stream::repeat_with(|| Ok(Bytes::from(vec![0; 1 << 16]))).boxed();
        let script = sh("cat >/dev/null\n", &[]);
        uploading
            .stream(&script, Some(input), &mut quiet, DEADLINE)
            .await
    });
    tokio::time::sleep(Duration::from_millis(200)).await;
    line.lose();
    let lost = Instant::now();
    let error = ann
        .run(&sh("true\n", &[]), b"", DEADLINE)
        .await
        .expect_err("lost");
    println!("given up after {:?}: {}", lost.elapsed(), chain(&error));
    assert!(
        matches!(error, TransportError::LostInRun { .. }),
        "{}",
        chain(&error)
    );
    assert!(
        chain(&error).contains("has not answered"),
        "{}",
        chain(&error)
    );
    assert!(
        lost.elapsed() < Duration::from_secs(4),
        "{:?}",
        lost.elapsed()
    );
    stack.becomes_free().await;
    println!("free {:?} after the network was lost", lost.elapsed());
    assert!(lost.elapsed() < TIMES.silence + Duration::from_secs(5));
    assert_eq!(stack.told(), "undone\n");
    assert!(
        stack.history().contains("nothing was heard of it"),
        "{}",
        stack.history()
    );
    assert!(!folder.exists(), "{folder:?}");
}

/// Is stopped by the test below.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "is run by another test"]
async fn sleeper() {
    let variable = |name: &str| std::env::var(name).ok();
    let Some(port) = variable("STACKCTL_TEST_SLEEPER_PORT") else {
        return;
    };
    let folder = PathBuf::from(variable("STACKCTL_TEST_SLEEPER_FOLDER").expect("a folder"));
    let target = SshTarget {
        address: "127.0.0.1".to_owned(),
        port: port.parse().ok(),
        user: Some(variable("STACKCTL_TEST_LOGIN").unwrap_or_else(|| "root".to_owned())),
        identity: None,
        known_hosts: None,
        jump: None,
        host_key: None,
    };
    let options = ConnectOptions {
        deadline: DEADLINE,
        system: folder.join("etc"),
        home: Some(folder.join("home")),
        agent: None,
        local_user: String::new(),
        lease: TIMES,
    };
    let connection = connect(&target, &options, None).await.expect("connects");
    let path = |name: &str| folder.join(name).to_str().expect("a plain path").to_owned();
    let request = LeaseRequest {
        lock: path("stack.lock"),
        hold: path("hold"),
        pending: path("pending"),
        history: path("history.jsonl"),
        owner: "{\"who\":\"ann\"}".to_owned(),
        wait: Duration::ZERO,
    };
    connection.lock(&request, &|_| {}).await.expect("locks");
    let script = sh("echo written >>\"$1\"\n", &[&path("written")]);
    loop {
        if let Err(error) = connection.run(&script, b"", DEADLINE).await {
            println!("refused {}", chain(&error));
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs sshd"]
async fn a_run_that_was_paused_wakes_up_to_nothing() {
    let sshd = Sshd::start("");
    let stack = Stack(&sshd);
    let sleeper = Command::new(std::env::current_exe().expect("a path"))
        .args([
            "--ignored",
            "--exact",
            "transport::tests::lease::sleeper",
            "--nocapture",
        ])
        .env("STACKCTL_TEST_SLEEPER_PORT", sshd.port.to_string())
        .env("STACKCTL_TEST_SLEEPER_FOLDER", sshd.folder.path())
        .stdout(Stdio::piped())
        .spawn()
        .expect("starts");
    let written = || std::fs::read_to_string(stack.path("written")).unwrap_or_default();
    eventually("it writes", async || !written().is_empty()).await;
    let signal = |name: &str| {
        let sent = Command::new("kill")
            .args(["-s", name, &sleeper.id().to_string()])
            .status();
        assert!(sent.expect("kill is there").success());
    };
    signal("STOP");
    stack.leave_pending("");
    let took = stack.becomes_free().await;
    println!("free {took:?} after the run was paused");
    assert_eq!(stack.told(), "undone\n");
    let bob = connection(&sshd).await;
    stack.lock(&bob, "bob").await;
    let before = written();
    signal("CONT");
    let ended = sleeper.wait_with_output().expect("waits");
    let said = String::from_utf8_lossy(&ended.stdout);
    assert!(
        said.contains("refused the connection to 127.0.0.1 was lost"),
        "{said}"
    );
    assert_eq!(written(), before);
    bob.close().await;
}
