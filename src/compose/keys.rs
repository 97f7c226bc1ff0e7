//! The keys that are read, those that are refused, and what to do instead.

/// The keys of one kind of map.
pub(super) struct Keys {
    /// What it is called in messages.
    pub name: &'static str,
    pub known: &'static [&'static str],
    pub may_be_null: &'static [&'static str],
    /// Keys that compose has and that are not read, each with what to do.
    pub refused: &'static [(&'static str, &'static str)],
}

impl Keys {
    /// As it stands in a sentence.
    pub fn one(&self) -> String {
        let article = if self.name.starts_with(['a', 'e', 'i', 'o', 'u']) {
            "an"
        } else {
            "a"
        };
        format!("{article} {}", self.name)
    }
}

const fn keys(name: &'static str, known: &'static [&'static str]) -> Keys {
    Keys {
        name,
        known,
        may_be_null: &[],
        refused: &[],
    }
}

const REMOVE: &str = "remove it";
const HOST: &str = "remove it: a container here has its own";

pub(super) static FILE: Keys = Keys {
    name: "compose file",
    known: &[
        "configs", "name", "networks", "secrets", "services", "version", "volumes",
    ],
    may_be_null: &[
        "configs", "name", "networks", "secrets", "version", "volumes",
    ],
    refused: &[(
        "models",
        "remove it and give the service the model's address as a variable",
    )],
};

pub(super) static SERVICE: Keys = Keys {
    name: "service",
    known: &[
        "annotations",
        "attach",
        "build",
        "cap_add",
        "cap_drop",
        "command",
        "configs",
        "container_name",
        "cpu_shares",
        "cpus",
        "cpuset",
        "depends_on",
        "deploy",
        "devices",
        "dns",
        "dns_opt",
        "dns_search",
        "domainname",
        "entrypoint",
        "env_file",
        "environment",
        "expose",
        "extra_hosts",
        "group_add",
        "healthcheck",
        "hostname",
        "image",
        "init",
        "ipc",
        "labels",
        "links",
        "logging",
        "mac_address",
        "mem_limit",
        "mem_reservation",
        "memswap_limit",
        "network_mode",
        "networks",
        "oom_score_adj",
        "pids_limit",
        "platform",
        "ports",
        "privileged",
        "profiles",
        "pull_policy",
        "read_only",
        "restart",
        "scale",
        "secrets",
        "security_opt",
        "shm_size",
        "stdin_open",
        "stop_grace_period",
        "stop_signal",
        "sysctls",
        "tmpfs",
        "tty",
        "ulimits",
        "user",
        "volumes",
        "working_dir",
    ],
    may_be_null: &["command", "deploy", "entrypoint"],
    refused: &[
        ("blkio_config", REMOVE),
        ("cgroup", HOST),
        ("cgroup_parent", HOST),
        ("cpu_count", "write `cpus`"),
        ("cpu_percent", "write `cpus`"),
        ("cpu_period", "write `cpus`"),
        ("cpu_quota", "write `cpus`"),
        ("cpu_rt_period", "write `cpus`"),
        ("cpu_rt_runtime", "write `cpus`"),
        ("credential_spec", REMOVE),
        (
            "develop",
            "keep it in a file that only `docker compose watch` reads",
        ),
        ("device_cgroup_rules", "list the devices in `devices`"),
        (
            "external_links",
            "put both on one network and use the service's name",
        ),
        ("gpus", REMOVE),
        ("isolation", REMOVE),
        ("label_file", "write the labels in `labels`"),
        ("log_driver", "write `logging: {driver: …}`"),
        ("log_opt", "write `logging: {options: …}`"),
        ("mem_swappiness", REMOVE),
        (
            "models",
            "remove it and give the service the model's address as a variable",
        ),
        ("net", "write `network_mode`"),
        ("oom_kill_disable", REMOVE),
        ("pid", HOST),
        ("post_start", "put it into the image's entry point"),
        ("pre_stop", "put it into the image's entry point"),
        ("provider", "write the service with `image` or `build`"),
        ("runtime", REMOVE),
        ("storage_opt", REMOVE),
        (
            "use_api_socket",
            "mount the socket in `volumes` if it must be",
        ),
        ("userns_mode", HOST),
        ("uts", HOST),
        (
            "volume_driver",
            "name the driver at the volume, under the top-level `volumes`",
        ),
        (
            "volumes_from",
            "name the volumes in `volumes` of each service",
        ),
    ],
};

pub(super) static BUILD: Keys = Keys {
    name: "build",
    known: &[
        "additional_contexts",
        "args",
        "cache_from",
        "cache_to",
        "context",
        "dockerfile",
        "dockerfile_inline",
        "extra_hosts",
        "labels",
        "network",
        "no_cache",
        "platforms",
        "pull",
        "secrets",
        "shm_size",
        "tags",
        "target",
    ],
    may_be_null: &[],
    refused: &[
        ("entitlements", REMOVE),
        ("isolation", REMOVE),
        ("privileged", REMOVE),
        ("provenance", REMOVE),
        ("sbom", REMOVE),
        (
            "ssh",
            "copy what it fetches into the context, or give it as a secret",
        ),
        ("ulimits", REMOVE),
    ],
};

pub(super) static DEPENDENCY: Keys = keys("dependency", &["condition", "required", "restart"]);

pub(super) static DEPLOY: Keys = keys(
    "deploy",
    &[
        "endpoint_mode",
        "labels",
        "mode",
        "placement",
        "replicas",
        "resources",
        "restart_policy",
        "rollback_config",
        "update_config",
    ],
);

pub(super) static UPDATE: Keys = keys(
    "update_config",
    &[
        "delay",
        "failure_action",
        "max_failure_ratio",
        "monitor",
        "order",
        "parallelism",
    ],
);

pub(super) static RESTART: Keys = keys(
    "restart_policy",
    &["condition", "delay", "max_attempts", "window"],
);

pub(super) static PLACEMENT: Keys = Keys {
    name: "placement",
    known: &["constraints", "max_replicas_per_node"],
    may_be_null: &[],
    refused: &[("preferences", "write `constraints`")],
};

pub(super) static RESOURCES: Keys = keys("resources", &["limits", "reservations"]);

pub(super) static RESOURCE: Keys = Keys {
    name: "resource",
    known: &["cpus", "memory", "pids"],
    may_be_null: &[],
    refused: &[("devices", REMOVE), ("generic_resources", REMOVE)],
};

pub(super) static DEVICE: Keys = keys("device", &["permissions", "source", "target"]);

pub(super) static HEALTHCHECK: Keys = keys(
    "healthcheck",
    &[
        "disable",
        "interval",
        "retries",
        "start_interval",
        "start_period",
        "test",
        "timeout",
    ],
);

pub(super) static LOGGING: Keys = keys("logging", &["driver", "options"]);

pub(super) static ATTACHMENT: Keys = Keys {
    name: "service's network",
    known: &[
        "aliases",
        "ipv4_address",
        "ipv6_address",
        "link_local_ips",
        "mac_address",
        "priority",
    ],
    may_be_null: &[],
    refused: &[
        ("driver_opts", REMOVE),
        ("gw_priority", "write `priority`"),
        ("interface_name", REMOVE),
    ],
};

pub(super) static ENV_FILE: Keys = Keys {
    name: "env_file",
    known: &["path", "required"],
    may_be_null: &[],
    refused: &[(
        "format",
        "remove it and put values that hold `$` in single quotes",
    )],
};

pub(super) static PORT: Keys = keys(
    "port",
    &[
        "app_protocol",
        "host_ip",
        "mode",
        "name",
        "protocol",
        "published",
        "target",
    ],
);

pub(super) static MOUNT: Keys = Keys {
    name: "volume of a service",
    known: &[
        "bind",
        "consistency",
        "read_only",
        "source",
        "target",
        "tmpfs",
        "type",
        "volume",
    ],
    may_be_null: &[],
    refused: &[("image", "copy the files into the service's own image")],
};

pub(super) static BIND: Keys = Keys {
    name: "bind",
    known: &["create_host_path", "propagation", "selinux"],
    may_be_null: &[],
    refused: &[("recursive", REMOVE)],
};

pub(super) static VOLUME_OPTIONS: Keys = Keys {
    name: "volume of a mount",
    known: &["nocopy", "subpath"],
    may_be_null: &[],
    refused: &[("labels", "write the labels under the top-level `volumes`")],
};

pub(super) static TMPFS: Keys = keys("tmpfs", &["mode", "size"]);

pub(super) static FILE_MOUNT: Keys = keys(
    "secret or config",
    &["gid", "mode", "source", "target", "uid"],
);

pub(super) static ULIMIT: Keys = keys("ulimit", &["hard", "soft"]);

pub(super) static NETWORK: Keys = Keys {
    name: "network",
    known: &[
        "attachable",
        "driver",
        "driver_opts",
        "enable_ipv6",
        "external",
        "internal",
        "ipam",
        "labels",
        "name",
    ],
    may_be_null: &[],
    refused: &[("enable_ipv4", REMOVE)],
};

pub(super) static IPAM: Keys = Keys {
    name: "ipam",
    known: &["config", "driver"],
    may_be_null: &[],
    refused: &[("options", REMOVE)],
};

pub(super) static POOL: Keys = keys(
    "ipam.config",
    &["aux_addresses", "gateway", "ip_range", "subnet"],
);

pub(super) static VOLUME: Keys = keys(
    "volume",
    &["driver", "driver_opts", "external", "labels", "name"],
);

pub(super) static SECRET: Keys = Keys {
    name: "secret",
    known: &["environment", "external", "file", "labels", "name"],
    may_be_null: &[],
    refused: &[
        ("driver", "write `file` or `environment`"),
        ("driver_opts", "write `file` or `environment`"),
        ("template_driver", REMOVE),
    ],
};

pub(super) static CONFIG: Keys = Keys {
    name: "config",
    known: &[
        "content",
        "environment",
        "external",
        "file",
        "labels",
        "name",
    ],
    may_be_null: &[],
    refused: &[("template_driver", REMOVE)],
};

pub(super) static EXTERNAL: Keys = keys("external", &["name"]);
