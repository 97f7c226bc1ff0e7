//! A history for people.

use serde_json::Value;

use super::Paint;
use super::paint::printable;
use super::status::table;

/// One line a run and host, oldest first.
pub fn history_text(runs: &[Value], paint: Paint) -> String {
    let mut table = table(&[
        "began", "host", "command", "", "took", "releases", "by", "commit",
    ]);
    for run in runs {
        let text = |key: &str| run[key].as_str().map_or_else(|| "-".to_owned(), printable);
        let outcome = match run["outcome"].as_str() {
            Some("done") => paint.good("done"),
            Some(outcome) => paint.bad(&printable(outcome)),
            None => "-".into(),
        };
        let took = run["seconds"]
            .as_f64()
            .map_or_else(|| "-".into(), |seconds| format!("{seconds:.1} s"));
        let releases: Vec<String> = run["releases"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(service, id)| {
                printable(&format!("{service} {}", id.as_str().unwrap_or_default()))
            })
            .collect();
        let commit = run["git"].as_str().map_or_else(
            || "-".into(),
            |commit| {
                let short: String = printable(commit).chars().take(9).collect();
                if run["dirty"].as_bool() == Some(true) {
                    format!("{short}+")
                } else {
                    short
                }
            },
        );
        let releases = if releases.is_empty() {
            "-".into()
        } else {
            releases.join(", ")
        };
        let (began, host, who) = (text("began"), text("host"), text("who"));
        let services = run["services"].as_array().into_iter().flatten();
        let services = services.filter_map(Value::as_str).map(printable);
        let command: Vec<String> = std::iter::once(text("command")).chain(services).collect();
        let command = command.join(" ");
        table.add_row([began, host, command, outcome, took, releases, who, commit]);
    }
    let mut lines = format!("{table}\n");
    for run in runs {
        if let Some(why) = run["why"].as_str() {
            let began = run["began"].as_str().unwrap_or_default();
            lines.push_str(&format!(
                "{} {}: {}\n",
                paint.faint(&printable(began)),
                run["command"].as_str().unwrap_or_default(),
                printable(why)
            ));
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_run_is_a_line_and_a_failure_says_why() {
        let runs = [
            json!({"began": "2026-11-21T08:00:00Z", "host": "web1", "command": "deploy", "outcome": "done", "seconds": 14.2,
                "releases": {"backend": "0123456789ab"}, "who": "ada@laptop", "services": ["backend"], "git": "0123456789abcdef", "dirty": true}),
            json!({"began": "2026-11-21T08:01:00Z", "host": "web1", "command": "deploy", "outcome": "failed", "why": "a\u{1b}[31mb"}),
        ];
        let text = history_text(&runs, Paint(false));
        let lines: Vec<String> = text
            .lines()
            .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
            .collect();
        assert_eq!(
            lines[1],
            "2026-11-21T08:00:00Z web1 deploy backend done 14.2 s backend 0123456789ab ada@laptop 012345678+"
        );
        assert_eq!(lines[2], "2026-11-21T08:01:00Z web1 deploy failed - - - -");
        assert!(
            lines[3].starts_with("2026-11-21T08:01:00Z deploy: a") && !lines[3].contains('\u{1b}')
        );
    }
}
