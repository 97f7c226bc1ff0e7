//! The message board, by its README: pictures in what stands for S3, keys in `.env`, an image by its own Dockerfile, HTTPS.

use std::fs::{self, File};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use stackctl::load::Request;

use super::browser::Browser;
use super::example::{Readme, Stack};
use super::load::Load;
use super::main_job::open_ports;
use super::scenario::{Lab, PATIENCE, Ran, block_on, eventually, http, quote};
use super::tls::{LAB_ACME, OWN_ADDRESS, authority, leads};

/// By which the example's site is known.
pub const NAME: &str = "messages.example.com";
/// One red dot.
const PICTURE: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x02\0\0\0\x90wS\xde\0\0\0\x0cIDATx\x9cc\xf8\xcf\xc0\0\0\x03\x01\x01\0\xc9\xfe\x92\xef\0\0\0\0IEND\xaeB`\x82";
const KEY: &str = "lab-secret-key-77e1c0";

#[test]
#[ignore = "needs docker"]
fn the_board_keeps_texts_and_pictures_over_deploys_rollbacks_and_reboots() {
    let lab = Lab::ready("messages", "bookworm");
    let bucket = Bucket::start();
    let app = App::new(&lab, &bucket);
    let mut readme = Readme::of(&lab, "messages", "");
    authority(&lab, &lab.path("messages/lab-ca.pem"));
    leads(&lab, NAME, OWN_ADDRESS);

    lab.step("a host gets a certificate and serves");
    readme.follow("stackctl provision");
    readme.follow("stackctl deploy");
    readme.follow("stackctl status");
    app.says("version one");
    app.stack.changes_nothing();

    lab.step("the board is shut in");
    let board = app.container();
    let shown = lab.root(&format!(
        "docker inspect -f '{{{{.Config.User}}}} {{{{.HostConfig.PortBindings}}}}' {board}"
    ));
    assert_eq!(shown, "10001:10001 map[]");
    let listening = lab.root(&format!(
        "docker exec {board} id -u; readlink /run/stackctl/messages/board.sock"
    ));
    assert!(listening.starts_with("10001\nboard."), "{listening}");

    lab.step("nothing but nginx and sshd can be reached");
    assert_eq!(open_ports(&lab), "22 80 443");
    assert_eq!(lab.scan(), "22 80 443");

    lab.step("by its name with HTTPS, where HTTP leads to");
    let plain = format!("http://{NAME}/messages?before=9");
    assert_eq!(
        app.by_name(&plain),
        format!("301 https://{NAME}/messages?before=9 0")
    );
    assert_eq!(app.by_name(&format!("https://{NAME}/messages")), "200  0");
    app.curl(&mut readme, "curl https://messages.example.com/messages");
    let posted = app.curl(&mut readme, "curl -F text=");
    assert_eq!(posted["text"], "A seal!");

    app.person(&bucket);
    let refused = app.ask(&format!(
        "-F text=x -F picture=@{}",
        lab.path("messages/board/main.py").display()
    ));
    let why = "the picture is no PNG, JPEG, GIF or WebP";
    assert_eq!(refused["error"], why);

    lab.step("what is in .env is nowhere else");
    let env = fs::read_to_string(lab.path("messages/.env")).expect("the file");
    assert!(env.contains(KEY));
    let places = [
        lab.root("cat /var/lib/stackctl/messages/releases/*/*/release.json /var/lib/stackctl/messages/*.json*"),
        lab.root("docker images -q | xargs -n 1 docker history --no-trunc"),
        lab.root("journalctl --no-pager -o json --output-fields=MESSAGE,_CMDLINE"),
        app.stack.with(&["plan", "-vv"]).stdout,
        app.stack.with(&["history"]).stdout,
    ];
    for (at, text) in places.iter().enumerate() {
        assert!(text.len() > 40, "{at} could be read: {text}");
        assert!(!text.contains(KEY), "a key is in place {at}");
    }
    let kept = lab.root(&format!(
        "grep -rlF {KEY} /var/lib/stackctl /etc /srv /tmp 2>/dev/null | xargs stat -c '%a %U %n'"
    ));
    assert!(
        kept.lines().count() == 1
            && kept.starts_with("600 root /var/lib/stackctl/messages/releases/board/"),
        "{kept}"
    );
    let image = format!(
        "docker run --rm --entrypoint ls $(docker inspect -f '{{{{.Image}}}}' {board}) -A /app"
    );
    assert!(!lab.root(&image).contains(".env"));

    let root = lab.root("cat /root/root.pem");
    let load = Load::by_name(
        NAME,
        format!("127.0.0.1:{}", lab.host().ports[&443]),
        &root,
        vec![Request::get("/"), Request::get("/messages")],
    );
    lab.step("a changed page and board, under load");
    let before = load.good();
    app.version("version two");
    app.stack.run("deploy").expect_ok();
    app.says("version two");
    assert!(load.good() > before + 20, "visitors came meanwhile");
    load.lost_nothing();
    app.stack.changes_nothing();

    lab.step("another CDN in .env, under load, is a new release of the board alone");
    let served = app.serving();
    let cdn = format!("{}/", bucket.url());
    let other = cdn.replace("127.0.0.1", "localhost");
    fs::write(lab.path("messages/.env"), env.replace(&cdn, &other)).expect("write");
    app.stack.run("deploy").expect_ok();
    let now = app.serving();
    assert_eq!(served[1], now[1], "the page is as it was");
    assert_ne!(served[0], now[0], "the board is another");
    assert!(app.picture(0).starts_with("http://localhost:"));
    load.lost_nothing();

    lab.step("back to the version before, under load, with the .env that it had");
    readme.follow("stackctl rollback");
    assert!(app.picture(0).starts_with(&cdn));
    load.lost_nothing();
    fs::write(lab.path("messages/.env"), &env).expect("write");
    lab.step(&format!("{} requests, none lost", load.good()));
    drop(load);

    lab.step("looks");
    let ran = readme.follow("stackctl logs board");
    assert!(ran.stdout.contains("Uvicorn running"), "{ran}");
    let ran = readme.follow("stackctl db db");
    assert!(ran.stdout.contains("COUNT(*)"), "{ran}");

    lab.step("it is stopped and started by hand");
    readme.follow("stackctl stop board");
    assert_eq!(app.by_name(&format!("https://{NAME}/messages")), "502  0");
    readme.follow("stackctl start board");
    assert_eq!(app.by_name(&format!("https://{NAME}/messages")), "200  0");

    lab.step("it is right after a reboot");
    block_on(stackctl::lab::reboot(lab.host())).expect("the host comes back");
    eventually("it serves", PATIENCE, || {
        let said = app.try_by_name(&format!("https://{NAME}/messages"));
        (said.stdout.trim() == "200  0")
            .then_some(())
            .ok_or(said.stdout)
    });
    assert!(app.picture(0).starts_with(&cdn));
    app.stack.run("status").expect_ok();

    lab.step("the stack goes, and nothing is left");
    app.stack.goes_without_a_trace();
    readme.is_followed();
}

/// Writes the example's `.env`.
pub fn fill(lab: &Lab, stack: &Stack<'_>, bucket: &Bucket) {
    let gateway = lab.root("ip route show default | awk '{print $3; exit}'");
    let filled = stack
        .read(".env.example")
        .lines()
        .fold(String::new(), |all, line| {
            let line = match line.split_once('=') {
                Some(("AWS_ACCESS_KEY_ID", _)) => "AWS_ACCESS_KEY_ID=lab".to_owned(),
                Some(("AWS_SECRET_ACCESS_KEY", _)) => format!("AWS_SECRET_ACCESS_KEY='{KEY}'"),
                Some(("CDN_URL", _)) => format!("CDN_URL={}/", bucket.url()),
                Some(("# AWS_ENDPOINT_URL_S3", _)) => {
                    format!("AWS_ENDPOINT_URL_S3=http://{gateway}:{}", bucket.port)
                }
                _ => line.to_owned(),
            };
            all + &line + "\n"
        });
    stack.write(".env", &filled);
}

/// The board in versions.
struct App<'a> {
    lab: &'a Lab,
    stack: Stack<'a>,
    page: String,
}

impl<'a> App<'a> {
    fn new(lab: &'a Lab, bucket: &Bucket) -> Self {
        let stack = Stack::unpack(lab, "messages", "stackctl.yaml", |yaml| {
            let lets_encrypt = "    tls: acme\n";
            assert!(yaml.contains(lets_encrypt), "{yaml}");
            yaml.replace(lets_encrypt, &format!("    tls: {{acme: {LAB_ACME}}}\n"))
        });
        fill(lab, &stack, bucket);
        let app = Self {
            lab,
            page: stack.read("page/index.html"),
            stack,
        };
        app.version("version one");
        app
    }

    /// A page that says which it is, and a board that is another as well.
    fn version(&self, version: &str) {
        let title = "<title>Messages</title>";
        assert!(self.page.contains(title), "{}", self.page);
        let to = format!("<title>{version}</title>");
        self.stack
            .write("page/index.html", &self.page.replace(title, &to));
        self.stack.write("board/VERSION", version);
    }

    fn says(&self, version: &str) {
        let said = self
            .lab
            .root(&self.request(&format!("https://{NAME}/"), ""));
        assert!(said.contains(version), "{said}");
    }

    fn person(&self, bucket: &Bucket) {
        self.lab
            .step("a person posts a text with a picture, and sees it first");
        let file = self.lab.path("dot.png");
        fs::write(&file, PICTURE).expect("write");
        let ports = &self.lab.host().ports;
        let browser = Browser::finding(NAME, &[(80, ports[&80]), (443, ports[&443])]);
        browser.open(&format!("http://{NAME}/"));
        assert_eq!(browser.address(), format!("https://{NAME}/"));
        browser.type_into("#text", "Two <b>otters</b>");
        browser.type_into("#picture", file.to_str().expect("a path that is text"));
        browser.click("#form button");
        let first = || {
            eventually("it is shown first", Duration::from_secs(20), || {
                let texts = browser.texts("#messages li p");
                let wide = "return document.querySelector('#messages li img')?.naturalWidth ?? 0";
                let wide = browser.run(wide, &Value::Array(Vec::new()));
                let is_shown = texts
                    .first()
                    .is_some_and(|text| text == "Two <b>otters</b>");
                (is_shown && wide == 1)
                    .then_some(())
                    .ok_or(format!("{texts:?} {wide} {:?}", browser.texts("#status")))
            });
        };
        first();
        browser.screenshot(&self.lab.artifacts().join("messages.png"));
        browser.reload();
        first();
        let address = self.picture(0);
        assert!(
            address.starts_with(&format!("{}/pictures/", bucket.url())),
            "{address}"
        );
        let (status, _) = http("GET", &address, None).expect("an answer");
        assert_eq!(status, 200, "it lies in the bucket");
    }

    /// Where the picture of a message is, the newest first.
    fn picture(&self, at: usize) -> String {
        let all = self.ask("");
        all[at]["picture"].as_str().unwrap_or_default().to_owned()
    }

    /// The board's answer to curl with these arguments, on this machine.
    fn ask(&self, arguments: &str) -> Value {
        let url = format!("https://{NAME}/messages");
        let text = format!("{} {arguments} {url}", self.curl_here());
        let mut shell = Command::new("sh");
        shell.args(["-ec", &text]).env("no_proxy", "*");
        let ran = self.lab.finish(shell);
        ran.expect_ok().json()
    }

    /// A command of the README, with the lab's host under its name.
    fn curl(&self, readme: &mut Readme<'_>, beginning: &str) -> Value {
        let line = readme.take(beginning);
        let text = line.replacen("curl", &self.curl_here(), 1);
        let mut shell = readme.shell(&text);
        shell.env("no_proxy", "*");
        let ran = self.lab.finish(shell);
        ran.expect_ok().json()
    }

    fn curl_here(&self) -> String {
        let port = self.lab.host().ports[&443];
        format!("curl -sS -k --connect-to {NAME}:443:127.0.0.1:{port}")
    }

    /// What a visitor who goes by the name gets: status, where it leads to, and 0 when the certificate is good.
    #[track_caller]
    fn by_name(&self, url: &str) -> String {
        self.try_by_name(url)
            .expect_ok()
            .stdout
            .trim_end_matches('\n')
            .to_owned()
    }

    fn try_by_name(&self, url: &str) -> Ran {
        let words = "-o /dev/null -w '%{http_code} %{redirect_url} %{ssl_verify_result}'";
        self.lab.try_root(&self.request(url, words))
    }

    fn request(&self, url: &str, words: &str) -> String {
        format!(
            "curl -sS --cacert /root/root.pem --resolve {NAME}:443:127.0.0.1 --resolve {NAME}:80:127.0.0.1 {words} {}",
            quote(url)
        )
    }

    /// The releases that serve: of the board, and of the page.
    fn serving(&self) -> [String; 2] {
        [
            "/run/stackctl/messages/board.sock",
            "/var/lib/stackctl/messages/current/page",
        ]
        .map(|link| self.lab.root(&format!("readlink {link}")))
    }

    /// The container that serves.
    fn container(&self) -> String {
        let [board, _] = self.serving();
        let id = board.split(['.', '/']).nth(1).expect("a release");
        format!("messages-board-{id}")
    }
}

/// What stands for S3, with the bucket of the example: moto's server, from PyPI.
pub struct Bucket {
    server: Child,
    port: u16,
}

impl Bucket {
    const VERSION: &str = "moto[s3,server]==5.2.5";

    pub fn start() -> Self {
        let folder = Self::installed();
        // For hosts of the lab as well.
        let port = TcpListener::bind(("0.0.0.0", 0))
            .and_then(|free| free.local_addr())
            .expect("a free port")
            .port();
        let server = Command::new(folder.join("bin/moto_server"))
            .args(["-H", "0.0.0.0", "-p", &port.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("moto_server");
        let bucket = Self { server, port };
        eventually("there is a bucket", PATIENCE, || {
            let (status, text) = http("PUT", &bucket.url(), None)?;
            (status == 200).then_some(()).ok_or(text)
        });
        // Anybody may read what lies in it.
        let policy = json!({"Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::messages/*",
        }]});
        let url = format!("{}?policy", bucket.url());
        let (status, text) = http("PUT", &url, Some(&policy)).expect("an answer");
        assert_eq!(status, 200, "{text}");
        bucket
    }

    /// A virtual environment that scenarios share; the first to come makes it while others wait.
    fn installed() -> PathBuf {
        let target = Path::new(env!("CARGO_BIN_EXE_stackctl")).ancestors().nth(2);
        let target = target.expect("the target folder");
        let making = File::create(target.join("moto.lock")).expect("a lock file");
        making.lock().expect("the lock");
        let folder = target.join("moto");
        if !folder.join("whole").is_file() {
            let pip = folder.join("bin/pip");
            for words in [
                vec![
                    "python3",
                    "-m",
                    "venv",
                    "--clear",
                    &folder.display().to_string(),
                ],
                vec![
                    &pip.display().to_string(),
                    "install",
                    "--quiet",
                    Self::VERSION,
                ],
            ] {
                let ended = Command::new(words[0]).args(&words[1..]).status();
                assert!(ended.is_ok_and(|ended| ended.success()), "{words:?}");
            }
            fs::write(folder.join("whole"), Self::VERSION).expect("write");
        }
        folder
    }

    /// Where visitors find it.
    fn url(&self) -> String {
        format!("http://127.0.0.1:{}/messages", self.port)
    }
}

impl Drop for Bucket {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}
