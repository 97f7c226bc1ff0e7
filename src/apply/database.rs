//! What a database begins with, sent to where its server runs.

use std::time::Duration;

use futures_util::StreamExt as _;
use tokio::io::AsyncWriteExt as _;

use super::action::{Target, lines};
use super::{ApplyError, Tell};
use crate::plan::{DatabaseInit, Event};
use crate::runtime::docker::Exec;
use crate::script;
use crate::transport::{Program, Source};

/// Dumps are loaded in minutes; nobody waits longer for one that a deploy brings.
const LOADED: Duration = Duration::from_secs(60 * 60);
/// The official images' programs read passwords as root.
const ROOT: &str = "0";

impl Target {
    /// Loads SQL into a database that has no table, all of it or nothing.
    pub(super) async fn init_database(
        &self,
        init: &DatabaseInit,
        step: usize,
        tell: Tell<'_>,
    ) -> Result<(), ApplyError> {
        let login = &init.login;
        let files = init.files.iter();
        let script = script::database_init(&login.password_file, &login.options, &login.database)
            .with(
                files
                    .flat_map(|file| [file.name.clone(), file.contents.reveal().len().to_string()]),
            );
        let program = match &login.container {
            Some(container) => {
                let exec = Exec {
                    container,
                    argv: script.argv(),
                    user: Some(ROOT.to_owned()),
                    terminal: None,
                };
                self.engine().await?.start_program(&exec).await?.1
            }
            None => self.transport.program(&script, None).await?,
        };
        let Program {
            mut output,
            mut input,
            window: _window,
            ended,
        } = program;
        // The other end is kept, since nothing is heard any more once it is dropped.
        let send = async {
            for file in &init.files {
                // A script that ends early says why.
                if input
                    .write_all(file.contents.reveal().as_bytes())
                    .await
                    .is_err()
                {
                    break;
                }
            }
            let _ = input.shutdown().await;
            input
        };
        let hear = async {
            let mut said = Vec::new();
            while let Some(part) = output.next().await {
                let (source, bytes) = part?;
                let text = String::from_utf8_lossy(&bytes).trim_end().to_owned();
                if source == Source::Stderr && !text.is_empty() {
                    tell(Event::Line { step, text });
                }
                said.extend_from_slice(&bytes);
            }
            std::io::Result::Ok(said)
        };
        let database = login.database.clone();
        let failed = |why: String, tail| ApplyError::Init {
            database: database.clone(),
            why,
            tail,
        };
        let lost = |error: std::io::Error| failed(error.to_string(), Vec::new());
        let both = tokio::time::timeout(LOADED, async { tokio::join!(send, hear) });
        let Ok((_input, said)) = both.await else {
            let why = format!("it was not done after {} s", LOADED.as_secs());
            return Err(failed(why, Vec::new()));
        };
        let tail = lines(&said.map_err(lost)?);
        match ended.await.map_err(lost)? {
            0 => Ok(()),
            script::NOT_LOADED => {
                let why = "the server refused a part of it; the database is empty again";
                Err(failed(why.to_owned(), tail))
            }
            script::HAS_TABLES => {
                let why = "it has tables by now, which are left alone";
                Err(failed(why.to_owned(), tail))
            }
            script::IS_LOADED => {
                let why =
                    "what an earlier run began still loads it; deploy again when that is done";
                Err(failed(why.to_owned(), tail))
            }
            status => Err(failed(format!("it ended with exit code {status}"), tail)),
        }
    }
}
