//! The user agent's side: challenges in, credentials out (RFC 3261 §22.2 and §22.3).

use std::fmt;

use offhook_sip::{Challenge, HeaderName, OutgoingRequest, Response, WriteError};

use super::digest::{
    DigestAlgorithm, DigestInput, DigestQop, Protection, quoted_text, response_value,
};
use super::secret::Secret;

/// Realms of which the last challenge is kept. A user agent meets its registrar and a proxy or two.
const MAX_REALMS: usize = 16;
/// Answers with challenges that one request may meet before it is given up: a chain of proxies,
/// each with a realm of its own and a stale nonce, stays below it.
const MAX_CHALLENGES: u32 = 8;
/// Times one realm may call a nonce stale while one request is tried.
const MAX_STALE: u32 = 2;

/// Who asks: a server (401) or a proxy (407).
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
enum Asker {
    Server,
    Proxy,
}

impl Asker {
    const BOTH: [Asker; 2] = [Asker::Server, Asker::Proxy];

    fn challenge_header(self) -> HeaderName {
        match self {
            Asker::Server => HeaderName::WwwAuthenticate,
            Asker::Proxy => HeaderName::ProxyAuthenticate,
        }
    }

    fn credentials_header(self) -> HeaderName {
        match self {
            Asker::Server => HeaderName::Authorization,
            Asker::Proxy => HeaderName::ProxyAuthorization,
        }
    }
}

/// A challenge that can be answered, with the choices made.
#[derive(Clone, Debug)]
struct Offer {
    asker: Asker,
    realm: String,
    nonce: String,
    opaque: Option<String>,
    algorithm: DigestAlgorithm,
    /// The name as the server wrote it; absent if it wrote none, and then we write none.
    algorithm_text: Option<String>,
    qop: Option<DigestQop>,
    stale: bool,
}

impl Offer {
    fn read(asker: Asker, value: &str) -> Option<Offer> {
        let challenge = Challenge::parse(value).ok()?;
        if !challenge.scheme.eq_ignore_ascii_case("Digest") {
            return None;
        }
        let get = |name: &str| challenge.params.get(name).map(|value| value.into_owned());
        let algorithm_text = get("algorithm");
        Some(Offer {
            asker,
            realm: get("realm")?,
            nonce: get("nonce")?,
            opaque: get("opaque"),
            algorithm: match &algorithm_text {
                Some(name) => DigestAlgorithm::parse(name)?,
                None => DigestAlgorithm::Md5,
            },
            algorithm_text,
            qop: match get("qop") {
                Some(list) => Some(choose_qop(&list)?),
                None => None,
            },
            stale: get("stale").is_some_and(|stale| stale.eq_ignore_ascii_case("true")),
        })
    }

    fn is_from(&self, asker: Asker, realm: &str) -> bool {
        self.asker == asker && self.realm == realm
    }
}

/// `auth` where the server takes it: with `auth-int`, a proxy on the way that may rewrite the body
/// (an SBC does, with every SDP) would make right credentials wrong.
fn choose_qop(list: &str) -> Option<DigestQop> {
    let known = || {
        list.split(',')
            .filter_map(|name| DigestQop::parse(name.trim_ascii()))
    };
    known()
        .find(|qop| *qop == DigestQop::Auth)
        .or(known().next())
}

/// What one response asks.
#[derive(Default)]
struct Heard {
    /// One for each realm.
    offers: Vec<Offer>,
    /// A realm that asks in a way we understand but have no secret for.
    refused: Option<String>,
    /// Everything that was offered, for people.
    named: String,
}

/// The latest challenge of a realm and how often its nonce was used.
#[derive(Clone, Debug)]
struct Known {
    offer: Offer,
    /// The count of the last request with this nonce.
    nonce_count: u32,
    /// The client nonce of the first request with this nonce, which a `-sess` key stands on.
    session_cnonce: Option<String>,
}

/// The credentials of a user agent and the nonces it may use, by realm.
///
/// A request that meets a 401 or 407 is tried again so: make an [`AuthAttempt`] with the request,
/// hand every such answer to [`challenged`](AuthStore::challenged), and on `Ok` send the request
/// again, with the next CSeq, after [`authorize`](AuthStore::authorize). The user agent, not the
/// request, owns the nonces: their counts go on over requests.
///
/// Holds the challenges of at most 16 realms; the one used longest ago goes first.
#[derive(Clone, Debug)]
pub struct AuthStore {
    user: Option<(String, Secret)>,
    preemptive: bool,
    known: Vec<Known>,
}

impl AuthStore {
    /// A store that answers as `username` with `secret`.
    pub fn new(username: impl Into<String>, secret: Secret) -> AuthStore {
        AuthStore {
            user: Some((username.into(), secret)),
            preemptive: false,
            known: Vec::new(),
        }
    }

    /// A store of a user agent without credentials: every challenge is an error.
    pub fn anonymous() -> AuthStore {
        AuthStore {
            user: None,
            preemptive: false,
            known: Vec::new(),
        }
    }

    /// Whether [`authorize`](AuthStore::authorize) also answers realms that have challenged an
    /// earlier request, which saves a round trip where nonces may be used again. Default: no.
    pub fn with_preemptive(mut self, preemptive: bool) -> AuthStore {
        self.preemptive = preemptive;
        self
    }

    /// The user name that goes into credentials.
    pub fn username(&self) -> Option<&str> {
        self.user.as_ref().map(|(user, _)| user.as_str())
    }

    /// Reads the challenges of a 401 or 407 and decides whether trying again makes sense.
    ///
    /// Of several challenges of one realm, the one with the strongest algorithm we can answer is
    /// taken, among equals the server's first (RFC 8760 §2.4); unknown schemes and algorithms are
    /// passed over. Both kinds of challenge are read whatever the status: a forking proxy puts
    /// what its branches asked into one response (RFC 3261 §16.7).
    ///
    /// # Errors
    ///
    /// - [`AuthError::WrongCredentials`] if a realm that was answered in this attempt asks again
    ///   and does not say that the nonce was stale;
    /// - [`AuthError::TooManyAttempts`] if it says so for ever, or more realms ask than any path
    ///   has;
    /// - [`AuthError::NoCredentials`] if there is no secret for the realm;
    /// - [`AuthError::UnsupportedChallenge`] if nothing in it can be answered by anybody here.
    ///
    /// A response in which at least one realm can still be answered is not an error.
    pub fn challenged(
        &mut self,
        attempt: &mut AuthAttempt,
        response: &Response,
    ) -> Result<(), AuthError> {
        attempt.challenges += 1;
        if attempt.challenges > MAX_CHALLENGES {
            return Err(AuthError::TooManyAttempts {
                challenges: attempt.challenges,
            });
        }

        let Heard {
            offers,
            refused,
            named,
        } = self.hear(response);
        if offers.is_empty() {
            return Err(match refused {
                // Of the right realm, but a stored hash is of another algorithm.
                Some(realm) if self.covers(&realm) => {
                    AuthError::UnsupportedChallenge { offered: named }
                }
                Some(realm) => AuthError::NoCredentials { realm },
                None => AuthError::UnsupportedChallenge { offered: named },
            });
        }

        let mut refusal = None;
        let mut worth_it = false;
        for offer in offers {
            match attempt.note(&offer) {
                Reaction::Answer => {
                    worth_it = true;
                    self.remember(offer);
                }
                Reaction::Wrong => {
                    self.forget(&offer);
                    refusal = Some(AuthError::WrongCredentials {
                        realm: offer.realm,
                        user: self.username().unwrap_or_default().to_owned(),
                    });
                }
                Reaction::StaleForEver => {
                    self.forget(&offer);
                    refusal.get_or_insert(AuthError::TooManyAttempts {
                        challenges: attempt.challenges,
                    });
                }
            }
        }
        match refusal {
            Some(refusal) if !worth_it => Err(refusal),
            _ => Ok(()),
        }
    }

    /// The best challenge of every realm that we can answer.
    fn hear(&self, response: &Response) -> Heard {
        let mut heard = Heard::default();
        for asker in Asker::BOTH {
            for value in response.headers(asker.challenge_header()) {
                name_challenge(&mut heard.named, value);
                let Some(offer) = Offer::read(asker, value) else {
                    continue;
                };
                if !self.can_answer(&offer) {
                    heard.refused.get_or_insert(offer.realm);
                    continue;
                }
                let same_realm = heard
                    .offers
                    .iter()
                    .position(|other| other.is_from(asker, &offer.realm));
                match same_realm {
                    Some(index) => {
                        let best = &mut heard.offers[index];
                        if offer.algorithm.strength() > best.algorithm.strength() {
                            *best = offer;
                        }
                    }
                    None if heard.offers.len() < MAX_REALMS => heard.offers.push(offer),
                    None => {}
                }
            }
        }
        heard
    }

    /// Puts `Authorization` and `Proxy-Authorization` on `request`, one for each realm that has
    /// challenged in `attempt`, and counts their nonces up. Digest credentials that stand there
    /// already are replaced, those of other schemes stay.
    ///
    /// Call it last: method, request URI and, for `auth-int`, the body go into the hash. `cnonce`
    /// is a fresh random text of the caller's.
    ///
    /// # Errors
    ///
    /// [`WriteError`] if a value cannot stand in a header, for example a user name with a line
    /// break.
    pub fn authorize(
        &mut self,
        attempt: &AuthAttempt,
        request: &mut OutgoingRequest,
        cnonce: &str,
    ) -> Result<(), WriteError> {
        for asker in Asker::BOTH {
            let name = asker.credentials_header();
            let mut values: Vec<String> = request
                .headers()
                .get_all(name)
                .filter(|value| !is_digest(value))
                .map(str::to_owned)
                .collect();
            for known in &mut self.known {
                let offer = &known.offer;
                if offer.asker != asker || !(self.preemptive || attempt.has(asker, &offer.realm)) {
                    continue;
                }
                if let Some((user, secret)) = &self.user {
                    values.extend(known.credentials(user, secret, request, cnonce));
                }
            }
            request.headers_mut().remove(name);
            for value in values {
                request.headers_mut().push(name, value)?;
            }
        }
        Ok(())
    }

    fn covers(&self, realm: &str) -> bool {
        self.user
            .as_ref()
            .is_some_and(|(_, secret)| secret.covers(realm))
    }

    fn can_answer(&self, offer: &Offer) -> bool {
        self.user.as_ref().is_some_and(|(_, secret)| match secret {
            Secret::Password(_) => true,
            Secret::Ha1 { realm, .. } => *realm == offer.realm && offer.algorithm.is_md5(),
        })
    }

    fn remember(&mut self, offer: Offer) {
        let same_nonce = self
            .known
            .iter()
            .position(|known| known.offer.is_from(offer.asker, &offer.realm))
            .map(|index| self.known.remove(index))
            .filter(|known| known.offer.nonce == offer.nonce);
        if self.known.len() >= MAX_REALMS {
            self.known.remove(0);
        }
        // A server that challenges with the nonce we hold still counts its uses.
        let (nonce_count, session_cnonce) = same_nonce
            .map(|known| (known.nonce_count, known.session_cnonce))
            .unwrap_or_default();
        self.known.push(Known {
            offer,
            nonce_count,
            session_cnonce,
        });
    }

    fn forget(&mut self, offer: &Offer) {
        self.known
            .retain(|known| !known.offer.is_from(offer.asker, &offer.realm));
    }
}

impl Known {
    /// The header value for `request`; `None` if the secret does not fit or the nonce is used up.
    fn credentials(
        &mut self,
        user: &str,
        secret: &Secret,
        request: &OutgoingRequest,
        cnonce: &str,
    ) -> Option<String> {
        let offer = &self.offer;
        let user_hash = secret.user_hash(offer.algorithm, user, &offer.realm)?;
        self.nonce_count = self.nonce_count.checked_add(1)?;
        let nc = format!("{:08x}", self.nonce_count);
        let is_session = offer.algorithm.is_session();
        // RFC 7616 computes the session key once, with the first client nonce, and servers differ
        // in whether they do; the same client nonce again satisfies both.
        let cnonce = if is_session {
            self.session_cnonce.get_or_insert_with(|| cnonce.to_owned())
        } else {
            cnonce
        };
        let cnonce = &*quoted_text(cnonce);
        let nonce = &*quoted_text(&offer.nonce);
        let uri = &*quoted_text(request.uri());
        let response = response_value(
            &user_hash,
            &DigestInput {
                algorithm: offer.algorithm,
                nonce,
                protection: offer.qop.map(|qop| Protection {
                    qop,
                    qop_text: qop.as_str(),
                    nc: &nc,
                    cnonce,
                }),
                session_cnonce: cnonce,
                method: request.method().as_str(),
                uri,
                body: request.body(),
            },
        );

        let mut value = format!(
            r#"Digest username="{}", realm="{}", nonce="{nonce}", uri="{uri}", response="{response}""#,
            quoted_text(user),
            quoted_text(&offer.realm),
        );
        if let Some(name) = &offer.algorithm_text {
            value += &format!(", algorithm={name}");
        }
        if offer.qop.is_some() || is_session {
            value += &format!(r#", cnonce="{cnonce}""#);
        }
        if let Some(opaque) = &offer.opaque {
            value += &format!(r#", opaque="{}""#, quoted_text(opaque));
        }
        if let Some(qop) = offer.qop {
            value += &format!(", qop={qop}, nc={nc}");
        }
        Some(value)
    }
}

fn is_digest(credentials: &str) -> bool {
    credentials
        .split_ascii_whitespace()
        .next()
        .is_some_and(|scheme| scheme.eq_ignore_ascii_case("Digest"))
}

/// Adds scheme and algorithm of a challenge to a list for people.
fn name_challenge(list: &mut String, value: &str) {
    const ENOUGH: usize = 120;
    let name = match Challenge::parse(value) {
        Ok(challenge) => match challenge.params.get("algorithm") {
            Some(algorithm) => format!("{} {algorithm}", challenge.scheme),
            None => challenge.scheme.to_string(),
        },
        Err(_) => "a malformed one".to_owned(),
    };
    if list.len() + name.len() < ENOUGH {
        if !list.is_empty() {
            list.push_str(", ");
        }
        list.push_str(&name);
    }
}

/// What has been tried for one request, over all its retries. Start with `default()`.
#[derive(Clone, Debug, Default)]
pub struct AuthAttempt {
    challenges: u32,
    answered: Vec<Answered>,
}

#[derive(Clone, Debug)]
struct Answered {
    asker: Asker,
    realm: String,
    stale: u32,
}

/// What one challenge means for the attempt.
enum Reaction {
    Answer,
    Wrong,
    StaleForEver,
}

impl AuthAttempt {
    fn has(&self, asker: Asker, realm: &str) -> bool {
        self.answered
            .iter()
            .any(|answered| answered.asker == asker && answered.realm == realm)
    }

    fn note(&mut self, offer: &Offer) -> Reaction {
        let Some(answered) = self
            .answered
            .iter_mut()
            .find(|answered| offer.is_from(answered.asker, &answered.realm))
        else {
            self.answered.push(Answered {
                asker: offer.asker,
                realm: offer.realm.clone(),
                stale: 0,
            });
            return Reaction::Answer;
        };
        if !offer.stale {
            return Reaction::Wrong;
        }
        answered.stale += 1;
        if answered.stale > MAX_STALE {
            return Reaction::StaleForEver;
        }
        Reaction::Answer
    }
}

/// Why a challenged request is not worth another try.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum AuthError {
    /// There is no user name and password, or the hash at hand belongs to another realm.
    NoCredentials {
        /// The realm that asks.
        realm: String,
    },
    /// No scheme, algorithm or quality of protection of the challenge is known here.
    UnsupportedChallenge {
        /// What was offered; empty if the response had no challenge at all.
        offered: String,
    },
    /// The realm refused the answer to its challenge.
    WrongCredentials {
        /// The realm that asks.
        realm: String,
        /// The user name that was sent.
        user: String,
    },
    /// The request was challenged again and again without an end in sight.
    TooManyAttempts {
        /// How many responses carried a challenge.
        challenges: u32,
    },
}

impl fmt::Display for AuthError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AuthError::NoCredentials { realm } => write!(
                f,
                "realm {realm:?} asks for credentials and there are none for it: set a password"
            ),
            AuthError::UnsupportedChallenge { offered } if offered.is_empty() => f.write_str(
                "the server asks for authentication without a challenge: a WWW-Authenticate or \
                 Proxy-Authenticate header is missing",
            ),
            AuthError::UnsupportedChallenge { offered } => write!(
                f,
                "the server asks for authentication by {offered}, which cannot be answered: \
                 Digest with MD5 (a stored hash answers only that), SHA-256 or SHA-512-256 can"
            ),
            AuthError::WrongCredentials { realm, user } => write!(
                f,
                "realm {realm:?} refuses the credentials of user {user:?}: check user name and \
                 password"
            ),
            AuthError::TooManyAttempts { challenges } => write!(
                f,
                "the request was challenged {challenges} times without being accepted"
            ),
        }
    }
}

impl std::error::Error for AuthError {}
