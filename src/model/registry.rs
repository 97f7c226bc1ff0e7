//! Registries of images, and how to log in to them.

use std::collections::BTreeMap;

use super::{RegistryName, Secret, SecretSource};

/// A registry that wants a login.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registry {
    pub user: String,
    pub password: SecretSource,
}

/// A user and the password that was read for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    pub user: String,
    pub password: Secret,
}

/// The logins of a run. Engines are given them with each request and keep none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Logins(pub BTreeMap<RegistryName, Login>);

impl Logins {
    /// The login of the registry that `image` is in.
    pub fn of_image(&self, image: &str) -> Option<(&RegistryName, &Login)> {
        let name = registry_of(image);
        self.0.iter().find(|(known, _)| known.as_str() == name)
    }
}

/// The registry of an image, as engines read its name: the first part is one when it has a dot or a port, or is
/// `localhost`; what names none is in `docker.io`.
pub fn registry_of(image: &str) -> &str {
    match image.split_once('/') {
        Some((first, _)) if first.contains(['.', ':']) || first == "localhost" => match first {
            "index.docker.io" | "registry-1.docker.io" => RegistryName::DOCKER_IO,
            _ => first,
        },
        _ => RegistryName::DOCKER_IO,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registry_is_told_from_a_folder_of_docker_io() {
        for image in [
            "mysql:8.4",
            "bitnami/redis",
            "docker.io/library/mysql",
            "index.docker.io/library/mysql",
        ] {
            assert_eq!(registry_of(image), "docker.io", "{image}");
        }
        assert_eq!(registry_of("ghcr.io/a/b:1"), "ghcr.io");
        assert_eq!(registry_of("registry:5000/a@sha256:0"), "registry:5000");
        assert_eq!(registry_of("localhost/a"), "localhost");
    }

    #[test]
    fn a_login_is_for_its_own_registry_and_does_not_print() {
        let login = Login {
            user: "ada".into(),
            password: Secret::new("hunter2".into()),
        };
        let name: RegistryName = "registry.example.com:5000".parse().unwrap();
        let logins = Logins(BTreeMap::from([(name, login)]));
        assert!(logins.of_image("registry.example.com:5000/a:1").is_some());
        for other in ["a:1", "registry.example.com/a:1", "example.com:5000/a"] {
            assert!(logins.of_image(other).is_none(), "{other}");
        }
        assert!(!format!("{logins:?}").contains("hunter2"));
    }
}
