//! Stories of subscriptions (RFC 6665): two agents, and one agent against every kind of peer.

mod util;

use std::time::Duration;

use offhook_core::{
    Body, CommandError, GrantOptions, LastNotify, NotifyOptions, Question, Reply, SubscribeOptions,
    SubscriptionEnd, SubscriptionId, Transport,
};
use offhook_sip::{Message, Method, NameAddr, Request, StatusCode};
use util::lone::Lone;
use util::{Fate, Pair};

const SECOND: Duration = Duration::from_secs(1);
const TARGET: &str = "sip:bob@192.0.2.2:5060";

/// Both sides let others subscribe to their presence, and decide on it themselves.
fn pair() -> Pair {
    let mut pair = Pair::with(Transport::Udp, |config| {
        config.event_packages = vec!["presence".to_owned(), "dialog".to_owned()];
    });
    pair.bob.asks = Some(|question| matches!(question, Question::Subscribe { .. }));
    pair
}

fn options(expires: u64) -> SubscribeOptions {
    SubscribeOptions {
        expires: Duration::from_secs(expires),
        accept: vec!["application/pidf+xml".to_owned()],
        ..SubscribeOptions::default()
    }
}

fn subscribe(pair: &mut Pair, expires: u64) -> SubscriptionId {
    let (now, agent) = (pair.now, &mut pair.alice.agent);
    let id = agent.subscribe(now, TARGET, "presence", options(expires));
    pair.run(SECOND);
    id.expect("a subscription")
}

/// Bob answers the question that he was asked last.
fn bob_replies(pair: &mut Pair, reply: Reply) {
    let (ask, _) = pair.bob.questions.pop().expect("bob is asked");
    let now = pair.now;
    pair.bob.agent.reply(now, ask, reply);
    pair.run(SECOND);
}

fn granting(body: &str) -> Reply {
    Reply::Grant {
        options: GrantOptions {
            body: Some(Body::new("application/pidf+xml", body)),
            ..GrantOptions::default()
        },
    }
}

/// Alice is subscribed at bob.
fn subscribed(expires: u64) -> (Pair, SubscriptionId) {
    let mut pair = pair();
    let id = subscribe(&mut pair, expires);
    bob_replies(&mut pair, granting("open"));
    assert_eq!(
        pair.alice.story(),
        "accepted dialogCreated active notify(open)"
    );
    pair.alice.events.clear();
    pair.bob.events.clear();
    (pair, id)
}

fn bob_notifies(pair: &mut Pair, text: &str) {
    let id = pair.bob.subscription.expect("a subscription");
    let options = NotifyOptions {
        body: Some(Body::from(text)),
        ..NotifyOptions::default()
    };
    let now = pair.now;
    pair.bob.agent.notify(now, id, options).expect("it stands");
    pair.drive();
}

fn rejecting(status: StatusCode) -> Reply {
    Reply::Reject {
        status,
        reason: None,
        extra_headers: Vec::new(),
        body: None,
    }
}

#[test]
fn a_subscriber_is_told_the_state_and_each_change_in_order() {
    let (mut pair, id) = subscribed(600);
    assert_eq!(pair.alice.agent.live().subscriptions, 1);
    assert_eq!(pair.bob.agent.live().dialogs, 1);
    for text in ["one", "two", "three"] {
        bob_notifies(&mut pair, text);
    }
    pair.run(SECOND);
    assert_eq!(pair.alice.story(), "notify(one) notify(two) notify(three)");
    let now = pair.now;
    pair.alice
        .agent
        .unsubscribe(now, id, None)
        .expect("it stands");
    pair.drive();
    pair.run_out();
    assert!(
        pair.alice
            .story()
            .ends_with("notify(three, last) terminated(unsubscribed)"),
        "{}",
        pair.alice.story()
    );
    assert_eq!(pair.bob.story(), "unsubscribed over(unsubscribed)");
    assert_eq!(
        pair.alice.agent.unsubscribe(now, id, None),
        Err(CommandError::NoSuchSubscription)
    );
    pair.assert_clean();
}

#[test]
fn a_pending_subscription_becomes_active_with_its_first_news() {
    let mut pair = pair();
    subscribe(&mut pair, 600);
    let options = GrantOptions {
        pending: true,
        expires: Some(Duration::from_secs(60)),
        ..GrantOptions::default()
    };
    bob_replies(&mut pair, Reply::Grant { options });
    assert_eq!(
        pair.alice.story(),
        "accepted dialogCreated pending notify(-)"
    );
    bob_notifies(&mut pair, "open");
    pair.run(SECOND);
    assert!(pair.alice.story().ends_with("active notify(open)"));
    let id = pair.bob.subscription.expect("a subscription");
    let last = LastNotify {
        reason: "rejected".to_owned(),
        ..LastNotify::default()
    };
    let now = pair.now;
    pair.bob
        .agent
        .terminate_subscription(now, id, last)
        .expect("it stands");
    pair.drive();
    assert!(pair.bob.story().ends_with("over(terminated)"));
    pair.run_out();
    assert!(
        pair.alice
            .story()
            .ends_with("notify(-, last) terminated(notified rejected)")
    );
    pair.assert_clean();
}

#[test]
fn a_subscription_is_refreshed_for_as_long_as_it_is_wanted() {
    let (mut pair, id) = subscribed(120);
    pair.run(Duration::from_secs(600));
    let refreshes = pair.bob.story().matches("refreshed(120)").count();
    assert!((5..=11).contains(&refreshes), "{}", pair.bob.story());
    assert!(!pair.alice.story().contains("terminated"));
    // Each is answered with the state.
    assert_eq!(
        pair.alice.story().matches("notify(open)").count(),
        refreshes
    );
    let now = pair.now;
    pair.alice
        .agent
        .unsubscribe(now, id, None)
        .expect("it stands");
    pair.drive();
    pair.run_out();
    pair.assert_clean();
}

#[test]
fn a_subscription_nobody_refreshes_times_out_on_both_sides() {
    let (mut pair, _) = subscribed(120);
    pair.fate = Box::new(|from, message| match message {
        Message::Request(request) if from == "alice" && request.method() == Method::Subscribe => {
            Fate::Lose
        }
        _ => Fate::Arrive,
    });
    pair.run_out();
    assert_eq!(pair.bob.story(), "over(expired)");
    assert!(
        pair.alice.story().contains("terminated(expired)")
            || pair.alice.story().contains("resubscribing(timeout"),
        "{}",
        pair.alice.story()
    );
    pair.run(Duration::from_secs(200));
    pair.assert_clean();
}

#[test]
fn a_rejected_subscription_ends_with_the_peers_answer() {
    let mut pair = pair();
    subscribe(&mut pair, 600);
    bob_replies(&mut pair, rejecting(StatusCode::FORBIDDEN));
    assert_eq!(pair.alice.story(), "terminated(refused 403)");
    // Nobody who says yes is a no.
    subscribe(&mut pair, 600);
    bob_replies(&mut pair, Reply::Proceed);
    assert!(pair.alice.story().ends_with("terminated(refused 603)"));
    pair.run_out();
    pair.assert_clean();
}

#[test]
fn a_question_about_a_subscription_lapses_without_an_answer() {
    let mut pair = pair();
    subscribe(&mut pair, 600);
    pair.run(Duration::from_secs(40));
    assert_eq!(pair.alice.story(), "terminated(unanswered)");
    let (ask, _) = pair.bob.questions.pop().expect("bob is asked");
    pair.bob.agent.reply(pair.now, ask, granting("open"));
    pair.run_out();
    assert_eq!(pair.bob.sent_count("NOTIFY"), 0);
    assert_eq!(pair.bob.sent_count("SIP/2.0"), 0, "RFC 4320");
    pair.assert_clean();
}

#[test]
fn fetching_the_state_tells_it_once() {
    let mut pair = pair();
    subscribe(&mut pair, 0);
    bob_replies(&mut pair, granting("open"));
    pair.run_out();
    assert_eq!(
        pair.alice.story(),
        "accepted dialogCreated notify(open, last) terminated(notified timeout)"
    );
    assert_eq!(pair.bob.story(), "newSubscribe over(unsubscribed)");
    pair.assert_clean();
}

#[test]
fn a_subscription_survives_a_wire_that_loses_and_doubles() {
    let mut pair = pair();
    let mut seen = 0;
    pair.fate = Box::new(move |_, _| {
        seen += 1;
        match seen % 5 {
            0 | 2 => Fate::Lose,
            3 => Fate::Double,
            _ => Fate::Arrive,
        }
    });
    let id = subscribe(&mut pair, 120);
    while pair.bob.questions.is_empty() {
        pair.run(SECOND);
    }
    bob_replies(&mut pair, granting("open"));
    pair.run(Duration::from_secs(30));
    bob_notifies(&mut pair, "closed");
    pair.run(Duration::from_secs(300));
    let story = pair.alice.story();
    assert_eq!(story.matches("active").count(), 1, "{story}");
    assert!(story.contains("notify(closed)"), "{story}");
    assert!(!story.contains("terminated"), "{story}");
    let now = pair.now;
    pair.alice
        .agent
        .unsubscribe(now, id, None)
        .expect("it stands");
    pair.drive();
    pair.run_out();
    assert_eq!(pair.alice.story().matches("terminated").count(), 1);
    assert_eq!(pair.bob.story().matches("over").count(), 1);
    pair.assert_clean();
}

#[test]
fn a_subscription_shares_the_dialog_of_a_call_and_outlives_it() {
    let mut pair = Pair::with(Transport::Udp, |config| {
        config.event_packages = vec!["dialog".to_owned()];
    })
    .called();
    pair.bob.asks = Some(|question| matches!(question, Question::Subscribe { .. }));
    let now = pair.now;
    let id = pair
        .alice_session()
        .subscribe(now, "dialog", options(600))
        .expect("a subscription");
    pair.drive();
    pair.run(SECOND);
    bob_replies(&mut pair, granting("confirmed"));
    assert!(
        pair.alice
            .story()
            .ends_with("accepted active notify(confirmed)"),
        "{}",
        pair.alice.story()
    );
    assert_eq!(pair.alice.agent.live().dialogs, 1, "one dialog for both");
    pair.bob_session()
        .terminate(now, Default::default())
        .expect("an end");
    pair.drive();
    pair.run(SECOND);
    assert!(pair.alice.story().contains("ended(remote, Terminated)"));
    bob_notifies(&mut pair, "terminated");
    pair.run(SECOND);
    assert!(pair.alice.story().ends_with("notify(terminated)"));
    let now = pair.now;
    pair.alice
        .agent
        .unsubscribe(now, id, None)
        .expect("it stands");
    pair.drive();
    pair.run_out();
    for side in [&pair.alice, &pair.bob] {
        assert!(side.story().ends_with("closed"), "{}", side.story());
    }
    pair.assert_clean();
}

#[test]
fn a_call_without_subscriptions_to_a_package_refuses_its_notifies() {
    let mut pair = Pair::established(Transport::Udp);
    let now = pair.now;
    // Bob has no package: alice's SUBSCRIBE is refused inside the call as well.
    pair.alice_session()
        .subscribe(now, "presence", options(600))
        .expect("a subscription");
    pair.drive();
    pair.run(SECOND);
    assert!(pair.alice.story().ends_with("terminated(refused 489)"));
    pair.alice_session()
        .terminate(now, Default::default())
        .expect("an end");
    pair.drive();
    pair.run_out();
    pair.assert_clean();
}

#[test]
fn stopping_ends_the_subscriptions_of_both_kinds() {
    let (mut pair, _) = subscribed(600);
    let now = pair.now;
    pair.bob.agent.stop(now);
    pair.drive();
    pair.run(Duration::from_millis(100));
    assert_eq!(pair.bob.story(), "over(stopped) stopped");
    assert!(
        pair.alice
            .story()
            .starts_with("notify(-, last) resubscribing(probation"),
        "{}",
        pair.alice.story()
    );
    pair.alice.agent.stop(pair.now);
    pair.drive();
    pair.run(Duration::from_secs(3));
    assert!(
        pair.alice
            .story()
            .ends_with("terminated(unsubscribed) stopped")
    );
    pair.assert_clean();
}

// One subscriber against every kind of notifier.

/// An agent that has sent its first SUBSCRIBE, and that.
fn asking(options: SubscribeOptions) -> (Lone, SubscriptionId, Request) {
    let mut lone = Lone::unregistered();
    lone.news();
    let id = lone
        .agent
        .subscribe(lone.now, "bob", "presence", options)
        .expect("a subscription");
    lone.drain();
    let subscribe = lone.request(Method::Subscribe);
    (lone, id, subscribe)
}

/// Bob's NOTIFY for a SUBSCRIBE, with his tag.
fn notify_from(lone: &mut Lone, subscribe: &Request, tag: &str, more: &[(&str, &str)]) {
    let ours = subscribe.from().expect("a From");
    let to = format!("<sip:alice@example.com>;tag={}", ours.tag().expect("a tag"));
    let from = format!("<sip:bob@example.com>;tag={tag}");
    let call_id = subscribe.call_id().expect("a Call-ID").to_owned();
    let contact = subscribe.contact().expect("a Contact").uri.to_string();
    let mut headers = Vec::new();
    let defaults = [
        ("From", from.as_str()),
        ("To", to.as_str()),
        ("Call-ID", call_id.as_str()),
        ("Event", "presence"),
        ("Subscription-State", "active;expires=600"),
        ("Contact", "<sip:bob@198.51.100.7;transport=ws>"),
    ];
    for (name, value) in defaults {
        if !more.iter().any(|(own, _)| *own == name) {
            headers.push((name, value));
        }
    }
    headers.extend(more.iter().filter(|(_, value)| !value.is_empty()));
    lone.ask(&format!("NOTIFY {contact}"), &headers, "");
}

fn notify(lone: &mut Lone, subscribe: &Request, state: &str) {
    notify_from(lone, subscribe, "b1", &[("Subscription-State", state)]);
}

fn ok(lone: &mut Lone, subscribe: &Request, expires: &str) {
    let headers = [
        ("Expires", expires),
        ("Contact", "<sip:bob@198.51.100.7;transport=ws>"),
    ];
    lone.answer(subscribe, StatusCode::OK, &headers);
}

fn status(lone: &mut Lone) -> u16 {
    lone.response().status().code()
}

/// An agent whose subscription stands.
fn standing(change: impl FnOnce(&mut SubscribeOptions)) -> (Lone, SubscriptionId, Request) {
    let mut options = options(600);
    change(&mut options);
    let (mut lone, id, subscribe) = asking(options);
    ok(&mut lone, &subscribe, "600");
    notify(&mut lone, &subscribe, "active;expires=600");
    assert_eq!(status(&mut lone), 200);
    assert_eq!(lone.news(), "accepted dialogCreated active notify(-)");
    (lone, id, subscribe)
}

#[test]
fn the_first_subscribe_says_what_is_wanted() {
    let (mut lone, id, subscribe) = asking(SubscribeOptions {
        accept: vec!["application/pidf+xml".to_owned(), "text/plain".to_owned()],
        extra_headers: vec![("X-Why".to_owned(), "curious".to_owned())],
        body: Some(Body::new("application/simple-filter+xml", "<filter/>")),
        ..SubscribeOptions::default()
    });
    assert_eq!(subscribe.header("Event"), Some("presence"));
    assert_eq!(subscribe.header("Expires"), Some("900"));
    assert_eq!(
        subscribe.header("Accept"),
        Some("application/pidf+xml, text/plain")
    );
    assert_eq!(subscribe.header("X-Why"), Some("curious"));
    assert_eq!(subscribe.body(), b"<filter/>");
    assert!(subscribe.contact().is_ok());
    lone.agent
        .unsubscribe(lone.now, id, None)
        .expect("it stands");
    lone.answer(&subscribe, StatusCode::NOT_FOUND, &[]);
    assert_eq!(lone.news(), "terminated(refused 404)");
    lone.assert_clean();
}

#[test]
fn a_notify_may_overtake_the_200_and_stand_for_it() {
    let (mut lone, _, subscribe) = asking(options(600));
    notify(&mut lone, &subscribe, "pending");
    assert_eq!(status(&mut lone), 200);
    assert_eq!(lone.news(), "dialogCreated pending notify(-)");
    // The 200 never comes; the NOTIFY has shown that the SUBSCRIBE arrived.
    lone.run(Duration::from_secs(33));
    assert_eq!(lone.news(), "");
    notify(&mut lone, &subscribe, "terminated;reason=noresource");
    assert_eq!(status(&mut lone), 200);
    assert_eq!(
        lone.news(),
        "notify(-, last) terminated(notified noresource)"
    );
    lone.assert_clean();
}

#[test]
fn a_200_without_a_notify_is_given_up() {
    let (mut lone, _, subscribe) = asking(options(600));
    ok(&mut lone, &subscribe, "600");
    assert_eq!(lone.news(), "accepted");
    lone.run(Duration::from_secs(31));
    assert_eq!(lone.news(), "");
    lone.run(Duration::from_secs(2));
    assert_eq!(lone.news(), "terminated(nonotify)", "Timer N");
    // Too late.
    notify(&mut lone, &subscribe, "active");
    assert_eq!(status(&mut lone), 481);
    lone.assert_clean();
}

#[test]
fn too_brief_a_subscription_is_asked_for_longer() {
    let (mut lone, _, subscribe) = asking(options(60));
    lone.answer(
        &subscribe,
        StatusCode::INTERVAL_TOO_BRIEF,
        &[("Min-Expires", "300")],
    );
    let longer = lone.request(Method::Subscribe);
    assert_eq!(longer.header("Expires"), Some("300"));
    assert_eq!(longer.call_id(), subscribe.call_id());
    // A notifier that wants less than it was asked for is refused, not asked for ever.
    lone.answer(
        &longer,
        StatusCode::INTERVAL_TOO_BRIEF,
        &[("Min-Expires", "300")],
    );
    assert_eq!(lone.news(), "terminated(refused 423)");
    lone.assert_clean();
}

#[test]
fn a_challenged_subscribe_goes_out_again_with_credentials() {
    let (mut lone, _, subscribe) = asking(options(600));
    let challenge = "Digest realm=\"example.com\", nonce=\"n\", qop=\"auth\", algorithm=SHA-256";
    lone.answer(
        &subscribe,
        StatusCode::UNAUTHORIZED,
        &[("WWW-Authenticate", challenge)],
    );
    let again = lone.request(Method::Subscribe);
    assert!(again.header("Authorization").is_some());
    ok(&mut lone, &again, "600");
    notify(&mut lone, &again, "terminated");
    assert_eq!(status(&mut lone), 200);
    assert!(
        lone.news()
            .starts_with("accepted dialogCreated notify(-, last) resubscribing(-")
    );
}

#[test]
fn notifies_that_make_no_sense_are_refused_and_change_nothing() {
    let (mut lone, _, subscribe) = standing(|_| {});
    for (headers, expected) in [
        (&[("Event", "")][..], 400),
        (&[("Event", "dialog")], 489),
        (&[("Event", "presence;id=7")], 481),
        (&[("Subscription-State", "")], 400),
        (&[("Subscription-State", ";;;")], 400),
        (&[("CSeq", "1 NOTIFY")], 500),
    ] {
        notify_from(&mut lone, &subscribe, "b1", headers);
        assert_eq!(status(&mut lone), expected, "{headers:?}");
    }
    // Somebody else, and a dialog that never was.
    notify_from(&mut lone, &subscribe, "b2", &[]);
    assert_eq!(status(&mut lone), 481);
    notify_from(&mut lone, &subscribe, "b1", &[("Call-ID", "other")]);
    assert_eq!(status(&mut lone), 481);
    assert_eq!(lone.news(), "");
    notify(&mut lone, &subscribe, "active;expires=600");
    assert_eq!(status(&mut lone), 200);
    assert_eq!(lone.news(), "notify(-)");
    // A word of an extension says nothing of its state.
    notify(&mut lone, &subscribe, "dozing;expires=600");
    assert_eq!(status(&mut lone), 200);
    assert_eq!(lone.news(), "notify(-)");
}

#[test]
fn a_first_notify_without_a_contact_makes_no_dialog() {
    let (mut lone, _, subscribe) = asking(options(600));
    notify_from(&mut lone, &subscribe, "b1", &[("Contact", "")]);
    assert_eq!(status(&mut lone), 400);
    assert_eq!(lone.news(), "");
    lone.run(Duration::from_secs(33));
    assert_eq!(lone.news(), "terminated(unanswered)");
    lone.assert_clean();
}

#[test]
fn a_refresh_that_is_answered_481_ends_it_and_503_does_not() {
    let (mut lone, _, _) = standing(|_| {});
    lone.run_until_sent(Duration::from_secs(600));
    let refresh = lone.request(Method::Subscribe);
    assert_eq!(refresh.header("Expires"), Some("600"));
    assert!(refresh.to().expect("a To").tag().is_some());
    lone.answer(
        &refresh,
        StatusCode::SERVICE_UNAVAILABLE,
        &[("Retry-After", "7")],
    );
    assert_eq!(lone.news(), "");
    let before = lone.now;
    lone.run_until_sent(Duration::from_secs(60));
    assert_eq!((lone.now - before).as_secs(), 7);
    let refresh = lone.request(Method::Subscribe);
    lone.answer(&refresh, StatusCode::CALL_DOES_NOT_EXIST, &[]);
    assert_eq!(lone.news(), "terminated(refused 481)");
    lone.assert_clean();
}

#[test]
fn the_reason_of_the_last_notify_decides_whether_another_follows() {
    for (state, wanted) in [
        ("terminated;reason=deactivated", Some(0..=0)),
        ("terminated;reason=timeout", Some(0..=0)),
        ("terminated;reason=probation;retry-after=77", Some(77..=77)),
        ("terminated;reason=giveup", Some(15..=30)),
        ("terminated;reason=whim;retry-after=5", Some(5..=5)),
        ("terminated", Some(15..=30)),
        ("terminated;reason=rejected", None),
        ("terminated;reason=noresource", None),
        ("terminated;reason=invariant", None),
    ] {
        let (mut lone, _, subscribe) = standing(|_| {});
        // It has stood for a while.
        lone.run(Duration::from_secs(60));
        notify(&mut lone, &subscribe, state);
        assert_eq!(status(&mut lone), 200);
        let news = lone.news();
        let Some(wanted) = wanted else {
            assert!(news.contains("terminated(notified"), "{state}: {news}");
            lone.assert_clean();
            continue;
        };
        assert!(news.contains("resubscribing("), "{state}: {news}");
        // The old one is no more.
        notify(&mut lone, &subscribe, "active");
        assert_eq!(status(&mut lone), 481);
        let before = lone.now;
        lone.run_until_sent(Duration::from_secs(100));
        let waited = (lone.now - before).as_secs();
        assert!(wanted.contains(&waited), "{state}: {waited} s");
        let again = lone.request(Method::Subscribe);
        assert_ne!(again.call_id(), subscribe.call_id());
        assert!(again.to().expect("a To").tag().is_none());
        ok(&mut lone, &again, "600");
        notify(&mut lone, &again, "active;expires=600");
        assert_eq!(status(&mut lone), 200);
        assert_eq!(lone.news(), "accepted dialogCreated active notify(-)");
    }
}

#[test]
fn a_notifier_that_ends_each_at_once_is_not_asked_without_rest() {
    let (mut lone, id, first) = asking(options(600));
    let mut subscribe = first;
    let start = lone.now;
    for _ in 0..12 {
        ok(&mut lone, &subscribe, "600");
        notify(&mut lone, &subscribe, "terminated;reason=deactivated");
        assert_eq!(status(&mut lone), 200);
        lone.run_until_sent(Duration::from_secs(400));
        subscribe = lone.request(Method::Subscribe);
    }
    assert!(
        lone.now - start > Duration::from_secs(500),
        "{:?}",
        lone.now - start
    );
    lone.agent
        .unsubscribe(lone.now, id, None)
        .expect("it stands");
    lone.drain();
    lone.run(Duration::from_secs(40));
    assert!(lone.news().ends_with("terminated(unanswered)"));
    lone.assert_clean();
}

#[test]
fn it_stays_ended_where_no_other_is_wanted() {
    let (mut lone, _, subscribe) = standing(|options| options.resubscribe = false);
    notify(&mut lone, &subscribe, "terminated;reason=deactivated");
    assert_eq!(status(&mut lone), 200);
    assert!(lone.news().ends_with("terminated(notified deactivated)"));
    lone.assert_clean();
}

#[test]
fn only_the_first_fork_is_listened_to_unless_all_are_wanted() {
    let (mut lone, _, subscribe) = standing(|_| {});
    notify_from(&mut lone, &subscribe, "b2", &[]);
    assert_eq!(status(&mut lone), 481);
    assert_eq!(lone.agent.live().subscriptions, 1);

    let (mut lone, _, subscribe) = standing(|options| options.forks = true);
    notify_from(&mut lone, &subscribe, "b2", &[]);
    assert_eq!(status(&mut lone), 200);
    assert_eq!(lone.news(), "forked dialogCreated active notify(-)");
    assert_eq!(lone.agent.live().subscriptions, 2);
    assert_eq!(lone.agent.live().dialogs, 2);
    // One that makes no sense makes no subscription.
    notify_from(&mut lone, &subscribe, "b3", &[("Subscription-State", "")]);
    assert_eq!(status(&mut lone), 400);
    // After Timer N no other is taken.
    lone.run(Duration::from_secs(33));
    notify_from(&mut lone, &subscribe, "b4", &[]);
    assert_eq!(status(&mut lone), 481);
    for tag in ["b1", "b2"] {
        let state = [("Subscription-State", "terminated;reason=noresource")];
        notify_from(&mut lone, &subscribe, tag, &state);
        assert_eq!(status(&mut lone), 200);
        assert_eq!(
            lone.news(),
            "notify(-, last) terminated(notified noresource)"
        );
    }
    lone.assert_clean();
}

#[test]
fn a_lost_connection_refreshes_it_over_the_next() {
    let (mut lone, id, _) = standing(|_| {});
    lone.lose_flow();
    lone.run_until_sent(Duration::from_secs(30));
    let refresh = lone.request(Method::Subscribe);
    assert!(refresh.to().expect("a To").tag().is_some());
    assert_eq!(lone.sent_on.last(), lone.flow.as_ref());
    ok(&mut lone, &refresh, "600");
    assert!(!lone.news().contains("terminated"));
    // One that breaks under a SUBSCRIBE sends it again.
    lone.agent
        .unsubscribe(lone.now, id, None)
        .expect("it stands");
    lone.drain();
    let leaving = lone.request(Method::Subscribe);
    assert_eq!(leaving.header("Expires"), Some("0"));
    lone.lose_flow();
    lone.run_until_sent(Duration::from_secs(30));
    let again = lone.request(Method::Subscribe);
    assert_eq!(again.header("Expires"), Some("0"));
    ok(&mut lone, &again, "0");
    // The last NOTIFY never comes.
    lone.run(Duration::from_secs(33));
    assert!(lone.news().ends_with("terminated(unsubscribed)"));
    lone.assert_clean();
}

#[test]
fn a_peer_that_refuses_to_let_go_ends_it_with_its_answer() {
    let (mut lone, id, _) = standing(|_| {});
    lone.agent
        .unsubscribe(lone.now, id, None)
        .expect("it stands");
    lone.drain();
    let leaving = lone.request(Method::Subscribe);
    lone.answer(&leaving, StatusCode::CALL_DOES_NOT_EXIST, &[]);
    assert!(lone.news().ends_with("terminated(refused 481)"));
    lone.assert_clean();
}

#[test]
fn leaving_before_the_first_notify_waits_for_its_dialog() {
    let (mut lone, id, subscribe) = asking(options(600));
    lone.agent
        .unsubscribe(lone.now, id, None)
        .expect("it stands");
    lone.drain();
    ok(&mut lone, &subscribe, "600");
    assert!(lone.requests.is_empty(), "no dialog yet");
    notify(&mut lone, &subscribe, "active;expires=600");
    let leaving = lone.request(Method::Subscribe);
    assert_eq!(leaving.header("Expires"), Some("0"));
    ok(&mut lone, &leaving, "0");
    lone.responses.clear();
    notify(&mut lone, &subscribe, "terminated;reason=timeout");
    assert_eq!(status(&mut lone), 200);
    assert!(
        lone.news()
            .ends_with("notify(-, last) terminated(unsubscribed)")
    );
    lone.assert_clean();
}

#[test]
fn what_makes_no_sense_is_not_subscribed_to() {
    let mut lone = Lone::with(|config| {
        config.register = false;
        config.max_subscriptions = 1;
    });
    lone.start();
    let now = lone.now;
    let header = |name: &str| SubscribeOptions {
        extra_headers: vec![(name.to_owned(), "x".to_owned())],
        ..SubscribeOptions::default()
    };
    let accept = SubscribeOptions {
        accept: vec!["text/plain\r\nX: y".to_owned()],
        ..SubscribeOptions::default()
    };
    for (target, event, options) in [
        ("no address", "presence", SubscribeOptions::default()),
        ("bob", "", SubscribeOptions::default()),
        ("bob", "refer", SubscribeOptions::default()),
        ("bob", "presence\r\nX: y", SubscribeOptions::default()),
        ("bob", "presence", header("Expires")),
        ("bob", "presence", header("Via")),
        ("bob", "presence", accept),
    ] {
        let result = lone.agent.subscribe(now, target, event, options);
        assert!(
            matches!(result, Err(CommandError::InvalidArgument { .. })),
            "{target} {event:?}: {result:?}"
        );
    }
    let first = lone
        .agent
        .subscribe(now, "bob", "presence", SubscribeOptions::default());
    assert!(first.is_ok());
    let second = lone
        .agent
        .subscribe(now, "bob", "presence", SubscribeOptions::default());
    assert!(matches!(second, Err(CommandError::NotSupported { .. })));
}

// One notifier against every kind of subscriber.

const PRESENCE: (&str, &str) = ("Event", "presence");
const CONTACT: (&str, &str) = ("Contact", "<sip:bob@198.51.100.7;transport=ws>");
const LINE: &str = "SUBSCRIBE sip:alice@example.com";

fn notifier() -> Lone {
    let mut lone = Lone::with(|config| {
        config.register = false;
        config.event_packages = vec!["presence".to_owned()];
        config.subscription_min_expires = Duration::from_secs(60);
    });
    lone.start();
    lone.news();
    lone.asks = Some(|question| matches!(question, Question::Subscribe { .. }));
    lone
}

/// A notifier that bob has subscribed at; its 200 and first NOTIFY.
fn granted(expires: &str) -> (Lone, SubscriptionId, offhook_sip::Response, Request) {
    let mut lone = notifier();
    let route = ("Record-Route", "<sip:proxy.example.com;lr>");
    lone.ask(LINE, &[PRESENCE, CONTACT, route, ("Expires", expires)], "");
    let Question::Subscribe { subscription, .. } = lone.asked[0].2 else {
        panic!("{:?}", lone.asked);
    };
    lone.reply(granting("open"));
    let ok = lone.response();
    assert_eq!(ok.status(), StatusCode::OK);
    let notify = lone.request(Method::Notify);
    (lone, subscription, ok, notify)
}

#[test]
fn a_notifier_of_any_package_asks_about_each_but_refer() {
    let mut lone = Lone::with(|config| {
        config.register = false;
        config.event_packages = vec!["*".to_owned()];
    });
    lone.start();
    lone.news();
    lone.asks = Some(|question| matches!(question, Question::Subscribe { .. }));
    lone.ask(LINE, &[("Event", "refer"), CONTACT], "");
    let refused = lone.response();
    assert_eq!(refused.status(), StatusCode::BAD_EVENT);
    assert_eq!(refused.header("Allow-Events"), Some("refer"));
    assert!(lone.asked.is_empty(), "{:?}", lone.asked);
    lone.ask(LINE, &[("Event", "message-summary"), CONTACT], "");
    assert_eq!(lone.asked.len(), 1);
    lone.reply(granting("2 new"));
    assert_eq!(lone.response().status(), StatusCode::OK);
}

/// Bob's SUBSCRIBE inside the dialog.
fn again(lone: &mut Lone, ok: &offhook_sip::Response, more: &[(&str, &str)]) {
    let to = ok.header("To").expect("a To").to_owned();
    let mut headers = vec![("To", to.as_str())];
    if !more.iter().any(|(name, _)| *name == "Event") {
        headers.push(PRESENCE);
    }
    headers.push(CONTACT);
    headers.extend(more);
    lone.ask(LINE, &headers, "");
}

#[test]
fn the_200_and_the_notify_that_follows_make_one_dialog() {
    let (mut lone, id, ok, notify) = granted("3600");
    assert_eq!(ok.header("Expires"), Some("3600"));
    assert!(ok.contact().is_ok());
    assert_eq!(
        ok.header("Record-Route"),
        Some("<sip:proxy.example.com;lr>")
    );
    let tag = ok.to().expect("a To").tag().map(str::to_owned);
    let from = notify.from().expect("a From");
    assert_eq!(from.tag().map(str::to_owned), tag);
    assert_eq!(notify.uri_text(), "sip:bob@198.51.100.7;transport=ws");
    assert_eq!(notify.header("Route"), Some("<sip:proxy.example.com;lr>"));
    assert_eq!(notify.header("Event"), Some("presence"));
    assert_eq!(
        notify.header("Subscription-State"),
        Some("active;expires=3600")
    );
    assert_eq!(notify.body(), b"open");
    // The next waits for the answer.
    let news = NotifyOptions {
        body: Some(Body::from("closed")),
        ..NotifyOptions::default()
    };
    lone.agent.notify(lone.now, id, news).expect("it stands");
    lone.drain();
    assert!(lone.requests.is_empty());
    lone.answer(&notify, StatusCode::OK, &[]);
    let second = lone.request(Method::Notify);
    assert_eq!(second.body(), b"closed");
    lone.answer(&second, StatusCode::OK, &[]);
    let last = LastNotify {
        retry_after: Some(Duration::from_secs(9)),
        reason: "probation".to_owned(),
        body: None,
    };
    lone.agent
        .terminate_subscription(lone.now, id, last)
        .expect("it stands");
    lone.drain();
    assert_eq!(lone.news(), "over(terminated)");
    let third = lone.request(Method::Notify);
    assert_eq!(
        third.header("Subscription-State"),
        Some("terminated;reason=probation;retry-after=9")
    );
    let gone = lone.agent.notify(lone.now, id, NotifyOptions::default());
    assert_eq!(gone, Err(CommandError::NoSuchSubscription));
    lone.answer(&third, StatusCode::OK, &[]);
    lone.assert_clean();
}

#[test]
fn a_subscribe_that_cannot_be_granted_is_told_why() {
    let mut lone = notifier();
    lone.ask(LINE, &[("Event", "weather"), CONTACT], "");
    let bad_event = lone.response();
    assert_eq!(bad_event.status(), StatusCode::BAD_EVENT);
    assert_eq!(bad_event.header("Allow-Events"), Some("refer, presence"));
    lone.ask(LINE, &[CONTACT], "");
    assert_eq!(status(&mut lone), 400);
    lone.ask(LINE, &[PRESENCE], "");
    assert_eq!(status(&mut lone), 400);
    lone.ask(LINE, &[PRESENCE, CONTACT, ("Expires", "soon")], "");
    assert_eq!(status(&mut lone), 400);
    lone.ask(LINE, &[PRESENCE, CONTACT, ("Expires", "59")], "");
    let brief = lone.response();
    assert_eq!(brief.status(), StatusCode::INTERVAL_TOO_BRIEF);
    assert_eq!(brief.header("Min-Expires"), Some("60"));
    lone.ask(LINE, &[PRESENCE, CONTACT, ("To", "<sip:a@b>;tag=x")], "");
    assert_eq!(status(&mut lone), 481);
    assert!(lone.asked.is_empty());
    // One who notifies of nothing.
    let mut lone = Lone::unregistered();
    lone.ask(LINE, &[PRESENCE, CONTACT], "");
    assert_eq!(status(&mut lone), 489);
    lone.assert_clean();
}

#[test]
fn a_refresh_is_answered_with_the_state_and_a_leave_with_the_last() {
    let (mut lone, _, ok, first) = granted("120");
    lone.answer(&first, StatusCode::OK, &[]);
    lone.run(Duration::from_secs(100));
    again(&mut lone, &ok, &[("Expires", "300")]);
    assert_eq!(lone.response().header("Expires"), Some("300"));
    let refreshed = lone.request(Method::Notify);
    assert_eq!(refreshed.body(), b"open");
    assert_eq!(
        refreshed.header("Subscription-State"),
        Some("active;expires=300")
    );
    lone.answer(&refreshed, StatusCode::OK, &[]);
    assert_eq!(lone.news(), "refreshed(300)");
    for (headers, expected) in [
        (&[("Event", "dialog")][..], 403),
        (&[("Expires", "5")], 423),
        (&[("CSeq", "1 SUBSCRIBE")], 500),
    ] {
        again(&mut lone, &ok, headers);
        assert_eq!(status(&mut lone), expected, "{headers:?}");
    }
    again(&mut lone, &ok, &[("Expires", "0")]);
    assert_eq!(lone.response().header("Expires"), Some("0"));
    let last = lone.request(Method::Notify);
    assert_eq!(
        last.header("Subscription-State"),
        Some("terminated;reason=timeout")
    );
    assert_eq!(lone.news(), "unsubscribed over(unsubscribed)");
    again(&mut lone, &ok, &[("Expires", "300")]);
    assert_eq!(status(&mut lone), 481);
    lone.answer(&last, StatusCode::OK, &[]);
    lone.assert_clean();
}

#[test]
fn a_subscription_that_runs_out_is_told_so() {
    let (mut lone, _, _, first) = granted("60");
    lone.answer(&first, StatusCode::OK, &[]);
    lone.run(Duration::from_secs(59));
    assert_eq!(lone.news(), "");
    lone.run(Duration::from_secs(1));
    assert_eq!(lone.news(), "over(expired)");
    let last = lone.request(Method::Notify);
    assert_eq!(
        last.header("Subscription-State"),
        Some("terminated;reason=timeout")
    );
    // Nobody answers it.
    lone.assert_clean();
}

#[test]
fn a_refused_notify_ends_it() {
    for (code, more, over) in [
        (StatusCode::CALL_DOES_NOT_EXIST, &[][..], true),
        (StatusCode::NOT_FOUND, &[], true),
        (
            StatusCode::SERVICE_UNAVAILABLE,
            &[("Retry-After", "9")],
            false,
        ),
    ] {
        let (mut lone, _, _, first) = granted("600");
        lone.answer(&first, code, more);
        let expected = match over {
            true => format!("over(refused {code})"),
            false => String::new(),
        };
        assert_eq!(lone.news(), expected);
        assert_eq!(lone.agent.live().subscriptions, usize::from(!over));
    }
    // One that crossed another request of ours goes out again.
    let (mut lone, _, _, first) = granted("600");
    lone.answer(&first, StatusCode::SERVER_INTERNAL_ERROR, &[]);
    let second = lone.request(Method::Notify);
    assert_eq!(second.body(), first.body());
    lone.run(Duration::from_secs(40));
    assert_eq!(lone.news(), "over(unanswered)");
    lone.assert_clean();
}

#[test]
fn a_notifier_survives_a_lost_connection() {
    let (mut lone, id, _, first) = granted("600");
    lone.answer(&first, StatusCode::OK, &[]);
    lone.reachable = false;
    lone.lose_flow();
    let news = NotifyOptions {
        body: Some(Body::from("away")),
        ..NotifyOptions::default()
    };
    lone.agent.notify(lone.now, id, news).expect("it stands");
    lone.drain();
    lone.reachable = true;
    lone.run_until_sent(Duration::from_secs(30));
    let notify = lone.request(Method::Notify);
    assert_eq!(notify.body(), b"away");
    assert_eq!(lone.sent_on.last(), lone.flow.as_ref());
    lone.answer(&notify, StatusCode::OK, &[]);
    assert!(!lone.news().contains("over"));
}

#[test]
fn peers_cannot_subscribe_without_bound() {
    let mut lone = notifier();
    let mut refused = 0;
    for number in 0..20 {
        let call_id = format!("call-{number}");
        lone.ask(LINE, &[PRESENCE, CONTACT, ("Call-ID", &call_id)], "");
        refused += lone.responses.drain(..).count();
    }
    assert_eq!((refused, lone.agent.live().subscriptions), (0, 20));
    let mut small = Lone::with(|config| {
        config.register = false;
        config.event_packages = vec!["presence".to_owned()];
        config.max_subscriptions = 2;
    });
    small.start();
    small.asks = lone.asks;
    for number in 0..3 {
        let call_id = format!("call-{number}");
        small.ask(LINE, &[PRESENCE, CONTACT, ("Call-ID", &call_id)], "");
    }
    assert_eq!(status(&mut small), 503);
    // Undecided, they lapse.
    lone.assert_clean();
    small.assert_clean();
}

#[test]
fn how_a_subscription_ended_can_be_told_apart() {
    let table = [
        SubscriptionEnd::Expired,
        SubscriptionEnd::NoNotify,
        SubscriptionEnd::Unsent,
    ];
    let told: Vec<String> = table.iter().map(|end| end.to_string()).collect();
    assert_eq!(
        told,
        [
            "its time ran out",
            "no NOTIFY followed the SUBSCRIBE",
            "there was no way to the peer"
        ]
    );
}

fn address(text: &str) -> NameAddr<'static> {
    NameAddr::parse(text).expect("an address").into_owned()
}

#[test]
fn a_subscribe_may_be_from_and_to_somebody_else() {
    let (lone, _, subscribe) = asking(SubscribeOptions {
        from: Some(address("\"The desk\" <sip:desk@example.com>")),
        to: Some(address("\"Bob\" <sip:robert@example.com>")),
        ..SubscribeOptions::default()
    });
    assert_eq!(subscribe.uri_text(), "sip:bob@example.com");
    let (from, to) = (
        subscribe.from().expect("a From"),
        subscribe.to().expect("a To"),
    );
    assert_eq!(from.display_name.as_deref(), Some("The desk"));
    assert_eq!(from.uri.as_str(), "sip:desk@example.com");
    assert!(from.tag().is_some());
    assert_eq!(to.display_name.as_deref(), Some("Bob"));
    assert_eq!(to.uri.as_str(), "sip:robert@example.com");
    let tagged = SubscribeOptions {
        from: Some(address("<sip:desk@example.com>;tag=mine")),
        ..SubscribeOptions::default()
    };
    let (now, mut lone) = (lone.now, lone);
    let refused = lone.agent.subscribe(now, "bob", "presence", tagged);
    assert!(refused.is_err_and(|error| error.to_string().contains("without a tag")));
}

#[test]
fn a_refresh_and_an_end_may_have_bodies() {
    let (mut lone, id, _) = standing(|_| {});
    let filter = |text: &str| Some(Body::new("application/simple-filter+xml", text));
    let now = lone.now;
    lone.agent
        .refresh_subscription(now, id, filter("<one/>"))
        .expect("it stands");
    lone.drain();
    let refresh = lone.request(Method::Subscribe);
    assert_eq!(refresh.body(), b"<one/>");
    // The second waits for the first's answer.
    lone.agent
        .refresh_subscription(now, id, filter("<two/>"))
        .expect("it stands");
    lone.drain();
    assert!(lone.requests.is_empty());
    ok(&mut lone, &refresh, "600");
    let refresh = lone.request(Method::Subscribe);
    assert_eq!(refresh.body(), b"<two/>");
    ok(&mut lone, &refresh, "600");
    lone.run_until_sent(Duration::from_secs(600));
    let refresh = lone.request(Method::Subscribe);
    assert!(refresh.body().is_empty(), "its own refreshes have none");
    ok(&mut lone, &refresh, "600");
    lone.agent
        .unsubscribe(lone.now, id, filter("<bye/>"))
        .expect("it stands");
    lone.drain();
    let end = lone.request(Method::Subscribe);
    assert_eq!(
        (end.header("Expires"), end.body()),
        (Some("0"), &b"<bye/>"[..])
    );
    let refused = lone
        .agent
        .refresh_subscription(lone.now, id, Some(Body::new("", "")));
    assert!(refused.is_err());
}

#[test]
fn each_notify_bears_the_headers_of_its_grant() {
    let mut pair = pair();
    subscribe(&mut pair, 600);
    let options = GrantOptions {
        extra_headers: vec![("X-Once".to_owned(), "granted".to_owned())],
        notify_headers: vec![("Allow-Events".to_owned(), "presence".to_owned())],
        ..GrantOptions::default()
    };
    bob_replies(&mut pair, Reply::Grant { options });
    bob_notifies(&mut pair, "away");
    pair.run(SECOND);
    let told: Vec<_> = pair
        .wire
        .iter()
        .filter_map(|(_, message)| match message {
            Message::Request(request) if request.method() == Method::Notify => {
                Some((request.header("Allow-Events"), request.header("X-Once")))
            }
            _ => None,
        })
        .collect();
    assert_eq!(told, [(Some("presence"), None); 2]);
}
