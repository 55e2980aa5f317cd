//! What JavaScript hands over: plain objects and arrays, read field by field.

use std::time::Duration;

use offhook_core::{
    AnswerOptions, Body, CallOptions, CommandError, DtmfOptions, DtmfTransport, ExtraHeaders,
    GrantOptions, ProgressOptions, ReferOptions, ReofferOptions, RequestOptions, SessionId,
    SubscribeOptions, TerminateOptions,
};
use offhook_sip::{NameAddr, StatusCode, Uri};
use wasm_bindgen::prelude::*;

use crate::errors::argument;
use crate::time::duration;

#[wasm_bindgen]
extern "C" {
    /// A plain object, or an array.
    #[wasm_bindgen(js_name = Object)]
    pub type Options;

    #[wasm_bindgen(method, structural, indexing_getter)]
    pub(crate) fn get(this: &Options, name: &str) -> Options;
    #[wasm_bindgen(method, structural, indexing_getter)]
    pub(crate) fn at(this: &Options, index: u32) -> Options;
}

/// How each field is read. One that is not there, or of another kind, is as if it were not said.
impl Options {
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        self.get(name).as_string()
    }

    pub(crate) fn number(&self, name: &str) -> Option<f64> {
        self.get(name).as_f64()
    }

    pub(crate) fn flag(&self, name: &str) -> Option<bool> {
        self.get(name).as_bool()
    }

    /// Whether a flag is there and set.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.flag(name) == Some(true)
    }

    /// A span in milliseconds.
    pub(crate) fn milliseconds(&self, name: &str) -> Option<Duration> {
        self.number(name).map(duration)
    }

    /// A span in seconds.
    pub(crate) fn seconds(&self, name: &str) -> Option<Duration> {
        self.number(name).map(|seconds| duration(seconds * 1000.0))
    }

    /// Texts in order.
    pub(crate) fn list(&self, name: &str) -> Vec<String> {
        self.get(name).texts()
    }

    /// This array's texts, in order.
    pub(crate) fn texts(&self) -> Vec<String> {
        if self.is_undefined() {
            return Vec::new();
        }
        (0..)
            .map_while(|index| self.at(index).as_string())
            .collect()
    }

    /// This array's texts as header lines.
    pub(crate) fn headers(&self) -> ExtraHeaders {
        headers(self.texts())
    }

    pub(crate) fn extra_headers(&self) -> ExtraHeaders {
        self.get("extraHeaders").headers()
    }

    /// The body; text is `text/plain` where nothing else is said.
    pub(crate) fn body(&self) -> Option<Body> {
        body(self.text("contentType"), self.text("body"))
    }

    fn status(&self) -> Result<Option<StatusCode>, CommandError> {
        self.number("status").map(status).transpose()
    }

    fn session_timers_expires(&self) -> Option<u32> {
        self.number("sessionTimersExpires")
            .map(|seconds| seconds as u32)
    }
}

/// Header lines as JsSIP takes them, `X-Note: hello`.
pub(crate) fn headers(lines: Vec<String>) -> ExtraHeaders {
    lines
        .iter()
        .map(|line| {
            let (name, value) = line.split_once(':').unwrap_or((line, ""));
            (name.trim().to_owned(), value.trim().to_owned())
        })
        .collect()
}

pub(crate) fn body(content_type: Option<String>, content: Option<String>) -> Option<Body> {
    let mut body = Body::from(content?);
    if let Some(content_type) = content_type {
        body.content_type = content_type;
    }
    Some(body)
}

pub(crate) fn status(code: f64) -> Result<StatusCode, CommandError> {
    StatusCode::new(code as u16)
        .ok_or_else(|| argument("status_code", "", "a status code, 100 to 699"))
}

pub(crate) fn call(options: &Options) -> CallOptions {
    let mut call = CallOptions {
        extra_headers: options.extra_headers(),
        audio: options.has("audio"),
        video: options.has("video"),
        late_offer: options.has("lateOffer"),
        anonymous: options.has("anonymous"),
        from_user_name: options.text("fromUserName"),
        from_display_name: options.text("fromDisplayName"),
        session_timers_expires: options.session_timers_expires(),
        trickle_ice: options.flag("trickleIce"),
        follow_redirects: options.has("followRedirects"),
        ..CallOptions::default()
    };
    if let Some(timeout) = options.milliseconds("noAnswerTimeout") {
        call.no_answer_timeout = timeout;
    }
    call
}

pub(crate) fn answer(options: &Options) -> AnswerOptions {
    AnswerOptions {
        extra_headers: options.extra_headers(),
        audio: options.flag("audio"),
        video: options.flag("video"),
        session_timers_expires: options.session_timers_expires(),
        trickle_ice: options.flag("trickleIce"),
    }
}

pub(crate) fn terminate(options: &Options) -> Result<TerminateOptions, CommandError> {
    let body = options.text("body").map(|body| {
        let content_type = options.text("contentType");
        (
            content_type.unwrap_or_else(|| "text/plain".to_owned()),
            body,
        )
    });
    Ok(TerminateOptions {
        extra_headers: options.extra_headers(),
        status: options.status()?,
        reason: options.text("reason"),
        body,
    })
}

pub(crate) fn progress(options: &Options) -> Result<ProgressOptions, CommandError> {
    let defaults = ProgressOptions::default();
    Ok(ProgressOptions {
        status: options.status()?.unwrap_or(defaults.status),
        reason: options.text("reason"),
        extra_headers: options.extra_headers(),
        media: options.flag("media").unwrap_or(defaults.media),
    })
}

pub(crate) fn dtmf(options: &Options) -> DtmfOptions {
    let defaults = DtmfOptions::default();
    let transport = match options.text("transport").as_deref() {
        Some("RFC2833") => DtmfTransport::Rfc2833,
        _ => DtmfTransport::Info,
    };
    DtmfOptions {
        duration: options
            .milliseconds("duration")
            .unwrap_or(defaults.duration),
        inter_tone_gap: options
            .milliseconds("interToneGap")
            .unwrap_or(defaults.inter_tone_gap),
        extra_headers: options.extra_headers(),
        transport,
    }
}

pub(crate) fn reoffer(options: &Options) -> ReofferOptions {
    ReofferOptions {
        use_update: options.has("useUpdate"),
        extra_headers: options.extra_headers(),
        ice_restart: options.has("iceRestart"),
    }
}

pub(crate) fn refer(options: &Options) -> ReferOptions {
    ReferOptions {
        extra_headers: options.extra_headers(),
        replaces: options.number("replaces").map(|id| SessionId(id as u64)),
        hang_up: options.has("hangUp"),
        ..ReferOptions::default()
    }
}

pub(crate) fn request(options: &Options) -> RequestOptions {
    RequestOptions {
        extra_headers: options.extra_headers(),
        from_user_name: options.text("fromUserName"),
        from_display_name: options.text("fromDisplayName"),
    }
}

pub(crate) fn subscribe(options: &Options) -> Result<SubscribeOptions, CommandError> {
    let defaults = SubscribeOptions::default();
    Ok(SubscribeOptions {
        accept: options.list("accept"),
        expires: options.seconds("expires").unwrap_or(defaults.expires),
        extra_headers: options.extra_headers(),
        body: options.body(),
        from: party(options.text("fromUri"), options.text("fromDisplayName"))?,
        to: party(options.text("toUri"), options.text("toDisplayName"))?,
        ..defaults
    })
}

/// Whom a From or To names, where it is another than usual.
fn party(
    uri: Option<String>,
    name: Option<String>,
) -> Result<Option<NameAddr<'static>>, CommandError> {
    let Some(text) = uri else { return Ok(None) };
    let uri = Uri::parse(&text).map_err(|_| argument("uri", &text, "a SIP URI"))?;
    let party = NameAddr::new(uri.into_owned());
    Ok(Some(match name {
        Some(name) => party.with_display_name(name),
        None => party,
    }))
}

pub(crate) fn grant(options: &Options) -> GrantOptions {
    GrantOptions {
        pending: options.has("pending"),
        expires: options.seconds("expires"),
        body: options.body(),
        extra_headers: options.extra_headers(),
        notify_headers: options.get("notifyHeaders").headers(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_lines_are_names_and_values() {
        let lines = ["X-Note: a: b", " X-Empty :", "Odd"].map(str::to_owned);
        let expected = [("X-Note", "a: b"), ("X-Empty", ""), ("Odd", "")];
        assert_eq!(
            headers(lines.to_vec()),
            expected.map(|(name, value)| (name.to_owned(), value.to_owned()))
        );
    }

    #[test]
    fn a_body_is_plain_text_unless_it_says_otherwise() {
        assert_eq!(body(Some("a/b".to_owned()), None), None);
        assert_eq!(
            body(None, Some("x".to_owned())),
            Some(Body::new("text/plain", "x"))
        );
        let body = body(Some("a/b".to_owned()), Some("x".to_owned()));
        assert_eq!(body, Some(Body::new("a/b", "x")));
    }

    #[test]
    fn a_status_is_from_100_to_699() {
        assert_eq!(status(486.0).map(StatusCode::code), Ok(486));
        for code in [99.0, 700.0, -1.0, 65_636.0, f64::NAN] {
            assert!(status(code).is_err(), "{code}");
        }
    }
}
