//! The paths of unix sockets, which are shorter than those of files.

use crate::dsn::TargetError;
use std::path::Path;

/// The longest path of an address, in bytes: `sun_path` of unix(7) without its end.
const LONGEST: usize = 107;

/// Can a socket be at `path`? `text` is what names it.
pub(crate) fn fits(text: &str, path: &Path) -> Result<(), TargetError> {
    let long = path.as_os_str().len();
    if long <= LONGEST {
        return Ok(());
    }
    let problem = format!("the path of its socket has {long} bytes, and no address holds more than {LONGEST}");
    Err(TargetError::new(text, problem).hint("shorten it, or make a short link to its directory"))
}
