//! Reading and writing nodes without allocating.

use core::convert::Infallible;
use core::fmt::{self, Write as _};

use super::{Error, Fault, ValueError};
use crate::blkif::Excerpt;
use crate::blkif::decimal::decimal;

/// The nodes of one directory of xenstore.
///
/// A closure `FnMut(&str, &mut [u8]) -> Result<Option<usize>, E>` is one too. A kernel asks xenstore on
/// its ring and copies the reply; a program does it with its library or with a file for each node:
///
/// ```no_run
/// use std::io;
/// use xen_abi::blkif::negotiation::BackendTransport;
///
/// let mut nodes = |name: &str, buffer: &mut [u8]| {
///     match std::fs::read(format!("/xenstore/backend/{name}")) {
///         Ok(value) => {
///             let copied = value.len().min(buffer.len());
///             buffer[..copied].copy_from_slice(&value[..copied]);
///             Ok(Some(value.len()))
///         }
///         Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
///         Err(error) => Err(error),
///     }
/// };
/// let offer = BackendTransport::read(&mut nodes)?;
/// println!("rings of up to {} pages", offer.ring.pages());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Nodes {
    /// Why xenstore could not be read.
    type Error;

    /// Copies the value of the node `name`, a path relative to the directory, to the front of `buffer`.
    ///
    /// Gives the length of the whole value, also where that is more than the buffer holds and only
    /// a part was copied; `None` where there is no such node. What the buffer holds behind the value is
    /// not looked at.
    ///
    /// # Errors
    ///
    /// Only where it can't be known what the node holds. An absent node is none.
    fn read(&mut self, name: &str, buffer: &mut [u8]) -> Result<Option<usize>, Self::Error>;
}

impl<F, E> Nodes for F
where
    F: FnMut(&str, &mut [u8]) -> Result<Option<usize>, E>,
{
    type Error = E;

    fn read(&mut self, name: &str, buffer: &mut [u8]) -> Result<Option<usize>, E> {
        self(name, buffer)
    }
}

/// Nodes that are at hand as names and values, such as those of a whole directory that was read before.
/// Of two with the same name the first one counts.
#[derive(Clone, Copy, Debug)]
pub struct Listed<'a, N, V>(pub &'a [(N, V)]);

impl<N: AsRef<str>, V: AsRef<[u8]>> Nodes for Listed<'_, N, V> {
    type Error = Infallible;

    fn read(&mut self, name: &str, buffer: &mut [u8]) -> Result<Option<usize>, Infallible> {
        let found = self.0.iter().find(|(known, _)| known.as_ref() == name);
        Ok(found.map(|(_, value)| {
            let value = value.as_ref();
            for (to, from) in buffer.iter_mut().zip(value) {
                *to = *from;
            }
            value.len()
        }))
    }
}

/// A node's name, relative to the directory of its end. Displays as that: `queue-1/ring-ref0`.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Node {
    queue: Option<u32>,
    name: &'static str,
    page: Option<u32>,
}

impl Node {
    /// A node of the directory itself.
    pub const fn new(name: &'static str) -> Self {
        Self {
            queue: None,
            name,
            page: None,
        }
    }

    /// The same below `queue-N/`.
    pub const fn of_queue(self, queue: u32) -> Self {
        Self {
            queue: Some(queue),
            ..self
        }
    }

    /// The same with the number of a page at its end.
    pub const fn of_page(self, page: u32) -> Self {
        Self {
            page: Some(page),
            ..self
        }
    }
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(queue) = self.queue {
            write!(f, "queue-{queue}/")?;
        }
        f.write_str(self.name)?;
        if let Some(page) = self.page {
            write!(f, "{page}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A node's name as text.
struct NameText {
    bytes: [u8; Self::CAPACITY],
    length: usize,
}

impl NameText {
    /// The longest is `feature-max-indirect-segments` with a queue and a page: 56 bytes.
    const CAPACITY: usize = 64;

    fn new(node: Node) -> Self {
        let mut text = Self {
            bytes: [0; Self::CAPACITY],
            length: 0,
        };
        // It can't fail: no name is longer than the capacity.
        let _ = write!(text, "{node}");
        text
    }

    fn as_str(&self) -> &str {
        let bytes = self.bytes.get(..self.length).unwrap_or_default();
        core::str::from_utf8(bytes).unwrap_or_default()
    }
}

impl fmt::Write for NameText {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = self.length.checked_add(text.len()).ok_or(fmt::Error)?;
        let room = self.bytes.get_mut(self.length..end).ok_or(fmt::Error)?;
        room.copy_from_slice(text.as_bytes());
        self.length = end;
        Ok(())
    }
}

/// The longest value that is read. No valid one of the nodes here is longer than 32 bytes.
const LONGEST: usize = 64;

/// Reads a node's value, if there is one, by `parse`.
pub(super) fn optional<N: Nodes + ?Sized, T>(
    nodes: &mut N,
    node: Node,
    parse: impl FnOnce(&[u8]) -> Result<T, Fault>,
) -> Result<Option<T>, Error<N::Error>> {
    let mut buffer = [0; LONGEST];
    let name = NameText::new(node);
    let Some(length) = nodes
        .read(name.as_str(), &mut buffer)
        .map_err(Error::Xenstore)?
    else {
        return Ok(None);
    };
    let (value, parsed) = match buffer.get(..length) {
        Some(value) => (Excerpt::of(value), parse(value)),
        None => (Excerpt::beginning(&buffer, length), Err(Fault::TooLong)),
    };
    match parsed {
        Ok(parsed) => Ok(Some(parsed)),
        Err(fault) => Err(ValueError::new(node, value, fault).into()),
    }
}

/// The same for a node that must be there.
pub(super) fn required<N: Nodes + ?Sized, T>(
    nodes: &mut N,
    node: Node,
    parse: impl FnOnce(&[u8]) -> Result<T, Fault>,
) -> Result<T, Error<N::Error>> {
    optional(nodes, node, parse)?
        .ok_or_else(|| ValueError::without_value(node, Fault::Missing).into())
}

/// The same for a boolean with a default.
pub(super) fn boolean<N: Nodes + ?Sized>(
    nodes: &mut N,
    name: &'static str,
    default: bool,
) -> Result<bool, Error<N::Error>> {
    let value = optional(nodes, Node::new(name), |value| match value {
        b"0" => Ok(false),
        b"1" => Ok(true),
        _ => Err(Fault::NotBoolean),
    })?;
    Ok(value.unwrap_or(default))
}

/// A 32-bit number.
pub(super) fn number(value: &[u8]) -> Result<u32, Fault> {
    // No number above the maximum comes out.
    Ok(decimal(value, u32::MAX.into())? as u32)
}

/// A 64-bit number.
pub(super) fn long_number(value: &[u8]) -> Result<u64, Fault> {
    Ok(decimal(value, u64::MAX)?)
}

/// Where nodes are written to: a callback that takes a name and what is to be printed as its value.
pub(super) struct Writer<W>(pub(super) W);

impl<W, E> Writer<W>
where
    W: FnMut(&str, &dyn fmt::Display) -> Result<(), E>,
{
    pub(super) fn value(&mut self, node: Node, value: &dyn fmt::Display) -> Result<(), Error<E>> {
        (self.0)(NameText::new(node).as_str(), value).map_err(Error::Xenstore)
    }

    pub(super) fn boolean(&mut self, name: &'static str, value: bool) -> Result<(), Error<E>> {
        self.value(Node::new(name), &u8::from(value))
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::super::names;
    use super::*;

    #[test]
    fn the_longest_names_fit() {
        let mut longest = 0;
        for name in names::ALL {
            let node = Node::new(name).of_queue(u32::MAX).of_page(u32::MAX);
            let text = NameText::new(node);
            assert_eq!(text.as_str(), node.to_string());
            longest = longest.max(text.length);
        }
        assert_eq!(longest, 17 + 29 + 10);
    }

    #[test]
    fn values_that_fill_the_buffer_and_more() {
        let node = Node::new("x");
        for length in [0, 1, 63, 64, 65, 4096] {
            let value = alloc::vec![b'7'; length];
            let read = optional(&mut Listed(&[("x", value)]), node, |value| Ok(value.len()));
            if length <= 64 {
                assert_eq!(read, Ok(Some(length)));
            } else {
                let error = ValueError::new(
                    node,
                    Excerpt::beginning(&[b'7'; 32], length),
                    Fault::TooLong,
                );
                assert_eq!(read, Err(Error::Value(error)));
            }
        }
        // A length beyond any memory is a lie of the caller's own code, but does no harm.
        let mut lying = |_: &str, _: &mut [u8]| Ok::<_, Infallible>(Some(usize::MAX));
        assert!(optional(&mut lying, node, |_| Ok(())).is_err());
    }
}
