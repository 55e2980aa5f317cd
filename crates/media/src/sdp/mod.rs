//! The SDP layer: what peers really send, and what we write.
//!
//! The engine below never sees a description. This layer reads both sides' descriptions into
//! [`Description`]s, and [`agree`](agree::agree) says what they have agreed on, as plain values.

mod agree;
mod compose;
mod data;
mod description;
mod render;
mod video;

#[cfg(test)]
pub(crate) use agree::SendCodec;
pub(crate) use agree::{
    Agreed, Agreement, AudioAgreement, DataAgreement, MID_URI, TransportAgreement, agree,
    check_remote_offer,
};
pub(crate) use compose::{Composer, Local, LocalSection, payload_types};
pub(crate) use data::MAX_MESSAGE_SIZE;
pub(crate) use description::{
    AUDIO, Credentials, Description, Fingerprint, Section, SectionKind, VIDEO,
};
pub(crate) use render::Render;
pub(crate) use video::{Feedback, VideoAgreement, VideoPayload, VideoTrack};
