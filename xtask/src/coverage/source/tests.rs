//! Paths and aliases, followed in a crate that is one text and in the real ones.

use super::*;

const TEXT: &str = r#"
    pub mod ring {
        mod front {
            #[doc(alias("FRONT", "FRONT_TOO"))]
            pub struct FrontRing<R, M>(R, M);
            impl<R: RingTypes, M> FrontRing<R, M> {
                #[doc(alias = "RING_FREE_REQUESTS")]
                pub fn free_requests(&self) {}
                #[doc(alias = "RING_FULL")]
                fn is_full(&self) {}
                #[cfg(test)]
                #[doc(alias = "RING_TEST")]
                pub fn test(&self) {}
            }
        }
        mod push {
            use super::front::FrontRing as Ring;
            impl<R, M> Ring<R, M> {
                #[doc(alias = "RING_PUSH")]
                pub fn push(&mut self) {}
            }
        }
        pub use front::FrontRing;
        pub(crate) use front::FrontRing as Hidden;
        #[doc(alias = "DEFINE_RING_TYPES")]
        pub trait RingTypes {
            #[doc(alias = "__RING_SIZE")]
            const SIZE: u32;
        }
        pub mod prelude { pub use super::*; pub use super::prelude::*; }
        #[doc(alias = "private")]
        fn private() {}
        pub enum Kind { #[doc(alias = "ONE")] One }
    }
    #[cfg(test)]
    mod tests { #[doc(alias = "T")] pub fn t() {} }
    handle! { /// Text. 
        #[doc(alias = "XEN_GUEST_HANDLE")] Handle64, u64 }
    impl Handle64 { #[doc(alias = "SET")] pub fn from_ptr() {} }
    mod macros {
        #[doc(alias = "M")]
        #[macro_export]
        macro_rules! m { () => {} }
    }
    pub use crate::ring::{self as rings, RingTypes};
"#;

#[test]
fn items_are_found_by_path_and_alias() {
    let source = Source::of(TEXT);
    for (path, alias) in [
        ("xen_abi::ring::FrontRing", "FRONT_TOO"),
        (
            "xen_abi::ring::FrontRing::free_requests",
            "RING_FREE_REQUESTS",
        ),
        ("xen_abi::ring::FrontRing::push", "RING_PUSH"),
        ("xen_abi::rings::FrontRing::push", "RING_PUSH"),
        ("xen_abi::ring::prelude::FrontRing", "FRONT"),
        ("xen_abi::RingTypes", "DEFINE_RING_TYPES"),
        ("xen_abi::RingTypes::SIZE", "__RING_SIZE"),
        ("xen_abi::ring::Kind::One", "ONE"),
        ("xen_abi::m", "M"),
        ("xen_abi::Handle64", "XEN_GUEST_HANDLE"),
        ("xen_abi::Handle64::from_ptr", "SET"),
        ("xen_abi::ring::FrontRing::push", "push"),
    ] {
        assert_eq!(source.wrong(path, alias), None);
    }
}

#[test]
fn what_is_not_there_for_others_or_has_no_alias_is_wrong() {
    let source = Source::of(TEXT);
    for (path, alias) in [
        ("xen_abi::ring::BackRing", "FRONT"),
        ("xen_abi::ring::FrontRing::is_full", "RING_FULL"),
        ("xen_abi::ring::FrontRing::test", "RING_TEST"),
        ("xen_abi::ring::FrontRing::nothing", "RING_FULL"),
        ("xen_abi::ring::front::FrontRing", "FRONT"),
        ("xen_abi::ring::Hidden", "FRONT"),
        ("xen_abi::ring::private", "private"),
        ("xen_abi::ring::prelude::Nothing", "FRONT"),
        ("xen_abi::ring::prelude::private", "private"),
        ("xen_abi::tests::t", "T"),
        ("xen_abi::macros::m", "M"),
        ("other::ring::FrontRing", "FRONT"),
        ("", "FRONT"),
    ] {
        assert_eq!(
            source.wrong(path, alias),
            Some(format!("`{path}` does not exist"))
        );
    }
    for (path, alias) in [
        ("xen_abi::ring::FrontRing", "RING_PUSH"),
        ("xen_abi::ring::FrontRing::push", "FRONT"),
        ("xen_abi::ring", "FRONT"),
    ] {
        assert_eq!(
            source.wrong(path, alias),
            Some(format!(
                "`{path}` does not carry #[doc(alias = \"{alias}\")]"
            ))
        );
    }
}

#[test]
fn the_crates_can_be_read() -> Result<()> {
    let source = Source::read()?;
    let event = "xen_public::trace::trc_hd_to_event";
    assert_eq!(source.wrong(event, "TRC_HD_TO_EVENT"), None);
    assert!(source.wrong(event, "TRC_HD_EXTRA").is_some());
    let conduit = "xen_abi::hypercall::Conduit";
    let wrong = source.wrong(conduit, "no name of C");
    assert!(wrong.is_some_and(|w| w.contains("does not carry")));
    Ok(())
}
