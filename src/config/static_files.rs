//! `static:`, and how its files are built.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::keys::{STATIC, STATIC_BUILD};
use super::reader::{At, Fields, Reader, nearest};
use super::services::{seconds, words};
use super::tree::{Kind, Node};
use crate::model::{BuildPlace, EnvName, Install, StaticBuild, StaticFiles};

pub(super) fn read(
    reader: &mut Reader<'_>,
    name: &str,
    fields: &Fields<'_>,
) -> Option<StaticFiles> {
    let node = fields.node("static")?;
    if matches!(node.kind, Kind::Scalar(_)) {
        let text = fields.text(reader, "static")?;
        return Some(StaticFiles {
            root: reader.path(&text)?,
            ..StaticFiles::default()
        });
    }
    if matches!(node.kind, Kind::List(_)) {
        reader.wrong("static", node, "a folder or a map");
        return None;
    }
    let fields = reader.fields("`static`", node, &STATIC)?;
    let root = fields
        .text(reader, "root")
        .and_then(|text| reader.path(&text));
    let build = fields.node("build").map(|node| build(reader, name, node));
    // What the other paths are relative to.
    let base = match build {
        Some(_) => "`output`",
        None => "`root`",
    };
    if build.is_some() && fields.has("include") {
        reader
            .report(
                "not-here",
                fields.key_span("include"),
                "`include` has no effect beside `build`".into(),
            )
            .hint("all of the output is served; what is not to be sent for the build goes into .stackctlignore");
    }
    let include = match fields.node("include") {
        Some(node) => paths(reader, "include", node, "`root`"),
        None => Vec::new(),
    };
    let assets: Vec<PathBuf> = match fields.node("assets") {
        Some(node) => served(reader, "assets", node, base),
        None => Vec::new(),
    };
    let fallback = match fields.text(reader, "fallback") {
        Some(text) => reader
            .path_below(&text, base)
            .filter(|path| is_served(reader, &text, path)),
        None => None,
    };
    let fill = fill(reader, &fields, base, &include, &assets);
    let build = match build {
        Some(build) => Some(build?),
        None => None,
    };
    Some(StaticFiles {
        root: root?,
        include,
        fill,
        build,
        assets,
        fallback,
    })
}

fn build(reader: &mut Reader<'_>, name: &str, node: &Node) -> Option<StaticBuild> {
    if !matches!(node.kind, Kind::Map(_)) {
        reader
            .wrong("build", node, "a map")
            .hint("for example `build: {command: [npm, run, build]}`");
        return None;
    }
    let fields = reader.fields("`build`", node, &STATIC_BUILD)?;
    let command = words(reader, &fields, "command");
    let first = match fields.node("command").map(|node| &node.kind) {
        Some(Kind::List(items)) => items.first(),
        _ => None,
    };
    if let Some(first) = first
        && let Kind::Scalar(program) = &first.kind
        && (program.starts_with('-') || program.contains('='))
    {
        let message = format!("`{program}` is no program's name");
        reader
            .report("invalid", first.span, message)
            .hint("begin with the program; variables are set with `env`");
    }
    let install = install(reader, &fields);
    let output = fields
        .text(reader, "output")
        .and_then(|text| reader.path_below(&text, "`root`"));
    let mut env: BTreeMap<EnvName, String> = BTreeMap::new();
    if let Some(node) = fields.node("env") {
        let values = reader.variables("env", node).into_iter();
        env.extend(values.map(|(name, at)| (name, at.value.value)));
    }
    let deadline = seconds(reader, &fields, "deadline");
    let memory = fields.number(reader, "memory");
    let place = place(reader, &format!("`{name}`"), &fields);
    Some(StaticBuild {
        command: command?,
        install: install?,
        output: output?,
        env,
        deadline: deadline?,
        memory,
        place: place?,
    })
}

fn install(reader: &mut Reader<'_>, fields: &Fields<'_>) -> Option<Install> {
    const KNOWN: [(&str, Install); 3] = [
        ("node", Install::Node),
        ("python", Install::Python),
        ("nothing", Install::Nothing),
    ];
    let text = fields.text(reader, "install")?;
    if let Some((_, install)) = KNOWN.iter().find(|(word, _)| *word == text.value) {
        return Some(*install);
    }
    let message = format!(
        "`install`: expected `node`, `python` or `nothing`, found `{}`",
        text.value
    );
    let hint = match nearest(text.value, KNOWN.iter().map(|(word, _)| *word)) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => "`node` runs `npm ci`; with another package manager write `install: nothing`, and have `command` install as well".into(),
    };
    reader.report("wrong-type", text.span, message).hint(hint);
    None
}

pub(super) fn place(
    reader: &mut Reader<'_>,
    name: &str,
    fields: &Fields<'_>,
) -> Option<BuildPlace> {
    let text = fields.text(reader, "on")?;
    match text.value {
        "host" => return Some(BuildPlace::Host),
        "local" => return Some(BuildPlace::Local),
        _ => {}
    }
    let message = format!("`on`: expected `host` or `local`, found `{}`", text.value);
    let hint = match nearest(text.value, ["host", "local"].into_iter()) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => format!("each host of {name} builds by itself, or this machine builds for all"),
    };
    reader.report("wrong-type", text.span, message).hint(hint);
    None
}

fn fill(
    reader: &mut Reader<'_>,
    fields: &Fields<'_>,
    base: &str,
    include: &[PathBuf],
    assets: &[PathBuf],
) -> BTreeMap<PathBuf, BTreeMap<EnvName, String>> {
    let mut fill = BTreeMap::new();
    let Some(node) = fields.node("fill") else {
        return fill;
    };
    for entry in reader.named("fill", node) {
        let text = At {
            value: entry.key.as_str(),
            span: entry.span,
        };
        let values = reader.variables(&entry.key, &entry.value);
        for value in values.values() {
            placeholder_value(reader, &value.value);
        }
        let Some(file) = reader.path_below(&text, base) else {
            continue;
        };
        if !include.is_empty() && !include.iter().any(|taken| file.starts_with(taken)) {
            reader
                .report(
                    "fill-not-included",
                    entry.span,
                    format!("`{}` is not among `include`", entry.key),
                )
                .hint("add it to `include`, or remove it here");
        }
        if let Some(folder) = assets.iter().find(|folder| file.starts_with(folder)) {
            let message = format!(
                "`{}` is among the `assets` in `{}`, which browsers never ask for again",
                entry.key,
                folder.display()
            );
            reader
                .report("fill-in-assets", entry.span, message)
                .hint("put the placeholder into a file outside of them, such as index.html");
        }
        let values = values.into_iter().map(|(name, at)| (name, at.value.value));
        fill.insert(file, values.collect());
    }
    fill
}

fn paths(reader: &mut Reader<'_>, name: &str, node: &Node, base: &str) -> Vec<PathBuf> {
    let items = reader.list(name, node, "a list of files and folders");
    let mut paths = Vec::new();
    for item in items.unwrap_or_default() {
        let text = At {
            value: item.value.as_str(),
            span: item.span,
        };
        paths.extend(reader.path_below(&text, base));
    }
    paths
}

/// Folders that nginx knows by their names.
fn served(reader: &mut Reader<'_>, name: &str, node: &Node, base: &str) -> Vec<PathBuf> {
    let items = reader.list(name, node, "a list of folders");
    let mut folders: Vec<PathBuf> = Vec::new();
    for item in items.unwrap_or_default() {
        let text = At {
            value: item.value.as_str(),
            span: item.span,
        };
        let Some(path) = reader.path_below(&text, base) else {
            continue;
        };
        if is_served(reader, &text, &path) && !folders.contains(&path) {
            folders.push(path);
        }
    }
    folders
}

/// Whether a path may stand in a site: visitors get nothing whose name begins with a dot.
fn is_served(reader: &mut Reader<'_>, text: &At<&str>, path: &std::path::Path) -> bool {
    let path = path.to_string_lossy();
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"._~/-".contains(&b);
    let hidden = path
        .split('/')
        .any(|part| part.starts_with('.') && part != ".well-known");
    if path.bytes().all(plain) && !hidden {
        return true;
    }
    let message = format!("`{}` is no name that a site can have", text.value);
    reader
        .report("invalid", text.span, message)
        .hint("use letters, digits and `._~/-`, and no name that begins with a dot");
    false
}

/// Checks the names in `{{ … }}`.
fn placeholder_value(reader: &mut Reader<'_>, value: &At<String>) {
    const KNOWN: [&str; 3] = ["host.public", "host.name", "stack"];
    let mut rest = value.value.as_str();
    while let Some((_, after)) = rest.split_once("{{") {
        let Some((inner, next)) = after.split_once("}}") else {
            reader
                .report("template", value.span, "`{{` without `}}`".into())
                .hint("a value may hold `{{ host.public }}`, `{{ host.name }}` and `{{ stack }}`");
            return;
        };
        let inner = inner.trim();
        if !KNOWN.contains(&inner) {
            let message = format!("`{{{{ {inner} }}}}` is not known here");
            let hint = match nearest(inner, KNOWN.into_iter()) {
                Some(meant) => format!("did you mean `{{{{ {meant} }}}}`?"),
                None => "a value may hold `{{ host.public }}`, `{{ host.name }}` and `{{ stack }}`"
                    .into(),
            };
            reader.report("template", value.span, message).hint(hint);
        }
        rest = next;
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{good, lines};
    use crate::model::{BuildPlace, Install};

    /// A stack with static files whose keys are `keys`.
    fn with(keys: &str) -> String {
        format!("stack: s\nhosts: {{h: 10.0.0.1}}\nservices:\n  p:\n    static:\n{keys}")
    }

    #[track_caller]
    fn check(keys: &str, expected: &str) {
        assert_eq!(lines(&with(keys)), expected, "for:\n{keys}");
    }

    #[test]
    fn a_command_is_enough() {
        let stack = good(&with("      build: {command: [npm, run, build]}\n"));
        let service = &stack.services[&"p".parse().unwrap()];
        let build = service.built_on_host().unwrap();
        assert_eq!(build.command, ["npm", "run", "build"]);
        assert_eq!((build.install, build.deadline), (Install::Node, 900));
        assert_eq!(build.output.to_str(), Some("dist"));
        assert!(service.has_user() && !service.in_container());
        let stack = good(&with(
            "      root: client\n      build: {command: [hugo], install: nothing, output: ./public/, on: local}\n",
        ));
        let service = &stack.services[&"p".parse().unwrap()];
        let build = service.static_files().unwrap().build.as_ref().unwrap();
        assert_eq!(build.place, BuildPlace::Local);
        assert_eq!(build.output.to_str(), Some("public"));
        assert!(!service.has_user(), "no host builds it");
    }

    #[test]
    fn what_cannot_be_built_is_told_at_its_place() {
        check(
            "      build: npm run build\n",
            "6:14 [npm run build] wrong-type: `build`: expected a map, found `npm run build` | for example `build: {command: [npm, run, build]}`",
        );
        check(
            "      build: {output: dist}\n",
            "6:7 [build] missing-key: `command` is missing in `build` | expected a list: What builds, run in a copy of `root`; each element is one argument and no shell reads it.",
        );
        check(
            "      build: {command: npm run build}\n",
            "6:24 [npm run build] wrong-type: `command`: expected a list, one element for each argument, found `npm run build` | write it as a list: `command: [npm, run, build]`",
        );
        check(
            "      build: {command: [MODE=x, vite]}\n",
            "6:25 [MODE=x] invalid: `MODE=x` is no program's name | begin with the program; variables are set with `env`",
        );
        check(
            "      build: {command: [\"vite\\a\"]}\n",
            "6:25 [\"vite\\a\"] control-character: the value holds the control character U+0007",
        );
        check(
            "      build: {command: [vite], install: yarn, on: deployer, output: ../x}\n",
            "6:41 [yarn] wrong-type: `install`: expected `node`, `python` or `nothing`, found `yarn` | `node` runs `npm ci`; with another package manager write `install: nothing`, and have `command` install as well\n\
             6:51 [deployer] wrong-type: `on`: expected `host` or `local`, found `deployer` | each host of `p` builds by itself, or this machine builds for all\n\
             6:69 [../x] path-outside: `../x` leads out of `root` | write a path relative to `root`, without `..`",
        );
        check(
            "      include: [a]\n      build: {command: [vite]}\n",
            "6:7 [include] not-here: `include` has no effect beside `build` | all of the output is served; what is not to be sent for the build goes into .stackctlignore",
        );
    }

    #[test]
    fn what_a_site_cannot_name_is_told_at_its_place() {
        check(
            "      assets: [\"a b\", .cache, ../x]\n",
            "6:16 [\"a b\"] invalid: `a b` is no name that a site can have | use letters, digits and `._~/-`, and no name that begins with a dot\n\
             6:23 [.cache] invalid: `.cache` is no name that a site can have | use letters, digits and `._~/-`, and no name that begins with a dot\n\
             6:31 [../x] path-outside: `../x` leads out of `root` | write a path relative to `root`, without `..`",
        );
        check(
            "      fallback: \"index.html; deny all\"\n",
            "6:17 [\"index.html; deny all\"] invalid: `index.html; deny all` is no name that a site can have | use letters, digits and `._~/-`, and no name that begins with a dot",
        );
        check(
            "      assets: [js]\n      fill: {js/app.js: {A: x}}\n",
            "7:14 [js/app.js] fill-in-assets: `js/app.js` is among the `assets` in `js`, which browsers never ask for again | put the placeholder into a file outside of them, such as index.html",
        );
        check(
            "      spa: true\n",
            "6:7 [spa] unknown-key: unknown key `spa` | did you mean `fallback`?",
        );
    }
}
