//! `restart`, `stop` and `start`: what a person wants of services that are deployed.

use tokio::sync::watch;

use super::args::{ApplyArgs, ControlArgs, Global};
use super::run::{self, What};
use super::{Console, Failure};
use crate::plan::Target;

pub async fn control(
    what: What,
    args: ControlArgs,
    mut global: Global,
    console: &Console,
    cancelled: watch::Receiver<bool>,
) -> Result<(), Failure> {
    global.service.extend(args.services);
    let apply = ApplyArgs {
        dry_run: args.dry_run,
        overwrite_drift: false,
        seed: false,
        ignore_dns: false,
        no_hooks: false,
        lock: args.lock,
    };
    run::run(
        what,
        &apply,
        &Target::default(),
        &global,
        console,
        cancelled,
    )
    .await
}
