//! The disk: a file, made if it is not there.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

use sha2::{Digest, Sha256};

/// The bytes of a sector, on every device.
pub(crate) const SECTOR: u64 = 512;

/// An open disk. Each thread that uses it has its own.
#[derive(Debug)]
pub(crate) struct Disk(File);

impl Disk {
    /// Opens the file, makes it if it is not there, and lets it grow to `bytes` bytes.
    pub(crate) fn create(path: &Path, bytes: u64) -> io::Result<()> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)?;
        if !file.metadata()?.is_file() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "it is not a file",
            ));
        }
        if file.metadata()?.len() < bytes {
            file.set_len(bytes)?;
        }
        Ok(())
    }

    /// Opens a file that [`create`](Self::create) has made.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        OpenOptions::new()
            .read(true)
            .write(true)
            .open(path)
            .map(Self)
    }

    /// Reads from a sector on.
    pub(crate) fn read(&mut self, sector: u64, to: &mut [u8]) -> io::Result<()> {
        self.0.seek(SeekFrom::Start(sector * SECTOR))?;
        self.0.read_exact(to)
    }

    /// Writes from a sector on.
    pub(crate) fn write(&mut self, sector: u64, from: &[u8]) -> io::Result<()> {
        self.0.seek(SeekFrom::Start(sector * SECTOR))?;
        self.0.write_all(from)
    }

    /// Makes what was written last.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        self.0.sync_data()
    }

    /// The SHA-256 of `bytes` bytes from a sector on.
    pub(crate) fn hash(&mut self, sector: u64, bytes: u64) -> io::Result<[u8; 32]> {
        self.0.seek(SeekFrom::Start(sector * SECTOR))?;
        let mut hash = Sha256::new();
        let mut buffer = vec![0; 1 << 20];
        let mut left = bytes;
        while left > 0 {
            let count = left.min(buffer.len() as u64) as usize;
            self.0.read_exact(&mut buffer[..count])?;
            hash.update(&buffer[..count]);
            left -= count as u64;
        }
        Ok(hash.finalize().into())
    }
}
