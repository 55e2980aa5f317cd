use super::*;
use crate::places::tests::{Found, units};

/// What is found in a text by that rule.
fn found(rule: u8, text: &str) -> Option<Found> {
    let mut places = Places::default();
    read(&mut places, text.as_bytes(), units(text), rule)?;
    Some(Found::of(&places, text))
}

/// The same, written by one of the functions below, which must take all of it.
fn written(rule: u8, text: &str, write: fn(&mut Found) -> String) -> String {
    let mut found = found(rule, text).unwrap_or_else(|| panic!("{text:?} follows rule {rule}"));
    let written = write(&mut found);
    assert!(found.is_over(), "{text:?} by rule {rule}");
    written
}

fn uri(found: &mut Found) -> String {
    let scheme = match found.number() {
        0 => found.piece(),
        number => ["sip", "sips", "tel"][number as usize - 1].to_owned(),
    };
    let (user, host, port) = (found.piece(), found.piece(), found.maybe_number());
    let port = port.map(|port| port.to_string()).unwrap_or_default();
    let (params, headers) = (found.pairs(), found.pairs());
    format!("{scheme}|{user}|{host}|{port}|{params}|{headers}")
}

fn address(found: &mut Found) -> String {
    let name = match found.number() {
        0 => "none".to_owned(),
        _ => format!("'{}'", found.piece()),
    };
    format!("{name}|{}|{}", uri(found), found.pairs())
}

fn list(found: &mut Found) -> String {
    let mut text = String::new();
    while found.number() == 1 {
        text += &format!(
            "{}..{} {}\n",
            found.number(),
            found.number(),
            address(found)
        );
    }
    text
}

fn host(found: &mut Found) -> String {
    let kind = ["domain", "IPv4", "IPv6"][found.number() as usize];
    format!("{kind}|{}|{:?}", found.piece(), found.maybe_number())
}

fn via(found: &mut Found) -> String {
    let [protocol, transport, host] = [(); 3].map(|()| found.piece());
    let (kind, port, params) = (found.number(), found.maybe_number(), found.pairs());
    format!("{protocol}|{transport}|{host}|{kind}|{port:?}|{params}")
}

fn word(found: &mut Found) -> String {
    format!("{}|{}", found.piece(), found.pairs())
}

#[test]
fn a_uri_is_its_parts_then_parameters_then_headers() {
    let text = "SIPS:al%20ice:pw@Example.COM:5061;lr;Transport=WS?Subject=x&A=b";
    assert_eq!(
        written(2, text, uri),
        "sips|al%20ice:pw|example.com|5061|lr;Transport=WS;|Subject=x;A=b;"
    );
    assert_eq!(written(2, "sip:[::1]", uri), "sip||[::1]|||");
    assert_eq!(written(2, "sip:a?b;c@d.e", uri), "sip|a?b;c|d.e|||");
    assert_eq!(written(2, "sip:a:@b:0", uri), "sip|a:|b|0||");
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
        assert!(found(2, text).is_none(), "{text:?}");
    }
}

#[test]
fn an_address_begins_with_its_display_name() {
    for (text, expected) in [
        (
            "\"A \\\"q\\\"  B\" <sip:a@b;x?y=z>;tag=1;q=\"a;b\"",
            "'A \"q\"  B'|sip|a|b||x;|y=z;|tag=1;q=\"a;b\";",
        ),
        ("Alice   B <sip:a@b>", "'Alice B'|sip|a|b||||"),
        ("Alice B <sip:a@b>", "'Alice B'|sip|a|b||||"),
        ("\"\" <sip:a@b>", "''|sip|a|b||||"),
        ("sip:a@b;tag=1", "none|sip|a|b||||tag=1;"),
        ("sip:a@b;x=;y", "none|sip|a|b||||x=;y;"),
        ("<tel:+1-2;ext=3>", "none|tel|+1-2|||ext=3;||"),
        ("<URN:service:sos>", "none|urn||service:sos||||"),
    ] {
        assert_eq!(written(3, text, address), expected);
    }
    for (rule, text) in [(4, "sip:a@b"), (4, "sip:a@b;x=\"<y>\""), (3, "<sip:a@b")] {
        assert!(found(rule, text).is_none(), "{text:?}");
    }
}

#[test]
fn a_list_says_where_each_address_stands() {
    assert_eq!(
        written(5, "\"\u{e9},\u{1f600}\" <sip:a@b>;q=1 ,sip:c@d", list),
        "0..20 '\u{e9},\u{1f600}'|sip|a|b||||q=1;\n22..29 none|sip|c|d||||\n"
    );
    assert!(found(5, "<sip:a@b>,").is_none());
    assert!(found(6, "<sip:a@b>,sip:c@d").is_none());
}

#[test]
fn the_first_via_is_read() {
    assert_eq!(
        written(
            7,
            "SIP / 2.0/WSS A.b:80 ; branch=z;rport;received=::1, SIP/2.0/UDP c",
            via
        ),
        "SIP|WSS|A.b|0|Some(80)|branch=z;rport;received=::1;"
    );
    assert_eq!(
        written(7, "SIP/2.0/TCP [::1];branch=z", via),
        "SIP|TCP|[::1]|2|None|branch=z;"
    );
    assert!(found(7, "SIP/2.0 a").is_none());
}

#[test]
fn numbers_words_and_challenges_keep_what_is_behind_them() {
    let cseq = |found: &mut Found| format!("{} {}", found.number(), found.piece());
    assert_eq!(written(8, "0314 INVITE", cseq), "314 INVITE");
    assert!(found(8, "INVITE 1").is_none());
    let challenge = |found: &mut Found| {
        let mut text = found.piece();
        for _ in 0..found.number() {
            text += &format!("|{}={}", found.piece(), found.piece());
        }
        text
    };
    assert_eq!(
        written(
            9,
            "Digest realm=\"a \\\"b\\\"\", stale=TRUE,qop=\"auth,auth-int\"",
            challenge
        ),
        "Digest|realm=a \"b\"|stale=TRUE|qop=auth,auth-int"
    );
    assert!(found(9, "Digest").is_none());
    assert_eq!(written(10, "refer;id=93;x", word), "refer|id=93;x;");
    assert_eq!(written(11, "90 ; refresher=uac", word), "90|refresher=uac;");
    assert_eq!(
        written(12, "a@b;to-tag=1;early-only", word),
        "a@b|to-tag=1;early-only;"
    );
    for (rule, text) in [(10, ""), (10, "a b"), (11, "x"), (12, ";to-tag=1")] {
        assert!(found(rule, text).is_none(), "{text:?}");
    }
}

#[test]
fn hosts_are_names_or_addresses() {
    for (text, expected) in [
        ("A_b.example.com", "domain|a_b.example.com|None"),
        ("9to5.example.com.", "domain|9to5.example.com.|None"),
        ("10.0.0.1:5060", "IPv4|10.0.0.1|Some(5060)"),
        ("[2001:db8::1]:5060", "IPv6|[2001:db8::1]|Some(5060)"),
    ] {
        assert_eq!(written(13, text, host), expected);
    }
    for text in [
        "", ".", "a..b", "a.-b", "1.2.3", "[::1", "a:", "a:x", "a:65536", "-a", "::1", "a b",
    ] {
        assert!(found(13, text).is_none(), "{text:?}");
    }
}

#[test]
fn start_lines_are_of_requests_or_of_responses() {
    let line = |found: &mut Found| match found.number() {
        0 => format!("{}|{}|{}", found.piece(), found.piece(), found.piece()),
        _ => format!("{}|{}|{}", found.piece(), found.piece(), uri(found)),
    };
    for (text, expected) in [
        ("SIP/2.0 486 Busy Here", "SIP/2.0|486|Busy Here"),
        ("SIP/2.0 200 ", "SIP/2.0|200|"),
        ("INVITE sip:a@b SIP/2.0", "INVITE|SIP/2.0|sip|a|b|||"),
        ("BYE tel:+1 SIP/2.0", "BYE|SIP/2.0|tel|+1||||"),
    ] {
        assert_eq!(written(14, text, line), expected);
    }
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
        assert!(found(14, text).is_none(), "{text:?}");
    }
}

#[test]
fn other_uris_have_a_scheme_and_perhaps_a_host() {
    let other = |found: &mut Found| match (found.piece(), found.number()) {
        (scheme, 0) => scheme,
        (scheme, _) => format!("{scheme} {}", host(found)),
    };
    assert_eq!(
        written(15, "wss://Example.com:8443/ws?a=b", other),
        "wss domain|example.com|Some(8443)"
    );
    assert_eq!(written(15, "urn:service:sos", other), "urn");
    assert_eq!(written(15, "ws:///x", other), "ws");
    for text in ["ws:", "//a", "1s://a", "ws://a b", "ws://a..b", "ws://a:b"] {
        assert!(found(15, text).is_none(), "{text:?}");
    }
}

#[test]
fn a_rule_that_nobody_asks_for_finds_nothing() {
    assert!(found(200, "x").is_none());
}
