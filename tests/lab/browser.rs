//! A real headless Chromium, driven over WebDriver's HTTP API (https://www.w3.org/TR/webdriver2/).

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use base64::Engine as _;
use serde_json::{Value, json};

use super::scenario::{eventually, http};

/// The key under which WebDriver names an element.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// chromedriver with one session; both end when dropped.
pub struct Browser {
    driver: Child,
    session: String,
    profile: tempfile::TempDir,
}

/// A place on the page, in CSS pixels.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    pub left: f64,
    pub right: f64,
    pub width: f64,
}

impl Browser {
    pub fn start() -> Self {
        Self::with(&[], false)
    }

    /// Finds the ports of a name at other ones of 127.0.0.1, and takes a certificate whose authority only the lab knows.
    pub fn finding(name: &str, ports: &[(u16, u16)]) -> Self {
        let rules = ports
            .iter()
            .map(|(from, to)| format!("MAP {name}:{from} 127.0.0.1:{to}"));
        let rules = rules.collect::<Vec<_>>().join(",");
        Self::with(&[&format!("--host-resolver-rules={rules}")], true)
    }

    fn with(more: &[&str], any_authority: bool) -> Self {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .and_then(|free| free.local_addr())
            .expect("a free port")
            .port();
        let profile = tempfile::tempdir().expect("a temporary folder");
        let driver = Command::new("chromedriver")
            .arg(format!("--port={port}"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver, of Debian's chromium-driver");
        let base = format!("http://127.0.0.1:{port}");
        let mut browser = Self {
            driver,
            session: base.clone(),
            profile,
        };
        eventually("chromedriver answers", Duration::from_secs(30), || {
            let (_, text) = http("GET", &format!("{base}/status"), None)?;
            let ready = text.contains("\"ready\":true");
            ready.then_some(()).ok_or(text)
        });
        let folder = browser.profile.path().display();
        let own = format!("--user-data-dir={folder}");
        let mut arguments = vec![
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--disable-quic",
            "--no-first-run",
            "--no-proxy-server",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--window-size=1200,800",
            &own,
        ];
        arguments.extend(more);
        let wanted = json!({"capabilities": {"alwaysMatch": {
            "acceptInsecureCerts": any_authority, "goog:chromeOptions": {"args": arguments},
        }}});
        let made = call("POST", &format!("{base}/session"), Some(&wanted));
        let id = made["sessionId"].as_str().expect("a session's id");
        browser.session = format!("{base}/session/{id}");
        browser
    }

    pub fn open(&self, url: &str) {
        self.post("url", &json!({ "url": url }));
    }

    pub fn reload(&self) {
        self.post("refresh", &json!({}));
    }

    /// Types into the element, as keys.
    pub fn type_into(&self, selector: &str, text: &str) {
        let element = self.find(selector);
        self.post(
            &format!("element/{element}/value"),
            &json!({ "text": text }),
        );
    }

    pub fn click(&self, selector: &str) {
        let element = self.find(selector);
        self.post(&format!("element/{element}/click"), &json!({}));
    }

    /// The text of each element, as a person sees it; all of it for drawings.
    pub fn texts(&self, selector: &str) -> Vec<String> {
        let script = "return [...document.querySelectorAll(arguments[0])].map(e => e.innerText ?? e.textContent)";
        let texts = self.run(script, &json!([selector]));
        serde_json::from_value(texts).expect("texts")
    }

    /// Where it is, after all redirects.
    pub fn address(&self) -> String {
        let told = call("GET", &format!("{}/url", self.session), None);
        told.as_str().expect("an address").to_owned()
    }

    pub fn place(&self, selector: &str) -> Place {
        let script = "const b = document.querySelector(arguments[0]).getBoundingClientRect();\
            return [b.left, b.right, b.width]";
        let [left, right, width]: [f64; 3] =
            serde_json::from_value(self.run(script, &json!([selector]))).expect("numbers");
        Place { left, right, width }
    }

    pub fn screenshot(&self, file: &Path) {
        let picture = call("GET", &format!("{}/screenshot", self.session), None);
        let bytes = base64::engine::general_purpose::STANDARD
            .decode(picture.as_str().expect("a picture"))
            .expect("base64");
        fs::write(file, bytes).expect("write the screenshot");
    }

    /// Runs a script in the page and waits for what it returns, also for what it has promised.
    pub fn run(&self, script: &str, arguments: &Value) -> Value {
        self.post(
            "execute/sync",
            &json!({"script": script, "args": arguments}),
        )
    }

    fn find(&self, selector: &str) -> String {
        let found = self.post(
            "element",
            &json!({"using": "css selector", "value": selector}),
        );
        found[ELEMENT].as_str().expect("an element").to_owned()
    }

    fn post(&self, what: &str, body: &Value) -> Value {
        call("POST", &format!("{}/{what}", self.session), Some(body))
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = http("DELETE", &self.session, None);
        let _ = self.driver.kill();
        let _ = self.driver.wait();
        // A browser that did not hear of it: whatever keeps its files in our folder is ours.
        let ours = format!("={}", self.profile.path().display());
        for process in fs::read_dir("/proc").into_iter().flatten().flatten() {
            let words = fs::read(process.path().join("cmdline")).unwrap_or_default();
            if String::from_utf8_lossy(&words).contains(&ours) {
                let id = process.file_name();
                let _ = Command::new("kill").args(["-s", "KILL"]).arg(id).status();
            }
        }
    }
}

fn call(method: &str, url: &str, body: Option<&Value>) -> Value {
    let (status, text) = http(method, url, body).expect("chromedriver answers");
    let answer: Value = serde_json::from_str(&text).expect("JSON from chromedriver");
    assert_eq!(status, 200, "{method} {url}: {text}");
    answer["value"].clone()
}
