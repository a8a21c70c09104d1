//! What only hardware-virtualised guests see (`xen/include/public/hvm/`).

pub mod dm_op;
pub mod pvdrivers;
pub mod save;
