//! Every key of `stackctl.yaml`: what it takes, its default and what it is for. The reader, "did you mean" and the JSON
//! Schema all go by these tables, so that none can know a key that the others do not.

/// The keys of one map.
#[derive(Debug)]
pub(super) struct Table {
    pub name: &'static str,
    pub about: &'static str,
    pub keys: &'static [Key],
}

#[derive(Debug)]
pub(super) struct Key {
    pub name: &'static str,
    pub about: &'static str,
    pub shape: Shape,
    pub required: bool,
    /// As it would be written.
    pub default: Option<&'static str>,
    /// Only for services that are built or have an image.
    pub apps_only: bool,
    /// What other tools call it.
    pub elsewhere: &'static [&'static str],
}

/// What a key takes.
#[derive(Debug)]
pub(super) enum Shape {
    /// Text; the pattern is for editors, the types of `model` decide.
    Text {
        what: &'static str,
        pattern: Option<&'static str>,
    },
    Whole {
        min: u64,
        max: u64,
    },
    /// In milliseconds.
    Time {
        min: u64,
        max: u64,
    },
    /// In MiB.
    Size {
        min: u64,
        max: u64,
    },
    /// Text, a number or a boolean, taken as written.
    Scalar,
    Word(&'static str),
    List(&'static Shape),
    Map(&'static Table),
    /// A map whose keys the user chooses.
    Named {
        pattern: &'static str,
        each: &'static Shape,
    },
    Any(&'static [Shape]),
    /// The key alone, without a value.
    Nothing,
}

impl Shape {
    /// For "expected …, found …".
    pub fn describe(&self) -> String {
        match self {
            Shape::Text { what, .. } => (*what).to_owned(),
            Shape::Whole { min, max } => format!("a whole number from {min} to {max}"),
            Shape::Time { .. } => "a time such as `10s` or `500ms`".to_owned(),
            Shape::Size { .. } => "a size such as `512M` or `1G`".to_owned(),
            Shape::Scalar => "text, a number or a boolean".to_owned(),
            Shape::Word(word) => format!("`{word}`"),
            Shape::List(_) => "a list".to_owned(),
            Shape::Map(_) | Shape::Named { .. } => "a map".to_owned(),
            Shape::Any(shapes) => {
                let all: Vec<String> = shapes.iter().map(Shape::describe).collect();
                all.join(" or ")
            }
            Shape::Nothing => "nothing".to_owned(),
        }
    }
}

const fn key(name: &'static str, shape: Shape, about: &'static str) -> Key {
    Key {
        name,
        about,
        shape,
        required: false,
        default: None,
        apps_only: false,
        elsewhere: &[],
    }
}

impl Key {
    const fn required(mut self) -> Self {
        self.required = true;
        self
    }

    const fn default(mut self, text: &'static str) -> Self {
        self.default = Some(text);
        self
    }

    const fn apps_only(mut self) -> Self {
        self.apps_only = true;
        self
    }

    const fn elsewhere(mut self, names: &'static [&'static str]) -> Self {
        self.elsewhere = names;
        self
    }
}

const fn text(what: &'static str) -> Shape {
    Shape::Text {
        what,
        pattern: None,
    }
}

const LABEL: &str = "^[a-z]([a-z0-9-]{0,30}[a-z0-9])?$";
const ENV_NAME: &str = "^[A-Za-z_][A-Za-z0-9_]{0,127}$";
const PATH_PREFIX: &str = "^/[A-Za-z0-9._~/-]*$";

const PORT: Shape = Shape::Whole { min: 1, max: 65535 };
const MEMORY: Shape = Shape::Size {
    min: 16,
    max: 1_048_576,
};
const WORDS: Shape = Shape::List(&Shape::Scalar);
const SCALARS: Shape = Shape::Named {
    pattern: ENV_NAME,
    each: &Shape::Scalar,
};
const NAMES: Shape = Shape::List(&Shape::Text {
    what: "a name",
    pattern: Some(LABEL),
});

/// Kinds and sections of later versions: naming them is no typing error.
pub(super) const PLANNED: &[&str] = &[
    "compose", "redis", "mongodb", "external", "tls", "registry", "secrets",
];

/// The keys that decide what a service is: exactly one of them.
pub(super) const KINDS: &[&str] = &["build", "image", "unit", "static", "mysql"];

pub(super) static STACK: Table = Table {
    name: "stack",
    about: "A stack: the hosts, the services that run on them and the sites that visitors reach. Keys that begin with `x-` are ignored; they are places for yaml anchors.",
    keys: &[
        key("stack", Shape::Text { what: "the stack's name", pattern: Some(LABEL) }, "The stack's name: the prefix of everything that stackctl makes on a host. Two stacks on one host need two names.").required().elsewhere(&["name", "project"]),
        key("hosts", Shape::Named { pattern: LABEL, each: &Shape::Any(&[text("`[user@]address[:port]`"), Shape::Map(&HOST)]) }, "The machines, by names of your choice: `web1: ubuntu@203.0.113.10`, or a map with more details.").required().elsewhere(&["host", "servers"]),
        key("services", Shape::Named { pattern: LABEL, each: &Shape::Map(&SERVICE) }, "The parts of the stack: apps, static files, databases.").required(),
        key("sites", Shape::Named { pattern: LABEL, each: &Shape::Map(&SITE) }, "What nginx answers to, and which service answers there."),
        key("hooks", Shape::Map(&HOOKS), "Programs of yours that run before and after a run, on this machine or on hosts.").elsewhere(&["scripts"]),
        key("keep", Shape::Whole { min: 1, max: 50 }, "How many stopped releases of each service stay on a host for `rollback`, beside the one that serves.").default("3"),
        key("firewall", Shape::Any(&[Shape::Word("on"), Shape::Word("off")]), "`on`: nothing but SSH and the ports of sites can be reached on the hosts from outside, whatever Docker or another program opens.").default("off"),
    ],
};

/// What one moment runs: a program, or a list of entries.
const ENTRIES: Shape = Shape::Any(&[
    text("a program"),
    Shape::Map(&HOOK),
    Shape::List(&Shape::Any(&[text("a program"), WORDS, Shape::Map(&HOOK)])),
]);

pub(super) static HOOKS: Table = Table {
    name: "hooks",
    about: "Programs that run around a run. Each takes a list of entries: a program's name, a list of a program and its arguments, or a map with more details. A run that changes nothing runs none.",
    keys: &[
        key(
            "before_provision",
            ENTRIES,
            "Before `provision` changes anything; one that fails stops it.",
        ),
        key(
            "after_provision",
            ENTRIES,
            "After a `provision` that is done; one that fails is reported.",
        ),
        key(
            "before_deploy",
            ENTRIES,
            "Before `deploy` changes anything; one that fails stops it.",
        )
        .elsewhere(&["pre_deploy", "pre-deploy"]),
        key(
            "after_deploy",
            ENTRIES,
            "After a `deploy` that is done; one that fails is reported.",
        )
        .elsewhere(&["post_deploy", "post-deploy"]),
        key(
            "before_rollback",
            ENTRIES,
            "Before `rollback` changes anything; one that fails stops it.",
        ),
        key(
            "after_rollback",
            ENTRIES,
            "After a `rollback` that is done; one that fails is reported.",
        ),
        key(
            "on_failure",
            ENTRIES,
            "After a run that failed or that a hook has stopped. Not after one that was interrupted.",
        ),
    ],
};

pub(super) static HOOK: Table = Table {
    name: "hook",
    about: "One entry: `run` on this machine, or `script` with `on` for hosts.",
    keys: &[
        key("run", WORDS, "A program on this machine and its arguments, run in this yaml's folder; no shell reads them.").elsewhere(&["command", "cmd"]),
        key("script", text("a path"), "A file of the project, relative to this yaml's folder, that is sent to the hosts that `on` names and run there as root, by the program that its `#!` names or else by `sh`."),
        key("args", WORDS, "Arguments of `script`; every user of the host can see them."),
        key("on", Shape::Any(&[Shape::Word("local"), Shape::Word("all"), Shape::Text { what: "a host's name", pattern: Some(LABEL) }, NAMES]), "Where: `local` is this machine, `all` is each host of the run, otherwise a host's name or a list of names.").default("local").elsewhere(&["host", "hosts"]),
        key("timeout", Shape::Time { min: 1000, max: 3_600_000 }, "After this time it is ended and counts as failed.").default("5m"),
    ],
};

pub(super) static HOST: Table = Table {
    name: "host",
    about: "A machine that is reached by SSH. What is left out comes from `~/.ssh/config`.",
    keys: &[
        key("address", text("an address"), "An IP address, a DNS name or a `Host` of `~/.ssh/config`.").required().elsewhere(&["host", "hostname", "ip"]),
        key("port", PORT, "SSH port."),
        key("user", text("a user's name"), "User to log in as: root, or one who may use `sudo` without a password."),
        key("identity", text("a path"), "Private key file, relative to this yaml's folder or beginning with `~/`; the only key that is offered when given.").elsewhere(&["identity_file", "key", "ssh_key"]),
        key("known_hosts", text("a path"), "Known hosts file instead of `~/.ssh/known_hosts`."),
        key("jump", text("`[user@]host[:port]`"), "Jump host, or several separated by commas, as OpenSSH's `ProxyJump`.").elsewhere(&["proxy_jump", "bastion"]),
        key("host_key", Shape::Text { what: "a fingerprint", pattern: Some("^SHA256:[A-Za-z0-9+/]{43}$") }, "Accept exactly this host key, as `ssh-keygen -lf` prints it; for CI, which has no known hosts."),
        key("public", text("`host` or `host:port`"), "What visitors type in a browser to reach this host, if not its address."),
    ],
};

pub(super) static SERVICE: Table = Table {
    name: "service",
    about: "One part of the stack. Exactly one of `build`, `image`, `unit`, `static` and `mysql` says what it is.",
    keys: &[
        key("build", Shape::Any(&[text("a folder"), Shape::Map(&BUILD)]), "An app whose image the host builds: the folder with its source, or a map with more details."),
        key("image", text("an image such as `registry/name:tag`"), "An app whose image is pulled: `[registry/]name[:tag][@digest]`."),
        key("unit", Shape::Any(&[text("a folder"), Shape::Map(&UNIT)]), "An app that systemd runs on the host itself, without a container: the folder with its source, or a map with more details. It needs a `command`.").elsewhere(&["systemd"]),
        key("static", Shape::Any(&[text("a folder"), Shape::Map(&STATIC)]), "Files that nginx serves as they are: a folder, or a map with more details."),
        key("mysql", Shape::Any(&[Shape::Map(&MYSQL), Shape::Nothing]), "A MySQL or MariaDB server, in a container or from the distribution, with one database and one user. Its data outlives deployments.").elsewhere(&["mariadb"]),
        key("listen", Shape::Any(&[Shape::Word("socket"), Shape::Word("tcp"), PORT]), "Where the app answers HTTP: `socket` (the Unix socket that LISTEN_SOCKET names), a TCP port in its container or, of a unit, `tcp` (the port of 127.0.0.1 that LISTEN_PORT names). `socket` by default for a unit and for a build without a Dockerfile; required otherwise.").apps_only().elsewhere(&["port", "ports", "expose"]),
        key("health", Shape::Any(&[Shape::Text { what: "a path", pattern: Some("^/") }, Shape::Map(&HEALTH)]), "The path that answers 2xx when the app can serve, or a map with more details.").default("/").apps_only().elsewhere(&["healthcheck"]),
        key("env", SCALARS, "Environment variables. What `needs` provides is added: for a database `db` DB_HOST, DB_PORT, DB_NAME, DB_USER and DB_PASSWORD_FILE.").apps_only().elsewhere(&["environment"]),
        key("command", WORDS, "Instead of the image's own command, required for a unit; each element is one argument and no shell reads it. Of a unit it may hold `{{ socket }}` and `{{ port }}`.").apps_only().elsewhere(&["cmd", "entrypoint"]),
        key("release", WORDS, "Run once with the new release and its environment before requests are switched to it, for example migrations.").apps_only().elsewhere(&["migrate"]),
        key("release_deadline", Shape::Time { min: 1000, max: 86_400_000 }, "How long `release` may take.").default("10m").apps_only(),
        key("bake", Shape::Time { min: 0, max: 3_600_000 }, "How long a new release is watched after the switch; when its checks fail, the old one gets the requests back.").default("5s").apps_only(),
        key("warm", Shape::Time { min: 0, max: 604_800_000 }, "How long the release before stays running after the switch, so that a rollback takes no start.").default("10m").apps_only(),
        key("drain", Shape::Time { min: 0, max: 86_400_000 }, "How long connections to a release that no longer serves may last, for example downloads and WebSockets, before it is stopped.").default("30s").apps_only().elsewhere(&["drain_timeout"]),
        key("stop_signal", Shape::Text { what: "a signal", pattern: Some("^SIG[A-Z0-9+]+$") }, "What tells the app to stop; what its image says by default.").apps_only(),
        key("stop_grace", Shape::Time { min: 0, max: 3_600_000 }, "How long the app may take to stop before it is killed.").default("10s").apps_only().elsewhere(&["stop_grace_period"]),
        key("memory", MEMORY, "Memory limit.").apps_only().elsewhere(&["mem_limit"]),
        key("keep", Shape::Whole { min: 1, max: 50 }, "How many stopped releases of this service stay on a host; the stack's `keep` by default."),
        key("needs", NAMES, "Services that must answer before this one starts.").elsewhere(&["depends_on", "requires"]),
        key("on", NAMES, "The hosts that run it. All by default if there is one, required if there are several.").elsewhere(&["hosts", "host"]),
    ],
};

pub(super) static BUILD: Table = Table {
    name: "build",
    about: "How the host builds the image.",
    keys: &[
        key(
            "context",
            text("a folder"),
            "The folder that is sent to the host, relative to this yaml's folder.",
        )
        .default(".")
        .elsewhere(&["path"]),
        key(
            "dockerfile",
            text("a path"),
            "A Dockerfile inside the context. Without one, stackctl writes its own.",
        ),
        key(
            "base",
            text("an image"),
            "Base image of the Dockerfile that stackctl writes.",
        )
        .elsewhere(&["from"]),
        key(
            "args",
            SCALARS,
            "Build arguments. They end up in the image's history, so they are no place for secrets.",
        ),
    ],
};

pub(super) static UNIT: Table = Table {
    name: "unit",
    about: "What systemd runs, as a user of the service's own, hardened.",
    keys: &[
        key(
            "source",
            text("a folder"),
            "The folder that is sent to the host, relative to this yaml's folder, without what its `.stackctlignore` (or `.dockerignore`) names. The app may read it, not write to it.",
        )
        .default(".")
        .elsewhere(&["path", "context", "folder"]),
        key(
            "install",
            Shape::Any(&[
                Shape::Word("python"),
                Shape::Word("node"),
                Shape::Word("nothing"),
            ]),
            "What the host installs for it, once for each list of requirements: `python` (a virtual environment with what requirements.txt names), `node` (what package-lock.json names), or `nothing`, which is the default for a folder with neither.",
        ),
        key(
            "allow",
            Shape::Named {
                pattern: "^(executable_memory|proc|priorities)$",
                each: &text("a reason"),
            },
            "What its unit allows though units do not by default → why, in words: `executable_memory` (just-in-time compilers), `proc` (all of /proc), `priorities` (system calls that change priorities and limits).",
        ),
    ],
};

pub(super) static HEALTH: Table = Table {
    name: "health",
    about: "How an app shows that it can serve.",
    keys: &[
        key(
            "path",
            Shape::Text {
                what: "a path",
                pattern: Some("^/"),
            },
            "Answers 2xx when healthy.",
        )
        .default("/"),
        key(
            "deadline",
            Shape::Time {
                min: 1000,
                max: 3_600_000,
            },
            "How long a new release may take to become healthy.",
        )
        .default("60s")
        .elsewhere(&["timeout"]),
        key(
            "passes",
            Shape::Whole { min: 1, max: 100 },
            "Consecutive passes that count as healthy.",
        )
        .default("3")
        .elsewhere(&["retries"]),
        key(
            "interval",
            Shape::Time {
                min: 50,
                max: 60_000,
            },
            "Time between two checks.",
        )
        .default("500ms"),
    ],
};

pub(super) static STATIC: Table = Table {
    name: "static",
    about: "Which files nginx serves.",
    keys: &[
        key(
            "root",
            text("a folder"),
            "The folder, relative to this yaml's folder.",
        )
        .default("."),
        key(
            "include",
            Shape::List(&Shape::Text {
                what: "a path",
                pattern: None,
            }),
            "Files and folders below `root` to take; all of it by default.",
        )
        .elsewhere(&["files"]),
        key(
            "fill",
            Shape::Named {
                pattern: "",
                each: &SCALARS,
            },
            "File below `root` → placeholder → value: each `${PLACEHOLDER}` in the file becomes the value, which may hold `{{ host.public }}`, `{{ host.name }}` and `{{ stack }}`.",
        ),
    ],
};

pub(super) static MYSQL: Table = Table {
    name: "mysql",
    about: "A MySQL or MariaDB server. Every key has a default: `mysql:` alone is enough.",
    keys: &[
        key(
            "image",
            text("an image"),
            "Image of the server; one named `mariadb` is treated as MariaDB.",
        )
        .default("mysql:8.4"),
        key(
            "database",
            Shape::Text {
                what: "a database's name",
                pattern: Some("^[A-Za-z][A-Za-z0-9_]{0,63}$"),
            },
            "The database; by default the stack's name with `_` for `-`.",
        ),
        key(
            "user",
            Shape::Text {
                what: "a user's name",
                pattern: Some("^[A-Za-z][A-Za-z0-9_]{0,31}$"),
            },
            "The database's user; named as the database by default. stackctl makes the password.",
        ),
        key(
            "install",
            Shape::Word("package"),
            "`package`: no container but the distribution's MariaDB, for apps that are a `unit`. It stands beside what else the host runs.",
        ),
        key("memory", MEMORY, "Memory limit of its container."),
    ],
};

pub(super) static SITE: Table = Table {
    name: "site",
    about: "An nginx server: names, a port and routes to services.",
    keys: &[
        key("listen", PORT, "TCP port, IPv4 and IPv6.").default("80").elsewhere(&["port"]),
        key("names", Shape::Any(&[Shape::List(&Shape::Text { what: "a server name", pattern: None }), text("a server name")]), "The names it answers to: DNS names, `*.example.com`, or IP addresses. Without any, it answers to every name that no other site on the port has.").elsewhere(&["server_name", "server_names", "domain", "domains"]),
        key("body_limit", Shape::Size { min: 1, max: 102_400 }, "Largest request body.").default("10M").elsewhere(&["client_max_body_size"]),
        key("routes", Shape::Named { pattern: PATH_PREFIX, each: &Shape::Text { what: "a service's name", pattern: Some(LABEL) } }, "The beginning of the request's path → the service that answers. The longest wins.").required().elsewhere(&["locations", "paths"]),
        key("on", NAMES, "The hosts whose nginx answers. All by default if there is one, required if there are several.").elsewhere(&["hosts", "host"]),
    ],
};
