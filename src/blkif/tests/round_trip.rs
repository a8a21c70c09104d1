//! What one end puts the other takes, and back.

use alloc::collections::VecDeque;

use quickcheck::QuickCheck;

use super::*;
use crate::ring::{Notify, PutError};

#[test]
fn an_iterator_that_has_ended_stays_so() {
    for layout in [Layout::X86_32, Layout::X86_64] {
        let [ours, theirs] = mappings(4096);
        let mut front = FrontRing::init(layout, ours, [Shadow::FREE; 32], 0).unwrap();
        let mut back = BackRing::attach(layout, theirs, 0).unwrap();
        let limits = generous();
        let put = |front: &mut FrontRing<_, _>| {
            let id = front.put(&Body::Flush, 0).unwrap();
            front.push();
            id
        };
        put(&mut front);
        put(&mut front);
        let mut requests = back.requests(&limits).unwrap();
        for _ in 0..2 {
            // Behind the iterator's back.
            let _lost = requests.ring().take(&limits).unwrap().unwrap().unwrap();
        }
        assert_eq!(requests.next(), None);
        let third = put(&mut front);
        assert_eq!(requests.next(), None);
        assert_eq!(requests.size_hint(), (0, Some(0)));
        let request = back.requests(&limits).unwrap().next().unwrap().unwrap();
        assert_eq!(request.id, third);
    }
}

#[test]
fn every_kind_arrives_as_it_was_sent() {
    fn property(layout: Layout, bodies: Vec<Body>, handle: u16, before_wrap: u8) -> bool {
        let [ours, theirs] = mappings(4096);
        let index = 0u32.wrapping_sub(before_wrap.into());
        let ours = FrontRing::init(layout, ours, [Shadow::FREE; 32], handle)
            .unwrap()
            .into_parts()
            .0;
        for at in [0, 8] {
            // SAFETY: the producer indices in the header.
            unsafe { ours.store_u32(at, index) };
        }
        let mut front = FrontRing::attach(layout, ours, [Shadow::FREE; 32], handle, index).unwrap();
        let mut back = BackRing::attach(layout, theirs, index).unwrap();
        let limits = generous();
        let mut sent = VecDeque::new();
        for (tag, body) in (1000..).zip(&bodies) {
            sent.push_back((front.put(body, tag).unwrap(), tag, body));
            if sent.len() < 5 {
                continue;
            }
            front.push();
            let mut responses = Vec::new();
            for (request, (id, _, body)) in back.requests(&limits).unwrap().zip(&sent) {
                let request = request.unwrap();
                assert_eq!(request.id, *id);
                assert_eq!(request.handle, handle);
                assert_eq!(&request.body, *body);
                responses.push(request.respond(Status::Okay));
            }
            assert_eq!(responses.len(), sent.len());
            for response in responses.iter().rev() {
                back.put(response).unwrap();
            }
            back.push();
            while let Some((id, tag, body)) = sent.pop_back() {
                let completion = front.take().unwrap().unwrap().unwrap();
                let expected = Completion {
                    id,
                    tag,
                    operation: body.operation(),
                    status: Status::Okay,
                };
                assert_eq!(completion, expected);
            }
        }
        assert_eq!(front.in_flight() as usize, sent.len());
        assert!(
            front
                .pending()
                .map(|p| p.tag)
                .all(|tag| sent.iter().any(|s| s.1 == tag))
        );
        true
    }
    QuickCheck::new()
        .tests(tests(2000))
        .quickcheck(property as fn(Layout, Vec<Body>, u16, u8) -> bool);
}

#[test]
fn events_and_limits_are_those_of_the_ring() {
    for layout in LAYOUTS {
        let [ours, theirs] = mappings(4096);
        let mut front = FrontRing::init(layout, ours, [Shadow::FREE; 64], 0).unwrap();
        let mut back = BackRing::attach(layout, theirs, 0).unwrap();
        let limits = generous();
        assert_eq!((front.layout(), back.layout()), (layout, layout));
        assert_eq!((front.size(), back.size()), (32, 32));
        for tag in 0..32 {
            assert_eq!(front.free_requests(), 32 - tag);
            front.put(&Body::Flush, tag.into()).unwrap();
        }
        assert_eq!(front.free_requests(), 0);
        let full = SubmitError::TableFull { places: 32 };
        assert_eq!(front.put(&Body::Flush, 99), Err(full));
        assert_eq!(front.push_and_check_notify(), Notify::Needed);
        assert_eq!(back.unconsumed_requests(), Ok(32));
        let mut requests = back.requests(&limits).unwrap();
        while let Some(request) = requests.next() {
            let response = request.unwrap().respond(Status::Okay);
            requests.ring().put(&response).unwrap();
        }
        assert_eq!(back.unanswered(), 0);
        let late = Response {
            id: 0,
            operation: 0,
            status: Status::Okay,
        };
        assert_eq!(back.put(&late), Err(PutError::Unasked { req_cons: 32 }));
        assert_eq!(back.push_and_check_notify(), Notify::Needed);
        assert_eq!(back.final_check(), Ok(false));
        assert_eq!(front.unconsumed_responses(), Ok(32));
        let tags: Vec<_> = front
            .completions()
            .unwrap()
            .map(|c| c.unwrap().tag)
            .collect();
        assert!(tags.into_iter().eq(0..32));
        assert_eq!(front.final_check(), Ok(false));
        assert_eq!(front.free_requests(), 32);
    }
}

#[test]
fn indirect_segments_arrive_as_they_were_written() {
    fn property(segments: Vec<Segment>, repeat: u8, sector: u32) -> bool {
        let segments: Vec<_> = segments
            .iter()
            .copied()
            .cycle()
            .take(segments.len() * usize::from(repeat % 32))
            .take(if cfg!(miri) { 20 } else { 1024 })
            .collect();
        let [first, second] = [(); 2].map(|()| {
            let [page] = mappings(4096);
            page
        });
        let pages = [first, second];
        let needed = segments.len().div_ceil(512);
        let pages = &pages[..needed];
        write_indirect_segments(pages, &segments).unwrap();
        let grants = [GrantRef::new(1), GrantRef::new(2)];
        let count = segments.len() as u16;
        let sector = sector.into();
        let request = Indirect::new(Direction::Read, sector, count, &grants[..needed]);
        if count == 0 {
            return request == Err(BadRequest::NoSegments);
        }
        let request = request.unwrap();
        let limits = generous();
        let one_by_one = IndirectSegments::new(&request, pages, &limits).unwrap();
        assert!(one_by_one.map(Result::unwrap).eq(segments.iter().copied()));
        let mut buffer = [Segment::whole(GrantRef::new(0)); 1024];
        let reader = IndirectSegments::new(&request, pages, &limits).unwrap();
        let read = reader.read_into(&mut buffer).unwrap();
        read == segments
    }
    QuickCheck::new()
        .tests(tests(300))
        .quickcheck(property as fn(Vec<Segment>, u8, u32) -> bool);
}

#[test]
fn two_threads_serve_a_disk() {
    extern crate std;
    const TOTAL: u64 = if cfg!(miri) { 6 } else { 5000 };
    for layout in LAYOUTS {
        // Four slots, so that each is used again.
        let len = 64 + 4 * 112;
        let [ours, theirs] = mappings(len);
        let mut front = FrontRing::init(layout, ours, [Shadow::FREE; 4], 7).unwrap();
        let mut back = BackRing::attach(layout, theirs, 0).unwrap();
        let body = |tag: u64| {
            let segments: Vec<_> = (0..1 + tag % 3)
                .map(|n| Segment::whole(GrantRef::new((tag * 3 + n) as u32)))
                .collect();
            Body::Write(Transfer::new(tag * 24, &segments).unwrap())
        };
        std::thread::scope(|scope| {
            scope.spawn(move || {
                let limits = generous();
                let mut served = 0;
                while served < TOTAL {
                    let Some(request) = back.take(&limits).unwrap() else {
                        std::thread::yield_now();
                        continue;
                    };
                    let request = request.unwrap();
                    assert_eq!((&request.body, request.handle), (&body(served), 7));
                    back.put(&request.respond(Status::Okay)).unwrap();
                    back.push();
                    served += 1;
                }
            });
            let (mut sent, mut done) = (0, 0);
            while done < TOTAL {
                if sent < TOTAL && front.free_requests() > 0 {
                    front.put(&body(sent), sent).unwrap();
                    front.push();
                    sent += 1;
                    continue;
                }
                match front.take().unwrap() {
                    Some(completion) => {
                        let completion = completion.unwrap();
                        assert_eq!((completion.tag, completion.status), (done, Status::Okay));
                        done += 1;
                    }
                    None => std::thread::yield_now(),
                }
            }
        });
        assert_eq!(front.in_flight(), 0);
    }
}
