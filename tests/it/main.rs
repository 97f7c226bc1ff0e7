//! The fast suite: one binary, seconds, nothing but this crate. `UPDATE=1 cargo test` rewrites what is golden.

mod changelog;
mod golden;
mod packaging;
mod scripts;
mod tidy;
