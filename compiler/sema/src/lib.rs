//! Meaning of a program: names, types, sizes, secrecy labels.
//!
//! Takes syntax trees, gives a typed program ([`tree::Program`]) and findings. Knows no circuit and no file system.

pub mod labels;
pub mod layout;
pub mod tree;
