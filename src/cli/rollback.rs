//! `rollback`: which services go back to which release.

use tokio::sync::watch;

use super::args::{Global, RollbackArgs};
use super::run::{self, What};
use super::{Console, Failure, Kind};
use crate::plan::Target;

pub async fn rollback(
    args: RollbackArgs,
    mut global: Global,
    console: &Console,
    cancelled: watch::Receiver<bool>,
) -> Result<(), Failure> {
    global.service.extend(args.services);
    let mut target = Target::default();
    for name in &global.service {
        // One that is not in the stack is refused, with a hint, when the stack is read.
        target.services.extend(name.parse().ok());
    }
    if let Some(id) = &args.to {
        let id = id.parse().map_err(|_| {
            Failure::new(Kind::Usage, format!("`{id}` is no release id"))
                .hint("it is 12 lower-case hex digits, as `stackctl history` shows them")
        })?;
        target.to = Some(id);
    }
    run::run(
        What::Rollback,
        &args.apply,
        &target,
        &global,
        console,
        cancelled,
    )
    .await
}
