//! How a database's own programs get into it: where they run, as whom, and over which connection.

use super::provision::{MARIADB, target};
use crate::model::{Dialect, External, Layout, MysqlServer, Service, Stack};

/// Who asks a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoginOf {
    /// The stack's user, who may touch its database alone.
    Stack,
    /// Who may do everything on the server.
    Administrator,
}

/// What a program needs to get into a database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatabaseLogin {
    /// Where the program runs; `None` for the host itself.
    pub container: Option<String>,
    pub dialect: Dialect,
    pub database: String,
    pub user: String,
    /// There.
    pub password_file: String,
    /// Lines of an option file: all but the password.
    pub options: String,
    /// The stack's user, where it is given its rights by us.
    pub owner: Option<String>,
}

/// How a program gets into the database that a service is; `None` where there is no such way.
pub fn login(stack: &Stack, service: &Service, of: LoginOf) -> Option<DatabaseLogin> {
    if let Some(server) = service.external().and_then(External::mysql) {
        return Some(DatabaseLogin {
            container: None,
            // Its client is the distribution's, which is MariaDB's.
            dialect: Dialect::Mariadb,
            database: server.database.clone(),
            user: server.user.clone(),
            password_file: server.password_file.to_string(),
            options: server_options(server, &server.user),
            owner: None,
        });
    }
    // Which of the servers a host has of its own is all the same to who logs in.
    let layout = Layout::new(&stack.name);
    let target = target(&layout, MARIADB, service, service.database()?);
    let (user, password_file) = match of {
        LoginOf::Stack => (target.user.as_str(), target.user_password_file),
        LoginOf::Administrator => ("root", target.root_password_file),
    };
    Some(DatabaseLogin {
        container: target.process.container().map(str::to_owned),
        dialect: target.dialect,
        options: format!("user=\"{user}\""),
        user: user.to_owned(),
        owner: Some(target.user.clone()),
        password_file,
        database: target.database,
    })
}

/// Lines of an option file for the client of a server that somebody else looks after: all but the password.
pub fn server_options(server: &MysqlServer, user: &str) -> String {
    let MysqlServer { host, port, .. } = server;
    // Without it, the name `localhost` would mean a socket.
    let mut options = format!("user=\"{user}\"\nhost=\"{host}\"\nport={port}\nprotocol=TCP");
    if let Some(file) = &server.ca_file {
        // MySQL's programs check certificates where there is such a file, and do not know the other option.
        options.push_str(&format!(
            "\nssl-ca=\"{file}\"\n[client-mariadb]\nssl-verify-server-cert\n[client]"
        ));
    } else {
        // MariaDB's programs check certificates from 11.4 on, and there is nobody's to check them by.
        options.push_str("\n[client-mariadb]\nskip-ssl-verify-server-cert\n[client]");
    }
    options
}

/// The longest name of a database.
const LONGEST: usize = 64;

/// The databases beside `database` that a restore has for a while: the one that is loaded, and the one that holds what
/// was there before.
pub fn beside(database: &str) -> [String; 2] {
    let named = |prefix: &str| {
        let name = format!("{prefix}_{database}");
        if name.len() <= LONGEST {
            return name;
        }
        let digest = crate::facts::sha256(database.as_bytes());
        format!("{prefix}_{}", &digest[..16])
    };
    [named("stackctl_restoring"), named("stackctl_before")]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn databases_beside_another_have_names_that_servers_take() {
        assert_eq!(
            beside("names"),
            ["stackctl_restoring_names", "stackctl_before_names"]
        );
        let long = "a".repeat(LONGEST);
        let [one, other] = beside(&long);
        assert!(one.len() <= LONGEST && other.len() <= LONGEST && one != other);
        assert_ne!(beside(&long), beside(&"b".repeat(LONGEST)));
    }
}
