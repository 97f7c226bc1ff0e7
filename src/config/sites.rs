//! `sites:`.

use super::error::Span;
use super::keys::SITE;
use super::reader::{At, Reader};
use super::tree::{Kind, Node};
use crate::model::{HostName, PathPrefix, ServerName, ServiceName, SiteName};

/// A site as it is written; `relations` settles what its references mean.
pub(super) struct RawSite {
    pub name: SiteName,
    pub span: Span,
    pub listen: At<Option<u16>>,
    pub names: Vec<At<ServerName>>,
    pub routes: Vec<(PathPrefix, At<ServiceName>)>,
    pub body_limit: Option<u32>,
    pub on: Option<Vec<At<HostName>>>,
}

pub(super) fn read(reader: &mut Reader<'_>, node: &Node) -> Vec<RawSite> {
    let mut sites = Vec::new();
    for entry in reader.named("sites", node) {
        let name = reader.parse::<SiteName>(&entry.key, entry.span);
        let site = site(reader, &entry.key, &entry.value);
        sites.extend(name.zip(site).map(|(name, site)| RawSite {
            name,
            span: entry.span,
            ..site
        }));
    }
    sites
}

fn site(reader: &mut Reader<'_>, name: &str, node: &Node) -> Option<RawSite> {
    let fields = reader.fields(&format!("site `{name}`"), node, &SITE)?;
    let names = match fields.node("names") {
        Some(node) if matches!(node.kind, Kind::Scalar(_)) => {
            let text = fields.text(reader, "names")?;
            let value = reader.parse::<ServerName>(text.value, text.span);
            let span = text.span;
            value.map(|value| At { value, span }).into_iter().collect()
        }
        Some(node) => reader.names("names", node),
        None => Vec::new(),
    };
    let routes = fields.node("routes").map(|node| routes(reader, name, node));
    let listen = match fields.node("listen") {
        Some(node) => node.span,
        None => fields.span,
    };
    Some(RawSite {
        name: name.parse().ok()?,
        span: fields.span,
        listen: At {
            value: fields.number(reader, "listen"),
            span: listen,
        },
        names,
        routes: routes.unwrap_or_default(),
        body_limit: fields.number(reader, "body_limit"),
        on: fields.names(reader, "on"),
    })
}

fn routes(reader: &mut Reader<'_>, site: &str, node: &Node) -> Vec<(PathPrefix, At<ServiceName>)> {
    let mut routes: Vec<(PathPrefix, At<ServiceName>)> = Vec::new();
    let mut seen: Vec<(&str, Span)> = Vec::new();
    for entry in reader.named("routes", node) {
        let prefix = reader.parse::<PathPrefix>(&entry.key, entry.span);
        let service = reader
            .scalar(&entry.key, &entry.value, "a service's name")
            .and_then(|text| {
                let value = reader.parse::<ServiceName>(text.value, text.span)?;
                let span = text.span;
                Some(At { value, span })
            });
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
        routes.extend(prefix.zip(service));
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
    routes.sort_by(|(a, _), (b, _)| {
        let length = |prefix: &PathPrefix| prefix.as_str().len();
        length(b).cmp(&length(a)).then_with(|| a.cmp(b))
    });
    routes
}
