//! xenstore, simulated: a tree of nodes that both ends read and write.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fmt;
use std::sync::{Condvar, Mutex};
use std::time::Duration;

use xen_abi::blkif::negotiation::Nodes;
use xen_public::abi::x86_64::io::xenbus as c;

/// All nodes, by their path.
#[derive(Debug, Default)]
pub(crate) struct Store {
    nodes: Mutex<BTreeMap<String, String>>,
    changed: Condvar,
}

/// The nodes of one end of a device.
#[derive(Clone, Debug)]
pub(crate) struct Directory<'a> {
    store: &'a Store,
    path: String,
}

/// How far an end has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum State {
    Initialising = c::XenbusStateInitialising as isize,
    InitWait = c::XenbusStateInitWait as isize,
    Initialised = c::XenbusStateInitialised as isize,
    Connected = c::XenbusStateConnected as isize,
    Closing = c::XenbusStateClosing as isize,
    Closed = c::XenbusStateClosed as isize,
}

/// The other end went away, or said nothing for a minute.
#[derive(Debug)]
pub(crate) struct Gone(String);

impl fmt::Display for Gone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} went away", self.0)
    }
}

impl std::error::Error for Gone {}

impl Store {
    /// The directory with this path.
    pub(crate) fn directory(&self, path: String) -> Directory<'_> {
        Directory { store: self, path }
    }
}

impl Directory<'_> {
    /// Writes a node.
    pub(crate) fn write(&self, name: &str, value: &dyn fmt::Display) -> Result<(), Infallible> {
        let path = format!("{}/{name}", self.path);
        let mut nodes = self.store.nodes.lock().unwrap();
        nodes.insert(path, value.to_string());
        self.store.changed.notify_all();
        Ok(())
    }

    /// Says how far this end has come.
    pub(crate) fn set_state(&self, state: State) {
        let Ok(()) = self.write("state", &(state as isize));
    }

    /// How far this end has come.
    pub(crate) fn state(&self) -> State {
        Self::parse(self.store.nodes.lock().unwrap().get(&self.state_path()))
    }

    /// Waits until this end is in the given state.
    pub(crate) fn wait_for(&self, state: State) -> Result<(), Gone> {
        let path = self.state_path();
        let (nodes, waited) = self
            .store
            .changed
            .wait_timeout_while(
                self.store.nodes.lock().unwrap(),
                Duration::from_secs(60),
                |nodes| Self::parse(nodes.get(&path)) < state,
            )
            .unwrap();
        if waited.timed_out() || Self::parse(nodes.get(&path)) != state {
            return Err(Gone(self.path.clone()));
        }
        Ok(())
    }

    fn state_path(&self) -> String {
        format!("{}/state", self.path)
    }

    fn parse(value: Option<&String>) -> State {
        let number = value.and_then(|value| value.parse().ok());
        match number.unwrap_or(State::Initialising as isize) {
            n if n == State::InitWait as isize => State::InitWait,
            n if n == State::Initialised as isize => State::Initialised,
            n if n == State::Connected as isize => State::Connected,
            n if n == State::Closing as isize => State::Closing,
            n if n == State::Closed as isize => State::Closed,
            _ => State::Initialising,
        }
    }
}

impl Nodes for Directory<'_> {
    type Error = Infallible;

    fn read(&mut self, name: &str, buffer: &mut [u8]) -> Result<Option<usize>, Infallible> {
        let nodes = self.store.nodes.lock().unwrap();
        let value = nodes.get(&format!("{}/{name}", self.path));
        Ok(value.map(|value| {
            let count = value.len().min(buffer.len());
            buffer[..count].copy_from_slice(&value.as_bytes()[..count]);
            value.len()
        }))
    }
}
