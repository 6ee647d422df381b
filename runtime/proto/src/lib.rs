//! mpcc proto.
