//! `--web`: the page that is served beside the exchange, and what it is told.

use std::fmt::Write;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use offhook::Transport;
use offhook_exchange::{Exchange, Site, SiteError};
use serde_json::{Value, json};

use super::echo_number;
use crate::args::{Listen, User};
use crate::exit::{Code, Failure};
use crate::output::Output;

/// Where the built page lies in the sources.
const PAGE: &str = "examples/web-phone/dist";

/// Those who may try it when nobody is named.
const DEMO_USERS: [&str; 2] = ["alice", "bob"];

/// The page, ready to be served.
#[derive(Debug)]
pub(crate) struct Web {
    site: Site,
    /// Made up for this run, and told to the page.
    pub(crate) demo: Vec<User>,
}

impl Web {
    /// Reads the page, and makes what it needs to know. Without `users` there are demo accounts,
    /// whose passwords nobody but the page learns.
    pub(crate) fn prepare(
        folder: Option<&Path>,
        listen: &[Listen],
        users: &[User],
        domain: &str,
    ) -> Result<Web, Failure> {
        let sockets: Vec<&Listen> = listen
            .iter()
            .filter(|listen| matches!(listen.transport, Transport::Ws | Transport::Wss))
            .collect();
        if sockets.is_empty() {
            return Err(Failure::new(
                Code::Usage,
                "the page of --web has no way to the exchange: there is no WebSocket to listen on",
                "Add --listen ws:127.0.0.1:8080; the page is served at the same address.",
            ));
        }
        let folder = folder.map_or_else(find_page, Path::to_owned);
        let mut site = Site::folder(&folder).map_err(|error| unbuilt(&error))?;
        let mut demo = Vec::new();
        if users.is_empty() {
            if !sockets
                .iter()
                .all(|socket| socket.address.ip().is_loopback())
            {
                return Err(Failure::new(
                    Code::Usage,
                    "nobody is named who may use the exchange, and others can reach its address",
                    "Name the users with --user NAME:PASSWORD, or listen on a loopback address.",
                ));
            }
            for name in DEMO_USERS {
                demo.push(User {
                    name: name.to_owned(),
                    password: secret()?,
                });
            }
            site = site.on_this_machine_only();
        }
        let config = config(domain, users, &demo);
        site = site.with_file("config.json", config.to_string());
        Ok(Web { site, demo })
    }

    pub(crate) fn site(&self) -> Site {
        self.site.clone()
    }

    /// Tells where to look.
    pub(crate) fn tell(&self, exchange: &Exchange, output: &Output) {
        let Some((transport, address)) = exchange
            .addresses()
            .iter()
            .find(|(transport, _)| matches!(transport, Transport::Ws | Transport::Wss))
        else {
            return;
        };
        let scheme = match transport {
            Transport::Wss => "https",
            _ => "http",
        };
        let here = address.ip().is_loopback() || address.ip().is_unspecified();
        let host = match address.ip() {
            _ if here => "localhost".to_owned(),
            IpAddr::V4(address) => address.to_string(),
            IpAddr::V6(address) => format!("[{address}]"),
        };
        let url = format!("{scheme}://{host}:{}/", address.port());
        let names: Vec<&str> = self.demo.iter().map(|user| user.name.as_str()).collect();
        let secure = *transport == Transport::Wss || address.ip().is_loopback();
        output.event(
            "web",
            format_args!("open {url} in a browser"),
            json!({ "url": url, "demo_users": names, "secure": secure }),
        );
        if !secure {
            output.note(
                "offhook: browsers give a page the microphone only when it comes from localhost or \
                 by https. From other machines, go through a tunnel, as ssh -L \
                 8080:127.0.0.1:8080 HOST makes, or put a server with a certificate before it.",
            );
        }
    }
}

/// What the page finds at `config.json`.
fn config(domain: &str, users: &[User], demo: &[User]) -> Value {
    let address = |name: &str| format!("sip:{name}@{domain}");
    let known = users
        .iter()
        .map(|user| json!({ "address": address(&user.name) }));
    let made = demo
        .iter()
        .map(|user| json!({ "address": address(&user.name), "password": user.password }));
    json!({
        // Relative to the page: whatever way it came, the exchange is at the other end.
        "server": "/",
        "domain": domain,
        "accounts": known.chain(made).collect::<Vec<Value>>(),
        "numbers": [{
            "name": "Echo",
            "address": address(echo_number::USER),
            "about": "You hear yourself, a moment later.",
        }],
    })
}

/// A password that nobody guesses.
pub(crate) fn secret() -> Result<String, Failure> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| {
        let message = format!("the system gives no random numbers: {error}");
        Failure::new(Code::Internal, message, "Check the limits of this process.")
    })?;
    let mut secret = String::new();
    for byte in bytes {
        let _ = write!(secret, "{byte:02x}");
    }
    Ok(secret)
}

/// Where the page is: in the sources that this folder, or the command itself, stands in.
fn find_page() -> PathBuf {
    let starts = [std::env::current_dir(), std::env::current_exe()];
    for start in starts.iter().flatten() {
        let mut places = start.ancestors().map(|folder| folder.join(PAGE));
        if let Some(page) = places.find(|page| page.join("index.html").is_file()) {
            return page;
        }
    }
    PathBuf::from(PAGE)
}

fn unbuilt(error: &SiteError) -> Failure {
    let advice = match error {
        SiteError::NoIndex { .. } => {
            "Build the page: (cd npm && npm ci && npm run build) && \
             (cd examples/web-phone && npm ci && npm run build). Or name its folder, as \
             --web=FOLDER."
        }
        _ => "Name the folder of a built page, as --web=examples/web-phone/dist.",
    };
    Failure::new(
        Code::Usage,
        format_args!("the page of --web cannot be served: {error}"),
        advice,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(name: &str) -> User {
        User {
            name: name.to_owned(),
            password: "secret".to_owned(),
        }
    }

    #[test]
    fn the_page_learns_the_passwords_of_demo_accounts_only() {
        let config = config("localhost", &[user("carol")], &[user("alice")]);
        let accounts = json!([
            { "address": "sip:carol@localhost" },
            { "address": "sip:alice@localhost", "password": "secret" },
        ]);
        assert_eq!(config["accounts"], accounts);
        assert_eq!(config["numbers"][0]["address"], "sip:echo@localhost");
    }

    #[test]
    fn no_two_passwords_are_the_same() {
        let one = secret().expect("random numbers");
        assert_eq!(one.len(), 32);
        assert_ne!(one, secret().expect("random numbers"));
    }
}
