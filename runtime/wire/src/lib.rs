//! mpcc wire.
