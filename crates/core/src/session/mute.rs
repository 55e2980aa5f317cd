//! `mute()` and `unmute()`.

use super::{Session, Setup};
use crate::context::Context;
use crate::error::CommandError;
use crate::event::SessionEvent;
use crate::media::MediaRequest;
use crate::options::MediaKinds;

impl Session {
    pub(crate) fn mute(&mut self, cx: &mut Context, kinds: MediaKinds) -> Result<(), CommandError> {
        self.change_mute(cx, kinds, true)
    }

    pub(crate) fn unmute(
        &mut self,
        cx: &mut Context,
        kinds: MediaKinds,
    ) -> Result<(), CommandError> {
        self.change_mute(cx, kinds, false)
    }

    fn change_mute(
        &mut self,
        cx: &mut Context,
        kinds: MediaKinds,
        muted: bool,
    ) -> Result<(), CommandError> {
        if self.is_ended() {
            let command = if muted { "mute" } else { "unmute" };
            return Err(self.invalid_state(command));
        }
        let before = self.media.muted;
        if kinds.audio {
            self.media.muted.audio = muted;
        }
        if kinds.video {
            self.media.muted.video = muted;
        }
        let audio = before.audio != self.media.muted.audio;
        let video = before.video != self.media.muted.video;
        if audio || video {
            if matches!(self.media.setup, Setup::Ready) {
                self.apply_mute(cx);
            }
            let event = if muted {
                SessionEvent::Muted { audio, video }
            } else {
                SessionEvent::Unmuted { audio, video }
            };
            cx.tell(self.id, event);
        }
        Ok(())
    }

    pub(super) fn apply_mute(&self, cx: &mut Context) {
        let MediaKinds { audio, video } = self.media.muted;
        // A held peer hears nothing, whatever its engine makes of our direction.
        let held = self.on_hold.local;
        cx.media(
            self.id,
            MediaRequest::SetEnabled {
                audio: !audio && !held,
                video: !video && !held,
            },
        );
    }
}
