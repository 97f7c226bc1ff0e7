//! A plan as it was shown and agreed on, to be carried out later: exactly that one, or none.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::fingerprint::{moved, plan_digest, standing, step_digest};
use super::release::Release;
use super::step::Plan;
use super::text::diff;
use crate::facts::Facts;
use crate::model::{HostName, ServiceName, StackName};

/// What `stackctl plan --out FILE` writes and `stackctl apply FILE` reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedPlan {
    /// The format's version; 1.
    pub schema: u32,
    /// The version of stackctl that made it: another one may mean something else by the same steps.
    pub stackctl: String,
    pub stack: StackName,
    /// The stack's yaml, absolute on the machine that made the plan.
    pub config: PathBuf,
    /// What was laid over it.
    pub environment: Option<String>,
    /// What `--host` named; empty for all.
    pub hosts: Vec<String>,
    /// What `--service` named; empty for all.
    pub services: Vec<String>,
    pub overwrite_drift: bool,
    /// Whether data was to be loaded again.
    #[serde(default)]
    pub seed: bool,
    /// Whether the hooks of the yaml were left out.
    pub no_hooks: bool,
    /// SHA-256 of the yaml's text and of what was laid over it.
    pub yaml: String,
    /// SHA-256 of the hooks and of their scripts, which no step holds.
    pub hooks: String,
    pub releases: BTreeMap<HostName, BTreeMap<ServiceName, String>>,
    /// What the plan was made from, short, so that a refusal can say what has moved.
    pub standing: BTreeMap<HostName, BTreeMap<String, String>>,
    pub provision: SavedPart,
    /// As it is to be once `provision` has run.
    pub deploy: SavedPart,
}

/// The plan of one command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedPart {
    /// Over every effect, with all bytes; equal digests are equal plans.
    pub digest: String,
    pub steps: Vec<SavedStep>,
    pub notes: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedStep {
    pub host: HostName,
    pub phase: u16,
    pub action: String,
    pub cause: String,
    /// The unified diff of the file that it writes.
    pub diff: Option<String>,
    /// None for a step that only records what others do.
    pub digest: Option<String>,
}

/// Why a saved plan is not carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    /// What differs from then, a sentence each.
    pub reasons: Vec<String>,
    /// From the saved plan's text to what would be done now.
    pub diff: String,
}

impl SavedPart {
    pub fn of(plan: &Plan) -> Self {
        let steps = plan.steps.iter().map(|step| SavedStep {
            host: step.host.clone(),
            phase: step.phase,
            action: step.action.words(),
            cause: step.cause.clone(),
            diff: step.action.change(),
            digest: step_digest(step),
        });
        let notes = plan.notes.iter();
        Self {
            digest: plan_digest(plan),
            steps: steps.collect(),
            notes: notes
                .map(|note| format!("{}: {}", note.host, note.text))
                .chain(
                    plan.drift
                        .iter()
                        .map(|drift| format!("{}: {}", drift.host, drift.words())),
                )
                .collect(),
        }
    }

    /// A line a step with the diff of its file below. A step whose words are the same but whose effect is not ends in
    /// its digest, so that it shows in a diff.
    fn text(&self, name: &str, other: &Self) -> String {
        let mut text = String::new();
        for step in &self.steps {
            text.push_str(&format!(
                "{name}: {}: {} ({})",
                step.host, step.action, step.cause
            ));
            let same_words = other
                .steps
                .iter()
                .filter(|there| there.host == step.host && there.action == step.action);
            let known: Vec<_> = same_words.map(|there| &there.digest).collect();
            if let Some(digest) = &step.digest
                && !known.is_empty()
                && !known.contains(&&step.digest)
            {
                let short = digest.get(..12).unwrap_or(digest);
                text.push_str(&format!(" [{short}]"));
            }
            text.push('\n');
            for line in step.diff.iter().flat_map(|change| change.lines()) {
                text.push_str(&format!("    {line}\n"));
            }
        }
        text
    }
}

impl SavedPlan {
    /// The releases as they are kept.
    pub fn releases_of(releases: &[Release]) -> BTreeMap<HostName, BTreeMap<ServiceName, String>> {
        let mut kept: BTreeMap<HostName, BTreeMap<ServiceName, String>> = BTreeMap::new();
        for release in releases {
            let ids = kept.entry(release.host.clone()).or_default();
            ids.insert(release.service.clone(), release.id.to_string());
        }
        kept
    }

    pub fn standing_of(facts: &Facts) -> BTreeMap<HostName, BTreeMap<String, String>> {
        let hosts = facts.iter();
        hosts
            .map(|(host, facts)| (host.clone(), standing(facts)))
            .collect()
    }

    /// What keeps this plan from being carried out when `now` is what would be planned: nothing when both are the
    /// same effects in the same order.
    pub fn moved_to(&self, now: &Self) -> Option<Moved> {
        let same = self.provision.digest == now.provision.digest
            && self.deploy.digest == now.deploy.digest
            && self.hooks == now.hooks;
        if same {
            return None;
        }
        let mut reasons = Vec::new();
        if self.yaml != now.yaml {
            reasons.push("the stack's yaml has changed".to_owned());
        }
        if self.hooks != now.hooks {
            reasons.push("a hook has changed".to_owned());
        }
        for (host, ids) in &now.releases {
            for (service, is) in ids {
                let was = self.releases.get(host).and_then(|ids| ids.get(service));
                if was != Some(is) {
                    let was = was.map_or("none", String::as_str);
                    reasons.push(format!(
                        "{host}: the release of {service} was {was} and is {is}"
                    ));
                }
            }
        }
        let nothing = BTreeMap::new();
        for (host, things) in &now.standing {
            let then = self.standing.get(host).unwrap_or(&nothing);
            let lines = moved(then, things);
            reasons.extend(lines.into_iter().map(|line| format!("{host}: {line}")));
        }
        Some(Moved {
            reasons,
            diff: diff(&self.text(now), &now.text(self)),
        })
    }

    /// The same for the deploy part alone, made again after `provision` has run.
    pub fn deploy_moved_to(&self, now: &SavedPart) -> Option<Moved> {
        if self.deploy.digest == now.digest {
            return None;
        }
        Some(Moved {
            reasons: Vec::new(),
            diff: diff(
                &self.deploy.text("deploy", now),
                &now.text("deploy", &self.deploy),
            ),
        })
    }

    fn text(&self, other: &Self) -> String {
        self.provision.text("provision", &other.provision)
            + &self.deploy.text("deploy", &other.deploy)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Action, Step};
    use super::*;
    use crate::facts::HostFacts;
    use crate::model::{Owner, RemoteFile};

    fn plan(contents: &[u8]) -> Plan {
        let file = RemoteFile {
            path: "/etc/x".parse().unwrap(),
            mode: 0o644,
            owner: Owner::ROOT,
            contents: contents.to_vec(),
        };
        let put = Action::PutFile { file, before: None };
        let steps = [put, Action::StartUnit("x.service".into())].map(|action| Step {
            host: "web1".parse().unwrap(),
            phase: 0,
            action,
            cause: "missing".into(),
            undo: Vec::new(),
        });
        Plan {
            steps: steps.into(),
            notes: Vec::new(),
            drift: Vec::new(),
        }
    }

    fn saved(contents: &[u8]) -> SavedPlan {
        let facts = Facts::from([("web1".parse().unwrap(), HostFacts::default())]);
        SavedPlan {
            schema: 1,
            stackctl: "0.1.0".into(),
            stack: "page".parse().unwrap(),
            config: "/x/stackctl.yaml".into(),
            environment: None,
            hosts: Vec::new(),
            services: Vec::new(),
            overwrite_drift: false,
            seed: false,
            no_hooks: false,
            yaml: "1".into(),
            hooks: "1".into(),
            releases: SavedPlan::releases_of(&[]),
            standing: SavedPlan::standing_of(&facts),
            provision: SavedPart::of(&Plan::default()),
            deploy: SavedPart::of(&plan(contents)),
        }
    }

    #[test]
    fn the_same_plan_holds_whatever_was_written_in_comments() {
        let then = saved(b"a\n");
        let mut now = then.clone();
        now.yaml = "2".into();
        now.config = "/elsewhere/stackctl.yaml".into();
        assert_eq!(then.moved_to(&now), None);
        assert_eq!(then.deploy_moved_to(&now.deploy), None);
    }

    #[test]
    fn another_plan_is_refused_with_what_moved_and_the_difference() {
        let then = saved(b"a\n");
        let mut now = saved(b"b\n");
        now.yaml = "2".into();
        let things = now.standing.values_mut().next().unwrap();
        things.insert("unit x.service".into(), "loaded failed enabled".into());
        let moved = then.moved_to(&now).unwrap();
        assert_eq!(
            moved.reasons,
            [
                "the stack's yaml has changed",
                "web1: unit x.service was absent and is loaded failed enabled"
            ]
        );
        assert!(moved.diff.contains("-    +a\n"), "{}", moved.diff);
        assert!(moved.diff.contains("+    +b\n"), "{}", moved.diff);
        assert!(then.deploy_moved_to(&now.deploy).is_some());
    }

    #[test]
    fn bytes_that_no_diff_shows_are_told_by_their_digest() {
        let (then, now) = (saved(b"\xff"), saved(b"\xfe"));
        let moved = then.moved_to(&now).unwrap();
        assert_eq!(
            moved
                .diff
                .matches("write /etc/x (0644) (missing) [")
                .count(),
            2
        );
        assert_eq!(moved.diff.matches("-deploy").count(), 1, "{}", moved.diff);
    }

    #[test]
    fn a_changed_hook_is_another_plan() {
        let then = saved(b"a\n");
        let mut now = then.clone();
        now.hooks = "2".into();
        assert_eq!(then.moved_to(&now).unwrap().reasons, ["a hook has changed"]);
    }

    #[test]
    fn it_comes_back_from_json_as_it_was() {
        let then = saved(b"a\n");
        let text = serde_json::to_string(&then).unwrap();
        assert_eq!(serde_json::from_str::<SavedPlan>(&text).unwrap(), then);
    }
}
