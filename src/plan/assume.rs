//! Facts as they would be after `provision`, so that `plan` can show `deploy` for a host that is not ready yet.

use crate::facts::{DatabaseFacts, Facts, FileFacts, FileKind, NetworkFacts, SchemaFacts};
use crate::model::{Layout, Stack};

/// What `deploy` would find once `provision` has run.
pub fn assume_provisioned(stack: &Stack, facts: &Facts) -> Facts {
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
        let docker = facts.docker.get_or_insert_default();
        for (network, internal) in [(layout.app_network(), false), (layout.data_network(), true)] {
            docker
                .networks
                .entry(network)
                .or_insert(NetworkFacts { internal });
        }
        for service in stack.services_on(name) {
            if service.database().is_some() {
                let schema = SchemaFacts {
                    login: true,
                    ..SchemaFacts::default()
                };
                let answers = DatabaseFacts::Answers(schema);
                docker.databases.insert(service.name.clone(), answers);
            }
        }
    }
    assumed
}
