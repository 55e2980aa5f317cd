//! `sendDTMF()`: tones by INFO, one after the other, or in the audio (RFC 4733).

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use offhook_sip::{Method, Response};

use super::{InDialog, Session, SessionTimer, State};
use crate::context::{Context, Timer, Unsent};
use crate::error::CommandError;
use crate::event::{Originator, SessionEvent};
use crate::headers;
use crate::media::MediaRequest;
use crate::options::{DtmfOptions, DtmfTransport, ExtraHeaders};

const SHORTEST: Duration = Duration::from_millis(70);
const LONGEST: Duration = Duration::from_millis(6000);
const SHORTEST_GAP: Duration = Duration::from_millis(50);
const PAUSE: Duration = Duration::from_millis(2000);
const DEFAULT_DURATION: Duration = Duration::from_millis(100);

/// How many tones may wait.
const MAX_QUEUED: usize = 1024;

/// The tones of a session that go by INFO.
#[derive(Debug, Default)]
pub(crate) enum DtmfQueue {
    /// None is under way.
    #[default]
    Idle,
    /// One was sent, or a pause runs; these follow when it is over.
    Playing(VecDeque<Tone>, Step),
}

/// How far the tone that was sent last is.
///
/// The next one waits for its answer, too: an INFO that arrives after a later one is refused for
/// its sequence number (RFC 3261 section 12.2.2), and its tone would be lost.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Step {
    /// Its time runs, and its answer is awaited.
    Sounding,
    /// Its time runs; it was answered, or it is a pause.
    Settled,
    /// Its time is over; its answer is awaited.
    Unanswered,
}

/// A tone that waits for its turn.
#[derive(Debug)]
pub(crate) struct Tone {
    symbol: char,
    duration: Duration,
    gap: Duration,
    extra_headers: Arc<ExtraHeaders>,
}

impl Session {
    pub(crate) fn send_dtmf(
        &mut self,
        cx: &mut Context,
        tones: &str,
        options: DtmfOptions,
    ) -> Result<(), CommandError> {
        let tones = tones.to_ascii_uppercase();
        if tones.is_empty() || !tones.chars().all(|tone| is_tone(tone) || tone == ',') {
            return Err(CommandError::argument(
                "tones",
                tones,
                "one or more of 0-9, A-D, R, *, # and ,",
            ));
        }
        headers::check(&options.extra_headers)?;
        if !self.may_send_info() {
            return Err(self.invalid_state("send_dtmf"));
        }
        let duration = options.duration.clamp(SHORTEST, LONGEST);
        let gap = options.inter_tone_gap.max(SHORTEST_GAP);
        if options.transport == DtmfTransport::Rfc2833 {
            for tone in tones.chars().filter(|tone| *tone != ',') {
                let event = SessionEvent::NewDtmf {
                    originator: Originator::Local,
                    tone,
                    duration,
                    request: None,
                };
                cx.tell(self.id, event);
            }
            cx.media(
                self.id,
                MediaRequest::InsertTones {
                    tones,
                    duration,
                    gap,
                },
            );
            return Ok(());
        }
        let extra_headers = Arc::new(options.extra_headers);
        let queue = match &mut self.dtmf {
            DtmfQueue::Playing(queue, _) => queue,
            DtmfQueue::Idle => {
                self.dtmf = DtmfQueue::Playing(VecDeque::new(), Step::Settled);
                // Due now: the first tone leaves within this command.
                cx.set_timer(Timer::Session(self.id, SessionTimer::Dtmf), Duration::ZERO);
                match &mut self.dtmf {
                    DtmfQueue::Playing(queue, _) => queue,
                    DtmfQueue::Idle => return Ok(()),
                }
            }
        };
        if queue.len() + tones.len() > MAX_QUEUED {
            return Err(CommandError::argument(
                "tones",
                tones,
                "at most 1024 tones waiting",
            ));
        }
        queue.extend(tones.chars().map(|symbol| Tone {
            symbol,
            duration,
            gap,
            extra_headers: Arc::clone(&extra_headers),
        }));
        Ok(())
    }

    /// The time of a tone is over: sends the next one, if the last one is answered.
    pub(super) fn next_tone(&mut self, cx: &mut Context) {
        let next = match &mut self.dtmf {
            DtmfQueue::Playing(_, step @ Step::Sounding) => {
                *step = Step::Unanswered;
                return;
            }
            // An INFO with candidates is on its way: the tone follows its answer.
            DtmfQueue::Playing(queue, _) if self.trickle.is_telling() && !queue.is_empty() => {
                return;
            }
            DtmfQueue::Playing(queue, _) => queue.pop_front(),
            DtmfQueue::Idle => None,
        };
        let Some(tone) = next else {
            self.dtmf = DtmfQueue::Idle;
            return self.trickle(cx);
        };
        let busy = if tone.symbol == ',' {
            PAUSE
        } else {
            if let DtmfQueue::Playing(_, step) = &mut self.dtmf {
                *step = Step::Sounding;
            }
            self.send_tone(cx, &tone);
            tone.duration + tone.gap
        };
        if matches!(self.dtmf, DtmfQueue::Playing(..)) {
            cx.set_timer(Timer::Session(self.id, SessionTimer::Dtmf), busy);
        }
    }

    fn send_tone(&mut self, cx: &mut Context, tone: &Tone) {
        let Tone {
            symbol, duration, ..
        } = *tone;
        cx.tell(
            self.id,
            SessionEvent::NewDtmf {
                originator: Originator::Local,
                tone: symbol,
                duration,
                request: None,
            },
        );
        let sent = self.send_in_dialog(cx, InDialog::Dtmf(symbol), |dialog, cx| {
            let mut info = dialog.request(Method::Info)?;
            headers::put_extra(info.headers_mut(), &tone.extra_headers)?;
            headers::put_identity(info.headers_mut(), &cx.config)?;
            let duration = duration.as_millis() as u64;
            let body = format!("Signal={symbol}\r\nDuration={duration}");
            info.set_body("application/dtmf-relay", body)?;
            Ok(info)
        });
        if let Err(Unsent::NoWay | Unsent::Refused) = sent {
            self.dtmf_answered(cx, symbol, None);
        }
    }

    /// An INFO with candidates is answered: a tone that has waited for it may follow.
    pub(super) fn resume_tones(&self, cx: &mut Context) {
        let timer = Timer::Session(self.id, SessionTimer::Dtmf);
        if matches!(self.dtmf, DtmfQueue::Playing(_, Step::Settled))
            && cx.timers.deadline(&timer).is_none()
        {
            cx.set_timer(timer, Duration::ZERO);
        }
    }

    pub(super) fn dtmf_answered(
        &mut self,
        cx: &mut Context,
        tone: char,
        response: Option<Response>,
    ) {
        let refused = response
            .as_ref()
            .is_none_or(|response| !response.status().is_success());
        cx.tell(self.id, SessionEvent::DtmfDelivered { tone, response });
        if let DtmfQueue::Playing(queue, step) = &mut self.dtmf {
            if refused {
                queue.clear();
            }
            if *step == Step::Unanswered {
                cx.set_timer(Timer::Session(self.id, SessionTimer::Dtmf), Duration::ZERO);
            }
            *step = Step::Settled;
        }
    }

    pub(crate) fn may_send_info(&self) -> bool {
        use super::outgoing::Outgoing;
        match &self.state {
            State::Established(_) => true,
            State::Outgoing(Outgoing::Proceeding(_, early)) => !early.is_empty(),
            _ => false,
        }
    }
}

fn is_tone(symbol: char) -> bool {
    matches!(symbol, '0'..='9' | 'A'..='D' | 'R' | '*' | '#')
}

/// Reads the body of an `application/dtmf-relay` INFO: `Signal=5` and `Duration=160`.
pub(super) fn read_relay(body: &str) -> Option<(char, Duration)> {
    let mut tone = None;
    let mut duration = DEFAULT_DURATION;
    for line in body.lines() {
        let Some((name, value)) = line.split_once('=') else {
            continue;
        };
        let value = value.trim_ascii();
        if name.trim_ascii().eq_ignore_ascii_case("signal") {
            let mut symbols = value.chars();
            let symbol = symbols.next()?.to_ascii_uppercase();
            tone = (symbols.next().is_none() && is_tone(symbol)).then_some(symbol);
        } else if name.trim_ascii().eq_ignore_ascii_case("duration") {
            duration = Duration::from_millis(value.parse::<u16>().ok()?.into());
        }
    }
    Some((tone?, duration))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relay_body_names_its_tone_and_duration() {
        let ms = Duration::from_millis;
        assert_eq!(read_relay("Signal=5\r\nDuration=160"), Some(('5', ms(160))));
        assert_eq!(
            read_relay("Signal= #\r\nDuration = 90\r\n"),
            Some(('#', ms(90)))
        );
        assert_eq!(read_relay("Signal=d\n"), Some(('D', ms(100))));
        for body in [
            "",
            "Signal=",
            "Signal=12",
            "Signal=x",
            "Duration=100",
            "Signal=1\r\nDuration=x",
        ] {
            assert_eq!(read_relay(body), None, "{body:?}");
        }
    }
}
