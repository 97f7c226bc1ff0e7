//! The exact bytes of every file that stackctl writes: a function per file, from the stack to a [`RemoteFile`] or a text.
//!
//! Nothing here reads a file, the environment or a clock: the user's own templates and what a build context holds come in
//! as arguments. How a value is kept from becoming syntax: the submodules `env` (who may print what) and [`escape`].

mod bundled;
mod compose;
mod composed;
mod dockerfile;
mod dockerignore;
mod env;
mod error;
pub mod escape;
mod firewall;
mod nginx;
mod rehearsal;
mod static_file;
mod systemd;
mod tmpfiles;
mod unit;
mod upstream;

pub use bundled::{Bundled, example, examples};
pub use compose::compose;
pub use dockerfile::{Project, dockerfile};
pub use dockerignore::{DockerIgnore, DockerIgnoreError, dockerignore_default};
pub use env::{Overrides, Templates};
pub use error::RenderError;
pub use firewall::{FirewallFiles, firewall};
pub use nginx::{Https, NginxFeatures, nginx_site, site_generation};
pub use rehearsal::{
    Bucket, Figures, OtherSeconds, Phase, Rehearsal, Setup, Step, Switch, grouped, milliseconds,
    rehearsal, seconds, verdict,
};
pub use static_file::{FillView, filling, static_file};
pub use systemd::{admission, proxy_units, recovery};
pub use tmpfiles::tmpfiles;
pub use unit::{
    AppUnit, Provided, app_unit, build_environment, check_build_source, check_unit_source,
    environment_file,
};
pub use upstream::private_name;

use crate::model::{HostPath, Owner, RemoteFile};

/// A file of root's that everyone may read.
fn public_file(path: HostPath, text: String) -> RemoteFile {
    RemoteFile {
        path,
        mode: 0o644,
        owner: Owner::ROOT,
        contents: text.into_bytes(),
    }
}

#[cfg(test)]
mod sample;
