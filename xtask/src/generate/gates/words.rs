//! A row as a sentence, for the documentation.

use super::read::{Absent, Answer, Row, Span};

/// The kinds of guest, as they are called in a sentence.
const GUESTS: [&str; 3] = ["x86 PV", "HVM and PVH", "ARM"];

/// The row as a few sentences; `parent` is the row that it belongs to.
pub fn sentence(row: &Row, parent: Option<&Row>) -> String {
    let mut sentences = vec![availability(row)];
    if !row.points.is_empty() {
        let points: Vec<_> = row.points.iter().map(ToString::to_string).collect();
        sentences.push(format!("Taken over by {}.", list(&points)));
    }
    match row.privilege.as_deref() {
        Some("control") => sentences.push("For domain 0 and toolstacks.".into()),
        Some("hardware") => sentences.push("For the domain that owns the hardware.".into()),
        Some(_) => sentences.push("For a domain that serves the other.".into()),
        None => {}
    }
    if !row.build.is_empty() {
        let options: Vec<_> = row
            .build
            .iter()
            .map(|build| {
                let mut text = format!("`{}`", build.option);
                let answer = &build.answer;
                text += &format!(" ({}{}", shown(&answer.absent), when(answer.releases));
                if let Some(guest) = build.guest {
                    text += &format!(" on {}", GUESTS[guest]);
                }
                text.push(')');
                text
            })
            .collect();
        sentences.push(format!("Missing without {}.", list(&options)));
    }
    if row.kind != "feature" {
        sentences.extend(absence(row, parent));
    }
    if !row.via.is_empty() {
        let ways: Vec<_> = row
            .via
            .iter()
            .map(|way| format!("`{}`{}", way.name, when(way.releases)))
            .collect();
        sentences.push(format!("Older: {}.", ways.join(", then ")));
    }
    if !row.note.is_empty() {
        sentences.push(format!("Note: {}.", row.note));
    }
    sentences.join(" ")
}

/// Which releases offer it to whom.
fn availability(row: &Row) -> String {
    let texts = row.spans.clone().map(|spans| {
        if spans.is_empty() {
            return "never".into();
        }
        let spans: Vec<_> = spans.iter().map(|span| releases(*span)).collect();
        list(&spans)
    });
    let parts: Vec<_> = grouped(&texts)
        .iter()
        .map(|(guests, text)| format!("{guests}: {text}"))
        .collect();
    format!("{}.", parts.join("; "))
}

/// How its absence shows to the kinds of guest that can see it: those that reach what it belongs to, and
/// don't always have it.
fn absence(row: &Row, parent: Option<&Row>) -> Option<String> {
    let texts = [0, 1, 2].map(|at| {
        let reached = parent.is_none_or(|parent| !parent.spans[at].is_empty());
        if !reached || row.spans[at] == [Span::ALL] {
            return String::new();
        }
        answered(&row.absent[at])
    });
    let groups: Vec<_> = grouped(&texts)
        .into_iter()
        .filter(|(_, text)| !text.is_empty())
        .collect();
    let text = match groups.as_slice() {
        [] => return None,
        [(_, text)] => text.clone(),
        groups => groups
            .iter()
            .map(|(guests, text)| format!("{guests}: {text}"))
            .collect::<Vec<_>>()
            .join("; "),
    };
    let masked = if row.hypercall > 31 && !row.spans[0].is_empty() {
        " Before 3.0.3 another hypercall runs in its place."
    } else {
        ""
    };
    Some(format!("Where it is absent: {text}.{masked}"))
}

fn answered(answers: &[Answer]) -> String {
    if answers.is_empty() {
        return "ENOSYS".into();
    }
    answers
        .iter()
        .map(|answer| format!("{}{}", shown(&answer.absent), when(answer.releases)))
        .collect::<Vec<_>>()
        .join(", ")
}

fn shown(absent: &Absent) -> String {
    match absent {
        Absent::Errno(errno) => errno.clone(),
        Absent::FalseSuccess => "0 as if done".into(),
        Absent::Other(_) => "another hypercall of that number".into(),
        Absent::Unseen => "no sign".into(),
    }
}

fn when(span: Span) -> String {
    if span == Span::ALL {
        String::new()
    } else {
        format!(" {}", releases(span))
    }
}

fn releases(span: Span) -> String {
    match (span.first, span.end) {
        (first, Some(end)) if first == Span::ALL.first => format!("before {end}"),
        (first, Some(end)) => format!("from {first} to before {end}"),
        (first, None) => format!("from {first}"),
    }
}

/// The kinds of guest that have the same text, and the text.
fn grouped(texts: &[String; 3]) -> Vec<(String, String)> {
    if texts.iter().all(|text| *text == texts[0]) {
        return vec![("all guests".into(), texts[0].clone())];
    }
    let mut groups: Vec<(Vec<String>, &String)> = Vec::new();
    for (guest, text) in GUESTS.iter().zip(texts) {
        match groups.iter_mut().find(|(_, other)| *other == text) {
            Some((guests, _)) => guests.push((*guest).into()),
            None => groups.push((vec![(*guest).into()], text)),
        }
    }
    groups
        .into_iter()
        .map(|(guests, text)| (guests.join(", "), text.clone()))
        .collect()
}

fn list(items: &[String]) -> String {
    match items {
        [] => String::new(),
        [one] => one.clone(),
        [start @ .., last] => format!("{} and {last}", start.join(", ")),
    }
}
