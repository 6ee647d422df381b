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
        let header = Header { kind, sequence, session, step, length: length % (kind.cap() + 1) };
        prop_assert_eq!(Header::decode(&header.encode()), Ok(header));
    }

    #[test]
    fn mutated_headers_never_exceed_the_cap(kind in 0usize..Kind::ALL.len(), at in 0usize..HEADER, flip in 1u8..) {
        let mut bytes = Header::new(Kind::ALL[kind], 7, 9, 16).unwrap().encode();
        bytes[at] ^= flip;
        match Header::decode(&bytes) {
            Ok(h) => prop_assert!(h.length <= h.kind.cap() && at >= 6),
            Err(_) => prop_assert!(at < 8 || (24..28).contains(&at)),
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
    assert_eq!(with(6, 8), WireError::Kind(8));
    assert_eq!(with(7, 1), WireError::Reserved(1));
    assert!(matches!(with(27, 0xff), WireError::Length { .. }));
    assert!(Header::new(Kind::Agree, 0, 0, usize::MAX).is_err());
}

#[test]
fn gaps_and_repeats_are_errors() {
    let mut order = Order::new();
    order.check(0).unwrap();
    order.check(1).unwrap();
    assert_eq!(order.check(1), Err(WireError::Sequence { expected: 2, found: 1 }));
    assert_eq!(order.check(3), Err(WireError::Sequence { expected: 2, found: 3 }));
    order.check(2).unwrap();
}
