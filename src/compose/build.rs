//! `build:` of a service.

use super::model::{Build, Environment};
use super::read::{Mention, Reader};
use super::{keys, mounts};
use crate::yaml::error::Span;
use crate::yaml::tree::{Entry, Kind};

/// The build, and the secrets that it names.
pub(super) fn read(reader: &mut Reader<'_>, entry: &Entry) -> (Build, Vec<Mention>) {
    let span = entry.value.span;
    let mut build = Build::default();
    let mut secrets = Vec::new();
    if let Kind::Scalar(context) = &entry.value.kind {
        build.context = context_path(reader, context, span);
    } else {
        for field in reader.fields(entry, &keys::BUILD) {
            match field.key.as_str() {
                "context" => {
                    let text = reader.text(field);
                    build.context = context_path(reader, &text, field.value.span);
                }
                "dockerfile" => build.dockerfile = reader.text(field),
                "dockerfile_inline" => build.dockerfile_inline = reader.text(field),
                "args" => build.args = given(reader.resolved(field)),
                "labels" => build.labels = reader.mapping(field),
                "cache_from" => build.cache_from = reader.text_or_texts(field),
                "cache_to" => build.cache_to = reader.text_or_texts(field),
                "no_cache" => build.no_cache = reader.flag(field),
                "additional_contexts" => {
                    for (name, context) in reader.mapping(field) {
                        let context = context_path(reader, &context, field.value.span);
                        build.additional_contexts.insert(name, context);
                    }
                }
                "pull" => build.pull = reader.flag(field),
                "extra_hosts" => build.extra_hosts = reader.hosts(field),
                "network" => build.network = reader.text(field),
                "target" => build.target = reader.text(field),
                "secrets" => (build.secrets, secrets) = mounts::files(reader, field, None),
                "shm_size" => build.shm_size = reader.bytes(field),
                "tags" => build.tags = reader.distinct(field),
                _ => build.platforms = reader.texts(field),
            }
        }
    }
    if build.context.is_empty() {
        let folder = reader.sources[entry.span.file].context.build.clone();
        build.context = super::read::shown(&folder);
    }
    if build.dockerfile.is_empty() && build.dockerfile_inline.is_empty() {
        build.dockerfile = "Dockerfile".to_owned();
    }
    (build, secrets)
}

/// An argument without any value is not given to the build.
fn given(arguments: Environment) -> Environment {
    let given = arguments.into_iter().filter(|(_, value)| value.is_some());
    given.collect()
}

/// A folder of this machine, or the address of what the builder fetches.
fn context_path(reader: &mut Reader<'_>, text: &str, span: Span) -> String {
    let remote = text.contains("://")
        || ["git@", "github.com/"]
            .iter()
            .any(|prefix| text.starts_with(prefix));
    if remote {
        return text.to_owned();
    }
    reader.path(text, span)
}
