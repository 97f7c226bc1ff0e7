//! Facts as they would be after `provision`, so that `plan` can show `deploy` for a host that is not ready yet.

use super::tls;
use crate::facts::{DatabaseFacts, Facts, FileFacts, FileKind, NetworkFacts, SchemaFacts, sha256};
use crate::model::{Layout, Stack};
use crate::render::{self, RenderError, Templates};

/// What `deploy` would find once `provision` has run.
pub fn assume_provisioned(
    stack: &Stack,
    facts: &Facts,
    templates: &Templates,
) -> Result<Facts, RenderError> {
    let layout = Layout::new(&stack.name);
    let mut assumed = facts.clone();
    for (name, facts) in &mut assumed {
        for (path, mode) in super::provision::folders(stack) {
            facts.files.entry(path).or_insert(FileFacts {
                kind: FileKind::Folder,
                mode,
                user: 0,
                group: 0,
                digest: None,
                contents: None,
            });
        }
        if facts.manifest.files.is_empty() {
            facts.files.remove(&layout.manifest());
        }
        let host = stack.hosts.get(name);
        let https = tls::https(stack, name, facts, None);
        let site = host.map(|host| render::nginx_site(templates, stack, host, &https));
        if let Some(site) = site.transpose()?.flatten() {
            let there = FileFacts {
                kind: FileKind::File,
                mode: site.mode,
                user: 0,
                group: 0,
                digest: Some(sha256(&site.contents)),
                contents: Some(site.contents),
            };
            facts.files.insert(site.path, there);
        } else {
            facts.files.remove(&layout.nginx_available());
        }
        for service in stack.services_on(name) {
            if !service.has_user() {
                continue;
            }
            let user = layout.user_name(&service.name);
            facts.users.insert(user, layout.user(service));
            for package in super::unit::packages(service) {
                let packages = &mut facts.packages;
                packages.entry((*package).into()).or_default();
            }
        }
        let services = stack.services_on(name);
        if services.iter().any(|service| service.in_container()) {
            let docker = facts.docker.get_or_insert_default();
            let networks = [(layout.app_network(), false), (layout.data_network(), true)];
            for (network, internal) in networks {
                let there = NetworkFacts {
                    internal,
                    definition: None,
                };
                docker.networks.entry(network).or_insert(there);
            }
            for service in &services {
                let Some(composed) = service.composed() else {
                    continue;
                };
                for place in &composed.networks {
                    let there = NetworkFacts::default();
                    let networks = &mut docker.networks;
                    networks.entry(place.network.clone()).or_insert(there);
                }
                docker.volumes.extend(composed.volumes().map(str::to_owned));
            }
        }
        for service in stack.services_on(name) {
            if service.external().is_some()
                && let Some(DatabaseFacts::Answers(schema)) = facts.databases.get_mut(&service.name)
            {
                schema.login = true;
            }
            if service.database().is_some() {
                let tables = match facts.database(&service.name) {
                    Some(DatabaseFacts::Answers(schema)) => schema.tables,
                    _ => 0,
                };
                let schema = SchemaFacts {
                    login: true,
                    tables,
                    ..SchemaFacts::default()
                };
                let answers = DatabaseFacts::Answers(schema);
                let databases = match service.in_container() {
                    true => &mut facts.docker.get_or_insert_default().databases,
                    false => &mut facts.databases,
                };
                databases.insert(service.name.clone(), answers);
                let secret = layout.secret(&super::container::app_secret(service));
                facts.files.entry(secret).or_insert(FileFacts {
                    kind: FileKind::File,
                    mode: 0o600,
                    user: 0,
                    group: 0,
                    digest: None,
                    contents: None,
                });
            }
        }
    }
    Ok(assumed)
}
