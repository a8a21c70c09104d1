//! The layout example: what it prints for known names, and how it takes what it does not know.

use std::ffi::OsString;

#[path = "../examples/layout/cli.rs"]
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

/// The lines of an answer to `line` that hold `word`.
fn lines(line: &[&str], word: &str) -> Vec<String> {
    let all = text(line);
    let found = all.lines().filter(|line| line.contains(word));
    found.map(|line| line.trim().to_owned()).collect()
}

#[test]
fn a_struct_stands_side_by_side_in_all_abis() {
    assert_eq!(
        text(&["blkif_request"]),
        "\
struct blkif_request
  xen_public::abi::<abi>::io::blkif::blkif_request  xen/include/public/io/blkif.h

                                                  x86_32  x86_64 arm32 arm64
field          type                         offset  size        offset  size
operation      u8                                0     1             0     1
nr_segments    u8                                1     1             1     1
handle         u16                               2     2             2     2
_pad_0x04      padding                           -     -             4     4
id             u64                               4     8             8     8
sector_number  u64                              12     8            16     8
seg            [blkif_request_segment; 11]      20    88            24    88

size                                                 108                 112
align                                                  4                   8
padding                                                0                   4
repr in Rust                                C, packed(4)         C, align(8)

--expand shows the fields of blkif_request_segment too
"
    );
}

#[test]
fn a_typedef_leads_to_its_struct_and_a_tag_may_have_its_keyword() {
    let plain = text(&["blkif_request"]);
    let table = plain.split_once("\n\n").unwrap().1;
    let typedef = text(&["blkif_request_t"]);
    assert!(
        typedef.starts_with("typedef blkif_request_t\n"),
        "{typedef}"
    );
    assert!(typedef.ends_with(table), "{typedef}");
    assert_eq!(text(&["struct blkif_request"]), plain);
}

#[test]
fn expanding_counts_offsets_from_the_outermost_record() {
    let rows = lines(&["--expand", "blkif_request"], "[0].");
    let words: Vec<Vec<&str>> = rows
        .iter()
        .map(|r| r.split_whitespace().collect())
        .collect();
    assert_eq!(
        words,
        [
            ["[0].gref", "grant_ref_t", "20", "4", "24", "4"],
            ["[0].first_sect", "u8", "24", "1", "28", "1"],
            ["[0].last_sect", "u8", "25", "1", "29", "1"],
            ["[0]._pad_0x06", "padding", "26", "2", "30", "2"],
        ]
    );
    assert!(lines(&["blkif_request"], "gref").is_empty());
}

#[test]
fn bitfields_show_their_bits_and_a_missing_abi_is_named() {
    let all = text(&["hvm_hw_vpic"]);
    assert!(all.contains("\n  arm32 arm64: absent\n"), "{all}");
    let rows = lines(&["hvm_hw_vpic"], " bits ");
    let row: Vec<&str> = rows[1].split_whitespace().collect();
    assert_eq!(row, ["priority_add", "bits", "4:4", "4b"]);
    assert_eq!(rows.len(), 9);
}

#[test]
fn nameless_members_are_marked_and_open() {
    let rows = lines(&["cpu_user_regs"], "rax");
    let words: Vec<Vec<&str>> = rows
        .iter()
        .map(|r| r.split_whitespace().collect())
        .collect();
    assert_eq!(
        words,
        [
            vec!["rax*", "union", "cpu_user_regs_rax", "-", "-", "80", "8"],
            vec!["rax", "u64", "-", "-", "80", "8"],
        ]
    );
    assert!(text(&["cpu_user_regs"]).contains("\n* has no name in C"));
}

#[test]
fn constants_show_type_and_value_where_they_differ() {
    assert_eq!(
        lines(&["DOMID_SELF"], "0x7ff0"),
        ["all four ABIs  u32        32752  0x7ff0"]
    );
    let rows = lines(&["TRC_SCHED_EVT_MASK"], "0x");
    assert_eq!(rows.len(), 2, "{rows:?}");
    assert!(rows[0].starts_with("x86_32 arm32  u32 "), "{rows:?}");
    assert!(rows[1].ends_with("0xfffffffffffff1ff"), "{rows:?}");
    let string = text(&["HVM_XS_BIOS_STRINGS"]);
    assert!(!string.contains("hex"), "{string}");
}

#[test]
fn a_typedef_that_differs_has_a_line_for_each_width() {
    let rows = text(&["xen_pfn_t"]);
    assert!(
        rows.contains("\nx86_32              u32            4\n"),
        "{rows}"
    );
    assert!(
        rows.contains("\nx86_64 arm32 arm64  u64            8\n"),
        "{rows}"
    );
}

#[test]
fn a_handle_macro_finds_the_type_of_each_abi() {
    let handle = text(&["XEN_GUEST_HANDLE(evtchn_op_t)"]);
    assert!(handle.contains("__guest_handle_64_evtchn_op_t"), "{handle}");
    assert!(
        handle.contains("\nx86_32              Handle32<evtchn_op_t>"),
        "{handle}"
    );
    assert!(
        handle.contains("\nx86_64 arm32 arm64  Handle64<evtchn_op_t>"),
        "{handle}"
    );
}

#[test]
fn toolstack_types_come_from_the_release_asked_for() {
    let newest = text(&["xen_domctl_createdomain"]);
    assert!(newest.contains("xen_public::toolstack::v4_20::<abi>::domctl::"));
    assert_eq!(text(&["-r", "4.20", "xen_domctl_createdomain"]), newest);
    let old = lines(&["--release=4.14", "xen_domctl_createdomain"], "size  ");
    assert_eq!(old.last().unwrap().split_whitespace().nth(1), Some("48"));
    // A guest type has no release: every release means the same one.
    assert_eq!(
        text(&["-r", "4.14", "blkif_request"]),
        text(&["blkif_request"])
    );
}

#[test]
fn a_field_name_leads_to_the_records_that_have_it() {
    let rows = lines(&["sector_number"], "blkif_request ");
    assert_eq!(rows.len(), 2, "{rows:?}");
    assert!(
        rows[0].ends_with("x86_32                  12     8"),
        "{rows:?}"
    );
    let bits = lines(&["priority_add"], "hvm_hw_vpic");
    assert_eq!(bits.len(), 1, "{bits:?}");
    assert!(bits[0].ends_with("4:4    4b"), "{bits:?}");
}

#[test]
fn an_unknown_name_gets_suggestions_and_status_1() {
    for (typed, meant) in [
        ("blkif_requets", "blkif_request"),
        ("domid_self", "DOMID_SELF"),
        ("l_createdomain", "xen_domctl_createdomain"),
    ] {
        let answer = ask(&[typed]);
        assert_eq!(answer.status, 1);
        assert_eq!(answer.text, "");
        let lines: Vec<&str> = answer.complaint.lines().collect();
        assert_eq!(
            lines[0],
            format!("error: no type, constant or field is named `{typed}`")
        );
        assert!(
            lines[2..].iter().any(|line| line.trim() == meant),
            "{answer:?}"
        );
    }
    let answer = ask(&["qqqqqqqqqqqqqqqqqqqqqq"]);
    assert_eq!(answer.status, 1);
    assert_eq!(answer.complaint.lines().count(), 1, "{answer:?}");
}

#[test]
fn a_name_of_another_release_says_which() {
    let gone = text(&["--release", "4.14", "XEN_SYSCTL_cpupool_op"]);
    assert!(gone.contains("v4_14"));
    let only_old = xen_public::layout::all()
        .filter(|t| t.toolstack && t.release == "4.14")
        .flat_map(|t| t.constants)
        .map(|c| c.name)
        .find(|name| {
            xen_public::layout::all()
                .filter(|t| t.release == "4.20")
                .all(|t| t.constants.iter().all(|c| c.name != *name))
        })
        .expect("4.14 has a constant that 4.20 lacks");
    let answer = ask(&[only_old]);
    assert_eq!(answer.status, 1);
    assert!(
        answer.complaint.contains("it is a toolstack name of 4.14"),
        "{answer:?}"
    );
}

#[test]
fn the_rest_is_answered_when_one_name_is_unknown() {
    let answer = ask(&["DOMID_SELF", "no_such_name_at_all", "DOMID_IO"]);
    assert_eq!(answer.status, 1);
    assert!(answer.text.contains("constant DOMID_SELF"), "{answer:?}");
    assert!(answer.text.contains("constant DOMID_IO"), "{answer:?}");
}

#[test]
fn lists_names_by_pattern_in_any_case() {
    let found = lines(&["--list", "VPIC"], "hvm_hw_vpic");
    assert_eq!(
        found,
        ["hvm_hw_vpic  struct  arch-x86/hvm/save.h  x86_32 x86_64"]
    );
    assert!(text(&["-l"]).lines().count() > 4000);
    let nothing = ask(&["--list=zzzz"]);
    assert_eq!(nothing.status, 1);
    assert_eq!(nothing.complaint, "error: no name contains `zzzz`\n");
}

#[test]
fn a_senseless_command_line_has_status_2() {
    for (line, said) in [
        (&["--foo", "x"][..], "invalid option '--foo'"),
        (&["--release"], "missing argument for option '--release'"),
        (
            &["--release", "4.18", "x"],
            "no definitions of release `4.18`; there are 4.14, 4.17, 4.20",
        ),
        (
            &["--list", "a", "b"],
            "--list takes one pattern, not 2: a b",
        ),
    ] {
        let answer = ask(line);
        assert_eq!(answer.status, 2, "{answer:?}");
        assert_eq!(answer.complaint, format!("error: {said}\nTry --help.\n"));
        assert_eq!(answer.text, "");
    }
}

#[test]
fn explains_itself_without_a_name() {
    let help = text(&[]);
    assert_eq!(help, text(&["--help"]));
    for option in ["--expand", "--release", "--list", "blkif_request"] {
        assert!(help.contains(option), "{option}");
    }
}

#[test]
fn no_line_is_wider_than_100_columns() {
    let names = text(&["--list"]);
    let names = names
        .lines()
        .skip(1)
        .filter_map(|line| line.split(' ').next());
    // One name in 31 is enough to meet every kind, and quick.
    let some: Vec<&str> = names.filter(|name| !name.is_empty()).step_by(31).collect();
    assert!(some.len() > 100);
    for name in some {
        for line in text(&["--expand", name]).lines() {
            assert!(line.chars().count() <= 100, "{name}: {line}");
        }
    }
}
