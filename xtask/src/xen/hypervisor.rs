//! Hypervisors to boot: Debian's packages of three releases for two processors, or a file.
//!
//! A package is pinned by version and sha256. When its version is no longer on offer the newest of
//! the same release is taken, which the report says.

use std::fmt;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, anyhow, bail};

use super::kind::Processor;
use crate::apt::{self, Apt};
use crate::tool;

/// A hypervisor as a Debian package.
#[derive(Debug)]
pub struct Pin {
    /// The release of Xen.
    pub release: &'static str,
    /// The processor that it is for.
    pub processor: Processor,
    /// The package's version.
    pub version: &'static str,
    /// The sha256 of the package's file.
    pub sha256: &'static str,
    /// What the build and the command line that we give leave out, by the names of the table of gates:
    /// the guest sees that these are missing, and nothing else.
    pub without: &'static [&'static str],
}

/// The hypervisors that are booted unless others are asked for.
pub const PINS: [Pin; 6] = [
    Pin {
        release: "4.14",
        processor: Processor::Amd64,
        version: "4.14.6-1",
        sha256: "848f46e49fe5946cdfdb8df22b8e541148bc96ef7f6419b0d2b5010e1bb8e06a",
        without: &[
            "CONFIG_ARGO",
            "CONFIG_MEM_SHARING",
            "CONFIG_XSM",
            "altp2m",
            "vpmu",
        ],
    },
    Pin {
        release: "4.17",
        processor: Processor::Amd64,
        version: "4.17.5+72-g01140da4e8-1",
        sha256: "b602bb2aa83042bd1e3390ff66201b62da806d2ff6f2c86a2759997aa968222b",
        without: &[
            "CONFIG_ARGO",
            "CONFIG_MEM_PAGING",
            "CONFIG_MEM_SHARING",
            "CONFIG_PV32",
            "CONFIG_XSM",
            "altp2m",
            "vpmu",
        ],
    },
    Pin {
        release: "4.20",
        processor: Processor::Amd64,
        version: "4.20.3+127-gc42374a105-0+deb13u1",
        sha256: "49965ec3db19f0dbaaa1ea87c56939cb4e7a7fe418cb1f4c701baa1a0fe13233",
        without: &[
            "CONFIG_ARGO",
            "CONFIG_MEM_PAGING",
            "CONFIG_MEM_SHARING",
            "CONFIG_PV32",
            "CONFIG_XENOPROF",
            "CONFIG_XSM",
            "altp2m",
            "vpmu",
        ],
    },
    Pin {
        release: "4.14",
        processor: Processor::Arm64,
        version: "4.14.6-1",
        sha256: "db2834530687b2c7282073528260c663dc8d00a5b2820ab00cb4a2068c2f572c",
        without: &["CONFIG_ARGO", "CONFIG_MEM_ACCESS"],
    },
    Pin {
        release: "4.17",
        processor: Processor::Arm64,
        version: "4.17.5+72-g01140da4e8-1",
        sha256: "ae97d9bb37f765ae1a37628894ad5156d0957ca7e39e7df86221ecb46502a1a8",
        without: &[
            "CONFIG_ARGO",
            "CONFIG_HAS_PCI",
            "CONFIG_IOREQ_SERVER",
            "CONFIG_MEM_ACCESS",
        ],
    },
    Pin {
        release: "4.20",
        processor: Processor::Arm64,
        version: "4.20.3+127-gc42374a105-0+deb13u1",
        sha256: "f133c49e83cb362b7c49af1d3c50c2910810740a6759fdbe0d79b829a2c16248",
        without: &[
            "CONFIG_ARGO",
            "CONFIG_HAS_PCI",
            "CONFIG_IOREQ_SERVER",
            "CONFIG_MEM_ACCESS",
        ],
    },
];

/// A hypervisor that can be booted.
#[derive(Debug)]
pub struct Hypervisor {
    /// The unpacked kernel that QEMU boots.
    pub file: PathBuf,
    /// The processor that it is for.
    pub processor: Processor,
    /// What differs from what was asked for, for the report.
    pub drift: Option<String>,
}

/// Why there is no hypervisor.
#[derive(Debug)]
pub enum Error {
    /// It could not be had here: nothing is known about it.
    Missing(String),
    /// It could be had, and is not what it should be.
    Wrong(anyhow::Error),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Missing(reason) => f.write_str(reason),
            Error::Wrong(error) => write!(f, "{error:#}"),
        }
    }
}

impl From<anyhow::Error> for Error {
    fn from(error: anyhow::Error) -> Self {
        Error::Wrong(error)
    }
}

impl From<apt::Error> for Error {
    fn from(error: apt::Error) -> Self {
        match error {
            apt::Error::Failed(error) => Error::Wrong(error),
            error => Error::Missing(error.to_string()),
        }
    }
}

/// What the report says of a package that was taken in place of the pinned one.
fn drift(pin: &Pin, taken: &str, bytes: &[u8]) -> String {
    format!(
        "{} is no longer offered, took {taken}, sha256 {}",
        pin.version,
        tool::sha256(bytes)
    )
}

/// Fetches the package of a pin, or the newest of its release, and unpacks the hypervisor.
///
/// # Errors
/// [`Error::Missing`] when the package can't be had, [`Error::Wrong`] when it is not what the pin
/// says or holds no hypervisor.
pub fn fetch(apt: &Apt, pin: &Pin) -> Result<Hypervisor, Error> {
    let arch = pin.processor.debian();
    let package = format!("xen-hypervisor-{}-{arch}", pin.release);
    let (deb, drift) = match apt.fetch_deb(&package, pin.version, arch) {
        Ok(deb) => {
            let bytes =
                std::fs::read(&deb).with_context(|| format!("reading {}", deb.display()))?;
            let found = tool::sha256(&bytes);
            if found != pin.sha256 {
                return Err(Error::Wrong(anyhow!(
                    "{} has sha256 {found}, but {} is pinned; remove it to have it fetched again",
                    deb.display(),
                    pin.sha256
                )));
            }
            (deb, None)
        }
        Err(apt::Error::NotOffered { offered, .. }) if !offered.is_empty() => {
            let versions: Vec<_> = offered.iter().map(|offer| &*offer.version).collect();
            let newest = newest(&versions)?;
            let deb = apt.fetch_deb(&package, newest, arch)?;
            let bytes =
                std::fs::read(&deb).with_context(|| format!("reading {}", deb.display()))?;
            let drift = drift(pin, newest, &bytes);
            (deb, Some(drift))
        }
        Err(error) => return Err(error.into()),
    };
    if !tool::have("dpkg-deb") {
        return Err(Error::Missing(
            "no dpkg-deb here to unpack the package".to_owned(),
        ));
    }
    let dir = unpacked_dir(&deb)?;
    tool::run(Command::new("dpkg-deb").arg("-x").arg(&deb).arg(&dir))?;
    let file = dir.join("xen");
    let processor = unpack(&in_package(&dir, pin.processor)?, &file)?;
    if processor != pin.processor {
        return Err(Error::Wrong(anyhow!(
            "{} holds a hypervisor for {}",
            deb.display(),
            processor.debian()
        )));
    }
    Ok(Hypervisor {
        file,
        processor,
        drift,
    })
}

/// Takes a hypervisor from a file, compressed or not.
///
/// # Errors
/// A file that can't be read or is no hypervisor.
pub fn from_file(file: &Path) -> Result<Hypervisor> {
    let to = tool::cache_dir("xen")?.join("given");
    let processor = unpack(file, &to)?;
    Ok(Hypervisor {
        file: to,
        processor,
        drift: None,
    })
}

/// A folder of its own for a package's contents.
fn unpacked_dir(deb: &Path) -> Result<PathBuf> {
    let name = deb.file_stem().context("a package has a name")?;
    let dir = tool::cache_dir("xen")?.join("packages").join(name);
    std::fs::create_dir_all(&dir).with_context(|| format!("creating {}", dir.display()))?;
    Ok(dir)
}

/// The hypervisor among a package's files, compressed (`xen-4.17-amd64.gz`) or not (`xen-4.17-arm64`):
/// beside it are one for EFI and a list of the build's options.
fn in_package(dir: &Path, processor: Processor) -> Result<PathBuf> {
    let end = format!("-{}", processor.debian());
    let boot = dir.join("boot");
    let mut found: Vec<_> = std::fs::read_dir(&boot)
        .with_context(|| format!("reading {}", boot.display()))?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let name = name.strip_suffix(".gz").unwrap_or(&name);
            name.starts_with("xen-") && name.ends_with(&end)
        })
        .collect();
    match (found.pop(), found.pop()) {
        (Some(file), None) => Ok(file),
        (None, _) => bail!("no xen-*{end} in {}", boot.display()),
        (Some(one), Some(other)) => bail!(
            "two hypervisors in one package: {} and {}",
            one.display(),
            other.display()
        ),
    }
}

/// Writes the kernel that QEMU boots to `to`, and tells which processor it is for: an ELF file for x86,
/// a bootable image with ARM's mark for the other.
fn unpack(from: &Path, to: &Path) -> Result<Processor> {
    let mut bytes = std::fs::read(from).with_context(|| format!("reading {}", from.display()))?;
    if bytes.starts_with(&[0x1f, 0x8b]) {
        let mut plain = Vec::new();
        flate2::read::GzDecoder::new(&*bytes)
            .read_to_end(&mut plain)
            .with_context(|| format!("unpacking {}", from.display()))?;
        bytes = plain;
    }
    let processor = if bytes.starts_with(b"\x7fELF") {
        Processor::Amd64
    } else if bytes.get(56..60) == Some(b"ARM\x64") {
        Processor::Arm64
    } else {
        bail!(
            "{} is no ELF file, nor an image for arm64, nor a compressed one: it starts with {:02x?}",
            from.display(),
            &bytes[..bytes.len().min(4)]
        );
    };
    std::fs::write(to, bytes).with_context(|| format!("writing {}", to.display()))?;
    Ok(processor)
}

/// The newest of some Debian versions.
fn newest<'a>(versions: &[&'a str]) -> Result<&'a str> {
    let mut newest = *versions.first().context("no version to choose from")?;
    for version in versions {
        let status = Command::new("dpkg")
            .args(["--compare-versions", version, "gt", newest])
            .status()
            .context("cannot start dpkg to compare versions")?;
        if status.success() {
            newest = version;
        }
    }
    Ok(newest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn compressed_and_plain_files_are_taken_and_others_refused() {
        let dir = tempfile::tempdir().unwrap();
        let (from, to) = (dir.path().join("from"), dir.path().join("to"));
        let kernel = b"\x7fELF and so on";

        std::fs::write(&from, kernel).unwrap();
        assert_eq!(unpack(&from, &to).unwrap(), Processor::Amd64);
        assert_eq!(std::fs::read(&to).unwrap(), kernel);

        let mut image = [0; 64];
        image[56..60].copy_from_slice(b"ARM\x64");
        std::fs::write(&from, image).unwrap();
        assert_eq!(unpack(&from, &to).unwrap(), Processor::Arm64);

        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(kernel).unwrap();
        let packed = gzip.finish().unwrap();
        std::fs::write(&from, &packed).unwrap();
        std::fs::remove_file(&to).unwrap();
        unpack(&from, &to).unwrap();
        assert_eq!(std::fs::read(&to).unwrap(), kernel);

        std::fs::write(&from, &packed[..packed.len() - 9]).unwrap();
        assert!(
            unpack(&from, &to)
                .unwrap_err()
                .to_string()
                .contains("unpacking")
        );
        std::fs::write(&from, b"MZ").unwrap();
        let error = unpack(&from, &to).unwrap_err().to_string();
        assert!(
            error.contains("is no ELF file") && error.contains("[4d, 5a]"),
            "{error}"
        );
    }

    #[test]
    fn another_package_is_named_with_its_digest() {
        let text = drift(&PINS[0], "4.14.7-1", b"abc");
        assert_eq!(
            text,
            "4.14.6-1 is no longer offered, took 4.14.7-1, \
             sha256 ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }

    #[test]
    fn only_what_nothing_is_known_about_is_missing() {
        let unavailable = apt::Error::Unavailable("no network".to_owned());
        assert!(matches!(unavailable.into(), Error::Missing(_)));
        let failed = apt::Error::Failed(anyhow!("Hash Sum mismatch"));
        assert!(matches!(failed.into(), Error::Wrong(_)));
    }

    #[test]
    fn a_package_has_one_hypervisor() {
        let dir = tempfile::tempdir().unwrap();
        let boot = dir.path().join("boot");
        std::fs::create_dir(&boot).unwrap();
        let amd64 = || in_package(dir.path(), Processor::Amd64);
        std::fs::write(boot.join("xen-4.17-amd64.efi"), "").unwrap();
        assert!(amd64().unwrap_err().to_string().contains("no xen-*-amd64"));
        std::fs::write(boot.join("xen-4.17-amd64.gz"), "").unwrap();
        assert_eq!(amd64().unwrap(), boot.join("xen-4.17-amd64.gz"));
        std::fs::write(boot.join("xen-4.17-arm64"), "").unwrap();
        std::fs::write(boot.join("xen-4.17-arm64.config"), "").unwrap();
        assert_eq!(
            in_package(dir.path(), Processor::Arm64).unwrap(),
            boot.join("xen-4.17-arm64")
        );
        std::fs::write(boot.join("xen-4.18-amd64.gz"), "").unwrap();
        assert!(amd64().unwrap_err().to_string().contains("two hypervisors"));
    }

    #[test]
    fn debian_versions_are_compared_as_debian_does() {
        let versions = ["4.17.5+72-g01140da4e8-1", "4.17.10-1", "4.17.9~rc1-1"];
        if tool::have("dpkg") {
            assert_eq!(newest(&versions).unwrap(), "4.17.10-1");
        } else {
            assert!(newest(&versions).unwrap_err().to_string().contains("dpkg"));
        }
        assert!(newest(&[]).is_err());
    }
}
