//! The file of a backup: SQL compressed by gzip, so that `zcat FILE | mysql` reads it as well. Its first line is a comment
//! that says what it is of; its last is one with the digest of all before it.

use std::io::{self, BufRead as _, BufReader, Read, Write};

use flate2::Compression;
use flate2::bufread::GzDecoder;
use flate2::write::GzEncoder;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

const FIRST: &str = "-- stackctl-backup ";
const LAST: &str = "-- stackctl-backup-end ";
/// Grows when an older stackctl could not read it any more.
const FORMAT: u32 = 1;
/// No first or last line is longer.
const LONGEST_LINE: usize = 4096;
const CHUNK: usize = 64 * 1024;

/// What a backup is of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    pub format: u32,
    pub stack: String,
    pub service: String,
    /// The service's key in the yaml, such as `mysql`.
    pub kind: String,
    /// The server's version.
    pub engine: String,
    pub database: String,
    pub host: String,
    /// Where that host was.
    pub address: String,
    /// In UTC, as `2026-11-21T22:00:00Z`.
    pub time: String,
}

impl Header {
    pub const FORMAT: u32 = FORMAT;
}

#[derive(Debug, Serialize, Deserialize)]
struct End {
    sha256: String,
    bytes: u64,
}

/// What was found whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Whole {
    pub header: Header,
    /// Of all before the last line.
    pub sha256: String,
    pub bytes: u64,
}

/// Why a file is no backup that could be restored.
#[derive(Debug, thiserror::Error)]
pub enum Damage {
    #[error("it is not a backup of stackctl")]
    Foreign,
    #[error("it was written by a newer stackctl (format {0})")]
    Newer(u32),
    #[error("it was cut short: its end is missing")]
    Cut,
    #[error("it is damaged: {0}")]
    Damaged(String),
    #[error("it cannot be read")]
    Io(#[source] io::Error),
}

/// Writes a backup as its contents come.
pub struct Writer<W: Write> {
    gzip: GzEncoder<W>,
    digest: Sha256,
    bytes: u64,
    /// The end of what was written.
    tail: Vec<u8>,
}

impl<W: Write> Writer<W> {
    pub fn new(to: W, header: &Header) -> io::Result<Self> {
        let mut writer = Self {
            gzip: GzEncoder::new(to, Compression::default()),
            digest: Sha256::new(),
            bytes: 0,
            tail: Vec::new(),
        };
        writer.write(format!("{FIRST}{}\n", json(header)).as_bytes())?;
        Ok(writer)
    }

    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.digest.update(bytes);
        self.bytes += bytes.len() as u64;
        self.tail.extend_from_slice(bytes);
        let over = self.tail.len().saturating_sub(LONGEST_LINE);
        self.tail.drain(..over);
        self.gzip.write_all(bytes)
    }

    /// How much was written, before it was compressed.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The end of what was written.
    pub fn tail(&self) -> &[u8] {
        &self.tail
    }

    /// Writes the last line; the digest is that in it.
    pub fn finish(mut self) -> io::Result<(W, String)> {
        if self.tail.last() != Some(&b'\n') {
            self.write(b"\n")?;
        }
        let sha256 = hex(self.digest);
        let end = End {
            sha256: sha256.clone(),
            bytes: self.bytes,
        };
        self.gzip
            .write_all(format!("{LAST}{}\n", json(&end)).as_bytes())?;
        Ok((self.gzip.finish()?, sha256))
    }
}

/// Reads all of a backup and hands it on as it comes, to the last line with the digest; what is told is true only once it has
/// ended well.
pub struct Reader<R: Read> {
    gzip: GzDecoder<BufReader<R>>,
    digest: Sha256,
    bytes: u64,
    /// What was read and may be the last line.
    held: Vec<u8>,
    first: Option<Header>,
}

impl<R: Read> Reader<R> {
    pub fn new(from: R) -> Self {
        Self {
            gzip: GzDecoder::new(BufReader::with_capacity(CHUNK, from)),
            digest: Sha256::new(),
            bytes: 0,
            held: Vec::new(),
            first: None,
        }
    }

    /// The next part; empty when there is no more.
    pub fn next(&mut self) -> Result<Vec<u8>, Damage> {
        loop {
            let mut part = vec![0; CHUNK];
            let read = self.gzip.read(&mut part).map_err(|error| self.bad(error))?;
            self.held.extend_from_slice(&part[..read]);
            if self.first.is_none() && (self.held.len() >= LONGEST_LINE || read == 0) {
                self.first = Some(first(&self.held)?);
            }
            if read == 0 {
                return Ok(Vec::new());
            }
            let ready = self.held.len().saturating_sub(LONGEST_LINE);
            if ready > 0 {
                let part: Vec<u8> = self.held.drain(..ready).collect();
                self.digest.update(&part);
                self.bytes += part.len() as u64;
                return Ok(part);
            }
        }
    }

    /// What remains once [`Self::next`] is empty, and what was found.
    pub fn finish(mut self) -> Result<(Vec<u8>, Whole), Damage> {
        let header = self.first.take().ok_or(Damage::Foreign)?;
        let body = self.held.strip_suffix(b"\n").ok_or(Damage::Cut)?;
        let begin = body.iter().rposition(|byte| *byte == b'\n');
        let begin = begin.ok_or(Damage::Cut)? + 1;
        let last = std::str::from_utf8(&body[begin..]).map_err(|_| Damage::Cut)?;
        let end = last.strip_prefix(LAST).ok_or(Damage::Cut)?;
        let end: End = serde_json::from_str(end).map_err(|_| Damage::Cut)?;
        self.digest.update(&self.held[..begin]);
        self.bytes += begin as u64;
        let sha256 = hex(self.digest);
        if (&sha256, self.bytes) != (&end.sha256, end.bytes) {
            let why = "its contents are not those that its last line tells of";
            return Err(Damage::Damaged(why.to_owned()));
        }
        let mut after = self.gzip.into_inner();
        if !after.fill_buf().map_err(Damage::Io)?.is_empty() {
            return Err(Damage::Damaged("something comes after its end".to_owned()));
        }
        let whole = Whole {
            header,
            sha256,
            bytes: self.bytes,
        };
        Ok((self.held, whole))
    }

    fn bad(&self, error: io::Error) -> Damage {
        let begun = self.bytes > 0 || !self.held.is_empty();
        match error.kind() {
            io::ErrorKind::UnexpectedEof if begun => Damage::Cut,
            io::ErrorKind::UnexpectedEof => Damage::Foreign,
            io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData if begun => {
                Damage::Damaged(error.to_string())
            }
            io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => Damage::Foreign,
            _ => Damage::Io(error),
        }
    }
}

/// Reads a backup to its end.
pub fn verify(from: impl Read) -> Result<Whole, Damage> {
    let mut reader = Reader::new(from);
    while !reader.next()?.is_empty() {}
    Ok(reader.finish()?.1)
}

fn first(bytes: &[u8]) -> Result<Header, Damage> {
    let line = bytes.split(|byte| *byte == b'\n').next().unwrap_or(bytes);
    let text = std::str::from_utf8(line).map_err(|_| Damage::Foreign)?;
    let json = text.strip_prefix(FIRST).ok_or(Damage::Foreign)?;
    let value: serde_json::Value = serde_json::from_str(json).map_err(|_| Damage::Cut)?;
    let format = value["format"].as_u64().ok_or(Damage::Foreign)?;
    if format != u64::from(FORMAT) {
        return Err(Damage::Newer(u32::try_from(format).unwrap_or(u32::MAX)));
    }
    serde_json::from_value(value).map_err(|error| Damage::Damaged(error.to_string()))
}

/// One line: JSON writes no line breaks of values as they are.
fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("text and numbers are JSON")
}

fn hex(digest: Sha256) -> String {
    let bytes = digest.finalize();
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header() -> Header {
        Header {
            format: FORMAT,
            stack: "names".into(),
            service: "db".into(),
            kind: "mysql".into(),
            engine: "8.4.3".into(),
            database: "names".into(),
            host: "web1".into(),
            address: "203.0.113.10".into(),
            time: "2026-11-21T22:00:00Z".into(),
        }
    }

    fn backup(parts: &[&[u8]]) -> Vec<u8> {
        let mut writer = Writer::new(Vec::new(), &header()).unwrap();
        for part in parts {
            writer.write(part).unwrap();
        }
        writer.finish().unwrap().0
    }

    /// Enough that it does not compress away.
    fn large() -> Vec<u8> {
        let lines = (0_u64..20_000).map(|n| format!("INSERT INTO t VALUES ({});\n", n * n * 7919));
        lines.collect::<String>().into_bytes()
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
        gzip.write_all(bytes).unwrap();
        gzip.finish().unwrap()
    }

    fn gunzip(bytes: &[u8]) -> Vec<u8> {
        let mut plain = Vec::new();
        GzDecoder::new(bytes).read_to_end(&mut plain).unwrap();
        plain
    }

    #[test]
    fn what_is_no_backup_is_told() {
        for (bytes, is) in [
            (b"".to_vec(), "it is not a backup"),
            (b"SELECT 1;\n".to_vec(), "it is not a backup"),
            (gzip(b""), "it is not a backup"),
            (gzip(b"CREATE TABLE t (x INT);\n"), "it is not a backup"),
            (gzip(&[0xff; 9000]), "it is not a backup"),
            (
                gzip(b"-- stackctl-backup {\"format\":2}\n"),
                "newer stackctl (format 2)",
            ),
            (
                gzip(b"-- stackctl-backup {\"format\":1}\n"),
                "it is damaged: missing field",
            ),
            (gzip(b"-- stackctl-backup {\"fo"), "cut short"),
        ] {
            let why = verify(&*bytes).unwrap_err().to_string();
            assert!(why.contains(is), "{why}");
        }
    }

    #[test]
    fn a_backup_that_was_cut_anywhere_is_told() {
        let whole = backup(&[&large()]);
        assert!(whole.len() > 40_000, "{}", whole.len());
        for length in (1..whole.len()).step_by(997).chain([whole.len() - 1]) {
            let cut = verify(&whole[..length]);
            assert!(
                matches!(cut, Err(Damage::Cut | Damage::Foreign)),
                "{length}: {cut:?}"
            );
        }
        // As gzip sees it, this is whole.
        let plain = gunzip(&whole);
        for length in [
            plain.len() - 1,
            plain.len() - 30,
            plain.len() - 5000,
            5000,
            250,
        ] {
            let cut = verify(&*gzip(&plain[..length]));
            assert!(matches!(cut, Err(Damage::Cut)), "{length}: {cut:?}");
        }
    }

    #[test]
    fn a_backup_in_which_a_bit_is_another_is_told() {
        let whole = backup(&[&large()]);
        for at in (12..whole.len()).step_by(1499) {
            let mut other = whole.clone();
            other[at] ^= 4;
            assert!(verify(&*other).is_err(), "{at}");
        }
        let mut plain = gunzip(&whole);
        plain[9000] ^= 1;
        let why = verify(&*gzip(&plain)).unwrap_err().to_string();
        assert!(
            why.contains("not those that its last line tells of"),
            "{why}"
        );
        let more = [whole.clone(), gzip(b"DROP DATABASE names;\n")].concat();
        let why = verify(&*more).unwrap_err().to_string();
        assert!(why.contains("something comes after its end"), "{why}");
    }

    #[test]
    fn what_was_written_is_read_again_whatever_its_parts_were() {
        let large = large();
        let all: [&[&[u8]]; 4] = [&[], &[b"x"], &[b"a\n", b"b"], &[&large, b"-- end\n"]];
        for parts in all {
            let written = backup(parts);
            let whole = verify(&*written).unwrap();
            assert_eq!(whole.header, header());
            let (mut reader, mut read) = (Reader::new(&*written), Vec::new());
            loop {
                let part = reader.next().unwrap();
                if part.is_empty() {
                    break;
                }
                read.extend(part);
            }
            let (rest, again) = reader.finish().unwrap();
            read.extend(rest);
            assert_eq!(again, whole);
            assert_eq!(read, gunzip(&written));
            let text = String::from_utf8(read).unwrap();
            assert!(text.starts_with("-- stackctl-backup {\"format\":1,\"stack\":\"names\""));
            let last = text.lines().last().unwrap();
            assert!(last.contains(&whole.sha256), "{last}");
        }
    }
}
