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

use core::arch::global_asm;

use xen_abi::hypercall::sched_op::{self, ShutdownReason};
use xen_abi::hypercall::x86_64::{HypercallPage, Page};

use guests::checks;
use guests::report::Report;

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
    // The `XEN_ELFNOTE_` numbers of `xen/include/public/elfnote.h`.
    entry = const 1,
    page = const 2,
    virt_base = const 3,
    xen_version = const 5,
    guest_os = const 6,
    loader = const 8,
    pae_mode = const 9,
);

/// The page that the hypercall page's ELF note names.
struct NotedPage;

unsafe extern "C" {
    #[link_name = "hypercall_page"]
    static HYPERCALL_PAGE: [u8; 4096];
}

// SAFETY: the page is aligned to 4096 in a section of its own, nothing in this kernel writes it,
// and Xen fills it before it enters a kernel whose ELF note names it.
unsafe impl HypercallPage for NotedPage {
    fn address() -> usize {
        (&raw const HYPERCALL_PAGE).addr()
    }
}

/// The kernel, on its own stack.
extern "C" fn start(_start_info: usize) -> ! {
    let xen = Page::<NotedPage>::new();
    let mut report = Report::new(&xen);
    checks::version(&xen, &mut report);
    checks::unknown_hypercall(&xen, &mut report);
    report.verdict();
    end()
}

/// Resets the machine, or stands still if Xen does not let it.
fn end() -> ! {
    let xen = Page::<NotedPage>::new();
    if let Err(error) = sched_op::shutdown(&xen, ShutdownReason::REBOOT) {
        Report::new(&xen).fail(format_args!("shutdown: {error}"));
    }
    loop {
        core::hint::spin_loop();
    }
}

/// A panic is a surprise like any other.
#[panic_handler]
fn panic(info: &core::panic::PanicInfo<'_>) -> ! {
    Report::new(&Page::<NotedPage>::new()).fail(format_args!("{info}"));
    end()
}
