//! The protocol's brain: SIP transactions, dialogs, registration and sessions, without sockets,
//! clocks, tasks or callbacks.
//!
//! [`Agent`] owns all protocol state. A driver feeds it what came from the network, from the peer
//! connections and from the application, and drains what is to be done. Time is an argument and
//! chance is a seed, so that a browser, a native task and a simulator run the same machine, and
//! every race can be replayed.
//!
//! ```
//! use offhook_core::{Agent, Config, Destination, Event, Instant, Output};
//! use offhook_sip::Uri;
//!
//! let mut config = Config::new(Uri::parse("sip:alice@example.com")?.into_owned());
//! config.servers.push(Destination::from_url("wss://sip.example.com")?);
//! let mut agent = Agent::new(config, [0; 32])?; // a random seed in production
//!
//! agent.start(Instant::ZERO);
//! let mut asked_to_connect = false;
//! while let Some(output) = agent.poll() {
//!     match output {
//!         Output::Open { destination, .. } => {
//!             asked_to_connect = destination.to_string() == "wss://sip.example.com:443";
//!         }
//!         Output::Event(event) => assert!(matches!(event, Event::Connecting { attempt: 0 })),
//!         _ => {}
//!     }
//! }
//! assert!(asked_to_connect);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The rule: **drain [`Agent::poll`] after every single call into the agent.** It never calls
//! out, so an application may command it from inside the handling of any output.

mod agent;
mod ask;
pub mod auth;
mod cause;
mod config;
mod connection;
mod context;
mod counters;
mod destination;
mod dialog;
mod end;
mod errand;
mod error;
mod event;
mod flow;
mod gruu;
mod headers;
mod identifier;
mod inquiry;
mod keep_alive;
mod map;
mod media;
mod names;
mod offer_answer;
mod options;
mod owners;
mod preloaded;
mod random;
mod registration;
mod request;
mod sdpfrag;
mod session;
pub mod stun;
mod subscription;
mod time;
mod timer;
mod transaction;

pub use agent::{Agent, Input};
pub use ask::{AskId, Invitation, Question, Reply};
pub use cause::Cause;
pub use config::{Config, ConfigError};
pub use counters::{Counters, Live};
pub use destination::{Destination, DestinationError};
pub use end::{is_answered_elsewhere, reasons};
pub use error::CommandError;
pub use event::{End, Event, Originator, Output, SdpQuestion, SessionEvent};
pub use flow::{FlowId, Transport};
pub use media::{ConnectionState, MediaReport, MediaRequest, MediaStep, SdpKind};
pub use options::{
    AnswerOptions, Body, CallOptions, DtmfOptions, DtmfTransport, ExtraHeaders, MediaKinds,
    TerminateOptions,
};
pub use request::{RequestFailure, RequestId, RequestOptions};
pub use session::{
    Direction, OnHold, ProgressOptions, ReferOptions, ReofferOptions, SessionId, SessionInfo,
    SessionMut, Status,
};
pub use subscription::{
    GrantOptions, LastNotify, NotifierEvent, NotifyOptions, ReferState, StatusLine,
    SubscribeOptions, SubscriberEvent, SubscriptionEnd, SubscriptionId,
};
pub use time::Instant;
pub use timer::TimerQueue;
pub use transaction::{
    AutoTrying, Hop, NoSuchTransaction, Received, RespondError, SendError, TimerName,
    TransactionEvent, TransactionId, TransactionTimer, TransactionTimings, Transactions,
};
