//! `routes:` of a site.

use std::collections::BTreeMap;

use super::error::Span;
use super::keys::ROUTE;
use super::reader::{At, Fields, Reader};
use super::tree::{Kind, Node};
use crate::model::{HeaderName, PathPrefix, Redirect, RouteOptions, ServiceName};

/// A route as it is written.
pub(super) struct RawRoute {
    pub prefix: PathPrefix,
    pub to: RawTarget,
    pub options: RouteOptions,
    /// Where options stand that only make sense before an app.
    pub apps_only: Vec<At<&'static str>>,
}

pub(super) enum RawTarget {
    Service(At<ServiceName>),
    Redirect(At<Redirect>),
}

impl RawRoute {
    /// The service that answers, unless it is a redirect.
    pub fn service(&self) -> Option<&ServiceName> {
        match &self.to {
            RawTarget::Service(at) => Some(&at.value),
            RawTarget::Redirect(_) => None,
        }
    }
}

pub(super) fn read(reader: &mut Reader<'_>, site: &str, node: &Node) -> Vec<RawRoute> {
    let mut routes: Vec<RawRoute> = Vec::new();
    let mut seen: Vec<(&str, Span)> = Vec::new();
    for entry in reader.named("routes", node) {
        let prefix = reader.parse::<PathPrefix>(&entry.key, entry.span);
        let route = route(reader, &entry.key, &entry.value);
        let folded = entry.key.trim_end_matches('/');
        if let Some((_, first)) = seen.iter().find(|(other, _)| *other == folded) {
            reader
                .report(
                    "duplicate-route",
                    entry.span,
                    format!("the route `{}` is there already", entry.key),
                )
                .also(*first, "the first one is here")
                .hint("a final `/` makes no difference");
            continue;
        }
        seen.push((folded, entry.span));
        let Some((prefix, mut route)) = prefix.zip(route) else {
            continue;
        };
        route.prefix = prefix;
        if let Some(strip) = route.apps_only.iter().find(|at| at.value == "strip")
            && folded.is_empty()
        {
            reader
                .report(
                    "not-here",
                    strip.span,
                    "`strip` has no effect on the route `/`".into(),
                )
                .hint("it takes the route's beginning off the path");
        }
        routes.push(route);
    }
    if node.entries().is_empty() && matches!(node.kind, Kind::Map(_)) {
        reader
            .report(
                "no-routes",
                node.span,
                format!("site `{site}` needs at least one route"),
            )
            .hint("for example `/: page`");
    }
    // Longest first; `/` has the length 1 and so comes last.
    routes.sort_by(|a, b| {
        let length = |route: &RawRoute| route.prefix.as_str().len();
        length(b)
            .cmp(&length(a))
            .then_with(|| a.prefix.cmp(&b.prefix))
    });
    routes
}

/// What one prefix leads to; the prefix itself is set by the caller.
fn route(reader: &mut Reader<'_>, name: &str, node: &Node) -> Option<RawRoute> {
    let root: PathPrefix = "/".parse().expect("a path");
    if !matches!(node.kind, Kind::Map(_)) {
        let text = reader.scalar(name, node, "a service's name or a map")?;
        let value = reader.parse::<ServiceName>(text.value, text.span)?;
        let span = text.span;
        return Some(RawRoute {
            prefix: root,
            to: RawTarget::Service(At { value, span }),
            options: RouteOptions::default(),
            apps_only: Vec::new(),
        });
    }
    let fields = reader.fields(&format!("route `{name}`"), node, &ROUTE)?;
    let to = target(reader, name, &fields);
    let strip = fields.switch(reader, "strip");
    let access_log = fields.switch(reader, "access_log");
    let timeout = match fields.has("timeout") {
        true => Some(super::services::seconds(reader, &fields, "timeout")?),
        false => None,
    };
    let body_limit = match fields.has("body_limit") {
        true => Some(fields.number(reader, "body_limit")?),
        false => None,
    };
    let headers = headers(reader, &fields);
    let to = to?;
    if let RawTarget::Redirect(_) = &to {
        for (key, span) in fields.keys().filter(|(key, _)| key.name != "redirect") {
            let message = format!("`{}` has no effect beside `redirect`", key.name);
            reader
                .report("not-here", span, message)
                .hint("remove it, or lead the route to a service");
        }
    }
    let apps_only = fields.keys().filter(|(key, _)| key.apps_only);
    Some(RawRoute {
        prefix: root,
        to,
        options: RouteOptions {
            strip: strip?,
            access_log: access_log?,
            timeout,
            body_limit,
            headers,
        },
        apps_only: apps_only
            .map(|(key, span)| At {
                value: key.name,
                span,
            })
            .collect(),
    })
}

fn target(reader: &mut Reader<'_>, name: &str, fields: &Fields<'_>) -> Option<RawTarget> {
    match (fields.has("service"), fields.has("redirect")) {
        (true, true) => {
            let message = format!("route `{name}` has `service` and `redirect`");
            reader
                .report("kind", fields.key_span("redirect"), message)
                .also(fields.key_span("service"), "and this")
                .hint("it does one of the two");
            None
        }
        (false, false) => {
            let message = format!("route `{name}` leads nowhere");
            reader
                .report("missing-key", fields.span, message)
                .hint("give it `service: NAME`, or `redirect: https://…`");
            None
        }
        (true, false) => {
            let text = fields.text(reader, "service")?;
            let value = reader.parse(text.value, text.span)?;
            let span = text.span;
            Some(RawTarget::Service(At { value, span }))
        }
        (false, true) => {
            let text = fields.text(reader, "redirect")?;
            let value = reader.parse(text.value, text.span)?;
            let span = text.span;
            Some(RawTarget::Redirect(At { value, span }))
        }
    }
}

/// Headers that belong to the connection, to the body or to nginx itself.
const NOT_OURS: &[&str] = &[
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "date",
    "server",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

fn headers(reader: &mut Reader<'_>, fields: &Fields<'_>) -> BTreeMap<HeaderName, String> {
    let mut headers = BTreeMap::new();
    let Some(node) = fields.node("headers") else {
        return headers;
    };
    for entry in reader.named("headers", node) {
        let name = reader.parse::<HeaderName>(&entry.key, entry.span);
        let Some(value) = reader.scalar(&entry.key, &entry.value, "a text in one line") else {
            continue;
        };
        if !reader.no_control(&value, &[]) {
            continue;
        }
        if value.value.contains('$') {
            reader
                .report(
                    "invalid",
                    value.span,
                    format!("the value of `{}` holds a `$`", entry.key),
                )
                .hint("nginx has no way to write one; have the app send this header");
            continue;
        }
        let lower = entry.key.to_ascii_lowercase();
        if NOT_OURS.contains(&lower.as_str()) {
            reader
                .report(
                    "invalid",
                    entry.span,
                    format!("`{}` is not for a site to set", entry.key),
                )
                .hint("nginx and the app see to it");
            continue;
        }
        if let Some(name) = name
            && headers.insert(name, value.value.to_owned()).is_some()
        {
            let message = format!("the header `{}` is there already", entry.key);
            reader
                .report("duplicate-header", entry.span, message)
                .hint("upper and lower case make no difference");
        }
    }
    headers
}

/// Reports what an option of a route has no effect on.
pub(super) fn not_for_files(reader: &mut Reader<'_>, route: &RawRoute, service: &ServiceName) {
    for at in &route.apps_only {
        let message = format!(
            "`{}` has no effect before the static files `{service}`",
            at.value
        );
        reader
            .report("not-here", at.span, message)
            .hint("it is for routes to apps");
    }
}

/// Reports a redirect that leads to where it comes from.
pub(super) fn to_itself(
    reader: &mut Reader<'_>,
    redirect: &At<Redirect>,
    port: u16,
    names: &[&str],
) {
    let leads_here = redirect.value.is_whole_site()
        && redirect.value.port() == Some(port)
        && redirect
            .value
            .host()
            .is_some_and(|host| names.contains(&host) || is_below(host, names));
    if leads_here {
        let message = format!("`{}` leads back to this site", redirect.value);
        reader
            .report("redirect-loop", redirect.span, message)
            .hint("make the names that are led elsewhere a site of their own");
    }
}

fn is_below(host: &str, names: &[&str]) -> bool {
    let mut below = names.iter().filter_map(|name| name.strip_prefix('*'));
    below.any(|end| host.ends_with(end))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{good, lines};
    use crate::model::{Redirect, RouteTarget};

    /// A stack whose site has these routes.
    fn with(routes: &str) -> String {
        format!(
            "stack: s\nhosts: {{h: 10.0.0.1}}\nservices: {{a: {{build: .}}, p: {{static: .}}}}\nsites:\n  s:\n    names: [a.example]\n    routes:\n{routes}"
        )
    }

    #[track_caller]
    fn check(routes: &str, expected: &str) {
        assert_eq!(lines(&with(routes)), expected, "for:\n{routes}");
    }

    #[test]
    fn a_route_is_a_service_or_a_map() {
        let stack = good(&with(
            "      /: p\n      /api: {service: a, strip: on, timeout: 5m, body_limit: 1G, headers: {X-Robots-Tag: noindex}, access_log: off}\n      /old: {redirect: /new}\n",
        ));
        let site = stack.sites.values().next().unwrap();
        let [api, old, page] = &site.routes[..] else {
            panic!("{site:?}")
        };
        let options = &api.options;
        assert!(options.strip && !options.access_log && page.options.access_log);
        assert_eq!(
            (options.timeout, options.body_limit),
            (Some(300), Some(1024))
        );
        assert_eq!(options.headers.values().next().unwrap(), "noindex");
        let redirect: Redirect = "/new".parse().unwrap();
        assert_eq!(old.to, RouteTarget::Redirect(redirect));
        assert_eq!((old.service(), page.options.timeout), (None, None));
    }

    #[test]
    fn what_a_route_cannot_do_is_told_at_its_place() {
        check(
            "      /: {timeout: 5s}\n",
            "8:7 [/] missing-key: route `/` leads nowhere | give it `service: NAME`, or `redirect: https://…`",
        );
        check(
            "      /x: {service: p, strip: on, timeout: 5s}\n",
            "8:24 [strip] not-here: `strip` has no effect before the static files `p` | it is for routes to apps\n\
             8:35 [timeout] not-here: `timeout` has no effect before the static files `p` | it is for routes to apps",
        );
        check(
            "      /: {service: a, strip: on}\n",
            "8:23 [strip] not-here: `strip` has no effect on the route `/` | it takes the route's beginning off the path",
        );
        check(
            "      /: {service: a, strip: true}\n",
            "8:30 [true] wrong-type: `strip`: expected `on` or `off`, found `true` | write `on`",
        );
        check(
            "      /: {redirect: http://a.example}\n",
            "8:21 [http://a.example] redirect-loop: `http://a.example` leads back to this site | make the names that are led elsewhere a site of their own",
        );
        check(
            "      /: {redirect: https://b.example, timeout: 5s}\n",
            "8:40 [timeout] not-here: `timeout` has no effect beside `redirect` | remove it, or lead the route to a service",
        );
        check(
            "      /: {redirect: \"https://b.example; return 200\"}\n",
            "8:21 [\"https://b.example; return 200\"] invalid: `https://b.example; return 200` is not a place to send visitors to: write an address such as `https://www.example.com`, which keeps their path, or with a path, or a path of this site",
        );
    }

    #[test]
    fn headers_cannot_become_syntax() {
        check(
            "      /: {service: a, headers: {\"X A\": b}}\n",
            "8:33 [\"X A\"] invalid: `X A` is not a header's name: use letters, digits and `-`",
        );
        check(
            "      /: {service: a, headers: {X-A: \"b\\nc\"}}\n",
            "8:38 [\"b\\nc\"] control-character: the value holds the control character U+000A | it must be one line: `>-` folds several into one and drops the last line break",
        );
        check(
            "      /: {service: a, headers: {X-A: \"$b\"}}\n",
            "8:38 [\"$b\"] invalid: the value of `X-A` holds a `$` | nginx has no way to write one; have the app send this header",
        );
        check(
            "      /: {service: a, headers: {Content-Length: 1}}\n",
            "8:33 [Content-Length] invalid: `Content-Length` is not for a site to set | nginx and the app see to it",
        );
    }
}
