//! What travels, and when, is the same whatever the secrets are.

use net::sim::{Ended, Options, Place, sound};
use wire::Kind;

use crate::scenario::Case;

fn trace(case: &Case) -> Vec<Place> {
    // Small enough a window that payload comes in pieces and waits for credit.
    let report = case.run(&Options { window: 700, ..Options::new(11) }, sound());
    for (me, end) in report.ends.iter().enumerate() {
        match &end.how {
            Ended::Done(Ok(finished)) => case.holds(me, finished, true).unwrap(),
            other => panic!("{other:?}"),
        }
    }
    report.sent
}

#[test]
fn two_hundred_secrets_give_one_trace() {
    let first = trace(&Case::chain(40, 5, 0));
    assert!(first.iter().any(|p| p.header.kind == Kind::Credit));
    for secret in 1..200u64 {
        // Sender, receiver, kind, session, step, length, number, and the moment of each frame.
        assert!(trace(&Case::chain(40, 5, secret.wrapping_mul(0xdead_beef_1234_5677))) == first, "secret {secret}");
    }
    // The comparison sees what it should: a lane or a step more is another trace.
    assert!(trace(&Case::chain(41, 5, 0)) != first);
    assert!(trace(&Case::chain(40, 6, 0)) != first);
}
