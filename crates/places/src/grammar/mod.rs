//! What `Grammar.parse`, `URI.parse` and the getters of messages read: the parsers of
//! [`offhook_sip`], each under the number that `npm/src/engine/reading.ts` asks with.

mod address;
mod fields;

use offhook_sip::HeaderName;

pub(crate) use self::address::{address_places, uri_places};
pub(crate) use self::fields::via_places;
use crate::places::Places;

/// The list that the value of a Contact or a Record-Route is.
pub(crate) fn addresses(places: &mut Places, text: &str, name: Option<HeaderName>) -> Option<()> {
    match name {
        Some(HeaderName::Contact) => address::list(places, text, address::address),
        _ => address::list(places, text, address::bracketed),
    }
}

/// Reads a text, of `units` units in JavaScript, by that rule. What is found is as the rule's
/// function says; there is nothing where the text does not follow the rule.
pub(crate) fn read(places: &mut Places, text: &[u8], units: u32, rule: u8) -> Option<()> {
    places.start(text, text.len() == units as usize, units);
    let text = std::str::from_utf8(text).ok()?;
    match rule {
        2 => address::sip_uri(places, text),
        3 => address::address(places, text),
        4 => address::bracketed(places, text),
        5 => address::list(places, text, address::address),
        6 => address::list(places, text, address::bracketed),
        7 => fields::via(places, text),
        8 => fields::cseq(places, text),
        9 => fields::challenge(places, text),
        10 => fields::word(places, text, fields::token),
        11 => fields::word(places, text, fields::digit),
        12 => fields::word(places, text, fields::call_id),
        13 => fields::hostport(places, text),
        14 => fields::start_line(places, text),
        15 => fields::absolute_uri(places, text),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
