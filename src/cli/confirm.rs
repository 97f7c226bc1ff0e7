//! Asking before something is changed.

use std::io::IsTerminal as _;

use super::{Console, Failure, Kind};

/// Asks `question`; `yes` answers it. Without a terminal to ask on it is wrong usage, never a wait.
pub fn confirm(question: &str, yes: bool, console: &Console) -> Result<(), Failure> {
    if yes {
        return Ok(());
    }
    if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
        let failure = Failure::new(
            Kind::Usage,
            format!("cannot ask \"{question}\" without a terminal"),
        );
        return Err(failure.hint("add --yes to go on without being asked"));
    }
    let _ = console;
    let answer = dialoguer::Confirm::new()
        .with_prompt(question)
        .default(false)
        .interact();
    match answer {
        Ok(true) => Ok(()),
        Ok(false) => Err(Failure::new(
            Kind::Refused,
            "not confirmed; nothing was changed",
        )),
        Err(_) => Err(Failure::new(
            Kind::Interrupted,
            "not confirmed; nothing was changed",
        )),
    }
}
