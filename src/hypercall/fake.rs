//! A conduit that answers as a test tells it to, and writes down what it was asked.
#![allow(unsafe_code)]

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::cell::{Cell, RefCell};

use xen_public::features::Features;

use super::{Conduit, Xen, xen_version};
use crate::version::{Guest, Release};

/// What a test answers: the hypercall's number and its arguments to the result register.
type Answer<'a> = Box<dyn Fn(u32, [usize; 5]) -> isize + 'a>;

/// A conduit for tests of one release and one kind of guest. It answers the questions of
/// [`Xen::probe`] itself and passes everything else to a closure.
pub(crate) struct Fake<'a> {
    release: Release,
    guest: Guest,
    features: Features,
    answer: Answer<'a>,
    calls: RefCell<Vec<(u32, [usize; 5])>>,
    probing: Cell<bool>,
}

impl<'a> Fake<'a> {
    /// A hypervisor of this release as this kind of guest sees it.
    pub(crate) fn new(
        release: Release,
        guest: Guest,
        answer: impl Fn(u32, [usize; 5]) -> isize + 'a,
    ) -> Self {
        Self {
            release,
            guest,
            features: Features::EMPTY,
            answer: Box::new(answer),
            calls: RefCell::default(),
            probing: Cell::new(false),
        }
    }

    /// The same with these features.
    pub(crate) fn with_features(self, features: Features) -> Self {
        Self { features, ..self }
    }

    /// What a probe makes of it: all that the table says. The probe's own calls are not kept, and what
    /// it tries out works.
    pub(crate) fn xen(self) -> Xen<Self> {
        self.probing.set(true);
        let xen = Xen::probe(self).expect("the fake answers all questions of a probe");
        xen.conduit().probing.set(false);
        xen.conduit().calls.borrow_mut().clear();
        xen
    }

    /// The calls since the probe, by number and arguments.
    pub(crate) fn calls(&self) -> Vec<(u32, [usize; 5])> {
        self.calls.borrow().clone()
    }

    /// The numbers of the calls since the probe, each with its first argument, as `17.6`.
    pub(crate) fn numbers(&self) -> Vec<String> {
        let calls = self.calls.borrow();
        calls
            .iter()
            .map(|(number, [first, ..])| alloc::format!("{number}.{first}"))
            .collect()
    }

    fn version(&self, sub_op: usize, address: usize) -> Option<isize> {
        let Release {
            major,
            minor,
            point,
        } = self.release;
        let write = |bytes: &[u8]| {
            let to = core::ptr::with_exposed_provenance_mut::<u8>(address);
            // SAFETY: the questions of `xen_version` answered here have buffers of at least 16 bytes,
            // or of the features' 8, and no more is written.
            unsafe { core::ptr::copy_nonoverlapping(bytes.as_ptr(), to, bytes.len()) };
            0
        };
        match sub_op {
            xen_version::XENVER_VERSION => Some((isize::from(major) << 16) | isize::from(minor)),
            xen_version::XENVER_EXTRAVERSION => {
                Some(write(alloc::format!(".{point}\0").as_bytes()))
            }
            xen_version::XENVER_CAPABILITIES => Some(write(b"xen-3.0\0")),
            xen_version::XENVER_GET_FEATURES => {
                let mut answer = [0; 8];
                answer[4..].copy_from_slice(&self.features.bits().to_ne_bytes());
                Some(write(&answer))
            }
            _ => None,
        }
    }
}

// SAFETY: what is answered here touches no memory but the buffers of the questions about the version;
// what the tests' closures do is theirs to answer for.
unsafe impl Conduit for Fake<'_> {
    unsafe fn hypercall(&self, number: u32, arguments: [usize; 5]) -> isize {
        self.calls.borrow_mut().push((number, arguments));
        let [sub_op, address, ..] = arguments;
        if number == xen_version::HYPERCALL {
            if let Some(answer) = self.version(sub_op, address) {
                return answer;
            }
        }
        if self.probing.get() {
            return 0;
        }
        (self.answer)(number, arguments)
    }

    fn guest(&self) -> Option<Guest> {
        Some(self.guest)
    }
}

/// Reads an argument structure where a call says it is.
///
/// # Safety
///
/// The address is that of a live `T` whose provenance is exposed.
pub(crate) unsafe fn read<T: Copy>(address: usize) -> T {
    // SAFETY: the caller vouches for it.
    unsafe { core::ptr::with_exposed_provenance::<T>(address).read() }
}

/// Writes an argument structure where a call says it is.
///
/// # Safety
///
/// As for [`read`], and nobody else uses it meanwhile.
pub(crate) unsafe fn write<T>(address: usize, value: T) {
    // SAFETY: the caller vouches for it.
    unsafe { core::ptr::with_exposed_provenance_mut::<T>(address).write(value) }
}
