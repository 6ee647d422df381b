//! Faults that hide from one check, and are found by another: of frames that fit together, and yet are not right.

use std::sync::{Arc, Mutex};

use net::sim::{Ended, Options, Place, Verdict};
use wire::{HEADER, Header, Kind};

use crate::scenario::Case;

#[test]
fn a_greeting_with_bytes_behind_it_is_refused_also_if_its_digest_fits() {
    let case = Case::chain(3, 2, 5);
    let digest = Arc::new(Mutex::new([0; 32]));
    let faults = move |place: &Place, bytes: &mut Vec<u8>| {
        if (place.from, place.to) != (1, 0) {
            return Verdict::Deliver;
        }
        match place.header.kind {
            Kind::Hello => {
                bytes.push(0);
                let header = Header { length: place.header.length + 1, ..place.header };
                bytes[..HEADER].copy_from_slice(&header.encode());
                *digest.lock().unwrap() = *blake3::hash(&bytes[HEADER..]).as_bytes();
            }
            // Says that this is the greeting that it sent.
            Kind::Agree => bytes[HEADER + 32..HEADER + 64].copy_from_slice(&*digest.lock().unwrap()),
            _ => {}
        }
        Verdict::Deliver
    };
    let report = case.run(&Options::new(4), Box::new(faults));
    for (me, end) in report.ends.iter().enumerate() {
        let Ended::Done(Err(e)) = &end.how else { panic!("node {me}: {:?}", end.how) };
        assert_eq!((e.exit(), e.blame()), (5, Some(1)), "node {me}: {e}");
        assert!(e.to_string().contains("a greeting that cannot be read"), "node {me}: {e}");
    }
}
