//! What only hardware-virtualised guests see (`xen/include/public/hvm/`).
