//! mpcc field.
