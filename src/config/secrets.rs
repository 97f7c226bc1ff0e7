//! `secrets:`, and what services are given of them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use super::error::Span;
use super::keys::{GENERATED, SECRET_VARIABLE};
use super::reader::{At, Fields, Reader, nearest};
use super::secret_source;
use super::services::RawService;
use super::tree::{Entry, Kind, Node};
use crate::model::{AppSource, EnvName, SecretOrigin, ServiceKind, ServiceSecrets};

/// The secrets of the stack as they are written.
#[derive(Default)]
pub(super) struct Declared {
    all: BTreeMap<EnvName, (Span, Option<SecretOrigin>)>,
}

/// What a service is to be given; `check` settles whether there is such a thing.
#[derive(Default)]
pub(super) struct RawSecrets {
    files: Vec<At<EnvName>>,
    env: Vec<Variable>,
    env_files: Vec<PathBuf>,
}

struct Variable {
    name: EnvName,
    place: Span,
    secret: At<EnvName>,
}

pub(super) fn read(reader: &mut Reader<'_>, node: &Node) -> Declared {
    let mut declared = Declared::default();
    for entry in reader.named("secrets", node) {
        let Some(name) = reader.parse::<EnvName>(&entry.key, entry.span) else {
            continue;
        };
        let origin = origin(reader, entry);
        declared.all.insert(name, (entry.span, origin));
    }
    declared
}

fn origin(reader: &mut Reader<'_>, entry: &Entry) -> Option<SecretOrigin> {
    if entry.value.get("generated").is_none() {
        return secret_source::read(reader, &entry.key, &entry.value).map(SecretOrigin::Here);
    }
    let fields = reader.fields(&format!("`{}`", entry.key), &entry.value, &GENERATED)?;
    fields
        .number(reader, "generated")
        .map(SecretOrigin::Generated)
}

/// The variables of `env` that stand there themselves, without those that hold secrets.
pub(super) fn written(node: &Node) -> Node {
    let Kind::Map(entries) = &node.kind else {
        return node.clone();
    };
    let own = entries.iter().filter(|entry| !is_secret(entry)).cloned();
    Node {
        kind: Kind::Map(own.collect()),
        ..node.clone()
    }
}

fn is_secret(entry: &Entry) -> bool {
    matches!(entry.value.kind, Kind::Map(_))
}

impl RawSecrets {
    /// What the keys of a service say.
    pub fn of(reader: &mut Reader<'_>, fields: &Fields<'_>) -> Self {
        let mut env = Vec::new();
        let entries = fields.node("env").map_or(&[][..], Node::entries);
        for entry in entries.iter().filter(|entry| is_secret(entry)) {
            let name = reader.parse::<EnvName>(&entry.key, entry.span);
            let what = format!("variable `{}`", entry.key);
            let Some(given) = reader.fields(&what, &entry.value, &SECRET_VARIABLE) else {
                continue;
            };
            let Some(text) = given.text(reader, "secret") else {
                continue;
            };
            let (span, value) = (text.span, reader.parse::<EnvName>(text.value, text.span));
            if let (Some(name), Some(value)) = (name, value) {
                let (place, secret) = (entry.span, At { value, span });
                env.push(Variable {
                    name,
                    place,
                    secret,
                });
            }
        }
        Self {
            files: fields.names(reader, "secrets").unwrap_or_default(),
            env,
            env_files: env_files(reader, fields),
        }
    }

    /// Where each variable that holds a secret is written.
    pub fn places(&self) -> impl Iterator<Item = (EnvName, Span)> + '_ {
        self.env
            .iter()
            .map(|variable| (variable.name.clone(), variable.place))
    }

    /// Where each secret that is read from a file is named.
    pub fn file_places(&self) -> impl Iterator<Item = (&EnvName, Span)> + '_ {
        self.files.iter().map(|name| (&name.value, name.span))
    }

    pub fn settled(&self) -> ServiceSecrets {
        let env = self.env.iter();
        ServiceSecrets {
            files: self.files.iter().map(|name| name.value.clone()).collect(),
            env: env
                .map(|variable| (variable.name.clone(), variable.secret.value.clone()))
                .collect(),
            env_files: self.env_files.clone(),
        }
    }
}

/// One path or several.
fn env_files(reader: &mut Reader<'_>, fields: &Fields<'_>) -> Vec<PathBuf> {
    let Some(node) = fields.node("env_file") else {
        return Vec::new();
    };
    let texts: Vec<At<String>> = match &node.kind {
        Kind::List(_) => reader
            .list("env_file", node, "a path or a list of paths")
            .unwrap_or_default(),
        _ => {
            let text = fields.text(reader, "env_file");
            let own = |text: At<&str>| At {
                value: text.value.to_owned(),
                span: text.span,
            };
            text.map(own).into_iter().collect()
        }
    };
    let paths = texts.iter().map(|text| {
        reader.path(&At {
            value: text.value.as_str(),
            span: text.span,
        })
    });
    paths.collect::<Vec<_>>().into_iter().flatten().collect()
}

impl Declared {
    pub fn origins(&self) -> BTreeMap<EnvName, SecretOrigin> {
        let known = self.all.iter();
        known
            .filter_map(|(name, (_, origin))| Some((name.clone(), origin.clone()?)))
            .collect()
    }

    /// Reports what services name that there is not, or that cannot come to them in that way.
    pub fn check(&self, reader: &mut Reader<'_>, services: &[RawService]) {
        for service in services {
            let raw = &service.secrets;
            let of_env = raw.env.iter().map(|variable| &variable.secret);
            for used in raw.files.iter().chain(of_env) {
                self.known(reader, used);
            }
            if is_unit(service) {
                continue;
            }
            for Variable { place, secret, .. } in &raw.env {
                let origin = self.all.get(&secret.value);
                if let Some((_, Some(SecretOrigin::Generated(_)))) = origin {
                    let name = &secret.value;
                    let message = format!(
                        "`{name}` is made on its host and never leaves it, so a container cannot have it as a variable"
                    );
                    reader.report("generated-in-env", *place, message).hint(format!(
                        "write `secrets: [{name}]`: the app reads it from the file that {name}_FILE names"
                    ));
                }
            }
        }
    }

    fn known(&self, reader: &mut Reader<'_>, used: &At<EnvName>) {
        let name = &used.value;
        if self.all.contains_key(name) {
            return;
        }
        let names = self.all.keys().map(EnvName::as_str);
        let hint = match nearest(name.as_str(), names) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!(
                "say where it is, at the top of the yaml: `secrets: {{{name}: {{env: {name}}}}}`"
            ),
        };
        let message = format!("there is no secret `{name}`");
        reader
            .report("unknown-secret", used.span, message)
            .hint(hint);
    }

    /// Secrets that no service is given, with their places.
    pub fn unused(&self, services: &[RawService]) -> Vec<(Span, String)> {
        let given = services.iter().flat_map(|service| {
            let raw = &service.secrets;
            let of_env = raw.env.iter().map(|variable| &variable.secret);
            raw.files.iter().chain(of_env).map(|used| &used.value)
        });
        let given: BTreeSet<&EnvName> = given.collect();
        let unused = self.all.iter().filter(|(name, _)| !given.contains(name));
        unused
            .map(|(name, (span, _))| (*span, format!("no service is given the secret `{name}`")))
            .collect()
    }
}

fn is_unit(service: &RawService) -> bool {
    match &service.kind {
        Some(ServiceKind::App(app)) => matches!(app.source, AppSource::Unit(_)),
        // Not known, so nothing more to say.
        other => other.is_none(),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::tests::{check, good, with};
    use super::*;

    #[test]
    fn what_services_are_given_is_read() {
        let stack = good(&with(
            "    env: {PLAIN: x, KEY: {secret: STRIPE}}\n    env_file: .env\n    secrets: [STRIPE, SESSION]\n",
            "secrets:\n  STRIPE: {env: STRIPE_KEY}\n  SESSION: {generated: 48}\n",
        ));
        let service = &stack.services[&"a".parse().unwrap()];
        let name = |text: &str| text.parse::<EnvName>().unwrap();
        let secrets = &service.secrets;
        assert_eq!(secrets.files, [name("SESSION"), name("STRIPE")].into());
        assert_eq!(secrets.env, [(name("KEY"), name("STRIPE"))].into());
        assert_eq!(secrets.env_files, [Path::new("/srv/names/.env")]);
        let env: Vec<&str> = service
            .app()
            .unwrap()
            .env
            .keys()
            .map(EnvName::as_str)
            .collect();
        assert_eq!(env, ["PLAIN"]);
        assert_eq!(stack.secrets[&name("SESSION")], SecretOrigin::Generated(48));
    }

    #[test]
    fn what_cannot_be_given_is_refused() {
        let declared = "secrets: {STRIPE_KEY: {env: STRIPE_KEY}, SESSION: {generated: 32}}\n";
        let used = |rest: &str| with(rest, declared);
        check(
            &used("    secrets: [STRIPE_KEI, SESSION]\n"),
            "7:15 [STRIPE_KEI] unknown-secret: there is no secret `STRIPE_KEI` | did you mean `STRIPE_KEY`?",
        );
        check(
            &used("    env: {K: {secret: MAIL}}\n"),
            "7:23 [MAIL] unknown-secret: there is no secret `MAIL` | say where it is, at the top of the yaml: `secrets: {MAIL: {env: MAIL}}`",
        );
        check(
            &used("    env: {K: {secret: SESSION}}\n"),
            "7:11 [K] generated-in-env: `SESSION` is made on its host and never leaves it, so a container cannot have it as a variable | write `secrets: [SESSION]`: the app reads it from the file that SESSION_FILE names",
        );
        check(
            &used("    env: {LISTEN_SOCKET: {secret: STRIPE_KEY}}\n"),
            "7:11 [LISTEN_SOCKET] reserved-env: `LISTEN_SOCKET` is reserved | stackctl sets it when `listen` is `socket`; remove it here",
        );
        check(
            "stack: s\nhosts: {h: 10.0.0.1}\nservices:\n  db: {mysql: {}}\n  a: {build: ., needs: [db], secrets: [DB_PASSWORD]}\nsecrets: {DB_PASSWORD: {env: A}}\n",
            "5:40 [DB_PASSWORD] reserved-env: `DB_PASSWORD_FILE` is reserved, and would hold the path of `DB_PASSWORD` | `needs: [db]` sets it; give the secret another name",
        );
        check(
            &with("", "secrets: {A: hunter2}\n"),
            "7:14 [hunter2] secret-in-yaml: `A`: a secret cannot stand in the yaml | write `{env: NAME}`, `{file: PATH}` or `{command: [PROGRAM, ARGUMENT]}`",
        );
        check(
            &with("", "secrets: {A: {generated: 4}}\n"),
            "7:26 [4] out-of-range: `generated`: `4` is out of range | from 16 to 256",
        );
        check(
            "stack: s\nhosts: {h: 10.0.0.1}\nservices:\n  db: {mysql: {}, secrets: [A]}\nsecrets: {A: {env: A}}\n",
            "4:19 [secrets] not-here: `secrets` does not apply to a `mysql` service | it is for services with `build`, `image` or `unit`",
        );
    }

    #[test]
    fn a_secret_that_nobody_is_given_is_noted() {
        let text = with("", "secrets:\n  B: {env: B}\n");
        let around = super::super::Surroundings {
            base: "/srv/names".into(),
            home: None,
        };
        let source = super::super::SourceText {
            name: "stackctl.yaml",
            text: &text,
        };
        let files = std::collections::BTreeMap::<PathBuf, String>::new();
        let elsewhere = super::super::Elsewhere {
            files: &files,
            variables: BTreeMap::new(),
        };
        let read = super::super::read(&source, None, &around, &elsewhere).unwrap();
        let notes = read.notes.iter();
        let notes: Vec<String> = notes
            .map(|note| format!("{}:{}: {}", note.file, note.line, note.message))
            .collect();
        assert_eq!(
            notes,
            ["stackctl.yaml:8: no service is given the secret `B`"]
        );
    }
}
