//! A function for each command, all alike.

/// The function of one command. What stands before a name says which kind it is:
///
/// - `plain`: no structure, harmless to memory.
/// - `query`: a structure that Xen only fills in; the function returns it.
/// - `command`: a structure without addresses, harmless to this domain's memory.
/// - `danger`: a structure with addresses, or a command that is about memory or devices: `unsafe`.
///
/// A function of a structure takes it by `&mut` and leaves there what Xen made of it.
macro_rules! domctl_function {
    ($token:ident;
        $(#[$meta:meta])*
        plain $name:ident = $command:ident;
    ) => {
        $(#[$meta])*
        ///
        /// Header: `xen/include/public/domctl.h`.
        ///
        /// # Errors
        ///
        #[doc = concat!("As for [all commands](super) (`", stringify!($command), "`).")]
        pub fn $name(xen: &Xen<impl Conduit>, abi: $token, domain: DomId) -> Result<()> {
            let mut payload = c::xen_domctl_u::ZERO;
            let (call, command) = (stringify!($command), c::$command as u32);
            // SAFETY: the command has no structure, and does nothing to the memory of this domain.
            let answer = unsafe { domctl(xen, abi, call, command, domain, &mut payload) };
            no_more_than_done(call, answer?.0)
        }
    };
    ($token:ident;
        $(#[$meta:meta])*
        query $name:ident($field:ident: $argument:ident) = $command:ident;
    ) => {
        $(#[$meta])*
        ///
        /// Header: `xen/include/public/domctl.h`.
        ///
        /// # Errors
        ///
        #[doc = concat!("As for [all commands](super) (`", stringify!($command), "`).")]
        pub fn $name(
            xen: &Xen<impl Conduit>,
            abi: $token,
            domain: DomId,
        ) -> Result<c::$argument> {
            let mut payload = c::xen_domctl_u::ZERO;
            let (call, command) = (stringify!($command), c::$command as u32);
            // SAFETY: the structure has no handles; the command fills it in and changes nothing else.
            let answer = unsafe { domctl(xen, abi, call, command, domain, &mut payload) };
            no_more_than_done(call, answer?.0)?;
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
        /// `xen/include/public/domctl.h`.
        ///
        /// # Errors
        ///
        #[doc = concat!("As for [all commands](super) (`", stringify!($command), "`).")]
        pub fn $name(
            xen: &Xen<impl Conduit>,
            abi: $token,
            domain: DomId,
            argument: &mut c::$argument,
        ) -> Result<()> {
            let mut payload = c::xen_domctl_u::ZERO;
            payload.$field = *argument;
            let (call, command) = (stringify!($command), c::$command as u32);
            // SAFETY: the structure has no handles, and the command does nothing to the memory of this
            // domain or to the machine's devices.
            let answer = unsafe { domctl(xen, abi, call, command, domain, &mut payload) };
            // SAFETY: all bytes of the payload are initialised, and the type takes any bytes.
            *argument = unsafe { payload.$field };
            no_more_than_done(call, answer?.0)
        }
    };
    ($token:ident;
        $(#[$meta:meta])*
        danger $name:ident($field:ident: $argument:ident) = $command:ident;
    ) => {
        $(#[$meta])*
        ///
        /// Xen reads `argument`, and what it makes of it is left there. Header:
        /// `xen/include/public/domctl.h`.
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
            domain: DomId,
            argument: &mut c::$argument,
        ) -> Result<()> {
            let mut payload = c::xen_domctl_u::ZERO;
            payload.$field = *argument;
            let (call, command) = (stringify!($command), c::$command as u32);
            // SAFETY: the caller vouches for the argument and for what the command does.
            let answer = unsafe { domctl(xen, abi, call, command, domain, &mut payload) };
            // SAFETY: all bytes of the payload are initialised, and the type takes any bytes.
            *argument = unsafe { payload.$field };
            no_more_than_done(call, answer?.0)
        }
    };
    ($token:ident;
        $(#[$meta:meta])*
        danger $name:ident = $command:ident;
    ) => {
        $(#[$meta])*
        ///
        /// Header: `xen/include/public/domctl.h`.
        ///
        /// # Errors
        ///
        #[doc = concat!("As for [all commands](super) (`", stringify!($command), "`).")]
        ///
        /// # Safety
        ///
        /// What the command does to the domain's memory breaks no promise that other code relies on.
        pub unsafe fn $name(xen: &Xen<impl Conduit>, abi: $token, domain: DomId) -> Result<()> {
            let mut payload = c::xen_domctl_u::ZERO;
            let (call, command) = (stringify!($command), c::$command as u32);
            // SAFETY: the command has no structure; the caller vouches for what it does.
            let answer = unsafe { domctl(xen, abi, call, command, domain, &mut payload) };
            no_more_than_done(call, answer?.0)
        }
    };
}

/// The functions of a release: those of all releases, and `more`. In a test's eyes also the list of them.
macro_rules! domctl_commands {
    ($token:ident; $($more:tt)*) => {
        domctl_list! { $token;
            /// Ends a domain and gives its memory back to Xen. EAGAIN asks to call again.
            #[doc(alias = "XEN_DOMCTL_destroydomain")]
            plain destroydomain = XEN_DOMCTL_destroydomain;
            /// Stops a domain's vCPUs until as many [`unpausedomain`] followed as there were pauses.
            #[doc(alias = "XEN_DOMCTL_pausedomain")]
            plain pausedomain = XEN_DOMCTL_pausedomain;
            /// Takes back one [`pausedomain`]; a new domain starts with it.
            #[doc(alias = "XEN_DOMCTL_unpausedomain")]
            plain unpausedomain = XEN_DOMCTL_unpausedomain;
            /// What there is to know of a domain: state, pages, time spent, number of vCPUs.
            #[doc(alias = "XEN_DOMCTL_getdomaininfo")]
            query getdomaininfo(getdomaininfo: xen_domctl_getdomaininfo) = XEN_DOMCTL_getdomaininfo;
            /// What kinds of page table a domain's frames are; [`page_types`] does the same with a slice.
            #[doc(alias = "XEN_DOMCTL_getpageframeinfo3")]
            danger getpageframeinfo3(getpageframeinfo3: xen_domctl_getpageframeinfo3) = XEN_DOMCTL_getpageframeinfo3;
            /// Sets on which nodes a domain's memory is best taken from.
            #[doc(alias = "XEN_DOMCTL_setnodeaffinity")]
            danger setnodeaffinity(nodeaffinity: xen_domctl_nodeaffinity) = XEN_DOMCTL_setnodeaffinity;
            /// On which nodes a domain's memory is best taken from; [`node_affinity`] does the same with a slice.
            #[doc(alias = "XEN_DOMCTL_getnodeaffinity")]
            danger getnodeaffinity(nodeaffinity: xen_domctl_nodeaffinity) = XEN_DOMCTL_getnodeaffinity;
            /// Sets on which processors a vCPU may and should run; [`set_vcpu_affinity`] does the same with slices.
            #[doc(alias = "XEN_DOMCTL_setvcpuaffinity")]
            danger setvcpuaffinity(vcpuaffinity: xen_domctl_vcpuaffinity) = XEN_DOMCTL_setvcpuaffinity;
            /// On which processors a vCPU may and should run; [`vcpu_affinity`] does the same with slices.
            #[doc(alias = "XEN_DOMCTL_getvcpuaffinity")]
            danger getvcpuaffinity(vcpuaffinity: xen_domctl_vcpuaffinity) = XEN_DOMCTL_getvcpuaffinity;
            /// Shadow page tables and the log of dirty pages; [`dirty_pages`] reads the log into a slice.
            #[doc(alias = "XEN_DOMCTL_shadow_op")]
            danger shadow_op(shadow_op: xen_domctl_shadow_op) = XEN_DOMCTL_shadow_op;
            /// Sets how much memory a domain may have, in units of 1024 bytes.
            #[doc(alias = "XEN_DOMCTL_max_mem")]
            command max_mem(max_mem: xen_domctl_max_mem) = XEN_DOMCTL_max_mem;
            /// Sets the state of a vCPU that is down.
            #[doc(alias = "XEN_DOMCTL_setvcpucontext")]
            danger setvcpucontext(vcpucontext: xen_domctl_vcpucontext) = XEN_DOMCTL_setvcpucontext;
            /// Reads the state of a vCPU.
            #[doc(alias = "XEN_DOMCTL_getvcpucontext")]
            danger getvcpucontext(vcpucontext: xen_domctl_vcpucontext) = XEN_DOMCTL_getvcpucontext;
            /// Whether the vCPU that `argument.vcpu` names is online and running, where, and for how long in all.
            #[doc(alias = "XEN_DOMCTL_getvcpuinfo")]
            command getvcpuinfo(getvcpuinfo: xen_domctl_getvcpuinfo) = XEN_DOMCTL_getvcpuinfo;
            /// Confirms how many vCPUs a domain has, and makes them.
            #[doc(alias = "XEN_DOMCTL_max_vcpus")]
            command max_vcpus(max_vcpus: xen_domctl_max_vcpus) = XEN_DOMCTL_max_vcpus;
            /// Reads or sets what the scheduler goes by, for a domain or its vCPUs.
            #[doc(alias = "XEN_DOMCTL_scheduler_op")]
            danger scheduler_op(scheduler_op: xen_domctl_scheduler_op) = XEN_DOMCTL_scheduler_op;
            /// Sets a domain's UUID.
            #[doc(alias = "XEN_DOMCTL_setdomainhandle")]
            command setdomainhandle(setdomainhandle: xen_domctl_setdomainhandle) = XEN_DOMCTL_setdomainhandle;
            /// Says whether a debugger is attached to a domain.
            #[doc(alias = "XEN_DOMCTL_setdebugging")]
            command setdebugging(setdebugging: xen_domctl_setdebugging) = XEN_DOMCTL_setdebugging;
            /// Lets a domain use an interrupt of the machine, or no more.
            #[doc(alias = "XEN_DOMCTL_irq_permission")]
            danger irq_permission(irq_permission: xen_domctl_irq_permission) = XEN_DOMCTL_irq_permission;
            /// Lets a domain map frames of the machine that are not memory, or no more.
            #[doc(alias = "XEN_DOMCTL_iomem_permission")]
            danger iomem_permission(iomem_permission: xen_domctl_iomem_permission) = XEN_DOMCTL_iomem_permission;
            /// Lets a domain use I/O ports, or no more.
            #[doc(alias = "XEN_DOMCTL_ioport_permission")]
            danger ioport_permission(ioport_permission: xen_domctl_ioport_permission) = XEN_DOMCTL_ioport_permission;
            /// Writes the hypercall page of a domain into one of its frames.
            #[doc(alias = "XEN_DOMCTL_hypercall_init")]
            danger hypercall_init(hypercall_init: xen_domctl_hypercall_init) = XEN_DOMCTL_hypercall_init;
            /// Sets how far a domain's wall clock is from Xen's, in seconds.
            #[doc(alias = "XEN_DOMCTL_settimeoffset")]
            command settimeoffset(settimeoffset: xen_domctl_settimeoffset) = XEN_DOMCTL_settimeoffset;
            /// How a domain sees the time stamp counter.
            #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
            #[doc(alias = "XEN_DOMCTL_gettscinfo")]
            query gettscinfo(tsc_info: xen_domctl_tsc_info) = XEN_DOMCTL_gettscinfo;
            /// Sets how a domain sees the time stamp counter.
            #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
            #[doc(alias = "XEN_DOMCTL_settscinfo")]
            command settscinfo(tsc_info: xen_domctl_tsc_info) = XEN_DOMCTL_settscinfo;
            /// Saves the state of an HVM domain; [`hvm_context`] does the same with a slice.
            #[doc(alias = "XEN_DOMCTL_gethvmcontext")]
            danger gethvmcontext(hvmcontext: xen_domctl_hvmcontext) = XEN_DOMCTL_gethvmcontext;
            /// Restores the state of an HVM domain.
            #[doc(alias = "XEN_DOMCTL_sethvmcontext")]
            danger sethvmcontext(hvmcontext: xen_domctl_hvmcontext) = XEN_DOMCTL_sethvmcontext;
            /// Saves one record of the state of an HVM domain.
            #[doc(alias = "XEN_DOMCTL_gethvmcontext_partial")]
            danger gethvmcontext_partial(hvmcontext_partial: xen_domctl_hvmcontext_partial) = XEN_DOMCTL_gethvmcontext_partial;
            /// Sets how wide a PV domain's words are, in bits, before it has memory.
            #[doc(alias = "XEN_DOMCTL_set_address_size")]
            command set_address_size(address_size: xen_domctl_address_size) = XEN_DOMCTL_set_address_size;
            /// How wide a domain's words are, in bits.
            #[doc(alias = "XEN_DOMCTL_get_address_size")]
            query get_address_size(address_size: xen_domctl_address_size) = XEN_DOMCTL_get_address_size;
            /// Sends a vCPU an NMI, a reset, or the press of a power button.
            #[doc(alias = "XEN_DOMCTL_sendtrigger")]
            command sendtrigger(sendtrigger: xen_domctl_sendtrigger) = XEN_DOMCTL_sendtrigger;
            /// Which devices are behind the same translation as a device.
            #[doc(alias = "XEN_DOMCTL_get_device_group")]
            danger get_device_group(get_device_group: xen_domctl_get_device_group) = XEN_DOMCTL_get_device_group;
            /// Gives a device of the machine to a domain.
            #[doc(alias = "XEN_DOMCTL_assign_device")]
            danger assign_device(assign_device: xen_domctl_assign_device) = XEN_DOMCTL_assign_device;
            /// Whether a device of the machine could be given to a domain.
            #[doc(alias = "XEN_DOMCTL_test_assign_device")]
            danger test_assign_device(assign_device: xen_domctl_assign_device) = XEN_DOMCTL_test_assign_device;
            /// Takes a device of the machine from a domain.
            #[doc(alias = "XEN_DOMCTL_deassign_device")]
            danger deassign_device(assign_device: xen_domctl_assign_device) = XEN_DOMCTL_deassign_device;
            /// Leads an interrupt of the machine to a domain's virtual one.
            #[doc(alias = "XEN_DOMCTL_bind_pt_irq")]
            danger bind_pt_irq(bind_pt_irq: xen_domctl_bind_pt_irq) = XEN_DOMCTL_bind_pt_irq;
            /// Takes back [`bind_pt_irq`].
            #[doc(alias = "XEN_DOMCTL_unbind_pt_irq")]
            danger unbind_pt_irq(bind_pt_irq: xen_domctl_bind_pt_irq) = XEN_DOMCTL_unbind_pt_irq;
            /// Leads a domain's I/O ports to those of the machine, or no more.
            #[doc(alias = "XEN_DOMCTL_ioport_mapping")]
            danger ioport_mapping(ioport_mapping: xen_domctl_ioport_mapping) = XEN_DOMCTL_ioport_mapping;
            /// Sets what else there is to a vCPU's state: the entry points of system calls, machine checks.
            #[doc(alias = "XEN_DOMCTL_set_ext_vcpucontext")]
            danger set_ext_vcpucontext(ext_vcpucontext: xen_domctl_ext_vcpucontext) = XEN_DOMCTL_set_ext_vcpucontext;
            /// Reads what else there is to the state of the vCPU that `argument.vcpu` names.
            #[doc(alias = "XEN_DOMCTL_get_ext_vcpucontext")]
            command get_ext_vcpucontext(ext_vcpucontext: xen_domctl_ext_vcpucontext) = XEN_DOMCTL_get_ext_vcpucontext;
            /// Makes a domain the device model of another, with power over it.
            #[doc(alias = "XEN_DOMCTL_set_target")]
            command set_target(set_target: xen_domctl_set_target) = XEN_DOMCTL_set_target;
            /// Names the event channel that is raised when a domain shuts down.
            #[doc(alias = "XEN_DOMCTL_subscribe")]
            command subscribe(subscribe: xen_domctl_subscribe) = XEN_DOMCTL_subscribe;
            /// Turns single-stepping of a vCPU on or off.
            #[doc(alias = "XEN_DOMCTL_debug_op")]
            command debug_op(debug_op: xen_domctl_debug_op) = XEN_DOMCTL_debug_op;
            /// Opens or closes a ring of events of a domain, or asks for the version of its messages.
            #[doc(alias = "XEN_DOMCTL_vm_event_op")]
            command vm_event_op(vm_event_op: xen_domctl_vm_event_op) = XEN_DOMCTL_vm_event_op;
            /// Turns the sharing of pages between domains on or off.
            #[doc(alias = "XEN_DOMCTL_mem_sharing_op")]
            command mem_sharing_op(mem_sharing_op: xen_domctl_mem_sharing_op) = XEN_DOMCTL_mem_sharing_op;
            /// What a domain sees of CPUID and MSRs; [`cpu_policy`] does the same with slices.
            #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
            #[doc(alias = "XEN_DOMCTL_get_cpu_policy")]
            danger get_cpu_policy(cpu_policy: xen_domctl_cpu_policy) = XEN_DOMCTL_get_cpu_policy;
            /// Sets what a domain sees of CPUID and MSRs.
            #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
            #[doc(alias = "XEN_DOMCTL_set_cpu_policy")]
            danger set_cpu_policy(cpu_policy: xen_domctl_cpu_policy) = XEN_DOMCTL_set_cpu_policy;
            /// Sets the extended register state of a vCPU.
            #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
            #[doc(alias = "XEN_DOMCTL_setvcpuextstate")]
            danger setvcpuextstate(vcpuextstate: xen_domctl_vcpuextstate) = XEN_DOMCTL_setvcpuextstate;
            /// Reads the extended register state of a vCPU; with a null buffer, how large it is.
            #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
            #[doc(alias = "XEN_DOMCTL_getvcpuextstate")]
            danger getvcpuextstate(vcpuextstate: xen_domctl_vcpuextstate) = XEN_DOMCTL_getvcpuextstate;
            /// Reads the MSRs of a PV vCPU; [`vcpu_msrs`] does the same with a slice.
            #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
            #[doc(alias = "XEN_DOMCTL_get_vcpu_msrs")]
            danger get_vcpu_msrs(vcpu_msrs: xen_domctl_vcpu_msrs) = XEN_DOMCTL_get_vcpu_msrs;
            /// Sets the MSRs of a PV vCPU.
            #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
            #[doc(alias = "XEN_DOMCTL_set_vcpu_msrs")]
            danger set_vcpu_msrs(vcpu_msrs: xen_domctl_vcpu_msrs) = XEN_DOMCTL_set_vcpu_msrs;
            /// Says whether a domain may run while nobody listens to its events.
            #[doc(alias = "XEN_DOMCTL_set_access_required")]
            command set_access_required(access_required: xen_domctl_set_access_required) = XEN_DOMCTL_set_access_required;
            /// Checks Xen's tables of a domain's frames against each other. Debug builds have it.
            #[doc(alias = "XEN_DOMCTL_audit_p2m")]
            query audit_p2m(audit_p2m: xen_domctl_audit_p2m) = XEN_DOMCTL_audit_p2m;
            /// Makes a domain the one that a global virtual interrupt goes to.
            #[doc(alias = "XEN_DOMCTL_set_virq_handler")]
            command set_virq_handler(set_virq_handler: xen_domctl_set_virq_handler) = XEN_DOMCTL_set_virq_handler;
            /// Marks a frame of a domain as broken.
            #[doc(alias = "XEN_DOMCTL_set_broken_page_p2m")]
            danger set_broken_page_p2m(set_broken_page_p2m: xen_domctl_set_broken_page_p2m) = XEN_DOMCTL_set_broken_page_p2m;
            /// Writes the caches of a range of a domain's frames back to memory.
            #[doc(alias = "XEN_DOMCTL_cacheflush")]
            command cacheflush(cacheflush: xen_domctl_cacheflush) = XEN_DOMCTL_cacheflush;
            /// Lets a domain that was suspended go on.
            #[doc(alias = "XEN_DOMCTL_resumedomain")]
            plain resumedomain = XEN_DOMCTL_resumedomain;
            /// Gives a domain the layout of its virtual nodes.
            #[doc(alias = "XEN_DOMCTL_setvnumainfo")]
            danger setvnumainfo(vnuma: xen_domctl_vnuma) = XEN_DOMCTL_setvnumainfo;
            /// Watches how a domain uses the cache.
            #[doc(alias = "XEN_DOMCTL_psr_cmt_op")]
            command psr_cmt_op(psr_cmt_op: xen_domctl_psr_cmt_op) = XEN_DOMCTL_psr_cmt_op;
            /// Sets which events of a domain go to its ring.
            #[doc(alias = "XEN_DOMCTL_monitor_op")]
            command monitor_op(monitor_op: xen_domctl_monitor_op) = XEN_DOMCTL_monitor_op;
            /// Reads or sets a domain's share of cache and memory bandwidth.
            #[doc(alias = "XEN_DOMCTL_psr_alloc")]
            command psr_alloc(psr_alloc: xen_domctl_psr_alloc) = XEN_DOMCTL_psr_alloc;
            /// Takes an HVM domain back to the state of a new one; its memory stays. EAGAIN asks to call again.
            #[doc(alias = "XEN_DOMCTL_soft_reset")]
            danger soft_reset = XEN_DOMCTL_soft_reset;
            /// Makes a domain's emulated serial line.
            #[doc(alias = "XEN_DOMCTL_vuart_op")]
            command vuart_op(vuart_op: xen_domctl_vuart_op) = XEN_DOMCTL_vuart_op;
            /// Reads or writes a domain's memory by its virtual addresses; `argument.uva` is ours.
            #[doc(alias = "XEN_DOMCTL_gdbsx_guestmemio")]
            danger gdbsx_guestmemio(gdbsx_guest_memio: xen_domctl_gdbsx_memio) = XEN_DOMCTL_gdbsx_guestmemio;
            /// Stops a vCPU for a debugger.
            #[doc(alias = "XEN_DOMCTL_gdbsx_pausevcpu")]
            command gdbsx_pausevcpu(gdbsx_pauseunp_vcpu: xen_domctl_gdbsx_pauseunp_vcpu) = XEN_DOMCTL_gdbsx_pausevcpu;
            /// Takes back [`gdbsx_pausevcpu`].
            #[doc(alias = "XEN_DOMCTL_gdbsx_unpausevcpu")]
            command gdbsx_unpausevcpu(gdbsx_pauseunp_vcpu: xen_domctl_gdbsx_pauseunp_vcpu) = XEN_DOMCTL_gdbsx_unpausevcpu;
            /// Whether a debugger has stopped a domain, and which vCPU has an event for it.
            #[doc(alias = "XEN_DOMCTL_gdbsx_domstatus")]
            query gdbsx_domstatus(gdbsx_domstatus: xen_domctl_gdbsx_domstatus) = XEN_DOMCTL_gdbsx_domstatus;
            $($more)*
        }
    };
}

/// The functions, and for the tests the names of their commands.
macro_rules! domctl_list {
    ($token:ident; $($(#[$meta:meta])* $kind:ident $name:ident $(($field:ident: $argument:ident))? = $command:ident;)*) => {
        $(domctl_function!($token; $(#[$meta])* $kind $name $(($field: $argument))? = $command;);)*

        /// The commands that have a function in this list, with their numbers.
        #[cfg(test)]
        pub(crate) const COMMANDS: &[(&str, i32)] =
            &[$((stringify!($command), c::$command),)*];
    };
}
