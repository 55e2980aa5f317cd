//! What `Grammar.parse`, `URI.parse` and the getters of messages read: the parsers of
//! [`offhook_sip`], each under the number that `npm/src/values/grammar.ts` asks with.

mod address;
mod fields;
mod lines;

use offhook_sip::{HeaderName, NameAddr, Received, Via};
use wasm_bindgen::prelude::wasm_bindgen;

use self::lines::Lines;

/// Reads `text` by that rule. The answer is lines of text, as the rule's function says; there is
/// none where the text does not follow the rule.
#[wasm_bindgen]
pub fn parse(rule: u8, text: &str) -> Option<String> {
    let mut lines = Lines::new(text.len());
    match rule {
        0 => address::sip_uri(&mut lines, text),
        1 => address::address(&mut lines, text),
        2 => address::bracketed(&mut lines, text),
        3 => address::list(&mut lines, text, address::address),
        4 => address::list(&mut lines, text, address::bracketed),
        5 => fields::via(&mut lines, text),
        6 => fields::cseq(&mut lines, text),
        7 => fields::challenge(&mut lines, text),
        8 => fields::word(&mut lines, text, fields::token),
        9 => fields::word(&mut lines, text, fields::digit),
        10 => fields::word(&mut lines, text, fields::call_id),
        11 => fields::hostport(&mut lines, text),
        12 => fields::start_line(&mut lines, text),
        13 => fields::absolute_uri(&mut lines, text),
        _ => None,
    }?;
    Some(lines.finish())
}

/// From, To and the topmost Via of a message: who looks at one looks at these, and they are read
/// for its head anyway.
pub(crate) struct Parties<'m> {
    pub(crate) from: Option<NameAddr<'m>>,
    pub(crate) to: Option<NameAddr<'m>>,
    pub(crate) via: Option<Via<'m>>,
}

impl<'m> Parties<'m> {
    pub(crate) fn of(message: &'m Received) -> Parties<'m> {
        Parties {
            from: message.from().ok(),
            to: message.to().ok(),
            via: message.via().ok(),
        }
    }

    /// The lines of each; nothing, where one of them cannot be read.
    pub(crate) fn write(&self, message: &Received) -> String {
        let mut lines = Lines::new(256);
        match self.write_to(&mut lines, message) {
            Some(()) => lines.finish(),
            None => String::new(),
        }
    }

    fn write_to(&self, lines: &mut Lines, message: &Received) -> Option<()> {
        for (party, name) in [(&self.from, HeaderName::From), (&self.to, HeaderName::To)] {
            address::address_lines(lines, message.header(name)?, party.as_ref()?);
        }
        fields::via_lines(lines, self.via.as_ref()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lines that `parse` answers with, with `|` between them.
    fn read(rule: u8, text: &str) -> String {
        parse(rule, text)
            .unwrap_or_else(|| panic!("{text:?} follows rule {rule}"))
            .replace('\n', "|")
    }

    #[test]
    fn a_uri_is_its_parts_then_parameters_then_headers() {
        assert_eq!(
            read(
                0,
                "SIPS:al%20ice:pw@Example.COM:5061;lr;Transport=WS?Subject=x&A=b"
            ),
            "sips|al%20ice:pw|example.com|5061|lr|Transport=WS||Subject=x|A=b|"
        );
        assert_eq!(read(0, "sip:[::1]"), "sip||[::1]|||");
        assert_eq!(read(0, "sip:a?b;c@d.e"), "sip|a?b;c|d.e|||");
    }

    #[test]
    fn what_the_grammar_forbids_in_a_uri_is_none() {
        for text in [
            "",
            "sip:",
            "sip:@b",
            "sip:a@",
            "sip:a@b c",
            "sip:\u{e9}@b",
            "sip:a@b;",
            "sip:a@b;x=",
            "sip:a@b;x=y=z",
            "sip:a@b?",
            "sip:a@b?x",
            "sip:a@b?=y",
            "sip:a@1.2.3",
            "sip:a@b..c",
            "sip:a@[::g]",
            "sip:a@b:70000",
            "tel:+1",
            "sip:a%2@b",
            "sip:a@-b",
            "sip:a#b@c",
            "sip:a:p;w@b",
        ] {
            assert_eq!(parse(0, text), None, "{text:?}");
        }
    }

    #[test]
    fn an_address_begins_with_its_display_name() {
        assert_eq!(
            read(1, "\"A \\\"q\\\"  B\" <sip:a@b;x?y=z>;tag=1;q=\"a;b\""),
            "\"A \"q\"  B|sip|a|b||x||y=z||tag=1|q=\"a;b\"|"
        );
        assert_eq!(read(1, "Alice   B <sip:a@b>"), "\"Alice B|sip|a|b||||");
        assert_eq!(read(1, "\"\" <sip:a@b>"), "\"|sip|a|b||||");
        assert_eq!(read(1, "sip:a@b;tag=1"), "|sip|a|b||||tag=1|");
        assert_eq!(read(1, "<tel:+1-2;ext=3>"), "|tel|+1-2|||ext=3|||");
        assert_eq!(read(1, "<urn:service:sos>"), "|urn||service:sos||||");
        assert_eq!(parse(2, "sip:a@b"), None);
        assert_eq!(parse(2, "sip:a@b;x=\"<y>\""), None);
        assert_eq!(parse(1, "<sip:a@b"), None);
    }

    #[test]
    fn a_list_says_where_each_address_stands() {
        assert_eq!(
            read(3, "\"\u{e9},\u{1f600}\" <sip:a@b>;q=1 ,sip:c@d"),
            "20|0|\"\u{e9},\u{1f600}|sip|a|b||||q=1||29|22||sip|c|d||||"
        );
        assert_eq!(parse(3, "<sip:a@b>,"), None);
        assert_eq!(parse(4, "<sip:a@b>,sip:c@d"), None);
    }

    #[test]
    fn the_first_via_is_read() {
        assert_eq!(
            read(
                5,
                "SIP / 2.0/WSS A.b:80 ; branch=z;rport;received=::1, SIP/2.0/UDP c"
            ),
            "SIP|WSS|A.b|domain|80|branch=z|rport|received=::1|"
        );
        assert_eq!(
            read(5, "SIP/2.0/TCP [::1];branch=z"),
            "SIP|TCP|[::1]|IPv6||branch=z|"
        );
        assert_eq!(parse(5, "SIP/2.0 a"), None);
    }

    #[test]
    fn numbers_words_and_challenges_keep_what_is_behind_them() {
        assert_eq!(read(6, "0314 INVITE"), "314|INVITE");
        assert_eq!(parse(6, "INVITE 1"), None);
        assert_eq!(
            read(
                7,
                "Digest realm=\"a \\\"b\\\"\", stale=TRUE,qop=\"auth,auth-int\""
            ),
            "Digest|realm|a \"b\"|stale|TRUE|qop|auth,auth-int"
        );
        assert_eq!(parse(7, "Digest"), None);
        assert_eq!(read(8, "refer;id=93;x"), "refer|id=93|x|");
        assert_eq!(read(9, "90 ; refresher=uac"), "90|refresher=uac|");
        assert_eq!(
            read(10, "a@b;to-tag=1;early-only"),
            "a@b|to-tag=1|early-only|"
        );
        for (rule, text) in [(8, ""), (8, "a b"), (9, "x"), (10, ";to-tag=1")] {
            assert_eq!(parse(rule, text), None, "{text:?}");
        }
    }

    #[test]
    fn hosts_are_names_or_addresses() {
        assert_eq!(read(11, "A_b.example.com"), "domain|a_b.example.com|");
        assert_eq!(read(11, "10.0.0.1:5060"), "IPv4|10.0.0.1|5060");
        assert_eq!(read(11, "[2001:db8::1]:5060"), "IPv6|[2001:db8::1]|5060");
        for text in [
            "", "a..b", "1.2.3", "[::1", "a:", "a:x", "a:65536", "-a", "::1",
        ] {
            assert_eq!(parse(11, text), None, "{text:?}");
        }
    }

    #[test]
    fn start_lines_are_of_requests_or_of_responses() {
        assert_eq!(read(12, "SIP/2.0 486 Busy Here"), "|SIP/2.0|486|Busy Here");
        assert_eq!(read(12, "SIP/2.0 200 "), "|SIP/2.0|200|");
        assert_eq!(
            read(12, "INVITE sip:a@b SIP/2.0"),
            "INVITE|SIP/2.0|sip|a|b|||"
        );
        assert_eq!(read(12, "BYE tel:+1 SIP/2.0"), "BYE|SIP/2.0|tel|+1||||");
        for text in [
            "",
            "SIP/2.0 200",
            "SIP/2.0 20 OK",
            "INVITE sip:a@b",
            "INVITE sip:a@b HTTP/1.1",
            "INVITE  sip:a@b SIP/2.0",
            "SIP/2.0 200 a\u{1}",
            "IN(VITE sip:a@b SIP/2.0",
        ] {
            assert_eq!(parse(12, text), None, "{text:?}");
        }
    }

    #[test]
    fn other_uris_have_a_scheme_and_perhaps_a_host() {
        assert_eq!(
            read(13, "wss://Example.com:8443/ws?a=b"),
            "wss|domain|example.com|8443"
        );
        assert_eq!(read(13, "urn:service:sos"), "urn");
        assert_eq!(read(13, "ws:///x"), "ws");
        for text in ["ws:", "//a", "1s://a", "ws://a b", "ws://a..b", "ws://a:b"] {
            assert_eq!(parse(13, text), None, "{text:?}");
        }
    }

    #[test]
    fn a_rule_that_nobody_asks_for_answers_nothing() {
        assert_eq!(parse(200, "x"), None);
    }
}
