//! The SDP layer: what peers really send, and what we write.
//!
//! The engine below never sees a description. This layer reads both sides' descriptions into
//! [`Description`]s, and [`agree`](agree::agree) says what they have agreed on, as plain values.

mod agree;
mod compose;
mod description;

#[cfg(test)]
pub(crate) use agree::SendCodec;
pub(crate) use agree::{
    Agreement, AudioAgreement, MID_URI, TransportAgreement, agree, check_remote_offer,
};
pub(crate) use compose::{Composer, Local, LocalSection, Render, payload_types};
pub(crate) use description::{Credentials, Description, Fingerprint, Section};
