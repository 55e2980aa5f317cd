//! Reason (RFC 3326).

use std::borrow::Cow;
use std::fmt;

use super::{TypedHeader, typed};
use crate::error::HeaderError;
use crate::name::HeaderName;
use crate::params;
use crate::text::{from, is_token_byte, number, span, unescape_quoted, upto, write_quoted};

/// Why a request was sent (RFC 3326 section 2).
#[derive(Clone, Eq, PartialEq, Hash, Debug)]
pub struct Reason<'a> {
    /// Whose causes these are: `SIP`, `Q.850`, …
    pub protocol: Cow<'a, str>,
    /// The cause: a status code for `SIP`.
    pub cause: Option<u16>,
    /// The cause in words.
    pub text: Option<Cow<'a, str>>,
}

typed!(Reason<'a> = Reason, reason);

fn reason(text: &str) -> Result<Reason<'_>, &'static str> {
    const EXPECTED: &str = "a protocol with ;cause=number;text=\"…\"";
    let end = span(text, is_token_byte);
    let params = from(text, end);
    if end == 0 || params::scan(params)? != params.len() {
        return Err(EXPECTED);
    }
    let cause = match params::find(params, false, "cause") {
        Some(cause) => Some(number(cause).ok_or(EXPECTED)?),
        None => None,
    };
    let words = params::find(params, false, "text").map(unescape_quoted);
    Ok(Reason {
        protocol: upto(text, end).into(),
        cause,
        text: words,
    })
}

impl Reason<'_> {
    /// The same value with text of its own.
    pub fn into_owned(self) -> Reason<'static> {
        Reason {
            protocol: Cow::Owned(self.protocol.into_owned()),
            cause: self.cause,
            text: self.text.map(|text| Cow::Owned(text.into_owned())),
        }
    }
}

impl fmt::Display for Reason<'_> {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(&self.protocol)?;
        if let Some(cause) = self.cause {
            write!(to, ";cause={cause}")?;
        }
        if let Some(text) = &self.text {
            to.write_str(";text=")?;
            write_quoted(to, text)?;
        }
        Ok(())
    }
}
