//! One function per place that a value can stand in. Each returns text that means exactly the value there, or says why
//! that place cannot hold it. Quotes are part of the result unless the name says `content`.

/// Why a place cannot hold a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Refused(pub String);

/// Longest value that is taken anywhere, in bytes.
pub const LONGEST: usize = 64 * 1024;

fn refused<T>(why: &str) -> Result<T, Refused> {
    Err(Refused(why.to_owned()))
}

/// What no place takes: NUL, which C strings end at, and more than [`LONGEST`] bytes.
fn acceptable(text: &str) -> Result<(), Refused> {
    if text.contains('\0') {
        return refused("it contains a NUL character");
    }
    if text.len() > LONGEST {
        return refused("it is longer than 64 KiB");
    }
    Ok(())
}

fn one_line(text: &str) -> Result<(), Refused> {
    acceptable(text)?;
    if text.chars().any(char::is_control) {
        return refused("it contains a line break or another control character");
    }
    Ok(())
}

/// An nginx string. nginx's tokenizer (`ngx_conf_read_token`) undoes `\"`, `\\`, `\n`, `\r` and `\t`, but has no
/// escape for `$`: a value with one is refused.
pub fn nginx_quoted(text: &str) -> Result<String, Refused> {
    acceptable(text)?;
    if text.contains('$') {
        return refused("it contains `$`, for which nginx has no escape");
    }
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            c if c.is_control() => return refused("it contains a control character"),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    Ok(quoted)
}

/// The longest name in octets that an nginx without `server_names_hash_bucket_size` takes after `server_name`: its buckets are
/// lines of the processor's cache, 64 octets, and 18 of them are not for the name (`NGX_HASH_ELT_SIZE` of ngx_hash.c).
const LONGEST_IN_BUCKET: usize = 46;

/// A name after `server_name`: a DNS name, perhaps with `*.` in front, or an address. Never a regular expression (`~`) of
/// somebody else: a name that is too long for nginx's table, such as those of EC2 hosts, is written as one that matches just
/// it, since the table's size is a setting of the whole server, which may be there once.
pub fn nginx_name(text: &str) -> Result<String, Refused> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"*.:[]-".contains(&b);
    if text.is_empty() || !text.bytes().all(plain) {
        return refused("a server name is made of letters, digits and `*.:[]-`");
    }
    if text.len() <= LONGEST_IN_BUCKET {
        return Ok(text.to_owned());
    }
    let (above, name) = match text.strip_prefix("*.") {
        Some(name) => (".+\\.", name),
        None => ("", text),
    };
    if name.contains(['*', ':']) {
        return refused("a name of this length has no `*` but in front");
    }
    Ok(format!("~^{above}{}$", name.replace('.', "\\.")))
}

/// A path as a part of a regular expression that matches it and nothing else.
pub fn nginx_pattern(text: &str) -> Result<String, Refused> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"._~/-".contains(&b);
    if text.is_empty() || !text.bytes().all(plain) {
        return refused("a path is made of letters, digits and `._~/-`");
    }
    Ok(text.replace('.', "\\."))
}

/// The value of a systemd setting that takes plain text, such as `Description=`. systemd.syntax(7): a backslash at the end
/// joins lines and blanks around a value are dropped; systemd.unit(5), SPECIFIERS: `%` doubled stands for itself.
pub fn systemd_value(text: &str) -> Result<String, Refused> {
    one_line(text)?;
    if text.ends_with('\\') {
        return refused("it ends with a backslash, which would join the next line to it");
    }
    if text.trim() != text {
        return refused("it begins or ends with a blank, which systemd drops");
    }
    Ok(text.replace('%', "%%"))
}

/// One argument of `ExecStart=`. systemd.service(5), COMMAND LINES: C-style escapes in quotes, `%%` and `$$`. The first
/// word is no argument: it has prefixes (`@ - : + !`) of its own and must be a fixed absolute path.
pub fn systemd_argument(text: &str) -> Result<String, Refused> {
    Ok(format!("\"{}\"", systemd_quoted(text, true)?))
}

/// One assignment of `Environment=`. systemd.exec(5): quoted as a whole, `$` has no meaning, specifiers are expanded.
/// Visible to every user of the host, so never for a secret.
pub fn systemd_environment(name: &str, value: &str) -> Result<String, Refused> {
    environment_name(name)?;
    Ok(format!("\"{name}={}\"", systemd_quoted(value, false)?))
}

fn systemd_quoted(text: &str, dollar: bool) -> Result<String, Refused> {
    acceptable(text)?;
    let mut quoted = String::new();
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            '%' => quoted.push_str("%%"),
            '$' if dollar => quoted.push_str("$$"),
            '\n' => quoted.push_str("\\n"),
            c if c.is_ascii_control() => quoted.push_str(&format!("\\x{:02x}", u32::from(c))),
            c => quoted.push(c),
        }
    }
    Ok(quoted)
}

/// One line of a file for `EnvironmentFile=`. systemd.exec(5): inside double quotes a backslash keeps ``\ " ` $`` as they
/// are; a line break stands for itself; nothing is expanded.
pub fn environment_file(name: &str, value: &str) -> Result<String, Refused> {
    environment_name(name)?;
    acceptable(value)?;
    let mut quoted = format!("{name}=\"");
    for c in value.chars() {
        if matches!(c, '\\' | '"' | '`' | '$') {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    quoted.push('"');
    Ok(quoted)
}

/// One assignment of a Dockerfile's `ENV` or `LABEL`. Dockerfile reference, "Environment replacement": `\` before
/// `\ " $`. A line break has no form there. Visible in the image's history, so never for a secret.
pub fn dockerfile_environment(name: &str, value: &str) -> Result<String, Refused> {
    environment_name(name)?;
    one_line(value)?;
    let mut quoted = format!("{name}=\"");
    for c in value.chars() {
        if matches!(c, '\\' | '"' | '$') {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    quoted.push('"');
    Ok(quoted)
}

fn environment_name(name: &str) -> Result<(), Refused> {
    if name.parse::<crate::model::EnvName>().is_err() {
        return refused("its name is not one of an environment variable");
    }
    Ok(())
}

/// JSON, for the exec form of a Dockerfile's `CMD` and `ENTRYPOINT` (RFC 8259).
pub fn json(value: &serde_json::Value) -> Result<String, Refused> {
    let mut text = String::new();
    write_json(value, false, &mut text)?;
    Ok(text)
}

/// A YAML value for a compose file: a JSON scalar, list or map, which YAML 1.2 reads as the same (so that `yes`, `0755`,
/// `1:30`, `*a` stay text), with `$` doubled against compose's interpolation.
pub fn compose_yaml(value: &serde_json::Value) -> Result<String, Refused> {
    let mut text = String::new();
    write_json(value, true, &mut text)?;
    Ok(text)
}

/// A text of several lines for a compose file, as a literal block whose lines are indented by `indent` blanks (YAML 1.2,
/// 8.1.2). A text that a block cannot hold exactly becomes a [`compose_yaml`] scalar.
pub fn compose_block(text: &str, indent: usize) -> Result<String, Refused> {
    acceptable(text)?;
    let fits = text.ends_with('\n')
        && !text.ends_with("\n\n")
        && !text.starts_with([' ', '\n'])
        && !text.chars().any(|c| c != '\n' && is_hidden(c));
    if !fits {
        return compose_yaml(&serde_json::Value::from(text));
    }
    let mut block = String::from("|");
    for line in text.replace('$', "$$").lines() {
        block.push('\n');
        if !line.is_empty() {
            block.extend(std::iter::repeat_n(' ', indent));
            block.push_str(line);
        }
    }
    Ok(block)
}

/// A key of a compose file: bare when no reader of YAML takes it for anything but text.
pub fn yaml_key(text: &str) -> Result<String, Refused> {
    const WORDS: [&str; 12] = [
        "y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf", "_",
    ];
    acceptable(text)?;
    if text.contains('$') {
        return refused("compose does not interpolate keys, so `$` has no escape there");
    }
    let bare = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b))
        && !WORDS.contains(&text.to_ascii_lowercase().as_str());
    if bare {
        Ok(text.to_owned())
    } else {
        compose_yaml(&serde_json::Value::from(text))
    }
}

fn write_json(value: &serde_json::Value, compose: bool, out: &mut String) -> Result<(), Refused> {
    use serde_json::Value;
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => out.push_str(&value.to_string()),
        Value::String(text) => {
            acceptable(text)?;
            out.push('"');
            let content = json_content(text);
            if compose {
                out.push_str(&content.replace('$', "$$"));
            } else {
                out.push_str(&content);
            }
            out.push('"');
        }
        Value::Array(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push_str(", ");
                }
                write_json(item, compose, out)?;
            }
            out.push(']');
        }
        Value::Object(entries) => {
            out.push('{');
            for (at, (key, item)) in entries.iter().enumerate() {
                if at > 0 {
                    out.push_str(", ");
                }
                if compose && key.contains('$') {
                    return refused(
                        "compose does not interpolate keys, so `$` has no escape there",
                    );
                }
                write_json(&Value::from(key.as_str()), false, out)?;
                out.push_str(": ");
                write_json(item, compose, out)?;
            }
            out.push('}');
        }
    }
    Ok(())
}

/// What stands between the quotes of a JSON string. Also escapes what YAML's readers refuse to see raw (YAML 1.2, 5.1).
pub fn json_content(text: &str) -> String {
    let mut content = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '"' | '\\' => content.extend(['\\', c]),
            '\n' => content.push_str("\\n"),
            '\r' => content.push_str("\\r"),
            '\t' => content.push_str("\\t"),
            c if is_hidden(c) => {
                content.push_str(&format!("\\u{:04x}", u32::from(c)));
            }
            c => content.push(c),
        }
    }
    content
}

/// Control characters, line breaks beyond ASCII's and the byte order mark: what YAML's readers refuse or change.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}'
        )
}

/// What stands between the quotes of a JavaScript string, whichever quotes they are (ECMA-262, 12.9.4 and 12.9.6), also
/// inside a `<script>` of a page: all that could end the string, the literal or the element is `\uXXXX`.
pub fn javascript_content(text: &str) -> String {
    let mut content = String::with_capacity(text.len());
    for c in json_content(text).chars() {
        if matches!(c, '<' | '>' | '&' | '\'' | '`' | '$') {
            content.push_str(&format!("\\u{:04x}", u32::from(c)));
        } else {
            content.push(c);
        }
    }
    content
}

/// Text of an HTML page or of a quoted attribute (HTML Standard, 13.1.2.3 and 13.1.4).
pub fn html_text(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}

/// A MySQL string (Reference Manual, "String Literals"). Holds under an `sql_mode` *without* `NO_BACKSLASH_ESCAPES`: whoever
/// sends it sets the mode first in the same session.
pub fn sql_string(text: &str) -> Result<String, Refused> {
    acceptable(text)?;
    Ok(format!(
        "'{}'",
        text.replace('\\', "\\\\").replace('\'', "''")
    ))
}

/// A MySQL identifier (Reference Manual, "Schema Object Names"): at most 64 characters, in backquotes.
pub fn sql_identifier(text: &str) -> Result<String, Refused> {
    one_line(text)?;
    if text.is_empty() || text.chars().count() > 64 || text.ends_with(' ') {
        return refused("a name in MySQL has 1 to 64 characters and does not end with a blank");
    }
    if text.chars().any(|c| u32::from(c) > 0xffff) {
        return refused("a name in MySQL has no characters beyond U+FFFF, such as most pictograms");
    }
    Ok(format!("`{}`", text.replace('`', "``")))
}

/// A database after `GRANT … ON`, where `_` and `%` are wildcards unless escaped (Reference Manual, "GRANT Statement").
pub fn sql_grant_database(text: &str) -> Result<String, Refused> {
    let quoted = sql_identifier(text)?;
    if text.contains('\\') {
        return refused("a backslash in a database's name is ambiguous after GRANT");
    }
    Ok(quoted.replace('_', "\\_").replace('%', "\\%"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Values that broke somebody's deployment, or could.
    const NASTY: [&str; 44] = [
        "",
        " leading and trailing ",
        "two  spaces\tand tab",
        "line1\nline2",
        "cr\r\nlf",
        "a'b",
        "a\"b",
        "a`id`b",
        "$(touch /tmp/pwn)",
        "${HOME}",
        "$HOME",
        "$",
        "$$",
        "%h %n %i %%",
        "100%",
        "back\\slash",
        "ends with backslash\\",
        r"\n \t \x41 \u0041",
        "a;b",
        "; rm -rf /",
        "x; } server { listen 81; }",
        "#comment",
        "val #notcomment",
        "-rf",
        "--privileged",
        "!bang",
        "@/bin/sh",
        "../../etc/passwd",
        "/etc/shadow",
        "a/b",
        "..",
        "CON:name,with=equals&amp;<tag>",
        "</script><script>alert(1)</script>",
        "'; DROP TABLE users; -- ",
        "app_db%",
        "{{ 7*7 }} {% raw %}",
        "yes",
        "0755",
        "*anchor &a !!python/object",
        "café \u{202e} \u{2028} 😀",
        "ESC\u{1b}[31mred\u{7}",
        "\u{feff}bom",
        "~/x *? [a-z] {a,b}",
        "a\u{a0}b",
    ];

    // Reference parsers, each written from its consumer's manual and not from the escaper.

    fn unquote_nginx(quoted: &str) -> String {
        let inner = quoted.strip_prefix('"').unwrap().strip_suffix('"').unwrap();
        let mut text = String::new();
        let mut chars = inner.chars();
        while let Some(c) = chars.next() {
            assert!(c != '"' && c != '$' && !c.is_control(), "{quoted}");
            text.push(match c {
                '\\' => match chars.next().unwrap() {
                    'n' => '\n',
                    'r' => '\r',
                    't' => '\t',
                    c @ ('"' | '\\') => c,
                    c => panic!("unknown escape {c}"),
                },
                c => c,
            });
        }
        text
    }

    fn unquote_systemd(quoted: &str, dollar: bool) -> String {
        let inner = quoted.strip_prefix('"').unwrap().strip_suffix('"').unwrap();
        let mut text = String::new();
        let mut chars = inner.chars();
        while let Some(c) = chars.next() {
            assert!(c != '"' && c != '\n', "{quoted}");
            text.push(match c {
                '%' => chars.next().filter(|c| *c == '%').unwrap(),
                '$' if dollar => chars.next().filter(|c| *c == '$').unwrap(),
                '\\' => match chars.next().unwrap() {
                    'n' => '\n',
                    'x' => {
                        let digits: String = chars.by_ref().take(2).collect();
                        char::from(u8::from_str_radix(&digits, 16).unwrap())
                    }
                    c @ ('"' | '\\') => c,
                    c => panic!("unknown escape {c}"),
                },
                c => c,
            });
        }
        text
    }

    // Inside double quotes a backslash keeps the character after it.
    fn unquote_backslashes(assignment: &str, special: &str) -> String {
        let inner = assignment
            .strip_prefix("K=\"")
            .unwrap()
            .strip_suffix('"')
            .unwrap();
        let mut text = String::new();
        let mut chars = inner.chars();
        while let Some(c) = chars.next() {
            if c == '\\' {
                text.push(chars.next().filter(|c| special.contains(*c)).unwrap());
            } else {
                assert!(!special.contains(c), "{assignment}");
                text.push(c);
            }
        }
        text
    }

    fn unquote_sql(quoted: &str) -> String {
        let inner = quoted
            .strip_prefix('\'')
            .unwrap()
            .strip_suffix('\'')
            .unwrap();
        let mut text = String::new();
        let mut chars = inner.chars();
        while let Some(c) = chars.next() {
            text.push(match c {
                '\\' => chars.next().filter(|c| *c == '\\').unwrap(),
                '\'' => chars.next().filter(|c| *c == '\'').unwrap(),
                c => c,
            });
        }
        text
    }

    fn round_trips(text: &str) {
        if let Ok(quoted) = nginx_quoted(text) {
            assert_eq!(unquote_nginx(&quoted), text);
        }
        assert_eq!(
            unquote_systemd(&systemd_argument(text).unwrap(), true),
            text
        );
        let assignment = systemd_environment("K", text)
            .unwrap()
            .replacen("\"K=", "\"", 1);
        assert_eq!(unquote_systemd(&assignment, false), text);
        assert_eq!(
            unquote_backslashes(&environment_file("K", text).unwrap(), "\\\"`$"),
            text
        );
        if let Ok(assignment) = dockerfile_environment("K", text) {
            assert_eq!(unquote_backslashes(&assignment, "\\\"$"), text);
        }
        if let Ok(value) = systemd_value(text) {
            assert_eq!(value.replace("%%", "%"), text);
            assert!(!value.contains('\n') && !value.ends_with('\\'));
        }
        assert_eq!(unquote_sql(&sql_string(text).unwrap()), text);

        let value = serde_json::Value::from(text);
        assert_eq!(
            serde_json::from_str::<String>(&json(&value).unwrap()).unwrap(),
            text
        );
        let script = javascript_content(text);
        assert!(
            !script.contains(['<', '>', '&', '\'', '`', '$', '\n', '\u{2028}']),
            "{script}"
        );
        assert_eq!(
            serde_json::from_str::<String>(&format!("\"{script}\"")).unwrap(),
            text
        );
        for yaml in [
            compose_yaml(&value).unwrap(),
            compose_block(text, 4).unwrap(),
        ] {
            let read: std::collections::BTreeMap<String, String> =
                serde_yaml::from_str(&format!("k: {yaml}\n")).unwrap();
            assert_eq!(read["k"].replace("$$", "$"), text, "{yaml}");
        }
        let html = html_text(text);
        assert!(!html.contains(['<', '>', '"', '\'']));
    }

    #[test]
    fn nasty_values_round_trip_or_are_refused() {
        for text in NASTY {
            round_trips(text);
            round_trips(&format!("a\n\n  {text}\n"));
        }
    }

    #[test]
    fn what_no_place_takes() {
        let long = "x".repeat(70_000);
        for text in ["a\0b", long.as_str()] {
            assert!(nginx_quoted(text).is_err());
            assert!(systemd_value(text).is_err());
            assert!(systemd_argument(text).is_err());
            assert!(systemd_environment("K", text).is_err());
            assert!(environment_file("K", text).is_err());
            assert!(dockerfile_environment("K", text).is_err());
            assert!(json(&text.into()).is_err());
            assert!(compose_yaml(&text.into()).is_err());
            assert!(compose_block(text, 2).is_err());
            assert!(yaml_key(text).is_err());
            assert!(sql_string(text).is_err());
            assert!(sql_identifier(text).is_err());
        }
    }

    #[test]
    fn what_one_place_cannot_hold() {
        assert!(nginx_quoted("$host").is_err());
        assert!(nginx_name("~^x").is_err());
        let long = "ec2-203-0-113-25.ap-southeast-2.compute.amazonaws.com";
        let matched = "ec2-203-0-113-25\\.ap-southeast-2\\.compute\\.amazonaws\\.com$";
        assert_eq!(nginx_name(long).unwrap(), format!("~^{matched}"));
        assert_eq!(
            nginx_name(&format!("*.{long}")).unwrap(),
            format!("~^.+\\.{matched}")
        );
        assert!(systemd_value("ends with\\").is_err());
        assert!(systemd_value("two\nlines").is_err());
        assert!(dockerfile_environment("K", "two\nlines").is_err());
        assert!(dockerfile_environment("K=1 L", "x").is_err());
        assert!(yaml_key("a$b").is_err());
    }

    #[test]
    fn keys_that_yaml_would_take_for_something_else_are_quoted() {
        for (key, expected) in [
            ("db", "db"),
            ("user-db", "user-db"),
            ("on", "\"on\""),
            ("No", "\"No\""),
            ("1", "\"1\""),
        ] {
            assert_eq!(yaml_key(key).unwrap(), expected);
        }
    }

    #[test]
    fn names_for_mysql() {
        assert_eq!(sql_identifier("a`b").unwrap(), "`a``b`");
        assert_eq!(sql_grant_database("app_db%").unwrap(), r"`app\_db\%`");
        assert!(sql_identifier(&"a".repeat(65)).is_err());
        assert!(sql_identifier("").is_err());
    }

    proptest! {
        #[test]
        fn any_text_round_trips_or_is_refused(text in "[^\0]{0,40}") {
            round_trips(&text);
        }

        #[test]
        fn syntax_round_trips_or_is_refused(text in r#"[a \n\\"'`$%{}#;:&*!<>|-]{0,30}\n?"#) {
            round_trips(&text);
        }
    }
}
