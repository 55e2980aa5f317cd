//! `hold()` and `unhold()`, and the peer's hold (RFC 3264 section 8.4).

use offhook_sip::sdp::{Direction, Sdp};

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
            return Err(CommandError::InvalidState {
                command,
                status: self.status(),
            });
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
        cx.media(self.id, MediaRequest::SetHold { held });
        self.apply_mute(cx);
    }

    /// The peer's description says whether it holds this side.
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
    }
}

/// Whether a description holds its receiver: it has audio or video that is not refused, and
/// none of it wants to receive, by its direction or by the address of old (RFC 3264 section 8.4).
pub(super) fn is_hold(text: &str) -> bool {
    let Ok(sdp) = Sdp::parse(text.as_bytes()) else {
        return false;
    };
    // With ICE that address says that no candidate is known yet (RFC 8840 section 4.1).
    let ice = IceDescription::read(text).is_some();
    let mut streams = sdp
        .media()
        .filter(|media| matches!(media.kind(), "audio" | "video") && !media.is_rejected())
        .peekable();
    streams.peek().is_some()
        && streams.all(|media| {
            matches!(media.direction(), Direction::SendOnly | Direction::Inactive)
                || (!ice && matches!(media.address(), Some("0.0.0.0" | "::")))
        })
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
