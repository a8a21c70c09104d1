//! What is drawn: a ring, and what is done with it.

use abi_tests::differential::{Case, Trace};
use quickcheck::{Arbitrary, Gen};

use crate::rust;

/// The rings, in the order of `c/ring.c`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Kind {
    BlkifX86_64,
    BlkifX86_32,
    NetifTx,
    NetifRx,
    NetifCtrl,
    Vscsiif,
    UsbifConn,
}

const KINDS: [Kind; 7] = [
    Kind::BlkifX86_64,
    Kind::BlkifX86_32,
    Kind::NetifTx,
    Kind::NetifRx,
    Kind::NetifCtrl,
    Kind::Vscsiif,
    Kind::UsbifConn,
];

/// The operations, in the order of `c/ring.c`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum What {
    /// Both ends of a new ring.
    Init,
    /// Both ends at an index.
    Attach,
    /// The backend once more, where the page says.
    Reattach,
    FrontPut,
    FrontPush,
    FrontPushCheck,
    FrontLook,
    FrontTake,
    FrontDrain,
    FrontFinal,
    FrontState,
    BackPut,
    BackPush,
    BackPushCheck,
    BackLook,
    BackTake,
    BackDrain,
    BackFinal,
    BackState,
    Predicates,
    Sizes,
    Private,
    /// Somebody writes an index of the page.
    Poke,
}
use What::*;

impl What {
    /// The operation's name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Init => "Init",
            Attach => "Attach",
            Reattach => "Reattach",
            FrontPut => "FrontPut",
            FrontPush => "FrontPush",
            FrontPushCheck => "FrontPushCheck",
            FrontLook => "FrontLook",
            FrontTake => "FrontTake",
            FrontDrain => "FrontDrain",
            FrontFinal => "FrontFinal",
            FrontState => "FrontState",
            BackPut => "BackPut",
            BackPush => "BackPush",
            BackPushCheck => "BackPushCheck",
            BackLook => "BackLook",
            BackTake => "BackTake",
            BackDrain => "BackDrain",
            BackFinal => "BackFinal",
            BackState => "BackState",
            Predicates => "Predicates",
            Sizes => "Sizes",
            Private => "Private",
            Poke => "Poke",
        }
    }
}

/// Operations by how often they are drawn. Both ends of the ring are honest with these.
const HONEST: &[What] = &[
    FrontPut,
    FrontPut,
    FrontPut,
    FrontPut,
    FrontPush,
    FrontPushCheck,
    FrontPushCheck,
    FrontPushCheck,
    FrontPushCheck,
    FrontLook,
    FrontTake,
    FrontTake,
    FrontDrain,
    FrontFinal,
    FrontFinal,
    FrontState,
    BackTake,
    BackTake,
    BackTake,
    BackDrain,
    BackDrain,
    BackPut,
    BackPut,
    BackPut,
    BackPush,
    BackPushCheck,
    BackPushCheck,
    BackPushCheck,
    BackLook,
    BackFinal,
    BackFinal,
    BackState,
    Predicates,
    Sizes,
    Private,
    Poke,
    Poke,
    Reattach,
];

/// An operation and its arguments.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Op {
    pub(crate) what: What,
    /// How many, at most; or which index, plus 4 if the value is added to it; or whether the value is
    /// relative.
    pub(crate) a: u8,
    pub(crate) value: u32,
}

/// Both ends of a ring in some state, and what they do.
#[derive(Clone, Debug)]
pub(crate) struct RingCase {
    pub(crate) kind: Kind,
    pub(crate) pages: u8,
    /// The index at which both ends begin.
    pub(crate) index: u32,
    /// Whether producer indices are written by somebody else than their owner.
    pub(crate) hostile: bool,
    pub(crate) ops: Vec<Op>,
}

fn any<T: Copy>(g: &mut Gen, of: &[T]) -> T {
    *g.choose(of).expect("there are some")
}

/// An index: often close to where 32 or 31 bits end.
fn index(g: &mut Gen) -> u32 {
    let near = any(g, &[0, 0, 0, 1 << 31]);
    match u8::arbitrary(g) % 4 {
        0 => u32::arbitrary(g),
        1 => near,
        _ => (u32::arbitrary(g) % 40).wrapping_neg().wrapping_add(near),
    }
}

/// A step of an index: small, about as large as a ring, or any.
fn step(g: &mut Gen) -> u32 {
    match u8::arbitrary(g) % 8 {
        0 => u32::arbitrary(g),
        1 | 2 => {
            let size = any(g, &[16, 32, 64, 128, 256, 512, 1 << 31]);
            (u32::arbitrary(g) % 3).wrapping_add(size).wrapping_sub(1)
        }
        _ => (u32::arbitrary(g) % 12).wrapping_sub(4),
    }
}

impl Op {
    fn arbitrary(g: &mut Gen, hostile: bool) -> Self {
        let mut what = any(g, HONEST);
        // A new ring begins at 0, so these are few.
        match u8::arbitrary(g) {
            0 => what = Init,
            1 if hostile => what = Attach,
            2..=24 if hostile => what = Poke,
            _ => {}
        }
        let (a, value) = match what {
            Poke => {
                let which = any(g, if hostile { &[0, 1, 2, 3] } else { &[1, 3] });
                let relative = any(g, &[0, 4, 4, 4]);
                let value = if relative != 0 { step(g) } else { index(g) };
                (which | relative, value)
            }
            Predicates => (1, step(g)),
            Sizes => (0, u32::arbitrary(g) >> (u8::arbitrary(g) % 32)),
            Attach => (0, index(g)),
            _ => (any(g, &[1, 1, 2, 3, 8, 40]), u32::arbitrary(g)),
        };
        Self { what, a, value }
    }
}

impl Arbitrary for RingCase {
    fn arbitrary(g: &mut Gen) -> Self {
        let hostile = u8::arbitrary(g) % 3 == 0;
        let ops = 4 + usize::arbitrary(g) % g.size();
        Self {
            kind: any(g, &KINDS),
            pages: any(g, &[1, 1, 1, 1, 1, 1, 2, 3, 4, 8, 16]),
            index: index(g),
            hostile,
            ops: (0..ops).map(|_| Op::arbitrary(g, hostile)).collect(),
        }
    }

    /// With some operations fewer; the rest stays as it is.
    fn shrink(&self) -> Box<dyn Iterator<Item = Self>> {
        let whole = self.clone();
        let length = self.ops.len();
        let pieces = [2, 4, 8, length.max(1)].map(|parts| length.div_ceil(parts).max(1));
        Box::new(pieces.into_iter().flat_map(move |piece| {
            let whole = whole.clone();
            (0..length).step_by(piece).map(move |from| {
                let mut less = whole.clone();
                less.ops.drain(from..(from + piece).min(length));
                less
            })
        }))
    }
}

impl Case for RingCase {
    fn encode(&self, to: &mut Vec<u8>) {
        to.extend([self.kind as u8, self.pages]);
        to.extend((self.ops.len() as u16).to_le_bytes());
        to.extend(self.index.to_le_bytes());
        for op in &self.ops {
            to.extend([op.what as u8, op.a]);
            to.extend(op.value.to_le_bytes());
        }
    }

    fn run(&self, trace: &mut Trace) {
        rust::run(self, trace);
    }
}
