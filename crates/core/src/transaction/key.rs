//! How a message finds its transaction (RFC 3261, 17.1.3 and 17.2.3).
//!
//! A key is one string. Its parts are separated by a line feed, which no part can contain, so that
//! no choice of parts by a peer makes two different keys equal.

use std::fmt::Write;

use offhook_sip::{HeaderError, HeaderName, Method, Request, Via};

/// Writes the key of a client transaction: the branch of its top Via and its method.
pub(super) fn client(key: &mut String, branch: &str, method: Method<'_>) {
    key.clear();
    key.push_str(branch);
    key.push('\n');
    key.push_str(method.as_str());
}

/// What a server transaction is recognised by.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(super) enum Matching {
    /// Branch, sent-by and method.
    Branch,
    /// All that RFC 2543 offers: the top Via lacks a branch with the magic cookie.
    Legacy,
}

/// Writes the key of the server transaction of `method` that `request` belongs to.
///
/// `method` is the request's own but for two: an ACK belongs to an INVITE, and a CANCEL asks for
/// the INVITE as well as for its own transaction.
pub(super) fn server(
    key: &mut String,
    request: &Request,
    method: Method<'_>,
) -> Result<Matching, HeaderError> {
    key.clear();
    let via = request.via()?;
    key.push_str(method.as_str());
    match via.branch() {
        Some(branch) if via.is_rfc3261_branch() => {
            key.push('\n');
            push_sent_by(key, &via);
            key.push('\n');
            key.push_str(branch);
            Ok(Matching::Branch)
        }
        _ => {
            let from = request.from()?;
            let cseq = request.cseq()?;
            let call_id = request.call_id()?;
            let top = request.values(HeaderName::Via).next().unwrap_or_default();
            for part in [
                request.uri_text(),
                from.tag().unwrap_or_default(),
                call_id,
                top,
            ] {
                key.push('\n');
                key.push_str(part);
            }
            // Writing to a String does not fail.
            let _ = write!(key, "\n{}", cseq.number);
            // The To tag of an ACK is the answer's, and its INVITE and CANCEL have to agree on a
            // key with it, so theirs are left out.
            if !matches!(method, Method::Invite | Method::Ack | Method::Cancel) {
                key.push('\n');
                key.push_str(request.to()?.tag().unwrap_or_default());
            }
            Ok(Matching::Legacy)
        }
    }
}

fn push_sent_by(key: &mut String, via: &Via<'_>) {
    key.extend(via.host.chars().map(|c| c.to_ascii_lowercase()));
    if let Some(port) = via.port {
        let _ = write!(key, ":{port}");
    }
}

/// Whether a response carries the sent-by that its request was given (RFC 3261, 18.1.2).
pub(super) fn same_sent_by(via: &Via<'_>, sent_by: &str) -> bool {
    match via.port {
        None => via.host.eq_ignore_ascii_case(sent_by),
        Some(port) => sent_by.rsplit_once(':').is_some_and(|(host, ours)| {
            host.eq_ignore_ascii_case(via.host) && ours.parse() == Ok(port)
        }),
    }
}
