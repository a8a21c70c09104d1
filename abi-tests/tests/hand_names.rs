//! The names and numbers that are written by hand in `xen-public`, against those of the headers:
//! none wrong, none missing.

use std::collections::BTreeMap;

use xen_public::abi;
use xen_public::arch_x86::hvm::start_info::{self, MemmapType};
use xen_public::elfnote::NoteType;
use xen_public::errno::Errno;
use xen_public::event_channel::EvtchnStatus;
use xen_public::features::{self, Feature, Features};
use xen_public::grant_table::{GrantFlags, GrantRef, GrantStatus, GrantType};
use xen_public::layout::Tables;
use xen_public::vcpu::{RUNSTATE_UPDATE, RunState};
use xen_public::xen::{DomId, MAX_GUEST_CMDLINE, PvclockFlags, StartFlags, Virq};
use xtask::tool;

type Names = BTreeMap<String, i128>;

const X86: &[&str] = &["x86_32", "x86_64"];
const ALL: &[&str] = &["x86_32", "x86_64", "arm32", "arm64"];

/// The constants of one header whose names begin with the prefix.
fn of_header(tables: &Tables, header: &str, prefix: &str) -> Names {
    tables
        .constants
        .iter()
        .filter(|constant| constant.header == header && constant.name.starts_with(prefix))
        .filter_map(|constant| Some((constant.name.to_string(), constant.value.as_i128()?)))
        .collect()
}

/// Holds the hand-written names against all that the header has under the prefix, in each ABI.
#[track_caller]
fn same(header: &str, prefix: &str, abis: &[&str], by_hand: &[(&str, i128)]) {
    let by_hand: Names = by_hand
        .iter()
        .map(|&(name, value)| (name.to_string(), value))
        .collect();
    let mut seen = 0;
    for tables in abi::TABLES
        .iter()
        .filter(|tables| abis.contains(&tables.abi))
    {
        assert_eq!(
            of_header(tables, header, prefix),
            by_hand,
            "{header}, {}",
            tables.abi
        );
        seen += 1;
    }
    assert_eq!(seen, abis.len(), "there are no tables for some of {abis:?}");
}

macro_rules! names_of {
    ($type:ident) => {
        $type::ALL
            .iter()
            .map(|value| (value.name().unwrap(), value.get().into()))
    };
}

macro_rules! names_of_flags {
    ($type:ident) => {
        $type::NAMED
            .iter()
            .map(|(name, bits)| (*name, bits.bits().into()))
    };
}

#[test]
fn virtual_interrupts() {
    let named: Vec<_> = names_of!(Virq).collect();
    same("xen.h", "VIRQ_", ALL, &named);
    same(
        "arch-x86/xen-mca.h",
        "VIRQ_",
        X86,
        &[("VIRQ_MCA", Virq::MCA.get().into())],
    );
}

#[test]
fn features_and_their_words() {
    let submaps = ("XENFEAT_NR_SUBMAPS", features::NR_SUBMAPS.into());
    let named: Vec<_> = names_of!(Feature).chain([submaps]).collect();
    same("features.h", "XENFEAT_", ALL, &named);
    let bits: Vec<_> = names_of_flags!(Features)
        .map(|(name, bits): (_, i128)| (name, bits.trailing_zeros().into()))
        .chain([submaps])
        .collect();
    same("features.h", "XENFEAT_", ALL, &bits);
}

#[test]
fn elf_notes() {
    let max = ("XEN_ELFNOTE_MAX", NoteType::MAX.get().into());
    let named: Vec<_> = names_of!(NoteType).chain([max]).collect();
    same("elfnote.h", "XEN_ELFNOTE_", ALL, &named);
}

#[test]
fn grant_statuses() {
    let named: Vec<_> = names_of!(GrantStatus).collect();
    same("grant_table.h", "GNTST_", ALL, &named);
}

#[test]
fn grant_flags() {
    let flags = |name, flags: GrantFlags| (name, flags.bits().into());
    let named = [
        flags("GTF_invalid", GrantType::Invalid.flags()),
        flags("GTF_permit_access", GrantType::PermitAccess.flags()),
        flags("GTF_accept_transfer", GrantType::AcceptTransfer.flags()),
        flags("GTF_transitive", GrantType::Transitive.flags()),
        flags("GTF_type_mask", GrantFlags::TYPE_MASK),
        flags("GTF_readonly", GrantFlags::READONLY),
        flags("GTF_reading", GrantFlags::READING),
        flags("GTF_writing", GrantFlags::WRITING),
        flags("GTF_PWT", GrantFlags::PWT),
        flags("GTF_PCD", GrantFlags::PCD),
        flags("GTF_PAT", GrantFlags::PAT),
        flags("GTF_sub_page", GrantFlags::SUB_PAGE),
        flags("GTF_transfer_committed", GrantFlags::TRANSFER_COMMITTED),
        flags("GTF_transfer_completed", GrantFlags::TRANSFER_COMPLETED),
    ];
    same("grant_table.h", "GTF_", ALL, &named);
    // The names that are printed are those of the bits.
    for (name, value) in named {
        let bits = u16::try_from(value).unwrap();
        let accepts = name.starts_with("GTF_transfer") || name == "GTF_accept_transfer";
        let kind = if accepts { 2 } else { 1 };
        if bits > 3 {
            let text = GrantFlags::new(bits | kind).to_string();
            assert_eq!(text.split(" | ").nth(1), Some(name));
        } else if name != "GTF_type_mask" {
            assert_eq!(GrantFlags::new(bits).to_string(), name);
        }
    }
}

#[test]
fn reserved_grants() {
    let named = [
        ("GNTTAB_RESERVED_CONSOLE", GrantRef::CONSOLE.get().into()),
        ("GNTTAB_RESERVED_XENSTORE", GrantRef::XENSTORE.get().into()),
    ];
    same("grant_table.h", "GNTTAB_RESERVED_", ALL, &named);
    let first = (
        "GNTTAB_NR_RESERVED_ENTRIES",
        GrantRef::FIRST_UNRESERVED.get().into(),
    );
    same("grant_table.h", "GNTTAB_NR_", ALL, &[first]);
}

#[test]
fn event_channel_statuses() {
    let named: Vec<_> = names_of!(EvtchnStatus).collect();
    same("event_channel.h", "EVTCHNSTAT_", ALL, &named);
}

#[test]
fn memory_map_types_and_magic() {
    let named: Vec<_> = names_of!(MemmapType).collect();
    same(
        "arch-x86/hvm/start_info.h",
        "XEN_HVM_MEMMAP_TYPE_",
        X86,
        &named,
    );
    let magic = ("XEN_HVM_START_MAGIC_VALUE", start_info::MAGIC.into());
    same("arch-x86/hvm/start_info.h", "XEN_HVM_START_", X86, &[magic]);
}

#[test]
fn run_states() {
    let named: Vec<_> = names_of!(RunState).collect();
    same("vcpu.h", "RUNSTATE_", ALL, &named);
    same(
        "vcpu.h",
        "XEN_RUNSTATE_",
        ALL,
        &[("XEN_RUNSTATE_UPDATE", RUNSTATE_UPDATE.into())],
    );
}

#[test]
fn start_flags_and_command_line() {
    let mask = ("SIF_PM_MASK", StartFlags::PM_MASK.bits().into());
    let named: Vec<_> = names_of_flags!(StartFlags).chain([mask]).collect();
    same("xen.h", "SIF_", ALL, &named);
    same(
        "xen.h",
        "MAX_GUEST_",
        X86,
        &[("MAX_GUEST_CMDLINE", MAX_GUEST_CMDLINE as i128)],
    );
}

#[test]
fn clock_flags() {
    let named: Vec<_> = names_of_flags!(PvclockFlags).collect();
    same("xen.h", "XEN_PVCLOCK_", ALL, &named);
}

#[test]
fn domains() {
    let names = [
        DomId::SELF,
        DomId::IO,
        DomId::XEN,
        DomId::COW,
        DomId::INVALID,
        DomId::IDLE,
    ];
    let named: Vec<_> = names
        .into_iter()
        .map(|domain| (domain.name().unwrap(), domain.get().into()))
        .chain([
            ("DOMID_FIRST_RESERVED", DomId::FIRST_RESERVED.get().into()),
            ("DOMID_MASK", DomId::MASK.into()),
        ])
        .collect();
    same("xen.h", "DOMID_", ALL, &named);
}

/// What `errno.h` says, read as text: every `XEN_ERRNO(name, number)`, hypervisor's own included.
fn errnos_of(release: &str) -> Vec<(String, i32)> {
    let path = tool::root().join(format!("vendor/xen-{release}/include/public/errno.h"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    text.lines()
        .filter_map(|line| line.strip_prefix("XEN_ERRNO("))
        .map(|rest| {
            let (inside, _) = rest.split_once(')').unwrap();
            let (name, number) = inside.split_once(',').unwrap();
            (name.trim().to_string(), number.trim().parse().unwrap())
        })
        .collect()
}

#[test]
fn error_numbers_are_those_of_the_header_text() {
    let text = errnos_of("4.20");
    assert!(text.len() > 40, "only {} lines were understood", text.len());
    let aliases: Vec<_> = text
        .iter()
        .filter(|(name, number)| Errno::new(*number).name() != Some(name))
        .collect();
    let (would_block, deadlock) = (Errno::EWOULDBLOCK.get(), Errno::EDEADLOCK.get());
    assert_eq!(
        aliases,
        [
            &("EWOULDBLOCK".to_string(), would_block),
            &("EDEADLOCK".to_string(), deadlock)
        ]
    );
    let names: Vec<_> = text.iter().filter(|line| !aliases.contains(line)).collect();
    let by_hand: Vec<_> = Errno::ALL
        .iter()
        .map(|e| (e.name().unwrap().to_string(), e.get()))
        .collect();
    assert_eq!(names, by_hand.iter().collect::<Vec<_>>());
    for number in 0..=Errno::MAX {
        let errno = Errno::new(number);
        assert_eq!(
            errno.name().is_some(),
            text.iter().any(|(_, n)| *n == number),
            "{number}"
        );
        assert_eq!(
            errno.name().is_some(),
            errno.message().is_some(),
            "{number}"
        );
    }
}

#[test]
fn error_numbers_of_older_releases_mean_the_same() {
    for release in ["4.14", "4.17"] {
        let text = errnos_of(release);
        assert!(
            text.len() > 40,
            "{release}: only {} lines were understood",
            text.len()
        );
        let newest = errnos_of("4.20");
        let other: Vec<_> = text.iter().filter(|line| !newest.contains(line)).collect();
        assert!(other.is_empty(), "{release} has {other:?}");
    }
}

#[test]
fn error_numbers_are_those_of_the_generated_constants() {
    let named: Vec<(String, i128)> = Errno::ALL
        .iter()
        // Those stay inside the hypervisor: the header hides them from guests.
        .filter(|errno| ![Errno::EINTR, Errno::ERESTART].contains(errno))
        .map(|errno| (format!("XEN_{}", errno.name().unwrap()), errno.get().into()))
        .chain([
            (
                "XEN_EWOULDBLOCK".to_string(),
                Errno::EWOULDBLOCK.get().into(),
            ),
            ("XEN_EDEADLOCK".to_string(), Errno::EDEADLOCK.get().into()),
        ])
        .collect();
    let named: Vec<_> = named
        .iter()
        .map(|(name, value)| (name.as_str(), *value))
        .collect();
    same("errno.h", "XEN_E", ALL, &named);
}
