//! What a device model did to the second domain by `hvm_op` before 4.9.
#![allow(unsafe_code)]

use super::Machine;
use super::bytes::Bytes;
use super::caller::{Answer, Caller, refuse};
use super::device_model::WATCHED;
use crate::hypercall::Errno;
use crate::version::Guest;

impl Machine {
    /// Answers what a device model asked of `hvm_op` before 4.9.
    ///
    /// # Safety
    ///
    /// The argument is the address of the sub-op's structure, which begins with a domain.
    pub(super) unsafe fn old_device_model(&mut self, command: u32, argument: usize) -> Answer {
        // SAFETY: this function's contract.
        let domid = unsafe { Caller::<u16>::new(argument) }.get()?;
        self.served(domid)?;
        if self.neighbour().guest == Guest::Pv {
            return refuse(Errno::EINVAL);
        }
        if !self.setup.privileged {
            return refuse(Errno::EPERM);
        }
        let emulator = self.setup.domid;
        let (wide_form, since_4_2) = (self.setup.before(4, 5), self.setup.since(4, 2));
        let newest = if self.setup.since(4, 8) { 4 } else { 2 };
        let peer = self.neighbour_mut();
        // For each structure: this function's contract. After the domain come, in their releases:
        match command {
            2 => {
                // SAFETY: segment, bus, device, pin and level, a byte each.
                let op = unsafe { Bytes::<8>::read(argument) }?;
                let line = [2, 3, 4, 5].map(|at| u16::from(op.u8(at)));
                peer.set_level(line, op.u8(6))
            }
            3 | 4 => {
                // SAFETY: two bytes.
                let op = unsafe { Bytes::<4>::read(argument) }?;
                if command == 3 {
                    peer.set_isa_level(op.u8(2), op.u8(3))
                } else {
                    peer.set_route(op.u8(2), op.u8(3))
                }
            }
            6 | 7 => {
                // SAFETY: the first frame at 8, and the number of frames at 16; from 4.5 it is at 4.
                let op = unsafe { Bytes::<16>::read(argument) }?;
                let first = op.u64(8);
                let (pages, bitmap) = if wide_form {
                    // SAFETY: as above.
                    let op = unsafe { Bytes::<24>::read(argument) }?;
                    (op.u64(16), 24)
                } else {
                    (op.u32(4).into(), 16)
                };
                if command == 7 {
                    return peer.modify(first, pages);
                }
                if pages > WATCHED {
                    return refuse(Errno::EINVAL);
                }
                // SAFETY: behind that is the address of the bits, of 64 bits.
                let bitmap = unsafe { Caller::<u64>::new(argument + bitmap) }.get()? as usize;
                let bits = peer.watch(first, pages);
                // SAFETY: there is room for a bit of each frame.
                unsafe { Caller::<u8>::array(bitmap, bits.len()) }.put_bytes(&bits)?;
                Ok(0)
            }
            8 | 14 if !since_4_2 => self.unmodelled(Errno::EIO),
            8 => {
                // SAFETY: the type, the number at 4, the first frame at 8.
                let op = unsafe { Bytes::<16>::read(argument) }?;
                peer.set_type(op.u64(8), op.u32(4).into(), op.u16(2), newest)
            }
            14 => {
                // SAFETY: from 4 on processor, vector, kind, error code and length; the address at 24.
                let op = unsafe { Bytes::<32>::read(argument) }?;
                let event = (op.u8(8), op.u8(12), op.u32(16), op.u64(24));
                peer.inject_event(op.u32(4), event)
            }
            16 => {
                // SAFETY: the data at 4, the address at 8.
                let op = unsafe { Bytes::<16>::read(argument) }?;
                peer.inject_message(op.u64(8), op.u32(4))
            }
            17 => {
                // SAFETY: how to buffer at 2, and the server's number to fill in at 4.
                let mut op = unsafe { Bytes::<6>::read(argument) }?;
                let id = peer.create_server(op.u8(2), emulator)?;
                op.put(4, &id.to_le_bytes());
                // SAFETY: as above.
                unsafe { Caller::<[u8; 6]>::new(argument) }.put(op.0)?;
                Ok(0)
            }
            18 => {
                // SAFETY: the server, and to fill in a port at 4 and frames at 8 and 16.
                let mut op = unsafe { Bytes::<24>::read(argument) }?;
                let ([requests, buffer], port) = self.server_info(op.u16(2), true)?;
                op.put(4, &port.to_le_bytes());
                op.put(8, &requests.to_le_bytes());
                op.put(16, &buffer.to_le_bytes());
                // SAFETY: as above.
                unsafe { Caller::<[u8; 24]>::new(argument) }.put(op.0)?;
                Ok(0)
            }
            19 | 20 => {
                // SAFETY: the server, the kind at 4, both ends at 8 and 16.
                let op = unsafe { Bytes::<24>::read(argument) }?;
                let range = (op.u32(4), op.u64(8), op.u64(16));
                peer.server_range(op.u16(2), range, command == 19)
            }
            21 => {
                // SAFETY: the server.
                let op = unsafe { Bytes::<4>::read(argument) }?;
                peer.destroy_server(op.u16(2))
            }
            22 => {
                // SAFETY: the server, and at 4 whether it is to run.
                let op = unsafe { Bytes::<6>::read(argument) }?;
                self.server_state(op.u16(2), op.u8(4) != 0)
            }
            _ => self.unmodelled(Errno::EIO),
        }
    }
}
