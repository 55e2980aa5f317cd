//! The server INVITE transaction (RFC 3261, 17.2.1; RFC 6026, 7.1).
//!
//! ```text
//!   INVITE ──> Proceeding ── 2xx ──────> Accepted ── L ──> Terminated
//!               │  INVITE: last 1xx       2xx: send
//!               │  again
//!               └── 300–699 ──> Completed ── ACK ──> Confirmed ── I ──> Terminated
//!                                │  G, INVITE: send again
//!                                └── H: AckMissing ──> Terminated
//! ```

use bytes::Bytes;
use offhook_sip::{HeaderName, OutgoingResponse, Request, StatusCode};

use super::TimerName;
use super::TimerName::{G, H, I, L, Trying};
use super::context::{Context, Repeat};
use super::{AutoTrying, TransactionEvent, via};
use crate::time::doubled;

/// The state of a server INVITE transaction.
#[derive(Debug)]
pub(super) enum ServerInvite {
    /// No final response went out yet.
    Proceeding {
        request: Request,
        /// The last provisional response, for retransmissions of the INVITE.
        last: Option<Bytes>,
    },
    /// A final response other than 2xx went out; the ACK is awaited.
    Completed {
        response: Repeat,
        /// The To tag an ACK must have, where nothing better tells what it is for: a peer of
        /// RFC 2543 sends the ACK for a 2xx with the Via of the INVITE as well.
        acked_as: Option<Box<str>>,
    },
    /// The ACK came.
    Confirmed,
    /// A 2xx went out; the owner sends it again until its ACK comes.
    Accepted,
    /// Nothing follows.
    Terminated,
}

/// What happens to a server INVITE transaction.
pub(super) enum Input {
    /// The INVITE came again.
    Again,
    Ack,
    /// The owner's response; `legacy_tag` is its To tag if the peer is one of RFC 2543.
    Respond {
        status: StatusCode,
        bytes: Bytes,
        legacy_tag: Option<Box<str>>,
    },
    Timer(TimerName),
}

impl ServerInvite {
    /// Every timer that may stand for it.
    pub(super) const TIMERS: [TimerName; 5] = [G, H, I, L, Trying];

    pub(super) fn start(request: Request, auto_trying: AutoTrying, cx: &mut Context<'_>) -> Self {
        let last = match auto_trying {
            AutoTrying::AtOnce => send_trying(&request, cx),
            AutoTrying::After(time) => {
                cx.set(Trying, time);
                None
            }
            AutoTrying::Never => None,
        };
        ServerInvite::Proceeding { request, last }
    }

    /// The request, until a final response went out.
    pub(super) fn request(&self) -> Option<&Request> {
        match self {
            ServerInvite::Proceeding { request, .. } => Some(request),
            _ => None,
        }
    }

    /// Whether a response of this status may go out now.
    pub(super) fn may_respond(&self, status: StatusCode) -> bool {
        match self {
            ServerInvite::Proceeding { .. } => true,
            ServerInvite::Accepted => status.is_success(),
            _ => false,
        }
    }

    /// Whether an ACK with this To tag is the transaction's own business, and not its owner's.
    pub(super) fn takes_ack(&self, to_tag: Option<&str>) -> bool {
        match self {
            ServerInvite::Completed {
                acked_as: Some(tag),
                ..
            } => to_tag == Some(&**tag),
            ServerInvite::Accepted => false,
            _ => true,
        }
    }

    pub(super) fn handle(self, input: Input, cx: &mut Context<'_>) -> Self {
        match self {
            ServerInvite::Proceeding { request, last } => proceeding(request, last, input, cx),
            ServerInvite::Completed { response, acked_as } => {
                completed(response, acked_as, input, cx)
            }
            ServerInvite::Confirmed => match input {
                Input::Timer(I) => ServerInvite::Terminated,
                _ => ServerInvite::Confirmed,
            },
            ServerInvite::Accepted => match input {
                Input::Respond { bytes, .. } => {
                    cx.send(bytes);
                    ServerInvite::Accepted
                }
                Input::Timer(L) => ServerInvite::Terminated,
                _ => ServerInvite::Accepted,
            },
            ServerInvite::Terminated => ServerInvite::Terminated,
        }
    }
}

fn proceeding(
    request: Request,
    last: Option<Bytes>,
    input: Input,
    cx: &mut Context<'_>,
) -> ServerInvite {
    match input {
        Input::Again => {
            if let Some(last) = &last {
                cx.send(last.clone());
            }
            ServerInvite::Proceeding { request, last }
        }
        Input::Respond {
            status,
            bytes,
            legacy_tag,
        } => {
            cx.stop(&[Trying]);
            cx.send(bytes.clone());
            if status.is_provisional() {
                return ServerInvite::Proceeding {
                    request,
                    last: Some(bytes),
                };
            }
            if status.is_success() {
                cx.set(L, cx.timings.lifetime());
                return ServerInvite::Accepted;
            }
            cx.set(H, cx.timings.lifetime());
            if !cx.reliable {
                cx.set(G, cx.timings.t1);
            }
            let response = Repeat {
                bytes,
                interval: cx.timings.t1,
            };
            ServerInvite::Completed {
                response,
                acked_as: legacy_tag,
            }
        }
        Input::Timer(Trying) if last.is_none() => {
            let last = send_trying(&request, cx);
            ServerInvite::Proceeding { request, last }
        }
        Input::Ack | Input::Timer(_) => ServerInvite::Proceeding { request, last },
    }
}

fn completed(
    response: Repeat,
    acked_as: Option<Box<str>>,
    input: Input,
    cx: &mut Context<'_>,
) -> ServerInvite {
    match input {
        Input::Again => {
            cx.send(response.bytes.clone());
            ServerInvite::Completed { response, acked_as }
        }
        Input::Ack => {
            cx.stop(&[G, H]);
            if cx.reliable {
                return ServerInvite::Terminated;
            }
            cx.set(I, cx.timings.t4);
            ServerInvite::Confirmed
        }
        Input::Timer(G) if !cx.reliable => {
            let interval = doubled(response.interval, 1).min(cx.timings.t2);
            cx.send(response.bytes.clone());
            cx.set(G, interval);
            let response = Repeat {
                interval,
                ..response
            };
            ServerInvite::Completed { response, acked_as }
        }
        Input::Timer(H) => {
            cx.tell(TransactionEvent::AckMissing { id: cx.id });
            ServerInvite::Terminated
        }
        Input::Respond { .. } | Input::Timer(_) => ServerInvite::Completed { response, acked_as },
    }
}

/// Sends `100 Trying`: no To tag of ours, and the Timestamp of the request (RFC 3261, 8.2.6.1).
fn send_trying(request: &Request, cx: &mut Context<'_>) -> Option<Bytes> {
    let mut trying = OutgoingResponse::to_request(request, StatusCode::TRYING);
    if let Some(timestamp) = request.header(HeaderName::Timestamp) {
        trying
            .headers_mut()
            .set(HeaderName::Timestamp, timestamp)
            .ok()?;
    }
    if let Some(remote) = cx.remote {
        via::stamp(trying.headers_mut(), remote).ok()?;
    }
    let bytes = trying.write().ok()?;
    cx.send(bytes.clone());
    Some(bytes)
}
