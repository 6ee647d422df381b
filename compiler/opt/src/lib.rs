//! mpcc opt.
