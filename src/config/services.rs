//! `services:`.

use std::collections::BTreeMap;

use super::database;
use super::error::Span;
use super::keys::{BUILD, HEALTH, KINDS, SERVICE, Shape};
use super::reader::{At, Fields, Reader, nearest, quantity};
use super::secrets::{self, RawSecrets};
use super::tree::{Kind, Node};
use super::{static_files, unit};
use crate::model::{
    App, AppSource, Build, BuildPlace, EnvName, Health, HostName, ImageRef, Listen, ServiceKind,
    ServiceName, StackName,
};

/// A service as it is written; `relations` settles what its references mean.
pub(super) struct RawService {
    pub name: ServiceName,
    pub span: Span,
    pub needs: Vec<At<ServiceName>>,
    pub on: Option<Vec<At<HostName>>>,
    pub keep: Option<u8>,
    /// Which of the kinds it is, even when that could not be read in full.
    pub is_database: bool,
    pub env_places: BTreeMap<EnvName, Span>,
    pub secrets: RawSecrets,
    /// Nothing when it could not be read.
    pub kind: Option<ServiceKind>,
}

/// All but what `is_elsewhere` names, which other files say.
pub(super) fn read(
    reader: &mut Reader<'_>,
    node: &Node,
    stack: Option<&StackName>,
    is_elsewhere: &dyn Fn(&str) -> bool,
) -> Vec<RawService> {
    let mut services = Vec::new();
    for entry in reader.named("services", node) {
        if is_elsewhere(&entry.key) {
            continue;
        }
        let name = reader.parse::<ServiceName>(&entry.key, entry.span);
        let service = service(reader, &entry.key, &entry.value, stack);
        let Some(name) = name else { continue };
        services.push(RawService {
            span: entry.span,
            ..service.unwrap_or_else(|| RawService::unread(name.clone(), entry.span))
        });
        if let Some(last) = services.last_mut() {
            last.name = name;
        }
    }
    services
}

/// Reports that there are no services.
pub(super) fn none(reader: &mut Reader<'_>, span: Span) {
    reader
        .report(
            "no-services",
            span,
            "a stack needs at least one service".into(),
        )
        .hint("for example `page: {static: .}`");
}

impl RawService {
    fn unread(name: ServiceName, span: Span) -> Self {
        Self {
            name,
            span,
            keep: None,
            needs: Vec::new(),
            on: None,
            is_database: false,
            env_places: BTreeMap::new(),
            secrets: RawSecrets::default(),
            kind: None,
        }
    }
}

fn service(
    reader: &mut Reader<'_>,
    name: &str,
    node: &Node,
    stack: Option<&StackName>,
) -> Option<RawService> {
    let fields = reader.fields(&format!("service `{name}`"), node, &SERVICE)?;
    let kind_key = kind_key(reader, name, &fields);
    if fields.has("publish") {
        let message = format!("`publish` is for services of a compose file, and `{name}` is none");
        reader
            .report("not-here", fields.key_span("publish"), message)
            .hint("remove it: sites decide what visitors reach");
    }
    let mut env_places = BTreeMap::new();
    let kind = match kind_key {
        Some("mysql") => database::mysql(reader, &fields, stack),
        Some("mongodb") => database::mongodb(reader, &fields, stack),
        Some("redis") => database::redis(reader, &fields),
        Some("static") => static_files::read(reader, name, &fields).map(ServiceKind::Static),
        Some(_) => {
            app(reader, name, &fields, &mut env_places).map(|app| ServiceKind::App(Box::new(app)))
        }
        None => None,
    };
    let secrets = RawSecrets::of(reader, &fields);
    env_places.extend(secrets.places());
    let is_database = matches!(kind_key, Some("mysql" | "mongodb" | "redis"));
    if let Some(kind) = kind_key.filter(|kind| is_database || *kind == "static") {
        for (key, span) in fields.keys().filter(|(key, _)| key.apps_only) {
            let message = format!("`{}` does not apply to a `{kind}` service", key.name);
            let problem = reader.report("not-here", span, message);
            if is_database && key.name == "memory" {
                problem.hint(format!("write it below `{kind}:`"));
            } else {
                problem.hint("it is for services with `build`, `image` or `unit`");
            }
        }
    }
    Some(RawService {
        keep: fields.number(reader, "keep"),
        needs: fields.names(reader, "needs").unwrap_or_default(),
        on: fields.names(reader, "on"),
        is_database,
        env_places,
        secrets,
        kind,
        ..RawService::unread(name.parse().ok()?, fields.span)
    })
}

/// The one key that says what the service is.
fn kind_key(reader: &mut Reader<'_>, name: &str, fields: &Fields<'_>) -> Option<&'static str> {
    let kinds: Vec<&'static str> = KINDS
        .iter()
        .copied()
        .filter(|kind| fields.has(kind))
        .collect();
    match kinds[..] {
        [kind] => Some(kind),
        [] => {
            if !fields.planned {
                let message = format!("service `{name}` does not say what it is");
                reader.report("kind", fields.span, message).hint(
                    "give it one of `build`, `image`, `unit`, `static`, `mysql`, `mongodb` or `redis`",
                );
            }
            None
        }
        [first, second, ..] => {
            let listed: Vec<String> = kinds.iter().map(|kind| format!("`{kind}`")).collect();
            let message = format!(
                "service `{name}` has {}: a service is one thing",
                listed.join(" and ")
            );
            reader
                .report("kind", fields.key_span(second), message)
                .also(fields.key_span(first), "and this")
                .hint("keep one of them, or make it two services");
            None
        }
    }
}

fn app(
    reader: &mut Reader<'_>,
    name: &str,
    fields: &Fields<'_>,
    env_places: &mut BTreeMap<EnvName, Span>,
) -> Option<App> {
    let source = source(reader, fields);
    let is_unit = fields.has("unit");
    let listen = match fields.node("listen") {
        Some(node) if is_unit => unit::listen(reader, node),
        Some(node) => listen(reader, node),
        None if is_unit => Some(Listen::Socket),
        None => {
            let rendered = match &source {
                Some(AppSource::Build(build)) => build.dockerfile.is_none(),
                Some(AppSource::Image(_) | AppSource::Unit(_)) => false,
                // Not known, so nothing more to say.
                None => true,
            };
            if !rendered {
                let message = format!("`listen` is missing in service `{name}`");
                reader
                    .report("missing-key", fields.span, message)
                    .hint("say where the app in this image answers HTTP: a TCP port such as `listen: 8080`, or `listen: socket` if it listens on the Unix socket that LISTEN_SOCKET names");
            }
            rendered.then_some(Listen::Socket)
        }
    };
    let health = health(reader, fields);
    let known = unit::Placeholders {
        listen,
        state: match &source {
            Some(AppSource::Unit(unit)) => Some(unit.state),
            _ => None,
        },
    };
    let mut env = BTreeMap::new();
    if let Some(node) = fields.node("env") {
        for (name, at) in reader.variables("env", &secrets::written(node)) {
            if is_unit {
                unit::placeholders(reader, known, &at.value.value, at.value.span);
            }
            env_places.insert(name.clone(), at.key);
            env.insert(name, at.value.value);
        }
    }
    let command = words(reader, fields, "command");
    let release = words(reader, fields, "release");
    let seed = words(reader, fields, "seed");
    if is_unit {
        unit::command(reader, name, fields, known);
    }
    let release_deadline = seconds(reader, fields, "release_deadline");
    let bake = seconds(reader, fields, "bake");
    let warm = seconds(reader, fields, "warm");
    let drain = seconds(reader, fields, "drain");
    let stop_grace = seconds(reader, fields, "stop_grace");
    let stop_signal = match fields.has("stop_signal") {
        true => Some(fields.parsed(reader, "stop_signal")?),
        false => None,
    };
    let memory = fields.number(reader, "memory");
    Some(App {
        source: source?,
        listen: listen?,
        health: health?,
        env,
        command,
        release,
        seed,
        release_deadline: release_deadline?,
        bake: bake?,
        warm: warm?,
        drain: drain?,
        stop_grace: stop_grace?,
        stop_signal,
        memory,
        composed: None,
    })
}

/// A time that is kept in whole seconds.
pub(super) fn seconds(reader: &mut Reader<'_>, fields: &Fields<'_>, name: &str) -> Option<u32> {
    let ms = fields.number::<u32>(reader, name)?;
    if ms.is_multiple_of(1000) {
        return Some(ms / 1000);
    }
    let span = fields.key_span(name);
    reader.report("invalid", span, format!("`{name}` takes whole seconds"));
    None
}

fn source(reader: &mut Reader<'_>, fields: &Fields<'_>) -> Option<AppSource> {
    if fields.has("unit") {
        return unit::unit(reader, fields).map(AppSource::Unit);
    }
    let Some(node) = fields.node("build") else {
        return fields.parsed(reader, "image").map(AppSource::Image);
    };
    if matches!(node.kind, Kind::Scalar(_)) {
        let text = fields.text(reader, "build")?;
        return Some(AppSource::Build(Build {
            context: reader.path(&text)?,
            dockerfile: None,
            inline: None,
            target: None,
            base: None,
            args: BTreeMap::new(),
            place: BuildPlace::Host,
            push: None,
        }));
    }
    if matches!(node.kind, Kind::List(_)) {
        reader.wrong("build", node, "a folder or a map");
        return None;
    }
    let fields = reader.fields("`build`", node, &BUILD)?;
    let context = fields
        .text(reader, "context")
        .and_then(|text| reader.path(&text));
    let dockerfile = fields
        .text(reader, "dockerfile")
        .and_then(|text| reader.path_below(&text, "the context"));
    let base = fields.parsed(reader, "base");
    if fields.has("dockerfile") && fields.has("base") {
        reader
            .report(
                "not-here",
                fields.key_span("base"),
                "`base` has no effect beside `dockerfile`".into(),
            )
            .hint("a Dockerfile names its own base image: remove one of the two");
    }
    let mut args = BTreeMap::new();
    if let Some(node) = fields.node("args") {
        let variables = reader.variables("args", node).into_iter();
        args = variables.map(|(name, at)| (name, at.value.value)).collect();
    }
    let place = static_files::place(reader, "the service", &fields);
    let push = repository(reader, &fields, place);
    // A Dockerfile that is written but wrong must not look like none.
    if fields.has("dockerfile") && dockerfile.is_none() {
        return None;
    }
    Some(AppSource::Build(Build {
        context: context?,
        dockerfile,
        inline: None,
        target: None,
        base,
        args,
        place: place?,
        push,
    }))
}

/// Where an image goes to that is built here. Its tag is the release's.
pub(super) fn repository(
    reader: &mut Reader<'_>,
    fields: &Fields<'_>,
    place: Option<BuildPlace>,
) -> Option<ImageRef> {
    let at = fields.text(reader, "push")?;
    if place == Some(BuildPlace::Host) {
        reader
            .report(
                "not-here",
                fields.key_span("push"),
                "`push` has no effect where hosts build their images".into(),
            )
            .hint("add `on: local`: the engine of this machine then builds the image, pushes it, and hosts pull it");
        return None;
    }
    let image: ImageRef = fields.parsed(reader, "push")?;
    let last = at.value.rsplit('/').next().unwrap_or_default();
    if last.contains([':', '@']) {
        reader
            .report(
                "invalid",
                at.span,
                format!("`push` takes a repository without a tag, found `{image}`"),
            )
            .hint("each release is pushed under a tag of its own, its id");
        return None;
    }
    Some(image)
}

fn listen(reader: &mut Reader<'_>, node: &Node) -> Option<Listen> {
    let expected = "`socket` or a TCP port";
    let text = reader.scalar("listen", node, expected)?;
    if text.value == "socket" {
        return Some(Listen::Socket);
    }
    if !text.value.starts_with(|c: char| c.is_ascii_digit()) {
        let problem = reader.wrong("listen", node, expected);
        if nearest(text.value, ["socket"].into_iter()).is_some() {
            problem.hint("did you mean `socket`?");
        } else if text.value.contains(':') {
            problem.hint("the port in the container alone, such as `8080`");
        }
        return None;
    }
    if let Some((_, port)) = text.value.rsplit_once(':') {
        let hint =
            format!("the port in the container alone: `{port}`; sites decide what visitors reach");
        reader.wrong("listen", node, expected).hint(hint);
        return None;
    }
    let port = quantity(
        reader,
        "listen",
        &text,
        &Shape::Whole { min: 1, max: 65535 },
    )?;
    u16::try_from(port).ok().map(Listen::Port)
}

pub(super) fn health(reader: &mut Reader<'_>, fields: &Fields<'_>) -> Option<Health> {
    let defaults = Node {
        span: fields.span,
        kind: Kind::Map(Vec::new()),
        end: 0,
        plain: false,
    };
    let node = match fields.node("health") {
        Some(node) if matches!(node.kind, Kind::List(_)) => {
            reader.wrong("health", node, "a path or a map");
            return None;
        }
        Some(node) => node,
        None => &defaults,
    };
    let short = matches!(node.kind, Kind::Scalar(_));
    let long = reader.fields("`health`", if short { &defaults } else { node }, &HEALTH)?;
    let path = if short {
        fields.text(reader, "health")
    } else {
        long.text(reader, "path")
    };
    let path = path.and_then(|text| health_path(reader, &text));
    let deadline = long.number::<u32>(reader, "deadline");
    let passes = long.number(reader, "passes");
    let interval = long.number::<u32>(reader, "interval");
    let health = Health {
        path: path?,
        deadline: deadline?.div_ceil(1000),
        passes: passes?,
        interval: interval?,
    };
    if u64::from(health.interval) * u64::from(health.passes - 1)
        >= u64::from(health.deadline) * 1000
    {
        let message = format!(
            "{} passes, {} ms apart, do not fit into the deadline",
            health.passes, health.interval
        );
        reader
            .report("invalid", long.span, message)
            .hint("make `deadline` longer, or `interval` or `passes` smaller");
        return None;
    }
    Some(health)
}

fn health_path(reader: &mut Reader<'_>, text: &At<&str>) -> Option<String> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"._~/-?=&%+,:@".contains(&b);
    if text.value.starts_with('/') && text.value.len() <= 1024 && text.value.bytes().all(plain) {
        return Some(text.value.to_owned());
    }
    let problem = reader.report(
        "invalid",
        text.span,
        format!("`{}` is not a path to ask for", text.value),
    );
    if text.value.contains("://") {
        problem.hint("the path alone, such as `/healthz`");
    } else {
        problem.hint("begin with `/` and use letters, digits and `._~/-?=&%+,:@`");
    }
    None
}

pub(super) fn words(
    reader: &mut Reader<'_>,
    fields: &Fields<'_>,
    key: &str,
) -> Option<Vec<String>> {
    let node = fields.node(key)?;
    let words = reader.list(key, node, "a list, one element for each argument")?;
    if words.first().is_none_or(|word| word.value.is_empty()) {
        reader
            .report("invalid", node.span, format!("`{key}` names no program"))
            .hint(format!("for example `{key}: [python, main.py]`"));
        return None;
    }
    let words = words.into_iter().map(|word| {
        let text = At {
            value: word.value.as_str(),
            span: word.span,
        };
        let good = reader.no_control(&text, &['\n', '\t']);
        good.then_some(word.value)
    });
    // Collected before it is judged, so that each bad word is reported.
    words.collect::<Vec<_>>().into_iter().collect()
}
