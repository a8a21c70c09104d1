//! The page that a PV guest finds at start (`xen/include/public/xen.h`), x86 only.
//!
//! Its address is in the `rsi`/`esi` register at the kernel's entry point. Xen or the
//! toolstack writes it, the guest reads it. The fields down to `console` are written
//! again when the guest resumes after a save or migration, the rest only at first boot.

use core::fmt;

use crate::event_channel::EvtchnPort;
use crate::pad::Pad;
use crate::record::record;

crate::words::flags! {
    /// What the guest is and how its boot module is passed: the `flags` of
    /// [`StartInfoX86_64`] and of [`HvmStartInfo`](crate::arch_x86::hvm::start_info::HvmStartInfo).
    /// [`pm_options`](Self::pm_options) holds one byte more.
    StartFlags(u32) {
        /// The domain is privileged.
        PRIVILEGED = 1 << 0 => "SIF_PRIVILEGED",
        /// The domain is the initial domain, domain 0.
        INITDOMAIN = 1 << 1 => "SIF_INITDOMAIN",
        /// The boot module is a package of several, with a list at its start.
        MULTIBOOT_MOD = 1 << 2 => "SIF_MULTIBOOT_MOD",
        /// `mod_start` is a frame number and not a virtual address.
        MOD_START_PFN = 1 << 3 => "SIF_MOD_START_PFN",
        /// The toolstack understands a linear table of machine frames, so that the
        /// three-level one is not needed.
        VIRT_P2M_4TOOLS = 1 << 4 => "SIF_VIRT_P2M_4TOOLS",
    }
}

impl StartFlags {
    /// The bits of [`pm_options`](Self::pm_options).
    #[doc(alias = "SIF_PM_MASK")]
    pub const PM_MASK: Self = Self::from_bits(0xff << 8);

    /// Power management options of the hypervisor, for the initial domain.
    pub const fn pm_options(self) -> u8 {
        (self.bits() >> 8) as u8
    }
}

/// The length of the command line's field, in bytes.
pub const MAX_GUEST_CMDLINE: usize = 1024;

/// The magic text does not say `xen-3.<minor>-<platform>` with the platform asked for:
/// what was read is no start info, or that of another ABI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadMagic {
    /// The text found.
    pub found: [u8; 32],
    /// The platform looked for: `x86_32` or `x86_64`.
    pub platform: &'static str,
}

impl fmt::Display for BadMagic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "start info magic is \"{}\", not \"xen-3.0-{}\"",
            until_nul(&self.found).escape_ascii(),
            self.platform
        )
    }
}

impl core::error::Error for BadMagic {}

/// Where a PV guest finds its console.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartConsole {
    /// The initial domain writes to the screen itself; its description lies in the
    /// start info page.
    #[doc(alias = "dom0")]
    Screen {
        /// Bytes from the start of the page to the `dom0_vga_console_info`.
        offset: u32,
        /// Its size in bytes; 0 if there is no screen.
        size: u32,
    },
    /// Any other domain has a console ring.
    #[doc(alias = "domU")]
    Ring {
        /// Machine frame of the ring's page.
        mfn: u64,
        /// Event channel of the ring.
        port: EvtchnPort,
    },
}

fn until_nul(bytes: &[u8]) -> &[u8] {
    let end = bytes.iter().position(|&byte| byte == 0);
    &bytes[..end.unwrap_or(bytes.len())]
}

fn check_magic(found: &[u8; 32], platform: &'static str) -> Result<(), BadMagic> {
    let is_ours = || {
        let rest = found.strip_prefix(b"xen-3.")?;
        let dash = rest.iter().position(|byte| !byte.is_ascii_digit())?;
        // After the platform may follow "p", for page tables of the PAE kind.
        (dash > 0 && rest[dash] == b'-' && rest[dash + 1..].starts_with(platform.as_bytes()))
            .then_some(())
    };
    is_ours().ok_or(BadMagic {
        found: *found,
        platform,
    })
}

macro_rules! start_info {
    (
        $(#[$attr:meta])* $name:ident, $word:ident, $abi:ident,
        console: $console:literal, evtchn: $evtchn:literal, pads: [$($pad48:ident: $pad48ty:ty)?], [$($pad64:ident: $pad64ty:ty)?]
    ) => {
        record! {
            $(#[$attr])*
            #[derive(PartialEq, Eq)]
            #[doc(alias = "start_info")]
            #[doc(alias = "start_info_t")]
            $name {
                #[doc = concat!("`xen-3.0-", stringify!($abi), "`, zero-padded; see [`check_magic`](Self::check_magic).")]
                magic: [u8; 32],
                /// How many pages the domain has.
                nr_pages: $word,
                /// Machine address of the shared page, in bytes.
                shared_info: $word,
                /// What the domain is.
                flags: StartFlags,
                $(
                    /// Hole in the C struct.
                    $pad48: $pad48ty,
                )?
                /// Machine frame of the xenstore ring.
                store_mfn: $word,
                /// Event channel of the xenstore ring; 0 if there is none.
                store_evtchn: EvtchnPort,
                $(
                    /// Hole in the C struct.
                    $pad64: $pad64ty,
                )?
                /// The console, in one of two shapes: read it by [`console`](Self::console).
                console: [u8; $console],
                /// Virtual address of the top page table.
                pt_base: $word,
                /// How many pages the initial page tables take.
                nr_pt_frames: $word,
                /// Virtual address of the table of machine frames.
                mfn_list: $word,
                /// Where the boot module lies: virtual address, or frame number with
                /// [`StartFlags::MOD_START_PFN`].
                mod_start: $word,
                /// Size of the boot module in bytes; 0 if there is none.
                mod_len: $word,
                /// Command line, zero-terminated; see [`command_line`](Self::command_line).
                cmd_line: [u8; MAX_GUEST_CMDLINE],
                /// First frame of those that hold the table of machine frames, where
                /// that table lies outside the initial mapping.
                first_p2m_pfn: $word,
                /// How many frames those are.
                nr_p2m_frames: $word,
            } is xen::start_info in $abi
        }

        // The shapes of the console, which the accessors below read and write.
        const _: () = {
            use crate::abi::$abi::xen::start_info_console as Console;
            use core::mem::offset_of;
            assert!(offset_of!(Console, domU.mfn) == 0);
            assert!(offset_of!(Console, domU.evtchn) == $evtchn);
            assert!(offset_of!(Console, dom0.info_off) == 0);
            assert!(offset_of!(Console, dom0.info_size) == 4);
        };

        impl $name {
            /// Whether this is the start info of this ABI.
            ///
            /// # Errors
            /// [`BadMagic`] with the text found, where it is another.
            pub fn check_magic(&self) -> Result<(), BadMagic> {
                check_magic(&self.magic, stringify!($abi))
            }

            /// The command line up to its zero byte, or all of the field if there is none.
            pub fn command_line(&self) -> &[u8] {
                until_nul(&self.cmd_line)
            }

            /// The console's whereabouts: [`flags`](Self::flags) tell which of the two
            /// shapes was written.
            pub fn console(&self) -> StartConsole {
                let word32 = |at: usize| {
                    u32::from_ne_bytes(core::array::from_fn(|i| self.console[at + i]))
                };
                if self.flags.contains(StartFlags::INITDOMAIN) {
                    StartConsole::Screen { offset: word32(0), size: word32(4) }
                } else {
                    StartConsole::Ring {
                        mfn: $word::from_ne_bytes(core::array::from_fn(|i| self.console[i])).into(),
                        port: EvtchnPort::new(word32($evtchn)),
                    }
                }
            }

            /// Writes the console's whereabouts; the unused bytes become zero. The caller
            /// sets [`StartFlags::INITDOMAIN`] to match.
            ///
            /// # Errors
            /// [`FrameTooWide`](super::FrameTooWide) for a frame number beyond the ABI's width.
            pub fn set_console(&mut self, console: StartConsole) -> Result<(), super::FrameTooWide> {
                let mut bytes = [0; $console];
                match console {
                    StartConsole::Screen { offset, size } => {
                        bytes[..4].copy_from_slice(&offset.to_ne_bytes());
                        bytes[4..8].copy_from_slice(&size.to_ne_bytes());
                    }
                    StartConsole::Ring { mfn, port } => {
                        let mfn = $word::try_from(mfn).map_err(|_| super::FrameTooWide(mfn))?;
                        bytes[..size_of::<$word>()].copy_from_slice(&mfn.to_ne_bytes());
                        bytes[$evtchn..$evtchn + 4].copy_from_slice(&port.get().to_ne_bytes());
                    }
                }
                self.console = bytes;
                Ok(())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name))
                    .field("magic", &format_args!("\"{}\"", until_nul(&self.magic).escape_ascii()))
                    .field("nr_pages", &self.nr_pages)
                    .field("shared_info", &format_args!("{:#x}", self.shared_info))
                    .field("flags", &self.flags)
                    .field("store_mfn", &format_args!("{:#x}", self.store_mfn))
                    .field("store_evtchn", &self.store_evtchn)
                    .field("console", &self.console())
                    .field("pt_base", &format_args!("{:#x}", self.pt_base))
                    .field("nr_pt_frames", &self.nr_pt_frames)
                    .field("mfn_list", &format_args!("{:#x}", self.mfn_list))
                    .field("mod_start", &format_args!("{:#x}", self.mod_start))
                    .field("mod_len", &self.mod_len)
                    .field("cmd_line", &format_args!("\"{}\"", self.command_line().escape_ascii()))
                    .field("first_p2m_pfn", &self.first_p2m_pfn)
                    .field("nr_p2m_frames", &self.nr_p2m_frames)
                    .finish()
            }
        }
    };
}

start_info! {
    /// The start info page of an x86_32 PV guest: 1112 bytes.
    #[repr(C)]
    StartInfoX86_32, u32, x86_32,
    console: 8, evtchn: 4, pads: [], []
}

start_info! {
    /// The start info page of an x86_64 PV guest: 1168 bytes.
    #[repr(C, align(8))]
    StartInfoX86_64, u64, x86_64,
    console: 16, evtchn: 8, pads: [_pad_0x34: Pad<4>], [_pad_0x44: Pad<4>]
}

record! {
    /// One module of a boot package ([`StartFlags::MULTIBOOT_MOD`]): an array of these
    /// stands at the package's start and ends with one whose `mod_start` is 0. All
    /// addresses are bytes from the package's start. Written by whoever made the package,
    /// read by the guest.
    #[repr(C)]
    #[derive(Debug, PartialEq, Eq)]
    #[doc(alias = "xen_multiboot_mod_list")]
    XenMultibootMod {
        /// First byte of the module.
        mod_start: u32,
        /// Last byte of the module; not the one after it.
        mod_end: u32,
        /// The module's command line, zero-terminated.
        cmdline: u32,
        /// Zero.
        pad: u32,
    } is xen::xen_multiboot_mod_list in x86_32 x86_64 arm32 arm64
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use crate::xen::FrameTooWide;
    use std::format;

    fn with_magic(text: &[u8]) -> StartInfoX86_64 {
        let mut info = StartInfoX86_64::ZERO;
        info.magic[..text.len()].copy_from_slice(text);
        info
    }

    #[test]
    fn magic_of_this_abi_passes_and_others_do_not() {
        for good in [
            &b"xen-3.0-x86_64"[..],
            b"xen-3.0-x86_64p",
            b"xen-3.12-x86_64",
        ] {
            assert_eq!(with_magic(good).check_magic(), Ok(()));
        }
        for bad in [
            &b""[..],
            b"xen-3.0-x86_32p",
            b"xen-3.-x86_64",
            b"xen-3.0x86_64",
            b"xen-3.0-x86_6",
            b"xen-2.0-x86_64",
            &[b'0'; 32],
            b"xen-3.0000000000000000000000000",
        ] {
            let info = with_magic(bad);
            let error = info.check_magic().unwrap_err();
            assert_eq!((error.found, error.platform), (info.magic, "x86_64"));
        }
        let mut info = StartInfoX86_32::ZERO;
        info.magic[..16].copy_from_slice(b"xen-3.0-x86_32p\0");
        assert_eq!(info.check_magic(), Ok(()));
        assert_eq!(
            format!("{}", with_magic(b"Linux\xff").check_magic().unwrap_err()),
            "start info magic is \"Linux\\xff\", not \"xen-3.0-x86_64\""
        );
    }

    #[test]
    fn console_is_read_by_the_shape_that_the_flags_tell() {
        let screen = StartConsole::Screen {
            offset: 0x500,
            size: 20,
        };
        let ring = StartConsole::Ring {
            mfn: 0xabc,
            port: EvtchnPort::new(2),
        };
        let mut info = StartInfoX86_64::ZERO;
        info.set_console(ring).unwrap();
        assert_eq!(info.console(), ring);
        assert_eq!(info.console[..8], 0xabc_u64.to_ne_bytes());
        assert_eq!(info.console[8..12], 2_u32.to_ne_bytes());
        assert_eq!(info.console[12..], [0; 4]);
        info.flags |= StartFlags::PRIVILEGED | StartFlags::INITDOMAIN;
        info.set_console(screen).unwrap();
        assert_eq!(info.console(), screen);

        let mut info = StartInfoX86_32::ZERO;
        info.set_console(ring).unwrap();
        assert_eq!(info.console(), ring);
        let wide = StartConsole::Ring {
            mfn: 1 << 32,
            port: EvtchnPort::new(2),
        };
        assert_eq!(info.set_console(wide), Err(FrameTooWide(1 << 32)));
        assert_eq!(info.console(), ring);
    }

    #[test]
    fn command_line_ends_at_its_zero_byte_or_with_the_field() {
        let mut info = StartInfoX86_64::ZERO;
        assert_eq!(info.command_line(), b"");
        info.cmd_line[..5].copy_from_slice(b"a=b\0c");
        assert_eq!(info.command_line(), b"a=b");
        info.cmd_line = [b'x'; MAX_GUEST_CMDLINE];
        assert_eq!(info.command_line().len(), MAX_GUEST_CMDLINE);
    }

    #[test]
    fn debug_output_shows_texts_and_names() {
        let mut info = with_magic(b"xen-3.0-x86_64");
        info.flags = StartFlags::INITDOMAIN | StartFlags::from_bits(0x300);
        let text = format!("{info:?}");
        assert!(text.contains("magic: \"xen-3.0-x86_64\""), "{text}");
        assert!(text.contains("SIF_INITDOMAIN | 0x300"), "{text}");
        assert_eq!(info.flags.pm_options(), 3);
    }
}
