//! What this machine said of a folder that is to be sent.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;
use sha2::{Digest as _, Sha256};

/// A folder's files as they were when we looked. Order and digest depend on nothing but names, kinds and contents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceTree {
    /// Absolute, on this machine.
    pub root: PathBuf,
    /// By path relative to `root`, with `/` between its parts.
    pub entries: BTreeMap<String, SourceEntry>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SourceEntry {
    Folder,
    /// A symbolic link and its target.
    Link(String),
    File(SourceFile),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    /// Whether its owner may execute it; other mode bits are the sender's business, not the release's.
    pub executable: bool,
    /// Bytes.
    pub size: u64,
    /// SHA-256, hex.
    pub digest: String,
    /// The bytes to send instead of what is on disk, when placeholders were filled in.
    pub contents: Option<Vec<u8>>,
}

impl SourceTree {
    /// SHA-256 in hex over every name, kind and content.
    pub fn digest(&self) -> String {
        let mut hash = Sha256::new();
        for (path, entry) in &self.entries {
            let line = match entry {
                SourceEntry::Folder => format!("folder\0{path}\n"),
                SourceEntry::Link(target) => format!("link\0{path}\0{target}\n"),
                SourceEntry::File(file) => {
                    format!("file\0{path}\0{}\0{}\n", file.executable, file.digest)
                }
            };
            hash.update(line);
        }
        hex(&hash.finalize())
    }

    /// What `push-tree.sh` must find on the host once the tree is unpacked there: SHA-256 in hex over all kinds and names
    /// with where links lead, then the names of what is executable, then what `sha256sum` says of each file.
    pub fn unpacked_digest(&self) -> String {
        let mut kinds: Vec<String> = Vec::new();
        let mut executables: Vec<String> = Vec::new();
        let mut digests: Vec<(String, &str)> = Vec::new();
        for (path, entry) in &self.entries {
            let path = format!("./{path}");
            kinds.push(match entry {
                SourceEntry::Folder => format!("d {path} "),
                SourceEntry::Link(target) => format!("l {path} {target}"),
                SourceEntry::File(_) => format!("f {path} "),
            });
            if let SourceEntry::File(file) = entry {
                if file.executable {
                    executables.push(path.clone());
                }
                digests.push((path, &file.digest));
            }
        }
        kinds.sort();
        executables.sort();
        digests.sort();
        let digests = digests
            .iter()
            .map(|(path, digest)| format!("{digest}  {path}"));
        let mut hash = Sha256::new();
        for line in kinds.into_iter().chain(executables).chain(digests) {
            hash.update(line);
            hash.update([0]);
        }
        hex(&hash.finalize())
    }

    /// Bytes of all files.
    pub fn size(&self) -> u64 {
        self.files().map(|(_, file)| file.size).sum()
    }

    pub fn files(&self) -> impl Iterator<Item = (&str, &SourceFile)> {
        self.entries.iter().filter_map(|(path, entry)| match entry {
            SourceEntry::File(file) => Some((path.as_str(), file)),
            _ => None,
        })
    }

    /// A file `NAME.gz` beside `NAME` that holds something else than `NAME` compressed: whoever serves one in the place of the
    /// other would serve what is old. `open` reads a file as it is on disk.
    pub fn stale_compressed<R: Read>(
        &self,
        open: impl Fn(&Path) -> io::Result<R>,
    ) -> io::Result<Option<&str>> {
        for (path, _) in self.files() {
            let plain = path.strip_suffix(".gz");
            let plain = plain.and_then(|plain| self.entries.get(plain));
            let Some(SourceEntry::File(plain)) = plain else {
                continue;
            };
            let packed = open(&self.root.join(path))?;
            if unpacked(packed, plain.size).as_deref() != Some(plain.digest.as_str()) {
                return Ok(Some(path));
            }
        }
        Ok(None)
    }

    /// Whether there is a file at `path`, or a link to one beside it.
    pub fn has_file(&self, path: &str) -> bool {
        match self.entries.get(path) {
            Some(SourceEntry::File(_)) => true,
            Some(SourceEntry::Link(target)) => {
                let beside = path.rfind('/').map_or("", |at| &path[..=at]);
                let target = format!("{beside}{}", target.trim_start_matches("./"));
                matches!(self.entries.get(&target), Some(SourceEntry::File(_)))
            }
            Some(SourceEntry::Folder) | None => false,
        }
    }
}

/// SHA-256 in hex of what was compressed; `None` where that is more than `limit` bytes, or nothing that gzip made.
fn unpacked(packed: impl Read, limit: u64) -> Option<String> {
    let mut reader = MultiGzDecoder::new(packed).take(limit + 1);
    let mut hash = Sha256::new();
    let mut size = 0;
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let read = reader.read(&mut buffer).ok()?;
        if read == 0 {
            return (size <= limit).then(|| hex(&hash.finalize()));
        }
        hash.update(&buffer[..read]);
        size += read as u64;
    }
}

/// SHA-256 of `bytes`, hex.
pub fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Bytes as lower-case hex digits.
pub fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        text.push(char::from_digit(u32::from(byte >> 4), 16).unwrap_or('0'));
        text.push(char::from_digit(u32::from(byte & 15), 16).unwrap_or('0'));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_follows_names_kinds_and_contents() {
        let file = |digest: &str| {
            SourceEntry::File(SourceFile {
                executable: false,
                size: 1,
                digest: digest.into(),
                contents: None,
            })
        };
        let tree = |entries: Vec<(&str, SourceEntry)>| SourceTree {
            root: "/x".into(),
            entries: entries
                .into_iter()
                .map(|(path, entry)| (path.to_owned(), entry))
                .collect(),
        };
        let one = tree(vec![("a", file("1"))]).digest();
        assert_eq!(one, tree(vec![("a", file("1"))]).digest());
        assert_ne!(one, tree(vec![("a", file("2"))]).digest());
        assert_ne!(one, tree(vec![("b", file("1"))]).digest());
        assert_ne!(
            one,
            tree(vec![("a", SourceEntry::Link("1".into()))]).digest()
        );
    }

    #[test]
    fn what_is_compressed_must_be_what_stands_beside_it() {
        use std::io::Write as _;
        let packed = |text: &str| {
            let mut writer = flate2::write::GzEncoder::new(Vec::new(), Default::default());
            writer.write_all(text.as_bytes()).unwrap();
            writer.finish().unwrap()
        };
        let check = |files: &[(&str, Vec<u8>)], stale: Option<&str>| {
            let entries = files.iter().map(|(path, bytes)| {
                let file = SourceFile {
                    executable: false,
                    size: bytes.len() as u64,
                    digest: sha256(bytes),
                    contents: None,
                };
                ((*path).to_owned(), SourceEntry::File(file))
            });
            let tree = SourceTree {
                root: "/x".into(),
                entries: entries.collect(),
            };
            let open = |path: &Path| {
                let found = files
                    .iter()
                    .find(|(name, _)| Path::new("/x").join(name) == path);
                Ok(&found.unwrap().1[..])
            };
            assert_eq!(tree.stale_compressed(open).unwrap(), stale);
        };
        let plain = |text: &str| text.as_bytes().to_vec();
        check(&[("a.js", plain("new")), ("a.js.gz", packed("new"))], None);
        check(&[("b.tar.gz", packed("archive"))], None);
        let twice = [packed("ne"), packed("w")].concat();
        check(&[("a.js", plain("new")), ("a.js.gz", twice)], None);
        for old in [
            packed("old"),
            packed("newer"),
            packed(""),
            plain("new"),
            Vec::new(),
        ] {
            check(&[("a.js", plain("new")), ("a.js.gz", old)], Some("a.js.gz"));
        }
    }

    #[test]
    fn sha256_of_abc() {
        // FIPS 180-4, appendix B.1.
        assert!(sha256(b"abc").starts_with("ba7816bf8f01cfea"));
    }
}
