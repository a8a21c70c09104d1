//! A hypervisor in memory, to run code against without Xen.
//!
//! [`Simulated`] is a conduit whose other end is Rust in the same process. It plays the hypervisor
//! of any [`Release`] to one domain of any [kind](Guest): what that release has works, with event
//! channels, grants, memory, virtual processors, timers and a console behind it; what it does not
//! have is refused with the error that this release gives to this kind of guest, which is not always
//! ENOSYS. The oldest releases look at five bits of a hypercall's number only and run another one:
//! this one does too, with the registers as they are, but does not follow addresses that were meant for
//! the other.
//!
//! ```
//! use xen_abi::hypercall::simulate::Simulated;
//! use xen_abi::hypercall::xen_version;
//! use xen_abi::version::{Guest, Release};
//!
//! let xen = Simulated::new(Release::new(4, 14, 5), Guest::Hvm);
//! assert_eq!(xen_version::version(&xen).unwrap().minor, 14);
//! ```
//!
//! # What a test learns
//!
//! - A call that would do *harm* on that release panics, with the call's name: see [`Harm`]. A
//!   hypervisor made with [`Builder::record_harm`] goes on, and [`Simulated::harm`] has the list.
//! - A call that is there but not played is refused with EIO, which no absent call answers, and is
//!   on the list of [`Simulated::unmodelled`].
//! - [`Simulated::falsify`] makes it lie, to see how the code under test takes nonsense.
//! - [`Simulated::calls`] are all calls as they arrived.
//!
//! # What the guest has
//!
//! One domain, number 0 and privileged unless the [`Builder`] says otherwise, whose first virtual
//! processor makes the calls. Argument structures are those of the compile target's ABI, and their
//! pointers are addresses of this process; address 0 and ranges that wrap around count as harm and
//! are refused with EFAULT. A test that wants a bad address has [`Simulated::NOWHERE`].
//!
//! Memory is counted in pages. [`Simulated::frames`] are those that the domain begins with, and
//! [`Simulated::page`] is where the bytes of a frame are: frame numbers of the machine for PV, of the
//! guest for HVM and ARM. The guest's own address space is not played: an address to map a grant at
//! is a frame number times 4096, and [`Simulated::mapped`] has the bytes there. What Xen shares with
//! the guest is at [`Simulated::shared_info`].
//!
//! [`Builder::peer`] gives it a neighbour, a second domain that has memory, event channels, a grant
//! table and what a device model does to it, but runs no code: the test acts for it by
//! [`Simulated::peer`], and sees there what the calls have done to it.
//!
//! Time stands still until [`Simulated::advance`] or a call that waits.
//!
//! It allocates, unlike the rest of this crate: it is for tests.
#![allow(unsafe_code)]

mod build;
mod bytes;
mod caller;
mod console;
mod device_model;
mod dispatch;
mod events;
mod fifo;
mod grant_maps;
mod grants;
mod hvm;
mod hypfs;
mod matrix;
mod memory;
mod old_device_model;
mod others;
mod peer;
mod physdev;
mod physmap;
mod presence;
mod pv;
mod reservations;
mod sched;
mod served;
mod toolstack;
mod vcpus;
mod versions;

use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec::Vec;
use core::cell::RefCell;
use core::fmt;
use core::ptr::NonNull;

use xen_public::features::Features;
use xen_public::native::xen::{DOMID_SELF as SELF, shared_info};
use xen_public::xen::Mfn;

use self::build::Setup;
pub use self::build::{Build, Builder};
use self::caller::{Answer, Refusal, refuse};
use self::events::Events;
use self::grants::Grants;
pub use self::matrix::{Totals, Way, Ways};
use self::memory::{Kind, Memory, Place};
pub use self::peer::Peer;
use self::peer::{Neighbour, Whose};
use self::physdev::Devices;
use self::pv::Kernel;
use self::sched::Sched;
pub use self::served::IoreqServer;
use self::vcpus::Vcpu;
use super::sched_op::ShutdownReason;
use super::{Conduit, Errno};
use crate::version::{Guest, Release};

const DOMID_SELF: u16 = SELF as u16;

/// A hypercall as it arrived.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Call {
    /// Its number.
    pub number: u32,
    /// Its arguments.
    pub arguments: [usize; 5],
}

/// Why a call would do harm on the release that is played.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Harm {
    /// The release looks at five bits of the number and runs this hypercall in place of the one
    /// that was meant.
    Masked(u32),
    /// An address that cannot be memory.
    BadPointer(usize),
    /// Something is put at a frame number that holds more than the guest's own memory: the domain
    /// crashes, or loses what it shares with Xen.
    Overwrites(u64),
    /// The domain waits for an event, and nothing is left that could raise one.
    SleepsForever,
    /// The call does not come back as a function does.
    NoReturn,
}

impl fmt::Display for Harm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Masked(number) => {
                write!(f, "this release runs hypercall {number} in its place")
            }
            Self::BadPointer(address) => write!(f, "{address:#x} cannot be memory"),
            Self::Overwrites(frame) => {
                write!(
                    f,
                    "frame {frame:#x} holds a page of Xen's or of another domain's"
                )
            }
            Self::SleepsForever => f.write_str("nothing will ever wake the domain"),
            Self::NoReturn => f.write_str("the call does not return"),
        }
    }
}

/// The state behind a [`Simulated`].
#[derive(Debug)]
struct Machine {
    setup: Setup,
    memory: Memory,
    /// The machine frame that is shared with the domain.
    shared_info: u64,
    events: Events,
    grants: Grants,
    /// The second domain, if there is one.
    peer: Option<Neighbour>,
    vcpus: Vec<Vcpu>,
    current: u32,
    /// Nanoseconds since the start.
    clock: u64,
    sched: Sched,
    /// The memory map that the guest is told.
    e820: Vec<physmap::E820>,
    kernel: Kernel,
    devices: Devices,
    /// Parameters of HVM and ARM guests.
    parameters: [u64; hvm::PARAMETERS],
    /// Seconds and nanoseconds that domain 0 has set.
    wallclock: (u64, u32),
    console: Vec<u8>,
    input: VecDeque<u8>,
    calls: Vec<Call>,
    lies: Vec<(u32, usize, isize)>,
    now: Call,
    harm: Vec<(Call, Harm)>,
    unmodelled: Vec<Call>,
}

impl Machine {
    fn new(setup: Setup) -> Self {
        let mut memory = Memory::new(&setup);
        let shared = memory.fresh();
        if setup.pv() {
            let place = Place {
                machine: shared,
                kind: Kind::SharedInfo,
            };
            memory.put(shared, place);
        }
        let vcpus = (0..setup.vcpus).map(|id| Vcpu::new(id == 0)).collect();
        let mut machine = Self {
            memory,
            shared_info: shared,
            events: Events::new(),
            grants: Grants::new(),
            peer: None,
            vcpus,
            current: 0,
            clock: 0,
            sched: Sched::default(),
            e820: Vec::new(),
            kernel: Kernel::default(),
            devices: Devices::default(),
            parameters: [0; hvm::PARAMETERS],
            wallclock: (0, 0),
            console: Vec::new(),
            input: VecDeque::new(),
            calls: Vec::new(),
            lies: Vec::new(),
            now: Call {
                number: 0,
                arguments: [0; 5],
            },
            harm: Vec::new(),
            unmodelled: Vec::new(),
            setup,
        };
        machine.begin_grants(Whose::Own);
        machine.begin_peer();
        machine.e820 = machine.first_e820();
        for vcpu in 0..machine.setup.vcpus {
            // A PV guest begins without upcalls.
            machine.set_upcall_mask(vcpu, machine.setup.pv());
        }
        machine
    }

    /// The call under way does harm.
    fn harm(&mut self, harm: Harm) {
        self.harm.push((self.now, harm));
    }

    /// The call under way is one that the release has and this simulation has not.
    fn unmodelled(&mut self, answer: Errno) -> Answer {
        self.unmodelled.push(self.now);
        refuse(answer)
    }

    /// Turns an answer into what stands in the result register.
    fn register(&mut self, answer: Answer) -> isize {
        match answer {
            Ok(value) => value as isize,
            Err(Refusal::Errno(errno)) => errno.to_return() as isize,
            Err(Refusal::BadPointer(address)) => {
                self.harm(Harm::BadPointer(address));
                Errno::EFAULT.to_return() as isize
            }
        }
    }
}

/// A simulated hypervisor; see the [module](self) for what it can and cannot do.
#[derive(Debug)]
pub struct Simulated {
    machine: RefCell<Machine>,
}

impl Simulated {
    /// An address at which the guest has no memory: a call that looks there is refused with EFAULT,
    /// which is not counted as harm. It is the last page of all addresses.
    pub const NOWHERE: usize = usize::MAX & !0xfff;

    /// Whether a release had guests of a kind: HVM from 3.0.3, ARM from 4.2.
    pub fn exists(release: Release, guest: Guest) -> bool {
        presence::guest_exists(release, guest)
    }

    /// A release's hypervisor below a privileged domain of a kind, built as distributions build it.
    ///
    /// # Panics
    ///
    /// If that release had no such guests: see [`Simulated::exists`].
    pub fn new(release: Release, guest: Guest) -> Self {
        Self::builder(release, guest).build()
    }

    /// The same, to be changed before it starts.
    pub fn builder(release: Release, guest: Guest) -> Builder {
        Builder::new(release, guest)
    }

    fn start(setup: Setup) -> Self {
        assert!(
            Self::exists(setup.release, setup.guest),
            "Xen {} has no {} guests",
            setup.release,
            setup.guest
        );
        if let Some((domid, guest)) = setup.peer {
            let beside = (guest == Guest::Arm) == setup.arm();
            assert!(
                beside,
                "no machine has {guest} guests beside its {}",
                setup.guest
            );
            let there = Self::exists(setup.release, guest);
            assert!(there, "Xen {} has no {guest} guests", setup.release);
            assert!(domid != setup.domid, "both domains have the number {domid}");
        }
        Self {
            machine: RefCell::new(Machine::new(setup)),
        }
    }

    /// The release that is played.
    pub fn release(&self) -> Release {
        self.machine.borrow().setup.release
    }

    /// Whether the domain may do what domain 0 may.
    pub fn is_privileged(&self) -> bool {
        self.machine.borrow().setup.privileged
    }

    /// The features that it gives to the domain.
    pub fn features(&self) -> Features {
        versions::features(&self.machine.borrow().setup)
    }

    /// From now on, sub-op `sub_op` of hypercall `number` does nothing and answers `answer`, in
    /// place of what it was told to answer before.
    pub fn falsify(&self, number: u32, sub_op: usize, answer: isize) {
        let mut machine = self.machine.borrow_mut();
        machine.lies.push((number, sub_op, answer));
    }

    /// All hypercalls so far, in order.
    pub fn calls(&self) -> Vec<Call> {
        self.machine.borrow().calls.clone()
    }

    /// The harm that was done, if it is [recorded](Builder::record_harm).
    pub fn harm(&self) -> Vec<(Call, Harm)> {
        self.machine.borrow().harm.clone()
    }

    /// The calls that the release has and this simulation has not.
    pub fn unmodelled(&self) -> Vec<Call> {
        self.machine.borrow().unmodelled.clone()
    }

    /// Everything that was written to the console.
    pub fn console(&self) -> Vec<u8> {
        self.machine.borrow().console.clone()
    }

    /// Somebody types on the console.
    pub fn type_in(&self, text: &[u8]) {
        self.machine.borrow_mut().input.extend(text);
    }

    /// Why the domain ended, if it did. The real hypervisor would not have run it any further;
    /// this one can't stop its caller and goes on answering.
    pub fn ended(&self) -> Option<ShutdownReason> {
        self.machine.borrow().sched.ended
    }

    /// Nanoseconds since the start.
    pub fn clock(&self) -> u64 {
        self.machine.borrow().clock
    }

    /// Lets time pass, and timers fire.
    pub fn advance(&self, nanoseconds: u64) {
        let mut machine = self.machine.borrow_mut();
        let time = machine.clock.saturating_add(nanoseconds);
        machine.advance_to(time);
    }

    /// Makes another virtual processor the one that calls.
    ///
    /// # Panics
    ///
    /// If there is no such processor.
    pub fn switch_to(&self, vcpu: u32) {
        let mut machine = self.machine.borrow_mut();
        assert!(vcpu < machine.setup.vcpus, "no such virtual processor");
        machine.current = vcpu;
    }

    /// Raises a virtual interrupt of a virtual processor; whether the guest had bound it.
    pub fn raise_virq(&self, virq: u32, vcpu: u32) -> bool {
        self.machine.borrow_mut().raise_virq(virq, vcpu)
    }

    /// The numbers of the frames that are the domain's own memory.
    pub fn frames(&self) -> Vec<u64> {
        self.machine.borrow().memory.frames()
    }

    /// The bytes of a frame, by its number; `None` for a hole. They stay where they are as long as
    /// this hypervisor exists, its guest's or not.
    pub fn page(&self, frame: u64) -> Option<NonNull<u8>> {
        let machine = self.machine.borrow();
        let place = machine.memory.place(frame)?;
        Some(machine.memory.page(place.machine))
    }

    /// The bytes of a page by the machine's number, whoever has it; `None` if nobody ever had.
    pub fn machine_page(&self, frame: Mfn) -> Option<NonNull<u8>> {
        let memory = &self.machine.borrow().memory;
        let there = memory.is_used(frame.get());
        there.then(|| memory.page(frame.get()))
    }

    /// The bytes at an address that the guest has had a grant mapped at.
    pub fn mapped(&self, address: u64) -> Option<NonNull<u8>> {
        let machine = self.machine.borrow();
        let linear = machine.memory.linear(address);
        let place = linear.or_else(|| machine.memory.place(address >> 12))?;
        Some(machine.memory.page(place.machine))
    }

    /// A parameter of an HVM or ARM guest, as its toolstack sets it.
    ///
    /// # Panics
    ///
    /// If no release has a parameter of that number.
    pub fn set_parameter(&self, index: usize, value: u64) {
        self.machine.borrow_mut().parameters[index] = value;
    }

    /// Seconds and nanoseconds of the wall clock that domain 0 has set.
    pub fn wallclock(&self) -> (u64, u32) {
        self.machine.borrow().wallclock
    }

    /// Where a PV guest wants to be entered for events, once it has said so.
    pub fn event_callback(&self) -> Option<usize> {
        self.machine.borrow().event_callback()
    }

    /// Whether a virtual processor would be interrupted for an event now.
    pub fn deliverable(&self, vcpu: u32) -> bool {
        self.machine.borrow().deliverable(vcpu)
    }

    /// Whether there is a second domain.
    #[cfg(test)]
    pub(crate) fn has_peer(&self) -> bool {
        self.machine.borrow().peer.is_some()
    }

    /// The second domain.
    ///
    /// # Panics
    ///
    /// If it was made without one: see [`Builder::peer`].
    pub fn peer(&self) -> Peer<'_> {
        Peer::new(self)
    }

    /// The page that Xen shares with the domain, wherever the guest has mapped it.
    pub fn shared_info(&self) -> NonNull<shared_info> {
        let machine = self.machine.borrow();
        machine.memory.page(machine.shared_info).cast()
    }

    /// The machine's number of that page, which a PV guest is told when it starts.
    pub fn shared_info_frame(&self) -> u64 {
        self.machine.borrow().shared_info
    }
}

// SAFETY: the calls are answered from memory of the simulation's own. What is touched of the
// caller's is what the header gives to the call, in the types of `xen_public::native`, and no
// address is kept but those which the header lets a guest register.
unsafe impl Conduit for Simulated {
    unsafe fn hypercall(&self, number: u32, arguments: [usize; 5]) -> isize {
        let (answer, harm) = {
            let mut machine = self.machine.borrow_mut();
            let before = machine.harm.len();
            // SAFETY: this function's contract is that of the call.
            let answer = unsafe { machine.call(number, arguments) };
            let harm = machine.harm[before..].first().copied();
            (answer, harm.filter(|_| !machine.setup.recording))
        };
        if let Some((call, harm)) = harm {
            let name = dispatch::name(call.number);
            panic!(
                "harm: {name} (hypercall {}), arguments {:x?}: {harm}",
                call.number, call.arguments
            );
        }
        answer
    }

    /// The kind of guest that it was made for: with ARM's on x86, nothing else tells.
    fn guest(&self) -> Option<Guest> {
        Some(self.machine.borrow().setup.guest)
    }
}

/// A text of one line about the hypervisor, such as `Xen 4.14.5 for x86 PV`.
impl fmt::Display for Simulated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let machine = self.machine.borrow();
        let Setup { release, guest, .. } = &machine.setup;
        let text: String = alloc::format!("Xen {release} for {guest}");
        f.pad(&text)
    }
}

#[cfg(test)]
mod tests;
