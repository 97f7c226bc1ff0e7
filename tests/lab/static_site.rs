//! A front end that its host builds: what visitors get of it before, while and after it changes.

use std::fs;
use std::path::PathBuf;

use stackctl::load::Request;

use super::load::Load;
use super::scenario::{Lab, Ran, http, same};

#[test]
#[ignore = "needs docker"]
fn a_front_end_is_built_on_its_host_and_open_pages_keep_their_files() {
    let lab = Lab::boot("static", "bookworm");
    let site = Site::new(&lab);

    lab.step("a fresh host builds and serves it");
    site.run("provision").expect_ok();
    let ran = site.run("provision");
    assert!(ran.expect_ok().stdout.contains("no changes"), "{ran}");
    site.source("one");
    site.run("deploy").expect_ok();
    let first = site.asset("one");
    site.changes_nothing();
    let open = lab.url(80);
    let page = text(&format!("{open}/"));
    let public = format!("127.0.0.1:{}", lab.host().ports[&80]);
    assert!(page.contains(&format!("host = '{public}'")), "{page}");
    assert!(page.contains("mode = '100% of $HOME \"x\"'"), "{page}");
    assert_eq!(
        lab.root("ls -d /run/docker.sock /usr/sbin/dockerd 2>/dev/null || true"),
        ""
    );

    lab.step("who builds is nobody, and nothing of a build is left but what it downloaded");
    let told = text(&format!("{open}/build.txt"));
    assert!(
        told.starts_with("uid=") && !told.contains("uid=0"),
        "{told}"
    );
    assert!(told.contains("EROFS") || told.contains("EACCES"), "{told}");
    assert_eq!(
        lab.root("ls /var/lib/stackctl/site/builds/page"),
        "downloads"
    );
    let own = "find /var/lib/stackctl/site/releases -not -user root -o -perm /022 -not -type l";
    assert_eq!(lab.root(own), "");

    lab.step("addresses of the app lead to its page, and what is missing is missing");
    let html = "text/html,application/xhtml+xml,*/*;q=0.8";
    for (path, accept, status) in [
        ("/deep/link", html, 200),
        ("/deep/link", "*/*", 200),
        ("/people/ada.lovelace", html, 200),
        ("/missing.js", "*/*", 404),
        ("/missing.png", "image/avif,image/webp,*/*", 404),
        ("/assets/missing-00000000.js", html, 404),
        ("/assets/", html, 200),
        ("/.env", html, 404),
        ("/..%2f..%2fmanifest.json", "*/*", 400),
        ("/assets/..%2f..%2f..%2fmanifest.json", "*/*", 400),
        ("/assets/../../../manifest.json", "*/*", 400),
    ] {
        let (found, headers) = site.ask(path, accept, "identity");
        assert_eq!(found, status, "{path}, {accept}: {headers}");
    }
    let (_, headers) = site.ask("/", html, "identity");
    assert!(headers.contains("cache-control: no-cache"), "{headers}");
    // A page that has not changed must not be kept from then on: the next deploy would not be seen.
    let etag = headers.lines().find_map(|line| line.strip_prefix("etag: "));
    let known = format!("{html}\r\nIf-None-Match: {}", etag.expect("an ETag"));
    let (status, headers) = site.ask("/", &known, "identity");
    assert_eq!(status, 304, "{headers}");
    assert!(!headers.contains("max-age"), "{headers}");
    let (_, headers) = site.ask(&first, "*/*", "gzip");
    assert!(
        headers.contains("cache-control: public, max-age=31536000, immutable"),
        "{headers}"
    );
    assert!(headers.contains("content-encoding: gzip"), "{headers}");
    assert!(
        headers.contains("content-type: application/javascript"),
        "{headers}"
    );
    let (_, headers) = site.ask("/assets/missing-00000000.js", "*/*", "identity");
    assert!(!headers.contains("immutable"), "{headers}");

    let load = Load::of(&open, 45.0, ["/", "/deep/link"].map(Request::get).into());
    lab.step("a changed source is built and switched to under load; an open page keeps its files");
    site.source("two");
    let before = load.good();
    site.run("deploy").expect_ok();
    let second = site.asset("two");
    assert_ne!(first, second);
    assert!(text(&format!("{open}{first}")).contains("one"));
    assert!(load.good() > before + 20, "visitors came meanwhile");
    load.lost_nothing();
    site.changes_nothing();

    lab.step("a build that fails, makes nothing, or takes too long leaves all as it was");
    let state = site.state();
    site.build("console.log('cannot find ./App'); process.exit(3);");
    site.run("deploy")
        .expect(6)
        .says("cannot find ./App")
        .says("ended with exit code 3");
    same(&state, &site.state());
    site.build("console.log('done');");
    site.run("deploy").expect(6).says("has made no folder dist");
    same(&state, &site.state());
    site.build("setInterval(() => {}, 1000);");
    site.edit("deadline: 2m", "deadline: 5s");
    site.run("deploy").expect(6).says("had not ended after 5 s");
    site.edit("deadline: 5s", "deadline: 2m");
    same(&state, &site.state());
    site.build(
        "import fs from 'node:fs'; fs.mkdirSync('dist'); fs.writeFileSync('dist/app.html', '');",
    );
    site.run("deploy")
        .expect(6)
        .says("`fallback` names index.html, which the build has not made");
    same(&state, &site.state());
    site.build(STALE);
    site.run("deploy")
        .expect(6)
        .says("app.js.gz is not what the file beside it is when it is compressed");
    same(&state, &site.state());

    lab.step("what builds have downloaded is not kept for ever");
    let downloads = "/var/lib/stackctl/site/builds/page/downloads";
    lab.root(&format!("fallocate -l 1100M {downloads}/old"));
    site.source("three");
    let lock = lab.path("client/package-lock.json");
    let locked = fs::read_to_string(&lock).expect("the lock");
    fs::remove_file(&lock).expect("remove");
    site.run("deploy").expect(3).says("package-lock.json");
    fs::write(&lock, locked).expect("write");
    same(&state, &site.state());
    site.asset("two");
    load.lost_nothing();

    lab.step("a rollback is a rename, and both pages find their files");
    site.run("rollback").expect_ok();
    assert_eq!(site.asset("one"), first);
    assert!(text(&format!("{open}{second}")).contains("two"));
    load.lost_nothing();

    lab.step("what is older than the releases that are kept is gone, with its assets");
    for version in ["three", "four"] {
        site.source(version);
        site.run("deploy").expect_ok();
        site.asset(version);
    }
    assert_eq!(
        lab.root(&format!("ls {downloads} 2>/dev/null | grep -x old || true")),
        ""
    );
    site.changes_nothing();
    assert!(
        text(&format!("{open}{first}")).contains("one"),
        "it served before the last but one"
    );
    let (status, _) = site.ask(&second, "*/*", "identity");
    assert_eq!(status, 404, "it is not kept");
    load.lost_nothing();

    lab.step("what somebody removed is found, and made again");
    lab.root("rm /var/lib/stackctl/site/assets/page");
    let ran = site.run("plan");
    assert!(
        ran.expect_ok().stdout.contains("/assets/page to page."),
        "{ran}"
    );
    site.run("deploy").expect_ok();
    assert!(text(&format!("{open}{first}")).contains("one"));

    lab.step("the same is built on the machine that deploys");
    if std::process::Command::new("npm")
        .arg("--version")
        .output()
        .is_ok()
    {
        site.edit("on: host", "on: local");
        site.source("five");
        site.run("provision").expect_ok();
        site.run("deploy").expect_ok();
        site.asset("five");
        site.changes_nothing();
    }
    lab.step(&format!("{} requests, none lost", load.good()));
    load.lost_nothing();
    drop(load);

    lab.step("and all goes without a trace");
    site.with(&["destroy", "--confirm", "site"]).expect_ok();
    let left = lab.root(
        "ls -d /var/lib/stackctl /run/stackctl/site /etc/nginx/sites-*/site.conf 2>/dev/null; \
         getent passwd | grep stackctl-; systemctl list-units --all --plain --no-legend 'site-*' || true",
    );
    assert_eq!(left, "");
}

fn text(url: &str) -> String {
    let (status, text) = http("GET", url, None).expect("an answer");
    assert_eq!(status, 200, "{url}: {text}");
    text
}

/// A build whose compressed script is an old one.
const STALE: &str = r#"
import { mkdirSync, writeFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
mkdirSync("dist");
writeFileSync("dist/index.html", "${HOST}");
writeFileSync("dist/app.js", "new");
writeFileSync("dist/app.js.gz", gzipSync("old"));
"#;

/// A documentation built with a package from PyPI, and files that are sent as they are.
#[test]
#[ignore = "needs docker"]
fn a_site_built_with_python_answers_below_its_path_beside_files_that_are_sent() {
    let lab = Lab::boot("docs", "bookworm");
    let site = Site {
        yaml: lab.path("stackctl.yaml"),
        lab: &lab,
    };
    let yaml = format!(
        "stack: site\nhosts:\n{}services:\n  docs:\n    static:\n      root: docs\n      \
         build: {{command: [python, build.py], install: python, output: site, deadline: 3m}}\n      \
         fallback: app.html\n  page: {{static: {{root: page, fallback: index.html}}}}\n\
         sites:\n  site:\n    routes: {{/: page, /docs: docs}}\n",
        lab.host_yaml()
    );
    fs::write(&site.yaml, yaml).expect("write the yaml");
    let put = |file: &str, contents: &[u8]| {
        let path = lab.path(file);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, contents).expect("write");
    };
    put("docs/requirements.txt", b"Markdown==3.9\n");
    let build = "import gzip, markdown, pathlib\n\
        site = pathlib.Path('site')\n\
        (site / 'deep').mkdir(parents=True)\n\
        (site / 'app.html').write_text(markdown.markdown('# the docs'))\n\
        (site / 'deep' / 'page.txt').write_text('deep ' * 400)\n\
        (site / 'deep' / 'page.txt.gz').write_bytes(gzip.compress(b'deep ' * 400))\n";
    put("docs/build.py", build.as_bytes());
    put("page/other.html", b"other");

    lab.step("a page that is not there is told before anything is changed");
    site.run("provision").expect_ok();
    let missing = site.run("deploy");
    missing
        .expect(3)
        .says("page/index.html is not there, though `fallback` of `page` names it");
    put("page/index.html", b"the page");

    lab.step("so is a file beside another that it is not compressed from");
    put("page/app.js", b"new");
    let packed = |text: &str| {
        let packed = std::process::Command::new("sh")
            .args(["-c", "printf %s \"$0\" | gzip -nc", text])
            .output();
        packed.expect("gzip").stdout
    };
    put("page/app.js.gz", &packed("old"));
    site.run("deploy")
        .expect(3)
        .says("page/app.js.gz is not what the file beside it is when it is compressed");
    let releases = lab.root("ls -A /var/lib/stackctl/site/releases/*");
    assert_eq!(releases.split_whitespace().count(), 2, "{releases}");
    put("page/app.js.gz", &packed("new"));

    lab.step("a requirement that cannot be had is told in pip's words");
    put("docs/requirements.txt", b"no-such-package-of-ours==9.9.9\n");
    site.run("deploy")
        .expect(6)
        .says("No matching distribution found for no-such-package-of-ours==9.9.9")
        .says("ended with exit code 1");
    put("docs/requirements.txt", b"Markdown==3.9\n");

    lab.step("both serve, each below its path");
    site.run("deploy").expect_ok();
    let html = "text/html,*/*;q=0.8";
    for (path, accept, encoding, status, seen) in [
        ("/", html, "identity", 200, ""),
        ("/docs", html, "identity", 301, "location: "),
        ("/docs/", html, "identity", 200, ""),
        ("/docs/deep/link", html, "identity", 200, ""),
        ("/docs/missing.js", "*/*", "identity", 404, ""),
        (
            "/docs/deep/page.txt",
            "*/*",
            "gzip",
            200,
            "content-encoding: gzip",
        ),
        ("/app.js", "*/*", "gzip", 200, "content-encoding: gzip"),
        ("/missing.js", "*/*", "identity", 404, ""),
    ] {
        let (found, headers) = site.ask(path, accept, encoding);
        assert_eq!(found, status, "{path}: {headers}");
        assert!(headers.contains(seen), "{path}: {headers}");
    }
    let url = lab.url(80);
    for path in ["/docs/", "/docs/deep/link", "/docs/deep/"] {
        assert_eq!(text(&format!("{url}{path}")), "<h1>the docs</h1>", "{path}");
    }
    assert_eq!(text(&format!("{url}/docsother")), "the page");
    assert_eq!(text(&format!("{url}/deep/link")), "the page");
    assert_eq!(
        text(&format!("{url}/docs/deep/page.txt")),
        "deep ".repeat(400)
    );
    site.changes_nothing();
}

/// A front end without a package from anywhere, in versions.
struct Site<'a> {
    lab: &'a Lab,
    yaml: PathBuf,
}

impl<'a> Site<'a> {
    fn new(lab: &'a Lab) -> Self {
        let yaml = lab.path("stackctl.yaml");
        let text = format!(
            "stack: site\nkeep: 2\nhosts:\n{}services:\n  page:\n    static:\n      root: client\n      \
             build: {{command: [npm, run, build], deadline: 2m, on: host, env: {{MODE: '100% of $HOME \"x\"'}}}}\n      \
             assets: [assets]\n      fallback: index.html\n      fill:\n        index.html: {{HOST: '{{{{ host.public }}}}'}}\n\
             sites:\n  site:\n    routes: {{/: page}}\n",
            lab.host_yaml()
        );
        fs::write(&yaml, text).expect("write the yaml");
        fs::create_dir(lab.path("client")).expect("a folder");
        let package = r#"{"name": "client", "version": "1.0.0", "private": true, "scripts": {"build": "node build.mjs"}, "dependencies": {"theme": "file:theme"}}"#;
        let lock = r#"{"name": "client", "version": "1.0.0", "lockfileVersion": 3, "requires": true, "packages": {
            "": {"name": "client", "version": "1.0.0", "dependencies": {"theme": "file:theme"}},
            "node_modules/theme": {"resolved": "theme", "link": true}, "theme": {"version": "1.0.0"}}}"#;
        fs::write(lab.path("client/package.json"), package).expect("write");
        fs::write(lab.path("client/package-lock.json"), lock).expect("write");
        fs::create_dir(lab.path("client/theme")).expect("a folder");
        let theme = r#"{"name": "theme", "version": "1.0.0", "main": "index.js"}"#;
        fs::write(lab.path("client/theme/package.json"), theme).expect("write");
        let colour = "module.exports = { colour: 'teal' };\n";
        fs::write(lab.path("client/theme/index.js"), colour).expect("write");
        Self { lab, yaml }
    }

    fn build(&self, script: &str) {
        fs::write(self.lab.path("client/build.mjs"), script).expect("write");
    }

    /// A build script whose script's name holds a digest of its content.
    fn source(&self, version: &str) {
        let script = r#"
import { createHash } from "node:crypto";
import { execSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import theme from "theme";

console.log("building version VERSION");
mkdirSync("dist/assets", { recursive: true });
const script = `document.title = "VERSION"; /* ${theme.colour.repeat(600)} */`;
const name = `assets/app-${createHash("sha256").update(script).digest("hex").slice(0, 8)}.js`;
writeFileSync(`dist/${name}`, script);
writeFileSync("dist/.env", "SECRET=1");
const mode = JSON.stringify(process.env.MODE).slice(1, -1).replaceAll('\\"', '"');
writeFileSync("dist/index.html", `<script>host = '\${HOST}'; mode = '${mode}'</script><script src="/${name}"></script>`);
let told = execSync("id").toString();
try { writeFileSync("/var/lib/stackctl/site/here", ""); } catch (error) { told += error.code; }
writeFileSync("dist/build.txt", told);
"#;
        self.build(&script.replace("VERSION", version));
    }

    fn run(&self, command: &str) -> Ran {
        let yes = (command != "plan").then_some("--yes");
        let arguments = ["-c", self.yaml.to_str().expect("text"), command];
        self.lab.stackctl(arguments.into_iter().chain(yes))
    }

    fn with(&self, words: &[&str]) -> Ran {
        let (command, rest) = words.split_first().expect("a command");
        let yaml = self.yaml.to_str().expect("text");
        self.lab.stackctl([&[*command, "-c", yaml], rest].concat())
    }

    fn edit(&self, from: &str, to: &str) {
        let text = fs::read_to_string(&self.yaml).expect("the yaml");
        assert!(text.contains(from), "{text}");
        fs::write(&self.yaml, text.replace(from, to)).expect("write the yaml");
    }

    fn changes_nothing(&self) {
        let ran = self.run("deploy");
        assert!(ran.expect_ok().stdout.contains("no changes"), "{ran}");
    }

    /// The path of the script that the page names, which must be of this version.
    fn asset(&self, version: &str) -> String {
        let url = self.lab.url(80);
        let page = text(&format!("{url}/"));
        let (_, rest) = page.split_once("src=\"").expect("a script");
        let (path, _) = rest.split_once('"').expect("its end");
        let script = text(&format!("{url}{path}"));
        assert!(
            script.contains(&format!("title = \"{version}\"")),
            "{script}"
        );
        path.to_owned()
    }

    /// Status and headers, in lower case, of a request that is sent as it is.
    fn ask(&self, path: &str, accept: &str, encoding: &str) -> (u16, String) {
        use std::io::{Read as _, Write as _};
        let port = self.lab.host().ports[&80];
        let mut stream = std::net::TcpStream::connect(("127.0.0.1", port)).expect("a connection");
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: localhost\r\nAccept: {accept}\r\nAccept-Encoding: {encoding}\r\nConnection: close\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).expect("it is sent");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).expect("an answer");
        let answer = String::from_utf8_lossy(&answer);
        let (head, _) = answer.split_once("\r\n\r\n").expect("headers");
        let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
        (status.expect("a status"), head.to_ascii_lowercase())
    }

    /// All that a deploy may change and one that failed must not have.
    fn state(&self) -> String {
        self.lab.root(
            "find /var/lib/stackctl/*/current /var/lib/stackctl/*/assets /var/lib/stackctl/*/releases \
               -printf '%p %M %U %l\\n' | sort; ls /var/lib/stackctl/site/builds/page; \
             systemctl list-units --all --plain --no-legend 'site-*'; sha256sum /var/lib/stackctl/*/manifest.json",
        )
    }
}
