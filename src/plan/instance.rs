//! What a service runs as on a host now: what a person's command is about. The one place that chooses by runtime.

use super::provision::own_server;
use super::retire::serving;
use super::step::Process;
use crate::facts::{ContainerFacts, HostFacts, UnitFacts};
use crate::model::{HostName, Layout, ReleaseId, Service, ServiceKind, ServiceName, Stack};

/// One service on one host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instance {
    pub service: ServiceName,
    pub host: HostName,
    /// `None` for what has no releases.
    pub release: Option<ReleaseId>,
    /// What runs it.
    pub process: Process,
    pub is_running: bool,
}

/// Why there is nothing that a command could be about.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoInstance {
    #[error("`{0}` is static files: nginx serves them, and nothing runs")]
    Static(ServiceName),
    #[error("`{0}` is a server that somebody else looks after")]
    External(ServiceName),
    #[error("`{service}` was never deployed on {host}")]
    NeverDeployed {
        service: ServiceName,
        host: HostName,
    },
    #[error("no Docker engine answers on {0}")]
    NoEngine(HostName),
    #[error("what runs `{service}` on {host} is gone ({name})")]
    Gone {
        service: ServiceName,
        host: HostName,
        name: String,
    },
}

impl NoInstance {
    /// What to do next.
    pub fn hint(&self) -> &'static str {
        match self {
            NoInstance::Static(_) => "`stackctl logs --nginx` shows who asked for them",
            NoInstance::External(_) => "`stackctl status` shows whether it can be reached",
            NoInstance::NeverDeployed { .. } => {
                "`stackctl provision` and `stackctl deploy` come first"
            }
            NoInstance::NoEngine(_) => "`stackctl provision` starts it; `stackctl doctor` looks",
            NoInstance::Gone { .. } => {
                "`stackctl status` shows what is wrong; `stackctl provision` makes databases again, `stackctl deploy` apps"
            }
        }
    }
}

/// What serves for a service on a host, running or not.
///
/// # Errors
/// When nothing does, or nothing can.
pub fn instance(
    stack: &Stack,
    service: &Service,
    host: &HostName,
    facts: &HostFacts,
) -> Result<Instance, NoInstance> {
    let layout = Layout::new(&stack.name);
    let never = || NoInstance::NeverDeployed {
        service: service.name.clone(),
        host: host.clone(),
    };
    let (name, release) = match &service.kind {
        ServiceKind::Static(_) => return Err(NoInstance::Static(service.name.clone())),
        ServiceKind::External(_) => return Err(NoInstance::External(service.name.clone())),
        ServiceKind::Database(_) if !service.in_container() => {
            let marker = super::provision::database_marker(&layout, service);
            let is_ours = facts.files.contains_key(&marker);
            return match is_ours {
                true => in_unit(
                    &layout,
                    service,
                    host,
                    facts,
                    own_server(facts).to_owned(),
                    None,
                ),
                false => Err(never()),
            };
        }
        ServiceKind::Database(_) => (layout.container(&service.name), None),
        ServiceKind::App(_) if service.unit().is_some() => {
            let id = serving(&layout, service, facts).ok_or_else(never)?;
            let name = layout.release_unit(&service.name, &id);
            return in_unit(&layout, service, host, facts, name, Some(id));
        }
        ServiceKind::Container(_) if facts.docker.is_none() => {
            return Err(NoInstance::NoEngine(host.clone()));
        }
        ServiceKind::App(_) | ServiceKind::Container(_) => {
            let id = serving(&layout, service, facts).ok_or_else(never)?;
            (layout.release_container(&service.name, &id), Some(id))
        }
    };
    let Some(docker) = &facts.docker else {
        let is_new = !facts.files.contains_key(&layout.state());
        return Err(if is_new {
            never()
        } else {
            NoInstance::NoEngine(host.clone())
        });
    };
    let there = docker.containers.get(&name);
    match there {
        Some(there) => Ok(Instance {
            service: service.name.clone(),
            host: host.clone(),
            release,
            process: Process::Container(name),
            is_running: there.is_running(),
        }),
        None if release.is_none() && !docker.volumes.contains(&layout.volume(&service.name)) => {
            Err(never())
        }
        None => Err(NoInstance::Gone {
            service: service.name.clone(),
            host: host.clone(),
            name,
        }),
    }
}

fn in_unit(
    layout: &Layout,
    service: &Service,
    host: &HostName,
    facts: &HostFacts,
    name: String,
    release: Option<ReleaseId>,
) -> Result<Instance, NoInstance> {
    let loaded = facts.units.get(&name).filter(|unit| unit.load == "loaded");
    // systemd forgets a unit that was stopped, until somebody asks for it by name; its file is still there.
    if loaded.is_none() && !facts.files.contains_key(&layout.unit(&name)) {
        return Err(NoInstance::Gone {
            service: service.name.clone(),
            host: host.clone(),
            name,
        });
    }
    Ok(Instance {
        service: service.name.clone(),
        host: host.clone(),
        release,
        is_running: loaded.is_some_and(UnitFacts::is_active),
        process: Process::Unit(name),
    })
}

/// The release whose container this is, when it is one that serves, has served or may: not a one-off run. Databases
/// have none.
pub fn release_of(
    layout: &Layout,
    service: &Service,
    name: &str,
    there: &ContainerFacts,
) -> Option<Option<ReleaseId>> {
    use super::container::label;
    if service.database().is_some() {
        return (name == layout.container(&service.name)).then_some(None);
    }
    let id: ReleaseId = there.labels.get(label::RELEASE)?.parse().ok()?;
    (name == layout.release_container(&service.name, &id)).then_some(Some(id))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{self, SourceText, Surroundings};
    use crate::facts::{DockerFacts, FileFacts, FileKind};

    const ID: &str = "0123456789ab";

    fn stack() -> Stack {
        let text = "stack: names\nhosts: {web1: 203.0.113.10}\nservices:\n  \
            db: {mysql: {image: 'mysql:8.4'}}\n  \
            backend: {build: ., listen: socket, health: /healthz, needs: [db]}\n  \
            jobs: {unit: {source: ., install: nothing}, command: [serve], health: /healthz}\n  page: {static: .}\n\
            sites: {names: {routes: {/: page, /api: backend, /jobs: jobs}}}\n";
        let source = SourceText { name: "test", text };
        let around = Surroundings {
            base: "/src".into(),
            home: None,
        };
        config::parse(&source, &around).unwrap()
    }

    fn ask(service: &str, facts: &HostFacts) -> Result<Instance, NoInstance> {
        let stack = stack();
        let service = &stack.services[&service.parse::<ServiceName>().unwrap()];
        instance(&stack, service, &"web1".parse().unwrap(), facts)
    }

    fn deployed(containers: &[(&str, &str)]) -> HostFacts {
        let mut facts = HostFacts::default();
        let link = FileFacts {
            kind: FileKind::Link(format!("backend.{ID}/app.sock")),
            mode: 0o777,
            user: 0,
            group: 0,
            digest: None,
            contents: None,
        };
        let path = "/run/stackctl/names/backend.sock".parse().unwrap();
        facts.files.insert(path, link);
        let mut docker = DockerFacts::default();
        for (name, state) in containers {
            let there = ContainerFacts {
                state: (*state).into(),
                ..ContainerFacts::default()
            };
            docker.containers.insert((*name).into(), there);
        }
        facts.docker = Some(docker);
        facts
    }

    #[test]
    fn what_serves_is_found_running_or_not() {
        let name = format!("names-backend-{ID}");
        for (state, is_running) in [("running", true), ("exited", false)] {
            let found = ask("backend", &deployed(&[(&name, state)])).unwrap();
            assert_eq!(found.release.unwrap().as_str(), ID);
            assert_eq!(found.process, Process::Container(name.clone()));
            assert_eq!(found.is_running, is_running);
        }
        let found = ask("db", &deployed(&[("names-db", "running")])).unwrap();
        assert_eq!(
            (found.release, found.process),
            (None, Process::Container("names-db".into()))
        );
    }

    #[test]
    fn a_unit_that_was_stopped_is_there_as_long_as_its_file_is() {
        let mut facts = deployed(&[]);
        let link = facts.files.pop_first().unwrap().1;
        let link = FileFacts {
            kind: FileKind::Link(format!("jobs.{ID}/app.sock")),
            ..link
        };
        let path = "/run/stackctl/names/jobs.sock".parse().unwrap();
        facts.files.insert(path, link.clone());
        assert!(
            ask("jobs", &facts)
                .unwrap_err()
                .to_string()
                .contains("is gone")
        );
        let name = format!("names-jobs@{ID}.service");
        let path = format!("/etc/systemd/system/{name}").parse().unwrap();
        let file = FileFacts {
            kind: FileKind::File,
            ..link
        };
        facts.files.insert(path, file);
        let found = ask("jobs", &facts).unwrap();
        assert_eq!(found.process, Process::Unit(name));
        assert!(!found.is_running);
    }

    #[test]
    fn what_is_not_there_says_why() {
        let fresh = HostFacts::default();
        for (service, facts, why) in [
            ("page", &fresh, "static files"),
            ("backend", &fresh, "never deployed"),
            ("db", &fresh, "never deployed"),
            ("db", &deployed(&[]), "never deployed"),
            ("backend", &deployed(&[]), "is gone"),
        ] {
            let error = ask(service, facts).unwrap_err();
            assert!(error.to_string().contains(why), "{service}: {error}");
            assert!(error.hint().contains("stackctl"), "{error}");
        }
    }
}
