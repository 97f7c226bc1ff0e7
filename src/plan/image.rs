//! Images of other registries: which of them a host must be able to pull, and what their tags mean now.

use std::collections::BTreeSet;

use super::host::HostPlan;
use crate::facts::{Facts, RegistryFacts};
use crate::model::{
    AppSource, HostName, ImageRef, RegistryName, Service, ServiceKind, Stack, registry_of,
};

/// The images that services of a host come from and that it must be able to pull when it lacks them.
pub fn images_of_interest(stack: &Stack, host: &HostName) -> Vec<String> {
    let services = stack.services_on(host);
    let images = services.into_iter().filter_map(pulled);
    images.collect()
}

/// Those of them whose tag is looked up in each run, since what is behind it may have been replaced: images of registries
/// that the stack logs in to, and so its own.
pub fn images_that_move(stack: &Stack, host: &HostName) -> BTreeSet<String> {
    let services = stack.services_on(host);
    let images = services.into_iter().filter_map(|service| {
        let image = moving(stack, service)?;
        Some(image.to_string())
    });
    images.collect()
}

pub(super) fn pulled(service: &Service) -> Option<String> {
    match &service.kind {
        ServiceKind::Database(database) => database.image().map(ToString::to_string),
        ServiceKind::App(_) | ServiceKind::Container(_) => match service.source()? {
            AppSource::Image(image) => Some(image.to_string()),
            AppSource::Build(_) | AppSource::Unit(_) => None,
        },
        ServiceKind::Static(_) | ServiceKind::External(_) => None,
    }
}

fn moving<'a>(stack: &Stack, service: &'a Service) -> Option<&'a ImageRef> {
    let AppSource::Image(image) = service.source()? else {
        return None;
    };
    let registry = registry_of(image.as_str());
    let is_ours = stack
        .registries
        .keys()
        .any(|known| known.as_str() == registry);
    // Docker Hub's own images are nobody's: a login there is for its limits.
    let name = image.as_str();
    let name = name.strip_prefix("docker.io/").unwrap_or(name);
    let is_official = registry == RegistryName::DOCKER_IO
        && (!name.contains('/') || name.starts_with("library/"));
    (is_ours && !is_official && !name.contains('@')).then_some(image)
}

/// Has each image whose tag was looked up mean what the registry has behind the tag now, on all hosts the same. So a tag
/// that has moved makes a new release, and a release comes back with its own image. Tells whether anything was.
pub fn pin(stack: &mut Stack, facts: &Facts) -> bool {
    let mut pins = Vec::new();
    for service in stack.services.values() {
        let Some(image) = moving(stack, service) else {
            continue;
        };
        let told = facts.values().filter_map(|host| host.docker.as_ref());
        let digest = told
            .filter_map(|docker| docker.registry.get(image.as_str()))
            .find_map(|told| match told {
                RegistryFacts::Found { digest } => digest.as_deref(),
                _ => None,
            });
        let pinned = digest.and_then(|digest| format!("{image}@{digest}").parse().ok());
        pins.extend(pinned.map(|image: ImageRef| (service.name.clone(), image)));
    }
    let any = !pins.is_empty();
    for (name, image) in pins {
        let service = stack.services.get_mut(&name);
        match service.map(|service| &mut service.kind) {
            Some(ServiceKind::App(app)) => app.source = AppSource::Image(image),
            Some(ServiceKind::Container(container)) => container.source = AppSource::Image(image),
            _ => {}
        }
    }
    any
}

impl HostPlan<'_> {
    /// Whether the image of a service can be had, when the host's engine was asked.
    pub(super) fn check_image(&mut self, service: &Service) {
        let Some(image) = pulled(service) else { return };
        let Some(docker) = self.facts.docker.as_ref() else {
            return;
        };
        // It was asked for by its tag, and is known by its digest since.
        let tagged = image.split_once('@').map_or(image.as_str(), |(tag, _)| tag);
        let told = docker.registry.get(&image);
        let Some(told) = told.or_else(|| docker.registry.get(tagged)) else {
            return;
        };
        // Another host was told what the tag means, and this one has that.
        if image.contains('@') && docker.has_image(&image) {
            return;
        }
        let of = format!("image {tagged} of `{}`", service.name);
        let registry = registry_of(&image);
        let login = self.stack.registries.iter();
        let user = login
            .filter(|(name, _)| name.as_str() == registry)
            .map(|(_, login)| login.user.as_str())
            .next();
        match (told, user) {
            (RegistryFacts::Found { .. }, _) => {}
            (RegistryFacts::Absent, _) => self.refuse_as(
                "images",
                format!("{of} is not in its registry"),
                "look at its name and its tag; is one of them misspelt, or was it not pushed yet?",
            ),
            (RegistryFacts::Denied(why), Some(user)) => self.refuse_as(
                "images",
                format!("{of} cannot be had: {registry} does not let `{user}` in: {why}"),
                format!("look at `registries.{registry}` in the yaml: is the password right and not expired, and may `{user}` pull this image?"),
            ),
            (RegistryFacts::Denied(why), None) => self.refuse_as(
                "images",
                format!("{of} cannot be had: the registry says: {why}"),
                format!("is its name misspelt? If it is private, give the login: `registries: {{\"{registry}\": {{user: NAME, password: {{env: VARIABLE}}}}}}`"),
            ),
            (RegistryFacts::Unreachable(why), _) => self.refuse_as(
                "images",
                format!("{of} cannot be had: its registry does not answer the host: {why}"),
                way_to(registry, why),
            ),
        }
    }
}

/// What to do about a registry that cannot be reached, by what the engine says of it.
fn way_to(registry: &str, why: &str) -> String {
    if why.contains("HTTP response to HTTPS client") {
        format!(
            "it has no HTTPS: give it a certificate, or name it in `insecure-registries` of the host's /etc/docker/daemon.json (\"{registry}\")"
        )
    } else if why.contains("x509:") || why.contains("certificate") {
        format!(
            "the host does not trust its certificate: put its authority's into /etc/docker/certs.d/{registry}/ca.crt there"
        )
    } else {
        "look at the registry, and at the host's way out (name servers, proxy, firewall), and try again".to_owned()
    }
}
