//! What the engine is told of a container, from what its compose file says.

use crate::compose::{self, Service};
use crate::model::{ContainerOptions, Device, Healthcheck, Logging};

/// All that is taken as it is written.
pub(super) fn of(service: &Service) -> ContainerOptions {
    let deploy = service.deploy.as_ref().map(|deploy| &deploy.resources);
    let limits = deploy
        .and_then(|resources| resources.limits.clone())
        .unwrap_or_default();
    let reserved = deploy
        .and_then(|resources| resources.reservations.clone())
        .unwrap_or_default();
    let bytes = |own: i64, of_deploy: i64| {
        let bytes = if own == 0 { of_deploy } else { own };
        Some(bytes).filter(|bytes| *bytes != 0)
    };
    let cpus = if service.cpus == 0.0 {
        limits.cpus
    } else {
        service.cpus
    };
    let given = |number: i64| Some(number).filter(|number| *number != 0);
    let unset = service
        .environment
        .iter()
        .filter(|(_, value)| value.is_none());
    let devices = service.devices.iter().map(|device| Device {
        from: device.source.clone(),
        to: device.target.clone(),
        permissions: device.permissions.clone(),
    });
    let ulimits = service.ulimits.iter();
    let hosts = service.extra_hosts.iter();
    ContainerOptions {
        entrypoint: service.entrypoint.clone(),
        unset: unset.map(|(name, _)| name.clone()).collect(),
        hostname: service.hostname.clone(),
        domainname: service.domainname.clone(),
        working_dir: service.working_dir.clone(),
        tty: service.tty,
        stdin_open: service.stdin_open,
        labels: service.labels.clone(),
        network_mode: service.network_mode.clone(),
        expose: service
            .expose
            .iter()
            .map(|port| match port.contains('/') {
                true => port.clone(),
                false => format!("{port}/tcp"),
            })
            .collect(),
        memory_limit: bytes(service.mem_limit.0, limits.memory.0),
        memory_reservation: bytes(service.mem_reservation.0, reserved.memory.0),
        swap_limit: given(service.memswap_limit.0),
        shm_size: given(service.shm_size.0),
        // Billionths of a processor: what is finer nobody can measure.
        #[expect(clippy::cast_possible_truncation, reason = "processors are few")]
        cpus: Some((cpus * 1e9).round() as i64).filter(|cpus| *cpus > 0),
        cpu_shares: given(service.cpu_shares),
        cpuset: service.cpuset.clone(),
        oom_score_adj: given(service.oom_score_adj),
        ulimits: ulimits
            .map(|(name, limit)| (name.clone(), [limit.soft, limit.hard]))
            .collect(),
        sysctls: service.sysctls.clone(),
        privileged: service.privileged,
        cap_add: service.cap_add.clone(),
        cap_drop: service.cap_drop.clone(),
        security: service.security_opt.clone(),
        groups: service.group_add.clone(),
        devices: devices.collect(),
        ipc: service.ipc.clone(),
        dns: service.dns.clone(),
        dns_options: service.dns_opt.clone(),
        dns_search: service.dns_search.clone(),
        hosts: hosts.map(|host| host.replacen('=', ":", 1)).collect(),
        logging: service.logging.as_ref().map(|logging| Logging {
            driver: logging.driver.clone(),
            options: logging.options.clone(),
        }),
        ..ContainerOptions::default()
    }
}

pub(super) fn healthcheck(written: &compose::Healthcheck) -> Healthcheck {
    let nanoseconds = |time: Option<compose::Time>| {
        time.map_or(0, |time| {
            i64::try_from(time.0.as_nanos()).unwrap_or(i64::MAX)
        })
    };
    Healthcheck {
        test: match written.disable {
            true => vec!["NONE".to_owned()],
            false => written.test.clone(),
        },
        interval: nanoseconds(written.interval),
        timeout: nanoseconds(written.timeout),
        start_period: nanoseconds(written.start_period),
        start_interval: nanoseconds(written.start_interval),
        retries: written
            .retries
            .map_or(0, |count| i64::try_from(count).unwrap_or(0)),
    }
}
