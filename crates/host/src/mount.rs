//! Which mount a path lies on.

use std::{
    ffi::OsString,
    os::unix::ffi::OsStringExt,
    path::{Path, PathBuf},
};

/// One line of /proc/self/mountinfo (proc_pid_mountinfo(5)).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mount {
    pub(crate) point: PathBuf,
    pub(crate) read_only: bool,
}

/// The mount that holds `path`, which must be absolute and without links: the deepest one, and of several on the same
/// point the last.
pub(crate) fn mount_of(mountinfo: &str, path: &Path) -> Option<Mount> {
    let holding = mountinfo.lines().filter_map(parse).filter(|mount| path.starts_with(&mount.point));
    holding.max_by_key(|mount| mount.point.components().count())
}

/// `36 35 98:0 /root /point rw,noatime ... - ext4 /dev/sda rw,errors=continue`: read-only is said of the mount or of
/// the whole file system.
fn parse(line: &str) -> Option<Mount> {
    let (mount, file_system) = line.split_once(" - ")?;
    let mut mount = mount.split(' ').skip(4);
    let point = unescape(mount.next()?);
    let options = [mount.next()?, file_system.split(' ').nth(2).unwrap_or("")];
    Some(Mount { point, read_only: options.iter().any(|options| options.split(',').any(|option| option == "ro")) })
}

/// Space, tab, newline and backslash are written as `\040` and so on.
fn unescape(text: &str) -> PathBuf {
    let mut parts = text.split('\\');
    let mut bytes = parts.next().unwrap_or("").as_bytes().to_vec();
    for part in parts {
        match part.get(..3).and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            Some(byte) => {
                bytes.push(byte);
                bytes.extend_from_slice(&part.as_bytes()[3..]);
            }
            None => {
                bytes.push(b'\\');
                bytes.extend_from_slice(part.as_bytes());
            }
        }
    }
    OsString::from_vec(bytes).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTINFO: &str = "\
22 1 254:0 / / rw,relatime - ext4 /dev/root rw\n\
23 22 0:20 / /data rw,relatime - ext4 /dev/sdb ro,errors=remount-ro\n\
24 23 0:21 / /data/with\\040space ro shared:1 master:2 - tmpfs tmpfs rw\n\
25 22 0:22 / /twice ro - tmpfs tmpfs rw\n\
26 22 0:23 / /twice rw - tmpfs tmpfs rw\n";

    fn found(path: &str) -> (String, bool) {
        let mount = mount_of(MOUNTINFO, Path::new(path)).unwrap();
        (mount.point.display().to_string(), mount.read_only)
    }

    /// S2.2: a read-only mount is found and named.
    #[test]
    fn the_deepest_mount_counts_and_then_the_last() {
        assert_eq!(found("/home/x"), ("/".into(), false));
        assert_eq!(found("/data/run"), ("/data".into(), true));
        assert_eq!(found("/database"), ("/".into(), false));
        assert_eq!(found("/data/with space/x"), ("/data/with space".into(), true));
        assert_eq!(found("/twice"), ("/twice".into(), false));
    }

    #[test]
    fn nonsense_is_skipped() {
        assert_eq!(mount_of("", Path::new("/")), None);
        assert_eq!(mount_of("1 2 3 - x\n\\ - \\", Path::new("/")), None);
    }
}
