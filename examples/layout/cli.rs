//! The command line: what is asked, and the answer as text with its exit status.
//!
//! Status 0 is an answer, 1 a name that is nowhere, 2 a command line that makes no sense.

use std::ffi::OsString;
use std::fmt::Write;

use lexopt::{Arg, Parser};

mod find;
mod grid;
mod rows;
mod show;

use find::Catalogue;

const HELP: &str = "\
Shows how Xen's types lie in memory, in all four ABIs side by side.

Usage: cargo run --example layout -- [OPTIONS] NAME...
       cargo run --example layout -- --list [PATTERN]

NAME is any name of Xen's public headers, in C's spelling:
  blkif_request                   a struct or union
  xen_pfn_t                       a typedef or enum
  'XEN_GUEST_HANDLE(evtchn_op_t)' a guest handle
  DOMID_SELF                      a constant
  nr_segments                     a field or bitfield: every record that has it

Options:
  -e, --expand         Show the fields of named records inside the record too
  -r, --release X.Y    Take toolstack types (domctl, sysctl and what hangs on them) as they are in
                       release X.Y; without it, in the newest. Other types come from the newest
                       headers, as the guest ABI is the same for every release
  -l, --list [PATTERN] List all names, or those that contain PATTERN in any case
  -h, --help           Print this

Try:
  cargo run --example layout -- --expand blkif_request
  cargo run --example layout -- --release 4.17 xen_domctl_createdomain
  cargo run --example layout -- --list grant
";

/// What to print and how to exit.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Answer {
    /// For standard output.
    pub(crate) text: String,
    /// For standard error.
    pub(crate) complaint: String,
    /// The exit status.
    pub(crate) status: u8,
}

/// What is asked.
#[derive(Debug, Default)]
struct Question {
    names: Vec<String>,
    expand: bool,
    release: Option<String>,
    list: bool,
    help: bool,
}

/// Answers a command line, the program's name not included.
pub(crate) fn answer(arguments: impl IntoIterator<Item = OsString>) -> Answer {
    let asked = parse(Parser::from_args(arguments)).map_err(|error| error.to_string());
    let (question, catalogue) = match asked.and_then(|question| {
        let catalogue = Catalogue::new(question.release.as_deref())?;
        Ok((question, catalogue))
    }) {
        Ok(both) => both,
        Err(error) => {
            return Answer {
                complaint: format!("error: {error}\nTry --help.\n"),
                status: 2,
                ..Answer::default()
            };
        }
    };
    if question.help || question.names.is_empty() && !question.list {
        return Answer {
            text: HELP.to_owned(),
            ..Answer::default()
        };
    }
    if question.list {
        return list(&catalogue, question.names.first().map(String::as_str));
    }
    let mut answer = Answer::default();
    for (at, name) in question.names.iter().enumerate() {
        if at > 0 {
            answer.text.push('\n');
        }
        if let Some(text) = show::name(&catalogue, name, question.expand) {
            answer.text += &text;
        } else {
            answer.complaint += &unknown(&catalogue, name);
            answer.status = 1;
        }
    }
    answer
}

fn parse(mut parser: Parser) -> Result<Question, lexopt::Error> {
    let mut question = Question::default();
    while let Some(argument) = parser.next()? {
        match argument {
            Arg::Short('h') | Arg::Long("help") => question.help = true,
            Arg::Short('e') | Arg::Long("expand") => question.expand = true,
            Arg::Short('l') | Arg::Long("list") => {
                question.list = true;
                if let Some(pattern) = parser.optional_value() {
                    question.names.push(pattern.into_string()?);
                }
            }
            Arg::Short('r') | Arg::Long("release") => {
                question.release = Some(parser.value()?.into_string()?);
            }
            Arg::Value(name) => question.names.push(name.into_string()?),
            _ => return Err(argument.unexpected()),
        }
    }
    if question.list && question.names.len() > 1 {
        return Err(lexopt::Error::Custom(
            format!(
                "--list takes one pattern, not {}: {}",
                question.names.len(),
                question.names.join(" ")
            )
            .into(),
        ));
    }
    Ok(question)
}

fn list(catalogue: &Catalogue, pattern: Option<&str>) -> Answer {
    let text = show::list(catalogue, pattern);
    if text.is_empty() {
        return Answer {
            complaint: format!("error: no name contains `{}`\n", pattern.unwrap_or("")),
            status: 1,
            ..Answer::default()
        };
    }
    Answer {
        text,
        ..Answer::default()
    }
}

fn unknown(catalogue: &Catalogue, name: &str) -> String {
    let mut text = format!("error: no type, constant or field is named `{name}`\n");
    let elsewhere = catalogue.other_releases(name);
    if !elsewhere.is_empty() {
        let _ = writeln!(
            text,
            "  it is a toolstack name of {}: try --release {}",
            elsewhere.join(" and "),
            elsewhere[elsewhere.len() - 1]
        );
    }
    let similar = catalogue.similar(name);
    if !similar.is_empty() {
        text += "  similar names:\n";
        for name in similar {
            let _ = writeln!(text, "    {name}");
        }
    }
    text
}
