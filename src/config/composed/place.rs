//! Where the images that a compose file builds are built, as `services:` says: by each host, or by this machine for all.

use super::super::keys::BUILD;
use super::super::reader::Reader;
use super::super::tree::{Entry, Kind};
use super::super::{services, static_files};
use super::Composition;
use crate::model::{BuildPlace, ImageRef};

/// Where an image is built, and where it goes to from there.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub built: BuildPlace,
    pub push: Option<ImageRef>,
}

impl Default for Place {
    fn default() -> Self {
        Self {
            built: BuildPlace::Host,
            push: None,
        }
    }
}

impl Composition<'_> {
    /// What `build` below a service of the stack adds to the one of the compose file.
    pub(super) fn place(
        &self,
        reader: &mut Reader<'_>,
        name: &str,
        added: &Entry,
    ) -> Option<Place> {
        let entry = added.value.get("build")?;
        if self.loaded.project.services[name].build.is_none() {
            let message = format!(
                "`build` of `{}`, which its compose file does not build",
                added.key
            );
            reader.report("not-here", entry.span, message).hint(
                "say it of the service that builds the image, or write `build` in the compose file",
            );
            return None;
        }
        let in_compose = format!("`build` of `{}` is said in its compose file", added.key);
        if matches!(entry.value.kind, Kind::Scalar(_) | Kind::List(_)) {
            reader
                .report("not-here", entry.span, in_compose)
                .hint("write it there; here it may say where: `build: {on: local}`");
            return None;
        }
        let fields = reader.fields("`build`", &entry.value, &BUILD)?;
        for (key, span) in fields.keys() {
            if !["on", "push"].contains(&key.name) {
                let message = format!("`{}` of `build` is said in the compose file", key.name);
                reader
                    .report("not-here", span, message)
                    .hint("write it there; here are only `on` and `push`");
            }
        }
        let built = static_files::place(reader, "the service", &fields);
        let push = services::repository(reader, &fields, built);
        Some(Place {
            built: built?,
            push,
        })
    }
}
