//! Where parties live and how work rotates: the placement that every node and the cost model assume. Knows no protocol.

/// Where a party is hosted: base position in the order of declaration with families expanded in place, and members.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Host {
    /// Position of the party, or of member 0.
    pub base: u64,
    /// Members, for a family.
    pub members: Option<u64>,
}

/// The hosts of parties given by `families` (`None`: a single party; `Some(n)`: a family of n), in order.
pub fn bases(families: impl IntoIterator<Item = Option<u64>>) -> Vec<Host> {
    let mut next = 0u64;
    families
        .into_iter()
        .map(|members| {
            let base = next;
            next = next.saturating_add(members.unwrap_or(1));
            Host { base, members }
        })
        .collect()
}

/// Lanes per host node of a wire that belongs to a party. Position p is at node p mod `nodes`. Lanes of a family are
/// divided evenly, lane l of L to member l / (L / members); `None` when they cannot be.
pub fn host_lanes(host: &Host, lanes: u64, nodes: usize) -> Option<Vec<u64>> {
    let n = nodes as u64;
    let mut out = vec![0; nodes];
    match host.members {
        None => out[(host.base % n) as usize] = lanes,
        Some(0) => return (lanes == 0).then_some(out),
        Some(m) => {
            if !lanes.is_multiple_of(m) {
                return None;
            }
            for (r, out) in out.iter_mut().enumerate() {
                // Members k with (base + k) mod n = r: first such k, then every n-th.
                let first = (r as u64 + n - host.base % n) % n;
                let count = if first < m { (m - first).div_ceil(n) } else { 0 };
                *out = count * (lanes / m);
            }
        }
    }
    Some(out)
}

/// Boundaries t_0 = 0, …, t_n = lanes of the parts that rotating work is divided into: floor(lanes r / n), rounded down
/// to a multiple of 64 so that no two nodes share a word of a plane.
pub fn parts(lanes: u64, nodes: usize) -> Vec<u64> {
    let n = nodes as u128;
    let mut t: Vec<u64> = (0..n).map(|r| (lanes as u128 * r / n) as u64 / 64 * 64).collect();
    t.push(lanes);
    t
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_cover_all_lanes_in_order() {
        for lanes in [0u64, 1, 63, 64, 191, 192, 193, 1000, u64::MAX] {
            let t = parts(lanes, 3);
            assert_eq!((t[0], t[3]), (0, lanes));
            assert!(t.windows(2).all(|w| w[0] <= w[1]) && t[1..3].iter().all(|t| t % 64 == 0));
        }
        assert_eq!(parts(1000, 3), [0, 320, 640, 1000]);
    }

    #[test]
    fn hosts_equal_a_walk_over_members() {
        let all = bases([None, Some(5), None, Some(0), Some(1)]);
        assert_eq!(all.iter().map(|h| h.base).collect::<Vec<_>>(), [0, 1, 6, 7, 7]);
        for host in all {
            for per in 0..3 {
                let lanes = host.members.unwrap_or(1) * per;
                let mut want = vec![0; 3];
                for k in 0..host.members.unwrap_or(1) {
                    want[((host.base + k) % 3) as usize] += per;
                }
                assert_eq!(host_lanes(&host, lanes, 3), Some(want));
            }
        }
        assert_eq!(host_lanes(&Host { base: 0, members: Some(2) }, 3, 3), None);
    }
}
