//! `refer()`: asks the peer to call somebody else, and follows how that goes (RFC 3515).
//!
//! The subscription that a REFER makes shares the dialog of its session, and may outlive the call
//! (RFC 5057): a session that has ended stays until its last subscription is over.

use std::time::Duration;

use offhook_sip::{
    Event as EventHeader, HeaderName, Method, Replaces, StatusCode, SubscriptionState, Uri,
};

use super::closing::Closing;
use super::referred::Referred;
use super::reoffer::sequence_of;
use super::{Answer, InDialog, Received, Session, SessionId, State};
use crate::ask::AskId;
use crate::cause::Cause;
use crate::context::{Context, Timer, Unsent};
use crate::error::CommandError;
use crate::event::{Event, Originator};
use crate::headers;
use crate::options::ExtraHeaders;
use crate::subscription::{ReferState, StatusLine};

/// Options of [`SessionMut::refer`](crate::SessionMut::refer).
#[derive(Clone, Debug)]
pub struct ReferOptions {
    /// Headers added to the REFER. A `Referred-By` (RFC 3892) among them takes the place of the
    /// one that names our address.
    pub extra_headers: ExtraHeaders,
    /// A session of this agent with the target, which the referred call shall take the place of: an
    /// attended transfer (RFC 3891, RFC 5589 section 7). It is established, or a call of the target
    /// that rings here; a call of ours that still rings there cannot be replaced.
    pub replaces: Option<SessionId>,
    /// Whether the peer shall tell how the transfer goes. Without it the REFER carries `Refer-Sub:
    /// false` (RFC 4488), which a peer may disregard. Default: true.
    pub subscribe: bool,
    /// Whether this session ends with a BYE once the target has answered; where the peer does not
    /// tell, once it has taken the REFER. Default: false.
    pub hang_up: bool,
}

impl Default for ReferOptions {
    fn default() -> Self {
        Self {
            extra_headers: Vec::new(),
            replaces: None,
            subscribe: true,
            hang_up: false,
        }
    }
}

/// The transfers of a session.
#[derive(Debug, Default)]
pub(crate) struct Transfers {
    next: u32,
    asked_for: Vec<Refer>,
    /// Those that the peer asked for.
    pub(super) granted: Vec<Referred>,
    /// How many other subscriptions share the session's dialog.
    shared: usize,
}

impl Transfers {
    /// The number of the next one.
    pub(super) fn name(&mut self) -> u32 {
        self.next += 1;
        self.next
    }

    pub(crate) fn len(&self) -> usize {
        self.asked_for.len() + self.granted.len()
    }

    fn is_empty(&self) -> bool {
        self.len() + self.shared == 0
    }

    fn find(&mut self, id: u32) -> Option<&mut Refer> {
        self.asked_for.iter_mut().find(|refer| refer.id == id)
    }
}

/// A REFER of ours and its subscription.
#[derive(Debug)]
struct Refer {
    id: u32,
    /// The CSeq number of the REFER: the id in the Event header of its NOTIFYs.
    event: u32,
    hang_up: bool,
    /// Whether the REFER has been answered with a 2xx.
    answered: bool,
    /// Whether a NOTIFY has come.
    notified: bool,
    /// Whether it is known how the transfer went.
    decided: bool,
    /// The subscription is over, before the REFER was answered: why.
    over: Option<Option<String>>,
}

/// How many transfers a session may have under way in each direction.
pub(super) const MAX_TRANSFERS: usize = 16;

/// How long a subscription lasts whose NOTIFY does not say it.
const DEFAULT_EXPIRES: Duration = Duration::from_secs(300);

/// The longest that a subscription is believed to last without a NOTIFY.
const MAX_EXPIRES: Duration = Duration::from_secs(3600);

impl Session {
    /// Asks the peer to call `target`. `replaces` is the dialog of the session that the options
    /// name.
    pub(crate) fn refer(
        &mut self,
        cx: &mut Context,
        target: Uri<'static>,
        replaces: Option<Replaces<'static>>,
        options: ReferOptions,
    ) -> Result<u32, CommandError> {
        headers::check(&options.extra_headers)?;
        let given = |name: HeaderName| {
            let mut names = options.extra_headers.iter().map(|(name, _)| name);
            names.any(|given| given.eq_ignore_ascii_case(name.as_str()))
        };
        if given(HeaderName::ReferTo) {
            return Err(CommandError::argument(
                "extra_headers",
                "Refer-To",
                "a header other than Refer-To, which names the target",
            ));
        }
        let has_replaces = target
            .headers()
            .any(|(name, _)| name.eq_ignore_ascii_case(HeaderName::Replaces.as_str()));
        if replaces.is_some() && has_replaces {
            return Err(CommandError::argument(
                "target",
                &target,
                "a URI without a Replaces header, as the session to replace is given",
            ));
        }
        if !matches!(self.state, State::Established(_)) {
            return Err(self.invalid_state("refer"));
        }
        if self.transfers.asked_for.len() >= MAX_TRANSFERS {
            return Err(CommandError::NotSupported {
                what: "this session has 16 transfers under way; wait until one is over",
            });
        }
        let refer_to = match &replaces {
            Some(replaces) => {
                target.with_header(HeaderName::Replaces.as_str(), &replaces.to_string())
            }
            None => target,
        };
        let referred_by = (!given(HeaderName::ReferredBy)).then(|| self.referrer(cx));
        let id = self.transfers.name();
        let mut event = 0;
        let sent = self.send_in_dialog(cx, InDialog::Refer(id), |dialog, cx| {
            let mut request = dialog.request(Method::Refer)?;
            event = sequence_of(&request).unwrap_or_default();
            let headers = request.headers_mut();
            headers.push(HeaderName::ReferTo, format_args!("<{refer_to}>"))?;
            if let Some(referred_by) = referred_by {
                headers.push(HeaderName::ReferredBy, referred_by)?;
            }
            if !options.subscribe && !headers.contains(HeaderName::ReferSub) {
                headers.push(HeaderName::ReferSub, "false")?;
            }
            headers::put_extra(headers, &options.extra_headers)?;
            headers::put_identity(headers, &cx.config)?;
            Ok(request)
        });
        self.transfers.asked_for.push(Refer {
            id,
            event,
            hang_up: options.hang_up,
            answered: false,
            notified: false,
            decided: false,
            over: None,
        });
        if let Err(Unsent::NoWay | Unsent::Refused) = sent {
            self.refer_answered(cx, id, Answer::Unsent);
        }
        Ok(id)
    }

    /// Who refers the peer: our address, unless this call hides it.
    fn referrer(&self, cx: &Context) -> String {
        let hidden = self.local.uri.host() == Some("anonymous.invalid");
        let address = if hidden {
            &self.local.uri
        } else {
            &cx.config.address
        };
        format!("<{}>", address.without_params().without_headers())
    }

    /// A challenged REFER goes out again under another number, which is its subscription's id.
    pub(super) fn refer_renumbered(&mut self, id: u32, number: u32) {
        if let Some(refer) = self.transfers.find(id) {
            refer.event = number;
        }
    }

    fn tell_refer(&self, cx: &mut Context, refer: u32, state: ReferState) {
        let session = self.id;
        cx.event(Event::Refer {
            session,
            refer,
            state,
        });
    }

    /// The REFER was answered, or never will be; the session lives on in any case.
    pub(super) fn refer_answered(&mut self, cx: &mut Context, id: u32, answer: Answer) {
        let limit = cx.config.timings.lifetime();
        let Some(refer) = self.transfers.find(id) else {
            return;
        };
        refer.answered = true;
        let response = match answer {
            Answer::Response(response) if response.status().is_success() => {
                let silent = response.header(HeaderName::ReferSub).is_some_and(is_false);
                let hang_up = silent && refer.hang_up;
                let over = refer.over.take();
                if !refer.notified {
                    // The first NOTIFY is due now (RFC 6665 section 4.1.2.4).
                    cx.set_timer(Timer::Refer(self.id, id), limit);
                }
                self.tell_refer(cx, id, ReferState::RequestSucceeded { response });
                if silent {
                    self.forget_refer(cx, id);
                } else if let Some(reason) = over {
                    self.refer_over(cx, id, reason);
                }
                if hang_up {
                    self.hang_up(cx, Originator::Local, Cause::Bye, None);
                }
                return;
            }
            // A NOTIFY has shown that the REFER arrived; its 2xx was lost.
            Answer::Timeout if refer.notified => {
                if let Some(reason) = refer.over.take() {
                    self.refer_over(cx, id, reason);
                }
                return;
            }
            Answer::Response(response) => Ok(response),
            Answer::Timeout => Err(Cause::RequestTimeout),
            Answer::Unsent => Err(Cause::ConnectionError),
        };
        let (response, cause) = match response {
            Ok(response) => {
                let cause = match response.status() {
                    StatusCode::CALL_DOES_NOT_EXIST => Cause::DialogError,
                    StatusCode::REQUEST_TIMEOUT => Cause::RequestTimeout,
                    _ => Cause::Rejected,
                };
                (Some(response), cause)
            }
            Err(cause) => (None, cause),
        };
        self.tell_refer(cx, id, ReferState::RequestFailed { response, cause });
        self.forget_refer(cx, id);
    }

    /// A NOTIFY inside the dialog.
    pub(super) fn notified(&mut self, cx: &mut Context, received: Received) {
        let Received {
            transaction,
            request,
        } = received;
        let id = match self.refer_of(&request) {
            Ok(id) => id,
            Err((status, phrase)) => {
                if let Ok(mut response) = cx.response(&request, status) {
                    // The standard phrase does when this one cannot be written.
                    let _ = phrase.map(|phrase| response.set_reason(phrase));
                    cx.respond(transaction, response);
                }
                return;
            }
        };
        cx.answer(transaction, &request, StatusCode::OK);
        let state = request.typed::<SubscriptionState<'_>>().ok().flatten();
        let reason = state
            .as_ref()
            .and_then(|state| state.reason().map(str::to_owned));
        let expires = state
            .as_ref()
            .and_then(|state| state.expires())
            .map_or(DEFAULT_EXPIRES, |seconds| {
                Duration::from_secs(seconds.into())
            });
        let body = match request.content_type() {
            Ok(None) => Some(request.body()),
            _ => request
                .body_part("message", "sipfrag", &cx.config.limits)
                .ok()
                .flatten(),
        };
        let status_line = body.and_then(StatusLine::parse);
        let last = status_line
            .as_ref()
            .is_some_and(|line| line.status.is_final());
        let terminated = state.map_or(last, |state| state.is("terminated"));
        let Some(refer) = self.transfers.find(id) else {
            return;
        };
        refer.notified = true;
        let news = status_line.filter(|_| !refer.decided);
        refer.decided |= last;
        let answered = refer.answered;
        if terminated && !answered {
            refer.over = Some(reason.clone());
        }
        let hang_up = refer.hang_up && news.as_ref().is_some_and(|line| line.status.is_success());
        if let Some(line) = news {
            self.tell_refer(cx, id, ReferState::notified(request, line));
        }
        if hang_up {
            self.hang_up(cx, Originator::Local, Cause::Bye, None);
        }
        if !terminated {
            cx.set_timer(Timer::Refer(self.id, id), expires.min(MAX_EXPIRES));
        } else if answered {
            self.refer_over(cx, id, reason);
        }
    }

    /// The REFER that a NOTIFY is about: by the id in its Event header or, where there is none and
    /// just one subscription, that one.
    fn refer_of(
        &self,
        notify: &offhook_sip::Request,
    ) -> Result<u32, (StatusCode, Option<&'static str>)> {
        let event = match notify.typed::<EventHeader<'_>>() {
            Ok(Some(event)) => event,
            Ok(None) => return Err((StatusCode::BAD_REQUEST, Some("Missing Event Header"))),
            Err(_) => return Err((StatusCode::BAD_REQUEST, Some("Malformed Event Header"))),
        };
        if !event.package.eq_ignore_ascii_case("refer") {
            return Err((StatusCode::BAD_EVENT, None));
        }
        let mut open = self
            .transfers
            .asked_for
            .iter()
            .filter(|refer| refer.over.is_none());
        let unknown = (
            StatusCode::CALL_DOES_NOT_EXIST,
            Some("Subscription Does Not Exist"),
        );
        match event.id {
            Some(id) => open
                .find(|refer| id.parse() == Ok(refer.event))
                .map(|refer| refer.id)
                .ok_or(unknown),
            None => match (open.next(), open.next()) {
                (Some(refer), None) => Ok(refer.id),
                (Some(_), Some(_)) => {
                    Err((StatusCode::BAD_REQUEST, Some("Missing Event id Parameter")))
                }
                (None, _) => Err(unknown),
            },
        }
    }

    /// The time of a subscription has run out.
    pub(crate) fn refer_expired(&mut self, cx: &mut Context, id: u32) {
        match self.transfers.find(id) {
            Some(refer) if refer.answered => self.refer_over(cx, id, Some("timeout".to_owned())),
            // The answer to the REFER decides.
            Some(refer) => refer.over = Some(Some("timeout".to_owned())),
            None => self.referred_expired(cx, id),
        }
    }

    fn refer_over(&mut self, cx: &mut Context, id: u32, reason: Option<String>) {
        self.tell_refer(cx, id, ReferState::Terminated { reason });
        self.forget_refer(cx, id);
    }

    fn forget_refer(&mut self, cx: &mut Context, id: u32) {
        self.transfers.asked_for.retain(|refer| refer.id != id);
        cx.timers.cancel(&Timer::Refer(self.id, id));
        self.usage_over(cx);
    }

    /// A subscription is gone: the dialog of a call that is over goes with the last.
    pub(super) fn usage_over(&mut self, cx: &mut Context) {
        if self.transfers.is_empty() && matches!(self.state, State::Closing(Closing::Subscribed(_)))
        {
            self.close(cx);
        }
    }

    /// The call is over: its dialog stays while there are subscriptions in it. Says whether it
    /// does.
    pub(super) fn keep_for_subscriptions(&mut self, cx: &mut Context) -> bool {
        if self.transfers.is_empty() {
            return false;
        }
        let dialog = match std::mem::replace(&mut self.state, State::Closed) {
            State::Established(established) => Box::new(established.into_parts().0),
            State::Closing(
                Closing::Bye(dialog)
                | Closing::Unacknowledged(dialog, ..)
                | Closing::Subscribed(dialog),
            ) => dialog,
            State::Outgoing(_) | State::Incoming(_) | State::Closing(_) | State::Closed => {
                self.forget_transfers(cx);
                return false;
            }
        };
        let (id, asks) = (self.id, self.refer_asks());
        cx.asks.release(id);
        for ask in asks {
            cx.asks.insert(&ask, id);
        }
        cx.forget_invite(id);
        self.state = State::Closing(Closing::Subscribed(dialog));
        true
    }

    fn refer_asks(&self) -> Vec<AskId> {
        self.transfers
            .granted
            .iter()
            .filter_map(Referred::asked)
            .collect()
    }

    /// The agent stops, or the dialog is gone: no transfer is followed any more.
    pub(crate) fn forget_transfers(&mut self, cx: &mut Context) {
        let asked_for = self.transfers.asked_for.drain(..).map(|refer| refer.id);
        let granted = self.transfers.granted.drain(..).map(|refer| refer.id);
        for refer in asked_for.chain(granted) {
            cx.timers.cancel(&Timer::Refer(self.id, refer));
        }
        let id = self.id;
        cx.referrals.retain(|referral| referral.session != id);
        self.usage_over(cx);
    }

    /// A subscription uses this session's dialog, which stays as long as it does.
    pub(crate) fn share(&mut self) {
        self.transfers.shared += 1;
    }

    /// A subscription uses this session's dialog no more.
    pub(crate) fn unshare(&mut self, cx: &mut Context) {
        self.transfers.shared = self.transfers.shared.saturating_sub(1);
        self.usage_over(cx);
    }

    /// How many transfers share this session's dialog.
    pub(crate) fn subscriptions(&self) -> usize {
        self.transfers.len()
    }
}

/// Whether a Refer-Sub header says that there is no subscription (RFC 4488 section 4).
pub(super) fn is_false(value: &str) -> bool {
    let word = value.split(';').next().unwrap_or_default();
    word.trim_ascii().eq_ignore_ascii_case("false")
}

#[cfg(test)]
mod tests {
    use super::is_false;

    #[test]
    fn a_refer_sub_header_may_have_parameters() {
        assert!(is_false("false"));
        assert!(is_false("False ; why=because"));
        assert!(!is_false("true"));
        assert!(!is_false(""));
    }
}
