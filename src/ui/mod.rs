//! Values to words. Writes nowhere; whether there are colours is told by the caller.

mod doctor;
mod duration;
mod history;
mod logs;
mod paint;
mod plan;
mod rehearsal;
mod status;

pub use doctor::diagnosis_text;
pub use duration::seconds;
pub use history::history_text;
pub use logs::{LogEntry, LogStyle, Origin, log_json, log_text, nginx_time};
pub use paint::{Paint, printable};
pub use plan::{drift_pretty, findings_json, plan_json, plan_pretty, refused, summary};
pub use rehearsal::{rehearsal_json, rehearsal_text};
pub use status::status_text;
