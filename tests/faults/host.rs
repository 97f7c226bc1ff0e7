//! A lab host from outside: commands as root that need neither its sshd nor its network, and what befalls machines.

use std::sync::{Arc, RwLock};
use std::time::Duration;

use bollard::query_parameters::KillContainerOptionsBuilder;
use stackctl::lab::{LabHost, LabName, StateFolder};

use super::scenario::{Lab, block_on, inside, quote};

/// One host of a lab.
pub struct Host {
    pub lab: Arc<Lab>,
    pub machine: LabHost,
    /// A new stack makes nginx reload, and a reload may cost visitors of other stacks on the host a connection that they
    /// keep: so no stack is made while a run of another goes on.
    pub reloads: RwLock<()>,
}

/// Boots a lab of so many hosts, bare ones or such on which a stack is soon.
pub fn boot(name: &'static str, hosts: usize, is_ready: bool) -> Vec<Arc<Host>> {
    let mut lab = Lab::planned(name);
    let count = hosts.to_string();
    let up = [
        "lab", "up", "--name", &lab.name, "--base", "bookworm", "--hosts", &count, "--yes",
    ];
    let ready: &[&str] = if is_ready { &["--ready"] } else { &[] };
    lab.stackctl([&up, ready].concat()).expect_ok();
    lab.found();
    let name: LabName = lab.name.parse().expect("a lab's name");
    let saved = StateFolder::of(&name).and_then(|folder| folder.load());
    let saved = saved.expect("a readable lab").expect("a lab");
    let lab = Arc::new(lab);
    let host = |machine| {
        let lab = Arc::clone(&lab);
        Arc::new(Host {
            lab,
            machine,
            reloads: RwLock::default(),
        })
    };
    saved.hosts.into_iter().map(host).collect()
}

impl Host {
    pub fn name(&self) -> &str {
        &self.machine.name
    }

    /// The port of this machine that leads to the host's port 80.
    pub fn web_port(&self) -> u16 {
        self.machine.ports[&80]
    }

    /// Runs shell text as root; what it printed, trimmed.
    #[track_caller]
    pub fn root(&self, script: &str) -> String {
        match self.try_root(script) {
            Ok((0, said)) => said,
            Ok((code, said)) => panic!("{}: exit {code}: {script}\n{said}", self.name()),
            Err(error) => panic!("{}: {error}: {script}", self.name()),
        }
    }

    /// The exit code and what was printed; an error when the host does not run.
    pub fn try_root(&self, script: &str) -> Result<(i64, String), String> {
        let began = std::time::Instant::now();
        let ran = block_on(async {
            let limit = Duration::from_secs(120);
            let ran = tokio::time::timeout(limit, inside(&self.machine, script)).await;
            let ran = ran.map_err(|_| format!("no end within {} s", limit.as_secs()))?;
            let ran = ran.map_err(|error| error.to_string())?;
            let said = format!("{}{}", ran.stdout, ran.stderr).trim().to_owned();
            Ok((ran.code.map_or(-1, i64::from), said))
        });
        let took = began.elapsed().as_secs_f64();
        self.lab.note(&format!(
            "({took:.1} s) {}# {script}
{ran:?}",
            self.name()
        ));
        ran
    }

    /// Runs a script of ours as root.
    pub fn script(&self, text: &str, arguments: &[&str]) -> Result<String, String> {
        let words: Vec<String> = arguments.iter().map(|word| quote(word)).collect();
        let line = format!("sh -c {} sh {}", quote(text), words.join(" "));
        let (code, said) = self.try_root(&line)?;
        match code {
            0 => Ok(said),
            code => Err(format!("exit {code}: {said}")),
        }
    }

    /// Undoes what faults do to a host, so that a cell that failed does not fail those after it.
    pub fn heal(&self) {
        if let Err(error) = self.script(include_str!("heal.sh"), &[]) {
            println!("{}: not healed: {error}", self.name());
        }
    }

    /// Takes the power away: every process ends at once, `/run` and `/tmp` are lost.
    pub fn cut_power(&self) {
        block_on(async {
            let engine = stackctl::lab::connect().await.expect("an engine");
            let options = KillContainerOptionsBuilder::default()
                .signal("KILL")
                .build();
            let killed = engine.kill_container(&self.machine.container, Some(options));
            killed.await.expect("the host loses its power");
        });
    }

    /// Boots it when it has no power, shuts it down and boots it otherwise; returns when it answers over SSH.
    pub fn boot_again(&self) {
        block_on(stackctl::lab::reboot(&self.machine)).expect("the host comes back");
    }
}
