//! Headers that are text, handed on as it is.

use std::fmt;

use super::TypedHeader;
use crate::error::HeaderError;
use crate::name::HeaderName;

macro_rules! texts {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        $(
            $(#[$doc])*
            #[derive(Copy, Clone, Eq, PartialEq, Hash, Debug)]
            pub struct $name<'a>(pub &'a str);

            impl<'a> TypedHeader<'a> for $name<'a> {
                const NAME: HeaderName = HeaderName::$name;

                fn parse(value: &'a str) -> Result<Self, HeaderError> {
                    Ok($name(value))
                }
            }

            impl fmt::Display for $name<'_> {
                fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
                    to.write_str(self.0)
                }
            }
        )*
    };
}

texts! {
    /// The name of a call (RFC 3261 section 20.8).
    CallId,
    /// The software that answers (RFC 3261 section 20.35).
    Server,
    /// The software that asks (RFC 3261 section 20.41).
    UserAgent,
    /// What a call is about (RFC 3261 section 20.36).
    Subject,
    /// Whom the sender works for (RFC 3261 section 20.25).
    Organization,
    /// How urgent the request is: `emergency`, `urgent`, `normal`, `non-urgent` (RFC 3261 section
    /// 20.26).
    Priority,
    /// Which parts of the message are to be hidden, words with `;` between them (RFC 3323
    /// section 4.2).
    Privacy,
    /// A signed token about the caller, not looked into (RFC 8224).
    Identity,
    /// The version of MIME (RFC 3261 section 20.24).
    MimeVersion,
}

impl<'a> Privacy<'a> {
    /// Each of the words: `id`, `user`, `header`, `session`, `none`, `critical`.
    pub fn values(&self) -> impl Iterator<Item = &'a str> {
        self.0
            .split(';')
            .map(str::trim)
            .filter(|value| !value.is_empty())
    }
}
