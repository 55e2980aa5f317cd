//! Replaces (RFC 3891).

use std::borrow::Cow;
use std::fmt;

use super::{TypedHeader, typed};
use crate::error::HeaderError;
use crate::name::HeaderName;
use crate::params::{self, Params};
use crate::text::{is_lws, trim};

/// The dialog that an INVITE takes the place of (RFC 3891 section 6.1).
#[derive(Clone, Eq, PartialEq, Hash, Debug)]
pub struct Replaces<'a> {
    /// Its Call-ID.
    pub call_id: Cow<'a, str>,
    /// The tag of its To header, as the receiver of this INVITE sees it: the local tag.
    pub to_tag: Cow<'a, str>,
    /// The tag of its From header, as the receiver of this INVITE sees it: the remote tag.
    pub from_tag: Cow<'a, str>,
    /// Whether a confirmed dialog is to be left alone.
    pub early_only: bool,
}

typed!(Replaces<'a> = Replaces, replaces);

fn replaces(text: &str) -> Result<Replaces<'_>, &'static str> {
    const EXPECTED: &str = "a Call-ID with ;to-tag=… and ;from-tag=…";
    let end = text.find(';').ok_or(EXPECTED)?;
    let (call_id, params) = (trim(&text[..end]), &text[end..]);
    if call_id.is_empty() || call_id.bytes().any(is_lws) || params::scan(params)? != params.len() {
        return Err(EXPECTED);
    }
    let tag = |name| params::find(params, false, name).filter(|tag| !tag.is_empty());
    Ok(Replaces {
        call_id: call_id.into(),
        to_tag: tag("to-tag").ok_or(EXPECTED)?.into(),
        from_tag: tag("from-tag").ok_or(EXPECTED)?.into(),
        early_only: Params::of_header(params).has("early-only"),
    })
}

impl Replaces<'_> {
    /// The same value with text of its own.
    pub fn into_owned(self) -> Replaces<'static> {
        Replaces {
            call_id: Cow::Owned(self.call_id.into_owned()),
            to_tag: Cow::Owned(self.to_tag.into_owned()),
            from_tag: Cow::Owned(self.from_tag.into_owned()),
            early_only: self.early_only,
        }
    }
}

impl fmt::Display for Replaces<'_> {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            to,
            "{};to-tag={};from-tag={}",
            self.call_id, self.to_tag, self.from_tag
        )?;
        if self.early_only {
            to.write_str(";early-only")
        } else {
            Ok(())
        }
    }
}
