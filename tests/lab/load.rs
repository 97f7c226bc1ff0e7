//! Visitors that never stop: steady requests over connections that are kept, and a count of those that failed.

use stackctl::load::{Load as Generator, Request, Target, Visitors, Workload};

/// A few visitors; they go when dropped.
pub struct Load {
    generator: Generator,
}

impl Load {
    /// They read the page, read the names and add names. Steady, not as much as the machine can do: the deploy needs it
    /// too.
    pub fn start(url: &str) -> Self {
        // What the app can do while the same machine builds it; `zero_loss` is the one that asks for much.
        Self::with(url, 30.0, true)
    }

    /// As [`Load::start`], with so many requests a second.
    pub fn at(url: &str, rate: f64) -> Self {
        Self::with(url, rate, true)
    }

    /// So many requests a second, of these.
    pub fn of(url: &str, rate: f64, requests: Vec<Request>) -> Self {
        Self::begin(url, rate, true, requests)
    }

    /// The same by HTTPS: of the site `name`, which answers at an address and is known by this authority.
    pub fn by_name(name: &str, address: String, authority: &str, requests: Vec<Request>) -> Self {
        let url = format!("https://{name}/");
        let found = Target::with_path(&url, Some(authority.as_bytes()));
        let (mut target, _) = found.expect("a target");
        target.address = address;
        Self::to(target, 25.0, true, requests)
    }

    /// As [`Load::start`], each over a connection of its own: an nginx before 1.27.4 closes some that are kept when it
    /// reloads.
    pub fn start_single(url: &str) -> Self {
        Self::with(url, 30.0, false)
    }

    fn with(url: &str, rate: f64, keep_alive: bool) -> Self {
        let requests = vec![
            Request::get("/"),
            Request::get("/names"),
            Request::post("/names", "{\"name\":\"visitor {id}\"}"),
        ];
        Self::begin(url, rate, keep_alive, requests)
    }

    fn begin(url: &str, rate: f64, keep_alive: bool, requests: Vec<Request>) -> Self {
        let target = Target::parse(url).expect("a URL");
        Self::to(target, rate, keep_alive, requests)
    }

    fn to(target: Target, rate: f64, keep_alive: bool, requests: Vec<Request>) -> Self {
        let visitors = Visitors {
            target,
            rate,
            connections: 6,
            keep_alive,
            requests,
        };
        let workload = Workload {
            visitors: vec![visitors],
            timeout: std::time::Duration::from_secs(20),
            ..Workload::default()
        };
        let generator = Generator::start(workload).expect("a load");
        Self { generator }
    }

    /// How many requests were answered well until now.
    pub fn good(&self) -> u64 {
        self.generator.good()
    }

    /// No request was lost until now.
    #[track_caller]
    pub fn lost_nothing(&self) {
        let (good, lost) = (self.good(), self.generator.lost());
        assert_eq!(lost, 0, "{good} good, lost: {:#?}", self.generator.losses());
    }
}
