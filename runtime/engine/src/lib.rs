//! mpcc engine.
