//! What people do to their calls, and what happens to their phones.

use std::time::Duration;

use offhook_core::{
    AnswerOptions, CallOptions, ConnectionState, Direction, DtmfOptions, DtmfTransport, MediaKinds,
    MediaReport, ProgressOptions, ReferOptions, ReofferOptions, SessionId, SessionInfo, Status,
    TerminateOptions, Transport,
};

use super::Trial;
use super::person::status;
use super::plan::{Topology, one, weather};
use crate::network::Cut;

/// Something that is done.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Deed {
    Call,
    Answer,
    EarlyMedia,
    Reject,
    Redirect,
    HangUp,
    Hold,
    Unhold,
    Reinvite,
    Update,
    RestartIce,
    DtmfByInfo,
    DtmfInAudio,
    Info,
    Mute,
    Unmute,
    BlindTransfer,
    AttendedTransfer,
    LoseMedia,
    HearTone,
    Cut,
    CutUnheard,
    RestartServer,
    ChangeAddress,
    ChangeWeather,
    StopAgent,
    RegisterAnew,
}

impl Deed {
    /// Its name in the tally.
    pub(super) fn name(self) -> &'static str {
        match self {
            Deed::Call => "call",
            Deed::Answer => "answer",
            Deed::EarlyMedia => "early media",
            Deed::Reject => "reject",
            Deed::Redirect => "redirect",
            Deed::HangUp => "hang up",
            Deed::Hold => "hold",
            Deed::Unhold => "unhold",
            Deed::Reinvite => "renegotiate by re-INVITE",
            Deed::Update => "renegotiate by UPDATE",
            Deed::RestartIce => "restart ICE",
            Deed::DtmfByInfo => "DTMF by INFO",
            Deed::DtmfInAudio => "DTMF in the audio",
            Deed::Info => "INFO",
            Deed::Mute => "mute",
            Deed::Unmute => "unmute",
            Deed::BlindTransfer => "blind transfer",
            Deed::AttendedTransfer => "attended transfer",
            Deed::LoseMedia => "media lost",
            Deed::HearTone => "tone heard",
            Deed::Cut => "connection cut",
            Deed::CutUnheard => "connection cut unheard",
            Deed::RestartServer => "server restarted",
            Deed::ChangeAddress => "address changed",
            Deed::ChangeWeather => "weather changed",
            Deed::StopAgent => "agent stopped and started",
            Deed::RegisterAnew => "unregistered and registered",
        }
    }

    /// Those that concern a session which is being set up.
    const EARLY: [Deed; 4] = [Deed::HangUp, Deed::HangUp, Deed::Mute, Deed::DtmfByInfo];

    /// Those that the called side has before it answers.
    const RINGING: [Deed; 8] = [
        Deed::Answer,
        Deed::Answer,
        Deed::Answer,
        Deed::EarlyMedia,
        Deed::EarlyMedia,
        Deed::Reject,
        Deed::Redirect,
        Deed::HangUp,
    ];

    /// Those that an established session has.
    const TALKING: [Deed; 20] = [
        Deed::HangUp,
        Deed::HangUp,
        Deed::Hold,
        Deed::Hold,
        Deed::Unhold,
        Deed::Unhold,
        Deed::Reinvite,
        Deed::Reinvite,
        Deed::Update,
        Deed::Update,
        Deed::RestartIce,
        Deed::DtmfByInfo,
        Deed::DtmfInAudio,
        Deed::Info,
        Deed::Mute,
        Deed::Unmute,
        Deed::BlindTransfer,
        Deed::AttendedTransfer,
        Deed::LoseMedia,
        Deed::HearTone,
    ];

    /// Those that happen to a phone or to everybody.
    const AROUND: [Deed; 7] = [
        Deed::Cut,
        Deed::CutUnheard,
        Deed::RestartServer,
        Deed::ChangeAddress,
        Deed::ChangeWeather,
        Deed::StopAgent,
        Deed::RegisterAnew,
    ];
}

impl Trial {
    /// One deed, and what may cross it.
    pub(super) fn act(&mut self) {
        let phone = self.chance.below(self.phones.len());
        if self.chance.happens(0.12) {
            let deed = one(&mut self.chance, &Deed::AROUND);
            return self.attempt(phone, None, deed);
        }
        let sessions = self.sessions_of(phone);
        if sessions.is_empty() || (sessions.len() < 4 && self.chance.happens(0.15)) {
            return self.attempt(phone, None, Deed::Call);
        }
        let session = one(&mut self.chance, &sessions);
        let call = self
            .info(phone, session, |info| info.call_id().to_owned())
            .unwrap_or_default();
        let deed = self.fitting(phone, session);
        self.attempt(phone, Some(session), deed);
        if self.chance.happens(0.4) {
            // The peer does something at about the same time.
            let pause = self.gap(&[0, 0, 5, 50, 500]);
            self.network.run_for(pause);
            if let Some((peer, session)) = self.peer_of(phone, &call) {
                let deed = self.fitting(peer, session);
                self.attempt(peer, Some(session), deed);
            }
        }
    }

    /// A pause, at most as long as one of these numbers of milliseconds.
    pub(super) fn gap(&mut self, longest: &[u64]) -> Duration {
        let longest = Duration::from_millis(one(&mut self.chance, longest));
        self.chance.within(&(Duration::ZERO..=longest))
    }

    /// The sessions of a phone that have not ended.
    pub(super) fn sessions_of(&self, phone: usize) -> Vec<SessionId> {
        let phone = self.network.node(self.phones[phone]);
        let agent = phone.agent();
        phone
            .announced()
            .keys()
            .copied()
            .filter(|&it| agent.session_info(it).is_some_and(|it| !it.is_ended()))
            .collect()
    }

    pub(super) fn info<R>(
        &self,
        phone: usize,
        session: SessionId,
        look: impl FnOnce(SessionInfo<'_>) -> R,
    ) -> Option<R> {
        let agent = self.network.node(self.phones[phone]).agent();
        agent.session_info(session).map(look)
    }

    /// Another phone's session of the same call.
    fn peer_of(&self, phone: usize, call: &str) -> Option<(usize, SessionId)> {
        (0..self.phones.len())
            .filter(|&other| other != phone)
            .find_map(|other| {
                let sessions = self.sessions_of(other);
                let same = |&it: &SessionId| {
                    self.info(other, it, |info| info.call_id() == call) == Some(true)
                };
                Some((other, sessions.into_iter().find(same)?))
            })
    }

    /// Something that makes sense now, or now and then something that does not.
    fn fitting(&mut self, phone: usize, session: SessionId) -> Deed {
        let state = self.info(phone, session, |info| {
            (info.status(), info.direction(), info.is_established())
        });
        let chance = &mut self.chance;
        let blind = chance.happens(0.03);
        match state {
            _ if blind => one(chance, &[&Deed::RINGING[..], &Deed::TALKING].concat()),
            Some((_, _, true)) => one(chance, &Deed::TALKING),
            Some((Status::WaitingForAnswer, Direction::Incoming, _)) => one(chance, &Deed::RINGING),
            _ => one(chance, &Deed::EARLY),
        }
    }

    fn attempt(&mut self, phone: usize, session: Option<SessionId>, deed: Deed) {
        if self.network.is_recording() {
            let note = format!("wants: {}", deed.name());
            self.network.note(self.phones[phone], note);
        }
        let done = match session {
            Some(session) => self.with_session(phone, session, deed),
            None => self.with_phone(phone, deed),
        };
        self.tally.count_deed(deed.name(), done);
    }

    /// Whom somebody may call.
    pub(super) fn target(&mut self, from: usize) -> String {
        let draw = self.chance.below(20);
        if draw == 0 {
            return self.address("nobody", self.chance_of_another(from));
        }
        let other = loop {
            let other = self.chance.below(self.plan.people);
            if other != from || draw == 1 {
                break other;
            }
        };
        self.address(PEOPLE[other], other)
    }

    fn chance_of_another(&self, from: usize) -> usize {
        usize::from(from == 0)
    }

    /// The address of a user, where a phone has it.
    pub(super) fn address(&self, user: &str, phone: usize) -> String {
        match (self.plan.topology, self.plan.transport) {
            (Topology::Proxied, _) => format!("sip:{user}@example.com"),
            (Topology::Direct, Transport::Udp) => {
                format!("sip:{user}@10.0.0.{}", phone + 1)
            }
            (Topology::Direct, transport) => format!(
                "sip:{user}@10.0.0.{};transport={}",
                phone + 1,
                transport.uri_param()
            ),
        }
    }

    fn call(&mut self, phone: usize) -> bool {
        let target = self.target(phone);
        let chance = &mut self.chance;
        let options = CallOptions {
            video: chance.happens(0.2),
            anonymous: chance.happens(0.05),
            follow_redirects: chance.happens(0.5),
            no_answer_timeout: Duration::from_secs(one(chance, &[5, 30, 180, 180])),
            session_timers_expires: one(chance, &[None, None, Some(90), Some(300)]),
            ..CallOptions::default()
        };
        self.network.with(self.phones[phone], |phone, now| {
            phone
                .act(now, |agent| agent.call(now, &target, options))
                .is_ok()
        })
    }

    /// Does something to a phone, or to everybody; says whether it could be done.
    fn with_phone(&mut self, phone: usize, deed: Deed) -> bool {
        let handle = self.phones[phone];
        let proxied = self.board;
        match (deed, proxied) {
            (Deed::Call, _) => return self.call(phone),
            (Deed::Cut, _) => self.network.cut(handle, Cut::Heard),
            (Deed::CutUnheard, _) => {
                let unheard = self.gap(&[1_000, 40_000]);
                self.network.cut(handle, Cut::Unheard(unheard));
            }
            (Deed::RestartServer, Some(board)) if self.plan.transport.is_reliable() => {
                self.network.with(board, |board, _| board.restart());
            }
            (Deed::ChangeAddress, Some(_)) if self.plan.transport.is_reliable() => {
                self.network.relocate(handle);
            }
            (Deed::ChangeWeather, _) => {
                let worse = weather(&mut self.chance, self.plan.is_hostile());
                self.network.set_conditions(worse);
            }
            (Deed::StopAgent, _) => {
                let pause = self.gap(&[0, 100, 5_000]);
                self.network
                    .with(handle, |it, now| it.act(now, |agent| agent.stop(now)));
                self.network.run_for(pause);
                self.network
                    .with(handle, |it, now| it.act(now, |agent| agent.start(now)));
            }
            (Deed::RegisterAnew, Some(_)) => {
                let all = self.chance.happens(0.2);
                let pause = self.gap(&[0, 100, 5_000]);
                self.network.with(handle, |it, now| {
                    it.act(now, |agent| agent.unregister(now, all));
                });
                self.network.run_for(pause);
                self.network
                    .with(handle, |it, now| it.act(now, |agent| agent.register(now)));
            }
            _ => return false,
        }
        true
    }

    /// Does something to a session; says whether it could be done.
    fn with_session(&mut self, phone: usize, session: SessionId, deed: Deed) -> bool {
        let target = self.target(phone);
        let others: Vec<SessionId> = self
            .sessions_of(phone)
            .into_iter()
            .filter(|&it| {
                it != session && self.info(phone, it, |it| it.is_established()) == Some(true)
            })
            .collect();
        let other = (!others.is_empty()).then(|| one(&mut self.chance, &others));
        let chance = &mut self.chance;
        let tones = one(chance, &["1", "19#", "5,5", "0123456789"]);
        let refer = ReferOptions {
            replaces: other.filter(|_| deed == Deed::AttendedTransfer),
            subscribe: chance.happens(0.8),
            hang_up: chance.happens(0.3),
            ..ReferOptions::default()
        };
        let refusal = one(chance, &[480, 486, 603]);
        let with_media = chance.happens(0.8);
        let state = one(
            chance,
            &[ConnectionState::Disconnected, ConnectionState::Failed],
        );
        let reoffer = ReofferOptions {
            use_update: deed == Deed::Update || (deed == Deed::Hold && chance.happens(0.3)),
            ice_restart: deed == Deed::RestartIce,
            ..ReofferOptions::default()
        };
        let dtmf = DtmfOptions {
            transport: match deed {
                Deed::DtmfInAudio => DtmfTransport::Rfc2833,
                _ => DtmfTransport::Info,
            },
            ..DtmfOptions::default()
        };
        // An attended transfer goes to whom the other call is with.
        let target = refer
            .replaces
            .and_then(|other| {
                self.info(phone, other, |info| info.remote_identity().uri.to_string())
            })
            .unwrap_or(target);
        self.network.with(self.phones[phone], |phone, now| {
            let heard = match deed {
                Deed::LoseMedia => Some(MediaReport::Connection(state)),
                Deed::HearTone => Some(MediaReport::Tone {
                    tone: '7',
                    duration: Duration::from_millis(100),
                }),
                _ => None,
            };
            if let Some(report) = heard {
                phone.media_happens(now, session, report);
                return true;
            }
            phone.act(now, |agent| {
                let Ok(mut it) = agent.session(session) else {
                    return false;
                };
                let refuse = TerminateOptions {
                    status: Some(status(refusal)),
                    ..TerminateOptions::default()
                };
                match deed {
                    Deed::Answer => it.answer(now, AnswerOptions::default()).is_ok(),
                    Deed::EarlyMedia => {
                        let options = ProgressOptions {
                            media: with_media,
                            ..ProgressOptions::default()
                        };
                        it.progress(now, options).is_ok()
                    }
                    Deed::Reject => it.terminate(now, refuse).is_ok(),
                    Deed::Redirect => {
                        let options = TerminateOptions {
                            status: Some(status(302)),
                            extra_headers: vec![("Contact".to_owned(), format!("<{target}>"))],
                            ..TerminateOptions::default()
                        };
                        it.terminate(now, options).is_ok()
                    }
                    Deed::HangUp => it.terminate(now, TerminateOptions::default()).is_ok(),
                    Deed::Hold => it.hold(now, reoffer).is_ok(),
                    Deed::Unhold => it.unhold(now, reoffer).is_ok(),
                    Deed::Reinvite | Deed::Update | Deed::RestartIce => {
                        it.renegotiate(now, reoffer).is_ok()
                    }
                    Deed::DtmfByInfo | Deed::DtmfInAudio => it.send_dtmf(now, tones, dtmf).is_ok(),
                    Deed::Info => it
                        .send_info(now, "text/plain", "hello", &Vec::new())
                        .is_ok(),
                    Deed::Mute => it.mute(now, MediaKinds::BOTH).is_ok(),
                    Deed::Unmute => it.unmute(now, MediaKinds::BOTH).is_ok(),
                    Deed::BlindTransfer | Deed::AttendedTransfer => {
                        it.refer(now, &target, refer).is_ok()
                    }
                    _ => false,
                }
            })
        })
    }
}

/// The names of those who take part.
pub(super) const PEOPLE: [&str; 3] = ["alice", "bob", "carol"];
