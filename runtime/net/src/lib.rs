//! mpcc net.
