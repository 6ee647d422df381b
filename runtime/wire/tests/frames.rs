//! Headers survive a round trip, and no bytes make the decoder panic or accept more than the cap.

use proptest::prelude::*;
use wire::{HEADER, Header, Kind, Order, WireError};

proptest! {
    #[test]
    fn any_bytes_decode_or_err(bytes in proptest::array::uniform32(any::<u8>())) {
        prop_assert!(Header::decode(&bytes).is_err() || bytes[..4] == wire::MAGIC);
    }

    #[test]
    fn round_trip(kind in 0usize..Kind::ALL.len(), sequence: u32, session: u64, step: u64, length: u32) {
        let kind = Kind::ALL[kind];
        let session = if kind.in_session() { session } else { 0 };
        let header = Header { kind, sequence, session, step, length: length % (kind.cap() + 1) };
        prop_assert_eq!(Header::decode(&header.encode()), Ok(header));
    }

    #[test]
    fn mutated_headers_never_exceed_the_cap(kind in 0usize..Kind::ALL.len(), at in 0usize..HEADER, flip in 1u8..) {
        let kind = Kind::ALL[kind];
        let mut bytes = Header::new(kind, if kind.in_session() { 7 } else { 0 }, 9, 0).unwrap().encode();
        bytes[at] ^= flip;
        match Header::decode(&bytes) {
            Ok(h) => prop_assert!(h.length <= h.kind.cap() && at >= 6),
            Err(_) => prop_assert!(at < 16 || (24..28).contains(&at)),
        }
    }
}

#[test]
fn each_field_has_its_error() {
    let good = Header::new(Kind::Payload, 1, 2, 3).unwrap().encode();
    let with = |at: usize, v: u8| {
        let mut b = good;
        b[at] = v;
        Header::decode(&b).unwrap_err()
    };
    assert!(matches!(with(0, 0), WireError::Magic(_)));
    assert_eq!(with(4, 9), WireError::Version(9));
    assert_eq!(with(6, 0), WireError::Kind(0));
    assert_eq!(with(6, 200), WireError::Kind(200));
    assert_eq!(with(7, 1), WireError::Reserved(1));
    assert!(matches!(with(27, 0xff), WireError::Length { .. }));
    assert!(Header::new(Kind::Agree, 0, 0, usize::MAX).is_err());
    assert_eq!(Header::new(Kind::Heartbeat, 1, 0, 0), Err(WireError::Session(Kind::Heartbeat)));
}

#[test]
fn gaps_and_repeats_are_errors() {
    let frame = |sequence| Header { kind: Kind::Payload, sequence, session: 1, step: 4, length: 10 };
    let mut order = Order::new();
    order.check(&frame(0)).unwrap();
    order.check(&frame(1)).unwrap();
    assert_eq!(order.check(&frame(1)), Err(WireError::Sequence { expected: 2, found: 1 }));
    assert_eq!(order.check(&frame(3)), Err(WireError::Sequence { expected: 2, found: 3 }));
    order.check(&frame(2)).unwrap();
}

#[test]
fn both_ends_count_the_same_payload() {
    let (mut sent, mut came) = (Order::new(), Order::new());
    for (kind, length) in [(Kind::Hello, 7), (Kind::Payload, 10), (Kind::Payload, 5), (Kind::Heartbeat, 3)] {
        let mut header = Header::new(kind, 0, 0, length).unwrap();
        sent.stamp(&mut header);
        came.check(&header).unwrap();
    }
    let mut header = Header::new(Kind::Payload, 1, 0, 20).unwrap();
    sent.stamp(&mut header);
    came.check(&Header { length: 19, ..header }).unwrap();
    let mut header = Header::new(Kind::Confirm, 1, 0, 8).unwrap();
    sent.stamp(&mut header);
    assert_eq!(came.check(&header), Err(WireError::Payload { told: 35, came: 34 }));
}

#[test]
fn payload_alone_takes_of_the_window() {
    assert_eq!(Header::new(Kind::Payload, 1, 2, 3).unwrap().charge(), 35);
    assert_eq!(Header::new(Kind::Hello, 0, 2, 3).unwrap().charge(), 0);
    assert!(u64::from(wire::MAX_PAYLOAD) * 2 <= wire::WINDOW);
}
