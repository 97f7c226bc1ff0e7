//! The images of a lab as data: what each is made from, and the tag that follows from it.
//!
//! A tag is a hash of everything that goes in, so an image is rebuilt exactly when its recipe, the recipe below it or
//! the machine's settings changed, and labs of different checkouts share what is equal.

use sha2::{Digest, Sha256};

use super::Base;
use super::machine::Machine;

/// Repository under which all images of labs are kept in the local engine.
pub const REPOSITORY: &str = "stackctl-lab";
/// Label that says what a stand-in really is.
pub const STAND_IN_LABEL: &str = "stackctl.stand-in";

/// An image under a public name that is not what the name says, for machines that reach no registry.
#[derive(Debug)]
pub struct StandIn {
    /// The name people write, `mysql:8.4`.
    pub reference: &'static str,
    /// What it really is.
    pub really: &'static str,
    base: Base,
    dockerfile: &'static str,
    files: &'static [(&'static str, &'static str)],
    /// Whether people run pip or npm in builds on it, and so need the machine's settings in the environment.
    downloads: bool,
}

/// All stand-ins; add a row to have one more.
pub const STAND_INS: [StandIn; 6] = [
    StandIn {
        reference: "python:3.12-slim",
        really: "Debian trixie's Python 3.13 with pip",
        base: Base::Trixie,
        dockerfile: include_str!("python.Dockerfile"),
        files: &[("python.sh", include_str!("python.sh"))],
        downloads: true,
    },
    StandIn {
        reference: "mysql:8.4",
        really: "MySQL 9.7 from Debian sid",
        base: Base::Sid,
        dockerfile: include_str!("mysql.Dockerfile"),
        files: DATABASE_FILES,
        downloads: false,
    },
    StandIn {
        reference: "mariadb:11",
        really: "MariaDB 11.8 from Debian trixie",
        base: Base::Trixie,
        dockerfile: include_str!("mariadb.Dockerfile"),
        files: DATABASE_FILES,
        downloads: false,
    },
    StandIn {
        reference: "mongo:7",
        really: "SecantusDB 0.7 (MongoDB's protocol and storage engine) and mongosh 2.12 on Debian trixie",
        base: Base::Trixie,
        dockerfile: include_str!("mongo.Dockerfile"),
        files: &[
            ("mongo.sh", include_str!("mongo.sh")),
            ("mongod.py", include_str!("mongod.py")),
            ("mongo-entrypoint.sh", include_str!("mongo-entrypoint.sh")),
        ],
        downloads: false,
    },
    StandIn {
        reference: "redis:7",
        really: "Redis 7.0 from Debian bookworm",
        base: Base::Bookworm,
        dockerfile: include_str!("redis.Dockerfile"),
        files: &[
            ("redis.sh", include_str!("redis.sh")),
            ("redis-entrypoint.sh", include_str!("redis-entrypoint.sh")),
        ],
        downloads: false,
    },
    StandIn {
        reference: "node:22-slim",
        really: "Debian trixie's Node.js 20 with npm",
        base: Base::Trixie,
        dockerfile: include_str!("node.Dockerfile"),
        files: &[("node.sh", include_str!("node.sh"))],
        downloads: true,
    },
];

const DATABASE_FILES: &[(&str, &str)] = &[
    ("database.sh", include_str!("database.sh")),
    (
        "database-entrypoint.sh",
        include_str!("database-entrypoint.sh"),
    ),
];

/// The script that makes a root file system where no registry answers.
pub const ROOTFS: &str = include_str!("rootfs.sh");

/// Everything one image build takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipe {
    /// `stackctl-lab/mysql-8.4:0123456789ab`.
    pub tag: String,
    /// As shown to people.
    pub title: String,
    /// Files of the build context, `Dockerfile` among them.
    pub files: Vec<(String, Vec<u8>)>,
    /// Values of the Dockerfile's `ARG`s.
    pub arguments: Vec<(&'static str, String)>,
    /// What the image really is, for stand-ins.
    pub really: Option<&'static str>,
}

/// Tag of the bare root file system of a suite.
pub fn rootfs_tag(base: Base, machine: &Machine) -> String {
    let hash = short_hash([
        ROOTFS,
        &machine.mirror,
        &machine.security,
        &machine.apt_conf,
    ]);
    format!("{REPOSITORY}/rootfs-{base}:{hash}")
}

/// A root file system with the machine's settings in it, on which all others are built.
pub fn base_recipe(base: Base, rootfs: &str, machine: &Machine) -> Recipe {
    let mut files = machine.files(base);
    files.push(text("base.sh", include_str!("base.sh")));
    files.push(text("Dockerfile", include_str!("base.Dockerfile")));
    let arguments = vec![("FROM", rootfs.to_owned()), ("SUITE", base.to_string())];
    recipe(
        &format!("base-{base}"),
        format!("Debian {base}"),
        files,
        arguments,
        None,
    )
}

/// Tag of the base image of a suite as this machine would build it.
pub fn base_tag(base: Base, machine: &Machine) -> String {
    base_recipe(base, &rootfs_tag(base, machine), machine).tag
}

/// What a lab host boots.
pub fn host_recipe(base: Base, from: &str) -> Recipe {
    let files = vec![
        text("host.sh", include_str!("host.sh")),
        text("host-entrypoint.sh", include_str!("host-entrypoint.sh")),
        text("Dockerfile", include_str!("host.Dockerfile")),
    ];
    let arguments = vec![("FROM", from.to_owned())];
    recipe(
        &format!("host-{base}"),
        format!("host on Debian {base}"),
        files,
        arguments,
        None,
    )
}

/// A host on which the packages are that provisioning installs on most.
pub fn ready_recipe(base: Base, from: &str) -> Recipe {
    let files = vec![
        text("ready.sh", include_str!("ready.sh")),
        text("Dockerfile", include_str!("ready.Dockerfile")),
    ];
    let arguments = vec![("FROM", from.to_owned())];
    recipe(
        &format!("ready-{base}"),
        format!("ready host on Debian {base}"),
        files,
        arguments,
        None,
    )
}

/// The registry program, still empty.
pub fn registry_recipe(from: &str) -> Recipe {
    let files = vec![
        text("registry.yml", include_str!("registry.yml")),
        text("Dockerfile", include_str!("registry.Dockerfile")),
    ];
    let arguments = vec![("FROM", from.to_owned())];
    recipe(
        "registry-empty",
        "registry".to_owned(),
        files,
        arguments,
        None,
    )
}

/// Tag of the registry with these images in it.
pub fn filled_registry_tag(registry: &Recipe, stand_ins: &[Recipe]) -> String {
    let mut hash = Sha256::new();
    hash.update(&registry.tag);
    for stand_in in stand_ins {
        hash.update(&stand_in.tag);
    }
    format!("{REPOSITORY}/registry:{}", short(hash))
}

impl StandIn {
    /// The suite that it is built on.
    pub fn base(&self) -> Base {
        self.base
    }

    /// How to build it on that base image.
    pub fn recipe(&self, from: &str, machine: &Machine) -> Recipe {
        let mut dockerfile = self.dockerfile.to_owned();
        if self.downloads {
            dockerfile.push_str(&machine.dockerfile_env());
        }
        let mut files: Vec<_> = self
            .files
            .iter()
            .map(|(name, body)| text(name, body))
            .collect();
        files.push(text("Dockerfile", &dockerfile));
        let name = self.reference.replace([':', '/'], "-");
        recipe(
            &name,
            format!("{} ({})", self.reference, self.really),
            files,
            vec![("FROM", from.to_owned())],
            Some(self.really),
        )
    }
}

impl Recipe {
    /// The build context as a tar, the same bytes for the same files.
    pub fn context(&self) -> std::io::Result<Vec<u8>> {
        let mut archive = tar::Builder::new(Vec::new());
        for (name, body) in &self.files {
            let mut header = tar::Header::new_gnu();
            header.set_size(body.len() as u64);
            header.set_mode(if name.ends_with(".sh") { 0o755 } else { 0o644 });
            archive.append_data(&mut header, name, body.as_slice())?;
        }
        archive.into_inner()
    }
}

fn text(name: &str, body: &str) -> (String, Vec<u8>) {
    (name.to_owned(), body.as_bytes().to_vec())
}

fn recipe(
    name: &str,
    title: String,
    files: Vec<(String, Vec<u8>)>,
    arguments: Vec<(&'static str, String)>,
    really: Option<&'static str>,
) -> Recipe {
    let mut hash = Sha256::new();
    for (file, body) in &files {
        hash.update(format!("{file}\0{}\0", body.len()));
        hash.update(body);
    }
    for (argument, value) in &arguments {
        hash.update(format!("{argument}\0{value}\0"));
    }
    hash.update(really.unwrap_or(""));
    Recipe {
        tag: format!("{REPOSITORY}/{name}:{}", short(hash)),
        title,
        files,
        arguments,
        really,
    }
}

/// A hash of words that differ when one of them does, as tags have it.
pub fn short_hash<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    let mut hash = Sha256::new();
    for word in words {
        hash.update(word);
        hash.update([0]);
    }
    short(hash)
}

fn short(hash: Sha256) -> String {
    hash.finalize()
        .iter()
        .take(6)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_changes_with_the_machine_and_with_what_is_below() {
        let machine = Machine::default();
        let other = Machine {
            apt_conf: "Acquire::Retries \"3\";\n".to_owned(),
            ..Machine::default()
        };
        let below = |machine: &Machine| base_recipe(Base::Trixie, "rootfs", machine).tag;
        assert_eq!(below(&machine), below(&machine));
        assert_ne!(below(&machine), below(&other));
        assert_ne!(
            host_recipe(Base::Trixie, "a").tag,
            host_recipe(Base::Trixie, "b").tag
        );
        assert_ne!(
            rootfs_tag(Base::Trixie, &machine),
            rootfs_tag(Base::Sid, &machine)
        );
    }

    #[test]
    fn every_stand_in_says_what_it_is_and_is_named_once() {
        let names: std::collections::BTreeSet<_> = STAND_INS.iter().map(|s| s.reference).collect();
        assert_eq!(names.len(), STAND_INS.len());
        assert!(STAND_INS.iter().all(|s| s.really.contains("Debian")));
    }
}
