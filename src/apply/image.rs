//! An image as one engine saved it, and as another is to load it: with the layers alone that it lacks, in a form that
//! every engine takes.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use tempfile::NamedTempFile;

use super::archive::{Chunks, header, stream};
use crate::facts::sha256;
use crate::model::{RegistryName, registry_of};
use crate::runtime::docker::{DockerError, ImageIdentity, LayersThere};
use crate::transport::Upload;

pub(super) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";

/// An image in a file of this machine.
pub(super) struct SavedImage {
    file: NamedTempFile,
    tag: String,
    config: Vec<u8>,
    layers: Vec<Layer>,
    /// `amd64`.
    pub architecture: String,
}

struct Layer {
    /// `sha256:…` of it unpacked.
    diff_id: String,
    /// SHA-256 of it as it is saved.
    digest: String,
    offset: u64,
    size: u64,
    kind: String,
}

/// Which layers are sent, and how much that is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Parcel {
    digests: BTreeSet<String>,
    pub layers: usize,
    pub of: usize,
    /// Bytes before they are packed.
    pub size: u64,
}

/// A part of an image.
pub(super) enum Blob<'a> {
    Config(&'a [u8]),
    /// Where it is in the saved image.
    Layer {
        offset: u64,
        size: u64,
    },
}

/// How an image goes to a host: each way when the one before did not bring it whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// The layers that it lacks are sent.
    Lacking,
    /// All of them are: somebody may have removed one meanwhile, or one was damaged.
    Whole,
    /// The host's engine pulls it from here, by its digest.
    Pulled,
}

impl Way {
    /// What is tried next; none when there is no other way, or none that would help.
    pub fn next(self, error: &DockerError) -> Option<Self> {
        if !error.is_answer() || error.is_without_room() {
            return None;
        }
        match self {
            Way::Lacking => Some(Way::Whole),
            Way::Whole => Some(Way::Pulled),
            Way::Pulled => None,
        }
    }

    pub fn words(self) -> &'static str {
        match self {
            Way::Lacking => "sending the layers that it lacks",
            Way::Whole => "sending all of its layers",
            Way::Pulled => "having the host pull it from here, through the SSH connection",
        }
    }
}

enum Entry {
    File {
        offset: u64,
        size: u64,
    },
    /// To another path of the tar.
    Link(String),
}

impl SavedImage {
    /// Reads what an engine saved under `tag`.
    pub fn read(file: NamedTempFile, tag: &str) -> io::Result<Self> {
        let entries = entries(file.as_file())?;
        let open = || file.reopen();
        let wrong = |what: &str| io::Error::other(format!("the saved image has no {what}"));
        let saved: Value = serde_json::from_slice(&contents(&open()?, &entries, "manifest.json")?)?;
        let all = saved.as_array().ok_or_else(|| wrong("manifest"))?;
        let is_ours = |image: &&Value| {
            let tags = image["RepoTags"].as_array();
            tags.is_some_and(|tags| tags.iter().any(|known| known == tag))
        };
        let image = all.iter().find(is_ours).or(all.first());
        let image = image.ok_or_else(|| wrong("image"))?;
        let path = image["Config"].as_str().ok_or_else(|| wrong("config"))?;
        let config = contents(&open()?, &entries, path)?;
        let told: Value = serde_json::from_slice(&config)?;
        let strings = |list: &Value| -> Vec<String> {
            let list = list.as_array().into_iter().flatten();
            list.filter_map(|text| text.as_str().map(str::to_owned))
                .collect()
        };
        let diff_ids = strings(&told["rootfs"]["diff_ids"]);
        let paths = strings(&image["Layers"]);
        if diff_ids.len() != paths.len() {
            return Err(wrong("list of its layers"));
        }
        let mut layers = Vec::new();
        for (diff_id, path) in diff_ids.into_iter().zip(&paths) {
            let (offset, size) = place(&entries, path)?;
            let digest = match path.strip_prefix("blobs/sha256/") {
                Some(digest) => digest.to_owned(),
                None => diff_id.trim_start_matches("sha256:").to_owned(),
            };
            let kind = format!("{LAYER}{}", packing(&open()?, offset, size)?);
            layers.push(Layer {
                diff_id,
                digest,
                offset,
                size,
                kind,
            });
        }
        let architecture = told["architecture"].as_str().unwrap_or_default().to_owned();
        Ok(Self {
            tag: tag.to_owned(),
            config,
            layers,
            architecture,
            file,
        })
    }

    /// What engines call the image that is made of this configuration.
    pub fn id(&self) -> String {
        format!("sha256:{}", sha256(&self.config))
    }

    pub fn identity(&self) -> ImageIdentity {
        let layers = self.layers.iter().map(|layer| layer.diff_id.clone());
        ImageIdentity {
            config: self.id(),
            manifest: format!("sha256:{}", sha256(&self.manifest())),
            layers: layers.collect(),
        }
    }

    /// What its manifest means by `digest`.
    pub fn blob(&self, digest: &str) -> Option<Blob<'_>> {
        if digest == self.id() {
            return Some(Blob::Config(&self.config));
        }
        let digest = digest.strip_prefix("sha256:")?;
        let layer = self.layers.iter().find(|layer| layer.digest == digest)?;
        Some(Blob::Layer {
            offset: layer.offset,
            size: layer.size,
        })
    }

    /// A layer as it is saved.
    pub fn layer(self: &Arc<Self>, offset: u64, size: u64) -> Upload {
        let image = Arc::clone(self);
        stream(move |mut chunks| {
            let mut file = image.file.reopen()?;
            file.seek(SeekFrom::Start(offset))?;
            io::copy(&mut file.take(size), &mut chunks)?;
            chunks.flush()
        })
    }

    /// What an engine with these layers lacks.
    pub fn parcel(&self, there: &LayersThere) -> Parcel {
        let known = |at: usize, layer: &Layer| match there.in_containerd {
            // By what they are packed, in any order.
            true => {
                layer.diff_id.trim_start_matches("sha256:") == layer.digest
                    && there.images.iter().flatten().any(|id| *id == layer.diff_id)
            }
            // A layer is the same only upon the same ones below it.
            false => there.images.iter().any(|image| {
                let own = self.layers[..=at].iter().map(|layer| &layer.diff_id);
                image.len() > at && image[..=at].iter().eq(own)
            }),
        };
        let layers = self.layers.iter().enumerate();
        let lacking = layers.filter(|(at, layer)| !known(*at, layer));
        self.of(lacking.map(|(_, layer)| layer))
    }

    pub fn all(&self) -> Parcel {
        self.of(self.layers.iter())
    }

    fn of<'a>(&self, layers: impl Iterator<Item = &'a Layer>) -> Parcel {
        let layers: Vec<&Layer> = layers.collect();
        let sizes: BTreeMap<&String, u64> = layers
            .iter()
            .map(|layer| (&layer.digest, layer.size))
            .collect();
        Parcel {
            layers: layers.len(),
            of: self.layers.len(),
            size: sizes.values().sum(),
            digests: sizes.into_keys().cloned().collect(),
        }
    }

    /// The parcel as a packed tar; `done` counts what has been read of its layers.
    pub fn archive(self: &Arc<Self>, parcel: &Parcel, done: &Arc<AtomicU64>) -> Upload {
        let (image, parcel, done) = (Arc::clone(self), parcel.clone(), Arc::clone(done));
        stream(move |chunks| image.write(&parcel, &done, chunks))
    }

    fn write(&self, parcel: &Parcel, done: &AtomicU64, chunks: Chunks) -> io::Result<()> {
        // Layers may be saved as they are, and most ways to hosts are slower than this packs.
        let packed = GzEncoder::new(chunks, Compression::fast());
        let mut builder = tar::Builder::new(packed);
        let mut put = |path: &str, bytes: &[u8]| {
            let mut header = header(tar::EntryType::Regular, 0o644, bytes.len() as u64, 0);
            builder.append_data(&mut header, path, bytes)
        };
        let blob = |digest: &str| format!("blobs/sha256/{digest}");
        let (config, manifest) = (sha256(&self.config), self.manifest());
        put("oci-layout", br#"{"imageLayoutVersion":"1.0.0"}"#)?;
        put(&blob(&config), &self.config)?;
        put(&blob(&sha256(&manifest)), &manifest)?;
        put("index.json", &self.index(&manifest))?;
        // For engines that know no other layout.
        let layers = self.layers.iter().map(|layer| blob(&layer.digest));
        let layers: Vec<String> = layers.collect();
        let list = json!([{"Config": blob(&config), "RepoTags": [self.tag], "Layers": layers}]);
        put("manifest.json", list.to_string().as_bytes())?;
        let mut sent = BTreeSet::new();
        for layer in &self.layers {
            if !parcel.digests.contains(&layer.digest) || !sent.insert(&layer.digest) {
                continue;
            }
            let mut file = self.file.reopen()?;
            file.seek(SeekFrom::Start(layer.offset))?;
            let mut header = header(tar::EntryType::Regular, 0o644, layer.size, 0);
            let counted = Counted {
                inner: file.take(layer.size),
                done,
            };
            builder.append_data(&mut header, blob(&layer.digest), counted)?;
        }
        builder.into_inner()?.finish()?.flush()
    }

    pub fn manifest(&self) -> Vec<u8> {
        let layers = self.layers.iter().map(|layer| {
            let digest = format!("sha256:{}", layer.digest);
            json!({"mediaType": layer.kind, "digest": digest, "size": layer.size})
        });
        let layers: Vec<Value> = layers.collect();
        let config = json!({"mediaType": CONFIG, "digest": self.id(), "size": self.config.len()});
        let manifest =
            json!({"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": layers});
        manifest.to_string().into_bytes()
    }

    fn index(&self, manifest: &[u8]) -> Vec<u8> {
        let (name, tag) = self.tag.rsplit_once(':').unwrap_or((&self.tag, "latest"));
        // containerd has no short names.
        let whole = match (registry_of(name), name.contains('/')) {
            (RegistryName::DOCKER_IO, false) => format!("docker.io/library/{name}:{tag}"),
            (RegistryName::DOCKER_IO, true) if !name.starts_with("docker.io/") => {
                format!("docker.io/{name}:{tag}")
            }
            _ => self.tag.clone(),
        };
        let names =
            json!({"io.containerd.image.name": whole, "org.opencontainers.image.ref.name": tag});
        let digest = format!("sha256:{}", sha256(manifest));
        let manifest = json!({"mediaType": MANIFEST, "digest": digest, "size": manifest.len(), "annotations": names});
        let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": [manifest]});
        index.to_string().into_bytes()
    }
}

struct Counted<'a, R> {
    inner: R,
    done: &'a AtomicU64,
}

impl<R: io::Read> io::Read for Counted<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.done.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

fn entries(file: &File) -> io::Result<BTreeMap<String, Entry>> {
    let mut entries = BTreeMap::new();
    let mut start = file;
    start.seek(SeekFrom::Start(0))?;
    let mut archive = tar::Archive::new(file);
    for entry in archive.entries_with_seek()? {
        let entry = entry?;
        let path = entry.path()?.to_string_lossy().into_owned();
        let path = path.trim_start_matches("./").to_owned();
        let kind = entry.header().entry_type();
        let link = entry.link_name()?;
        let told = match link.map(|link| link.to_string_lossy().into_owned()) {
            Some(link) if kind.is_symlink() => Entry::Link(beside(&path, &link)),
            Some(link) if kind.is_hard_link() => Entry::Link(link),
            _ if kind.is_file() => Entry::File {
                offset: entry.raw_file_position(),
                size: entry.size(),
            },
            _ => continue,
        };
        entries.insert(path, told);
    }
    Ok(entries)
}

/// Where a link at `path` leads to, in the same tar.
fn beside(path: &str, link: &str) -> String {
    let mut parts: Vec<&str> = path.split('/').collect();
    parts.pop();
    for part in link.split('/') {
        match part {
            ".." => drop(parts.pop()),
            "." | "" => {}
            part => parts.push(part),
        }
    }
    parts.join("/")
}

fn place(entries: &BTreeMap<String, Entry>, path: &str) -> io::Result<(u64, u64)> {
    let mut path = path;
    // A link may lead to a link, but not for ever.
    for _ in 0..8 {
        match entries.get(path) {
            Some(Entry::File { offset, size }) => return Ok((*offset, *size)),
            Some(Entry::Link(other)) => path = other,
            None => break,
        }
    }
    Err(io::Error::other(format!("the saved image has no {path}")))
}

fn contents(mut file: &File, entries: &BTreeMap<String, Entry>, path: &str) -> io::Result<Vec<u8>> {
    let (offset, size) = place(entries, path)?;
    file.seek(SeekFrom::Start(offset))?;
    let mut bytes = Vec::new();
    file.take(size).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// How a layer is packed, as its kind ends.
fn packing(mut file: &File, offset: u64, size: u64) -> io::Result<&'static str> {
    file.seek(SeekFrom::Start(offset))?;
    let mut first = Vec::new();
    file.take(size.min(4)).read_to_end(&mut first)?;
    Ok(match first[..] {
        [0x1f, 0x8b, ..] => "+gzip",
        [0x28, 0xb5, 0x2f, 0xfd] => "+zstd",
        _ => "",
    })
}

#[cfg(test)]
pub(super) mod tests {
    use flate2::read::GzDecoder;
    use futures_util::TryStreamExt as _;

    use super::*;

    pub(in crate::apply) const LAYERS: [&str; 3] = ["the base", "what it needs", "the app"];

    fn id(text: &str) -> String {
        format!("sha256:{}", sha256(text.as_bytes()))
    }

    fn config() -> String {
        let ids = LAYERS.map(id);
        json!({"architecture": "amd64", "rootfs": {"type": "layers", "diff_ids": ids}}).to_string()
    }

    /// As an engine of 20.10 saves it, with a layer that is a link to another.
    pub(in crate::apply) fn saved() -> Arc<SavedImage> {
        let file = NamedTempFile::new().unwrap();
        let mut builder = tar::Builder::new(file.reopen().unwrap());
        let mut put = |path: &str, text: &str| {
            let mut header = header(tar::EntryType::Regular, 0o644, text.len() as u64, 0);
            builder
                .append_data(&mut header, path, text.as_bytes())
                .unwrap();
        };
        put("1/layer.tar", LAYERS[0]);
        put("x/layer.tar", LAYERS[1]);
        put("3/layer.tar", LAYERS[2]);
        put("c.json", &config());
        let list = json!([{"Config": "c.json", "RepoTags": ["names/backend:1"], "Layers": ["1/layer.tar", "2/layer.tar", "3/layer.tar"]}]);
        put("manifest.json", &list.to_string());
        let mut link = header(tar::EntryType::Symlink, 0o777, 0, 0);
        builder
            .append_link(&mut link, "2/layer.tar", "../x/layer.tar")
            .unwrap();
        builder.finish().unwrap();
        Arc::new(SavedImage::read(file, "names/backend:1").unwrap())
    }

    fn there(images: &[&[&str]], in_containerd: bool) -> LayersThere {
        let images = images.iter();
        LayersThere {
            images: images
                .map(|layers| layers.iter().map(|text| id(text)).collect())
                .collect(),
            in_containerd,
        }
    }

    async fn unpacked(image: &Arc<SavedImage>, parcel: &Parcel) -> BTreeMap<String, Vec<u8>> {
        let done = Arc::default();
        let chunks: Vec<bytes::Bytes> = image.archive(parcel, &done).try_collect().await.unwrap();
        assert_eq!(done.load(Ordering::Relaxed), parcel.size);
        let mut archive = tar::Archive::new(GzDecoder::new(io::Cursor::new(chunks.concat())));
        let mut files = BTreeMap::new();
        for entry in archive.entries().unwrap() {
            let mut entry = entry.unwrap();
            let path = entry.path().unwrap().to_string_lossy().into_owned();
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).unwrap();
            files.insert(path, bytes);
        }
        files
    }

    #[test]
    fn only_what_lies_upon_the_same_layers_is_there() {
        let image = saved();
        assert_eq!(image.architecture, "amd64");
        assert_eq!(image.id(), id(&config()));
        let lacks = |images: &[&[&str]]| image.parcel(&there(images, false)).layers;
        assert_eq!(lacks(&[]), 3);
        assert_eq!(lacks(&[&LAYERS[..1], &["other", LAYERS[1]]]), 2);
        assert_eq!(lacks(&[&LAYERS[..2]]), 1);
        assert_eq!(lacks(&[&LAYERS[1..]]), 3, "another order is another layer");
        assert_eq!(lacks(&[&[LAYERS[0], LAYERS[1], LAYERS[2], "more"]]), 0);
        let in_containerd = image.parcel(&there(&[&LAYERS[1..]], true));
        assert_eq!(in_containerd.layers, 1, "there, the order does not matter");
        assert_eq!((image.all().layers, image.all().of), (3, 3));
    }

    #[tokio::test]
    async fn what_is_sent_is_whole_but_for_the_layers_that_are_there() {
        let image = saved();
        let parcel = image.parcel(&there(&[&LAYERS[..1]], false));
        let files = unpacked(&image, &parcel).await;
        let blob = |text: &str| format!("blobs/sha256/{}", sha256(text.as_bytes()));
        assert!(!files.contains_key(&blob(LAYERS[0])));
        for text in &LAYERS[1..] {
            assert_eq!(files[&blob(text)], text.as_bytes());
        }
        assert_eq!(files[&blob(&config())], config().as_bytes());
        let index: Value = serde_json::from_slice(&files["index.json"]).unwrap();
        let named = &index["manifests"][0];
        assert_eq!(
            named["annotations"]["io.containerd.image.name"],
            "docker.io/names/backend:1"
        );
        let digest = named["digest"].as_str().unwrap().replace(':', "/");
        let manifest: Value = serde_json::from_slice(&files[&format!("blobs/{digest}")]).unwrap();
        assert_eq!(manifest["layers"].as_array().unwrap().len(), 3);
        assert_eq!(manifest["config"]["digest"], id(&config()));
        let list: Value = serde_json::from_slice(&files["manifest.json"]).unwrap();
        assert_eq!(list[0]["RepoTags"][0], "names/backend:1");
        assert_eq!(list[0]["Layers"][1], blob(LAYERS[1]));
        assert_eq!(unpacked(&image, &image.all()).await.len(), files.len() + 1);
    }

    #[test]
    fn each_way_comes_after_the_one_before_unless_it_would_not_help() {
        let failed = |why: &str| DockerError::Failed {
            what: "load a:1".into(),
            why: why.into(),
        };
        let damaged = failed("it is not whole there");
        assert_eq!(Way::Lacking.next(&damaged), Some(Way::Whole));
        assert_eq!(Way::Whole.next(&damaged), Some(Way::Pulled));
        assert_eq!(Way::Pulled.next(&damaged), None);
        let full = failed("write /var/lib/docker/tmp: no space left on device");
        assert_eq!(Way::Lacking.next(&full), None);
        let unread = DockerError::Upload(io::Error::other("gone"));
        assert_eq!(Way::Lacking.next(&unread), None);
    }

    #[test]
    fn a_tar_that_is_no_image_is_refused() {
        let file = NamedTempFile::new().unwrap();
        let mut builder = tar::Builder::new(file.reopen().unwrap());
        let mut header = header(tar::EntryType::Regular, 0o644, 2, 0);
        builder
            .append_data(&mut header, "manifest.json", &b"[]"[..])
            .unwrap();
        builder.finish().unwrap();
        let error = SavedImage::read(file, "a:1").err().unwrap();
        assert_eq!(error.to_string(), "the saved image has no image");
    }
}
