//! Headers that are one number.

use std::fmt;

use super::TypedHeader;
use crate::error::HeaderError;
use crate::name::HeaderName;
use crate::text::{number, seconds};

macro_rules! numbers {
    ($($(#[$doc:meta])* $name:ident($inner:ty) by $read:ident, $expected:literal;)*) => {
        $(
            $(#[$doc])*
            #[derive(Copy, Clone, Eq, PartialEq, Ord, PartialOrd, Hash, Debug)]
            pub struct $name(pub $inner);

            impl<'a> TypedHeader<'a> for $name {
                const NAME: HeaderName = HeaderName::$name;

                fn parse(value: &'a str) -> Result<Self, HeaderError> {
                    $read(value)
                        .map($name)
                        .ok_or_else(|| HeaderError::malformed(Self::NAME, value, $expected))
                }
            }

            impl fmt::Display for $name {
                fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
                    self.0.fmt(to)
                }
            }
        )*
    };
}

numbers! {
    /// How many more hops a request may take, 0 to 255 (RFC 3261 section 20.22).
    MaxForwards(u8) by number, "a number of 0 to 255";
    /// Seconds until a message, a registration or a subscription expires (RFC 3261 section
    /// 20.19). More than 2^32 - 1 reads as 2^32 - 1.
    Expires(u32) by seconds, "a number of seconds";
    /// The shortest expiry in seconds that a registrar takes (RFC 3261 section 20.23).
    MinExpires(u32) by seconds, "a number of seconds";
    /// How many seconds a client's flow may be silent before the server takes it for dead
    /// (RFC 5626 section 10).
    FlowTimer(u32) by seconds, "a number of seconds";
    /// The length of the body in bytes (RFC 3261 section 20.14).
    ContentLength(usize) by number, "a number of bytes";
    /// The number of a reliable provisional response (RFC 3262 section 7.1).
    RSeq(u32) by number, "a number below 4294967296";
}
