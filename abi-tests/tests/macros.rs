//! The functions that stand for C's function-like macros, against the macros.
//!
//! The vendored headers are the oracle: programs of each ABI and release evaluate
//! the macros on edge cases and on arguments that quickcheck draws, and every value
//! is compared with what the Rust function of the same arguments returns. Where the
//! width of the result matters, so is C's `sizeof`. An argument on which the two
//! differ is shown as the C expression that reproduces it.

#[path = "macros/devices.rs"]
mod devices;

use abi_tests::program::{Question, differences, question};
use anyhow::Result;
use quickcheck::{Arbitrary, Gen};
use xen_public::arch_arm::smccc;
use xen_public::errno::Errno;
use xen_public::handle::{Handle32, Handle64};
use xen_public::io::{console, xs_wire};
use xen_public::{arch_x86, domctl, hvm, memory, trace, xen};
use xtask::headers::{ABIS, Abi, Mode, NEWEST, RELEASES, View};

/// The views of every release and ABI, as a toolstack reads the headers: that mode
/// has all macros.
fn views() -> impl Iterator<Item = View> {
    RELEASES.into_iter().flat_map(|release| {
        ABIS.into_iter()
            .map(move |abi| View::new(release, abi, Mode::Tools))
    })
}

/// The edges, and 64 drawn values.
fn samples<T: Arbitrary>(edges: &[T]) -> Vec<T> {
    let mut draw = Gen::new(64);
    let drawn = (0..64).map(|_| T::arbitrary(&mut draw));
    edges.iter().cloned().chain(drawn).collect()
}

fn words() -> Vec<u32> {
    let low = [0, 1, 2, 0xff, 0x100, 0x1ff, 0xf_ffff, 0x10_0000];
    let high = [0x7fff_ffff, 0x8000_0000, u32::MAX];
    samples(&[&low[..], &high[..]].concat())
}

fn long_words() -> Vec<u64> {
    let low = [0, 1, 0xffff_ffff, 0x1_0000_0000];
    let high = [1 << 51, 1 << 52, 1 << 62, 1 << 63, u64::MAX];
    samples(&[&low[..], &high[..]].concat())
}

/// Fails with every difference, and says how many values agreed.
fn prove(view: View, includes: &[&str], prelude: &str, questions: &[Question]) -> Result<()> {
    let found = differences(view, includes, prelude, questions)?;
    let (count, list) = (found.len(), found.join("\n"));
    assert!(found.is_empty(), "{count} differences:\n{list}");
    println!("{view}: {} values agree", questions.len());
    Ok(())
}

#[test]
fn guest_handles() -> Result<()> {
    // A handle that held other bytes before must hold the address and nothing else.
    let prelude = "
        #define SET(type, set, address) ({ type handle; uint64_t raw = 0; \\
            memset(&handle, 0xff, sizeof(handle)); \\
            set(handle, (uint8_t *)(unsigned long)(address)); \\
            memcpy(&raw, &handle, sizeof(handle)); raw; })";
    for view in views() {
        let narrow = view.abi.pointer() == 4;
        let mut q = Vec::new();
        for (kind, wide) in [
            ("XEN_GUEST_HANDLE(uint8)", view.abi != Abi::X86_32),
            ("XEN_GUEST_HANDLE_PARAM(uint8)", !narrow),
            ("XEN_GUEST_HANDLE_64(uint8)", true),
        ] {
            let (size, align) = if wide {
                (size_of::<Handle64<u8>>(), align_of::<Handle64<u8>>())
            } else {
                (size_of::<Handle32<u8>>(), align_of::<Handle32<u8>>())
            };
            q.push(question(format!("sizeof({kind})"), size as u64));
            q.push(question(format!("__alignof__({kind})"), align as u64));
            for address in long_words() {
                let address = if narrow {
                    address as u32 as u64
                } else {
                    address
                };
                let pointer = core::ptr::without_provenance::<u8>(address as usize);
                assert_eq!(
                    pointer.addr() as u64,
                    address,
                    "this test needs a 64-bit host"
                );
                let raw = if wide {
                    Handle64::from_ptr(pointer).raw()
                } else {
                    Handle32::from_ptr(pointer).expect("32 bits").raw().into()
                };
                for set in ["set_xen_guest_handle", "set_xen_guest_handle_raw"] {
                    q.push(question(format!("SET({kind}, {set}, {address}ULL)"), raw));
                }
            }
        }
        prove(view, &["xen.h"], prelude, &q)?;
    }
    Ok(())
}

#[test]
fn memory_flags_and_sharing_words() -> Result<()> {
    for view in views() {
        let mut q = vec![
            question("sizeof(XENMEMF_node(1U))", 4),
            question("sizeof(XENMEMF_get_address_bits(1U))", 4),
            question("sizeof(XENMEM_SHARING_OP_FIELD_GET_GREF(1U))", 8),
        ];
        for x in words() {
            let mut ask = |name: &str, rust: u32| {
                q.push(question(format!("XENMEMF_{name}({x}U)"), rust.into()));
            };
            ask("address_bits", memory::xenmemf_address_bits(x));
            ask("get_address_bits", memory::xenmemf_get_address_bits(x));
            ask("node", memory::xenmemf_node(x));
            ask("get_node", memory::xenmemf_get_node(x));
            ask("exact_node", memory::xenmemf_exact_node(x));
            let make = format!("XENMEM_SHARING_OP_FIELD_MAKE_GREF(f, {x}U)");
            q.push(question(
                format!("({{ uint64_t f = ~0ULL; {make}; f; }})"),
                memory::xenmem_sharing_op_field_make_gref(x),
            ));
        }
        for x in long_words() {
            let mut ask = |c: &str, rust| q.push(question(format!("{c}({x}ULL)"), rust));
            ask(
                "!!XENMEM_SHARING_OP_FIELD_IS_GREF",
                memory::xenmem_sharing_op_field_is_gref(x).into(),
            );
            ask(
                "XENMEM_SHARING_OP_FIELD_GET_GREF",
                memory::xenmem_sharing_op_field_get_gref(x),
            );
            ask(
                "XENMEM_resource_ioreq_server_frame_ioreq",
                memory::xenmem_resource_ioreq_server_frame_ioreq(x),
            );
        }
        prove(view, &["xen.h", "memory.h"], "", &q)?;
    }
    Ok(())
}

#[test]
fn trace_headers_and_events() -> Result<()> {
    const SCHEDULERS: [(&str, u32); 5] = [
        ("CSCHED", 0),
        ("CSCHED2", 1),
        ("ARINC653", 3),
        ("RTDS", 4),
        ("SNULL", 5),
    ];
    for view in views() {
        let mut q = Vec::new();
        for x in words() {
            let mut ask = |c: String, rust: u32| q.push(question(c, rust.into()));
            ask(format!("TRC_HD_TO_EVENT({x}U)"), trace::trc_hd_to_event(x));
            ask(
                format!("TRC_HD_INCLUDES_CYCLE_COUNT({x}U)"),
                trace::trc_hd_includes_cycle_count(x).into(),
            );
            ask(format!("TRC_HD_EXTRA({x}U)"), trace::trc_hd_extra(x));
            for (name, number) in SCHEDULERS {
                // An event word has 32 bits, whatever C's `unsigned long` has.
                ask(
                    format!("(uint32_t)TRC_SCHED_CLASS_EVT({name}, {x}U)"),
                    trace::trc_sched_class_evt(number, x),
                );
            }
        }
        for i in 0..6 {
            let marks = [
                (32, trace::trc_pv_hypercall_v2_arg_32(i)),
                (64, trace::trc_pv_hypercall_v2_arg_64(i)),
            ];
            for (bits, mark) in marks {
                q.push(question(
                    format!("(uint32_t)TRC_PV_HYPERCALL_V2_ARG_{bits}({i})"),
                    mark.expect("a hypercall has six arguments").into(),
                ));
            }
        }
        prove(view, &["xen.h", "trace.h"], "", &q)?;
    }
    assert_eq!(trace::trc_pv_hypercall_v2_arg_32(6), None);
    assert_eq!(trace::trc_pv_hypercall_v2_arg_64(u32::MAX), None);
    Ok(())
}

#[test]
fn ring_indices() -> Result<()> {
    let page = "(*(struct xencons_interface *)0)";
    for view in views() {
        let mut q = Vec::new();
        for x in words() {
            let mut ask = |c: String, rust: usize| q.push(question(c, rust as u64));
            ask(
                format!("MASK_XENCONS_IDX({x}U, {page}.in)"),
                console::mask_xencons_idx::<1024>(x),
            );
            ask(
                format!("MASK_XENCONS_IDX({x}U, {page}.out)"),
                console::mask_xencons_idx::<2048>(x),
            );
            ask(
                format!("MASK_XENSTORE_IDX({x}U)"),
                xs_wire::mask_xenstore_idx(x),
            );
        }
        prove(view, &["xen.h", "io/console.h", "io/xs_wire.h"], "", &q)?;
    }
    Ok(())
}

/// C's eight bytes of a UUID, the first one highest.
const UUID_HALF: &str = "static unsigned long long half(xen_uuid_t uuid, int from)
    { unsigned long long v = 0; for (int i = 0; i < 8; i++) v = v << 8 | uuid.a[from + i]; return v; }";

/// The two halves of a UUID.
fn halves(expression: &str, uuid: xen::Uuid) -> [Question; 2] {
    let value = u128::from_be_bytes(uuid.bytes());
    [
        question(format!("half({expression}, 0)"), (value >> 64) as u64),
        question(format!("half({expression}, 8)"), value as u64),
    ]
}

#[test]
fn uuids() -> Result<()> {
    for view in views() {
        let mut q = Vec::new();
        let drawn: Vec<(u32, u16, u16, u16, u64)> = samples(&[
            (0, 0, 0, 0, 0),
            (0x0011_2233, 0x4455, 0x6677, 0x8899, 0xaabb_ccdd_eeff),
            (u32::MAX, u16::MAX, u16::MAX, u16::MAX, u64::MAX),
        ]);
        for (a, b, c, d, e) in drawn {
            let [_, _, e @ ..] = e.to_be_bytes();
            let bytes = e.map(|byte| byte.to_string()).join(", ");
            let uuid = format!("XEN_DEFINE_UUID({a}U, {b}, {c}, {d}, {bytes})");
            q.extend(halves(&uuid, xen::Uuid::new(a, b, c, d, e)));
        }
        for same in ["xen_uuid_t", "xen_domain_handle_t"] {
            let size = size_of::<xen::Uuid>() as u64;
            q.push(question(format!("sizeof({same})"), size));
        }
        prove(view, &["xen.h"], UUID_HALF, &q)?;
    }
    Ok(())
}

#[test]
fn owners_of_arm_calls() -> Result<()> {
    for view in views().filter(|view| !view.abi.is_x86()) {
        let mut q = Vec::from(halves("XEN_SMCCC_UID", smccc::XEN_SMCCC_UID));
        q.extend(halves("SSSC_SMCCC_UID", smccc::SSSC_SMCCC_UID));
        prove(view, &["xen.h", "arch-arm/smccc.h"], UUID_HALF, &q)?;
    }
    Ok(())
}

#[test]
fn pci_numbers_and_domain_options() -> Result<()> {
    for view in views() {
        let mut q = Vec::new();
        let drawn: Vec<(u16, u8, u8, u8)> = samples(&[
            (0, 0, 0, 0),
            (0x8000, 0x80, 0x1f, 7),
            (0xffff, 0xff, 0xff, 0xff),
        ]);
        for (s, b, d, f) in drawn {
            q.push(question(
                format!("XEN_DMOP_PCI_SBDF({s}U, {b}U, {d}U, {f}U)"),
                hvm::dm_op::xen_dmop_pci_sbdf(s, b, d, f).into(),
            ));
        }
        for x in words() {
            if view.release.0 != "4.14" {
                q.push(question(
                    format!("XEN_DOMCTL_GRANT_version({x}U)"),
                    domctl::xen_domctl_grant_version(x).into(),
                ));
            }
            if view.release == NEWEST {
                q.push(question(
                    format!("XEN_DOMCTL_ALTP2M_mode({x}U)"),
                    domctl::xen_domctl_altp2m_mode(x).into(),
                ));
            }
        }
        prove(view, &["xen.h", "domctl.h", "hvm/dm_op.h"], "", &q)?;
    }
    Ok(())
}

#[test]
fn x86_page_tables_and_cpuid() -> Result<()> {
    for view in views().filter(|view| view.abi.is_x86()) {
        let width = view.abi.pointer();
        let mut q = vec![
            question("sizeof(xen_pfn_to_cr3(1))", width),
            question("sizeof(xen_cr3_to_pfn(1))", width),
        ];
        for x in words() {
            let leaf = arch_x86::cpuid::xen_cpuid_leaf(x);
            q.push(question(format!("XEN_CPUID_LEAF({x}U)"), leaf.into()));
        }
        for x in long_words() {
            let (to, from) = if view.abi == Abi::X86_32 {
                use arch_x86::xen_x86_32::{xen_cr3_to_pfn, xen_pfn_to_cr3};
                let low = x as u32;
                (xen_pfn_to_cr3(low).into(), xen_cr3_to_pfn(low).into())
            } else {
                use arch_x86::xen_x86_64::{xen_cr3_to_pfn, xen_pfn_to_cr3};
                (xen_pfn_to_cr3(x), xen_cr3_to_pfn(x))
            };
            q.push(question(format!("xen_pfn_to_cr3({x}ULL)"), to));
            q.push(question(format!("xen_cr3_to_pfn({x}ULL)"), from));
        }
        prove(view, &["xen.h", "arch-x86/cpuid.h"], "", &q)?;
    }
    Ok(())
}

#[test]
fn trap_flags() -> Result<()> {
    use arch_x86::xen::{ti_get_dpl, ti_get_if, ti_set_dpl, ti_set_if};
    let prelude = "#define GET(macro, f) ({ trap_info_t ti = { .flags = f }; macro(&ti); })
        #define SET(macro, f, to) ({ trap_info_t ti = { .flags = f }; macro(&ti, to); ti.flags; })";
    for view in views().filter(|view| view.abi.is_x86()) {
        let mut q = Vec::new();
        for f in 0..=255u8 {
            let mut ask = |c: String, rust: u8| q.push(question(c, rust.into()));
            ask(format!("GET(TI_GET_DPL, {f})"), ti_get_dpl(f));
            ask(format!("!!GET(TI_GET_IF, {f})"), ti_get_if(f).into());
            for dpl in samples(&[0, 1, 2, 3]).into_iter().take(8) {
                ask(format!("SET(TI_SET_DPL, {f}, {dpl})"), ti_set_dpl(f, dpl));
            }
            for mask in [false, true] {
                let to = u8::from(mask) * 6;
                ask(format!("SET(TI_SET_IF, {f}, {to})"), ti_set_if(f, mask));
            }
        }
        prove(view, &["xen.h"], prelude, &q)?;
    }
    Ok(())
}

/// The records that a release's header declares for an ABI's architecture.
fn declared_records(view: View) -> Result<Vec<String>> {
    let public = view.release.include_dir().join("public");
    let arch = if view.abi.is_x86() { "x86" } else { "arm" };
    let mut names = Vec::new();
    for header in ["hvm/save.h".to_owned(), format!("arch-{arch}/hvm/save.h")] {
        for line in std::fs::read_to_string(public.join(header))?.lines() {
            let declared = line
                .strip_prefix("DECLARE_HVM_SAVE_TYPE(")
                .or(line.strip_prefix("DECLARE_HVM_SAVE_TYPE_COMPAT("));
            if let Some((name, _)) = declared.and_then(|rest| rest.split_once(',')) {
                names.push(name.to_owned());
            }
        }
    }
    Ok(names)
}

#[test]
fn save_records() -> Result<()> {
    use hvm::save::{ARM_RECORDS, SaveRecord, X86_RECORDS};
    use xen_public::abi::x86_32::arch_x86::hvm::save::hvm_hw_lapic;
    for view in views() {
        let records = match view.abi.is_x86() {
            true => X86_RECORDS,
            false => ARM_RECORDS,
        };
        let names = records.iter().map(|kind| kind.name).collect::<Vec<_>>();
        assert_eq!(declared_records(view)?, names, "{view}");
        let mut q = Vec::new();
        for kind in records {
            let (name, code) = (kind.name, kind.code.into());
            q.push(question(format!("HVM_SAVE_CODE({name})"), code));
            let length = match (name, view.abi) {
                ("LAPIC", Abi::X86_32) => hvm_hw_lapic::LENGTH,
                _ => kind.length,
            };
            if view.release == NEWEST {
                q.push(question(format!("HVM_SAVE_LENGTH({name})"), length.into()));
                q.push(question(
                    format!("sizeof(HVM_SAVE_TYPE({name}))"),
                    length.into(),
                ));
            }
        }
        prove(view, &["xen.h", "hvm/save.h"], "", &q)?;
    }
    Ok(())
}

#[test]
fn physical_processors() -> Result<()> {
    use xen_public::vcpu::{xen_vcpu_physid_to_x86_acpiid, xen_vcpu_physid_to_x86_apicid};
    for view in views() {
        let mut q = Vec::new();
        for x in long_words() {
            let mut ask =
                |c: &str, rust: u32| q.push(question(format!("{c}({x}ULL)"), rust.into()));
            ask(
                "xen_vcpu_physid_to_x86_apicid",
                xen_vcpu_physid_to_x86_apicid(x),
            );
            ask(
                "xen_vcpu_physid_to_x86_acpiid",
                xen_vcpu_physid_to_x86_acpiid(x),
            );
        }
        prove(view, &["xen.h", "vcpu.h"], "", &q)?;
    }
    Ok(())
}

/// An entry area with the given types and filling, as far as it has room, and the
/// number of entries.
fn machine_check_area(entries: &[(u8, u8)]) -> (u32, Vec<u8>) {
    let (mut area, mut count) = (Vec::new(), 0);
    for (kind, extra) in entries {
        let (start, size) = (area.len(), u16::from(4 + extra % 64));
        if start + usize::from(size) + 4 > arch_x86::xen_mca::MI_DATA_BYTES {
            break;
        }
        area.extend(u16::from(kind % 5).to_le_bytes());
        area.extend(size.to_le_bytes());
        area.resize(start + usize::from(size), *extra);
        count += 1;
    }
    (count, area)
}

#[test]
fn machine_check_entries() -> Result<()> {
    use arch_x86::xen_mca::{MI_DATA_BYTES, McInfo};
    for view in views().filter(|view| view.abi.is_x86()) {
        let mut q = vec![question("sizeof(mi.mi_data)", MI_DATA_BYTES as u64)];
        let mut prelude = String::from(
            "static struct mc_info mi;
            static struct mc_info *put(unsigned n, const void *data, size_t size)
            { mi.mi_nentries = n; memcpy(mi.mi_data, data, size); return &mi; }
            static long long at(void *entry)
            { return entry ? (char *)entry - (char *)mi.mi_data : -1; }
            static long long next(unsigned offset)
            { struct mcinfo_common *here = (void *)((char *)mi.mi_data + offset);
              return at(x86_mcinfo_next(here)); }
            #define LOOKUP(kind) ({ void *r; x86_mcinfo_lookup(r, &mi, kind); at(r); })\n",
        );
        let drawn: Vec<Vec<(u8, u8)>> = samples(&[vec![(0, 0)], vec![(3, 9), (1, 0), (1, 4)]]);
        for (number, entries) in drawn.iter().enumerate() {
            let (count, area) = machine_check_area(entries);
            if count == 0 {
                continue;
            }
            let list = area.iter().map(u8::to_string).collect::<Vec<_>>();
            let list = list.join(", ");
            prelude += &format!("static const unsigned char data{number}[] = {{ {list} }};\n");
            let info = McInfo::new(count, &area);
            let first = info.first().unwrap().expect("there is an entry");
            let put = format!("put({count}, data{number}, sizeof(data{number}))");
            q.push(question(
                format!("x86_mcinfo_nentries({put})"),
                info.nentries().into(),
            ));
            q.push(question("at(x86_mcinfo_first(&mi))", first.offset as u64));
            for entry in info.entries() {
                let entry = entry.expect("all sizes are true");
                let next = entry.offset + entry.bytes.len();
                q.push(question(format!("next({})", entry.offset), next as u64));
            }
            for kind in 0..6 {
                let found = info.lookup(kind).expect("all sizes are true");
                let at = found.map_or(u64::MAX, |entry| entry.offset as u64);
                q.push(question(format!("LOOKUP({kind})"), at));
            }
        }
        prove(view, &["xen.h", "arch-x86/xen-mca.h"], &prelude, &q)?;
    }
    Ok(())
}

#[test]
fn pv_driver_register() -> Result<()> {
    use hvm::pvdrivers::{PRODUCTS, product_name, product_number};
    let prelude = "#define NUMBER(name, number) number,
        #define NAME(name, number) name,
        static const int numbers[] = { PVDRIVERS_PRODUCT_LIST(NUMBER) };
        static const char *const names[] = { PVDRIVERS_PRODUCT_LIST(NAME) };";
    for view in views() {
        let count = PRODUCTS.len() as u64;
        let mut q = vec![question("sizeof(numbers) / sizeof(numbers[0])", count)];
        for (i, product) in PRODUCTS.iter().enumerate() {
            let name = product.name;
            q.push(question(format!("numbers[{i}]"), product.number.into()));
            q.push(question(format!("strcmp(names[{i}], \"{name}\")"), 0));
        }
        prove(view, &["hvm/pvdrivers.h"], prelude, &q)?;
    }
    for product in PRODUCTS {
        assert_eq!(product_name(product.number), Some(product.name));
        assert_eq!(product_number(product.name), Some(product.number));
    }
    assert_eq!(product_name(0), None);
    assert_eq!(product_number("Linux"), None);
    Ok(())
}

#[test]
fn xenstore_error_names() -> Result<()> {
    use xs_wire::{XSD_ERRORS, xsd_errno, xsd_error_name};
    // The table is there where errno.h's names are; Xen's numbers stand in for them.
    let defines = XSD_ERRORS.iter();
    let defines = defines.map(|(name, _)| format!("#define {name} XEN_{name}\n"));
    let defines: String = defines.collect();
    let prelude = format!("{defines}#include <public/io/xs_wire.h>\n");
    for view in views() {
        let errors = match view.release.0 {
            "4.14" => &XSD_ERRORS[..15],
            _ => XSD_ERRORS,
        };
        let count = errors.len() as u64;
        let mut q = vec![question(
            "sizeof(xsd_errors) / sizeof(xsd_errors[0])",
            count,
        )];
        for (i, (name, errno)) in errors.iter().enumerate() {
            let entry = format!("xsd_errors[{i}]");
            q.push(question(format!("{entry}.errnum"), errno.get() as u64));
            q.push(question(
                format!("strcmp({entry}.errstring, \"{name}\")"),
                0,
            ));
        }
        prove(view, &["xen.h", "errno.h"], &prelude, &q)?;
    }
    for &(name, errno) in XSD_ERRORS {
        assert_eq!(errno.name(), Some(name));
        assert_eq!(xsd_error_name(errno), Some(name));
        assert_eq!(xsd_errno(name.as_bytes()), Some(errno));
        assert_eq!(xsd_errno(format!("{name}\0").as_bytes()), Some(errno));
    }
    assert_eq!(xsd_errno(b""), None);
    assert_eq!(xsd_errno(b"EINVAL\0\0"), None);
    assert_eq!(xsd_error_name(Errno::EDOM), None);
    Ok(())
}

#[test]
fn a_wrong_value_is_caught_on_every_abi() -> Result<()> {
    for abi in ABIS {
        let view = View::new(NEWEST, abi, Mode::Tools);
        let right = memory::xenmemf_node(3).into();
        let questions = [
            question("XENMEMF_node(3U)", right),
            question("XENMEMF_node(3U)", right + 1),
        ];
        let found = differences(view, &["xen.h", "memory.h"], "", &questions)?;
        assert_eq!(found.len(), 1, "{found:?}");
        let wanted = "XENMEMF_node(3U) is 0x400 in C, 0x401 in Rust";
        assert!(found[0].contains(wanted), "{found:?}");
    }
    Ok(())
}
