//! Comma lists of words, one word a value.

use std::fmt;

use super::TypedHeader;
use crate::error::HeaderError;
use crate::method::Method;
use crate::name::HeaderName;
use crate::text::{is_lws, is_token};

macro_rules! words {
    ($($(#[$doc:meta])* $name:ident when $valid:ident, $expected:literal;)*) => {
        $(
            $(#[$doc])*
            #[derive(Copy, Clone, Eq, PartialEq, Hash, Debug)]
            pub struct $name<'a>(pub &'a str);

            impl<'a> TypedHeader<'a> for $name<'a> {
                const NAME: HeaderName = HeaderName::$name;

                fn parse(value: &'a str) -> Result<Self, HeaderError> {
                    match $valid(value) {
                        true => Ok($name(value)),
                        false => Err(HeaderError::malformed(Self::NAME, value, $expected)),
                    }
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

fn is_word(text: &str) -> bool {
    !text.is_empty() && !text.bytes().any(is_lws)
}

words! {
    /// An extension that the sender understands (RFC 3261 section 20.37).
    Supported when is_token, "an option tag";
    /// An extension that the receiver must understand (RFC 3261 section 20.32).
    Require when is_token, "an option tag";
    /// An extension that a proxy must understand (RFC 3261 section 20.29).
    ProxyRequire when is_token, "an option tag";
    /// An extension that was required and is not understood (RFC 3261 section 20.40).
    Unsupported when is_token, "an option tag";
    /// How the body is encoded (RFC 3261 section 20.12).
    ContentEncoding when is_token, "a content coding";
    /// The language of the body (RFC 3261 section 20.13).
    ContentLanguage when is_token, "a language tag";
    /// The Call-ID of a call that this one returns (RFC 3261 section 20.21).
    InReplyTo when is_word, "a Call-ID";
}

/// A method that the sender takes (RFC 3261 section 20.5).
#[derive(Copy, Clone, Eq, PartialEq, Hash, Debug)]
pub struct Allow<'a>(pub Method<'a>);

impl<'a> TypedHeader<'a> for Allow<'a> {
    const NAME: HeaderName = HeaderName::Allow;

    fn parse(value: &'a str) -> Result<Self, HeaderError> {
        match is_token(value) {
            true => Ok(Allow(Method::parse(value))),
            false => Err(HeaderError::malformed(Self::NAME, value, "a method")),
        }
    }
}

impl fmt::Display for Allow<'_> {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(to)
    }
}
