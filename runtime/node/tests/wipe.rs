//! Secrets of a session are gone when it is over: this process's own memory is searched for them.
//!
//! Stacks of ended threads are given back to the system (they are too large to be kept), so what is searched is the heap,
//! statics, and the stack of the test. The bytes that are looked for are kept with all bits flipped, so that the search does
//! not find itself.

mod common;

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::{Arc, Mutex};

use common::{chain, write_inputs};
use net::sim::{Ended, Options, Place, Verdict};
use node::data;
use node::session::{self, Settings};
use wire::{HEADER, Kind};
use zeroize::Zeroize;

/// Bytes that are looked for, flipped.
#[derive(Clone, PartialEq)]
struct Flipped(Vec<u8>);

fn flipped(bytes: &[u8]) -> Flipped {
    Flipped(bytes.iter().map(|b| !b).collect())
}

impl Flipped {
    /// As they were; the caller erases them.
    fn bytes(&self) -> Vec<u8> {
        self.0.iter().map(|b| !b).collect()
    }
}

/// How often each of these stands in this process's writable memory.
fn memory(wanted: &[Flipped]) -> Vec<usize> {
    const PIECE: usize = 1 << 20;
    let mut piece = vec![0u8; PIECE + 64];
    let own = piece.as_ptr() as u64..piece.as_ptr() as u64 + piece.len() as u64;
    let maps = std::fs::read_to_string("/proc/self/maps").expect("Linux tells what is mapped");
    let mem = File::open("/proc/self/mem").expect("a process may read its own memory");
    let mut found = vec![0; wanted.len()];
    let mut searched = 0u64;
    for line in maps.lines() {
        let mut words = line.split_whitespace();
        let (Some(range), Some(rights)) = (words.next(), words.next()) else { continue };
        if !rights.starts_with("rw") || line.ends_with("[vvar]") {
            continue;
        }
        let (lo, hi) = range.split_once('-').unwrap();
        let (lo, hi) = (u64::from_str_radix(lo, 16).unwrap(), u64::from_str_radix(hi, 16).unwrap());
        let mut at = lo;
        while at < hi {
            // Pieces overlap by less than the shortest that is looked for is long, so that each place is seen once.
            let longest = wanted.iter().map(|w| w.0.len()).max().unwrap_or(1);
            let n = (hi - at).min((PIECE + longest - 1) as u64) as usize;
            let n = mem.read_at(&mut piece[..n], at).unwrap_or(0);
            searched += n as u64;
            for k in 0..n.min(PIECE) {
                let place = at + k as u64;
                if own.contains(&place) {
                    continue;
                }
                for (w, found) in wanted.iter().zip(&mut found) {
                    let here = &piece[k..n];
                    if here.len() >= w.0.len() && here.iter().zip(&w.0).all(|(a, b)| *a == !*b) {
                        *found += 1;
                    }
                }
            }
            at += PIECE as u64;
        }
    }
    piece.zeroize();
    assert!(searched > 1 << 20, "memory was searched: {searched} bytes");
    found
}

/// Runs on a stack that is given back afterwards.
fn aside<T: Send>(f: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|s| {
        std::thread::Builder::new().stack_size(128 << 20).spawn_scoped(s, f).unwrap().join().expect("no panic")
    })
}

/// One test: nothing else of this process may hold secrets meanwhile.
#[test]
fn secrets_of_a_session_are_erased() {
    // The search finds what is there, and not what was erased.
    let mut there: Vec<u8> = (0..32u8).map(|i| i.wrapping_mul(37) ^ 0x5A).collect();
    let wanted = [flipped(&there)];
    assert_eq!(memory(&wanted), [1]);
    there.zeroize();
    assert_eq!(memory(&wanted), [0]);

    // Keys that a node holds, and the secrets that they come from.
    let (secrets, keys) = aside(|| {
        let mut secrets = [[0u8; 32]; 2];
        for (k, s) in secrets.iter_mut().enumerate() {
            *s = *blake3::hash(&[k as u8, 0x77]).as_bytes();
        }
        let keys = proto::SessionKeys::derive(1, &secrets[0], &secrets[1], b"session", &[9; 32]);
        let mut wanted = Vec::new();
        for (slot, secret) in [(1u8, &secrets[0]), (2, &secrets[1])] {
            let mut h = blake3::Hasher::new_derive_key("mpcc 2026-11 rep3 key of a pair");
            h.update(secret).update(&[slot]).update(&[9; 32]).update(b"session");
            let mut key = [0u8; 16];
            h.finalize_xof().fill(&mut key);
            wanted.push(flipped(&key));
        }
        let boxed = Box::new(keys);
        (wanted, boxed)
    });
    assert!(memory(&secrets).iter().all(|n| *n > 0), "keys in use are found");
    aside(move || drop(keys));
    assert_eq!(memory(&secrets), [0, 0], "keys are erased when dropped");

    // A whole session: halves, and the secrets that they make.
    let seen = Arc::new(Mutex::new(Vec::new()));
    let kept = seen.clone();
    let keep = move |place: &Place, bytes: &mut Vec<u8>| {
        if place.header.kind == Kind::Keys {
            kept.lock().unwrap().push((place.from, place.to, flipped(&bytes[HEADER..])));
        }
        Verdict::Deliver
    };
    let program = chain(70, 3);
    let folder = tempfile::tempdir().unwrap();
    let columns: Vec<circuit::Column> =
        program.circuit().inputs.iter().map(|i| circuit::Column::zeros(i.elem, i.lanes as usize)).collect();
    write_inputs(folder.path(), program.circuit(), &columns);
    let source = data::Source { folder: Some(folder.path().into()), ..data::Source::default() };
    let inputs = data::read(&program.contract, &source, None).unwrap();
    // In the simulator, which erases what it carries as the other transports do.
    let report = aside(|| {
        let settings = Settings::local();
        let node = |links| session::run(links, &settings, &program, inputs.clone(), &mut |_| {});
        // Its own generator would hold what it drew.
        net::sim::run(&Options { fresh: true, ..Options::new(1) }, Box::new(keep), node)
    });
    report.ends.iter().for_each(|e| assert!(matches!(&e.how, Ended::Done(Ok(_))), "{:?}", e.how));
    drop(report);
    let halves = std::mem::take(&mut *seen.lock().unwrap());
    assert_eq!(halves.len(), 6, "two halves for each pair");
    let mut wanted: Vec<Flipped> = halves.iter().map(|h| h.2.clone()).collect();
    wanted.extend(aside(|| {
        let half = |from, to| halves.iter().find(|h| (h.0, h.1) == (from, to)).unwrap().2.bytes();
        let pair = |(a, b): (usize, usize)| {
            let (mut low, mut high) = (half(a, b), half(b, a));
            let mut hash = blake3::Hasher::new_derive_key("mpcc 2026-11 secret of a pair");
            hash.update(&low).update(&high);
            let secret = flipped(hash.finalize().as_bytes());
            low.zeroize();
            high.zeroize();
            secret
        };
        [(0, 1), (0, 2), (1, 2)].map(pair).to_vec()
    }));
    assert_eq!(memory(&wanted), [0; 9], "halves and secrets of pairs are erased");
}
