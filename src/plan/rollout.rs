//! Which hosts get the requests for a new release first: a few, then the others in groups, each watched before the next.

use super::deploy::phase;
use super::host::Parts;
use super::step::{Action, Step};
use crate::model::{HostName, Stack};

/// How long the hosts that switched first are watched again beside the last, in seconds.
const AT_THE_END: u32 = 5;

impl Parts {
    /// Has the hosts that switch do so in the groups that the stack wants. All of them are prepared before the first
    /// switches, and what was done stays only when the last group is well: until then whatever fails takes all back.
    pub fn roll_out(&mut self, stack: &Stack) {
        let Some(rollout) = &stack.rollout else {
            return;
        };
        let switches = |host: &HostName| {
            let mut steps = self.steps.iter();
            steps.any(|step| step.host == *host && step.phase == phase::SWITCH)
        };
        let hosts: Vec<HostName> = in_order(stack)
            .into_iter()
            .filter(|h| switches(h))
            .collect();
        let groups = rollout.groups(&hosts);
        if groups.len() < 2 {
            return;
        }
        let last = groups.len() - 1;
        let commit = phase::SWITCH + 2 * number(groups.len());
        for step in &mut self.steps {
            let group = groups.iter().position(|hosts| hosts.contains(&step.host));
            let group = group.unwrap_or(last);
            step.phase = match step.phase {
                phase::SWITCH => phase::SWITCH + 2 * number(group),
                phase::BAKE => phase::BAKE + 2 * number(group),
                phase::COMMIT => commit,
                phase::RETIRE => commit + 1,
                before => before,
            };
            if let Action::Bake { seconds, .. } = &mut step.action
                && group < last
            {
                *seconds = rollout.pause.max(*seconds);
            }
        }
        // Between its own watch and the last group's end much can happen to a host.
        let end = phase::BAKE + 2 * number(last);
        let again = self.steps.iter().filter(|step| step.phase < end);
        let again = again.filter_map(|step| match &step.action {
            Action::Bake { targets, .. } if !targets.is_empty() => Some(Step {
                host: step.host.clone(),
                phase: end,
                action: Action::Bake {
                    targets: targets.clone(),
                    seconds: AT_THE_END,
                },
                cause: "it must still be well when the last are".into(),
                undo: Vec::new(),
            }),
            _ => None,
        });
        let again: Vec<Step> = again.collect();
        self.steps.extend(again);
        // Files have nothing that could be watched.
        for (group, hosts) in groups.iter().enumerate().take(last) {
            let watches = |step: &Step| {
                matches!(step.action, Action::Bake { .. }) && hosts.contains(&step.host)
            };
            if rollout.pause == 0 || self.steps.iter().any(watches) {
                continue;
            }
            self.steps.push(Step {
                host: hosts[0].clone(),
                phase: phase::BAKE + 2 * number(group),
                action: Action::Bake {
                    targets: Vec::new(),
                    seconds: rollout.pause,
                },
                cause: "before the next hosts".into(),
                undo: Vec::new(),
            });
        }
    }
}

// A stack has no more hosts than there are names.
fn number(count: usize) -> u16 {
    u16::try_from(count).unwrap_or(u16::MAX / 4)
}

/// The hosts as the yaml's `on` names them, service by service, those of apps first.
fn in_order(stack: &Stack) -> Vec<HostName> {
    let mut hosts: Vec<HostName> = Vec::new();
    // Pages are for all visitors at once, and would try nothing of the apps.
    let (apps, others): (Vec<_>, Vec<_>) = stack
        .services
        .values()
        .partition(|service| service.app().is_some());
    let services = apps.into_iter().chain(others);
    for host in services.flat_map(|service| &service.hosts) {
        if !hosts.contains(host) {
            hosts.push(host.clone());
        }
    }
    hosts
}
