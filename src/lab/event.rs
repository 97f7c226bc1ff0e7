//! What a lab tells while it works; how it looks is the caller's business.

/// One thing worth showing. Phases follow one another; lines belong to the phase before them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LabEvent {
    /// A piece of work begins, named as a person would: "image mysql:8.4".
    Phase { name: String },
    /// One line of output of that work.
    Line(String),
    /// A host answers.
    HostReady { name: String, ssh_command: String },
    /// Something is worse than it should be, but the lab goes on.
    Warning(String),
}

/// Where events go.
pub type Events<'a> = &'a mut (dyn FnMut(LabEvent) + Send);

/// Emits the lines of a chunk of output, without the control characters of progress bars.
pub(super) fn lines(events: Events<'_>, text: &str) {
    for line in text.lines() {
        let line: String = line
            .chars()
            .filter(|c| !c.is_control() || *c == '\t')
            .collect();
        if !line.trim().is_empty() {
            events(LabEvent::Line(line.trim_end().to_owned()));
        }
    }
}
