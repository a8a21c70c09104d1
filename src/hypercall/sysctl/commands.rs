//! A function for each command, all alike.

/// The function of one command. What stands before a name says which kind it is:
///
/// - `query`: a structure that Xen only fills in; the function returns it.
/// - `command`: a structure without addresses, harmless to this domain's memory.
/// - `danger`: a structure with addresses, or a command that is about memory or devices: `unsafe`.
///
/// A function of a structure takes it by `&mut` and leaves there what Xen made of it.
macro_rules! sysctl_function {
    ($token:ident;
        $(#[$meta:meta])*
        query $name:ident($field:ident: $argument:ident) = $command:ident;
    ) => {
        $(#[$meta])*
        ///
        /// Header: `xen/include/public/sysctl.h`.
        ///
        /// # Errors
        ///
        #[doc = concat!("As for [all commands](super) (`", stringify!($command), "`).")]
        pub fn $name(
            xen: &Xen<impl Conduit>,
            abi: $token,
        ) -> Result<c::$argument> {
            let mut payload = c::xen_sysctl_u::ZERO;
            let (call, command) = (stringify!($command), c::$command as u32);
            // SAFETY: the structure has no handles; the command fills it in and changes nothing else.
            let answer = unsafe { sysctl(xen, abi, call, command, &mut payload) };
            no_more_than_done(call, answer?)?;
            // SAFETY: all bytes of the payload are initialised, and the type takes any bytes.
            Ok(unsafe { payload.$field })
        }
    };
    ($token:ident;
        $(#[$meta:meta])*
        command $name:ident($field:ident: $argument:ident) = $command:ident;
    ) => {
        $(#[$meta])*
        ///
        /// Xen reads `argument`, and what it makes of it is left there. Header:
        /// `xen/include/public/sysctl.h`.
        ///
        /// # Errors
        ///
        #[doc = concat!("As for [all commands](super) (`", stringify!($command), "`).")]
        pub fn $name(
            xen: &Xen<impl Conduit>,
            abi: $token,
            argument: &mut c::$argument,
        ) -> Result<()> {
            let mut payload = c::xen_sysctl_u::ZERO;
            payload.$field = *argument;
            let (call, command) = (stringify!($command), c::$command as u32);
            // SAFETY: the structure has no handles, and the command does nothing to the memory of this
            // domain or to the machine's devices.
            let answer = unsafe { sysctl(xen, abi, call, command, &mut payload) };
            // SAFETY: all bytes of the payload are initialised, and the type takes any bytes.
            *argument = unsafe { payload.$field };
            no_more_than_done(call, answer?)
        }
    };
    ($token:ident;
        $(#[$meta:meta])*
        danger $name:ident($field:ident: $argument:ident) = $command:ident;
    ) => {
        $(#[$meta])*
        ///
        /// Xen reads `argument`, and what it makes of it is left there. Header:
        /// `xen/include/public/sysctl.h`.
        ///
        /// # Errors
        ///
        #[doc = concat!("As for [all commands](super) (`", stringify!($command), "`).")]
        ///
        /// # Safety
        ///
        /// Each handle in `argument` is null or the address of memory that is valid for the reads and
        /// writes which the command makes there. What the command does to the memory of domains, to
        /// devices and to what a domain may reach breaks no promise that other code relies on.
        pub unsafe fn $name(
            xen: &Xen<impl Conduit>,
            abi: $token,
            argument: &mut c::$argument,
        ) -> Result<()> {
            let mut payload = c::xen_sysctl_u::ZERO;
            payload.$field = *argument;
            let (call, command) = (stringify!($command), c::$command as u32);
            // SAFETY: the caller vouches for the argument and for what the command does.
            let answer = unsafe { sysctl(xen, abi, call, command, &mut payload) };
            // SAFETY: all bytes of the payload are initialised, and the type takes any bytes.
            *argument = unsafe { payload.$field };
            no_more_than_done(call, answer?)
        }
    };
}

/// The functions of a release: those of all releases, and `more`. In a test's eyes also the list of them.
macro_rules! sysctl_commands {
    ($token:ident; $($more:tt)*) => {
        sysctl_list! { $token;
            /// Reads the messages of Xen's console; [`console`] does the same with a slice.
            #[doc(alias = "XEN_SYSCTL_readconsole")]
            danger readconsole(readconsole: xen_sysctl_readconsole) = XEN_SYSCTL_readconsole;
            /// Turns Xen's trace buffers on or off, sets what goes there, and tells where they are.
            #[doc(alias = "XEN_SYSCTL_tbuf_op")]
            danger tbuf_op(tbuf_op: xen_sysctl_tbuf_op) = XEN_SYSCTL_tbuf_op;
            /// What the machine has: processors, nodes, pages, and what it can do.
            #[doc(alias = "XEN_SYSCTL_physinfo")]
            query physinfo(physinfo: xen_sysctl_physinfo) = XEN_SYSCTL_physinfo;
            /// Which scheduler Xen uses where nothing else is said.
            #[doc(alias = "XEN_SYSCTL_sched_id")]
            query sched_id(sched_id: xen_sysctl_sched_id) = XEN_SYSCTL_sched_id;
            /// Reads or clears Xen's performance counters. Builds with them have it.
            #[doc(alias = "XEN_SYSCTL_perfc_op")]
            danger perfc_op(perfc_op: xen_sysctl_perfc_op) = XEN_SYSCTL_perfc_op;
            /// What there is to know of many domains; [`domains`] does the same with a slice.
            #[doc(alias = "XEN_SYSCTL_getdomaininfolist")]
            danger getdomaininfolist(getdomaininfolist: xen_sysctl_getdomaininfolist) = XEN_SYSCTL_getdomaininfolist;
            /// Presses keys on Xen's console, which may do anything to the machine.
            #[doc(alias = "XEN_SYSCTL_debug_keys")]
            danger debug_keys(debug_keys: xen_sysctl_debug_keys) = XEN_SYSCTL_debug_keys;
            /// How long processors were idle; [`idle_times`] does the same with a slice.
            #[doc(alias = "XEN_SYSCTL_getcpuinfo")]
            danger getcpuinfo(getcpuinfo: xen_sysctl_getcpuinfo) = XEN_SYSCTL_getcpuinfo;
            /// How much memory is free, in bytes, on a node and below or above a width of address.
            #[doc(alias = "XEN_SYSCTL_availheap")]
            command availheap(availheap: xen_sysctl_availheap) = XEN_SYSCTL_availheap;
            /// What a processor did to save power.
            #[doc(alias = "XEN_SYSCTL_get_pmstat")]
            danger get_pmstat(get_pmstat: xen_sysctl_get_pmstat) = XEN_SYSCTL_get_pmstat;
            /// Takes a processor online or offline. EBUSY and EAGAIN ask to call again.
            #[doc(alias = "XEN_SYSCTL_cpu_hotplug")]
            command cpu_hotplug(cpu_hotplug: xen_sysctl_cpu_hotplug) = XEN_SYSCTL_cpu_hotplug;
            /// Reads or sets how processors save power.
            #[doc(alias = "XEN_SYSCTL_pm_op")]
            danger pm_op(pm_op: xen_sysctl_pm_op) = XEN_SYSCTL_pm_op;
            /// Takes frames out of use, or puts them back.
            #[doc(alias = "XEN_SYSCTL_page_offline_op")]
            danger page_offline_op(page_offline: xen_sysctl_page_offline_op) = XEN_SYSCTL_page_offline_op;
            /// Reads or clears how long Xen's locks were held. Builds that count it have it.
            #[doc(alias = "XEN_SYSCTL_lockprof_op")]
            danger lockprof_op(lockprof_op: xen_sysctl_lockprof_op) = XEN_SYSCTL_lockprof_op;
            /// Where processors are; [`cpu_topology`] does the same with a slice.
            #[doc(alias = "XEN_SYSCTL_cputopoinfo")]
            danger cputopoinfo(cputopoinfo: xen_sysctl_cputopoinfo) = XEN_SYSCTL_cputopoinfo;
            /// What nodes have; [`numa`] does the same with slices.
            #[doc(alias = "XEN_SYSCTL_numainfo")]
            danger numainfo(numainfo: xen_sysctl_numainfo) = XEN_SYSCTL_numainfo;
            /// On which nodes devices are; [`pci_topology`] does the same with slices.
            #[doc(alias = "XEN_SYSCTL_pcitopoinfo")]
            danger pcitopoinfo(pcitopoinfo: xen_sysctl_pcitopoinfo) = XEN_SYSCTL_pcitopoinfo;
            /// Makes, changes and reads pools of processors.
            #[doc(alias = "XEN_SYSCTL_cpupool_op")]
            danger cpupool_op(cpupool_op: xen_sysctl_cpupool_op) = XEN_SYSCTL_cpupool_op;
            /// Reads or sets what a pool's scheduler goes by.
            #[doc(alias = "XEN_SYSCTL_scheduler_op")]
            danger scheduler_op(scheduler_op: xen_sysctl_scheduler_op) = XEN_SYSCTL_scheduler_op;
            /// Reads or clears which code of Xen was run. Builds that count it have it.
            #[doc(alias = "XEN_SYSCTL_coverage_op")]
            danger coverage_op(coverage_op: xen_sysctl_coverage_op) = XEN_SYSCTL_coverage_op;
            /// What the machine can watch of its caches.
            #[doc(alias = "XEN_SYSCTL_psr_cmt_op")]
            command psr_cmt_op(psr_cmt_op: xen_sysctl_psr_cmt_op) = XEN_SYSCTL_psr_cmt_op;
            /// What the machine can share out of its caches and memory bandwidth.
            #[doc(alias = "XEN_SYSCTL_psr_alloc")]
            command psr_alloc(psr_alloc: xen_sysctl_psr_alloc) = XEN_SYSCTL_psr_alloc;
            /// What of CPUID can be hidden from PV guests.
            #[doc(alias = "XEN_SYSCTL_get_cpu_levelling_caps")]
            query get_cpu_levelling_caps(cpu_levelling_caps: xen_sysctl_cpu_levelling_caps) = XEN_SYSCTL_get_cpu_levelling_caps;
            /// Which features guests can be given; [`featureset`] does the same with a slice.
            #[doc(alias = "XEN_SYSCTL_get_cpu_featureset")]
            danger get_cpu_featureset(cpu_featureset: xen_sysctl_cpu_featureset) = XEN_SYSCTL_get_cpu_featureset;
            /// Loads, applies, reverts and lists patches of the running Xen.
            #[doc(alias = "XEN_SYSCTL_livepatch_op")]
            danger livepatch_op(livepatch: xen_sysctl_livepatch_op) = XEN_SYSCTL_livepatch_op;
            /// What the machine has, and guests may have, of CPUID and MSRs.
            #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
            #[doc(alias = "XEN_SYSCTL_get_cpu_policy")]
            danger get_cpu_policy(cpu_policy: xen_sysctl_cpu_policy) = XEN_SYSCTL_get_cpu_policy;
            $($more)*
        }
    };
}

/// The functions, and for the tests the names of their commands.
macro_rules! sysctl_list {
    ($token:ident; $($(#[$meta:meta])* $kind:ident $name:ident ($field:ident: $argument:ident) = $command:ident;)*) => {
        $(sysctl_function!($token; $(#[$meta])* $kind $name($field: $argument) = $command;);)*

        /// The commands that have a function in this list, with their numbers.
        #[cfg(test)]
        pub(crate) const COMMANDS: &[(&str, i32)] =
            &[$((stringify!($command), c::$command),)*];
    };
}
