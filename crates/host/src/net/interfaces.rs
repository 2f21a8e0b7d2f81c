//! The addresses of this machine.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

/// Does a connection to `ip` stay on this machine? So it is for loopback, for "every address", and for the addresses
/// of our interfaces. Inside a container, the machine is the container.
pub fn is_local(ip: IpAddr) -> bool {
    let ip = ip.to_canonical();
    ip.is_loopback() || ip.is_unspecified() || addresses().is_ok_and(|addresses| addresses.contains(&ip))
}

#[expect(unsafe_code, reason = "getifaddrs(3) is a C interface")]
fn addresses() -> io::Result<Vec<IpAddr>> {
    let mut first = std::ptr::null_mut();
    // SAFETY: `first` is a valid place for the result.
    if unsafe { libc::getifaddrs(&raw mut first) } != 0 {
        return Err(io::Error::last_os_error());
    }
    let (mut addresses, mut next) = (Vec::new(), first);
    // SAFETY: the list is valid until it is freed, and ends with a null.
    while let Some(interface) = unsafe { next.as_ref() } {
        addresses.extend(ip_of(interface.ifa_addr));
        next = interface.ifa_next;
    }
    // SAFETY: the list came from getifaddrs and nothing refers to it any more.
    unsafe { libc::freeifaddrs(first) };
    Ok(addresses)
}

#[expect(unsafe_code, reason = "the family of an address tells its real type")]
pub(super) fn ip_of(address: *const libc::sockaddr) -> Option<IpAddr> {
    // SAFETY: the pointer is null or points to an address of the type that its family names (getifaddrs(3)).
    unsafe {
        match i32::from(address.as_ref()?.sa_family) {
            libc::AF_INET => {
                let four = address.cast::<libc::sockaddr_in>().read_unaligned().sin_addr.s_addr;
                Some(Ipv4Addr::from(four.to_ne_bytes()).into())
            }
            libc::AF_INET6 => {
                let sixteen = address.cast::<libc::sockaddr_in6>().read_unaligned().sin6_addr.s6_addr;
                Some(Ipv6Addr::from(sixteen).into())
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_and_our_own_addresses_are_local() {
        for local in ["127.0.0.1", "127.8.9.10", "::1", "0.0.0.0", "::ffff:127.0.0.1"] {
            assert!(is_local(local.parse().unwrap()), "{local}");
        }
        // TEST-NET-1 of RFC 5737 and the documentation prefix of RFC 3849 are nobody's.
        for remote in ["192.0.2.1", "2001:db8::1"] {
            assert!(!is_local(remote.parse().unwrap()), "{remote}");
        }
        assert!(addresses().unwrap().into_iter().all(is_local));
    }
}
