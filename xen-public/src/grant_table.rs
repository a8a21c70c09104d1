//! Grant tables: memory shared between domains (`xen/include/public/grant_table.h`).
//!
//! A domain lends a page by filling an entry of its grant table; the entry's index,
//! the [`GrantRef`], is what it hands to the other domain. That domain maps the page
//! by a hypercall and gets a [`GrantHandle`] to undo it with.

mod entry;

pub use entry::{GrantBodyV2, GrantEntryHeader, GrantEntryV1, GrantEntryV2, GrantFlags, GrantType};

crate::words::number! {
    /// An index into a domain's grant table: the name under which the domain lends a page.
    #[doc(alias = "grant_ref_t")]
    GrantRef(u32)
}

impl GrantRef {
    /// The entry that the toolstack fills for the domain's console ring.
    #[doc(alias = "GNTTAB_RESERVED_CONSOLE")]
    pub const CONSOLE: Self = Self(0);

    /// The entry that the toolstack fills for the domain's xenstore ring.
    #[doc(alias = "GNTTAB_RESERVED_XENSTORE")]
    pub const XENSTORE: Self = Self(1);

    /// The first entry that a domain is free to use.
    #[doc(alias = "GNTTAB_NR_RESERVED_ENTRIES")]
    pub const FIRST_UNRESERVED: Self = Self(8);

    /// Whether the entry is one of the first few that the toolstack may have filled.
    #[inline]
    pub const fn is_reserved(self) -> bool {
        self.0 < Self::FIRST_UNRESERVED.0
    }
}

crate::words::number! {
    /// What names a mapping of another domain's page: given by Xen when the page was
    /// mapped, handed back to unmap it.
    #[doc(alias = "grant_handle_t")]
    GrantHandle(u32)
}

crate::words::open_enum! {
    /// How one grant table operation of a batch ended. Written by Xen into each
    /// operation's `status`; zero is success, errors are negative.
    #[doc(alias = "grant_status")]
    GrantStatus(i16) {
        /// It worked.
        OKAY = 0 => "GNTST_okay",
        /// It failed for an unstated reason.
        GENERAL_ERROR = -1 => "GNTST_general_error",
        /// There is no such domain.
        BAD_DOMAIN = -2 => "GNTST_bad_domain",
        /// The grant reference does not exist or does not allow this.
        BAD_GNTREF = -3 => "GNTST_bad_gntref",
        /// The handle does not exist or does not allow this.
        BAD_HANDLE = -4 => "GNTST_bad_handle",
        /// A page cannot be mapped at this virtual address.
        BAD_VIRT_ADDR = -5 => "GNTST_bad_virt_addr",
        /// The device address to unmap is not that of the mapping.
        BAD_DEV_ADDR = -6 => "GNTST_bad_dev_addr",
        /// The I/O MMU has no room.
        NO_DEVICE_SPACE = -7 => "GNTST_no_device_space",
        /// The caller has too few privileges.
        PERMISSION_DENIED = -8 => "GNTST_permission_denied",
        /// The page does not suit the operation.
        BAD_PAGE = -9 => "GNTST_bad_page",
        /// The bytes to copy cross a page boundary.
        BAD_COPY_ARG = -10 => "GNTST_bad_copy_arg",
        /// The page to transfer lies at too high an address.
        ADDRESS_TOO_BIG = -11 => "GNTST_address_too_big",
        /// The operation was not done; try again.
        EAGAIN = -12 => "GNTST_eagain",
        /// There is no room for another handle or the like.
        NO_SPACE = -13 => "GNTST_no_space",
    }
}

impl GrantStatus {
    /// `Ok` for a status that is not negative, else the status as the error.
    #[inline]
    pub const fn check(self) -> Result<(), Self> {
        if self.0 < 0 { Err(self) } else { Ok(()) }
    }
}

impl core::error::Error for GrantStatus {}
