//! The header lines and the body that requests and responses share.

use bytes::Bytes;

use crate::error::HeaderError;
use crate::headers::{CSeq, MediaType, TypedHeader};
use crate::name::{HeaderName, Name};
use crate::name_addr::NameAddr;
use crate::scan::{Head, Span};
use crate::text::{between, is_lws, split_list, trim};
use crate::via::Via;

/// A received message without its start line: the bytes as they came, the places of its header
/// lines, and its body.
///
/// Values are text without the white space around them. Where a value was folded over several
/// lines, spaces stand for the line ends (RFC 3261 section 7.3.1); where the head was no UTF-8,
/// U+FFFD stands for what was broken.
///
/// Cloning copies the places, not the bytes.
#[derive(Clone, Debug)]
pub struct Received {
    pub(crate) bytes: Bytes,
    pub(crate) head: Head,
    pub(crate) body: (usize, usize),
}

/// One header line.
#[derive(Copy, Clone, Debug)]
pub struct HeaderLine<'a> {
    name: &'a str,
    known: Option<HeaderName>,
    value: &'a str,
}

impl<'a> HeaderLine<'a> {
    /// The name as it is written.
    pub fn name(&self) -> &'a str {
        self.name
    }

    /// The name, when it is one that this crate knows.
    pub fn known(&self) -> Option<HeaderName> {
        self.known
    }

    /// The value.
    pub fn value(&self) -> &'a str {
        self.value
    }
}

impl Received {
    /// The message as it came, start line and body included.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The bytes that every text here is a piece of, from the start of the message to the empty line,
    /// with spaces for the line ends of folds. Where a piece stands in them, it stands in the
    /// message, as long as that is UTF-8.
    pub fn head(&self) -> &[u8] {
        self.head.text(&self.bytes)
    }

    /// The body: as long as Content-Length says, or all that follows the head.
    pub fn body(&self) -> &[u8] {
        self.bytes.get(self.body.0..self.body.1).unwrap_or_default()
    }

    /// The body, sharing the message's buffer.
    pub fn body_bytes(&self) -> Bytes {
        self.bytes.slice(self.body.0..self.body.1)
    }

    pub(crate) fn str(&self, start: u32, end: u32) -> &str {
        self.head.str(&self.bytes, start, end)
    }

    fn value_of(&self, span: &Span) -> &str {
        self.str(span.value_start, span.value_end)
    }

    fn name_of(&self, span: &Span) -> &str {
        self.str(span.name_start, span.name_end)
    }

    /// Every header line in order.
    pub fn lines(&self) -> impl Iterator<Item = HeaderLine<'_>> {
        // Looked at once: for each piece that would cost more than the rest.
        let text = std::str::from_utf8(self.head()).unwrap_or_default();
        self.head.lines.iter().map(move |span| HeaderLine {
            name: between(text, span.name_start as usize, span.name_end as usize),
            known: span.known,
            value: between(text, span.value_start as usize, span.value_end as usize),
        })
    }

    /// The value of the first line of that name.
    pub fn header<'n>(&self, name: impl Into<Name<'n>>) -> Option<&str> {
        match name.into() {
            Name::Known(name) => self.known(name),
            Name::Other(name) => self
                .head
                .lines
                .iter()
                .find(|span| span.known.is_none() && self.is_named(span, name))
                .map(|span| self.value_of(span)),
        }
    }

    fn is_named(&self, span: &Span, name: &str) -> bool {
        self.name_of(span).eq_ignore_ascii_case(name)
    }

    fn known(&self, name: HeaderName) -> Option<&str> {
        let span = self
            .head
            .lines
            .iter()
            .find(|span| span.known == Some(name))?;
        Some(self.value_of(span))
    }

    /// The value of each line of that name, in order.
    pub fn headers<'s, 'n>(&'s self, name: impl Into<Name<'n>>) -> HeaderValues<'s, 'n> {
        HeaderValues {
            message: self,
            at: 0,
            name: name.into(),
        }
    }

    /// Each value of that name, in order, over all lines: comma lists are taken apart (RFC 3261
    /// section 7.3.1). Fields that are no lists give one value a line; a name that this crate does
    /// not know is taken for a list.
    pub fn values<'s, 'n>(&'s self, name: impl Into<Name<'n>>) -> ListValues<'s, 'n> {
        let name = name.into();
        ListValues {
            lines: self.headers(name),
            rest: None,
            list: name.may_be_list(),
        }
    }

    fn required(&self, name: HeaderName) -> Result<&str, HeaderError> {
        self.known(name).ok_or(HeaderError::Missing(name))
    }

    /// The topmost Via value.
    ///
    /// # Errors
    ///
    /// When there is none, or it breaks the grammar.
    pub fn via(&self) -> Result<Via<'_>, HeaderError> {
        Via::first(self.required(HeaderName::Via)?)
    }

    /// Every Via value, topmost first.
    pub fn vias(&self) -> impl Iterator<Item = Result<Via<'_>, HeaderError>> {
        self.values(HeaderName::Via).map(Via::parse)
    }

    fn address(&self, name: HeaderName) -> Result<NameAddr<'_>, HeaderError> {
        let text = self.required(name)?;
        match NameAddr::parse_first(text) {
            Ok((address, rest)) if rest.is_empty() || name.is_list() => Ok(address),
            Ok(_) => Err(HeaderError::malformed(name, text, "one address")),
            Err(expected) => Err(HeaderError::malformed(name, text, expected)),
        }
    }

    /// The From header.
    ///
    /// # Errors
    ///
    /// When there is none, or it breaks the grammar.
    pub fn from(&self) -> Result<NameAddr<'_>, HeaderError> {
        self.address(HeaderName::From)
    }

    /// The To header.
    ///
    /// # Errors
    ///
    /// When there is none, or it breaks the grammar.
    pub fn to(&self) -> Result<NameAddr<'_>, HeaderError> {
        self.address(HeaderName::To)
    }

    /// The Call-ID.
    ///
    /// # Errors
    ///
    /// When there is none, or it is empty or holds white space.
    pub fn call_id(&self) -> Result<&str, HeaderError> {
        let text = self.required(HeaderName::CallId)?;
        if text.is_empty() || text.bytes().any(is_lws) {
            return Err(HeaderError::malformed(HeaderName::CallId, text, "one word"));
        }
        Ok(text)
    }

    /// The CSeq header.
    ///
    /// # Errors
    ///
    /// When there is none, or it breaks the grammar.
    pub fn cseq(&self) -> Result<CSeq<'_>, HeaderError> {
        CSeq::parse(self.required(HeaderName::CSeq)?)
    }

    /// The first Contact.
    ///
    /// # Errors
    ///
    /// When there is none, it breaks the grammar, or it is the `*` of a REGISTER.
    pub fn contact(&self) -> Result<NameAddr<'_>, HeaderError> {
        self.address(HeaderName::Contact)
    }

    /// All Contacts, or the `*` that removes all bindings (RFC 3261 section 10.2.2).
    ///
    /// # Errors
    ///
    /// When one of them breaks the grammar. None at all is an empty list.
    pub fn contacts(&self) -> Result<Contacts<'_>, HeaderError> {
        let mut values = self.values(HeaderName::Contact);
        let mut list = Vec::new();
        for value in values.by_ref() {
            if value == "*" {
                if !list.is_empty() || values.next().is_some() {
                    const ALONE: &str = "a Contact of its own; * stands alone";
                    return Err(HeaderError::malformed(HeaderName::Contact, value, ALONE));
                }
                return Ok(Contacts::Star);
            }
            list.push(
                NameAddr::parse(value).map_err(|error| HeaderError::Malformed {
                    header: HeaderName::Contact,
                    error,
                })?,
            );
        }
        Ok(Contacts::List(list))
    }

    /// The first value of any header that has a type; `Ok(None)` when it is not there.
    ///
    /// ```
    /// # use offhook_sip::{Limits, Message};
    /// use offhook_sip::SessionExpires;
    ///
    /// # let bytes = bytes::Bytes::from_static(b"SIP/2.0 200 OK\r\nx: 1800;refresher=uas\r\n\r\n");
    /// # let message = Message::parse(bytes, &Limits::default())?;
    /// let expires: Option<SessionExpires> = message.typed()?;
    /// assert_eq!(expires.map(|expires| expires.delta), Some(1800));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// When it is there and breaks the grammar.
    pub fn typed<'a, H: TypedHeader<'a>>(&'a self) -> Result<Option<H>, HeaderError> {
        self.first_value(H::NAME).map(H::parse).transpose()
    }

    /// The first value of a header that has a type: no generic code, which would be there once for
    /// every type.
    #[inline(never)]
    fn first_value(&self, name: HeaderName) -> Option<&str> {
        self.values(name).next()
    }

    /// Every value of any header that has a type, in order.
    pub fn typed_all<'a, H: TypedHeader<'a>>(
        &'a self,
    ) -> impl Iterator<Item = Result<H, HeaderError>> {
        self.values(H::NAME).map(H::parse)
    }

    /// The Content-Type.
    ///
    /// # Errors
    ///
    /// When it is there and breaks the grammar.
    pub fn content_type(&self) -> Result<Option<MediaType<'_>>, HeaderError> {
        self.typed()
    }

    /// Whether one of the values of that header is this token: `has_token("Supported", "100rel")`.
    /// Methods are compared with regard to case, everything else without (RFC 3261 section 7.3.1).
    pub fn has_token<'n>(&self, name: impl Into<Name<'n>>, token: &str) -> bool {
        let name = name.into();
        let exact = name == Name::Known(HeaderName::Allow);
        self.values(name).any(|value| {
            if exact {
                value == token
            } else {
                value.eq_ignore_ascii_case(token)
            }
        })
    }
}

/// What the Contact headers of a message say.
#[derive(Clone, Debug)]
pub enum Contacts<'a> {
    /// `*`: all of them.
    Star,
    /// These.
    List(Vec<NameAddr<'a>>),
}

/// The value of each line of one name; see [`Received::headers`].
#[derive(Clone, Debug)]
pub struct HeaderValues<'s, 'n> {
    message: &'s Received,
    at: usize,
    name: Name<'n>,
}

impl<'s> Iterator for HeaderValues<'s, '_> {
    type Item = &'s str;

    fn next(&mut self) -> Option<&'s str> {
        let message = self.message;
        while let Some(span) = message.head.lines.get(self.at) {
            self.at += 1;
            let wanted = match self.name {
                Name::Known(name) => span.known == Some(name),
                Name::Other(name) => span.known.is_none() && message.is_named(span, name),
            };
            if wanted {
                return Some(message.value_of(span));
            }
        }
        None
    }
}

/// Each value of one name; see [`Received::values`].
#[derive(Clone, Debug)]
pub struct ListValues<'s, 'n> {
    lines: HeaderValues<'s, 'n>,
    rest: Option<&'s str>,
    list: bool,
}

impl<'s> Iterator for ListValues<'s, '_> {
    type Item = &'s str;

    fn next(&mut self) -> Option<&'s str> {
        if !self.list {
            return self.lines.next();
        }
        loop {
            let text = match self.rest.take() {
                Some(rest) => rest,
                None => self.lines.next()?,
            };
            let (value, rest) = split_list(text);
            self.rest = rest;
            let value = trim(value);
            // An empty element is no value: `Supported:` and `a,,b`.
            if !value.is_empty() {
                return Some(value);
            }
        }
    }
}
