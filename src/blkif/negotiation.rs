//! What the two ends agree on before the first request: their nodes in xenstore
//! (`xen/include/public/io/blkif.h`).
//!
//! Each end has a directory in xenstore that the other can read. The toolstack fills both with what the
//! device is to be; then the drivers publish what they offer and choose:
//!
//! | | written by | into the directory of | read by | before the writer's state |
//! |---|---|---|---|---|
//! | [`BackendConfiguration`] | toolstack | the backend | the backend | |
//! | [`FrontendConfiguration`] | toolstack | the frontend | the frontend | |
//! | [`BackendTransport`] | backend | the backend | the frontend | `InitWait` |
//! | [`FrontendTransport`] and a [`Queue`] for each ring | frontend | the frontend | the backend | `Initialised` |
//! | [`BackendProperties`] | backend | the backend | the frontend | `Connected` |
//!
//! Each is a value that is read through [`Nodes`], which a kernel implements on its xenstore ring and a
//! program on its connection, and written through a callback that takes a name and something to print.
//! Names are relative to the directory ([`names`]). Every node is read once. Where several must
//! belong together while the peer is writing, read in one xenstore transaction.
//!
//! # Strictness
//!
//! Values come from another domain, so they are bytes, not text. A number must be decimal and in the one
//! form that prints it: no sign, space, leading zero or NUL. That is what libxl, Linux, QEMU and the BSDs
//! write; only their readers take more. A boolean is `0` or `1`. An absent node has the header's default;
//! a wrong one is an error that says which node it is and how its value begins, and never the default.
//!
//! Numbers that advertise more than this crate can use, such as the backend's largest ring, are
//! cut down to that, because the other end is free to use less. Those that choose must be within
//! what was advertised.
//!
//! # Example
//!
//! ```
//! use xen_abi::blkif::Protocol;
//! use xen_abi::blkif::negotiation::{BackendTransport, FrontendTransport, Listed};
//!
//! let offer = BackendTransport::read(&mut Listed(&[
//!     ("max-ring-page-order", "4"),
//!     ("multi-queue-max-queues", "2"),
//! ]))?;
//! let frontend = &mut Listed(&[
//!     ("protocol", "x86_64-abi"),
//!     ("ring-page-order", "1"),
//!     ("ring-ref0", "8"),
//!     ("ring-ref1", "9"),
//!     ("event-channel", "5"),
//! ]);
//! let chosen = FrontendTransport::read(frontend, &offer, Protocol::X86_32)?;
//! assert_eq!(chosen.ring().pages(), 2);
//! let queue = chosen.read_queue(frontend, 0)?;
//! assert_eq!(queue.event_channel.get(), 5);
//!
//! let hostile = &mut Listed(&[("ring-page-order", "31")]);
//! let error = FrontendTransport::read(hostile, &offer, Protocol::X86_32).unwrap_err();
//! assert_eq!(error.to_string(), r#"ring-page-order: "31" is larger than 4"#);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod backend;
mod configuration;
mod error;
mod frontend;
pub mod names;
mod nodes;
mod ring;
#[cfg(test)]
mod tests;
mod word;

pub use backend::{BackendProperties, BackendTransport, DiscardProperties, VdiskFlags};
pub use configuration::{BackendConfiguration, FrontendConfiguration, Mode, PhysicalDevice};
pub use error::{Error, Fault, ValueError};
pub use frontend::FrontendTransport;
pub use nodes::{Listed, Node, Nodes};
pub use ring::{Queue, RingPages, RingRefs};
pub use word::{BackendType, DeviceType, Word};
