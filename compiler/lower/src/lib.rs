//! mpcc lower.
