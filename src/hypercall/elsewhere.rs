//! The names of the conduits on a processor that has none.
//!
//! This processor or its ABI has no known way to Xen. The names stand here for code that picks them by
//! [`cpu`](super), so that it gets one error which says what to do instead of one for each name.

/// What stands in place of each processor's ways to Xen where there is none: it is no
/// [`Conduit`](super::Conduit).
#[derive(Debug)]
pub struct NoConduitForThisProcessor(());

impl NoConduitForThisProcessor {
    /// A value that can't be used as a conduit.
    ///
    /// # Safety
    ///
    /// None is needed; the constructors of the real ones are unsafe.
    #[allow(unsafe_code)]
    pub const unsafe fn new() -> Self {
        Self(())
    }
}

/// arm's and arm64's way is not there.
pub type Hvc = NoConduitForThisProcessor;
/// x86_64's way for PV guests is not there.
pub type PvSyscall = NoConduitForThisProcessor;
/// x86_32's way for PV guests is not there.
pub type PvInt82 = NoConduitForThisProcessor;
/// x86's way for HVM guests on Intel's processors is not there.
pub type Vmcall = NoConduitForThisProcessor;
/// x86's way for HVM guests on AMD's processors is not there.
pub type Vmmcall = NoConduitForThisProcessor;
