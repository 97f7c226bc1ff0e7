//! A plan as text: for people, tests and reviews alike.

use similar::TextDiff;

use super::step::{Action, Plan};

/// A unified diff with three lines of context, without the file header.
pub fn diff(before: &str, after: &str) -> String {
    let diff = TextDiff::from_lines(before, after);
    diff.unified_diff().context_radius(3).to_string()
}

/// The plan, a line a step with host and cause, and the diff of each file below its step.
pub fn plan_text(plan: &Plan, diffs: bool) -> String {
    let mut text = String::new();
    for (index, step) in plan.steps.iter().enumerate() {
        text.push_str(&format!(
            "#{} {}: {} ({})\n",
            index + 1,
            step.host,
            step.action.words(),
            step.cause
        ));
        if diffs && let Some(change) = step.action.change() {
            for line in change.lines() {
                text.push_str("    ");
                text.push_str(line);
                text.push('\n');
            }
        }
    }
    for drift in &plan.drift {
        text.push_str(&format!("drift {}: {}\n", drift.host, drift.words()));
        if diffs {
            for line in drift.diff.iter().flat_map(|change| change.lines()) {
                text.push_str(&format!("    {line}\n"));
            }
        }
    }
    for note in &plan.notes {
        text.push_str(&format!("note {}: {}\n", note.host, note.text));
    }
    text
}

impl Action {
    /// The unified diff of the file that this step writes.
    pub fn change(&self) -> Option<String> {
        let (file, before) = match self {
            Action::PutFile { file, .. } if is_record(file.path.as_str()) => return None,
            Action::PutFile { file, before } => (file, before),
            Action::SwitchBack(back) => (&back.boot, &back.before),
            Action::InstallSite(site) => (&site.file, &site.before),
            _ => return None,
        };
        let before = before.as_deref().unwrap_or_default();
        Some(diff(
            &String::from_utf8_lossy(before),
            &String::from_utf8_lossy(&file.contents),
        ))
    }
}

/// Records of ours that repeat what the steps themselves say, and scripts that are the same for everybody.
fn is_record(path: &str) -> bool {
    [
        "/manifest.json",
        "/release.json",
        "/recover.sh",
        "/nginx-admit.sh",
    ]
    .iter()
    .any(|name| path.ends_with(name))
}

#[cfg(test)]
mod tests {
    use super::super::{Note, SiteInstall, Step};
    use super::*;
    use crate::model::{Owner, RemoteFile};

    fn put(path: &str, before: Option<&str>, after: &str) -> Action {
        let file = RemoteFile {
            path: path.parse().unwrap(),
            mode: 0o644,
            owner: Owner::ROOT,
            contents: after.into(),
        };
        let before = before.map(|text| text.as_bytes().to_vec());
        Action::PutFile { file, before }
    }

    fn plan(actions: Vec<Action>) -> Plan {
        let step = |action| Step {
            host: "web1".parse().unwrap(),
            phase: 0,
            action,
            cause: "a test".into(),
            undo: Vec::new(),
        };
        let note = Note {
            host: "web1".parse().unwrap(),
            text: "something to know".into(),
        };
        Plan {
            steps: actions.into_iter().map(step).collect(),
            notes: vec![note],
            drift: Vec::new(),
        }
    }

    #[test]
    fn a_step_is_a_line_with_the_diff_of_its_file_below() {
        let before = "a\nb\nc\nd\ne\nf\ng\nh\n";
        let after = before.replace("e\n", "E\n");
        let plan = plan(vec![
            Action::ReloadUnits,
            put("/etc/x", Some(before), &after),
            put("/etc/new", None, "one\n"),
        ]);
        let expected = "\
#1 web1: make systemd read its units again (a test)
#2 web1: change /etc/x (0644) (a test)
    @@ -2,7 +2,7 @@
     b
     c
     d
    -e
    +E
     f
     g
     h
#3 web1: write /etc/new (0644) (a test)
    @@ -0,0 +1 @@
    +one
note web1: something to know
";
        assert_eq!(plan_text(&plan, true), expected);
        let short = plan_text(&plan, false);
        assert!(
            !short.contains("@@") && short.lines().count() == 4,
            "{short}"
        );
    }

    #[test]
    fn a_site_shows_its_diff_and_records_do_not() {
        let Action::PutFile { file, before } = put("/etc/site", Some("old\n"), "new\n") else {
            unreachable!()
        };
        let site = Action::InstallSite(SiteInstall {
            file,
            before,
            enabled: "/etc/enabled".parse().unwrap(),
            disable: Vec::new(),
            stale: "/run/stale".parse().unwrap(),
            port: 80,
            server_name: "x".into(),
            generation: "1".into(),
        });
        assert_eq!(site.change().as_deref(), Some("@@ -1 +1 @@\n-old\n+new\n"));
        for name in ["manifest", "release"] {
            let record = put(&format!("/var/lib/stackctl/x/{name}.json"), None, "{}");
            assert_eq!(record.change(), None);
        }
        assert_eq!(Action::ReloadUnits.change(), None);
    }

    #[test]
    fn a_file_that_lost_its_last_newline_is_told() {
        assert!(diff("a\n", "a").contains("No newline at end of file"));
        assert_eq!(diff("a\n", "a\n"), "");
    }
}
