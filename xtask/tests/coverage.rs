//! The inventory and the probe of `cargo xtask coverage`, on the real headers and the real crate.

use std::collections::BTreeSet;

use anyhow::{Context, Result, anyhow};
use clang::Clang;
use xtask::compiler::{Compiler, Family};
use xtask::coverage::inventory::Inventory;
use xtask::coverage::item::{Item, Kind, Shape, Void};
use xtask::coverage::probe::Probe;
use xtask::headers::{Abi, Mode, NEWEST, View};

#[test]
fn an_inventory_has_the_hard_cases() -> Result<()> {
    let clang = Clang::new().map_err(|e| anyhow!("{e}"))?;
    let compiler = Compiler::find(Family::Clang, Abi::X86_64)?;
    let view = View::new(NEWEST, Abi::X86_64, Mode::Tools);
    let inventory = Inventory::read(&clang, &compiler, view)?;
    let get = |kind, name: &str| -> Result<&Item> {
        let item = inventory.get(kind, name);
        item.with_context(|| format!("{name} is not in the inventory"))
    };

    let request = get(Kind::Type, "blkif_request")?;
    assert_eq!(request.header, "io/blkif.h");
    assert!(
        request.fact.contains("id@64 unsigned long"),
        "{}",
        request.fact
    );
    assert_eq!(
        get(Kind::Type, "start_info_t")?.fact,
        get(Kind::Type, "start_info")?.fact,
        "a typedef is what it stands for"
    );
    // A struct without a name, in a union without a name.
    let leaf = get(Kind::Field, "cpu_user_regs_rax.eax")?;
    assert_eq!(leaf.header, "arch-x86/xen-x86_64.h");
    // A struct without a tag in one without a tag, one in an array, and bits of a nameless one.
    get(Kind::Field, "hvm_hw_cpu_xsave_save_area_fpu_sse.x")?;
    get(Kind::Field, "hvm_msr.count")?;
    let bits = get(
        Kind::Field,
        "hvm_hw_cpu_pending_event_pending_vector.pending_vector",
    )?;
    assert!(matches!(bits.shape, Shape::Bitfield { .. }), "{bits:?}");
    // Written by a macro that another header defines; a macro whose value has a type; a string; a guard.
    let error = get(Kind::Enumerator, "XEN_EPERM")?;
    assert_eq!(
        (error.header.as_str(), &error.shape),
        ("errno.h", &Shape::Value("i32".into()))
    );
    let shape = |name| get(Kind::Object, name).map(|item| item.shape.clone());
    assert_eq!(shape("DOMID_SELF")?, Shape::Value("u32".into()));
    assert_eq!(shape("XEN_ELFNOTE_ENTRY")?, Shape::Value("i32".into()));
    assert_eq!(
        shape("XEN_IO_PROTO_ABI_NATIVE")?,
        Shape::Value("&str".into())
    );
    assert_eq!(
        get(Kind::Object, "__XEN_PUBLIC_XEN_H__")?.void,
        Some(Void::Empty)
    );
    get(Kind::Function, "xen_9pfs_mask")?;
    let macros = inventory.items.iter();
    let macros = macros.filter(|item| item.kind == Kind::FunctionMacro);
    let request: Vec<&Item> = macros
        .filter(|item| item.name == "RING_GET_REQUEST")
        .collect();
    assert_eq!(request.len(), 1);
    assert_eq!(request[0].header, "io/ring.h");
    Ok(())
}

#[test]
fn the_probe_finds_what_the_crate_does_not_have() -> Result<()> {
    let blkif = "xen_public::abi::x86_64::io::blkif";
    let offset =
        |field| format!("const _: usize = core::mem::offset_of!({blkif}::blkif_request, {field});");
    let there = [
        format!("use {blkif}::blkif_request as _;"),
        format!("const _: i32 = {blkif}::BLKIF_OP_READ;"),
        offset("id"),
    ];
    let away = [
        // Each is found by another phase of the compiler.
        format!("use {blkif}::blkif_requests as _;"),
        "use xen_public::abi::x86_64::io::blkiff::blkif_request as _;".to_owned(),
        format!("const _: i32 = {blkif}::BLKIF_OP_NONE;"),
        format!("const _: u32 = {blkif}::BLKIF_OP_READ;"),
        offset("ids"),
    ];
    let questions: BTreeSet<String> = there.iter().chain(&away).cloned().collect();
    let answer = Probe::new("self-test")?.ask(&questions, |line| println!("{line}"))?;
    assert_eq!(answer.passed, BTreeSet::from(there));
    let failed: BTreeSet<String> = answer.failed.into_keys().collect();
    assert_eq!(failed, BTreeSet::from(away));
    Ok(())
}
