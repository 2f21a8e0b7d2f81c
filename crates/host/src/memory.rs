//! The memory of the machine, as the kernel counts it.

use std::path::Path;

/// The memory of the machine, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Memory {
    /// All of it.
    pub total: u64,
    /// What could be had without swapping (`MemAvailable` of /proc/meminfo, proc(5)).
    pub available: u64,
    /// Swapped out.
    pub swapped: u64,
    /// In the last five minutes somebody waited for memory so much of the time, in percent; nothing where the kernel does not count it
    /// (Documentation/accounting/psi.rst).
    pub pressure: Option<f64>,
}

/// The memory of the machine now; nothing where it cannot be seen.
pub fn memory() -> Option<Memory> {
    let pressure = crate::proc::read(Path::new("/proc/pressure/memory"));
    Memory::parse(&crate::proc::read(Path::new("/proc/meminfo"))?, pressure.as_deref())
}

impl Memory {
    fn parse(meminfo: &str, pressure: Option<&str>) -> Option<Self> {
        let bytes = |name: &str| {
            let line = meminfo.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
            line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kibibytes| kibibytes * 1024)
        };
        let swapped = bytes("SwapTotal").unwrap_or_default().saturating_sub(bytes("SwapFree").unwrap_or_default());
        let pressure = pressure.and_then(|text| text.lines().find(|line| line.starts_with("some "))?.split(' ').nth(3));
        let pressure = pressure.and_then(|average| average.strip_prefix("avg300=")?.parse().ok());
        Some(Self { total: bytes("MemTotal")?, available: bytes("MemAvailable")?, swapped, pressure })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// S1.18: what a snapshot says of the memory.
    #[test]
    fn what_the_kernel_counts_is_read() {
        let meminfo =
            "MemTotal:  2000 kB\nMemFree: 100 kB\nMemAvailable:    1500 kB\nSwapTotal: 100 kB\nSwapFree: 60 kB\n";
        let pressure =
            "some avg10=0.00 avg60=1.00 avg300=2.50 total=7\nfull avg10=0.00 avg60=0.00 avg300=0.50 total=0\n";
        let seen = Memory::parse(meminfo, Some(pressure)).unwrap();
        assert_eq!(
            (seen.total, seen.available, seen.swapped, seen.pressure),
            (2_048_000, 1_536_000, 40_960, Some(2.5))
        );
        assert_eq!(Memory::parse(meminfo, None).unwrap().pressure, None);
        assert_eq!(Memory::parse("MemTotal: much\n", None), None);
        assert!(memory().unwrap().total > 0);
    }
}
