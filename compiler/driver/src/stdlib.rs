//! The library, embedded: its modules are part of the compiler and of the digest that nodes compare.

/// Modules by name, with their source.
pub const MODULES: &[(&str, &str)] = &[
    ("array", include_str!("../../../stdlib/array.mpc")),
    ("auction", include_str!("../../../stdlib/auction.mpc")),
    ("guard", include_str!("../../../stdlib/guard.mpc")),
    ("math", include_str!("../../../stdlib/math.mpc")),
    ("random", include_str!("../../../stdlib/random.mpc")),
    ("sort", include_str!("../../../stdlib/sort.mpc")),
    ("stats", include_str!("../../../stdlib/stats.mpc")),
    ("vote", include_str!("../../../stdlib/vote.mpc")),
];

/// Circuits by file name, with their text.
pub const CIRCUITS: &[(&str, &str)] = &[("aes_sbox.txt", include_str!("../../../stdlib/circuits/aes_sbox.txt"))];

/// The circuit file `std/name`.
pub fn circuit(name: &str) -> Option<&'static str> {
    CIRCUITS.iter().find(|(n, _)| *n == name).map(|(_, text)| *text)
}

/// The source of `std::name`.
pub fn module(name: &str) -> Option<&'static str> {
    MODULES.iter().find(|(n, _)| *n == name).map(|(_, text)| *text)
}
