//! Paravirtual block devices (`xen/include/public/io/blkif.h`).
//!
//! A frontend in one domain reads and writes a disk that a backend in another domain serves. The two
//! first agree on terms through nodes in xenstore, then exchange requests and responses on shared
//! rings, whose layout is that of the frontend's ABI.
