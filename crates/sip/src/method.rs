//! Request methods.

use std::borrow::Cow;
use std::fmt;

macro_rules! methods {
    ($($(#[$doc:meta])* $variant:ident $text:literal,)*) => {
        /// A request's method (RFC 3261 section 7.1). Names are case-sensitive.
        #[derive(Copy, Clone, Eq, PartialEq, Hash, Debug)]
        pub enum Method<'a> {
            $($(#[$doc])* $variant,)*
            /// Any other method, as it is written.
            Other(&'a str),
        }

        impl<'a> Method<'a> {
            /// Recognises a method by its name; what is not one of the known names is
            /// [`Method::Other`].
            pub fn parse(text: &'a str) -> Method<'a> {
                match text {
                    $($text => Method::$variant,)*
                    other => Method::Other(other),
                }
            }

            /// The method as it is written on the wire.
            pub fn as_str(&self) -> &'a str {
                match self {
                    $(Method::$variant => $text,)*
                    Method::Other(text) => text,
                }
            }

            pub(crate) fn to_cow(self) -> Cow<'static, str> {
                match self {
                    $(Method::$variant => Cow::Borrowed($text),)*
                    Method::Other(text) => Cow::Owned(text.to_owned()),
                }
            }
        }
    };
}

methods! {
    /// Starts a session, or changes one (RFC 3261 section 13).
    Invite "INVITE",
    /// Acknowledges a final response to INVITE (RFC 3261 section 13).
    Ack "ACK",
    /// Takes a pending INVITE back (RFC 3261 section 9).
    Cancel "CANCEL",
    /// Ends a session (RFC 3261 section 15).
    Bye "BYE",
    /// Binds contacts to an address of record (RFC 3261 section 10).
    Register "REGISTER",
    /// Asks for capabilities (RFC 3261 section 11).
    Options "OPTIONS",
    /// Carries application information inside a session (RFC 6086).
    Info "INFO",
    /// Changes a session without a re-INVITE (RFC 3311).
    Update "UPDATE",
    /// Acknowledges a reliable provisional response (RFC 3262).
    Prack "PRACK",
    /// Asks the peer to contact somebody else (RFC 3515).
    Refer "REFER",
    /// An instant message (RFC 3428).
    Message "MESSAGE",
    /// Asks for notifications (RFC 6665).
    Subscribe "SUBSCRIBE",
    /// Tells about an event (RFC 6665).
    Notify "NOTIFY",
    /// Publishes event state (RFC 3903).
    Publish "PUBLISH",
}

impl fmt::Display for Method<'_> {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_case_sensitive() {
        assert_eq!(Method::parse("INVITE"), Method::Invite);
        assert_eq!(Method::parse("invite"), Method::Other("invite"));
        assert_eq!(Method::parse("PUBLISH").to_string(), "PUBLISH");
    }
}
