//! Peers that want to subscribe here: the application decides (RFC 6665 section 4.2.1).

use std::time::Duration;

use offhook_sip::StatusCode;

use super::{Agent, Life};
use crate::ask::{AskId, Question, Reply};
use crate::context::Timer;
use crate::dialog::{Dialog, NoDialog};
use crate::event::Event;
use crate::flow::FlowId;
use crate::headers;
use crate::session::Received;
use crate::subscription::{
    ANY, GrantOptions, Notifier, NotifierEvent, Package, Petition, SubscriptionEnd, Usage,
    accepting, lifetime_of, refuse,
};

impl Agent {
    /// A SUBSCRIBE outside any dialog (RFC 6665 section 4.2.1).
    pub(super) fn subscribe_received(&mut self, flow: FlowId, received: Received) {
        let tag = self.cx.random.tag();
        let number = self.cx.random.sequence();
        match Dialog::from_request(&received.request, &tag, number, flow) {
            Ok(dialog) => self.petition(Usage::Own(Box::new(dialog)), received),
            Err(NoDialog(_)) => {
                let phrase = Some("Missing Contact Header");
                let status = StatusCode::BAD_REQUEST;
                self.cx
                    .reject(&received, status, phrase, &Default::default(), None);
            }
        }
    }

    /// Asks the application whether a peer may subscribe.
    pub(super) fn petition(&mut self, usage: Usage, received: Received) {
        let (package, lifetime) = match self.admissible(&usage, &received) {
            Ok(admissible) => admissible,
            Err(status) => return refuse(&mut self.cx, &received, status),
        };
        let id = self.subscriptions.name();
        if let Some(session) = usage.session().and_then(|id| self.sessions.get_mut(&id)) {
            session.share();
        }
        let request = received.request.clone();
        let question = Question::Subscribe {
            subscription: id,
            request,
        };
        let ask = self.cx.question(usage.session(), question);
        let patience = self.cx.config.timings.lifetime();
        self.cx.set_timer(Timer::Inquiry(ask), patience);
        self.subscriptions.petitions.insert(
            ask,
            Petition {
                id,
                received,
                package,
                usage,
                lifetime,
            },
        );
    }

    fn admissible(
        &self,
        usage: &Usage,
        received: &Received,
    ) -> Result<(Package, Duration), StatusCode> {
        let package = Package::of_request(&received.request).ok_or(StatusCode::BAD_REQUEST)?;
        let mut known = self.cx.config.event_packages.iter();
        let takes = |known: &String| known == ANY && !package.has_name("refer");
        if !known.any(|known| takes(known) || package.has_name(known)) {
            return Err(StatusCode::BAD_EVENT);
        }
        if self.life == Life::Stopping {
            return Err(StatusCode::TEMPORARILY_UNAVAILABLE);
        }
        let gone = |id| {
            self.sessions
                .get(&id)
                .is_none_or(|session| session.is_ended())
        };
        if usage.session().is_some_and(gone) {
            return Err(StatusCode::CALL_DOES_NOT_EXIST);
        }
        let lifetime = lifetime_of(&self.cx, &received.request)?;
        if self.subscriptions.len() >= self.cx.config.max_subscriptions {
            return Err(StatusCode::SERVICE_UNAVAILABLE);
        }
        Ok((package, lifetime))
    }

    /// The application's word on a SUBSCRIBE. Gives back what is no answer to one.
    pub(super) fn petition_replied(&mut self, ask: AskId, reply: Reply) -> Option<Reply> {
        let Some(petition) = self.take_petition(ask) else {
            return Some(reply);
        };
        match reply {
            Reply::Grant { options } => self.grant(petition, options),
            Reply::Reject {
                status,
                reason,
                extra_headers,
                body,
            } if status.code() >= 300 => {
                let received = &petition.received;
                let reason = reason.as_deref();
                self.cx
                    .reject(received, status, reason, &extra_headers, body);
                self.let_go(petition.id, &petition.usage);
            }
            _ => {
                refuse(&mut self.cx, &petition.received, StatusCode::DECLINE);
                self.let_go(petition.id, &petition.usage);
            }
        }
        None
    }

    pub(super) fn take_petition(&mut self, ask: AskId) -> Option<Petition> {
        let petition = self.subscriptions.petitions.remove(&ask)?;
        self.cx.timers.cancel(&Timer::Inquiry(ask));
        Some(petition)
    }

    /// The application has not decided in time: nobody waits for the answer any more
    /// (RFC 4320 section 4.2).
    pub(super) fn petition_expired(&mut self, ask: AskId) {
        if let Some(petition) = self.take_petition(ask) {
            self.cx.give_up(petition.received.transaction);
            self.let_go(petition.id, &petition.usage);
        }
    }

    fn grant(&mut self, petition: Petition, options: GrantOptions) {
        let lifetime = petition.granted(&options);
        let Petition {
            id,
            received,
            package,
            mut usage,
            ..
        } = petition;
        let request = &received.request;
        let dialog = usage.dialog(&mut self.sessions);
        let (tag, flow) = match dialog {
            Some(dialog) => (dialog.id().local_tag.clone(), Some(dialog.flow())),
            None => (String::new(), None),
        };
        let response =
            accepting(&mut self.cx, request, &tag, flow, lifetime).and_then(|mut response| {
                headers::put_extra(response.headers_mut(), &options.extra_headers)?;
                Ok(response)
            });
        let answered = flow.is_some()
            && response.is_ok_and(|response| self.cx.respond(received.transaction, response));
        if !answered {
            // The session has ended meanwhile, or what the application adds cannot be written.
            let status = StatusCode::SERVER_INTERNAL_ERROR;
            self.cx.answer(received.transaction, request, status);
            let end = SubscriptionEnd::DialogGone;
            let event = NotifierEvent::Terminated { end };
            self.cx.event(Event::Notifier {
                subscription: id,
                event,
            });
            return self.let_go(id, &usage);
        }
        if let Some(dialog) = usage.own() {
            let tag = dialog.id().local_tag.clone();
            self.subscriptions.index(&tag, id);
        }
        let now = self.cx.now;
        let extra = options.notify_headers;
        let notifier = Notifier::new(id, package, usage, options.pending, extra, now);
        self.subscriptions.notifiers.insert(id, notifier);
        self.notifier(id, |notifier, cx, sessions| {
            notifier.begin(cx, sessions, lifetime, options.body)
        });
    }
}
