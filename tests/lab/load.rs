//! Visitors that never stop: steady requests over connections that are kept, and a count of those that failed.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::json;

use super::scenario::block_on;

/// A few visitors; they go when dropped or finished.
pub struct Load {
    stop: Arc<AtomicBool>,
    good: Arc<AtomicUsize>,
    bad: Arc<Mutex<Vec<String>>>,
    visitors: Vec<JoinHandle<()>>,
}

impl Load {
    /// One visitor reads the page, one reads the names and one adds names.
    pub fn start(url: &str) -> Self {
        let mut load = Self {
            stop: Arc::default(),
            good: Arc::default(),
            bad: Arc::default(),
            visitors: Vec::new(),
        };
        for (method, path) in [("GET", "/"), ("GET", "/names"), ("POST", "/names")] {
            let (stop, good, bad) = (load.stop.clone(), load.good.clone(), load.bad.clone());
            let url = format!("{url}{path}");
            let visitor = move || block_on(visit(method, url, &stop, &good, &bad));
            load.visitors.push(std::thread::spawn(visitor));
        }
        load
    }

    /// How many requests were answered well until now.
    pub fn good(&self) -> usize {
        self.good.load(Ordering::SeqCst)
    }

    /// No request was lost until now.
    #[track_caller]
    pub fn lost_nothing(&self) {
        let bad = self.bad.lock().expect("no visitor panics").clone();
        let first = &bad[..bad.len().min(5)];
        assert!(
            bad.is_empty(),
            "{} lost, {} good: {first:#?}",
            bad.len(),
            self.good()
        );
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        for visitor in self.visitors.drain(..) {
            let _ = visitor.join();
        }
    }
}

async fn visit(
    method: &str,
    url: String,
    stop: &AtomicBool,
    good: &AtomicUsize,
    bad: &Mutex<Vec<String>>,
) {
    // One connection for all requests, as a browser does. A request on a connection that the server has just closed
    // would be sent again by every browser, but for a POST: so the server must not close it.
    let client = reqwest::Client::builder()
        .no_proxy()
        .pool_max_idle_per_host(1)
        .timeout(Duration::from_secs(20))
        .build()
        .expect("a client");
    let mut count = 0;
    while !stop.load(Ordering::SeqCst) {
        count += 1;
        let request = match method {
            "POST" => client
                .post(&url)
                .json(&json!({"name": format!("visitor {count}")})),
            _ => client.get(&url),
        };
        let outcome = match request.send().await {
            Ok(answer) => {
                let status = answer.status();
                match answer.bytes().await {
                    Ok(_) if status.is_success() => None,
                    Ok(body) => Some(format!("{status} {}", String::from_utf8_lossy(&body))),
                    Err(error) => Some(format!("{error:?}")),
                }
            }
            Err(error) => Some(format!("{error:?}")),
        };
        match outcome {
            None => drop(good.fetch_add(1, Ordering::SeqCst)),
            Some(why) => bad.lock().expect("no visitor panics").push(why),
        }
        // Steady, not as much as the machine can do: the deploy needs it too.
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
}
