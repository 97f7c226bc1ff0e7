//! Command lines and host scripts as values. [`quote`] and [`Script::text`] are the only two functions that make
//! shell text; whatever varies goes in as an argument.

/// One `.sh` file with its arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Script {
    /// The file's name without `.sh`, for logs.
    pub name: &'static str,
    /// The file's text, POSIX `sh`.
    pub body: &'static str,
    /// `$1`, `$2`, …: never a secret, since they are visible to every user of the host.
    pub args: Vec<String>,
}

impl Script {
    /// The text to give to `sh`: sets the arguments, then the file as it stands.
    pub fn text(&self) -> String {
        let mut text = String::from("set --");
        for arg in &self.args {
            text.push(' ');
            text.push_str(&quote(arg));
        }
        text.push('\n');
        text.push_str(self.body);
        text
    }
}

/// One shell word that means exactly `text`, in any POSIX shell.
///
/// NUL cannot be part of an argument; it is left out, as `execve` would end the word there.
pub fn quote(text: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"._/:@%+,=-".contains(&b);
    if !text.is_empty() && text.bytes().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\0', "").replace('\'', r"'\''"))
}

/// The scripts that run on hosts. Each file's first line is its contract; those of another file may come before it.
macro_rules! scripts {
    ($($(#[$doc:meta])* $function:ident($($arg:ident),*) = $file:literal $(with $($functions:literal),+)?;)*) => {
        $(
            $(#[$doc])*
            #[allow(clippy::too_many_arguments, reason = "as many as the script has")]
            pub fn $function($($arg: impl ToString),*) -> Script {
                Script {
                    name: $file,
                    body: concat!($($(include_str!(concat!($functions, ".sh")),)+)? include_str!(concat!($file, ".sh"))),
                    args: vec![$($arg.to_string()),*],
                }
            }
        )*

        /// Every script with its text, for the tests that check them.
        pub const ALL: &[(&str, &str)] = &[
            $($($(($functions, include_str!(concat!($functions, ".sh"))),)+)?)*
            $(($file, include_str!(concat!($file, ".sh"))),)*
        ];
    };
}

/// The exit code of a script that found nothing to do.
pub const NOTHING_TO_DO: i32 = 3;
/// The status of a script that did not get what was sent to it: EX_DATAERR of sysexits.h.
pub const DAMAGED: i32 = 65;

/// The status of `nginx-install.sh` when nginx refuses what is there also without the site.
pub const OTHER_SITE: i32 = 4;

/// The status of `certificate-obtain.sh` when the authority was asked too often: EX_TEMPFAIL.
pub const RATE_LIMITED: i32 = 75;
/// The same when the authority could not be asked: EX_UNAVAILABLE.
pub const NOT_ANSWERED: i32 = 69;

scripts! {
    /// What a host is and has; arguments are added with [`Script::with`].
    facts() = "facts";
    /// `refresh` or `install`; packages are added with [`Script::with`].
    apt(what) = "apt";
    put_file(path, mode, user, group) = "put-file";
    /// `trust` or `forget`; the authority goes to stdin.
    authority(operation, path, trusted) = "authority";
    /// `replace` or `keep` one that is valid still; names are added with [`Script::with`].
    certificate_obtain(name, challenges, directory, email, replace) = "certificate-obtain";
    certificate_forget(name) = "certificate-forget";
    /// Asks a site by HTTPS.
    https_get(port, name, path) = "https-get";
    put_folder(path, mode, user, group) = "put-folder";
    remove(path) = "remove" with "nginx-hold";
    /// Files that stay are added with [`Script::with`]; what goes to the log goes to stdin.
    remove_state(state, run) = "remove-state";
    secret_generate(path, length, owner) = "secret-generate";
    secret_read(path) = "secret-read";
    secret_copy(from, to, user, group, mode) = "secret-copy";
    keep_copy(from, to) = "keep-copy";
    ensure_user(name, id, about) = "ensure-user";
    remove_user(name) = "remove-user";
    /// Properties, `--` and the command are added with [`Script::with`]; what is filled in goes to stdin.
    build(folder, downloads, user, output, to, name, seconds, fallback) = "build";
    /// The command is added with [`Script::with`].
    build_inside(kind) = "build-inside";
    /// Releases, `--` and folders are added with [`Script::with`].
    keep_assets(to) = "keep-assets";
    install(kind, source, to, link, user) = "install";
    /// The unit's text goes to stdin.
    verify_unit(name, folder, path, program) = "verify-unit";
    /// Properties, `--` and the command are added with [`Script::with`].
    run_unit_once(name, seconds) = "run-unit-once";
    /// `pty` or `pipe`; properties, `--` and the command are added with [`Script::with`].
    run_in_unit(name, how, description) = "run-in-unit";
    /// Runs in a unit; the command is added with [`Script::with`].
    in_unit() = "in-unit";
    /// Whether nginx may open a socket.
    open_to(user, socket) = "open-to";
    unit_state(unit) = "unit-state";
    unit_words(unit, lines) = "unit-words";
    start_unit(unit) = "start-unit";
    restart_unit(unit) = "restart-unit";
    enable_unit(unit) = "enable-unit";
    stop_unit(unit) = "stop-unit";
    reload_units() = "reload-units";
    /// Links to disable are added with [`Script::with`]; the site's text goes to stdin.
    nginx_install(stale, available, enabled, mode) = "nginx-install" with "nginx-hold", "nginx-reload";
    nginx_words() = "nginx-words";
    /// What a host runs before nginx starts.
    nginx_admit(stack) = "nginx-admit";
    /// Which of these folders are full.
    space() = "space";
    /// Which run of Docker's engine this is.
    engine_run() = "engine-run";
    /// Links with what they led to are added with [`Script::with`].
    nginx_restore(stale, available, mode, contents) = "nginx-restore" with "nginx-hold", "nginx-reload";
    firewall_load(loader, unit) = "firewall-load";
    /// Files with what they held before are added with [`Script::with`].
    firewall_restore(stacks, unit, live, loaded) = "firewall-restore";
    /// `drain`, `stop`, `remove`, `start`, `healthy` or `cool`; the rest is added with [`Script::with`].
    container(operation) = "container";
    keep_warm(unit, seconds, run, container) = "keep-warm";
    arm(pending, history) = "arm";
    /// Marks are added with [`Script::with`].
    commit(pending, time) = "commit";
    switch_back(container, socket, health, link, target, boot, mode, base64) = "switch-back";
    switch(link, target) = "switch";
    /// Run by the session as the answer to a lock request.
    lock(token) = "lock";
    /// How a lock stands, without taking it.
    lock_status(lock, hold, pending) = "lock-status";
    /// Who we are goes to stdin.
    lock_hold(hold) = "lock-hold";
    /// Takes back what a run left unfinished.
    recover(pending, history, why) = "recover";
    /// Variables, `--` and arguments are added with [`Script::with`]; the script's text goes to stdin.
    hook(bytes) = "hook";
    /// The state folder, the lock and programs are added with [`Script::with`].
    doctor() = "doctor";
    push_tree(folder, digest) = "push-tree";
    history(history, pending, limit) = "history";
    /// Files are added with [`Script::with`].
    site_logs(lines) = "site-logs";
    /// What of the journal is added with [`Script::with`].
    unit_logs(lines, since) = "unit-logs";
    digests(folder) = "digests";
    /// `container` or `unit`.
    guard(kind, name, seconds) = "guard";
    signal(name, pid) = "signal";
    /// Runs in a container.
    shell() = "shell";
    record(history, pending) = "record";
    /// Runs in a database's container.
    database_facts(root_password_file, user_password_file, database, user) = "database-facts";
    database_drop(database, user) = "database-drop";
    /// Runs in a database's container.
    database_ensure(root_password_file, user_password_file, database, user) = "database-ensure";
    /// Opens a client beside a server; what it is to do is added with [`Script::with`].
    database_client(password_file, options, database) = "database-client";
    database_dump(password_file, options, database) = "database-dump";
    /// The SQL goes to stdin.
    database_load(password_file, options, database, staging, user) = "database-load";
    /// The files go to stdin, each with its name and its length as arguments.
    database_init(password_file, options, database) = "database-init";
    database_swap(password_file, options, database, staging, before, user) = "database-swap";
    database_discard(password_file, options, staging, user) = "database-discard";
    url_reach(file) = "url-reach";
    redis_reach(file) = "redis-reach";
    /// The administrator's file and options may be empty.
    mysql_reach(password_file, options, database, host, port, admin_password_file, admin_options) = "mysql-reach";
    mysql_make(admin_password_file, admin_options, password_file, options, database, user) = "mysql-make";
    /// Opens a client in a MongoDB server's container; what it is to do is added with [`Script::with`].
    mongodb_client(password_file, user, database) = "mongodb-client";
    /// Runs in a MongoDB server's container.
    mongodb_facts(root_password_file, user_password_file, database, user) = "mongodb-facts";
    /// Runs in a MongoDB server's container.
    mongodb_ensure(root_password_file, user_password_file, database, user) = "mongodb-ensure";
    /// Opens a client in a Redis server's container; what it is to do is added with [`Script::with`].
    redis_client(password_file) = "redis-client";
    /// Runs in a Redis server's container.
    redis_facts(settings_file, password_file, database, user) = "redis-facts";
}

/// The status of `database-load.sh` when what it has loaded belongs to users whom the server does not have.
pub const UNKNOWN_USERS: i32 = 65;
/// The status of `database-init.sh` when a file failed, of which nothing is left.
pub const NOT_LOADED: i32 = 65;
/// The same when the database has tables.
pub const HAS_TABLES: i32 = 66;
/// The same when another one loads it.
pub const IS_LOADED: i32 = 75;
/// The status of `database-swap.sh` when it could not put back what it had begun: EX_SOFTWARE.
pub const NOT_PUT_BACK: i32 = 70;
/// The same when an earlier one has left tables in the database of before.
pub const LEFT_BEFORE: i32 = 75;
/// The same when all is in its place, and something is left over beside it.
pub const LEFT_BESIDE: i32 = 76;

impl Script {
    /// As a program with its arguments, for what knows no scripts: `sh -c BODY NAME ARGS…`.
    pub fn argv(&self) -> Vec<String> {
        let words = ["sh", "-c", self.body, self.name].map(str::to_owned);
        words.into_iter().chain(self.args.iter().cloned()).collect()
    }

    /// The same script with more arguments.
    pub fn with<I: IntoIterator<Item = S>, S: ToString>(mut self, args: I) -> Self {
        self.args
            .extend(args.into_iter().map(|arg| arg.to_string()));
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_quoted_and_the_body_untouched() {
        let script = Script {
            name: "probe",
            body: "printf '%s' \"$1\"\n",
            args: vec!["it's a $(test)".into(), String::new()],
        };
        assert_eq!(
            script.text(),
            "set -- 'it'\\''s a $(test)' ''\nprintf '%s' \"$1\"\n"
        );
    }
}
