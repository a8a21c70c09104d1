//! What Xen tells a PV kernel at its start, and what must be true of it.

use xen_abi::hypercall::Conduit;
use xen_abi::xen_public::xen::{PAGE_SIZE, StartConsole, StartFlags, StartInfoX86_64};

use crate::report::Report;

/// The size of a page, in bytes.
const PAGE: u64 = PAGE_SIZE as u64;

/// Writes the start info down, field by field.
pub fn say<C: Conduit>(info: &StartInfoX86_64, report: &mut Report<'_, C>) {
    let command_line = info.command_line();
    report.check(
        core::str::from_utf8(command_line).is_ok(),
        format_args!("the command line is no text"),
    );
    let magic = info
        .magic
        .split(|&byte| byte == 0)
        .next()
        .unwrap_or_default();
    report.say(format_args!("magic: {}", magic.escape_ascii()));
    report.say(format_args!("nr_pages: {}", info.nr_pages));
    report.say(format_args!("shared_info: {:#x}", info.shared_info));
    report.say(format_args!("flags: {}", info.flags));
    report.say(format_args!(
        "store: mfn {:#x}, port {}",
        info.store_mfn, info.store_evtchn
    ));
    report.say(format_args!("console: {:?}", info.console()));
    report.say(format_args!(
        "pt_base: {:#x}, {} frames",
        info.pt_base, info.nr_pt_frames
    ));
    report.say(format_args!("mfn_list: {:#x}", info.mfn_list));
    report.say(format_args!(
        "module: {:#x}, {} bytes",
        info.mod_start, info.mod_len
    ));
    report.say(format_args!("cmd_line: {}", command_line.escape_ascii()));
    report.say(format_args!(
        "p2m: pfn {:#x}, {} frames",
        info.first_p2m_pfn, info.nr_p2m_frames
    ));
}

/// What holds for a domain 0 that Xen has just built: `address` is where the start info stands,
/// `kernel_end` where the kernel's own memory ends (Xen puts everything else after it).
pub fn check<C: Conduit>(
    info: &StartInfoX86_64,
    address: u64,
    kernel_end: u64,
    report: &mut Report<'_, C>,
) {
    if let Err(error) = info.check_magic() {
        report.fail(format_args!("{error}"));
        return;
    }
    let mut must =
        |holds: bool, what: &str| report.check(holds, format_args!("start_info: {what}"));
    let pages = |bytes: u64| bytes.div_ceil(PAGE);
    let dom0 = StartFlags::PRIVILEGED | StartFlags::INITDOMAIN;
    must(
        info.flags.contains(dom0),
        "domain 0 is the privileged initial domain",
    );
    must(
        address % PAGE == 0 && address >= kernel_end,
        "the page stands after the kernel",
    );
    must(
        info.shared_info != 0 && info.shared_info % PAGE == 0,
        "shared_info is the machine address of a page",
    );
    // One entry of 8 bytes a page, between the kernel and the start info.
    must(
        info.mfn_list >= kernel_end
            && info
                .mfn_list
                .saturating_add(info.nr_pages.saturating_mul(8))
                <= address,
        "the frame list lies between the kernel and the start info, with room for all pages",
    );
    must(
        info.pt_base % PAGE == 0 && info.pt_base > address,
        "the page tables stand after the start info",
    );
    must(
        info.nr_pt_frames >= 4,
        "there are page tables of all four levels",
    );
    must(
        info.nr_pages >= pages(info.pt_base).saturating_add(info.nr_pt_frames),
        "the domain has the pages that it was started with",
    );
    must(
        info.mod_len == 0 && info.mod_start == 0,
        "there is no module, since none was given",
    );
    must(info.store_mfn == 0, "domain 0 has no xenstore ring yet");
    let behind = size_of::<StartInfoX86_64>() as u32;
    must(
        match info.console() {
            StartConsole::Screen { offset, size } => (offset == behind && size > 0) || size == 0,
            StartConsole::Ring { .. } => false,
        },
        "the screen's description stands directly behind the start info",
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use xen_abi::hypercall::simulate::Simulated;
    use xen_abi::version::{Guest, Release};

    fn simulated() -> Simulated {
        Simulated::new(Release::new(4, 17, 5), Guest::Pv)
    }

    const ADDRESS: u64 = 0x13_8000;
    const KERNEL_END: u64 = 0x11_8000;

    /// The start info that Xen 4.17 gave to a domain 0 of 64 MB.
    fn good() -> StartInfoX86_64 {
        let mut info = StartInfoX86_64::ZERO;
        info.magic[..14].copy_from_slice(b"xen-3.0-x86_64");
        info.nr_pages = 16384;
        info.shared_info = 0x7ffd_8000;
        info.flags = StartFlags::PRIVILEGED | StartFlags::INITDOMAIN;
        info.set_console(StartConsole::Screen {
            offset: 1168,
            size: 40,
        })
        .unwrap();
        info.pt_base = 0x13_9000;
        info.nr_pt_frames = 5;
        info.mfn_list = KERNEL_END;
        info
    }

    fn surprises(change: fn(&mut StartInfoX86_64)) -> String {
        let xen = simulated();
        let mut report = Report::new(&xen);
        let mut info = good();
        change(&mut info);
        say(&info, &mut report);
        check(&info, ADDRESS, KERNEL_END, &mut report);
        let _ = report.verdict();
        let text = String::from_utf8(xen.console()).unwrap();
        text.lines()
            .filter(|line| line.starts_with("FAIL"))
            .collect()
    }

    #[test]
    fn a_good_one_passes() {
        assert_eq!(surprises(|_| ()), "");
    }

    #[test]
    fn each_wrong_field_is_a_surprise() {
        type Change = fn(&mut StartInfoX86_64);
        let wrong: [(Change, &str); 14] = [
            (|info| info.magic[12] = b'3', "magic"),
            (|info| info.flags = StartFlags::INITDOMAIN, "privileged"),
            (|info| info.shared_info = 0, "shared_info"),
            (|info| info.shared_info += 8, "shared_info"),
            (|info| info.mfn_list = 0x1000, "frame list"),
            (|info| info.nr_pages = 16385 + 512, "frame list"),
            (|info| info.mfn_list = u64::MAX, "frame list"),
            (|info| info.nr_pages = u64::MAX / 4, "frame list"),
            (|info| info.pt_base = ADDRESS, "page tables stand"),
            (|info| info.nr_pt_frames = 3, "four levels"),
            (|info| info.nr_pages = 0x139, "started with"),
            (|info| info.mod_len = 1, "no module"),
            (|info| info.console[..4].copy_from_slice(&[0; 4]), "screen"),
            (|info| info.cmd_line[0] = 0xff, "no text"),
        ];
        for (change, what) in wrong {
            let found = surprises(change);
            assert!(found.contains(what), "{what:?} is not in {found:?}");
        }
    }
}
