//! Whether images can be had that the host does not have yet, asked from where they would be pulled to.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use bollard::auth::DockerCredentials;
use bollard::errors::Error;
use futures_util::future::join_all;

use super::Engine;
use crate::facts::{DockerFacts, RegistryFacts};
use crate::model::{Login, RegistryName, registry_of};

/// How long a registry is asked for. One that is slower says nothing of the image, so that no run is held up by it.
const DEADLINE: Duration = Duration::from_secs(20);
/// One lost packet is no reason to refuse.
const ATTEMPTS: u32 = 2;
const PAUSE: Duration = Duration::from_secs(1);
/// From this engine on, an image that a mirror lacks is asked for at its own registry.
const ASKS_BEHIND_MIRRORS: u32 = 25;

impl Engine {
    /// What registries say of those images of `wanted` that the engine does not have, and of those of `moving` in any case.
    /// Nothing is asked when there are none.
    pub async fn registry(
        &self,
        wanted: &[String],
        moving: &BTreeSet<String>,
        there: &DockerFacts,
    ) -> BTreeMap<String, RegistryFacts> {
        let asked: BTreeSet<&String> = wanted
            .iter()
            .filter(|image| moving.contains(*image) || !there.has_image(image))
            .collect();
        if asked.is_empty() {
            return BTreeMap::new();
        }
        let behind_mirror = self.trusts_first_mirror(&there.engine).await;
        let asked = asked.into_iter().map(|image| async {
            let told = tokio::time::timeout(DEADLINE, self.ask_registry(image)).await;
            let told = told.unwrap_or_else(|_| {
                RegistryFacts::Unreachable(format!("no answer within {} s", DEADLINE.as_secs()))
            });
            (image.clone(), told)
        });
        let told = join_all(asked).await.into_iter();
        // A pull would go on to the registry itself, so that what a mirror lacks says nothing.
        told.filter(|(image, told)| {
            matches!(told, RegistryFacts::Found { .. })
                || moving.contains(image)
                || !behind_mirror
                || registry_of(image) != RegistryName::DOCKER_IO
        })
        .collect()
    }

    /// The login of the registry that an image is in, which goes with one request and stays nowhere.
    pub(super) fn credentials(&self, image: &str) -> Option<DockerCredentials> {
        let (name, login) = self.logins.of_image(image)?;
        Some(credentials(name, login))
    }

    /// All logins, by the names under which a build looks them up.
    pub(super) fn all_credentials(&self) -> Option<HashMap<String, DockerCredentials>> {
        let all = self.logins.0.iter();
        let all: HashMap<String, DockerCredentials> = all
            .map(|(name, login)| (address(name), credentials(name, login)))
            .collect();
        (!all.is_empty()).then_some(all)
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
            let login = self.credentials(image);
            let told = match self.docker.inspect_registry_image(image, login).await {
                Ok(found) => RegistryFacts::Found {
                    digest: found.descriptor.digest,
                },
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

fn credentials(name: &RegistryName, login: &Login) -> DockerCredentials {
    DockerCredentials {
        username: Some(login.user.clone()),
        password: Some(login.password.reveal().to_owned()),
        serveraddress: Some(address(name)),
        ..Default::default()
    }
}

/// As engines call a registry where its login is concerned.
fn address(name: &RegistryName) -> String {
    match name.as_str() {
        RegistryName::DOCKER_IO => "https://index.docker.io/v1/".to_owned(),
        name => name.to_owned(),
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
}
