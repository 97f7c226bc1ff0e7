//! Hosts that exist only as facts: what a step does to a real host is done to what that host would say of itself.

use std::collections::{BTreeMap, BTreeSet};

use stackctl::facts::{
    CertificateFacts, ContainerDetails, ContainerFacts, ContainerSettings, DatabaseFacts,
    DockerFacts, Facts, FileFacts, FileKind, FirewallFacts, HostFacts, ImageFacts, Leaf, Listener,
    MountFacts, NetworkFacts, SchemaFacts, UnitFacts, is_bare, sha256,
};
use stackctl::model::{ComposedMount, Dialect, HostPath, Layout, RemoteFile, Stack};
use stackctl::plan::container::{self, ContainerSpec, Mount};
use stackctl::plan::{Action, Awaited, CertificateOrder, Process, Step, database_targets};

/// Does `step` to the host it is for.
pub fn act(stack: &Stack, facts: &mut Facts, step: &Step) {
    let host = facts
        .get_mut(&step.host)
        .expect("a step is for a host that answered");
    // No two things happen in the same second, so that what is older can be told.
    host.clock += 1;
    let now = host.clock;
    match &step.action {
        Action::RefreshPackageIndex => host.package_index = Some(now),
        Action::InstallPackages(names) => names.iter().for_each(|name| install(host, name)),
        Action::EnsureUser { name, id, .. } => drop(host.users.insert(name.clone(), *id)),
        Action::RestartUnit(unit) => assert!(host.is_active(unit), "{unit}"),
        Action::RemoveUser(name) => drop(host.users.remove(name)),
        Action::DropDatabase(target) => {
            let all = database_targets(stack, host);
            let (service, _) = all.iter().find(|(_, known)| known == target).unwrap();
            host.databases.remove(&service.name);
        }
        Action::Install(wanted) => {
            assert!(host.files.contains_key(&wanted.source));
            put(host, &wanted.to, FileKind::Folder, 0o755, 0, None);
            let whole = format!("{}.whole", wanted.to).parse().unwrap();
            put(host, &whole, FileKind::File, 0o644, 0, Some(b""));
            let target = FileKind::Link(wanted.to.to_string());
            put(host, &wanted.link, target, 0o777, 0, None);
        }
        Action::BuildOnHost(build) => {
            for name in ["source", "environment"] {
                let path = format!("{}/{name}", build.folder).parse().unwrap();
                assert!(host.files.contains_key(&path), "{path}");
            }
            assert!(host.users.values().any(|id| *id == build.user));
            put(
                host,
                &build.downloads,
                FileKind::Folder,
                0o700,
                build.user,
                None,
            );
            put(host, &build.to, FileKind::Folder, 0o755, 0, None);
        }
        Action::BuildHere(build) => put(host, &build.to, FileKind::Folder, 0o755, 0, None),
        Action::KeepAssets { releases, to, .. } => {
            for release in releases {
                assert!(host.files.contains_key(release), "{release}");
            }
            put(host, to, FileKind::Folder, 0o755, 0, None);
        }
        Action::VerifyUnit { folder, .. } => assert!(host.files.contains_key(folder), "{folder}"),
        Action::RunUnitOnce(run) => {
            let environment = run
                .properties
                .iter()
                .find_map(|property| property.strip_prefix("EnvironmentFile="))
                .expect("its variables are in a file");
            assert!(host.files.contains_key(&environment.parse().unwrap()));
        }
        Action::StartUnit(unit) => {
            if unit.contains('@') {
                let file = format!("/etc/systemd/system/{unit}").parse().unwrap();
                assert!(host.files.contains_key(&file), "{unit} has no file");
            }
            set_unit(host, unit, "active", "enabled");
            let file: HostPath = format!("/etc/systemd/system/{unit}").parse().unwrap();
            let text = host.files.get(&file).and_then(|file| file.contents.clone());
            let text = String::from_utf8(text.unwrap_or_default()).unwrap();
            if let Some((_, rest)) = text.split_once("\nStateDirectory=") {
                let folder = format!("/var/lib/{}", rest.lines().next().unwrap());
                let folder = folder.parse().unwrap();
                put(host, &folder, FileKind::Folder, 0o700, 0, None);
            }
            let site = Layout::new(&stack.name).nginx_available();
            let site = host
                .files
                .get(&site)
                .and_then(|site| site.contents.as_ref());
            if let Some(site) = site.filter(|_| unit == "nginx.service") {
                startable(host, site);
            }
            if unit == "docker.service" {
                host.docker.get_or_insert_with(|| DockerFacts {
                    engine: "20.10.24".into(),
                    ..DockerFacts::default()
                });
            }
        }
        Action::EnableUnit(unit) => set_unit(host, unit, "inactive", "enabled"),
        Action::StopUnit(unit) => {
            // One that is not there counts as stopped.
            if host.units.contains_key(unit) {
                set_unit(host, unit, "inactive", "disabled");
            }
            if unit == Layout::FIREWALL_UNIT {
                firewall(host).live = None;
            }
        }
        Action::LoadFirewall => {
            set_unit(host, Layout::FIREWALL_UNIT, "active", "enabled");
            let files = firewall_files(host);
            let firewall = firewall(host);
            firewall.live = Some(format!("table of {files}"));
            firewall.record = Some(format!("{files}  -\ntable of {files}"));
        }
        Action::RestoreFirewall(before) => {
            for (path, contents) in &before.files {
                match contents {
                    None => remove(host, path),
                    Some(bytes) => put(host, path, FileKind::File, 0o644, 0, Some(bytes)),
                }
            }
            if !before.files.iter().any(|(_, contents)| contents.is_some()) {
                set_unit(host, Layout::FIREWALL_UNIT, "inactive", "disabled");
            }
            let firewall = firewall(host);
            firewall.live.clone_from(&before.live);
            firewall.record.clone_from(&before.record);
        }
        Action::Confirm => {}
        Action::PutFolder(folder) => {
            put(
                host,
                &folder.path,
                FileKind::Folder,
                folder.mode,
                folder.owner.user,
                None,
            );
        }
        Action::PutFile { file, .. } => put_file(host, file),
        Action::Remove(path) => remove(host, path),
        Action::GenerateSecret { path, .. } => {
            let secret = host.files.contains_key(path);
            if !secret {
                put(host, path, FileKind::File, 0o600, 0, Some(b"generated"));
            }
        }
        Action::CopySecret {
            to,
            mode,
            owner,
            around,
            ..
        } => {
            put(
                host,
                to,
                FileKind::File,
                *mode,
                owner.user,
                Some(b"generated"),
            );
            // A URL of somebody else's is handed as it is.
            let mut urls = host.databases.values().filter_map(|told| match told {
                DatabaseFacts::Answers(told) => told.url.clone(),
                DatabaseFacts::Silent(_) => None,
            });
            let is_url = around
                .as_ref()
                .is_some_and(|around| around.concat().is_empty());
            if let Some(url) = urls.next().filter(|_| is_url) {
                host.files.get_mut(to).unwrap().digest = Some(url);
            }
        }
        Action::PutSecret {
            path,
            value,
            digest,
            mode,
            owner,
        } => {
            let bytes = value.reveal().as_bytes();
            assert_eq!(sha256(bytes), *digest);
            put(host, path, FileKind::File, *mode, owner.user, Some(bytes));
        }
        Action::TrustAuthority { file, trusted } => {
            put_file(host, file);
            let target = FileKind::Link(file.path.to_string());
            put(host, trusted, target, 0o777, 0, None);
        }
        Action::DistrustAuthority(path) => remove(host, path),
        Action::ObtainCertificate(order) => obtain(stack, host, order),
        Action::ForgetCertificate(name) => {
            for path in [
                format!("/etc/letsencrypt/renewal/{name}.conf"),
                format!("/etc/letsencrypt/live/{name}"),
            ] {
                remove(host, &path.parse().unwrap());
            }
        }
        Action::KeepCopy { from, to } => {
            let bytes = host.files[from].contents.clone();
            put(host, to, FileKind::File, 0o600, 0, bytes.as_deref());
        }
        Action::InstallSite(site) => {
            startable(host, &site.file.contents);
            put_file(host, &site.file);
            host.generation = Some(site.generation.clone());
            let text = std::str::from_utf8(&site.file.contents).unwrap();
            let read = host
                .certificates
                .iter()
                .find(|(path, _)| text.contains(path.as_str()));
            let read = read.map(|(_, certificate)| certificate.fingerprint.clone());
            for shown in host.shown.values_mut() {
                *shown = read.clone().unwrap_or_default();
            }
            for log in text.split([' ', ';']) {
                if let Some(log) = log.strip_prefix("/var/log/nginx/") {
                    let logs = host.entries.entry("/var/log/nginx".into()).or_default();
                    logs.insert(log.into(), host.clock);
                }
            }
            let target = format!("../sites-available/{}", name(&site.file.path));
            put(host, &site.enabled, FileKind::Link(target), 0o777, 0, None);
            for path in &site.disable {
                remove(host, path);
            }
            host.listeners.push(Listener {
                port: site.port,
                address: "0.0.0.0".into(),
                process: "nginx".into(),
            });
        }
        Action::CreateNetwork {
            name,
            internal,
            of_file,
            ..
        } => {
            let definition = of_file.as_deref().map(container::network_digest);
            let network = NetworkFacts {
                internal: *internal,
                definition,
            };
            engine(host).networks.insert(name.clone(), network);
            engine(host).owned_networks.insert(name.clone());
        }
        Action::CreateVolume { name, .. } => {
            engine(host).volumes.insert(name.clone());
            engine(host).owned_volumes.insert(name.clone());
        }
        Action::RemoveNetwork(name) => {
            engine(host).networks.remove(name);
            engine(host).owned_networks.remove(name);
        }
        Action::RemoveVolume(name) => {
            engine(host).volumes.remove(name);
            engine(host).owned_volumes.remove(name);
        }
        Action::RemoveState { state, run, kept } => {
            let parents = kept.iter().map(|path| path.parent().parse().unwrap());
            let kept: BTreeSet<HostPath> = parents.chain(kept.iter().cloned()).collect();
            let stays: Vec<_> = kept
                .iter()
                .filter_map(|path| Some((path.clone(), host.files.get(path)?.clone())))
                .collect();
            for folder in [state, run] {
                remove(host, folder);
                let below = format!("{folder}/");
                let is_below = |name: &str| name == folder.as_str() || name.starts_with(&below);
                host.entries.retain(|name, _| !is_below(name));
            }
            host.manifest = Default::default();
            for (path, file) in stays {
                let bytes = file.contents;
                put(
                    host,
                    &path,
                    file.kind,
                    file.mode,
                    file.user,
                    bytes.as_deref(),
                );
                put(host, state, FileKind::Folder, 0o711, 0, None);
            }
        }
        Action::PullImage(tag) => image(host, tag),
        Action::BuildImage(build) | Action::BuildImageHere(build) => {
            image(host, &build.tag);
            let built = engine(host).images.get_mut(&build.tag).unwrap();
            built.labels.clone_from(&build.labels);
        }
        Action::TagImage { image, tag } => {
            let images = &mut engine(host).images;
            let mut same = images.values().filter(|there| there.id == *image);
            let facts = ImageFacts {
                id: image.clone(),
                labels: same
                    .next()
                    .map_or_else(BTreeMap::new, |there| there.labels.clone()),
                ..ImageFacts::default()
            };
            images.insert(tag.clone(), facts);
        }
        Action::RemoveImage(tag) => drop(engine(host).images.remove(tag)),
        Action::RunContainer(spec) => run(host, spec, now),
        Action::StopContainer { name, .. } => {
            // One that is not there counts as stopped.
            if let Some(there) = engine(host).containers.get_mut(name) {
                there.state = "exited".into();
            }
        }
        Action::RemoveContainer(name) => drop(engine(host).containers.remove(name)),
        Action::EnsureDatabase(target) => {
            let all = database_targets(stack, host);
            let (service, _) = all.iter().find(|(_, known)| known == target).unwrap();
            let database = &target.database;
            let grants = match target.dialect {
                Dialect::Mongodb => {
                    ["readWrite", "dbAdmin"].map(|role| format!("{role}@{database}"))
                }
                Dialect::Redis => panic!("nothing can be made there"),
                Dialect::Mysql | Dialect::Mariadb => [
                    "GRANT USAGE ON *.* TO x".to_owned(),
                    format!("GRANT ALL PRIVILEGES ON `{database}`.* TO x"),
                ],
            };
            let schema = SchemaFacts {
                version: "8.4.3".into(),
                charset: Some("utf8mb4".into()),
                grants: Some(grants.into()),
                login: true,
                tables: 0,
                url: None,
            };
            let answers = DatabaseFacts::Answers(schema);
            let databases = match &target.process {
                Process::Container(_) => &mut engine(host).databases,
                Process::Unit(_) => &mut host.databases,
            };
            databases.insert(service.name.clone(), answers);
        }
        Action::MakeSchema { server, .. } => {
            let mut services = stack.services.values();
            let made = services.find(|service| {
                let external = service.external().and_then(|external| external.mysql());
                external == Some(server)
            });
            let schema = SchemaFacts {
                version: "8.4.3".into(),
                login: true,
                ..SchemaFacts::default()
            };
            let answers = DatabaseFacts::Answers(schema);
            host.databases.insert(made.unwrap().name.clone(), answers);
        }
        Action::InitDatabase(init) => {
            let databases = match &init.login.container {
                Some(_) => &mut engine(host).databases,
                None => &mut host.databases,
            };
            if let Some(DatabaseFacts::Answers(schema)) = databases.get_mut(&init.service) {
                assert_eq!(schema.tables, 0, "{}", init.service);
                schema.tables = 1;
            }
        }
        Action::PushTree { tree, to } => {
            put(host, to, FileKind::Folder, 0o755, 0, None);
            if to.as_str().ends_with("/source") {
                host.sources.insert(to.clone(), tree.unpacked_digest());
            }
        }
        Action::Switch { link, target } => {
            put(host, link, FileKind::Link(target.clone()), 0o777, 0, None);
        }
        Action::WaitDatabase(target) => {
            assert!(runs(host, &target.process), "{target:?}");
            // What it has is all there once it runs.
            if target.dialect == Dialect::Redis {
                let schema = SchemaFacts {
                    version: "7.4.1".into(),
                    charset: Some("binary".into()),
                    grants: Some(Vec::new()),
                    login: true,
                    tables: 0,
                    url: None,
                };
                let all = database_targets(stack, host);
                let (service, _) = all.iter().find(|(_, known)| known == target).unwrap();
                let databases = &mut engine(host).databases;
                databases.insert(service.name.clone(), DatabaseFacts::Answers(schema));
            }
        }
        Action::WaitHealthy { process, .. } => assert!(runs(host, process), "{process:?}"),
        Action::RunOnce { spec, .. } => {
            assert!(
                engine(host).has_image(&spec.image),
                "{} has no image",
                spec.name
            );
        }
        // They leave nothing that facts tell.
        Action::ReloadUnits => {
            let units = host.units.values_mut();
            units.for_each(|unit| unit.is_stale = false);
            let files = &host.files;
            host.units.retain(|name, unit| {
                let path: HostPath = format!("/etc/systemd/system/{name}").parse().unwrap();
                !name.contains('@') || unit.is_active() || files.contains_key(&path)
            });
        }
        Action::Drain { .. } => {}
        Action::Bake { targets, .. } => {
            for target in targets {
                assert!(runs(host, &target.process), "{target:?}");
                assert!(host.link(&target.link).is_some());
            }
        }
        Action::Commit(commit) => {
            for mark in &commit.leaves {
                remove(host, mark);
                mark_as(host, &format!("{mark}.left"), commit.time);
            }
            for (mark, time) in &commit.served {
                mark_as(host, mark.as_str(), *time);
            }
            for mark in &commit.serves {
                remove(host, &format!("{mark}.left").parse().unwrap());
                mark_as(host, mark.as_str(), commit.time);
            }
        }
        Action::SwitchBack(back) => {
            assert!(runs(host, &back.process), "{back:?}");
            put_file(host, &back.boot);
            put(
                host,
                &back.link,
                FileKind::Link(back.target.clone()),
                0o777,
                0,
                None,
            );
        }
        Action::StartContainer(name) => {
            let there = engine(host).containers.get_mut(name);
            let there = there.expect("only what is there can be started");
            there.state = "running".into();
            if let Some(details) = &mut there.details {
                details.settings.restart = "unless-stopped".into();
            }
        }
        Action::ResumeContainer(name) => {
            // One that was removed meanwhile was replaced for good.
            if let Some(there) = engine(host).containers.get_mut(name) {
                there.state = "running".into();
            }
        }
        Action::AwaitContainer { name, until, .. } => {
            let there = engine(host).containers.get_mut(name);
            let there = there.unwrap_or_else(|| panic!("{name} is not there"));
            assert!(there.is_running(), "{name}");
            if *until == Awaited::Completed {
                there.state = "exited".into();
            }
        }
        Action::KeepWarm(cooling) => {
            set_unit(
                host,
                &format!("{}.timer", cooling.unit),
                "active",
                "transient",
            );
            for name in &cooling.units {
                // systemd disables no unit that it does not know.
                let file = format!("/etc/systemd/system/{name}").parse().unwrap();
                assert!(host.files.contains_key(&file), "{name} has no file");
                if let Some(unit) = host.units.get_mut(name) {
                    unit.file = "disabled".into();
                }
            }
        }
        Action::RestoreSite(site) => {
            host.generation = None;
            match &site.contents {
                Some(bytes) if host.nginx.is_some() => {
                    startable(host, bytes);
                    put(host, &site.path, FileKind::File, site.mode, 0, Some(bytes));
                }
                Some(bytes) => put(host, &site.path, FileKind::File, site.mode, 0, Some(bytes)),
                None => remove(host, &site.path),
            }
            for (link, target) in &site.links {
                match target {
                    // The distribution's own comes with its package.
                    Some(target) if target.starts_with('/') && host.nginx.is_none() => {}
                    Some(target) => put(host, link, FileKind::Link(target.clone()), 0o777, 0, None),
                    None => remove(host, link),
                }
            }
        }
    }
    if host.firewall.is_some() || firewall_files(host) != firewall_files(&HostFacts::default()) {
        firewall(host).files = firewall_files(host);
    }
}

/// nginx starts only when each certificate that it is led to is there.
fn startable(host: &HostFacts, site: &[u8]) {
    let text = std::str::from_utf8(site).unwrap();
    let lines = text.lines().map(str::trim);
    for path in lines.filter_map(|line| line.strip_prefix("ssl_certificate")) {
        let path = path.trim_start_matches("_key").trim().trim_end_matches(';');
        let is_there = host.files.contains_key(&path.parse().unwrap());
        assert!(is_there || path.contains("snakeoil"), "{path} is not there");
    }
}

/// As certbot and an authority do; the site must serve what they put below the folder of challenges.
fn obtain(stack: &Stack, host: &mut HostFacts, order: &CertificateOrder) {
    assert!(host.packages.contains_key("certbot"));
    let layout = Layout::new(&stack.name);
    let site = host.files[&layout.nginx_available()]
        .contents
        .clone()
        .unwrap();
    let root = format!("root {};", order.challenges);
    assert!(String::from_utf8(site).unwrap().contains(&root));
    assert!(host.files.contains_key(&order.challenges));
    let live = format!("/etc/letsencrypt/live/{}", order.name);
    for name in ["fullchain", "privkey"] {
        let path = format!("{live}/{name}.pem").parse().unwrap();
        let target = FileKind::Link(format!("../../archive/{}/{name}1.pem", order.name));
        put(host, &path, target, 0o777, 0, None);
    }
    let renewal = format!("server = {}\n", order.directory);
    let path = format!("/etc/letsencrypt/renewal/{}.conf", order.name)
        .parse()
        .unwrap();
    put(
        host,
        &path,
        FileKind::File,
        0o644,
        0,
        Some(renewal.as_bytes()),
    );
    let certificate = CertificateFacts {
        not_before: host.clock,
        not_after: host.clock + 90 * 24 * 3600,
        not_after_text: "in 90 days".into(),
        issuer: "CN = Paper".into(),
        names: order.names.iter().cloned().collect(),
        fingerprint: format!("issued at {}", host.clock),
    };
    let path = format!("{live}/fullchain.pem").parse().unwrap();
    host.certificates.insert(path, certificate);
}

fn firewall(host: &mut HostFacts) -> &mut FirewallFacts {
    host.firewall.get_or_insert_default()
}

/// The digest of all files that are loaded.
fn firewall_files(host: &HostFacts) -> String {
    let ours = host
        .files
        .iter()
        .filter(|(path, _)| path.as_str().ends_with(".nft"));
    let bytes: Vec<u8> = ours
        .flat_map(|(_, file)| file.contents.clone().unwrap_or_default())
        .collect();
    sha256(&bytes)
}

fn install(host: &mut HostFacts, package: &str) {
    host.packages.insert(package.into(), "1".into());
    match package {
        "docker.io" => host.docker_socket = true,
        "nginx" => {
            host.nginx = Some("1.22.1".into());
            let default = Layout::DEFAULT_SITE.parse().unwrap();
            let target = FileKind::Link("/etc/nginx/sites-available/default".into());
            put(host, &default, target, 0o777, 0, None);
        }
        _ => {}
    }
}

fn runs(host: &HostFacts, process: &Process) -> bool {
    match process {
        Process::Container(name) => {
            let docker = host.docker.as_ref();
            let there = docker.and_then(|docker| docker.containers.get(name));
            there.is_some_and(ContainerFacts::is_running)
        }
        Process::Unit(name) => host.is_active(name),
    }
}

fn set_unit(host: &mut HostFacts, unit: &str, active: &str, file: &str) {
    let path = format!("/etc/systemd/system/{unit}").parse::<HostPath>();
    let text = path
        .ok()
        .and_then(|path| host.files.get(&path)?.contents.clone());
    let text = String::from_utf8(text.unwrap_or_default()).expect("a unit is text");
    let description = text
        .lines()
        .find_map(|line| line.strip_prefix("Description="));
    let state = UnitFacts {
        load: "loaded".into(),
        active: active.into(),
        sub: String::new(),
        file: file.into(),
        description: description.unwrap_or_default().into(),
        ..UnitFacts::default()
    };
    host.units.insert(unit.into(), state);
}

fn engine(host: &mut HostFacts) -> &mut DockerFacts {
    host.docker
        .as_mut()
        .expect("the engine was started before it is used")
}

fn image(host: &mut HostFacts, tag: &str) {
    let id = format!("sha256:{}", sha256(tag.as_bytes()));
    let facts = ImageFacts {
        id,
        ..ImageFacts::default()
    };
    let docker = engine(host);
    match tag.split_once('@') {
        None if is_bare(tag) => drop(docker.images.insert(format!("{tag}:latest"), facts)),
        None => drop(docker.images.insert(tag.into(), facts)),
        // Engines keep no tag of what was pulled by its digest.
        Some((name, digest)) => {
            let (name, _) = name.rsplit_once(':').unwrap_or((name, ""));
            docker.digests.insert(format!("{name}@{digest}"));
        }
    }
}

/// As the engine does: an equal container that is there is started, and one of another definition is in the way.
fn run(host: &mut HostFacts, spec: &ContainerSpec, now: u64) {
    let docker = engine(host);
    assert!(
        docker.has_image(&spec.image),
        "{} has no image {}",
        spec.name,
        spec.image
    );
    for (network, _) in &spec.networks {
        assert!(
            docker.networks.contains_key(network),
            "{} has no network {network}",
            spec.name
        );
    }
    let there = docker.containers.entry(spec.name.clone()).or_default();
    assert!(
        there.labels.is_empty() || there.labels == spec.labels,
        "{} is in the way",
        spec.name
    );
    there.state = "running".into();
    there.labels.clone_from(&spec.labels);
    there.created = i64::try_from(now).unwrap();
    there.image.clone_from(&spec.image);
    let tagged = docker.images.get(&spec.image);
    there.image_id = tagged.map_or_else(
        || format!("sha256:{}", sha256(spec.image.as_bytes())),
        |image| image.id.clone(),
    );
    let of_file = spec.options.iter().flat_map(|options| &options.ports);
    let open = of_file.map(|port| port.outside);
    there.published = spec.publish.values().copied().chain(open).collect();
    there.networks = spec.networks.iter().map(|(name, _)| name.clone()).collect();
    let settings = settings(spec);
    let writable = settings.mounts.values().filter(|there| !there.read_only);
    there.writes_to = writable.map(|there| there.source.clone()).collect();
    there.details = Some(ContainerDetails {
        settings,
        ..ContainerDetails::default()
    });
}

/// What an engine says of a container that it made from `spec`.
fn settings(spec: &ContainerSpec) -> ContainerSettings {
    let options = spec.options.as_deref().cloned().unwrap_or_default();
    let is_ours = spec.options.is_none();
    let of_file = options.mounts.iter().map(|mount| match mount {
        ComposedMount::Bind {
            from,
            to,
            read_only,
            ..
        } => (to.clone(), from.clone(), *read_only),
        ComposedMount::Volume {
            name,
            to,
            read_only,
            ..
        } => (
            to.clone(),
            name.clone().unwrap_or_else(|| "0".repeat(64)),
            *read_only,
        ),
        ComposedMount::Memory { to, .. } => (to.clone(), String::new(), false),
    });
    let (driver, logging) = container::logging(spec);
    let mounts = spec.mounts.iter().map(|mount| match mount {
        Mount::Bind {
            from,
            to,
            read_only,
        } => (to.clone(), from.to_string(), *read_only),
        Mount::Volume { name, to } => (to.clone(), name.clone(), false),
    });
    ContainerSettings {
        image: spec.image.clone(),
        memory: options
            .memory_limit
            .unwrap_or_else(|| spec.memory.map_or(0, |mib| i64::from(mib) << 20)),
        cpus: options.cpus.unwrap_or(0),
        pids_limit: Some(spec.pids_limit),
        restart: match spec.restart || is_ours {
            true => "unless-stopped".into(),
            false => options.restart.name().into(),
        },
        env: spec.env.clone(),
        command: spec.command.clone().unwrap_or_default(),
        user: spec.user.clone().unwrap_or_default(),
        mounts: mounts
            .chain(of_file)
            .map(|(to, source, read_only)| (to, MountFacts { source, read_only }))
            .collect(),
        privileged: options.privileged,
        read_only: spec.read_only,
        dropped_capabilities: spec
            .drop_capabilities
            .then(|| "ALL".to_owned())
            .into_iter()
            .chain(options.cap_drop.clone())
            .collect(),
        added_capabilities: options.cap_add.iter().cloned().collect(),
        publish: spec
            .publish
            .iter()
            .map(|(inside, outside)| {
                let place = format!("127.0.0.1:{outside}");
                (format!("{inside}/tcp"), BTreeSet::from([place]))
            })
            .chain(options.ports.iter().map(|port| {
                let place = format!("{}:{}", port.address, port.outside);
                let inside = format!("{}/{}", port.inside, port.protocol);
                (inside, BTreeSet::from([place]))
            }))
            .collect(),
        security_options: match is_ours {
            true => ["no-new-privileges:true".to_owned()].into(),
            false => options.security.iter().cloned().collect(),
        },
        log_driver: driver,
        log_options: logging,
        stop_signal: spec.stop_signal.clone().unwrap_or_default(),
        init: Some(spec.init),
    }
}

fn put_file(host: &mut HostFacts, file: &RemoteFile) {
    put(
        host,
        &file.path,
        FileKind::File,
        file.mode,
        file.owner.user,
        Some(&file.contents),
    );
    if name(&file.path) == "certificate.pem" {
        let certificate = Leaf::parse(&file.contents).unwrap().facts;
        let certificate = CertificateFacts {
            fingerprint: sha256(&file.contents),
            ..certificate
        };
        host.certificates.insert(file.path.clone(), certificate);
    }
    if name(&file.path) == "manifest.json" {
        host.manifest = serde_json::from_slice(&file.contents).unwrap();
    }
}

fn put(
    host: &mut HostFacts,
    path: &HostPath,
    kind: FileKind,
    mode: u32,
    user: u32,
    bytes: Option<&[u8]>,
) {
    let file = FileFacts {
        kind,
        mode,
        user,
        group: user,
        digest: bytes.map(sha256),
        contents: bytes.map(<[u8]>::to_vec),
    };
    host.files.insert(path.clone(), file);
    let names = host.entries.entry(path.parent().into()).or_default();
    names.entry(name(path).into()).or_insert(host.clock);
}

fn mark_as(host: &mut HostFacts, path: &str, time: u64) {
    let path: HostPath = path.parse().unwrap();
    put(host, &path, FileKind::File, 0o644, 0, None);
    let names = host.entries.entry(path.parent().into()).or_default();
    names.insert(name(&path).into(), time);
}

/// A line of tmpfiles.d(5), as a boot carries it out.
pub fn boot(host: &mut HostFacts, words: &[&str]) {
    let path = |text: &str| text.parse::<HostPath>().unwrap();
    match words {
        ["d", folder, mode, ..] => {
            let mode = u32::from_str_radix(mode, 8).unwrap();
            put(host, &path(folder), FileKind::Folder, mode, 0, None);
        }
        ["L+", link, .., target] => {
            let kind = FileKind::Link((*target).to_owned());
            put(host, &path(link), kind, 0o777, 0, None);
        }
        _ => {}
    }
}

pub fn remove(host: &mut HostFacts, path: &HostPath) {
    let below = format!("{path}/");
    host.files
        .retain(|other, _| other != path && !other.as_str().starts_with(&below));
    host.sources
        .retain(|other, _| !other.as_str().starts_with(&below));
    host.certificates
        .retain(|other, _| other != path && !other.as_str().starts_with(&below));
    if let Some(names) = host.entries.get_mut(path.parent()) {
        names.remove(name(path));
    }
}

fn name(path: &HostPath) -> &str {
    path.as_str().rsplit('/').next().unwrap()
}
