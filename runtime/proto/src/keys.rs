//! Keys of a session: node i holds k_i (known to nodes i - 1 and i) and k_(i+1) (known to nodes i and i + 1).
//!
//! Derived from the secrets of pairs, which the handshake makes; knows nothing of the handshake.

use field::Key;
use zeroize::Zeroize;

/// One node's keys of one session. Erased on drop; does not print.
pub struct SessionKeys {
    me: usize,
    own: Key,
    next: Key,
}

impl std::fmt::Debug for SessionKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SessionKeys(node {})", self.me)
    }
}

impl SessionKeys {
    /// Derives node `me`'s keys. `with_previous` and `with_next` are secrets that this node shares with the node before
    /// and after it (both ends of a pair give the same one); `session` holds the nonces of all nodes, never used before;
    /// `digest` is that of circuit and schedule.
    pub fn derive(
        me: usize,
        with_previous: &[u8; 32],
        with_next: &[u8; 32],
        session: &[u8],
        digest: &[u8; 32],
    ) -> SessionKeys {
        let key = |slot: usize, secret: &[u8; 32]| {
            let mut h = blake3::Hasher::new_derive_key("mpcc 2026-11 rep3 key of a pair");
            h.update(secret).update(&[slot as u8]).update(digest).update(session);
            let mut out = [0u8; 16];
            h.finalize_xof().fill(&mut out);
            let key = Key::new(&out);
            out.zeroize();
            h.zeroize();
            key
        };
        SessionKeys { me, own: key(me, with_previous), next: key((me + 1) % 3, with_next) }
    }

    /// Keys that anyone can compute from `seed`: for tests and comparisons, never among real hosts.
    pub fn insecure_from_seed(me: usize, seed: u64) -> SessionKeys {
        let pair = |slot: usize| *blake3::hash(&[seed.to_le_bytes().as_slice(), &[slot as u8]].concat()).as_bytes();
        SessionKeys::derive(me, &pair(me), &pair((me + 1) % 3), &seed.to_le_bytes(), &[0; 32])
    }

    /// Which node these belong to.
    pub fn me(&self) -> usize {
        self.me
    }

    /// k_i, shared with the node before.
    pub(crate) fn own(&self) -> &Key {
        &self.own
    }

    /// k_(i+1), shared with the node after.
    pub(crate) fn next(&self) -> &Key {
        &self.next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(k: &Key) -> [u8; 16] {
        let mut out = [0; 16];
        k.fill(0, 0, &mut out);
        out
    }

    #[test]
    fn neighbours_agree_and_sessions_differ() {
        let keys: Vec<_> = (0..3).map(|i| SessionKeys::insecure_from_seed(i, 5)).collect();
        for i in 0..3 {
            assert_eq!(sample(keys[i].next()), sample(keys[(i + 1) % 3].own()));
            assert_ne!(sample(keys[i].next()), sample(keys[i].own()));
        }
        let base = SessionKeys::derive(0, &[1; 32], &[2; 32], b"a", &[3; 32]);
        for other in [
            SessionKeys::derive(0, &[9; 32], &[2; 32], b"a", &[3; 32]),
            SessionKeys::derive(0, &[1; 32], &[2; 32], b"b", &[3; 32]),
            SessionKeys::derive(0, &[1; 32], &[2; 32], b"a", &[4; 32]),
        ] {
            assert_ne!(sample(base.own()), sample(other.own()));
        }
        assert_eq!(format!("{base:?}"), "SessionKeys(node 0)");
    }
}
