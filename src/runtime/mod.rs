//! Typed clients of what runs on a host, over a transport. They ask and do; they decide nothing.

pub mod database;
pub mod docker;
pub mod http;
pub mod journal;
pub mod systemd;
pub mod variables;

/// Where a process stands that is started again when it ends.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct State {
    pub running: bool,
    /// It has ended, and is about to be started again.
    pub restarting: bool,
    pub restarts: i64,
    pub exit_code: i64,
    pub out_of_memory: bool,
    /// `starting`, `healthy` or `unhealthy` by its own check; empty without one.
    pub health: String,
}
