//! The addresses that names have, as this machine finds them.

use std::collections::BTreeSet;

use crate::facts::HostFacts;
use crate::model::Host;

/// Looks up what a host was asked for as well, and where the host is reached.
pub async fn look_up(host: &Host, facts: &mut HostFacts) {
    if facts.names.is_empty() {
        return;
    }
    let names: Vec<String> = facts.names.keys().cloned().collect();
    for name in names {
        let found = addresses(&name).await.unwrap_or_default();
        facts.names_here.insert(name, found);
    }
    facts.addresses.extend(reached_at(host).await);
}

/// The addresses by which a host is reached.
pub async fn reached_at(host: &Host) -> BTreeSet<String> {
    let mut found = addresses(&host.ssh.address).await.unwrap_or_default();
    let public = host.public.rsplit_once(':');
    let public = public.map_or(host.public.as_str(), |(name, _)| name);
    found.extend(addresses(public).await.unwrap_or_default());
    found
}

pub async fn addresses(name: &str) -> Result<BTreeSet<String>, String> {
    let found = tokio::net::lookup_host((name, 0)).await;
    let found = found.map_err(|error| error.to_string())?;
    Ok(found.map(|address| address.ip().to_string()).collect())
}
