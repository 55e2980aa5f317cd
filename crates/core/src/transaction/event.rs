//! What transactions say to their owner, and what the owner says to them.

use std::fmt;

use bytes::Bytes;
use offhook_sip::{Response, StatusCode, WriteError};

use super::TransactionId;
use crate::flow::{FlowId, Transport};

/// Where a request goes next, and how it names itself there.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Hop {
    /// The flow that carries it.
    pub flow: FlowId,
    /// The transport of that flow.
    pub transport: Transport,
    /// The `sent-by` of the Via: host, and port if it is not the default.
    pub sent_by: String,
}

/// What became of a received request.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Received {
    /// A request not seen before: a server transaction waits for its answer.
    New(TransactionId),
    /// A retransmission, or the ACK for a final response other than 2xx: nothing is left to do.
    Absorbed,
    /// An ACK for a 2xx, or one that belongs to nothing: it has no transaction (RFC 3261, 17).
    Ack,
    /// A CANCEL. It waits for its answer: 200 if `invite` is known, 481 if not (RFC 3261, 9.2).
    Cancel {
        /// The transaction of the CANCEL itself.
        cancel: TransactionId,
        /// The INVITE it wants to end, if that one is still there, answered or not.
        invite: Option<TransactionId>,
    },
    /// It was answered without a transaction: 503 since too many are live, or 400 since it lacks
    /// what tells transactions apart.
    Refused,
}

/// What a transaction tells its owner, in the order in which it happened.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum TransactionEvent {
    /// Put these bytes on the wire.
    Send {
        /// The flow to use.
        flow: FlowId,
        /// One whole message.
        bytes: Bytes,
    },
    /// A response to a request of ours: each provisional one, the final one, and for an INVITE
    /// every 2xx, retransmitted or from another branch of a fork (RFC 6026, 7.2).
    Response {
        /// The client transaction.
        id: TransactionId,
        /// The response.
        response: Response,
    },
    /// No final response came in time. For an INVITE: nothing at all came, or nothing final after
    /// CANCEL.
    Timeout {
        /// The client transaction.
        id: TransactionId,
    },
    /// The flow went away before a final response came.
    TransportFailed {
        /// The client transaction.
        id: TransactionId,
    },
    /// A final response other than 2xx to an INVITE was never acknowledged (timer H).
    AckMissing {
        /// The server transaction.
        id: TransactionId,
    },
    /// The transaction is over and forgotten: the last word on this id.
    Terminated {
        /// The transaction.
        id: TransactionId,
    },
}

/// Why a request was not sent.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum SendError {
    /// ACK makes no transaction; it goes out through `send_ack`.
    AckHasNoTransaction,
    /// Only an ACK goes out without a transaction; this holds the method that was tried.
    NotAnAck(String),
    /// A header field that the transaction needs is absent or cannot be read.
    Incomplete(&'static str),
    /// The branch names a live transaction of the same method already.
    BranchInUse(String),
    /// As many client transactions as allowed are live; this holds the limit.
    TooMany(usize),
    /// The request cannot be written.
    Write(WriteError),
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SendError::AckHasNoTransaction => {
                f.write_str("an ACK was given to a client transaction; send it without one")
            }
            SendError::NotAnAck(method) => {
                write!(
                    f,
                    "a {method} was sent without a transaction; only an ACK goes without one"
                )
            }
            SendError::Incomplete(header) => {
                write!(
                    f,
                    "the request has no readable {header} header field; add one"
                )
            }
            SendError::BranchInUse(branch) => write!(
                f,
                "the branch {branch} names a live transaction already; each request needs its own"
            ),
            SendError::TooMany(limit) => write!(
                f,
                "{limit} client transactions are live, as many as allowed; wait or raise the limit"
            ),
            SendError::Write(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for SendError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            SendError::Write(error) => Some(error),
            _ => None,
        }
    }
}

impl From<WriteError> for SendError {
    fn from(error: WriteError) -> Self {
        SendError::Write(error)
    }
}

/// Why a response was not sent.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum RespondError {
    /// No server transaction has this id, or not any more.
    NoSuchTransaction(TransactionId),
    /// A final response went out already; this holds the one that came too late.
    AlreadyAnswered(StatusCode),
    /// The response cannot be written.
    Write(WriteError),
}

impl fmt::Display for RespondError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RespondError::NoSuchTransaction(id) => NoSuchTransaction(*id).fmt(f),
            RespondError::AlreadyAnswered(status) => write!(
                f,
                "a {} came after the final response; a transaction is answered once",
                status.code()
            ),
            RespondError::Write(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for RespondError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            RespondError::Write(error) => Some(error),
            _ => None,
        }
    }
}

impl From<WriteError> for RespondError {
    fn from(error: WriteError) -> Self {
        RespondError::Write(error)
    }
}

/// The id names no live transaction of the kind asked for.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub struct NoSuchTransaction(pub TransactionId);

impl fmt::Display for NoSuchTransaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} is over or never was; use the id of a live one",
            self.0
        )
    }
}

impl std::error::Error for NoSuchTransaction {}
