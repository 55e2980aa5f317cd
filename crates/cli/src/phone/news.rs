//! What happens to the calls, brought to one place.

use offhook::{
    CallEnd, Error, IncomingMessage, PendingRequest, ReferState, ReferSubscriber, Session,
    SessionEvent, Stats, StatusLine, TerminateOptions,
};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::Phone;
use super::calls::Pending;
use super::commands::{Policy, Refusal};
use crate::follow::{Outcome, summary, tell};

/// How many events may wait to be told; a session keeps the next ones itself.
const WAITING: usize = 64;

/// What happened to the call of a number.
#[derive(Debug)]
pub(super) enum News {
    Event(usize, SessionEvent),
    /// What became of a REFER.
    Refer(usize, ReferState),
    /// What became of a message to this address.
    Delivered(String, Result<(), Error>),
    /// It is over, and all it recorded is written.
    Over(usize, Session, Box<(CallEnd, Stats)>),
}

/// Where a task for each call hands in what happens to it.
#[derive(Debug)]
pub(super) struct Desk(mpsc::Sender<News>);

impl Desk {
    pub(super) fn new() -> (Self, mpsc::Receiver<News>) {
        let (sender, news) = mpsc::channel(WAITING);
        (Self(sender), news)
    }

    pub(super) fn follow(&self, number: usize, session: Session) {
        let desk = self.0.clone();
        // It ends with the session; nobody listens any more after the phone has left.
        tokio::spawn(async move {
            while let Some(event) = session.next().await {
                if desk.send(News::Event(number, event)).await.is_err() {
                    return;
                }
            }
            let end = session.ended().await;
            let stats = session.stats().await.unwrap_or_default();
            let _ = desk
                .send(News::Over(number, session, Box::new((end, stats))))
                .await;
        });
    }

    pub(super) fn follow_message(&self, to: String, request: PendingRequest) {
        let desk = self.0.clone();
        tokio::spawn(async move {
            let answer = request.await.map(|_| ());
            let _ = desk.send(News::Delivered(to, answer)).await;
        });
    }

    pub(super) fn follow_refer(&self, number: usize, subscriber: ReferSubscriber) {
        let desk = self.0.clone();
        tokio::spawn(async move {
            while let Some(state) = subscriber.next().await {
                if desk.send(News::Refer(number, state)).await.is_err() {
                    return;
                }
            }
        });
    }
}

impl Phone<'_> {
    /// Tells it, and does what has to be done.
    pub(super) fn take(&mut self, news: News) {
        match news {
            News::Event(number, event) => self.happened(number, event),
            News::Refer(number, state) => self.referred(number, &state),
            News::Delivered(to, Ok(())) => {
                let text = format_args!("the message to {to} has arrived");
                self.output
                    .event("message:delivered", text, json!({ "to": to }));
            }
            News::Delivered(to, Err(error)) => {
                let text = format_args!("the message to {to} has not arrived: {error}");
                let fields = json!({ "to": to, "message": error.to_string() });
                self.output.event("message:failed", text, fields);
            }
            News::Over(number, session, how) => {
                let (end, stats) = *how;
                let outcome = Outcome {
                    end,
                    stats,
                    reason: None,
                    progressed: true,
                };
                summary(self.output, Some(number), &session, &outcome);
                self.calls.remove(number);
            }
        }
    }

    fn happened(&mut self, number: usize, event: SessionEvent) {
        tell(self.output, Some(number), &event);
        match event {
            SessionEvent::Refer(ask) => self.asked(number, Pending::Refer(ask)),
            SessionEvent::Replaces(ask) => self.asked(number, Pending::Replaces(ask)),
            SessionEvent::Reinvite(ask) | SessionEvent::Update(ask) => {
                self.asked(number, Pending::Reoffer(ask));
            }
            SessionEvent::Referred(session) => {
                let reserved = self
                    .calls
                    .get_mut(number)
                    .and_then(|call| call.referred.take());
                let new = reserved.unwrap_or_else(|| self.calls.number());
                self.calling(new, session);
            }
            _ => {}
        }
    }

    /// Grants or refuses what the peer asks for, or leaves that to the user.
    fn asked(&mut self, number: usize, pending: Pending) {
        let policy = self.policies.of(pending.wish());
        // A question that waits no more is refused: the peer has asked for something else.
        match self.calls.get_mut(number) {
            Some(call) => call.pending = Some(pending),
            None => return,
        }
        match policy {
            Policy::Accept => {
                if let Err(trouble) = self.allow(number) {
                    trouble.tell(self.output, "");
                }
            }
            Policy::Refuse => self.refuse(number, Refusal::default()),
            Policy::Ask => {
                let text = format_args!("[{number}] allow or refuse?");
                self.output.event("asked", text, json!({ "call": number }));
            }
        }
    }

    fn referred(&self, number: usize, state: &ReferState) {
        let line = |line: &StatusLine| (Some(line.status.code()), line.reason.clone());
        let (status, reason) = match state {
            ReferState::Trying { status_line, .. }
            | ReferState::Progress { status_line, .. }
            | ReferState::Accepted { status_line, .. }
            | ReferState::Failed { status_line, .. } => line(status_line),
            ReferState::RequestSucceeded { response }
            | ReferState::RequestFailed {
                response: Some(response),
                ..
            } => (Some(response.status().code()), response.reason().to_owned()),
            ReferState::RequestFailed { cause, .. } => (None, cause.as_str().to_owned()),
            ReferState::Terminated { reason } => (None, reason.clone().unwrap_or_default()),
            _ => (None, String::new()),
        };
        let words = match state {
            ReferState::RequestSucceeded { .. } => "the peer takes the transfer",
            ReferState::RequestFailed { .. } => "the peer refuses the transfer",
            ReferState::Trying { .. } => "the target is being called",
            ReferState::Progress { .. } => "the target rings",
            ReferState::Accepted { .. } => "the target has answered",
            ReferState::Failed { .. } => "the target was not reached",
            _ => "the transfer is over",
        };
        let code = status
            .map(|status| format!("{status} "))
            .unwrap_or_default();
        let said = match format!("{code}{reason}") {
            said if said.is_empty() => said,
            said => format!(" ({said})"),
        };
        let fields = json!({ "call": number, "status": status, "reason": reason });
        let name = format!("refer:{}", state.name());
        self.output
            .event(&name, format_args!("[{number}] {words}{said}"), fields);
    }

    /// Somebody calls.
    pub(super) fn incoming(&mut self, session: Session) {
        let number = self.calls.number();
        let from = session.remote_identity().uri.as_str().to_owned();
        // One that takes another's place was allowed to: there is nothing left to decide.
        let replaces = session
            .request()
            .is_some_and(|request| request.header("Replaces").is_some());
        let fields = json!({
            "from": from,
            "call": number,
            "call_id": session.call_id(),
            "replaces": replaces,
        });
        self.output
            .event("incoming", format_args!("[{number}] {from} calls"), fields);
        self.calls.add(number, session.clone());
        self.news.follow(number, session.clone());
        if !(self.auto_answer || replaces) {
            return;
        }
        if let Err(trouble) = self.answer(number, &session) {
            trouble.tell(self.output, "answer");
            // It has just ended by itself, at worst.
            let _ = session.terminate(TerminateOptions::default());
        }
    }

    /// Somebody writes. Dropped after that, the message is accepted.
    pub(super) fn written(&self, message: &IncomingMessage) {
        let from = message.from();
        let text = message.text().unwrap_or("(no text)");
        let fields = json!({
            "from": from,
            "content_type": message.request().header("Content-Type"),
            "text": message.text(),
        });
        self.output
            .event("message", format_args!("{from}: {text}"), fields);
    }

    /// A call is being made.
    pub(super) fn calling(&mut self, number: usize, session: Session) -> Value {
        let to = session.remote_identity().uri.as_str().to_owned();
        let fields = json!({ "to": to, "call": number, "call_id": session.call_id() });
        self.output.event(
            "calling",
            format_args!("[{number}] calling {to}"),
            fields.clone(),
        );
        self.calls.add(number, session.clone());
        self.calls.speak_of(number);
        self.news.follow(number, session);
        fields
    }
}
