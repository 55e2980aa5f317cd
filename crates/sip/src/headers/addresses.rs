//! Headers that are an address.

use super::{TypedHeader, wrapped};
use crate::error::HeaderError;
use crate::name::HeaderName;
use crate::name_addr::NameAddr;

wrapped! {
    /// Who asks (RFC 3261 section 20.20).
    From(NameAddr) = From,
    /// Who is asked (RFC 3261 section 20.39).
    To(NameAddr) = To,
    /// Where to reach the sender (RFC 3261 section 20.10). The `*` of a REGISTER is none; see
    /// [`Received::contacts`](crate::Received::contacts).
    Contact(NameAddr) = Contact,
    /// A hop that the request is to take (RFC 3261 section 20.34).
    Route(NameAddr) = Route,
    /// A hop that wants later requests of the dialog too (RFC 3261 section 20.30).
    RecordRoute(NameAddr) = RecordRoute,
    /// A hop between a registrar and the user agent (RFC 3327).
    Path(NameAddr) = Path,
    /// A hop that a registrar wants on outgoing requests (RFC 3608).
    ServiceRoute(NameAddr) = ServiceRoute,
    /// Whom to contact (RFC 3515 section 2.1).
    ReferTo(NameAddr) = ReferTo,
    /// Who asked to contact (RFC 3892).
    ReferredBy(NameAddr) = ReferredBy,
    /// Where a call may be returned to (RFC 3261 section 20.31).
    ReplyTo(NameAddr) = ReplyTo,
    /// Who the caller is, by the word of a trusted proxy (RFC 3325 section 9.1).
    PAssertedIdentity(NameAddr) = PAssertedIdentity,
    /// Who the caller would like to be (RFC 3325 section 9.2).
    PPreferredIdentity(NameAddr) = PPreferredIdentity,
    /// More about an error (RFC 3261 section 20.18).
    ErrorInfo(NameAddr) = ErrorInfo,
    /// Another ringing tone (RFC 3261 section 20.4).
    AlertInfo(NameAddr) = AlertInfo,
    /// More about the caller or the callee (RFC 3261 section 20.9).
    CallInfo(NameAddr) = CallInfo,
}
