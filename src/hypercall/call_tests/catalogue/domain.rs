//! Events, processors, time, the console, versions, and the domain's end.

use core::num::NonZeroU32;
use core::ptr::NonNull;

use xen_public::event_channel::EvtchnPort;
use xen_public::xen::{DomId, VcpuId, Virq};

use super::entries;
use crate::hypercall::event_channel_op::{self as events, Binding, Priority};
use crate::hypercall::multicall::Batch;
use crate::hypercall::sched_op::{self, ShutdownReason, Watchdog};
use crate::hypercall::vcpu_op;
use crate::hypercall::vm_assist::{self, Assist};
use crate::hypercall::{console_io, set_timer_op, xen_version};
use crate::version::Operation;

const ME: DomId = DomId::SELF;
const ZERO: DomId = DomId::new(0);
const OTHER: DomId = DomId::new(7);
const FIRST: VcpuId = VcpuId::new(0);
const SECOND: VcpuId = VcpuId::new(1);
const SECONDS: NonZeroU32 = NonZeroU32::new(30).unwrap();

entries! { xen, on;
    XENVER_version Row "Done" => xen_version::version(xen).inspect(|version| {
        on.right(version.major == xen.release().major.into());
    });
    XENVER_extraversion Row "Done" => xen_version::extraversion(xen);
    XENVER_capabilities Row "Done" => xen_version::capabilities(xen);
    XENVER_get_features Asks "Done@3.0.2.. ENOSYS@..3.0.2" => xen_version::feature_submap(xen, 0);
    XENVER_compile_info Row "Done" => xen_version::compile_info(xen);
    XENVER_changeset Row "Done" => xen_version::changeset(xen);
    XENVER_platform_parameters Row "Done" => xen_version::platform_parameters(xen);
    XENVER_pagesize More "Done Nonsense@4.7.." => xen_version::pagesize(xen).inspect(|&size| on.right(size == 4096));
    XENVER_guest_handle Row "Done" => xen_version::guest_handle(xen);
    XENVER_commandline Row "Done" => xen_version::commandline(xen);
    XENVER_build_id Row "Done" => {
        let mut buffer = [0; 64];
        xen_version::build_id(xen, &mut buffer).map(<[u8]>::len)
    };
    XENVER_extraversion2 Row "Done" => {
        let mut buffer = [0; 64];
        xen_version::extraversion2(xen, &mut buffer).map(<[u8]>::len)
    };
    XENVER_capabilities2 Row "Done" => {
        let mut buffer = [0; 1100];
        xen_version::capabilities2(xen, &mut buffer).map(<[u8]>::len)
    };
    XENVER_changeset2 Row "Done" => {
        let mut buffer = [0; 100];
        xen_version::changeset2(xen, &mut buffer).map(<[u8]>::len)
    };
    XENVER_commandline2 Row "Done" => {
        let mut buffer = [0; 1100];
        xen_version::commandline2(xen, &mut buffer).map(<[u8]>::len)
    };
    CONSOLEIO_write Asks "pv:Done arm:Done hvm:Done@4.4.. hvm:ENOSYS@..4.4" => console_io::write(xen, b"text");
    CONSOLEIO_read Row "Done" => console_io::read(xen, &mut [0; 8]);

    EVTCHNOP_alloc_unbound Row "Done" => events::alloc_unbound(xen, ME, ZERO).and_then(|port| {
        events::status(xen, ME, port)
    }).inspect(|status| on.right(status.binding == Binding::Unbound(ZERO)));
    EVTCHNOP_bind_interdomain Row "Done" => {
        events::bind_interdomain(xen, ZERO, events::alloc_unbound(xen, ME, ZERO)?)
    };
    EVTCHNOP_bind_interdomain Row "ESRCH | Done" => {
        let theirs = on.theirs(|peer| peer.alloc_unbound(ZERO)).unwrap_or(EvtchnPort::new(1));
        events::bind_interdomain(xen, OTHER, theirs).and_then(|port| events::send(xen, port)).inspect(|()| {
            on.there(|peer| peer.take_pending(theirs));
        })
    };
    EVTCHNOP_bind_virq Row "Done" => events::bind_virq(xen, Virq::DEBUG, FIRST);
    EVTCHNOP_bind_ipi Row "Done" => events::bind_ipi(xen, FIRST);
    EVTCHNOP_bind_pirq Row "pv:Done hvm:Done arm:EINVAL@..4.19" => events::bind_pirq(xen, 9, true);
    EVTCHNOP_bind_vcpu Row "EINVAL" => events::bind_vcpu(xen, events::bind_ipi(xen, FIRST)?, FIRST);
    EVTCHNOP_send Row "Done" => events::send(xen, events::bind_ipi(xen, FIRST)?);
    EVTCHNOP_status Row "Done" => events::status(xen, ME, events::bind_ipi(xen, FIRST)?).inspect(|status| {
        on.right(status.binding == Binding::Ipi);
    });
    EVTCHNOP_unmask Row "Done" => events::unmask(xen, events::bind_ipi(xen, FIRST)?);
    EVTCHNOP_close Row "Done" => events::close(xen, events::bind_ipi(xen, FIRST)?);

    SCHEDOP_yield Row "Done" => sched_op::yield_now(xen);
    SCHEDOP_block Row "Done" => {
        events::send(xen, events::bind_ipi(xen, FIRST)?)?;
        sched_op::block(xen)
    };
    SCHEDOP_poll Row "Done" => {
        let port = events::bind_ipi(xen, FIRST)?;
        events::send(xen, port)?;
        sched_op::poll(xen, &[port], None)
    };
    SCHEDOP_watchdog Row "Done" => {
        Watchdog::start(xen, SECONDS).and_then(|watchdog| {
            watchdog.poke(xen, SECONDS)?;
            watchdog.stop(xen)
        })
    };
    SCHEDOP_pin_override Row "Done" => sched_op::pin_override(xen, Some(0));
    SCHEDOP_pin_override Row "Done" => sched_op::pin_override(xen, None);
    SCHEDOP_remote_shutdown Row "ESRCH | Done" => sched_op::remote_shutdown(xen, OTHER, ShutdownReason::POWEROFF);

    VCPUOP_up Row "EINVAL" => vcpu_op::up(xen, SECOND);
    VCPUOP_down Row "Done" => vcpu_op::down(xen, SECOND);
    VCPUOP_is_up Row "Done" => vcpu_op::is_up(xen, FIRST).inspect(|&up| on.right(up));
    VCPUOP_get_runstate_info Row "Done" => vcpu_op::get_runstate_info(xen, FIRST);
    VCPUOP_send_nmi Row "Done" => vcpu_op::send_nmi(xen, FIRST);
    VCPUOP_register_vcpu_info Alone "Done" => {
        vcpu_op::register_vcpu_info(xen, FIRST, on.gfn(20), 0)
    };
    VCPUOP_register_vcpu_info More "Done" => vcpu_op::place_vcpu_info(xen, SECOND, on.gfn(21), 0);
    VCPUOP_register_runstate_memory_area Row "Done" => {
        let area = NonNull::new_unchecked(on.bytes(22).cast());
        vcpu_op::register_runstate_memory_area(xen, FIRST, area)
    };
    VCPUOP_register_runstate_phys_area Alone "Done" => {
        vcpu_op::register_runstate_phys_area(xen, FIRST, Some(on.own(23) << 12))
    };
    VCPUOP_register_runstate_phys_area Row "Done" => {
        let area = NonNull::new_unchecked(on.bytes(24).cast());
        vcpu_op::place_runstate(xen, FIRST, on.own(24) << 12, area)
    };
    VCPUOP_register_vcpu_time_memory_area Row "Done" => {
        let area = NonNull::new_unchecked(on.bytes(25).cast());
        vcpu_op::register_vcpu_time_memory_area(xen, FIRST, Some(area))
    };
    VCPUOP_register_vcpu_time_phys_area Alone "Done" => {
        vcpu_op::register_vcpu_time_phys_area(xen, FIRST, Some(on.own(26) << 12))
    };
    VCPUOP_register_vcpu_time_phys_area More "Done" => {
        let area = NonNull::new_unchecked(on.bytes(27).cast());
        vcpu_op::place_vcpu_time(xen, FIRST, on.own(27) << 12, area)
    };
    VCPUOP_set_periodic_timer Row "Done" => {
        vcpu_op::set_periodic_timer(xen, FIRST, 10_000_000, xen.conduit().clock())
    };
    VCPUOP_stop_periodic_timer Row "Done" => vcpu_op::stop_periodic_timer(xen, FIRST);
    VCPUOP_set_singleshot_timer Row "Done" => {
        let later = xen.conduit().clock() + 1_000_000_000;
        vcpu_op::set_singleshot_timer(xen, FIRST, later, false)
    };
    VCPUOP_stop_singleshot_timer Row "Done" => vcpu_op::stop_singleshot_timer(xen, FIRST);
    __HYPERVISOR_set_timer_op Row "Done" => {
        set_timer_op::set(xen, Some(xen.conduit().clock() + 1_000_000_000))
    };
    __HYPERVISOR_set_timer_op Row "Done" => set_timer_op::set(xen, None);
    VMASST_CMD_enable More "Done" => vm_assist::enable(xen, Assist::RUNSTATE_UPDATE_FLAG);
    VMASST_CMD_disable More "Done" => vm_assist::disable(xen, Assist::RUNSTATE_UPDATE_FLAG);
    __HYPERVISOR_multicall More "Done" => {
        let mut batch = Batch::<2>::new();
        let _ = batch.push(Operation::XENVER_version, [0; 4]);
        let _ = batch.push(Operation::XENVER_version, [0; 4]);
        batch.make(xen).and_then(|_| batch.result(xen, 1)).inspect(|&version| {
            on.right(version >> 16 == xen.release().major.into());
        })
    };

    EVTCHNOP_init_control Alone "Done" => events::init_control(xen, FIRST, on.gfn(30), 0);
    EVTCHNOP_init_control More "Done" => events::set_up_fifo(xen, SECOND, on.gfn(31), 0);
    EVTCHNOP_set_priority Row "Done ENOSYS@4.21.." => {
        events::set_priority(xen, events::bind_ipi(xen, FIRST)?, Priority::HIGHEST)
    };
    EVTCHNOP_expand_array Row "Done EOPNOTSUPP@4.21.." => events::expand_array(xen, on.gfn(32));
    EVTCHNOP_reset Row "Done" => events::close_all(xen, 1..32);
    EVTCHNOP_reset Alone "Done" => events::reset(xen, ME);
    EVTCHNOP_send Row "EINVAL" => events::send(xen, EvtchnPort::new(99));
    SCHEDOP_shutdown_code Row "Done" => sched_op::shutdown_code(xen, ShutdownReason::POWEROFF);
    SCHEDOP_shutdown Row "EIO@..4.0.1 Done@4.0.1.." => sched_op::suspend(xen, None);
    SCHEDOP_shutdown Row "Done" => sched_op::shutdown(xen, ShutdownReason::REBOOT);
}
