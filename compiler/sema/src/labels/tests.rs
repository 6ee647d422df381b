//! Programs that leak, and programs that do not.
