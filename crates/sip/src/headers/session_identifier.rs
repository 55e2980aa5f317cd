//! Session-ID (RFC 7989): one name for a session, whatever stands between its ends.

use std::fmt;

use super::{TypedHeader, typed};
use crate::error::HeaderError;
use crate::name::HeaderName;
use crate::params;
use crate::text::{from, span, upto};

/// The two UUIDs that name a session from end to end (RFC 7989 section 5): the sender's and the
/// one that it knows of its peer.
#[derive(Copy, Clone, Default, Eq, PartialEq, Hash, Debug)]
pub struct SessionIdentifier {
    /// The UUID of the side that sends the message, or in an API of this side.
    pub local: u128,
    /// The UUID of the other side, [`NIL`](Self::NIL) until it is known.
    pub remote: u128,
}

impl SessionIdentifier {
    /// Stands for a UUID that is not known (RFC 7989 section 5).
    pub const NIL: u128 = 0;
}

typed!(SessionIdentifier = SessionId, identifier);

fn identifier(text: &str) -> Result<SessionIdentifier, &'static str> {
    const EXPECTED: &str = "32 hexadecimal digits, then ;remote= and 32 more";
    let end = span(text, |byte| byte.is_ascii_hexdigit());
    let parameters = from(text, end);
    if params::scan(parameters)? != parameters.len() {
        return Err(EXPECTED);
    }
    // The header of RFC 7329, before there were two UUIDs, has no remote one.
    let remote = params::find(parameters, false, "remote");
    Ok(SessionIdentifier {
        local: uuid(upto(text, end)).ok_or(EXPECTED)?,
        remote: remote.map_or(Ok(SessionIdentifier::NIL), |remote| {
            uuid(remote).ok_or(EXPECTED)
        })?,
    })
}

fn uuid(digits: &str) -> Option<u128> {
    (digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
        .then(|| u128::from_str_radix(digits, 16).ok())
        .flatten()
}

/// As the header's value.
impl fmt::Display for SessionIdentifier {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let halves = |uuid: u128| ((uuid >> 64) as u64, uuid as u64);
        let (local, remote) = (halves(self.local), halves(self.remote));
        write!(to, "{:016x}{:016x};remote=", local.0, local.1)?;
        write!(to, "{:016x}{:016x}", remote.0, remote.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_identifiers_of_the_rfcs_are_read() {
        let text = "ab30317f1a784dc48ff824d0d3715d86;remote=47755a9de7794ba387653f2099600ef2";
        let read = SessionIdentifier::parse(text).unwrap();
        assert_eq!(read.local, 0xab30_317f_1a78_4dc4_8ff8_24d0_d371_5d86);
        assert_eq!(read.to_string(), text);
        let old = SessionIdentifier::parse("F81D4FAE7DEC11D0A76500A0C91E6BF6;x=1").unwrap();
        assert_eq!(old.remote, SessionIdentifier::NIL);
        assert!(old.to_string().starts_with("f81d4fae7dec"));
    }

    #[test]
    fn what_is_no_pair_of_uuids_is_refused() {
        for text in [
            "",
            "ab30317f",
            "ab30317f1a784dc48ff824d0d3715d86;remote=1",
            "ab30317f-1a78-4dc4-8ff8-24d0d3715d86",
            "ab30317f1a784dc48ff824d0d3715d86;remote=+7755a9de7794ba387653f2099600ef2",
            "ab30317f1a784dc48ff824d0d3715d86 x",
        ] {
            assert!(SessionIdentifier::parse(text).is_err(), "{text}");
        }
    }
}
