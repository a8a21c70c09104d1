//! What Xen says of itself, its console, the assists that it has, and several calls at once.
#![allow(unsafe_code)]

use xen_abi::hypercall::multicall::{Batch, Made};
use xen_abi::hypercall::vm_assist::{self, Assist};
use xen_abi::hypercall::{Errno, Plan, console_io, xen_version};
use xen_abi::version::{Guest, Kind, Operation};
use xen_abi::xen_public::features::Features;
use xen_abi::xen_public::xen::PAGE_SIZE;

use super::{Outcome, Program};
use crate::machine::Machine;

/// Room for any text of Xen's that there is.
const ROOM: usize = 2048;

/// All assists that have a name.
const ASSISTS: [Assist; 7] = [
    Assist::SEGMENTS_4GB,
    Assist::SEGMENTS_4GB_NOTIFY,
    Assist::WRITABLE_PAGETABLES,
    Assist::PAE_EXTENDED_CR3,
    Assist::ARCHITECTURAL_IOPL,
    Assist::RUNSTATE_UPDATE_FLAG,
    Assist::M2P_STRICT,
];

/// A number that no assist has.
const NO_ASSIST: Assist = Assist::new(31);

/// Where 64-bit PV guests have Xen.
const PV_END: u64 = 0xffff_8000_0000_0000;

/// A number that no sub-op has.
const UNKNOWN: usize = 0x3e;

fn printable(text: &[u8]) -> bool {
    text.iter()
        .all(|byte| byte.is_ascii_graphic() || *byte == b' ')
}

impl<M: Machine> Program<'_, '_, M> {
    /// Runs the calls that tell of Xen, or have no state behind them.
    pub(super) fn versions(&mut self) {
        self.numbers();
        self.texts();
        self.newer_texts();
        self.console();
        self.assists();
        self.batch();
    }

    fn numbers(&mut self) {
        let op = Operation::XENVER_version;
        if let Some(version) = self.run(op, xen_version::version).done() {
            let release = self.xen().release();
            let same = (version.major, version.minor)
                == (u16::from(release.major), u16::from(release.minor));
            self.check(op, same, format_args!("{version}, not {release}"));
        }
        let op = Operation::XENVER_get_features;
        // What a probe needs is asked without looking at the table.
        if self.xen().can(op).is_ok() {
            if let Some(features) = self.run(op, xen_version::features).done() {
                let known = self.xen().features();
                let same = features == known;
                self.check(op, same, format_args!("{features}, not {known}"));
                self.announced_features(features);
            }
        }
        let op = Operation::XENVER_platform_parameters;
        if let Some(start) = self.run(op, xen_version::platform_parameters).done() {
            self.report()
                .say(format_args!("Xen's addresses begin at {start:#x}"));
            // It means something to PV guests only; others see 0, or all bits.
            let right = self.xen().guest() != Guest::Pv || start == PV_END;
            self.check(op, right, format_args!("{start:#x}"));
        }
        let op = Operation::XENVER_pagesize;
        if !self.without_call(op, PAGE_SIZE, xen_version::pagesize) {
            if let Some(size) = self.run(op, xen_version::pagesize).done() {
                self.check(op, size == PAGE_SIZE, format_args!("{size}"));
            }
        }
        let op = Operation::XENVER_guest_handle;
        if let Some(handle) = self.run(op, xen_version::guest_handle).done() {
            // Nobody gave one to domain 0.
            self.check(op, handle.0 == [0; 16], format_args!("{handle}"));
        }
    }

    /// Xen announces no feature in a release that the table says does not have it.
    fn announced_features(&mut self, features: Features) {
        let (guest, release) = (self.xen().guest(), self.xen().release());
        for row in Operation::all().filter(|row| row.kind() == Kind::Feature) {
            // How many words of them there are is no feature.
            let count = row == Operation::XENFEAT_NR_SUBMAPS;
            let offered = row.offered(guest, release);
            let announced = count || features.bits() & 1 << row.number() != 0;
            self.check(
                row,
                offered || count || !announced,
                format_args!("is announced"),
            );
            if offered {
                self.mark(row, announced);
            }
        }
    }

    fn texts(&mut self) {
        let op = Operation::XENVER_extraversion;
        if let Some(text) = self.run(op, xen_version::extraversion).done() {
            let good = text.as_bytes().starts_with(b".") && printable(text.as_bytes());
            self.check(op, good, format_args!("{text}"));
        }
        let op = Operation::XENVER_compile_info;
        if let Some(info) = self.run(op, xen_version::compile_info).done() {
            let compiler = info.compiler;
            let good = compiler.as_bytes().windows(3).any(|word| word == b"gcc");
            self.check(op, good, format_args!("compiled by {compiler}"));
            self.report().say(format_args!("{compiler}, {}", info.date));
        }
        let op = Operation::XENVER_capabilities;
        if let Some(text) = self.run(op, xen_version::capabilities).done() {
            let mine: &[u8] = match self.xen().guest() {
                Guest::Pv => b"xen-3.0-x86_64",
                Guest::Hvm => b"hvm-3.0-x86_",
                _ => b"xen-3.0-a",
            };
            let mut words = text.as_bytes().split(|byte| *byte == b' ');
            let good = words.any(|word| word.starts_with(mine));
            self.check(op, good, format_args!("{text}"));
        }
        let op = Operation::XENVER_changeset;
        if let Some(text) = self.run(op, xen_version::changeset).done() {
            self.report().say(format_args!("changeset: {text}"));
            self.check(op, printable(text.as_bytes()), format_args!("{text}"));
        }
        let op = Operation::XENVER_commandline;
        if let Some(text) = self.run(op, xen_version::commandline).done() {
            let good = text.as_bytes().windows(7).any(|word| word == b"loglvl=");
            self.check(op, good, format_args!("{text}"));
        }
        let op = Operation::XENVER_build_id;
        let mut buffer = [0; ROOM];
        let length = self
            .run(op, |xen| {
                xen_version::build_id(xen, &mut buffer).map(<[u8]>::len)
            })
            .done();
        if let Some(length) = length {
            let id = &buffer[xen_version::BUFFER_HEAD..][..length];
            let good = (8..=64).contains(&length) && id.iter().any(|byte| *byte != 0);
            self.check(op, good, format_args!("{length} bytes, {id:x?}"));
        }
    }

    /// The texts of any length say what those of fixed size say, as far as these go.
    fn newer_texts(&mut self) {
        macro_rules! same {
            ($op:ident, $newer:ident, $older:expr) => {{
                let op = Operation::$op;
                let mut buffer = [0; ROOM];
                let length = self
                    .run(op, |xen| {
                        xen_version::$newer(xen, &mut buffer).map(<[u8]>::len)
                    })
                    .done();
                let older = $older(self.xen());
                if let (Some(length), Ok(older)) = (length, older) {
                    let text = &buffer[xen_version::BUFFER_HEAD..][..length];
                    // Debian's have no changeset.
                    let same = text.starts_with(older.as_bytes())
                        && text.is_empty() == older.as_bytes().is_empty();
                    let text = text.escape_ascii();
                    self.check(op, same, format_args!("{text}, not {older}"));
                }
            }};
        }
        same!(
            XENVER_extraversion2,
            extraversion2,
            xen_version::extraversion
        );
        same!(
            XENVER_capabilities2,
            capabilities2,
            xen_version::capabilities
        );
        same!(XENVER_changeset2, changeset2, xen_version::changeset);
        same!(XENVER_commandline2, commandline2, xen_version::commandline);
    }

    fn console(&mut self) {
        let op = Operation::CONSOLEIO_write;
        let line = b"a line by CONSOLEIO_write\n";
        // Written without looking at the table: a kernel has no other way to tell anything.
        if self.xen().can(op).is_ok() {
            let _ = self.run(op, |xen| console_io::write(xen, line));
        }
        let op = Operation::CONSOLEIO_read;
        let mut typed = [0; 8];
        if let Some(count) = self.run(op, |xen| console_io::read(xen, &mut typed)).done() {
            self.check(op, count == 0, format_args!("nobody typed {typed:x?}"));
        }
    }

    /// Each assist is there or not, as its row says, and is taken on and given up again.
    fn assists(&mut self) {
        let calls = [
            (Operation::VMASST_CMD_enable, true),
            (Operation::VMASST_CMD_disable, false),
        ];
        for assist in ASSISTS {
            let Some(row) = assist.operation() else {
                self.report().fail(format_args!("{assist:?} has no row"));
                continue;
            };
            for (op, on) in calls {
                // An assist without an older way; where one has, the older way is another call's.
                let plan = match self.xen().can(row) {
                    Ok(()) => self.xen().plan(op),
                    Err(unsupported) => Plan::Unsupported(unsupported),
                };
                let done = self.run_as(plan, op, &[], |xen| {
                    if on {
                        vm_assist::enable(xen, assist)
                    } else {
                        vm_assist::disable(xen, assist)
                    }
                });
                if done.done().is_some() && plan == Plan::Direct {
                    self.mark(row, true);
                }
            }
        }
        let op = Operation::VMASST_CMD_enable;
        self.refused(op, &[Errno::EINVAL], |xen| {
            vm_assist::enable(xen, NO_ASSIST)
        });
    }

    /// Several calls together, of which one is refused; the others have their results.
    pub(super) fn batch(&mut self) {
        let op = Operation::__HYPERVISOR_multicall;
        let mut batch = Batch::<4>::new();
        let version = Operation::XENVER_version;
        let filled = batch
            .push(version, [0; 4])
            .and_then(|()| {
                let xen_version = Operation::__HYPERVISOR_xen_version;
                batch.push_plain(xen_version, [UNKNOWN, 0, 0, 0, 0])
            })
            .and_then(|()| batch.push(version, [0; 4]))
            .and_then(|()| batch.push(version, [0; 4]));
        self.check(op, filled.is_ok(), format_args!("four calls: {filled:?}"));
        let (plan, expected) = match self.xen().can(op) {
            Ok(()) => (Plan::Direct, Made::Together),
            Err(_) => (Plan::Fallback(version), Made::OneByOne),
        };
        let outcome = self.run_as(plan, op, &[], |xen| {
            // SAFETY: the calls take no pointer, and change nothing.
            unsafe { batch.make(xen) }
        });
        let Outcome::Done(made) = outcome else {
            return;
        };
        self.check(op, made == expected, format_args!("made {made:?}"));
        let direct = xen_version::version(self.xen());
        let number = direct.map(|is| usize::from(is.major) << 16 | usize::from(is.minor));
        let results = [0, 2, 3].map(|index| batch.result(self.xen(), index));
        let right = results == [number, number, number];
        self.check(op, right, format_args!("results {results:x?}"));
        let refused = batch.raw(1).map(|raw| raw as i32);
        self.check(
            op,
            refused == Some(Errno::ENOSYS.to_return() as i32),
            format_args!("an unknown sub-op answered {refused:?}"),
        );
    }
}
