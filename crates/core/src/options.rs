//! What an application may say with each command.

use std::time::Duration;

use bytes::Bytes;
use offhook_sip::StatusCode;

use crate::error::CommandError;

/// Extra headers for a message: names and values, in order.
pub type ExtraHeaders = Vec<(String, String)>;

/// A body and its media type. Text is `text/plain`.
///
/// ```
/// use offhook_core::Body;
///
/// assert_eq!(Body::from("Hello").content_type, "text/plain");
/// let body = Body::new("application/pidf+xml", "<presence/>");
/// assert_eq!(&body.content[..], b"<presence/>");
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Body {
    /// The media type, as in the Content-Type header.
    pub content_type: String,
    /// What it holds.
    pub content: Bytes,
}

impl Body {
    /// A body of this media type.
    pub fn new(content_type: impl Into<String>, content: impl AsRef<[u8]>) -> Self {
        Self {
            content_type: content_type.into(),
            content: Bytes::copy_from_slice(content.as_ref()),
        }
    }

    /// The body of a received message; nothing, if it is empty.
    pub fn of(message: &offhook_sip::Received) -> Option<Self> {
        (!message.body().is_empty()).then(|| Self {
            content_type: message
                .header(offhook_sip::HeaderName::ContentType)
                .unwrap_or_default()
                .to_owned(),
            content: message.body_bytes(),
        })
    }

    pub(crate) fn check(&self) -> Result<(), CommandError> {
        check_content_type(&self.content_type)
    }
}

impl From<&str> for Body {
    fn from(text: &str) -> Self {
        Self::new("text/plain", text)
    }
}

impl From<String> for Body {
    fn from(text: String) -> Self {
        Self {
            content_type: "text/plain".to_owned(),
            content: text.into(),
        }
    }
}

/// Whether a Content-Type from the application is one.
pub(crate) fn check_content_type(text: &str) -> Result<(), CommandError> {
    check_media_type("content_type", text)
}

/// Whether this argument is a media type.
pub(crate) fn check_media_type(name: &'static str, text: &str) -> Result<(), CommandError> {
    if !text.contains('/') || !offhook_sip::is_line(text) {
        let expected = "a media type, as text/plain";
        return Err(CommandError::argument(name, text, expected));
    }
    Ok(())
}

/// Options of [`Agent::call`](crate::Agent::call).
#[derive(Clone, Debug)]
pub struct CallOptions {
    /// Headers added to the INVITE.
    pub extra_headers: ExtraHeaders,
    /// Whether the call sends and receives audio. Default: true.
    pub audio: bool,
    /// Whether the call sends and receives video. Default: false.
    pub video: bool,
    /// Leaves the offer to the peer: the INVITE goes without one, the peer's 2xx brings it, and the
    /// ACK answers it (RFC 3261 section 13.2.1). Default: false.
    pub late_offer: bool,
    /// Hides the caller's address (RFC 3323 `Privacy: id`, From `anonymous@anonymous.invalid`).
    pub anonymous: bool,
    /// Another user part for the From header; P-Preferred-Identity then says whose call it is.
    pub from_user_name: Option<String>,
    /// Another display name for the From header.
    pub from_display_name: Option<String>,
    /// The session interval to ask for, in seconds, at least 90. Default: what the user agent is
    /// configured for.
    pub session_timers_expires: Option<u32>,
    /// Whether the call takes part in Trickle ICE (RFC 8840) where the peer does. Default: what the
    /// user agent is configured for.
    pub trickle_ice: Option<bool>,
    /// Whether a 3xx is followed: the addresses it names are tried, the most wanted first, ten at
    /// most. Default: false, and the call fails with
    /// [`Cause::Redirected`](crate::Cause::Redirected).
    pub follow_redirects: bool,
    /// How long the peer may ring before the call is cancelled with
    /// [`Cause::NoAnswer`](crate::Cause::NoAnswer). Counted from the last provisional response,
    /// as a proxy's Timer C is (RFC 3261 section 16.6). Default: three minutes.
    pub no_answer_timeout: Duration,
}

impl Default for CallOptions {
    fn default() -> Self {
        Self {
            extra_headers: Vec::new(),
            audio: true,
            video: false,
            late_offer: false,
            anonymous: false,
            from_user_name: None,
            from_display_name: None,
            session_timers_expires: None,
            trickle_ice: None,
            follow_redirects: false,
            no_answer_timeout: Duration::from_secs(180),
        }
    }
}

/// Options of [`SessionMut::answer`](crate::SessionMut::answer).
#[derive(Clone, Debug, Default)]
pub struct AnswerOptions {
    /// Headers added to the 200.
    pub extra_headers: ExtraHeaders,
    /// Whether to send audio. Default: what the offer asks for.
    pub audio: Option<bool>,
    /// Whether to send video. Default: what the offer asks for.
    pub video: Option<bool>,
    /// The session interval to ask for where the peer knows session timers and names none, in
    /// seconds, at least 90. Default: no timer then.
    pub session_timers_expires: Option<u32>,
    /// Whether the call takes part in Trickle ICE (RFC 8840) where the peer does. Default: what the
    /// user agent is configured for.
    pub trickle_ice: Option<bool>,
}

/// Options of [`SessionMut::terminate`](crate::SessionMut::terminate).
#[derive(Clone, Debug, Default)]
pub struct TerminateOptions {
    /// Headers added to the response or the BYE; a CANCEL takes none.
    pub extra_headers: ExtraHeaders,
    /// The final response (300 to 699, default 480) to an incoming call that is not answered;
    /// otherwise (200 to 699) the cause in the Reason header of the CANCEL or BYE (RFC 3326).
    pub status: Option<StatusCode>,
    /// The reason phrase, or the text in the Reason header.
    pub reason: Option<String>,
    /// A body: its content type and content. A CANCEL takes none.
    pub body: Option<(String, String)>,
}

/// How DTMF tones travel.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum DtmfTransport {
    /// An INFO request for each tone, `application/dtmf-relay`.
    #[default]
    Info,
    /// Telephone events in the audio stream (RFC 2833, today RFC 4733).
    Rfc2833,
}

/// Options of [`SessionMut::send_dtmf`](crate::SessionMut::send_dtmf).
#[derive(Clone, Debug)]
pub struct DtmfOptions {
    /// How long each tone lasts: 70 ms to 6 s, others are moved to the nearest. Default: 100 ms.
    pub duration: Duration,
    /// The silence after each tone: at least 50 ms. Default: 500 ms.
    pub inter_tone_gap: Duration,
    /// Headers added to each INFO.
    pub extra_headers: ExtraHeaders,
    /// How the tones travel. Default: INFO.
    pub transport: DtmfTransport,
}

impl Default for DtmfOptions {
    fn default() -> Self {
        Self {
            duration: Duration::from_millis(100),
            inter_tone_gap: Duration::from_millis(500),
            extra_headers: Vec::new(),
            transport: DtmfTransport::Info,
        }
    }
}

/// Which kinds of local media a mute or unmute means.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct MediaKinds {
    /// Audio.
    pub audio: bool,
    /// Video.
    pub video: bool,
}

impl MediaKinds {
    /// Audio only: what `mute()` means without options.
    pub const AUDIO: Self = Self {
        audio: true,
        video: false,
    };
    /// Audio and video: what `unmute()` means without options.
    pub const BOTH: Self = Self {
        audio: true,
        video: true,
    };
}
