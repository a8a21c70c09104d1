//! The x86_64 PV kernel: how it starts, what it runs and how it ends.
//!
//! Xen's domain builder reads the ELF notes below, loads the kernel at 1 MB (`x86_64.ld`), maps
//! it, fills the hypercall page and enters at `_start` in 64-bit mode with the address of
//! `start_info` in rsi (`xen/include/public/xen.h`). There are no interrupts and no trap handlers:
//! a fault ends the domain, which the reader of the console sees by the missing `PASS`.
//!
//! The kernel ends with `SHUTDOWN_reboot`: domain 0's reboot resets the machine, and QEMU with
//! `-no-reboot` turns that into its own end with status 0. It works on every release without any
//! device, and it is a hypercall under test itself. Being the same for good and bad, the status
//! does not tell the verdict: the lines on the console do.

mod memory;

use core::arch::{asm, global_asm};

use guests::report::Report;
use guests::{checks, start_info};
use xen_abi::hypercall::Conduit;
use xen_abi::hypercall::sched_op::{self, ShutdownReason};
use xen_abi::hypercall::x86_64::{HypercallPage, Page, PvSyscall};
use xen_abi::xen_public::elfnote::NoteType;
use xen_abi::xen_public::features::Features;
use xen_abi::xen_public::xen::StartInfoX86_64;

global_asm!(
    r#"
    .pushsection .text.entry, "ax", @progbits
    .global _start
_start:
    cld
    lea rsp, [rip + boot_stack_end]
    xor ebp, ebp
    mov rdi, rsi
    call {start}
    ud2
    .popsection

    .pushsection .hypercall, "ax", @progbits
    .balign 4096
    .global hypercall_page
hypercall_page:
    .skip 4096
    .popsection

    .pushsection .bss.stack, "aw", @nobits
    .balign 16
    .skip 65536
boot_stack_end:
    .popsection

    .macro xen_note type, content:vararg
    .balign 4
    .long 4, 2f - 1f, \type
    .asciz "Xen"
1:  \content
2:  .balign 4
    .endm

    .pushsection .note.Xen, "a", @note
    xen_note {guest_os}, .asciz "xen-abi"
    xen_note {xen_version}, .asciz "xen-3.0"
    xen_note {loader}, .asciz "generic"
    xen_note {pae_mode}, .asciz "yes"
    xen_note {entry}, .quad _start
    xen_note {page}, .quad hypercall_page
    xen_note {virt_base}, .quad 0
    .popsection
    "#,
    start = sym start,
    entry = const NoteType::ENTRY.get(),
    page = const NoteType::HYPERCALL_PAGE.get(),
    virt_base = const NoteType::VIRT_BASE.get(),
    xen_version = const NoteType::XEN_VERSION.get(),
    guest_os = const NoteType::GUEST_OS.get(),
    loader = const NoteType::LOADER.get(),
    pae_mode = const NoteType::PAE_MODE.get(),
);

/// The page that the ELF note for the hypercall page names.
struct NotedPage;

unsafe extern "C" {
    #[link_name = "hypercall_page"]
    static HYPERCALL_PAGE: [u8; 4096];
    /// Where the linker script ends the kernel's memory.
    #[link_name = "kernel_end"]
    static KERNEL_END: u8;
}

// SAFETY: the page is aligned to 4096 in a section of its own, nothing in this kernel writes it,
// and Xen fills it before it enters a kernel whose ELF note names it.
unsafe impl HypercallPage for NotedPage {
    fn address() -> usize {
        (&raw const HYPERCALL_PAGE).addr()
    }
}

/// The kernel, on its own stack.
extern "C" fn start(start_info: *const StartInfoX86_64) -> ! {
    let xen = Page::<NotedPage>::new();
    let mut report = Report::new(&xen);
    // SAFETY: Xen enters with the address of a start info in a page of this domain's, aligned to
    // the page. It wrote it before, and nothing writes it now. All bit patterns are values of it.
    let info = unsafe { start_info.read() };
    let command_line = core::str::from_utf8(info.command_line()).unwrap_or_default();

    checks::version(&xen, &mut report, command_line);
    checks::features(&xen, &mut report, NEEDED, OTHERS);
    checks::unknown_hypercall(&xen, &mut report, "hypercall page");
    // SAFETY: this is the kernel of a PV guest.
    let direct = unsafe { PvSyscall::new() };
    checks::same_xen(&xen, &direct, &mut report, "syscall");
    checks::unknown_hypercall(&direct, &mut report, "syscall");
    checks::five_arguments(&xen, &mut report, "hypercall page", command_line);
    checks::five_arguments(&direct, &mut report, "syscall", command_line);
    start_info::say(&info, &mut report);
    let kernel_end = (&raw const KERNEL_END).addr() as u64;
    start_info::check(&info, start_info.addr() as u64, kernel_end, &mut report);
    // SAFETY: this is the start info, and the kernel has changed nothing.
    unsafe { memory::check(&info, &mut report) };

    match checks::argument(command_line, "end") {
        None => _ = report.verdict(),
        Some("silence") => report.say(format_args!("keeping silent as told")),
        Some("panic") => panic!("as told"),
        Some("hang") => {
            report.say(format_args!("hanging as told"));
            stand_still()
        }
        Some("crash") => {
            report.say(format_args!("crashing as told"));
            // SAFETY: an invalid instruction has no effect but its exception, which this kernel
            // does not handle, so that Xen ends the domain.
            unsafe { asm!("ud2", options(noreturn)) }
        }
        Some(other) => report.fail(format_args!("no such end={other}")),
    }
    end(&xen)
}

/// What a PV domain 0 relies on.
const NEEDED: Features = Features::MMU_PT_UPDATE_PRESERVE_AD
    .union(Features::HIGHMEM_ASSIST)
    .union(Features::GNTTAB_MAP_AVAIL_BITS)
    .union(Features::DOM0)
    .union(Features::MEMORY_OP_VNODE_SUPPORTED);

/// What belongs to guests whose memory Xen translates.
const OTHERS: Features = Features::WRITABLE_PAGE_TABLES
    .union(Features::AUTO_TRANSLATED_PHYSMAP)
    .union(Features::HVM_CALLBACK_VECTOR)
    .union(Features::HVM_SAFE_PVCLOCK)
    .union(Features::HVM_PIRQS)
    .union(Features::NOT_DIRECT_MAPPED);

/// Resets the machine, or stands still if Xen does not let it.
fn end(xen: &impl Conduit) -> ! {
    if let Err(error) = sched_op::shutdown(xen, ShutdownReason::REBOOT) {
        Report::new(xen).fail(format_args!("shutdown: {error}"));
    }
    stand_still()
}

fn stand_still() -> ! {
    loop {
        core::hint::spin_loop();
    }
}

/// A panic is a surprise like any other.
#[panic_handler]
fn panic(info: &core::panic::PanicInfo<'_>) -> ! {
    let xen = Page::<NotedPage>::new();
    Report::new(&xen).fail(format_args!("{info}"));
    end(&xen)
}
