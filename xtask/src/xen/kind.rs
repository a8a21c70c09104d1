//! The kinds of domain 0 that are booted: which processor and mode, and on what machine.

use std::fmt;
use std::process::Command;

/// A kind of domain 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, clap::ValueEnum)]
pub enum Kind {
    /// 64-bit x86, paravirtualised.
    #[value(name = "x86_64-pv")]
    X86_64Pv,
    /// 64-bit x86 in a hardware container without emulated devices.
    #[value(name = "x86_64-pvh")]
    X86_64Pvh,
    /// The same in 32 bits.
    #[value(name = "x86_32-pvh")]
    X86_32Pvh,
    /// 64-bit ARM.
    #[value(name = "arm64")]
    Arm64,
    /// 32-bit ARM, on the 64-bit hypervisor.
    #[value(name = "arm32")]
    Arm32,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Kind::X86_64Pv => "x86_64-pv",
            Kind::X86_64Pvh => "x86_64-pvh",
            Kind::X86_32Pvh => "x86_32-pvh",
            Kind::Arm64 => "arm64",
            Kind::Arm32 => "arm32",
        })
    }
}

/// The hypervisor's processor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Processor {
    /// 64-bit x86.
    Amd64,
    /// 64-bit ARM.
    Arm64,
}

impl Processor {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Amd64, Self::Arm64];

    /// The processor in Debian's words.
    pub fn debian(self) -> &'static str {
        match self {
            Processor::Amd64 => "amd64",
            Processor::Arm64 => "arm64",
        }
    }

    /// The emulator of machines with this processor.
    pub fn qemu(self) -> &'static str {
        match self {
            Processor::Amd64 => "qemu-system-x86_64",
            Processor::Arm64 => "qemu-system-aarch64",
        }
    }

    /// The Debian package that has the emulator.
    pub fn qemu_package(self) -> &'static str {
        match self {
            Processor::Amd64 => "qemu-system-x86",
            Processor::Arm64 => "qemu-system-arm",
        }
    }

    /// What Xen writes when a kernel has ended as it should: a reboot resets an x86 machine, a
    /// power-off switches an ARM machine off, and either ends QEMU.
    pub fn farewell(self) -> &'static str {
        match self {
            Processor::Amd64 => "shutdown: rebooting machine",
            Processor::Arm64 => "halted: halting machine",
        }
    }
}

impl Kind {
    /// All of them, in the order in which they are reported.
    pub const ALL: [Self; 5] = [
        Self::X86_64Pv,
        Self::X86_64Pvh,
        Self::X86_32Pvh,
        Self::Arm64,
        Self::Arm32,
    ];

    /// The hypervisor's processor.
    pub fn processor(self) -> Processor {
        match self {
            Kind::X86_64Pv | Kind::X86_64Pvh | Kind::X86_32Pvh => Processor::Amd64,
            Kind::Arm64 | Kind::Arm32 => Processor::Arm64,
        }
    }

    /// The target that the kernel is built for.
    pub fn target(self) -> &'static str {
        match self {
            Kind::X86_64Pv | Kind::X86_64Pvh => "x86_64-unknown-none",
            Kind::X86_32Pvh => "i586-unknown-linux-gnu",
            Kind::Arm64 => "aarch64-unknown-none",
            Kind::Arm32 => "armv7a-none-eabi",
        }
    }

    /// QEMU with a machine for this kind, which loads the files `xen` and `kernel` of its working
    /// folder and gives `arguments` to the kernel.
    pub fn machine(self, arguments: &str) -> Command {
        // PVH needs an IOMMU, and a processor that QEMU can give nested page tables to. On later ARM
        // processors Xen 4.14 waits three seconds to warn of an old firmware.
        let (machine, console, pvh) = match self {
            Kind::X86_64Pv => ("-M pc -cpu qemu64", "console=com1 com1=115200,8n1", ""),
            Kind::X86_64Pvh | Kind::X86_32Pvh => (
                "-M q35 -cpu max -device amd-iommu",
                "console=com1 com1=115200,8n1",
                " dom0=pvh",
            ),
            Kind::Arm64 | Kind::Arm32 => (
                "-M virt,virtualization=on,gic-version=2 -cpu cortex-a53",
                "console=dtuart dtuart=/pl011@9000000 bootscrub=0",
                "",
            ),
        };
        let mut command = Command::new(self.processor().qemu());
        command
            .args("-accel tcg -m 512 -smp 1 -nic none -no-reboot".split(' '))
            .args("-display none -monitor none -serial file:console.log".split(' '))
            .args(machine.split(' '))
            .args(["-kernel", "xen", "-append"])
            .arg(format!(
                "{console} loglvl=all guest_loglvl=all dom0_mem=64M{pvh}"
            ));
        let quoted = arguments.replace(',', ",,");
        match self.processor() {
            Processor::Amd64 => command.arg("-initrd").arg(format!("kernel {quoted}")),
            // Above the hypervisor, which QEMU puts near the start of the memory.
            Processor::Arm64 => command.arg("-device").arg(format!(
                "guest-loader,addr=0x4c000000,kernel=kernel,bootargs={quoted}"
            )),
        };
        command
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tool;
    use clap::ValueEnum;

    #[test]
    fn kinds_are_shown_as_they_are_asked_for() {
        assert_eq!(Kind::ALL, Kind::value_variants());
        for kind in Kind::ALL {
            let value = kind.to_possible_value().unwrap();
            assert_eq!(kind.to_string(), value.get_name());
        }
    }

    #[test]
    fn arguments_reach_the_kernel_whole() {
        for kind in Kind::ALL {
            let line = tool::line(&kind.machine("expect=4.17 list=a,b"));
            assert!(line.starts_with(kind.processor().qemu()), "{line}");
            assert!(line.contains("expect=4.17 list=a,,b"), "{line}");
        }
    }
}
