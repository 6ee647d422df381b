//! Where parties live and how work rotates: the placement that every node and the cost model assume. Knows no protocol.

/// Where a party is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// In turn: member k (a single party is member 0) at node (position + k) mod n.
    Turn(u64),
    /// The party, or all members, at this node.
    Node(usize),
}

/// The node of a party that is at none: a client.
pub const NOWHERE: usize = usize::MAX;

/// Where a party is hosted, and its members.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Host {
    /// Where.
    pub place: Place,
    /// Members, for a family.
    pub members: Option<u64>,
}

impl Host {
    /// The node of a member, of `nodes`; of a single party, that of member 0.
    pub fn node(&self, member: u64, nodes: usize) -> usize {
        let n = nodes as u64;
        match self.place {
            Place::Turn(position) => ((position % n + member % n) % n) as usize,
            Place::Node(node) => node,
        }
    }

    /// Whether the party, or a member, is at `node`.
    pub fn is_at(&self, node: usize, nodes: usize) -> bool {
        (0..self.members.unwrap_or(1).min(nodes as u64)).any(|k| self.node(k, nodes) == node)
    }
}

/// The hosts of parties, in order: members (`None`: a single party; `Some(n)`: a family of n), and the node that someone
/// chose. Where nobody did it is turn by turn: the party's position is its place among the parties in turn, in the order of
/// declaration with families expanded in place.
pub fn hosts(parties: impl IntoIterator<Item = (Option<u64>, Option<usize>)>) -> Vec<Host> {
    let mut next = 0u64;
    parties
        .into_iter()
        .map(|(members, node)| {
            let place = match node {
                Some(node) => Place::Node(node),
                None => {
                    let position = next;
                    next = next.saturating_add(members.unwrap_or(1));
                    Place::Turn(position)
                }
            };
            Host { place, members }
        })
        .collect()
}

/// Lanes per host node of a wire that belongs to a party. Lanes of a family are divided evenly, lane l of L to member
/// l / (L / members); `None` when they cannot be, or there is no such node.
pub fn host_lanes(host: &Host, lanes: u64, nodes: usize) -> Option<Vec<u64>> {
    let n = nodes as u64;
    let mut out = vec![0; nodes];
    let members = host.members.unwrap_or(1);
    if members == 0 {
        return (lanes == 0).then_some(out);
    }
    if !lanes.is_multiple_of(members) {
        return None;
    }
    match host.place {
        Place::Node(node) => *out.get_mut(node)? = lanes,
        Place::Turn(position) => {
            for (r, out) in out.iter_mut().enumerate() {
                // Members k with (position + k) mod n = r: first such k, then every n-th.
                let first = (r as u64 + n - position % n) % n;
                let count = if first < members { (members - first).div_ceil(n) } else { 0 };
                *out = count * (lanes / members);
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
        let all = hosts([
            (None, None),
            (Some(5), None),
            (None, None),
            (Some(0), None),
            (Some(1), None),
            (Some(4), Some(2)),
            (None, Some(0)),
            (None, None),
        ]);
        let turns = |h: &Host| match h.place {
            Place::Turn(p) => p,
            Place::Node(n) => 100 + n as u64,
        };
        assert_eq!(all.iter().map(turns).collect::<Vec<_>>(), [0, 1, 6, 7, 7, 102, 100, 8]);
        for host in all {
            for per in 0..3 {
                let lanes = host.members.unwrap_or(1) * per;
                let mut want = vec![0; 3];
                for k in 0..host.members.unwrap_or(1) {
                    want[host.node(k, 3)] += per;
                }
                for (node, lanes) in want.iter().enumerate() {
                    assert_eq!(host.is_at(node, 3), *lanes > 0 || per == 0 && host.is_at(node, 3));
                }
                assert_eq!(host_lanes(&host, lanes, 3), Some(want));
            }
        }
        let two = Host { place: Place::Turn(0), members: Some(2) };
        assert_eq!(host_lanes(&two, 3, 3), None);
        assert_eq!(host_lanes(&Host { place: Place::Node(3), members: None }, 3, 3), None);
    }
}
