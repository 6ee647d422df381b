//! The command as its users call it: examples, pages' commands, wrong programs, wrong inputs, exit codes.
//!
//! Knows the command line alone.

mod bad_inputs;
mod bad_programs;
mod clients;
mod cost;
mod editor;
mod examples;
mod fmt;
mod hosts;
mod leaks;
mod lsp;
mod outputs;
mod report;
mod shells;
mod stages;
mod strings;
mod support;
mod tests;
mod ui;
mod wire;
