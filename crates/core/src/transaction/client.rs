//! The client transaction of every request but INVITE and ACK (RFC 3261, 17.1.2).
//!
//! ```text
//!                E: send again         E: send again, every T2
//!   request ──> Trying ──── 1xx ───> Proceeding
//!                 │  │                 │  │
//!                 │  └── 200–699 ──────┴──┼──> Completed ── K ──> Terminated
//!                 └────── F: Timeout ─────┴─────────────────────> Terminated
//! ```

use bytes::Bytes;
use offhook_sip::Response;

use super::TimerName;
use super::TimerName::{E, F, K};
use super::context::{Context, Repeat};
use crate::time::doubled;

/// The state of a client transaction other than INVITE.
#[derive(Debug)]
pub(super) enum Client {
    /// Nothing came yet. Holds what timer E sends again; nothing on a reliable flow.
    Trying { request: Option<Repeat> },
    /// A provisional response came. Holds what timer E sends again.
    Proceeding { request: Option<Bytes> },
    /// The final response came.
    Completed,
    /// Nothing follows.
    Terminated,
}

/// What happens to a client transaction.
pub(super) enum Input {
    Response(Response),
    Timer(TimerName),
    FlowLost,
}

impl Client {
    /// Every timer that may stand for it.
    pub(super) const TIMERS: [TimerName; 3] = [E, F, K];

    pub(super) fn start(request: Bytes, cx: &mut Context<'_>) -> Self {
        cx.send(request.clone());
        cx.set(F, cx.timings.lifetime());
        let request = (!cx.reliable).then(|| {
            cx.set(E, cx.timings.t1);
            Repeat {
                bytes: request,
                interval: cx.timings.t1,
            }
        });
        Client::Trying { request }
    }

    pub(super) fn handle(self, input: Input, cx: &mut Context<'_>) -> Self {
        match (self, input) {
            (Client::Trying { request }, Input::Response(response))
                if response.status().is_provisional() =>
            {
                cx.response(response);
                Client::Proceeding {
                    request: request.map(|repeat| repeat.bytes),
                }
            }
            (Client::Proceeding { request }, Input::Response(response))
                if response.status().is_provisional() =>
            {
                cx.response(response);
                Client::Proceeding { request }
            }
            (Client::Trying { .. } | Client::Proceeding { .. }, Input::Response(response)) => {
                cx.stop(&[E, F]);
                cx.response(response);
                if cx.reliable {
                    return Client::Terminated;
                }
                cx.set(K, cx.timings.t4);
                Client::Completed
            }
            (
                Client::Trying {
                    request: Some(Repeat { bytes, interval }),
                },
                Input::Timer(E),
            ) => {
                let interval = doubled(interval, 1).min(cx.timings.t2);
                cx.send(bytes.clone());
                cx.set(E, interval);
                Client::Trying {
                    request: Some(Repeat { bytes, interval }),
                }
            }
            (
                Client::Proceeding {
                    request: Some(bytes),
                },
                Input::Timer(E),
            ) => {
                cx.send(bytes.clone());
                cx.set(E, cx.timings.t2);
                Client::Proceeding {
                    request: Some(bytes),
                }
            }
            (Client::Trying { .. } | Client::Proceeding { .. }, Input::Timer(F)) => {
                cx.timeout();
                Client::Terminated
            }
            (Client::Trying { .. } | Client::Proceeding { .. }, Input::FlowLost) => {
                cx.transport_failed();
                Client::Terminated
            }
            (Client::Completed, Input::Timer(K) | Input::FlowLost) => Client::Terminated,
            (state, _) => state,
        }
    }
}
