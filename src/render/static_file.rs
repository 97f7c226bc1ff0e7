//! `${PLACEHOLDER}` in static files: values that only the deployment knows.

use std::collections::BTreeMap;
use std::path::Path;

use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, UndefinedBehavior};
use serde::Serialize;

use super::RenderError;
use super::escape;
use crate::model::{EnvName, Filling};

/// What a value in `fill` may name.
#[derive(Debug, Clone, Copy)]
pub struct FillView<'a> {
    pub host_public: &'a str,
    pub host_name: &'a str,
    pub stack: &'a str,
}

#[derive(Serialize)]
struct Names<'a> {
    host: HostNames<'a>,
    stack: &'a str,
}

#[derive(Serialize)]
struct HostNames<'a> {
    public: &'a str,
    name: &'a str,
}

/// `contents` with each `${PLACEHOLDER}` of `fill` replaced. `file` (relative to the static folder) decides how the value is
/// escaped: as content of a string in `.js`, `.mjs` and `.json`, as text in `.html`. Every other `${…}` stays.
pub fn static_file(
    contents: &[u8],
    file: &Path,
    fill: &BTreeMap<EnvName, String>,
    view: FillView<'_>,
) -> Result<Vec<u8>, RenderError> {
    let filling = filling(file, fill, view)?;
    let place = file.display().to_string();
    let text = std::str::from_utf8(contents).map_err(|_| {
        RenderError::new(place.as_str(), "the file is not UTF-8", "save it as UTF-8")
    })?;
    if let Some(placeholder) = filling.missing(text) {
        return Err(RenderError::new(
            place.as_str(),
            format!("`{placeholder}` does not occur in it"),
            "correct the name under `fill` in stackctl.yaml, or put the placeholder into the file",
        ));
    }
    Ok(filling.fill(text).into_bytes())
}

/// What is to be filled into `file`, whose contents need not be known yet.
pub fn filling(
    file: &Path,
    fill: &BTreeMap<EnvName, String>,
    view: FillView<'_>,
) -> Result<Filling, RenderError> {
    let place = file.display().to_string();
    let escape = escaping(file).ok_or_else(|| {
        RenderError::new(
            place.as_str(),
            "values can be filled in only where stackctl knows how to escape them: .js, .mjs, .json, .html and .htm",
            "move the value to a script, and let the script put it where it belongs",
        )
    })?;
    let mut values: Vec<(String, String)> = Vec::new();
    for (name, template) in fill {
        let value = evaluate(template, name, &place, view)?;
        values.push((format!("${{{name}}}"), escape(&value)));
    }
    Ok(Filling {
        file: place.replace('\\', "/"),
        values,
    })
}

fn escaping(file: &Path) -> Option<fn(&str) -> String> {
    let extension = file.extension()?.to_str()?.to_ascii_lowercase();
    match extension.as_str() {
        "js" | "mjs" => Some(escape::javascript_content),
        "json" => Some(escape::json_content),
        "html" | "htm" => Some(escape::html_text),
        _ => None,
    }
}

fn evaluate(
    template: &str,
    name: &EnvName,
    place: &str,
    view: FillView<'_>,
) -> Result<String, RenderError> {
    let mut engine = Environment::new();
    engine.set_undefined_behavior(UndefinedBehavior::Strict);
    engine.set_auto_escape_callback(|_| AutoEscape::None);
    engine.set_debug(false);
    engine.remove_global("range");
    let names = Names {
        host: HostNames {
            public: view.host_public,
            name: view.host_name,
        },
        stack: view.stack,
    };
    let value = engine
        .render_str(template, Serde(&names))
        .map_err(|error| RenderError {
            place: format!("{place}, value of {name}"),
            line: None,
            range: error.range(),
            help: "use `{{ host.public }}`, `{{ host.name }}`, `{{ stack }}` or plain text"
                .to_owned(),
            ..RenderError::from_engine(&error, place)
        })?;
    if value.contains('\0') || value.len() > escape::LONGEST {
        let reason =
            format!("the value of {name} contains a NUL character or is longer than 64 KiB");
        return Err(RenderError::new(
            place,
            reason,
            "give a shorter, plain value",
        ));
    }
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fill(file: &str, contents: &str, value: &str) -> Result<String, RenderError> {
        let fill = BTreeMap::from([("IP_ADDRESS".parse().unwrap(), value.to_owned())]);
        let view = FillView {
            host_public: "203.0.113.10:8080",
            host_name: "web1",
            stack: "names",
        };
        static_file(contents.as_bytes(), Path::new(file), &fill, view)
            .map(|bytes| String::from_utf8(bytes).unwrap())
    }

    #[test]
    fn only_the_named_placeholder_is_replaced() {
        assert_eq!(
            fill(
                "js/app.js",
                "const a = `//${IP_ADDRESS}/${path}`; // ${IP_ADDRESS} $${ ${IP_ADDRESS",
                "{{ host.public }}"
            )
            .unwrap(),
            "const a = `//203.0.113.10:8080/${path}`; // 203.0.113.10:8080 $${ ${IP_ADDRESS"
        );
    }

    #[test]
    fn a_value_cannot_leave_its_string() {
        let nasty = "a'b\"c`${x}</script>\\\n\u{2028}&";
        assert_eq!(
            fill("a.mjs", "'${IP_ADDRESS}'", nasty).unwrap(),
            r#"'a\u0027b\"c\u0060\u0024{x}\u003c/script\u003e\\\n\u2028\u0026'"#
        );
        assert_eq!(
            fill("a.html", "<p title=\"${IP_ADDRESS}\">", "<\"'&>").unwrap(),
            "<p title=\"&lt;&quot;&#39;&amp;&gt;\">"
        );
        assert_eq!(
            fill("a.json", "\"${IP_ADDRESS}\"", "a\"\\").unwrap(),
            r#""a\"\\""#
        );
    }

    #[test]
    fn a_value_is_not_filled_again() {
        assert_eq!(
            fill("a.json", "${IP_ADDRESS}", "${IP_ADDRESS}").unwrap(),
            "${IP_ADDRESS}"
        );
    }

    #[test]
    fn errors_name_the_file() {
        for (file, contents, value) in [
            ("js/app.js", "nothing here", "x"),
            ("css/a.css", "${IP_ADDRESS}", "x"),
            ("js/app.js", "${IP_ADDRESS}", "{{ host.secret }}"),
            ("js/app.js", "${IP_ADDRESS}", "{{ env }}"),
            ("js/app.js", "${IP_ADDRESS}", "{{ host"),
        ] {
            let error = fill(file, contents, value).unwrap_err();
            assert!(error.place.starts_with(file), "{error:?}");
        }
    }
}
