//! Who may do what: digest for the exchange's own users (RFC 3261, 22; RFC 8760).

use std::collections::HashMap;

use offhook_core::auth::{DigestAlgorithm, DigestServer, Secret, Verdict};
use offhook_core::{FlowId, Instant};
use offhook_sip::{
    Authorization, Credentials, HeaderFields, HeaderName, ProxyAuthorization, Request, StatusCode,
};

use crate::proxy::Refusal;

/// After so many wrong passwords on one flow there is no further challenge, only a refusal.
const MAX_ATTEMPTS: u32 = 5;

/// As whom the exchange asks for a password.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(crate) enum Role {
    /// As the registrar: 401.
    Registrar,
    /// As a proxy: 407.
    Proxy,
}

/// Checks passwords.
pub(crate) struct Gate {
    digest: DigestServer,
    /// Passwords by user; `None` asks nobody for one.
    users: Option<HashMap<String, String>>,
    /// Wrong passwords in a row.
    attempts: HashMap<FlowId, u32>,
}

impl Gate {
    pub(crate) fn new(
        realm: &str,
        users: Option<HashMap<String, String>>,
        algorithms: &[DigestAlgorithm],
        secret: [u8; 32],
    ) -> Gate {
        Gate {
            digest: DigestServer::new(realm, algorithms.iter().copied(), secret),
            users,
            attempts: HashMap::new(),
        }
    }

    /// Whether there may be such a user.
    pub(crate) fn admits(&self, user: &str) -> bool {
        self.users
            .as_ref()
            .is_none_or(|users| users.contains_key(user))
    }

    /// Whether a request comes from `user`; the refusal says what to answer if that is not proven.
    pub(crate) fn check(
        &mut self,
        now: Instant,
        role: Role,
        request: &Request,
        flow: FlowId,
        user: &str,
    ) -> Result<(), Refusal> {
        let Some(users) = &self.users else {
            return Ok(());
        };
        let credentials: Vec<Credentials<'_>> = match role {
            Role::Registrar => request
                .typed_all::<Authorization<'_>>()
                .filter_map(|credentials| Some(credentials.ok()?.0))
                .collect(),
            Role::Proxy => request
                .typed_all::<ProxyAuthorization<'_>>()
                .filter_map(|credentials| Some(credentials.ok()?.0))
                .collect(),
        };
        let verdict = self.digest.verify(
            now,
            &credentials,
            request.method().as_str(),
            request.body(),
            |user| users.get(user).cloned().map(Secret::Password),
        );
        match verdict {
            Verdict::Ok { user: proven } => {
                self.attempts.remove(&flow);
                if proven == user {
                    return Ok(());
                }
                Err(Refusal::new(StatusCode::FORBIDDEN).with_reason("Not Your Address"))
            }
            Verdict::Wrong => {
                let attempts = self.attempts.entry(flow).or_default();
                *attempts += 1;
                if *attempts >= MAX_ATTEMPTS {
                    return Err(
                        Refusal::new(StatusCode::FORBIDDEN).with_reason("Too Many Wrong Passwords")
                    );
                }
                Err(self.challenge(now, role, false))
            }
            Verdict::Stale => Err(self.challenge(now, role, true)),
            _ => Err(self.challenge(now, role, false)),
        }
    }

    fn challenge(&mut self, now: Instant, role: Role, stale: bool) -> Refusal {
        let (status, name) = match role {
            Role::Registrar => (StatusCode::UNAUTHORIZED, HeaderName::WwwAuthenticate),
            Role::Proxy => (
                StatusCode::PROXY_AUTHENTICATION_REQUIRED,
                HeaderName::ProxyAuthenticate,
            ),
        };
        let challenges = self.digest.challenge(now, stale);
        challenges
            .into_iter()
            .fold(Refusal::new(status), |refusal, challenge| {
                refusal.with_header(name, challenge)
            })
    }

    /// Takes the credentials meant for us out of a request that goes on (RFC 3261, 22.3).
    pub(crate) fn take_credentials(&self, headers: &mut HeaderFields) {
        let name = HeaderName::ProxyAuthorization;
        let all: Vec<String> = headers.get_all(name).map(str::to_owned).collect();
        if all.is_empty() {
            return;
        }
        headers.remove(name);
        for value in all {
            let ours = Credentials::parse(&value)
                .is_ok_and(|c| c.params.get("realm").as_deref() == Some(self.digest.realm()));
            if !ours {
                // What was received can be written.
                let _ = headers.push(name, value);
            }
        }
    }

    pub(crate) fn forget(&mut self, flow: FlowId) {
        self.attempts.remove(&flow);
    }
}

impl std::fmt::Debug for Gate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gate")
            .field("users", &self.users.as_ref().map(HashMap::len))
            .finish_non_exhaustive()
    }
}
