//! Finding Xen by CPUID, and having it make the hypercall page (`xen/include/public/arch-x86/cpuid.h`).

use core::arch::asm;
#[cfg(target_arch = "x86")]
use core::arch::x86 as arch;
#[cfg(target_arch = "x86_64")]
use core::arch::x86_64 as arch;
use core::fmt;

use xen_public::arch_x86::cpuid::{is_signature, xen_cpuid_leaf, xen_cpuid_leaf_at};
use xen_public::native::arch_x86::cpuid as c;

/// How far the bases lie apart at which a hypervisor's leaves may begin.
const STEP: u32 = 0x100;
/// The end of the range in which they may.
const END: u32 = 0x4001_0000;
/// The leaves after the base that every Xen has: version, and hypercall page.
const LEAST: u32 = 2;

/// What a CPUID leaf says: eax, ebx, ecx and edx.
type Leaf = [u32; 4];

/// Why there is no way to Xen from an HVM or PVH guest.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum SetupError {
    /// No leaves from `0x4000_0000` to `0x4001_0000` carry Xen's signature: this is no guest of Xen's,
    /// or a PV guest, to whom the processor answers.
    NotXen,
    /// The signature is there, but not the leaves that every Xen has.
    Short {
        /// The leaf with the signature.
        base: u32,
        /// The last leaf, as it says.
        last: u32,
    },
    /// Xen offers fewer pages of hypercall stubs than this one's number, counted from 0.
    NoPage {
        /// The page that was asked for.
        index: u32,
        /// How many there are.
        pages: u32,
    },
    /// The address for the hypercall page is not a multiple of 4096.
    Misaligned {
        /// The address.
        address: u64,
    },
    /// The processor is of a maker of whom it is not known whether it has `vmcall` or `vmmcall`. The
    /// hypercall page serves any.
    Vendor([u8; 12]),
}

impl fmt::Display for SetupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::NotXen => f.write_str("no CPUID leaf carries Xen's signature"),
            Self::Short { base, last } => write!(
                f,
                "Xen's CPUID leaves at {base:#x} end at {last:#x}, before the hypercall page's"
            ),
            Self::NoPage { index, pages } => {
                write!(f, "hypercall page {index}: Xen has {pages}, counted from 0")
            }
            Self::Misaligned { address } => write!(
                f,
                "the hypercall page's address {address:#x} is no multiple of 4096"
            ),
            Self::Vendor(vendor) => {
                write!(
                    f,
                    "neither vmcall nor vmmcall is known for a processor of \"{}\"",
                    vendor.escape_ascii()
                )
            }
        }
    }
}

impl core::error::Error for SetupError {}

/// Reads a leaf.
fn cpuid(leaf: u32, subleaf: u32) -> Leaf {
    // SAFETY: every processor that code for rustc's x86 targets runs on has CPUID, and it changes
    // nothing but the four registers.
    #[allow(unused_unsafe)]
    let found = unsafe { arch::__cpuid_count(leaf, subleaf) };
    [found.eax, found.ebx, found.ecx, found.edx]
}

/// Where Xen's CPUID leaves stand, and what they say of the hypercall page.
///
/// ```
/// use xen_abi::hypercall::cpu::{SetupError, XenLeaves};
///
/// match XenLeaves::find() {
///     Ok(leaves) => println!("Xen {}.{}", leaves.version().0, leaves.version().1),
///     Err(error) => assert_eq!(error, SetupError::NotXen),
/// }
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct XenLeaves {
    base: u32,
    last: u32,
    version: u32,
    page: Leaf,
}

impl XenLeaves {
    /// Looks for Xen from an HVM or PVH guest: at `0x4000_0000`, and, as other hypervisors' leaves may
    /// come first, at each multiple of `0x100` after it.
    ///
    /// A PV guest that was not told to trap CPUID sees the processor's leaves instead and finds nothing.
    ///
    /// # Errors
    ///
    /// [`SetupError::NotXen`] and [`SetupError::Short`].
    #[doc(alias = "XEN_CPUID_FIRST_LEAF")]
    pub fn find() -> Result<Self, SetupError> {
        Self::find_with(cpuid)
    }

    fn find_with(mut cpuid: impl FnMut(u32, u32) -> Leaf) -> Result<Self, SetupError> {
        for base in (xen_cpuid_leaf(0)..END).step_by(STEP as usize) {
            let [last, ebx, ecx, edx] = cpuid(base, 0);
            if !is_signature(ebx, ecx, edx) {
                continue;
            }
            // A number below the base is no last leaf either.
            if last < xen_cpuid_leaf_at(base, LEAST) {
                return Err(SetupError::Short { base, last });
            }
            let [version, ..] = cpuid(xen_cpuid_leaf_at(base, 1), 0);
            let page = cpuid(xen_cpuid_leaf_at(base, 2), 0);
            return Ok(Self {
                base,
                last,
                version,
                page,
            });
        }
        Err(SetupError::NotXen)
    }

    /// The number of the leaf with the signature.
    pub const fn base(&self) -> u32 {
        self.base
    }

    /// The number of the last leaf.
    pub const fn last(&self) -> u32 {
        self.last
    }

    /// The major and the minor number of Xen's version.
    pub const fn version(&self) -> (u16, u16) {
        ((self.version >> 16) as u16, self.version as u16)
    }

    /// How many pages of hypercall stubs Xen has; 1 for every Xen so far.
    pub const fn pages(&self) -> u32 {
        self.page[0]
    }

    /// The model-specific register by which Xen fills a page with the stubs.
    pub const fn msr(&self) -> u32 {
        self.page[1]
    }

    /// The two words of features that stand beside the page: bit 0 of the first is
    /// `MMU_PT_UPDATE_PRESERVE_AD`, the others are zero so far.
    #[doc(alias = "XEN_CPUID_FEAT1_MMU_PT_UPDATE_PRESERVE_AD")]
    pub const fn features(&self) -> [u32; 2] {
        [self.page[2], self.page[3]]
    }

    /// A leaf by its distance from the base, as it is now: eax, ebx, ecx and edx. `None` beyond the last.
    ///
    /// Leaf 3 is that of the time stamp counter, with three subleaves, 4 that of HVM guests
    /// ([`hvm`](Self::hvm)) and 5 that of PV guests.
    pub fn leaf(&self, index: u32, subleaf: u32) -> Option<[u32; 4]> {
        self.leaf_with(cpuid, index, subleaf)
    }

    fn leaf_with(
        &self,
        mut cpuid: impl FnMut(u32, u32) -> Leaf,
        index: u32,
        subleaf: u32,
    ) -> Option<Leaf> {
        (index <= self.last - self.base)
            .then(|| cpuid(xen_cpuid_leaf_at(self.base, index), subleaf))
    }

    /// What Xen tells this processor of an HVM or PVH guest; `None` from releases before 4.4, which do
    /// not have the leaf.
    pub fn hvm(&self) -> Option<HvmLeaf> {
        self.leaf(4, 0).map(HvmLeaf)
    }

    /// Has Xen fill the page of memory at guest-physical `address` with stubs: the page `index` of
    /// [`pages`](Self::pages), which is 0. Again after a migration or a resume.
    ///
    /// # Errors
    ///
    /// [`SetupError::NoPage`] and [`SetupError::Misaligned`], before anything is done. Xen itself answers
    /// a page that it can't write with a general protection fault.
    ///
    /// # Safety
    ///
    /// The code runs at privilege level 0 of an HVM or PVH guest, `self` was found in this very guest, and
    /// the page is memory of its own that nothing else uses and that Xen may overwrite.
    pub unsafe fn install(&self, index: u32, address: u64) -> Result<(), SetupError> {
        let value = self.value(index, address)?;
        // SAFETY: Xen knows this register and fills the page, which the caller gives away for that;
        // nothing else changes. The stack is not touched.
        unsafe {
            asm!(
                "wrmsr",
                in("ecx") self.msr(),
                in("eax") value as u32,
                in("edx") (value >> 32) as u32,
                options(nostack, preserves_flags),
            );
        }
        Ok(())
    }

    /// What goes into the register: address and number of the page.
    fn value(&self, index: u32, address: u64) -> Result<u64, SetupError> {
        if address % 4096 != 0 {
            return Err(SetupError::Misaligned { address });
        }
        // The number has the 12 bits below the address.
        if index >= self.pages().min(4096) {
            return Err(SetupError::NoPage {
                index,
                pages: self.pages(),
            });
        }
        Ok(address | u64::from(index))
    }
}

/// The leaf of HVM and PVH guests.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct HvmLeaf(Leaf);

impl HvmLeaf {
    /// The flags: `XEN_HVM_CPUID_*` of the headers.
    pub const fn flags(&self) -> u32 {
        self.0[0]
    }

    /// The number of the vCPU that asked, where Xen tells it.
    #[doc(alias = "XEN_HVM_CPUID_VCPU_ID_PRESENT")]
    pub const fn vcpu(&self) -> Option<u32> {
        if self.flags() & c::XEN_HVM_CPUID_VCPU_ID_PRESENT != 0 {
            Some(self.0[1])
        } else {
            None
        }
    }

    /// The number of this domain, where Xen tells it.
    #[doc(alias = "XEN_HVM_CPUID_DOMID_PRESENT")]
    pub const fn domain(&self) -> Option<u32> {
        if self.flags() & c::XEN_HVM_CPUID_DOMID_PRESENT != 0 {
            Some(self.0[2])
        } else {
            None
        }
    }
}

/// The instruction by which a guest leaves for its hypervisor.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Instruction {
    /// Intel's, and that of processors built like Intel's.
    Vmcall,
    /// AMD's, and that of processors built like AMD's.
    Vmmcall,
}

impl Instruction {
    /// The one that this processor has, by its maker's name in CPUID. Executes neither.
    ///
    /// # Errors
    ///
    /// [`SetupError::Vendor`] for a maker of whom it is not known.
    pub fn detect() -> Result<Self, SetupError> {
        Self::of(cpuid(0, 0))
    }

    fn of([_, ebx, ecx, edx]: Leaf) -> Result<Self, SetupError> {
        let mut vendor = [0; 12];
        for (part, register) in vendor.chunks_exact_mut(4).zip([ebx, edx, ecx]) {
            part.copy_from_slice(&register.to_le_bytes());
        }
        match &vendor {
            b"GenuineIntel" | b"CentaurHauls" | b"  Shanghai  " => Ok(Self::Vmcall),
            b"AuthenticAMD" | b"HygonGenuine" => Ok(Self::Vmmcall),
            _ => Err(SetupError::Vendor(vendor)),
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;
    use alloc::vec::Vec;

    use super::*;

    const SIGNATURE: [u32; 3] = [0x566e_6558, 0x6558_4d4d, 0x4d4d_566e];

    /// A processor with Xen's leaves at `base`, the last of which is said to be `last`.
    fn machine(base: u32, last: u32) -> impl Fn(u32, u32) -> Leaf {
        move |leaf, subleaf| {
            let [ebx, ecx, edx] = SIGNATURE;
            match leaf.checked_sub(base) {
                Some(0) => [last, ebx, ecx, edx],
                Some(1) => [0x0004_0011, 0, 0, 0],
                Some(2) => [1, base, 0, 0],
                Some(3) => [subleaf, 0, 0, 0],
                Some(4) => [0b11000, 7, 9, 0],
                // An Intel processor answers an unknown leaf with its last one.
                _ => [7, 0x340, 0x340, 0],
            }
        }
    }

    #[test]
    fn xen_is_found_wherever_it_may_stand() {
        for base in [0x4000_0000, 0x4000_0100, 0x4000_ff00] {
            let read = machine(base, base + 5);
            let leaves = XenLeaves::find_with(&read).unwrap();
            assert_eq!((leaves.base(), leaves.last()), (base, base + 5));
            assert_eq!(leaves.version(), (4, 17));
            assert_eq!((leaves.pages(), leaves.msr()), (1, base));
            assert_eq!(leaves.features(), [0, 0]);
            assert_eq!(leaves.leaf_with(&read, 3, 2), Some([2, 0, 0, 0]));
            assert_eq!(leaves.leaf_with(&read, 6, 0), None);
        }
    }

    #[test]
    fn the_scan_ends_and_knows_its_steps() {
        let mut asked = Vec::new();
        let found = XenLeaves::find_with(|leaf, _| {
            asked.push(leaf);
            [0; 4]
        });
        assert_eq!(found, Err(SetupError::NotXen));
        assert_eq!(asked.len(), 256);
        assert_eq!(asked[0], 0x4000_0000);
        assert!(asked.windows(2).all(|pair| pair[1] - pair[0] == 0x100));
        // Neither before, nor after, nor between.
        for base in [0x3fff_ff00, 0x4001_0000, 0x4000_0010] {
            let found = XenLeaves::find_with(machine(base, base + 5));
            assert_eq!(found, Err(SetupError::NotXen), "{base:#x}");
        }
    }

    #[test]
    fn leaves_that_are_not_there_are_not_read() {
        let base = 0x4000_0000;
        for last in [0, base, base + 1, 0x3fff_ffff] {
            let found = XenLeaves::find_with(machine(base, last));
            assert_eq!(found, Err(SetupError::Short { base, last }));
        }
        let leaves = XenLeaves::find_with(machine(base, base + 2)).unwrap();
        assert_eq!(leaves.leaf_with(|_, _| panic!("read"), 3, 0), None);
        // The longest there can be does not overflow anything.
        let leaves = XenLeaves::find_with(machine(base, u32::MAX)).unwrap();
        assert!(
            leaves
                .leaf_with(|_, _| [0; 4], u32::MAX - base, 0)
                .is_some()
        );
        assert!(leaves.leaf_with(|_, _| [0; 4], u32::MAX, 0).is_none());
    }

    #[test]
    fn this_processor_can_be_asked() {
        // Whatever this machine is: the scan comes to an end, and so does the question for the maker.
        match XenLeaves::find() {
            Ok(leaves) => assert!(leaves.version().0 >= 3),
            Err(error) => assert!(matches!(
                error,
                SetupError::NotXen | SetupError::Short { .. }
            )),
        }
        assert_eq!(Instruction::detect(), Instruction::of(cpuid(0, 0)));
    }

    #[test]
    fn only_what_the_flags_name_is_there() {
        let leaf = HvmLeaf([0b11000, 7, 9, 0]);
        assert_eq!((leaf.vcpu(), leaf.domain()), (Some(7), Some(9)));
        let leaf = HvmLeaf([0b00111, 7, 9, 0]);
        assert_eq!((leaf.vcpu(), leaf.domain()), (None, None));
        assert_eq!(leaf.flags(), 7);
    }

    #[test]
    fn the_page_is_checked_before_xen_is_asked() {
        let leaves = XenLeaves::find_with(machine(0x4000_0000, 0x4000_0005)).unwrap();
        assert_eq!(leaves.value(0, 0x1_2345_6000), Ok(0x1_2345_6000));
        assert_eq!(
            leaves.value(0, 0x800),
            Err(SetupError::Misaligned { address: 0x800 })
        );
        assert_eq!(
            leaves.value(1, 0x1000),
            Err(SetupError::NoPage { index: 1, pages: 1 })
        );
        let many = XenLeaves {
            page: [u32::MAX, 0, 0, 0],
            ..leaves
        };
        assert_eq!(many.value(4095, 0x1000), Ok(0x1fff));
        assert!(many.value(4096, 0x1000).is_err());
    }

    /// What CPUID leaf 0 says on a processor of this maker.
    fn made_by(vendor: &[u8; 12]) -> Leaf {
        let word = |at: usize| u32::from_le_bytes(vendor[at..at + 4].try_into().unwrap());
        [1, word(0), word(8), word(4)]
    }

    #[test]
    fn the_instruction_goes_by_the_maker() {
        let of = |vendor| Instruction::of(made_by(vendor));
        for intel in [b"GenuineIntel", b"CentaurHauls", b"  Shanghai  "] {
            assert_eq!(of(intel), Ok(Instruction::Vmcall));
        }
        for amd in [b"AuthenticAMD", b"HygonGenuine"] {
            assert_eq!(of(amd), Ok(Instruction::Vmmcall));
        }
        for unknown in [b"GenuineTMx86", b"TCGTCGTCGTCG", &[0; 12], &[0xff; 12]] {
            assert_eq!(of(unknown), Err(SetupError::Vendor(*unknown)));
        }
    }

    #[test]
    fn the_errors_say_what_was_found() {
        for (error, text) in [
            (SetupError::NotXen, "no CPUID leaf carries Xen's signature"),
            (
                SetupError::Short {
                    base: 0x4000_0000,
                    last: 0x4000_0001,
                },
                "Xen's CPUID leaves at 0x40000000 end at 0x40000001, before the hypercall page's",
            ),
            (
                SetupError::NoPage { index: 1, pages: 1 },
                "hypercall page 1: Xen has 1, counted from 0",
            ),
            (
                SetupError::Misaligned { address: 0x1234 },
                "the hypercall page's address 0x1234 is no multiple of 4096",
            ),
            (
                SetupError::Vendor(*b"TCGTCG\0TCGT\xff"),
                "neither vmcall nor vmmcall is known for a processor of \"TCGTCG\\x00TCGT\\xff\"",
            ),
        ] {
            assert_eq!(error.to_string(), text);
        }
    }
}
