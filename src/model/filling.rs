//! `${PLACEHOLDER}` in a file, and what comes in its place.

/// What is filled into one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filling {
    /// Relative to what is served, with `/` between its parts.
    pub file: String,
    /// `${PLACEHOLDER}` → text, escaped for its place in this file.
    pub values: Vec<(String, String)>,
}

impl Filling {
    /// A placeholder that does not occur in `text`.
    pub fn missing(&self, text: &str) -> Option<&str> {
        let mut placeholders = self.values.iter().map(|(placeholder, _)| placeholder);
        placeholders
            .find(|placeholder| !text.contains(placeholder.as_str()))
            .map(String::as_str)
    }

    /// `text` with each placeholder replaced. Every other `${…}` stays.
    pub fn fill(&self, mut text: &str) -> String {
        // One pass, so that what was filled in is never looked at again.
        let mut filled = String::with_capacity(text.len());
        while let Some(at) = text.find("${") {
            filled.push_str(&text[..at]);
            text = &text[at..];
            let known = |(placeholder, _): &&(String, String)| text.starts_with(placeholder);
            match self.values.iter().find(known) {
                Some((placeholder, value)) => {
                    filled.push_str(value);
                    text = &text[placeholder.len()..];
                }
                None => {
                    filled.push_str("${");
                    text = &text[2..];
                }
            }
        }
        filled.push_str(text);
        filled
    }
}
