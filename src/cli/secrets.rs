//! The secrets of services that this machine has: asked for by what sends them, each once, all at the same time.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use futures_util::future::join_all;

use super::session::Loaded;
use super::{Failure, Kind};
use crate::compose;
use crate::facts::{GivenSecrets, GivenToService};
use crate::model::{EnvName, Secret, SecretOrigin, SecretSource, Service};
use crate::observe;

/// The variables of each file that services name.
type EnvFiles = BTreeMap<PathBuf, BTreeMap<EnvName, Secret>>;

impl Loaded {
    /// What this machine has for the chosen services.
    pub async fn secrets(&self) -> Result<GivenSecrets, Failure> {
        let services = self.services.iter().map(|name| &self.stack.services[name]);
        let services: Vec<&Service> = services.collect();
        let files = self.env_files(&services)?;
        let values = self.values(&services).await?;
        let given = services
            .iter()
            .filter(|service| !service.secrets.is_empty());
        let given = given.map(|service| {
            let secrets = &service.secrets;
            let named = secrets.files.iter();
            let named = named.filter_map(|name| Some((name.clone(), values.get(name)?.clone())));
            let mut variables = BTreeMap::new();
            for path in &secrets.env_files {
                variables.extend(files.get(path).into_iter().flatten().map(owned));
            }
            let env = secrets.env.iter();
            variables.extend(
                env.filter_map(|(name, secret)| Some((name.clone(), values.get(secret)?.clone()))),
            );
            let given = GivenToService {
                files: named.collect(),
                variables,
            };
            (service.name.clone(), given)
        });
        Ok(given.collect())
    }

    /// The secrets that services are given and that are not made on hosts.
    async fn values(&self, services: &[&Service]) -> Result<BTreeMap<EnvName, Secret>, Failure> {
        let names = services.iter().flat_map(|service| service.secrets.names());
        let names: BTreeSet<&EnvName> = names.collect();
        let sources = names
            .into_iter()
            .filter_map(|name| match self.stack.secrets.get(name)? {
                SecretOrigin::Here(source) => Some((name, source)),
                SecretOrigin::Generated(_) => None,
            });
        let variable = |name: &str| std::env::var_os(name);
        let asked = sources.map(|(name, source)| {
            let variable = &variable;
            async move {
                let place = format!("secrets.{name}");
                let said = observe::secret(source, &place, &self.base, variable).await;
                (name.clone(), said)
            }
        });
        let mut values = BTreeMap::new();
        let mut failure: Option<Failure> = None;
        for (name, said) in join_all(asked).await {
            match said {
                Ok(value) => drop(values.insert(name, value)),
                Err(error) => {
                    let mut all = failure.take().unwrap_or_else(|| {
                        let message = "a secret of this machine is not where the yaml says";
                        Failure::new(Kind::Config, message)
                    });
                    all.chain.push(error.to_string());
                    all.tail.extend(error.tail);
                    all.hints.push(error.hint);
                    failure = Some(all);
                }
            }
        }
        failure.map_or(Ok(values), Err)
    }

    fn env_files(&self, services: &[&Service]) -> Result<EnvFiles, Failure> {
        let mut files = EnvFiles::new();
        for service in services {
            for path in &service.secrets.env_files {
                if !files.contains_key(path) {
                    let variables = env_file(path, &self.base).map_err(|failure| {
                        failure.hint(format!("`env_file` of `{}` names it", service.name))
                    })?;
                    files.insert(path.clone(), variables);
                }
            }
        }
        Ok(files)
    }

    /// Copies files that hold secrets from the folder of another version of this stack, where this one has none: git has not.
    pub fn bring_secrets(&self, from: &Path) -> Result<(), Failure> {
        for path in self.files_of_secrets() {
            let Ok(below) = path.strip_prefix(&self.base) else {
                continue;
            };
            let there = from.join(below);
            if path.exists() || !there.is_file() {
                continue;
            }
            let copied = match path.parent() {
                Some(folder) => std::fs::create_dir_all(folder),
                None => Ok(()),
            };
            copied
                .and_then(|()| std::fs::copy(&there, &path))
                .map_err(|error| {
                    let why = format!("cannot copy {}: {error}", there.display());
                    Failure::new(Kind::Ours, why)
                })?;
        }
        Ok(())
    }

    /// The files of this machine that secrets are read from.
    fn files_of_secrets(&self) -> BTreeSet<PathBuf> {
        let sources = self
            .stack
            .secrets
            .values()
            .filter_map(|origin| match origin {
                SecretOrigin::Here(SecretSource::File(path)) => Some(path.clone()),
                SecretOrigin::Here(_) | SecretOrigin::Generated(_) => None,
            });
        let services = self.stack.services.values();
        let files = services.flat_map(|service| service.secrets.env_files.clone());
        sources.chain(files).collect()
    }
}

fn owned((name, value): (&EnvName, &Secret)) -> (EnvName, Secret) {
    (name.clone(), value.clone())
}

/// No error tells a value.
fn env_file(path: &Path, base: &Path) -> Result<BTreeMap<EnvName, Secret>, Failure> {
    let shown = path.strip_prefix(base).unwrap_or(path).display();
    let text = std::fs::read_to_string(path).map_err(|error| {
        let why = match error.kind() {
            std::io::ErrorKind::NotFound => format!("there is no file {shown}"),
            std::io::ErrorKind::InvalidData => format!("{shown} is not text"),
            _ => format!("{shown} cannot be read: {error}"),
        };
        Failure::new(Kind::Config, why)
    })?;
    let outer = |name: &str| std::env::var(name).ok();
    let variables = compose::env_file(&text, &outer).map_err(|wrong| {
        let why = format!("{shown}:{}: {}", wrong.line, wrong.message);
        Failure::new(Kind::Config, why).hint(wrong.hint)
    })?;
    let variables = variables.into_iter().map(|(name, value)| {
        let value = Secret::new(value);
        let name: EnvName = name.parse().map_err(|_| unfit_name(&shown))?;
        Ok((name, value))
    });
    variables.collect()
}

/// What stands before a `=` may be a line of a secret that was not quoted.
fn unfit_name(shown: &dyn std::fmt::Display) -> Failure {
    let why = format!("{shown}: what stands before a `=` is not an environment variable's name");
    Failure::new(Kind::Config, why).hint(
        "names are letters, digits and underscores; a value of several lines stands in quotes",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(".env");
        std::fs::write(&path, text).unwrap();
        let failure = env_file(&path, folder.path()).unwrap_err();
        assert!(!format!("{failure:?}").contains("hunter2"), "{failure:?}");
        failure.chain.join("; ")
    }

    #[test]
    fn a_wrong_env_file_is_told_with_its_place_and_without_its_values() {
        assert_eq!(
            told("A=hunter2\nB%=hunter2\n"),
            ".env:2: `%` cannot stand in the name of a variable"
        );
        assert_eq!(
            told("A=1\nB=\"hunter2\n"),
            ".env:2: the quote that begins this value is not closed"
        );
        assert_eq!(
            told("hunter2-x=\n"),
            ".env: what stands before a `=` is not an environment variable's name"
        );
        assert_eq!(
            told("A=x${9hunter2\n"),
            ".env:1: `${` begins no variable here"
        );
        let folder = tempfile::tempdir().unwrap();
        let failure = env_file(&folder.path().join(".env"), folder.path()).unwrap_err();
        assert_eq!(failure.chain, ["there is no file .env"]);
    }

    #[test]
    fn an_env_file_is_read_as_compose_reads_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(".env");
        std::fs::write(&path, "# one\nexport A='b c'\nB=\"x\\ny\" # two\nC=\n").unwrap();
        let read = env_file(&path, folder.path()).unwrap();
        let read: Vec<(&str, &str)> = read
            .iter()
            .map(|(name, value)| (name.as_str(), value.reveal()))
            .collect();
        assert_eq!(read, [("A", "b c"), ("B", "x\ny"), ("C", "")]);
    }
}
