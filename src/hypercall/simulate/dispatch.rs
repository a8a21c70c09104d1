//! From a hypercall's number to what answers it.
#![allow(unsafe_code)]

use xen_public::native::xen::multicall_entry;

use super::caller::{Answer, Caller, refuse};
use super::presence;
use super::{Call, Harm, Machine, Simulated};
use crate::hypercall::Errno;

/// The names of the hypercalls, by number.
const NAMES: [&str; 50] = [
    "set_trap_table",
    "mmu_update",
    "set_gdt",
    "stack_switch",
    "set_callbacks",
    "fpu_taskswitch",
    "sched_op_compat",
    "platform_op",
    "set_debugreg",
    "get_debugreg",
    "update_descriptor",
    "",
    "memory_op",
    "multicall",
    "update_va_mapping",
    "set_timer_op",
    "event_channel_op_compat",
    "xen_version",
    "console_io",
    "physdev_op_compat",
    "grant_table_op",
    "vm_assist",
    "update_va_mapping_otherdomain",
    "iret",
    "vcpu_op",
    "set_segment_base",
    "mmuext_op",
    "xsm_op",
    "nmi_op",
    "sched_op",
    "callback_op",
    "xenoprof_op",
    "event_channel_op",
    "physdev_op",
    "hvm_op",
    "sysctl",
    "domctl",
    "kexec_op",
    "tmem_op",
    "argo_op",
    "xenpmu_op",
    "dm_op",
    "hypfs_op",
    "",
    "",
    "",
    "",
    "",
    "arch_0",
    "arch_1",
];

/// The name of a hypercall.
pub(super) fn name(number: u32) -> &'static str {
    match NAMES.get(number as usize) {
        None | Some(&"") => "a hypercall without a name",
        Some(name) => name,
    }
}

impl Machine {
    /// Answers a hypercall.
    ///
    /// # Safety
    ///
    /// As for [`Conduit::hypercall`](crate::hypercall::Conduit::hypercall).
    pub(super) unsafe fn call(&mut self, number: u32, arguments: [usize; 5]) -> isize {
        let call = Call { number, arguments };
        self.calls.push(call);
        self.now = call;
        // Xen's sub-op is 32 bits wide.
        let sub_op = arguments[0] as u32 as usize;
        let told = |lie: &&(u32, usize, isize)| (lie.0, lie.1) == (number, sub_op);
        if let Some(lie) = self.lies.iter().rfind(told) {
            return lie.2;
        }
        let runs = presence::effective(&self.setup, number);
        if runs != number {
            self.harm(Harm::Masked(runs));
        }
        let answer = if presence::hypercall(&self.setup, runs) {
            let arguments = if runs == number {
                arguments
            } else {
                mistaken(runs, arguments)
            };
            // SAFETY: this function's contract; what was meant for another call has no address left.
            unsafe { self.dispatch(runs, arguments) }
        } else {
            refuse(Errno::ENOSYS)
        };
        self.register(answer)
    }

    /// Answers a hypercall that the release has.
    ///
    /// # Safety
    ///
    /// As for [`Conduit::hypercall`](crate::hypercall::Conduit::hypercall).
    unsafe fn dispatch(&mut self, number: u32, arguments: [usize; 5]) -> Answer {
        let [first, second, third, ..] = arguments;
        // Xen's sub-op is 32 bits wide.
        let command = first as u32;
        // For each call: the contract of this function is that of the call.
        match number {
            // It had another number when it was the only one.
            6 => self.sched_op_compat(command, second),
            // SAFETY: as above.
            12 => unsafe { self.memory_op(command, second) },
            // SAFETY: as above.
            13 => unsafe { self.multicall(first, second as u32) },
            15 => self.set_timer_op(timeout(first, second)),
            // SAFETY: as above.
            16 => unsafe { self.event_channel_op_compat(first) },
            // SAFETY: as above.
            17 => unsafe { self.xen_version(command, second) },
            // SAFETY: as above.
            18 => unsafe { self.console_io(command, second, third) },
            23 => {
                self.harm(Harm::NoReturn);
                refuse(Errno::EIO)
            }
            // SAFETY: as above.
            20 => unsafe { self.grant_table_op(command, second, third as u32) },
            // SAFETY: as above.
            24 => unsafe { self.vcpu_op(command, second as u32, third) },
            // SAFETY: as above.
            29 => unsafe { self.sched_op(command, second) },
            // SAFETY: as above.
            32 => unsafe { self.event_channel_op(command, second) },
            // SAFETY: as above.
            42 => unsafe { self.hypfs_op(arguments) },
            // SAFETY: as above.
            19 => unsafe { self.physdev_op_compat(first) },
            21 => self.vm_assist(command, second),
            // SAFETY: as above.
            33 => unsafe { self.physdev_op(command, second) },
            // SAFETY: as above.
            34 => unsafe { self.hvm_op(command, second) },
            // SAFETY: as above.
            0..=5 | 8..=10 | 14 | 22 | 25 | 26 | 28 | 30 => unsafe {
                self.pv_call(number, arguments)
            },
            // SAFETY: as above.
            _ => unsafe { self.toolstack_call(number, arguments) },
        }
    }

    /// Answers `multicall`.
    ///
    /// # Safety
    ///
    /// The list is the address of `count` entries, each a call whose contract is kept.
    unsafe fn multicall(&mut self, list: usize, count: u32) -> Answer {
        // SAFETY: this function's contract.
        let entries = unsafe { Caller::<multicall_entry>::array(list, count as usize) };
        entries.check()?;
        for index in 0..count as usize {
            let mut entry = entries.at(index)?;
            let args = { entry.args };
            let arguments = core::array::from_fn(|argument| args[argument] as usize);
            let number = entry.op as u32;
            let result = if number == 13 {
                // There is none within another.
                Errno::EINVAL.to_return() as isize
            } else {
                // SAFETY: this function's contract.
                unsafe { self.call(number, arguments) }
            };
            entry.result = result as _;
            entries.put_at(index, entry)?;
        }
        Ok(0)
    }
}

/// The arguments that a hypercall gets which runs in place of another: the registers as they are. But
/// who made the call vouched for memory as the one that was meant uses it, and this one would take it for
/// something else. So where it wants an address, it finds one without memory, unless there is none.
fn mistaken(runs: u32, mut arguments: [usize; 5]) -> [usize; 5] {
    let addresses: &[usize] = match runs {
        0 | 2 | 7 | 13 | 16 | 19 | 27 => &[0],
        1 | 26 => &[0, 2],
        6 | 12 | 17 | 20 | 28..=31 => &[1],
        18 | 24 => &[2],
        _ => &[],
    };
    for &register in addresses {
        if arguments[register] != 0 {
            arguments[register] = Simulated::NOWHERE;
        }
    }
    arguments
}

/// The argument of `set_timer_op`, which takes two registers of 32 bits.
fn timeout(low: usize, high: usize) -> u64 {
    if cfg!(target_pointer_width = "64") {
        low as u64
    } else {
        (high as u64) << 32 | low as u64
    }
}
