//! One pass over the head of a message: where its lines are, and how long its body is.

use std::borrow::Cow;

use bytes::Bytes;

use crate::error::ParseError;
use crate::limits::Limits;
use crate::name::HeaderName;
use crate::text::{is_lws, is_token_byte, skip};

/// Where one header line stands in the head.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Span {
    pub(crate) name_start: u32,
    pub(crate) name_end: u32,
    pub(crate) value_start: u32,
    pub(crate) value_end: u32,
    pub(crate) known: Option<HeaderName>,
}

/// The head of a message, from its start line to the empty line.
#[derive(Clone, Debug)]
pub(crate) struct Head {
    /// What the spans point into, where that is not the received bytes: a copy of the head in which
    /// folds are blanked and broken UTF-8 is replaced.
    pub(crate) copy: Option<Bytes>,
    pub(crate) start_line: (u32, u32),
    pub(crate) lines: Vec<Span>,
    /// Where the body begins in the received bytes.
    pub(crate) body_start: usize,
    /// What Content-Length says.
    pub(crate) content_length: Option<usize>,
}

/// Typical messages have 10 to 20 header lines: one allocation.
const LINES: usize = 24;

struct Pass {
    start_line: (u32, u32),
    lines: Vec<Span>,
    end: usize,
    content_length: Option<usize>,
    carriage_returns: usize,
    folds: usize,
}

impl Head {
    /// Reads the head of `bytes`. Line ends before the start line are skipped (RFC 3261 section
    /// 7.5). A head that ends with the bytes needs no empty line.
    pub(crate) fn scan(bytes: &Bytes, limits: &Limits) -> Result<Head, ParseError> {
        let start = bytes
            .iter()
            .position(|byte| !matches!(byte, b'\r' | b'\n'))
            .ok_or(ParseError::Empty)?;
        let pass = scan(bytes, start, limits)?;
        let head = &bytes[..pass.end];
        // Most heads are ASCII, which is the cheaper question.
        match (
            pass.folds == 0,
            head.is_ascii() || std::str::from_utf8(head).is_ok(),
        ) {
            (true, true) => Ok(pass.into_head(None, None)),
            (false, true) => {
                let text = blank_folds(head, &pass);
                Ok(pass.into_head(Some(text), None))
            }
            (_, false) => {
                // Replacing changes lengths, so the spans are taken anew from the copy.
                let body_start = pass.end;
                let text = match String::from_utf8_lossy(head) {
                    Cow::Borrowed(text) => text.to_owned(),
                    Cow::Owned(text) => text,
                };
                let pass = scan(text.as_bytes(), start, limits)?;
                let text = blank_folds(text.as_bytes(), &pass);
                Ok(pass.into_head(Some(text), Some(body_start)))
            }
        }
    }

    /// What the spans point into; `bytes` are those that it was read from.
    pub(crate) fn text<'h>(&'h self, bytes: &'h [u8]) -> &'h [u8] {
        match &self.copy {
            Some(copy) => copy,
            None => bytes.get(..self.body_start).unwrap_or(bytes),
        }
    }

    /// A piece of the same.
    pub(crate) fn str<'h>(&'h self, bytes: &'h [u8], start: u32, end: u32) -> &'h str {
        self.text(bytes)
            .get(start as usize..end as usize)
            .and_then(|bytes| std::str::from_utf8(bytes).ok())
            .unwrap_or_default()
    }
}

impl Pass {
    fn into_head(self, copy: Option<Vec<u8>>, body_start: Option<usize>) -> Head {
        Head {
            copy: copy.map(Bytes::from),
            start_line: self.start_line,
            lines: self.lines,
            body_start: body_start.unwrap_or(self.end),
            content_length: self.content_length,
        }
    }
}

/// A copy of the head in which the line ends of folds are spaces: as long, so that spans hold.
fn blank_folds(head: &[u8], pass: &Pass) -> Vec<u8> {
    let mut text = head.to_vec();
    if pass.folds > 0 {
        for line in &pass.lines {
            let value = &mut text[line.value_start as usize..line.value_end as usize];
            for byte in value {
                if matches!(byte, b'\r' | b'\n') {
                    *byte = b' ';
                }
            }
        }
    }
    text
}

/// What the Content-Length of a head says, for a stream that must know before the body is there.
pub(crate) fn content_length(head: &[u8], limits: &Limits) -> Result<Option<usize>, ParseError> {
    scan(head, 0, limits).map(|pass| pass.content_length)
}

/// The headers of a part of a multipart body, and where its body begins.
pub(crate) fn part_headers(
    part: &[u8],
    limits: &Limits,
) -> Result<(Vec<(String, String)>, usize), ParseError> {
    let pass = lines(part, (0, 0), 0, limits)?;
    let text = blank_folds(&part[..pass.end], &pass);
    let piece = |start: u32, end: u32| {
        String::from_utf8_lossy(&text[start as usize..end as usize]).into_owned()
    };
    let headers = pass.lines.iter().map(|line| {
        (
            piece(line.name_start, line.name_end),
            piece(line.value_start, line.value_end),
        )
    });
    Ok((headers.collect(), pass.end))
}

fn scan(bytes: &[u8], start: usize, limits: &Limits) -> Result<Pass, ParseError> {
    let (end, next) = line(bytes, start, limits.header_length())?;
    lines(bytes, (start, end), next, limits)
}

/// Reads header lines from `at` up to the empty line or the end.
fn lines(
    bytes: &[u8],
    start_line: (usize, usize),
    mut at: usize,
    limits: &Limits,
) -> Result<Pass, ParseError> {
    let line_limit = limits.header_length();
    let (start, line_end) = start_line;
    let mut pass = Pass {
        start_line: (start as u32, line_end as u32),
        lines: Vec::with_capacity(LINES),
        end: 0,
        content_length: None,
        carriage_returns: usize::from(at - line_end == 2),
        folds: 0,
    };
    loop {
        match bytes.get(at) {
            None => break,
            Some(b'\n') => {
                at += 1;
                break;
            }
            Some(b'\r') if matches!(bytes.get(at + 1), Some(b'\n')) => {
                pass.carriage_returns += 1;
                at += 2;
                break;
            }
            Some(_) => {}
        }
        if pass.lines.len() == limits.header_count() {
            return Err(ParseError::TooManyHeaders {
                limit: limits.header_count(),
            });
        }
        at = pass.header(bytes, at, line_limit)?;
    }
    pass.end = at;
    // Each carriage return found must have ended a line: cheaper to count than to look at each.
    // Those before the start line are not part of the message.
    if memchr::memchr_iter(b'\r', &bytes[start..at]).count() != pass.carriage_returns {
        return Err(ParseError::BareCarriageReturn);
    }
    Ok(pass)
}

impl Pass {
    /// Reads the header line that begins at `start` with its folds; says where the next begins.
    #[inline]
    fn header(&mut self, bytes: &[u8], start: usize, limit: usize) -> Result<usize, ParseError> {
        let name_end = skip(bytes, start, is_token_byte);
        let colon = skip(bytes, name_end, |byte| matches!(byte, b' ' | b'\t'));
        if name_end == start || !matches!(bytes.get(colon), Some(b':')) {
            let (end, _) = line(bytes, start, limit)?;
            return Err(ParseError::HeaderLine(lossy(&bytes[start..end])));
        }
        let (mut value_end, mut next) = line(bytes, colon + 1, limit)?;
        self.carriage_returns += usize::from(next - value_end == 2);
        // A line that begins with white space goes on with the value before it.
        while matches!(bytes.get(next), Some(b' ' | b'\t')) {
            (value_end, next) = line(bytes, next, limit)?;
            self.carriage_returns += usize::from(next - value_end == 2);
            self.folds += 1;
        }
        if next - start > limit {
            return Err(ParseError::LineTooLong { limit });
        }
        let value_start = skip(&bytes[..value_end], colon + 1, is_lws);
        while value_end > value_start && is_lws(bytes[value_end - 1]) {
            value_end -= 1;
        }
        // Token bytes are ASCII.
        let name = std::str::from_utf8(&bytes[start..name_end]).unwrap_or_default();
        let known = HeaderName::parse(name);
        if known == Some(HeaderName::ContentLength) {
            self.content_length(&bytes[value_start..value_end])?;
        }
        self.lines.push(Span {
            name_start: start as u32,
            name_end: name_end as u32,
            value_start: value_start as u32,
            value_end: value_end as u32,
            known,
        });
        Ok(next)
    }

    fn content_length(&mut self, value: &[u8]) -> Result<(), ParseError> {
        let length = std::str::from_utf8(value)
            .ok()
            .and_then(crate::text::number::<usize>)
            .ok_or_else(|| ParseError::ContentLength(lossy(value)))?;
        match self.content_length {
            Some(first) if first != length => Err(ParseError::ConflictingContentLength {
                first,
                second: length,
            }),
            _ => {
                self.content_length = Some(length);
                Ok(())
            }
        }
    }
}

/// The line that begins at `start`: where its text ends, and where the next line begins.
#[inline]
fn line(bytes: &[u8], start: usize, limit: usize) -> Result<(usize, usize), ParseError> {
    let rest = &bytes[start..];
    let (length, next) = match memchr::memchr(b'\n', rest) {
        Some(at) if at > 0 && rest[at - 1] == b'\r' => (at - 1, at + 1),
        Some(at) => (at, at + 1),
        None => (rest.len(), rest.len()),
    };
    if length > limit {
        return Err(ParseError::LineTooLong { limit });
    }
    Ok((start + length, start + next))
}

pub(crate) fn lossy(bytes: &[u8]) -> Box<str> {
    String::from_utf8_lossy(bytes).into()
}
