//! The server transaction of every request but INVITE and ACK (RFC 3261, 17.2.2).
//!
//! ```text
//!   request ──> Trying ── 1xx ──> Proceeding        request again: last response again
//!                 │                   │
//!                 └───── 200–699 ─────┴──> Completed ── J ──> Terminated
//! ```

use bytes::Bytes;
use offhook_sip::{Request, StatusCode};

use super::TimerName;
use super::TimerName::J;
use super::context::Context;

/// The state of a server transaction other than INVITE.
#[derive(Debug)]
pub(super) enum Server {
    /// Nothing was answered yet.
    Trying { request: Request },
    /// A provisional response went out.
    Proceeding { request: Request, last: Bytes },
    /// The final response went out.
    Completed { response: Bytes },
    /// Nothing follows.
    Terminated,
}

/// What happens to a server transaction.
pub(super) enum Input {
    /// The request came again.
    Again,
    Respond {
        status: StatusCode,
        bytes: Bytes,
    },
    Timer(TimerName),
}

impl Server {
    /// Every timer that may stand for it.
    pub(super) const TIMERS: [TimerName; 1] = [J];

    pub(super) fn start(request: Request) -> Self {
        Server::Trying { request }
    }

    /// The request, until a final response went out.
    pub(super) fn request(&self) -> Option<&Request> {
        match self {
            Server::Trying { request } | Server::Proceeding { request, .. } => Some(request),
            _ => None,
        }
    }

    /// Whether a response may go out now.
    pub(super) fn may_respond(&self) -> bool {
        matches!(self, Server::Trying { .. } | Server::Proceeding { .. })
    }

    pub(super) fn handle(self, input: Input, cx: &mut Context<'_>) -> Self {
        match (self, input) {
            (Server::Trying { request }, Input::Again) => Server::Trying { request },
            (
                Server::Trying { request } | Server::Proceeding { request, .. },
                Input::Respond { status, bytes },
            ) => {
                cx.send(bytes.clone());
                if status.is_provisional() {
                    return Server::Proceeding {
                        request,
                        last: bytes,
                    };
                }
                if cx.reliable {
                    return Server::Terminated;
                }
                cx.set(J, cx.timings.lifetime());
                Server::Completed { response: bytes }
            }
            (Server::Proceeding { request, last }, Input::Again) => {
                cx.send(last.clone());
                Server::Proceeding { request, last }
            }
            (Server::Completed { response }, Input::Again) => {
                cx.send(response.clone());
                Server::Completed { response }
            }
            (Server::Completed { .. }, Input::Timer(J)) => Server::Terminated,
            (state, _) => state,
        }
    }
}
