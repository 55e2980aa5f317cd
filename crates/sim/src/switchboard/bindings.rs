//! Which contacts belong to an address (RFC 3261 section 10.3).

use std::collections::BTreeMap;

use offhook_core::FlowId;
use offhook_sip::{Contacts, HeaderName, Request, Uri};

/// How many contacts an address may have.
const MAX_CONTACTS: usize = 8;

/// How many addresses may have some.
const MAX_USERS: usize = 64;

/// A contact and the flow it registered over.
#[derive(Clone, Debug)]
pub(super) struct Binding {
    pub(super) uri: Uri<'static>,
    pub(super) flow: FlowId,
    expires: String,
    /// Its flow is gone; its phone may be back soon.
    lost: bool,
}

/// By the user of the address, then by the user of the contact.
#[derive(Clone, Debug, Default)]
pub(super) struct Bindings(BTreeMap<String, BTreeMap<String, Binding>>);

impl Bindings {
    /// The contacts of a user that can be reached.
    pub(super) fn of(&self, user: &str) -> impl Iterator<Item = &Binding> {
        let contacts = self.0.get(user).into_iter();
        contacts.flat_map(|it| it.values().filter(|binding| !binding.lost))
    }

    /// Whether there is such a user.
    pub(super) fn knows(&self, user: &str) -> bool {
        self.0
            .get(user)
            .is_some_and(|contacts| !contacts.is_empty())
            || self.0.values().any(|contacts| contacts.contains_key(user))
    }

    /// The contact with this user part, whoever's it is, if it can be reached.
    pub(super) fn contact(&self, user: &str) -> Option<&Binding> {
        self.0
            .values()
            .find_map(|contacts| contacts.get(user))
            .filter(|binding| !binding.lost)
    }

    /// What a registrar's 200 lists.
    pub(super) fn listed(&self, user: &str) -> Vec<String> {
        self.of(user)
            .map(|binding| format!("<{}>;expires={}", binding.uri, binding.expires))
            .collect()
    }

    /// Does what a REGISTER asks; tells the lost flows that this one takes the place of.
    pub(super) fn register(&mut self, user: &str, request: &Request, flow: FlowId) -> Vec<FlowId> {
        let mut replaced = Vec::new();
        if self.0.len() >= MAX_USERS && !self.0.contains_key(user) {
            return replaced;
        }
        let contacts = self.0.entry(user.to_owned()).or_default();
        let default = request.header(HeaderName::Expires).unwrap_or("3600");
        match request.contacts() {
            Ok(Contacts::Star) => contacts.clear(),
            Ok(Contacts::List(listed)) => {
                for contact in listed {
                    let Some(key) = user_of(&contact.uri) else {
                        continue;
                    };
                    let expires = contact.param("expires").unwrap_or(default);
                    if expires == "0" {
                        contacts.remove(&key);
                        continue;
                    }
                    if contacts.len() >= MAX_CONTACTS && !contacts.contains_key(&key) {
                        continue;
                    }
                    let binding = Binding {
                        uri: contact.uri.clone().into_owned(),
                        flow,
                        expires: expires.to_owned(),
                        lost: false,
                    };
                    let before = contacts.insert(key, binding);
                    replaced.extend(before.map(|it| it.flow).filter(|it| *it != flow));
                }
            }
            Err(_) => {}
        }
        replaced
    }

    /// What came over this flow cannot be reached until it registers anew.
    pub(super) fn flow_lost(&mut self, flow: FlowId) {
        for binding in self.0.values_mut().flat_map(BTreeMap::values_mut) {
            binding.lost |= binding.flow == flow;
        }
    }
}

/// The user part of a URI.
pub(super) fn user_of(uri: &Uri<'_>) -> Option<String> {
    uri.user().map(str::to_owned)
}
