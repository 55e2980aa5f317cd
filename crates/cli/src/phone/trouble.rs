//! Why a command was not carried out, for people. The phone goes on.

use offhook::{CommandError, Error};
use serde_json::json;

use super::commands::Misspoken;
use crate::exit::Failure;
use crate::output::Output;

/// What is wrong, and what would be right.
#[derive(Debug)]
pub(super) struct Trouble {
    message: String,
    advice: String,
}

impl Trouble {
    pub(super) fn new(message: impl Into<String>, advice: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            advice: advice.into(),
        }
    }

    pub(super) fn tell(&self, output: &Output, line: &str) {
        if output.is_json() {
            let fields = json!({
                "command": line.trim(),
                "message": self.message,
                "advice": self.advice,
            });
            output.event("command:failed", "", fields);
        } else {
            output.note(format_args!("{}; {}", self.message, self.advice));
        }
    }
}

impl From<Misspoken> for Trouble {
    fn from(Misspoken { problem, right }: Misspoken) -> Self {
        Self::new(problem, right)
    }
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        let advice = match &error {
            Error::Command(CommandError::InvalidArgument { .. }) => {
                "help shows how commands are written".to_owned()
            }
            Error::Command(_) => "calls shows how each call stands".to_owned(),
            _ => return Failure::from(error).into(),
        };
        Self::new(error.to_string(), advice)
    }
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Self {
        Self::new(failure.message, failure.advice)
    }
}
