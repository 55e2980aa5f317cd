//! People: what they do when it rings, and what their applications say.

use std::time::Duration;

use offhook_core::{MediaStep, Question, Reply, SessionId};
use offhook_sip::StatusCode;

use super::plan::{Manners, one};
use crate::application::{Application, Decision, Ringing};
use crate::chance::Chance;
use crate::peer_connection::MediaBehaviour;

/// Somebody who decides by chance.
pub(super) struct Person {
    pub(super) chance: Chance,
    pub(super) manners: Manners,
    /// Whom calls may be sent on to.
    pub(super) others: Vec<String>,
}

impl Person {
    fn pause(&mut self, longest: u64) -> Duration {
        let longest = Duration::from_millis(longest);
        self.chance.within(&(Duration::ZERO..=longest))
    }

    fn answers(&mut self) -> Ringing {
        let longest = one(&mut self.chance, &[0, 100, 2_000, 8_000, 40_000]);
        Ringing::Answered(self.pause(longest))
    }

    fn reject(&mut self, codes: &[u16]) -> Reply {
        Reply::Reject {
            status: status(one(&mut self.chance, codes)),
            reason: None,
            extra_headers: Vec::new(),
            body: None,
        }
    }

    fn says(&mut self, question: &Question) -> Reply {
        match question {
            Question::Refer { .. } | Question::Replaces { .. } => match self.chance.below(10) {
                0 => self.reject(&[603, 403, 480]),
                1 => Reply::Proceed,
                _ => Reply::accept(),
            },
            Question::Reinvite { .. } | Question::Update { .. } if self.chance.happens(0.1) => {
                self.reject(&[488, 403, 500])
            }
            Question::IceCandidate { .. } if self.chance.happens(0.1) => Reply::Ready,
            _ => Reply::Proceed,
        }
    }
}

impl Application for Person {
    fn ring(&mut self, _session: SessionId) -> Ringing {
        match self.chance.below(20) {
            0 | 1 => Ringing::Ignored,
            2 | 3 => {
                let code = one(&mut self.chance, &[480, 486, 603, 404, 600, 500]);
                Ringing::Rejected(self.pause(4_000), status(code))
            }
            4 if !self.others.is_empty() => {
                let target = one(&mut self.chance, &self.others);
                Ringing::Redirected(self.pause(1_000), target)
            }
            5 | 6 => {
                let after = self.pause(2_000);
                Ringing::Progressed(after, Box::new(self.answers()))
            }
            _ => self.answers(),
        }
    }

    fn asked(&mut self, _session: Option<SessionId>, question: &Question) -> Decision {
        let reply = self.says(question);
        if self.chance.happens(self.manners.forgetful) {
            Decision::Never
        } else if self.chance.happens(self.manners.slow) {
            let longest = one(&mut self.chance, &[0, 300, 3_000, 40_000]);
            Decision::Later(self.pause(longest), reply)
        } else {
            Decision::Now(reply)
        }
    }

    fn media(&mut self, _session: SessionId) -> MediaBehaviour {
        let slowest = one(&mut self.chance, &[0, 10, 10, 400]);
        let mut media = MediaBehaviour {
            step: Duration::ZERO..=Duration::from_millis(slowest),
            gathering: Duration::from_millis(one(&mut self.chance, &[0, 40, 3_000, 300_000])),
            ..MediaBehaviour::default()
        };
        if self.chance.happens(self.manners.broken) {
            let step = one(
                &mut self.chance,
                &[
                    MediaStep::Open,
                    MediaStep::Capture,
                    MediaStep::CreateOffer,
                    MediaStep::CreateAnswer,
                    MediaStep::SetLocal,
                    MediaStep::SetRemote,
                    MediaStep::DescribeLocal,
                ],
            );
            media.fails = Some(step);
            media.works_before = one(&mut self.chance, &[0, 0, 1, 2]);
        }
        media
    }
}

/// A status from a number of ours.
pub(super) fn status(code: u16) -> StatusCode {
    StatusCode::new(code).expect("every status here is between 100 and 699")
}
