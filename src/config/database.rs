//! `mysql:`, `mongodb:` and `redis:`: servers of ours, and of others.

use std::net::Ipv6Addr;

use super::error::Span;
use super::keys::{MONGODB, MYSQL, MYSQL_ADMIN, REDIS, Table};
use super::reader::{At, Fields, Reader, nearest};
use super::tree::{Kind, Node};
use crate::model::{
    Administrator, Bound, Database, DatabaseServer, Dialect, External, HostPath, ImageRef,
    InitFile, MysqlServer, Secret, ServiceKind, StackName,
};

pub(super) fn mysql(
    reader: &mut Reader<'_>,
    fields: &Fields<'_>,
    stack: Option<&StackName>,
) -> Option<ServiceKind> {
    let node = fields.node("mysql")?;
    let empty = empty(node);
    let fields = reader.fields("`mysql`", empty.as_ref().unwrap_or(node), &MYSQL)?;
    if fields.has("host") {
        let server = elsewhere(reader, &fields, stack)?;
        return Some(ServiceKind::External(External::Mysql(server)));
    }
    for key in OF_SERVER.into_iter().filter(|key| fields.has(key)) {
        let message = format!("`{key}` has no effect without `host`");
        reader
            .report("not-here", fields.key_span(key), message)
            .hint("`host` says where a server is that somebody else looks after");
    }
    let image = fields.parsed::<ImageRef>(reader, "image");
    let memory = fields.number(reader, "memory");
    let packaged = packaged(reader, &fields)?;
    let named = names(reader, &fields, stack, &OF_MYSQL);
    let image = image?;
    let (dialect, server) = match packaged {
        true => (Dialect::Mariadb, DatabaseServer::Package),
        false => (Dialect::of_image(&image), DatabaseServer::Container(image)),
    };
    let init = init(reader, &fields);
    let (database, user) = named?;
    Some(ServiceKind::Database(Database {
        dialect,
        server,
        database,
        user,
        local_port: dialect.port(),
        memory,
        bound: None,
        init,
    }))
}

/// The keys of a server that somebody else looks after, beside `host`.
const OF_SERVER: [&str; 4] = ["port", "password_file", "ca_file", "admin"];

/// A server that somebody else looks after.
fn elsewhere(
    reader: &mut Reader<'_>,
    fields: &Fields<'_>,
    stack: Option<&StackName>,
) -> Option<MysqlServer> {
    without(reader, fields, "host", &["image", "install", "memory"]);
    let host = fields.text(reader, "host");
    let is_plain = |text: &str| {
        let may = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
        let name = text.bytes().all(may) && text.starts_with(|c: char| c.is_ascii_alphanumeric());
        name || text.parse::<Ipv6Addr>().is_ok()
    };
    let host = host.and_then(|text| {
        if is_plain(text.value) {
            return Some(text.value.to_owned());
        }
        let message = format!("`{}` is no name or address of a server", text.value);
        reader
            .report("invalid", text.span, message)
            .hint("write it as in `host: db.example.com`; its port goes into `port`");
        None
    });
    if !fields.has("password_file") {
        let message = "`host` needs `password_file`".to_owned();
        reader
            .report("missing", fields.key_span("host"), message)
            .hint("name the file on each host, for root alone, that holds the user's password");
    }
    let port = fields.number(reader, "port");
    let password_file = fields.parsed(reader, "password_file");
    let ca_file = fields.parsed(reader, "ca_file");
    let admin = fields.node("admin").map(|node| admin(reader, node));
    let init = init(reader, fields);
    let (database, user) = names(reader, fields, stack, &OF_MYSQL)?;
    let admin = match admin {
        Some(named) => Some(named?),
        None => None,
    };
    Some(MysqlServer {
        host: host?,
        port: port?,
        database,
        user,
        password_file: password_file?,
        ca_file,
        init,
        admin,
    })
}

/// Who makes the database and its user.
fn admin(reader: &mut Reader<'_>, node: &Node) -> Option<Administrator> {
    let fields = reader.fields("`admin`", node, &MYSQL_ADMIN)?;
    let user = fields.text(reader, "user");
    // It stands in an option file, in quotes.
    let is_plain = |text: &str| {
        let may = |b: u8| b.is_ascii_alphanumeric() || b"._@-".contains(&b);
        !text.is_empty() && text.len() <= 80 && text.bytes().all(may)
    };
    let user = user.and_then(|text| {
        if is_plain(text.value) {
            return Some(text.value.to_owned());
        }
        let message = format!("`{}` is no name of a user", text.value);
        reader
            .report("invalid", text.span, message)
            .hint("use letters, digits and `._@-`");
        None
    });
    let password_file = fields.parsed(reader, "password_file");
    Some(Administrator {
        user: user?,
        password_file: password_file?,
    })
}

/// The SQL that an empty database is loaded with.
fn init(reader: &mut Reader<'_>, fields: &Fields<'_>) -> Vec<InitFile> {
    let node = fields.node("init");
    let names = node.and_then(|node| reader.list("init", node, "a list of files of SQL"));
    let mut files = Vec::new();
    for name in names.unwrap_or_default() {
        let path = reader.path(&At {
            value: name.value.as_str(),
            span: name.span,
        });
        let Some(path) = path else { continue };
        let (message, hint) = match reader.files.read(&path) {
            Ok(Some(contents)) => {
                files.push(InitFile {
                    name: name.value,
                    contents: Secret::new(contents),
                });
                continue;
            }
            Ok(None) => (
                format!("there is no file `{}`", name.value),
                "paths are relative to the folder of this file",
            ),
            Err(why) => (
                format!("`{}` cannot be read: {why}", name.value),
                "it must hold SQL as text, not compressed",
            ),
        };
        reader.report("no-file", name.span, message).hint(hint);
    }
    files
}

/// Reports the keys that have no effect beside another one. Where an overlay brings that one, it is what they are meant to
/// give way to.
fn without(reader: &mut Reader<'_>, fields: &Fields<'_>, beside: &str, keys: &[&str]) {
    let file = fields.key_span(beside).file;
    for key in keys.iter().filter(|key| fields.has(key)) {
        let span = fields.key_span(key);
        // Of the base alone: what an overlay itself writes is meant.
        if span.file < file {
            continue;
        }
        let message = format!("`{key}` has no effect beside `{beside}`");
        reader
            .report("not-here", span, message)
            .hint("it is for a server in a container: remove one of the two");
    }
}

pub(super) fn mongodb(
    reader: &mut Reader<'_>,
    fields: &Fields<'_>,
    stack: Option<&StackName>,
) -> Option<ServiceKind> {
    let node = fields.node("mongodb")?;
    let empty = empty(node);
    let fields = reader.fields("`mongodb`", empty.as_ref().unwrap_or(node), &MONGODB)?;
    if fields.has("url_file") {
        let url_file = url_file(reader, &fields, &MONGODB)?;
        return Some(ServiceKind::External(External::Mongodb { url_file }));
    }
    let image = fields.parsed::<ImageRef>(reader, "image");
    let memory = fields.number(reader, "memory");
    let port = fields.number(reader, "port");
    let (database, user) = names(reader, &fields, stack, &OF_MONGODB)?;
    Some(ServiceKind::Database(Database {
        dialect: Dialect::Mongodb,
        server: DatabaseServer::Container(image?),
        database,
        user,
        local_port: port?,
        memory,
        bound: None,
        init: Vec::new(),
    }))
}

pub(super) fn redis(reader: &mut Reader<'_>, fields: &Fields<'_>) -> Option<ServiceKind> {
    let node = fields.node("redis")?;
    let empty = empty(node);
    let fields = reader.fields("`redis`", empty.as_ref().unwrap_or(node), &REDIS)?;
    if fields.has("url_file") {
        let url_file = url_file(reader, &fields, &REDIS)?;
        return Some(ServiceKind::External(External::Redis { url_file }));
    }
    let image = fields.parsed::<ImageRef>(reader, "image");
    let memory = fields.number(reader, "memory");
    let port = fields.number(reader, "port");
    let bound = bound(reader, &fields, memory)?;
    Some(ServiceKind::Database(Database {
        dialect: Dialect::Redis,
        server: DatabaseServer::Container(image?),
        // Both are the server's own, and the only ones.
        database: "0".to_owned(),
        user: "default".to_owned(),
        local_port: port?,
        memory,
        bound,
        init: Vec::new(),
    }))
}

/// What may go from a Redis server that is full.
const POLICIES: [&str; 8] = [
    "noeviction",
    "allkeys-lru",
    "allkeys-lfu",
    "allkeys-random",
    "volatile-lru",
    "volatile-lfu",
    "volatile-random",
    "volatile-ttl",
];

fn bound(
    reader: &mut Reader<'_>,
    fields: &Fields<'_>,
    memory: Option<u32>,
) -> Option<Option<Bound>> {
    let policy = match fields.text(reader, "policy") {
        None if fields.has("policy") => return None,
        None => None,
        Some(text) => match POLICIES.into_iter().find(|known| *known == text.value) {
            Some(known) => Some(known),
            None => {
                let message = format!("`policy`: `{}` is none of Redis", text.value);
                let hint = match nearest(text.value, POLICIES.into_iter()) {
                    Some(meant) => format!("did you mean `{meant}`?"),
                    None => format!("one of {}", POLICIES.join(", ")),
                };
                reader.report("invalid", text.span, message).hint(hint);
                return None;
            }
        },
    };
    if !fields.has("maxmemory") {
        if policy.is_some() {
            let message = "`policy` has no effect without `maxmemory`".to_owned();
            reader
                .report("not-here", fields.key_span("policy"), message)
                .hint("`maxmemory` says how much the server holds");
        }
        return Some(None);
    }
    let most: u32 = fields.number(reader, "maxmemory")?;
    if memory.is_some_and(|memory| memory <= most) {
        let message = "`maxmemory` must be less than `memory`".to_owned();
        reader
            .report("invalid", fields.key_span("maxmemory"), message)
            .hint("the server needs room beside its data: half as much again, while it writes that to disk");
        return None;
    }
    Some(Some(Bound { most, policy }))
}

/// Where the URL is of a server that somebody else looks after.
fn url_file(
    reader: &mut Reader<'_>,
    fields: &Fields<'_>,
    table: &'static Table,
) -> Option<HostPath> {
    let others = table.keys.iter().map(|key| key.name);
    let others: Vec<&str> = others.filter(|key| *key != "url_file").collect();
    without(reader, fields, "url_file", &others);
    fields.parsed(reader, "url_file")
}

/// A key without a value is a map in which each key has its default.
fn empty(node: &Node) -> Option<Node> {
    (node.kind == Kind::Null).then(|| Node {
        span: node.span,
        kind: Kind::Map(Vec::new()),
        end: node.end,
        plain: false,
    })
}

/// Whether the server is the distribution's own.
fn packaged(reader: &mut Reader<'_>, fields: &Fields<'_>) -> Option<bool> {
    match fields.node("install") {
        None => Some(false),
        Some(node) => {
            let text = reader.scalar("install", node, "`package`")?;
            if text.value != "package" {
                let problem = reader.wrong("install", node, "`package`");
                problem.hint("without it, the server runs in a container");
                return None;
            }
            for key in ["image", "memory"]
                .into_iter()
                .filter(|key| fields.has(key))
            {
                let message = format!("`{key}` has no effect beside `install: package`");
                reader
                    .report("not-here", fields.key_span(key), message)
                    .hint("it is for a server in a container: remove one of the two");
            }
            Some(true)
        }
    }
}

/// The names that a server takes.
struct Names {
    databases: &'static [&'static str],
    users: &'static [&'static str],
    longest_database: usize,
    longest_user: usize,
}

const OF_MYSQL: Names = Names {
    databases: &[
        "mysql",
        "sys",
        "information_schema",
        "performance_schema",
        "ndbinfo",
    ],
    users: &["root", "mysql", "sys"],
    longest_database: 64,
    longest_user: 32,
};

const OF_MONGODB: Names = Names {
    databases: &["admin", "local", "config"],
    users: &["root"],
    longest_database: 63,
    longest_user: 63,
};

/// The database and its user.
fn names(
    reader: &mut Reader<'_>,
    fields: &Fields<'_>,
    stack: Option<&StackName>,
    server: &Names,
) -> Option<(String, String)> {
    let (database, span) = match fields.text(reader, "database") {
        Some(text) => (text.value.to_owned(), text.span),
        None if fields.has("database") => return None,
        None => (stack?.as_str().replace('-', "_"), fields.span),
    };
    let is_good = name(reader, &database, span, "database", server);
    let user = match fields.text(reader, "user") {
        Some(text) => {
            name(reader, text.value, text.span, "user", server).then(|| text.value.to_owned())
        }
        None if fields.has("user") => None,
        None => {
            (is_good && name(reader, &database, span, "user", server)).then(|| database.clone())
        }
    };
    is_good.then_some((database, user?))
}

/// A name that needs no quotes and belongs to nobody else.
fn name(reader: &mut Reader<'_>, text: &str, span: Span, what: &str, server: &Names) -> bool {
    let (taken, longest) = match what {
        "user" => (server.users, server.longest_user),
        _ => (server.databases, server.longest_database),
    };
    let taken = taken.contains(&text.to_ascii_lowercase().as_str());
    let plain = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if plain && text.len() <= longest && !taken {
        return true;
    }
    let message = if taken {
        format!("the {what} `{text}` belongs to the server itself")
    } else {
        format!("`{text}` is not a {what}'s name")
    };
    let hint = if taken {
        format!("choose another with `{what}:`")
    } else {
        format!(
            "use up to {longest} letters, digits and `_`, beginning with a letter; set it with `{what}:`"
        )
    };
    reader.report("invalid", span, message).hint(hint);
    false
}
