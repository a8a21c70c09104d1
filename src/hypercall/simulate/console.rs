//! `console_io`.
#![allow(unsafe_code)]

use super::Machine;
use super::build::Build;
use super::caller::{Answer, Caller, refuse};
use crate::hypercall::Errno;

impl Machine {
    /// Answers `console_io`.
    ///
    /// # Safety
    ///
    /// As for [`Conduit::hypercall`](crate::hypercall::Conduit::hypercall): `argument` is the
    /// address of `count` bytes to read or write.
    pub(super) unsafe fn console_io(
        &mut self,
        command: u32,
        count: usize,
        argument: usize,
    ) -> Answer {
        let verbose = command == 0 && self.setup.has(Build::VerboseConsole);
        if !self.setup.privileged && !verbose {
            return refuse(Errno::EPERM);
        }
        // Xen's count is 32 bits wide.
        let count = count as u32 as usize;
        match command {
            0 => {
                // SAFETY: CONSOLEIO_write reads `count` bytes.
                let text = unsafe { Caller::<u8>::array(argument, count) };
                self.console.append(&mut text.bytes()?);
                Ok(0)
            }
            1 => {
                let length = count.min(self.input.len());
                // SAFETY: CONSOLEIO_read writes at most `count` bytes.
                let to = unsafe { Caller::<u8>::array(argument, length) };
                let text: alloc::vec::Vec<u8> = self.input.drain(..length).collect();
                to.put_bytes(&text)?;
                Ok(length)
            }
            _ => refuse(Errno::ENOSYS),
        }
    }
}
