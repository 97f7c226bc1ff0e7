//! The slow suite: real hosts of the lab with real sshd, systemd, nginx, Docker and databases, the real binary, real
//! HTTP and a real browser. `tests/README.md` says how to run it; `tests/run` does.
//!
//! The contract of a scenario: one intent, told by its name; steps that check real state and not only printed text;
//! no sleep where [`scenario::eventually`] will do; an own lab, removed at its end unless `KEEP=1`; and after a failure a
//! folder of artifacts.

mod books;
mod browser;
mod data;
mod deploys;
mod drift;
mod engine_restart;
mod everyday;
mod example;
mod external;
mod firewall;
mod fleet;
mod given_secrets;
mod lab_hosts;
mod load;
mod locks;
mod lost_restart;
mod main_job;
mod map;
mod messages;
mod messages_fleet;
mod neighbours;
mod plan_files;
mod redis;
mod refusals;
mod registry;
mod rehearse;
mod relay;
mod rollback_time;
mod scenario;
mod secrets;
mod sites;
mod starwars;
mod static_site;
/// Shared with the fault matrix, which uses all of it.
#[allow(dead_code)]
mod stolen;
mod tcp_app;
mod tls;
mod units;
mod zero_loss;
