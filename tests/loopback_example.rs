//! The loopback example: that data comes back right over rings of each ABI, and what it says to a
//! command line that makes no sense.

use std::ffi::OsString;
use std::path::PathBuf;

#[path = "../examples/loopback/cli.rs"]
mod cli;

use cli::Answer;

fn ask(line: &[&str]) -> Answer {
    cli::answer(line.iter().map(OsString::from))
}

/// The text of an answer that must be a good one.
fn text(line: &[&str]) -> String {
    let answer = ask(line);
    assert_eq!(answer.complaint, "");
    assert_eq!(answer.status, 0);
    answer.text
}

/// The values in the line of the table that begins with a name.
fn row(table: &str, name: &str) -> Vec<String> {
    let line = table.lines().find(|line| line.starts_with(name)).unwrap();
    line[name.len()..]
        .split_whitespace()
        .map(str::to_owned)
        .collect()
}

#[test]
fn all_frontends_get_their_data_back() {
    let table = text(&["--quiet", "--size", "6", "--depth", "16"]);
    assert_eq!(row(&table, "frontend"), ["x86_32", "x86_64", "native"]);
    assert_eq!(row(&table, "protocol")[..2], ["x86_32-abi", "x86_64-abi"]);
    for kind in ["reads", "writes", "indirect", "discards"] {
        for count in row(&table, kind) {
            assert_ne!(count, "0", "{kind}");
        }
    }
    assert_eq!(row(&table, "flushes"), ["2", "2", "2"]);
    // 2 MiB each, written once and read twice.
    assert_eq!(row(&table, "MB "), ["6", "6", "6"]);
    for notified in ["events to backend", "events to frontend"] {
        for count in row(&table, notified) {
            assert_ne!(count, "0", "{notified}");
        }
    }
    let mut hashes = row(&table, "sha256, in file too");
    hashes.dedup();
    assert_eq!(hashes.len(), 3, "each has data of its own");
}

#[test]
fn one_request_at_a_time_and_a_ring_of_many_pages_work_too() {
    for depth in ["1", "256"] {
        let table = text(&["-q", "-s", "3", "-d", depth, "-p", "x86_32", "-r", "2"]);
        assert_eq!(row(&table, "frontend"), ["x86_32"]);
        assert_eq!(row(&table, "flushes"), ["4"]);
    }
}

#[test]
fn a_file_that_was_asked_for_is_kept_and_holds_the_data() {
    let name = format!("xen-abi-loopback-test-{}.img", std::process::id());
    let path: PathBuf = std::env::temp_dir().join(name);
    std::fs::write(&path, b"what was there before").unwrap();
    let line = [
        "-q",
        "-s",
        "3",
        "-p",
        "native",
        "-f",
        path.to_str().unwrap(),
    ];
    let table = text(&line);
    let data = std::fs::read(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    assert_eq!(data.len(), 3 << 20);
    assert!(!data.starts_with(b"what was there before"));
    assert!(table.contains("all data as written"));
    // The first stretch was discarded, the second was not.
    assert!(data[..100 * 512].iter().all(|byte| *byte == 0));
    assert!(data[100 * 512..101 * 512].iter().any(|byte| *byte != 0));
}

#[test]
fn wrong_options_are_named() {
    let complaint = |line: &[&str]| {
        let answer = ask(line);
        assert_eq!((answer.status, answer.text.as_str()), (2, ""));
        answer.complaint
    };
    assert_eq!(
        complaint(&["--size", "2"]),
        "error: --size is a number from 3 to 65536, not \"2\"\nTry --help.\n"
    );
    assert_eq!(
        complaint(&["--depth=many"]),
        "error: --depth is a number from 1 to 256, not \"many\"\nTry --help.\n"
    );
    assert_eq!(
        complaint(&["-p", "arm"]),
        "error: --protocol is x86_32, x86_64 or native, not \"arm\"\nTry --help.\n"
    );
    assert!(complaint(&["--sise", "4"]).contains("--sise"));
    assert!(complaint(&["--size"]).contains("--size"));
    assert!(complaint(&["disk.img"]).contains("disk.img"));
    assert!(text(&["--help"]).contains("--protocol"));
}

#[test]
fn a_disk_that_is_no_file_is_an_error_with_its_name() {
    let folder = std::env::temp_dir();
    let answer = ask(&["-q", "-f", folder.to_str().unwrap()]);
    assert_eq!((answer.status, answer.text.as_str()), (1, ""));
    assert!(answer.complaint.contains(folder.to_str().unwrap()));
}
