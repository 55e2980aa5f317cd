//! The client INVITE transaction (RFC 3261, 17.1.1; RFC 6026, 7.2).
//!
//! ```text
//!                 A: send again
//!   request ──> Calling ──────────── B ───> Timeout ──> Terminated
//!                 │  │ 1xx
//!                 │  ├──────> Proceeding ── cancel ──> Cancelling ── 64×T1 ──> Timeout
//!                 │  │            │                        │
//!                 │  └────────────┴───────────┬────────────┘
//!             2xx │                       2xx │ 300–699: ACK
//!                 v                           v
//!              Accepted ── M ──>          Completed ── D ──> Terminated
//!              each 2xx to the owner      each 300–699: ACK again
//! ```

use bytes::Bytes;
use offhook_sip::Response;

use super::TimerName;
use super::TimerName::{A, B, Cancelled, D, M};
use super::context::{Context, Repeat};
use super::origin::Origin;
use crate::time::doubled;

/// The state of a client INVITE transaction.
#[derive(Debug)]
pub(super) enum ClientInvite {
    /// Nothing came yet.
    Calling {
        /// What timer A sends again; nothing on a reliable flow.
        request: Option<Repeat>,
        origin: Box<Origin>,
        cancel: Option<Held>,
    },
    /// A provisional response came.
    Proceeding { origin: Box<Origin> },
    /// A provisional response came, and CANCEL went out.
    Cancelling { origin: Box<Origin> },
    /// A final response other than 2xx came and was acknowledged.
    Completed { ack: Bytes },
    /// A 2xx came; the owner acknowledges it, and each that follows.
    Accepted,
    /// Nothing follows.
    Terminated,
}

/// A CANCEL that may not be sent before a provisional response (RFC 3261, 9.1).
#[derive(Debug)]
pub(super) struct Held {
    /// The value of its Reason header field (RFC 3326).
    pub(super) reason: Option<String>,
}

/// What happens to a client INVITE transaction.
pub(super) enum Input {
    Response(Response),
    Cancel(Held),
    Timer(TimerName),
    FlowLost,
}

impl ClientInvite {
    /// Every timer that may stand for it.
    pub(super) const TIMERS: [TimerName; 5] = [A, B, D, M, Cancelled];

    pub(super) fn start(request: Bytes, origin: Origin, cx: &mut Context<'_>) -> Self {
        cx.send(request.clone());
        cx.set(B, cx.timings.lifetime());
        let request = (!cx.reliable).then(|| {
            cx.set(A, cx.timings.t1);
            Repeat {
                bytes: request,
                interval: cx.timings.t1,
            }
        });
        ClientInvite::Calling {
            request,
            origin: Box::new(origin),
            cancel: None,
        }
    }

    pub(super) fn handle(self, input: Input, cx: &mut Context<'_>) -> Self {
        match self {
            ClientInvite::Calling {
                request,
                origin,
                cancel,
            } => calling(request, origin, cancel, input, cx),
            ClientInvite::Proceeding { origin } => proceeding(origin, input, cx),
            ClientInvite::Cancelling { origin } => cancelling(origin, input, cx),
            ClientInvite::Completed { ack } => completed(ack, input, cx),
            ClientInvite::Accepted => accepted(input, cx),
            ClientInvite::Terminated => ClientInvite::Terminated,
        }
    }
}

fn calling(
    request: Option<Repeat>,
    origin: Box<Origin>,
    cancel: Option<Held>,
    input: Input,
    cx: &mut Context<'_>,
) -> ClientInvite {
    match input {
        Input::Response(response) if response.status().is_provisional() => {
            cx.stop(&[A, B]);
            cx.response(response);
            match cancel {
                Some(held) => send_cancel(origin, held, cx),
                None => ClientInvite::Proceeding { origin },
            }
        }
        Input::Response(response) => {
            cx.stop(&[A, B]);
            answered(&origin, response, cx)
        }
        Input::Cancel(held) => ClientInvite::Calling {
            request,
            origin,
            cancel: cancel.or(Some(held)),
        },
        Input::Timer(A) => {
            let request = request.map(|Repeat { bytes, interval }| {
                let interval = doubled(interval, 1);
                cx.send(bytes.clone());
                cx.set(A, interval);
                Repeat { bytes, interval }
            });
            ClientInvite::Calling {
                request,
                origin,
                cancel,
            }
        }
        Input::Timer(B) => {
            cx.timeout();
            ClientInvite::Terminated
        }
        Input::FlowLost => {
            cx.transport_failed();
            ClientInvite::Terminated
        }
        Input::Timer(_) => ClientInvite::Calling {
            request,
            origin,
            cancel,
        },
    }
}

fn proceeding(origin: Box<Origin>, input: Input, cx: &mut Context<'_>) -> ClientInvite {
    match input {
        Input::Response(response) if response.status().is_provisional() => {
            cx.response(response);
            ClientInvite::Proceeding { origin }
        }
        Input::Response(response) => answered(&origin, response, cx),
        Input::Cancel(held) => send_cancel(origin, held, cx),
        Input::FlowLost if cx.outlive_flows => ClientInvite::Proceeding { origin },
        Input::FlowLost => {
            cx.transport_failed();
            ClientInvite::Terminated
        }
        Input::Timer(_) => ClientInvite::Proceeding { origin },
    }
}

fn cancelling(origin: Box<Origin>, input: Input, cx: &mut Context<'_>) -> ClientInvite {
    match input {
        Input::Response(response) if response.status().is_provisional() => {
            cx.response(response);
            ClientInvite::Cancelling { origin }
        }
        Input::Response(response) => {
            cx.stop(&[Cancelled]);
            answered(&origin, response, cx)
        }
        Input::Timer(Cancelled) => {
            cx.timeout();
            ClientInvite::Terminated
        }
        Input::FlowLost if cx.outlive_flows => ClientInvite::Cancelling { origin },
        Input::FlowLost => {
            cx.transport_failed();
            ClientInvite::Terminated
        }
        Input::Cancel(_) | Input::Timer(_) => ClientInvite::Cancelling { origin },
    }
}

fn completed(ack: Bytes, input: Input, cx: &mut Context<'_>) -> ClientInvite {
    match input {
        Input::Response(response) if response.status().class() >= 3 => {
            cx.send(ack.clone());
            ClientInvite::Completed { ack }
        }
        // The owner has its answer, and the ACK has nowhere to go any more.
        Input::Timer(D) | Input::FlowLost => ClientInvite::Terminated,
        _ => ClientInvite::Completed { ack },
    }
}

fn accepted(input: Input, cx: &mut Context<'_>) -> ClientInvite {
    match input {
        Input::Response(response) if response.status().is_success() => {
            cx.response(response);
            ClientInvite::Accepted
        }
        Input::Timer(M) => ClientInvite::Terminated,
        // A 2xx that was lost with the flow may come again on the one that replaces it.
        _ => ClientInvite::Accepted,
    }
}

fn answered(origin: &Origin, response: Response, cx: &mut Context<'_>) -> ClientInvite {
    if response.status().is_success() {
        cx.set(M, cx.timings.lifetime());
        cx.response(response);
        return ClientInvite::Accepted;
    }
    let ack = origin.ack(&response);
    if let Some(ack) = &ack {
        cx.send(ack.clone());
    }
    cx.response(response);
    match ack {
        Some(ack) if !cx.reliable => {
            cx.set(D, cx.timings.timer_d());
            ClientInvite::Completed { ack }
        }
        _ => ClientInvite::Terminated,
    }
}

fn send_cancel(origin: Box<Origin>, held: Held, cx: &mut Context<'_>) -> ClientInvite {
    cx.cancel = origin.cancel(held.reason.as_deref());
    cx.set(Cancelled, cx.timings.lifetime());
    ClientInvite::Cancelling { origin }
}
