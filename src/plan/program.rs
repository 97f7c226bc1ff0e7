//! A person's own program beside a unit: a unit of its own, as shut in as the one that serves.

use super::provision::MYSQL;
use super::record::Record;
use super::unit::properties;
use crate::model::{Layout, Service};

/// A unit that lives as long as one program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnitProgram {
    pub name: String,
    pub description: String,
    /// `NAME=VALUE`, as units say it.
    pub properties: Vec<String>,
    pub command: Vec<String>,
}

/// What a person asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    pub command: Vec<String>,
    /// Instead of the service's own.
    pub user: Option<String>,
    /// Tells it from others.
    pub suffix: String,
    /// Seconds between the stop signal and SIGKILL.
    pub grace: u32,
}

/// What systemd lets programs beside the host's own server do. That server's user is an administrator of MariaDB.
const BESIDE_SERVER: [&str; 7] = [
    "User=mysql",
    "Group=mysql",
    "WorkingDirectory=/",
    "NoNewPrivileges=yes",
    "ProtectSystem=strict",
    "ProtectHome=yes",
    "PrivateTmp=yes",
];

impl UnitProgram {
    /// A program in what a release runs in, or, where nothing is `running`, in a place of its own made as the release is.
    /// `None` when the record tells of no unit.
    pub fn beside_release(
        layout: &Layout,
        service: &Service,
        record: &Record,
        running: Option<&str>,
        asked: Asked,
    ) -> Option<Self> {
        let path = layout.unit(&layout.release_unit(&service.name, &record.id));
        let unit = record.files.iter().find(|file| file.path == path)?;
        let mut properties = properties(&unit.file());
        if let Some(running) = running {
            properties.push(joined(running));
            let lines = unit.text.lines();
            let sockets = lines.filter(|line| line.starts_with("ReadWritePaths="));
            properties.extend(sockets.map(str::to_owned));
        }
        Some(Self::of(layout, service, properties, asked))
    }

    /// A program of the host's own database server, for example its client.
    pub fn beside_server(layout: &Layout, service: &Service, server: &str, asked: Asked) -> Self {
        let mut properties: Vec<String> = BESIDE_SERVER.map(str::to_owned).into();
        properties.push(joined(server));
        // MySQL knows nobody but root without a password.
        let user = (server == MYSQL).then(|| "root".to_owned());
        let user = asked.user.or(user);
        Self::of(layout, service, properties, Asked { user, ..asked })
    }

    fn of(layout: &Layout, service: &Service, mut properties: Vec<String>, asked: Asked) -> Self {
        if let Some(user) = asked.user {
            properties.retain(|line| !line.starts_with("User=") && !line.starts_with("Group="));
            properties.push(format!("User={user}"));
        }
        properties.push(format!("TimeoutStopSec={}", asked.grace.max(1)));
        Self {
            name: layout.program_unit(&service.name, &asked.suffix),
            description: format!("A program beside {}", service.name),
            properties,
            command: asked.command,
        }
    }
}

/// With the folder /tmp of a unit that runs.
fn joined(unit: &str) -> String {
    format!("JoinsNamespaceOf={unit}")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::config::{self, SourceText, Surroundings};
    use crate::model::Stack;
    use crate::plan::RecordedFile;
    use crate::plan::provision::MARIADB;

    const UNIT: &str = "[Unit]\nDescription=s/a, release 1\n\n[Service]\nType=exec\nUser=stackctl-1\nGroup=stackctl-1\n\
        EnvironmentFile=/e\nExecStart=/usr/bin/env \"serve\"\nRestart=always\nKillMode=mixed\n# its socket's folder\n\
        ReadWritePaths=/run/x\nPrivateTmp=yes\n\n[Install]\nWantedBy=multi-user.target\n";

    fn stack() -> Stack {
        let text = "stack: s\nhosts: {h: 10.0.0.1}\nservices:\n  a: {unit: app, command: [serve]}\n  db: {mysql: {install: package}}\n";
        let source = SourceText { name: "test", text };
        let around = Surroundings {
            base: "/src".into(),
            home: None,
        };
        config::parse(&source, &around).unwrap()
    }

    fn asked(user: Option<&str>) -> Asked {
        Asked {
            command: vec!["env".into()],
            user: user.map(str::to_owned),
            suffix: "0a1b".into(),
            grace: 10,
        }
    }

    fn beside(running: Option<&str>, user: Option<&str>) -> UnitProgram {
        let stack = stack();
        let layout = Layout::new(&stack.name);
        let service = &stack.services[&"a".parse().unwrap()];
        let id = "0123456789ab".parse().unwrap();
        let file = RecordedFile {
            path: layout.unit(&layout.release_unit(&service.name, &id)),
            mode: 0o644,
            text: UNIT.to_owned(),
        };
        let record = Record {
            schema: 1,
            service: service.name.clone(),
            id,
            spec: None,
            files: vec![file],
            sources: BTreeMap::new(),
            secrets: Default::default(),
        };
        UnitProgram::beside_release(&layout, service, &record, running, asked(user)).unwrap()
    }

    #[test]
    fn it_is_as_shut_in_as_its_release_and_starts_nothing_of_it() {
        let alone = beside(None, None);
        assert_eq!(alone.name, "s-a-run-0a1b.service");
        let expected = [
            "User=stackctl-1",
            "Group=stackctl-1",
            "EnvironmentFile=/e",
            "PrivateTmp=yes",
            "TimeoutStopSec=10",
        ];
        assert_eq!(alone.properties, expected);
    }

    #[test]
    fn beside_what_runs_it_sees_the_same_files() {
        let joined = beside(Some("s-a@0123456789ab.service"), Some("0"));
        let expected = [
            "EnvironmentFile=/e",
            "PrivateTmp=yes",
            "JoinsNamespaceOf=s-a@0123456789ab.service",
            "ReadWritePaths=/run/x",
            "User=0",
            "TimeoutStopSec=10",
        ];
        assert_eq!(joined.properties, expected);
    }

    #[test]
    fn a_client_of_the_hosts_own_server_is_an_administrator() {
        let stack = stack();
        let layout = Layout::new(&stack.name);
        let service = &stack.services[&"db".parse().unwrap()];
        for (server, user) in [(MARIADB, "User=mysql"), (MYSQL, "User=root")] {
            let program = UnitProgram::beside_server(&layout, service, server, asked(None));
            let joined = format!("JoinsNamespaceOf={server}");
            for property in [user, &joined] {
                let has = |line: &String| line == property;
                assert!(program.properties.iter().any(has), "{program:?}");
            }
        }
    }
}
