//! Forks: every phone that takes the INVITE up has a dialog of its own, and those that are not
//! wanted are ended there (RFC 3261 section 13.2.2.4).

use std::time::Duration;

use offhook_sip::{HeaderName, Method, NameAddr, Response};

use super::outgoing::{Invite, Outgoing};
use super::proceeding::acknowledge;
use super::reoffer::sequence_of;
use super::{Session, State};
use crate::context::{Context, Owner};
use crate::dialog::Dialog;
use crate::transaction::TransactionId;

impl Session {
    /// A 2xx for a call that has one: the same again, or another fork's
    /// (RFC 3261 section 13.2.2.4).
    pub(super) fn accepted_again(
        &mut self,
        cx: &mut Context,
        transaction: TransactionId,
        response: &Response,
    ) {
        let tag = response
            .to()
            .ok()
            .and_then(|to| to.tag().map(str::to_owned));
        let known = self
            .dialog_mut()
            .map(|dialog| dialog.id().remote_tag.clone());
        if known == tag {
            if let State::Established(established) = &self.state {
                established.acknowledge_again(cx);
            }
            return;
        }
        let made = match &self.state {
            State::Outgoing(Outgoing::Answered(answered)) => {
                Some((answered.invite.sequence, answered.invite.flow))
            }
            State::Established(established) => {
                established.invite_sequence().zip(Some(established.flow()))
            }
            _ => None,
        };
        if let Some((sequence, flow)) = made {
            let invite = Invite {
                transaction,
                sequence,
                flow,
                patience: Duration::ZERO,
            };
            end_unwanted(cx, &self.local, invite, response);
        }
    }

    /// A 2xx while the call is being ended: the same again, or another fork's.
    pub(super) fn accepted_too_late(
        &mut self,
        cx: &mut Context,
        transaction: TransactionId,
        response: &Response,
    ) {
        let peer = response.to().ok();
        let tag = peer.as_ref().and_then(NameAddr::tag);
        let same = self
            .dialog_mut()
            .filter(|dialog| Some(dialog.id().remote_tag.as_str()) == tag);
        match same {
            Some(dialog) => {
                // Its BYE is on the way; the ACK that was lost goes again.
                if let Ok(ack) = acknowledge(cx, dialog, transaction) {
                    let _ = cx.send_ack(dialog, ack);
                }
            }
            None => end_stray(cx, transaction, response),
        }
    }
}

/// Acknowledges and ends the dialog of a fork that has answered when its call was over
/// (RFC 3261 section 13.2.2.4).
pub(crate) fn end_stray(cx: &mut Context, transaction: TransactionId, response: &Response) {
    let Some(pending) = cx.pending.get(&transaction) else {
        return;
    };
    let from = pending.request.headers().get(HeaderName::From);
    let local = from.and_then(|from| NameAddr::parse(from).ok());
    let known = local
        .map(NameAddr::into_owned)
        .zip(sequence_of(&pending.request))
        .zip(cx.transactions.flow_of(transaction));
    if let Some(((local, sequence), flow)) = known {
        let invite = Invite {
            transaction,
            sequence,
            flow,
            patience: Duration::ZERO,
        };
        end_unwanted(cx, &local, invite, response);
    }
}

/// Acknowledges and ends a dialog that nobody wants: a cancelled call's, or another fork's.
pub(super) fn end_unwanted(
    cx: &mut Context,
    local: &NameAddr<'static>,
    invite: Invite,
    response: &Response,
) {
    let Ok(mut dialog) = Dialog::from_response(local, invite.sequence, response, invite.flow)
    else {
        return;
    };
    // Nothing is lost when either cannot be written or sent: the peer's 2xx comes again.
    if let Ok(ack) = acknowledge(cx, &dialog, invite.transaction) {
        let _ = cx.send_ack(&dialog, ack);
    }
    if let Ok(bye) = dialog.request(Method::Bye) {
        let _ = cx.submit_in(&dialog, Owner::Stray, bye);
    }
}
