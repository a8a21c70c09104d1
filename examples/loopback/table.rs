//! The table at the end.

use std::fmt::Write;
use std::time::Duration;

use super::device::Device;
use super::frontend::Report;

/// The bytes of a MB.
const MB: f64 = 1e6;

/// A table of what the frontends did, a line each.
pub(crate) fn render(devices: &[Device<'_>], reports: &[Report], time: Duration) -> String {
    let head = [
        "frontend",
        "protocol",
        "requests",
        "reads",
        "writes",
        "indirect",
        "discards",
        "flushes",
        "MB",
        "MB/s",
        "events to backend",
        "suppressed",
        "events to frontend",
        "suppressed",
        "sha256, in file too",
    ];
    let mut rows = vec![head.map(str::to_owned)];
    for (device, report) in devices.iter().zip(reports) {
        let (to_back, back_suppressed) = device.to_back.counts();
        let (to_front, front_suppressed) = device.to_front.counts();
        let hash: String = report.hash[..6]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let megabytes = report.bytes as f64 / MB;
        rows.push([
            device.which.name().to_owned(),
            device.protocol.to_string(),
            report.requests().to_string(),
            report.reads.to_string(),
            report.writes.to_string(),
            report.indirect.to_string(),
            report.discards.to_string(),
            report.flushes.to_string(),
            format!("{megabytes:.0}"),
            format!("{:.0}", megabytes / report.time.as_secs_f64()),
            to_back.to_string(),
            back_suppressed.to_string(),
            to_front.to_string(),
            front_suppressed.to_string(),
            hash,
        ]);
    }
    // Standing on its side the table is narrow enough for a terminal.
    let mut text = String::new();
    let name_width = head.iter().map(|name| name.len()).max().unwrap_or(0);
    for (column, name) in head.iter().enumerate() {
        let _ = write!(text, "{name:name_width$}");
        for row in &rows[1..] {
            let _ = write!(text, "  {:>13}", row[column]);
        }
        text.push('\n');
    }
    let all: u64 = reports.iter().map(|report| report.bytes).sum();
    let requests: u64 = reports.iter().map(Report::requests).sum();
    let seconds = time.as_secs_f64();
    let _ = writeln!(
        text,
        "\n{requests} requests, {:.0} MB in {seconds:.1} s ({:.0} MB/s); all data as written, in the \
         rings' order and in the file",
        all as f64 / MB,
        all as f64 / MB / seconds
    );
    text
}
