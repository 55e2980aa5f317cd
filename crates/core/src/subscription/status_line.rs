//! What a subscription to a transfer says (RFC 3515, RFC 6665): status lines and states.

use std::fmt;

use offhook_sip::{Request, Response, StatusCode};

use crate::cause::Cause;

/// How the call that a REFER asked for is getting on: the status line in a `message/sipfrag` body
/// (RFC 3420).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct StatusLine {
    /// The status.
    pub status: StatusCode,
    /// Its reason phrase.
    pub reason: String,
}

impl StatusLine {
    /// The status with its own phrase.
    pub(crate) fn of(status: StatusCode) -> Self {
        Self {
            status,
            reason: status.reason().to_owned(),
        }
    }

    /// Reads the first line of a body; nothing, if that is no status line.
    pub(crate) fn parse(body: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(body).ok()?;
        let line = text.trim_ascii_start().lines().next()?.trim_ascii_end();
        let mut words = line.splitn(3, ' ');
        let version = words.next()?;
        let code = words.next()?;
        if !version.eq_ignore_ascii_case("SIP/2.0") || code.len() != 3 {
            return None;
        }
        Some(Self {
            status: StatusCode::new(code.parse().ok()?)?,
            reason: words.next().unwrap_or_default().to_owned(),
        })
    }
}

impl From<&Response> for StatusLine {
    fn from(response: &Response) -> Self {
        Self {
            status: response.status(),
            reason: response.reason().to_owned(),
        }
    }
}

/// The status line as it stands on the wire: `SIP/2.0 180 Ringing`.
impl fmt::Display for StatusLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SIP/2.0 {} {}", self.status.code(), self.reason)
    }
}

/// What became of a REFER of ours: the events of the seed API's `ReferSubscriber`, and
/// [`ReferState::Terminated`].
///
/// The first is [`RequestSucceeded`](Self::RequestSucceeded) or
/// [`RequestFailed`](Self::RequestFailed), unless the network lets a NOTIFY overtake the answer.
/// At most one of [`Accepted`](Self::Accepted) and [`Failed`](Self::Failed) comes; a subscription
/// may also end without either. They go on after the session has ended, until its
/// [`Event::SessionClosed`](crate::Event::SessionClosed).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum ReferState {
    /// The peer took the REFER (`requestSucceeded`).
    RequestSucceeded {
        /// The 2xx.
        response: Response,
    },
    /// The peer refused the REFER, or it was not answered (`requestFailed`). The session lives on,
    /// and nothing more comes about this REFER.
    RequestFailed {
        /// The response, if there was one.
        response: Option<Response>,
        /// Why.
        cause: Cause,
    },
    /// The peer is trying to reach the target: a 100 (`trying`).
    Trying {
        /// The NOTIFY.
        request: Request,
        /// What it says.
        status_line: StatusLine,
    },
    /// The target rings, or another 1xx (`progress`).
    Progress {
        /// The NOTIFY.
        request: Request,
        /// What it says.
        status_line: StatusLine,
    },
    /// The target answered: a 2xx (`accepted`).
    Accepted {
        /// The NOTIFY.
        request: Request,
        /// What it says.
        status_line: StatusLine,
    },
    /// The target was not reached: 300 or more (`failed`).
    Failed {
        /// The NOTIFY.
        request: Request,
        /// What it says.
        status_line: StatusLine,
    },
    /// The subscription is over: nothing more comes about this REFER.
    Terminated {
        /// The reason the peer gave (RFC 6665 section 4.1.3), as `noresource`; `timeout` also where
        /// the peer fell silent.
        reason: Option<String>,
    },
}

impl ReferState {
    /// The state's name, as the seed API's subscriber calls its event.
    pub fn name(&self) -> &'static str {
        match self {
            Self::RequestSucceeded { .. } => "requestSucceeded",
            Self::RequestFailed { .. } => "requestFailed",
            Self::Trying { .. } => "trying",
            Self::Progress { .. } => "progress",
            Self::Accepted { .. } => "accepted",
            Self::Failed { .. } => "failed",
            Self::Terminated { .. } => "terminated",
        }
    }

    /// What a NOTIFY with this status line means.
    pub(crate) fn notified(request: Request, status_line: StatusLine) -> Self {
        match status_line.status.code() {
            100 => Self::Trying {
                request,
                status_line,
            },
            101..200 => Self::Progress {
                request,
                status_line,
            },
            200..300 => Self::Accepted {
                request,
                status_line,
            },
            _ => Self::Failed {
                request,
                status_line,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_line_is_read_from_the_first_line_of_a_fragment() {
        let table: [(&str, Option<(u16, &str)>); 9] = [
            ("SIP/2.0 200 OK\r\n", Some((200, "OK"))),
            ("SIP/2.0 200 OK", Some((200, "OK"))),
            (
                "\r\nSIP/2.0 486 Busy Here\r\nContact: <sip:a@b>\r\n",
                Some((486, "Busy Here")),
            ),
            ("sip/2.0 180 \r\n", Some((180, ""))),
            ("SIP/2.0 603", Some((603, ""))),
            ("SIP/2.0 99 Low", None),
            ("SIP/2.0 0200 OK", None),
            ("HTTP/1.1 200 OK", None),
            ("", None),
        ];
        for (body, expected) in table {
            let read = StatusLine::parse(body.as_bytes());
            let read = read
                .as_ref()
                .map(|line| (line.status.code(), line.reason.as_str()));
            assert_eq!(read, expected, "{body:?}");
        }
        assert_eq!(StatusLine::parse(b"SIP/2.0 200 \xff"), None);
    }

    #[test]
    fn a_status_line_is_written_as_it_is_read() {
        let line = StatusLine::of(StatusCode::RINGING);
        assert_eq!(line.to_string(), "SIP/2.0 180 Ringing");
        assert_eq!(StatusLine::parse(line.to_string().as_bytes()), Some(line));
    }
}
