//! The registrar: REGISTER requests in, bindings out (RFC 3261, 10.3).

use std::time::Duration;

use offhook_core::Instant;
use offhook_sip::{Contacts, Expires, HeaderName, NameAddr, Request, StatusCode};

use crate::location::{Binding, BindingId, Changes, Locations, Reach, Registration, Rejected};
use crate::proxy::Refusal;

/// The bounds of what a registrar grants.
#[derive(Clone, Debug)]
pub(crate) struct RegistrarSettings {
    pub(crate) min_expires: Duration,
    pub(crate) default_expires: Duration,
    pub(crate) max_expires: Duration,
    pub(crate) max_contacts: usize,
    pub(crate) max_users: usize,
}

impl Default for RegistrarSettings {
    fn default() -> Self {
        RegistrarSettings {
            min_expires: Duration::from_secs(10),
            default_expires: Duration::from_secs(600),
            max_expires: Duration::from_secs(7200),
            max_contacts: 10,
            max_users: 10_000,
        }
    }
}

/// The registrar and its location service.
#[derive(Debug)]
pub(crate) struct Registrar {
    settings: RegistrarSettings,
    pub(crate) locations: Locations,
}

impl Registrar {
    pub(crate) fn new(settings: RegistrarSettings) -> Registrar {
        Registrar {
            locations: Locations::new(settings.max_users, settings.max_contacts),
            settings,
        }
    }

    /// Does what an authorised REGISTER asks for, all of it or nothing.
    pub(crate) fn register(
        &mut self,
        now: Instant,
        user: &str,
        request: &Request,
        reach: &Reach,
    ) -> Result<Changes, Refusal> {
        let malformed = |_| Refusal::new(StatusCode::BAD_REQUEST);
        let call_id = request.call_id().map_err(malformed)?;
        let cseq = request.cseq().map_err(malformed)?.number;
        let default = request.typed::<Expires>().map_err(malformed)?;
        let contacts = match request.contacts().map_err(malformed)? {
            Contacts::List(contacts) => contacts,
            Contacts::Star if default == Some(Expires(0)) => {
                return self
                    .locations
                    .unregister_all(user, call_id, cseq)
                    .map_err(|rejected| self.refuse(rejected));
            }
            Contacts::Star => {
                return Err(
                    Refusal::new(StatusCode::BAD_REQUEST).with_reason("Contact * Needs Expires 0")
                );
            }
        };
        let registrations = contacts
            .into_iter()
            .map(|contact| self.registration(now, contact, default))
            .collect::<Result<Vec<_>, _>>()?;
        self.locations
            .register(now, user, &registrations, call_id, cseq, reach)
            .map_err(|rejected| self.refuse(rejected))
    }

    fn registration(
        &self,
        now: Instant,
        contact: NameAddr<'_>,
        default: Option<Expires>,
    ) -> Result<Registration, Refusal> {
        if !contact.uri.is_sip() {
            return Err(Refusal::new(StatusCode::BAD_REQUEST).with_reason("Contact Is No SIP URI"));
        }
        // An expires parameter that cannot be read counts as an hour (RFC 3261, 10.2.1.1).
        let asked = match contact.param("expires") {
            Some(seconds) => Some(seconds.parse::<u32>().map_or(3600, u64::from)),
            None => default.map(|Expires(seconds)| u64::from(seconds)),
        };
        let asked = asked.map_or(self.settings.default_expires, Duration::from_secs);
        if !asked.is_zero() && asked < self.settings.min_expires {
            let min = whole_seconds(self.settings.min_expires);
            return Err(Refusal::new(StatusCode::INTERVAL_TOO_BRIEF)
                .with_header(HeaderName::MinExpires, min.to_string()));
        }
        Ok(Registration {
            contact: contact.without_param("expires").into_owned(),
            expires: now + asked.min(self.settings.max_expires),
        })
    }

    fn refuse(&self, rejected: Rejected) -> Refusal {
        match rejected {
            Rejected::OutOfOrder => {
                Refusal::new(StatusCode::SERVER_INTERNAL_ERROR).with_reason("CSeq Out Of Order")
            }
            Rejected::TooManyContacts => {
                Refusal::new(StatusCode::FORBIDDEN).with_reason("Too Many Contacts")
            }
            Rejected::TooManyUsers => Refusal::new(StatusCode::SERVICE_UNAVAILABLE),
        }
    }

    /// The Contact values of the answer: every binding with what is left of its time, and where
    /// they are wanted, its GRUUs.
    pub(crate) fn contacts(
        &self,
        now: Instant,
        user: &str,
        gruus: Option<(&str, &str)>,
    ) -> Vec<String> {
        let contact = |binding: &Binding| {
            let left = whole_seconds(binding.expires - now).to_string();
            let contact = binding.contact.clone().with_param("expires", Some(&left));
            match gruus {
                Some((aor, domain)) => self
                    .locations
                    .with_gruus(binding, contact, aor, domain)
                    .to_string(),
                None => contact.to_string(),
            }
        };
        self.locations.of(user).iter().map(contact).collect()
    }

    /// When a binding ends.
    pub(crate) fn deadline(&self, user: &str, id: BindingId) -> Option<Instant> {
        let bindings = self.locations.of(user).iter();
        bindings
            .filter(|binding| binding.id == id)
            .map(|binding| binding.expires)
            .next()
    }
}

fn whole_seconds(duration: Duration) -> u64 {
    duration.as_secs() + u64::from(duration.subsec_nanos() > 0)
}
