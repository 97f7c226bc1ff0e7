//! `registries`: the logins of registries, by their names as they stand in images.

use std::collections::BTreeMap;

use super::keys::REGISTRY;
use super::reader::{At, Reader};
use super::secret_source;
use super::tree::Node;
use crate::model::{Registry, RegistryName};

pub(super) fn read(reader: &mut Reader<'_>, node: &Node) -> BTreeMap<RegistryName, Registry> {
    let mut registries = BTreeMap::new();
    for entry in reader.named("registries", node) {
        let name = name(
            reader,
            &At {
                value: entry.key.as_str(),
                span: entry.span,
            },
        );
        let about = format!("registry `{}`", entry.key);
        let Some(fields) = reader.fields(&about, &entry.value, &REGISTRY) else {
            continue;
        };
        let user = fields.text(reader, "user").and_then(|text| {
            if text.value.is_empty() {
                let message = "`user` is empty".to_owned();
                reader
                    .report("invalid", text.span, message)
                    .hint("write the name that logs in; for a token, see what the registry says");
                return None;
            }
            reader.no_control(&text, &[]).then(|| text.value.to_owned())
        });
        let password = fields
            .node("password")
            .and_then(|node| secret_source::read(reader, "password", node));
        if let (Some(name), Some(user), Some(password)) = (name, user, password) {
            registries.insert(name, Registry { user, password });
        }
    }
    registries
}

fn name(reader: &mut Reader<'_>, text: &At<&str>) -> Option<RegistryName> {
    let hint = match text.value {
        name if name.contains("://") => {
            let rest = name.split("://").nth(1).unwrap_or_default();
            let host = rest.split('/').next().unwrap_or_default();
            let host = if host.ends_with("docker.io") {
                RegistryName::DOCKER_IO
            } else {
                host
            };
            format!("write it as images have it: `{host}`")
        }
        "index.docker.io" | "registry-1.docker.io" | "hub.docker.com" => {
            "Docker Hub is called `docker.io` here".to_owned()
        }
        name => return reader.parse(name, text.span),
    };
    let message = format!("`{}` is not a registry's name", text.value);
    reader.report("invalid", text.span, message).hint(hint);
    None
}

#[cfg(test)]
mod tests {
    use super::super::tests::{check, good, lines, with};
    use crate::model::SecretSource;

    fn stack(registries: &str) -> String {
        with("", &format!("registries: {{{registries}}}\n"))
    }

    #[test]
    fn a_login_is_read() {
        let stack = good(&stack(
            "'registry.example.com:5000': {user: deployer, password: {env: REGISTRY_PASSWORD}}, ghcr.io: {user: ada, password: {command: [gh, auth, token]}}",
        ));
        let names: Vec<&str> = stack.registries.keys().map(|name| name.as_str()).collect();
        assert_eq!(names, ["ghcr.io", "registry.example.com:5000"]);
        let registry = &stack.registries[&"registry.example.com:5000".parse().unwrap()];
        assert_eq!(registry.user, "deployer");
        assert_eq!(
            registry.password,
            SecretSource::Env("REGISTRY_PASSWORD".parse().unwrap())
        );
    }

    #[test]
    fn what_is_no_login_is_refused() {
        check(
            &stack("ghcr.io: {user: ada, password: hunter2}"),
            "7:45 [hunter2] secret-in-yaml: `password`: a secret cannot stand in the yaml | write `{env: NAME}`, `{file: PATH}` or `{command: [PROGRAM, ARGUMENT]}`",
        );
        for (registries, said) in [
            (
                "ghcr.io: {username: ada, password: {env: A}}",
                "unknown key `username` | did you mean `user`?",
            ),
            (
                "ghcr.io: {password: {env: A}}",
                "`user` is missing in registry `ghcr.io`",
            ),
            (
                "'https://index.docker.io/v1/': {user: ada, password: {env: A}}",
                "`https://index.docker.io/v1/` is not a registry's name | write it as images have it: `docker.io`",
            ),
            (
                "'https://ghcr.io/v2/': {user: ada, password: {env: A}}",
                "write it as images have it: `ghcr.io`",
            ),
            (
                "team: {user: ada, password: {env: A}}",
                "`team` is not a registry's name: write its host as it stands in images",
            ),
        ] {
            let told = lines(&stack(registries));
            assert!(told.contains(said), "{told}");
        }
        let told = lines(&with("", "registry: {}\n"));
        assert!(told.contains("did you mean `registries`?"), "{told}");
    }
}
