//! SIP messages and SDP: parse, read and write, without I/O, time or randomness.
//!
//! # Receiving
//!
//! [`Message::parse`] takes a datagram or a WebSocket frame apart in one pass: it keeps the bytes
//! and notes where each header line stands. A header is read when it is asked for, and borrowed
//! from the message.
//!
//! ```
//! use offhook_sip::{HeaderName, Limits, Message, Method, SessionExpires};
//!
//! let bytes = bytes::Bytes::from_static(
//!     b"INVITE sip:bob@example.com SIP/2.0\r\n\
//!       Via: SIP/2.0/WSS d9f7a.invalid;branch=z9hG4bK776asdhds\r\n\
//!       Max-Forwards: 70\r\n\
//!       From: \"Alice\" <sip:alice@example.com>;tag=1928301774\r\n\
//!       To: <sip:bob@example.com>\r\n\
//!       Call-ID: a84b4c76e66710\r\n\
//!       CSeq: 314159 INVITE\r\n\
//!       Contact: <sip:alice@d9f7a.invalid;transport=ws>\r\n\
//!       k: timer, 100rel\r\n\
//!       x: 1800;refresher=uac\r\n\
//!       \r\n",
//! );
//! let Message::Request(invite) = Message::parse(bytes, &Limits::default())? else {
//!     panic!("that was a request");
//! };
//! invite.validate()?;
//!
//! assert_eq!(invite.method(), Method::Invite);
//! assert_eq!(invite.from()?.display_name.as_deref(), Some("Alice"));
//! assert_eq!(invite.via()?.branch(), Some("z9hG4bK776asdhds"));
//! assert!(invite.has_token(HeaderName::Supported, "100rel"));
//! assert_eq!(invite.typed::<SessionExpires>()?.map(|timer| timer.delta), Some(1800));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! What cannot be taken apart is a [`ParseError`], and [`reject`] makes the answer that the sender
//! is owed. What can be taken apart and is wrong nevertheless is told by [`Request::validate`],
//! with the status to answer with.
//!
//! On TCP and TLS, [`StreamDecoder`] cuts the stream into messages first.
//!
//! # Sending
//!
//! [`OutgoingRequest`] and [`OutgoingResponse`] are made of [`HeaderFields`] and a body, and
//! written into one buffer. Nothing that an application puts in can become a header line of its
//! own.
//!
//! ```
//! use offhook_sip::{HeaderName, Method, NameAddr, OutgoingRequest, Uri};
//!
//! let bob = Uri::parse("sip:bob@example.com")?;
//! let mut bye = OutgoingRequest::new(Method::Bye, &bob);
//! bye.headers_mut().push(HeaderName::To, NameAddr::new(bob).with_tag("a6c85cf"))?;
//! bye.headers_mut().push("X-Ticket", 4711)?;
//! assert!(bye.headers_mut().push("X-Note", "hi\r\nContact: <sip:mallory>").is_err());
//!
//! let bytes = bye.write()?;
//! assert!(bytes.ends_with(b"\r\nX-Ticket: 4711\r\nContent-Length: 0\r\n\r\n"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Bodies
//!
//! [`Multipart`] takes multipart bodies apart and [`MultipartWriter`] makes them; [`sdp`] reads and
//! changes session descriptions, and leaves what it is not asked to change as it came.
#![forbid(unsafe_code)]

mod error;
mod escape;
mod fields;
mod headers;
mod limits;
mod message;
mod method;
mod multipart;
mod name;
mod name_addr;
mod outgoing;
mod params;
mod received;
mod reject;
mod scan;
pub mod sdp;
mod status;
mod stream;
mod text;
mod uri;
mod validate;
mod via;

pub use crate::error::{HeaderError, ParseError, SyntaxError, WriteError, WriteFault};
pub use crate::escape::{escape_header_value, escape_user, unescape};
pub use crate::fields::{FieldValues, HeaderFields, is_line};
pub use crate::headers::{
    Accept, AlertInfo, Allow, AuthParams, AuthenticationInfo, Authorization, CSeq, CallId,
    CallInfo, Challenge, Contact, ContentDisposition, ContentEncoding, ContentLanguage,
    ContentLength, ContentType, Credentials, Date, ErrorInfo, Event, Expires, FlowTimer, From,
    Identity, InReplyTo, MaxForwards, MediaType, MimeVersion, MinExpires, MinSe, Organization,
    PAssertedIdentity, PPreferredIdentity, Path, Priority, Privacy, ProxyAuthenticate,
    ProxyAuthorization, ProxyRequire, RAck, RSeq, Reason, RecordRoute, ReferTo, ReferredBy,
    Refresher, Replaces, ReplyTo, Require, RetryAfter, Route, Server, ServiceRoute, SessionExpires,
    SessionIdentifier, Subject, SubscriptionState, Supported, Timestamp, To, TypedHeader,
    Unsupported, UserAgent, Warning, WwwAuthenticate,
};
pub use crate::limits::Limits;
pub use crate::message::{Message, Request, Response};
pub use crate::method::Method;
pub use crate::multipart::{BodyError, Multipart, MultipartWriter, Part};
pub use crate::name::{HeaderName, Name};
pub use crate::name_addr::NameAddr;
pub use crate::outgoing::{OutgoingRequest, OutgoingResponse};
pub use crate::params::Params;
pub use crate::received::{Contacts, HeaderLine, HeaderValues, ListValues, Received};
pub use crate::reject::reject;
pub use crate::status::StatusCode;
pub use crate::stream::{FrameError, StreamDecoder, StreamItem};
pub use crate::text::{is_token, split_list};
pub use crate::uri::{Scheme, Uri, UriBuilder, UriError};
pub use crate::validate::Invalid;
pub use crate::via::Via;
