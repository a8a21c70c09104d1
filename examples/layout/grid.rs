//! Text in columns, for a terminal of 100 columns: cells wrap where they must, and a label can span
//! several columns.

/// The widest line.
const WIDTH: usize = 100;
/// Blanks between columns.
const GAP: usize = 2;

/// A column.
pub(crate) struct Column {
    title: String,
    right: bool,
    /// How narrow the column may become, by wrapping, when the lines are too long.
    least: Option<usize>,
}

impl Column {
    /// Text, which wraps at need, but not to less than `least` characters.
    pub(crate) fn text(title: &str, least: usize) -> Self {
        Self {
            title: title.to_owned(),
            right: false,
            least: Some(least),
        }
    }

    /// Figures, aligned on the right and never wrapped.
    pub(crate) fn figures(title: &str) -> Self {
        Self {
            title: title.to_owned(),
            right: true,
            least: None,
        }
    }
}

enum Line {
    Cells(Vec<String>),
    /// Text in the first column, and one text for each span, aligned on its right.
    Spans(String, Vec<String>),
    Blank,
}

/// A table.
#[derive(Default)]
pub(crate) struct Grid {
    columns: Vec<Column>,
    /// Labels over some columns: the label, the first column and the last.
    spans: Vec<(String, usize, usize)>,
    lines: Vec<Line>,
}

impl Grid {
    pub(crate) fn new(columns: Vec<Column>) -> Self {
        Self {
            columns,
            ..Self::default()
        }
    }

    /// Adds columns under a label of their own.
    pub(crate) fn span(&mut self, label: &str, columns: Vec<Column>) {
        let first = self.columns.len();
        self.columns.extend(columns);
        self.spans
            .push((label.to_owned(), first, self.columns.len() - 1));
    }

    pub(crate) fn row(&mut self, cells: Vec<String>) {
        self.lines.push(Line::Cells(cells));
    }

    /// A row with one text for each span.
    pub(crate) fn span_row(&mut self, name: &str, texts: Vec<String>) {
        self.lines.push(Line::Spans(name.to_owned(), texts));
    }

    pub(crate) fn blank(&mut self) {
        self.lines.push(Line::Blank);
    }

    /// The table as text, each line with its end.
    pub(crate) fn render(&self) -> String {
        let widths = self.widths();
        let mut text = String::new();
        if !self.spans.is_empty() {
            let labels: Vec<Vec<String>> = self
                .spans
                .iter()
                .map(|(label, first, last)| wrap(label, span_width(&widths, *first, *last)))
                .collect();
            let height = labels.iter().map(Vec::len).max().unwrap_or(0);
            for line in 0..height {
                // Labels of fewer lines stand at the bottom, next to their columns.
                let at = |label: &Vec<String>| {
                    (line + label.len())
                        .checked_sub(height)
                        .map_or(String::new(), |at| label[at].clone())
                };
                let texts: Vec<String> = labels.iter().map(at).collect();
                text += &self.spanning("", &texts, &widths);
            }
        }
        let titles: Vec<String> = self.columns.iter().map(|c| c.title.clone()).collect();
        text += &self.cells(&titles, &widths);
        for line in &self.lines {
            text += &match line {
                Line::Cells(cells) => self.cells(cells, &widths),
                Line::Spans(name, texts) => self.spanning(name, texts, &widths),
                Line::Blank => "\n".to_owned(),
            };
        }
        text
    }

    fn widths(&self) -> Vec<usize> {
        let mut widths: Vec<usize> = self.columns.iter().map(|c| c.title.len()).collect();
        for line in &self.lines {
            match line {
                Line::Cells(cells) => {
                    for (width, cell) in widths.iter_mut().zip(cells) {
                        *width = (*width).max(cell.chars().count());
                    }
                }
                Line::Spans(name, texts) => {
                    widths[0] = widths[0].max(name.len());
                    for ((_, first, last), text) in self.spans.iter().zip(texts) {
                        let have = span_width(&widths, *first, *last);
                        widths[*first] += text.len().saturating_sub(have);
                    }
                }
                Line::Blank => {}
            }
        }
        // A label makes its span wide enough for its longest word, and for all of it where there is room.
        for whole in [false, true] {
            for (label, first, last) in &self.spans {
                let need = if whole {
                    label.len()
                } else {
                    label.split(' ').map(str::len).max().unwrap_or(0)
                };
                let more = need.saturating_sub(span_width(&widths, *first, *last));
                if !whole || total(&widths) + more <= WIDTH {
                    widths[*first] += more;
                }
            }
        }
        // The rightmost of the columns that can wrap gives way first.
        for (at, column) in self.columns.iter().enumerate().rev() {
            if let Some(least) = column.least {
                let excess = total(&widths).saturating_sub(WIDTH);
                let spare = widths[at].saturating_sub(least);
                widths[at] -= excess.min(spare);
            }
        }
        widths
    }

    fn cells(&self, cells: &[String], widths: &[usize]) -> String {
        let wrapped: Vec<Vec<String>> = cells
            .iter()
            .zip(widths)
            .map(|(cell, width)| wrap(cell, *width))
            .collect();
        let height = wrapped.iter().map(Vec::len).max().unwrap_or(0);
        let mut text = String::new();
        for line in 0..height {
            let mut row = String::new();
            for (at, width) in widths.iter().enumerate() {
                let cell = wrapped[at].get(line).map_or("", String::as_str);
                if at > 0 {
                    row += &" ".repeat(GAP);
                }
                row += &if self.columns[at].right {
                    format!("{cell:>width$}")
                } else {
                    format!("{cell:<width$}")
                };
            }
            text += row.trim_end();
            text.push('\n');
        }
        text
    }

    fn spanning(&self, name: &str, texts: &[String], widths: &[usize]) -> String {
        let mut row = name.to_owned();
        for ((_, first, last), text) in self.spans.iter().zip(texts) {
            let right =
                span_width(widths, 0, *first) - widths[*first] + span_width(widths, *first, *last);
            let left = right.saturating_sub(text.len());
            row = format!("{row:<left$}{text}");
        }
        row.trim_end().to_owned() + "\n"
    }
}

fn total(widths: &[usize]) -> usize {
    span_width(widths, 0, widths.len() - 1)
}

/// The width of some neighbouring columns with the gaps between them.
fn span_width(widths: &[usize], first: usize, last: usize) -> usize {
    widths[first..=last].iter().sum::<usize>() + GAP * (last - first)
}

/// Breaks a text into lines of at most `width` characters: after a blank, an underscore or a slash where one is
/// in reach, and else anywhere. The lines after the first keep the first one's indentation.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let indent: String = text.chars().take_while(|c| *c == ' ').collect();
    let mut rest: Vec<char> = text.chars().collect();
    let mut lines = Vec::new();
    while rest.len() > width {
        let break_at = (indent.len() + 1..=width)
            .rev()
            .find(|at| " _/".contains(rest[at - 1]) || rest[*at] == ' ')
            .unwrap_or(width.max(indent.len() + 1));
        let line: String = rest[..break_at].iter().collect();
        lines.push(line.trim_end().to_owned());
        let tail: String = rest[break_at..].iter().collect();
        let tail = tail.trim_start();
        let kept = if lines.len() == 1 || !indent.is_empty() {
            indent.as_str()
        } else {
            ""
        };
        rest = kept.chars().chain(tail.chars()).collect();
    }
    lines.push(rest.into_iter().collect());
    lines
}
