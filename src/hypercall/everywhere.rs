//! Names of the headers that mean the same in every ABI.
//!
//! A conduit of any ABI takes the same number for `XENVER_version` and the same bytes for a
//! `sched_shutdown`. The calls that rely on it take those from one ABI by these macros, which stop
//! the compilation if another differs.

/// The value of a constant of the headers, as the given type: `everywhere!(u32, xen::DOMID_SELF)`.
macro_rules! everywhere {
    ($type:ty, $($name:ident)::+) => {{
        use ::xen_public::abi::{arm32, arm64, x86_32, x86_64};
        const VALUE: i128 = x86_64::$($name)::+ as i128;
        const {
            assert!(VALUE == x86_32::$($name)::+ as i128);
            assert!(VALUE == arm32::$($name)::+ as i128);
            assert!(VALUE == arm64::$($name)::+ as i128);
            assert!(VALUE == VALUE as $type as i128);
        }
        VALUE as $type
    }};
}

/// Stops the compilation unless a structure has the same size, and these fields at the same
/// offsets, in all ABIs: `same_everywhere!(sched::sched_shutdown { reason })`.
macro_rules! same_everywhere {
    ($($name:ident)::+ { $($field:ident),* }) => {
        const _: () = {
            use ::core::mem::{offset_of, size_of};
            use ::xen_public::abi::{arm32, arm64, x86_32, x86_64};
            type Here = x86_64::$($name)::+;
            type X86 = x86_32::$($name)::+;
            type Arm = arm32::$($name)::+;
            type Arm64 = arm64::$($name)::+;
            assert!(size_of::<Here>() == size_of::<X86>());
            assert!(size_of::<Here>() == size_of::<Arm>());
            assert!(size_of::<Here>() == size_of::<Arm64>());
            $(
                assert!(offset_of!(Here, $field) == offset_of!(X86, $field));
                assert!(offset_of!(Here, $field) == offset_of!(Arm, $field));
                assert!(offset_of!(Here, $field) == offset_of!(Arm64, $field));
            )*
        };
    };
}
