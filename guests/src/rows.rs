//! Which rows of the table of gates a run has come to, and how.

use xen_abi::version::Operation;

/// How a row was come to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum How {
    /// By its own call, which succeeded.
    Done = 1 << 0,
    /// By its own call, which was refused as it had to be.
    Refused = 1 << 1,
    /// By an older call in its place.
    Older = 1 << 2,
    /// By nothing: it is known not to be there.
    Absent = 1 << 3,
    /// By its number, with an address at which nothing is.
    Number = 1 << 4,
}

/// What became of each row.
#[derive(Clone, Debug)]
pub struct Rows([u8; Operation::COUNT]);

impl Rows {
    /// Nothing so far.
    pub const NONE: Self = Self([0; Operation::COUNT]);

    /// A row was come to, and with it everything that it belongs to.
    pub fn mark(&mut self, operation: Operation, how: How) {
        let rows = core::iter::successors(Some(operation), |row| row.parent());
        for row in rows {
            self.0[row.index()] |= how as u8;
        }
    }

    /// Whether a row was come to in this way.
    pub fn has(&self, operation: Operation, how: How) -> bool {
        self.0[operation.index()] & how as u8 != 0
    }

    /// The most that a row was come to, if at all.
    pub fn best(&self, operation: Operation) -> Option<How> {
        [
            How::Done,
            How::Older,
            How::Refused,
            How::Number,
            How::Absent,
        ]
        .into_iter()
        .find(|&how| self.has(operation, how))
    }
}
