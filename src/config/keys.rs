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
const ENV: Shape = Shape::Named {
    pattern: ENV_NAME,
    each: &Shape::Any(&[Shape::Scalar, Shape::Map(&SECRET_VARIABLE)]),
};
const NAMES: Shape = Shape::List(&Shape::Text {
    what: "a name",
    pattern: Some(LABEL),
});

/// Kinds and sections of later versions: naming them is no typing error.
pub(super) const PLANNED: &[&str] = &["external"];

/// The keys that decide what a service is: exactly one of them.
pub(super) const KINDS: &[&str] = &[
    "build", "image", "unit", "static", "mysql", "mongodb", "redis",
];

pub(super) static STACK: Table = Table {
    name: "stack",
    about: "A stack: the hosts, the services that run on them and the sites that visitors reach. Keys that begin with `x-` are ignored; they are places for yaml anchors.",
    keys: &[
        key("stack", Shape::Text { what: "the stack's name", pattern: Some(LABEL) }, "The stack's name: the prefix of everything that stackctl makes on a host. Two stacks on one host need two names.").required().elsewhere(&["name", "project"]),
        key("hosts", Shape::Named { pattern: LABEL, each: &Shape::Any(&[text("`[user@]address[:port]`"), Shape::Map(&HOST)]) }, "The machines, by names of your choice: `web1: ubuntu@203.0.113.10`, or a map with more details.").required().elsewhere(&["host", "servers"]),
        key("groups", Shape::Named { pattern: LABEL, each: &super::groups::GROUP }, "Names for several hosts, which `on` takes as it takes hosts: `apps: [app1, app2]`.").elsewhere(&["roles", "host_groups"]),
        key("compose", Shape::Any(&[text("a compose file"), Shape::List(&text("a compose file")), Shape::Map(&COMPOSE)]), "A compose file whose services are services of the stack, as they are; several are laid over each other, as `docker compose -f` does.").elsewhere(&["compose_file", "docker_compose"]),
        key("services", Shape::Named { pattern: LABEL, each: &Shape::Map(&SERVICE) }, "The parts of the stack: apps, static files, databases. Under the name of a service of `compose`: what compose cannot say of it, such as `health` and `release`."),
        key("secrets", Shape::Named { pattern: ENV_NAME, each: &Shape::Any(&[Shape::Map(&SECRET_SOURCE), Shape::Map(&GENERATED)]) }, "Values that services are given and nobody sees, by names of your choice: where the machine that deploys has each, or `generated`."),
        key("sites", Shape::Named { pattern: LABEL, each: &Shape::Map(&SITE) }, "What nginx answers to, and which service answers there."),
        key("hooks", Shape::Map(&HOOKS), "Programs of yours that run before and after a run, on this machine or on hosts.").elsewhere(&["scripts"]),
        key("keep", Shape::Whole { min: 1, max: 50 }, "How many stopped releases of each service stay on a host for `rollback`, beside the one that serves.").default("3"),
        key("rollout", Shape::Map(&ROLLOUT), "Which hosts switch to a new release first: a few, then the others in groups, in the order in which `on` names them. All at once by default.").elsewhere(&["boot", "rolling"]),
        key("firewall", SWITCH, "`on`: nothing but SSH and the ports of sites can be reached on the hosts from outside, whatever Docker or another program opens.").default("off"),
        key("registries", Shape::Named { pattern: "^[A-Za-z0-9.-]+(:[0-9]+)?$", each: &Shape::Map(&REGISTRY) }, "Logins of registries, by their names as they stand in images; Docker Hub is `docker.io`. Images are pulled, and Dockerfiles' base images with them, as this user. Hosts keep no login.").elsewhere(&["registry"]),
    ],
};

pub(super) static REGISTRY: Table = Table {
    name: "registry",
    about: "How to log in to a registry of images.",
    keys: &[
        key("user", text("a user's name"), "Who logs in.")
            .required()
            .elsewhere(&["username", "login"]),
        key(
            "password",
            Shape::Map(&SECRET_SOURCE),
            "Where the machine that deploys has the password, or the token that stands for it.",
        )
        .required()
        .elsewhere(&["token"]),
    ],
};

pub(super) static ROLLOUT: Table = Table {
    name: "rollout",
    about: "How a new release spreads over the hosts. Whatever fails before the last of them is well is taken back on all.",
    keys: &[
        key(
            "canary",
            Shape::Whole { min: 0, max: 100 },
            "How many hosts switch before all others.",
        )
        .default("0"),
        key(
            "batch",
            Shape::Whole { min: 1, max: 100 },
            "How many of the others switch at once; all by default.",
        )
        .elsewhere(&["limit", "serial", "parallelism"]),
        key(
            "pause",
            Shape::Time {
                min: 0,
                max: 3_600_000,
            },
            "How long those that have switched are watched, at least, before the next do; `bake` of their services when that is longer.",
        )
        .default("0s")
        .elsewhere(&["wait", "delay"]),
    ],
};

pub(super) static COMPOSE: Table = Table {
    name: "compose",
    about: "The compose files whose services are services of the stack.",
    keys: &[
        key(
            "files",
            Shape::Any(&[text("a compose file"), Shape::List(&text("a compose file"))]),
            "The file, or several that are laid over each other; relative to this yaml's folder.",
        )
        .required()
        .elsewhere(&["file"]),
        key(
            "profiles",
            Shape::List(&text("a profile")),
            "The profiles that are active: services that have others are left out. What COMPOSE_PROFILES names by default.",
        ),
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
        key("private", text("an IP address of a private network, with a port if it is not 7480"), "Where other hosts of the stack reach this one, for services behind an edge: an IP address of a network that visitors are not in. nginx takes requests from edges at its port 7480, or at the one that is written: `10.0.0.11:8100`.").elsewhere(&["private_ip", "internal"]),
    ],
};

pub(super) static SERVICE: Table = Table {
    name: "service",
    about: "One part of the stack. Exactly one of `build`, `image`, `unit`, `static`, `mysql`, `mongodb` and `redis` says what it is; of a service of `compose`, none.",
    keys: &[
        key("build", Shape::Any(&[text("a folder"), Shape::Map(&BUILD)]), "An app whose image the host builds: the folder with its source, or a map with more details."),
        key("image", text("an image such as `registry/name:tag`"), "An app whose image is pulled: `[registry/]name[:tag][@digest]`."),
        key("unit", Shape::Any(&[text("a folder"), Shape::Map(&UNIT)]), "An app that systemd runs on the host itself, without a container: the folder with its source, or a map with more details. It needs a `command`.").elsewhere(&["systemd"]),
        key("static", Shape::Any(&[text("a folder"), Shape::Map(&STATIC)]), "Files that nginx serves as they are: a folder, or a map with more details."),
        key("mysql", Shape::Any(&[Shape::Map(&MYSQL), Shape::Nothing]), "A MySQL or MariaDB server, in a container or from the distribution, with one database and one user. Its data outlives deployments.").elsewhere(&["mariadb"]),
        key("mongodb", Shape::Any(&[Shape::Map(&MONGODB), Shape::Nothing]), "A MongoDB server in a container, with one database and one user, who alone may touch it. Its data outlives deployments.").elsewhere(&["mongo"]),
        key("redis", Shape::Any(&[Shape::Map(&REDIS), Shape::Nothing]), "A Redis server in a container, which asks for a password and keeps what it holds on disk. Its data outlives deployments."),
        key("listen", Shape::Any(&[Shape::Word("socket"), Shape::Word("tcp"), PORT]), "Where the app answers HTTP: `socket` (the Unix socket that LISTEN_SOCKET names), a TCP port in its container or, of a unit, `tcp` (the port of 127.0.0.1 that LISTEN_PORT names). `socket` by default for a unit and for a build without a Dockerfile; required otherwise.").apps_only().elsewhere(&["port", "ports", "expose"]),
        key("health", Shape::Any(&[Shape::Text { what: "a path", pattern: Some("^/") }, Shape::Map(&HEALTH)]), "The path that answers 2xx when the app can serve, or a map with more details.").default("/").apps_only().elsewhere(&["healthcheck"]),
        key("env", ENV, "Environment variables; `{secret: NAME}` is the value of one of the stack's `secrets`. What `needs` provides is added: for a database `db` DB_HOST, DB_PORT, DB_NAME, DB_USER and DB_PASSWORD_FILE, of a `mongodb` also DB_URL_FILE; for a `redis` called `cache` CACHE_HOST, CACHE_PORT, CACHE_PASSWORD_FILE and CACHE_URL_FILE.").apps_only().elsewhere(&["environment"]),
        key("env_file", Shape::Any(&[text("a path"), Shape::List(&text("a path"))]), "Files of this machine with more variables, in the syntax of compose's, relative to this yaml's folder; later ones count more, and `env` counts most. All their values are kept as secrets are.").apps_only(),
        key("secrets", Shape::List(&Shape::Text { what: "a secret's name", pattern: Some(ENV_NAME) }), "Secrets of the stack that the app reads from files: in a container `/run/secrets/NAME`; `NAME_FILE` holds the path.").apps_only().elsewhere(&["secret"]),
        key("command", WORDS, "Instead of the image's own command, required for a unit; each element is one argument and no shell reads it. Of a unit it may hold `{{ socket }}` and `{{ port }}`.").apps_only().elsewhere(&["cmd", "entrypoint"]),
        key("release", WORDS, "Run once with the new release and its environment before requests are switched to it, for example migrations.").apps_only().elsewhere(&["migrate"]),
        key("seed", WORDS, "Run once on a host, as `release` is and after it, to load the data that the app begins with. A host where it ended well runs it again only for `deploy --seed`, or when the database of the app is made anew.").apps_only().elsewhere(&["seeds", "fixtures", "load_data"]),
        key("release_deadline", Shape::Time { min: 1000, max: 86_400_000 }, "How long `release` may take, and as long `seed`.").default("10m").apps_only(),
        key("bake", Shape::Time { min: 0, max: 3_600_000 }, "How long a new release is watched after the switch; when its checks fail, the old one gets the requests back.").default("5s").apps_only(),
        key("warm", Shape::Time { min: 0, max: 604_800_000 }, "How long the release before stays running after the switch, so that a rollback takes no start.").default("10m").apps_only(),
        key("drain", Shape::Time { min: 0, max: 86_400_000 }, "How long connections to a release that no longer serves may last, for example downloads and WebSockets, before it is stopped.").default("30s").apps_only().elsewhere(&["drain_timeout"]),
        key("stop_signal", Shape::Text { what: "a signal", pattern: Some("^SIG[A-Z0-9+]+$") }, "What tells the app to stop; what its image says by default.").apps_only(),
        key("stop_grace", Shape::Time { min: 0, max: 3_600_000 }, "How long the app may take to stop before it is killed.").default("10s").apps_only().elsewhere(&["stop_grace_period"]),
        key("memory", MEMORY, "Memory limit.").apps_only().elsewhere(&["mem_limit"]),
        key("publish", Shape::Any(&[Shape::Word("local"), Shape::Word("open")]), "Of a service of `compose`: where the ports are that it publishes on all addresses. `local` is the host's loopback address, `open` all addresses, also through the firewall.").default("local"),
        key("keep", Shape::Whole { min: 1, max: 50 }, "How many stopped releases of this service stay on a host; the stack's `keep` by default."),
        key("needs", NAMES, "Services that must answer before this one starts.").elsewhere(&["depends_on", "requires"]),
        key("on", NAMES, "The hosts that run it. All by default if there is one, required if there are several.").elsewhere(&["hosts", "host"]),
    ],
};

pub(super) static SECRET_VARIABLE: Table = Table {
    name: "variable that holds a secret",
    about: "A variable whose value is a secret of the stack.",
    keys: &[key(
        "secret",
        Shape::Text {
            what: "a secret's name",
            pattern: Some(ENV_NAME),
        },
        "The name of one of the stack's `secrets`.",
    )
    .required()],
};

pub(super) static GENERATED: Table = Table {
    name: "generated secret",
    about: "A secret that each host makes for itself, once; no other machine knows it.",
    keys: &[key(
        "generated",
        Shape::Whole { min: 16, max: 256 },
        "How many letters and digits it has.",
    )
    .required()
    .elsewhere(&["generate", "random"])],
};

pub(super) static BUILD: Table = Table {
    name: "build",
    about: "How the image is built.",
    keys: &[
        key(
            "context",
            text("a folder"),
            "The folder that is sent to the engine, relative to this yaml's folder.",
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
        key(
            "on",
            Shape::Any(&[Shape::Word("host"), Shape::Word("local")]),
            "Where: `host` is each host of the service, `local` is the engine of this machine, which then sends the image to all, but for the layers that they have.",
        )
        .default("host")
        .elsewhere(&["where"]),
        key(
            "push",
            text("a repository, such as registry.example.com/team/app"),
            "Where the engine of this machine pushes the image to, each release under its id as a tag, for hosts to pull it by its digest. Without it the image goes to the hosts over SSH.",
        )
        .elsewhere(&["registry", "repository"]),
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
            "state",
            Shape::Any(&[Shape::Word("on"), Shape::Word("off")]),
            "`on`: a folder that the app may write to and that outlives its releases (systemd's StateDirectory); its path is in STATE_DIRECTORY and `{{ state }}`. `destroy` leaves it unless `--volumes` is given.",
        )
        .default("off")
        .elsewhere(&["data", "state_directory"]),
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
        key(
            "build",
            Shape::Map(&STATIC_BUILD),
            "How the files are built from what `root` holds; they are served as they are by default.",
        ),
        key(
            "assets",
            Shape::List(&Shape::Text {
                what: "a folder",
                pattern: None,
            }),
            "Folders whose files have a digest of their content in their names. Browsers never ask for them again, and those of earlier releases stay for pages that are still open.",
        )
        .elsewhere(&["asset_path", "immutable"]),
        key(
            "fallback",
            text("a file"),
            "The page that a browser gets where there is no file, for apps that read the address themselves: `index.html`.",
        )
        .elsewhere(&["spa", "single_page", "try_files"]),
    ],
};

pub(super) static STATIC_BUILD: Table = Table {
    name: "static build",
    about: "How static files are built: by an unprivileged user, shut in, once for each state of the source.",
    keys: &[
        key(
            "command",
            WORDS,
            "What builds, run in a copy of `root`; each element is one argument and no shell reads it.",
        )
        .required()
        .elsewhere(&["run", "cmd"]),
        key(
            "install",
            Shape::Any(&[
                Shape::Word("node"),
                Shape::Word("python"),
                Shape::Word("nothing"),
            ]),
            "What is installed before: `node` (`npm ci`, by package-lock.json), `python` (a virtual environment with what requirements.txt names) or `nothing`.",
        )
        .default("node"),
        key(
            "output",
            text("a folder"),
            "The folder below `root` that the command fills, and that is served.",
        )
        .default("dist")
        .elsewhere(&["publish", "out", "output_directory"]),
        key(
            "env",
            SCALARS,
            "Variables of the command. What goes from them into the output, every visitor can read.",
        )
        .elsewhere(&["environment"]),
        key(
            "deadline",
            Shape::Time {
                min: 1000,
                max: 86_400_000,
            },
            "How long the command may take, and what is installed before it.",
        )
        .default("15m")
        .elsewhere(&["timeout"]),
        key("memory", MEMORY, "Memory limit on a host."),
        key(
            "on",
            Shape::Any(&[Shape::Word("host"), Shape::Word("local")]),
            "Where: `host` is each host of the service, `local` is this machine, which then sends the output to all.",
        )
        .default("host")
        .elsewhere(&["where"]),
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
        key(
            "init",
            Shape::List(&text("a file of SQL")),
            "Files of SQL of this machine that `deploy` loads once, one after the other and as the stack's user, while the database has no table. One that fails leaves it empty, and nothing is deployed.",
        )
        .elsewhere(&["initdb", "schema", "dump", "sql"]),
        key(
            "host",
            text("a server's name or address"),
            "No server of ours but one that somebody else looks after, such as RDS: its name or address. `database` and `user` are there already, or made by its `admin`; `image`, `install` and `memory` have no effect beside it.",
        )
        .elsewhere(&["hostname", "endpoint", "external"]),
        key("port", PORT, "That server's TCP port.").default("3306"),
        key(
            "password_file",
            Shape::Text {
                what: "a path on the hosts",
                pattern: Some("^/"),
            },
            "With `host`: the file on each host, for root alone, that holds the user's password. Apps get a copy.",
        ),
        key(
            "ca_file",
            Shape::Text {
                what: "a path on the hosts",
                pattern: Some("^/"),
            },
            "With `host`: the file on each host with the certificates of who signs the server's. We connect by TLS then, and check its certificate and its name; apps get a copy (`DB_CA_FILE`).",
        )
        .elsewhere(&["ca", "tls", "ssl_ca"]),
        key(
            "admin",
            Shape::Map(&MYSQL_ADMIN),
            "With `host`: who makes the database and its user there, with the password in `password_file`, when the user cannot log in. `provision` does it, and no app sees this password. Without it, both are there already.",
        )
        .elsewhere(&["administrator", "root", "master"]),
    ],
};

pub(super) static MYSQL_ADMIN: Table = Table {
    name: "admin",
    about: "Who may make databases and users on a server that somebody else looks after.",
    keys: &[
        key(
            "user",
            text("a user's name"),
            "The administrator's name, such as the one that was chosen for an RDS instance.",
        )
        .required(),
        key(
            "password_file",
            Shape::Text {
                what: "a path on the hosts",
                pattern: Some("^/"),
            },
            "The file on each host, for root alone, that holds the administrator's password.",
        )
        .required(),
    ],
};

pub(super) static MONGODB: Table = Table {
    name: "mongodb",
    about: "A MongoDB server. Every key has a default: `mongodb:` alone is enough.",
    keys: &[
        key("image", text("an image"), "Image of the server.").default("mongo:7"),
        key(
            "database",
            Shape::Text {
                what: "a database's name",
                pattern: Some("^[A-Za-z][A-Za-z0-9_]{0,62}$"),
            },
            "The database; by default the stack's name with `_` for `-`.",
        ),
        key(
            "user",
            Shape::Text {
                what: "a user's name",
                pattern: Some("^[A-Za-z][A-Za-z0-9_]{0,62}$"),
            },
            "The database's user; named as the database by default. stackctl makes the password.",
        ),
        key(
            "port",
            PORT,
            "The port of the host's loopback address at which apps that are a `unit` reach it; without such an app it has none.",
        )
        .default("27017"),
        key("memory", MEMORY, "Memory limit of its container."),
        key(
            "url_file",
            Shape::Text {
                what: "a path on the hosts",
                pattern: Some("^/"),
            },
            "No server of ours but one that somebody else looks after: the file on each host, for root alone, that holds its URL, `mongodb://user:password@host:27017/database`. Apps get a copy. The other keys have no effect beside it.",
        )
        .elsewhere(&["url", "uri", "external"]),
    ],
};

pub(super) static REDIS: Table = Table {
    name: "redis",
    about: "A Redis server. Every key has a default: `redis:` alone is enough.",
    keys: &[
        key("image", text("an image"), "Image of the server.").default("redis:7"),
        key(
            "port",
            PORT,
            "The port of the host's loopback address at which apps that are a `unit` reach it; without such an app it has none.",
        )
        .default("6379"),
        key("memory", MEMORY, "Memory limit of its container."),
        key(
            "maxmemory",
            MEMORY,
            "How much of memory its data may take; without it, what there is.",
        )
        .elsewhere(&["max_memory"]),
        key(
            "policy",
            Shape::Any(&[
                Shape::Word("noeviction"),
                Shape::Word("allkeys-lru"),
                Shape::Word("allkeys-lfu"),
                Shape::Word("allkeys-random"),
                Shape::Word("volatile-lru"),
                Shape::Word("volatile-lfu"),
                Shape::Word("volatile-random"),
                Shape::Word("volatile-ttl"),
            ]),
            "With `maxmemory`: which keys go when there is more. By default none does, and nothing more is taken; `allkeys-lru` makes it a cache.",
        )
        .elsewhere(&["maxmemory_policy", "maxmemory-policy", "eviction"]),
        key(
            "url_file",
            Shape::Text {
                what: "a path on the hosts",
                pattern: Some("^/"),
            },
            "No server of ours but one that somebody else looks after: the file on each host, for root alone, that holds its URL, `redis://:password@host:6379/0` or `rediss://` with TLS. Apps get a copy. The other keys have no effect beside it.",
        )
        .elsewhere(&["url", "uri", "external"]),
    ],
};

pub(super) static SITE: Table = Table {
    name: "site",
    about: "An nginx server: names, ports and routes to services.",
    keys: &[
        key("listen", PORT, "TCP port of HTTP, IPv4 and IPv6.").default("80").elsewhere(&["port"]),
        key("names", Shape::Any(&[Shape::List(&Shape::Text { what: "a server name", pattern: None }), text("a server name")]), "The names it answers to: DNS names, `*.example.com`, or IP addresses. Without any, it answers to every name that no other site on the port has.").elsewhere(&["server_name", "server_names", "domain", "domains"]),
        key("tls", Shape::Any(&[Shape::Word("acme"), Shape::Map(&TLS)]), "HTTPS on port 443: `acme` has Let's Encrypt issue a certificate to the host, which renews it by itself; a map names another authority, or files of this machine. It needs `names`.").elsewhere(&["https", "ssl"]),
        key("redirect", SWITCH, "`on`: HTTP only leads to HTTPS. Only with `tls`.").default("on"),
        key("hsts", SWITCH, "`on`: browsers that were here come back by HTTPS alone, for a year. Only with `tls`.").default("off"),
        key("body_limit", Shape::Size { min: 1, max: 102_400 }, "Largest request body.").default("10M").elsewhere(&["client_max_body_size"]),
        key("routes", Shape::Named { pattern: PATH_PREFIX, each: &Shape::Any(&[Shape::Text { what: "a service's name", pattern: Some(LABEL) }, Shape::Map(&ROUTE)]) }, "The beginning of the request's path → the service that answers, or a map with more details. The longest wins.").required().elsewhere(&["locations", "paths"]),
        key("on", NAMES, "The hosts whose nginx answers. All by default if there is one, required if there are several.").elsewhere(&["hosts", "host"]),
    ],
};

const SWITCH: Shape = Shape::Any(&[Shape::Word("on"), Shape::Word("off")]);

pub(super) static TLS: Table = Table {
    name: "tls",
    about: "Where a site's certificate comes from: `acme`, or `certificate` with `key`.",
    keys: &[
        key(
            "acme",
            Shape::Any(&[Shape::Map(&ACME), Shape::Nothing]),
            "A certificate authority that speaks ACME; Let's Encrypt unless `directory` says otherwise.",
        )
        .elsewhere(&["letsencrypt"]),
        key(
            "certificate",
            text("a path"),
            "A PEM file on this machine, relative to this yaml's folder: the site's certificate first, then those that vouch for it.",
        )
        .elsewhere(&["cert", "fullchain", "ssl_certificate"]),
        key(
            "key",
            text("a path"),
            "The certificate's private key, a PEM file without a passphrase. On the host only root can read it.",
        )
        .elsewhere(&["private_key", "privkey", "ssl_certificate_key"]),
        key(
            "alert_days",
            Shape::Whole { min: 1, max: 365 },
            "With fewer days left than this, `status` is unhealthy and `plan` has it issued anew. One that was issued for a short time is due when a third of that is left.",
        )
        .default("14"),
    ],
};

pub(super) static ACME: Table = Table {
    name: "acme",
    about: "A certificate authority that speaks ACME. It must reach the host by each of the site's names, on port 80.",
    keys: &[
        key(
            "email",
            text("an e-mail address"),
            "For the account; without one, the authority cannot tell you of problems.",
        ),
        key(
            "directory",
            Shape::Text {
                what: "an `https://` address",
                pattern: Some("^https://"),
            },
            "The authority's directory.",
        )
        .default(crate::model::AcmeDirectory::DEFAULT)
        .elsewhere(&["server", "url"]),
        key(
            "ca",
            text("a path"),
            "A PEM file on this machine: who vouches for the directory's own HTTPS, when the host does not know them. The host trusts them from then on.",
        ),
    ],
};

pub(super) static SECRET_SOURCE: Table = Table {
    name: "secret's source",
    about: "Where the machine that deploys has a secret, which is read there each time: exactly one of these.",
    keys: &[
        key(
            "env",
            Shape::Text {
                what: "a variable's name",
                pattern: Some(ENV_NAME),
            },
            "A variable of the environment that stackctl runs in.",
        )
        .elsewhere(&["environment", "variable"]),
        key(
            "file",
            text("a path"),
            "A file, relative to this yaml's folder or beginning with `~/`. A line break at its end is left out.",
        )
        .elsewhere(&["path"]),
        key(
            "command",
            WORDS,
            "A program that says it, and its arguments, run in this yaml's folder; no shell reads them. A line break at the end is left out.",
        )
        .elsewhere(&["run", "cmd", "exec"]),
    ],
};

pub(super) static ROUTE: Table = Table {
    name: "route",
    about: "What a site does with the requests of one path.",
    keys: &[
        key("service", Shape::Text { what: "a service's name", pattern: Some(LABEL) }, "The service that answers.").elsewhere(&["app", "to"]),
        key("redirect", text("an address or a path"), "Where visitors are sent instead (301): an address such as `https://www.example.com` keeps the path that they asked for, one with a path of its own does not.").elsewhere(&["return"]),
        key("strip", SWITCH, "`on`: the app gets the path without the route's beginning, which it finds in X-Forwarded-Prefix.").default("off").apps_only().elsewhere(&["strip_prefix", "strip_path_prefix"]),
        key("timeout", Shape::Time { min: 1000, max: 86_400_000 }, "How long the app may be silent before the visitor gets a 504.").default("60s").apps_only().elsewhere(&["proxy_read_timeout", "response_timeout"]),
        key("body_limit", Shape::Size { min: 1, max: 102_400 }, "Largest request body; the site's by default.").apps_only().elsewhere(&["client_max_body_size"]),
        key("headers", Shape::Named { pattern: "^[A-Za-z0-9-]{1,64}$", each: &Shape::Scalar }, "Headers of each answer → their values, instead of those of that name that the app sends.").elsewhere(&["add_header", "response_headers"]),
        key("access_log", SWITCH, "`off`: its requests are not logged.").default("on"),
    ],
};
