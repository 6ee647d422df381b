//! Parties without a node: clients, who share their input among the nodes before a run and get their results after it.
//!
//! At a node: `gather` collects clients until a cutoff, agrees with the other nodes on exactly who takes part, and takes
//! their shares in; `deliver` sends each its answer. At a client: [`join`]. Who may come is fixed beforehand, by
//! fingerprint ([`Registry`]). Knows sessions and frames; neither the language nor how shares are made.

mod deliver;
mod gather;
pub mod join;
mod message;

use std::time::Duration;

use circuit::PartyId;
use net::tls::Fingerprint;

use crate::parties::Parties;
use crate::{Contract, NodeError};

pub(crate) use deliver::deliver;
pub(crate) use gather::{Ground, gather};

/// Who may come as which party: by party, and for a family by member, the certificates that it may present. The order is that
/// of the members in a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Registry {
    /// (party of the contract, its possible members); parties in the order of the contract.
    pub parties: Vec<(usize, Vec<Vec<Fingerprint>>)>,
}

impl Registry {
    /// The clients that a file names, of the parties that a program has.
    pub fn new(contract: &Contract, parties: &Parties) -> Registry {
        let entry = |party: usize| Some((party, parties.party(&contract.parties[party].name)?.fingerprints.clone()));
        Registry { parties: client_parties(contract).filter_map(entry).collect() }
    }

    /// All fingerprints.
    pub fn fingerprints(&self) -> Vec<Fingerprint> {
        self.parties.iter().flat_map(|(_, members)| members.iter().flatten().copied()).collect()
    }

    /// Everyone who may come, in order.
    fn seats(&self) -> impl Iterator<Item = (Seat, &[Fingerprint])> {
        self.parties.iter().flat_map(|(party, members)| {
            members
                .iter()
                .enumerate()
                .map(move |(index, f)| (Seat { party: *party as u32, index: index as u32 }, &f[..]))
        })
    }

    /// Digest for comparing: the order counts.
    pub(crate) fn digest(&self) -> [u8; 32] {
        let mut hash = blake3::Hasher::new_derive_key("mpcc 2026-11 registry of clients");
        for (party, members) in &self.parties {
            hash.update(&(*party as u64).to_le_bytes()).update(&(members.len() as u64).to_le_bytes());
            for member in members {
                hash.update(&(member.len() as u64).to_le_bytes());
                member.iter().for_each(|f| {
                    hash.update(&f.0);
                });
            }
        }
        *hash.finalize().as_bytes()
    }

    /// In words, for messages: how many may come, and the beginning of the digest.
    pub(crate) fn text(&self) -> String {
        if self.parties.is_empty() {
            return "none".into();
        }
        let count: usize = self.parties.iter().map(|(_, m)| m.len()).sum();
        let digest: String = self.digest()[..8].iter().map(|b| format!("{b:02x}")).collect();
        format!("{count} with digest {digest}")
    }
}

/// When the nodes stop waiting for clients. Everyone who may come being there ends it in any case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cutoff {
    /// As soon as so many clients, of all parties together, are there.
    pub count: Option<u64>,
    /// After this time.
    pub time: Duration,
}

impl Cutoff {
    pub(crate) fn text(&self) -> String {
        let count = self.count.map(|n| format!("{n} clients or ")).unwrap_or_default();
        format!("{count}{} s", self.time.as_secs_f64())
    }
}

/// What a node needs to know of clients.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clients {
    /// Who may come.
    pub registry: Registry,
    /// Until when.
    pub cutoff: Cutoff,
}

/// Someone who may come: a party, and its place in the registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub(crate) struct Seat {
    pub(crate) party: u32,
    pub(crate) index: u32,
}

impl Seat {
    pub(crate) fn party_id(self) -> PartyId {
        PartyId(self.party)
    }

    /// In words: `Ada`, or `Voter[17]`.
    pub(crate) fn name(self, contract: &Contract) -> String {
        let name = contract.parties.get(self.party as usize).map_or("?", |p| &p.name);
        if contract.is_family(self.party as usize) { format!("{name}[{}]", self.index) } else { name.to_owned() }
    }
}

/// What a run with clients came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientReport {
    /// Clients that took part.
    pub members: usize,
    /// Those of them that were gone before they had their answer, by name.
    pub absent: Vec<String>,
}

/// Names of the contract's parties that are clients.
pub fn client_parties(contract: &Contract) -> impl Iterator<Item = usize> {
    (0..contract.parties.len()).filter(|p| contract.parties[*p].host == circuit::Host::Client)
}

/// Holds that the registry has someone for every client party.
///
/// # Errors
/// Usage: a party without an entry.
pub fn check(contract: &Contract, clients: Option<&Clients>) -> Result<(), NodeError> {
    for party in client_parties(contract) {
        let known = clients.is_some_and(|c| c.registry.parties.iter().any(|(p, m)| *p == party && !m.is_empty()));
        if !known {
            let name = &contract.parties[party].name;
            return Err(NodeError::Usage(format!("{name} is a client, and nobody is registered as it")));
        }
    }
    Ok(())
}
