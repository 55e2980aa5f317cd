//! The offer/answer exchange of one peer connection (RFC 8829 §3.2, W3C 4.3.3), without any I/O.
//!
//! ```text
//!                 set local offer                 set remote offer
//! HaveLocalOffer <───────────────     Stable     ────────────────> HaveRemoteOffer
//!       │    └─ remote pranswer ─┐                ┌─ local pranswer ─┘   │
//!       │                        ▼                ▼                      │
//!       └── remote answer ──> Stable           Stable <── local answer ──┘
//! ```

use sdp_types::{Media, Session};

use super::engine::new_credentials;
use crate::description::{Direction, MediaKind, SdpType, SessionDescription};
use crate::error::MediaError;
use crate::event::SignalingState;
use crate::sdp::{
    AUDIO, Agreed, Agreement, Composer, Credentials, Description, Fingerprint, Local, LocalSection,
    Section, SectionKind, VIDEO, agree, check_remote_offer, payload_types,
};

/// A description of this side, without candidates.
#[derive(Clone, Debug)]
pub(super) struct LocalDescription {
    pub(super) kind: SdpType,
    pub(super) session: Session,
    read: Description,
    sections: Vec<LocalSection>,
    credentials: Credentials,
}

impl LocalDescription {
    pub(super) fn ufrag(&self) -> &str {
        &self.credentials.ufrag
    }

    /// The section that the candidates belong to.
    pub(super) fn first_mid(&self) -> Option<&str> {
        let first = self.sections.iter().find(|section| section.carried)?;
        first.mid.as_deref()
    }
}

/// A description of the peer.
#[derive(Clone, Debug)]
pub(super) struct RemoteDescription {
    pub(super) given: SessionDescription,
    read: Description,
}

/// Where the exchange is, with what belongs to that state.
#[derive(Debug)]
enum State {
    Stable,
    LocalOffer {
        offer: LocalDescription,
        provisional: Option<RemoteDescription>,
    },
    RemoteOffer {
        offer: RemoteDescription,
        provisional: Option<LocalDescription>,
    },
}

/// What follows from a description that was set.
#[derive(Debug)]
pub(super) enum Outcome {
    /// Nothing but the state.
    Nothing,
    /// Candidates are wanted now.
    Gather,
    /// Both sides' descriptions are known: this is agreed on.
    Agreed {
        agreement: Box<Agreement>,
        credentials: Credentials,
        offered: bool,
        /// Whether another answer will follow.
        provisional: bool,
        gather: bool,
    },
}

pub(super) struct Signaling {
    composer: Composer,
    fingerprint: Fingerprint,
    state: State,
    current_local: Option<LocalDescription>,
    current_remote: Option<RemoteDescription>,
    /// The last description created, and not set yet.
    created: Option<LocalDescription>,
    credentials: Credentials,
    sections: Vec<LocalSection>,
    version: u64,
    wanted: Direction,
    wanted_video: Direction,
    has_audio: bool,
    /// Whether there is a video track, and what it can do.
    video: Option<Direction>,
    /// Whether offers have video: not any more once the peer has declined it.
    offers_video: bool,
    has_data: bool,
    /// Whether this side is the passive one of the DTLS connection, if one exists.
    passive: Option<bool>,
}

impl Signaling {
    pub(super) fn new(composer: Composer, fingerprint: Fingerprint) -> Signaling {
        Signaling {
            composer,
            fingerprint,
            state: State::Stable,
            current_local: None,
            current_remote: None,
            created: None,
            credentials: new_credentials(),
            sections: Vec::new(),
            version: 1,
            // Without a track of its own, this side only listens.
            wanted: Direction::RecvOnly,
            wanted_video: Direction::SendRecv,
            has_audio: false,
            video: None,
            offers_video: false,
            has_data: false,
            passive: None,
        }
    }

    pub(super) fn state(&self) -> SignalingState {
        match &self.state {
            State::Stable => SignalingState::Stable,
            State::LocalOffer {
                provisional: None, ..
            } => SignalingState::HaveLocalOffer,
            State::LocalOffer { .. } => SignalingState::HaveRemotePrAnswer,
            State::RemoteOffer {
                provisional: None, ..
            } => SignalingState::HaveRemoteOffer,
            State::RemoteOffer { .. } => SignalingState::HaveLocalPrAnswer,
        }
    }

    pub(super) fn add_audio(&mut self) -> Result<(), MediaError> {
        if std::mem::replace(&mut self.has_audio, true) {
            return Err(MediaError::AudioExists);
        }
        self.wanted = Direction::SendRecv;
        Ok(())
    }

    /// From now on offers have a video section, and those of the peer are accepted. A source of
    /// nothing only receives.
    pub(super) fn add_video(&mut self, sends: bool) -> Result<(), MediaError> {
        if self.offers_video {
            return Err(MediaError::VideoExists);
        }
        self.video = Some(if sends {
            Direction::SendRecv
        } else {
            Direction::RecvOnly
        });
        self.offers_video = true;
        self.composer.video.accept = true;
        Ok(())
    }

    /// From the next offer or answer on there is no video.
    pub(super) fn remove_video(&mut self) {
        self.video = None;
        self.offers_video = false;
        self.composer.video.accept = false;
    }

    /// From now on offers have a section for data channels.
    pub(super) fn add_data(&mut self) {
        self.has_data = true;
        self.composer.accept_data = true;
    }

    pub(super) fn want(&mut self, kind: MediaKind, direction: Direction) {
        match kind {
            MediaKind::Audio => self.wanted = direction,
            MediaKind::Video => self.wanted_video = direction,
        }
    }

    fn video_direction(&self) -> Direction {
        let able = self.video.unwrap_or(Direction::Inactive);
        self.wanted_video.and(able)
    }

    /// Notes the roles of the DTLS connection, which later answers keep.
    pub(super) fn set_passive(&mut self, passive: bool) {
        self.passive = Some(passive);
    }

    /// The pending local description, else the current one.
    pub(super) fn local(&self) -> Option<&LocalDescription> {
        match &self.state {
            State::LocalOffer { offer, .. } => Some(offer),
            State::RemoteOffer {
                provisional: Some(answer),
                ..
            } => Some(answer),
            _ => self.current_local.as_ref(),
        }
    }

    /// The pending remote description, else the current one.
    pub(super) fn remote(&self) -> Option<&RemoteDescription> {
        match &self.state {
            State::RemoteOffer { offer, .. } => Some(offer),
            State::LocalOffer {
                provisional: Some(answer),
                ..
            } => Some(answer),
            _ => self.current_remote.as_ref(),
        }
    }

    fn invalid<T>(&self, operation: &'static str, remedy: &'static str) -> Result<T, MediaError> {
        Err(MediaError::InvalidState {
            operation,
            state: self.state(),
            remedy,
        })
    }

    pub(super) fn create_offer(&mut self, ice_restart: bool) -> Result<&Session, MediaError> {
        if !matches!(
            self.state,
            State::Stable
                | State::LocalOffer {
                    provisional: None,
                    ..
                }
        ) {
            return self.invalid(
                "create_offer",
                "answer the peer's offer or roll it back first",
            );
        }
        let mut sections = self.sections.clone();
        if !self.offers_video {
            for section in sections.iter_mut().filter(|s| s.carries(&VIDEO)) {
                section.carried = false;
            }
        }
        for (kind, wanted) in [
            (AUDIO, self.has_audio),
            (VIDEO, self.offers_video),
            (SectionKind::Application, self.has_data),
        ] {
            if wanted && !sections.iter().any(|section| section.carries(&kind)) {
                let section = LocalSection::new(kind, new_mid(&sections));
                // One that was declined before makes room for it (RFC 8829 §5.2.2).
                let declined = sections.iter_mut().find(|s| s.is_replaced_by(&section));
                match declined {
                    Some(declined) => *declined = section,
                    None => sections.push(section),
                }
            }
        }
        if !sections.iter().any(|section| section.carried) {
            return Err(MediaError::NothingToOffer);
        }
        // A restart that is offered but not answered yet is offered again.
        let pending = match &self.state {
            State::LocalOffer { offer, .. } => Some(&offer.credentials),
            _ => None,
        };
        let credentials = if ice_restart {
            new_credentials()
        } else {
            pending.unwrap_or(&self.credentials).clone()
        };
        let previous = self.agreed_section(&AUDIO);
        let video = self.agreed_section(&VIDEO);
        let types = payload_types(previous, video);
        // Two sections can only share the one path there is in a bundle.
        let bundle = sections.iter().filter(|section| section.carried).count() > 1
            || self
                .current_remote
                .as_ref()
                .is_none_or(|remote| remote.read.bundle.is_some());
        let mid_extension = match previous.or(video) {
            Some(section) => section.extension(crate::sdp::MID_URI),
            None => Some(4),
        };
        let local = Local {
            version: self.next_version(),
            credentials: &credentials,
            fingerprint: &self.fingerprint,
            direction: self.wanted,
            video_direction: self.video_direction(),
        };
        let session = self
            .composer
            .offer(&local, &sections, &types, video, bundle, mid_extension);
        self.create(SdpType::Offer, session, sections, credentials)
    }

    /// Our section of this kind as last agreed on: its numbers must stay.
    fn agreed_section(&self, kind: &SectionKind) -> Option<&Section> {
        let local = self.current_local.as_ref()?;
        let mut sections = local.sections.iter();
        let index = sections.position(|section| section.carries(kind))?;
        local.read.sections.get(index)
    }

    fn next_version(&self) -> u64 {
        self.version + 1
    }

    fn create(
        &mut self,
        kind: SdpType,
        session: Session,
        sections: Vec<LocalSection>,
        credentials: Credentials,
    ) -> Result<&Session, MediaError> {
        let read = Description::read(&session).map_err(MediaError::local)?;
        self.version += 1;
        let created = self.created.insert(LocalDescription {
            kind,
            session,
            read,
            sections,
            credentials,
        });
        Ok(&created.session)
    }

    pub(super) fn create_answer(&mut self) -> Result<&Session, MediaError> {
        let State::RemoteOffer { offer, provisional } = &self.state else {
            return self.invalid("create_answer", "set the peer's offer first");
        };
        // The peer restarts ICE by new credentials, and the answer must have new ones too; a
        // final answer keeps those of the provisional one.
        let credentials = match provisional {
            Some(answer) => answer.credentials.clone(),
            None if self.restarts_ice(&offer.read) => new_credentials(),
            None => self.credentials.clone(),
        };
        let local = Local {
            version: self.next_version(),
            credentials: &credentials,
            fingerprint: &self.fingerprint,
            direction: self.wanted,
            video_direction: self.video_direction(),
        };
        let (session, sections) = self
            .composer
            .answer(&local, &offer.read, self.passive == Some(true))
            .map_err(MediaError::remote)?;
        self.create(SdpType::Answer, session, sections, credentials)
    }

    /// Whether the path is to be found anew: the section it was agreed on in has new credentials.
    fn restarts_ice(&self, offer: &Description) -> bool {
        let Some(before) = self.current_remote.as_ref().map(|remote| &remote.read) else {
            return false;
        };
        let of = |description: &Description, index: usize| {
            let section = description.sections.get(index)?;
            let transport = description.transport_of(section);
            transport.credentials.clone()
        };
        self.sections
            .iter()
            .enumerate()
            .filter(|(_, section)| section.carried)
            .find_map(|(index, _)| Some((of(before, index)?, of(offer, index)?)))
            .is_some_and(|(before, now)| before != now)
    }

    pub(super) fn set_local(
        &mut self,
        description: &SessionDescription,
    ) -> Result<Outcome, MediaError> {
        match description.kind {
            SdpType::Rollback => self.rollback("set_local_description"),
            SdpType::Offer => {
                if !matches!(
                    self.state,
                    State::Stable
                        | State::LocalOffer {
                            provisional: None,
                            ..
                        }
                ) {
                    return self.invalid(
                        "set_local_description with an offer",
                        "answer the peer's offer or roll it back first",
                    );
                }
                let offer = self.take_created(description)?;
                self.state = State::LocalOffer {
                    offer,
                    provisional: None,
                };
                Ok(Outcome::Gather)
            }
            SdpType::PrAnswer | SdpType::Answer => {
                let State::RemoteOffer { offer, .. } = &self.state else {
                    return self.invalid(
                        "set_local_description with an answer",
                        "set the peer's offer first",
                    );
                };
                let remote = offer.clone();
                let answer = self.take_created(description)?;
                let agreement =
                    agree(&answer.read, &remote.read, false, None).map_err(MediaError::remote)?;
                let credentials = answer.credentials.clone();
                let provisional = description.kind == SdpType::PrAnswer;
                if provisional {
                    self.state = State::RemoteOffer {
                        offer: remote,
                        provisional: Some(answer),
                    };
                } else {
                    self.settle(answer, remote, &agreement);
                }
                Ok(Outcome::Agreed {
                    agreement: Box::new(agreement),
                    credentials,
                    offered: false,
                    provisional,
                    gather: true,
                })
            }
        }
    }

    /// The description created before, as the application gives it back: an application may have
    /// taken codecs out or changed the direction.
    fn take_created(&mut self, given: &SessionDescription) -> Result<LocalDescription, MediaError> {
        let is_offer = given.kind == SdpType::Offer;
        let created = self
            .created
            .take_if(|created| (created.kind == SdpType::Offer) == is_offer)
            // Setting the pending description once more is allowed.
            .or_else(|| match &self.state {
                State::LocalOffer { offer, .. } if is_offer => Some(offer.clone()),
                State::RemoteOffer { provisional, .. } if !is_offer => provisional.clone(),
                _ => None,
            });
        let Some(mut created) = created else {
            return Err(MediaError::local(format!(
                "no {} was created; call create_{} first and give its result back",
                given.kind,
                if is_offer { "offer" } else { "answer" }
            )));
        };
        created.kind = given.kind;
        if given.sdp.is_empty() {
            return Ok(created);
        }
        let mut session = Session::parse(given.sdp.as_bytes())
            .map_err(|error| MediaError::local(format!("it is no SDP: {error}")))?;
        if session.medias.len() != created.session.medias.len() {
            return Err(MediaError::local(format!(
                "it has {} m= lines where the one created had {}",
                session.medias.len(),
                created.session.medias.len()
            )));
        }
        // What belongs to the path is filled in again when the description is asked for.
        for media in &mut session.medias {
            strip_candidates(media);
        }
        created.read = Description::read(&session).map_err(MediaError::local)?;
        let ufrag = |d: &Description| {
            let section = d.sections.iter().find(|section| section.port != 0)?;
            Some(section.credentials.clone()?.ufrag)
        };
        let declined = created.read.sections.iter().all(|s| s.port == 0);
        if !declined && ufrag(&created.read).as_deref() != Some(&created.credentials.ufrag) {
            return Err(MediaError::local(
                "its a=ice-ufrag is not that of the description created last",
            ));
        }
        created.session = session;
        Ok(created)
    }

    fn settle(
        &mut self,
        local: LocalDescription,
        remote: RemoteDescription,
        agreement: &Agreement,
    ) {
        self.credentials = local.credentials.clone();
        self.sections = local.sections.clone();
        match agreement.video {
            Agreed::Declined => {
                self.offers_video = false;
                for section in self.sections.iter_mut().filter(|s| s.carries(&VIDEO)) {
                    section.carried = false;
                }
            }
            Agreed::Carried(_) => self.offers_video = self.video.is_some(),
            Agreed::Absent => {}
        }
        if agreement.data == Agreed::Declined {
            // The channels end with their section; later ones ask for another.
            self.has_data = false;
            let sections = self.sections.iter_mut();
            for section in sections.filter(|s| s.carries(&SectionKind::Application)) {
                section.carried = false;
            }
        }
        self.current_local = Some(local);
        self.current_remote = Some(remote);
        self.created = None;
        self.state = State::Stable;
    }

    pub(super) fn set_remote(
        &mut self,
        description: &SessionDescription,
    ) -> Result<Outcome, MediaError> {
        if description.kind == SdpType::Rollback {
            return self.rollback("set_remote_description");
        }
        let read = Description::parse(&description.sdp).map_err(MediaError::remote)?;
        let remote = RemoteDescription {
            given: description.clone(),
            read,
        };
        match description.kind {
            SdpType::Offer => {
                if let State::RemoteOffer {
                    provisional: Some(_),
                    ..
                }
                | State::LocalOffer {
                    provisional: Some(_),
                    ..
                } = self.state
                {
                    return self.invalid(
                        "set_remote_description with an offer",
                        "finish the exchange that was answered provisionally first",
                    );
                }
                check_remote_offer(&remote.read, &self.sections).map_err(MediaError::remote)?;
                // An offer of ours that is pending is rolled back by this.
                self.created = None;
                self.state = State::RemoteOffer {
                    offer: remote,
                    provisional: None,
                };
                Ok(Outcome::Nothing)
            }
            SdpType::PrAnswer | SdpType::Answer => {
                let State::LocalOffer { offer, .. } = &self.state else {
                    return self.invalid(
                        "set_remote_description with an answer",
                        "an answer must follow an offer that was set as the local description",
                    );
                };
                if remote.read.sections.len() > offer.read.sections.len() {
                    return Err(MediaError::remote(format!(
                        "it has {} m= lines where the offer had {}",
                        remote.read.sections.len(),
                        offer.read.sections.len()
                    )));
                }
                let active = self.passive.map(|passive| !passive);
                let agreement =
                    agree(&offer.read, &remote.read, true, active).map_err(MediaError::remote)?;
                let credentials = offer.credentials.clone();
                let offer = offer.clone();
                let provisional = description.kind == SdpType::PrAnswer;
                if provisional {
                    self.state = State::LocalOffer {
                        offer,
                        provisional: Some(remote),
                    };
                } else {
                    self.settle(offer, remote, &agreement);
                }
                Ok(Outcome::Agreed {
                    agreement: Box::new(agreement),
                    credentials,
                    offered: true,
                    provisional,
                    gather: false,
                })
            }
            SdpType::Rollback => self.rollback("set_remote_description"),
        }
    }

    fn rollback(&mut self, operation: &'static str) -> Result<Outcome, MediaError> {
        if matches!(self.state, State::Stable) {
            return self.invalid(operation, "there is no pending offer to roll back");
        }
        self.created = None;
        self.state = State::Stable;
        Ok(Outcome::Nothing)
    }
}

/// A mid that none of these has.
fn new_mid(sections: &[LocalSection]) -> String {
    let mut number = sections.len();
    loop {
        let mid = number.to_string();
        let mut mids = sections.iter().filter_map(|s| s.mid.as_deref());
        if !mids.any(|known| known == mid) {
            return mid;
        }
        number += 1;
    }
}

fn strip_candidates(media: &mut Media) {
    media.attributes.retain(|attribute| {
        !attribute.attribute.eq_ignore_ascii_case("candidate")
            && !attribute
                .attribute
                .eq_ignore_ascii_case("end-of-candidates")
    });
}
