//! What could be wrong with a host; for `doctor`.

use std::time::Duration;

use super::Unobserved;
use crate::facts::HostHealth;
use crate::model::{Layout, Stack};
use crate::plan;
use crate::script;
use crate::transport::Transport;

const DEADLINE: Duration = Duration::from_secs(60);

/// One round trip that asks nothing.
pub async fn ping(transport: &dyn Transport) -> Result<(), Unobserved> {
    transport.run(&script::doctor(), &[], DEADLINE).await?;
    Ok(())
}

/// Asks one host; changes nothing there.
pub async fn health(stack: &Stack, transport: &dyn Transport) -> Result<HostHealth, Unobserved> {
    let layout = Layout::new(&stack.name);
    let script = script::doctor()
        .with([layout.state(), layout.lock()])
        .with(plan::PROGRAMS);
    let output = transport.run(&script, &[], DEADLINE).await?;
    if output.status != 0 {
        return Err(Unobserved::Script {
            status: output.status,
            stderr: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        });
    }
    Ok(HostHealth::parse(&String::from_utf8_lossy(&output.stdout))?)
}
