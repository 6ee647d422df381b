//! mpcc node.
