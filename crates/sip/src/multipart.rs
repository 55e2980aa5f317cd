//! Multipart bodies (RFC 2046 section 5.1, RFC 5621).

use std::fmt;

use crate::error::{HeaderError, ParseError, Shown, WriteError, WriteFault};
use crate::fields::HeaderFields;
use crate::headers::{MediaType, TypedHeader};
use crate::limits::Limits;
use crate::name::{HeaderName, Name};
use crate::received::Received;
use crate::scan;
use crate::text::unescape_quoted;

/// Why a body cannot be taken apart.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum BodyError {
    /// A Content-Type that breaks the grammar.
    Header(HeaderError),
    /// A multipart type without a boundary.
    NoBoundary,
    /// The boundary does not stand in the body, or the last one is missing.
    Boundary(Box<str>),
    /// The headers of a part cannot be read.
    Part(ParseError),
    /// Parts in parts deeper than [`Limits::nesting`].
    TooDeep {
        /// How many levels are allowed.
        limit: usize,
    },
}

impl fmt::Display for BodyError {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BodyError::Header(error) => error.fmt(to),
            BodyError::NoBoundary => {
                to.write_str("a multipart Content-Type needs a boundary parameter")
            }
            BodyError::Boundary(boundary) => write!(
                to,
                "the body is not parts between lines --{0} and a last line --{0}--",
                Shown(boundary)
            ),
            BodyError::Part(error) => write!(to, "a part of the body: {error}"),
            BodyError::TooDeep { limit } => {
                write!(
                    to,
                    "parts stand in parts deeper than the {limit} levels allowed"
                )
            }
        }
    }
}

impl std::error::Error for BodyError {}

impl From<HeaderError> for BodyError {
    fn from(error: HeaderError) -> Self {
        BodyError::Header(error)
    }
}

/// A multipart body taken apart.
#[derive(Clone, Debug)]
pub struct Multipart<'a> {
    parts: Vec<Part<'a>>,
}

/// One part of a multipart body.
#[derive(Clone, Debug)]
pub struct Part<'a> {
    headers: Vec<(String, String)>,
    body: &'a [u8],
    nested: Option<Multipart<'a>>,
}

impl<'a> Multipart<'a> {
    /// Takes a body apart, parts in parts included.
    ///
    /// # Errors
    ///
    /// [`BodyError`]. A missing last boundary is one: the body may have been cut.
    pub fn parse(
        content_type: &MediaType<'_>,
        body: &'a [u8],
        limits: &Limits,
    ) -> Result<Multipart<'a>, BodyError> {
        Self::level(content_type, body, limits, limits.nesting())
    }

    fn level(
        content_type: &MediaType<'_>,
        body: &'a [u8],
        limits: &Limits,
        levels: usize,
    ) -> Result<Multipart<'a>, BodyError> {
        let inner = levels.checked_sub(1).ok_or(BodyError::TooDeep {
            limit: limits.nesting(),
        })?;
        let boundary = content_type
            .params
            .get("boundary")
            .ok_or(BodyError::NoBoundary)?;
        let boundary = unescape_quoted(boundary);
        if boundary.is_empty() {
            return Err(BodyError::NoBoundary);
        }
        let parts = split(body, &boundary)
            .ok_or_else(|| BodyError::Boundary(boundary.as_ref().into()))?
            .into_iter()
            .map(|part| Part::read(part, limits, inner))
            .collect::<Result<_, _>>()?;
        Ok(Multipart { parts })
    }

    /// The parts in order.
    pub fn parts(&self) -> &[Part<'a>] {
        &self.parts
    }

    /// The first part of this type, parts in parts included.
    pub fn find(&self, kind: &str, subtype: &str) -> Option<&Part<'a>> {
        self.parts.iter().find_map(|part| match &part.nested {
            Some(nested) => nested.find(kind, subtype),
            None => part.is(kind, subtype).then_some(part),
        })
    }
}

/// Where the boundary stands for the first time.
fn find(body: &[u8], boundary: &str) -> Option<usize> {
    let (first, rest) = boundary.as_bytes().split_first()?;
    memchr::memchr_iter(*first, body).find(|at| body[at + 1..].starts_with(rest))
}

/// The pieces between the boundary lines; `None` when one is missing.
fn split<'a>(body: &'a [u8], boundary: &str) -> Option<Vec<&'a [u8]>> {
    let mut pieces = Vec::new();
    let mut start = None;
    let mut at = 0;
    while let Some(found) = find(body.get(at..)?, boundary) {
        let name = at + found;
        at = name + 1;
        let Some(dashes) = name
            .checked_sub(2)
            .filter(|dashes| &body[*dashes..name] == b"--")
        else {
            continue;
        };
        if dashes > 0 && body[dashes - 1] != b'\n' {
            continue;
        }
        let behind = &body[name + boundary.len()..];
        let last = behind.starts_with(b"--");
        let padding = behind
            .iter()
            .take_while(|byte| matches!(byte, b' ' | b'\t'))
            .count();
        let line_end = match &behind[padding..] {
            [b'\r', b'\n', ..] => 2,
            [b'\n', ..] => 1,
            _ if last => 0,
            _ => continue,
        };
        if let Some(start) = start {
            // The line end before the boundary belongs to the boundary.
            let piece = body.get(start..dashes).unwrap_or_default();
            let piece = piece.strip_suffix(b"\n").unwrap_or(piece);
            pieces.push(piece.strip_suffix(b"\r").unwrap_or(piece));
        }
        if last {
            return start.map(|_| pieces);
        }
        let next = name + boundary.len() + padding + line_end;
        start = Some(next);
        at = next;
    }
    None
}

impl<'a> Part<'a> {
    fn read(piece: &'a [u8], limits: &Limits, levels: usize) -> Result<Part<'a>, BodyError> {
        let (headers, body_start) = scan::part_headers(piece, limits).map_err(BodyError::Part)?;
        let body = piece.get(body_start..).unwrap_or_default();
        let mut part = Part {
            headers,
            body,
            nested: None,
        };
        if let Some(content_type) = part.content_type()?
            && content_type.kind.eq_ignore_ascii_case("multipart")
        {
            part.nested = Some(Multipart::level(&content_type, body, limits, levels)?);
        }
        Ok(part)
    }

    /// The value of the first header of that name.
    pub fn header<'n>(&self, name: impl Into<Name<'n>>) -> Option<&str> {
        let name = name.into();
        self.headers
            .iter()
            .find(|(found, _)| name.is(HeaderName::parse(found), found))
            .map(|(_, value)| value.as_str())
    }

    /// Every header's name and value, in order.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The Content-Type. A part without one is text (RFC 2046 section 5.1).
    ///
    /// # Errors
    ///
    /// When it is there and breaks the grammar.
    pub fn content_type(&self) -> Result<Option<MediaType<'_>>, HeaderError> {
        self.header(HeaderName::ContentType)
            .map(<MediaType<'_> as TypedHeader<'_>>::parse)
            .transpose()
    }

    fn is(&self, kind: &str, subtype: &str) -> bool {
        match self.content_type() {
            Ok(Some(content_type)) => content_type.is(kind, subtype),
            Ok(None) => kind.eq_ignore_ascii_case("text") && subtype.eq_ignore_ascii_case("plain"),
            Err(_) => false,
        }
    }

    /// The body.
    pub fn body(&self) -> &'a [u8] {
        self.body
    }

    /// The parts of this part, when it is multipart itself.
    pub fn nested(&self) -> Option<&Multipart<'a>> {
        self.nested.as_ref()
    }
}

impl Received {
    /// The body when it is of this type, or the first part of this type in a multipart body;
    /// `Ok(None)` when there is none.
    ///
    /// # Errors
    ///
    /// When the Content-Type, or a multipart body, cannot be read.
    pub fn body_part(
        &self,
        kind: &str,
        subtype: &str,
        limits: &Limits,
    ) -> Result<Option<&[u8]>, BodyError> {
        let body = self.body();
        let Some(content_type) = self.content_type()? else {
            return Ok(None);
        };
        if body.is_empty() {
            return Ok(None);
        }
        if content_type.is(kind, subtype) {
            return Ok(Some(body));
        }
        if !content_type.kind.eq_ignore_ascii_case("multipart") {
            return Ok(None);
        }
        let parts = Multipart::parse(&content_type, body, limits)?;
        Ok(parts.find(kind, subtype).map(Part::body))
    }
}

/// Makes a multipart body.
///
/// ```
/// use offhook_sip::{HeaderFields, HeaderName, MultipartWriter};
///
/// let mut writer = MultipartWriter::new("mixed", "unique-boundary-1")?;
/// let mut headers = HeaderFields::new();
/// headers.push(HeaderName::ContentType, "text/plain")?;
/// writer.part(&headers, b"Hello")?;
/// let (content_type, body) = writer.finish();
/// assert_eq!(content_type, "multipart/mixed;boundary=\"unique-boundary-1\"");
/// assert!(body.starts_with(b"--unique-boundary-1\r\nContent-Type: text/plain\r\n\r\nHello\r\n"));
/// # Ok::<(), offhook_sip::WriteError>(())
/// ```
#[derive(Clone, Debug)]
pub struct MultipartWriter {
    subtype: String,
    boundary: String,
    body: Vec<u8>,
}

impl MultipartWriter {
    /// A body without parts yet. The boundary must be one that no part contains; a random one is
    /// the caller's to choose, as this crate knows no chance.
    ///
    /// # Errors
    ///
    /// [`WriteFault::Boundary`] when the boundary is not 1 to 70 of the characters that RFC 2046
    /// allows, [`WriteFault::Value`] when the subtype is no token.
    pub fn new(subtype: &str, boundary: &str) -> Result<Self, WriteError> {
        let allowed = |byte: u8| {
            byte.is_ascii_alphanumeric()
                || matches!(
                    byte,
                    b'\''
                        | b'('
                        | b')'
                        | b'+'
                        | b'_'
                        | b','
                        | b'-'
                        | b'.'
                        | b'/'
                        | b':'
                        | b'='
                        | b'?'
                )
        };
        if !(1..=70).contains(&boundary.len()) || !boundary.bytes().all(allowed) {
            return Err(WriteFault::Boundary(boundary.into()).into());
        }
        if !crate::text::is_token(subtype) {
            let name = HeaderName::ContentType.as_str().into();
            return Err(WriteFault::Value {
                name,
                value: subtype.into(),
            }
            .into());
        }
        Ok(MultipartWriter {
            subtype: subtype.to_owned(),
            boundary: boundary.to_owned(),
            body: Vec::new(),
        })
    }

    /// Adds a part.
    ///
    /// # Errors
    ///
    /// [`WriteFault::Boundary`] when the part's body contains the boundary.
    pub fn part(&mut self, headers: &HeaderFields, body: &[u8]) -> Result<(), WriteError> {
        if find(body, &self.boundary).is_some() {
            return Err(WriteFault::Boundary(self.boundary.as_str().into()).into());
        }
        self.body
            .extend_from_slice(format!("--{}\r\n", self.boundary).as_bytes());
        headers.write_lines(&mut self.body);
        self.body.extend_from_slice(b"\r\n");
        self.body.extend_from_slice(body);
        self.body.extend_from_slice(b"\r\n");
        Ok(())
    }

    /// The Content-Type and the body.
    pub fn finish(mut self) -> (String, Vec<u8>) {
        self.body
            .extend_from_slice(format!("--{}--\r\n", self.boundary).as_bytes());
        (
            format!("multipart/{};boundary=\"{}\"", self.subtype, self.boundary),
            self.body,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse<'a>(content_type: &str, body: &'a str) -> Result<Multipart<'a>, BodyError> {
        let content_type = MediaType::parse(content_type).unwrap();
        Multipart::parse(&content_type, body.as_bytes(), &Limits::default())
    }

    #[test]
    fn parts_stand_between_boundaries() {
        let body = "preamble\r\n--b\r\nContent-Type: text/plain\r\n\r\none\r\n--bb is text\r\n--b  \r\n\
                    C: application/sdp\r\nX-A: 1\r\n  2\r\n\r\nv=0\r\n\r\n--b\n\nthree\n--b--\r\nepilogue";
        let multipart = parse("multipart/mixed; boundary=\"b\"", body).unwrap();
        let bodies: Vec<_> = multipart.parts().iter().map(Part::body).collect();
        assert_eq!(bodies, [&b"one\r\n--bb is text"[..], b"v=0\r\n", b"three"]);
        assert_eq!(multipart.parts()[1].header("x-a"), Some("1    2"));
        assert_eq!(
            multipart.find("application", "sdp").unwrap().body(),
            b"v=0\r\n"
        );
        assert_eq!(
            multipart.find("text", "plain").unwrap().body(),
            b"one\r\n--bb is text"
        );
        assert!(multipart.find("text", "html").is_none());
        assert!(multipart.parts()[2].content_type().unwrap().is_none());
    }

    #[test]
    fn parts_may_stand_in_parts_up_to_the_limit() {
        let body = "--o\r\nContent-Type: multipart/alternative;boundary=i\r\n\r\n\
                    --i\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n--i--\r\n--o--";
        let multipart = parse("multipart/mixed;boundary=o", body).unwrap();
        assert_eq!(multipart.parts()[0].nested().unwrap().parts().len(), 1);
        assert_eq!(multipart.find("application", "sdp").unwrap().body(), b"v=0");
        let content_type = MediaType::parse("multipart/mixed;boundary=o").unwrap();
        let limits = Limits::default().with_nesting(1);
        assert_eq!(
            Multipart::parse(&content_type, body.as_bytes(), &limits).unwrap_err(),
            BodyError::TooDeep { limit: 1 }
        );
    }

    #[test]
    fn what_is_no_multipart_body_says_so() {
        assert_eq!(
            parse("multipart/mixed", "").unwrap_err(),
            BodyError::NoBoundary
        );
        for body in ["", "--b\r\n\r\none", "x--b\r\n--b--", "--b--"] {
            let error = parse("multipart/mixed;boundary=b", body).unwrap_err();
            assert!(matches!(error, BodyError::Boundary(_)), "{body}");
        }
        let error =
            parse("multipart/mixed;boundary=b", "--b\r\nno colon\r\n\r\n--b--").unwrap_err();
        assert!(matches!(error, BodyError::Part(_)));
    }

    #[test]
    fn what_is_written_reads_the_same() {
        let mut writer = MultipartWriter::new("mixed", "x1").unwrap();
        let mut headers = HeaderFields::new();
        writer.part(&headers, b"").unwrap();
        headers.push("Content-Type", "application/sdp").unwrap();
        writer.part(&headers, b"v=0\r\n").unwrap();
        let (content_type, body) = writer.finish();
        let body = String::from_utf8(body).unwrap();
        let multipart = parse(&content_type, &body).unwrap();
        let bodies: Vec<_> = multipart.parts().iter().map(Part::body).collect();
        assert_eq!(bodies, [&b""[..], b"v=0\r\n"]);
    }

    #[test]
    fn nothing_can_be_smuggled_into_a_part() {
        let mut writer = MultipartWriter::new("mixed", "x1").unwrap();
        let refused = writer.part(&HeaderFields::new(), b"a\r\n--x1--\r\n");
        assert!(matches!(
            refused.unwrap_err().fault(),
            WriteFault::Boundary(_)
        ));
        for boundary in ["", "a\r\nb", "a\"b", "a b", &"x".repeat(71)] {
            assert!(
                MultipartWriter::new("mixed", boundary).is_err(),
                "{boundary}"
            );
        }
        assert!(MultipartWriter::new("mixed\r\nX: y", "b").is_err());
    }
}
