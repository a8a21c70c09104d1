//! The hosts, and how each is reached.

/// How the types are looked at on a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Way {
    /// The program and the unit tests run on this machine's own kernel and CPU.
    Native,
    /// They run under QEMU's user-mode emulation.
    QemuUser,
    /// Const asserts are compiled for it.
    ConstAsserts,
    /// Miri interprets the program.
    Miri,
    /// Miri interprets the unit tests.
    MiriTests,
    /// The crates have to compile, no more: a host without an ABI of its own.
    Compiles,
}

impl Way {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Native => "ran",
            Self::QemuUser => "qemu-user",
            Self::ConstAsserts => "const asserts",
            Self::Miri => "miri",
            Self::MiriTests => "miri, unit tests",
            Self::Compiles => "compiles",
        }
    }
}

/// A host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Host {
    /// rustc's name for it.
    pub target: &'static str,
    /// How it is looked at.
    pub way: Way,
    /// What it takes to run programs on it from an x86_64 machine.
    pub foreign: Option<Foreign>,
}

/// What runs a foreign Linux's programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Foreign {
    /// The linker, and the Debian package with it.
    pub linker: (&'static str, &'static str),
    /// A file of the target's libc, and the Debian package with it.
    pub libc: (&'static str, &'static str),
    /// The command line before the program, and the Debian package with it.
    pub runner: (&'static [&'static str], &'static str),
}

const I686: Foreign = Foreign {
    linker: ("i686-linux-gnu-gcc", "gcc-i686-linux-gnu"),
    libc: ("/usr/i686-linux-gnu/lib/crt1.o", "libc6-dev-i386-cross"),
    runner: (
        &[
            "/usr/i686-linux-gnu/lib/ld-linux.so.2",
            "--library-path",
            "/usr/i686-linux-gnu/lib",
        ],
        "libc6-i386-cross",
    ),
};

const AARCH64: Foreign = Foreign {
    linker: ("aarch64-linux-gnu-gcc", "gcc-aarch64-linux-gnu"),
    libc: ("/usr/aarch64-linux-gnu/lib/crt1.o", "libc6-dev-arm64-cross"),
    runner: (
        &["qemu-aarch64-static", "-L", "/usr/aarch64-linux-gnu"],
        "qemu-user-static",
    ),
};

const ARMV7: Foreign = Foreign {
    linker: ("arm-linux-gnueabihf-gcc", "gcc-arm-linux-gnueabihf"),
    libc: (
        "/usr/arm-linux-gnueabihf/lib/crt1.o",
        "libc6-dev-armhf-cross",
    ),
    runner: (
        &["qemu-arm-static", "-L", "/usr/arm-linux-gnueabihf"],
        "qemu-user-static",
    ),
};

const fn host(target: &'static str, way: Way) -> Host {
    Host {
        target,
        way,
        foreign: None,
    }
}

const fn foreign(target: &'static str, way: Way, foreign: Foreign) -> Host {
    Host {
        target,
        way,
        foreign: Some(foreign),
    }
}

/// The host whose layouts the C compilers prove; all others are held against it.
pub const REFERENCE: Host = host("x86_64-unknown-linux-gnu", Way::Native);

/// All others, those that take longest first.
pub const HOSTS: [Host; 18] = [
    host("s390x-unknown-linux-gnu", Way::Miri),
    foreign("i686-unknown-linux-gnu", Way::Native, I686),
    foreign("aarch64-unknown-linux-gnu", Way::QemuUser, AARCH64),
    foreign("armv7-unknown-linux-gnueabihf", Way::QemuUser, ARMV7),
    host("x86_64-unknown-linux-gnu", Way::MiriTests),
    host("x86_64-pc-windows-msvc", Way::ConstAsserts),
    host("i686-pc-windows-msvc", Way::ConstAsserts),
    host("aarch64-pc-windows-msvc", Way::ConstAsserts),
    host("x86_64-unknown-freebsd", Way::ConstAsserts),
    host("x86_64-unknown-netbsd", Way::ConstAsserts),
    host("x86_64-unknown-illumos", Way::ConstAsserts),
    host("x86_64-unknown-uefi", Way::ConstAsserts),
    host("x86_64-unknown-none", Way::ConstAsserts),
    host("aarch64-unknown-none", Way::ConstAsserts),
    host("armv7a-none-eabi", Way::ConstAsserts),
    host("riscv64gc-unknown-linux-gnu", Way::ConstAsserts),
    host("riscv64gc-unknown-linux-gnu", Way::Compiles),
    host("powerpc64le-unknown-linux-gnu", Way::Compiles),
];
