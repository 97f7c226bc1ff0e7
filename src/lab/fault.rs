//! What happens to real hosts: they reboot, and they vanish.

use bollard::query_parameters::RestartContainerOptionsBuilder;

use super::engine;
use super::error::LabError;
use super::host::{self, LabHost};

/// Seconds that systemd has to stop everything before the power goes.
const SHUTDOWN_SECONDS: i32 = 30;

/// Shuts the host down and boots it again, with the same ports and disk; returns when it answers over SSH.
/// The kernel stays: `/proc/sys/kernel/random/boot_id` does not change, the start of process 1 does.
pub async fn reboot(host: &LabHost) -> Result<(), LabError> {
    let docker = engine::connect().await?;
    let options = RestartContainerOptionsBuilder::default()
        .t(SHUTDOWN_SECONDS)
        .build();
    docker
        .restart_container(&host.container, Some(options))
        .await
        .map_err(LabError::engine(format!("reboot {}", host.name)))?;
    host::wait_until_up(&docker, host).await.map(|_| ())
}

/// Freezes the host: connections stay open and nothing answers, as when a machine or its network has gone.
pub async fn pause(host: &LabHost) -> Result<(), LabError> {
    let docker = engine::connect().await?;
    docker
        .pause_container(&host.container)
        .await
        .map_err(LabError::engine(format!("pause {}", host.name)))
}

/// Lets a frozen host go on.
pub async fn unpause(host: &LabHost) -> Result<(), LabError> {
    let docker = engine::connect().await?;
    docker
        .unpause_container(&host.container)
        .await
        .map_err(LabError::engine(format!("resume {}", host.name)))
}
