//! The commands whose structures carry addresses, with slices instead.

/// The functions with slices of a release. They stand in the release's module, next to `sysctl`.
macro_rules! sysctl_slices {
    ($token:ident) => {
        /// Reads Xen's console into `text`: from the oldest message that is kept, or with `from` on
        /// from where an earlier call ended. The result is how many bytes were read, and where the
        /// next call begins. Fewer bytes than there is room for are all there are. Header:
        /// `xen/include/public/sysctl.h`.
        ///
        /// # Errors
        ///
        /// As for [all commands](super).
        #[doc(alias = "XEN_SYSCTL_readconsole")]
        pub fn console(
            xen: &Xen<impl Conduit>,
            abi: $token,
            from: Option<u32>,
            text: &mut [u8],
        ) -> Result<(usize, u32)> {
            let call = "XEN_SYSCTL_readconsole";
            let mut argument = c::xen_sysctl_readconsole::ZERO;
            argument.incremental = u8::from(from.is_some());
            argument.index = from.unwrap_or(0);
            argument.count = count(call, text.len())?;
            argument.buffer = xen_public::handle::Handle64::from_ptr(text.as_mut_ptr());
            // SAFETY: Xen writes no more than the slice, which is borrowed for it.
            unsafe { readconsole(xen, abi, &mut argument) }?;
            let length = within(call, argument.count, text.len())?;
            Ok((length, argument.index))
        }

        /// What there is to know of the domains from number `first` on, in the order of their numbers.
        /// The result is how many entries were written; with a full slice there may be more. Header:
        /// `xen/include/public/sysctl.h`.
        ///
        /// # Errors
        ///
        /// As for [all commands](super).
        #[doc(alias = "XEN_SYSCTL_getdomaininfolist")]
        pub fn domains(
            xen: &Xen<impl Conduit>,
            abi: $token,
            first: DomId,
            list: &mut [native::domctl::xen_domctl_getdomaininfo],
        ) -> Result<usize> {
            let call = "XEN_SYSCTL_getdomaininfolist";
            let mut argument = c::xen_sysctl_getdomaininfolist::ZERO;
            argument.first_domain = first.get();
            argument.max_domains = count(call, list.len())?;
            argument.buffer = xen_public::handle::Handle64::from_ptr(list.as_mut_ptr());
            // SAFETY: Xen writes no more entries than the slice holds, which is borrowed for it.
            unsafe { getdomaininfolist(xen, abi, &mut argument) }?;
            within(call, argument.num_domains, list.len())
        }

        /// How long each processor was idle, in nanoseconds. The result is how many entries were
        /// written. Header: `xen/include/public/sysctl.h`.
        ///
        /// # Errors
        ///
        /// As for [all commands](super).
        #[doc(alias = "XEN_SYSCTL_getcpuinfo")]
        pub fn idle_times(
            xen: &Xen<impl Conduit>,
            abi: $token,
            times: &mut [c::xen_sysctl_cpuinfo],
        ) -> Result<usize> {
            let call = "XEN_SYSCTL_getcpuinfo";
            let mut argument = c::xen_sysctl_getcpuinfo::ZERO;
            argument.max_cpus = count(call, times.len())?;
            argument.info = xen_public::handle::Handle64::from_ptr(times.as_mut_ptr());
            // SAFETY: Xen writes no more entries than the slice holds, which is borrowed for it.
            unsafe { getcpuinfo(xen, abi, &mut argument) }?;
            within(call, argument.nr_cpus, times.len())
        }

        /// The core, socket and node of each processor. The result is how many entries were written.
        /// Header: `xen/include/public/sysctl.h`.
        ///
        /// # Errors
        ///
        /// As for [all commands](super).
        #[doc(alias = "XEN_SYSCTL_cputopoinfo")]
        pub fn cpu_topology(
            xen: &Xen<impl Conduit>,
            abi: $token,
            processors: &mut [c::xen_sysctl_cputopo],
        ) -> Result<usize> {
            let call = "XEN_SYSCTL_cputopoinfo";
            let mut argument = c::xen_sysctl_cputopoinfo::ZERO;
            argument.num_cpus = count(call, processors.len())?;
            argument.cputopo = xen_public::handle::Handle64::from_ptr(processors.as_mut_ptr());
            // SAFETY: Xen writes no more entries than the slice holds, which is borrowed for it.
            unsafe { cputopoinfo(xen, abi, &mut argument) }?;
            within(call, argument.num_cpus, processors.len())
        }

        /// The memory of each node, and in `distances` the distance from each node to each: as many
        /// rows, and entries in a row, as `memory` has entries. The result is how many nodes there are
        /// entries for; Xen writes rows as long as that. Header: `xen/include/public/sysctl.h`.
        ///
        /// # Errors
        ///
        /// As for [all commands](super); [`Error::Argument`] if `distances` is not the square of
        /// `memory`.
        #[doc(alias = "XEN_SYSCTL_numainfo")]
        pub fn numa(
            xen: &Xen<impl Conduit>,
            abi: $token,
            memory: &mut [c::xen_sysctl_meminfo],
            distances: &mut [u32],
        ) -> Result<usize> {
            let call = "XEN_SYSCTL_numainfo";
            if memory.len().checked_mul(memory.len()) != Some(distances.len()) {
                let (argument, value) = ("distance", distances.len() as u64);
                return Err(Error::Argument {
                    call,
                    argument,
                    value,
                });
            }
            let mut argument = c::xen_sysctl_numainfo::ZERO;
            argument.num_nodes = count(call, memory.len())?;
            argument.meminfo = xen_public::handle::Handle64::from_ptr(memory.as_mut_ptr());
            argument.distance = xen_public::handle::Handle64::from_ptr(distances.as_mut_ptr());
            // SAFETY: Xen writes an entry for each of at most so many nodes, and for each pair of them a
            // distance, which the slices have room for; both are borrowed for it.
            unsafe { numainfo(xen, abi, &mut argument) }?;
            within(call, argument.num_nodes, memory.len())
        }

        /// The node of each of these devices, or that it is not known or not there. Xen stops in
        /// between; the rest is asked for again. Header: `xen/include/public/sysctl.h`.
        ///
        /// # Errors
        ///
        /// As for [all commands](super); [`Error::PartialBatch`] with Xen's reason after the first part,
        /// or if Xen does not go on; [`Error::Argument`] if there are not as many nodes as devices.
        #[doc(alias = "XEN_SYSCTL_pcitopoinfo")]
        pub fn pci_topology(
            xen: &Xen<impl Conduit>,
            abi: $token,
            devices: &[native::physdev::physdev_pci_device],
            nodes: &mut [u32],
        ) -> Result<()> {
            let call = "XEN_SYSCTL_pcitopoinfo";
            let total = devices.len();
            if nodes.len() != total {
                let (argument, value) = ("nodes", nodes.len() as u64);
                return Err(Error::Argument {
                    call,
                    argument,
                    value,
                });
            }
            let mut done = 0;
            while done < total {
                let (devices, nodes) = (&devices[done..], &mut nodes[done..]);
                let mut argument = c::xen_sysctl_pcitopoinfo::ZERO;
                argument.num_devs = count(call, devices.len())?;
                argument.devs = xen_public::handle::Handle64::from_ptr(devices.as_ptr());
                argument.nodes = xen_public::handle::Handle64::from_ptr(nodes.as_mut_ptr());
                // SAFETY: Xen reads a device and writes a node for at most as many as the slices have,
                // which are borrowed for it.
                let answer = unsafe { pcitopoinfo(xen, abi, &mut argument) };
                answer.map_err(|error| error.after(call, done, total))?;
                match within(call, argument.num_devs, devices.len())? {
                    0 => {
                        return Err(Error::PartialBatch {
                            call,
                            done,
                            total,
                            cause: None,
                        });
                    }
                    part => done += part,
                }
            }
            Ok(())
        }

        /// The features that the machine has, or that guests can be given
        /// (`XEN_SYSCTL_cpu_featureset_`), as words of bits. The result is how many words were written.
        /// Header: `xen/include/public/sysctl.h`.
        ///
        /// # Errors
        ///
        /// As for [all commands](super); ENOBUFS if there are more words than the slice holds.
        #[doc(alias = "XEN_SYSCTL_get_cpu_featureset")]
        pub fn featureset(
            xen: &Xen<impl Conduit>,
            abi: $token,
            index: u32,
            words: &mut [u32],
        ) -> Result<usize> {
            let call = "XEN_SYSCTL_get_cpu_featureset";
            let mut argument = c::xen_sysctl_cpu_featureset::ZERO;
            argument.index = index;
            argument.nr_features = count(call, words.len())?;
            argument.features = xen_public::handle::Handle64::from_ptr(words.as_mut_ptr());
            // SAFETY: Xen writes no more words than the slice holds, which is borrowed for it.
            unsafe { get_cpu_featureset(xen, abi, &mut argument) }?;
            within(call, argument.nr_features, words.len())
        }
    };
}
