//! A command that is one text → its words, as compose splits it.

/// The words of a text.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Words {
    pub words: Vec<String>,
    /// What a shell would have read on its own; compose leaves out all from here.
    pub cut: Option<char>,
}

/// Splits `text`, or says what is not closed.
pub(super) fn split(text: &str) -> Result<Words, &'static str> {
    let mut split = Words::default();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut letters = text.chars();
    while let Some(c) = letters.next() {
        let current = word.get_or_insert_default();
        match (quote, c) {
            (Some('\''), '\'') | (Some('"'), '"') => quote = None,
            (Some('`'), '`') | (Some(')'), ')') => {
                current.push(c);
                quote = None;
            }
            (Some('"') | None, '\\') => current.extend(letters.next()),
            (Some(_), _) => current.push(c),
            (None, '\'' | '"') => quote = Some(c),
            (None, '`') => {
                current.push(c);
                quote = Some('`');
            }
            (None, '(') if current.ends_with('$') => {
                current.push(c);
                quote = Some(')');
            }
            (None, '(' | ')') => return Err("a parenthesis that only a shell understands"),
            (None, ';' | '&' | '|' | '<' | '>') => {
                if current.is_empty() {
                    word = None;
                }
                split.cut = Some(c);
                break;
            }
            (None, ' ' | '\t' | '\r' | '\n') => {
                let ended = word.take().filter(|word| !word.is_empty());
                split.words.extend(ended);
                continue;
            }
            (None, _) => current.push(c),
        }
        if matches!((quote, c), (None, '\'' | '"')) && word.as_deref() == Some("") {
            // Two quotes with nothing between are an empty word, unless more follows them.
            let ends = letters.clone().next().is_none_or(char::is_whitespace);
            if ends {
                split.words.push(String::new());
                word = None;
            }
        }
    }
    match quote {
        Some(')') => return Err("a `$(` that is not closed"),
        Some(_) => return Err("a quote that is not closed"),
        None => {}
    }
    split.words.extend(word.filter(|word| !word.is_empty()));
    Ok(split)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_split_like_a_shell_would() {
        let pairs: [(&str, &[&str]); 9] = [
            ("nginx -g 'daemon off;'", &["nginx", "-g", "daemon off;"]),
            ("a  b\n c", &["a", "b", "c"]),
            ("sh -c \"echo \\\"x y\\\"\"", &["sh", "-c", "echo \"x y\""]),
            ("a\\ b c", &["a b", "c"]),
            ("a '' b", &["a", "", "b"]),
            ("--x='a b'c", &["--x=a bc"]),
            ("'a\\n'", &["a\\n"]),
            ("a $(b c) d", &["a", "$(b c)", "d"]),
            ("", &[]),
        ];
        for (text, expected) in pairs {
            assert_eq!(split(text).unwrap().words, expected, "{text}");
        }
        let cut = split("a b && c").unwrap();
        assert_eq!((cut.words.len(), cut.cut), (2, Some('&')));
        assert!(split("a 'b").is_err());
        assert!(split("a (b)").is_err());
    }
}
