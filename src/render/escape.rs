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

/// A name after `server_name`: a DNS name, perhaps with `*.` in front, or an address. Never a regular expression (`~`).
pub fn nginx_name(text: &str) -> Result<String, Refused> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"*.:[]-".contains(&b);
    if text.is_empty() || !text.bytes().all(plain) {
        return refused("a server name is made of letters, digits and `*.:[]-`");
    }
    Ok(text.to_owned())
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
            c if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}') => {
                content.push_str(&format!("\\u{:04x}", u32::from(c)));
            }
            c => content.push(c),
        }
    }
    content
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
