//! mpcc sema.
