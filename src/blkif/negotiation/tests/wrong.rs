//! Wrong values, each by the error it gives.

use alloc::string::{String, ToString};

use xen_public::event_channel::EvtchnPort;

use super::super::*;
use super::Store;
use crate::blkif::Protocol;

/// What is wrong with a frontend, read for a backend that offers two queues and rings of four pages.
fn frontend(store: &mut Store) -> Option<String> {
    let offer = BackendTransport {
        ring: RingPages::from_order(2).unwrap(),
        queues: 2.try_into().unwrap(),
    };
    FrontendTransport::read(store, &offer, Protocol::X86_32)
        .and_then(|read| {
            (0..read.queues().get()).try_for_each(|queue| read.read_queue(store, queue).map(drop))
        })
        .err()
        .map(|error| error.to_string())
}

#[test]
fn frontends() {
    let right = Store::of(&[("ring-ref", "8"), ("event-channel", "15")]);
    assert_eq!(frontend(&mut right.clone()), None);
    for (name, value, message) in [
        (
            "protocol",
            "",
            r#"protocol: "" is none of the words that are known here"#,
        ),
        (
            "protocol",
            "ia64-abi",
            r#"protocol: "ia64-abi" is none of the words that are known here"#,
        ),
        (
            "event-channel",
            "0",
            r#"event-channel: "0" is smaller than 1"#,
        ),
        (
            "event-channel",
            "-1",
            r#"event-channel: "-1" is no decimal number (byte 0)"#,
        ),
        (
            "event-channel",
            "4294967296",
            r#"event-channel: "4294967296" is larger than 4294967295"#,
        ),
        (
            "ring-ref",
            "",
            r#"ring-ref: "" is empty, where a number is due"#,
        ),
        (
            "ring-ref",
            "8\0",
            r#"ring-ref: "8\x00" is no decimal number (byte 1)"#,
        ),
        ("ring-ref", "08", r#"ring-ref: "08" has a leading zero"#),
        (
            "ring-page-order",
            "3",
            r#"ring-page-order: "3" is larger than 2"#,
        ),
        (
            "ring-page-order",
            "4294967295",
            r#"ring-page-order: "4294967295" is larger than 2"#,
        ),
        ("ring-page-order", "1", "ring-ref0: is missing"),
        (
            "num-ring-pages",
            "0",
            r#"num-ring-pages: "0" is smaller than 1"#,
        ),
        (
            "num-ring-pages",
            "3",
            r#"num-ring-pages: "3" is no power of two"#,
        ),
        (
            "num-ring-pages",
            "8",
            r#"num-ring-pages: "8" is larger than 4"#,
        ),
        (
            "num-ring-pages",
            "2147483648",
            r#"num-ring-pages: "2147483648" is larger than 4"#,
        ),
        (
            "multi-queue-num-queues",
            "0",
            r#"multi-queue-num-queues: "0" is smaller than 1"#,
        ),
        (
            "multi-queue-num-queues",
            "3",
            r#"multi-queue-num-queues: "3" is larger than 2"#,
        ),
        (
            "multi-queue-num-queues",
            "2",
            "queue-0/event-channel: is missing",
        ),
        (
            "feature-persistent",
            "2",
            r#"feature-persistent: "2" is neither 0 nor 1"#,
        ),
        (
            "feature-persistent",
            "01",
            r#"feature-persistent: "01" is neither 0 nor 1"#,
        ),
    ] {
        let error = frontend(&mut right.clone().with(name, value.as_bytes()));
        assert_eq!(error.as_deref(), Some(message));
    }
    for name in ["ring-ref", "event-channel"] {
        let error = frontend(&mut right.clone().without(name)).unwrap();
        assert_eq!(error, name.to_string() + ": is missing");
    }
    let both = right
        .clone()
        .with("ring-page-order", b"1")
        .with("num-ring-pages", b"4");
    assert_eq!(
        frontend(&mut both.clone()).as_deref(),
        Some(r#"num-ring-pages: "4" contradicts ring-page-order"#)
    );
    let two = right.with("ring-page-order", b"0").with("ring-ref0", b"9");
    assert_eq!(
        frontend(&mut two.clone()).as_deref(),
        Some(r#"ring-ref0: "9" contradicts ring-ref"#)
    );
}

#[test]
fn backends() {
    let right = Store::of(&[
        ("sectors", "2048"),
        ("info", "0"),
        ("sector-size", "1024"),
        ("feature-discard", "1"),
    ]);
    assert!(BackendProperties::read(&mut right.clone()).is_ok());
    for (name, value, message) in [
        (
            "sector-size",
            "256",
            r#"sector-size: "256" is smaller than 512"#,
        ),
        (
            "sector-size",
            "0",
            r#"sector-size: "0" is smaller than 512"#,
        ),
        (
            "sector-size",
            "1000",
            r#"sector-size: "1000" is no power of two"#,
        ),
        (
            "sector-size",
            "8192",
            r#"sector-size: "8192" is larger than 4096"#,
        ),
        (
            "physical-sector-size",
            "0",
            r#"physical-sector-size: "0" is no multiple of 1024"#,
        ),
        (
            "physical-sector-size",
            "512",
            r#"physical-sector-size: "512" is no multiple of 1024"#,
        ),
        (
            "sectors",
            "36028797018963968",
            r#"sectors: "36028797018963968" is larger than 36028797018963967"#,
        ),
        (
            "sectors",
            "2048.0",
            r#"sectors: "2048.0" is no decimal number (byte 4)"#,
        ),
        (
            "info",
            "0x4",
            r#"info: "0x4" is no decimal number (byte 1)"#,
        ),
        (
            "feature-barrier",
            "",
            r#"feature-barrier: "" is neither 0 nor 1"#,
        ),
        (
            "discard-granularity",
            "512",
            r#"discard-granularity: "512" is no multiple of 1024"#,
        ),
        (
            "discard-alignment",
            "100",
            r#"discard-alignment: "100" is no multiple of 512"#,
        ),
        (
            "discard-secure",
            "yes",
            r#"discard-secure: "yes" is neither 0 nor 1"#,
        ),
    ] {
        let mut store = right.clone().with(name, value.as_bytes());
        let error = BackendProperties::read(&mut store).unwrap_err();
        assert_eq!(error.to_string(), message);
    }
    for name in ["sectors", "info", "sector-size"] {
        let error = BackendProperties::read(&mut right.clone().without(name)).unwrap_err();
        assert_eq!(error.to_string(), name.to_string() + ": is missing");
    }
    // Without discard nobody looks at its nodes.
    let none = right.with("discard-alignment", b"x");
    assert!(BackendProperties::read(&mut none.clone()).is_err());
    assert!(BackendProperties::read(&mut none.with("feature-discard", b"0")).is_ok());

    for (name, value, message) in [
        (
            "max-ring-pages",
            "0",
            r#"max-ring-pages: "0" is smaller than 1"#,
        ),
        (
            "max-ring-pages",
            "6",
            r#"max-ring-pages: "6" is no power of two"#,
        ),
        (
            "max-ring-page-order",
            "x",
            r#"max-ring-page-order: "x" is no decimal number (byte 0)"#,
        ),
        (
            "multi-queue-max-queues",
            "0",
            r#"multi-queue-max-queues: "0" is smaller than 1"#,
        ),
    ] {
        let error = BackendTransport::read(&mut Store::of(&[(name, value)])).unwrap_err();
        assert_eq!(error.to_string(), message);
    }
}

#[test]
fn configurations() {
    for (name, value, message) in [
        (
            "mode",
            "rw",
            r#"mode: "rw" is none of the words that are known here"#,
        ),
        ("type", "", r#"type: "" is no word of printable ASCII"#),
        (
            "type",
            "a b",
            r#"type: "a b" is no word of printable ASCII"#,
        ),
        (
            "physical-device",
            "fd",
            r#"physical-device: "fd" is no MAJOR:MINOR in hexadecimal"#,
        ),
        (
            "physical-device",
            "f:1:2",
            r#"physical-device: "f:1:2" is no MAJOR:MINOR in hexadecimal"#,
        ),
        (
            "physical-device",
            "FD:1",
            r#"physical-device: "FD:1" is no MAJOR:MINOR in hexadecimal"#,
        ),
        (
            "physical-device",
            "0f:1",
            r#"physical-device: "0f:1" is no MAJOR:MINOR in hexadecimal"#,
        ),
        (
            "physical-device",
            "100000000:1",
            r#"physical-device: "100000000:1" is no MAJOR:MINOR in hexadecimal"#,
        ),
        (
            "device-type",
            "a-word-of-more-than-32-characters",
            r#"device-type: "a-word-of-more-than-32-character"... (33 bytes) is too long"#,
        ),
        ("online", "true", r#"online: "true" is neither 0 nor 1"#),
    ] {
        let mut store = Store::of(&[("mode", "r")]).with(name, value.as_bytes());
        let error = BackendConfiguration::read(&mut store).unwrap_err();
        assert_eq!(error.to_string(), message);
    }
    let error = BackendConfiguration::read(&mut Store::default()).unwrap_err();
    assert_eq!(error.to_string(), "mode: is missing");
    for (value, message) in [
        (
            "xvda",
            r#"virtual-device: "xvda" is no decimal number (byte 0)"#,
        ),
        (
            "0xca00",
            r#"virtual-device: "0xca00" is no decimal number (byte 1)"#,
        ),
    ] {
        let mut store = Store::of(&[("virtual-device", value)]);
        let error = FrontendConfiguration::read(&mut store).unwrap_err();
        assert_eq!(error.to_string(), message);
    }
}

#[test]
fn a_value_of_any_length_is_cut() {
    let mut store = Store::default().with("virtual-device", &[0xff; 100_000]);
    let error = FrontendConfiguration::read(&mut store).unwrap_err();
    let message = r#"virtual-device: ""#.to_string()
        + &r"\xff".repeat(32)
        + r#""... (100000 bytes) is too long"#;
    assert_eq!(error.to_string(), message);
}

#[test]
fn what_could_not_be_read_back_is_not_written() {
    let mut store = Store::of(&[("sectors", "1"), ("info", "0"), ("sector-size", "512")]);
    let right = BackendProperties::read(&mut store).unwrap();
    let discard = DiscardProperties {
        granularity: 0,
        alignment: 0,
        secure: false,
    };
    for (wrong, message) in [
        (
            BackendProperties {
                sector_size: 513,
                ..right
            },
            r#"sector-size: "513" is no power of two"#,
        ),
        (
            BackendProperties {
                max_indirect_segments: 4097,
                ..right
            },
            r#"feature-max-indirect-segments: "4097" is larger than 4096"#,
        ),
        (
            BackendProperties {
                discard: Some(discard),
                ..right
            },
            r#"discard-granularity: "0" is no multiple of 512"#,
        ),
    ] {
        let mut written = Store::default();
        let error = wrong.write(written.writer()).unwrap_err();
        assert_eq!(error.to_string(), message);
        assert_eq!(written, Store::default());
    }

    let transport = FrontendTransport::new(Protocol::Arm);
    let queue = |port, pages: &[u32]| {
        let grants: alloc::vec::Vec<_> = pages.iter().copied().map(Into::into).collect();
        Queue {
            event_channel: EvtchnPort::new(port),
            ring: RingRefs::new(&grants).unwrap(),
        }
    };
    for (index, queue, message) in [
        (0, queue(0, &[1]), r#"event-channel: "0" is smaller than 1"#),
        (
            0,
            queue(1, &[1, 2]),
            r#"ring-ref: "2" is not the number of pages that was agreed on, 1"#,
        ),
        (
            1,
            queue(1, &[1]),
            "queue-1/event-channel: is not there: the frontend has 1 queues",
        ),
    ] {
        let mut written = Store::default();
        let error = transport.write_queue(index, &queue, written.writer());
        assert_eq!(error.unwrap_err().to_string(), message);
        assert_eq!(written, Store::default());
    }
}

#[test]
fn xenstores_own_errors_come_through() {
    let mut broken = |_: &str, _: &mut [u8]| Err("gone");
    let error = BackendTransport::read(&mut broken).unwrap_err();
    assert_eq!(error, Error::Xenstore("gone"));
    assert_eq!(error.to_string(), "xenstore: gone");
    let mut left = 2;
    let full = BackendTransport::MINIMAL.write(|_, _| {
        left -= 1;
        if left == 0 { Err("full") } else { Ok(()) }
    });
    assert_eq!(full, Err(Error::Xenstore("full")));
    assert_eq!(left, 0);
}
