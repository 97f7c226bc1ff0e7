//! `unit:`, and what the other keys of such a service may hold.

use std::collections::BTreeMap;

use super::error::Span;
use super::keys::UNIT;
use super::reader::{Fields, Reader, nearest};
use super::tree::{Kind, Node};
use crate::model::{Allowance, Install, Listen, Unit};

pub(super) fn unit(reader: &mut Reader<'_>, fields: &Fields<'_>) -> Option<Unit> {
    let node = fields.node("unit")?;
    if matches!(node.kind, Kind::Scalar(_)) {
        let text = fields.text(reader, "unit")?;
        return Some(Unit {
            source: reader.path(&text)?,
            install: None,
            state: false,
            allow: BTreeMap::new(),
        });
    }
    if matches!(node.kind, Kind::List(_)) {
        reader.wrong("unit", node, "a folder or a map");
        return None;
    }
    let fields = reader.fields("`unit`", node, &UNIT)?;
    let source = fields
        .text(reader, "source")
        .and_then(|text| reader.path(&text));
    let install = match fields.has("install") {
        true => Some(install(reader, &fields)?),
        false => None,
    };
    let state = fields.switch(reader, "state");
    let mut allow = BTreeMap::new();
    if let Some(node) = fields.node("allow") {
        for entry in reader.named("allow", node) {
            let known = Allowance::ALL
                .into_iter()
                .find(|allowance| allowance.name() == entry.key);
            let Some(allowance) = known else {
                let names = Allowance::ALL.map(Allowance::name);
                let hint = match nearest(&entry.key, names.into_iter()) {
                    Some(meant) => format!("did you mean `{meant}`?"),
                    None => format!("there are: {}", names.join(", ")),
                };
                let message = format!("units cannot allow `{}`", entry.key);
                reader.report("unknown-key", entry.span, message).hint(hint);
                continue;
            };
            let Some(reason) = reader.scalar(&entry.key, &entry.value, "a reason") else {
                continue;
            };
            if reason.value.trim().is_empty() || reason.value.chars().any(char::is_control) {
                let message = format!("`{}` has no reason in one line", entry.key);
                reader
                    .report("invalid", reason.span, message)
                    .hint("say what needs it; it becomes a comment in the unit");
                continue;
            }
            allow.insert(allowance, reason.value.to_owned());
        }
    }
    Some(Unit {
        source: source?,
        install,
        state: state?,
        allow,
    })
}

fn install(reader: &mut Reader<'_>, fields: &Fields<'_>) -> Option<Install> {
    const KNOWN: [(&str, Install); 3] = [
        ("python", Install::Python),
        ("node", Install::Node),
        ("nothing", Install::Nothing),
    ];
    let text = fields.text(reader, "install")?;
    if let Some((_, install)) = KNOWN.iter().find(|(word, _)| *word == text.value) {
        return Some(*install);
    }
    let message = format!(
        "`install`: expected `python`, `node` or `nothing`, found `{}`",
        text.value
    );
    let hint = match nearest(text.value, KNOWN.iter().map(|(word, _)| *word)) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => "what else it needs, a hook can install; or build an image with `build`".into(),
    };
    reader.report("wrong-type", text.span, message).hint(hint);
    None
}

/// `socket` or `tcp`: a port of the yaml's choice could be one release's alone.
pub(super) fn listen(reader: &mut Reader<'_>, node: &Node) -> Option<Listen> {
    const EXPECTED: &str = "`socket` or `tcp`";
    let text = reader.scalar("listen", node, EXPECTED)?;
    match text.value {
        "socket" => return Some(Listen::Socket),
        "tcp" => return Some(Listen::GivenPort),
        _ => {}
    }
    let problem = reader.wrong("listen", node, EXPECTED);
    if text.value.bytes().all(|byte| byte.is_ascii_digit()) {
        problem.hint("two releases run side by side, so each is given a port of its own: write `tcp`, and have the app listen on 127.0.0.1 at `{{ port }}` or LISTEN_PORT");
    } else if let Some(meant) = nearest(text.value, ["socket", "tcp"].into_iter()) {
        problem.hint(format!("did you mean `{meant}`?"));
    }
    None
}

/// What may stand in `{{ … }}` of a unit's words and variables. `None` where that was wrong, and told.
#[derive(Clone, Copy)]
pub(super) struct Placeholders {
    pub listen: Option<Listen>,
    pub state: Option<bool>,
}

/// Checks that there is a command, and what it and the release phase hold.
pub(super) fn command(
    reader: &mut Reader<'_>,
    name: &str,
    fields: &Fields<'_>,
    known: Placeholders,
) {
    if !fields.has("command") {
        let message = format!("`command` is missing in service `{name}`");
        reader
            .report("missing-key", fields.span, message)
            .hint("say what systemd is to run, for example `command: [gunicorn, --bind, \"unix:{{ socket }}\", main:app]`");
    }
    for key in ["command", "release", "seed"] {
        let items = match fields.node(key).map(|node| &node.kind) {
            Some(Kind::List(items)) => items.as_slice(),
            _ => &[],
        };
        for (at, item) in items.iter().enumerate() {
            let Kind::Scalar(word) = &item.kind else {
                continue;
            };
            if at == 0 && (word.starts_with('-') || word.contains('=')) {
                let message = format!("`{word}` is no program's name");
                reader
                    .report("invalid", item.span, message)
                    .hint("begin with the program; variables are set with `env`");
            }
            placeholders(reader, known, word, item.span);
        }
    }
}

/// Checks the names in `{{ … }}`.
pub(super) fn placeholders(reader: &mut Reader<'_>, known: Placeholders, text: &str, span: Span) {
    let (Some(listen), Some(has_state)) = (known.listen, known.state) else {
        return;
    };
    let known = match listen {
        Listen::Socket => "socket",
        Listen::Port(_) | Listen::GivenPort => "port",
    };
    for rest in text.split("{{").skip(1) {
        let inner = rest.split_once("}}").map(|(inner, _)| inner.trim());
        let message = match inner {
            Some(inner) if inner == known => continue,
            Some("state") if has_state => continue,
            Some("state") => {
                reader
                    .report(
                        "template",
                        span,
                        "there is no `{{ state }}` without a folder of that kind".into(),
                    )
                    .hint("write `unit: {source: …, state: on}`");
                continue;
            }
            Some(inner @ ("socket" | "port")) => {
                format!("there is no `{{{{ {inner} }}}}` with this `listen`")
            }
            Some(inner) => format!("`{{{{ {inner} }}}}` is not known here"),
            None => "`{{` without `}}`".to_owned(),
        };
        let also = if has_state { " and `{{ state }}`" } else { "" };
        reader
            .report("template", span, message)
            .hint(format!("it may hold `{{{{ {known} }}}}`{also}"));
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{good, lines};
    use crate::model::{AppSource, Install, Listen};

    /// A stack with one unit, whose keys are `keys`.
    fn with(keys: &str) -> String {
        format!(
            "stack: s\nhosts: {{h: 10.0.0.1}}\nservices:\n  db: {{mysql: {{}}}}\n  own: {{mysql: {{install: package}}}}\n  \
             a:\n{keys}"
        )
    }

    #[track_caller]
    fn check(keys: &str, expected: &str) {
        assert_eq!(lines(&with(keys)), expected, "for:\n{keys}");
    }

    #[test]
    fn a_folder_and_a_command_are_enough() {
        let stack = good(&with(
            "    unit: app\n    command: [./serve]\n    needs: [own]\n",
        ));
        let service = &stack.services[&"a".parse().unwrap()];
        let app = service.app().unwrap();
        assert_eq!(app.listen, Listen::Socket);
        let AppSource::Unit(unit) = &app.source else {
            panic!("{app:?}")
        };
        assert_eq!((unit.install, unit.allow.len()), (None, 0));
        assert!(!unit.state);
        assert!(unit.source.ends_with("app") && !service.in_container());
        let stack = good(&with(
            "    unit: {install: node}\n    listen: tcp\n    command: [node, x.js, \"{{port}}\"]\n",
        ));
        let app = stack.services[&"a".parse().unwrap()].app().unwrap();
        let AppSource::Unit(unit) = &app.source else {
            panic!("{app:?}")
        };
        assert_eq!(unit.install, Some(Install::Node));
        assert_eq!(app.listen, Listen::GivenPort);
    }

    #[test]
    fn what_a_unit_lacks_or_cannot_have_is_told_at_its_place() {
        check(
            "    unit: app\n",
            "6:3 [a] missing-key: `command` is missing in service `a` | say what systemd is to run, for example `command: [gunicorn, --bind, \"unix:{{ socket }}\", main:app]`",
        );
        check(
            "    unit: app\n    command: [serve]\n    listen: 8080\n",
            "9:13 [8080] wrong-type: `listen`: expected `socket` or `tcp`, found `8080` | two releases run side by side, so each is given a port of its own: write `tcp`, and have the app listen on 127.0.0.1 at `{{ port }}` or LISTEN_PORT",
        );
        check(
            "    unit: app\n    command: [A=1, serve]\n",
            "8:15 [A=1] invalid: `A=1` is no program's name | begin with the program; variables are set with `env`",
        );
        check(
            "    unit: app\n    command: [serve, \"{{ port }}\"]\n    release: [x, \"{{ y }}\"]\n    env: {A: \"{{ z\"}\n",
            "8:22 [\"{{ port }}\"] template: there is no `{{ port }}` with this `listen` | it may hold `{{ socket }}`\n\
             9:18 [\"{{ y }}\"] template: `{{ y }}` is not known here | it may hold `{{ socket }}`\n\
             10:14 [\"{{ z\"] template: `{{` without `}}` | it may hold `{{ socket }}`",
        );
        check(
            "    unit: {install: pythn}\n    command: [serve]\n",
            "7:21 [pythn] wrong-type: `install`: expected `python`, `node` or `nothing`, found `pythn` | did you mean `python`?",
        );
        check(
            "    unit: {allow: {root: why}}\n    command: [serve]\n",
            "7:20 [root] unknown-key: units cannot allow `root` | there are: executable_memory, proc, priorities",
        );
        check(
            "    unit: {allow: {proc: \"\"}}\n    command: [serve]\n",
            "7:26 [\"\"] invalid: `proc` has no reason in one line | say what needs it; it becomes a comment in the unit",
        );
        check(
            "    unit: {state: yes}\n    command: [serve, \"{{ state }}\"]\n",
            "7:19 [yes] wrong-type: `state`: expected `on` or `off`, found `yes` | write `on`",
        );
        check(
            "    unit: app\n    command: [serve, \"{{ state }}\"]\n",
            "8:22 [\"{{ state }}\"] template: there is no `{{ state }}` without a folder of that kind | write `unit: {source: …, state: on}`",
        );
        check(
            "    unit: {state: on}\n    command: [serve, \"{{ stat }}\"]\n    env: {A: \"{{ state }}\"}\n",
            "8:22 [\"{{ stat }}\"] template: `{{ stat }}` is not known here | it may hold `{{ socket }}` and `{{ state }}`",
        );
        check(
            "    unit: app\n    build: app\n    command: [serve]\n",
            "7:5 [unit] kind: service `a` has `build` and `unit`: a service is one thing | keep one of them, or make it two services",
        );
    }

    #[test]
    fn databases_are_reached_from_where_they_are() {
        check(
            "    unit: app\n    command: [serve]\n    needs: [db]\n",
            "9:13 [db] out-of-reach: `a` is a unit, and the database `db` is in a container, whose network only containers reach | write `db: {mysql: {install: package}}`",
        );
        check(
            "    build: app\n    needs: [own]\n",
            "8:13 [own] out-of-reach: `a` runs in a container, and the database `own` listens on the host's loopback address alone | remove `install: package` of `own`, or make `a` a `unit`",
        );
        check(
            "    static: .\n  m: {mysql: {install: package, image: \"mariadb:11\"}}\n",
            "8:33 [image] not-here: `image` has no effect beside `install: package` | it is for a server in a container: remove one of the two",
        );
    }
}
