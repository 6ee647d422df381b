//! Which node hosts which lanes of a party's wires. Knows no shares.
//!
//! Party i in the order of declaration, families expanded in place, is at node i mod 3. Lanes of a family are divided
//! evenly: lane l of L belongs to member l / (L / members).

use circuit::{Party, PartyId};
use proto::rep3::NODES;

use crate::Fault;
use crate::value::internal;

/// Where a party's members are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seat {
    /// Node of the party, or of member 0.
    first: usize,
    /// `None` for a single party.
    members: Option<usize>,
}

/// Seats of all parties.
pub(crate) fn seats(parties: &[Party]) -> Vec<Seat> {
    let mut next = 0usize;
    parties
        .iter()
        .map(|p| {
            let seat = Seat { first: next % NODES, members: p.family.map(|m| m as usize) };
            next = (next + (p.family.unwrap_or(1) % NODES as u64) as usize) % NODES;
            seat
        })
        .collect()
}

impl Seat {
    /// The seat of a party.
    pub fn of(seats: &[Seat], party: PartyId) -> Result<Seat, Fault> {
        seats.get(party.0 as usize).copied().ok_or_else(|| internal("a party that the circuit does not have"))
    }

    /// The node of a single party.
    pub fn single(&self) -> Option<usize> {
        self.members.is_none().then_some(self.first)
    }

    /// Whether `node` hosts the party, or a member.
    pub fn hosts(&self, node: usize) -> bool {
        match self.members {
            None => node == self.first,
            Some(m) => (node + NODES - self.first) % NODES < m,
        }
    }

    /// Runs (first lane, lanes) of a wire of `lanes` lanes that belong to members at `node`.
    pub fn runs(&self, node: usize, lanes: usize) -> Result<Vec<(usize, usize)>, Fault> {
        let Some(m) = self.members else {
            return Ok(if node == self.first && lanes > 0 { vec![(0, lanes)] } else { vec![] });
        };
        if lanes == 0 {
            return Ok(vec![]);
        }
        if m == 0 || !lanes.is_multiple_of(m) {
            return Err(internal(format!("{lanes} lanes cannot be divided among {m} members")));
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
        let parties: Vec<Party> = [None, Some(5), None, Some(0), Some(1), Some(2)]
            .into_iter()
            .map(|family| Party { name: String::new(), family })
            .collect();
        let hosts = spec::bases(parties.iter().map(|p| p.family));
        for (seat, host) in seats(&parties).iter().zip(&hosts) {
            for per in 0..4u64 {
                let lanes = host.members.unwrap_or(1) * per;
                let want = spec::host_lanes(host, lanes, 3).unwrap();
                for (node, want) in want.iter().enumerate() {
                    let runs = seat.runs(node, lanes as usize).unwrap();
                    assert_eq!(runs.iter().map(|r| r.1 as u64).sum::<u64>(), *want);
                    assert_eq!(
                        seat.hosts(node),
                        host.members.unwrap_or(1) > 0
                            && spec::host_lanes(host, host.members.unwrap_or(1), 3).unwrap()[node] > 0
                    );
                }
            }
        }
    }
}
