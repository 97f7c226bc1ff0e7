//! Entries to standard output.

use std::io::Write as _;

use super::super::args::LogsArgs;
use super::super::session::Loaded;
use super::super::{Console, Failure, Kind};
use super::Reader;
use super::source::origin;
use crate::ui::{self, LogEntry, LogStyle};

/// Standard output, which whoever reads it may close.
pub(super) struct Out<'a> {
    stdout: std::io::BufWriter<std::io::Stdout>,
    style: LogStyle,
    console: &'a Console,
}

impl<'a> Out<'a> {
    pub(super) fn new(
        args: &LogsArgs,
        loaded: &Loaded,
        reader: &Reader<'_>,
        console: &'a Console,
    ) -> Self {
        let hosts = loaded.hosts.len() > 1;
        let longest = reader.instances.iter().map(|instance| {
            let host = if hosts {
                instance.host.as_str().len() + 1
            } else {
                0
            };
            host + origin(instance).name().len()
        });
        let style = LogStyle {
            paint: console.paint_out,
            hosts,
            times: args.timestamps,
            width: longest.max().unwrap_or(0) + 1,
        };
        Self {
            stdout: std::io::BufWriter::new(std::io::stdout()),
            style,
            console,
        }
    }

    /// Whether somebody still reads.
    pub(super) fn write(&mut self, entry: &LogEntry) -> Result<bool, Failure> {
        let line = if self.console.json {
            ui::log_json(entry).to_string()
        } else {
            ui::log_text(entry, self.style)
        };
        let written = writeln!(self.stdout, "{line}");
        Self::is_read(written)
    }

    pub(super) fn flush(&mut self) -> Result<bool, Failure> {
        Self::is_read(self.stdout.flush())
    }

    fn is_read(written: std::io::Result<()>) -> Result<bool, Failure> {
        match written {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(false),
            Err(error) => Err(Failure::new(
                Kind::Ours,
                format!("cannot write to stdout: {error}"),
            )),
        }
    }
}
