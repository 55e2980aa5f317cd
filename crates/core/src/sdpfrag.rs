//! What descriptions say of ICE, and the fragments that carry candidates after them
//! (`application/trickle-ice-sdpfrag`, RFC 8840 section 9).

use std::fmt::Write;

/// The content type of a fragment.
pub(crate) const SDPFRAG: &str = "application/trickle-ice-sdpfrag";

/// How many candidates of one side are kept; those beyond are let go.
const MAX_CANDIDATES: usize = 64;

/// How many media sections are read.
const MAX_SECTIONS: usize = 32;

/// The longest candidate, user fragment or password that is taken. RFC 8839 allows 256 characters
/// for the credentials.
const MAX_LENGTH: usize = 512;

/// What a description or fragment says of ICE (RFC 8839 section 5).
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct IceDescription {
    sections: Vec<Section>,
    /// In the order in which they were gathered.
    candidates: Vec<Candidate>,
    /// Whether more candidates may come one by one (RFC 8838 section 3).
    pub(crate) trickle: bool,
    /// Whether there will be no more candidates (RFC 8840 section 8).
    pub(crate) ended: bool,
}

/// A media section.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
struct Section {
    kind: String,
    mid: Option<String>,
    ufrag: String,
    password: String,
}

/// A candidate, and the section it belongs to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Candidate {
    /// The media section's name.
    pub(crate) mid: Option<String>,
    /// `candidate:…`, RFC 8839 section 5.1.
    pub(crate) text: String,
}

impl Candidate {
    /// What makes two candidates one (RFC 8840 section 4.4): component, transport, address, port.
    fn address(&self) -> Option<[&str; 4]> {
        let mut fields = self
            .text
            .strip_prefix("candidate:")?
            .split_ascii_whitespace();
        let _foundation = fields.next()?;
        let (component, transport) = (fields.next()?, fields.next()?);
        let _priority = fields.next()?;
        Some([component, transport, fields.next()?, fields.next()?])
    }

    fn is(&self, other: &Self) -> bool {
        let same = |a: &str, b: &str| a.eq_ignore_ascii_case(b);
        match (self.address(), other.address()) {
            (Some(ours), Some(theirs)) => {
                self.mid == other.mid && ours.iter().zip(theirs).all(|(a, b)| same(a, b))
            }
            _ => false,
        }
    }
}

impl IceDescription {
    /// Reads a description or a fragment; nothing, when no section has ICE credentials.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let mut description = Self::default();
        let mut session = Section::default();
        for line in text.lines().map(str::trim_end) {
            if let Some(media) = line.strip_prefix("m=") {
                if description.sections.len() >= MAX_SECTIONS {
                    break;
                }
                let kind = media.split(' ').next().unwrap_or_default().to_owned();
                description.sections.push(Section {
                    kind,
                    ..session.clone()
                });
            } else if let Some(attribute) = line.strip_prefix("a=")
                && attribute.len() <= MAX_LENGTH
            {
                description.attribute(attribute, &mut session);
            }
        }
        let known = |section: &Section| !section.ufrag.is_empty() && !section.password.is_empty();
        description.sections.retain(known);
        (!description.sections.is_empty()).then_some(description)
    }

    fn attribute(&mut self, attribute: &str, session: &mut Section) {
        let (name, value) = attribute.split_once(':').unwrap_or((attribute, ""));
        let section = match self.sections.last_mut() {
            Some(section) => section,
            None => session,
        };
        match name {
            "ice-ufrag" => value.clone_into(&mut section.ufrag),
            "ice-pwd" => value.clone_into(&mut section.password),
            "mid" => section.mid = Some(value.to_owned()),
            "ice-options" => self.trickle |= value.split(' ').any(|option| option == "trickle"),
            "end-of-candidates" => self.ended = true,
            "candidate" => {
                let candidate = Candidate {
                    mid: section.mid.clone(),
                    text: attribute.to_owned(),
                };
                self.add(candidate);
            }
            _ => {}
        }
    }

    /// Adds a candidate; says whether it was new and could be taken.
    pub(crate) fn add(&mut self, candidate: Candidate) -> bool {
        let new = candidate.address().is_some()
            && candidate.text.len() <= MAX_LENGTH
            && offhook_sip::is_line(&candidate.text)
            && self.candidates.len() < MAX_CANDIDATES
            && !self.candidates.iter().any(|known| known.is(&candidate));
        if new {
            self.candidates.push(candidate);
        }
        new
    }

    /// The candidates, in the order in which they came.
    pub(crate) fn candidates(&self) -> &[Candidate] {
        &self.candidates
    }

    /// Whether both speak of the same gathering: a user fragment in common.
    pub(crate) fn is_same_generation(&self, other: &Self) -> bool {
        let known = |ufrag: &str| self.sections.iter().any(|section| section.ufrag == ufrag);
        other.sections.iter().any(|section| known(&section.ufrag))
    }

    /// Whether every section can be named in a fragment (RFC 8840 section 4.4).
    pub(crate) fn is_named(&self) -> bool {
        self.sections.iter().all(|section| section.mid.is_some())
    }

    /// The same gathering, described once more: what `next` says, then what came one by one.
    pub(crate) fn followed_by(&self, mut next: Self) -> Self {
        if self.is_same_generation(&next) {
            next.ended |= self.ended;
            for candidate in &self.candidates {
                next.add(candidate.clone());
            }
        }
        next
    }

    /// The fragment with everything that is known: an INFO repeats what those before it carried
    /// (RFC 8840 section 4.4), so that a lost one does no harm.
    pub(crate) fn fragment(&self) -> String {
        let mut text = String::new();
        let Some(first) = self.sections.first() else {
            return text;
        };
        let common = self
            .sections
            .iter()
            .all(|section| section.ufrag == first.ufrag && section.password == first.password);
        // Writing to a String does not fail.
        let credentials = |text: &mut String, section: &Section| {
            let (ufrag, password) = (&section.ufrag, &section.password);
            let _ = write!(text, "a=ice-ufrag:{ufrag}\r\na=ice-pwd:{password}\r\n");
        };
        if common {
            credentials(&mut text, first);
        }
        for (at, section) in self.sections.iter().enumerate() {
            // A candidate whose section is not known belongs to the first one.
            let belongs = |candidate: &&Candidate| match &candidate.mid {
                Some(mid) if self.sections.iter().any(|it| it.mid.as_ref() == Some(mid)) => {
                    section.mid.as_ref() == Some(mid)
                }
                _ => at == 0,
            };
            let mut candidates = self.candidates.iter().filter(belongs).peekable();
            // Sections that share the transport of another have none of their own.
            if candidates.peek().is_none() && at > 0 {
                continue;
            }
            let _ = write!(text, "m={} 9 RTP/AVP 0\r\n", section.kind);
            if let Some(mid) = &section.mid {
                let _ = write!(text, "a=mid:{mid}\r\n");
            }
            if !common {
                credentials(&mut text, section);
            }
            for candidate in candidates {
                let _ = write!(text, "a={}\r\n", candidate.text);
            }
            if self.ended {
                text.push_str("a=end-of-candidates\r\n");
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOST: &str = "candidate:1 1 UDP 2130706431 192.0.2.1 5000 typ host";
    const RELAY: &str = "candidate:2 1 UDP 100 198.51.100.1 6000 typ relay";

    fn described() -> IceDescription {
        let text = format!(
            "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nt=0 0\r\na=ice-options:trickle\r\n\
             a=ice-ufrag:8hhY\r\na=ice-pwd:asd88fgpdd777uzjYhagZg\r\n\
             m=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:a1\r\na={HOST}\r\n\
             m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:v1\r\n"
        );
        IceDescription::read(&text).expect("credentials")
    }

    fn candidate(mid: &str, text: &str) -> Candidate {
        Candidate {
            mid: Some(mid.to_owned()),
            text: text.to_owned(),
        }
    }

    #[test]
    fn a_fragment_repeats_all_candidates_and_reads_back() {
        let mut description = described();
        assert!(description.trickle && !description.ended && description.is_named());
        assert!(description.add(candidate("a1", RELAY)));
        description.ended = true;
        let fragment = description.fragment();
        assert_eq!(
            fragment,
            format!(
                "a=ice-ufrag:8hhY\r\na=ice-pwd:asd88fgpdd777uzjYhagZg\r\n\
                 m=audio 9 RTP/AVP 0\r\na=mid:a1\r\na={HOST}\r\na={RELAY}\r\n\
                 a=end-of-candidates\r\n"
            )
        );
        let read = IceDescription::read(&fragment).expect("credentials");
        assert_eq!(read.candidates(), description.candidates());
        assert!(read.ended && read.is_same_generation(&description));
    }

    #[test]
    fn the_same_address_is_the_same_candidate_whatever_its_priority() {
        let mut description = described();
        let again = HOST.replace("2130706431", "1").replace("UDP", "udp");
        assert!(!description.add(candidate("a1", &again)));
        assert!(
            description.add(candidate("v1", &again)),
            "of another section"
        );
        for bad in [
            "candidate:1 1 UDP",
            "",
            "x",
            "candidate:1 1 UDP 1 h 1\r\nm=x",
        ] {
            assert!(!description.add(candidate("a1", bad)), "{bad:?}");
        }
    }

    #[test]
    fn candidates_are_bounded() {
        let mut description = described();
        for port in 0..1000 {
            let text = format!("candidate:1 1 UDP 1 192.0.2.9 {port} typ host");
            description.add(candidate("a1", &text));
        }
        assert_eq!(description.candidates().len(), MAX_CANDIDATES);
    }

    #[test]
    fn new_credentials_are_another_generation() {
        let old = described();
        let fragment = old.fragment().replace("8hhY", "9iiZ");
        let new = IceDescription::read(&fragment).expect("credentials");
        assert!(!old.is_same_generation(&new));
        assert_eq!(old.followed_by(new.clone()), new);
        assert_eq!(
            IceDescription::read("m=audio 9 RTP/AVP 0\r\na=mid:1\r\n"),
            None
        );
    }

    #[test]
    fn sections_with_credentials_of_their_own_keep_them() {
        let text = "m=audio 9 RTP/AVP 0\r\na=mid:1\r\na=ice-ufrag:aaaa\r\na=ice-pwd:p1\r\n\
                    m=video 9 RTP/AVP 0\r\na=mid:2\r\na=ice-ufrag:bbbb\r\na=ice-pwd:p2\r\n";
        let mut description = IceDescription::read(text).expect("credentials");
        description.add(candidate("2", HOST));
        let read = IceDescription::read(&description.fragment()).expect("credentials");
        assert_eq!(read.sections, description.sections);
    }
}
