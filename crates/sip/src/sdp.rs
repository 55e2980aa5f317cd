//! Session descriptions (RFC 8866): read, and changed line by line.
//!
//! [`Sdp`] keeps the text as it came beside what [`types`] makes of it. A change rewrites the one
//! line that it is about; every other line stays byte for byte, unknown ones and LF line ends
//! included.

use std::fmt;

use bytes::Bytes;
pub use sdp_types as types;
pub use sdp_types::Direction;

/// Why a text is no session description.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum SdpError {
    /// A line breaks the grammar: which one, and how.
    Syntax(Box<str>),
    /// There are fewer media descriptions than the index asked for.
    NoSuchMedia {
        /// The index, from 0.
        index: usize,
        /// How many there are.
        count: usize,
    },
    /// There is no `o=` line to change.
    NoOrigin,
}

impl fmt::Display for SdpError {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SdpError::Syntax(error) => write!(to, "the session description is broken: {error}"),
            SdpError::NoSuchMedia { index, count } => {
                write!(
                    to,
                    "media description {index} was asked for; there are {count}, from 0"
                )
            }
            SdpError::NoOrigin => to.write_str("the session description has no o= line"),
        }
    }
}

impl std::error::Error for SdpError {}

/// A session description.
///
/// ```
/// use offhook_sip::sdp::{Direction, Sdp};
///
/// let text = "v=0\no=- 20 1 IN IP4 192.0.2.1\ns=-\nt=0 0\nm=audio 4000 RTP/AVP 0\n";
/// let mut sdp = Sdp::parse(text.as_bytes())?;
/// assert_eq!(sdp.direction(0), Some(Direction::SendRecv));
/// sdp.set_direction(0, Direction::SendOnly)?;
/// sdp.bump_version()?;
/// assert_eq!(sdp.to_string(), text.replace(" 20 1 ", " 20 2 ") + "a=sendonly\n");
/// # Ok::<(), offhook_sip::sdp::SdpError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Sdp {
    text: Vec<u8>,
    session: types::Session,
}

/// The name that the W3C and the IETF give an [`Sdp`].
pub type SessionDescription = Sdp;

/// One media description, with what the session level says about it.
#[derive(Copy, Clone, Debug)]
pub struct Media<'a> {
    index: usize,
    session: &'a types::Session,
    media: &'a types::Media,
}

impl Sdp {
    /// Reads a session description. Lines may end with CR LF or LF, the last one with neither;
    /// missing `o=`, `s=` and `t=` lines are let pass.
    ///
    /// # Errors
    ///
    /// [`SdpError::Syntax`] when a line breaks the grammar.
    pub fn parse(text: &[u8]) -> Result<Sdp, SdpError> {
        let session = types::Session::parse(text)
            .map_err(|error| SdpError::Syntax(error.to_string().into()))?;
        Ok(Sdp {
            text: text.to_vec(),
            session,
        })
    }

    /// A session description that was made from parts.
    ///
    /// # Errors
    ///
    /// [`SdpError::Syntax`] when what the parts are written as cannot be read.
    pub fn from_session(session: &types::Session) -> Result<Sdp, SdpError> {
        let mut text = Vec::new();
        // Writing into a Vec cannot fail.
        let _ = session.write(&mut text);
        Sdp::parse(&text)
    }

    /// The text.
    pub fn as_bytes(&self) -> &[u8] {
        &self.text
    }

    /// The text, to be sent.
    pub fn to_bytes(&self) -> Bytes {
        Bytes::copy_from_slice(&self.text)
    }

    /// The description in parts.
    pub fn session(&self) -> &types::Session {
        &self.session
    }

    /// The media descriptions in order.
    pub fn media(&self) -> impl ExactSizeIterator<Item = Media<'_>> {
        let session = &self.session;
        session
            .medias
            .iter()
            .enumerate()
            .map(move |(index, media)| Media {
                index,
                session,
                media,
            })
    }

    /// The direction of a media description; `None` when there are fewer.
    pub fn direction(&self, index: usize) -> Option<Direction> {
        self.media().nth(index).map(|media| media.direction())
    }

    /// The session id of the `o=` line.
    pub fn origin_id(&self) -> &str {
        &self.session.origin.sess_id
    }

    /// The session version of the `o=` line.
    pub fn origin_version(&self) -> u64 {
        self.session.origin.sess_version
    }

    /// Adds one to the session version, as a changed offer or answer must (RFC 3264 section 8).
    ///
    /// # Errors
    ///
    /// [`SdpError::NoOrigin`] when there is no `o=` line.
    pub fn bump_version(&mut self) -> Result<(), SdpError> {
        self.set_origin_version(self.origin_version().wrapping_add(1))
    }

    /// Sets the session version.
    ///
    /// # Errors
    ///
    /// [`SdpError::NoOrigin`] when there is no `o=` line.
    pub fn set_origin_version(&mut self, version: u64) -> Result<(), SdpError> {
        let mut lines = Lines::of(&self.text);
        let line = lines
            .all
            .iter_mut()
            .find(|line| line.is(b"o="))
            .ok_or(SdpError::NoOrigin)?;
        let text = String::from_utf8_lossy(line.text).into_owned();
        let mut words: Vec<&str> = text.split(' ').collect();
        let version = version.to_string();
        *words.get_mut(2).ok_or(SdpError::NoOrigin)? = &version;
        let changed = words.join(" ");
        line.text = changed.as_bytes();
        let text = lines.join();
        self.replace(text)
    }

    /// Sets the direction of a media description: at the place of the line that says it, or behind
    /// the description's last line.
    ///
    /// # Errors
    ///
    /// [`SdpError::NoSuchMedia`] when there are fewer.
    pub fn set_direction(&mut self, index: usize, direction: Direction) -> Result<(), SdpError> {
        let mut lines = Lines::of(&self.text);
        let section = lines.section(index).ok_or(SdpError::NoSuchMedia {
            index,
            count: self.session.medias.len(),
        })?;
        let text = format!("a={direction}");
        let said: Vec<usize> = section
            .clone()
            .filter(|at| lines.all[*at].is_direction())
            .collect();
        match said.split_first() {
            Some((first, others)) => {
                lines.all[*first].text = text.as_bytes();
                for at in others.iter().rev() {
                    lines.all.remove(*at);
                }
            }
            None => {
                // A last line without an end gets one, and the new one is the last without.
                let last = section.end - 1;
                let end = lines.all[last].end;
                if end.is_empty() {
                    lines.all[last].end = lines.usual_end();
                }
                lines.all.insert(
                    section.end,
                    Line {
                        text: text.as_bytes(),
                        end,
                    },
                );
            }
        }
        let text = lines.join();
        self.replace(text)
    }

    fn replace(&mut self, text: Vec<u8>) -> Result<(), SdpError> {
        *self = Sdp::parse(&text)?;
        Ok(())
    }
}

impl fmt::Display for Sdp {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(&String::from_utf8_lossy(&self.text))
    }
}

impl<'a> Media<'a> {
    /// Its place among the media descriptions, from 0.
    pub fn index(&self) -> usize {
        self.index
    }

    /// The description in parts.
    pub fn parts(&self) -> &'a types::Media {
        self.media
    }

    /// `audio`, `video`, …
    pub fn kind(&self) -> &'a str {
        &self.media.media
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.media.port
    }

    /// `RTP/AVP`, `UDP/TLS/RTP/SAVPF`, …
    pub fn protocol(&self) -> &'a str {
        &self.media.proto
    }

    /// The payload types, or whatever the protocol has for formats.
    pub fn formats(&self) -> impl Iterator<Item = &'a str> {
        self.media.fmt.split_ascii_whitespace()
    }

    /// Whether the port is 0: the media is refused or stopped (RFC 3264 sections 6 and 8.2). A
    /// bundled one with `a=bundle-only` has port 0 as well and is not (RFC 9143 section 6).
    pub fn is_rejected(&self) -> bool {
        self.media.port == 0 && !self.has_attribute("bundle-only")
    }

    /// The direction: the media's, else the session's, else both (RFC 8866 section 6.7).
    pub fn direction(&self) -> Direction {
        direction(&self.media.attributes)
            .or_else(|| direction(&self.session.attributes))
            .unwrap_or(Direction::SendRecv)
    }

    /// The `mid` (RFC 5888).
    pub fn mid(&self) -> Option<&'a str> {
        self.attribute("mid")
    }

    /// The connection: the media's, else the session's.
    pub fn connection(&self) -> Option<&'a types::Connection> {
        self.media
            .connections
            .first()
            .or(self.session.connection.as_ref())
    }

    /// The connection's address as it is written, which may be a name.
    pub fn address(&self) -> Option<&'a str> {
        self.connection()
            .map(|connection| connection.connection_address.as_str())
    }

    /// The value of the media's first attribute of that name, when it has one.
    pub fn attribute(&self, name: &str) -> Option<&'a str> {
        self.attributes(name).next()
    }

    /// The values of the media's attributes of that name.
    pub fn attributes(&self, name: &str) -> impl Iterator<Item = &'a str> {
        self.media
            .attributes
            .iter()
            .filter(move |attribute| attribute.attribute == name)
            .filter_map(|attribute| attribute.value.as_deref())
    }

    /// Whether the media has an attribute of that name, with a value or without.
    pub fn has_attribute(&self, name: &str) -> bool {
        self.media.has_attribute(name)
    }
}

fn direction(attributes: &[types::Attribute]) -> Option<Direction> {
    attributes
        .iter()
        .find_map(|attribute| match &attribute.value {
            None => attribute.attribute.parse().ok(),
            Some(_) => None,
        })
}

#[derive(Copy, Clone)]
struct Line<'a> {
    text: &'a [u8],
    end: &'a [u8],
}

impl Line<'_> {
    fn is(&self, start: &[u8]) -> bool {
        self.text.starts_with(start)
    }

    fn is_direction(&self) -> bool {
        matches!(
            self.text,
            b"a=sendrecv" | b"a=sendonly" | b"a=recvonly" | b"a=inactive"
        )
    }
}

struct Lines<'a> {
    all: Vec<Line<'a>>,
}

impl<'a> Lines<'a> {
    fn of(text: &'a [u8]) -> Self {
        let all = text.split_inclusive(|byte| *byte == b'\n').map(|line| {
            let length = line
                .strip_suffix(b"\n")
                .map_or(line, |l| l.strip_suffix(b"\r").unwrap_or(l));
            let (text, end) = line.split_at(length.len());
            Line { text, end }
        });
        Lines { all: all.collect() }
    }

    fn usual_end(&self) -> &'a [u8] {
        self.all
            .first()
            .map(|line| line.end)
            .filter(|end| !end.is_empty())
            .unwrap_or(b"\r\n")
    }

    /// The lines of a media description; empty lines at its end are not of it.
    fn section(&self, index: usize) -> Option<std::ops::Range<usize>> {
        let mut starts = (0..self.all.len()).filter(|at| self.all[*at].is(b"m="));
        let start = starts.nth(index)?;
        let mut end = starts.next().unwrap_or(self.all.len());
        while self.all[end - 1].text.is_empty() {
            end -= 1;
        }
        Some(start..end)
    }

    fn join(&self) -> Vec<u8> {
        self.all
            .iter()
            .flat_map(|line| [line.text, line.end])
            .flatten()
            .copied()
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OFFER: &str = "v=0\r\no=- 4611731400430051336 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n\
        a=recvonly\r\nq=unknown line\r\n\
        m=audio 50001 UDP/TLS/RTP/SAVPF 111 0\r\nc=IN IP4 203.0.113.9\r\na=mid:a0\r\na=sendrecv\r\n\
        a=rtcp-mux\r\n\
        m=video 0 RTP/AVP 31\r\nc=IN IP6 2001:db8::1\r\n\
        m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n";

    fn parse(text: &str) -> Sdp {
        Sdp::parse(text.as_bytes()).unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn media_descriptions_say_what_they_are() {
        let sdp = parse(OFFER);
        let media: Vec<_> = sdp.media().collect();
        assert_eq!(media.len(), 3);
        assert_eq!((media[0].kind(), media[0].port()), ("audio", 50001));
        assert_eq!(media[0].formats().collect::<Vec<_>>(), ["111", "0"]);
        assert_eq!((media[0].mid(), media[1].mid()), (Some("a0"), None));
        assert_eq!(media[0].address(), Some("203.0.113.9"));
        assert_eq!(media[1].address(), Some("2001:db8::1"));
        assert_eq!(media[2].address(), None);
        assert!(media[1].is_rejected() && !media[0].is_rejected());
        assert!(media[0].has_attribute("rtcp-mux"));
        assert_eq!(sdp.origin_id(), "4611731400430051336");
    }

    #[test]
    fn a_direction_is_the_medias_else_the_sessions_else_both() {
        let sdp = parse(OFFER);
        assert_eq!(sdp.direction(0), Some(Direction::SendRecv));
        assert_eq!(sdp.direction(1), Some(Direction::RecvOnly));
        assert_eq!(sdp.direction(3), None);
        let sdp = parse(&OFFER.replacen("a=recvonly\r\n", "", 1));
        assert_eq!(sdp.direction(1), Some(Direction::SendRecv));
    }

    #[test]
    fn what_is_not_changed_stays_byte_for_byte() {
        for text in [
            OFFER.to_owned(),
            OFFER.replace("\r\n", "\n"),
            OFFER.trim_end().to_owned(),
        ] {
            let mut sdp = parse(&text);
            assert_eq!(sdp.as_bytes(), text.as_bytes());
            sdp.set_direction(0, Direction::Inactive).unwrap();
            assert_eq!(sdp.to_string(), text.replace("a=sendrecv", "a=inactive"));
            assert_eq!(sdp.direction(0), Some(Direction::Inactive));
            sdp.set_direction(0, Direction::SendRecv).unwrap();
            assert_eq!(sdp.as_bytes(), text.as_bytes());
        }
    }

    #[test]
    fn a_direction_that_is_not_said_is_put_behind_the_section() {
        let mut sdp = parse(OFFER);
        sdp.set_direction(1, Direction::SendOnly).unwrap();
        let wanted = OFFER.replace("2001:db8::1\r\n", "2001:db8::1\r\na=sendonly\r\n");
        assert_eq!(sdp.to_string(), wanted);
        let mut sdp = parse(OFFER.trim_end());
        sdp.set_direction(2, Direction::SendOnly).unwrap();
        assert_eq!(sdp.to_string(), format!("{OFFER}a=sendonly"));
        assert_eq!(
            sdp.set_direction(7, Direction::SendOnly),
            Err(SdpError::NoSuchMedia { index: 7, count: 3 })
        );
    }

    #[test]
    fn the_version_grows_and_nothing_else_changes() {
        let mut sdp = parse(OFFER);
        sdp.bump_version().unwrap();
        assert_eq!(sdp.origin_version(), 3);
        assert_eq!(sdp.to_string(), OFFER.replace("051336 2 IN", "051336 3 IN"));
        assert_eq!(
            parse("v=0\r\ns=-\r\n").bump_version(),
            Err(SdpError::NoOrigin)
        );
    }

    #[test]
    fn what_is_no_session_description_is_refused() {
        for text in ["", "hello", "v=1\r\n", "v=0\r\nm=audio\r\n"] {
            assert!(
                matches!(Sdp::parse(text.as_bytes()), Err(SdpError::Syntax(_))),
                "{text}"
            );
        }
    }
}
