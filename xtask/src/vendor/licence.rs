//! Which licence a vendored file is under, read from the file itself.
//!
//! Three things can tell: an SPDX line; the text of a notice (several generations of the MIT and
//! BSD notices, a public domain dedication, a reference to the GPL, and Linux's choice between GPL
//! and MIT); or, for a file without either, the `COPYING` of its folder. A file where none of them
//! tells, or where they contradict each other, has no answer here: it needs a person to read it.

use serde::{Deserialize, Serialize};

/// Where a licence was read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Basis {
    /// The file's `SPDX-License-Identifier` line.
    SpdxLine,
    /// The notice in the file.
    Notice,
    /// The `COPYING` of its folder; the file itself says nothing.
    Copying,
}

/// A licence and where it was read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// An SPDX expression.
    pub licence: String,
    /// Where it was read from.
    pub basis: Basis,
}

/// The name for a dedication to the public domain, which SPDX has no identifier for.
const PUBLIC_DOMAIN: &str = "LicenseRef-public-domain";

/// What may be vendored.
const PERMISSIVE: [&str; 5] = ["MIT", "BSD-2-Clause", "BSD-3-Clause", "ISC", PUBLIC_DOMAIN];

/// Parts of Linux's and Xen's notices, as [`plain`] writes them.
const MIT: [&str; 4] = [
    "permission is hereby granted, free of charge, to any person obtaining a copy of this",
    "without restriction, including without limitation the rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the software",
    "the above copyright notice and this permission notice shall be included in all copies or substantial portions of the software.",
    "the software is provided \"as is\", without warranty of any kind",
];
const BSD: [&str; 4] = [
    "redistribution and use in source and binary forms, with or without modification, are permitted provided that the following conditions are met:",
    "redistributions of source code must retain the above copyright notice",
    "redistributions in binary form must reproduce the above copyright notice",
    "``as is''",
];
const BSD_3: &str = "neither the name of";
const BSD_4: &str = "all advertising materials";
const IN_PUBLIC_DOMAIN: &str = "this file is in the public domain.";
const GPL: &str = "gnu general public license";
const GPL_2: [&str; 2] = [
    "gnu general public license version 2",
    "version 2 of the gnu general public license",
];
const OR_LATER: &str = "any later version";
const OR_ELSEWHERE: &str = "or, when distributed separately from the linux kernel or incorporated into other software packages, subject to the following license:";

/// What Xen's `COPYING` says about files elsewhere, not about those of its folder.
const ABOUT_OTHERS: [&str; 2] = [
    "doing so does *not* cause the os to become subject to the terms of the gpl.",
    "all other files in the xen source distribution are covered by version 2 of the gnu general public license except where explicitly stated otherwise within individual source files.",
];
const COVERS_FOLDER: &str =
    "this copyright applies to all files within this subdirectory and its subdirectories:";

/// Words that only a notice has. A file with one of them says something about its licence, so it
/// must not be taken for a silent one.
const NOTICE_WORDS: [&str; 7] = [
    "licens",
    "licenc",
    "permission is",
    "redistribut",
    "all rights reserved",
    "public domain",
    "warrant",
];

/// The licence of a file. `copying` is the licence that the `COPYING` of its folder gives to silent
/// files, where there is one.
///
/// # Errors
/// Why it could not be told.
pub fn classify(text: &str, copying: Option<&str>) -> Result<Finding, String> {
    let mut plain = plain(text);
    for other in ABOUT_OTHERS {
        plain = plain.replace(other, "");
    }
    let notice = notice(&plain)?;
    let found = match (spdx_line(text)?, notice) {
        (Some(line), Some(notice)) if line != notice => {
            return Err(format!("the SPDX line says {line} but the notice {notice}"));
        }
        (Some(licence), _) => Some((licence, Basis::SpdxLine)),
        (None, Some(licence)) => Some((licence, Basis::Notice)),
        (None, None) => None,
    };
    if let Some((licence, basis)) = found {
        return Ok(Finding { licence, basis });
    }
    if let Some(word) = NOTICE_WORDS.into_iter().find(|word| plain.contains(word)) {
        return Err(format!("it says `{word}...` in a notice that is not known"));
    }
    match copying {
        Some(licence) => Ok(Finding {
            licence: licence.to_owned(),
            basis: Basis::Copying,
        }),
        None => Err("it has no notice, and no COPYING speaks for it".to_owned()),
    }
}

/// The licence that a `COPYING` file gives to the silent files of its folder and below; `None` if
/// it does not speak for them.
///
/// # Errors
/// It does, but under an unknown licence.
pub fn covers_folder(copying: &str) -> Result<Option<String>, String> {
    if !plain(copying).contains(COVERS_FOLDER) {
        return Ok(None);
    }
    Ok(Some(classify(copying, None)?.licence))
}

/// Whether the expression leaves a permissive choice.
///
/// # Errors
/// The expression is not valid.
pub fn is_permissive(expression: &str) -> Result<bool, String> {
    let parsed = spdx::Expression::parse(expression)
        .map_err(|error| format!("`{expression}` is no SPDX expression: {}", error.reason))?;
    Ok(parsed.evaluate(|needed| PERMISSIVE.contains(&needed.to_string().as_str())))
}

/// The expression of the file's SPDX line.
fn spdx_line(text: &str) -> Result<Option<String>, String> {
    const TAG: &str = "SPDX-License-Identifier:";
    let mut found: Vec<&str> = text
        .lines()
        .filter_map(|line| line.split_once(TAG))
        .map(|(_, rest)| rest.trim().trim_end_matches("*/").trim())
        .collect();
    found.dedup();
    match found.as_slice() {
        [] => Ok(None),
        [one] => {
            is_permissive(one)?;
            Ok(Some((*one).to_owned()))
        }
        more => Err(format!("{} SPDX lines that differ", more.len())),
    }
}

/// The licence that the notices in a text give.
fn notice(plain: &str) -> Result<Option<String>, String> {
    let mit = all_or_none(plain, &MIT, "MIT")?.then_some("MIT");
    let bsd = if !all_or_none(plain, &BSD, "BSD")? {
        None
    } else if plain.contains(BSD_4) {
        Some("BSD-4-Clause")
    } else if plain.contains(BSD_3) {
        Some("BSD-3-Clause")
    } else {
        Some("BSD-2-Clause")
    };
    let public = plain.contains(IN_PUBLIC_DOMAIN).then_some(PUBLIC_DOMAIN);
    let gpl = if !plain.contains(GPL) {
        None
    } else if !GPL_2.iter().any(|words| plain.contains(words)) {
        return Err("it names the GPL, but no known version of it".to_owned());
    } else if plain.contains(OR_LATER) {
        Some("GPL-2.0-or-later")
    } else {
        Some("GPL-2.0-only")
    };
    let found: Vec<&str> = [mit, bsd, public, gpl].into_iter().flatten().collect();
    match (found.as_slice(), gpl) {
        ([], _) => Ok(None),
        ([one], _) => Ok(Some((*one).to_owned())),
        ([one, _], Some(gpl)) if plain.contains(OR_ELSEWHERE) => {
            Ok(Some(format!("{gpl} OR {one}")))
        }
        (several, _) => Err(format!(
            "it has several notices ({}), and how they go together is not known",
            several.join(", ")
        )),
    }
}

/// Whether a text has all parts of a notice. Some of them only is an error: it is a variant that
/// nobody has read yet.
fn all_or_none(plain: &str, parts: &[&str], name: &str) -> Result<bool, String> {
    match parts.iter().filter(|part| plain.contains(**part)).count() {
        0 => Ok(false),
        all if all == parts.len() => Ok(true),
        // The disclaimers of the two kinds resemble each other; the grant and conditions don't.
        _ if !plain.contains(parts[0]) => Ok(false),
        some => Err(format!(
            "only {some} of {} known parts of the {name} notice",
            parts.len()
        )),
    }
}

/// The text in lower case, on one line, without comment marks.
fn plain(text: &str) -> String {
    text.lines()
        .map(|line| {
            line.trim()
                .trim_start_matches("/*")
                .trim_start_matches("//")
                .trim_end_matches("*/")
                .trim_start()
        })
        .map(|line| line.strip_prefix("* ").unwrap_or(line))
        .flat_map(str::split_whitespace)
        .filter(|word| !word.bytes().all(|byte| byte == b'*'))
        .map(str::to_lowercase)
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mit_notice() -> String {
        format!(
            " * {} file\n * {},\n * {}\n * {}\n",
            MIT[0], MIT[1], MIT[2], MIT[3]
        )
    }

    fn bsd_notice() -> String {
        BSD.map(|part| format!(" * {part}\n")).concat()
    }

    fn licence(text: &str) -> Result<(String, Basis), String> {
        classify(text, None).map(|finding| (finding.licence, finding.basis))
    }

    #[test]
    fn an_spdx_line_tells() {
        let text = "/* SPDX-License-Identifier: MIT */\nint x;\n";
        assert_eq!(licence(text), Ok(("MIT".to_owned(), Basis::SpdxLine)));
        let text = "// SPDX-License-Identifier: GPL-2.0-or-later\n";
        assert_eq!(licence(text).unwrap().0, "GPL-2.0-or-later");
        let error = licence("// SPDX-License-Identifier: Whatever\n").unwrap_err();
        assert!(error.contains("Whatever"), "{error}");
    }

    #[test]
    fn notices_tell() {
        let cases = [
            (mit_notice(), "MIT"),
            (bsd_notice(), "BSD-2-Clause"),
            (format!("{} * {BSD_3} x\n", bsd_notice()), "BSD-3-Clause"),
            (format!("{} * {BSD_4} x\n", bsd_notice()), "BSD-4-Clause"),
            (
                " * This file is in the\n * public domain.\n".to_owned(),
                PUBLIC_DOMAIN,
            ),
            (
                "GNU General Public License version 2".to_owned(),
                "GPL-2.0-only",
            ),
            (
                "GNU General Public License version 2\n// or any later version".to_owned(),
                "GPL-2.0-or-later",
            ),
            (
                format!(" * {}\n * {OR_ELSEWHERE}\n{}", GPL_2[0], mit_notice()),
                "GPL-2.0-only OR MIT",
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(
                licence(&text),
                Ok((expected.to_owned(), Basis::Notice)),
                "{text}"
            );
        }
    }

    #[test]
    fn a_silent_file_needs_a_copying() {
        let text = "#define X 13 /* Permission denied */\n";
        assert!(licence(text).is_err());
        let found = classify(text, Some("MIT")).unwrap();
        assert_eq!(
            (found.licence.as_str(), found.basis),
            ("MIT", Basis::Copying)
        );
    }

    #[test]
    fn what_is_not_understood_is_refused_even_below_a_copying() {
        let cases = [
            (" * Use is subject to license terms.\n".to_owned(), "licens"),
            (format!("{} * {}\n", mit_notice(), GPL_2[0]), "several"),
            (format!("{}{}", mit_notice(), bsd_notice()), "several"),
            ("GNU General Public License".to_owned(), "no known version"),
            (mit_notice().replace("sell", "praise"), "only 3 of 4"),
            (
                format!("/* SPDX-License-Identifier: MIT */\n{}", bsd_notice()),
                "SPDX line says MIT",
            ),
            (
                "// SPDX-License-Identifier: MIT\n// SPDX-License-Identifier: ISC\n".to_owned(),
                "2 SPDX lines",
            ),
        ];
        for (text, expected) in cases {
            let error = classify(&text, Some("MIT")).unwrap_err();
            assert!(error.contains(expected), "{text} gave {error}");
        }
    }

    #[test]
    fn copying_speaks_for_its_folder_only_if_it_says_so() {
        assert_eq!(covers_folder(&mit_notice()), Ok(None));
        let text = format!("{COVERS_FOLDER}\n{}\n{}", ABOUT_OTHERS[1], mit_notice());
        assert_eq!(covers_folder(&text), Ok(Some("MIT".to_owned())));
        assert!(covers_folder(COVERS_FOLDER).is_err());
    }

    #[test]
    fn permissive_means_a_permissive_choice() {
        for yes in ["MIT", "BSD-2-Clause", PUBLIC_DOMAIN, "GPL-2.0-only OR MIT"] {
            assert_eq!(is_permissive(yes), Ok(true), "{yes}");
        }
        for no in [
            "GPL-2.0-only",
            "GPL-2.0-or-later",
            "MIT AND GPL-2.0-only",
            "BSD-4-Clause",
        ] {
            assert_eq!(is_permissive(no), Ok(false), "{no}");
        }
        assert!(is_permissive("a b").is_err());
    }
}
