//! Typed clients of what runs on a host, over a transport. They ask and do; they decide nothing.

pub mod docker;
pub mod http;
