//! The command as its users call it: examples, pages' commands, wrong programs, wrong inputs, exit codes.
//!
//! Knows the command line alone.

mod bad_inputs;
mod bad_programs;
mod clients;
mod examples;
mod hosts;
mod leaks;
mod outputs;
mod report;
mod shells;
mod stages;
mod support;
mod ui;
mod wire;
