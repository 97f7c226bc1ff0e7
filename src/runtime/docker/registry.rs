//! Whether images can be had that the host does not have yet, asked from where they would be pulled to.

use std::collections::BTreeMap;
use std::time::Duration;

use bollard::errors::Error;
use futures_util::future::join_all;

use super::Engine;
use crate::facts::{DockerFacts, RegistryFacts};

/// How long a registry is asked for. One that is slower says nothing of the image, so that no run is held up by it.
const DEADLINE: Duration = Duration::from_secs(20);
/// One lost packet is no reason to refuse.
const ATTEMPTS: u32 = 2;
const PAUSE: Duration = Duration::from_secs(1);
/// From this engine on, an image that a mirror lacks is asked for at its own registry.
const ASKS_BEHIND_MIRRORS: u32 = 25;

impl Engine {
    /// What registries say of those images of `wanted` that the engine does not have. Nothing is asked when it has all.
    pub async fn registry(
        &self,
        wanted: &[String],
        there: &DockerFacts,
    ) -> BTreeMap<String, RegistryFacts> {
        let lacking: Vec<&String> = wanted
            .iter()
            .filter(|image| !there.images.contains_key(*image))
            // A name with a digest is not among the tags, and is most often there.
            .filter(|image| !image.contains('@'))
            .collect();
        if lacking.is_empty() {
            return BTreeMap::new();
        }
        let behind_mirror = self.trusts_first_mirror(&there.engine).await;
        let asked = lacking.into_iter().map(|image| async {
            let told = tokio::time::timeout(DEADLINE, self.ask_registry(image)).await;
            let told = told.unwrap_or_else(|_| {
                RegistryFacts::Unreachable(format!("no answer within {} s", DEADLINE.as_secs()))
            });
            (image.clone(), told)
        });
        let told = join_all(asked).await.into_iter();
        // A pull would go on to the registry itself, so that what a mirror lacks says nothing.
        told.filter(|(image, told)| {
            *told == RegistryFacts::Found || !behind_mirror || !is_of_docker_io(image)
        })
        .collect()
    }

    async fn trusts_first_mirror(&self, engine: &str) -> bool {
        let major = engine
            .split('.')
            .next()
            .and_then(|major| major.parse().ok());
        if major.is_some_and(|major: u32| major >= ASKS_BEHIND_MIRRORS) {
            return false;
        }
        let info = self.docker.info().await.ok();
        let registries = info.and_then(|info| info.registry_config);
        let mirrors = registries.and_then(|registries| registries.mirrors);
        mirrors.is_none_or(|mirrors| !mirrors.is_empty())
    }

    async fn ask_registry(&self, image: &str) -> RegistryFacts {
        let mut attempt = 1;
        loop {
            let told = match self.docker.inspect_registry_image(image, None).await {
                Ok(_) => RegistryFacts::Found,
                Err(Error::DockerResponseServerError {
                    status_code,
                    message,
                }) => judge(status_code, &message),
                Err(error) => RegistryFacts::Unreachable(error.to_string()),
            };
            if attempt == ATTEMPTS || !matches!(told, RegistryFacts::Unreachable(_)) {
                return told;
            }
            attempt += 1;
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// As the engine reads a name: its first part is a registry when it has a dot or a port, or is `localhost`.
fn is_of_docker_io(image: &str) -> bool {
    match image.split_once('/') {
        None => true,
        Some((first, _)) => {
            let is_registry = first.contains(['.', ':']) || first == "localhost";
            !is_registry || first == "docker.io"
        }
    }
}

/// Engines give registries' answers many statuses; the names of the errors tell them apart.
fn judge(status: u16, message: &str) -> RegistryFacts {
    let said = message.to_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| said.contains(word));
    let why = || message.trim().to_owned();
    if says(&[
        "unauthorized",
        "denied",
        "authentication required",
        "no basic auth credentials",
    ]) {
        RegistryFacts::Denied(why())
    } else if says(&[
        "manifest unknown",
        "name unknown",
        "not found",
        "not known to registry",
    ]) {
        RegistryFacts::Absent
    } else {
        match status {
            401 | 403 => RegistryFacts::Denied(why()),
            404 => RegistryFacts::Absent,
            _ => RegistryFacts::Unreachable(why()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_registry_says_is_told_apart() {
        for message in [
            "manifest unknown: manifest unknown",
            "name unknown: repository name not known to registry",
        ] {
            assert_eq!(judge(404, message), RegistryFacts::Absent);
            assert_eq!(judge(500, message), RegistryFacts::Absent);
        }
        let denied = "errors:\ndenied: requested access to the resource is denied\nunauthorized: authentication required\n";
        assert!(matches!(judge(401, denied), RegistryFacts::Denied(_)));
        assert!(matches!(judge(500, denied), RegistryFacts::Denied(_)));
        let away = "Get \"https://registry.example.com/v2/\": dial tcp: lookup registry.example.com: no such host";
        assert!(matches!(judge(500, away), RegistryFacts::Unreachable(_)));
    }

    #[test]
    fn a_registry_is_told_from_a_folder_of_docker_io() {
        for image in ["mysql:8.4", "bitnami/redis", "docker.io/library/mysql"] {
            assert!(is_of_docker_io(image), "{image}");
        }
        for image in ["ghcr.io/a/b:1", "registry:5000/a", "localhost/a"] {
            assert!(!is_of_docker_io(image), "{image}");
        }
    }
}
