//! The gate library: adders, comparators, converters, shifters, multiplexers, trees, and the divider, out of planes.
//!
//! Every function takes the emitter, words as lists of planes, and their number of lanes. It knows the gates of a
//! three-party replicated protocol and their steps; nothing of placement.

pub mod adder;
pub mod compare;
pub mod convert;
pub mod divide;
pub mod multiply;
pub mod mux;
pub mod net;
pub mod reduce;
pub mod shift;
