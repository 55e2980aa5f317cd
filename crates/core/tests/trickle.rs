//! Stories of Trickle ICE (RFC 8840): candidates that follow their description in INFO requests.

mod util;

use std::time::Duration;

use offhook_core::{
    CallOptions, MediaReport, MediaRequest, ProgressOptions, ReofferOptions, SessionId, Transport,
};
use offhook_sip::{Message, Method, OutgoingResponse, Request, Response, StatusCode};
use util::lone::Lone;
use util::{Fate, Manner, Pair};

const SECOND: Duration = Duration::from_secs(1);
const HOST: &str = "candidate:1 1 udp 2130706431 192.0.2.1 5000 typ host";
const REFLEXIVE: &str = "candidate:2 1 udp 1694498815 198.51.100.1 5001 typ srflx";
const RELAYED: &str = "candidate:3 1 udp 100 203.0.113.1 5002 typ relay";
const FRAGMENT: &str = "application/trickle-ice-sdpfrag";

/// A description with ICE credentials, and with one candidate of a host.
fn described(ufrag: &str, options: &str) -> String {
    format!(
        "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nt=0 0\r\n{options}\
         m=audio 9 UDP/TLS/RTP/SAVPF 0\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\na=sendrecv\r\n\
         a=ice-ufrag:{ufrag}\r\na=ice-pwd:password-of-{ufrag}\r\na={HOST}\r\n"
    )
}

fn trickling(ufrag: &str) -> String {
    described(ufrag, "a=ice-options:trickle\r\n")
}

fn fragment(ufrag: &str, lines: &[&str]) -> String {
    let lines: String = lines.iter().map(|line| format!("a={line}\r\n")).collect();
    format!(
        "a=ice-ufrag:{ufrag}\r\na=ice-pwd:password-of-{ufrag}\r\n\
         m=audio 9 RTP/AVP 0\r\na=mid:0\r\n{lines}"
    )
}

fn lone(trickle: bool) -> Lone {
    let mut lone = Lone::with(|config| {
        config.register = false;
        config.trickle_ice = trickle;
    });
    lone.sdp = trickling("aaaa");
    lone.gathered = false;
    lone.start();
    lone
}

fn report(lone: &mut Lone, report: MediaReport) {
    let (now, id) = (lone.now, lone.session.expect("a session"));
    lone.agent.media(now, id, report);
    lone.drain();
}

fn gather(lone: &mut Lone, candidate: &str) {
    let mid = Some("0".to_owned());
    let candidate = candidate.to_owned();
    report(lone, MediaReport::Candidate { candidate, mid });
}

/// A call whose INVITE left when the time for gathering was over.
fn calling() -> (Lone, Request) {
    let mut lone = lone(true);
    lone.call();
    lone.run(SECOND);
    let invite = lone.request(Method::Invite);
    lone.news();
    (lone, invite)
}

fn response(invite: &Request, status: StatusCode, headers: &[(&str, &str)]) -> OutgoingResponse {
    response_of("b1", invite, status, headers)
}

fn response_of(
    tag: &str,
    invite: &Request,
    status: StatusCode,
    headers: &[(&str, &str)],
) -> OutgoingResponse {
    let mut response = OutgoingResponse::to_request(invite, status);
    response.set_to_tag(tag).expect("a tag");
    let contact = format!("<sip:{tag}@198.51.100.7;transport=ws>");
    for (name, value) in headers.iter().chain([&("Contact", contact.as_str())]) {
        response.headers_mut().push(*name, value).expect("a header");
    }
    response
        .set_body("application/sdp", trickling("bbbb"))
        .expect("a body");
    response
}

const TAKES_PART: (&str, &str) = ("Recv-Info", "trickle-ice");

/// A call of ours that stands, with a peer that takes part.
fn established() -> Lone {
    let (mut lone, invite) = calling();
    lone.give(response(&invite, StatusCode::OK, &[TAKES_PART]));
    lone.request(Method::Ack);
    lone.run(SECOND);
    lone.news();
    lone
}

fn body(request: &Request) -> String {
    String::from_utf8_lossy(request.body()).into_owned()
}

/// The INFO that is due, answered.
fn info(lone: &mut Lone, status: StatusCode) -> Request {
    let info = lone.request(Method::Info);
    lone.answer(&info, status, &[]);
    info
}

/// The candidates handed to the peer connection so far, and how often their end.
fn handed(lone: &Lone) -> (Vec<&str>, usize) {
    let candidates = lone
        .media
        .iter()
        .filter_map(|request| match request {
            MediaRequest::AddCandidate { candidate, .. } => Some(candidate.as_str()),
            _ => None,
        })
        .collect();
    let ends = lone
        .media
        .iter()
        .filter(|request| matches!(request, MediaRequest::EndOfCandidates))
        .count();
    (candidates, ends)
}

#[test]
fn an_invite_says_that_we_take_part() {
    let (_, invite) = calling();
    assert!(invite.has_token("Supported", "trickle-ice"));
    assert!(invite.has_token("Recv-Info", "trickle-ice"));
    let options = CallOptions {
        trickle_ice: Some(false),
        ..Default::default()
    };
    let mut off = self::lone(true);
    off.agent.call(off.now, "bob", options).expect("a call");
    off.drain();
    off.run(SECOND);
    let invite = off.request(Method::Invite);
    assert!(!invite.has_token("Supported", "trickle-ice"));
    assert_eq!(invite.header("Recv-Info"), None);
    assert!(invite.has_token("Supported", "replaces"), "the others stay");
}

#[test]
fn the_first_offer_leaves_when_the_time_is_up_with_what_there_is() {
    let mut lone = lone(true);
    lone.call();
    lone.run(Duration::from_millis(499));
    assert!(lone.requests.is_empty());
    lone.run(Duration::from_millis(1));
    assert!(body(&lone.request(Method::Invite)).contains(HOST));
}

#[test]
fn late_candidates_follow_in_info_requests_one_at_a_time() {
    let mut lone = established();
    gather(&mut lone, REFLEXIVE);
    assert!(lone.requests.is_empty(), "others may come at once");
    lone.run(Duration::from_millis(20));
    let first = lone.request(Method::Info);
    assert_eq!(first.header("Info-Package"), Some("trickle-ice"));
    assert_eq!(first.header("Content-Type"), Some(FRAGMENT));
    assert_eq!(first.header("Content-Disposition"), Some("Info-Package"));
    assert_eq!(body(&first), fragment("aaaa", &[HOST, REFLEXIVE]));
    gather(&mut lone, RELAYED);
    report(&mut lone, MediaReport::GatheringComplete);
    lone.run(SECOND);
    assert!(lone.requests.is_empty(), "one INFO is under way");
    lone.answer(&first, StatusCode::OK, &[]);
    lone.run(Duration::from_millis(20));
    let second = info(&mut lone, StatusCode::OK);
    let all = [HOST, REFLEXIVE, RELAYED, "end-of-candidates"];
    assert_eq!(
        body(&second),
        fragment("aaaa", &all),
        "it repeats the first"
    );
    lone.run(SECOND);
    assert!(lone.requests.is_empty(), "everything is told");
    assert_eq!(lone.news(), "", "the application is not bothered");
}

#[test]
fn a_peer_that_takes_no_part_never_gets_an_info() {
    let headers: [&[(&str, &str)]; 2] = [&[], &[("Recv-Info", "other")]];
    for headers in headers {
        let (mut lone, invite) = calling();
        lone.give(response(&invite, StatusCode::OK, headers));
        lone.request(Method::Ack);
        gather(&mut lone, REFLEXIVE);
        report(&mut lone, MediaReport::GatheringComplete);
        lone.run(SECOND);
        assert!(lone.requests.is_empty());
    }
    // Nor does one whose description does not say so.
    let (mut lone, invite) = calling();
    let mut ok = response(&invite, StatusCode::OK, &[TAKES_PART]);
    ok.set_body("application/sdp", described("bbbb", ""))
        .expect("a body");
    lone.give(ok);
    lone.request(Method::Ack);
    gather(&mut lone, REFLEXIVE);
    lone.run(SECOND);
    assert!(lone.requests.is_empty());
}

/// An INFO of the peer inside the call that alice made or took.
fn peer_info(lone: &Lone, number: u32, headers: &str, body: &str) -> String {
    let id = lone.session.expect("a session");
    let info = lone.agent.session_info(id).expect("it lives");
    let (ours, theirs) = match info.direction() {
        offhook_core::Direction::Outgoing => (info.local_identity(), "b1".to_owned()),
        offhook_core::Direction::Incoming => (info.local_identity(), "bobtag".to_owned()),
    };
    let ours = ours.tag().map_or_else(|| tag(lone), str::to_owned);
    let call_id = info.call_id();
    format!(
        "INFO sip:alice@example.com SIP/2.0\r\n\
         Via: SIP/2.0/WS proxy.example.com;branch=z9hG4bKinfo{number}\r\n\
         Max-Forwards: 70\r\nFrom: <sip:bob@example.com>;tag={theirs}\r\n\
         To: <sip:alice@example.com>;tag={ours}\r\nCall-ID: {call_id}\r\n\
         CSeq: {number} INFO\r\n{headers}Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// The tag of our last response.
fn tag(lone: &Lone) -> String {
    let last = lone.responses.last().expect("a response");
    last.to().expect("a To").tag().expect("a tag").to_owned()
}

const PACKAGE: &str = "Info-Package: trickle-ice\r\n\
                       Content-Type: application/trickle-ice-sdpfrag\r\n";

fn trickle(lone: &mut Lone, number: u32, body: &str) -> Response {
    let info = peer_info(lone, number, PACKAGE, body);
    lone.responses.clear();
    lone.receive(info);
    lone.responses.remove(0)
}

#[test]
fn candidates_of_the_peer_go_to_the_peer_connection_once() {
    let mut lone = established();
    let first = fragment("bbbb", &[HOST, REFLEXIVE]);
    assert_eq!(trickle(&mut lone, 1, &first).status(), StatusCode::OK);
    assert_eq!(
        handed(&lone),
        (vec![REFLEXIVE], 0),
        "the answer brought the host's"
    );
    let second = fragment("bbbb", &[HOST, REFLEXIVE, RELAYED, "end-of-candidates"]);
    trickle(&mut lone, 2, &second);
    trickle(&mut lone, 3, &second);
    assert_eq!(handed(&lone), (vec![REFLEXIVE, RELAYED], 1));
    assert_eq!(lone.news(), "", "the application is not bothered");
    assert_eq!(lone.agent.counters().stale_candidates, 0);
}

#[test]
fn candidates_of_another_gathering_are_dropped_and_counted() {
    let mut lone = established();
    let stale = fragment("cccc", &[RELAYED]);
    assert_eq!(trickle(&mut lone, 1, &stale).status(), StatusCode::OK);
    assert_eq!(handed(&lone), (vec![], 0));
    assert_eq!(lone.agent.counters().stale_candidates, 1);
}

#[test]
fn an_info_without_a_fragment_is_refused() {
    let mut lone = established();
    let bad = "m=audio 9 RTP/AVP 0\r\n";
    assert_eq!(trickle(&mut lone, 1, bad).status(), StatusCode::BAD_REQUEST);
    let headers = "Info-Package: trickle-ice\r\nContent-Type: text/plain\r\n";
    let info = peer_info(&lone, 2, headers, "hi");
    lone.responses.clear();
    lone.receive(info);
    let refused = lone.response();
    assert_eq!(refused.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
    assert_eq!(refused.header("Accept"), Some(FRAGMENT));
    assert_eq!(lone.news(), "");
}

#[test]
fn an_unknown_package_is_refused_and_no_package_is_told() {
    let mut lone = established();
    let unknown = peer_info(
        &lone,
        1,
        "Info-Package: chess\r\nContent-Type: text/plain\r\n",
        "e4",
    );
    lone.receive(unknown);
    let refused = lone.response();
    assert_eq!(refused.status(), StatusCode::BAD_INFO_PACKAGE);
    assert_eq!(refused.header("Recv-Info"), Some("trickle-ice"));
    assert_eq!(lone.news(), "");
    let plain = peer_info(&lone, 2, "Content-Type: text/plain\r\n", "hi");
    lone.receive(plain);
    assert_eq!(lone.response().status(), StatusCode::OK);
    assert_eq!(lone.news(), "newInfo(remote, text/plain)");
}

#[test]
fn an_agent_that_takes_no_part_refuses_the_package() {
    let mut lone = lone(false);
    lone.call();
    lone.run(SECOND);
    let invite = lone.request(Method::Invite);
    assert!(!invite.has_token("Supported", "trickle-ice"));
    lone.give(response(&invite, StatusCode::OK, &[TAKES_PART]));
    lone.request(Method::Ack);
    let refused = trickle(&mut lone, 1, &fragment("bbbb", &[RELAYED]));
    assert_eq!(refused.status(), StatusCode::BAD_INFO_PACKAGE);
    assert_eq!(refused.header("Recv-Info"), Some("nil"));
    gather(&mut lone, REFLEXIVE);
    lone.run(SECOND);
    assert!(lone.requests.is_empty());
}

#[test]
fn candidates_that_come_before_their_answer_wait_for_it() {
    let (mut lone, invite) = calling();
    lone.answer_from(&invite, StatusCode::RINGING, "b1", "");
    trickle(&mut lone, 1, &fragment("bbbb", &[RELAYED]));
    assert_eq!(handed(&lone), (vec![], 0));
    lone.give(response(&invite, StatusCode::OK, &[TAKES_PART]));
    assert_eq!(handed(&lone), (vec![RELAYED], 0));
}

#[test]
fn an_unreliable_early_answer_is_confirmed_by_an_info_at_once() {
    let (mut lone, invite) = calling();
    let early = || response(&invite, StatusCode::SESSION_PROGRESS, &[TAKES_PART]);
    lone.give(early());
    lone.run(Duration::from_millis(20));
    let confirming = info(&mut lone, StatusCode::OK);
    assert_eq!(
        body(&confirming),
        fragment("aaaa", &[HOST]),
        "RFC 8840 section 4.3.2"
    );
    assert_eq!(confirming.uri_text(), "sip:b1@198.51.100.7;transport=ws");
    assert_eq!(lone.news(), "progress(183)");
    lone.give(early());
    lone.run(SECOND);
    assert_eq!(lone.news(), "", "said again, it is not told again");
    gather(&mut lone, REFLEXIVE);
    lone.run(SECOND);
    assert_eq!(
        body(&info(&mut lone, StatusCode::OK)),
        fragment("aaaa", &[HOST, REFLEXIVE])
    );
    lone.give(response(&invite, StatusCode::OK, &[TAKES_PART]));
    lone.request(Method::Ack);
    assert_eq!(lone.news(), "accepted(remote) confirmed(local)");
}

#[test]
fn a_fork_that_answers_after_another_is_told_everything_it_missed() {
    let (mut lone, invite) = calling();
    lone.give(response(
        &invite,
        StatusCode::SESSION_PROGRESS,
        &[TAKES_PART],
    ));
    gather(&mut lone, REFLEXIVE);
    lone.run(SECOND);
    info(&mut lone, StatusCode::OK);
    lone.give(response_of("b2", &invite, StatusCode::OK, &[TAKES_PART]));
    lone.request(Method::Ack);
    lone.run(SECOND);
    let told = info(&mut lone, StatusCode::OK);
    assert_eq!(body(&told), fragment("aaaa", &[HOST, REFLEXIVE]));
    assert!(told.to().expect("a To").tag() == Some("b2"));
}

#[test]
fn a_refusal_for_the_moment_is_tried_again_and_another_is_believed() {
    let mut lone = established();
    gather(&mut lone, REFLEXIVE);
    lone.run(SECOND);
    info(&mut lone, StatusCode::SERVER_INTERNAL_ERROR);
    lone.run(SECOND);
    assert!(lone.requests.is_empty());
    lone.run(SECOND);
    info(&mut lone, StatusCode::BAD_INFO_PACKAGE);
    gather(&mut lone, RELAYED);
    lone.run(Duration::from_secs(10));
    assert!(
        lone.requests.is_empty(),
        "the peer does not take part after all"
    );
    assert_eq!(lone.news(), "", "the call goes on");
}

#[test]
fn an_ice_restart_waits_a_moment_only_and_speaks_of_the_new_gathering() {
    let mut lone = established();
    lone.sdp = trickling("dddd");
    let (now, id) = (lone.now, lone.session.expect("a session"));
    let restart = ReofferOptions {
        ice_restart: true,
        ..Default::default()
    };
    let mut session = lone.agent.session(id).expect("it lives");
    session.renegotiate(now, restart).expect("a new offer");
    lone.drain();
    lone.run(Duration::from_millis(50));
    let invite = lone.request(Method::Invite);
    assert!(invite.has_token("Recv-Info", "trickle-ice"));
    gather(&mut lone, REFLEXIVE);
    lone.run(SECOND);
    assert!(lone.requests.is_empty(), "the offer may not have arrived");
    lone.give(response(&invite, StatusCode::OK, &[TAKES_PART]));
    lone.request(Method::Ack);
    lone.run(SECOND);
    let told = info(&mut lone, StatusCode::OK);
    assert_eq!(body(&told), fragment("dddd", &[HOST, REFLEXIVE]));
}

#[test]
fn a_refused_ice_restart_leaves_nothing_to_tell() {
    let mut lone = established();
    lone.sdp = trickling("dddd");
    let (now, id) = (lone.now, lone.session.expect("a session"));
    let restart = ReofferOptions {
        ice_restart: true,
        ..Default::default()
    };
    let mut session = lone.agent.session(id).expect("it lives");
    session.renegotiate(now, restart).expect("a new offer");
    lone.drain();
    lone.run(Duration::from_millis(50));
    let invite = lone.request(Method::Invite);
    gather(&mut lone, REFLEXIVE);
    lone.answer(&invite, StatusCode::NOT_ACCEPTABLE_HERE, &[]);
    lone.request(Method::Ack);
    lone.run(SECOND);
    assert!(lone.requests.is_empty());
}

fn incoming(lone: &mut Lone, headers: &str) {
    let offer = trickling("bbbb");
    lone.receive(format!(
        "INVITE sip:alice@example.com SIP/2.0\r\n\
         Via: SIP/2.0/WS proxy.example.com;branch=z9hG4bKabc1\r\n\
         Max-Forwards: 70\r\nFrom: <sip:bob@example.com>;tag=bobtag\r\n\
         To: <sip:alice@example.com>\r\nCall-ID: call-1@example.com\r\nCSeq: 17 INVITE\r\n\
         Contact: <sip:bob@198.51.100.7;transport=ws>\r\n{headers}\
         Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{offer}",
        offer.len()
    ));
    lone.news();
}

fn in_dialog(lone: &Lone, method: &str, number: u32, headers: &str) -> String {
    format!(
        "{method} sip:alice@example.com SIP/2.0\r\n\
         Via: SIP/2.0/WS proxy.example.com;branch=z9hG4bK{method}{number}\r\n\
         Max-Forwards: 70\r\nFrom: <sip:bob@example.com>;tag=bobtag\r\n\
         To: <sip:alice@example.com>;tag={}\r\nCall-ID: call-1@example.com\r\n\
         CSeq: {number} {method}\r\n{headers}Content-Length: 0\r\n\r\n",
        tag(lone)
    )
}

fn command(lone: &mut Lone, command: impl FnOnce(&mut Lone, SessionId)) {
    let id = lone.session.expect("a session");
    command(lone, id);
    lone.drain();
}

fn answer(lone: &mut Lone) {
    command(lone, |lone, id| {
        let now = lone.now;
        let mut session = lone.agent.session(id).expect("it lives");
        session.answer(now, Default::default()).expect("answered");
    });
}

fn progress(lone: &mut Lone) {
    command(lone, |lone, id| {
        let now = lone.now;
        let mut session = lone.agent.session(id).expect("it lives");
        let early = ProgressOptions::default();
        session.progress(now, early).expect("early media");
    });
}

#[test]
fn an_answer_waits_a_moment_only_and_candidates_follow_the_ack() {
    let mut lone = lone(true);
    incoming(&mut lone, "Recv-Info: trickle-ice\r\n");
    answer(&mut lone);
    lone.responses.clear();
    lone.run(Duration::from_millis(50));
    let ok = lone.response();
    assert_eq!(ok.status(), StatusCode::OK);
    assert!(ok.has_token("Recv-Info", "trickle-ice"));
    lone.responses.push(ok);
    gather(&mut lone, REFLEXIVE);
    lone.run(Duration::from_millis(400));
    assert!(
        lone.requests.is_empty(),
        "the caller may not know the dialog"
    );
    let ack = in_dialog(&lone, "ACK", 17, "");
    lone.receive(ack);
    lone.run(Duration::from_millis(20));
    let told = info(&mut lone, StatusCode::OK);
    assert_eq!(body(&told), fragment("aaaa", &[HOST, REFLEXIVE]));
}

#[test]
fn an_answer_to_a_caller_that_takes_no_part_waits_for_its_candidates() {
    let mut lone = lone(true);
    incoming(&mut lone, "");
    answer(&mut lone);
    lone.responses.clear();
    lone.run(Duration::from_millis(499));
    assert!(lone.responses.is_empty());
    lone.run(Duration::from_millis(1));
    assert_eq!(
        lone.response().header("Recv-Info"),
        None,
        "RFC 6086 section 5.2.2"
    );
}

#[test]
fn candidates_follow_a_reliable_early_answer_after_its_prack() {
    let mut lone = lone(true);
    incoming(&mut lone, "Supported: 100rel\r\nRecv-Info: trickle-ice\r\n");
    progress(&mut lone);
    lone.run(Duration::from_millis(50));
    assert_eq!(
        lone.responses.last().map(|it| it.status().code()),
        Some(183)
    );
    gather(&mut lone, REFLEXIVE);
    lone.run(Duration::from_millis(100));
    assert!(lone.requests.is_empty());
    let prack = in_dialog(&lone, "PRACK", 18, "RAck: 1 17 INVITE\r\n");
    lone.receive(prack);
    lone.run(Duration::from_millis(20));
    info(&mut lone, StatusCode::OK);
    lone.responses.truncate(1);
    answer(&mut lone);
    gather(&mut lone, RELAYED);
    lone.run(Duration::from_millis(20));
    assert_eq!(
        body(&info(&mut lone, StatusCode::OK)),
        fragment("aaaa", &[HOST, REFLEXIVE, RELAYED]),
        "the caller knows the dialog, whether the ACK has come or not"
    );
}

#[test]
fn an_unreliable_early_answer_is_repeated_until_the_caller_sends_an_info() {
    let mut lone = lone(true);
    incoming(&mut lone, "Recv-Info: trickle-ice\r\n");
    progress(&mut lone);
    lone.run(Duration::from_millis(50));
    let early = lone.responses.pop().expect("a 183");
    assert_eq!((early.status().code(), early.header("RSeq")), (183, None));
    lone.responses.clear();
    lone.run(Duration::from_millis(1_600));
    assert_eq!(lone.responses.len(), 2, "after half a second, and one more");
    gather(&mut lone, REFLEXIVE);
    lone.run(Duration::from_millis(100));
    assert!(lone.requests.is_empty());
    let tags = lone.responses.clone();
    let confirm = peer_info(&lone, 18, PACKAGE, &fragment("bbbb", &[HOST]));
    lone.receive(confirm);
    lone.run(Duration::from_millis(20));
    assert_eq!(lone.responses.len(), tags.len() + 1);
    info(&mut lone, StatusCode::OK);
    lone.run(Duration::from_secs(40));
    assert_eq!(
        lone.responses.len(),
        tags.len() + 1,
        "it is not repeated any more"
    );
}

#[test]
fn an_unreliable_early_answer_is_not_repeated_for_ever() {
    let mut lone = lone(true);
    incoming(&mut lone, "Recv-Info: trickle-ice\r\n");
    progress(&mut lone);
    lone.run(Duration::from_secs(33));
    lone.responses.clear();
    lone.run(Duration::from_secs(20));
    assert!(lone.responses.is_empty());
    assert!(!lone.news().contains("failed"), "the call rings on");
}

#[test]
fn two_agents_trickle_to_each_other_over_a_network_that_loses() {
    for transport in [Transport::Udp, Transport::Tcp] {
        let mut pair = Pair::new(transport);
        pair.bob.manner = Manner::Answer;
        for (side, ice) in [
            (
                &mut pair.alice,
                "a=mid:0\r\na=ice-options:trickle\r\na=ice-ufrag:aa\r\na=ice-pwd:a\r\n",
            ),
            (
                &mut pair.bob,
                "a=mid:0\r\na=ice-options:trickle\r\na=ice-ufrag:bb\r\na=ice-pwd:b\r\n",
            ),
        ] {
            (side.ice, side.gathered) = (ice, false);
        }
        let mut infos = 0;
        pair.fate = Box::new(move |_, message| {
            infos += usize::from(matches!(message, Message::Request(request)
                if request.method() == Method::Info));
            match transport {
                Transport::Udp if infos == 1 => Fate::Lose,
                _ => Fate::Arrive,
            }
        });
        pair.call();
        pair.run(SECOND);
        let now = pair.now;
        for (side, candidate) in [(&mut pair.alice, REFLEXIVE), (&mut pair.bob, RELAYED)] {
            let id = side.session.expect("a session");
            let candidate = candidate.to_owned();
            let mid = Some("0".to_owned());
            side.agent
                .media(now, id, MediaReport::Candidate { candidate, mid });
            side.agent.media(now, id, MediaReport::GatheringComplete);
        }
        pair.run(Duration::from_secs(10));
        let has = |side: &util::Side, text: &str| {
            let added = side.media.iter().any(|request| {
                matches!(request, MediaRequest::AddCandidate { candidate, .. } if candidate == text)
            });
            added && side.media.contains(&MediaRequest::EndOfCandidates)
        };
        assert!(has(&pair.bob, REFLEXIVE) && has(&pair.alice, RELAYED));
        let now = pair.now;
        pair.alice_session()
            .terminate(now, Default::default())
            .expect("hung up");
        pair.run_out();
        pair.assert_clean();
    }
}
