//! Asks hosts what they are and have, and this machine what is to be sent. Changes nothing.

mod certificate;
mod health;
mod history;
mod hosts;
mod probe;
mod secret;
mod tree;

pub use certificate::{CertificateError, certificates};
pub use health::{health, ping};
pub use history::{digests, history};
pub use hosts::{Depth, Fleet, Unobserved, hosts};
pub use probe::probes;
pub use secret::{SecretError, Variable, logins, secret};
pub use tree::{TreeError, tree_of};
