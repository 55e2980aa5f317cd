//! Header values with a type each, read when asked for.

mod addresses;
mod auth;
mod cseq;
mod date;
mod event;
mod media;
mod numbers;
mod reason;
mod replaces;
mod retry_after;
mod session_identifier;
mod session_timer;
mod texts;
mod tokens;
mod warning;

use std::fmt::Display;

pub use self::addresses::{
    AlertInfo, CallInfo, Contact, ErrorInfo, From, PAssertedIdentity, PPreferredIdentity, Path,
    RecordRoute, ReferTo, ReferredBy, ReplyTo, Route, ServiceRoute, To,
};
pub use self::auth::{
    AuthParams, AuthenticationInfo, Authorization, Challenge, Credentials, ProxyAuthenticate,
    ProxyAuthorization, WwwAuthenticate,
};
pub use self::cseq::{CSeq, RAck};
pub use self::date::{Date, Timestamp};
pub use self::event::{Event, SubscriptionState};
pub use self::media::{Accept, ContentDisposition, ContentType, MediaType};
pub use self::numbers::{ContentLength, Expires, FlowTimer, MaxForwards, MinExpires, RSeq};
pub use self::reason::Reason;
pub use self::replaces::Replaces;
pub use self::retry_after::RetryAfter;
pub use self::session_identifier::SessionIdentifier;
pub use self::session_timer::{MinSe, Refresher, SessionExpires};
pub use self::texts::{
    CallId, Identity, MimeVersion, Organization, Priority, Privacy, Server, Subject, UserAgent,
};
pub use self::tokens::{
    Allow, ContentEncoding, ContentLanguage, InReplyTo, ProxyRequire, Require, Supported,
    Unsupported,
};
pub use self::warning::Warning;

use crate::error::HeaderError;
use crate::name::HeaderName;

/// A header value with a type: read from one value of its header, written by `Display`.
///
/// For a header that is a comma list, one element is one value.
pub trait TypedHeader<'a>: Sized + Display {
    /// The header that the value belongs to.
    const NAME: HeaderName;

    /// Reads one value, without the white space around it.
    ///
    /// # Errors
    ///
    /// [`HeaderError::Malformed`] when the text breaks the header's grammar.
    fn parse(value: &'a str) -> Result<Self, HeaderError>;
}

/// A newtype around something that reads and writes itself.
macro_rules! wrapped {
    ($($(#[$doc:meta])* $name:ident($inner:ident) = $header:ident,)*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Debug)]
            pub struct $name<'a>(pub $inner<'a>);

            impl<'a> TypedHeader<'a> for $name<'a> {
                const NAME: HeaderName = HeaderName::$header;

                fn parse(value: &'a str) -> Result<Self, HeaderError> {
                    $inner::parse(value)
                        .map($name)
                        .map_err(|error| HeaderError::Malformed { header: Self::NAME, error })
                }
            }

            impl std::fmt::Display for $name<'_> {
                fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    self.0.fmt(to)
                }
            }
        )*
    };
}

pub(crate) use wrapped;

/// `parse` for a header whose reader returns what it expected.
macro_rules! typed {
    ($name:ident<'a> = $header:ident, $read:path) => {
        impl<'a> TypedHeader<'a> for $name<'a> {
            const NAME: HeaderName = HeaderName::$header;

            fn parse(value: &'a str) -> Result<Self, HeaderError> {
                $read(value).map_err(|expected| HeaderError::malformed(Self::NAME, value, expected))
            }
        }
    };
    ($name:ident = $header:ident, $read:path) => {
        impl<'a> TypedHeader<'a> for $name {
            const NAME: HeaderName = HeaderName::$header;

            fn parse(value: &'a str) -> Result<Self, HeaderError> {
                $read(value).map_err(|expected| HeaderError::malformed(Self::NAME, value, expected))
            }
        }
    };
}

pub(crate) use typed;

#[cfg(test)]
mod tests {
    use super::*;

    fn again<'a, H: TypedHeader<'a>>(text: &'a str) -> String {
        H::parse(text)
            .unwrap_or_else(|error| panic!("{error}"))
            .to_string()
    }

    fn broken<'a, H: TypedHeader<'a>>(texts: &[&'a str]) {
        for text in texts {
            assert!(H::parse(text).is_err(), "{} {text}", H::NAME);
        }
    }

    #[test]
    fn each_is_written_as_it_was_read() {
        assert_eq!(again::<CSeq<'_>>("9 INVITE"), "9 INVITE");
        assert_eq!(again::<RAck<'_>>("776656 1 INVITE"), "776656 1 INVITE");
        assert_eq!(again::<MaxForwards>("0068"), "68");
        assert_eq!(again::<Route<'_>>("<sip:a;lr>"), "<sip:a;lr>");
        assert_eq!(
            again::<ReferTo<'_>>("<sip:a@b?Replaces=1%402>"),
            "<sip:a@b?Replaces=1%402>"
        );
        assert_eq!(again::<Allow<'_>>("INVITE"), "INVITE");
        assert_eq!(again::<Supported<'_>>("100rel"), "100rel");
        assert_eq!(
            again::<SessionExpires>("1800;refresher=uac"),
            "1800;refresher=uac"
        );
        assert_eq!(
            again::<Replaces<'_>>("98@h;to-tag=a;from-tag=b;early-only"),
            "98@h;to-tag=a;from-tag=b;early-only"
        );
        assert_eq!(
            again::<Reason<'_>>("SIP ;cause=200 ;text=\"Call completed elsewhere\""),
            "SIP;cause=200;text=\"Call completed elsewhere\""
        );
        assert_eq!(again::<Event<'_>>("refer;id=93809824"), "refer;id=93809824");
        assert_eq!(
            again::<SubscriptionState<'_>>("terminated;reason=noresource"),
            "terminated;reason=noresource"
        );
        assert_eq!(
            again::<ContentType<'_>>("text/plain;charset=utf-8"),
            "text/plain;charset=utf-8"
        );
        assert_eq!(
            again::<Warning<'_>>("370 devnull \"Choose a \\\"bigger\\\" pipe\""),
            "370 devnull \"Choose a \\\"bigger\\\" pipe\""
        );
        assert_eq!(
            again::<RetryAfter<'_>>("18000 (in a meeting);duration=3600"),
            "18000 (in a meeting);duration=3600"
        );
        assert_eq!(
            again::<WwwAuthenticate<'_>>("Digest realm=\"a\", nonce=\"b\", qop=\"auth,auth-int\""),
            "Digest realm=\"a\", nonce=\"b\", qop=\"auth,auth-int\""
        );
        assert_eq!(again::<Subject<'_>>("Tea: at 5?"), "Tea: at 5?");
        assert_eq!(
            again::<Date>("Sat, 13 Nov 2010 23:29:00 GMT"),
            "Sat, 13 Nov 2010 23:29:00 GMT"
        );
        assert_eq!(again::<Timestamp<'_>>("54.21 0.5"), "54.21 0.5");
    }

    #[test]
    fn what_breaks_the_grammar_is_refused() {
        broken::<CSeq<'_>>(&[
            "",
            "1",
            "INVITE",
            "-1 INVITE",
            "2147483648 INVITE",
            "1 IN VITE",
            "1 <",
        ]);
        broken::<RAck<'_>>(&["1 INVITE", "a 1 INVITE", "1 1"]);
        broken::<MaxForwards>(&["256", "-1", "", "7 0"]);
        broken::<Expires>(&["soon", "-1"]);
        broken::<Route<'_>>(&["sip", "<sip:a", ""]);
        broken::<Supported<'_>>(&["a b", "", "a;b"]);
        broken::<SessionExpires>(&["", ";refresher=uac", "1800;refresher=me"]);
        broken::<Replaces<'_>>(&["98@h", "98@h;to-tag=a", ";to-tag=a;from-tag=b"]);
        broken::<Reason<'_>>(&["", ";cause=200", "SIP;cause=many"]);
        broken::<Event<'_>>(&["", "a b", ";id=1"]);
        broken::<ContentType<'_>>(&["text", "text/", "/plain", "text/plain junk"]);
        broken::<Warning<'_>>(&["1812 overture \"In Progress\"", "370 devnull none", "370"]);
        broken::<RetryAfter<'_>>(&["soon", ""]);
        broken::<WwwAuthenticate<'_>>(&["", "Digest realm=\"a", "Digest realm"]);
        broken::<Date>(&[
            "Fri, 01 Jan 2010 16:00:00 EST",
            "today",
            "Fri, 41 Jan 2010 16:00:00 GMT",
        ]);
        broken::<Timestamp<'_>>(&["", "now", "1.2.3"]);
    }
}
