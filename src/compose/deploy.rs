//! `deploy:` of a service.

use super::keys;
use super::model::{Deploy, Placement, Resource, Resources, RestartPolicy, UpdateConfig};
use super::read::Reader;
use crate::yaml::tree::Entry;

pub(super) fn read(reader: &mut Reader<'_>, entry: &Entry) -> Deploy {
    let mut deploy = Deploy::default();
    for field in reader.fields(entry, &keys::DEPLOY) {
        match field.key.as_str() {
            "mode" => {
                let modes = ["replicated", "global", "replicated-job", "global-job"];
                deploy.mode = reader.word(field, &modes);
            }
            "replicas" => deploy.replicas = Some(reader.number(field)),
            "labels" => deploy.labels = reader.mapping(field),
            "update_config" => deploy.update_config = Some(update(reader, field)),
            "rollback_config" => deploy.rollback_config = Some(update(reader, field)),
            "resources" => deploy.resources = resources(reader, field),
            "restart_policy" => deploy.restart_policy = Some(restart(reader, field)),
            "placement" => deploy.placement = placement(reader, field),
            _ => deploy.endpoint_mode = reader.text(field),
        }
    }
    deploy
}

fn update(reader: &mut Reader<'_>, entry: &Entry) -> UpdateConfig {
    let mut update = UpdateConfig::default();
    for field in reader.fields(entry, &keys::UPDATE) {
        match field.key.as_str() {
            "parallelism" => update.parallelism = Some(reader.number(field)),
            "delay" => update.delay = reader.time(field),
            "failure_action" => {
                let actions = ["continue", "pause", "rollback"];
                update.failure_action = reader.word(field, &actions);
            }
            "monitor" => update.monitor = reader.time(field),
            "max_failure_ratio" => update.max_failure_ratio = reader.number(field),
            _ => update.order = reader.word(field, &["start-first", "stop-first"]),
        }
    }
    update
}

fn restart(reader: &mut Reader<'_>, entry: &Entry) -> RestartPolicy {
    let mut restart = RestartPolicy::default();
    for field in reader.fields(entry, &keys::RESTART) {
        match field.key.as_str() {
            "condition" => {
                // The last three are of `restart`, and compose takes them here too.
                let conditions = [
                    "none",
                    "on-failure",
                    "any",
                    "always",
                    "unless-stopped",
                    "no",
                ];
                restart.condition = reader.word(field, &conditions);
            }
            "delay" => restart.delay = Some(reader.time(field)),
            "max_attempts" => restart.max_attempts = Some(reader.number(field)),
            _ => restart.window = Some(reader.time(field)),
        }
    }
    restart
}

fn placement(reader: &mut Reader<'_>, entry: &Entry) -> Placement {
    let mut placement = Placement::default();
    for field in reader.fields(entry, &keys::PLACEMENT) {
        match field.key.as_str() {
            "constraints" => placement.constraints = reader.texts(field),
            _ => placement.max_replicas_per_node = reader.number(field),
        }
    }
    placement
}

fn resources(reader: &mut Reader<'_>, entry: &Entry) -> Resources {
    let mut resources = Resources::default();
    for field in reader.fields(entry, &keys::RESOURCES) {
        let resource = Some(resource(reader, field));
        match field.key.as_str() {
            "limits" => resources.limits = resource,
            _ => resources.reservations = resource,
        }
    }
    resources
}

fn resource(reader: &mut Reader<'_>, entry: &Entry) -> Resource {
    let mut resource = Resource::default();
    for field in reader.fields(entry, &keys::RESOURCE) {
        match field.key.as_str() {
            "cpus" => resource.cpus = reader.number(field),
            "memory" => resource.memory = reader.bytes(field),
            _ => resource.pids = reader.number(field),
        }
    }
    resource
}
