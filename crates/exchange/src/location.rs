//! The location service: where each user can be reached (RFC 3261, 10).

use std::collections::HashMap;
use std::net::SocketAddr;

use offhook_core::{FlowId, Instant, Transport};
use offhook_sip::{NameAddr, Uri};

use crate::gruu::Temporary;

/// The number of a binding, given once and never again.
#[derive(Copy, Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) struct BindingId(u64);

/// One contact of a user.
#[derive(Clone, Debug)]
pub(crate) struct Binding {
    pub(crate) id: BindingId,
    /// The address as it was registered, without its `expires`.
    pub(crate) contact: NameAddr<'static>,
    pub(crate) expires: Instant,
    pub(crate) call_id: String,
    pub(crate) cseq: u32,
    pub(crate) reach: Reach,
}

/// How a contact is reached: over the connection it registered on, which may be the only way.
#[derive(Clone, Debug)]
pub(crate) struct Reach {
    /// The flow it registered on; gone when that is lost.
    pub(crate) flow: Option<FlowId>,
    pub(crate) transport: Transport,
    /// Where that flow came from.
    pub(crate) remote: SocketAddr,
}

impl Binding {
    /// The preference among the contacts of a user, in thousandths (RFC 3261, 20.10).
    pub(crate) fn q(&self) -> u16 {
        self.contact.param("q").map_or(1000, thousandths)
    }

    /// Whether this is the contact with an earlier URI: who connects anew, over TCP or TLS, comes
    /// from another port and registers that, while its dialogs still name the one before.
    fn moved_from(&self, earlier: &Uri<'_>) -> bool {
        let now = &self.contact.uri;
        let by_connection = matches!(self.reach.transport, Transport::Tcp | Transport::Tls);
        let user = now.user_unescaped().filter(|user| !user.is_empty());
        by_connection
            && user.is_some()
            && user == earlier.user_unescaped()
            && now.scheme() == earlier.scheme()
            && now.param("transport") == earlier.param("transport")
            && now
                .host_ip()
                .is_some_and(|ip| earlier.host_ip() == Some(ip))
    }

    /// Whether a contact that is being registered is this one: the same instance by the same path
    /// (RFC 5626, 6), else the same URI.
    fn is(&self, contact: &NameAddr<'_>) -> bool {
        match (
            self.contact.param("+sip.instance"),
            contact.param("+sip.instance"),
        ) {
            (Some(ours), Some(theirs)) => {
                ours == theirs && self.contact.param("reg-id") == contact.param("reg-id")
            }
            _ => self.contact.uri.equivalent(&contact.uri),
        }
    }
}

/// Reads `1`, `0.7`, `0.123`; what is no `q` counts as the highest, as if it were not there.
fn thousandths(q: &str) -> u16 {
    let (whole, fraction) = q.split_once('.').unwrap_or((q, ""));
    if whole != "0" || fraction.len() > 3 || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return 1000;
    }
    format!("{fraction:0<3}").parse().unwrap_or(1000)
}

/// All bindings of all users.
#[derive(Debug)]
pub(crate) struct Locations {
    users: HashMap<String, Vec<Binding>>,
    /// Whose each binding is.
    owners: HashMap<BindingId, String>,
    last_id: u64,
    max_users: usize,
    max_contacts: usize,
    pub(crate) temporary: Temporary,
}

/// What a registration changed.
#[derive(Debug, Default, Eq, PartialEq)]
pub(crate) struct Changes {
    pub(crate) added: Vec<BindingId>,
    pub(crate) refreshed: Vec<BindingId>,
    pub(crate) removed: Vec<BindingId>,
}

/// Why a registration changed nothing.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(crate) enum Rejected {
    /// A later request of the same user agent came first (RFC 3261, 10.3 step 7).
    OutOfOrder,
    /// The user has as many contacts as allowed.
    TooManyContacts,
    /// As many users are registered as allowed.
    TooManyUsers,
}

/// One contact of a REGISTER request; it is removed when it expires now.
#[derive(Clone, Debug)]
pub(crate) struct Registration {
    pub(crate) contact: NameAddr<'static>,
    pub(crate) expires: Instant,
}

impl Locations {
    pub(crate) fn new(max_users: usize, max_contacts: usize) -> Locations {
        Locations {
            users: HashMap::new(),
            owners: HashMap::new(),
            last_id: 0,
            max_users,
            max_contacts,
            temporary: Temporary::default(),
        }
    }

    /// One contact.
    pub(crate) fn get(&self, id: BindingId) -> Option<&Binding> {
        let bindings = self.of(self.owners.get(&id)?);
        bindings.iter().find(|binding| binding.id == id)
    }

    /// The contacts of a user, oldest first.
    pub(crate) fn of(&self, user: &str) -> &[Binding] {
        self.users.get(user).map_or(&[], Vec::as_slice)
    }

    /// The contacts that registered on a flow, and whose they are.
    pub(crate) fn on_flow(&self, flow: FlowId) -> impl Iterator<Item = (&str, &Binding)> {
        let all = self.users.iter();
        all.flat_map(|(user, bindings)| bindings.iter().map(move |it| (user.as_str(), it)))
            .filter(move |(_, binding)| binding.reach.flow == Some(flow))
    }

    /// How many contacts there are.
    pub(crate) fn len(&self) -> usize {
        self.owners.len()
    }

    /// The contact with this URI, whoever's it is; else the one that has moved from it.
    pub(crate) fn by_contact(&self, uri: &Uri<'_>) -> Option<&Binding> {
        let all = || self.users.values().flatten();
        let mut moved = all().filter(|binding| binding.moved_from(uri));
        all()
            .find(|binding| binding.contact.uri.equivalent(uri))
            // With two of them nobody knows which it is.
            .or_else(|| moved.next().filter(|_| moved.next().is_none()))
    }

    /// Adds, refreshes and removes contacts, all of them or none.
    pub(crate) fn register(
        &mut self,
        now: Instant,
        user: &str,
        registrations: &[Registration],
        call_id: &str,
        cseq: u32,
        reach: &Reach,
    ) -> Result<Changes, Rejected> {
        let mut bindings = self.of(user).to_vec();
        let mut changes = Changes::default();
        for Registration { contact, expires } in registrations {
            let known = bindings.iter().position(|binding| binding.is(contact));
            if let Some(at) = known
                && bindings[at].call_id == call_id
                && bindings[at].cseq >= cseq
            {
                return Err(Rejected::OutOfOrder);
            }
            match known {
                Some(at) if *expires <= now => {
                    changes.removed.push(bindings.remove(at).id);
                }
                Some(at) => {
                    let binding = &mut bindings[at];
                    binding.contact = contact.clone();
                    binding.expires = *expires;
                    binding.call_id = call_id.to_owned();
                    binding.cseq = cseq;
                    binding.reach = reach.clone();
                    changes.refreshed.push(binding.id);
                }
                None if *expires <= now => {}
                None => {
                    self.last_id += 1;
                    let id = BindingId(self.last_id);
                    bindings.push(Binding {
                        id,
                        contact: contact.clone(),
                        expires: *expires,
                        call_id: call_id.to_owned(),
                        cseq,
                        reach: reach.clone(),
                    });
                    changes.added.push(id);
                }
            }
        }
        if bindings.len() > self.max_contacts && !changes.added.is_empty() {
            return Err(Rejected::TooManyContacts);
        }
        if bindings.is_empty() {
            self.users.remove(user);
        } else if self.users.contains_key(user) || self.users.len() < self.max_users {
            self.users.insert(user.to_owned(), bindings);
        } else {
            return Err(Rejected::TooManyUsers);
        }
        for id in &changes.added {
            self.owners.insert(*id, user.to_owned());
        }
        for id in &changes.removed {
            self.owners.remove(id);
            self.temporary.forget(*id);
        }
        Ok(changes)
    }

    /// Removes all contacts of a user (`Contact: *`), or none when one of them was registered later.
    pub(crate) fn unregister_all(
        &mut self,
        user: &str,
        call_id: &str,
        cseq: u32,
    ) -> Result<Changes, Rejected> {
        if self
            .of(user)
            .iter()
            .any(|binding| binding.call_id == call_id && binding.cseq >= cseq)
        {
            return Err(Rejected::OutOfOrder);
        }
        let removed = self.users.remove(user).unwrap_or_default();
        for binding in &removed {
            self.owners.remove(&binding.id);
            self.temporary.forget(binding.id);
        }
        Ok(Changes {
            removed: removed.iter().map(|binding| binding.id).collect(),
            ..Changes::default()
        })
    }

    /// Removes one contact; says whose it was.
    pub(crate) fn remove(&mut self, id: BindingId) -> Option<(String, Binding)> {
        let user = self.owners.remove(&id)?;
        self.temporary.forget(id);
        let bindings = self.users.get_mut(&user)?;
        let at = bindings.iter().position(|binding| binding.id == id)?;
        let binding = bindings.remove(at);
        if bindings.is_empty() {
            self.users.remove(&user);
        }
        Some((user, binding))
    }

    /// A flow is gone: those contacts that only it could reach are returned, to be removed; the
    /// others are reached by a new one.
    pub(crate) fn flow_lost(&mut self, flow: FlowId) -> Vec<BindingId> {
        let mut stranded = Vec::new();
        for binding in self.users.values_mut().flatten() {
            if binding.reach.flow != Some(flow) {
                continue;
            }
            binding.reach.flow = None;
            if matches!(binding.reach.transport, Transport::Ws | Transport::Wss) {
                stranded.push(binding.id);
            }
        }
        stranded.sort_unstable();
        stranded
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn reach(flow: u64) -> Reach {
        Reach {
            flow: Some(FlowId(flow)),
            transport: Transport::Ws,
            remote: "127.0.0.1:9".parse().unwrap(),
        }
    }

    fn until(contact: &str, seconds: u64) -> Registration {
        Registration {
            contact: NameAddr::parse(contact).unwrap().into_owned(),
            expires: Instant::ZERO + Duration::from_secs(seconds),
        }
    }

    fn contacts(locations: &Locations) -> Vec<String> {
        let contacts = locations.of("bob").iter();
        contacts.map(|b| b.contact.uri.to_string()).collect()
    }

    #[test]
    fn the_same_instance_replaces_its_contact_and_another_adds_one() {
        let mut locations = Locations::new(10, 10);
        let first = until("<sip:a@x.invalid>;+sip.instance=\"<urn:1>\";reg-id=1", 60);
        let again = until("<sip:b@y.invalid>;+sip.instance=\"<urn:1>\";reg-id=1", 60);
        let other = until("<sip:c@z.invalid>;+sip.instance=\"<urn:1>\";reg-id=2", 60);
        let now = Instant::ZERO;
        let changes = locations.register(now, "bob", &[first], "1", 1, &reach(1));
        let id = changes.unwrap().added[0];
        let changes = locations.register(now, "bob", &[again], "2", 1, &reach(2));
        assert_eq!(changes.unwrap().refreshed, [id]);
        locations
            .register(now, "bob", &[other], "3", 1, &reach(3))
            .unwrap();
        assert_eq!(contacts(&locations), ["sip:b@y.invalid", "sip:c@z.invalid"]);
        assert_eq!(locations.of("bob")[0].reach.flow, Some(FlowId(2)));
    }

    #[test]
    fn a_late_request_changes_nothing() {
        let mut locations = Locations::new(10, 10);
        let now = Instant::ZERO;
        let mut register = |contact: &str, cseq| {
            locations.register(now, "bob", &[until(contact, 60)], "1", cseq, &reach(1))
        };
        register("<sip:a@x>", 5).unwrap();
        assert_eq!(register("<sip:a@x>", 5), Err(Rejected::OutOfOrder));
        assert_eq!(register("<sip:a@x>", 4), Err(Rejected::OutOfOrder));
        register("<sip:a@x>", 6).unwrap();
        assert_eq!(
            locations.unregister_all("bob", "1", 6),
            Err(Rejected::OutOfOrder)
        );
        assert_eq!(
            locations
                .unregister_all("bob", "1", 7)
                .unwrap()
                .removed
                .len(),
            1
        );
        assert_eq!(locations.len(), 0);
    }

    #[test]
    fn contacts_and_users_are_bounded() {
        let mut locations = Locations::new(1, 2);
        let now = Instant::ZERO;
        for (contact, result) in [
            ("<sip:a@x>", true),
            ("<sip:b@x>", true),
            ("<sip:c@x>", false),
        ] {
            let registered =
                locations.register(now, "bob", &[until(contact, 60)], contact, 1, &reach(1));
            assert_eq!(registered.is_ok(), result, "{contact}");
        }
        assert_eq!(
            locations.register(now, "eve", &[until("<sip:a@x>", 60)], "9", 1, &reach(1)),
            Err(Rejected::TooManyUsers)
        );
        assert_eq!(locations.len(), 2);
    }

    #[test]
    fn preferences_are_read_to_three_digits() {
        for (q, value) in [
            ("1", 1000),
            ("1.000", 1000),
            ("0", 0),
            ("0.5", 500),
            ("0.05", 50),
            ("0.123", 123),
            ("0.1234", 1000),
            ("high", 1000),
        ] {
            assert_eq!(thousandths(q), value, "{q}");
        }
    }

    #[test]
    fn a_lost_websocket_strands_its_contact_and_a_lost_udp_flow_does_not() {
        let mut locations = Locations::new(10, 10);
        let mut udp = reach(2);
        udp.transport = Transport::Udp;
        let now = Instant::ZERO;
        locations
            .register(now, "bob", &[until("<sip:a@x>", 60)], "1", 1, &reach(1))
            .unwrap();
        locations
            .register(now, "bob", &[until("<sip:b@x>", 60)], "2", 1, &udp)
            .unwrap();
        assert_eq!(locations.flow_lost(FlowId(1)).len(), 1);
        assert!(locations.flow_lost(FlowId(2)).is_empty());
        assert_eq!(locations.of("bob")[1].reach.flow, None);
    }

    #[test]
    fn a_contact_that_came_back_from_another_port_is_still_found() {
        let mut locations = Locations::new(10, 10);
        let tcp = Reach {
            transport: Transport::Tcp,
            ..reach(1)
        };
        let mut register = |user: &str, contact: &str, reach: &Reach| {
            let now = Instant::ZERO;
            locations
                .register(now, user, &[until(contact, 60)], user, 1, reach)
                .unwrap();
        };
        register("bob", "<sip:7w4c@192.0.2.1:2;transport=tcp>", &tcp);
        register("carol", "<sip:k3@192.0.2.1:3;transport=tcp>", &tcp);
        register("dave", "<sip:k3@192.0.2.1:4;transport=tcp>", &tcp);
        register("erin", "<sip:x9@192.0.2.1:5>", &reach(2));
        let found = |uri: &str| {
            let uri = Uri::parse(uri).unwrap();
            let binding = locations.by_contact(&uri)?;
            Some(binding.contact.uri.to_string())
        };
        let bob = "sip:7w4c@192.0.2.1:2;transport=tcp";
        assert_eq!(found(bob).as_deref(), Some(bob));
        assert_eq!(
            found("sip:7w4c@192.0.2.1:1;transport=tcp").as_deref(),
            Some(bob)
        );
        for other in [
            "sip:7w4c@192.0.2.9:1;transport=tcp",
            "sip:7w4d@192.0.2.1:1;transport=tcp",
            "sip:7w4c@192.0.2.1:1",
            "sip:192.0.2.1:1;transport=tcp",
            // One of two, and one that needs no connection.
            "sip:k3@192.0.2.1:1;transport=tcp",
            "sip:x9@192.0.2.1:1",
        ] {
            assert_eq!(found(other), None, "{other}");
        }
    }
}
