//! Content-Type, Accept and Content-Disposition.

use std::fmt;

use super::{TypedHeader, typed, wrapped};
use crate::error::{HeaderError, SyntaxError};
use crate::name::HeaderName;
use crate::params::{self, Params};
use crate::text::{from, is_token, is_token_byte, span, trim, trim_start, upto};

/// `type/subtype;params`, or a range of types with `*` (RFC 3261 sections 20.1 and 20.15).
#[derive(Clone, Debug)]
pub struct MediaType<'a> {
    /// The type: `application`.
    pub kind: &'a str,
    /// The subtype: `sdp`.
    pub subtype: &'a str,
    /// The parameters: `charset`, `boundary`, …
    pub params: Params<'a>,
}

impl<'a> MediaType<'a> {
    /// Reads one value.
    ///
    /// # Errors
    ///
    /// When the text is no `type/subtype` with parameters.
    pub fn parse(text: &'a str) -> Result<MediaType<'a>, SyntaxError> {
        read(text).ok_or_else(|| SyntaxError::new(text, "a type/subtype with ;name=value"))
    }

    /// Whether it is this type, in any case.
    pub fn is(&self, kind: &str, subtype: &str) -> bool {
        self.kind.eq_ignore_ascii_case(kind) && self.subtype.eq_ignore_ascii_case(subtype)
    }

    /// Whether it is this type or a range that holds it (`application/*`, `*/*`).
    pub fn accepts(&self, kind: &str, subtype: &str) -> bool {
        (self.kind == "*" || self.kind.eq_ignore_ascii_case(kind))
            && (self.subtype == "*" || self.subtype.eq_ignore_ascii_case(subtype))
    }
}

fn read(text: &str) -> Option<MediaType<'_>> {
    let (kind, rest) = text.split_once('/')?;
    let (kind, rest) = (trim(kind), trim_start(rest));
    let end = span(rest, is_token_byte);
    let params = from(rest, end);
    let scanned = params::scan(params).ok()?;
    if !is_token(kind) || end == 0 || scanned != params.len() {
        return None;
    }
    Some(MediaType {
        kind,
        subtype: upto(rest, end),
        params: Params::of_header(trim(params)),
    })
}

impl fmt::Display for MediaType<'_> {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "{}/{}{}", self.kind, self.subtype, self.params)
    }
}

impl<'a> TypedHeader<'a> for MediaType<'a> {
    const NAME: HeaderName = HeaderName::ContentType;

    fn parse(value: &'a str) -> Result<Self, HeaderError> {
        MediaType::parse(value).map_err(|error| HeaderError::Malformed {
            header: HeaderName::ContentType,
            error,
        })
    }
}

/// What the body is (RFC 3261 section 20.15).
pub type ContentType<'a> = MediaType<'a>;

wrapped! {
    /// A type of body that the sender takes (RFC 3261 section 20.1).
    Accept(MediaType) = Accept,
}

/// What the body is for: `session`, `render`, `icon`, … (RFC 3261 section 20.11).
#[derive(Clone, Debug)]
pub struct ContentDisposition<'a> {
    /// The purpose.
    pub kind: &'a str,
    /// The parameters; `handling=optional` lets the receiver skip the body.
    pub params: Params<'a>,
}

typed!(ContentDisposition<'a> = ContentDisposition, disposition);

fn disposition(text: &str) -> Result<ContentDisposition<'_>, &'static str> {
    let end = span(text, is_token_byte);
    let params = from(text, end);
    match params::scan(params) {
        Ok(scanned) if end > 0 && scanned == params.len() => Ok(ContentDisposition {
            kind: upto(text, end),
            params: Params::of_header(trim(params)),
        }),
        _ => Err("a word with ;name=value"),
    }
}

impl ContentDisposition<'_> {
    /// Whether a receiver that does not know the body may go on without it.
    pub fn is_optional(&self) -> bool {
        self.params
            .get("handling")
            .is_some_and(|value| value.eq_ignore_ascii_case("optional"))
    }
}

impl fmt::Display for ContentDisposition<'_> {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "{}{}", self.kind, self.params)
    }
}
