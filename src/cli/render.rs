//! `render`: every file that would go to a host, without touching one.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::args::{Global, RenderArgs};
use super::{Console, Failure, Kind, session};
use crate::facts::{GivenSecrets, HostFacts};
use crate::model::{App, AppSource, Listen, Service, ServiceKind};
use crate::plan::{self, Release};
use crate::render;

/// A rendered file and where it belongs.
struct Rendered {
    host: String,
    /// On the host; for a Dockerfile, in the build context; for the compose file, nowhere.
    place: String,
    /// Below `--out`.
    path: String,
    contents: String,
}

/// The port that a rendered proxy unit shows: the real one is chosen among the host's free ones.
const SHOWN_PORT: u16 = 20000;
/// The nginx that a rendered site is for: what a host's own takes is seen there.
const SHOWN_NGINX: &str = "1.22.1";
/// The SSH port that a rendered firewall shows: on a host it is the one that its sshd has.
const SHOWN_SSH_PORT: u16 = 22;

pub fn render(args: &RenderArgs, global: &Global, console: &Console) -> Result<(), Failure> {
    let loaded = session::load(global, console)?;
    loaded.warn(console);
    // Of secrets only the names are shown, so none is asked for.
    let releases = loaded.releases(&GivenSecrets::new())?;
    let own = loaded.certificates()?;
    let mut files = Vec::new();
    for name in &loaded.hosts {
        let host = &loaded.stack.hosts[name];
        let mut push = |file: crate::model::RemoteFile| {
            files.push(Rendered {
                host: name.to_string(),
                place: file.path.to_string(),
                path: format!("{name}{}", file.path),
                contents: String::from_utf8_lossy(&file.contents).into_owned(),
            });
        };
        let failed = |error: render::RenderError| Failure::of_render(&error);
        let shown = HostFacts {
            nginx: Some(SHOWN_NGINX.into()),
            ..HostFacts::default()
        };
        let https = plan::https_when_issued(&loaded.stack, name, &shown, &own);
        if let Some(file) =
            render::nginx_site(&loaded.templates, &loaded.stack, host, &https).map_err(failed)?
        {
            push(file);
        }
        render::recovery(&loaded.templates, &loaded.stack)
            .map_err(failed)?
            .into_iter()
            .for_each(&mut push);
        if loaded.stack.has_nginx(name) {
            render::admission(&loaded.templates, &loaded.stack)
                .map_err(failed)?
                .into_iter()
                .for_each(&mut push);
        }
        if loaded.stack.firewall {
            let ssh = BTreeSet::from([host.ssh.port.unwrap_or(SHOWN_SSH_PORT)]);
            let firewall = render::firewall(
                &loaded.templates,
                &loaded.stack,
                host,
                &ssh,
                &BTreeSet::new(),
            );
            let firewall = firewall.map_err(failed)?;
            let files = [
                firewall.base,
                firewall.ports,
                firewall.loader,
                firewall.unit,
            ];
            files.into_iter().for_each(&mut push);
        }
        for release in releases.iter().filter(|release| release.host == *name) {
            let service = &loaded.stack.services[&release.service];
            let Some(app) = service.app() else { continue };
            push(
                render::tmpfiles(&loaded.templates, &loaded.stack, service, &release.id)
                    .map_err(failed)?,
            );
            if let Some(unit) = service.unit() {
                let files = crate::plan::unit_files(
                    &loaded.templates,
                    &loaded.stack,
                    service,
                    (app, unit),
                    &release.id,
                    Some(SHOWN_PORT),
                );
                let files = files.map_err(failed)?;
                push(files.environment);
                push(files.unit);
            }
            if app.listen != Listen::Socket {
                let units = render::proxy_units(
                    &loaded.templates,
                    &loaded.stack,
                    &service.name,
                    &release.id,
                    SHOWN_PORT,
                );
                units.map_err(failed)?.into_iter().for_each(&mut push);
            }
        }
        for release in releases.iter().filter(|release| release.host == *name) {
            let service = &loaded.stack.services[&release.service];
            files.extend(dockerfile(service, release));
        }
    }
    let dockerfiles = releases
        .iter()
        .filter_map(|release| Some((release.service.clone(), release.dockerfile.clone()?)))
        .collect();
    let compose = render::compose(&loaded.templates, &loaded.stack, &dockerfiles)
        .map_err(|error| Failure::of_render(&error))?;
    files.push(Rendered {
        host: "-".into(),
        place: "nowhere: the stack as a compose file, to read or to run by hand".into(),
        path: "compose.yaml".into(),
        contents: compose,
    });
    match &args.out {
        Some(out) => {
            for file in &files {
                write(&out.join(&file.path), &file.contents)?;
            }
            if console.json {
                list(&files, console)
            } else {
                let lines: Vec<String> = files
                    .iter()
                    .map(|file| {
                        format!(
                            "{}  {}: {}",
                            out.join(&file.path).display(),
                            file.host,
                            file.place
                        )
                    })
                    .collect();
                console.say(&lines.join("\n"))
            }
        }
        None if console.json => list(&files, console),
        None => {
            let mut text = String::new();
            for file in &files {
                let heading = format!("# {}: {}", file.host, file.place);
                text.push_str(&format!(
                    "{}\n{}\n",
                    console.paint_out.strong(&heading),
                    file.contents
                ));
            }
            console.say(&text)
        }
    }
}

fn dockerfile(service: &Service, release: &Release) -> Option<Rendered> {
    let ServiceKind::App(app) = &service.kind else {
        return None;
    };
    let App {
        source: AppSource::Build(build),
        ..
    } = app.as_ref()
    else {
        return None;
    };
    let contents = release.dockerfile.clone()?;
    Some(Rendered {
        host: release.host.to_string(),
        place: format!(
            "Dockerfile of `{}`, sent with {}",
            service.name,
            build.context.display()
        ),
        path: format!("{}/Dockerfile.{}", release.host, service.name),
        contents,
    })
}

fn list(files: &[Rendered], console: &Console) -> Result<(), Failure> {
    let files: Vec<Value> = files
        .iter()
        .map(|file| json!({"host": file.host, "place": file.place, "path": file.path, "contents": file.contents}))
        .collect();
    console.say(&json!({"schema": 1, "files": files}).to_string())
}

fn write(path: &Path, contents: &str) -> Result<(), Failure> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)
        .and_then(|()| fs::write(path, contents))
        .map_err(|error| {
            Failure::new(
                Kind::Usage,
                format!("cannot write {}: {error}", path.display()),
            )
        })
}
