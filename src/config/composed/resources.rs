//! The networks and volumes of a compose file.

use std::collections::BTreeMap;

use super::super::reader::Reader;
use super::Composition;
use crate::model::{AddressPool, Network, Volume};

impl Composition<'_> {
    pub(super) fn networks(&self, reader: &mut Reader<'_>) -> BTreeMap<String, Network> {
        let mut networks = BTreeMap::new();
        for (key, written) in &self.loaded.project.networks {
            let span = |name: &str| self.span(&["networks", key, name]);
            if !matches!(written.driver.as_str(), "" | "bridge") && !written.external {
                let message = format!(
                    "network `{key}`: the driver `{}` is not supported",
                    written.driver
                );
                reader
                    .report("not-supported", span("driver"), message)
                    .hint("remove it: hosts have networks of their own, by the driver `bridge`");
            }
            if written.attachable {
                let message = format!("network `{key}`: `attachable` is not supported");
                reader
                    .report("not-supported", span("attachable"), message)
                    .hint("remove it: it is for swarms");
            }
            if !matches!(written.ipam.driver.as_str(), "" | "default") {
                let message = format!(
                    "network `{key}`: the address driver `{}` is not supported",
                    written.ipam.driver
                );
                reader
                    .report("not-supported", span("ipam"), message)
                    .hint("remove it");
            }
            let pools = written.ipam.config.iter().map(|pool| AddressPool {
                subnet: pool.subnet.clone(),
                gateway: pool.gateway.clone(),
                range: pool.ip_range.clone(),
                others: pool.aux_addresses.clone(),
            });
            let network = Network {
                external: written.external,
                internal: written.internal,
                driver_options: written.driver_opts.clone(),
                labels: written.labels.clone(),
                ipv6: written.enable_ipv6,
                pools: pools.collect(),
            };
            networks.insert(written.name.clone(), network);
        }
        networks
    }

    pub(super) fn volumes(&self, reader: &mut Reader<'_>) -> BTreeMap<String, Volume> {
        let mut volumes = BTreeMap::new();
        for (key, written) in &self.loaded.project.volumes {
            let device = written.driver_opts.get("device");
            if let Some(device) = device.filter(|device| self.is_here(device)) {
                let message = format!(
                    "volume `{key}`: `{}` is a folder of this machine, which hosts do not have",
                    self.shown(device)
                );
                reader
                    .report(
                        "not-supported",
                        self.span(&["volumes", key, "driver_opts"]),
                        message,
                    )
                    .hint("remove `driver_opts`: the engine keeps the volume");
            }
            let volume = Volume {
                external: written.external,
                driver: written.driver.clone(),
                driver_options: written.driver_opts.clone(),
                labels: written.labels.clone(),
            };
            volumes.insert(written.name.clone(), volume);
        }
        volumes
    }
}
