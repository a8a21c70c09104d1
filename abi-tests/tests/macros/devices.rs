//! The macros of single devices' requests and responses.

use abi_tests::program::Question;
use anyhow::Result;
use xen_abi::ring::events::{
    CameraifIn, DisplifIn, EventTypes, FbifIn, FbifOut, KbdifIn, KbdifOut, SndifIn, slot_offset,
};
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

/// Asks for the first slot of an event page, the slot of each index, and figures that go with them.
fn event_slots<E: EventTypes>(name: &str, page: &str) -> Vec<Question> {
    let ring = format!("XEN{name}_RING");
    let way = if name.ends_with("_IN") { "in" } else { "out" };
    let size = size_of::<E::Event>() as u64;
    let mut q = vec![
        question(
            format!("(unsigned long){ring}((void *)0)"),
            E::OFFSET as u64,
        ),
        question(format!("{ring}_OFFS"), E::OFFSET as u64),
        question(format!("{ring}_LEN"), E::LEN.into()),
        question(format!("sizeof({ring}((void *)0)[0])"), size),
        question(
            format!("offsetof(struct {page}, {way}_cons)"),
            E::CONS as u64,
        ),
        question(
            format!("offsetof(struct {page}, {way}_prod)"),
            E::PROD as u64,
        ),
    ];
    // Each side of the wrap, where the slots jump, and each slot once.
    let mut indices = words();
    indices.extend((0..70u32).flat_map(|near| [near, 0u32.wrapping_sub(near)]));
    for index in indices {
        let c = format!("(unsigned long)&{ring}_REF((void *)0, (uint32_t){index}U)");
        q.push(question(c, slot_offset::<E>(index) as u64));
    }
    q
}

#[test]
fn event_pages() -> Result<()> {
    let headers = ["fbif", "kbdif", "displif", "sndif", "cameraif"].map(|h| format!("io/{h}.h"));
    let mut includes = vec!["xen.h"];
    includes.extend(headers.iter().map(String::as_str));
    for view in views() {
        let questions = [
            event_slots::<FbifIn>("FB_IN", "xenfb_page"),
            event_slots::<FbifOut>("FB_OUT", "xenfb_page"),
            event_slots::<KbdifIn>("KBD_IN", "xenkbd_page"),
            event_slots::<KbdifOut>("KBD_OUT", "xenkbd_page"),
            event_slots::<DisplifIn>("DISPL_IN", "xendispl_event_page"),
            event_slots::<SndifIn>("SND_IN", "xensnd_event_page"),
            event_slots::<CameraifIn>("CAMERA_IN", "xencamera_event_page"),
        ];
        let questions: Vec<_> = questions.into_iter().flatten().collect();
        prove(view, &includes, "", &questions)?;
    }
    Ok(())
}
