//! Clients and three nodes over TLS on loopback, all in this process: results, exact bytes, and every way in which a client
//! can fail to take part.

mod common;

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use common::vote::{self, Vote, voter};
use net::Call;
use net::tcp::{self, Peer};
use net::tls::Identity;
use node::NodeError;
use node::clients::join::{Joined, Joining, Part, Stage, join};
use node::clients::{Clients, Cutoff, Registry};
use node::data::{self, Inputs, OutputSet, Source, named};
use node::session::{self, Finished, Settings};

const PATIENCE: Duration = Duration::from_secs(60);

/// A change of what a node knows of clients.
type Change = fn(&mut Clients);

/// Three nodes on loopback, and the identities of clients.
struct World {
    nodes: Vec<Identity>,
    listeners: Vec<TcpListener>,
    peers: Vec<Peer>,
    voters: Vec<Arc<Identity>>,
    owner: Arc<Identity>,
    cutoff: Cutoff,
    deadline: Duration,
    folder: tempfile::TempDir,
    /// What node 1 believes instead.
    odd: Option<Change>,
}

impl World {
    fn new(voters: usize) -> World {
        let id = |name: &str| Identity::generate(name).unwrap().0;
        let nodes: Vec<Identity> = (0..3).map(|k| id(&format!("node{k}"))).collect();
        let listeners: Vec<TcpListener> = (0..3).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
        let peers = nodes.iter().zip(&listeners).enumerate();
        let peers = peers.map(|(k, (id, l))| Peer {
            name: format!("node{k}"),
            address: l.local_addr().unwrap().to_string(),
            fingerprints: vec![id.fingerprint()],
        });
        let folder = vote::inputs(voters);
        World {
            peers: peers.collect(),
            nodes,
            listeners,
            voters: (0..voters).map(|k| Arc::new(id(&format!("voter{k}")))).collect(),
            owner: Arc::new(id("owner")),
            cutoff: Cutoff { count: None, time: PATIENCE },
            deadline: Duration::from_secs(20),
            folder,
            odd: None,
        }
    }

    fn settings(&self, nodes: bool) -> Settings {
        let voters = self.voters.iter().map(|v| vec![v.fingerprint()]).collect();
        let registry = Registry { parties: vec![(0, voters), (1, vec![vec![self.owner.fingerprint()]])] };
        let clients = nodes.then_some(Clients { registry, cutoff: self.cutoff });
        Settings { deadline: self.deadline, clients, ..Settings::local() }
    }

    fn joining(&self, identity: &Arc<Identity>, party: usize) -> Joining {
        let identity = identity.clone();
        let part = Part { party, settings: self.settings(false), wait: PATIENCE };
        Joining { nodes: self.peers.clone(), identity, part }
    }

    fn inputs(&self, program: &Vote, party: usize, member: Option<u64>) -> Inputs {
        data::read_member(&program.contract, &source(self.folder.path()), party, member).unwrap()
    }

    /// Runs the nodes on threads of their own while `clients` runs; what each came to, and what `clients` gave.
    fn run<T>(
        &mut self,
        programs: [&Vote; 3],
        clients: impl AsyncFnOnce(&World) -> T,
    ) -> (Vec<Result<Finished, NodeError>>, T) {
        let listeners = std::mem::take(&mut self.listeners);
        let world = &*self;
        std::thread::scope(|scope| {
            let nodes: Vec<_> = listeners
                .into_iter()
                .zip(programs)
                .enumerate()
                .map(|(me, (listener, program))| scope.spawn(move || world.node(me, listener, program)))
                .collect();
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            let done = runtime.block_on(clients(world));
            (nodes.into_iter().map(|n| n.join().unwrap()).collect(), done)
        })
    }

    fn node(&self, me: usize, listener: TcpListener, program: &Vote) -> Result<Finished, NodeError> {
        let mut settings = self.settings(true);
        if let (1, Some(odd), Some(clients)) = (me, self.odd, &mut settings.clients) {
            odd(clients);
        }
        let fingerprints = settings.clients.as_ref().unwrap().registry.fingerprints();
        let call = Call {
            me,
            peers: &self.peers,
            identity: &self.nodes[me],
            listener,
            wait: PATIENCE,
            clients: &fingerprints,
            build: "test",
            stop: &settings.stop,
            note: &|_| {},
            farewell: &|e| e.to_string().into_bytes(),
        };
        let (links, clients) = tcp::connect_with_clients(call, Duration::from_millis(200)).unwrap();
        let inputs = data::read(&program.contract, &source(self.folder.path()), Some(me)).unwrap();
        session::run_with_clients(links, clients, &settings, program, inputs, &mut |_| {})
    }

    async fn voter(&self, program: &Vote, k: usize) -> Result<Joined, NodeError> {
        let inputs = self.inputs(program, 0, Some(k as u64));
        join(&self.joining(&self.voters[k], 0), program, &inputs, &mut |_| {}).await
    }

    async fn owner(&self, program: &Vote) -> Result<Joined, NodeError> {
        join(&self.joining(&self.owner, 1), program, &self.inputs(program, 1, None), &mut |_| {}).await
    }
}

fn source(folder: &Path) -> Source {
    Source { folder: Some(folder.to_owned()), ..Source::default() }
}

fn shown(outputs: &OutputSet) -> serde_json::Value {
    serde_json::from_str(&outputs.json()).unwrap()
}

#[test]
fn everyone_gets_results_and_bytes_are_exact() {
    let mut world = World::new(4);
    let program = Vote::new();
    let (nodes, (a, b, c, d, owner)) = world.run([&program; 3], async |w| {
        tokio::join!(
            w.voter(&program, 0),
            w.voter(&program, 1),
            w.voter(&program, 2),
            w.voter(&program, 3),
            w.owner(&program)
        )
    });
    for (k, voter) in [a, b, c, d].into_iter().enumerate() {
        let voter = voter.unwrap();
        let want = serde_json::json!({"all": {"result.0": 2}, "Voter": {"result.1": 107 + k}});
        assert_eq!((shown(&voter.outputs), voter.member), (want, k as u64));
        // A bit and a word: 5 bytes explicit at two nodes, four seeds in all; answers of a word, a digest, and the count.
        assert_eq!(voter.client_bytes, (4 * 16 + 2 * 5) + 3 * (4 + 32 + 4));
    }
    let owner = owner.unwrap();
    assert_eq!(shown(&owner.outputs), serde_json::json!({"all": {"result.0": 2}, "Owner": {"result.2": 406}}));
    for (me, node) in nodes.into_iter().enumerate() {
        let node = node.unwrap();
        assert_eq!(node.sizes, BTreeMap::from([("N".to_owned(), 4)]));
        // Node 0 is sent two seeds, the others one and the words.
        let (voter, owner) = if me == 0 { (32, 32) } else { (16 + 5, 16 + 4) };
        assert_eq!(node.stats.client_bytes, 4 * (voter + 40) + owner + 40, "node {me}");
        assert_eq!((node.clients.members, node.clients.absent.len()), (5, 0));
        // Its host learns what all learn, and nothing of a client's.
        let leaves = named(&node.compiled.program.circuit);
        let outputs = OutputSet::new(&program.contract, &leaves, node.outputs.clone(), &node.sizes).unwrap();
        assert_eq!(shown(&outputs), serde_json::json!({"all": {"result.0": 2}}));
    }
}

#[test]
fn a_thousand_clients_of_whom_one_vanishes() {
    let many = 1000;
    let mut world = World::new(many);
    let program = Vote::new();
    let shared = Arc::new(Vote::new());
    // The last one has greeted everyone and heard the terms when it is gone, without a word.
    let mut last = Vote::new();
    last.meanwhile = Some(Box::new(|| std::panic::resume_unwind(Box::new(()))));
    let last = Arc::new(last);
    let (nodes, (voters, gone, owner)) = world.run([&program; 3], async |w| {
        // One process plays all clients: not all of them make their connections at once.
        let turns = Arc::new(tokio::sync::Semaphore::new(50));
        let mut set = tokio::task::JoinSet::new();
        for k in 0..many {
            let (joining, inputs) = (w.joining(&w.voters[k], 0), w.inputs(&shared, 0, Some(k as u64)));
            let (program, turns) = (if k + 1 < many { shared.clone() } else { last.clone() }, turns.clone());
            set.spawn(async move {
                let mut turn = Some(turns.acquire_owned().await.unwrap());
                let mut hear = |_: Stage| drop(turn.take());
                join(&joining, &*program, &inputs, &mut hear).await
            });
        }
        let owner = w.owner(&program).await;
        let (mut voters, mut gone) = (Vec::new(), 0);
        while let Some(done) = set.join_next().await {
            match done {
                Ok(voter) => voters.push(voter),
                Err(e) => gone += usize::from(e.is_panic()),
            }
        }
        (voters, gone, owner)
    });
    assert_eq!((voters.len(), gone), (many - 1, 1));
    let mut members = Vec::new();
    let yes = (0..many - 1).filter(|k| voter(*k).0 == 1).count();
    for voter in voters {
        let voter = voter.unwrap();
        let want = serde_json::json!({"all": {"result.0": yes}, "Voter": {"result.1": 107 + voter.member}});
        assert_eq!(shown(&voter.outputs), want);
        members.push(voter.member);
    }
    members.sort();
    assert_eq!(members, (0..many as u64 - 1).collect::<Vec<_>>());
    owner.unwrap();
    for node in nodes {
        let node = node.unwrap();
        assert_eq!(node.sizes["N"], many as u64 - 1);
        assert_eq!(node.clients.members, many);
    }
}

#[test]
fn a_count_and_a_time_end_the_wait() {
    for cutoff in [Cutoff { count: Some(3), time: PATIENCE }, Cutoff { count: None, time: Duration::from_secs(3) }] {
        let mut world = World::new(5);
        world.cutoff = cutoff;
        let program = Vote::new();
        // Voters 3 and 1: their order is that of the register.
        let (nodes, (a, b, owner)) = world
            .run([&program; 3], async |w| tokio::join!(w.voter(&program, 3), w.voter(&program, 1), w.owner(&program)));
        assert_eq!((a.unwrap().member, b.unwrap().member), (1, 0));
        owner.unwrap();
        nodes.into_iter().for_each(|n| assert_eq!(n.unwrap().sizes["N"], 2));
    }
}

#[test]
fn nodes_that_would_take_other_clients_do_not_begin() {
    let odd: [(&str, Change); 4] = [
        ("register of clients", |c| c.registry.parties[0].1.swap(0, 1)),
        ("register of clients", |c| {
            c.registry.parties[0].1.pop();
        }),
        ("cutoff for clients", |c| c.cutoff.count = Some(2)),
        ("cutoff for clients", |c| c.cutoff.time = Duration::from_secs(3)),
    ];
    for (field, change) in odd {
        let mut world = World::new(2);
        // Nobody comes: nodes that did not compare would end by this, with another word.
        world.cutoff.time = Duration::from_secs(2);
        world.odd = Some(change);
        let program = Vote::new();
        let (nodes, ()) = world.run([&program; 3], async |_| ());
        for (me, node) in nodes.into_iter().enumerate() {
            let e = node.unwrap_err();
            assert_eq!((e.exit(), e.to_string().contains(field)), (7, true), "node {me}: {e}");
        }
    }
}

#[test]
fn a_party_that_does_not_come_is_named_everywhere() {
    let mut world = World::new(1);
    world.cutoff.time = Duration::from_secs(2);
    let program = Vote::new();
    let (nodes, voter) = world.run([&program; 3], async |w| w.voter(&program, 0).await);
    for node in nodes {
        let e = node.unwrap_err();
        assert_eq!((e.exit(), e.to_string().contains("Owner did not come")), (4, true), "{e}");
    }
    let e = voter.unwrap_err();
    assert_eq!((e.exit(), e.to_string().contains("Owner did not come")), (4, true), "{e}");
}

#[test]
fn who_comes_twice_or_with_another_program_is_told() {
    let mut world = World::new(2);
    let (program, mut other) = (Vote::new(), Vote::new());
    other.source = [8; 32];
    let (nodes, (first, (second, wrong), (owner, last))) = world.run([&program; 3], async |w| {
        let (joined, comes) = tokio::sync::oneshot::channel();
        let (refused, go) = tokio::sync::oneshot::channel();
        let first = async {
            let inputs = w.inputs(&program, 0, Some(0));
            let mut joined = Some(joined);
            let mut hear = |_: Stage| {
                let _ = joined.take().map(|t| t.send(()));
            };
            join(&w.joining(&w.voters[0], 0), &program, &inputs, &mut hear).await
        };
        let second = async {
            comes.await.unwrap();
            let e = w.voter(&program, 0).await;
            let wrong = w.voter(&other, 1).await;
            refused.send(()).unwrap();
            (e, wrong)
        };
        let others = async {
            go.await.unwrap();
            tokio::join!(w.owner(&program), w.voter(&program, 1))
        };
        tokio::join!(first, second, others)
    });
    first.unwrap();
    let e = second.unwrap_err();
    assert_eq!((e.exit(), e.to_string().contains("joined already")), (6, true), "{e}");
    let e = wrong.unwrap_err();
    assert_eq!((e.exit(), e.to_string().contains("the program is")), (7, true), "{e}");
    owner.unwrap();
    last.unwrap();
    nodes.into_iter().for_each(|n| assert_eq!(n.unwrap().sizes["N"], 2));
}

#[test]
fn who_is_late_hears_that_the_run_is_closed() {
    let mut world = World::new(2);
    world.cutoff.count = Some(2);
    let program = Vote::new();
    // While the owner compiles the terms are out, and its input is not: the run is closed, and not over.
    let (joining, inputs) = (world.joining(&world.voters[1], 0), world.inputs(&program, 0, Some(1)));
    let late = Arc::new(std::sync::Mutex::new((Some((joining, inputs)), None)));
    let told = late.clone();
    let mut slow = Vote::new();
    slow.meanwhile = Some(Box::new(move || {
        let Some((joining, inputs)) = told.lock().unwrap().0.take() else { return };
        let come = move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(join(&joining, &Vote::new(), &inputs, &mut |_| {}))
        };
        let result = std::thread::spawn(come).join().unwrap();
        told.lock().unwrap().1 = Some(result);
    }));
    let (nodes, (first, owner)) =
        world.run([&program; 3], async |w| tokio::join!(w.voter(&program, 0), w.owner(&slow)));
    first.unwrap();
    owner.unwrap();
    let e = late.lock().unwrap().1.take().unwrap().unwrap_err();
    assert_eq!((e.exit(), e.to_string().contains("closed")), (6, true), "{e}");
    nodes.into_iter().for_each(|n| assert_eq!(n.unwrap().sizes["N"], 1));
}

#[test]
fn a_stranger_is_not_let_in() {
    let mut world = World::new(1);
    let stranger = Arc::new(Identity::generate("stranger").unwrap().0);
    let program = Vote::new();
    let (nodes, (a, b, e)) = world.run([&program; 3], async |w| {
        let inputs = w.inputs(&program, 0, Some(0));
        let e = join(&w.joining(&stranger, 0), &program, &inputs, &mut |_| {}).await;
        let (a, b) = tokio::join!(w.voter(&program, 0), w.owner(&program));
        (a, b, e)
    });
    let e = e.unwrap_err();
    assert_eq!((e.exit(), e.to_string().contains("not pinned")), (4, true), "{e}");
    a.unwrap();
    b.unwrap();
    nodes.into_iter().for_each(|n| assert!(n.is_ok()));
}

#[test]
fn a_node_that_sends_other_copies_is_found_by_the_client() {
    let mut world = World::new(1);
    let (program, mut cheat) = (Vote::new(), Vote::new());
    cheat.cheat = 5;
    // A public constant is added at node 0 (its component a) and node 2 (its component b): only node 0 cheats.
    let (_, (voter, owner)) =
        world.run([&cheat, &program, &program], async |w| tokio::join!(w.voter(&program, 0), w.owner(&program)));
    let e = voter.unwrap_err();
    assert_eq!(e.exit(), 5, "{e}");
    assert!(e.to_string().contains("node2 and node0"), "{e}");
    // The owner's result does not depend on it.
    owner.unwrap();
}

#[test]
fn a_client_that_compiles_another_circuit_gives_nothing() {
    let mut world = World::new(2);
    let (program, mut other) = (Vote::new(), Vote::new());
    other.twisted = true;
    let (nodes, (a, b, owner)) =
        world.run([&program; 3], async |w| tokio::join!(w.voter(&program, 0), w.voter(&other, 1), w.owner(&program)));
    let e = b.unwrap_err();
    assert_eq!((e.exit(), e.to_string().contains("circuit and schedule")), (7, true), "{e}");
    // It is out, and the others go on.
    let want = serde_json::json!({"all": {"result.0": 1}, "Voter": {"result.1": 107}});
    assert_eq!(shown(&a.unwrap().outputs), want);
    owner.unwrap();
    nodes.into_iter().for_each(|n| assert_eq!(n.unwrap().sizes["N"], 1));
}
