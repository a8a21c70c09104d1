//! What device models and drivers ask: `hvm_op`, `dm_op`, `hypfs_op`, and what is left out of these
//! builds: `argo_op`, alternative views of memory, `tmem_op`.
#![allow(unsafe_code)]

use xen_abi::hypercall::argo_op;
use xen_abi::hypercall::dm_op;
use xen_abi::hypercall::hvm_op::{self, HvmParam, MemType, altp2m};
use xen_abi::hypercall::hypfs_op::{self, EntryType, Found};
use xen_abi::hypercall::tmem_op::{self, Pool};
use xen_abi::hypercall::{Errno, Error, Result};
use xen_abi::version::{Absent, Guest, Kind, Operation, Privilege, Release};
use xen_abi::xen_public::xen::{DomId, Gfn};

use super::entries::OWN;
use super::{Outcome, Program};
use crate::machine::{Machine, WINDOWS};

/// A domain that there is not.
const NOBODY: DomId = DomId::new(0x7abc);

/// What a parameter's reading should come to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Reading {
    /// A value.
    Value,
    /// This error.
    Refused(Errno),
    /// Xen does not have it.
    Absent,
    /// The table does not say.
    Unknown,
}

impl<M: Machine> Program<'_, '_, M> {
    /// `hvm_op`, `dm_op`, `hypfs_op`, `argo_op` and `tmem_op`, as far as they do no damage.
    pub fn hvm_devices(&mut self) {
        self.parameters();
        self.set_parameters();
        self.hvm();
        self.device_models();
        self.file_system();
        self.not_built_in();
    }

    fn guest(&self) -> Guest {
        self.machine().guest()
    }

    fn since(&self, major: u8, minor: u8) -> bool {
        !self.xen().release().before(Release::new(major, minor, 0))
    }

    /// All parameters are read; each gives its value, or the error that the table predicts.
    fn parameters(&mut self) {
        let get = Operation::HVMOP_get_param;
        if self.xen().can(get).is_err() {
            let _ = self.run(get, |xen| {
                hvm_op::get_param(xen, DomId::SELF, HvmParam::CALLBACK_IRQ)
            });
            return;
        }
        let (mut values, mut others) = (0, 0);
        for index in 0..=HvmParam::MCA_CAP.index() {
            let param = HvmParam::new(index);
            let expected = self.reading(index);
            let found = hvm_op::get_param(self.xen(), DomId::SELF, param);
            let seen = match found {
                Ok(_) => Reading::Value,
                Err(Error::Refused { errno, .. }) => Reading::Refused(errno),
                Err(_) => Reading::Absent,
            };
            let rows = Operation::all().filter(|row| {
                row.kind() == Kind::Param && row.number() == index && row.parent() == Some(get)
            });
            for row in rows {
                if self.xen().can(row).is_ok() {
                    self.mark(row, seen == Reading::Value);
                }
            }
            match seen {
                Reading::Value => {
                    values += 1;
                    self.report().direct();
                }
                Reading::Absent => {
                    others += 1;
                    self.report().unsupported();
                }
                _ => {
                    others += 1;
                    self.report().direct();
                }
            }
            self.check(
                get,
                seen == expected,
                format_args!("{param}: {seen:?}, not {expected:?}"),
            );
        }
        self.report()
            .say(format_args!("parameters: {values} read, {others} not"));
    }

    /// What the table says of reading a parameter of one's own.
    fn reading(&self, index: u32) -> Reading {
        let (guest, xen) = (self.guest(), self.xen());
        let rows = || {
            Operation::all().filter(move |row| {
                row.kind() == Kind::Param
                    && row.parent() == Some(Operation::HVMOP_get_param)
                    && row.number() == index
            })
        };
        let offered = rows().into_iter().find(|&row| xen.can(row).is_ok());
        let Some(row) = offered.or_else(|| rows().next_back()) else {
            return Reading::Unknown;
        };
        // There is the call, but not for a PV guest itself.
        if guest == Guest::Pv {
            return match offered {
                Some(_) => Reading::Refused(Errno::EINVAL),
                None => Reading::Absent,
            };
        }
        let checked = match guest {
            Guest::Arm => self.since(4, 14),
            _ => self.since(4, 6),
        };
        match (offered, row.expected_error(guest, xen.release())) {
            (Some(_), _) if row.privilege() == Privilege::Control && checked => {
                Reading::Refused(Errno::EPERM)
            }
            (Some(_), _) | (None, Absent::FalseSuccess) => Reading::Value,
            (None, Absent::Errno(errno)) if errno == Errno::EINVAL => Reading::Absent,
            (None, Absent::Errno(errno)) => Reading::Refused(errno),
            (None, _) => Reading::Unknown,
        }
    }

    /// A parameter that has no effect is set to what it is, and one that is not for the domain itself is
    /// refused.
    fn set_parameters(&mut self) {
        let operation = Operation::HVMOP_set_param;
        let guest = self.guest();
        let checked = match guest {
            Guest::Arm => self.since(4, 14),
            guest => guest == Guest::Hvm && self.since(4, 6),
        };
        for (param, own) in [
            (HvmParam::CALLBACK_IRQ, guest == Guest::Hvm),
            (HvmParam::CONSOLE_PFN, false),
        ] {
            let value = hvm_op::get_param(self.xen(), DomId::SELF, param).unwrap_or(0);
            let refusals: &[Errno] = match guest {
                Guest::Pv => &[Errno::EINVAL],
                _ if checked && !own => &[Errno::EPERM],
                // Releases that don't know the parameter.
                _ if param == HvmParam::CONSOLE_PFN => &[Errno::EINVAL],
                _ => &[],
            };
            let set = self.run_or(operation, refusals, |xen| {
                // SAFETY: the parameter stays what it is.
                unsafe { hvm_op::set_param(xen, DomId::SELF, param, value) }
            });
            let refused = guest == Guest::Pv || (checked && !own);
            self.check(
                operation,
                set == Outcome::Not || !refused,
                format_args!("{param}: {set:?}"),
            );
        }
    }

    fn hvm(&mut self) {
        let operation = Operation::HVMOP_get_time;
        let times = [(); 2].map(|()| self.run(operation, hvm_op::get_time));
        if let [Outcome::Done(first), Outcome::Done(second)] = times {
            self.check(
                operation,
                first <= second,
                format_args!("{first}, and then {second}"),
            );
        }
        let _ = self.run(Operation::HVMOP_flush_tlbs, hvm_op::flush_tlbs);
        let _ = self.run(Operation::HVMOP_guest_request_vm_event, |xen| {
            hvm_op::guest_request_vm_event(xen)
        });
        let _ = self.run(Operation::HVMOP_xentrace, |xen| {
            hvm_op::xentrace(xen, 1, &[2, 3])
        });
        let operation = Operation::HVMOP_xentrace;
        let class = self.run_or(operation, &[Errno::EINVAL], |xen| {
            hvm_op::xentrace(xen, 0xf000, &[])
        });
        self.check(
            operation,
            class == Outcome::Not,
            format_args!("an event of another class: {class:?}"),
        );
        // These page tables are never shadowed.
        let operation = Operation::HVMOP_pagetable_dying;
        let dying = self.run_or(operation, &[Errno::EINVAL], |xen| {
            hvm_op::pagetable_dying(xen, DomId::SELF, 0)
        });
        self.check(operation, dying == Outcome::Not, format_args!("{dying:?}"));
        self.types_of_memory();
        // Where it is built in, it is switched off for this domain.
        let operation = Operation::HVMOP_altp2m_get_domain_state;
        let state = self.run_or(operation, &[Errno::EOPNOTSUPP, Errno::EINVAL], |xen| {
            altp2m::get_domain_state(xen, DomId::SELF)
        });
        self.check(operation, state == Outcome::Not, format_args!("{state:?}"));
    }

    /// The domain's own memory is memory, and a hole is none.
    fn types_of_memory(&mut self) {
        let operation = Operation::HVMOP_get_mem_type;
        let pv = self.guest() == Guest::Pv;
        let refusals: &[Errno] = if pv { &[Errno::EINVAL] } else { &[] };
        let page = self.machine().page();
        let own = page.map_or(0, |page| self.machine().frame(page.addr().get()));
        let hole = self.machine().window(WINDOWS - 2);
        let hole = hole.and_then(|window| window.frame).unwrap_or(0);
        for (frame, expected) in [(own, MemType::RAM), (hole, MemType::DEVICE_MODEL)] {
            let kind = self.run_or(operation, refusals, |xen| {
                hvm_op::get_mem_type(xen, DomId::SELF, Gfn::new(frame))
            });
            self.check(
                operation,
                if pv {
                    kind == Outcome::Not
                } else {
                    kind.done().is_none_or(|kind| kind == expected)
                },
                format_args!("frame {frame:#x}: {kind:?}, not {expected:?}"),
            );
        }
    }

    /// Nobody is their own device model, nor that of a domain that is not there.
    fn device_models(&mut self) {
        for (domain, refusal) in [(OWN, Errno::EPERM), (NOBODY, Errno::ESRCH)] {
            let nr = Operation::XEN_DMOP_nr_vcpus;
            let count = self.run_alone(nr, &[refusal], |xen| dm_op::nr_vcpus(xen, domain));
            self.check(nr, count == Outcome::Not, format_args!("{count:?}"));
            let level = Operation::XEN_DMOP_set_pci_intx_level;
            let set = self.run_or(level, &[refusal], |xen| {
                dm_op::set_pci_intx_level(xen, domain, 0, [0, 1, 0], false)
            });
            self.check(level, set == Outcome::Not, format_args!("{set:?}"));
            let create = Operation::XEN_DMOP_create_ioreq_server;
            let made = self.run_or(create, &[refusal], |xen| {
                dm_op::create_ioreq_server(xen, domain, 0)
            });
            self.check(create, made == Outcome::Not, format_args!("{made:?}"));
        }
    }

    /// Xen's own file system: its version, a number, a text that is too long, what is not there, and what
    /// may not be written.
    fn file_system(&mut self) {
        let operation = Operation::XEN_HYPFS_OP_get_version;
        let version = self.run(operation, hypfs_op::get_version);
        self.check(
            operation,
            version.done().is_none_or(|version| version == 1),
            format_args!("{version:?}"),
        );
        let release = self.xen().release();
        let operation = Operation::XEN_HYPFS_OP_read;
        let mut buffer = [0; 256];
        let read = self.run(operation, |xen| {
            let found = hypfs_op::read(xen, c"/buildinfo/version/major", &mut buffer)?;
            Ok(match found {
                Found::Whole(entry, content) if entry.kind == EntryType::UINT => {
                    <[u8; 4]>::try_from(content).ok().map(u32::from_ne_bytes)
                }
                _ => None,
            })
        });
        self.check(
            operation,
            matches!(read, Outcome::Not) || read == Outcome::Done(Some(release.major.into())),
            format_args!("major version {read:?} of {release}"),
        );
        let mut small = [0; 14];
        let short = self.run(operation, |xen| {
            let found = hypfs_op::read(xen, c"/buildinfo/version/major", &mut small)?;
            Ok(matches!(found, Found::TooSmall(..)))
        });
        self.check(
            operation,
            matches!(short, Outcome::Not | Outcome::Done(true)),
            format_args!("a buffer of 14 bytes: {short:?}"),
        );
        let none = self.run_or(operation, &[Errno::ENOENT], |xen| {
            hypfs_op::read(xen, c"/no/such/thing", &mut buffer).map(drop)
        });
        self.check(
            operation,
            none == Outcome::Not,
            format_args!("what is not there: {none:?}"),
        );
        let operation = Operation::XEN_HYPFS_OP_write_contents;
        let written = self.run_or(operation, &[Errno::EACCES], |xen| {
            hypfs_op::write_contents(xen, c"/buildinfo/version/major", &[1, 0, 0, 0])
        });
        self.check(
            operation,
            written == Outcome::Not,
            format_args!("{written:?}"),
        );
    }

    /// What these hypervisors are built without.
    fn not_built_in(&mut self) {
        let operation = Operation::XEN_ARGO_OP_unregister_ring;
        let ring: Outcome<()> = self.run(operation, |xen| {
            argo_op::unregister_ring(xen, 1, DomId::SELF)
        });
        self.check(operation, ring == Outcome::Not, format_args!("{ring:?}"));
        let operation = Operation::TMEM_DESTROY_POOL;
        let refusals = [Errno::ENODEV, Errno::ENOSYS, Errno::EINVAL];
        let pool = self.run_or(operation, &refusals, |xen| -> Result<bool> {
            let pool = Pool::new(7).expect("a number of a pool");
            tmem_op::destroy_pool(xen, pool)
        });
        self.check(
            operation,
            matches!(pool, Outcome::Not | Outcome::Done(false)),
            format_args!("{pool:?}"),
        );
    }
}
