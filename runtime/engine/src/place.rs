//! Which node hosts which lanes of a party's wires. Knows no shares.
//!
//! A party is at the node that the circuit says; else, in turn: the i-th of those, in the order of declaration with families
//! expanded in place, is at node i mod 3. Lanes of a family are divided evenly: lane l of L belongs to member l / (L / members).

use circuit::{Host, Party, PartyId};
use proto::rep3::NODES;

use crate::Fault;
use crate::value::internal;

/// Where a party's members are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seat {
    /// Node of the party, or of member 0.
    first: usize,
    /// Whether all members are at that node; else each is at the node after that of the member before.
    together: bool,
    /// `None` for a single party.
    members: Option<usize>,
}

/// Seats of all parties. A node that there is not hosts nothing: see [`check`].
pub(crate) fn seats(parties: &[Party]) -> Vec<Seat> {
    let mut next = 0usize;
    parties
        .iter()
        .map(|p| {
            let (first, together) = match p.host {
                Host::Turn => {
                    let first = next;
                    next = (next + (p.family.unwrap_or(1) % NODES as u64) as usize) % NODES;
                    (first, false)
                }
                Host::Node(node) => (node as usize, true),
                // At no node.
                Host::Client => (NODES, true),
            };
            Seat { first, together, members: p.family.map(|m| m as usize) }
        })
        .collect()
}

/// Whether every party is at a node that there is.
pub(crate) fn check(parties: &[Party]) -> bool {
    parties.iter().all(|p| !matches!(p.host, Host::Node(n) if n as usize >= NODES))
}

impl Seat {
    /// The seat of a party.
    pub fn of(seats: &[Seat], party: PartyId) -> Result<Seat, Fault> {
        seats.get(party.0 as usize).copied().ok_or_else(|| internal("a party that the circuit does not have"))
    }

    /// The node of all lanes: that of a single party, or of a family that lives together.
    pub fn single(&self) -> Option<usize> {
        (self.together || self.members.is_none()).then_some(self.first)
    }

    /// Whether `node` hosts the party, or a member.
    pub fn hosts(&self, node: usize) -> bool {
        match self.members {
            Some(0) => false,
            Some(m) if !self.together => (node + NODES - self.first) % NODES < m,
            _ => node == self.first,
        }
    }

    /// Runs (first lane, lanes) of a wire of `lanes` lanes that belong to members at `node`.
    pub fn runs(&self, node: usize, lanes: usize) -> Result<Vec<(usize, usize)>, Fault> {
        if lanes == 0 {
            return Ok(vec![]);
        }
        let m = self.members.unwrap_or(1);
        if m == 0 || !lanes.is_multiple_of(m) {
            return Err(internal(format!("{lanes} lanes cannot be divided among {m} members")));
        }
        if self.single().is_some() {
            return Ok(if node == self.first { vec![(0, lanes)] } else { vec![] });
        }
        let per = lanes / m;
        let offset = (node + NODES - self.first) % NODES;
        Ok((offset..m).step_by(NODES).map(|k| (k * per, per)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seats_follow_the_published_rule() {
        let families = [None, Some(5), None, Some(0), Some(1), Some(2), Some(4), Some(0), None, None];
        let nodes = [None, None, None, None, None, None, Some(1), Some(2), Some(0), None];
        let host = |n: Option<u32>| n.map_or(Host::Turn, Host::Node);
        let parties: Vec<Party> = families
            .into_iter()
            .zip(nodes)
            .map(|(family, node)| Party { name: String::new(), family, host: host(node) })
            .collect();
        let hosts = spec::hosts(families.into_iter().zip(nodes.map(|n| n.map(|n| n as usize))));
        assert!(check(&parties));
        assert!(!check(&[Party { name: String::new(), family: None, host: Host::Node(3) }]));
        for (seat, host) in seats(&parties).iter().zip(&hosts) {
            for per in 0..4u64 {
                let lanes = host.members.unwrap_or(1) * per;
                let want = spec::host_lanes(host, lanes, 3).unwrap();
                for (node, want) in want.iter().enumerate() {
                    let runs = seat.runs(node, lanes as usize).unwrap();
                    assert_eq!(runs.iter().map(|r| r.1 as u64).sum::<u64>(), *want);
                    assert_eq!(seat.hosts(node), host.is_at(node, 3));
                }
            }
        }
    }
}
