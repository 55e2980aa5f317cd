//! Warning.

use std::borrow::Cow;
use std::fmt;

use super::{TypedHeader, typed};
use crate::error::HeaderError;
use crate::name::HeaderName;
use crate::text::{number, quoted_end, trim_start, unescape_quoted, unquote, write_quoted};

/// What went wrong, in more words (RFC 3261 section 20.43).
#[derive(Clone, Eq, PartialEq, Hash, Debug)]
pub struct Warning<'a> {
    /// Three digits.
    pub code: u16,
    /// The host that warns, or its name.
    pub agent: Cow<'a, str>,
    /// The words.
    pub text: Cow<'a, str>,
}

typed!(Warning<'a> = Warning, warning);

fn warning(text: &str) -> Result<Warning<'_>, &'static str> {
    const EXPECTED: &str = "three digits, a host and a quoted text";
    let (code, rest) = text.split_once([' ', '\t']).ok_or(EXPECTED)?;
    let (agent, rest) = trim_start(rest).split_once([' ', '\t']).ok_or(EXPECTED)?;
    let words = trim_start(rest);
    if code.len() != 3 || quoted_end(words) != Some(words.len()) {
        return Err(EXPECTED);
    }
    Ok(Warning {
        code: number(code).ok_or(EXPECTED)?,
        agent: agent.into(),
        text: unescape_quoted(unquote(words)),
    })
}

impl fmt::Display for Warning<'_> {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "{:03} {} ", self.code, self.agent)?;
        write_quoted(to, &self.text)
    }
}
