//! Yaml text → a tree that knows places, and the report of what is wrong in it.
//!
//! Both kinds of files that stackctl reads, its own and compose's, are read through this one parser, so that they have
//! the same limits and the same errors. Nothing here knows what a key means.

pub(crate) mod error;
mod nearest;
pub(crate) mod tree;

pub use error::{ConfigError, ConfigErrors};
pub(crate) use nearest::nearest;

/// A yaml text and what to call it in messages.
#[derive(Debug, Clone, Copy)]
pub struct SourceText<'a> {
    /// As the user named it, usually a path.
    pub name: &'a str,
    pub text: &'a str,
}

impl<'a> SourceText<'a> {
    /// Without the mark that some editors put first.
    pub(crate) fn body(&self) -> &'a str {
        self.text.strip_prefix('\u{feff}').unwrap_or(self.text)
    }
}
