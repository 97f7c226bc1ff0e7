//! The fast suite: one binary, seconds, nothing but this crate. `UPDATE=1 cargo test` rewrites what is golden.

mod apply;
mod cases;
mod certificates;
mod changelog;
mod cli;
mod compose;
mod docs;
mod golden;
mod linters;
mod packaging;
mod paper_host;
mod rehearsal;
mod scripts;
mod tidy;
