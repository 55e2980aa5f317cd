//! Header names: known ones by number, the others as they are written.

use std::fmt;

macro_rules! header_names {
    ($($variant:ident $text:literal $compact:literal $list:literal $source:literal,)*) => {
        /// A header field that this crate knows by name.
        #[derive(Copy, Clone, Eq, PartialEq, Ord, PartialOrd, Hash, Debug)]
        #[non_exhaustive]
        #[repr(u8)]
        pub enum HeaderName {
            $(
                #[doc = concat!("`", $text, "` (", $source, ").")]
                $variant,
            )*
        }

        // Not a constant, which every crate that uses it would have a copy of.
        static NAMES: &[(HeaderName, &str, char, bool)] =
            &[$((HeaderName::$variant, $text, $compact, $list),)*];
    };
}

// In one table: the variant, the canonical spelling, the compact form (a space for none), whether
// the field is a comma list, and where it is defined.
header_names! {
    Accept "Accept" ' ' true "RFC 3261",
    AcceptContact "Accept-Contact" 'a' true "RFC 3841",
    AcceptEncoding "Accept-Encoding" ' ' true "RFC 3261",
    AcceptLanguage "Accept-Language" ' ' true "RFC 3261",
    AlertInfo "Alert-Info" ' ' true "RFC 3261",
    Allow "Allow" ' ' true "RFC 3261",
    AllowEvents "Allow-Events" 'u' true "RFC 6665",
    AuthenticationInfo "Authentication-Info" ' ' false "RFC 3261",
    Authorization "Authorization" ' ' false "RFC 3261",
    CallId "Call-ID" 'i' false "RFC 3261",
    CallInfo "Call-Info" ' ' true "RFC 3261",
    Contact "Contact" 'm' true "RFC 3261",
    ContentDisposition "Content-Disposition" ' ' false "RFC 3261",
    ContentEncoding "Content-Encoding" 'e' true "RFC 3261",
    ContentId "Content-ID" ' ' false "RFC 8262",
    ContentLanguage "Content-Language" ' ' true "RFC 3261",
    ContentLength "Content-Length" 'l' false "RFC 3261",
    ContentTransferEncoding "Content-Transfer-Encoding" ' ' false "RFC 2045",
    ContentType "Content-Type" 'c' false "RFC 3261",
    CSeq "CSeq" ' ' false "RFC 3261",
    Date "Date" ' ' false "RFC 3261",
    Diversion "Diversion" ' ' true "RFC 5806",
    ErrorInfo "Error-Info" ' ' true "RFC 3261",
    Event "Event" 'o' false "RFC 6665",
    Expires "Expires" ' ' false "RFC 3261",
    FlowTimer "Flow-Timer" ' ' false "RFC 5626",
    From "From" 'f' false "RFC 3261",
    HistoryInfo "History-Info" ' ' true "RFC 7044",
    Identity "Identity" 'y' false "RFC 8224",
    InfoPackage "Info-Package" ' ' false "RFC 6086",
    InReplyTo "In-Reply-To" ' ' true "RFC 3261",
    Join "Join" ' ' false "RFC 3911",
    MaxForwards "Max-Forwards" ' ' false "RFC 3261",
    MimeVersion "MIME-Version" ' ' false "RFC 3261",
    MinExpires "Min-Expires" ' ' false "RFC 3261",
    MinSe "Min-SE" ' ' false "RFC 4028",
    Organization "Organization" ' ' false "RFC 3261",
    PAccessNetworkInfo "P-Access-Network-Info" ' ' true "RFC 7315",
    PAssertedIdentity "P-Asserted-Identity" ' ' true "RFC 3325",
    PAssociatedUri "P-Associated-URI" ' ' true "RFC 7315",
    PCalledPartyId "P-Called-Party-ID" ' ' false "RFC 7315",
    PPreferredIdentity "P-Preferred-Identity" ' ' true "RFC 3325",
    Path "Path" ' ' true "RFC 3327",
    Priority "Priority" ' ' false "RFC 3261",
    Privacy "Privacy" ' ' false "RFC 3323",
    ProxyAuthenticate "Proxy-Authenticate" ' ' false "RFC 3261",
    ProxyAuthenticationInfo "Proxy-Authentication-Info" ' ' false "RFC 7615",
    ProxyAuthorization "Proxy-Authorization" ' ' false "RFC 3261",
    ProxyRequire "Proxy-Require" ' ' true "RFC 3261",
    RAck "RAck" ' ' false "RFC 3262",
    Reason "Reason" ' ' true "RFC 3326",
    RecordRoute "Record-Route" ' ' true "RFC 3261",
    RecvInfo "Recv-Info" ' ' true "RFC 6086",
    ReferSub "Refer-Sub" ' ' false "RFC 4488",
    ReferTo "Refer-To" 'r' false "RFC 3515",
    ReferredBy "Referred-By" 'b' false "RFC 3892",
    RejectContact "Reject-Contact" 'j' true "RFC 3841",
    RemotePartyId "Remote-Party-ID" ' ' true "draft-ietf-sip-privacy-04",
    Replaces "Replaces" ' ' false "RFC 3891",
    ReplyTo "Reply-To" ' ' false "RFC 3261",
    RequestDisposition "Request-Disposition" 'd' true "RFC 3841",
    Require "Require" ' ' true "RFC 3261",
    RetryAfter "Retry-After" ' ' false "RFC 3261",
    Route "Route" ' ' true "RFC 3261",
    RSeq "RSeq" ' ' false "RFC 3262",
    Server "Server" ' ' false "RFC 3261",
    ServiceRoute "Service-Route" ' ' true "RFC 3608",
    SessionId "Session-ID" ' ' false "RFC 7989",
    SessionExpires "Session-Expires" 'x' false "RFC 4028",
    SipEtag "SIP-ETag" ' ' false "RFC 3903",
    SipIfMatch "SIP-If-Match" ' ' false "RFC 3903",
    Subject "Subject" 's' false "RFC 3261",
    SubscriptionState "Subscription-State" ' ' false "RFC 6665",
    Supported "Supported" 'k' true "RFC 3261",
    TargetDialog "Target-Dialog" ' ' false "RFC 4538",
    Timestamp "Timestamp" ' ' false "RFC 3261",
    To "To" 't' false "RFC 3261",
    Unsupported "Unsupported" ' ' true "RFC 3261",
    UserAgent "User-Agent" ' ' false "RFC 3261",
    Via "Via" 'v' true "RFC 3261",
    Warning "Warning" ' ' true "RFC 3261",
    WwwAuthenticate "WWW-Authenticate" ' ' false "RFC 3261",
}

const SLOTS: usize = 256;
const EMPTY: u8 = u8::MAX;

/// Length, first and last character tell nearly all names apart.
const fn slot(name: &[u8]) -> usize {
    let first = (name[0] | 0x20) as usize;
    let last = (name[name.len() - 1] | 0x20) as usize;
    let middle = (name[name.len() / 2] | 0x20) as usize;
    (name.len() * 31 + first * 7 + last * 13 + middle * 3) % SLOTS
}

/// Open addressing, filled at compile time, so that a name costs one hash and one comparison.
static TABLE: [u8; SLOTS] = {
    let mut table = [EMPTY; SLOTS];
    let mut index = 0;
    while index < NAMES.len() {
        let mut at = slot(NAMES[index].1.as_bytes());
        while table[at] != EMPTY {
            at = (at + 1) % SLOTS;
        }
        table[at] = index as u8;
        index += 1;
    }
    table
};

static COMPACT: [u8; 26] = {
    let mut table = [EMPTY; 26];
    let mut index = 0;
    while index < NAMES.len() {
        if NAMES[index].2 != ' ' {
            table[(NAMES[index].2 as u8 - b'a') as usize] = index as u8;
        }
        index += 1;
    }
    table
};

impl HeaderName {
    /// Recognises a name in any case, or a compact form.
    pub fn parse(name: &str) -> Option<HeaderName> {
        let bytes = name.as_bytes();
        match bytes {
            [] => None,
            [letter] => {
                let index = (letter | 0x20).wrapping_sub(b'a') as usize;
                let found = *COMPACT.get(index)?;
                NAMES.get(found as usize).map(|entry| entry.0)
            }
            _ => {
                let mut at = slot(bytes);
                loop {
                    let entry = NAMES.get(TABLE[at] as usize)?;
                    // The canonical spelling is what nearly everybody writes.
                    if entry.1.as_bytes() == bytes || entry.1.eq_ignore_ascii_case(name) {
                        return Some(entry.0);
                    }
                    at = (at + 1) % SLOTS;
                }
            }
        }
    }

    /// All of them, each at the place that its number (`as usize`) says.
    pub fn all() -> impl Iterator<Item = HeaderName> {
        NAMES.iter().map(|entry| entry.0)
    }

    /// The canonical spelling.
    pub fn as_str(self) -> &'static str {
        NAMES[self as usize].1
    }

    /// The one-letter form, where there is one (RFC 3261 section 7.3.3).
    pub fn compact(self) -> Option<char> {
        let compact = NAMES[self as usize].2;
        (compact != ' ').then_some(compact)
    }

    /// Whether several values may stand on one line, with commas between them.
    pub fn is_list(self) -> bool {
        NAMES[self as usize].3
    }
}

impl fmt::Display for HeaderName {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(self.as_str())
    }
}

/// A header field's name: a known one, or any other as it is written.
///
/// Made from a [`HeaderName`] or from text; text is recognised in any case and in its compact
/// form.
///
/// ```
/// use offhook_sip::{HeaderName, Name};
///
/// assert_eq!(Name::from("m"), Name::Known(HeaderName::Contact));
/// assert_eq!(Name::from("X-Ticket"), Name::Other("X-Ticket"));
/// ```
#[derive(Copy, Clone, Eq, PartialEq, Hash, Debug)]
pub enum Name<'a> {
    /// A name that this crate knows.
    Known(HeaderName),
    /// Any other name, compared without regard to case.
    Other(&'a str),
}

impl<'a> Name<'a> {
    /// The name as it is written.
    pub fn as_str(&self) -> &'a str {
        match self {
            Name::Known(name) => name.as_str(),
            Name::Other(text) => text,
        }
    }

    pub(crate) fn is(&self, known: Option<HeaderName>, text: &str) -> bool {
        match self {
            Name::Known(name) => known == Some(*name),
            Name::Other(other) => known.is_none() && other.eq_ignore_ascii_case(text),
        }
    }

    /// Whether values of this field are told apart by commas. An unknown field may be a list.
    pub(crate) fn may_be_list(&self) -> bool {
        match self {
            Name::Known(name) => name.is_list(),
            Name::Other(_) => true,
        }
    }
}

impl From<HeaderName> for Name<'_> {
    fn from(name: HeaderName) -> Self {
        Name::Known(name)
    }
}

impl<'a> From<&'a str> for Name<'a> {
    fn from(text: &'a str) -> Self {
        HeaderName::parse(text).map_or(Name::Other(text), Name::Known)
    }
}

impl<'a> From<&'a String> for Name<'a> {
    fn from(text: &'a String) -> Self {
        Name::from(text.as_str())
    }
}

impl fmt::Display for Name<'_> {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_found_in_any_case_and_by_its_compact_form() {
        for (name, text, compact, _) in NAMES {
            assert_eq!(HeaderName::parse(text), Some(*name));
            assert_eq!(HeaderName::parse(&text.to_uppercase()), Some(*name));
            assert_eq!(HeaderName::parse(&text.to_lowercase()), Some(*name));
            if *compact != ' ' {
                assert_eq!(HeaderName::parse(&compact.to_string()), Some(*name));
                assert_eq!(
                    HeaderName::parse(&compact.to_uppercase().to_string()),
                    Some(*name)
                );
            }
        }
    }

    #[test]
    fn other_names_are_none() {
        for text in [
            "",
            "q",
            "X-Via",
            "Vib",
            "C%6Fntact",
            "é",
            "@",
            "Content-Lengthy",
        ] {
            assert_eq!(HeaderName::parse(text), None, "{text}");
        }
    }
}
