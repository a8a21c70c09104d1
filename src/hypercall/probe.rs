//! Asking a hypervisor what it is, at the start and after every resume.
//!
//! Everything asked here is harmless on every release: the questions about version and features have
//! the number 17, which no release takes for another call, and everything after them goes by the
//! release that they found.

use core::fmt;

use xen_public::features::Features;

use super::xen::{Known, Xen};
use super::{Conduit, Errno, Error, xen_version};
use crate::version::{Guest, Operation, Release, ReleaseError};

/// Why a hypervisor could not be found out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum ProbeError {
    /// A question was not answered, or not sensibly.
    Call(Error),
    /// The answers name no release of Xen.
    Release(ReleaseError),
}

impl fmt::Display for ProbeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Call(error) => fmt::Display::fmt(error, f),
            Self::Release(error) => fmt::Display::fmt(error, f),
        }
    }
}

impl core::error::Error for ProbeError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        Some(match self {
            Self::Call(error) => error,
            Self::Release(error) => error,
        })
    }
}

impl From<Error> for ProbeError {
    fn from(error: Error) -> Self {
        Self::Call(error)
    }
}

impl From<ReleaseError> for ProbeError {
    fn from(error: ReleaseError) -> Self {
        Self::Release(error)
    }
}

/// Asks for everything that has no side effect, in the order that needs nothing not known yet.
fn ask(xen: &impl Conduit) -> Result<Known, ProbeError> {
    let version = xen_version::version(xen)?;
    let extraversion = xen_version::extraversion(xen)?;
    let packed = u32::from(version.major) << 16 | u32::from(version.minor);
    let release = Release::identify(packed, extraversion.as_bytes())?;
    let capabilities = xen_version::capabilities(xen)?;
    let features = match xen_version::features(xen) {
        // Xen 3.0.0 has no such question, and none of the features.
        Err(Error::Refused { errno, .. }) if errno == Errno::ENOSYS => Features::EMPTY,
        answer => answer?,
    };
    let guest = match xen.guest() {
        Some(guest) => guest,
        None if cfg!(any(target_arch = "arm", target_arch = "aarch64")) => Guest::Arm,
        None if features.contains(Features::AUTO_TRANSLATED_PHYSMAP) => Guest::Hvm,
        None => Guest::Pv,
    };
    Ok(Known {
        release,
        guest,
        extraversion,
        features,
        capabilities,
    })
}

/// What a [resume](Xen::resume) found to be different.
#[derive(Clone, Debug)]
#[must_use]
pub struct Changes {
    /// What was known before.
    pub before: Known,
    /// What is known now.
    pub after: Known,
    bits: [[u32; super::xen::WORDS]; 2],
}

impl Changes {
    /// Whether the hypervisor says the same of itself and offers the same.
    pub fn is_empty(&self) -> bool {
        self.before == self.after && self.bits[0] == self.bits[1]
    }

    /// The operations that came or went, and whether they are offered now.
    pub fn operations(&self) -> impl Iterator<Item = (Operation, bool)> {
        let [before, after] = self.bits;
        Operation::all().filter_map(move |operation| {
            let (word, bit) = (operation.index() / 32, 1 << (operation.index() % 32));
            let now = after[word] & bit != 0;
            (now != (before[word] & bit != 0)).then_some((operation, now))
        })
    }
}

/// `Xen 4.17.5 became Xen 4.20.3; gone: ...; new: ...`, or `nothing changed`.
impl fmt::Display for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("nothing changed");
        }
        let (before, after) = (self.before.release, self.after.release);
        if before == after {
            write!(f, "still Xen {after}")?;
        } else {
            write!(f, "Xen {before} became Xen {after}")?;
        }
        for (title, wanted) in [("gone", false), ("new", true)] {
            let mut separator = ": ";
            for (operation, _) in self.operations().filter(|&(_, now)| now == wanted) {
                if separator == ": " {
                    write!(f, "; {title}")?;
                }
                write!(f, "{separator}{operation}")?;
                separator = ", ";
            }
        }
        Ok(())
    }
}

impl<C: Conduit> Xen<C> {
    /// Asks the hypervisor what it is, once: version, features, capabilities, and what can't be known
    /// but by trying, where trying changes nothing.
    ///
    /// # Errors
    ///
    /// [`ProbeError::Release`] for a version that is no release of Xen, or, with 3.0, a text that does
    /// not say which of the five it is: their hypercall numbers differ, and guessing would run wrong
    /// calls. [`ProbeError::Call`] for questions that are refused or answered with nonsense.
    pub fn probe(conduit: C) -> Result<Self, ProbeError> {
        let known = ask(&conduit)?;
        let xen = Self::by_table(conduit, known);
        xen.try_out();
        Ok(xen)
    }

    /// Asks again, after this domain was suspended: it may run on another hypervisor now. What earlier
    /// calls had learned, or were told to [withhold](Self::withhold), is forgotten.
    ///
    /// # Errors
    ///
    /// As [`probe`](Self::probe). What was known before stays.
    pub fn resume(&mut self) -> Result<Changes, ProbeError> {
        let known = ask(self.conduit())?;
        let before = self.known().clone();
        let old = self.bits();
        self.set(known);
        self.try_out();
        Ok(Changes {
            before,
            after: self.known().clone(),
            bits: [old, self.bits()],
        })
    }

    /// Tries what the table can't know, because it depends on how Xen was built and started.
    fn try_out(&self) {
        #[cfg(any(
            target_arch = "x86",
            target_arch = "x86_64",
            target_arch = "arm",
            target_arch = "aarch64"
        ))]
        super::trials::run(self);
    }
}

#[cfg(test)]
mod tests;
