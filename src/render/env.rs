//! The template engine, set up so that a value cannot become syntax: a bare `{{ value }}` must be a plain token of the
//! file's kind, everything else goes through the filter of its place, and a filter of another kind is an error.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Object, ObjectRepr, Serde, Value, ValueKind};
use minijinja::{AutoEscape, Environment, Error, ErrorKind, Output, State, UndefinedBehavior};
use serde::Serialize;

use super::error::RenderError;
use super::escape::{self, Refused};

/// The user's own versions of templates, by name (`nginx/site.conf`): what the caller read from their `templates` folder.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Overrides(pub BTreeMap<String, String>);

/// All templates, compiled.
#[derive(Debug)]
pub struct Templates {
    engine: Environment<'static>,
}

const EMBEDDED: [(&str, &str); 15] = [
    (
        "compose/compose.yaml",
        include_str!("../../templates/compose/compose.yaml"),
    ),
    (
        "docker/Dockerfile.node",
        include_str!("../../templates/docker/Dockerfile.node"),
    ),
    (
        "docker/Dockerfile.python",
        include_str!("../../templates/docker/Dockerfile.python"),
    ),
    (
        "firewall/base.nft",
        include_str!("../../templates/firewall/base.nft"),
    ),
    (
        "firewall/load.sh",
        include_str!("../../templates/firewall/load.sh"),
    ),
    (
        "firewall/stack.nft",
        include_str!("../../templates/firewall/stack.nft"),
    ),
    (
        "nginx/site.conf",
        include_str!("../../templates/nginx/site.conf"),
    ),
    (
        "rehearsal/report.html",
        include_str!("../../templates/rehearsal/report.html"),
    ),
    (
        "systemd/app.service",
        include_str!("../../templates/systemd/app.service"),
    ),
    (
        "systemd/firewall.service",
        include_str!("../../templates/systemd/firewall.service"),
    ),
    (
        "systemd/nginx.service",
        include_str!("../../templates/systemd/nginx.service"),
    ),
    (
        "systemd/proxy.service",
        include_str!("../../templates/systemd/proxy.service"),
    ),
    (
        "systemd/proxy.socket",
        include_str!("../../templates/systemd/proxy.socket"),
    ),
    (
        "systemd/recover.service",
        include_str!("../../templates/systemd/recover.service"),
    ),
    (
        "tmpfiles/service.conf",
        include_str!("../../templates/tmpfiles/service.conf"),
    ),
];

impl Templates {
    /// Compiles stackctl's templates and the user's instead of them. An override under a name that no template has is an
    /// error: it would never be used.
    pub fn new(overrides: &Overrides) -> Result<Self, RenderError> {
        let mut engine = engine();
        for (name, text) in EMBEDDED {
            let text = overrides.0.get(name).map_or(text, String::as_str);
            engine
                .add_template_owned(name, text.to_owned())
                .map_err(|error| RenderError::from_engine(&error, name))?;
        }
        for name in overrides.0.keys() {
            if !Self::names().any(|known| known == name) {
                let known: Vec<&str> = Self::names().collect();
                return Err(RenderError::new(
                    name.as_str(),
                    "stackctl has no template of this name",
                    format!("name it as one of: {}", known.join(", ")),
                ));
            }
        }
        Ok(Self { engine })
    }

    /// The names of all templates, which are also the names that an override may have.
    pub fn names() -> impl Iterator<Item = &'static str> {
        EMBEDDED.iter().map(|(name, _)| *name)
    }

    pub(super) fn render(
        &self,
        name: &'static str,
        view: impl Serialize,
    ) -> Result<String, RenderError> {
        self.engine
            .get_template(name)
            .and_then(|template| template.render(Value::from(Serde(view))))
            .map_err(|error| RenderError::from_engine(&error, name))
    }
}

/// What a file is, and so what a value in it has to be kept from becoming.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Firewall,
    Nginx,
    Systemd,
    Tmpfiles,
    Dockerfile,
    Compose,
    Html,
}

impl Kind {
    fn of(template: &str) -> Option<Self> {
        match template.split_once('/')?.0 {
            "firewall" => Some(Self::Firewall),
            "nginx" => Some(Self::Nginx),
            "systemd" => Some(Self::Systemd),
            "tmpfiles" => Some(Self::Tmpfiles),
            "docker" => Some(Self::Dockerfile),
            "compose" => Some(Self::Compose),
            "rehearsal" => Some(Self::Html),
            _ => None,
        }
    }

    /// Whether `text` can stand bare: one token, which the format neither splits nor expands.
    fn is_plain(self, text: &str) -> bool {
        let more: &[u8] = match self {
            // Words, numbers and addresses of nft(8), and names of interfaces.
            Self::Firewall => b"_.:-",
            // Not `~` (a regular expression), not `=` and `*` (kinds of location).
            Self::Nginx => b"_./:@%+,-",
            // Not `%` (specifiers).
            Self::Systemd | Self::Tmpfiles => b"_./:@+,=-",
            Self::Dockerfile => b"_./:@%+,=-",
            Self::Compose => b"_-",
            Self::Html => b"_-.",
        };
        // A bare word of YAML may be a number, a boolean or a date.
        let is_word = self != Self::Compose || escape::yaml_key(text).as_deref() == Ok(text);
        is_word
            && !text.is_empty()
            && text.len() <= 4096
            && text
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || more.contains(&b))
    }

    fn filters(self) -> &'static str {
        match self {
            Self::Nginx => "|ngq, |ngname, |ngre",
            Self::Systemd => "|sdvalue, |sdarg, |sdenv",
            Self::Firewall | Self::Tmpfiles => "none: only plain tokens",
            Self::Dockerfile => "|json, |dockerenv",
            Self::Compose => "|yaml, |yamlblock, |yamlkey",
            Self::Html => "|html",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Firewall => "a firewall file",
            Self::Nginx => "an nginx file",
            Self::Systemd => "a systemd unit",
            Self::Tmpfiles => "a tmpfiles.d file",
            Self::Dockerfile => "a Dockerfile",
            Self::Compose => "a compose file",
            Self::Html => "an HTML page",
        })
    }
}

/// What a filter returns. A type of our own, since the engine's "safe" strings also come out of its own filters, which
/// escape for HTML.
#[derive(Debug)]
struct Escaped {
    text: String,
    kind: Kind,
}

impl Object for Escaped {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn engine() -> Environment<'static> {
    let mut engine = Environment::new();
    engine.set_syntax(
        SyntaxConfig::builder()
            .trim_blocks(true)
            .lstrip_blocks(true)
            .keep_trailing_newline(true)
            .build()
            .expect("the default delimiters are valid"),
    );
    engine.set_undefined_behavior(UndefinedBehavior::Strict);
    engine.set_recursion_limit(64);
    engine.set_debug(false);
    engine.set_auto_escape_callback(|_| AutoEscape::Custom("stackctl".into()));
    engine.set_formatter(write_value);
    for filter in ["safe", "escape", "e", "tojson"] {
        engine.remove_filter(filter);
    }
    // Without it every loop is over what the template was given, so every render ends.
    engine.remove_global("range");

    engine.add_filter("ngq", |state: &State, text: &str| {
        escaped(state, "ngq", Kind::Nginx, escape::nginx_quoted(text))
    });
    engine.add_filter("ngre", |state: &State, text: &str| {
        escaped(state, "ngre", Kind::Nginx, escape::nginx_pattern(text))
    });
    engine.add_filter("ngname", |state: &State, text: &str| {
        escaped(state, "ngname", Kind::Nginx, escape::nginx_name(text))
    });
    engine.add_filter("sdvalue", |state: &State, text: &str| {
        escaped(state, "sdvalue", Kind::Systemd, escape::systemd_value(text))
    });
    engine.add_filter("sdarg", |state: &State, text: &str| {
        escaped(
            state,
            "sdarg",
            Kind::Systemd,
            escape::systemd_argument(text),
        )
    });
    engine.add_filter("sdenv", |state: &State, name: &str, value: &str| {
        let text = escape::systemd_environment(name, value);
        escaped(state, "sdenv", Kind::Systemd, text)
    });
    engine.add_filter("dockerenv", |state: &State, name: &str, value: &str| {
        let text = escape::dockerfile_environment(name, value);
        escaped(state, "dockerenv", Kind::Dockerfile, text)
    });
    engine.add_filter("html", |state: &State, text: &str| {
        escaped(state, "html", Kind::Html, Ok(escape::html_text(text)))
    });
    engine.add_filter("json", |state: &State, value: Value| {
        let text = data(&value).and_then(|value| escape::json(&value));
        escaped(state, "json", Kind::Dockerfile, text)
    });
    engine.add_filter("yaml", |state: &State, value: Value| {
        let text = data(&value).and_then(|value| escape::compose_yaml(&value));
        escaped(state, "yaml", Kind::Compose, text)
    });
    engine.add_filter("yamlblock", |state: &State, text: &str, indent: usize| {
        let text = escape::compose_block(text, indent);
        escaped(state, "yamlblock", Kind::Compose, text)
    });
    engine.add_filter("yamlkey", |state: &State, text: &str| {
        escaped(state, "yamlkey", Kind::Compose, escape::yaml_key(text))
    });
    engine
}

fn data(value: &Value) -> Result<serde_json::Value, Refused> {
    serde_json::to_value(value).map_err(|_| Refused("it is not data".to_owned()))
}

fn escaped(
    state: &State,
    filter: &str,
    kind: Kind,
    text: Result<String, Refused>,
) -> Result<Value, Error> {
    if Kind::of(state.name()) != Some(kind) {
        let detail = format!("the filter `{filter}` is for {kind}, and this is none");
        return Err(Error::new(ErrorKind::BadEscape, detail));
    }
    match text {
        Ok(text) => Ok(Value::from_object(Escaped { text, kind })),
        Err(why) => Err(Error::new(
            ErrorKind::BadEscape,
            format!("{kind} cannot hold this value: {why}"),
        )),
    }
}

// Fails closed: what is neither escaped for this kind of file nor plain is never written.
fn write_value(out: &mut Output, state: &mut State, value: &Value) -> Result<(), Error> {
    let refuse = |detail: String| Err(Error::new(ErrorKind::BadEscape, detail));
    let Some(kind) = Kind::of(state.name()) else {
        return refuse(format!(
            "no kind of file has templates named `{}`",
            state.name()
        ));
    };
    if value.is_undefined() {
        return Err(Error::new(ErrorKind::UndefinedError, "a value is missing"));
    }
    if let Some(escaped) = value.downcast_object_ref::<Escaped>() {
        if escaped.kind == kind {
            return Ok(out.write_str(&escaped.text)?);
        }
        return refuse(format!(
            "this was escaped for {}, and here is {kind}",
            escaped.kind
        ));
    }
    let text = match value.kind() {
        ValueKind::Number | ValueKind::Bool | ValueKind::String => value.to_string(),
        other => return refuse(format!("a {other} cannot be written as it is")),
    };
    let number = value.kind() == ValueKind::Number;
    if number || kind.is_plain(&text) {
        return Ok(out.write_str(&text)?);
    }
    let shown: String = text.chars().take(60).collect();
    refuse(format!(
        "the bare value {shown:?} could become syntax of {kind} (its filters: {})",
        kind.filters()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn try_render(name: &'static str, template: &str, value: &str) -> Result<String, RenderError> {
        let overrides = Overrides(BTreeMap::from([(name.to_owned(), template.to_owned())]));
        Templates::new(&overrides)?.render(name, BTreeMap::from([("v", value)]))
    }

    #[test]
    fn a_bare_value_must_be_plain_for_its_kind() {
        let nginx = "nginx/site.conf";
        let unit = "systemd/proxy.service";
        assert_eq!(
            try_render(nginx, "a {{ v }};\n", "/x/y.sock").unwrap(),
            "a /x/y.sock;\n"
        );
        assert_eq!(try_render(nginx, "{{ v }}", "50%").unwrap(), "50%");
        for (name, value) in [
            (nginx, "a.example; } server { listen 80"),
            (nginx, "$host"),
            (nginx, "~x"),
            (nginx, ""),
            (unit, "50%"),
            (unit, "a\nExecStart=/bin/sh"),
            ("compose/compose.yaml", "0755"),
        ] {
            let error = try_render(name, "one\n{{ v }}", value).unwrap_err();
            assert_eq!(
                (error.place.as_str(), error.line),
                (name, Some(2)),
                "{error}"
            );
        }
    }

    #[test]
    fn filters_belong_to_a_kind() {
        assert_eq!(
            try_render("nginx/site.conf", "{{ v|ngq }}", "a \"b\" \\").unwrap(),
            r#""a \"b\" \\""#
        );
        for (name, template) in [
            ("nginx/site.conf", "{{ v|json }}"),
            ("systemd/proxy.socket", "{{ v|ngq }}"),
            ("docker/Dockerfile.node", "{{ v|yaml }}"),
            ("tmpfiles/service.conf", "{{ v|sdarg }}"),
            ("nginx/site.conf", "{{ v|html }}"),
            ("rehearsal/report.html", "{{ v|ngq }}"),
        ] {
            let error = try_render(name, template, "x").unwrap_err();
            assert!(error.reason.contains("the filter"), "{error}");
        }
    }

    #[test]
    fn nothing_passes_beside_the_formatter() {
        for template in [
            "{{ v|safe }}",
            "{{ v|e }}",
            "{{ v|tojson }}",
            "{% autoescape false %}{{ v }}{% endautoescape %}",
            "{% autoescape 'html' %}{{ v }}{% endautoescape %}",
            "{% set x %}{{ v|ngq }}{% endset %}{{ x ~ v }}",
            "{{ v|ngq ~ v }}",
            "{{ [v|ngq, v]|join(' ') }}",
            "{{ missing }}",
            "{% if missing %}{% endif %}",
            "{% for i in range(10) %}{% endfor %}",
            "{{ debug() }}",
        ] {
            assert!(
                try_render("nginx/site.conf", template, "a; b").is_err(),
                "{template}"
            );
        }
    }

    #[test]
    fn an_override_must_replace_something() {
        let overrides = Overrides(BTreeMap::from([("nginx/stie.conf".into(), String::new())]));
        let error = Templates::new(&overrides).unwrap_err();
        assert!(error.help.contains("nginx/site.conf"), "{error}");
    }

    #[test]
    fn a_template_that_does_not_parse_has_a_place() {
        let error = try_render("nginx/site.conf", "a\n{{ v", "x").unwrap_err();
        assert_eq!(error.line, Some(2), "{error}");
    }
}
