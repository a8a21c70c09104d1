//! Error numbers of hypercalls (`xen/include/public/errno.h`).
//!
//! A hypercall answers in one signed register: zero or a positive value when it
//! worked, a negative error number when it did not. [`Errno`] is that number with
//! the sign taken off, and [`Errno::check`] tells the two cases apart. The numbers
//! are Xen's own (those of x86 Linux) whatever the guest's operating system, so
//! they must not be compared with the `errno` of the platform that runs the code.
//! The type is open: a newer hypervisor may answer with a number that these
//! headers do not name.

use core::fmt;

crate::words::transparent! {
    /// A Xen error number, positive: 1 to [`Errno::MAX`] when it came from a hypercall.
    ///
    /// Prints as `ENOSYS (38): the hypervisor does not implement this operation`,
    /// or as `unknown error 200`.
    ///
    /// ```
    /// use xen_public::errno::Errno;
    ///
    /// assert_eq!(Errno::check(-38), Err(Errno::ENOSYS));
    /// assert_eq!(Errno::ENOSYS.name(), Some("ENOSYS"));
    /// assert_eq!(Errno::check(4), Ok(4));
    /// ```
    #[doc(alias = "xen_errno")]
    #[doc(alias = "neg_errnoval")]
    Errno(i32)
}

impl Errno {
    /// The largest error number: a return value below `-MAX` is a value, not an error.
    pub const MAX: i32 = 4095;

    /// The operation would have to wait; the same number as [`EAGAIN`](Self::EAGAIN).
    #[doc(alias = "XEN_EWOULDBLOCK")]
    pub const EWOULDBLOCK: Self = Self::EAGAIN;

    /// Waiting would deadlock; the same number as [`EDEADLK`](Self::EDEADLK).
    #[doc(alias = "XEN_EDEADLOCK")]
    pub const EDEADLOCK: Self = Self::EDEADLK;

    /// Wraps a positive error number, named or not.
    #[inline]
    pub const fn new(number: i32) -> Self {
        Self(number)
    }

    /// The error number, positive.
    #[inline]
    pub const fn get(self) -> i32 {
        self.0
    }

    /// Sorts what a hypercall returned: `-4095..=-1` is an error, all else a value.
    ///
    /// For a guest with 32-bit registers see [`check32`](Self::check32).
    #[inline]
    pub const fn check(returned: i64) -> Result<i64, Self> {
        if returned < 0 && returned >= -(Self::MAX as i64) {
            Err(Self(-(returned as i32)))
        } else {
            Ok(returned)
        }
    }

    /// [`check`](Self::check) for the 32-bit register of an x86_32 or arm32 guest.
    #[inline]
    pub const fn check32(returned: i32) -> Result<i32, Self> {
        if returned < 0 && returned >= -Self::MAX {
            Err(Self(-returned))
        } else {
            Ok(returned)
        }
    }

    /// The error as a hypercall returns it: negative.
    #[inline]
    pub const fn to_return(self) -> i64 {
        -(self.0 as i64)
    }
}

impl fmt::Display for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.name(), self.message()) {
            (Some(name), Some(message)) => write!(f, "{name} ({}): {message}", self.0),
            _ => write!(f, "unknown error {}", self.0),
        }
    }
}

impl fmt::Debug for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => write!(f, "Errno({name})"),
            None => write!(f, "Errno({})", self.0),
        }
    }
}

impl core::error::Error for Errno {}

macro_rules! errnos {
    ($($(#[$attr:meta])* $name:ident = $number:literal, $cname:literal, $message:literal;)*) => {
        impl Errno {
            $(
                $(#[$attr])*
                #[doc(alias = $cname)]
                pub const $name: Self = Self($number);
            )*

            /// Every named number once, in the header's order, aliases left out.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The name without the header's `XEN_` prefix (`"ENOSYS"`); of two aliases the first.
            pub const fn name(self) -> Option<&'static str> {
                match self.0 {
                    $($number => Some(stringify!($name)),)*
                    _ => None,
                }
            }

            /// What the error means, in a few words.
            pub const fn message(self) -> Option<&'static str> {
                match self.0 {
                    $($number => Some($message),)*
                    _ => None,
                }
            }
        }
    };
}

errnos! {
    /// The domain is not allowed to do this.
    EPERM = 1, "XEN_EPERM", "the domain is not allowed to do this";
    /// There is no such object.
    ENOENT = 2, "XEN_ENOENT", "there is no such object";
    /// There is no such domain.
    ESRCH = 3, "XEN_ESRCH", "there is no such domain";
    /// The operation was interrupted (inside the hypervisor only; a guest should never see it).
    EINTR = 4, "XEN_EINTR", "the operation was interrupted";
    /// The input or output failed.
    EIO = 5, "XEN_EIO", "the input or output failed";
    /// There is no such device or address.
    ENXIO = 6, "XEN_ENXIO", "there is no such device or address";
    /// The argument list is too long.
    E2BIG = 7, "XEN_E2BIG", "the argument list is too long";
    /// The image is not in an executable format.
    ENOEXEC = 8, "XEN_ENOEXEC", "the image is not in an executable format";
    /// The handle is not valid.
    EBADF = 9, "XEN_EBADF", "the handle is not valid";
    /// There is no such child.
    ECHILD = 10, "XEN_ECHILD", "there is no such child";
    /// It cannot be done now; try again.
    EAGAIN = 11, "XEN_EAGAIN", "it cannot be done now; try again";
    /// There is not enough memory.
    ENOMEM = 12, "XEN_ENOMEM", "there is not enough memory";
    /// Access is refused.
    EACCES = 13, "XEN_EACCES", "access is refused";
    /// An argument lies at a bad address.
    EFAULT = 14, "XEN_EFAULT", "an argument lies at a bad address";
    /// The resource is in use.
    EBUSY = 16, "XEN_EBUSY", "the resource is in use";
    /// The object exists already.
    EEXIST = 17, "XEN_EEXIST", "the object exists already";
    /// The objects belong to different domains or devices.
    EXDEV = 18, "XEN_EXDEV", "the objects belong to different domains or devices";
    /// There is no such device.
    ENODEV = 19, "XEN_ENODEV", "there is no such device";
    /// The object is not a directory.
    ENOTDIR = 20, "XEN_ENOTDIR", "the object is not a directory";
    /// The object is a directory.
    EISDIR = 21, "XEN_EISDIR", "the object is a directory";
    /// An argument is not valid.
    EINVAL = 22, "XEN_EINVAL", "an argument is not valid";
    /// The system has too many objects open.
    ENFILE = 23, "XEN_ENFILE", "the system has too many objects open";
    /// The caller has too many objects open.
    EMFILE = 24, "XEN_EMFILE", "the caller has too many objects open";
    /// There is no room left.
    ENOSPC = 28, "XEN_ENOSPC", "there is no room left";
    /// The object can only be read.
    EROFS = 30, "XEN_EROFS", "the object can only be read";
    /// There are too many links.
    EMLINK = 31, "XEN_EMLINK", "there are too many links";
    /// The argument is outside the function's domain.
    EDOM = 33, "XEN_EDOM", "the argument is outside the function's domain";
    /// The value is out of range.
    ERANGE = 34, "XEN_ERANGE", "the value is out of range";
    /// Waiting would deadlock.
    EDEADLK = 35, "XEN_EDEADLK", "waiting would deadlock";
    /// The name is too long.
    ENAMETOOLONG = 36, "XEN_ENAMETOOLONG", "the name is too long";
    /// No lock is available.
    ENOLCK = 37, "XEN_ENOLCK", "no lock is available";
    /// The hypervisor does not implement this operation.
    ENOSYS = 38, "XEN_ENOSYS", "the hypervisor does not implement this operation";
    /// The directory is not empty.
    ENOTEMPTY = 39, "XEN_ENOTEMPTY", "the directory is not empty";
    /// There is no data.
    ENODATA = 61, "XEN_ENODATA", "there is no data";
    /// The time has passed.
    ETIME = 62, "XEN_ETIME", "the time has passed";
    /// The message is not well formed.
    EBADMSG = 74, "XEN_EBADMSG", "the message is not well formed";
    /// The value does not fit its type.
    EOVERFLOW = 75, "XEN_EOVERFLOW", "the value does not fit its type";
    /// The byte sequence is not legal.
    EILSEQ = 84, "XEN_EILSEQ", "the byte sequence is not legal";
    /// The hypercall was to be restarted (inside the hypervisor only; a guest should never see it).
    ERESTART = 85, "XEN_ERESTART", "the hypercall was to be restarted";
    /// The object is not a socket.
    ENOTSOCK = 88, "XEN_ENOTSOCK", "the object is not a socket";
    /// The message is too large.
    EMSGSIZE = 90, "XEN_EMSGSIZE", "the message is too large";
    /// The operation is not supported.
    EOPNOTSUPP = 95, "XEN_EOPNOTSUPP", "the operation is not supported";
    /// The address is in use.
    EADDRINUSE = 98, "XEN_EADDRINUSE", "the address is in use";
    /// The address cannot be assigned.
    EADDRNOTAVAIL = 99, "XEN_EADDRNOTAVAIL", "the address cannot be assigned";
    /// There is no buffer space.
    ENOBUFS = 105, "XEN_ENOBUFS", "there is no buffer space";
    /// The endpoint is connected already.
    EISCONN = 106, "XEN_EISCONN", "the endpoint is connected already";
    /// The endpoint is not connected.
    ENOTCONN = 107, "XEN_ENOTCONN", "the endpoint is not connected";
    /// The operation took too long.
    ETIMEDOUT = 110, "XEN_ETIMEDOUT", "the operation took too long";
    /// The other side refused the connection.
    ECONNREFUSED = 111, "XEN_ECONNREFUSED", "the other side refused the connection";
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::Errno;
    use std::string::ToString;

    #[test]
    fn only_the_last_page_of_negative_numbers_is_an_error() {
        assert_eq!(Errno::check(0), Ok(0));
        assert_eq!(Errno::check(-1), Err(Errno::EPERM));
        assert_eq!(Errno::check(-4095), Err(Errno::new(4095)));
        assert_eq!(Errno::check(-4096), Ok(-4096));
        assert_eq!(Errno::check(i64::MIN), Ok(i64::MIN));
        assert_eq!(Errno::check32(-4095), Err(Errno::new(4095)));
        assert_eq!(Errno::check32(-4096), Ok(-4096));
        assert_eq!(Errno::check32(i32::MIN), Ok(i32::MIN));
        for n in 1..=4095 {
            assert_eq!(Errno::check(Errno::new(n).to_return()), Err(Errno::new(n)));
            assert_eq!(Errno::check32(-n), Err(Errno::new(n)));
        }
    }

    #[test]
    fn printing_names_the_error_or_shows_the_number() {
        assert_eq!(
            Errno::ENOSYS.to_string(),
            "ENOSYS (38): the hypervisor does not implement this operation"
        );
        assert_eq!(Errno::new(200).to_string(), "unknown error 200");
        assert_eq!(
            Errno::new(i32::MIN).to_string(),
            "unknown error -2147483648"
        );
        assert_eq!(std::format!("{:?}", Errno::EINVAL), "Errno(EINVAL)");
        assert_eq!(std::format!("{:?}", Errno::new(200)), "Errno(200)");
        assert_eq!(Errno::EWOULDBLOCK.name(), Some("EAGAIN"));
    }
}
