//! What the toolstack wants of both ends.

use core::fmt;

use super::nodes::{Writer, boolean, optional, required};
use super::{BackendType, DeviceType, Error, Fault, Node, Nodes, names};
use crate::blkif::vbd::VirtualDevice;

/// What the frontend may do with the disk: the node `mode`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Mode {
    /// Only read it: `r`.
    ReadOnly,
    /// Read and write it: `w`.
    Writable,
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ReadOnly => "r",
            Self::Writable => "w",
        })
    }
}

/// The numbers of the device that backs the disk: the node `physical-device`, written by the hotplug
/// script where the host is Linux. Displays as the node has it, in hexadecimal (`fd:1c`).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct PhysicalDevice {
    /// Which driver.
    pub major: u32,
    /// Which of the driver's devices.
    pub minor: u32,
}

impl PhysicalDevice {
    fn parse(value: &[u8]) -> Result<Self, Fault> {
        let mut parts = value.split(|byte| *byte == b':').map(hexadecimal);
        match (parts.next(), parts.next(), parts.next()) {
            (Some(Some(major)), Some(Some(minor)), None) => Ok(Self { major, minor }),
            _ => Err(Fault::NotAPair),
        }
    }
}

/// A hexadecimal number of 32 bits, in lower case and without leading zeros, as `stat` prints it.
fn hexadecimal(digits: &[u8]) -> Option<u32> {
    match digits {
        [] | [b'0', _, ..] => return None,
        _ if digits.len() > 8 => return None,
        _ => {}
    }
    digits.iter().try_fold(0_u32, |number, byte| {
        let digit = char::from(*byte).to_digit(16)?;
        (!byte.is_ascii_uppercase()).then_some(number << 4 | digit)
    })
}

impl fmt::Display for PhysicalDevice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}:{:x}", self.major, self.minor)
    }
}

/// What the toolstack and its scripts tell the backend, in the backend's own directory.
///
/// `params` and `physical-device-path` are left out, as they are of any length.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct BackendConfiguration {
    /// What the frontend may do. There is no default.
    pub mode: Mode,
    /// What backs the disk.
    pub backend_type: Option<BackendType>,
    /// What the frontend's domain takes the device for.
    pub device_type: Option<DeviceType>,
    /// The device that backs the disk. Comes later than the others, and not on every host.
    pub physical_device: Option<PhysicalDevice>,
    /// Whether the device is to stay when the frontend closes it. Not in the header; an absent node
    /// means no, as to Linux.
    pub online: bool,
    /// Whether the backend may use `O_DIRECT` even where a bug in the lifetime of its memory would
    /// otherwise speak against it. No by default.
    pub direct_io_safe: bool,
    /// Whether the backend may offer discard. Yes by default.
    pub discard_enable: bool,
}

impl BackendConfiguration {
    /// What a directory with no other node than `mode` says.
    ///
    /// ```
    /// use xen_abi::blkif::negotiation::{BackendConfiguration, Listed, Mode};
    ///
    /// let read = BackendConfiguration::read(&mut Listed(&[("mode", "r")]))?;
    /// assert_eq!(read, BackendConfiguration::new(Mode::ReadOnly));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub const fn new(mode: Mode) -> Self {
        Self {
            mode,
            backend_type: None,
            device_type: None,
            physical_device: None,
            online: false,
            direct_io_safe: false,
            discard_enable: true,
        }
    }

    /// Reads the configuration from the backend's directory.
    ///
    /// # Errors
    ///
    /// If the nodes can't be read, a value is wrong, or `mode` is missing.
    pub fn read<N: Nodes + ?Sized>(nodes: &mut N) -> Result<Self, Error<N::Error>> {
        Ok(Self {
            mode: required(nodes, Node::new(names::MODE), |value| match value {
                b"r" => Ok(Mode::ReadOnly),
                b"w" => Ok(Mode::Writable),
                _ => Err(Fault::UnknownWord),
            })?,
            backend_type: optional(nodes, Node::new(names::TYPE), BackendType::parse)?,
            device_type: optional(nodes, Node::new(names::DEVICE_TYPE), DeviceType::parse)?,
            physical_device: optional(
                nodes,
                Node::new(names::PHYSICAL_DEVICE),
                PhysicalDevice::parse,
            )?,
            online: boolean(nodes, names::ONLINE, false)?,
            direct_io_safe: boolean(nodes, names::DIRECT_IO_SAFE, false)?,
            discard_enable: boolean(nodes, names::DISCARD_ENABLE, true)?,
        })
    }

    /// Writes the nodes, as a toolstack would.
    ///
    /// # Errors
    ///
    /// The first error of `write`.
    pub fn write<E>(
        &self,
        write: impl FnMut(&str, &dyn fmt::Display) -> Result<(), E>,
    ) -> Result<(), Error<E>> {
        let mut writer = Writer(write);
        writer.value(Node::new(names::MODE), &self.mode)?;
        if let Some(backend_type) = &self.backend_type {
            writer.value(Node::new(names::TYPE), backend_type)?;
        }
        if let Some(device_type) = &self.device_type {
            writer.value(Node::new(names::DEVICE_TYPE), device_type)?;
        }
        if let Some(device) = &self.physical_device {
            writer.value(Node::new(names::PHYSICAL_DEVICE), device)?;
        }
        writer.boolean(names::ONLINE, self.online)?;
        writer.boolean(names::DIRECT_IO_SAFE, self.direct_io_safe)?;
        writer.boolean(names::DISCARD_ENABLE, self.discard_enable)
    }
}

/// What the toolstack tells the frontend, in the frontend's own directory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct FrontendConfiguration {
    /// The number of the virtual disk, which may be one that means none. There is no default.
    ///
    /// Toolstacks before libxl wrote long numbers into `virtual-device-ext`, and the frontends of Linux
    /// and FreeBSD still look for it. The header doesn't know that node, and it is not read here.
    pub virtual_device: VirtualDevice,
    /// What to take the device for.
    pub device_type: Option<DeviceType>,
    /// Whether the frontend may trust the backend. Yes by default. If not, it should keep what it does
    /// not want to share out of shared pages, and check all that comes back.
    pub trusted: bool,
}

impl FrontendConfiguration {
    /// What a directory with no other node than `virtual-device` says.
    ///
    /// ```
    /// use xen_abi::blkif::negotiation::{FrontendConfiguration, Listed};
    /// use xen_abi::blkif::vbd::VirtualDevice;
    ///
    /// let read = FrontendConfiguration::read(&mut Listed(&[("virtual-device", "51712")]))?;
    /// assert_eq!(read, FrontendConfiguration::new(VirtualDevice::new(51712)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub const fn new(virtual_device: VirtualDevice) -> Self {
        Self {
            virtual_device,
            device_type: None,
            trusted: true,
        }
    }

    /// Reads the configuration from the frontend's directory.
    ///
    /// # Errors
    ///
    /// If the nodes can't be read, a value is wrong, or `virtual-device` is missing.
    pub fn read<N: Nodes + ?Sized>(nodes: &mut N) -> Result<Self, Error<N::Error>> {
        Ok(Self {
            virtual_device: required(nodes, Node::new(names::VIRTUAL_DEVICE), |value| {
                VirtualDevice::from_xenstore(value).map_err(|error| error.fault().into())
            })?,
            device_type: optional(nodes, Node::new(names::DEVICE_TYPE), DeviceType::parse)?,
            trusted: boolean(nodes, names::TRUSTED, true)?,
        })
    }

    /// Writes the nodes, as a toolstack would.
    ///
    /// # Errors
    ///
    /// The first error of `write`.
    pub fn write<E>(
        &self,
        write: impl FnMut(&str, &dyn fmt::Display) -> Result<(), E>,
    ) -> Result<(), Error<E>> {
        let mut writer = Writer(write);
        writer.value(Node::new(names::VIRTUAL_DEVICE), &self.virtual_device)?;
        if let Some(device_type) = &self.device_type {
            writer.value(Node::new(names::DEVICE_TYPE), device_type)?;
        }
        writer.boolean(names::TRUSTED, self.trusted)
    }
}
