//! Who wrote a guest's PV drivers (`xen/include/public/hvm/pvdrivers.h`).
//!
//! Before it may unplug the emulated devices, a driver writes its 16-bit product
//! number and its build number to I/O ports of Xen's platform device, and the device
//! model can refuse it. The numbers are given out by the Xen project;
//! [`PRODUCTS`] is the register.

/// A line of the register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Product {
    /// The product's name, as the register spells it.
    pub name: &'static str,
    /// The number that its drivers write.
    pub number: u16,
}

/// All products with a number, by number. The last one is for drivers under
/// development.
#[doc(alias = "PVDRIVERS_PRODUCT_LIST")]
pub const PRODUCTS: &[Product] = &[
    product("xensource-windows", 0x0001),
    product("gplpv-windows", 0x0002),
    product("linux", 0x0003),
    product("xenserver-windows-v7.0+", 0x0004),
    product("xenserver-windows-v7.2+", 0x0005),
    product("experimental", 0xffff),
];

const fn product(name: &'static str, number: u16) -> Product {
    Product { name, number }
}

/// The name registered for a product number.
pub fn product_name(number: u16) -> Option<&'static str> {
    let found = PRODUCTS.iter().find(|product| product.number == number);
    found.map(|product| product.name)
}

/// The number registered for a product name.
pub fn product_number(name: &str) -> Option<u16> {
    let found = PRODUCTS.iter().find(|product| product.name == name);
    found.map(|product| product.number)
}
