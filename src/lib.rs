#![doc = include_str!("ARCHITECTURE.md")]
#![forbid(unsafe_code)]

pub mod apply;
pub mod cli;
pub mod compose;
pub mod config;
pub mod facts;
pub mod lab;
pub mod load;
pub mod model;
pub mod observe;
pub mod plan;
pub mod render;
pub mod runtime;
pub mod script;
pub mod transport;
pub mod ui;
pub mod yaml;
