//! `sites:`.

use super::error::Span;
use super::keys::SITE;
use super::reader::{At, Fields, Reader};
use super::routes::{self, RawRoute};
use super::tls;
use super::tree::{Kind, Node};
use crate::model::{HostName, ServerName, SiteName, Tls};

/// A site as it is written; `relations` settles what its references mean.
pub(super) struct RawSite {
    pub name: SiteName,
    pub span: Span,
    pub listen: At<Option<u16>>,
    pub names: Vec<At<ServerName>>,
    pub routes: Vec<RawRoute>,
    pub body_limit: Option<u32>,
    pub tls: Option<At<Tls>>,
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
    let routes = fields
        .node("routes")
        .map(|node| routes::read(reader, name, node));
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
        tls: read_tls(reader, &fields),
        on: fields.names(reader, "on"),
    })
}

fn read_tls(reader: &mut Reader<'_>, fields: &Fields<'_>) -> Option<At<Tls>> {
    let redirect = fields.switch(reader, "redirect");
    let hsts = fields.switch(reader, "hsts");
    let Some(node) = fields.node("tls") else {
        for name in ["redirect", "hsts"] {
            if fields.has(name) {
                reader
                    .report(
                        "needs-tls",
                        fields.key_span(name),
                        format!("`{name}` means nothing without `tls`"),
                    )
                    .hint("add `tls: acme`, or remove it");
            }
        }
        return None;
    };
    let span = fields.key_span("tls");
    let (source, alert_days) = tls::read(reader, node)?;
    let value = Tls {
        source,
        redirect: redirect?,
        hsts: hsts?,
        alert_days,
    };
    Some(At { value, span })
}
