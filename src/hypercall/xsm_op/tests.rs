use alloc::collections::BTreeSet;
use alloc::string::String;
use core::cell::RefCell;

use xen_public::layout::Value;

use super::*;
use crate::hypercall::fake::{Fake, read, write};
use crate::hypercall::{Errno, Unsupported, Why};
use crate::version::Guest;

const NEW: Release = Release::new(4, 17, 5);

/// A Xen whose security module does this to the argument.
fn flask<'a>(
    release: Release,
    answer: impl Fn(u32, &mut xen_flask_op_u) -> isize + 'a,
) -> Xen<Fake<'a>> {
    Fake::new(release, Guest::Pv, move |number, [address, ..]| {
        assert_eq!(number, 27);
        // SAFETY: the call's argument, which is alive.
        let mut argument = unsafe { read::<xen_flask_op>(address) };
        assert_eq!(argument.interface_version, 1);
        let result = answer(argument.cmd, &mut argument.u);
        if result >= 0 {
            // SAFETY: the same argument.
            unsafe { write(address, argument) };
        }
        result
    })
    .xen()
}

/// Calls all functions of the module.
fn call_all(xen: &Xen<Fake<'_>>) {
    let _ = load(xen, b"policy");
    let _ = enforcing(xen);
    let _ = set_enforcing(xen, true);
    let _ = context_to_sid(xen, b"label");
    let _ = sid_to_context(xen, 1, &mut [0; 8]);
    let _ = access(xen, 1, 2, 3, 4);
    let _ = create(xen, 1, 2, 3);
    let _ = relabel(xen, 1, 2, 3);
    let _ = member(xen, 1, 2, 3);
    let _ = policy_version(xen);
    let _ = switch(xen, 0, &mut [0; 8]);
    let _ = switch_named(xen, b"name");
    let _ = set_switch(xen, Switch::Number(0), true, true);
    let _ = commit_switches(xen);
    let _ = multi_level(xen);
    let _ = disable(xen);
    let _ = cache_threshold(xen);
    let _ = set_cache_threshold(xen, 512);
    let _ = cache_fill(xen);
    let _ = cache_use(xen, 0);
    let _ = label_range(xen, Kind::Interrupt, 1, 2, 3);
    let _ = unlabel_range(xen, Kind::Interrupt, 2, 3);
    let _ = peer_sid(xen, EvtchnPort::new(1));
    let _ = relabel_domain(xen, DomId::new(1), 2);
    let _ = label_device_tree_node(xen, b"/cpus", 2);
}

#[test]
fn every_command_of_the_header_has_a_function() {
    let called = RefCell::new(BTreeSet::new());
    // A release that still has `FLASK_DISABLE`.
    let xen = flask(Release::new(4, 14, 0), |command, _| {
        called.borrow_mut().insert(command);
        0
    });
    call_all(&xen);
    let tables = xen_public::layout::all()
        .find(|tables| tables.abi == "x86_64" && !tables.toolstack)
        .unwrap();
    let header = tables.constants.iter().filter_map(|constant| {
        let flask = constant.name.starts_with("FLASK_") && constant.header == "xsm/flask_op.h";
        match constant.value {
            // Gone from Xen before it had a structure.
            _ if constant.name == "FLASK_USER" => None,
            Value::I32(number) if flask => Some(number as u32),
            _ => None,
        }
    });
    let header: BTreeSet<_> = header.collect();
    assert_eq!(header.len(), 24);
    assert_eq!(*called.borrow(), header);
}

#[test]
fn arguments_and_answers_are_carried() {
    let xen = flask(NEW, |command, u| {
        assert_eq!(command, 6);
        // SAFETY: what the call put there.
        let access = unsafe { &mut u.access };
        let asked = (access.ssid, access.tsid, access.tclass, access.req);
        assert_eq!(asked, (1, 2, 3, 4));
        (access.allowed, access.audit_deny, access.seqno) = (5, 6, 7);
        0
    });
    let decision = access(&xen, 1, 2, 3, 4).unwrap();
    assert_eq!(
        (decision.allowed, decision.audit_deny, decision.seqno),
        (5, 6, 7)
    );

    let xen = flask(NEW, |command, u| {
        // SAFETY: what the call put there.
        let label = unsafe { &mut u.sid_context };
        match command {
            4 => {
                assert_eq!(label.size, 5);
                // SAFETY: the text has five bytes.
                let text = unsafe { read::<[u8; 5]>(label.context.raw() as usize) };
                assert_eq!(&text, b"label");
                label.sid = 77;
            }
            5 => {
                assert_eq!((label.sid, label.size), (77, 8));
                // SAFETY: the slice has eight bytes.
                unsafe { write(label.context.raw() as usize, *b"label") };
                label.size = 5;
            }
            _ => panic!("{command}"),
        }
        0
    });
    assert_eq!(context_to_sid(&xen, b"label"), Ok(77));
    let mut text = [0; 8];
    assert_eq!(sid_to_context(&xen, 77, &mut text), Ok(5));
    assert_eq!(&text[..5], b"label");

    let xen = flask(NEW, |_, u| {
        // SAFETY: what the call put there.
        let switch = unsafe { &mut u.boolean };
        assert_eq!((switch.bool_id, switch.size), (u32::MAX, 4));
        assert_eq!((switch.new_value, switch.commit), (1, 0));
        (switch.bool_id, switch.enforcing, switch.pending) = (3, 0, 1);
        0
    });
    let left = State {
        number: 3,
        enforcing: false,
        pending: true,
    };
    assert_eq!(
        set_switch(&xen, Switch::Name(b"name"), true, false),
        Ok(left)
    );
}

#[test]
fn answers_that_can_not_be_are_errors() {
    let xen = flask(NEW, |_, u| {
        u.sid_context.size = 9;
        0
    });
    let call = "FLASK_SID_TO_CONTEXT";
    let answer = sid_to_context(&xen, 1, &mut [0; 8]);
    assert_eq!(answer, Err(Error::Nonsense { call, answer: 9 }));
    let xen = flask(NEW, |_, _| 2);
    let call = "FLASK_GETENFORCE";
    assert_eq!(enforcing(&xen), Err(Error::Nonsense { call, answer: 2 }));
    let call = "FLASK_SETENFORCE";
    assert_eq!(
        set_enforcing(&xen, true),
        Err(Error::Nonsense { call, answer: 2 })
    );
    assert_eq!(policy_version(&xen), Ok(2));
    let xen = flask(NEW, |_, _| 1);
    assert_eq!((enforcing(&xen), multi_level(&xen)), (Ok(true), Ok(true)));
}

#[test]
fn before_4_2_nothing_is_called() {
    for release in [Release::new(4, 1, 6), Release::new(3, 2, 0)] {
        let xen = flask(release, |command, _| panic!("{command}"));
        call_all(&xen);
        let call = "FLASK_GETENFORCE";
        let mismatch = Error::VersionMismatch { call, spoken: 1 };
        assert_eq!(enforcing(&xen), Err(mismatch));
        let peer = peer_sid(&xen, EvtchnPort::new(1));
        assert!(matches!(peer, Err(Error::Unsupported(_))), "{peer:?}");
    }
}

#[test]
fn refusals_are_told_apart() {
    // No module, which is kept in mind.
    let xen = Fake::new(NEW, Guest::Hvm, |_, _| -38).xen();
    let operation = Operation::FLASK_GETENFORCE;
    let why = Why::Build { running: NEW };
    let absent = Err(Error::Unsupported(Unsupported { operation, why }));
    assert_eq!((enforcing(&xen), enforcing(&xen)), (absent, absent));
    assert_eq!(xen.conduit().calls().len(), 1);
    // The policy says no.
    let xen = Fake::new(NEW, Guest::Pv, |_, _| -13).xen();
    let (call, errno) = ("FLASK_SETENFORCE", Errno::EACCES);
    assert_eq!(
        set_enforcing(&xen, false),
        Err(Error::Refused { call, errno })
    );
    // The release has it no more.
    let error = disable(&xen).unwrap_err();
    let text: String = alloc::format!("{error}");
    assert!(text.contains("4.16"), "{text}");
}
