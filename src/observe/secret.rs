//! Secrets that this machine has: read when they are needed, and never told, also not in errors.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::Command;
use zeroize::{Zeroize as _, Zeroizing};

use crate::model::{Login, Logins, Secret, SecretSource, Stack};

/// A variable of the environment, which `cli` alone looks into.
pub type Variable<'a> = dyn Fn(&str) -> Option<OsString> + Sync + 'a;

/// How long a program may take to say a secret: some wait for a person's finger.
const DEADLINE: Duration = Duration::from_secs(60);
/// How many of its last lines on stderr are told.
const TAIL: usize = 10;
/// No password, key or certificate is longer; what is longer is another file.
const LONGEST: usize = 1024 * 1024;

/// A secret that this machine does not have where the yaml says that it is.
#[derive(Debug, thiserror::Error)]
#[error("{place}: {why}")]
pub struct SecretError {
    /// The keys of the yaml, with dots between.
    pub place: String,
    pub why: String,
    /// What a program said last on stderr.
    pub tail: Vec<String>,
    /// What to do.
    pub hint: String,
}

/// The secret that the key `place` of the yaml names; programs run in `folder`.
///
/// # Errors
/// When it is not there, or is empty; no error holds any of it.
pub async fn secret(
    source: &SecretSource,
    place: &str,
    folder: &Path,
    variable: &Variable<'_>,
) -> Result<Secret, SecretError> {
    let said = match source {
        SecretSource::Env(name) => of_variable(name.as_str(), variable),
        SecretSource::File(path) => of_file(path),
        SecretSource::Command(argv) => of_command(argv, folder, DEADLINE).await,
    };
    let value = said.and_then(|bytes| usable(bytes, source));
    value.map_err(|wrong| SecretError {
        place: place.to_owned(),
        why: wrong.why,
        tail: wrong.tail,
        hint: wrong.hint,
    })
}

/// The logins of all registries that the stack names; see [`secret`].
///
/// # Errors
/// When a password is not where the yaml says.
pub async fn logins(
    stack: &Stack,
    folder: &Path,
    variable: &Variable<'_>,
) -> Result<Logins, SecretError> {
    let mut logins = Logins::default();
    // One after the other: programs may ask a person, and two questions at once are confusing.
    for (name, registry) in &stack.registries {
        let place = format!("registries.{name}.password");
        let login = Login {
            user: registry.user.clone(),
            password: secret(&registry.password, &place, folder, variable).await?,
        };
        logins.0.insert(name.clone(), login);
    }
    Ok(logins)
}

#[derive(Debug)]
struct Wrong {
    why: String,
    tail: Vec<String>,
    hint: String,
}

fn wrong(why: impl Into<String>, hint: impl Into<String>) -> Wrong {
    Wrong {
        why: why.into(),
        tail: Vec::new(),
        hint: hint.into(),
    }
}

/// As the yaml names it; nothing of it is secret.
fn words(source: &SecretSource) -> String {
    match source {
        SecretSource::Env(name) => format!("the variable {name}"),
        SecretSource::File(path) => path.display().to_string(),
        SecretSource::Command(argv) => format!("what `{}` says", argv.join(" ")),
    }
}

/// Text with something in it; of one line without the break that editors and programs put at its end.
fn usable(mut bytes: Zeroizing<Vec<u8>>, source: &SecretSource) -> Result<Secret, Wrong> {
    let of = words(source);
    let text = match String::from_utf8(std::mem::take(&mut *bytes)) {
        Ok(text) => Zeroizing::new(text),
        Err(error) => {
            error.into_bytes().zeroize();
            return Err(wrong(
                format!("{of} is not text"),
                "write it in letters, for example with `base64`",
            ));
        }
    };
    let line = text.strip_suffix('\n').unwrap_or(&text);
    let line = line.strip_suffix('\r').unwrap_or(line);
    // Keys and certificates have several lines, and are wanted to the last byte.
    let line = if line.contains('\n') { &text } else { line };
    if line.is_empty() {
        return Err(wrong(format!("{of} is empty"), "put the secret there"));
    }
    if line.contains('\0') {
        return Err(wrong(
            format!("{of} holds a zero byte"),
            "write it in letters, for example with `base64`",
        ));
    }
    Ok(Secret::new(line.to_owned()))
}

fn of_variable(name: &str, variable: &Variable<'_>) -> Result<Zeroizing<Vec<u8>>, Wrong> {
    let Some(value) = variable(name) else {
        return Err(wrong(
            format!("the variable {name} is not set"),
            format!("set it where stackctl runs: `export {name}=…`, or in CI as a masked variable"),
        ));
    };
    Ok(Zeroizing::new(value.into_encoded_bytes()))
}

fn of_file(path: &Path) -> Result<Zeroizing<Vec<u8>>, Wrong> {
    let shown = path.display();
    let size = fs::metadata(path).map(|found| (found.is_dir(), found.len()));
    match size {
        Ok((true, _)) => {
            let why = format!("{shown} is a folder");
            return Err(wrong(why, "name the file itself"));
        }
        Ok((_, size)) if size > LONGEST as u64 => {
            let why = format!("{shown} is longer than 1 MiB, so it is no secret");
            return Err(wrong(why, "name another file"));
        }
        _ => {}
    }
    fs::read(path).map(Zeroizing::new).map_err(|error| {
        if error.kind() == io::ErrorKind::NotFound {
            let why = format!("there is no file {shown}");
            return wrong(
                why,
                "put the secret there, readable by you alone (`chmod 600`), or name another file",
            );
        }
        wrong(
            format!("{shown} cannot be read: {error}"),
            "look at its rights: you, and nobody else, should be able to read it",
        )
    })
}

async fn of_command(
    argv: &[String],
    folder: &Path,
    deadline: Duration,
) -> Result<Zeroizing<Vec<u8>>, Wrong> {
    let shown = argv.join(" ");
    let mut command = Command::new(program(&argv[0], folder));
    command
        .args(&argv[1..])
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // Of its own, so that all that it has started is ended with it.
        .process_group(0)
        .kill_on_drop(true);
    let child = command.spawn().map_err(|error| {
        wrong(
            format!("`{shown}` cannot be started: {error}"),
            "is the program installed, and in PATH?",
        )
    })?;
    let mut group = Group(child.id().and_then(|id| Pid::from_raw(id.try_into().ok()?)));
    let ended = tokio::time::timeout(deadline, child.wait_with_output()).await;
    let Ok(ended) = ended else {
        return Err(wrong(
            format!("`{shown}` had not ended after {} s", deadline.as_secs()),
            "run it by hand; it gets no input, so it must not ask for anything",
        ));
    };
    let output = ended.map_err(|error| {
        let why = format!("`{shown}` cannot be waited for: {error}");
        wrong(why, "run it by hand")
    })?;
    // It has ended: what it left behind was meant to stay.
    group.0 = None;
    let stdout = Zeroizing::new(output.stdout);
    if output.status.success() {
        return Ok(stdout);
    }
    let ending = match output.status.code() {
        Some(code) => format!("ended with exit code {code}"),
        None => "was ended by a signal".to_owned(),
    };
    Err(Wrong {
        tail: last_lines(&output.stderr, &stdout),
        ..wrong(
            format!("`{shown}` {ending}"),
            "run it by hand; perhaps it needs a login first",
        )
    })
}

/// What was said last, without lines that repeat what would have been the secret.
fn last_lines(said: &[u8], stdout: &[u8]) -> Vec<String> {
    let said = String::from_utf8_lossy(said);
    let stdout = Zeroizing::new(String::from_utf8_lossy(stdout).into_owned());
    let tells = |line: &str| {
        let mut secrets = stdout.lines().map(str::trim);
        secrets.any(|secret| secret.len() > 3 && line.contains(secret))
    };
    let lines = said.lines().filter(|line| !line.trim().is_empty());
    let lines: Vec<&str> = lines.filter(|line| !tells(line)).collect();
    let last = &lines[lines.len().saturating_sub(TAIL)..];
    last.iter().map(|line| (*line).to_owned()).collect()
}

/// A path is relative to the yaml's folder, as everything in it; a bare name is looked up in PATH.
fn program(name: &str, folder: &Path) -> PathBuf {
    if name.contains('/') {
        folder.join(name)
    } else {
        name.into()
    }
}

/// A program with all that it has started; ended when dropped before its end.
struct Group(Option<Pid>);

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(id) = self.0 {
            // Nobody is left: as it should be.
            let _ = kill_process_group(id, Signal::KILL);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(source: SecretSource) -> Result<String, SecretError> {
        let folder = tempfile::tempdir().unwrap();
        let variable = |name: &str| (name == "SET").then(|| "hunter2\n".into());
        let place = "registries.r.password";
        let read = secret(&source, place, folder.path(), &variable).await;
        read.map(|secret| secret.reveal().to_owned())
    }

    fn command(script: &str) -> SecretSource {
        SecretSource::Command(["sh", "-c", script].map(str::to_owned).to_vec())
    }

    #[tokio::test]
    async fn each_source_says_its_secret_and_a_line_is_told_without_its_break() {
        let env = |name: &str| SecretSource::Env(name.parse().unwrap());
        assert_eq!(read(env("SET")).await.unwrap(), "hunter2");
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("password");
        for (text, wanted) in [
            ("one line\r\n", "one line"),
            ("two\nlines\n", "two\nlines\n"),
        ] {
            fs::write(&path, text).unwrap();
            let file = SecretSource::File(path.clone());
            assert_eq!(read(file).await.unwrap(), wanted);
        }
        let said = read(command("echo warning >&2; echo ' hunter 2 '")).await;
        assert_eq!(said.unwrap(), " hunter 2 ");
    }

    #[tokio::test]
    async fn what_is_not_there_is_told_with_its_place() {
        let told = |error: SecretError| format!("{error} | {}", error.hint);
        let absent = SecretSource::Env("ABSENT".parse().unwrap());
        assert_eq!(
            told(read(absent).await.unwrap_err()),
            "registries.r.password: the variable ABSENT is not set | set it where stackctl runs: `export ABSENT=…`, or in CI as a masked variable"
        );
        let absent = SecretSource::File("/nowhere/password".into());
        let said = told(read(absent).await.unwrap_err());
        assert!(
            said.contains("there is no file /nowhere/password"),
            "{said}"
        );
        let folder = SecretSource::File("/".into());
        let said = told(read(folder).await.unwrap_err());
        assert!(said.contains("/ is a folder"), "{said}");
        let said = told(read(command("printf '\\n'")).await.unwrap_err());
        assert!(said.contains("says is empty"), "{said}");
        let said = told(read(command("printf '\\377'")).await.unwrap_err());
        assert!(said.contains("is not text"), "{said}");
        let gone = SecretSource::Command(vec!["./gone".into()]);
        let said = told(read(gone).await.unwrap_err());
        assert!(said.contains("`./gone` cannot be started"), "{said}");
    }

    #[tokio::test]
    async fn a_program_that_fails_tells_its_last_words_but_nothing_of_the_secret() {
        let script = "echo hunter2; echo 'not logged in' >&2; echo 'got hunter2' >&2; exit 3";
        let error = read(command(script)).await.unwrap_err();
        assert!(error.why.ends_with("ended with exit code 3"), "{error}");
        assert_eq!(error.tail, ["not logged in"]);
    }

    #[tokio::test]
    async fn a_program_that_does_not_end_is_ended_with_all_that_it_started() {
        let folder = tempfile::tempdir().unwrap();
        let argv = ["sh", "-c", "sleep 600 & echo $! >pid; sleep 600"].map(str::to_owned);
        let ended = of_command(&argv, folder.path(), Duration::from_secs(2)).await;
        assert!(ended.unwrap_err().why.ends_with("had not ended after 2 s"));
        let pid = fs::read_to_string(folder.path().join("pid")).unwrap();
        let stat = format!("/proc/{}/stat", pid.trim());
        let lives = || fs::read_to_string(&stat).is_ok_and(|stat| !stat.contains(") Z "));
        let started = tokio::time::Instant::now();
        while lives() {
            assert!(started.elapsed() < Duration::from_secs(20), "it lives");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}
