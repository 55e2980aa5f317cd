//! Client against server: what one makes, the other accepts.

use std::time::Duration;

use bytes::Bytes;
use offhook_sip::{
    Credentials, HeaderName, Limits, Message, Method, OutgoingRequest, Response, StatusCode, Uri,
};
use proptest::prelude::*;

use super::*;
use crate::time::Instant;

const NOW: Instant = Instant::from_micros(1_000_000_000);
const SDP: &[u8] = b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nt=0 0\r\n";

fn request() -> OutgoingRequest {
    let uri = Uri::parse("sip:bob@example.com").unwrap();
    let mut request = OutgoingRequest::new(Method::Invite, &uri);
    request.set_body("application/sdp", SDP).unwrap();
    request
}

/// A response with these challenge header lines.
fn challenge(status: StatusCode, lines: &[(&str, &str)]) -> Response {
    let mut text = format!(
        "SIP/2.0 {} {}\r\n\
         Via: SIP/2.0/WS 192.0.2.1;branch=z9hG4bK1\r\n\
         From: <sip:alice@example.com>;tag=1\r\n\
         To: <sip:bob@example.com>;tag=2\r\n\
         Call-ID: 1@192.0.2.1\r\n\
         CSeq: 1 INVITE\r\n",
        status.code(),
        status.reason()
    );
    for (name, value) in lines {
        text += &format!("{name}: {value}\r\n");
    }
    text += "Content-Length: 0\r\n\r\n";
    match Message::parse(Bytes::from(text), &Limits::default()) {
        Ok(Message::Response(response)) => response,
        other => panic!("{other:?}"),
    }
}

fn unauthorized(values: &[&str]) -> Response {
    let lines: Vec<_> = values
        .iter()
        .map(|value| ("WWW-Authenticate", *value))
        .collect();
    challenge(StatusCode::UNAUTHORIZED, &lines)
}

fn alice() -> AuthStore {
    AuthStore::new("alice", Secret::Password("secret".to_owned()))
}

fn password_of(user: &str) -> Option<Secret> {
    (user == "alice").then(|| Secret::Password("secret".to_owned()))
}

/// The values that `authorize` puts into header `name` of a fresh request.
fn authorized(store: &mut AuthStore, attempt: &AuthAttempt, name: HeaderName) -> Vec<String> {
    let mut request = request();
    store.authorize(attempt, &mut request, "cnonce").unwrap();
    request.headers().get_all(name).map(str::to_owned).collect()
}

fn param(value: &str, name: &str) -> Option<String> {
    Credentials::parse(value)
        .unwrap()
        .params
        .get(name)
        .map(|value| value.into_owned())
}

fn verify(server: &mut DigestServer, now: Instant, values: &[String]) -> Verdict {
    verify_body(server, now, values, SDP)
}

fn verify_body(server: &mut DigestServer, now: Instant, values: &[String], body: &[u8]) -> Verdict {
    let credentials: Vec<_> = values
        .iter()
        .map(|value| Credentials::parse(value).unwrap())
        .collect();
    server.verify(now, &credentials, "INVITE", body, password_of)
}

fn ok() -> Verdict {
    Verdict::Ok {
        user: "alice".to_owned(),
    }
}

fn server(algorithms: &[DigestAlgorithm]) -> DigestServer {
    DigestServer::new("example.com", algorithms.iter().copied(), [7; 32])
}

/// One challenge of `server`, read by `store`.
fn challenge_once(
    server: &mut DigestServer,
    store: &mut AuthStore,
    attempt: &mut AuthAttempt,
    stale: bool,
) -> Result<(), AuthError> {
    let values = server.challenge(NOW, stale);
    let values: Vec<_> = values.iter().map(String::as_str).collect();
    store.challenged(attempt, &unauthorized(&values))
}

#[test]
fn every_algorithm_with_every_qop_is_accepted() {
    for algorithm in DigestAlgorithm::ALL {
        for qops in [
            vec![],
            vec![DigestQop::Auth],
            vec![DigestQop::AuthInt],
            vec![DigestQop::AuthInt, DigestQop::Auth],
        ] {
            let mut server = server(&[algorithm]).with_qops(qops.clone());
            let (mut store, mut attempt) = (alice(), AuthAttempt::default());
            challenge_once(&mut server, &mut store, &mut attempt, false).unwrap();
            let values = authorized(&mut store, &attempt, HeaderName::Authorization);
            assert_eq!(values.len(), 1);
            assert_eq!(
                verify(&mut server, NOW, &values),
                ok(),
                "{algorithm} {qops:?}"
            );
        }
    }
}

#[test]
fn a_changed_body_is_wrong_only_with_auth_int() {
    for (qop, verdict) in [
        (DigestQop::Auth, ok()),
        (DigestQop::AuthInt, Verdict::Wrong),
    ] {
        let mut server = server(&[DigestAlgorithm::Sha256]).with_qops([qop]);
        let (mut store, mut attempt) = (alice(), AuthAttempt::default());
        challenge_once(&mut server, &mut store, &mut attempt, false).unwrap();
        let values = authorized(&mut store, &attempt, HeaderName::Authorization);
        assert_eq!(verify_body(&mut server, NOW, &values, b"other"), verdict);
    }
}

#[test]
fn the_strongest_algorithm_is_answered_whatever_the_order() {
    let (mut store, mut attempt) = (alice(), AuthAttempt::default());
    store
        .challenged(
            &mut attempt,
            &unauthorized(&[
                r#"Digest realm="r", nonce="1", qop="auth""#,
                r#"Bearer realm="r""#,
                r#"Digest realm="r", nonce="2", algorithm=SHA-256, qop="auth""#,
                r#"Digest realm="r", nonce="3", algorithm=SHA3-512, qop="auth""#,
                r#"Digest realm="r", nonce="4", algorithm=SHA-256-sess, qop="auth""#,
            ]),
        )
        .unwrap();
    let values = authorized(&mut store, &attempt, HeaderName::Authorization);
    assert_eq!(values.len(), 1);
    assert_eq!(param(&values[0], "nonce").as_deref(), Some("2"));
}

#[test]
fn a_stored_hash_answers_md5_of_its_realm_and_nothing_else() {
    let ha1 = DigestAlgorithm::Md5.hash(&[b"alice", b"example.com", b"secret"]);
    let secret = Secret::Ha1 {
        realm: "example.com".to_owned(),
        ha1: ha1.to_ascii_uppercase(),
    };
    let mut store = AuthStore::new("alice", secret);

    let mut server = server(&[DigestAlgorithm::Sha256, DigestAlgorithm::Md5]);
    let mut attempt = AuthAttempt::default();
    challenge_once(&mut server, &mut store, &mut attempt, false).unwrap();
    let values = authorized(&mut store, &attempt, HeaderName::Authorization);
    assert_eq!(verify(&mut server, NOW, &values), ok());

    let sha = unauthorized(&[r#"Digest realm="example.com", nonce="1", algorithm=SHA-256"#]);
    assert_eq!(
        store.challenged(&mut AuthAttempt::default(), &sha),
        Err(AuthError::UnsupportedChallenge {
            offered: "Digest SHA-256".to_owned()
        })
    );
    let other = unauthorized(&[r#"Digest realm="elsewhere", nonce="1""#]);
    assert_eq!(
        store.challenged(&mut AuthAttempt::default(), &other),
        Err(AuthError::NoCredentials {
            realm: "elsewhere".to_owned()
        })
    );
}

#[test]
fn a_realm_that_asks_again_refuses_the_credentials() {
    let mut server = server(&[]);
    let (mut store, mut attempt) = (alice(), AuthAttempt::default());
    challenge_once(&mut server, &mut store, &mut attempt, false).unwrap();
    let error = challenge_once(&mut server, &mut store, &mut attempt, false).unwrap_err();
    assert_eq!(
        error,
        AuthError::WrongCredentials {
            realm: "example.com".to_owned(),
            user: "alice".to_owned()
        }
    );
    assert_eq!(
        error.to_string(),
        "realm \"example.com\" refuses the credentials of user \"alice\": check user name and \
         password"
    );
    // The next request starts afresh: the password may have been corrected on the server.
    let mut next = AuthAttempt::default();
    assert_eq!(
        challenge_once(&mut server, &mut store, &mut next, false),
        Ok(())
    );
}

#[test]
fn a_stale_nonce_is_replaced_and_staleness_for_ever_ends() {
    let mut server = server(&[]);
    let (mut store, mut attempt) = (alice(), AuthAttempt::default());
    challenge_once(&mut server, &mut store, &mut attempt, false).unwrap();
    let mut tries = 0;
    let error = loop {
        match challenge_once(&mut server, &mut store, &mut attempt, true) {
            Ok(()) => tries += 1,
            Err(error) => break error,
        }
        let values = authorized(&mut store, &attempt, HeaderName::Authorization);
        assert_eq!(verify(&mut server, NOW, &values), ok());
    };
    assert_eq!(tries, 2);
    assert_eq!(error, AuthError::TooManyAttempts { challenges: 4 });
}

#[test]
fn server_and_proxy_in_turn_are_answered_together() {
    let (mut store, mut attempt) = (alice(), AuthAttempt::default());
    let proxy = challenge(
        StatusCode::PROXY_AUTHENTICATION_REQUIRED,
        &[(
            "Proxy-Authenticate",
            r#"Digest realm="proxy", nonce="p", qop="auth""#,
        )],
    );
    store.challenged(&mut attempt, &proxy).unwrap();
    assert_eq!(
        authorized(&mut store, &attempt, HeaderName::ProxyAuthorization).len(),
        1
    );
    assert!(authorized(&mut store, &attempt, HeaderName::Authorization).is_empty());

    // The same realm name, but asked by a server: another question.
    let answer = unauthorized(&[r#"Digest realm="proxy", nonce="s", qop="auth", opaque="o\"x""#]);
    store.challenged(&mut attempt, &answer).unwrap();
    let mut request = request();
    store.authorize(&attempt, &mut request, "c").unwrap();
    let to_proxy = request.headers().get(HeaderName::ProxyAuthorization);
    assert_eq!(param(to_proxy.unwrap(), "nc").as_deref(), Some("00000003"));
    let to_server = request.headers().get(HeaderName::Authorization).unwrap();
    assert_eq!(param(to_server, "nc").as_deref(), Some("00000001"));
    assert_eq!(param(to_server, "opaque").as_deref(), Some("o\"x"));
}

#[test]
fn realms_of_several_branches_are_answered_at_once() {
    let (mut store, mut attempt) = (alice(), AuthAttempt::default());
    let forked = unauthorized(&[
        r#"Digest realm="east", nonce="1""#,
        r#"Digest realm="west", nonce="2""#,
    ]);
    store.challenged(&mut attempt, &forked).unwrap();
    let values = authorized(&mut store, &attempt, HeaderName::Authorization);
    let realms: Vec<_> = values.iter().map(|value| param(value, "realm")).collect();
    assert_eq!(realms, [Some("east".to_owned()), Some("west".to_owned())]);
}

#[test]
fn ever_new_realms_end_too() {
    let (mut store, mut attempt) = (alice(), AuthAttempt::default());
    let error = (0..).find_map(|number| {
        let value = format!(r#"Digest realm="r{number}", nonce="1""#);
        store
            .challenged(&mut attempt, &unauthorized(&[&value]))
            .err()
    });
    assert_eq!(error, Some(AuthError::TooManyAttempts { challenges: 9 }));
}

#[test]
fn a_flood_of_realms_is_not_kept() {
    let mut store = alice().with_preemptive(true);
    for batch in 0..10 {
        let values: Vec<_> = (0..50)
            .map(|number| format!(r#"Digest realm="r{batch}-{number}", nonce="1""#))
            .collect();
        let values: Vec<_> = values.iter().map(String::as_str).collect();
        store
            .challenged(&mut AuthAttempt::default(), &unauthorized(&values))
            .unwrap();
    }
    let attempt = AuthAttempt::default();
    let values = authorized(&mut store, &attempt, HeaderName::Authorization);
    assert_eq!(values.len(), 16);
}

#[test]
fn what_cannot_be_answered_is_said() {
    let mut store = alice();
    let mut error = |values: &[&str]| {
        store
            .challenged(&mut AuthAttempt::default(), &unauthorized(values))
            .unwrap_err()
    };
    assert_eq!(
        error(&[]),
        AuthError::UnsupportedChallenge {
            offered: String::new()
        }
    );
    let values = [
        r#"Basic realm="r""#,
        r#"Digest realm="r", nonce="1", algorithm=AKAv1-MD5"#,
        r#"Digest realm="r", nonce="1", qop="auth-conf""#,
        r#"Digest realm="r""#,
    ];
    assert_eq!(
        error(&values),
        AuthError::UnsupportedChallenge {
            offered: "Basic, Digest AKAv1-MD5, Digest, Digest".to_owned()
        }
    );
    assert_eq!(
        AuthStore::anonymous().challenged(
            &mut AuthAttempt::default(),
            &unauthorized(&[r#"Digest realm="r", nonce="1""#])
        ),
        Err(AuthError::NoCredentials {
            realm: "r".to_owned()
        })
    );
}

#[test]
fn known_nonces_go_ahead_only_when_asked_to_and_count_up() {
    for preemptive in [false, true] {
        let mut server = server(&[DigestAlgorithm::Md5Sess]);
        let mut store = alice().with_preemptive(preemptive);
        let mut attempt = AuthAttempt::default();
        challenge_once(&mut server, &mut store, &mut attempt, false).unwrap();
        let first = authorized(&mut store, &attempt, HeaderName::Authorization);
        assert_eq!(verify(&mut server, NOW, &first), ok());

        let next = AuthAttempt::default();
        let values = authorized(&mut store, &next, HeaderName::Authorization);
        assert_eq!(values.len(), usize::from(preemptive));
        if preemptive {
            assert_eq!(param(&values[0], "nc").as_deref(), Some("00000002"));
            assert_eq!(verify(&mut server, NOW, &values), ok());
        }
    }
}

#[test]
fn credentials_of_other_schemes_stay_and_digest_ones_are_replaced() {
    let (mut store, mut attempt) = (alice(), AuthAttempt::default());
    store
        .challenged(
            &mut attempt,
            &unauthorized(&[r#"Digest realm="r", nonce="1""#]),
        )
        .unwrap();
    let mut request = request();
    request
        .headers_mut()
        .push(HeaderName::Authorization, "Bearer token")
        .unwrap();
    store.authorize(&attempt, &mut request, "c").unwrap();
    store.authorize(&attempt, &mut request, "c").unwrap();
    let values: Vec<_> = request
        .headers()
        .get_all(HeaderName::Authorization)
        .collect();
    assert_eq!(values.len(), 2);
    assert_eq!(values[0], "Bearer token");
    assert!(values[1].starts_with("Digest username=\"alice\""));
}

#[test]
fn a_user_name_cannot_smuggle_a_header() {
    let mut store = AuthStore::new(
        "alice\r\nRoute: <sip:evil>",
        Secret::Password("secret".to_owned()),
    );
    let mut attempt = AuthAttempt::default();
    let answer = unauthorized(&[r#"Digest realm="r", nonce="1""#]);
    store.challenged(&mut attempt, &answer).unwrap();
    assert!(store.authorize(&attempt, &mut request(), "cnonce").is_err());
}

#[test]
fn secrets_are_not_shown() {
    let shown = format!("{:?} {:?}", alice(), Secret::Password("secret".to_owned()));
    assert!(!shown.contains("secret\""), "{shown}");
    let server = DigestServer::new("r", [], [0xab; 32]);
    assert!(!format!("{server:?}").contains("171"), "{server:?}");
}

#[test]
fn a_replayed_count_is_stale_and_a_late_one_is_not() {
    let mut server = server(&[]);
    let (mut store, mut attempt) = (alice(), AuthAttempt::default());
    challenge_once(&mut server, &mut store, &mut attempt, false).unwrap();
    let requests: Vec<_> = (0..70)
        .map(|_| authorized(&mut store, &attempt, HeaderName::Authorization))
        .collect();
    assert_eq!(verify(&mut server, NOW, &requests[1]), ok());
    assert_eq!(verify(&mut server, NOW, &requests[1]), Verdict::Stale);
    assert_eq!(verify(&mut server, NOW, &requests[0]), ok());
    assert_eq!(verify(&mut server, NOW, &requests[0]), Verdict::Stale);
    assert_eq!(verify(&mut server, NOW, &requests[69]), ok());
    // 67 below the highest: nobody knows any more whether it was seen.
    assert_eq!(verify(&mut server, NOW, &requests[2]), Verdict::Stale);
    assert_eq!(verify(&mut server, NOW, &requests[68]), ok());
    assert_eq!(server.remembered(), 1);
}

#[test]
fn a_nonce_without_a_count_is_good_once() {
    let mut server = server(&[DigestAlgorithm::Md5]).with_qops([]);
    let (mut store, mut attempt) = (alice(), AuthAttempt::default());
    challenge_once(&mut server, &mut store, &mut attempt, false).unwrap();
    let values = authorized(&mut store, &attempt, HeaderName::Authorization);
    assert_eq!(verify(&mut server, NOW, &values), ok());
    assert_eq!(verify(&mut server, NOW, &values), Verdict::Stale);
}

#[test]
fn an_expired_nonce_is_stale_and_a_foreign_one_too() {
    let mut server = server(&[]);
    let (mut store, mut attempt) = (alice(), AuthAttempt::default());
    challenge_once(&mut server, &mut store, &mut attempt, false).unwrap();
    let values = authorized(&mut store, &attempt, HeaderName::Authorization);
    let later = NOW + Duration::from_secs(301);
    assert_eq!(verify(&mut server, later, &values), Verdict::Stale);
    // A server that was started anew has another secret.
    let mut restarted = DigestServer::new("example.com", [], [8; 32]);
    assert_eq!(verify(&mut restarted, NOW, &values), Verdict::Stale);
}

#[test]
fn used_nonces_are_forgotten_when_expired_or_too_many() {
    let mut server = server(&[]).with_capacity(2);
    let mut old = Vec::new();
    for _ in 0..3 {
        let (mut store, mut attempt) = (alice(), AuthAttempt::default());
        challenge_once(&mut server, &mut store, &mut attempt, false).unwrap();
        let values = authorized(&mut store, &attempt, HeaderName::Authorization);
        assert_eq!(verify(&mut server, NOW, &values), ok());
        old.push(values);
    }
    assert_eq!(server.remembered(), 2);
    assert_eq!(verify(&mut server, NOW, &old[0]), Verdict::Stale);

    let later = NOW + Duration::from_secs(301);
    let values = server.challenge(later, false);
    let (mut store, mut attempt) = (alice(), AuthAttempt::default());
    store
        .challenged(&mut attempt, &unauthorized(&[&values[0]]))
        .unwrap();
    let values = authorized(&mut store, &attempt, HeaderName::Authorization);
    assert_eq!(verify(&mut server, later, &values), ok());
    assert_eq!(server.remembered(), 1);
}

#[test]
fn wrong_passwords_users_and_algorithms_are_refused_and_missing_ones_asked_for() {
    let mut server = server(&[DigestAlgorithm::Sha256]);
    assert_eq!(verify(&mut server, NOW, &[]), Verdict::Missing);
    let other = [r#"Digest realm="other", nonce="", username="", uri="", response="""#.to_owned()];
    assert_eq!(verify(&mut server, NOW, &other), Verdict::Missing);

    for (user, password) in [("alice", "guess"), ("mallory", "secret")] {
        let mut store = AuthStore::new(user, Secret::Password(password.to_owned()));
        let mut attempt = AuthAttempt::default();
        challenge_once(&mut server, &mut store, &mut attempt, false).unwrap();
        let values = authorized(&mut store, &attempt, HeaderName::Authorization);
        assert_eq!(verify(&mut server, NOW, &values), Verdict::Wrong);
    }

    // Down to MD5, which was not offered.
    let nonce = param(&server.challenge(NOW, false)[0], "nonce").unwrap();
    let (mut store, mut attempt) = (alice(), AuthAttempt::default());
    let weak = format!(r#"Digest realm="example.com", nonce="{nonce}", qop="auth""#);
    store
        .challenged(&mut attempt, &unauthorized(&[&weak]))
        .unwrap();
    let values = authorized(&mut store, &attempt, HeaderName::Authorization);
    assert_eq!(verify(&mut server, NOW, &values), Verdict::Wrong);
}

proptest! {
    #[test]
    fn any_user_realm_and_password_work(
        user in "[^\u{0}-\u{1f}\u{7f}]{1,20}",
        realm in "[^\u{0}-\u{1f}\u{7f}]{1,20}",
        password in "\\PC{0,20}",
        cnonce in "[!-~]{1,16}",
        algorithm in prop::sample::select(&DigestAlgorithm::ALL[..]),
        body in prop::collection::vec(any::<u8>(), 0..40),
    ) {
        // A header value has no white space at its ends that counts, quoted or not.
        let (user, realm) = (format!("u{user}u"), format!("r{realm}r"));
        let mut server = DigestServer::new(realm.as_str(), [algorithm], [1; 32])
            .with_qops([DigestQop::AuthInt]);
        let mut store = AuthStore::new(user.as_str(), Secret::Password(password.clone()));
        let mut attempt = AuthAttempt::default();
        challenge_once(&mut server, &mut store, &mut attempt, false).unwrap();
        let uri = Uri::parse("sip:bob@example.com").unwrap();
        let mut request = OutgoingRequest::new(Method::Message, &uri);
        request.set_body("text/plain", body.clone()).unwrap();
        store.authorize(&attempt, &mut request, &cnonce).unwrap();
        let value = request.headers().get(HeaderName::Authorization).unwrap();
        let credentials = Credentials::parse(value).unwrap();
        let verdict = server.verify(NOW, [&credentials], "MESSAGE", &body, |name| {
            (name == user).then(|| Secret::Password(password.clone()))
        });
        prop_assert_eq!(verdict, Verdict::Ok { user });
    }

    #[test]
    fn no_credentials_from_the_network_panic(
        nonce in "\\PC{0,70}",
        nc in "\\PC{0,10}",
        qop in "(auth|auth-int|x)?",
    ) {
        let value = format!(
            "Digest username=\"alice\", realm=\"example.com\", nonce={nonce:?}, uri=\"u\", \
             response=\"r\", nc={nc:?}, qop={qop:?}"
        );
        if let Ok(credentials) = Credentials::parse(&value) {
            let mut server = server(&[DigestAlgorithm::Md5]);
            let verdict = server.verify(NOW, [&credentials], "BYE", b"", password_of);
            prop_assert_ne!(verdict, ok());
        }
    }
}
