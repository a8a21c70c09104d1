//! The commands whose structures carry addresses, with slices instead.

/// The functions with slices of a release. They stand in the release's module, next to `domctl`.
macro_rules! domctl_slices {
    ($token:ident) => {
        /// The most frames that Xen looks at in one `XEN_DOMCTL_getpageframeinfo3`.
        const FRAMES_AT_ONCE: usize = 1024;
        /// The most frames that Xen maps in one `XEN_DOMCTL_memory_mapping` on ARM.
        const MAPPED_AT_ONCE: u64 = 64;

        /// The commands that have a function written by hand.
        #[cfg(test)]
        pub(crate) const WRITTEN: &[(&str, i32)] = &[
            ("XEN_DOMCTL_createdomain", c::XEN_DOMCTL_createdomain),
            ("XEN_DOMCTL_memory_mapping", c::XEN_DOMCTL_memory_mapping),
        ];

        /// A bitmap of whole bytes, for Xen to read or write.
        fn bitmap(
            call: &'static str,
            bytes: *const u8,
            length: usize,
        ) -> Result<native::xen::xenctl_bitmap> {
            let limit = u32::MAX as usize / 8;
            if length > limit {
                return Err(Error::TooLong {
                    call,
                    length,
                    limit,
                });
            }
            let mut bitmap = native::xen::xenctl_bitmap::ZERO;
            bitmap.nr_bits = 8 * length as u32;
            bitmap.bitmap = xen_public::handle::Handle64::from_ptr(bytes);
            Ok(bitmap)
        }

        /// Makes a domain, paused and without memory, and returns its number. It gets `domain`, or the
        /// next free number if that is 0 or taken by convention. Header: `xen/include/public/domctl.h`.
        ///
        /// # Errors
        ///
        /// As for [all commands](super); [`Error::Nonsense`] if Xen names no domain that can be.
        #[doc(alias = "XEN_DOMCTL_createdomain")]
        #[doc(alias = "xen_domctl_createdomain")]
        pub fn createdomain(
            xen: &Xen<impl Conduit>,
            abi: $token,
            domain: DomId,
            argument: &c::xen_domctl_createdomain,
        ) -> Result<DomId> {
            let call = "XEN_DOMCTL_createdomain";
            let mut payload = c::xen_domctl_u::ZERO;
            payload.createdomain = *argument;
            let command = c::XEN_DOMCTL_createdomain as u32;
            // SAFETY: the structure has no handles. The new domain has no memory and does not run.
            let (_, made) = unsafe { domctl(xen, abi, call, command, domain, &mut payload) }?;
            if made >= DomId::FIRST_RESERVED {
                let answer = made.get() as isize;
                return Err(Error::Nonsense { call, answer });
            }
            Ok(made)
        }

        /// Maps `frames` frames of the machine that are not memory, from `first_mfn` on, into a domain
        /// from `first_gfn` on, or takes them out again. What Xen leaves over is asked for again.
        /// Header: `xen/include/public/domctl.h`.
        ///
        /// # Errors
        ///
        /// [`Error::PartialBatch`] with Xen's reason; frames before it are mapped. Else as for
        /// [all commands](super).
        ///
        /// # Safety
        ///
        /// The domain may reach the device behind these frames without harm to memory that others
        /// rely on, and nothing relies on what was mapped in their place before.
        #[doc(alias = "XEN_DOMCTL_memory_mapping")]
        #[doc(alias = "xen_domctl_memory_mapping")]
        pub unsafe fn memory_mapping(
            xen: &Xen<impl Conduit>,
            abi: $token,
            domain: DomId,
            first_gfn: u64,
            first_mfn: u64,
            frames: u64,
            add: bool,
        ) -> Result<()> {
            let call = "XEN_DOMCTL_memory_mapping";
            let mut done = 0;
            while done < frames {
                let wanted = MAPPED_AT_ONCE.min(frames - done);
                let mut payload = c::xen_domctl_u::ZERO;
                payload.memory_mapping = c::xen_domctl_memory_mapping {
                    first_gfn: first_gfn.wrapping_add(done),
                    first_mfn: first_mfn.wrapping_add(done),
                    nr_mfns: wanted,
                    add_mapping: u32::from(add),
                    padding: 0,
                };
                let command = c::XEN_DOMCTL_memory_mapping as u32;
                // SAFETY: the structure has no handles, and the caller vouches for the frames.
                let answer = unsafe { domctl(xen, abi, call, command, domain, &mut payload) };
                done += match answer {
                    Ok((0, _)) => wanted,
                    // So many are done, and the rest is to be asked for.
                    Ok((part, _)) if (part as u64) < wanted => part as u64,
                    Ok((answer, _)) => {
                        let answer = answer as isize;
                        return Err(Error::Nonsense { call, answer });
                    }
                    Err(error) => return Err(error.after(call, done as usize, frames as usize)),
                };
            }
            Ok(())
        }

        /// What kinds of page table a domain's frames are: each number in `frames` is replaced by
        /// `XEN_DOMCTL_PFINFO_` bits. Any number of frames; Xen takes 1024 at once. Header:
        /// `xen/include/public/domctl.h`.
        ///
        /// # Errors
        ///
        /// [`Error::PartialBatch`] with Xen's reason if it is not the first 1024 frames that are
        /// refused; those before hold their kinds. Else as for [all commands](super).
        #[doc(alias = "XEN_DOMCTL_getpageframeinfo3")]
        pub fn page_types(
            xen: &Xen<impl Conduit>,
            abi: $token,
            domain: DomId,
            frames: &mut [xen_pfn_t],
        ) -> Result<()> {
            let call = "XEN_DOMCTL_getpageframeinfo3";
            let (total, mut done) = (frames.len(), 0);
            for part in frames.chunks_mut(FRAMES_AT_ONCE) {
                let mut argument = c::xen_domctl_getpageframeinfo3::ZERO;
                argument.num = part.len() as u64;
                argument.array = xen_public::handle::Handle64::from_ptr(part.as_mut_ptr());
                // SAFETY: Xen reads and writes as many frame numbers as the slice holds.
                match unsafe { getpageframeinfo3(xen, abi, domain, &mut argument) } {
                    Ok(()) => done += part.len(),
                    Err(error) => return Err(error.after(call, done, total)),
                }
            }
            Ok(())
        }

        /// On which processors a vCPU must run (`hard`) and should run (`soft`), a bit for each, lowest
        /// first. Processors beyond a bitmap are left out. Header: `xen/include/public/domctl.h`.
        ///
        /// # Errors
        ///
        /// As for [all commands](super); [`Error::TooLong`] for a bitmap of more than 2^32 bits.
        #[doc(alias = "XEN_DOMCTL_getvcpuaffinity")]
        pub fn vcpu_affinity(
            xen: &Xen<impl Conduit>,
            abi: $token,
            domain: DomId,
            vcpu: VcpuId,
            hard: &mut [u8],
            soft: &mut [u8],
        ) -> Result<()> {
            let call = "XEN_DOMCTL_getvcpuaffinity";
            let mut argument = c::xen_domctl_vcpuaffinity::ZERO;
            argument.vcpu = vcpu.get();
            argument.flags = c::XEN_VCPUAFFINITY_HARD | c::XEN_VCPUAFFINITY_SOFT;
            argument.cpumap_hard = bitmap(call, hard.as_mut_ptr(), hard.len())?;
            argument.cpumap_soft = bitmap(call, soft.as_mut_ptr(), soft.len())?;
            // SAFETY: Xen writes no more than both bitmaps, which are borrowed for it.
            unsafe { getvcpuaffinity(xen, abi, domain, &mut argument) }
        }

        /// Sets on which processors a vCPU must run (`hard`) and should run (`soft`), a bit for each,
        /// lowest first; `None` leaves one of them as it is. Header: `xen/include/public/domctl.h`.
        ///
        /// # Errors
        ///
        /// As for [all commands](super); EINVAL also if `hard` names no processor of the domain's pool.
        #[doc(alias = "XEN_DOMCTL_setvcpuaffinity")]
        pub fn set_vcpu_affinity(
            xen: &Xen<impl Conduit>,
            abi: $token,
            domain: DomId,
            vcpu: VcpuId,
            hard: Option<&mut [u8]>,
            soft: Option<&mut [u8]>,
        ) -> Result<()> {
            let call = "XEN_DOMCTL_setvcpuaffinity";
            let mut argument = c::xen_domctl_vcpuaffinity::ZERO;
            argument.vcpu = vcpu.get();
            if let Some(hard) = hard {
                argument.flags |= c::XEN_VCPUAFFINITY_HARD;
                argument.cpumap_hard = bitmap(call, hard.as_mut_ptr(), hard.len())?;
            }
            if let Some(soft) = soft {
                argument.flags |= c::XEN_VCPUAFFINITY_SOFT;
                argument.cpumap_soft = bitmap(call, soft.as_mut_ptr(), soft.len())?;
            }
            // SAFETY: Xen reads the bitmaps, and writes back there what is in force; both are borrowed.
            unsafe { setvcpuaffinity(xen, abi, domain, &mut argument) }
        }

        /// On which nodes a domain's memory is best taken from, a bit for each, lowest first. Header:
        /// `xen/include/public/domctl.h`.
        ///
        /// # Errors
        ///
        /// As for [all commands](super); [`Error::TooLong`] for a bitmap of more than 2^32 bits.
        #[doc(alias = "XEN_DOMCTL_getnodeaffinity")]
        pub fn node_affinity(
            xen: &Xen<impl Conduit>,
            abi: $token,
            domain: DomId,
            nodes: &mut [u8],
        ) -> Result<()> {
            let call = "XEN_DOMCTL_getnodeaffinity";
            let mut argument = c::xen_domctl_nodeaffinity::ZERO;
            argument.nodemap = bitmap(call, nodes.as_mut_ptr(), nodes.len())?;
            // SAFETY: Xen writes no more than the bitmap, which is borrowed for it.
            unsafe { getnodeaffinity(xen, abi, domain, &mut argument) }
        }

        /// Reads the log of dirty pages into `bitmap`, a bit for each page, lowest first, and with
        /// `clean` clears the log. The result is how many pages the log covers of those asked for, and
        /// how many faults and dirty pages there were. Header: `xen/include/public/domctl.h`.
        ///
        /// # Errors
        ///
        /// As for [all commands](super); EINVAL also if no log is kept.
        #[doc(alias = "XEN_DOMCTL_SHADOW_OP_PEEK")]
        #[doc(alias = "XEN_DOMCTL_SHADOW_OP_CLEAN")]
        pub fn dirty_pages(
            xen: &Xen<impl Conduit>,
            abi: $token,
            domain: DomId,
            clean: bool,
            bitmap: &mut [u8],
        ) -> Result<(usize, c::xen_domctl_shadow_op_stats)> {
            let mut argument = c::xen_domctl_shadow_op::ZERO;
            let op = if clean {
                c::XEN_DOMCTL_SHADOW_OP_CLEAN
            } else {
                c::XEN_DOMCTL_SHADOW_OP_PEEK
            };
            argument.op = op as u32;
            argument.dirty_bitmap = xen_public::handle::Handle64::from_ptr(bitmap.as_mut_ptr());
            let pages = bitmap.len().saturating_mul(8);
            argument.pages = pages as u64;
            // SAFETY: Xen writes a bit for each page, which the borrowed bitmap has.
            unsafe { shadow_op(xen, abi, domain, &mut argument) }?;
            let covered = within("XEN_DOMCTL_shadow_op", argument.pages, pages)?;
            Ok((covered, argument.stats))
        }

        /// Saves the state of an HVM domain into `buffer`, or tells how large it would be if there is
        /// none. The result is the size in bytes. Header: `xen/include/public/domctl.h`.
        ///
        /// # Errors
        ///
        /// As for [all commands](super); ENOSPC for a buffer that is too small, EINVAL for a domain that
        /// is not HVM.
        #[doc(alias = "XEN_DOMCTL_gethvmcontext")]
        pub fn hvm_context(
            xen: &Xen<impl Conduit>,
            abi: $token,
            domain: DomId,
            buffer: Option<&mut [u8]>,
        ) -> Result<usize> {
            let call = "XEN_DOMCTL_gethvmcontext";
            let mut argument = c::xen_domctl_hvmcontext::ZERO;
            let mut room = usize::MAX;
            if let Some(buffer) = buffer {
                room = buffer.len();
                argument.size = count(call, room)?;
                argument.buffer = xen_public::handle::Handle64::from_ptr(buffer.as_mut_ptr());
            }
            // SAFETY: Xen writes no more than the buffer, which is borrowed for it.
            unsafe { gethvmcontext(xen, abi, domain, &mut argument) }?;
            within(call, u64::from(argument.size), room)
        }

        /// Reads those MSRs of a PV vCPU that are not zero into `msrs`, and returns how many. Header:
        /// `xen/include/public/domctl.h`.
        ///
        /// # Errors
        ///
        /// As for [all commands](super); ENOBUFS if there are more than the slice holds.
        #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
        #[doc(alias = "XEN_DOMCTL_get_vcpu_msrs")]
        pub fn vcpu_msrs(
            xen: &Xen<impl Conduit>,
            abi: $token,
            domain: DomId,
            vcpu: VcpuId,
            msrs: &mut [c::xen_domctl_vcpu_msr],
        ) -> Result<usize> {
            let call = "XEN_DOMCTL_get_vcpu_msrs";
            let mut argument = c::xen_domctl_vcpu_msrs::ZERO;
            argument.vcpu = vcpu.get();
            argument.msr_count = count(call, msrs.len())?;
            argument.msrs = xen_public::handle::Handle64::from_ptr(msrs.as_mut_ptr());
            // SAFETY: Xen writes no more entries than the slice holds, which is borrowed for it.
            unsafe { get_vcpu_msrs(xen, abi, domain, &mut argument) }?;
            within(call, u64::from(argument.msr_count), msrs.len())
        }

        /// Reads what a domain sees of CPUID and MSRs, and returns how many of each there are. Header:
        /// `xen/include/public/domctl.h`.
        ///
        /// # Errors
        ///
        /// As for [all commands](super); ENOBUFS if there are more than a slice holds.
        #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
        #[doc(alias = "XEN_DOMCTL_get_cpu_policy")]
        pub fn cpu_policy(
            xen: &Xen<impl Conduit>,
            abi: $token,
            domain: DomId,
            leaves: &mut [native::arch_x86::xen::xen_cpuid_leaf],
            msrs: &mut [native::arch_x86::xen::xen_msr_entry],
        ) -> Result<(usize, usize)> {
            let call = "XEN_DOMCTL_get_cpu_policy";
            let mut argument = c::xen_domctl_cpu_policy::ZERO;
            argument.nr_leaves = count(call, leaves.len())?;
            argument.nr_msrs = count(call, msrs.len())?;
            argument.leaves = xen_public::handle::Handle64::from_ptr(leaves.as_mut_ptr());
            argument.msrs = xen_public::handle::Handle64::from_ptr(msrs.as_mut_ptr());
            // SAFETY: Xen writes no more entries than the slices hold, which are borrowed for it.
            unsafe { get_cpu_policy(xen, abi, domain, &mut argument) }?;
            Ok((
                within(call, u64::from(argument.nr_leaves), leaves.len())?,
                within(call, u64::from(argument.nr_msrs), msrs.len())?,
            ))
        }
    };
}
