//! Requests that stand alone, and subscriptions: what becomes of them, and what peers ask.

use std::collections::HashMap;
use std::sync::Arc;

use offhook_core::{
    Agent, AskId, CommandError, Event, GrantOptions, Instant, NotifierEvent, Question, Reply,
    RequestFailure, RequestId, SessionId, SubscriberEvent, SubscriptionId,
};
use offhook_sip::Response;
use tokio::sync::oneshot;

use super::{Driver, State};
use crate::ask::Responder;
use crate::error::Error;
use crate::message::{IncomingMessage, IncomingOptions, PendingRequest};
use crate::queue::EventQueue;
use crate::session::Session;
use crate::subscription::{IncomingSubscription, Subscription};
use crate::user_agent_event::UserAgentEvent;

/// Who waits for what becomes of requests and subscriptions.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    requests: HashMap<RequestId, oneshot::Sender<Result<Response, RequestFailure>>>,
    subscribers: HashMap<SubscriptionId, Subscribed>,
    notifiers: HashMap<SubscriptionId, Arc<EventQueue<NotifierEvent>>>,
}

/// A subscription of this side.
#[derive(Debug)]
struct Subscribed {
    events: Arc<EventQueue<SubscriberEvent>>,
    /// Whether the application has had it in its hands.
    taken: bool,
}

impl Waiting {
    /// Nothing more will be told.
    pub(super) fn close(&mut self) {
        self.requests.clear();
        for (_, subscribed) in self.subscribers.drain() {
            subscribed.events.close();
        }
        self.notifiers
            .drain()
            .for_each(|(_, events)| events.close());
    }
}

impl Driver {
    /// Sends a request that stands alone.
    pub(crate) fn request(
        self: &Arc<Self>,
        send: impl FnOnce(&mut Agent, Instant) -> Result<RequestId, CommandError>,
    ) -> Result<PendingRequest, Error> {
        let (answer, answered) = oneshot::channel();
        self.act(|state, now| {
            self.running()?;
            let id = send(&mut state.agent, now)?;
            state.waiting.requests.insert(id, answer);
            Ok::<_, CommandError>(())
        })
        .map_err(Error::of_command)?;
        Ok(PendingRequest::new(answered))
    }

    /// Makes a subscription.
    pub(crate) fn subscribe(
        self: &Arc<Self>,
        send: impl FnOnce(&mut Agent, Instant) -> Result<SubscriptionId, CommandError>,
    ) -> Result<Subscription, Error> {
        let events = Arc::new(EventQueue::new());
        let kept = Arc::clone(&events);
        let id = self
            .act(|state, now| {
                self.running()?;
                let id = send(&mut state.agent, now)?;
                let subscribed = Subscribed {
                    events: kept,
                    taken: true,
                };
                state.waiting.subscribers.insert(id, subscribed);
                Ok::<_, CommandError>(id)
            })
            .map_err(Error::of_command)?;
        Ok(Subscription::new(Arc::clone(self), id, events))
    }

    /// A subscription that stands.
    pub(crate) fn subscription(self: &Arc<Self>, id: SubscriptionId) -> Option<Subscription> {
        let mut state = self.lock();
        let subscribed = state.waiting.subscribers.get_mut(&id)?;
        subscribed.taken = true;
        let events = Arc::clone(&subscribed.events);
        Some(Subscription::new(Arc::clone(self), id, events))
    }

    fn running(&self) -> Result<(), CommandError> {
        match self.standing.borrow().stopped {
            true => Err(CommandError::Stopped),
            false => Ok(()),
        }
    }

    /// Lets a peer subscribe.
    pub(crate) fn grant(
        self: &Arc<Self>,
        responder: Responder,
        id: SubscriptionId,
        options: GrantOptions,
    ) -> Arc<EventQueue<NotifierEvent>> {
        let events = Arc::new(EventQueue::new());
        let kept = Arc::clone(&events);
        self.act(|state, now| {
            let Some(ask) = responder.take() else {
                return;
            };
            state.waiting.notifiers.insert(id, kept);
            state.agent.reply(now, ask, Reply::Grant { options });
            // A question that has lapsed makes no subscription.
            if !state.agent.has_subscription(id)
                && let Some(events) = state.waiting.notifiers.remove(&id)
            {
                events.close();
            }
        });
        events
    }

    /// What became of a request or subscription. Gives back what is about something else.
    pub(super) fn request_event(
        &self,
        state: &mut State,
        now: Instant,
        event: Event,
    ) -> Option<Event> {
        match event {
            Event::RequestOver { request, result } => {
                if let Some(answer) = state.waiting.requests.remove(&request) {
                    // Nobody waits for it where the handle was dropped.
                    let _ = answer.send(result);
                }
            }
            Event::Subscriber {
                subscription,
                event,
            } => self.subscriber_event(state, now, subscription, event),
            Event::Notifier {
                subscription,
                event,
            } => {
                let last = matches!(event, NotifierEvent::Terminated { .. });
                if let Some(events) = state.waiting.notifiers.get(&subscription) {
                    // Those that an application never reads make room for newer ones.
                    let _ = events.push(event);
                }
                if last && let Some(events) = state.waiting.notifiers.remove(&subscription) {
                    events.close();
                }
            }
            other => return Some(other),
        }
        None
    }

    fn subscriber_event(
        &self,
        state: &mut State,
        now: Instant,
        id: SubscriptionId,
        event: SubscriberEvent,
    ) {
        let last = matches!(event, SubscriberEvent::Terminated { .. });
        if let SubscriberEvent::Forked { fork } = event {
            let subscribed = Subscribed {
                events: Arc::new(EventQueue::new()),
                taken: false,
            };
            state.waiting.subscribers.insert(fork, subscribed);
        }
        let Some(subscribed) = state.waiting.subscribers.get(&id) else {
            return;
        };
        let abandoned = subscribed.taken && Arc::strong_count(&subscribed.events) == 1;
        // Those that an application never reads make room for newer ones.
        let _ = subscribed.events.push(event);
        if last {
            subscribed.events.close();
            state.waiting.subscribers.remove(&id);
        } else if abandoned {
            // It is being left already, where it does not stand.
            let _ = state.agent.unsubscribe(now, id, None);
        }
    }

    /// A question about a request that is no session's affair. Gives back any other.
    pub(super) fn ask_about_request(
        self: &Arc<Self>,
        state: &mut State,
        ask: AskId,
        session: Option<SessionId>,
        question: Question,
    ) -> Option<Question> {
        let responder = Responder::new(ask, self.replies.clone());
        let event = match question {
            Question::Message { request } => {
                let live = session.and_then(|id| state.sessions.get(&id));
                let inner = live.map(|live| Arc::clone(&live.session));
                UserAgentEvent::Message(IncomingMessage {
                    request,
                    session: inner.map(|inner| Session::new(Arc::clone(self), inner)),
                    responder,
                })
            }
            Question::Options { request } if self.settings.asks.options => {
                UserAgentEvent::Options(IncomingOptions { request, responder })
            }
            Question::Subscribe {
                subscription,
                request,
            } => UserAgentEvent::Subscribe(IncomingSubscription {
                driver: Arc::clone(self),
                id: subscription,
                request,
                responder,
            }),
            other => {
                responder.take();
                return Some(other);
            }
        };
        self.announce(state, event);
        None
    }
}
