//! What a simulated hypervisor is: its release, its build, and the domain that runs on it.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use xen_public::xen::DomId;

use crate::version::{Guest, Release};

use super::Simulated;

/// What a hypervisor's build or its command line can leave out.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Build {
    /// `argo_op`, built and switched on.
    Argo,
    /// `hypfs_op`.
    Hypfs,
    /// `kexec_op`.
    Kexec,
    /// `xsm_op`, by flask.
    Xsm,
    /// `xenoprof_op`.
    Xenoprof,
    /// FIFO event channels: from 4.21 a build can do without.
    Fifo,
    /// `grant_table_op`: from 4.13 a build can do without.
    GrantTable,
    /// Grant tables of version 2: on x86 from 4.0, where a command line can forbid them from 4.11.
    GrantV2,
    /// `dm_op` of PV guests on x86. Xen can leave out `hvm_op` with it, which is played in any case.
    Hvm,
    /// `dm_op` on ARM.
    IoreqServer,
    /// `xenpmu_op`, switched on.
    Vpmu,
    /// `tmem_op`, switched on.
    Tmem,
    /// `sysctl`: from 4.21 a build can do without.
    Sysctl,
    /// Physical interrupts of HVM and PVH guests as event channels.
    HvmPirqs,
    /// `CONSOLEIO_write` for domains without privilege, in builds for debugging.
    VerboseConsole,
    /// A policy that hides the texts of `xen_version` from domains without privilege, from 4.7.
    SecretVersion,
}

impl Build {
    /// All of them.
    pub const ALL: [Self; 16] = [
        Self::Argo,
        Self::Hypfs,
        Self::Kexec,
        Self::Xsm,
        Self::Xenoprof,
        Self::Fifo,
        Self::GrantTable,
        Self::GrantV2,
        Self::Hvm,
        Self::IoreqServer,
        Self::Vpmu,
        Self::Tmem,
        Self::Sysctl,
        Self::HvmPirqs,
        Self::VerboseConsole,
        Self::SecretVersion,
    ];

    /// A short name, in small letters.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Argo => "argo",
            Self::Hypfs => "hypfs",
            Self::Kexec => "kexec",
            Self::Xsm => "xsm",
            Self::Xenoprof => "xenoprof",
            Self::Fifo => "fifo",
            Self::GrantTable => "grant-table",
            Self::GrantV2 => "grant-v2",
            Self::Hvm => "hvm",
            Self::IoreqServer => "ioreq-server",
            Self::Vpmu => "vpmu",
            Self::Tmem => "tmem",
            Self::Sysctl => "sysctl",
            Self::HvmPirqs => "hvm-pirqs",
            Self::VerboseConsole => "verbose-console",
            Self::SecretVersion => "secret-version",
        }
    }

    /// The one of a [name](Self::name).
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|build| build.name() == name)
    }

    const fn bit(self) -> u32 {
        1 << self as u32
    }
}

/// A hypervisor and its domain, before they run.
#[derive(Clone, Debug)]
pub(super) struct Setup {
    pub(super) release: Release,
    pub(super) guest: Guest,
    pub(super) privileged: bool,
    pub(super) domid: u16,
    pub(super) vcpus: u32,
    pub(super) pages: u64,
    pub(super) maximum_pages: u64,
    pub(super) machine_pages: u64,
    pub(super) grant_frames: Option<u32>,
    pub(super) extraversion: String,
    pub(super) command_line: String,
    pub(super) build_id: Option<Vec<u8>>,
    pub(super) pae_above_4gb: bool,
    pub(super) recording: bool,
    /// Number and kind of the second domain, if there is one.
    pub(super) peer: Option<(u16, Guest)>,
    builds: u32,
}

impl Setup {
    /// What a distribution's build of the release gave to its domain 0.
    fn new(release: Release, guest: Guest) -> Self {
        let mut builds = Build::Hypfs.bit()
            | Build::Kexec.bit()
            | Build::Fifo.bit()
            | Build::GrantTable.bit()
            | Build::GrantV2.bit()
            | Build::Hvm.bit()
            | Build::Sysctl.bit();
        if guest == Guest::Arm {
            builds |= Build::Xsm.bit();
        }
        if release < Release::new(4, 20, 0) {
            builds |= Build::Xenoprof.bit();
        }
        Self {
            release,
            guest,
            privileged: true,
            domid: 0,
            vcpus: 1,
            pages: 256,
            maximum_pages: 512,
            machine_pages: 1024,
            grant_frames: None,
            extraversion: alloc::format!(".{}", release.point),
            command_line: "loglvl=all".to_string(),
            build_id: Some((0..20).collect()),
            // A builder honours the note of a PV kernel that is silent in newer releases.
            pae_above_4gb: guest == Guest::Pv && release < Release::new(4, 18, 0),
            recording: false,
            peer: None,
            builds,
        }
    }

    pub(super) fn has(&self, build: Build) -> bool {
        // What runs a guest that is not PV has what such guests need.
        let given = build == Build::Hvm && self.guest != Guest::Pv;
        given || self.builds & build.bit() != 0
    }

    /// Whether the release is this one or a newer one.
    pub(super) fn since(&self, major: u8, minor: u8) -> bool {
        self.release >= Release::new(major, minor, 0)
    }

    /// Whether the release is this one of 3.0 or a newer one.
    pub(super) fn since_3_0(&self, point: u8) -> bool {
        self.release >= Release::new(3, 0, point)
    }

    /// Whether the release is an older one.
    pub(super) fn before(&self, major: u8, minor: u8) -> bool {
        !self.since(major, minor)
    }

    /// Whether the release is this one or a newer one, or one of a branch that took the change
    /// over, from the named point release on.
    pub(super) fn since_or_backport(&self, major: u8, minor: u8, branches: &[Release]) -> bool {
        let here = self.release;
        let mut backports = branches.iter();
        self.since(major, minor) || backports.any(|from| from.same_branch(here) && here >= *from)
    }

    pub(super) fn pv(&self) -> bool {
        self.guest == Guest::Pv
    }

    pub(super) fn hvm(&self) -> bool {
        self.guest == Guest::Hvm
    }

    pub(super) fn arm(&self) -> bool {
        self.guest == Guest::Arm
    }
}

/// Makes a [`Simulated`] that differs from the ordinary one of its release.
#[derive(Clone, Debug)]
#[must_use]
pub struct Builder(pub(super) Setup);

impl Builder {
    pub(super) fn new(release: Release, guest: Guest) -> Self {
        Self(Setup::new(release, guest))
    }

    /// Whether the domain may do what domain 0 may. It may, unless this says no.
    pub fn privileged(mut self, privileged: bool) -> Self {
        self.0.privileged = privileged;
        self
    }

    /// The domain's number. It is 0 unless this says otherwise.
    pub fn domid(mut self, domid: u16) -> Self {
        self.0.domid = domid;
        self
    }

    /// A second domain beside it, of any kind that the machine can have, without privilege. What it
    /// does, the test does for it: see [`Simulated::peer`].
    pub fn peer(mut self, domid: DomId, guest: Guest) -> Self {
        self.0.peer = Some((domid.get(), guest));
        self
    }

    /// How many virtual processors it has, at least 1. The first is up and makes the calls.
    pub fn vcpus(mut self, number: u32) -> Self {
        self.0.vcpus = number.max(1);
        self
    }

    /// How many pages of memory it has, and how many it may have at most.
    pub fn memory(mut self, pages: u64, maximum: u64) -> Self {
        self.0.pages = pages;
        self.0.maximum_pages = maximum;
        self.0.machine_pages = self.0.machine_pages.max(2 * maximum);
        self
    }

    /// How many frames its grant table may have, in place of what the release gives by default.
    pub fn grant_frames(mut self, frames: u32) -> Self {
        self.0.grant_frames = Some(frames.max(1));
        self
    }

    /// With something that builds can leave out.
    pub fn with(mut self, build: Build) -> Self {
        self.0.builds |= build.bit();
        self
    }

    /// Without something that builds can leave out.
    pub fn without(mut self, build: Build) -> Self {
        self.0.builds &= !build.bit();
        self
    }

    /// What follows the version, such as `.4-pre`. It is a point and the point release unless this
    /// says otherwise; no release is told by this text.
    pub fn extraversion(mut self, text: &str) -> Self {
        self.0.extraversion = text.to_string();
        self
    }

    /// The hypervisor's command line.
    pub fn command_line(mut self, text: &str) -> Self {
        self.0.command_line = text.to_string();
        self
    }

    /// The hypervisor's build id, or that it has none.
    pub fn build_id(mut self, bytes: Option<&[u8]>) -> Self {
        self.0.build_id = bytes.map(<[u8]>::to_vec);
        self
    }

    /// Harmful calls are written down and no longer panic: see [`Simulated::harm`].
    pub fn record_harm(mut self) -> Self {
        self.0.recording = true;
        self
    }

    /// Starts it.
    ///
    /// # Panics
    ///
    /// If that release had no such guests: see [`Simulated::exists`]; if the second domain has the
    /// number of the first, or is of ARM beside one of x86.
    pub fn build(self) -> Simulated {
        Simulated::start(self.0)
    }
}
