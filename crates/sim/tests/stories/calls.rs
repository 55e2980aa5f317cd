//! Whole calls through a proxy, over networks good and bad.

use crate::world::{World, ms, s, seeds};
use offhook_core::{DtmfOptions, Event, SessionEvent, Transport};
use offhook_sim::{Chance, Conditions, Cut, Ringing};
use offhook_sip::StatusCode;

/// A bad mobile network: a tenth is lost, some come twice, and nothing keeps its order.
fn rough() -> Conditions {
    Conditions::perfect()
        .with_loss(0.1)
        .with_duplication(0.05)
        .with_delay(ms(5)..=ms(150))
        .with_reordering(true)
}

#[test]
fn a_call_through_the_proxy_is_set_up_and_ended_on_every_transport() {
    for transport in [
        Transport::Udp,
        Transport::Tcp,
        Transport::Ws,
        Transport::Wss,
    ] {
        let mut world = World::new(1, transport, Conditions::perfect());
        assert_eq!(world.network.node(world.switchboard).contacts_of("bob"), 1);
        let (alice, bob) = (world.alice, world.bob);
        let call = world.call();
        let answered = world.until_it_stands(s(5), call);
        assert!(
            world
                .network
                .node(alice)
                .connection(call)
                .unwrap()
                .is_connected()
        );
        world.network.run_for(s(3));
        assert!(world.hang_up(bob, answered));
        world.assert_over(&[alice, bob]);
        assert_eq!(
            world.stages(alice, call),
            "connecting progress accepted confirmed ended closed",
            "{world}"
        );
        assert_eq!(
            world.stages(bob, answered),
            "progress connecting accepted confirmed ended closed",
            "{world}"
        );
    }
}

#[test]
fn a_rough_network_delays_calls_and_breaks_none() {
    for seed in seeds(200) {
        // At a tenth, one call in some ten thousands finds no way for its ACK in 32 seconds.
        let mut world = World::new(seed, Transport::Udp, rough().with_loss(0.05));
        let (alice, bob) = (world.alice, world.bob);
        let call = world.call();
        let answered = world.until_it_stands(s(30), call);
        let talk = world.network.chance().within(&(ms(0)..=s(5)));
        world.network.run_for(talk);
        let (phone, session) = match seed % 2 {
            0 => (alice, call),
            _ => (bob, answered),
        };
        assert!(world.hang_up(phone, session), "{world}");
        world.until(s(40), "the other side hears the BYE", |world| {
            world.has(alice, call, "ended") && world.has(bob, answered, "ended")
        });
        world.assert_over(&[alice, bob]);
    }
}

#[test]
fn hanging_up_at_any_moment_ends_both_sides() {
    let mut crossings = 0;
    for seed in seeds(200) {
        let ringing = Ringing::Answered(ms(300));
        let mut world = World::with_ringing(seed, Transport::Udp, rough(), ringing);
        let (alice, bob) = (world.alice, world.bob);
        let call = world.call();
        let patience = world.network.chance().within(&(ms(0)..=ms(1_500)));
        world.network.run_for(patience);
        world.hang_up(alice, call);
        world.assert_over(&[alice, bob]);
        let cancelled = world
            .network
            .ladder()
            .messages()
            .any(|(from, what)| from == "alice" && what.starts_with("CANCEL"));
        let byes = world
            .network
            .ladder()
            .messages()
            .any(|(_, what)| what.starts_with("BYE"));
        crossings += usize::from(cancelled && byes);
    }
    assert!(
        crossings > 0 || seeds(200).count() < 200,
        "no CANCEL crossed a 200, so this shows less than it should"
    );
}

#[test]
fn a_rejection_reaches_the_caller() {
    for seed in seeds(50) {
        let busy = Ringing::Rejected(ms(500), StatusCode::BUSY_HERE);
        let mut world = World::with_ringing(seed, Transport::Udp, rough(), busy);
        let (alice, bob) = (world.alice, world.bob);
        let call = world.call();
        world.until(s(60), "the call fails", |world| {
            world.has(alice, call, "failed")
        });
        world.assert_over(&[alice, bob]);
        let ladder = world.network.ladder().to_string();
        assert!(ladder.contains("failed: Busy by remote"), "{world}");
    }
}

#[test]
fn the_first_of_two_phones_to_answer_gets_the_call_and_the_other_stops_ringing() {
    for seed in seeds(50) {
        let mut world = World::new(seed, Transport::Udp, rough());
        let other = world.another_for_bob("bob's desk", Ringing::Ignored);
        let (alice, bob) = (world.alice, world.bob);
        let call = world.call();
        world.until(s(30), "the call is confirmed", |world| {
            world.has(alice, call, "confirmed")
        });
        world.network.run_for(s(40));
        if let [unanswered] = world.network.node(other).sessions()[..] {
            assert!(world.has(other, unanswered, "failed"), "{world}");
        }
        let answered = world.only_session(bob);
        assert!(world.hang_up(bob, answered), "{world}");
        world.assert_over(&[alice, bob, other]);
    }
}

#[test]
fn two_phones_that_answer_at_once_leave_one_call() {
    let mut twice = 0;
    for seed in seeds(100) {
        let mut world = World::new(seed, Transport::Udp, rough());
        let other = world.another_for_bob("bob's desk", Ringing::Answered(s(1)));
        let (alice, bob) = (world.alice, world.bob);
        let call = world.call();
        world.until(s(30), "the call is confirmed", |world| {
            world.has(alice, call, "confirmed")
        });
        world.network.run_for(s(80));
        let talking = [bob, other].into_iter().filter(|&phone| {
            let node = world.network.node(phone);
            node.sessions().iter().any(|&session| {
                world.has(phone, session, "confirmed") && !world.has(phone, session, "ended")
            })
        });
        assert_eq!(talking.count(), 1, "{world}");
        let accepted = [bob, other].into_iter().filter(|&phone| {
            let node = world.network.node(phone);
            node.sessions()
                .iter()
                .any(|&session| world.has(phone, session, "accepted"))
        });
        twice += usize::from(accepted.count() == 2);
        assert!(world.hang_up(alice, call), "{world}");
        world.assert_over(&[alice, bob, other]);
    }
    assert!(
        twice > 0 || seeds(100).count() < 100,
        "never did both answer, so this shows less than it should"
    );
}

#[test]
fn a_call_that_meets_a_cut_ends_or_lives_on_but_never_hangs() {
    for seed in seeds(100) {
        let conditions = Conditions::perfect().with_delay(ms(5)..=ms(150));
        let mut world = World::new(seed, Transport::Ws, conditions);
        let (alice, bob) = (world.alice, world.bob);
        let call = world.call();
        let mut chance = Chance::from_seed(seed);
        let when = chance.within(&(ms(0)..=s(3)));
        world.network.run_for(when);
        let victim = if chance.happens(0.5) { alice } else { bob };
        let how = if chance.happens(0.5) {
            Cut::Heard
        } else {
            Cut::Unheard(s(15))
        };
        world.network.cut(victim, how);
        world.network.run_for(s(60));
        for phone in [alice, bob] {
            assert!(world.network.node(phone).agent().is_registered(), "{world}");
        }
        world.hang_up(alice, call);
        if let Some(&session) = world.network.node(bob).sessions().first() {
            world.network.run_for(s(40));
            world.hang_up(bob, session);
        }
        world.assert_over(&[alice, bob]);
    }
}

#[test]
fn tones_arrive_in_order_over_a_rough_network() {
    for seed in seeds(50) {
        let mut world = World::new(seed, Transport::Udp, rough());
        let (alice, bob) = (world.alice, world.bob);
        let call = world.call();
        world.until(s(30), "the call is confirmed", |world| {
            world.has(alice, call, "confirmed")
        });
        world.network.with(alice, |alice, now| {
            alice.act(now, |agent| {
                let mut session = agent.session(call).unwrap();
                session
                    .send_dtmf(now, "1234#", DtmfOptions::default())
                    .unwrap();
            });
        });
        world.network.run_for(s(40));
        let heard: String = world
            .network
            .node(bob)
            .events()
            .iter()
            .filter_map(|(_, event)| match event {
                Event::Session {
                    event: SessionEvent::NewDtmf { tone, .. },
                    ..
                } => Some(*tone),
                _ => None,
            })
            .collect();
        assert_eq!(heard, "1234#", "{world}");
        world.hang_up(alice, call);
        world.assert_over(&[alice, bob]);
    }
}

#[test]
fn a_hundred_calls_at_once_do_not_disturb_each_other() {
    let mut world = World::new(5, Transport::Udp, rough());
    let (alice, bob) = (world.alice, world.bob);
    let calls: Vec<_> = (0..100).map(|_| world.call()).collect();
    world.until(s(60), "all are confirmed", |world| {
        calls
            .iter()
            .all(|&call| world.has(alice, call, "confirmed"))
    });
    assert_eq!(world.network.node(bob).sessions().len(), 100);
    for &call in &calls {
        assert!(world.hang_up(alice, call), "{world}");
    }
    world.assert_over(&[alice, bob]);
}

#[test]
fn an_established_call_outlives_a_lost_websocket() {
    for seed in seeds(50) {
        let conditions = Conditions::perfect().with_delay(ms(5)..=ms(150));
        let mut world = World::new(seed, Transport::Wss, conditions);
        let (alice, bob) = (world.alice, world.bob);
        let call = world.call();
        let answered = world.until_it_stands(s(5), call);
        for phone in [alice, bob] {
            let how = match seed % 2 {
                0 => Cut::Heard,
                _ => Cut::Unheard(s(10)),
            };
            world.network.cut(phone, how);
            world.network.run_for(s(60));
            assert!(world.network.node(phone).agent().is_registered(), "{world}");
        }
        assert!(
            !world.has(alice, call, "ended") && !world.has(bob, answered, "ended"),
            "{world}"
        );
        let (phone, session, other, theirs) = match seed / 2 % 2 {
            0 => (alice, call, bob, answered),
            _ => (bob, answered, alice, call),
        };
        assert!(world.hang_up(phone, session), "{world}");
        world.until(
            s(2),
            "the other side hears it over the new flows",
            |world| world.has(other, theirs, "ended"),
        );
        world.assert_over(&[alice, bob]);
    }
}

#[test]
fn the_same_seed_makes_the_same_calls() {
    let ladder = |seed| {
        let mut world = World::new(seed, Transport::Udp, rough());
        let call = world.call();
        let alice = world.alice;
        world.network.run_for(s(10));
        world.hang_up(alice, call);
        world.network.run_for(s(60));
        world.network.ladder().to_string()
    };
    assert_eq!(ladder(11), ladder(11));
    assert_ne!(ladder(11), ladder(12));
}
