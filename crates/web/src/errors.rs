//! Why something was not done, as the rows that the commands throw.

use offhook_core::{CommandError, ConfigError, Status};
use wasm_bindgen::JsValue;

use crate::rows::Row;

/// What a command throws: an `ErrorRow`, or of the constructor a `ConfigErrorRow`.
pub struct Refusal(Row);

impl From<Refusal> for JsValue {
    fn from(refusal: Refusal) -> JsValue {
        refusal.0.into()
    }
}

impl From<CommandError> for Refusal {
    fn from(error: CommandError) -> Refusal {
        Refusal(match error {
            CommandError::InvalidState { command, status } => {
                Row::of("invalidState").text(command).number(number(status))
            }
            CommandError::NotSupported { what } => Row::of("notSupported").text(what),
            CommandError::InvalidArgument {
                name,
                value,
                expected,
            } => Row::of("invalidArgument")
                .text(name)
                .text(&value)
                .text(expected),
            CommandError::NoSuchSession => Row::of("noSuchSession"),
            CommandError::NoSuchSubscription => Row::of("noSuchSubscription"),
            // `Stopped`, and what a core to come may say.
            _ => Row::of("stopped"),
        })
    }
}

impl From<ConfigError> for Refusal {
    fn from(error: ConfigError) -> Refusal {
        config(error.parameter, &error.value, error.expected)
    }
}

/// A parameter of the configuration that cannot work.
pub(crate) fn config(parameter: &str, value: &str, expected: &str) -> Refusal {
    Refusal(Row::of("config").text(parameter).text(value).text(expected))
}

/// An argument that makes no sense.
pub(crate) fn argument(name: &'static str, value: &str, expected: &'static str) -> CommandError {
    CommandError::InvalidArgument {
        name,
        value: value.to_owned(),
        expected,
    }
}

/// How far a session is, by JsSIP's numbers (`RTCSession.C`). Its `STATUS_CANCELED`, 7, is none of
/// ours: a session that is cancelled has ended.
pub(crate) fn number(status: Status) -> f64 {
    match status {
        Status::Null => 0.0,
        Status::InviteSent => 1.0,
        Status::ProgressReceived => 2.0,
        Status::InviteReceived => 3.0,
        Status::WaitingForAnswer => 4.0,
        Status::Answered => 5.0,
        Status::WaitingForAck => 6.0,
        Status::Terminated => 8.0,
        Status::Confirmed => 9.0,
    }
}
