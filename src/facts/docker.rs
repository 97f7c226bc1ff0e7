//! What a host's Docker engine said.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::ServiceName;

/// One engine's objects, as far as they concern us.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DockerFacts {
    /// `28.5.2`.
    pub engine: String,
    /// The negotiated API version, `1.44`.
    pub api: String,
    /// All containers by name, also foreign ones.
    pub containers: BTreeMap<String, ContainerFacts>,
    pub networks: BTreeMap<String, NetworkFacts>,
    pub volumes: BTreeSet<String>,
    /// Those of the networks and volumes that carry the stack's label.
    pub owned_networks: BTreeSet<String>,
    pub owned_volumes: BTreeSet<String>,
    /// By each of its tags.
    pub images: BTreeMap<String, ImageFacts>,
    /// Names of images with a digest, `name@sha256:…`.
    pub digests: BTreeSet<String>,
    /// What registries say of images that are wanted and not there, or whose tag may have moved, as far as it was asked.
    pub registry: BTreeMap<String, RegistryFacts>,
    /// What our databases answered, where their container runs.
    pub databases: BTreeMap<ServiceName, DatabaseFacts>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ContainerFacts {
    pub id: String,
    /// `running`, `exited`, `created`, `restarting`, `paused`, `dead`.
    pub state: String,
    pub labels: BTreeMap<String, String>,
    /// The image's id, `sha256:…`.
    pub image_id: String,
    /// The image's name as it was given.
    pub image: String,
    /// Seconds since the epoch.
    pub created: i64,
    /// Networks it is attached to.
    pub networks: BTreeSet<String>,
    /// TCP ports it publishes on the host.
    pub published: BTreeSet<u16>,
    /// Volumes by name, and paths of the host, that it may write to.
    pub writes_to: BTreeSet<String>,
    /// From the details of our own containers; `None` for foreign ones.
    pub details: Option<ContainerDetails>,
}

/// What only an inspection tells.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ContainerDetails {
    /// RFC 3339.
    pub started_at: String,
    pub restarts: u32,
    pub exit_code: i64,
    pub out_of_memory: bool,
    /// `starting`, `healthy` or `unhealthy`; empty without a health check.
    pub health: String,
    /// Process id on the host; 0 when not running.
    pub pid: i64,
    /// What it was told to be.
    pub settings: ContainerSettings,
}

/// How the engine runs a container now, whatever it was made as.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ContainerSettings {
    /// The image's name as it was given.
    pub image: String,
    /// Bytes; 0 for no limit.
    pub memory: i64,
    /// Billionths of a processor; 0 for no limit.
    pub cpus: i64,
    /// `None` where the engine does not tell.
    pub pids_limit: Option<i64>,
    /// `no`, `always`, `unless-stopped`, `on-failure`.
    pub restart: String,
    /// The image's own variables as well.
    pub env: BTreeMap<String, String>,
    pub command: Vec<String>,
    pub user: String,
    /// Path in the container → what is mounted there.
    pub mounts: BTreeMap<String, MountFacts>,
    pub privileged: bool,
    /// Whether the root file system is read-only.
    pub read_only: bool,
    pub dropped_capabilities: BTreeSet<String>,
    pub added_capabilities: BTreeSet<String>,
    /// Port in the container, such as `8080/tcp` → `address:port` on the host.
    pub publish: BTreeMap<String, BTreeSet<String>>,
    pub security_options: BTreeSet<String>,
    /// `json-file`, `journald`, …; empty when the engine does not tell.
    pub log_driver: String,
    pub log_options: BTreeMap<String, String>,
    /// The image's own when none was given.
    pub stop_signal: String,
    /// Whether the engine runs an init as its process 1; `None` leaves it to the engine.
    pub init: Option<bool>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MountFacts {
    /// A path on the host, or a volume's name.
    pub source: String,
    pub read_only: bool,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NetworkFacts {
    pub internal: bool,
    /// Stands for what it was made as; `None` when it does not say.
    pub definition: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImageFacts {
    /// `sha256:…`.
    pub id: String,
    /// Seconds since the epoch.
    pub created: i64,
    pub labels: BTreeMap<String, String>,
}

/// What a registry says of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RegistryFacts {
    Found {
        /// What the tag means now, `sha256:…`.
        digest: Option<String>,
    },
    /// There is no such name or tag.
    Absent,
    /// We may not have it, or there is none; registries do not tell which. In the registry's own words.
    Denied(String),
    /// There was no answer, or none that says anything of the image.
    Unreachable(String),
}

/// What a database said to a real query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DatabaseFacts {
    /// It did not answer; why, in its own words.
    Silent(String),
    Answers(SchemaFacts),
}

/// The part of a server that is ours.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SchemaFacts {
    /// `8.4.3` or `10.11.6-MariaDB`.
    pub version: String,
    /// The database's character set, when it exists.
    pub charset: Option<String>,
    /// `SHOW GRANTS` of the user, when it exists.
    pub grants: Option<Vec<String>>,
    /// Whether the user can log in with the password we keep.
    pub login: bool,
    /// How many tables and views the database has.
    pub tables: u64,
    /// SHA-256 in hex of the URL by which apps find it, where somebody else looks after the server.
    pub url: Option<String>,
}

impl SchemaFacts {
    /// Reads the lines that `database-facts.sh` prints.
    pub fn parse(text: &str) -> DatabaseFacts {
        let mut facts = SchemaFacts::default();
        let mut alive = false;
        for line in text.lines() {
            let (key, value) = line.split_once('\t').unwrap_or((line, ""));
            match key {
                "alive" => {
                    alive = true;
                    value.clone_into(&mut facts.version);
                }
                "charset" => facts.charset = Some(value.to_owned()),
                "user" => facts.grants = Some(facts.grants.take().unwrap_or_default()),
                "grant" => facts.grants.get_or_insert_default().push(value.to_owned()),
                "tables" => facts.tables = value.parse().unwrap_or_default(),
                "login" => facts.login = true,
                "digest" => facts.url = Some(value.to_owned()),
                _ => {}
            }
        }
        if alive {
            DatabaseFacts::Answers(facts)
        } else {
            // What root was told comes before what the user was told.
            let mut lines = text.lines().filter(|line| !line.starts_with("digest\t"));
            let why = lines.find(|line| !line.trim().is_empty());
            DatabaseFacts::Silent(why.unwrap_or("no answer").trim().to_owned())
        }
    }
}

impl DockerFacts {
    /// Whether the engine has an image by this name, with a tag or a digest.
    pub fn has_image(&self, image: &str) -> bool {
        match by_digest(image) {
            Some(image) => self.digests.contains(&image),
            None if is_bare(image) => self
                .images
                .contains_key(&format!("{}:latest", listed(image))),
            None => self.images.contains_key(listed(image)),
        }
    }
}

/// Whether a name has neither a tag nor a digest, and so means the tag `latest`: engines list it by that, and pull all tags of it
/// when they are not told (<https://docs.docker.com/reference/api/engine/version/v1.43/#tag/Image/operation/ImageCreate>).
pub fn is_bare(image: &str) -> bool {
    !image
        .rsplit('/')
        .next()
        .unwrap_or(image)
        .contains([':', '@'])
}

/// A name as engines list it: those of Docker Hub are short.
fn listed(image: &str) -> &str {
    let of_hub = ["docker.io/", "index.docker.io/", "registry-1.docker.io/"];
    let image = of_hub
        .iter()
        .find_map(|host| image.strip_prefix(host))
        .unwrap_or(image);
    image.strip_prefix("library/").unwrap_or(image)
}

/// A name with a digest as engines keep it: of one with a tag as well, the digest alone.
pub fn by_digest(image: &str) -> Option<String> {
    let (name, digest) = listed(image).split_once('@')?;
    let name = match name.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => name,
        _ => name,
    };
    Some(format!("{name}@{digest}"))
}

impl ContainerFacts {
    pub fn is_running(&self) -> bool {
        self.state == "running"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_known_by_its_tag_or_by_its_digest() {
        let docker = DockerFacts {
            images: ["r:5000/a:1", "r:5000/b:latest", "redis:latest"]
                .map(|name| (name.to_owned(), ImageFacts::default()))
                .into(),
            digests: BTreeSet::from(["r:5000/a@sha256:0".to_owned()]),
            ..DockerFacts::default()
        };
        for there in [
            "r:5000/a:1",
            "r:5000/a@sha256:0",
            "r:5000/a:2@sha256:0",
            "r:5000/b",
            "redis",
            "docker.io/library/redis",
        ] {
            assert!(docker.has_image(there), "{there}");
        }
        for absent in ["r:5000/a", "r:5000/a:1@sha256:1", "r:5000/b@sha256:0"] {
            assert!(!docker.has_image(absent), "{absent}");
        }
    }

    #[test]
    fn a_database_that_answers() {
        let text = "alive\t9.7.4\ncharset\tutf8mb4\nuser\ngrant\tGRANT USAGE ON *.* TO `names`@`%`\nlogin\n";
        let DatabaseFacts::Answers(facts) = SchemaFacts::parse(text) else {
            panic!("it answered")
        };
        assert_eq!(facts.charset.as_deref(), Some("utf8mb4"));
        assert_eq!(facts.grants.unwrap().len(), 1);
        assert!(facts.login);
    }

    #[test]
    fn a_database_that_does_not() {
        let text = "ERROR 2002 (HY000): Can't connect to local MySQL server\n";
        assert!(
            matches!(SchemaFacts::parse(text), DatabaseFacts::Silent(why) if why.contains("2002"))
        );
    }
}
