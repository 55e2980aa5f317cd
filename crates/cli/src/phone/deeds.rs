//! Does with a call what a command says.

use offhook::sip::StatusCode;
use offhook::{
    AnswerOptions, CallSetup, ProgressOptions, Rejection, ReofferOptions, Session, Sink, Source,
    TerminateOptions, Transfer,
};
use serde_json::{Value, json};

use super::Phone;
use super::calls::Pending;
use super::commands::{Deed, Refusal, Sound};
use super::media::{Ends, with_ends};
use super::trouble::Trouble;
use crate::output::{stats_fields, stats_rows, table};

impl Phone<'_> {
    /// What more there is to say about it, for machines.
    pub(super) async fn do_with(&mut self, number: usize, deed: Deed) -> Result<Value, Trouble> {
        let session = self.calls.session(number)?.clone();
        let reoffer = |use_update, ice_restart| ReofferOptions {
            use_update,
            ice_restart,
            ..ReofferOptions::default()
        };
        match deed {
            Deed::Answer => self.answer(number, &session)?,
            Deed::Reject(refusal) | Deed::HangUp(refusal) => {
                session.terminate(terminating(refusal))?;
            }
            Deed::Ring => session.ring(),
            Deed::Progress(Refusal { status, reason }) => {
                let mut options =
                    with_ends!(Ends::of(self.args, number)?, ProgressOptions::default());
                if let Some(status) = status.and_then(StatusCode::new) {
                    // Only a 183 speaks of a session.
                    options = options
                        .status(status)
                        .early_media(status == StatusCode::SESSION_PROGRESS);
                }
                if let Some(reason) = reason {
                    options = options.reason(reason);
                }
                session.progress(options)?;
            }
            Deed::Hold { update } => return exchange(session.hold(reoffer(update, false))?),
            Deed::Unhold { update } => return exchange(session.unhold(reoffer(update, false))?),
            Deed::Renegotiate { update, restart } => {
                return exchange(session.renegotiate(reoffer(update, restart))?);
            }
            Deed::Mute(kinds) => session.mute(kinds)?,
            Deed::Unmute(kinds) => session.unmute(kinds)?,
            Deed::Dtmf { tones, options } => session.send_dtmf(&tones, options)?,
            Deed::Info { content_type, body } => {
                let info = session.send_info(&content_type, &body, &Vec::new())?;
                return Ok(json!({ "info": info }));
            }
            Deed::Refer { target, stay } => self.refer(number, &session, &target, None, stay)?,
            Deed::Connect { with, stay } => {
                let other = self.calls.session(with)?.clone();
                let target = other.remote_identity().uri.as_str().to_owned();
                self.refer(number, &session, &target, Some(other), stay)?;
            }
            Deed::Allow => self.allow(number)?,
            Deed::Refuse(refusal) => self.refuse(number, refusal),
            Deed::Play(sound) => self.play(&session, &sound)?,
            Deed::Record { file } => {
                connection(&session)?.set_sink(Sink::wav(file).map_err(offhook::Error::from)?);
            }
            Deed::Stats => self.stats(number, &session).await,
        }
        Ok(Value::Null)
    }

    pub(super) fn answer(&mut self, number: usize, session: &Session) -> Result<(), Trouble> {
        let ends = Ends::of(self.args, number)?;
        session.answer(with_ends!(ends, AnswerOptions::default()))?;
        self.calls.speak_of(number);
        Ok(())
    }

    fn refer(
        &mut self,
        number: usize,
        session: &Session,
        target: &str,
        replaces: Option<Session>,
        stay: bool,
    ) -> Result<(), Trouble> {
        let transfer = Transfer {
            replaces,
            hang_up: !stay,
            ..Transfer::default()
        };
        let subscriber = session.refer(target, transfer)?;
        self.news.follow_refer(number, subscriber);
        Ok(())
    }

    /// Grants what the peer has asked for.
    pub(super) fn allow(&mut self, number: usize) -> Result<(), Trouble> {
        match self
            .calls
            .get_mut(number)
            .and_then(|call| call.pending.take())
        {
            Some(Pending::Refer(ask)) => {
                let new = self.calls.number();
                // Dropped with the question when the file is none: the peer is refused.
                let setup = with_ends!(Ends::of(self.args, new)?, CallSetup::default());
                if let Some(call) = self.calls.get_mut(number) {
                    call.referred = Some(new);
                }
                ask.accept(setup);
                Ok(())
            }
            Some(Pending::Replaces(ask)) => {
                ask.accept();
                Ok(())
            }
            // Dropped, it may.
            Some(Pending::Reoffer(_)) => Ok(()),
            None => {
                let message = format!("the peer of call {number} has asked for nothing");
                Err(Trouble::new(message, "calls shows how each call stands"))
            }
        }
    }

    /// Refuses what the peer has asked for, by default as somebody who declines.
    pub(super) fn refuse(&mut self, number: usize, refusal: Refusal) {
        let Some(call) = self.calls.get_mut(number) else {
            return;
        };
        let with = |default| {
            let status = refusal.status.and_then(StatusCode::new).unwrap_or(default);
            Rejection {
                reason: refusal.reason.clone(),
                ..Rejection::new(status)
            }
        };
        match call.pending.take() {
            Some(Pending::Refer(ask)) => ask.reject(with(StatusCode::DECLINE)),
            Some(Pending::Replaces(ask)) => ask.reject(with(StatusCode::DECLINE)),
            Some(Pending::Reoffer(ask)) => ask.reject(with(StatusCode::NOT_ACCEPTABLE_HERE)),
            None => {}
        }
    }

    fn play(&self, session: &Session, sound: &Sound) -> Result<(), Trouble> {
        let source = match sound {
            Sound::File(path) => Source::wav(path).map_err(offhook::Error::from)?,
            Sound::Echo => Source::echo(),
            Sound::Silence => Source::silence(),
        };
        connection(session)?.set_source(source);
        Ok(())
    }

    async fn stats(&self, number: usize, session: &Session) {
        let stats = session.stats().await.unwrap_or_default();
        if self.output.is_json() {
            let mut fields = stats_fields(&stats);
            fields["call"] = number.into();
            self.output.event("stats", "", fields);
        } else {
            self.output.line(table(&stats_rows(&stats)));
        }
    }
}

fn exchange(exchange: u32) -> Result<Value, Trouble> {
    Ok(json!({ "exchange": exchange }))
}

fn connection(session: &Session) -> Result<offhook::PeerConnection, Trouble> {
    session.connection().ok_or_else(|| {
        Trouble::new(
            "the call has no media yet",
            "answer it first, or wait until it stands",
        )
    })
}

fn terminating(Refusal { status, reason }: Refusal) -> TerminateOptions {
    TerminateOptions {
        status: status.and_then(StatusCode::new),
        reason,
        ..TerminateOptions::default()
    }
}
