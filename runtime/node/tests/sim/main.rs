//! Whole runs of three nodes in the simulator: every fault at every message, thousands of seeds, and what travels.
//!
//! More seeds, and one of them again with its story told:
//!
//! ```text
//! MPCC_SIM=1000000 cargo test -p mpcc-node --test sim -- seeds
//! MPCC_SIM_SEED=1234 cargo test -p mpcc-node --test sim -- seeds --nocapture
//! ```

mod clients;
#[path = "../common/mod.rs"]
mod common;
mod every_message;
mod faults;
mod scenario;
mod seeds;
mod sly;
mod trace;
