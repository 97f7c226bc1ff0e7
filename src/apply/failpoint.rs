//! Faults on purpose, in builds with debug assertions only: a run ends, stops or fails at a step of choice, so that a
//! test can see what it leaves behind. `tests/faults` is written on this; a release build has none of it.
//!
//! `STACKCTL_FAILPOINT=WHEN:N:WHAT`, for example `before:7:kill`:
//!
//! | part | is |
//! |---|---|
//! | WHEN | `before` or `after` a step |
//! | N | which: steps count from 1, on all hosts together, in the order in which they get there |
//! | WHAT | `kill`: SIGKILL to this process; `stop`: SIGSTOP, so that it goes on after SIGCONT; `error`: the step fails; `wait:FILE`: make FILE and go on when somebody has removed it |
//!
//! A run with fewer steps than N is not harmed: a test raises N until that happens, and so needs no knowledge of plans.
//! One whose value cannot be read ends at its first step, as a test that injects nothing would prove nothing.

use super::ApplyError;

/// A step is about to begin.
pub(super) async fn before() -> Result<(), ApplyError> {
    #[cfg(debug_assertions)]
    armed::reach(armed::When::Before).await?;
    Ok(())
}

/// A step has succeeded.
pub(super) async fn after() -> Result<(), ApplyError> {
    #[cfg(debug_assertions)]
    armed::reach(armed::When::After).await?;
    Ok(())
}

#[cfg(debug_assertions)]
mod armed {
    use std::path::{Path, PathBuf};
    use std::process::Command;
    use std::sync::LazyLock;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use super::ApplyError;

    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum When {
        Before,
        After,
    }

    #[derive(Debug, PartialEq, Eq)]
    enum What {
        Signal(&'static str),
        Error,
        Wait(PathBuf),
    }

    #[derive(Debug, PartialEq, Eq)]
    struct Failpoint {
        when: When,
        number: usize,
        what: What,
    }

    static WANTED: LazyLock<Option<Result<Failpoint, String>>> = LazyLock::new(|| {
        std::env::var("STACKCTL_FAILPOINT")
            .ok()
            .map(|text| parse(&text))
    });
    static REACHED: [AtomicUsize; 2] = [AtomicUsize::new(0), AtomicUsize::new(0)];

    fn parse(text: &str) -> Result<Failpoint, String> {
        let mut parts = text.splitn(3, ':');
        let mut part = || parts.next().unwrap_or_default();
        let when = match part() {
            "before" => Some(When::Before),
            "after" => Some(When::After),
            _ => None,
        };
        let number = part().parse().ok().filter(|number| *number > 0);
        let what = match part() {
            "kill" => Some(What::Signal("KILL")),
            "stop" => Some(What::Signal("STOP")),
            "error" => Some(What::Error),
            rest => rest
                .strip_prefix("wait:")
                .map(|file| What::Wait(file.into())),
        };
        match (when, number, what) {
            (Some(when), Some(number), Some(what)) => Ok(Failpoint { when, number, what }),
            _ => Err(format!("STACKCTL_FAILPOINT={text} cannot be read")),
        }
    }

    pub async fn reach(when: When) -> Result<(), ApplyError> {
        let number = REACHED[when as usize].fetch_add(1, Ordering::SeqCst) + 1;
        match &*WANTED {
            None => Ok(()),
            Some(Err(error)) => Err(failed(error)),
            Some(Ok(wanted)) if wanted.when != when || wanted.number != number => Ok(()),
            Some(Ok(wanted)) => match &wanted.what {
                What::Error => Err(failed("failed on purpose")),
                What::Wait(file) => wait(file).await,
                What::Signal(name) => {
                    let me = std::process::id().to_string();
                    let sent = Command::new("kill").args(["-s", name, &me]).status();
                    sent.map_err(|error| failed(&format!("no signal: {error}")))?;
                    Ok(())
                }
            },
        }
    }

    async fn wait(file: &Path) -> Result<(), ApplyError> {
        std::fs::write(file, "").map_err(|error| failed(&error.to_string()))?;
        while file.exists() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    fn failed(why: &str) -> ApplyError {
        ApplyError::Script {
            script: "failpoint",
            status: 1,
            tail: vec![why.to_owned()],
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn a_failpoint_is_read() {
            let kill = Failpoint {
                when: When::Before,
                number: 7,
                what: What::Signal("KILL"),
            };
            assert_eq!(parse("before:7:kill"), Ok(kill));
            let wait = Failpoint {
                when: When::After,
                number: 1,
                what: What::Wait("/tmp/a:b".into()),
            };
            assert_eq!(parse("after:1:wait:/tmp/a:b"), Ok(wait));
            for bad in [
                "",
                "before",
                "before:0:kill",
                "between:1:kill",
                "after:1:explode",
            ] {
                assert!(parse(bad).is_err(), "{bad}");
            }
        }
    }
}
