//! mpcc spec.
