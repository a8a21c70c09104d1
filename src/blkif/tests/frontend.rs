//! The frontend's table against a naive one, and responses of every wrong kind.

use alloc::collections::{BTreeMap, BTreeSet};

use quickcheck::QuickCheck;

use super::*;
use crate::ring::{Corrupt, PutError};

/// A step of a frontend, or what its backend answers.
#[derive(Clone, Debug)]
enum Step {
    Put(Body),
    /// The right answer to one of the requests in flight.
    Answer(u8, i16),
    /// An id from the past or the present, with any operation and status.
    Twist(u8, u8, i16),
    /// Any id.
    Noise(u64, u8, i16),
}

impl Arbitrary for Step {
    fn arbitrary(g: &mut Gen) -> Self {
        let n = u8::arbitrary(g);
        let status = *g.choose(&[0, 0, 0, -1, -2, -3, 1, i16::MIN]).unwrap();
        match u8::arbitrary(g) % 8 {
            0..4 => Self::Put(Body::arbitrary(g)),
            4..6 => Self::Answer(n, status),
            6 => Self::Twist(n, u8::arbitrary(g) % 8, status),
            _ => {
                let high = u64::arbitrary(g) % 3;
                let any = u64::arbitrary(g);
                let id = *g
                    .choose(&[any, (high << 32) | (any % 40), any % 40])
                    .unwrap();
                Self::Noise(id, u8::arbitrary(g) % 8, status)
            }
        }
    }
}

/// A number of an operation that answers a body, of those that may be.
fn answers(body: &Body) -> Vec<u8> {
    match body {
        Body::Read(_) => [0].into(),
        Body::Write(_) => [1].into(),
        Body::Barrier(_) => [2].into(),
        Body::Flush => [3].into(),
        Body::Discard(_) => [5].into(),
        Body::Indirect(indirect) => [6, u8::from(indirect.direction() == Direction::Write)].into(),
    }
}

#[test]
fn any_responses_are_matched_as_by_a_naive_table() {
    fn property(layout: Layout, steps: Vec<Step>, places: u8) -> bool {
        let [ours, page] = mappings(64 + 8 * 112);
        let places = usize::from(places % 12);
        let shadows = alloc::vec![Shadow::FREE; places];
        let mut front = FrontRing::init(layout, ours, shadows, 0).unwrap();
        let size = front.size();
        let mut in_flight = BTreeMap::new();
        let mut issued = BTreeSet::new();
        // What the ring itself allows: requests and responses so far.
        let (mut asked, mut answered) = (0u32, 0u32);
        for (tag, step) in (0..).zip(steps) {
            let (id, operation, status) = match step {
                Step::Put(body) => {
                    let put = front.put(&body, tag);
                    if in_flight.len() == places.min(size as usize) {
                        let places = in_flight.len() as u32;
                        assert_eq!(put, Err(SubmitError::TableFull { places }));
                    } else {
                        // A dropped response frees its slot, not its request, so the table fills
                        // before the ring does.
                        let id = put.unwrap();
                        assert!(issued.insert(id), "an id is used twice");
                        in_flight.insert(id, (tag, body));
                        asked += 1;
                    }
                    continue;
                }
                Step::Answer(n, status) => {
                    let Some((id, (_, body))) = in_flight.iter().nth(n.into()) else {
                        continue;
                    };
                    let all = answers(body);
                    (*id, all[usize::from(n) % all.len()], status)
                }
                Step::Twist(n, operation, status) => {
                    let Some(id) = issued.iter().nth(n.into()) else {
                        continue;
                    };
                    (*id, operation, status)
                }
                Step::Noise(id, operation, status) => (id, operation, status),
            };
            if answered == asked {
                continue;
            }
            front.push();
            let slot = if layout == Layout::X86_32 { 108 } else { 112 };
            let mut bytes = [0; 16];
            bytes[..8].copy_from_slice(&id.to_ne_bytes());
            bytes[8..10].copy_from_slice(&[operation, 99]);
            bytes[10..12].copy_from_slice(&status.to_ne_bytes());
            let at = 64 + slot * (answered % size) as usize;
            let len = if layout == Layout::X86_32 { 12 } else { 16 };
            poke(&page, layout, at, &bytes[..len]);
            answered += 1;
            // SAFETY: the response producer.
            unsafe { page.store_u32(8, answered) };
            let found = front.take().unwrap().unwrap();
            let known = Status::from_code(status).filter(|s| s.code() == status);
            let expected = match in_flight.get(&id) {
                None if issued.contains(&id) => Err(BadResponse::RepeatedId { id }),
                None => Err(BadResponse::UnknownId { id }),
                Some((_, body)) if !answers(body).contains(&operation) => {
                    Err(BadResponse::Operation {
                        id,
                        operation,
                        expected: body.operation(),
                    })
                }
                Some((tag, body)) => match known {
                    None => Err(BadResponse::Status { id, status }),
                    Some(status) => Ok(Completion {
                        id,
                        tag: *tag,
                        operation: body.operation(),
                        status,
                    }),
                },
            };
            assert_eq!(found, expected);
            if found.is_ok() {
                in_flight.remove(&id);
            }
            assert_eq!(front.in_flight() as usize, in_flight.len());
            let pending: BTreeMap<_, _> = front.pending().map(|p| (p.id, p.tag)).collect();
            assert!(
                pending
                    .into_iter()
                    .eq(in_flight.iter().map(|(id, (tag, _))| (*id, *tag)))
            );
        }
        true
    }
    QuickCheck::new()
        .tests(tests(3000))
        .quickcheck(property as fn(Layout, Vec<Step>, u8) -> bool);
}

#[test]
fn responses_that_answer_nothing_say_what_is_wrong() {
    use alloc::string::ToString;

    let [ours, theirs] = mappings(4096);
    let mut front = FrontRing::init(Layout::X86_32, ours, [Shadow::FREE; 2], 0).unwrap();
    let mut back = BackRing::attach(Layout::X86_32, theirs, 0).unwrap();
    let limits = generous();
    let first = front.put(&Body::Flush, 1).unwrap();
    front.push();
    let request = back.take(&limits).unwrap().unwrap().unwrap();
    let answer = |id, operation, status| Response {
        id,
        operation,
        status,
    };
    back.put(&answer(first, 1, Status::Okay)).unwrap();
    back.push();
    let bad = front.take().unwrap().unwrap().unwrap_err();
    assert_eq!(
        bad.to_string(),
        "a response with operation 1 to 0x0, which is a flush"
    );
    // It is still in flight, and a right response still ends it.
    let second = front.put(&Body::Flush, 2).unwrap();
    front.push();
    assert_eq!(back.requests(&limits).unwrap().count(), 1);
    back.put(&request.respond(Status::NotSupported)).unwrap();
    back.push();
    let done = front.take().unwrap().unwrap().unwrap();
    assert_eq!((done.tag, done.status), (1, Status::NotSupported));
    // The place is used again, with another id.
    let third = front.put(&Body::Flush, 3).unwrap();
    assert_ne!(third, first);
    front.push();
    assert_eq!(back.requests(&limits).unwrap().count(), 1);
    back.put(&request.respond(Status::Okay)).unwrap();
    back.push();
    let bad = front.take().unwrap().unwrap().unwrap_err();
    assert_eq!(bad, BadResponse::RepeatedId { id: first });
    assert_eq!(bad.to_string(), "another response to 0x0");
    let mut tags: Vec<_> = front.pending().map(|p| (p.id, p.tag)).collect();
    tags.sort_unstable();
    let mut expected = [(second, 2), (third, 3)];
    expected.sort_unstable();
    assert_eq!(tags, expected);
}

#[test]
fn what_can_not_be_put_changes_nothing() {
    let [ours, look] = mappings(64 + 112);
    let mut front = FrontRing::init(Layout::X86_64, ours, [Shadow::FREE; 4], 0).unwrap();
    let empty = Transfer::new(3, &[]).unwrap();
    for body in [Body::Read(empty), Body::Write(empty)] {
        let error = SubmitError::Bad(BadRequest::NoSegments);
        assert_eq!(front.put(&body, 0), Err(error));
    }
    assert_eq!((front.in_flight(), front.free_requests()), (0, 1));
    let id = front.put(&Body::Barrier(empty), 0).unwrap();
    // The table has as many places as the ring has slots: one.
    let error = SubmitError::TableFull { places: 1 };
    assert_eq!(front.put(&Body::Flush, 1), Err(error));
    front.push();
    // SAFETY: the response producer.
    unsafe { look.store_u32(8, 2) };
    let corrupt = Corrupt::ResponseProducer {
        rsp_prod: 2,
        rsp_cons: 0,
        req_prod: 1,
    };
    assert_eq!(front.take(), Err(corrupt));
    assert_eq!(front.pending().count(), 1);

    let (memory, shadows) = front.into_parts();
    let mut front = FrontRing::init(Layout::X86_64, memory, shadows, 0).unwrap();
    assert_eq!(
        front.in_flight(),
        0,
        "a new ring begins with an empty table"
    );
    assert_ne!(
        front.put(&Body::Flush, 1),
        Ok(id),
        "and with ids of its own"
    );
    front.push();
    // SAFETY: as above.
    unsafe { look.store_u32(8, 7) };
    assert!(front.completions().is_err());
    let error = front.put(&Body::Flush, 2);
    assert_eq!(error, Err(SubmitError::TableFull { places: 1 }));
    assert!(PutError::from(corrupt) == PutError::Corrupt(corrupt));
}
