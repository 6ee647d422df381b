//! mpcc eval.
