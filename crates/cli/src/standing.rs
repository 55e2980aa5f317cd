//! How a user agent stands with its server, in lines for people and machines.

use offhook::{UserAgent, UserAgentEvent};
use serde_json::json;

use crate::exit::Failure;
use crate::output::Output;

/// Tells how the user agent stands.
#[derive(Debug)]
pub(crate) struct Standing<'a> {
    output: &'a Output,
    address: &'a str,
    has_server: bool,
    /// Once at least.
    registered: bool,
    /// And nothing went wrong since.
    connected: bool,
}

impl<'a> Standing<'a> {
    pub(crate) fn new(output: &'a Output, address: &'a str, has_server: bool) -> Self {
        Self {
            output,
            address,
            has_server,
            registered: false,
            connected: false,
        }
    }

    pub(crate) fn listening(&self, user_agent: &UserAgent) {
        for (transport, address) in user_agent.local_addresses() {
            let text = format!("listening on {transport} {address}");
            let transport = transport.as_str().to_ascii_lowercase();
            let fields = json!({ "transport": transport, "address": address.to_string() });
            self.output.event("listening", text, fields);
        }
        if !self.has_server {
            self.waiting();
        }
    }

    pub(crate) fn waiting(&self) {
        self.output.working(format_args!(
            "{} waits for calls; Ctrl-C ends",
            self.address
        ));
    }

    /// The first failure is the user's to solve; after that it goes on trying.
    pub(crate) fn tell(&mut self, event: &UserAgentEvent) -> Result<(), Failure> {
        match event {
            UserAgentEvent::Registered { expires, .. } => {
                // A mere refresh is nobody's concern; that it is well again is.
                if !self.connected {
                    let again = if self.registered { " again" } else { "" };
                    let text = format!("registered{again} as {}", self.address);
                    let fields = json!({ "address": self.address, "expires_s": expires.as_secs() });
                    self.output.event("registered", text, fields);
                }
                self.registered = true;
                self.connected = true;
                self.waiting();
            }
            UserAgentEvent::Disconnected { error, .. }
            | UserAgentEvent::RegistrationFailed { error, .. } => {
                if !self.registered {
                    return Err(error.clone().into());
                }
                self.connected = false;
                let fields = json!({ "message": error.to_string() });
                self.output.event(event.name(), event, fields);
            }
            UserAgentEvent::Unregistered { cause, .. } => {
                self.connected = false;
                let fields = json!({ "cause": cause.map(|cause| cause.as_str()) });
                self.output.event(event.name(), event, fields);
            }
            _ => {}
        }
        Ok(())
    }
}
