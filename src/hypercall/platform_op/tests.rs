use alloc::vec;
use core::cell::Cell;

use xen_public::native::platform as c;

use super::*;
use crate::hypercall::fake::{Fake, read, write};
use crate::hypercall::{Unsupported, Why};
use crate::version::{Guest, Release};

const SETTIME32: u32 = 17;
const MICROCODE: u32 = 35;
const CPU_VERSION: u32 = 48;
const CPUINFO: u32 = 55;
const SETTIME64: u32 = 62;
const DOM0_CONSOLE: u32 = 64;
const UCODE: u32 = 65;
const MICROCODE2: u32 = 66;

/// A Xen that does this to the payload of a sub-op.
fn platform<'a>(
    release: Release,
    guest: Guest,
    answer: impl Fn(u32, &mut xen_platform_op_u) -> isize + 'a,
) -> Xen<Fake<'a>> {
    Fake::new(release, guest, move |number, [address, ..]| {
        assert_eq!(number, 7);
        // SAFETY: the call's argument, which is alive.
        let mut argument = unsafe { read::<xen_platform_op>(address) };
        assert_eq!(argument.interface_version, 0x300_0001);
        let result = answer(argument.cmd, &mut argument.u);
        // SAFETY: the same argument.
        unsafe { write(address, argument) };
        result
    })
    .xen()
}

fn pv<'a>(minor: u8, answer: impl Fn(u32, &mut xen_platform_op_u) -> isize + 'a) -> Xen<Fake<'a>> {
    platform(Release::new(4, minor, 1), Guest::Pv, answer)
}

fn refused<T>(call: &'static str, errno: Errno) -> Result<T> {
    Err(Error::Refused { call, errno })
}

#[test]
fn every_sub_op_has_a_function() {
    let written = [
        Operation::XENPF_settime32,
        Operation::XENPF_settime64,
        Operation::XENPF_microcode_update,
        Operation::XENPF_microcode_update2,
        Operation::XENPF_get_cpu_version,
        Operation::XENPF_get_cpuinfo,
        Operation::XENPF_get_ucode_revision,
        Operation::XENPF_get_dom0_console,
        Operation::XENPF_cpu_online,
        Operation::XENPF_cpu_offline,
        Operation::XENPF_cpu_hotadd,
        Operation::XENPF_getidletime,
        Operation::XENPF_resource_op,
        Operation::XENPF_get_symbol,
    ];
    let mut ours: vec::Vec<_> = written
        .into_iter()
        .chain(commands::COMMANDS.iter().copied())
        .collect();
    ours.sort();
    let table =
        Operation::all().filter(|row| row.parent() == Some(Operation::__HYPERVISOR_platform_op));
    let table: vec::Vec<_> = table.collect();
    assert_eq!(ours, table);
    assert_eq!(table.len(), 25);
}

#[test]
fn the_clock_is_set_with_64_bits_or_with_32() {
    let set = |command, u: &mut xen_platform_op_u| {
        let (secs, nsecs, system_time) = match command {
            SETTIME64 => {
                // SAFETY: what the call put there.
                let time = unsafe { u.settime64 };
                assert_eq!(time.mbz, 0);
                (time.secs, time.nsecs, time.system_time)
            }
            SETTIME32 => {
                // SAFETY: what the call put there.
                let time = unsafe { u.settime32 };
                (u64::from(time.secs), time.nsecs, time.system_time)
            }
            _ => panic!("{command}"),
        };
        assert_eq!((secs & 0xffff_ffff, nsecs, system_time), (5, 6, 7));
        0
    };
    let late = 1 << 32 | 5;
    let new = pv(17, set);
    assert_eq!(set_time(&new, late, 6, 7), Ok(()));
    assert_eq!(new.conduit().calls().len(), 1);
    let old = pv(5, set);
    assert_eq!(set_time(&old, 5, 6, 7), Ok(()));
    assert_eq!(old.conduit().calls().len(), 1);
    let (call, argument, value) = ("XENPF_settime32", "secs", late);
    let error = Error::Argument {
        call,
        argument,
        value,
    };
    assert_eq!(set_time(&old, late, 6, 7), Err(error));
    assert_eq!(old.conduit().calls().len(), 1);
    // It is to be there, but is not.
    let lacking = pv(17, |command, u| match command {
        SETTIME64 => -38,
        _ => set(command, u),
    });
    assert_eq!(set_time(&lacking, 5, 6, 7), Ok(()));
    assert_eq!(set_time(&lacking, 5, 6, 7), Ok(()));
    assert_eq!(lacking.conduit().calls().len(), 3);
    // ARM has only the newer one.
    let arm = platform(Release::new(4, 17, 1), Guest::Arm, |_, _| -38);
    assert!(matches!(
        set_time(&arm, 5, 6, 7),
        Err(Error::Unsupported(_))
    ));
    assert_eq!(arm.conduit().calls().len(), 1);
}

#[test]
fn microcode_is_forced_only_where_that_is_known() {
    let load = |command, u: &mut xen_platform_op_u| {
        let (flags, length, at) = match command {
            MICROCODE2 => {
                // SAFETY: what the call put there.
                let update = unsafe { u.microcode2 };
                (update.flags, update.length, update.data.raw())
            }
            MICROCODE => {
                // SAFETY: what the call put there.
                let update = unsafe { u.microcode };
                (0, update.length, update.data.raw())
            }
            _ => panic!("{command}"),
        };
        assert_eq!(length, 4);
        // SAFETY: the slice has four bytes.
        assert_eq!(&unsafe { read::<[u8; 4]>(at as usize) }, b"code");
        // 1 for a forced update: no success that the call knows.
        flags as isize
    };
    let new = pv(20, load);
    assert_eq!(update_microcode(&new, b"code", false), Ok(()));
    let call = "XENPF_microcode_update2";
    let forced = update_microcode(&new, b"code", true);
    assert_eq!(forced, Err(Error::Nonsense { call, answer: 1 }));
    let old = pv(17, load);
    assert_eq!(update_microcode(&old, b"code", false), Ok(()));
    let forced = update_microcode(&old, b"code", true).unwrap_err();
    let Error::Unsupported(Unsupported { operation, why }) = forced else {
        panic!("{forced}");
    };
    assert_eq!(operation, Operation::XENPF_microcode_update2);
    assert!(matches!(why, Why::Release { .. }));
    assert_eq!(old.conduit().calls().len(), 1);
}

/// Answers questions about processors as Xen does.
fn processors(command: u32, u: &mut xen_platform_op_u) -> isize {
    match command {
        CPU_VERSION => {
            // SAFETY: what the call put there.
            let version = unsafe { &mut u.pcpu_version };
            version.max_present = 3;
            if version.xen_cpuid == 1 {
                (version.family, version.model, version.stepping) = (25, 0x61, 2);
            }
            0
        }
        CPUINFO => {
            // SAFETY: what the call put there.
            let info = unsafe { &mut u.pcpu_info };
            assert_eq!(info.xen_cpuid, 1);
            (info.max_present, info.flags) = (3, 1);
            0
        }
        UCODE => {
            // SAFETY: what the call put there.
            let revision = unsafe { &mut u.ucode_revision };
            if revision.cpu != 1 {
                return -2;
            }
            (revision.signature, revision.pf, revision.revision) = (0xa6_0f12, 1, 0xa60_1203);
            0
        }
        _ => panic!("{command}"),
    }
}

#[test]
fn processors_are_known_by_what_the_release_tells() {
    let version = |minor| processor(&pv(minor, processors), 1).unwrap();
    assert!(matches!(version(2), Processor::Version(version) if version.family == 25));
    assert!(matches!(version(1), Processor::Presence(info) if info.flags == 1));
    assert_eq!((version(2).max_present(), version(1).max_present()), (3, 3));

    let known = |minor, cpu| microcode(&pv(minor, processors), cpu);
    let signature = 0xa6_0f12;
    let loaded = Some((1, 0xa60_1203));
    assert_eq!(known(18, 1), Ok(Microcode { signature, loaded }));
    let loaded = None;
    assert_eq!(known(17, 1), Ok(Microcode { signature, loaded }));
    let call = "XENPF_get_ucode_revision";
    assert_eq!(known(18, 2), refused(call, Errno::ENOENT));
    assert_eq!(
        known(17, 2),
        refused("XENPF_get_cpu_version", Errno::ENOENT)
    );
    // Before there was either.
    assert!(matches!(known(1, 1), Err(Error::Unsupported(_))));

    let of = |family, model, stepping| {
        let mut version = xenpf_pcpu_version::ZERO;
        (version.family, version.model, version.stepping) = (family, model, stepping);
        super::signature(&version)
    };
    // A Pentium 4, a Skylake and an Opteron.
    assert_eq!(of(15, 2, 9), 0xf29);
    assert_eq!(of(6, 0x55, 4), 0x5_0654);
    assert_eq!(of(16, 2, 3), 0x10_0f23);
}

#[test]
fn the_console_is_as_long_as_xen_says() {
    let console = |minor, size: isize| {
        let xen = pv(minor, |command, u| {
            assert_eq!(command, DOM0_CONSOLE);
            u._bytes = [0x23; 128];
            size
        });
        dom0_console(&xen).map(|(console, size)| (console.video_type, size))
    };
    assert_eq!(console(18, 40), Ok((0x23, 40)));
    let call = "XENPF_get_dom0_console";
    assert_eq!(console(18, 0), Err(Error::Nonsense { call, answer: 0 }));
    assert_eq!(console(18, 200), Err(Error::Nonsense { call, answer: 200 }));
    assert_eq!(console(18, -19), refused(call, Errno::ENODEV));
    assert!(matches!(console(17, 40), Err(Error::Unsupported(_))));
}

#[test]
fn resources_say_how_far_they_came() {
    let run = |answer: isize| {
        let xen = pv(17, |_, u| {
            // SAFETY: what the call put there.
            let list = unsafe { u.resource_op };
            assert_eq!((list.nr_entries, list.cpu), (3, 1));
            let mut failed = xenpf_resource_entry::ZERO;
            failed.u.ret = -1;
            let at = list.entries.raw() as usize + size_of::<xenpf_resource_entry>();
            // SAFETY: the list has three entries.
            unsafe { write(at, failed) };
            answer
        });
        let mut entries = [xenpf_resource_entry::ZERO; 3];
        // SAFETY: the fake reads and writes no registers.
        unsafe { resources(&xen, 1, &mut entries) }
    };
    let call = "XENPF_resource_op";
    assert_eq!(run(3), Ok(()));
    let partial = |done, cause| Error::PartialBatch {
        call,
        done,
        total: 3,
        cause,
    };
    assert_eq!(run(1), Err(partial(1, Some(Errno::EPERM.into()))));
    assert_eq!(run(2), Err(partial(2, None)));
    assert_eq!(run(4), Err(Error::Nonsense { call, answer: 4 }));
    assert_eq!(run(-19), refused(call, Errno::ENODEV));
}

#[test]
fn lists_have_room_for_what_xen_writes() {
    let xen = pv(17, |command, u| {
        assert_eq!(command, 53);
        // SAFETY: what the call put there.
        let idle = unsafe { &mut u.getidletime };
        assert_eq!(idle.cpumap_nr_cpus, 8);
        // SAFETY: the slice has eight times.
        unsafe { write(idle.idletime.raw() as usize + 8, 99_u64) };
        idle.now = 1000;
        0
    });
    let mut times = [0; 8];
    assert_eq!(idle_times(&xen, &mut [2], &mut times), Ok(1000));
    assert_eq!(times[1], 99);
    let short = idle_times(&xen, &mut [2, 0], &mut times);
    let (call, argument, value) = ("XENPF_getidletime", "idletime", 8);
    let error = Error::Argument {
        call,
        argument,
        value,
    };
    assert_eq!(short, Err(error));
    assert_eq!(xen.conduit().calls().len(), 1);

    let xen = pv(17, |_, u| {
        // SAFETY: what the call put there.
        let symbol = unsafe { &mut u.symdata };
        assert_eq!((symbol.symnum, symbol.namelen), (7, 6));
        // SAFETY: the slice has six bytes.
        unsafe { write(symbol.name.raw() as usize, *b"_stext") };
        (symbol.symnum, symbol.namelen, symbol.address) = (8, 7, 0xffff);
        symbol.r#type = b'T';
        0
    });
    let mut name = [0; 6];
    let found = symbol(&xen, 7, &mut name).unwrap();
    assert_eq!((found.next, found.kind, found.address), (8, b'T', 0xffff));
    assert_eq!((found.length, &name), (7, b"_stext"));
}

#[test]
fn a_plugged_processor_gets_a_number() {
    let xen = pv(17, |_, u| {
        // SAFETY: what the call put there.
        let cpu = unsafe { u.cpu_add };
        assert_eq!((cpu.apic_id, cpu.acpi_id, cpu.pxm), (4, 5, 6));
        9
    });
    assert_eq!(cpu_add(&xen, 4, 5, 6), Ok(9));
}

#[test]
fn another_version_is_told_from_a_policy() {
    let outcome = |question: isize| {
        let asked = Cell::new(0);
        let xen = pv(17, |command, _| {
            asked.set(asked.get() + 1);
            match command {
                NO_COMMAND => question,
                _ => -13,
            }
        });
        let mut sleep = c::xenpf_enter_acpi_sleep::ZERO;
        let outcome = commands::enter_acpi_sleep(&xen, &mut sleep);
        drop(xen);
        (outcome, asked.get())
    };
    let (call, spoken) = ("XENPF_enter_acpi_sleep", 0x300_0001);
    let mismatch = Error::VersionMismatch { call, spoken };
    assert_eq!(outcome(-13), (Err(mismatch), 2));
    assert_eq!(outcome(-38), (refused(call, Errno::EACCES), 2));
    assert_eq!(outcome(-1), (refused(call, Errno::EACCES), 2));
}

#[test]
fn a_command_leaves_what_xen_made_of_it() {
    let xen = pv(17, |command, u| {
        assert_eq!(command, 33);
        // SAFETY: what the call put there.
        let kind = unsafe { &mut u.read_memtype };
        assert_eq!(kind.reg, 2);
        kind.nr_mfns = 512;
        0
    });
    let mut kind = c::xenpf_read_memtype::ZERO;
    kind.reg = 2;
    assert_eq!(commands::read_memtype(&xen, &mut kind), Ok(()));
    assert_eq!(kind.nr_mfns, 512);
    // An HVM domain 0 has it from 4.7 on only.
    let old = platform(Release::new(4, 6, 0), Guest::Hvm, |_, _| 0);
    let answer = commands::read_memtype(&old, &mut kind);
    assert!(matches!(answer, Err(Error::Unsupported(_))));
    assert!(old.conduit().calls().is_empty());
}
