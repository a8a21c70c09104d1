//! Small tables, and what is said of wrong ones.

use super::read::COLUMNS;
use super::*;

/// A table of rows that each give some cells.
fn table(rows: &[&[(&str, &str)]]) -> String {
    let mut text = COLUMNS.join(",");
    for cells in rows {
        let value = |column: &&str| {
            let given = cells.iter().find(|(name, _)| name == column);
            given.map_or(
                match *column {
                    "pv" | "hvm" | "arm" => "-",
                    _ => "",
                },
                |(_, value)| value,
            )
        };
        let values: Vec<_> = COLUMNS.iter().map(value).collect();
        text += "\n";
        text += &values.join(",");
    }
    text + "\n"
}

const CALL: &[(&str, &str)] = &[
    ("name", "__HYPERVISOR_x"),
    ("number", "33"),
    ("kind", "hypercall"),
    ("pv", "3.0.3.."),
    ("hvm", "3.1.."),
    ("arm", "4.2.."),
];

const OP: &[(&str, &str)] = &[
    ("name", "X_op"),
    ("parent", "__HYPERVISOR_x"),
    ("number", "1"),
    ("kind", "op"),
];

/// The second row with other cells.
fn with(cells: &[(&'static str, &'static str)]) -> Vec<(&'static str, &'static str)> {
    let kept = OP
        .iter()
        .filter(|(name, _)| cells.iter().all(|(other, _)| other != name));
    kept.chain(cells).copied().collect()
}

/// What is said of a table whose second row has these cells.
fn said(cells: &[(&'static str, &'static str)]) -> String {
    let row = with(cells);
    match parse(&table(&[CALL, &row])) {
        Ok(_) => "nothing".into(),
        Err(error) => error.to_string(),
    }
}

#[test]
fn a_row_is_read() {
    let row = with(&[
        ("pv", "3.0.4..4.2 4.6.."),
        ("points", "3.0.3"),
        ("absent_hvm", "EINVAL@..4.8 0@4.8.."),
        ("build", "CONFIG_X argo=1(EOPNOTSUPP@4.12..)"),
        ("sticky", "no"),
        ("via", "__HYPERVISOR_x"),
    ]);
    let rows = parse(&table(&[CALL, &row])).unwrap();
    let [call, op] = rows.as_slice() else {
        panic!("{rows:?}");
    };
    assert_eq!((call.line, op.line), (2, 3));
    assert_eq!((op.hypercall, op.number, op.sticky), (33, 1, false));
    let spans: Vec<_> = op.spans[0].iter().map(|s| (s.first, s.end)).collect();
    let second = (Release(4, 6, 0), None);
    assert_eq!(spans, [(Release(3, 0, 4), Some(Release(4, 2, 0))), second]);
    assert!(op.spans[1].is_empty());
    assert_eq!(op.points, [Release(3, 0, 3)]);
    assert_eq!(op.absent[1][1].absent, Absent::FalseSuccess);
    assert_eq!(op.build[0].answer.absent, Absent::Errno("ENOSYS".into()));
    assert_eq!(op.build[1].option, "argo=1");
    assert_eq!(op.build[1].answer.releases.first, Release(4, 12, 0));
    assert_eq!(
        sentence(op, Some(call)),
        "x86 PV: from 3.0.4 to before 4.2 and from 4.6; HVM and PVH, ARM: never. Taken over by 3.0.3. \
         Missing without `CONFIG_X` (ENOSYS) and `argo=1` (EOPNOTSUPP from 4.12). Where it is absent: \
         x86 PV, ARM: ENOSYS; HVM and PVH: EINVAL before 4.8, 0 as if done from 4.8. Before 3.0.3 another \
         hypercall runs in its place. Older: `__HYPERVISOR_x`."
    );
}

#[test]
fn wrong_cells_are_told_with_line_and_column() {
    let at = |column: &str, what: &str| format!("{TABLE}:3: {column}: {what}");
    for (column, value, what) in [
        ("number", "x", "`x`: invalid digit found in string"),
        ("number", "-1", "`-1`: invalid digit found in string"),
        ("name", "a b", "`a b` is no name of C"),
        (
            "name",
            "__HYPERVISOR_x",
            "`__HYPERVISOR_x` is in line 2 too",
        ),
        ("kind", "opp", "`opp` is no kind"),
        ("kind", "hypercall", ""),
        ("pv", "", "empty; `-` says that it never has it"),
        ("pv", "4.2", "`4.2` has no `..`"),
        ("pv", "..4.2", "`..4.2` does not say where it begins"),
        ("pv", "4.99..", "`4.99` is no release"),
        ("pv", "3.0.1..", "`3.0.1` is no release"),
        ("pv", "3.5..", "`3.5` is no release"),
        ("pv", "4.2.0..", "`4.2.0` is no release"),
        ("pv", "04.2..", "`04.2` is no release"),
        ("pv", "4.2..4.2", "`4.2..4.2` ends before it begins"),
        ("pv", "4.2..4.5 4.4..", "`4.2..4.5 4.4..` overlaps itself"),
        ("pv", "4.2.. 4.4..", "`4.2.. 4.4..` overlaps itself"),
        ("arm", "4.1..", "has releases that `__HYPERVISOR_x` has not"),
        ("points", "4.1.x", "`4.1.x` is no release"),
        ("privilege", "root", "`root` is none"),
        ("absent_pv", "EFOO", "`EFOO` is no answer"),
        (
            "absent_arm",
            "0@4.2..4.4 0@4.3..",
            "`0@4.2..4.4 0@4.3..` overlaps itself",
        ),
        ("build", "X(ENOSYS", "`X(ENOSYS` has no `)`"),
        ("build", "X(0)", "`X(0)` does not name an error"),
        ("sticky", "yes", "`yes` is not `no`"),
        ("parent", "Y", "`Y` has no row"),
        ("parent", "X_op", "`X_op` comes later"),
        ("parent", "", "only a hypercall belongs to nothing"),
        ("via", "Y", "`Y` has no row"),
        ("via", "Y@4.2", "`4.2` has no `..`"),
        ("via", "X_op", "goes in circles: X_op -> X_op"),
        ("note", " x", "spaces at the edge"),
    ] {
        let said = said(&[(column, value)]);
        match what {
            "" => assert_eq!(said, at("parent", "a hypercall belongs to nothing")),
            _ => assert!(said.contains(&at(column, what)), "{column} {value}: {said}"),
        }
    }
    assert_eq!(said(&[]), "nothing");
}

#[test]
fn numbers_above_31_are_not_offered_by_releases_that_mask_them() {
    let mut call = CALL.to_vec();
    call[3] = ("pv", "3.0.2..");
    let error = parse(&table(&[&call])).unwrap_err().to_string();
    assert_eq!(
        error,
        format!("{TABLE}:2: pv: hypercall 33 before 3.0.3 is another")
    );
    call[1] = ("number", "31");
    assert!(parse(&table(&[&call])).is_ok());
}

#[test]
fn point_releases_belong_to_one_beginning() {
    let told = said(&[("pv", "4.3.."), ("points", "4.3.1")]);
    assert_eq!(told, format!("{TABLE}:3: points: 4.3.1 is not before 4.3"));
    assert_eq!(said(&[("pv", "4.3.."), ("points", "4.2.1")]), "nothing");
    let told = said(&[("pv", "4.1.."), ("hvm", "4.3.."), ("points", "4.0.1")]);
    assert!(told.starts_with(&format!("{TABLE}:3: hvm: ")), "{told}");
    // That is when its hypercall came to ARM.
    let told = said(&[("pv", "4.1.."), ("arm", "4.2.."), ("points", "4.0.1")]);
    assert_eq!(told, "nothing");
}

#[test]
fn older_ways_do_not_lead_in_circles() {
    let other = [
        ("name", "Y_op"),
        ("parent", "__HYPERVISOR_x"),
        ("number", "2"),
        ("kind", "op"),
        ("via", "X_op"),
    ];
    let row = with(&[("via", "Y_op")]);
    let error = parse(&table(&[CALL, &row, &other]))
        .unwrap_err()
        .to_string();
    assert_eq!(
        error,
        format!(
            "{TABLE}:3: via: goes in circles: X_op -> Y_op -> X_op\n\
             {TABLE}:4: via: goes in circles: Y_op -> X_op -> Y_op"
        )
    );
}

#[test]
fn a_line_of_another_length_is_told() {
    let text = table(&[CALL]) + "X_op,,\n";
    let error = parse(&text).unwrap_err().to_string();
    assert!(
        error.contains(TABLE) && error.contains("line: 3"),
        "{error}"
    );
    let error = parse("name,number\n").unwrap_err().to_string();
    assert!(error.starts_with(&format!("{TABLE}:1: ")), "{error}");
}

#[test]
fn the_committed_table_is_right_and_its_rust_up_to_date() {
    rows().unwrap();
    check().unwrap();
}
