//! `backup` and `restore`: what a database holds, to a file of this machine and back.

mod format;
mod restore;

use std::io::{IsTerminal as _, Write};
use std::path::{Path, PathBuf};

use futures_util::StreamExt as _;
use indicatif::{HumanBytes, ProgressFinish};
use serde_json::json;
use tempfile::NamedTempFile;
use tokio::io::AsyncWriteExt as _;

use super::args::{BackupArgs, Global};
use super::exec::{Place, is_database};
use super::{Console, Failure, Kind, journal, run};
use crate::model::{Dialect, External, time};
use crate::observe::Depth;
use crate::plan::{DatabaseLogin, LoginOf};
use crate::script;
use crate::transport::{Program, Source};
use format::{Header, Writer};

pub use restore::restore;

/// What programs that dump write when they have come to their end.
const COMPLETED: &[u8] = b"\n-- Dump completed";
/// The last lines of what a program complained of.
const LAST_LINES: usize = 5;

/// Saves what a database holds.
pub async fn backup(args: &BackupArgs, global: Global, console: &Console) -> Result<(), Failure> {
    let to_stdout = args.output.as_deref() == Some(Path::new("-"));
    if to_stdout && std::io::stdout().is_terminal() {
        let why = "a backup is not text: it is not written to a terminal";
        return Err(Failure::new(Kind::Usage, why)
            .hint("`-o FILE` names a file; without -o, its name is made up"));
    }
    let dialect = is_database(&args.service, &global, console)?;
    is_sql(&args.service, dialect, "mongodump")?;
    let place = Place::find(&args.service, global, Depth::Running, console).await?;
    let login = place.login(LoginOf::Administrator)?;
    let schema = place.schema().await?;
    if schema.charset.is_none() {
        return Err(missing(&place, &login));
    }
    let seconds = journal::now();
    let header = header(&place, &login, schema.version, seconds);
    let file = args.output.clone().filter(|_| !to_stdout);
    let file = file.unwrap_or_else(|| default_name(&header));
    let out = if to_stdout {
        Out::Stdout(std::io::stdout())
    } else {
        Out::beside(&file).map_err(|error| unwritable(&file, &error))?
    };
    let (out, sha256) = dump(&place, &login, &header, out, console).await?;
    let bytes = out.keep(&file).map_err(|error| unwritable(&file, &error))?;
    run::close(&[(place.host.clone(), place.transport.clone())].into()).await;
    if to_stdout {
        return Ok(());
    }
    if console.json {
        let told = json!({"schema": 1, "command": "backup", "file": file, "bytes": bytes, "sha256": sha256, "backup": header});
        return console.say(&told.to_string());
    }
    console.say(&format!(
        "{}: {}, database {} of `{}` on {}, {} {}",
        file.display(),
        HumanBytes(bytes),
        header.database,
        header.service,
        header.host,
        header.kind,
        header.engine,
    ))
}

/// Whether what it holds can be saved as SQL. Images of MongoDB's server need not have the programs that save it, and those
/// are not of its version by themselves.
fn is_sql(service: &str, dialect: Dialect, program: &str) -> Result<(), Failure> {
    match dialect {
        Dialect::Mysql | Dialect::Mariadb => Ok(()),
        Dialect::Redis => {
            let why = format!("`{service}` is a Redis, of which stackctl makes no backups");
            Err(Failure::new(Kind::Usage, why).hint(format!(
                "its own program does: `stackctl db {service} -- --rdb - > {service}.rdb`"
            )))
        }
        Dialect::Mongodb => {
            let why = format!("`{service}` is a MongoDB, of which stackctl makes no backups");
            Err(Failure::new(Kind::Usage, why).hint(format!(
                "its own programs do, where the image has them: `stackctl exec {service} {program} …`"
            )))
        }
    }
}

fn missing(place: &Place, login: &DatabaseLogin) -> Failure {
    let why = format!(
        "`{}` answers on {}, but has no database {}",
        place.service.name, place.host, login.database
    );
    Failure::new(Kind::Refused, why).hint("`stackctl provision` makes it")
}

fn header(place: &Place, login: &DatabaseLogin, engine: String, seconds: u64) -> Header {
    let stack = &place.loaded.stack;
    Header {
        format: Header::FORMAT,
        stack: stack.name.to_string(),
        service: place.service.name.to_string(),
        kind: login.dialect.kind().to_owned(),
        engine,
        database: login.database.clone(),
        host: place.host.to_string(),
        address: address(place),
        time: time::rfc3339(seconds),
    }
}

/// Where the service's host is, which tells it from another of the same name; of a server that somebody else looks after, where
/// that is.
fn address(place: &Place) -> String {
    if let Some(server) = place.service.external().and_then(External::mysql) {
        return format!("{}:{}", server.host, server.port);
    }
    let host = &place.loaded.stack.hosts[&place.host];
    match host.ssh.port {
        Some(port) => format!("{}:{port}", host.ssh.address),
        None => host.ssh.address.clone(),
    }
}

fn default_name(header: &Header) -> PathBuf {
    let time = header.time.replace(['-', ':'], "");
    format!("{}-{}-{time}.sql.gz", header.stack, header.service).into()
}

fn unwritable(file: &Path, error: &std::io::Error) -> Failure {
    Failure::new(
        Kind::Step,
        format!("cannot write {}: {error}", file.display()),
    )
    .hint("`-o FILE` names another file")
}

/// Where a backup goes. A file gets its name only once it is whole, and only its owner can read it.
enum Out {
    File(NamedTempFile),
    Stdout(std::io::Stdout),
}

impl Out {
    fn beside(file: &Path) -> std::io::Result<Self> {
        if file.is_dir() {
            return Err(std::io::ErrorKind::IsADirectory.into());
        }
        // A pipe or a device would be replaced by the file.
        if file.exists() && !file.is_file() {
            let why = "it is no file; `-o -` writes to stdout";
            return Err(std::io::Error::new(std::io::ErrorKind::InvalidInput, why));
        }
        let folder = file.parent().filter(|folder| *folder != Path::new(""));
        let mut builder = tempfile::Builder::new();
        let part = builder.prefix(".stackctl-backup.").suffix(".part");
        let part = part.tempfile_in(folder.unwrap_or(Path::new(".")))?;
        Ok(Out::File(part))
    }

    /// How large it is.
    fn keep(mut self, file: &Path) -> std::io::Result<u64> {
        self.flush()?;
        let Out::File(part) = self else { return Ok(0) };
        part.as_file().sync_all()?;
        let bytes = part.as_file().metadata()?.len();
        part.persist(file)?;
        let folder = file.parent().filter(|folder| *folder != Path::new(""));
        std::fs::File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?;
        Ok(bytes)
    }
}

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        match self {
            Out::File(part) => part.write(bytes),
            Out::Stdout(stdout) => stdout.write(bytes),
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        match self {
            Out::File(part) => part.flush(),
            Out::Stdout(stdout) => stdout.flush(),
        }
    }
}

/// Writes a whole dump, or fails. Its digest is returned as well.
async fn dump(
    place: &Place,
    login: &DatabaseLogin,
    header: &Header,
    out: Out,
    console: &Console,
) -> Result<(Out, String), Failure> {
    let script = script::database_dump(&login.password_file, &login.options, &login.database);
    let failed = |why: String| {
        let name = &place.service.name;
        let text = format!("{}: could not save what `{name}` holds", place.host);
        let mut failure = Failure::new(Kind::Step, text);
        failure.chain.push(why);
        failure.hint("no file was written; `stackctl status` shows the database's state")
    };
    let lost = |error: std::io::Error| failed(error.to_string());
    let local = |error: std::io::Error| failed(format!("cannot write it: {error}"));
    let mut writer = Writer::new(out, header).map_err(local)?;
    let (program, _begun) = place.begin(login, &script, None).await?;
    let Program {
        mut output,
        mut input,
        window: _window,
        ended,
    } = program;
    // It reads nothing. Dropped, it would close the other direction as well.
    let _ = input.shutdown().await;
    let spinner = console.spinner().with_finish(ProgressFinish::AndClear);
    let mut said = Vec::new();
    while let Some(part) = output.next().await {
        let (source, bytes) = part.map_err(lost)?;
        match source {
            Source::Stdout => writer.write(&bytes).map_err(local)?,
            Source::Stderr => said.extend_from_slice(&bytes),
        }
        spinner.set_message(format!("{} read", HumanBytes(writer.bytes())));
    }
    let status = ended.await.map_err(lost)?;
    spinner.finish_and_clear();
    let tail = lines(&said);
    if status == 0 && contains(writer.tail(), COMPLETED) {
        return writer.finish().map_err(local);
    }
    let why = match status {
        0 => "the program that dumps it did not come to its end".to_owned(),
        69 => "there is neither mysqldump nor mariadb-dump where it runs".to_owned(),
        status => format!("the program that dumps it ended with {status}"),
    };
    let mut failure = failed(why);
    failure.tail = tail;
    Err(failure)
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

/// The last lines of what a program said.
fn lines(said: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(said);
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    let lines: Vec<String> = lines.map(str::to_owned).collect();
    lines[lines.len().saturating_sub(LAST_LINES)..].to_vec()
}
