//! A folder as a tar stream, read while it is sent.

use std::fs::File;
use std::io::{self, Read, Write};

use bytes::Bytes;
use futures_util::StreamExt as _;
use sha2::{Digest as _, Sha256};
use tokio::sync::mpsc;

use crate::facts::{SourceEntry, SourceFile, SourceTree, hex};
use crate::transport::Upload;

/// Chunks that may wait between the disk and the network.
const QUEUE: usize = 16;
const CHUNK: usize = 64 * 1024;

/// The tree as a tar, with `extra` (path and text) added. Owner root, times derived from contents, so that equal
/// trees are equal streams. A file that changed since it was looked at ends the stream with an error.
pub(super) fn tar(tree: &SourceTree, extra: Option<(&str, &str)>) -> Upload {
    let tree = tree.clone();
    let extra = extra.map(|(path, text)| (path.to_owned(), text.to_owned()));
    stream(move |chunks| write(&tree, extra, chunks))
}

/// What `write` writes, while it does.
pub(super) fn stream(write: impl FnOnce(Chunks) -> io::Result<()> + Send + 'static) -> Upload {
    let (sender, receiver) = mpsc::channel::<io::Result<Bytes>>(QUEUE);
    tokio::task::spawn_blocking(move || {
        let writer = Chunks {
            sender: sender.clone(),
            buffer: Vec::with_capacity(CHUNK),
        };
        let end = write(writer).map(|()| Bytes::new());
        // Nobody listens any more when this fails: the upload was given up.
        let _ = sender.blocking_send(end);
    });
    whole(receiver)
}

/// What comes out of `receiver` up to an empty chunk, which says that all was sent. A stream that just ends is cut short:
/// who reads a tar might take the files before the cut for all there are.
fn whole(receiver: mpsc::Receiver<io::Result<Bytes>>) -> Upload {
    futures_util::stream::unfold(Some(receiver), |receiver| async move {
        let mut receiver = receiver?;
        match receiver.recv().await {
            Some(Ok(chunk)) if chunk.is_empty() => None,
            Some(Ok(chunk)) => Some((Ok(chunk), Some(receiver))),
            Some(Err(error)) => Some((Err(error), None)),
            None => {
                let error = io::Error::other("reading the folder ended too early");
                Some((Err(error), None))
            }
        }
    })
    .boxed()
}

fn write(tree: &SourceTree, extra: Option<(String, String)>, writer: Chunks) -> io::Result<()> {
    let mut builder = tar::Builder::new(writer);
    builder.mode(tar::HeaderMode::Deterministic);
    for (path, entry) in &tree.entries {
        match entry {
            SourceEntry::Folder => {
                let mut header = header(tar::EntryType::Directory, 0o755, 0, 0);
                builder.append_data(&mut header, format!("{path}/"), io::empty())?;
            }
            SourceEntry::Link(target) => {
                let mut header = header(tar::EntryType::Symlink, 0o777, 0, 0);
                builder.append_link(&mut header, path, target)?;
            }
            SourceEntry::File(file) => append(&mut builder, tree, path, file)?,
        }
    }
    if let Some((path, text)) = extra {
        let mut header = header(tar::EntryType::Regular, 0o644, text.len() as u64, 0);
        builder.append_data(&mut header, path, text.as_bytes())?;
    }
    builder.into_inner()?.flush()
}

fn append(
    builder: &mut tar::Builder<Chunks>,
    tree: &SourceTree,
    path: &str,
    file: &SourceFile,
) -> io::Result<()> {
    let mode = if file.executable { 0o755 } else { 0o644 };
    let mut header = header(
        tar::EntryType::Regular,
        mode,
        file.size,
        time_of(&file.digest),
    );
    if let Some(contents) = &file.contents {
        return builder.append_data(&mut header, path, contents.as_slice());
    }
    let opened = File::open(tree.root.join(path))?;
    let mut checked = Checked {
        inner: opened.take(file.size),
        hash: Sha256::new(),
    };
    builder.append_data(&mut header, path, &mut checked)?;
    let digest = hex(&checked.hash.finalize());
    if digest != file.digest {
        return Err(io::Error::other(format!(
            "{path} changed while it was sent; run the command again"
        )));
    }
    Ok(())
}

pub(super) fn header(kind: tar::EntryType, mode: u32, size: u64, time: u64) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_size(size);
    header.set_mtime(time);
    header.set_uid(0);
    header.set_gid(0);
    header
}

/// A time of change that follows from the contents: nginx makes ETags of time and size, so the same file keeps its
/// ETag from release to release, and a changed one of the same size gets another.
fn time_of(digest: &str) -> u64 {
    const BASE: u64 = 1_500_000_000;
    let number = digest
        .get(..7)
        .and_then(|head| u64::from_str_radix(head, 16).ok());
    BASE + number.unwrap_or(0) / 2
}

struct Checked<R> {
    inner: R,
    hash: Sha256,
}

impl<R: Read> Read for Checked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.hash.update(&buffer[..read]);
        Ok(read)
    }
}

/// Gathers small writes into chunks for the channel.
pub(super) struct Chunks {
    sender: mpsc::Sender<io::Result<Bytes>>,
    buffer: Vec<u8>,
}

impl Write for Chunks {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= CHUNK {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let chunk = std::mem::replace(&mut self.buffer, Vec::with_capacity(CHUNK));
        let given_up = |_| io::Error::new(io::ErrorKind::BrokenPipe, "the upload was given up");
        self.sender
            .blocking_send(Ok(chunk.into()))
            .map_err(given_up)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fs;
    use std::io::Read as _;
    use std::path::Path;

    use super::*;
    use crate::facts::sha256;

    fn file(text: &str, executable: bool) -> SourceEntry {
        SourceEntry::File(SourceFile {
            executable,
            size: text.len() as u64,
            digest: sha256(text.as_bytes()),
            contents: None,
        })
    }

    fn tree(root: &Path, entries: Vec<(&str, SourceEntry)>) -> SourceTree {
        let entries = entries.into_iter();
        SourceTree {
            root: root.to_owned(),
            entries: entries
                .map(|(path, entry)| (path.to_owned(), entry))
                .collect(),
        }
    }

    async fn sent(tree: &SourceTree, extra: Option<(&str, &str)>) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let mut stream = tar(tree, extra);
        while let Some(chunk) = stream.next().await {
            bytes.extend_from_slice(&chunk?);
        }
        Ok(bytes)
    }

    #[tokio::test]
    async fn equal_trees_are_equal_streams() {
        let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let long = format!("{}/deep.txt", "folder-of-a-long-name/".repeat(8));
        let mut streams = Vec::new();
        for folder in [one.path(), two.path()] {
            fs::write(folder.join("run"), "#!/bin/sh\n").unwrap();
            fs::create_dir_all(folder.join(&long).parent().unwrap()).unwrap();
            fs::write(folder.join(&long), "deep").unwrap();
            let tree = tree(
                folder,
                vec![
                    ("run", file("#!/bin/sh\n", true)),
                    ("link", SourceEntry::Link("run".into())),
                    ("empty", SourceEntry::Folder),
                    (&long, file("deep", false)),
                ],
            );
            streams.push(sent(&tree, Some(("Dockerfile", "FROM x\n"))).await.unwrap());
        }
        assert_eq!(streams[0], streams[1]);

        let mut seen = BTreeMap::new();
        for entry in tar::Archive::new(streams[0].as_slice()).entries().unwrap() {
            let mut entry = entry.unwrap();
            let header = entry.header().clone();
            assert_eq!((header.uid().unwrap(), header.gid().unwrap()), (0, 0));
            let mut text = String::new();
            entry.read_to_string(&mut text).unwrap();
            let path = entry.path().unwrap().display().to_string();
            let target = entry
                .link_name()
                .unwrap()
                .map(|to| to.display().to_string());
            seen.insert(
                path,
                (header.mode().unwrap(), target.unwrap_or_default() + &text),
            );
        }
        let wanted = [
            ("Dockerfile", 0o644, "FROM x\n"),
            ("empty/", 0o755, ""),
            (&long, 0o644, "deep"),
            ("link", 0o777, "run"),
            ("run", 0o755, "#!/bin/sh\n"),
        ];
        let wanted = wanted.map(|(path, mode, text)| (path.to_owned(), (mode, text.to_owned())));
        assert_eq!(seen, wanted.into());
    }

    #[tokio::test]
    async fn contents_that_were_filled_in_are_sent_instead() {
        let mut filled = file("host = 203.0.113.10", false);
        if let SourceEntry::File(file) = &mut filled {
            file.contents = Some(b"host = 203.0.113.10".to_vec());
        }
        // The folder is not there: nothing is read.
        let bytes = sent(&tree(Path::new("/nowhere"), vec![("app.js", filled)]), None).await;
        assert!(String::from_utf8_lossy(&bytes.unwrap()).contains("host = 203.0.113.10"));
    }

    #[tokio::test]
    async fn a_file_that_changed_ends_the_stream() {
        let folder = tempfile::tempdir().unwrap();
        for (now, said) in [
            ("other", "changed while it was sent"),
            ("shorter", "changed while it was sent"),
            ("", "changed while it was sent"),
        ] {
            let tree = tree(folder.path(), vec![("page", file("first one", false))]);
            fs::write(folder.path().join("page"), now).unwrap();
            let error = sent(&tree, None).await.unwrap_err().to_string();
            assert!(error.contains(said), "{now:?}: {error}");
        }
        fs::remove_file(folder.path().join("page")).unwrap();
        let tree = tree(folder.path(), vec![("page", file("first one", false))]);
        assert!(sent(&tree, None).await.is_err());
    }

    #[tokio::test]
    async fn a_stream_that_just_ends_is_an_error() {
        for whole_stream in [true, false] {
            let (sender, receiver) = mpsc::channel(QUEUE);
            sender.send(Ok(Bytes::from("a file"))).await.unwrap();
            if whole_stream {
                sender.send(Ok(Bytes::new())).await.unwrap();
            }
            drop(sender);
            let chunks: Vec<_> = whole(receiver).collect().await;
            assert_eq!(chunks.len(), if whole_stream { 1 } else { 2 });
            assert_eq!(chunks.iter().all(Result::is_ok), whole_stream);
        }
    }

    #[test]
    fn a_time_of_change_follows_from_the_contents() {
        let (one, two) = (sha256(b"one"), sha256(b"two"));
        assert_eq!(time_of(&one), time_of(&one));
        // Of the same size, so that only the time tells their ETags apart.
        assert_ne!(time_of(&one), time_of(&two));
        // In the past, and in what every file system can hold.
        assert_eq!(time_of("ffffffff"), 1_500_000_000 + 0x0fff_ffff / 2);
        assert_eq!(time_of(""), 1_500_000_000);
    }
}
