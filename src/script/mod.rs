//! Command lines and host scripts as values. [`quote`] and [`Script::text`] are the only two functions that make
//! shell text; whatever varies goes in as an argument.

/// One `.sh` file with its arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Script {
    /// The file's name without `.sh`, for logs.
    pub name: &'static str,
    /// The file's text, POSIX `sh`.
    pub body: &'static str,
    /// `$1`, `$2`, …: never a secret, since they are visible to every user of the host.
    pub args: Vec<String>,
}

impl Script {
    /// The text to give to `sh`: sets the arguments, then the file as it stands.
    pub fn text(&self) -> String {
        let mut text = String::from("set --");
        for arg in &self.args {
            text.push(' ');
            text.push_str(&quote(arg));
        }
        text.push('\n');
        text.push_str(self.body);
        text
    }
}

/// One shell word that means exactly `text`, in any POSIX shell.
///
/// NUL cannot be part of an argument; it is left out, as `execve` would end the word there.
pub fn quote(text: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"._/:@%+,=-".contains(&b);
    if !text.is_empty() && text.bytes().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\0', "").replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_quoted_and_the_body_untouched() {
        let script = Script {
            name: "probe",
            body: "printf '%s' \"$1\"\n",
            args: vec!["it's a $(test)".into(), String::new()],
        };
        assert_eq!(
            script.text(),
            "set -- 'it'\\''s a $(test)' ''\nprintf '%s' \"$1\"\n"
        );
    }
}
