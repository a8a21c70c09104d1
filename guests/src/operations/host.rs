//! The program on simulated hypervisors: every release, every kind of guest.
#![allow(unsafe_code)]

use std::cell::{Cell, RefCell};
use std::ptr::NonNull;

use xen_abi::hypercall::simulate::{Builder, Simulated};
use xen_abi::hypercall::{Conduit, Result};
use xen_abi::version::{Guest, Operation, Release};
use xen_abi::xen_public::xen::{PAGE_SHIFT, PAGE_SIZE};

use crate::machine::{Callback, Machine, Page, WINDOWS, Window};
use crate::report::Report;

/// A simulated hypervisor whose console is kept apart, because old ones have none for HVM, and before which
/// stands a processor that can be interrupted: after a call, and whenever time passes.
#[derive(Debug)]
pub(super) struct Printing {
    xen: Simulated,
    lines: RefCell<Vec<u8>>,
    /// Whether the processor takes an upcall, and how many it has taken.
    open: Cell<bool>,
    upcalls: Cell<u32>,
}

impl Printing {
    /// Interrupts the processor, if it takes that and the hypervisor has told where to enter.
    fn interrupt(&self) {
        let told = self.xen.guest() != Some(Guest::Pv) || self.xen.event_callback().is_some();
        if self.open.get() && told && self.xen.deliverable(0) {
            self.open.set(false);
            self.upcalls.set(self.upcalls.get() + 1);
        }
    }
}

// SAFETY: console writes of which the caller vouches that they are texts are read, and everything else
// goes to the simulated hypervisor as it is.
unsafe impl Conduit for Printing {
    unsafe fn hypercall(&self, number: u32, arguments: [usize; 5]) -> isize {
        let [command, length, address, ..] = arguments;
        let console = Operation::__HYPERVISOR_console_io.hypercall();
        if number == console && command == 0 && address < Simulated::NOWHERE {
            let from = core::ptr::with_exposed_provenance::<u8>(address);
            // SAFETY: the call's text is that long.
            let text = unsafe { core::slice::from_raw_parts(from, length) };
            self.lines.borrow_mut().extend_from_slice(text);
            return 0;
        }
        let block = Operation::SCHEDOP_block;
        if self.xen.guest() == Some(Guest::Arm)
            && (number, command) == (block.hypercall(), block.number() as usize)
        {
            // Xen lets interrupts in.
            self.open.set(true);
        }
        // SAFETY: the caller keeps the contract of this same call.
        let answer = unsafe { self.xen.hypercall(number, arguments) };
        self.interrupt();
        answer
    }

    fn guest(&self) -> Option<Guest> {
        self.xen.guest()
    }
}

/// A domain of a simulated hypervisor.
#[derive(Debug)]
pub(super) struct Host {
    way: Printing,
    guest: Guest,
    frames: RefCell<Vec<u64>>,
    given: Cell<usize>,
    hole: u64,
}

impl Host {
    pub(super) fn new(release: Release, guest: Guest) -> Self {
        Self::built(guest, Simulated::builder(release, guest))
    }

    pub(super) fn built(guest: Guest, builder: Builder) -> Self {
        let xen = builder.build();
        let frames = xen.frames();
        // Above everything that the simulated machine has.
        let hole = frames.iter().max().copied().unwrap_or(0) + 0x10_0000;
        Self {
            way: Printing {
                xen,
                lines: RefCell::default(),
                open: Cell::new(false),
                upcalls: Cell::new(0),
            },
            guest,
            frames: RefCell::new(frames),
            given: Cell::new(0),
            hole,
        }
    }

    pub(super) fn simulated(&self) -> &Simulated {
        &self.way.xen
    }

    /// What the program said.
    pub(super) fn console(&self) -> String {
        String::from_utf8_lossy(&self.way.lines.borrow()).into_owned()
    }
}

// SAFETY: pages are the simulated hypervisor's, each given once; windows are frames that it has none at.
unsafe impl Machine for Host {
    type Way = Printing;

    fn xen(&self) -> &Printing {
        &self.way
    }

    fn guest(&self) -> Guest {
        self.guest
    }

    fn command_line(&self) -> &str {
        match self.guest {
            Guest::Arm => "expect=any without=CONFIG_ARGO+CONFIG_HAS_PCI+CONFIG_IOREQ_SERVER",
            _ => {
                "expect=any without=CONFIG_ARGO+CONFIG_XSM+CONFIG_MEM_PAGING+CONFIG_MEM_SHARING+vpmu"
            }
        }
    }

    fn page(&self) -> Option<NonNull<Page>> {
        let frame = *self.frames.borrow().get(self.given.get())?;
        self.given.set(self.given.get() + 1);
        let page = self.way.xen.page(frame)?;
        page.as_ptr().expose_provenance();
        Some(page.cast())
    }

    fn frame(&self, address: usize) -> u64 {
        let page = address & !(PAGE_SIZE - 1);
        let holds = |frame: u64| {
            let place = self.way.xen.page(frame);
            place.is_some_and(|place| place.as_ptr().addr() & !(PAGE_SIZE - 1) == page)
        };
        self.frames
            .borrow()
            .iter()
            .copied()
            .find(|&frame| holds(frame))
            .unwrap_or_else(|| panic!("{address:#x} is in no page of the domain's"))
    }

    unsafe fn occupy(&self, page: NonNull<Page>, frame: u64) -> Result<NonNull<Page>> {
        let place = self.way.xen.page(frame);
        let place = place.unwrap_or_else(|| panic!("{page:?} has no frame {frame:#x}"));
        place.as_ptr().expose_provenance();
        self.frames.borrow_mut().push(frame);
        Ok(place.cast())
    }

    fn window(&self, index: usize) -> Option<Window> {
        let frame = self.hole + index as u64;
        (index < WINDOWS).then_some(Window {
            address: (frame << PAGE_SHIFT) as usize,
            frame: (self.guest != Guest::Pv).then_some(frame),
        })
    }

    fn behind(&self, window: Window) -> Option<NonNull<Page>> {
        let bytes = self.way.xen.mapped(window.address as u64)?;
        Some(bytes.cast())
    }

    fn nowhere(&self) -> usize {
        Simulated::NOWHERE
    }

    fn shared_info(&self) -> Result<NonNull<u8>> {
        Ok(self.way.xen.shared_info().cast())
    }

    fn callback(&self) -> Option<Callback> {
        Some(match self.guest {
            // Some address of code: nobody goes there.
            Guest::Pv => Callback::Entry(PAGE_SIZE),
            Guest::Hvm => Callback::Vector(0x40),
            _ => Callback::Interrupt(31),
        })
    }

    fn let_in(&self) {
        self.way.open.set(true);
        self.way.interrupt();
    }

    fn keep_out(&self) {
        self.way.open.set(false);
    }

    fn upcalls(&self) -> u32 {
        self.way.upcalls.get()
    }

    fn ticks(&self) -> u64 {
        // Time passes as the program looks at the clock.
        self.way.xen.advance(100_000);
        self.way.interrupt();
        self.way.xen.clock()
    }

    fn ticks_per_second(&self) -> u64 {
        1_000_000_000
    }
}

/// Runs everything on a release; the surprises.
fn surprises(release: Release, guest: Guest) -> Vec<String> {
    let host = Host::new(release, guest);
    let mut report = Report::new(host.xen());
    super::run(&host, &mut report);
    let _ = report.verdict();
    let harm = host.simulated().harm();
    let lines = host.console();
    let mut surprises: Vec<String> = lines
        .lines()
        .filter(|line| line.starts_with("FAIL"))
        .map(|line| format!("Xen {release}, {guest}: {line}"))
        .collect();
    surprises.extend(
        harm.iter()
            .map(|harm| format!("{release} {guest}: {harm:?}")),
    );
    surprises
}

/// In all releases and for all kinds of guest, each operation is carried out as the table predicts, or
/// refused as it predicts, and no call does harm.
#[test]
fn everything_goes_as_predicted_on_every_release() {
    let mut wrong = Vec::new();
    let mut runs = 0;
    for guest in Guest::ALL {
        for release in Release::ALL {
            if Simulated::exists(release, guest) {
                wrong.extend(surprises(release, guest));
                runs += 1;
            }
        }
    }
    assert!(runs > 70, "{runs}");
    assert!(
        wrong.is_empty(),
        "{} surprises:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}
