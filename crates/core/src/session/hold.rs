//! `hold()` and `unhold()`, and the peer's hold (RFC 3264 section 8.4).

use super::Session;
use super::reoffer::{Purpose, ReofferOptions};
use crate::context::Context;
use crate::error::CommandError;
use crate::event::{Originator, SessionEvent};
use crate::media::MediaRequest;
use crate::sdpfrag::IceDescription;

/// Who holds whom.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct OnHold {
    /// This side holds the peer.
    pub local: bool,
    /// The peer holds this side.
    pub remote: bool,
}

impl Session {
    pub(crate) fn hold(
        &mut self,
        cx: &mut Context,
        options: ReofferOptions,
    ) -> Result<u32, CommandError> {
        self.change_hold(cx, options, true)
    }

    pub(crate) fn unhold(
        &mut self,
        cx: &mut Context,
        options: ReofferOptions,
    ) -> Result<u32, CommandError> {
        self.change_hold(cx, options, false)
    }

    fn change_hold(
        &mut self,
        cx: &mut Context,
        options: ReofferOptions,
        held: bool,
    ) -> Result<u32, CommandError> {
        let command = if held { "hold" } else { "unhold" };
        if self.on_hold.local == held || !self.is_ready_to_reoffer() {
            return Err(self.invalid_state(command));
        }
        let purpose = if held { Purpose::Hold } else { Purpose::Unhold };
        let id = self.reoffer(cx, purpose, options)?;
        Ok(id)
    }

    /// Holds the peer, or lets it go: tells it, and turns the media.
    pub(super) fn set_local_hold(&mut self, cx: &mut Context, held: bool) {
        if self.on_hold.local == held {
            return;
        }
        self.on_hold.local = held;
        let originator = Originator::Local;
        let event = if held {
            SessionEvent::Hold { originator }
        } else {
            SessionEvent::Unhold { originator }
        };
        cx.tell(self.id, event);
        self.turn_media(cx);
        self.apply_mute(cx);
    }

    /// The directions follow who holds whom.
    fn turn_media(&self, cx: &mut Context) {
        let OnHold { local, remote } = self.on_hold;
        cx.media(self.id, MediaRequest::SetHold { local, remote });
    }

    /// The peer's description says whether it holds this side. While it does, an offer of ours does
    /// not take it back: many peers forget a hold that an offer passes over.
    pub(super) fn set_remote_hold(&mut self, cx: &mut Context, held: bool) {
        if self.on_hold.remote == held || self.is_ended() {
            return;
        }
        self.on_hold.remote = held;
        let originator = Originator::Remote;
        let event = if held {
            SessionEvent::Hold { originator }
        } else {
            SessionEvent::Unhold { originator }
        };
        cx.tell(self.id, event);
        self.turn_media(cx);
    }
}

/// Whether a description holds its receiver: it has audio or video that is not refused, and
/// none of it wants to receive, by its direction or by the address of old (RFC 3264 section 8.4).
pub(super) fn is_hold(text: &str) -> bool {
    // With ICE that address says that no candidate is known yet (RFC 8840 section 4.1).
    let ice = IceDescription::read(text).is_some();
    // What stands before the first media description holds for all that do not say otherwise.
    let mut stream = Stream::default();
    let mut streams: Vec<Stream<'_>> = Vec::new();
    for line in text.lines().map(str::trim_end) {
        let last = streams.last_mut();
        if let Some(media) = line.strip_prefix("m=") {
            let mut words = media.split(' ');
            stream.taken = matches!(words.next(), Some("audio" | "video"));
            stream.port_is_zero = words.next() == Some("0");
            streams.push(stream);
        } else {
            last.unwrap_or(&mut stream).read(line);
        }
    }
    streams.retain(|stream| stream.taken && (!stream.port_is_zero || stream.bundle_only));
    !streams.is_empty()
        && streams.iter().all(|stream| {
            !stream.receives || (!ice && matches!(stream.address, Some("0.0.0.0" | "::")))
        })
}

/// What a media description says that matters for holding.
#[derive(Clone, Copy)]
struct Stream<'a> {
    taken: bool,
    port_is_zero: bool,
    /// Its port is 0 because it shares that of another (RFC 9143 section 6).
    bundle_only: bool,
    receives: bool,
    address: Option<&'a str>,
}

impl Default for Stream<'_> {
    fn default() -> Self {
        Self {
            taken: false,
            port_is_zero: false,
            bundle_only: false,
            receives: true,
            address: None,
        }
    }
}

impl<'a> Stream<'a> {
    fn read(&mut self, line: &'a str) {
        match line {
            "a=sendrecv" | "a=recvonly" => self.receives = true,
            "a=sendonly" | "a=inactive" => self.receives = false,
            "a=bundle-only" => self.bundle_only = true,
            _ => {
                if let Some(connection) = line.strip_prefix("c=") {
                    self.address = connection.split(' ').nth(2);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_description_that_receives_nothing_holds() {
        let held = |media: &str| {
            is_hold(&format!(
                "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n{media}"
            ))
        };
        let table = [
            ("m=audio 9 RTP/AVP 0\r\n", false),
            ("m=audio 9 RTP/AVP 0\r\na=sendonly\r\n", true),
            ("m=audio 9 RTP/AVP 0\r\na=inactive\r\n", true),
            ("m=audio 9 RTP/AVP 0\r\na=recvonly\r\n", false),
            ("m=audio 9 RTP/AVP 0\r\nc=IN IP4 0.0.0.0\r\n", true),
            (
                "m=audio 9 RTP/AVP 0\r\na=sendonly\r\nm=video 0 RTP/AVP 96\r\n",
                true,
            ),
            (
                "m=audio 9 RTP/AVP 0\r\na=sendonly\r\nm=video 9 RTP/AVP 96\r\na=sendrecv\r\n",
                false,
            ),
            (
                "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=inactive\r\n",
                false,
            ),
            (
                "m=audio 9 RTP/AVP 0\r\nc=IN IP4 0.0.0.0\r\na=ice-ufrag:u\r\na=ice-pwd:p\r\n",
                false,
            ),
            (
                "m=audio 9 RTP/AVP 0\r\na=inactive\r\nm=video 9 RTP/AVP 96\r\n\
                 c=IN IP4 0.0.0.0\r\n",
                true,
            ),
            ("", false),
        ];
        for (media, expected) in table {
            assert_eq!(held(media), expected, "{media}");
        }
    }
}
