//! Visitors that never stop, and what each of them saw: which version answered, and what did not.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::scenario::block_on;

/// A few visitors of one site on one host; they go when dropped.
pub struct Load {
    seen: Arc<Seen>,
    visitors: Vec<JoinHandle<()>>,
}

#[derive(Default)]
struct Seen {
    stop: AtomicBool,
    /// The host is down on purpose: requests fail, and that is no loss.
    excused: AtomicBool,
    good: AtomicUsize,
    bad: Mutex<Vec<String>>,
}

impl Load {
    /// One visitor reads the page, one asks the app, one posts to it.
    pub fn start(port: u16, site: &str, keeps_connections: bool) -> Self {
        let seen = Arc::new(Seen::default());
        let visits = [
            ("GET", "/version.txt"),
            ("GET", "/app/version"),
            ("POST", "/app/count"),
        ];
        let visitors = visits.map(|(method, path)| {
            let seen = Arc::clone(&seen);
            let (url, site) = (format!("http://127.0.0.1:{port}{path}"), site.to_owned());
            std::thread::spawn(move || {
                block_on(visit(method, &url, &site, &seen, keeps_connections))
            })
        });
        Self {
            seen,
            visitors: visitors.into(),
        }
    }

    pub fn good(&self) -> usize {
        self.seen.good.load(Ordering::SeqCst)
    }

    /// From here on, or not any more, requests may fail.
    pub fn excuse(&self, excused: bool) {
        self.seen.excused.store(excused, Ordering::SeqCst);
    }

    /// What was lost since this was asked last.
    pub fn lost(&self) -> Vec<String> {
        std::mem::take(&mut self.seen.bad.lock().expect("no visitor panics"))
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.seen.stop.store(true, Ordering::SeqCst);
        for visitor in self.visitors.drain(..) {
            let _ = visitor.join();
        }
    }
}

async fn visit(method: &str, url: &str, site: &str, seen: &Seen, keeps_connections: bool) {
    // One connection for all requests, as a browser keeps it, or one for each; and nothing is sent twice.
    let client = reqwest::Client::builder()
        .no_proxy()
        .pool_max_idle_per_host(usize::from(keeps_connections))
        .timeout(Duration::from_secs(20))
        .build()
        .expect("a client");
    while !seen.stop.load(Ordering::SeqCst) {
        let request = match method {
            "POST" => client.post(url).body("one"),
            _ => client.get(url),
        };
        let asked = Instant::now();
        let excused = seen.excused.load(Ordering::SeqCst);
        let outcome = match request.header("host", site).send().await {
            Ok(answer) => {
                let status = answer.status();
                match answer.text().await {
                    Ok(_) if status.is_success() => Ok(()),
                    Ok(text) => Err(format!("{status} {text}")),
                    Err(error) => Err(format!("{error:?}")),
                }
            }
            Err(error) => Err(format!("{error:?}")),
        };
        match outcome {
            Ok(()) => {
                seen.good.fetch_add(1, Ordering::SeqCst);
            }
            Err(why) => {
                if !excused && !seen.excused.load(Ordering::SeqCst) {
                    let took = asked.elapsed().as_millis();
                    let why = format!("{method} {url} after {took} ms: {why}");
                    seen.bad.lock().expect("no visitor panics").push(why);
                }
            }
        }
        // Steady, not as much as the machine can do: the deploy needs it too.
        tokio::time::sleep(Duration::from_millis(80)).await;
    }
}
