//! systemd's units on a host.

use std::time::Duration;

use super::State;
use crate::script;
use crate::transport::{Transport, TransportError};

const DEADLINE: Duration = Duration::from_secs(30);

/// Where a unit stands.
pub async fn state(transport: &dyn Transport, unit: &str) -> Result<State, TransportError> {
    let script = script::unit_state(unit);
    let output = transport.run(&script, &[], DEADLINE).await?;
    Ok(parse(&String::from_utf8_lossy(&output.stdout)))
}

/// The last lines that a unit said.
pub async fn last_lines(transport: &dyn Transport, unit: &str, lines: u32) -> Vec<String> {
    let script = script::unit_words(unit, lines);
    let said = transport.run(&script, &[], DEADLINE).await;
    let said = said.map(|output| output.stdout).unwrap_or_default();
    let text = String::from_utf8_lossy(&said);
    text.lines().map(str::to_owned).collect()
}

/// Reads `KEY=value` lines of systemctl(1). One that waits to be started again is `activating`.
fn parse(shown: &str) -> State {
    let value = |key: &str| {
        let mut lines = shown.lines().filter_map(|line| line.split_once('='));
        lines
            .find_map(|(name, value)| (name == key).then_some(value))
            .unwrap_or_default()
    };
    State {
        running: value("ActiveState") == "active",
        restarts: value("NRestarts").parse().unwrap_or(0),
        exit_code: value("ExecMainStatus").parse().unwrap_or(0),
        out_of_memory: value("Result") == "oom-kill",
        restarting: false,
        health: String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_between_two_crashes_does_not_run() {
        let shown = "Result=exit-code\nNRestarts=3\nExecMainStatus=127\nActiveState=activating\n";
        let state = parse(shown);
        assert_eq!(
            (state.running, state.restarts, state.exit_code),
            (false, 3, 127)
        );
        assert!(parse("ActiveState=active\nNRestarts=0\n").running);
        assert_eq!(parse(""), State::default());
    }
}
