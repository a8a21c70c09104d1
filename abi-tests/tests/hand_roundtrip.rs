//! Bytes, type, bytes is the identity for every hand-written type of the ABI.

use abi_tests::roundtrip;
use quickcheck::quickcheck;

use xen_public::arch_arm::{ArchSharedInfoArm, ArchVcpuInfoArm};
use xen_public::arch_x86::hvm::start_info::{
    HvmMemmapTableEntry, HvmModlistEntry, HvmStartInfo, MemmapType,
};
use xen_public::arch_x86::xen::{ArchSharedInfoX86_32, ArchSharedInfoX86_64};
use xen_public::arch_x86::xen_x86_32::ArchVcpuInfoX86_32;
use xen_public::arch_x86::xen_x86_64::ArchVcpuInfoX86_64;
use xen_public::elfnote::NoteType;
use xen_public::errno::Errno;
use xen_public::event_channel::{EvtchnPort, EvtchnStatus};
use xen_public::features::{Feature, Features};
use xen_public::grant_table::*;
use xen_public::vcpu::{RunState, VcpuRunstateInfo, VcpuRunstateInfoX86_32};
use xen_public::xen::*;

/// All of the types, each with its size in C.
macro_rules! with_all {
    ($each:ident) => {
        $each! {
            ArchSharedInfoArm = 0, ArchSharedInfoX86_32 = 28, ArchSharedInfoX86_64 = 48,
            ArchVcpuInfoArm = 0, ArchVcpuInfoX86_32 = 24, ArchVcpuInfoX86_64 = 16,
            DomId = 2, Errno = 4, EvtchnPort = 4, EvtchnStatus = 4, Feature = 4, Features = 4,
            Gfn = 8, GrantEntryHeader = 4, GrantEntryV1 = 8, GrantEntryV2 = 16, GrantFlags = 2,
            GrantHandle = 4, GrantRef = 4, GrantStatus = 2, HvmMemmapTableEntry = 24,
            HvmModlistEntry = 32, HvmStartInfo = 56, MemmapType = 4, Mfn = 8, NoteType = 4, Pfn = 8,
            PvclockFlags = 1, RunState = 4, SharedInfoArm = 1088, SharedInfoX86_32 = 2344,
            SharedInfoX86_64 = 3136, StartFlags = 4, StartInfoX86_32 = 1112, StartInfoX86_64 = 1168,
            VcpuId = 4, VcpuInfoArm = 48, VcpuInfoX86_32 = 64, VcpuInfoX86_64 = 64,
            VcpuRunstateInfo = 48, VcpuRunstateInfoX86_32 = 44, VcpuTimeInfo = 32, Virq = 4,
            XenMultibootMod = 16,
        }
    };
}

macro_rules! first_difference {
    ($($type:ident = $size:literal,)*) => {
        /// The first difference that any of the types makes of these bytes.
        fn first_difference(bytes: &[u8]) -> Option<String> {
            let difference: &[fn(&[u8]) -> Option<String>] = &[$(roundtrip::difference::<$type>,)*];
            difference.iter().find_map(|difference| difference(bytes))
        }
    };
}
with_all!(first_difference);

macro_rules! sizes {
    ($($type:ident = $size:literal,)*) => {
        $(assert_eq!(size_of::<$type>(), $size, stringify!($type));)*
    };
}

#[test]
fn sizes_are_those_that_upstream_lists() {
    with_all!(sizes);
}

quickcheck! {
    fn every_type_gives_back_the_bytes_it_was_made_from(bytes: Vec<u8>) -> bool {
        match first_difference(&bytes) {
            None => true,
            Some(difference) => panic!("{difference}"),
        }
    }
}
