//! Addresses of one user agent each (RFC 5627): given out with a registration, and found again.

use std::collections::{HashMap, VecDeque};

use offhook_sip::{NameAddr, Uri, unescape};

use crate::location::{Binding, BindingId, Locations};

/// So many temporary addresses of one contact are good; older ones lead nowhere any more.
const MAX_TEMPORARY: usize = 64;

/// Starts the user part of every temporary address.
const TEMPORARY: &str = "tgruu.";

/// The temporary addresses, and whose they are.
#[derive(Debug, Default)]
pub(crate) struct Temporary {
    owners: HashMap<String, BindingId>,
    tokens: HashMap<BindingId, VecDeque<String>>,
}

impl Temporary {
    /// A contact gets another one.
    pub(crate) fn add(&mut self, binding: BindingId, token: String) {
        let tokens = self.tokens.entry(binding).or_default();
        tokens.push_back(token.clone());
        if tokens.len() > MAX_TEMPORARY
            && let Some(oldest) = tokens.pop_front()
        {
            self.owners.remove(&oldest);
        }
        self.owners.insert(token, binding);
    }

    /// A contact is gone.
    pub(crate) fn forget(&mut self, binding: BindingId) {
        for token in self.tokens.remove(&binding).unwrap_or_default() {
            self.owners.remove(&token);
        }
    }

    fn owner(&self, token: &str) -> Option<BindingId> {
        self.owners.get(token).copied()
    }

    fn latest(&self, binding: BindingId) -> Option<&String> {
        self.tokens.get(&binding)?.back()
    }

    /// How many there are.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.owners.len()
    }
}

impl Locations {
    /// The contact that a GRUU leads to, the one registered last where an instance has several.
    pub(crate) fn by_gruu(&self, uri: &Uri<'_>) -> Option<&Binding> {
        let gr = uri.param("gr")?;
        let user = uri.user_unescaped()?;
        if let Some(token) = user.strip_prefix(TEMPORARY) {
            return self.get(self.temporary.owner(token)?);
        }
        let wanted = unescape(gr);
        self.of(&user)
            .iter()
            .filter(|binding| instance(&binding.contact).is_some_and(|own| own == wanted))
            .max_by_key(|binding| binding.expires)
    }

    /// Gives a contact its addresses (RFC 5627 section 5.1); one that names no instance has none.
    pub(crate) fn with_gruus(
        &self,
        binding: &Binding,
        contact: NameAddr<'static>,
        aor: &str,
        domain: &str,
    ) -> NameAddr<'static> {
        let Some(instance) = instance(&binding.contact) else {
            return contact;
        };
        let contact = contact.with_param("pub-gruu", Some(&format!("{aor};gr={instance}")));
        match self.temporary.latest(binding.id) {
            Some(token) => {
                let gruu = format!("sip:{TEMPORARY}{token}@{domain};gr");
                contact.with_param("temp-gruu", Some(&gruu))
            }
            None => contact,
        }
    }
}

/// The instance that registered a contact, as it stands in a public address: a URN whose
/// characters may all stand there.
pub(crate) fn instance<'a>(contact: &'a NameAddr<'_>) -> Option<&'a str> {
    let instance = contact
        .param("+sip.instance")?
        .trim_matches('"')
        .strip_prefix('<')?
        .strip_suffix('>')?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b":-._".contains(&byte);
    (instance.starts_with("urn:") && instance.bytes().all(plain)).then_some(instance)
}
