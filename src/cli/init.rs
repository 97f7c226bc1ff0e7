//! `init`: a starter, or a bundled example.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use serde_json::json;

use super::args::InitArgs;
use super::{Console, Failure, Kind};
use crate::config;
use crate::render;

pub fn init(args: &InitArgs, console: &Console) -> Result<(), Failure> {
    match &args.example {
        None => {
            write_new(&args.dir.join("stackctl.yaml"), config::STARTER.as_bytes())?;
            let path = args.dir.join("stackctl.yaml");
            if console.json {
                return told(&args.dir, 1, console);
            }
            console.say(&format!(
                "wrote {}; edit its hosts, then run `stackctl plan`",
                path.display()
            ))
        }
        Some(name) => {
            let count = unpack(name, &args.dir)?;
            if console.json {
                return told(&args.dir, count, console);
            }
            console.say(&format!(
                "wrote {count} files to {}; README.md there says what to do next",
                args.dir.display()
            ))
        }
    }
}

fn told(folder: &Path, files: usize, console: &Console) -> Result<(), Failure> {
    console.say(&json!({"schema": 1, "folder": folder, "files": files}).to_string())
}

/// Unpacks a bundled example. Nothing is written when any of its files is there already.
pub fn unpack(name: &str, dir: &Path) -> Result<usize, Failure> {
    let Some(files) = render::example(name) else {
        let all: Vec<&str> = render::examples().collect();
        return Err(
            Failure::new(Kind::Usage, format!("there is no bundled example `{name}`"))
                .hint(format!("the examples are: {}", all.join(", "))),
        );
    };
    if let Some((path, _)) = files.iter().find(|(path, _)| dir.join(path).exists()) {
        return Err(exists(&dir.join(path)));
    }
    for (path, contents) in files {
        write_new(&dir.join(path), contents)?;
    }
    Ok(files.len())
}

fn write_new(path: &Path, contents: &[u8]) -> Result<(), Failure> {
    let failed = |error: std::io::Error| {
        Failure::new(
            Kind::Usage,
            format!("cannot write {}: {error}", path.display()),
        )
    };
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(failed)?;
    }
    let opened = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(path);
    let mut file = match opened {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            return Err(exists(path));
        }
        other => other.map_err(failed)?,
    };
    file.write_all(contents).map_err(failed)
}

fn exists(path: &Path) -> Failure {
    Failure::new(
        Kind::Refused,
        format!("{} is there already", path.display()),
    )
    .hint("choose another folder, or remove it")
}
