//! What a row of the table says, and the questions that are asked of it.

use core::fmt;

use xen_public::errno::Errno;

use super::table::{
    ANSWERS, BACKPORTS, BUILDS, GATES, HYPERCALLS, NAMES, NOTES, NUMBERS, SPANS, VIAS,
};
use super::{Guest, Release, Span};

/// A hypercall, a sub-op, a parameter, a flag or a feature bit: a row of the table, by the name that
/// Xen's headers have for it.
///
/// Each row is a constant, such as [`Operation::EVTCHNOP_send`], whose documentation shows the row.
/// The order is the table's own: hypercalls by number, each followed by what belongs to it.
///
/// ```
/// use xen_abi::version::{Guest, Operation, Release};
///
/// let send = Operation::EVTCHNOP_send;
/// assert_eq!((send.hypercall(), send.number()), (32, 4));
/// assert!(send.offered(Guest::Pv, Release::new(3, 0, 3)));
/// assert!(!send.offered(Guest::Pv, Release::new(3, 0, 2)));
/// let mut older = send.via(Release::new(3, 0, 2));
/// assert_eq!(older.next(), Some(Operation::__HYPERVISOR_event_channel_op_compat));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Operation(pub(super) u16);

/// What kind of thing a row stands for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Kind {
    /// A hypercall.
    Hypercall,
    /// A sub-op of a hypercall, or of a sub-op.
    Op,
    /// A parameter that is got or set by its index.
    Param,
    /// A type: one of several things that an argument may ask for.
    Type,
    /// A bit in an argument.
    Flag,
    /// A bit that Xen sets in its answer to `XENVER_get_features`.
    Feature,
    /// A type of `vm_assist`.
    Assist,
    /// A reason for a shutdown.
    Reason,
}

/// What a caller must be.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Privilege {
    /// Any guest.
    None,
    /// Domain 0, or a domain that the security policy lets control others.
    Control,
    /// The domain that owns the hardware, which is domain 0.
    Hardware,
    /// A domain that serves another: its device model, or one with more power.
    DeviceModel,
}

/// How an absence shows.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Absent {
    /// The call answers this error.
    Errno(Errno),
    /// The call answers 0, as if it had worked, and nothing is done.
    FalseSuccess,
    /// The hypercall of this number runs instead of the one that was meant.
    OtherHypercall(u32),
    /// The feature's bit is clear.
    BitClear,
    /// In no way that can be relied on: it may be ignored, or the call that carries it refused.
    Unseen,
}

/// What an absence shows as, in some releases.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Answer {
    pub(super) absent: Absent,
    pub(super) releases: Span,
}

/// An older way to the same end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Way {
    pub(super) operation: Operation,
    /// When it leads there: it may be older than what it has learnt to do.
    pub(super) releases: Span,
}

impl Way {
    pub(super) const fn always(operation: Operation) -> Self {
        Self {
            operation,
            releases: Span {
                first: Release::new(3, 0, 0),
                end: None,
            },
        }
    }
}

/// What an operation needs beside the release.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Needs {
    /// An option of Xen's configuration or command line. Only a call can tell.
    Option,
    /// A feature that Xen announces.
    Feature(Operation),
    /// A caller in 64-bit mode: an x86 hypervisor does not translate the arguments of 32-bit ones. On ARM
    /// they are the same for all.
    LongMode,
}

impl Build {
    /// Whether it makes a difference to a kind of guest in a release.
    pub const fn matters(&self, guest: Guest, release: Release) -> bool {
        let ours = match self.guest {
            Some(other) => place(other) == place(guest),
            None => true,
        };
        ours && self.releases.contains(release)
    }
}

/// Something that leaves an operation out of a hypervisor whose release has it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Build {
    /// An option of Xen's configuration (`CONFIG_ARGO`), or of its command line (`argo=1`), as it must
    /// be for the operation to be there.
    pub option: &'static str,
    /// What kind of thing the option is.
    pub needs: Needs,
    /// The kind of guest that it matters to, if not to all.
    pub guest: Option<Guest>,
    /// What a call answers without it.
    pub absent: Absent,
    /// The releases in which the option makes a difference.
    pub releases: Span,
}

/// Why the release or the kind of guest rules an operation out.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Reason {
    /// This kind of guest has it in other releases.
    Release {
        /// The releases: the next ones that have it, or the last ones that had it.
        span: Span,
    },
    /// No release offers it to this kind of guest.
    Guest,
}

/// A row, without what constants fold (numbers) and what few programs print (names and notes).
pub(super) struct Gate {
    parent: u16,
    kind: Kind,
    privilege: Privilege,
    sticky: bool,
    spans: [u8; 3],
    answers: [u8; 3],
    backports: u8,
    build: u8,
    via: u8,
}

/// The parent of a row that has none.
pub(super) const TOP: u16 = u16::MAX;

impl Gate {
    /// A row; the numbers in it are places in the lists that rows share.
    #[allow(clippy::too_many_arguments)]
    pub(super) const fn new(
        parent: u16,
        kind: Kind,
        privilege: Privilege,
        sticky: bool,
        spans: [u8; 3],
        answers: [u8; 3],
        [backports, build, via]: [u8; 3],
    ) -> Self {
        Self {
            parent,
            kind,
            privilege,
            sticky,
            spans,
            answers,
            backports,
            build,
            via,
        }
    }
}

/// The place of a kind of guest in a row.
const fn place(guest: Guest) -> usize {
    match guest {
        Guest::Pv => 0,
        Guest::Hvm => 1,
        Guest::Arm => 2,
    }
}

/// The first release that knows hypercall numbers above 31. Older ones look at the low 5 bits only.
const UNMASKED: Release = Release::new(3, 0, 3);

impl Operation {
    /// How many rows the table has.
    pub const COUNT: usize = GATES.len();

    /// All rows, in the table's order.
    pub fn all() -> impl ExactSizeIterator<Item = Self> + DoubleEndedIterator + Clone {
        (0..Self::COUNT as u16).map(Self)
    }

    /// The row of a name, such as `EVTCHNOP_send`. This looks through the whole table.
    pub fn named(name: &str) -> Option<Self> {
        Self::all().find(|operation| operation.name() == name)
    }

    /// The row's place in the table, below [`COUNT`](Self::COUNT). It may differ in the next version
    /// of this crate.
    #[inline]
    pub const fn index(self) -> usize {
        self.0 as usize
    }

    #[inline]
    const fn gate(self) -> &'static Gate {
        &GATES[self.0 as usize]
    }

    /// The number of the hypercall that this is, or that it belongs to.
    #[inline]
    pub const fn hypercall(self) -> u32 {
        HYPERCALLS[self.0 as usize] as u32
    }

    /// The number in the header: a hypercall's, the sub-op's within its hypercall, a parameter's index,
    /// a type's value, a flag's mask, a feature's bit.
    #[inline]
    pub const fn number(self) -> u32 {
        NUMBERS[self.0 as usize]
    }

    /// The name in Xen's headers.
    #[inline]
    pub const fn name(self) -> &'static str {
        NAMES[self.0 as usize]
    }

    /// What kind of thing it is.
    #[inline]
    pub const fn kind(self) -> Kind {
        self.gate().kind
    }

    /// What it belongs to: the hypercall of a sub-op, the sub-op of a parameter. Hypercalls belong to
    /// nothing.
    pub const fn parent(self) -> Option<Self> {
        match self.gate().parent {
            TOP => None,
            parent => Some(Self(parent)),
        }
    }

    /// What a caller must be.
    #[inline]
    pub const fn privilege(self) -> Privilege {
        self.gate().privilege
    }

    /// Whether an ordinary guest may not use it.
    #[inline]
    pub const fn privileged(self) -> bool {
        !matches!(self.privilege(), Privilege::None)
    }

    /// The releases that offer it to this kind of guest under its own hypercall's number, oldest
    /// first. There is more than one range where a release took it away and a later one gave it back.
    #[inline]
    pub const fn spans(self, guest: Guest) -> &'static [Span] {
        SPANS[self.gate().spans[place(guest)] as usize]
    }

    /// The last range of [`spans`](Self::spans), or `None` if this kind of guest never had it.
    pub const fn span(self, guest: Guest) -> Option<Span> {
        match self.spans(guest) {
            [.., last] => Some(*last),
            [] => None,
        }
    }

    /// The point releases of older branches that took it over: their branches have it from there on.
    pub const fn backports(self) -> &'static [Release] {
        BACKPORTS[self.gate().backports as usize]
    }

    /// What must be built in or switched on beside the release.
    pub const fn build(self) -> &'static [Build] {
        BUILDS[self.gate().build as usize]
    }

    /// What else there is to know, as a clause or two; may be empty.
    pub const fn note(self) -> &'static str {
        NOTES[self.0 as usize]
    }

    /// The older ways to the same end, best first, as far as they lead there in this release: whether
    /// it [offers](Self::offered) them is another question. There may be none.
    pub fn via(self, release: Release) -> impl Iterator<Item = Self> + Clone {
        let ways = VIAS[self.gate().via as usize].iter();
        ways.filter(move |way| way.releases.contains(release))
            .map(|way| way.operation)
    }

    /// Whether an error that says "not there" may be kept in mind. It may not where the same error
    /// also has to do with arguments or with the state of the domain.
    #[inline]
    pub const fn is_sticky(self) -> bool {
        self.gate().sticky
    }

    /// Whether a release offers this to a kind of guest, as far as the release decides: a build may
    /// lack it, and a caller may need [privilege](Self::privilege). Releases newer than
    /// [`Release::NEWEST`] are taken to be like that one.
    pub const fn offered(self, guest: Guest, release: Release) -> bool {
        let spans = self.spans(guest);
        let mut at = 0;
        while at < spans.len() {
            if spans[at].contains(release) {
                return true;
            }
            at += 1;
        }
        if spans.is_empty() {
            return false;
        }
        let backports = self.backports();
        let mut at = 0;
        while at < backports.len() {
            if backports[at].same_branch(release) && !release.before(backports[at]) {
                // A branch takes over a sub-op, not its whole hypercall.
                return match self.parent() {
                    Some(parent) => parent.offered(guest, release),
                    None => true,
                };
            }
            at += 1;
        }
        false
    }

    /// Why a release does not offer this to a kind of guest, or `None` if it does.
    pub const fn reason(self, guest: Guest, release: Release) -> Option<Reason> {
        if self.offered(guest, release) {
            return None;
        }
        let spans = self.spans(guest);
        let mut at = 0;
        while at < spans.len() {
            if release.before(spans[at].first) || at + 1 == spans.len() {
                return Some(Reason::Release { span: spans[at] });
            }
            at += 1;
        }
        Some(Reason::Guest)
    }

    /// What a release answers where it does not offer this to a kind of guest. Where it does: what a
    /// build answers that lacks it.
    pub const fn expected_error(self, guest: Guest, release: Release) -> Absent {
        let number = self.hypercall();
        if matches!(guest, Guest::Pv) && number > 31 && release.before(UNMASKED) {
            return Absent::OtherHypercall(number & 31);
        }
        // What contains it answers for it.
        if let Some(parent) = self.parent() {
            if !parent.offered(guest, release) {
                return parent.expected_error(guest, release);
            }
        }
        if self.offered(guest, release) {
            let mut at = 0;
            let build = self.build();
            while at < build.len() {
                if build[at].matters(guest, release) {
                    return build[at].absent;
                }
                at += 1;
            }
        }
        let answers = self.answers(guest);
        let mut at = 0;
        while at < answers.len() {
            if answers[at].releases.contains(release) {
                return answers[at].absent;
            }
            at += 1;
        }
        match self.kind() {
            Kind::Feature => Absent::BitClear,
            _ => Absent::Errno(Errno::ENOSYS),
        }
    }

    const fn answers(self, guest: Guest) -> &'static [Answer] {
        ANSWERS[self.gate().answers[place(guest)] as usize]
    }

    /// Whether this error, answered to a kind of guest by a release that should offer this, says that
    /// it is not there after all.
    ///
    /// Some answers to unknown calls are those to wrong arguments too, such as `EINVAL`. They are
    /// taken for what they mean where the call is known, so this says no to them.
    pub const fn means_absent(self, guest: Guest, errno: Errno) -> bool {
        if !matches!(errno, Errno::ENOSYS | Errno::EOPNOTSUPP) {
            return false;
        }
        let mut row = Some(self);
        while let Some(operation) = row {
            let build = operation.build();
            let mut at = 0;
            while at < build.len() {
                // What another kind of guest is told says nothing to this one.
                let ours = match build[at].guest {
                    Some(other) => place(other) == place(guest),
                    None => true,
                };
                if ours && is(build[at].absent, errno) {
                    return true;
                }
                at += 1;
            }
            let answers = operation.answers(guest);
            let mut at = 0;
            while at < answers.len() {
                if is(answers[at].absent, errno) {
                    return true;
                }
                at += 1;
            }
            if answers.is_empty() && errno.get() == Errno::ENOSYS.get() {
                return true;
            }
            row = operation.parent();
        }
        false
    }
}

const fn is(absent: Absent, errno: Errno) -> bool {
    match absent {
        Absent::Errno(other) => other.get() == errno.get(),
        _ => false,
    }
}

/// The name in Xen's headers.
impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl fmt::Debug for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// `ENOSYS (38): ...`, `a false success`, `hypercall 0 in its place`.
impl fmt::Display for Absent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Errno(errno) => fmt::Display::fmt(errno, f),
            Self::FalseSuccess => f.write_str("a false success"),
            Self::OtherHypercall(number) => write!(f, "hypercall {number} in its place"),
            Self::BitClear => f.write_str("a clear bit"),
            Self::Unseen => f.write_str("no sign"),
        }
    }
}

#[cfg(test)]
mod tests;
