//! A power cut while a file is written, as a disk sees it: copies of a live file system, each mounted again, which replays
//! its journal. What was written and not synced is not in them.

use std::collections::HashSet;
use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use stackctl::facts::{SourceEntry, SourceFile, SourceTree, sha256};
use stackctl::script::{self, Script};

use super::super::matrix::{Bench, Cell, Place};

/// Calls that change a file system; the script is held for a moment after each, so that copies are taken there.
const CALLS: &str = "write,openat,rename,renameat,renameat2,fsync,fdatasync,syncfs,unlink,unlinkat,mkdir,mkdirat,symlink,\
    symlinkat,link,linkat,chmod,fchmod,fchmodat,chown,fchown,fchownat,ftruncate,rmdir,utimensat";
const HELD: Duration = Duration::from_millis(12);

pub fn cells() -> Vec<Cell> {
    let cell = |name, test| Cell {
        row: "power cut, as the disk sees it",
        name,
        place: Place::Here,
        test,
    };
    vec![
        cell("what is torn is seen", torn_is_seen),
        cell("put-file.sh", put_file),
        cell("switch.sh", switch),
        cell("push-tree.sh", push_tree),
        cell("secret-generate.sh and secret-copy.sh", secrets),
        cell("arm.sh, commit.sh and recover.sh", pending),
        cell("record.sh", history),
    ]
}

/// A file system of its own in a file, mounted while this lives.
struct Disk {
    folder: tempfile::TempDir,
}

impl Disk {
    fn new() -> Self {
        let disk = Self {
            folder: tempfile::tempdir().expect("a folder"),
        };
        fs::File::create(disk.image())
            .and_then(|file| file.set_len(8 << 20))
            .expect("an image");
        // Commits only when told to: nothing reaches the disk by chance.
        run(
            "mkfs.ext4",
            &[
                "-q",
                "-F",
                "-J",
                "size=1",
                "-b",
                "1024",
                text(&disk.image()),
            ],
        );
        fs::create_dir(disk.root()).expect("a folder");
        run(
            "mount",
            &[
                "-o",
                "loop,commit=3600",
                text(&disk.image()),
                text(&disk.root()),
            ],
        );
        disk
    }

    fn image(&self) -> PathBuf {
        self.folder.path().join("disk.img")
    }

    fn root(&self) -> PathBuf {
        self.folder.path().join("mounted")
    }

    /// A path on it.
    fn path(&self, name: &str) -> String {
        text(&self.root().join(name)).to_owned()
    }

    fn put(&self, name: &str, contents: &str) {
        let path = self.root().join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, contents).expect("write");
    }

    /// All that was done until now is on the disk.
    fn sync(&self) {
        run("sync", &["-f", text(&self.root())]);
    }

    /// Runs a script to its end and gives `check` the root of each state that the disk was in meanwhile, as it is after
    /// the power came back.
    fn cut(&self, script: &Script, input: &[u8], check: impl Fn(&Path)) -> usize {
        let ended = AtomicBool::new(false);
        let images = std::thread::scope(|scope| {
            let copier = scope.spawn(|| self.copies(&ended));
            let ran = traced(script, input);
            // Whatever is still to come by itself.
            std::thread::sleep(Duration::from_millis(100));
            ended.store(true, Ordering::SeqCst);
            let images = copier.join().expect("copies");
            assert!(ran, "{} does its work", script.name);
            images
        });
        let again = self.folder.path().join("again");
        let copy = self.folder.path().join("copy.img");
        let _ = fs::create_dir(&again);
        for image in &images {
            fs::write(&copy, image).expect("a copy");
            run("mount", &["-o", "loop", text(&copy), text(&again)]);
            let checked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| check(&again)));
            run("umount", &[text(&again)]);
            if let Err(panic) = checked {
                std::panic::resume_unwind(panic);
            }
        }
        images.len()
    }

    /// Every state of the image, each once. One that changed while it was read is read again.
    fn copies(&self, ended: &AtomicBool) -> Vec<Vec<u8>> {
        let mut seen = HashSet::new();
        let mut images = Vec::new();
        let mut read = || {
            let (first, second) = (fs::read(self.image()), fs::read(self.image()));
            if let (Ok(first), Ok(second)) = (first, second)
                && first == second
                && images.last() != Some(&first)
            {
                let mut hasher = DefaultHasher::new();
                first.hash(&mut hasher);
                if seen.insert(hasher.finish()) {
                    images.push(first);
                }
            }
        };
        // Without a pause: a torn state may be there for a moment only.
        while !ended.load(Ordering::SeqCst) {
            read();
        }
        read();
        images
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.root()).status();
    }
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path that is text")
}

#[track_caller]
fn run(program: &str, arguments: &[&str]) {
    let ran = Command::new(program).args(arguments).output();
    let ran = ran.unwrap_or_else(|error| panic!("{program}: {error}"));
    assert!(
        ran.status.success(),
        "{program} {arguments:?}: {}",
        String::from_utf8_lossy(&ran.stderr)
    );
}

/// Runs it with a pause after each call; whether it ended well.
fn traced(script: &Script, input: &[u8]) -> bool {
    let mut child = Command::new("strace")
        .args([
            "-f",
            "-qqq",
            "-o",
            "/dev/null",
            "-e",
            &format!("trace={CALLS}"),
        ])
        .args([
            "-e",
            &format!("inject={CALLS}:delay_exit={}", HELD.as_micros()),
        ])
        .args(["sh", "-c", &script.text()])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .expect("strace");
    // A script that does not read its input is no failure.
    let _ = child.stdin.take().expect("a pipe").write_all(input);
    child.wait().expect("strace").success()
}

fn read(root: &Path, name: &str) -> Option<String> {
    fs::read_to_string(root.join(name)).ok()
}

/// A file that is renamed into place without being synced is empty after the power cut: that this is found shows that
/// the cells below would find it.
fn torn_is_seen(bench: &mut Bench) {
    bench.here("a rename without a sync", || {
        let naive = Script {
            name: "naive",
            body: "echo contents >\"$1.part\" && mv \"$1.part\" \"$1\" && echo other >\"$1.other\" && sync \"$1.other\"\n",
            args: Vec::new(),
        };
        let disk = Disk::new();
        let script = naive.with([disk.path("file")]);
        let torn = AtomicBool::new(false);
        disk.cut(&script, b"", |root| {
            if read(root, "file").is_some_and(|text| text != "contents\n") {
                torn.store(true, Ordering::SeqCst);
            }
        });
        assert!(torn.load(Ordering::SeqCst), "a torn file is found");
    });
}

/// Longer than a block, and recognisable to the last letter.
fn long(word: &str) -> String {
    format!("{word} {}end of {word}", format!("{word}\n").repeat(700))
}

fn put_file(bench: &mut Bench) {
    let user = || ("0640", "0", "0");
    bench.here("over a file", || {
        let disk = Disk::new();
        disk.put("a/file", &long("old"));
        disk.sync();
        let (mode, owner, group) = user();
        let script = script::put_file(disk.path("a/file"), mode, owner, group);
        let states = disk.cut(&script, long("new").as_bytes(), |root| {
            let seen = read(root, "a/file");
            assert!(
                seen == Some(long("old")) || seen == Some(long("new")),
                "{seen:?}"
            );
        });
        assert!(states > 2, "{states} states");
    });
    bench.here("where there was none", || {
        let disk = Disk::new();
        disk.sync();
        let (mode, owner, group) = user();
        let script = script::put_file(disk.path("a/b/file"), mode, owner, group);
        disk.cut(&script, long("new").as_bytes(), |root| {
            let seen = read(root, "a/b/file");
            assert!(seen.is_none() || seen == Some(long("new")), "{seen:?}");
        });
    });
}

fn switch(bench: &mut Bench) {
    bench.here("from one release to another", || {
        let disk = Disk::new();
        disk.put("old/app.sock", "");
        disk.put("new/app.sock", "");
        std::os::unix::fs::symlink("old/app.sock", disk.root().join("link")).expect("a link");
        disk.sync();
        let script = script::switch(disk.path("link"), "new/app.sock");
        disk.cut(&script, b"", |root| {
            let seen = fs::read_link(root.join("link")).expect("a link that is always there");
            assert!(
                ["old/app.sock", "new/app.sock"].contains(&text(&seen)),
                "{seen:?}"
            );
        });
    });
}

fn push_tree(bench: &mut Bench) {
    bench.here("a folder of twelve files", || {
        let disk = Disk::new();
        disk.put("releases/old/file", "old");
        disk.sync();
        let mut tar = tar::Builder::new(Vec::new());
        for number in 0..12 {
            let contents = long(&format!("file{number}"));
            let mut header = tar::Header::new_gnu();
            header.set_size(contents.len() as u64);
            header.set_mode(0o644);
            let path = format!("file{number}");
            tar.append_data(&mut header, path, contents.as_bytes())
                .expect("a tar");
        }
        let tar = tar.into_inner().expect("a tar");
        let files = (0..12).map(|number| {
            let name = format!("file{number}");
            let contents = long(&name).into_bytes();
            let file = SourceFile {
                executable: false,
                size: contents.len() as u64,
                digest: sha256(&contents),
                contents: None,
            };
            (name, SourceEntry::File(file))
        });
        let tree = SourceTree {
            root: "/nowhere".into(),
            entries: files.collect(),
        };
        let script = script::push_tree(disk.path("releases/new"), tree.unpacked_digest());
        disk.cut(&script, &tar, |root| {
            assert_eq!(read(root, "releases/old/file").as_deref(), Some("old"));
            if !root.join("releases/new").exists() {
                return;
            }
            for number in 0..12 {
                let seen = read(root, &format!("releases/new/file{number}"));
                assert_eq!(
                    seen,
                    Some(long(&format!("file{number}"))),
                    "of a folder that is there"
                );
            }
        });
    });
}

fn secrets(bench: &mut Bench) {
    bench.here("made, then handed over", || {
        let disk = Disk::new();
        fs::create_dir(disk.root().join("secrets")).expect("a folder");
        disk.sync();
        let whole = |root: &Path, name: &str| {
            let seen = read(root, name);
            assert!(
                seen.as_ref().is_none_or(|text| text.len() == 32),
                "{name}: {seen:?}"
            );
        };
        let script = script::secret_generate(disk.path("secrets/PASSWORD"), 32, 0);
        disk.cut(&script, b"", |root| whole(root, "secrets/PASSWORD"));
        let script = script::secret_copy(
            disk.path("secrets/PASSWORD"),
            disk.path("secrets/copy"),
            "0",
            "0",
            "0400",
        );
        disk.cut(&script, b"", |root| {
            whole(root, "secrets/PASSWORD");
            whole(root, "secrets/copy");
        });
    });
}

fn pending(bench: &mut Bench) {
    let header = "{\"run\":\"r1\"}";
    let undo = "take it back\tdHJ1ZQo=\n".repeat(40);
    let whole = format!("{header}\n{undo}");
    bench.here("arm", || {
        let disk = Disk::new();
        disk.put("s/history.jsonl", "{\"run\":\"r0\"}\n");
        disk.sync();
        let script = script::arm(disk.path("s/pending"), disk.path("s/history.jsonl"));
        disk.cut(&script, whole.as_bytes(), |root| {
            let seen = read(root, "s/pending");
            assert!(
                seen.is_none() || seen.as_deref() == Some(&whole),
                "{seen:?}"
            );
            assert_eq!(
                read(root, "s/history.jsonl").as_deref(),
                Some("{\"run\":\"r0\"}\n")
            );
        });
    });
    bench.here("commit", || {
        let disk = Disk::new();
        disk.put("s/pending", &whole);
        disk.sync();
        let mark = disk.path("s/served/app/one");
        let script = script::commit(disk.path("s/pending"), 1_700_000_000).with(["serves", &mark]);
        // What comes after the confirmation can be taken back as well.
        let confirmed = format!("{header}\nlater\tdHJ1ZQo=\n");
        disk.cut(&script, confirmed.as_bytes(), |root| {
            let seen = read(root, "s/pending").expect("it stays until the run has ended");
            assert!(seen == whole || seen == confirmed, "{seen:?}");
            // What is not taken back any more has its mark.
            assert!(seen == whole || root.join("s/served/app/one").exists());
        });
    });
    bench.here("recover", || {
        let disk = Disk::new();
        let file = disk.path("s/file");
        disk.put("s/file", "new");
        let undo = script::remove(&file);
        let line = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, undo.text());
        let whole = format!("{header}\nremove the file\t{line}\n");
        disk.put("s/pending", &whole);
        disk.put("s/history.jsonl", "{\"run\":\"r0\"}\n");
        disk.put("s/releases/app/1/.stackctl.a1B2c3", "half a fi");
        disk.sync();
        let script = script::recover(
            disk.path("s/pending"),
            disk.path("s/history.jsonl"),
            "interrupted: by a test",
        );
        disk.cut(&script, b"", |root| {
            let seen = read(root, "s/pending");
            assert!(
                seen.is_none() || seen.as_deref() == Some(&whole),
                "{seen:?}"
            );
            let history = read(root, "s/history.jsonl").expect("a history");
            assert!(history.starts_with("{\"run\":\"r0\"}\n"), "{history:?}");
            // Nothing is forgotten before it is done and written down.
            if seen.is_none() {
                assert!(!root.join("s/file").exists(), "taken back");
                let part = root.join("s/releases/app/1/.stackctl.a1B2c3");
                assert!(!part.exists(), "what was being written is gone");
                assert!(
                    history.contains("\"outcome\":\"interrupted\""),
                    "{history:?}"
                );
            }
        });
    });
}

fn history(bench: &mut Bench) {
    bench.here("a line more", || {
        let disk = Disk::new();
        let first = format!("{{\"run\":\"r0\",\"words\":\"{}\"}}\n", "x".repeat(3000));
        let second = format!("{{\"run\":\"r1\",\"words\":\"{}\"}}\n", "y".repeat(3000));
        disk.put("s/history.jsonl", &first);
        disk.put("s/pending", "{\"run\":\"r1\"}\n");
        disk.sync();
        let script = script::record(disk.path("s/history.jsonl"), disk.path("s/pending"));
        disk.cut(&script, second.as_bytes(), |root| {
            let seen = read(root, "s/history.jsonl").expect("a history");
            assert!(
                seen == first || seen == format!("{first}{second}"),
                "{} bytes",
                seen.len()
            );
            // Until the line is on the disk, the host knows of the run from the other file.
            assert!(seen != first || root.join("s/pending").exists());
        });
    });
}
