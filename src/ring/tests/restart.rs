//! What a backend finds that attaches to a ring in use.

use super::*;

#[test]
fn a_restarted_backend_takes_unanswered_requests_again() {
    let (mut front, mut back, _) = ring_at::<NetifRx>(4096, u32::MAX);
    for id in 0..5 {
        front.put(&request(id)).unwrap();
    }
    front.push();
    assert_eq!(back.requests().unwrap().count(), 5);
    back.put(&response(0)).unwrap();
    back.put(&response(1)).unwrap();
    back.push();
    let mut back = BackRing::<NetifRx, _>::reattach(back.into_memory()).unwrap();
    assert_eq!((back.req_cons(), back.rsp_prod_pvt()), (1, 1));
    let again: Vec<_> = back.requests().unwrap().map(|r| (r.id, r.gref)).collect();
    assert_eq!(again, [(2, 6), (3, 9), (4, 12)]);
    assert_eq!(back.unanswered(), 3);
    back.put(&response(2)).unwrap();
    back.push();
    let answered: Vec<_> = front.responses().unwrap().map(|r| r.id).collect();
    assert_eq!(answered, [0, 1, 2]);
}

#[test]
fn reattaching_to_nonsense_is_an_error() {
    let (_, back, page) = ring_at::<NetifRx>(4096, 7);
    set_index(&page, REQ_PROD, 7 + 257);
    let error = BackRing::<NetifRx, _>::reattach(back.into_memory()).unwrap_err();
    let corrupt = Corrupt::RequestProducer {
        req_prod: 264,
        req_cons: 7,
        rsp_prod_pvt: 7,
        size: 256,
    };
    assert_eq!(error.reason, AttachReason::Corrupt(corrupt));
}
