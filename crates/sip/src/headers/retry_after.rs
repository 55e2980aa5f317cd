//! Retry-After.

use std::fmt;

use super::{TypedHeader, typed};
use crate::error::HeaderError;
use crate::name::HeaderName;
use crate::params::{self, Params};
use crate::text::{from, seconds, span, trim, trim_start, upto};

/// When to try again (RFC 3261 section 20.33).
#[derive(Clone, Debug)]
pub struct RetryAfter<'a> {
    /// Seconds.
    pub seconds: u32,
    /// What stands in parentheses.
    pub comment: Option<&'a str>,
    /// The parameters; `duration` says for how long.
    pub params: Params<'a>,
}

typed!(RetryAfter<'a> = RetryAfter, retry_after);

fn retry_after(text: &str) -> Result<RetryAfter<'_>, &'static str> {
    const EXPECTED: &str = "a number of seconds";
    let end = span(text, |byte| byte.is_ascii_digit());
    let seconds = seconds(upto(text, end)).ok_or(EXPECTED)?;
    let mut rest = trim_start(from(text, end));
    let mut comment = None;
    if let Some(inside) = rest.strip_prefix('(') {
        let end = comment_end(inside).ok_or("a number of seconds with its parenthesis closed")?;
        comment = Some(upto(inside, end));
        rest = from(inside, end + 1);
    }
    if params::scan(rest)? != rest.len() {
        return Err(EXPECTED);
    }
    Ok(RetryAfter {
        seconds,
        comment,
        params: Params::of_header(trim(rest)),
    })
}

/// Comments may stand in one another, and hold quoted pairs.
fn comment_end(text: &str) -> Option<usize> {
    let mut open = 1usize;
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'(' => open += 1,
            b')' => open -= 1,
            _ => {}
        }
        if open == 0 {
            return Some(at);
        }
    }
    None
}

impl fmt::Display for RetryAfter<'_> {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "{}", self.seconds)?;
        if let Some(comment) = self.comment {
            write!(to, " ({comment})")?;
        }
        write!(to, "{}", self.params)
    }
}
