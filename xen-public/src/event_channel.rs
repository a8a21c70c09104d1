//! Event channels (`xen/include/public/event_channel.h`).
//!
//! An event channel is one bit of notification between two domains, or from a
//! physical or virtual interrupt to a domain. Each end is named by a port number
//! that is local to its domain.

crate::words::number! {
    /// The number of an event channel's end in its own domain.
    ///
    /// Xen hands ports out; port 0 is never a working channel, which lets zero mean
    /// "none" in start info and xenstore.
    #[doc(alias = "evtchn_port_t")]
    EvtchnPort(u32)
}

crate::words::open_enum! {
    /// What an event channel is bound to: the `status` word of `EVTCHNOP_status`.
    /// Written by Xen.
    #[doc(alias = "evtchn_status")]
    EvtchnStatus(u32) {
        /// Not in use.
        CLOSED = 0 => "EVTCHNSTAT_closed",
        /// Waiting for a remote domain to bind to it.
        UNBOUND = 1 => "EVTCHNSTAT_unbound",
        /// Connected to a port of a remote domain.
        INTERDOMAIN = 2 => "EVTCHNSTAT_interdomain",
        /// Bound to a physical interrupt line.
        PIRQ = 3 => "EVTCHNSTAT_pirq",
        /// Bound to a virtual interrupt.
        VIRQ = 4 => "EVTCHNSTAT_virq",
        /// Bound to notifications between virtual processors of one domain.
        IPI = 5 => "EVTCHNSTAT_ipi",
    }
}
