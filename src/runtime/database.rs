//! A database server of the host itself.

use std::time::Duration;

use crate::facts::{DatabaseFacts, SchemaFacts};
use crate::plan::DatabaseTarget;
use crate::script::{self, Script};
use crate::transport::{Output, Transport, TransportError};

const DEADLINE: Duration = Duration::from_secs(60);

/// What a server says now.
pub async fn ask(
    transport: &dyn Transport,
    target: &DatabaseTarget,
) -> Result<DatabaseFacts, TransportError> {
    let script = script::database_facts(
        &target.root_password_file,
        &target.user_password_file,
        &target.database,
        &target.user,
    );
    let output = transport.run(&script, &[], DEADLINE).await?;
    if output.status != 0 {
        let why = format!(
            "there is no program to ask it with (exit {})",
            output.status
        );
        return Ok(DatabaseFacts::Silent(why));
    }
    Ok(SchemaFacts::parse(&String::from_utf8_lossy(&output.stdout)))
}

/// Makes the database and its user.
pub async fn ensure(
    transport: &dyn Transport,
    target: &DatabaseTarget,
) -> Result<(Script, Output), TransportError> {
    let script = script::database_ensure(
        &target.root_password_file,
        &target.user_password_file,
        &target.database,
        &target.user,
    );
    let output = transport.run(&script, &[], DEADLINE).await?;
    Ok((script, output))
}
