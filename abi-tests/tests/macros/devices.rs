//! The macros of single devices' requests and responses.

use anyhow::Result;
use xen_public::io::usbif::*;
use xen_public::io::vscsiif::{xen_vscsiif_rslt_host, xen_vscsiif_rslt_status};

use super::{prove, question, samples, views, words};

/// A macro's name and the function that stands for it.
type Named<T> = (&'static str, fn(u32) -> T);

#[test]
fn usb_pipes() -> Result<()> {
    let numbers: [Named<u32>; 5] = [
        ("usbif_pipeportnum", usbif_pipeportnum),
        ("usbif_setunlink_pipe", usbif_setunlink_pipe),
        ("usbif_pipedevice", usbif_pipedevice),
        ("usbif_pipeendpoint", usbif_pipeendpoint),
        ("usbif_pipetype", usbif_pipetype),
    ];
    let truths: [Named<bool>; 8] = [
        ("usbif_pipeunlink", usbif_pipeunlink),
        ("usbif_pipesubmit", usbif_pipesubmit),
        ("usbif_pipein", usbif_pipein),
        ("usbif_pipeout", usbif_pipeout),
        ("usbif_pipeisoc", usbif_pipeisoc),
        ("usbif_pipeint", usbif_pipeint),
        ("usbif_pipectrl", usbif_pipectrl),
        ("usbif_pipebulk", usbif_pipebulk),
    ];
    // Each bit alone, and each kind of transfer.
    let edges: Vec<u32> = (0..32).map(|bit| 1 << bit).chain([0, 3 << 30]).collect();
    for view in views() {
        let mut q = Vec::new();
        let mut pipes = samples(&edges);
        pipes.extend(words());
        for pipe in pipes {
            for (name, rust) in numbers {
                q.push(question(format!("{name}({pipe}U)"), rust(pipe).into()));
            }
            for (name, rust) in truths {
                q.push(question(format!("!!{name}({pipe}U)"), rust(pipe).into()));
            }
            for port in [0, 1, 31, 32, u32::MAX] {
                q.push(question(
                    format!("usbif_setportnum_pipe({pipe}U, {port}U)"),
                    usbif_setportnum_pipe(pipe, port).into(),
                ));
            }
        }
        prove(view, &["xen.h", "io/usbif.h"], "", &q)?;
    }
    Ok(())
}

#[test]
fn scsi_results() -> Result<()> {
    // Xen 4.14 has them not yet.
    for view in views().filter(|view| view.release.0 != "4.14") {
        let mut q = Vec::new();
        for word in words() {
            let rslt = word as i32;
            q.push(question(
                format!("XEN_VSCSIIF_RSLT_STATUS((int32_t){word}U)"),
                xen_vscsiif_rslt_status(rslt).into(),
            ));
            q.push(question(
                format!("XEN_VSCSIIF_RSLT_HOST((int32_t){word}U)"),
                xen_vscsiif_rslt_host(rslt).into(),
            ));
        }
        prove(view, &["xen.h", "io/vscsiif.h"], "", &q)?;
    }
    Ok(())
}
