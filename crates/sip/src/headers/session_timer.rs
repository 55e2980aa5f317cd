//! Session-Expires and Min-SE (RFC 4028).

use std::fmt;

use super::{TypedHeader, typed};
use crate::error::HeaderError;
use crate::name::HeaderName;
use crate::params::{self, Params};
use crate::text::{from, seconds, span, upto};

/// Who refreshes a session.
#[derive(Copy, Clone, Eq, PartialEq, Hash, Debug)]
pub enum Refresher {
    /// The side that sent the request.
    Uac,
    /// The side that answers it.
    Uas,
}

impl Refresher {
    /// `uac` or `uas`.
    pub fn as_str(self) -> &'static str {
        match self {
            Refresher::Uac => "uac",
            Refresher::Uas => "uas",
        }
    }
}

impl fmt::Display for Refresher {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(self.as_str())
    }
}

/// How long a session lives without a refresh (RFC 4028 section 4).
#[derive(Copy, Clone, Eq, PartialEq, Hash, Debug)]
pub struct SessionExpires {
    /// Seconds.
    pub delta: u32,
    /// Who refreshes it, when that is said.
    pub refresher: Option<Refresher>,
}

typed!(SessionExpires = SessionExpires, session_expires);

fn delta(text: &str) -> Result<(u32, Params<'_>), &'static str> {
    const EXPECTED: &str = "a number of seconds with ;name=value";
    let end = span(text, |byte| byte.is_ascii_digit());
    let params = from(text, end);
    if params::scan(params)? != params.len() {
        return Err(EXPECTED);
    }
    Ok((
        seconds(upto(text, end)).ok_or(EXPECTED)?,
        Params::of_header(params),
    ))
}

fn session_expires(text: &str) -> Result<SessionExpires, &'static str> {
    let (delta, params) = delta(text)?;
    let refresher = match params.get("refresher") {
        None => None,
        Some(value) if value.eq_ignore_ascii_case("uac") => Some(Refresher::Uac),
        Some(value) if value.eq_ignore_ascii_case("uas") => Some(Refresher::Uas),
        Some(_) => return Err("a Session-Expires whose refresher is uac or uas"),
    };
    Ok(SessionExpires { delta, refresher })
}

impl fmt::Display for SessionExpires {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "{}", self.delta)?;
        match self.refresher {
            Some(refresher) => write!(to, ";refresher={refresher}"),
            None => Ok(()),
        }
    }
}

/// The shortest session expiry in seconds that the sender takes (RFC 4028 section 5).
#[derive(Copy, Clone, Eq, PartialEq, Ord, PartialOrd, Hash, Debug)]
pub struct MinSe(pub u32);

typed!(MinSe = MinSe, min_se);

fn min_se(text: &str) -> Result<MinSe, &'static str> {
    delta(text).map(|(delta, _)| MinSe(delta))
}

impl fmt::Display for MinSe {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(to)
    }
}
