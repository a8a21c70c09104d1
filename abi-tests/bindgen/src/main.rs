//! Prints how xen-public compares with bindgen: a line a layout table, then what differs. Arguments are
//! the ABIs to compare; none is all of them.

use std::process::ExitCode;

use anyhow::bail;
use bindgen_oracle::report;
use xtask::headers::ABIS;
use xtask::tool;

fn main() -> anyhow::Result<ExitCode> {
    let mut abis = Vec::new();
    for name in std::env::args().skip(1) {
        match ABIS.into_iter().find(|abi| abi.module() == name) {
            Some(abi) => abis.push(abi),
            None => bail!(
                "`{name}` is none of {}",
                ABIS.map(|a| a.module()).join(", ")
            ),
        }
    }
    if abis.is_empty() {
        abis.extend(ABIS);
    }
    println!("{}", report::heading());
    let work = tool::cache_dir("bindgen")?;
    let lines = report::run(&abis, &work, |line| println!("{line}"))?;
    let mut differ = false;
    for line in &lines {
        for mismatch in &line.mismatches {
            differ = true;
            println!("{}: {mismatch}", line.view);
        }
    }
    Ok(if differ {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}
