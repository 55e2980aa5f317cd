//! CSeq and RAck: numbers that belong to a method.

use std::fmt;

use super::{TypedHeader, typed};
use crate::error::HeaderError;
use crate::method::Method;
use crate::name::HeaderName;
use crate::text::{from, is_token, number, span, trim_start, upto};

/// The largest sequence number (RFC 3261 section 8.1.1.5).
const MAX: u32 = 0x7fff_ffff;

/// `CSeq: 4711 INVITE` (RFC 3261 section 20.16).
#[derive(Copy, Clone, Eq, PartialEq, Hash, Debug)]
pub struct CSeq<'a> {
    /// The sequence number, less than 2^31.
    pub number: u32,
    /// The method of the request.
    pub method: Method<'a>,
}

typed!(CSeq<'a> = CSeq, cseq);

fn cseq(text: &str) -> Result<CSeq<'_>, &'static str> {
    const EXPECTED: &str = "a number below 2147483648 and a method";
    let (number, method) = word(text).ok_or(EXPECTED)?;
    match number_and_method(number, method) {
        Some((number, method)) if number <= MAX => Ok(CSeq { number, method }),
        _ => Err(EXPECTED),
    }
}

fn word(text: &str) -> Option<(&str, &str)> {
    let end = span(text, |byte| byte.is_ascii_digit());
    let rest = from(text, end);
    let behind = trim_start(rest);
    (end > 0 && behind.len() < rest.len()).then(|| (upto(text, end), behind))
}

fn number_and_method<'a>(digits: &str, method: &'a str) -> Option<(u32, Method<'a>)> {
    Some((
        number(digits)?,
        is_token(method).then(|| Method::parse(method))?,
    ))
}

impl fmt::Display for CSeq<'_> {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "{} {}", self.number, self.method)
    }
}

/// `RAck: 776656 1 INVITE` (RFC 3262 section 7.2).
#[derive(Copy, Clone, Eq, PartialEq, Hash, Debug)]
pub struct RAck<'a> {
    /// The RSeq of the response that is acknowledged.
    pub response: u32,
    /// The CSeq number of that response.
    pub cseq: u32,
    /// The CSeq method of that response.
    pub method: Method<'a>,
}

typed!(RAck<'a> = RAck, rack);

fn rack(text: &str) -> Result<RAck<'_>, &'static str> {
    const EXPECTED: &str = "the RSeq number, the CSeq number and the method of a response";
    let (response, rest) = word(text).ok_or(EXPECTED)?;
    let (digits, method) = word(rest).ok_or(EXPECTED)?;
    let (cseq, method) = number_and_method(digits, method).ok_or(EXPECTED)?;
    Ok(RAck {
        response: number(response).ok_or(EXPECTED)?,
        cseq,
        method,
    })
}

impl fmt::Display for RAck<'_> {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "{} {} {}", self.response, self.cseq, self.method)
    }
}
