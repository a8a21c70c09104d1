//! Proof that the types of `xen-public` are those of the headers.
