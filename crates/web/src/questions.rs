//! Where the application may step in, as rows (`QuestionRow`).

use offhook_core::{Invitation, Question};

use crate::events::originator;
use crate::rows::Row;

/// The row, as far as it is said already; nothing for a question that JavaScript does not know.
pub(crate) fn question(row: Row, question: &Question) -> Option<Row> {
    let row = row.text(question.name());
    Some(match question {
        Question::NewSession(invitation) => {
            let row = row.text(originator(invitation.originator()));
            match invitation {
                Invitation::Outgoing(request) => row.outgoing(request),
                Invitation::Incoming(request) => row.request(request),
            }
        }
        Question::PeerConnection => row,
        Question::Sdp(sdp) => row
            .text(originator(sdp.originator))
            .text(sdp.kind.as_str())
            .text(&sdp.sdp),
        Question::Sending(request) => row.outgoing(request),
        Question::Reinvite { request }
        | Question::Update { request }
        | Question::Replaces { request }
        | Question::Message { request }
        | Question::Options { request } => row.request(request),
        Question::Refer { request, refer_to } => row.request(request).text(refer_to.as_str()),
        Question::Subscribe {
            subscription,
            request,
        } => row.number(subscription.0 as f64).request(request),
        Question::RegistrationExpiring { left } => row.duration(*left),
        Question::IceCandidate { candidate } => row.text(candidate),
        _ => return None,
    })
}
