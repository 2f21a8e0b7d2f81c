//! What is freed and needed again a moment later.

/// From now on the allocator keeps up to so many freed bytes at the end of the heap, instead of giving them back to the kernel and asking for
/// them again (mallopt(3), `M_TRIM_THRESHOLD`): a proxy needs a few kilobytes for each request, and each page that comes back has to be
/// cleared first. Nothing happens where the C library is another one than glibc.
#[cfg_attr(target_env = "gnu", expect(unsafe_code, reason = "mallopt(3) is a C interface"))]
pub fn keep_freed(bytes: u32) {
    #[cfg(target_env = "gnu")]
    if let Ok(bytes) = i32::try_from(bytes) {
        // SAFETY: takes two numbers, and may be called at any time.
        unsafe { libc::mallopt(libc::M_TRIM_THRESHOLD, bytes) };
    }
    #[cfg(not(target_env = "gnu"))]
    let _ = bytes;
}
