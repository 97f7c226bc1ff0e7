//! Database servers: what they are asked and told, and those of the host itself.

use std::time::Duration;

use crate::facts::{DatabaseFacts, SchemaFacts};
use crate::model::{Administrator, Dialect, External, MysqlServer};
use crate::plan::{DatabaseTarget, server_options};
use crate::script::{self, Script};
use crate::transport::{Output, Transport, TransportError};

const DEADLINE: Duration = Duration::from_secs(60);

/// Asks a server for what it has, where it runs.
pub(super) fn facts_script(target: &DatabaseTarget) -> Script {
    let ask = match target.dialect {
        Dialect::Mysql | Dialect::Mariadb => script::database_facts,
        Dialect::Mongodb => script::mongodb_facts,
        Dialect::Redis => script::redis_facts,
    };
    told(target, ask)
}

/// Makes a database and its user, where the server runs.
pub(super) fn ensure_script(target: &DatabaseTarget) -> Script {
    let ensure = match target.dialect {
        Dialect::Mysql | Dialect::Mariadb => script::database_ensure,
        Dialect::Mongodb => script::mongodb_ensure,
        // It has nothing that could be made: who starts it says all of it.
        Dialect::Redis => script::redis_facts,
    };
    told(target, ensure)
}

fn told<'a>(
    target: &'a DatabaseTarget,
    script: fn(&'a str, &'a str, &'a str, &'a str) -> Script,
) -> Script {
    script(
        &target.root_password_file,
        &target.user_password_file,
        &target.database,
        &target.user,
    )
}

/// What a server says now.
pub async fn ask(
    transport: &dyn Transport,
    target: &DatabaseTarget,
) -> Result<DatabaseFacts, TransportError> {
    let script = facts_script(target);
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

/// Whether a server that somebody else looks after can be reached from the host.
pub async fn reach(
    transport: &dyn Transport,
    external: &External,
) -> Result<DatabaseFacts, TransportError> {
    let script = match external {
        External::Mongodb { url_file } => script::url_reach(url_file),
        External::Redis { url_file } => script::redis_reach(url_file),
        External::Mysql(server) => {
            let MysqlServer {
                host,
                port,
                database,
                user,
                password_file,
                admin,
                ..
            } = server;
            let (admin_file, admin_options) = match admin {
                Some(admin) => (
                    admin.password_file.as_str(),
                    server_options(server, &admin.user),
                ),
                None => ("", String::new()),
            };
            let options = server_options(server, user);
            script::mysql_reach(
                password_file,
                options,
                database,
                host,
                port,
                admin_file,
                admin_options,
            )
        }
    };
    let output = transport.run(&script, &[], DEADLINE).await?;
    Ok(SchemaFacts::parse(&String::from_utf8_lossy(&output.stdout)))
}

/// Makes the database and its user on a server that somebody else looks after.
pub async fn make(
    transport: &dyn Transport,
    server: &MysqlServer,
    admin: &Administrator,
) -> Result<(Script, Output), TransportError> {
    let script = script::mysql_make(
        &admin.password_file,
        server_options(server, &admin.user),
        &server.password_file,
        server_options(server, &server.user),
        &server.database,
        &server.user,
    );
    let output = transport.run(&script, &[], DEADLINE).await?;
    Ok((script, output))
}

/// Makes the database and its user.
pub async fn ensure(
    transport: &dyn Transport,
    target: &DatabaseTarget,
) -> Result<(Script, Output), TransportError> {
    let script = ensure_script(target);
    let output = transport.run(&script, &[], DEADLINE).await?;
    Ok((script, output))
}
