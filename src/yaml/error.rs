//! What is wrong with yaml files: every problem, each with its place.

use std::collections::BTreeSet;
use std::fmt;

use miette::{GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteDiagnostic, NamedSource};

/// Bytes `start..end` of the file with this number, counted in the order of reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Span {
    pub file: usize,
    pub start: usize,
    pub end: usize,
}

impl Span {
    pub fn new(file: usize, start: usize, end: usize) -> Self {
        Self { file, start, end }
    }
}

/// A problem while the files are still being read.
#[derive(Debug)]
pub(crate) struct Problem {
    code: &'static str,
    span: Span,
    message: String,
    hint: Option<String>,
    also: Option<(Span, &'static str)>,
    is_secret: bool,
}

impl Problem {
    /// Its lines are never shown: they, or those beside them, are secrets.
    pub fn secret(&mut self) -> &mut Self {
        self.is_secret = true;
        self
    }

    pub fn hint(&mut self, hint: impl Into<String>) -> &mut Self {
        self.hint = Some(hint.into());
        self
    }

    /// Another place that belongs to the problem.
    pub fn also(&mut self, span: Span, label: &'static str) -> &mut Self {
        self.also = Some((span, label));
        self
    }
}

/// Collects problems, so that reading goes on after the first.
#[derive(Debug, Default)]
pub(crate) struct Problems(Vec<Problem>);

impl Problems {
    pub fn report(&mut self, code: &'static str, span: Span, message: String) -> &mut Problem {
        self.0.push(Problem {
            code,
            span,
            message,
            hint: None,
            also: None,
            is_secret: false,
        });
        let last = self.0.len() - 1;
        &mut self.0[last]
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// In the order of the text, each once (what an alias repeats is one problem, and so is what a file has that is read
    /// twice).
    pub fn into_errors(mut self, sources: &[super::SourceText<'_>]) -> ConfigErrors {
        self.0.sort_by_key(|problem| problem.span);
        self.0
            .dedup_by(|a, b| a.span == b.span && a.message == b.message);
        let files: Vec<File> = sources.iter().map(File::new).collect();
        let mut seen = BTreeSet::new();
        let errors = self.0.into_iter().map(|problem| {
            let file = &files[problem.span.file];
            let place = file.place(problem.span);
            ConfigError {
                code: problem.code,
                file: file.name.clone(),
                line: place.line,
                column: place.column,
                message: printable(&problem.message),
                hint: problem.hint.as_deref().map(printable),
                also: problem.also.map(|(span, label)| {
                    let file = &files[span.file];
                    Also {
                        file: file.name.clone(),
                        line: file.place(span).line,
                        label,
                        span,
                    }
                }),
                span: problem.span,
                is_secret: problem.is_secret,
            }
        });
        let errors = errors.filter(|error| {
            let place = (error.file.clone(), error.line, error.column);
            seen.insert((place, error.message.clone()))
        });
        ConfigErrors {
            errors: errors.collect(),
            files,
        }
    }
}

/// Everything that is wrong with a file and those that it brings in, in the order of the text.
#[derive(Debug, Clone)]
pub struct ConfigErrors {
    errors: Vec<ConfigError>,
    files: Vec<File>,
}

/// One problem and its place.
#[derive(Debug, Clone)]
pub struct ConfigError {
    /// Stable, for scripts: `unknown-key`.
    pub code: &'static str,
    /// The file as it was named by the caller.
    pub file: String,
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    pub message: String,
    pub hint: Option<String>,
    also: Option<Also>,
    span: Span,
    is_secret: bool,
}

#[derive(Debug, Clone)]
struct Also {
    file: String,
    line: usize,
    label: &'static str,
    span: Span,
}

#[derive(Debug, Clone)]
struct File {
    name: String,
    /// For the excerpt: nothing in it that a terminal would obey, every byte at its old offset.
    text: String,
}

struct Place {
    line: usize,
    column: usize,
    start: usize,
    length: usize,
}

impl File {
    fn new(source: &super::SourceText<'_>) -> Self {
        let shown = |c: char| match c {
            '\n' | '\t' => c,
            '\r' => ' ',
            _ if !super::tree::is_refused(c) && c != '\u{85}' => c,
            // As many bytes as what it stands for.
            _ => match c.len_utf8() {
                1 => '?',
                2 => '¿',
                _ => '\u{fffd}',
            },
        };
        Self {
            name: printable(source.name),
            text: source.body().chars().map(shown).collect(),
        }
    }

    fn place(&self, span: Span) -> Place {
        let floor = |mut at: usize| {
            at = at.min(self.text.len());
            while !self.text.is_char_boundary(at) {
                at -= 1;
            }
            at
        };
        let start = floor(span.start);
        let before = &self.text[..start];
        let line_start = before.rfind('\n').map_or(0, |end| end + 1);
        let line_end = self.text[start..]
            .find('\n')
            .map_or(self.text.len(), |end| start + end);
        let end = floor(span.end).clamp(start, line_end);
        Place {
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
            start,
            length: end - start,
        }
    }
}

/// `text` without anything a terminal would obey.
fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() || super::tree::is_refused(c) {
            shown.extend(c.escape_default());
        } else {
            shown.push(c);
        }
    }
    shown
}

impl ConfigErrors {
    pub fn iter(&self) -> impl Iterator<Item = &ConfigError> {
        self.errors.iter()
    }

    pub fn len(&self) -> usize {
        self.errors.len()
    }

    pub fn is_empty(&self) -> bool {
        self.errors.is_empty()
    }

    /// The full picture: each error with its lines, underlined, and its hint; then their count.
    pub fn render(&self, color: bool, width: usize) -> String {
        let theme = if color {
            GraphicalTheme::unicode()
        } else {
            GraphicalTheme::unicode_nocolor()
        };
        let handler = GraphicalReportHandler::new_themed(theme)
            .with_links(false)
            .with_width(width.max(40))
            .with_context_lines(1);
        let mut picture = String::new();
        for error in &self.errors {
            let report = self.report(error);
            if handler
                .render_report(&mut picture, report.as_ref())
                .is_err()
            {
                picture.push_str(&error.to_string());
            }
            picture.push('\n');
        }
        picture.push_str(&self.count());
        picture.push('\n');
        picture
    }

    fn report(&self, error: &ConfigError) -> miette::Report {
        let file = &self.files[error.span.file];
        if error.is_secret {
            let place = format!("{}:{}:{}", error.file, error.line, error.column);
            let mut diagnostic = MietteDiagnostic::new(format!("{place}: {}", error.message))
                .with_code(format!("config::{}", error.code));
            diagnostic.help.clone_from(&error.hint);
            return miette::Report::new(diagnostic);
        }
        let place = file.place(error.span);
        let mut labels = vec![LabeledSpan::new_primary_with_span(
            error.also.as_ref().map(|_| "here".to_owned()),
            (place.start, place.length),
        )];
        let mut hint = error.hint.clone();
        if let Some(also) = &error.also {
            if also.span.file == error.span.file {
                let place = file.place(also.span);
                let label = Some(also.label.to_owned());
                labels.push(LabeledSpan::new(label, place.start, place.length));
            } else {
                let place = format!("{}: {}, line {}", also.label, also.file, also.line);
                hint = Some(hint.map_or(place.clone(), |hint| format!("{hint}; {place}")));
            }
        }
        let mut diagnostic = MietteDiagnostic::new(&error.message)
            .with_code(format!("config::{}", error.code))
            .with_labels(labels);
        diagnostic.help = hint;
        let source = NamedSource::new(&file.name, file.text.clone());
        miette::Report::new(diagnostic).with_source_code(source)
    }

    fn count(&self) -> String {
        let mut names: Vec<&str> = Vec::new();
        for file in &self.files {
            if !names.contains(&file.name.as_str()) {
                names.push(&file.name);
            }
        }
        let errors = match self.errors.len() {
            1 => "1 error".to_owned(),
            count => format!("{count} errors"),
        };
        format!("{errors} in {}", names.join(" and "))
    }

    /// For scripts and editors.
    pub fn to_json(&self) -> serde_json::Value {
        let errors = self.errors.iter().map(|error| {
            let file = &self.files[error.span.file];
            let place = file.place(error.span);
            let end = file.text[place.start..place.start + place.length]
                .chars()
                .count();
            serde_json::json!({
                "code": error.code,
                "file": error.file,
                "line": error.line,
                "column": error.column,
                "end_column": error.column + end,
                "message": error.message,
                "hint": error.hint,
            })
        });
        serde_json::Value::Array(errors.collect())
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            file,
            line,
            column,
            message,
            ..
        } = self;
        write!(f, "{file}:{line}:{column}: {message}")?;
        if let Some(also) = &self.also {
            write!(f, "; {} ({}:{})", also.label, also.file, also.line)?;
        }
        match &self.hint {
            Some(hint) => write!(f, " ({hint})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for ConfigError {}

/// One line each; [`ConfigErrors::render`] draws them.
impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.count())?;
        for error in &self.errors {
            write!(f, "\n{error}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigErrors {}
