//! What Xen tells an ARM domain 0 by its device tree, as far as the kernels use it.
//!
//! Xen makes the tree from that of the machine and adds the node `/hypervisor`, whose properties stand in
//! `docs/misc/arm/device-tree/guest.txt` of Xen's sources. The interrupt controller in it is a virtual one of
//! the machine's own kind, at the machine's addresses; the kernels have a driver for version 2 alone.

use core::fmt;

use fdt::Fdt;
use fdt::node::FdtNode;

/// The kinds of interrupt controller that are version 2, by name.
const CONTROLLERS: [&str; 3] = ["arm,gic-400", "arm,cortex-a15-gic", "arm,cortex-a7-gic"];
/// What the virtual timer's interrupt has before it in its node: those of the physical timers.
const PHYSICAL_TIMERS: usize = 2;

/// A range of physical addresses.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Region {
    /// The first address.
    pub start: usize,
    /// How many bytes there are.
    pub size: usize,
}

impl Region {
    /// Whether all of it is inside of a range that has no end at 0.
    pub fn is_in(&self, range: &core::ops::Range<usize>) -> bool {
        let room = range.end.checked_sub(self.start);
        self.start >= range.start && room.is_some_and(|room| self.size <= room)
    }
}

/// What a kernel takes from the tree.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Told<'a> {
    /// The kernel's command line; empty where there is none.
    pub command_line: &'a str,
    /// Where Xen offers room for foreign frames.
    pub hole: Region,
    /// The interrupt controller's registers for all processors.
    pub distributor: Region,
    /// Its registers for the processor that uses them.
    pub interface: Region,
    /// The number of the interrupt that is the upcall.
    pub upcall: u32,
    /// The number of the virtual timer's interrupt.
    pub timer: u32,
}

/// What the tree lacks, or has otherwise than it should be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Lack {
    /// The node of this path.
    Node(&'static str),
    /// A region that a node's property `reg` gives: which.
    Region(&'static str, usize),
    /// An interrupt of the processor's own that a node's property `interrupts` names: which.
    Interrupt(&'static str, usize),
    /// An interrupt controller of version 2.
    Controller,
}

impl fmt::Display for Lack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the device tree has no ")?;
        match self {
            Self::Node(path) => write!(f, "{path}"),
            Self::Region(node, index) => write!(f, "region {index} of {node}"),
            Self::Interrupt(node, index) => {
                write!(f, "private interrupt that is number {index} of {node}")
            }
            Self::Controller => write!(f, "interrupt controller of version 2"),
        }
    }
}

impl core::error::Error for Lack {}

/// Reads a tree.
///
/// # Errors
///
/// What it lacks.
pub fn read<'a>(tree: &Fdt<'a>) -> Result<Told<'a>, Lack> {
    let node = |path| tree.find_node(path).ok_or(Lack::Node(path));
    let hypervisor = node("/hypervisor")?;
    let command_line = node("/chosen")?.property("bootargs");
    let controller = tree.find_compatible(&CONTROLLERS);
    let controller = controller.ok_or(Lack::Controller)?;
    Ok(Told {
        command_line: command_line
            .and_then(|text| text.as_str())
            .unwrap_or_default(),
        hole: region(hypervisor, "/hypervisor", 0)?,
        distributor: region(controller, "the interrupt controller", 0)?,
        interface: region(controller, "the interrupt controller", 1)?,
        upcall: interrupt(hypervisor, "/hypervisor", 0)?,
        timer: interrupt(node("/timer")?, "/timer", PHYSICAL_TIMERS)?,
    })
}

fn region(node: FdtNode<'_, '_>, name: &'static str, index: usize) -> Result<Region, Lack> {
    let region = node.reg().and_then(|mut regions| regions.nth(index));
    let region = region.and_then(|region| {
        Some(Region {
            start: region.starting_address.addr(),
            size: region.size?,
        })
    });
    region.ok_or(Lack::Region(name, index))
}

/// The number of an interrupt that its node gives in three words: its kind, of which 1 is the processor's
/// own, the number among those of that kind, and flags.
fn interrupt(node: FdtNode<'_, '_>, name: &'static str, index: usize) -> Result<u32, Lack> {
    /// The first of the processor's own interrupts.
    const FIRST: u32 = 16;
    let words = node.property("interrupts").map(|list| list.value);
    let word = |number: usize| {
        let bytes = words?.get(4 * number..)?.first_chunk()?;
        Some(u32::from_be_bytes(*bytes))
    };
    match (word(3 * index), word(3 * index + 1), word(3 * index + 2)) {
        (Some(1), Some(number), Some(_)) if number < FIRST => Ok(FIRST + number),
        _ => Err(Lack::Interrupt(name, index)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vm_fdt::{FdtWriter, FdtWriterResult};

    /// A tree as Xen makes it, with these properties.
    struct Made {
        controller: &'static str,
        registers: &'static [u64],
        hole: &'static [u64],
        upcall: &'static [u32],
        timers: &'static [u32],
        bootargs: Option<&'static str>,
    }

    const GOOD: Made = Made {
        controller: "arm,cortex-a15-gic",
        registers: &[0x800_0000, 0x1_0000, 0x801_0000, 0x1_0000],
        hole: &[0x5000_0000, 0x100_0000],
        upcall: &[1, 0, 0xf08],
        timers: &[1, 13, 4, 1, 14, 4, 1, 11, 4],
        bootargs: Some("expect=4.20"),
    };

    impl Made {
        fn write(&self) -> FdtWriterResult<Vec<u8>> {
            let mut tree = FdtWriter::new()?;
            let root = tree.begin_node("")?;
            tree.property_u32("#address-cells", 2)?;
            tree.property_u32("#size-cells", 2)?;
            let node = tree.begin_node("chosen")?;
            if let Some(text) = self.bootargs {
                tree.property_string("bootargs", text)?;
            }
            tree.end_node(node)?;
            let node = tree.begin_node("hypervisor")?;
            tree.property_string("compatible", "xen,xen")?;
            tree.property_array_u64("reg", self.hole)?;
            tree.property_array_u32("interrupts", self.upcall)?;
            tree.end_node(node)?;
            let node = tree.begin_node("intc@8000000")?;
            tree.property_string("compatible", self.controller)?;
            tree.property_array_u64("reg", self.registers)?;
            tree.end_node(node)?;
            let node = tree.begin_node("timer")?;
            tree.property_array_u32("interrupts", self.timers)?;
            tree.end_node(node)?;
            tree.end_node(root)?;
            tree.finish()
        }

        fn lacks(&self) -> Lack {
            let bytes = self.write().unwrap();
            read(&Fdt::new(&bytes).unwrap()).unwrap_err()
        }
    }

    #[test]
    fn a_tree_is_read() {
        let bytes = GOOD.write().unwrap();
        let region = |start, size| Region { start, size };
        let mut told = Told {
            command_line: "expect=4.20",
            hole: region(0x5000_0000, 0x100_0000),
            distributor: region(0x800_0000, 0x1_0000),
            interface: region(0x801_0000, 0x1_0000),
            upcall: 16,
            timer: 27,
        };
        assert_eq!(read(&Fdt::new(&bytes).unwrap()), Ok(told));
        let bytes = Made {
            bootargs: None,
            ..GOOD
        };
        let bytes = bytes.write().unwrap();
        told.command_line = "";
        assert_eq!(read(&Fdt::new(&bytes).unwrap()), Ok(told));
    }

    #[test]
    fn what_is_missing_is_named() {
        let lack = |made: Made| made.lacks().to_string();
        let cases = [
            (
                Made {
                    controller: "arm,gic-v3",
                    ..GOOD
                },
                "interrupt controller of version 2",
            ),
            (
                Made {
                    registers: &[0x800_0000, 0x1_0000],
                    ..GOOD
                },
                "region 1 of the interrupt controller",
            ),
            (Made { hole: &[], ..GOOD }, "region 0 of /hypervisor"),
            (
                // Shared by all processors.
                Made {
                    upcall: &[0, 0, 0xf08],
                    ..GOOD
                },
                "private interrupt that is number 0 of /hypervisor",
            ),
            (
                Made {
                    upcall: &[1, 16, 0xf08],
                    ..GOOD
                },
                "private interrupt that is number 0 of /hypervisor",
            ),
            (
                // Cut off.
                Made {
                    timers: &[1, 13, 4, 1, 14, 4, 1, 11],
                    ..GOOD
                },
                "private interrupt that is number 2 of /timer",
            ),
        ];
        for (made, what) in cases {
            assert_eq!(lack(made), format!("the device tree has no {what}"));
        }
        let mut tree = FdtWriter::new().unwrap();
        let root = tree.begin_node("").unwrap();
        tree.end_node(root).unwrap();
        let bytes = tree.finish().unwrap();
        let lack = read(&Fdt::new(&bytes).unwrap()).unwrap_err();
        assert_eq!(lack.to_string(), "the device tree has no /hypervisor");
    }

    #[test]
    fn regions_that_reach_out_of_a_range_are_not_in_it() {
        let inside = |start, size| Region { start, size }.is_in(&(0x1000..0x3000));
        assert!(inside(0x1000, 0x2000));
        assert!(inside(0x2fff, 1));
        assert!(!inside(0xfff, 1));
        assert!(!inside(0x1000, 0x2001));
        assert!(!inside(0x3001, 0));
        assert!(!inside(0x2000, usize::MAX));
    }
}
