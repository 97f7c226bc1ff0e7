//! `history`: who changed what, when, from where, and how it ended.

use serde_json::{Value, json};

use super::args::{Global, HistoryArgs};
use super::{Console, Failure, session};
use crate::{observe, ui};

pub async fn history(
    args: &HistoryArgs,
    global: &Global,
    console: &Console,
) -> Result<(), Failure> {
    let loaded = session::load(global, console)?;
    let fleet = loaded.connect_all(console).await?;
    let mut runs: Vec<Value> = Vec::new();
    for (host, transport) in &fleet {
        let told = observe::history(&loaded.stack, transport.as_ref(), args.limit).await;
        let told = told.map_err(|error| Failure::unobserved(host.as_str(), &error))?;
        if told.unreadable > 0 {
            console.tell(&format!(
                "{} {host}: {} lines of its history cannot be read",
                console.paint.warn("note"),
                told.unreadable
            ));
        }
        let open = told.open.map(|mut run| {
            run["outcome"] = json!("not ended");
            run
        });
        for mut run in told.runs.into_iter().chain(open) {
            run["host"] = json!(host.as_str());
            runs.push(run);
        }
    }
    // By the hosts' clocks; runs of one host stay in their order.
    runs.sort_by(|a, b| a["began"].as_str().cmp(&b["began"].as_str()));
    let from = runs
        .len()
        .saturating_sub(args.limit.max(1) * fleet.len().max(1));
    let runs = &runs[from..];
    if console.json {
        return console.say(
            &json!({"schema": 1, "stack": loaded.stack.name.as_str(), "runs": runs}).to_string(),
        );
    }
    if runs.is_empty() {
        return console.say("nothing was done here yet");
    }
    console.say(ui::history_text(runs, console.paint_out).trim_end())
}
